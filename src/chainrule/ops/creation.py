"""Arrays like another one, copies, and the value without its derivative."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Shape, Value, array_type
from chainrule.ops.canonical import array_like
from chainrule.ops.kinds import composite, constant, linear


def _shape_and_dtype(a: Value, dtype: Any, shape: Any) -> tuple[Shape, np.dtype[Any]]:
    t = type_of(a)
    if shape is None:
        shape = t.shape
    elif isinstance(shape, (int, np.integer)):
        shape = (int(shape),)
    else:
        shape = tuple(int(n) for n in shape)
    return shape, t.dtype if dtype is None else np.dtype(dtype)


def _like(name: str, create: Any, function: Any, samples: tuple[Sample, ...]) -> None:
    """Enter an op that makes an array from the type of its argument alone."""

    def front(
        a: Value,
        dtype: Any = None,
        order: str = "K",
        subok: bool = True,
        shape: Any = None,
        *,
        device: str | None = None,
    ) -> Value:
        a = array_like(a)
        target, target_dtype = _shape_and_dtype(a, dtype, shape)
        return apply(op, a, shape=target, dtype=target_dtype)

    def empty_front(prototype: Value, *args: Any, **options: Any) -> Value:
        return front(prototype, *args, **options)

    op = constant(
        name,
        lambda a, shape, dtype: create(shape, dtype),
        infer=lambda a, shape, dtype: array_type(shape, dtype),
        front=empty_front if function is np.empty_like else front,
        names=(function,),
        samples=samples,
    )


_SAMPLES = (
    Sample((2, 3)),
    Sample((2, 3), dtype=np.dtype(np.float32)),
    Sample((2, 3), int, shape=(4,)),
    Sample((3,), shape=2),
    Sample(()),
    Sample((0, 3)),
)
_like("zeros_like", np.zeros, np.zeros_like, _SAMPLES)
_like("ones_like", np.ones, np.ones_like, _SAMPLES)
_like("empty_like", np.empty, np.empty_like, (Sample((0, 3)), Sample((2,), shape=(0,))))


def _full_like(
    a: Value,
    fill_value: Value,
    dtype: Any = None,
    order: str = "K",
    subok: bool = True,
    shape: Any = None,
    *,
    device: str | None = None,
) -> Value:
    target, target_dtype = _shape_and_dtype(array_like(a), dtype, shape)
    filled = FRONTS["broadcast_to"](FRONTS["astype"](array_like(fill_value), target_dtype), target)
    return FRONTS["copy"](filled)


composite(
    "full_like",
    _full_like,
    names=(np.full_like,),
    samples=(
        Sample((2, 3), 2.0),
        Sample((2, 3), np.array([1.0, 2.0, 3.0])),
        Sample((2, 3), 1, dtype=np.dtype(np.float32), shape=(2, 2)),
        Sample((0, 3), 1),
    ),
)


def _copy(a: Value, order: str = "K", subok: bool = False) -> Value:
    return apply(_COPY, array_like(a), order=order)


_COPY = linear(
    "copy",
    lambda x, order: np.array(x, order=order),  # of a number, too: an array without axes
    infer=lambda x, order: array_type(x.shape, x.dtype),
    transposes=(lambda g, x, order: g,),
    front=_copy,
    names=(np.copy,),
    samples=(Sample((2, 3)), Sample((3,), order="F"), Sample((0, 3))),
)


def _cast(x: Value, dtype: Any, /, *, copy: bool = True, device: str | None = None) -> Value:
    out = FRONTS["astype"](x, dtype)
    return FRONTS["copy"](out) if copy and out is x else out


composite(
    "cast",
    _cast,
    names=(np.astype,),
    samples=(Sample((2, 3), np.dtype(np.float64)), Sample((2, 3), int)),
)


def stop_gradient(x: Value) -> Value:
    """Return the value of `x` as a plain copy: nothing is differentiated through it.

    >>> import numpy as np
    >>> stop_gradient(np.array([1.0, 2.0]))
    array([1., 2.])
    """
    return apply(_STOP_GRADIENT, array_like(x))


_STOP_GRADIENT = constant(
    "stop_gradient",
    lambda x: x.copy() if isinstance(x, np.ndarray) else x,
    infer=lambda x: x,
    front=stop_gradient,
    samples=(Sample((2, 3)), Sample(()), Sample((0, 3))),
)
