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

_LONGEST = 4096
"""Positions along longer axes are found by NumPy: they are numbers that the compiled step would have to keep."""


def _question(
    name: str,
    numpy: Callable[..., Any],
    dtype: type,
    body: Callable[..., Value] | None = None,
) -> None:
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
        body=body,
        names=(numpy,),
        samples=(
            Sample((2, 3)),
            Sample((2, 3), axis=-1),
            Sample((2, 3, 2), axis=(0, 2), keepdims=True),
        ),
    )


def _count(x: Value, *where: Value, axis: Axes, keepdims: bool) -> Value:
    found = np.not_equal(x, 0)
    for mask in where:
        found = np.logical_and(found, mask)
    return np.sum(found, axis=axis, keepdims=keepdims, dtype=np.intp)


def _require_finite(x: Any) -> bool:
    if not np.all(np.isfinite(x)):
        message = "array must not contain infs or NaNs"  # as SciPy says it
        raise ValueError(message)
    return True


constant(
    "require_finite",
    _require_finite,
    infer=lambda x: array_type((), np.dtype(bool)),
    names=(),
    refuses=lambda out, x: np.logical_not(np.isfinite(x)),
    body=lambda x: np.all(np.isfinite(x)),
    samples=(Sample((2, 3)), Sample((0, 2)), Sample(())),
)
_question("all", np.all, np.bool_)
_question("any", np.any, np.bool_)
_question("count_nonzero", np.count_nonzero, np.intp, _count)


def _first(extreme: Callable[..., Value]) -> Callable[..., Value]:
    """Return code that finds the first element that is the extreme one, or the first NaN: that is an extreme."""

    def body(x: Value, axis: int | None, keepdims: bool) -> Value:
        ndim = x.ndim
        if axis is None:
            x, along = np.reshape(x, (-1,)), 0
        else:
            along = axis
        count = x.shape[along]
        if x.dtype.kind == "c" or count > _LONGEST:
            return NotImplemented
        found = np.equal(x, extreme(x, axis=along, keepdims=True))
        if x.dtype.kind == "f":
            found = np.logical_or(found, np.isnan(x))
        places = np.expand_dims(np.arange(count), tuple(range(1, x.ndim - along)))
        out = np.min(np.where(found, places, count), axis=along, keepdims=keepdims)
        return np.reshape(out, (1,) * ndim) if axis is None and keepdims else out

    return body


def _position(
    name: str,
    numpy: Callable[..., Any],
    rejects: tuple[Sample, ...],
    body: Callable[..., Value] | None = None,
) -> None:
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
        body=body,
        left_to_numpy="" if body else "it raises where all numbers are NaN",
        names=(numpy,),
        samples=(Sample((2, 3)), Sample((2, 3), axis=-1), Sample((2, 3), axis=0, keepdims=True)),
        rejects=rejects,
    )


_position("argmax", np.argmax, (Sample((0, 3), axis=0),), _first(np.max))
_position("argmin", np.argmin, (Sample((0, 3), axis=0),), _first(np.min))
_position("nanargmax", np.nanargmax, ())
_position("nanargmin", np.nanargmin, ())
