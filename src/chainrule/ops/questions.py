"""Questions about elements whose answer does not move with them: whether, how many, and where."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value, array_type
from chainrule.ops.canonical import (
    Axes,
    array_like,
    axes_of,
    axis_of,
    check_not_empty,
    given,
    is_set,
    reduced_shape,
    refuse_out,
)
from chainrule.ops.kinds import constant


def _question(name: str, numpy: Callable[..., Any], dtype: type) -> None:
    """Declare a question about all elements, answered axis by axis."""

    def evaluate(x: Any, *where: Any, axis: Axes, keepdims: bool) -> Any:
        options = {"where": where[0]} if where else {}
        return numpy(x, axis=axis, keepdims=keepdims, **options)

    def front(
        a: Value, axis: Any = None, out: Any = None, keepdims: Any = False, *, where: Any = True
    ) -> Value:
        refuse_out(name, out)
        a = array_like(a)
        axes = axes_of(axis, type_of(a).ndim)
        mask = () if where is True or given(where) is None else (settled(where),)
        return apply(op, a, *mask, axis=axes, keepdims=is_set(keepdims))

    op = constant(
        name,
        evaluate,
        infer=lambda x, *where, axis, keepdims: array_type(
            reduced_shape(x.shape, axis, keepdims=keepdims), np.dtype(dtype)
        ),
        front=front,
        names=(numpy,),
        samples=(
            Sample((2, 3)),
            Sample((2, 3), axis=-1),
            Sample((2, 3, 2), axis=(0, 2), keepdims=True),
        ),
    )


_question("all", np.all, np.bool_)
_question("any", np.any, np.bool_)
_question("count_nonzero", np.count_nonzero, np.intp)


def _position(name: str, numpy: Callable[..., Any], rejects: tuple[Sample, ...]) -> None:
    """Declare a function that finds the position of an element along one axis, or in all of the array."""

    def front(a: Value, axis: Any = None, out: Any = None, *, keepdims: Any = False) -> Value:
        refuse_out(name, out)
        a = array_like(a)
        shape = type_of(a).shape
        along = None if axis is None else axis_of(axis, max(len(shape), 1))
        check_not_empty(name, shape, tuple(range(len(shape))) if along is None else (along,))
        return apply(op, a, axis=along, keepdims=is_set(keepdims))

    op = constant(
        name,
        lambda x, axis, keepdims: numpy(x, axis=axis, keepdims=keepdims),
        infer=lambda x, axis, keepdims: array_type(
            reduced_shape(x.shape, axes_of(axis, x.ndim), keepdims=keepdims), np.dtype(np.intp)
        ),
        front=front,
        names=(numpy,),
        samples=(Sample((2, 3)), Sample((2, 3), axis=-1), Sample((2, 3), axis=0, keepdims=True)),
        rejects=rejects,
    )


_position("argmax", np.argmax, (Sample((0, 3), axis=0),))
_position("argmin", np.argmin, (Sample((0, 3), axis=0),))
_position("nanargmax", np.nanargmax, ())
_position("nanargmin", np.nanargmin, ())
