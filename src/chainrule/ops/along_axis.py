"""Functions of vectors carried over an axis: `apply_along_axis`, `apply_over_axes`, windows that slide."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple
from numpy.lib.stride_tricks import sliding_window_view

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import array_like, axes_of, axis_of
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped, viewed_read_only


def _apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Value, *args: Any, **kwargs: Any
) -> Value:
    arr = as_array(array_like(arr))
    axis = axis_of(axis, type_of(arr).ndim)
    vectors = np.moveaxis(arr, axis, -1)
    around = type_of(vectors).shape[:-1]
    if 0 in around:
        expected = "at least one vector to call the function with"
        raise ArgumentError.from_range(
            "np.apply_along_axis", "arr", f"an array of shape {type_of(arr).shape}", expected
        )
    results = [
        array_like(func1d(FRONTS["getitem"](vectors, (*i, ...)), *args, **kwargs))
        for i in np.ndindex(around)
    ]
    inner = type_of(results[0]).shape
    stacked = reshaped(FRONTS["stack"](results), around + inner)
    places = range(axis, axis + len(inner))
    return np.moveaxis(stacked, range(len(around), len(around) + len(inner)), places)


def _apply_over_axes(func: Callable[..., Any], a: Value, axes: Any) -> Value:
    value = as_array(array_like(a))
    ndim = type_of(value).ndim
    for axis in [axis_of(i, ndim) for i in np.atleast_1d(axes).tolist()]:
        result = func(value, axis)
        if type_of(result).ndim == ndim - 1:
            result = np.expand_dims(result, axis)
        if type_of(result).ndim != ndim:
            reason = "a function that keeps the axis or removes it"
            raise ShapeError.from_ndim("np.apply_over_axes", type_of(result).shape, reason)
        value = result
    return value


composite(
    "apply_along_axis",
    _apply_along_axis,
    names=(np.apply_along_axis,),
    samples=(
        Sample(np.sum, 0, (2, 3)),
        Sample(np.sin, -1, (2, 3)),
        Sample(lambda v, k: np.outer(v, v) * k, 1, (2, 3, 2), 2.0),
        Sample(lambda v: v[0] * v[1], 0, (2,)),
        Sample(lambda v, power: [np.sum(v) ** power, v[0]], 1, (3, 2), power=2),
    ),
)
composite(
    "apply_over_axes",
    _apply_over_axes,
    names=(np.apply_over_axes,),
    samples=(
        Sample(np.sum, (2, 3, 2), [0, -1]),
        Sample(lambda x, axis: np.cumsum(x, axis), (2, 3), 1),
    ),
)


def _sliding_window_view(
    x: Value, window_shape: Any, axis: Any = None, *, subok: bool = False, writeable: bool = False
) -> Value:
    x = as_array(array_like(x))
    shape = type_of(x).shape
    sizes = tuple(map(operator.index, np.atleast_1d(window_shape).tolist()))
    axes = (
        axes_of(None, len(shape))
        if axis is None
        else normalize_axis_tuple(axis, len(shape), allow_duplicate=True)
    )
    if writeable:
        raise ArgumentError.from_unsupported(
            "sliding_window_view", "writeable=True", "write to the array itself"
        )
    if len(sizes) != len(axes) or min(sizes, default=0) < 0:
        expected = f"one size for each of the axes {axes}"
        raise ArgumentError.from_range(
            "sliding_window_view", "window_shape", window_shape, expected
        )
    counts = list(shape)
    for i, size in zip(axes, sizes, strict=True):
        counts[i] -= size - 1
    if min(counts, default=1) < 1:
        reason = "the window is larger than the array"
        raise ShapeError.from_numpy("sliding_window_view", (shape, sizes), reason)
    # Element j of window i is element i + j of the array.
    positions = _window_positions(shape, axes, sizes)
    return viewed_read_only(
        "sliding_window_view",
        x,
        lambda base: FRONTS["getitem"](base, positions),
        ("sliding_window_view", axes, sizes),
    )


def _window_positions(shape: Shape, axes: Shape, sizes: Shape) -> tuple[Any, ...]:
    """Return per axis the positions of the elements of all windows, as arrays that broadcast."""
    counts = list(shape)
    for i, size in zip(axes, sizes, strict=True):
        counts[i] -= size - 1
    ndim = len(shape) + len(sizes)

    def laid(n: int, place: int) -> Any:
        return np.arange(n).reshape((-1,) + (1,) * (ndim - 1 - place))

    return tuple(
        functools.reduce(
            operator.add,
            [laid(size, len(shape) + j) for j, size in enumerate(sizes) if axes[j] == i],
            laid(counts[i], i),
        )
        for i in range(len(shape))
    )


composite(
    "sliding_window_view",
    _sliding_window_view,
    names=(sliding_window_view,),
    samples=(
        Sample((5,), 3),
        Sample((3, 4), [2, 3]),
        Sample((2, 4), 2, axis=-1),
        Sample((4, 2), window_shape=(2, 2), axis=(0, 0)),
        Sample((3,), 3),
    ),
    rejects=(Sample((3,), 4),),
)
