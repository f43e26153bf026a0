"""Arguments in canonical form: axes as non-negative integers, flags as booleans, nested lists as arrays."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Shape, Value
from chainrule.errors import DTypeError, NotDifferentiableError, ShapeError

Axes = tuple[int, ...]
NO_VALUE: Any = np._NoValue  # noqa: SLF001  the default that NumPy's own functions pass on
_ALL_AXES = tuple(tuple(range(n)) for n in range(65))


def axis_of(axis: Any, ndim: int) -> int:
    """Return one axis, counted from the front."""
    return normalize_axis_index(operator.index(axis), ndim)


def axes_of(axis: Any, ndim: int) -> Axes:
    """Return the axes that a reduction goes over, in order; None stands for all of them."""
    if axis is None:
        return _ALL_AXES[ndim]
    if ndim == 0 and axis in {0, -1}:
        return ()
    if type(axis) is int:
        return (normalize_axis_index(axis, ndim),)
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def reduced_shape(shape: Shape, axes: Axes, *, keepdims: bool) -> Shape:
    """Return what is left of a shape when the axes are reduced."""
    if keepdims:
        return tuple([1 if i in axes else n for i, n in enumerate(shape)])
    return tuple([n for i, n in enumerate(shape) if i not in axes])


def count_along(shape: Shape, axes: Axes) -> int:
    """Return how many elements are reduced to one."""
    count = 1
    for i in axes:
        count *= shape[i]
    return count


def check_not_empty(name: str, shape: Shape, axes: Axes) -> None:
    """Refuse to choose one of no elements.

    Raises:
        ShapeError: one of the axes has no elements.
    """
    if 0 in shape and 0 in [shape[i] for i in axes]:
        raise ShapeError.from_no_elements(name, shape, axes)


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """Return the index that takes `part` of one axis and all of those before and after it."""
    return (*(slice(None),) * axis, part)


def part_along(x: Value, axis: int, start: int | None, stop: int | None) -> Value:
    """Return the elements from `start` to `stop` on one axis."""
    return FRONTS["getitem"](x, along(axis, slice(start, stop)))


def is_set(flag: Any) -> bool:
    """Read a flag such as `keepdims`, whose default NumPy's own functions pass on as a marker."""
    return flag is not NO_VALUE and bool(flag)


def given(x: Any) -> Any:
    """Return an optional argument, None if it is absent."""
    return None if x is NO_VALUE else x


def refuse_out(name: str, out: Any) -> None:
    """Refuse `out=` given by position or to a method; given to a function it never gets here."""
    if out is not None and out is not NO_VALUE:
        raise NotDifferentiableError.from_option(name, "out", out)


def array_like(x: Any) -> Value:
    """Return a nested list or tuple as an array, traced if anything in it is; everything else as it is."""
    if type(x) is not list and type(x) is not tuple:
        return x
    return FRONTS["stack"](x) if _holds_traced(x) else np.asarray(x)


def _holds_traced(x: Any) -> bool:
    if type(x) is list or type(x) is tuple:
        return any(map(_holds_traced, x))
    return type(x) in HANDLES


def real_like(name: str, argument: str, x: Any) -> Value:
    """Return a number or array of real numbers, which have an order.

    Raises:
        DTypeError: it holds complex numbers.
    """
    x = array_like(x)
    dtype = type_of(x).dtype
    if dtype.kind == "c":
        raise DTypeError.from_no_numbers(name, argument, dtype, "real numbers")
    return x
