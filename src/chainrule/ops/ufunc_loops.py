"""The methods of any ufunc, written out: `reduce`, `accumulate`, `outer`, `reduceat`, and what `at` writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import BY_NUMPY, FRONTS
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import (
    NO_VALUE,
    Axes,
    array_like,
    axes_of,
    axis_of,
    is_set,
    reduced_shape,
    refuse_out,
)
from chainrule.ops.checking import as_array
from chainrule.ops.layout import reshaped, transposed
from chainrule.ops.numbers import numbers_of
from chainrule.ops.writing import Write

Front = Callable[..., Any]


def reduced_in_turn(ufunc: np.ufunc) -> Front:
    """Return `ufunc.reduce` that takes one element after the other."""
    name = f"np.{ufunc.__name__}.reduce"

    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
    ) -> Value:
        refuse_out(name, out)
        array = in_loops_dtype(ufunc, _prepared(array, dtype))
        shape = type_of(array).shape
        axes = axes_of(axis, len(shape))
        if len(axes) > 1 and ufunc.identity is None and ufunc not in {np.fmax, np.fmin}:
            expected = "one axis, as the order of the elements counts"
            raise ArgumentError.from_range(name, "axis", axis, expected)
        rest = reduced_shape(shape, axes, keepdims=False)
        start = ufunc.identity if initial is NO_VALUE else initial
        elements = _elements(array, axes)
        if start is not None:
            first = FRONTS["astype"](as_array(array_like(start)), type_of(array).dtype)
            result, masks = FRONTS["broadcast_to"](first, rest), [True] * len(elements)
        elif not elements:
            raise ShapeError.from_no_elements(name, shape, axes)
        else:
            (result, *elements), masks = elements, [True] * (len(elements) - 1)
        if where is not True:
            if start is None:
                raise ArgumentError.from_unsupported(
                    name, "where= without initial=", "pass initial="
                )
            masks = _elements(np.broadcast_to(numbers_of(name, where), shape), axes)
        for element, mask in zip(elements, masks, strict=True):
            combined = BY_NUMPY[ufunc](result, element)
            result = combined if mask is True else FRONTS["where"](mask, combined, result)
        result = reshaped(result, reduced_shape(shape, axes, keepdims=is_set(keepdims)))
        return result if type_of(result).shape else FRONTS["getitem"](result, ())

    return front


def accumulated_in_turn(ufunc: np.ufunc) -> Front:
    """Return `ufunc.accumulate` that takes one element after the other."""

    def front(array: Value, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
        refuse_out(f"np.{ufunc.__name__}.accumulate", out)
        array = in_loops_dtype(ufunc, _prepared(array, dtype))
        axis = axis_of(axis, type_of(array).ndim)
        parts = _elements(array, (axis,))
        for i in range(1, len(parts)):
            parts[i] = BY_NUMPY[ufunc](parts[i - 1], parts[i])
        return FRONTS["stack"](parts, axis=axis) if parts else FRONTS["copy"](array)

    return front


def outer(ufunc: np.ufunc) -> Front:
    """Return `ufunc.outer`."""

    def front(A: Value, B: Value, /, *, dtype: Any = None) -> Any:
        x, y = _prepared(A, dtype), _prepared(B, dtype)
        column = type_of(x).shape + (1,) * type_of(y).ndim
        return BY_NUMPY[ufunc](reshaped(x, column), y)

    return front


def reduced_at(ufunc: np.ufunc) -> Front:
    """Return `ufunc.reduceat`: an index starts a slice that ends at the next, or is alone if that is no larger."""
    name = f"np.{ufunc.__name__}.reduceat"

    def front(
        array: Value, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None
    ) -> Value:
        refuse_out(name, out)
        array = _prepared(array, dtype)
        shape = type_of(array).shape
        axis = axis_of(axis, len(shape))
        starts = np.asarray(numbers_of(name, indices)).tolist()
        if not all(0 <= i < shape[axis] for i in starts):
            expected = f"positions on an axis of {shape[axis]} elements"
            raise ArgumentError.from_range(name, "indices", indices, expected)
        before = (slice(None),) * axis
        reduce = BY_NUMPY[ufunc, "reduce"]
        parts = [
            reduce(FRONTS["getitem"](array, (*before, slice(i, max(stop, i + 1)))), axis)
            for i, stop in zip(starts, [*starts[1:], shape[axis]], strict=True)
        ]
        return FRONTS["stack"](parts, axis=axis)

    return front


def written_at(ufunc: np.ufunc) -> Callable[..., Write]:
    """Return what `ufunc.at` writes where. An element that is named several times is changed several times."""

    def plan(a: Value, indices: Any, b: Value = NO_VALUE, /) -> Write:
        others = () if b is NO_VALUE else (array_like(b),)
        if _is_basic(indices):
            return indices, BY_NUMPY[ufunc](FRONTS["getitem"](a, indices), *others)
        positions = _positions(ufunc, a, indices)
        if not positions.size:
            return None
        changed, which = np.unique(positions, return_inverse=True)
        index = np.unravel_index(changed, type_of(a).shape)
        values = FRONTS["getitem"](a, index)
        others = tuple(
            reshaped(FRONTS["broadcast_to"](o, positions.shape), (positions.size,)) for o in others
        )
        return index, _changed_in_turn(ufunc, values, which.reshape(-1), others)

    return plan


def _changed_in_turn(ufunc: np.ufunc, values: Value, which: Any, others: Sequence[Value]) -> Value:
    """Apply the ufunc to the values named by `which`, once for each time that they are named."""
    if ufunc in {np.add, np.subtract}:
        size = type_of(values).shape
        return BY_NUMPY[ufunc](
            values, FRONTS["scatter"](others[0], which, index=("array",), shape=size)
        )
    order = np.argsort(which, kind="stable")
    grouped = which[order]
    turn = np.empty_like(which)
    turn[order] = np.arange(which.size) - np.searchsorted(grouped, grouped)
    for i in range(turn.max() + 1):
        now = np.flatnonzero(turn == i)
        part = [FRONTS["getitem"](o, now) for o in others]
        changed = BY_NUMPY[ufunc](FRONTS["getitem"](values, which[now]), *part)
        values = FRONTS["setitem"](values, changed, which[now])
    return values


def _is_basic(index: Any) -> bool:
    """Say whether an index names no element twice, as it is made of numbers and slices."""
    items = index if type(index) is tuple else (index,)
    return all(i is None or i is Ellipsis or isinstance(i, (slice, int, np.integer)) for i in items)


def _positions(ufunc: np.ufunc, a: Value, indices: Any) -> Any:
    """Return the elements that an index names, counted row by row."""
    shape = type_of(a).shape
    index = numbers_of(f"np.{ufunc.__name__}.at", indices)
    if len(shape) == 1 and isinstance(index, (list, np.ndarray)):
        array = np.asarray(index)
        if array.dtype.kind in "iu" and not np.any((array < -shape[0]) | (array >= shape[0])):
            return array % shape[0]
    return np.arange(math.prod(shape)).reshape(shape)[index]


def _prepared(x: Any, dtype: Any) -> Value:
    x = as_array(array_like(x))
    return x if dtype is None else FRONTS["astype"](x, dtype)


def in_loops_dtype(ufunc: np.ufunc, x: Value) -> Value:
    """Return an array in the dtype of the ufunc's results: one element, or none, is combined with no other.

    Raises:
        TypeError: the ufunc has no loop for it.
    """
    return FRONTS["astype"](
        x, ufunc.resolve_dtypes((None, type_of(x).dtype, None), reduction=True)[-1]
    )


def _elements(x: Value, axes: Axes) -> list[Value]:
    """Return the parts that are combined, in order."""
    shape = type_of(x).shape
    rest = tuple(i for i in range(len(shape)) if i not in axes)
    count = math.prod(shape[i] for i in axes)
    flat = reshaped(transposed(x, (*axes, *rest)), (count, *(shape[i] for i in rest)))
    return [FRONTS["getitem"](flat, i) for i in range(count)]
