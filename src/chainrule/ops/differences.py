"""Differences of neighbours, and the integral by trapezoids that is made of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import NO_VALUE, array_like, axis_of, given, part_along
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped


def _diff(
    a: Value, n: int = 1, axis: int = -1, prepend: Any = NO_VALUE, append: Any = NO_VALUE
) -> Value:
    x = array_like(a)
    shape = type_of(x).shape
    if not shape:
        raise ShapeError.from_ndim("diff", shape, "at least one axis")
    if n < 0:
        raise ArgumentError.from_range("diff", "n", n, "a number that is not negative")
    axis = axis_of(axis, len(shape))
    if n == 0:
        return x
    ends = [_end(e, shape, axis) for e in (prepend, append)]
    parts = [e for e in (ends[0], x, ends[1]) if e is not None]
    if len(parts) > 1:
        x = FRONTS["concatenate"](parts, axis=axis)
    minus = FRONTS["not_equal" if type_of(x).dtype == bool else "subtract"]
    for _ in range(n):
        x = minus(part_along(x, axis, 1, None), part_along(x, axis, None, -1))
    return x


def _end(x: Any, shape: Shape, axis: int) -> Value | None:
    if given(x) is None:
        return None
    end = array_like(x)
    if type_of(end).ndim:
        return end
    return broadcast_to(
        np.asarray(end) if type(end) in {int, float} else end,
        (*shape[:axis], 1, *shape[axis + 1 :]),
    )


def _ediff1d(ary: Value, to_end: Any = None, to_begin: Any = None) -> Value:
    x = array_like(ary)
    x = reshaped(x, (type_of(x).size,))
    inner = FRONTS["subtract"](part_along(x, 0, 1, None), part_along(x, 0, None, -1))
    ends = [None if e is None else _end_of(x, array_like(e)) for e in (to_begin, to_end)]
    parts = [p for p in (ends[0], inner, ends[1]) if p is not None]
    return inner if len(parts) == 1 else FRONTS["concatenate"](parts)


def _end_of(x: Value, end: Value) -> Value:
    given, dtype = type_of(end).dtype, type_of(x).dtype
    if not np.can_cast(given, dtype, "same_kind"):
        raise DTypeError.from_unsafe_cast("np.ediff1d", given, dtype)
    return FRONTS["ravel"](astype(end, dtype))


def _trapezoid(y: Value, x: Value = None, dx: Value = 1.0, axis: int = -1) -> Value:
    y = array_like(y)
    ndim = type_of(y).ndim
    axis = axis_of(axis, ndim)
    width = dx
    if x is not None:
        x = array_like(x)
        is_vector = type_of(x).ndim == 1
        width = _diff(x, axis=0 if is_vector else axis)
        if is_vector:
            column = [1] * ndim
            column[axis] = type_of(width).size
            width = reshaped(width, tuple(column))
    heights = FRONTS["add"](part_along(y, axis, 1, None), part_along(y, axis, None, -1))
    return FRONTS["sum"](FRONTS["multiply"](width, heights) / 2.0, axis=axis)


composite(
    "diff",
    _diff,
    names=(np.diff,),
    samples=(
        Sample((5,)),
        Sample((2, 4), n=2),
        Sample((3, 2), axis=0, prepend=1.0, append=np.zeros((2, 2))),
        Sample((2, 3), n=0),
        Sample((1,)),
    ),
    rejects=(Sample(()),),
)
composite(
    "ediff1d",
    _ediff1d,
    names=(np.ediff1d,),
    samples=(Sample((4,)), Sample((2, 3), to_end=[1.0, 2.0], to_begin=3.0)),
)
composite(
    "trapezoid",
    _trapezoid,
    names=(np.trapezoid,),
    samples=(
        Sample((5,)),
        Sample((5,), (5,)),
        Sample((2, 3), dx=0.5),
        Sample((3, 2), (3,), axis=0),
        Sample((2, 3), x=np.array([[0.0, 1, 3], [1, 2, 4]])),
    ),
)
