"""Shapes and the order of axes: everything that is a reshape or a transpose, and nearly always a view."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from chainrule.core.cells import layout_of, type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import Shape, Value, broadcast_shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.broadcasting import broadcast_to
from chainrule.ops.canonical import Axes, array_like, axes_of, axis_of, count_along
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import (
    RESHAPE,
    is_contiguous,
    reshape_viewed,
    transpose_viewed,
    viewed_read_only,
)


def _ravel(a: Value, order: str = "C") -> Value:
    a = array_like(a)
    t = type_of(a)
    if order == "K":
        strides = layout_of(a).strides
        by_stride = tuple(sorted(range(t.ndim), key=lambda i: -abs(strides[i])))
        return _ravel(transpose_viewed(a, by_stride))
    is_columns = order == "F" or (order == "A" and is_contiguous(a, "F") and not is_contiguous(a))
    if is_columns:
        a = transpose_viewed(a, tuple(range(t.ndim))[::-1])
    # A reversed vector reshapes to a view, but ravels to a copy.
    shape = (t.size,)
    return reshape_viewed(a, shape) if is_contiguous(a) else apply(RESHAPE, a, shape=shape)


def _matrix_transpose(x: Value, /) -> Value:
    return _swapaxes(x, -1, -2)


def _swapaxes(a: Value, axis1: int, axis2: int) -> Value:
    ndim = type_of(a).ndim
    if ndim < 2 and (axis1, axis2) == (-1, -2):
        raise ShapeError.from_ndim("matrix_transpose", type_of(a).shape, "at least two axes")
    axes = list(range(ndim))
    i, j = axis_of(axis1, ndim), axis_of(axis2, ndim)
    axes[i], axes[j] = j, i
    return transpose_viewed(a, tuple(axes))


def _moveaxis(a: Value, source: Any, destination: Any) -> Value:
    ndim = type_of(a).ndim
    sources = normalize_axis_tuple(source, ndim, "source")
    destinations = normalize_axis_tuple(destination, ndim, "destination")
    if len(sources) != len(destinations):
        raise ArgumentError.from_range(
            "moveaxis", "destination", destination, f"as many axes as in source={source!r}"
        )
    axes = [i for i in range(ndim) if i not in sources]
    for to, i in sorted(zip(destinations, sources, strict=True)):
        axes.insert(to, i)
    return transpose_viewed(a, tuple(axes))


def _rollaxis(a: Value, axis: int, start: int = 0) -> Value:
    ndim = type_of(a).ndim
    i = axis_of(axis, ndim)
    start = start + ndim if start < 0 else start
    if not 0 <= start <= ndim:
        raise ArgumentError.from_range("rollaxis", "start", start, f"{-ndim} to {ndim}")
    return _moveaxis(a, i, start - 1 if i < start else start)


def _expand_dims(a: Value, axis: Any) -> Value:
    a = array_like(a)
    shape = type_of(a).shape
    axes = (axis,) if not isinstance(axis, (tuple, list)) else tuple(axis)
    ndim = len(shape) + len(axes)
    new = normalize_axis_tuple(axes, ndim)
    rest = iter(shape)
    return reshape_viewed(a, tuple([1 if i in new else next(rest) for i in range(ndim)]))


def _squeeze(a: Value, axis: Any = None) -> Value:
    a = as_array(array_like(a))
    shape = type_of(a).shape
    gone: Axes = (
        tuple([i for i, n in enumerate(shape) if n == 1])
        if axis is None
        else axes_of(axis, len(shape))
    )
    if count_along(shape, gone) != 1:
        raise ShapeError.from_squeeze(shape, gone)
    if not gone:
        return a
    return reshape_viewed(a, tuple([n for i, n in enumerate(shape) if i not in gone]))


def _at_least(ndim: int, shape: Shape) -> Shape:
    """Add axes where `np.atleast_1d`, `2d` and `3d` add them."""
    missing = ndim - len(shape)
    if missing <= 0:
        return shape
    if ndim == 3:
        return {0: (1, 1, 1), 1: (1, *shape, 1), 2: (*shape, 1)}[len(shape)]
    return (1,) * missing + shape


def at_least(x: Value, ndim: int) -> Value:
    """Return `x` with axes added until it has `ndim`, as `np.atleast_1d` and its siblings do."""
    x = array_like(x)
    t = type_of(x)
    return x if t.ndim >= ndim else reshape_viewed(x, _at_least(ndim, t.shape))


def _each_at_least(ndim: int, arrays: Sequence[Value]) -> Value:
    found = tuple([at_least(a, ndim) for a in arrays])
    return found[0] if len(found) == 1 else found


def _broadcast_arrays(*args: Value, subok: bool = False) -> tuple[Value, ...]:
    arrays = [as_array(array_like(a)) for a in args]
    shape = (
        broadcast_shapes("broadcast_arrays", *(type_of(a).shape for a in arrays)) if arrays else ()
    )
    return tuple(
        [
            a
            if type_of(a).shape == shape
            else viewed_read_only(
                "broadcast_arrays", a, lambda base: broadcast_to(base, shape), ("broadcast", shape)
            )
            for a in arrays
        ]
    )


def _size(a: Value, axis: Any = None) -> int:
    t = type_of(array_like(a))
    return t.size if axis is None else count_along(t.shape, axes_of(axis, t.ndim))


composite(
    "ravel",
    _ravel,
    names=(np.ravel,),
    samples=(Sample((2, 3)), Sample(()), Sample((2, 3), order="F"), Sample((2, 3), order="K")),
)
composite(
    "matrix_transpose",
    _matrix_transpose,
    names=(np.matrix_transpose, np.linalg.matrix_transpose),
    samples=(Sample((2, 3)), Sample((2, 3, 4))),
    rejects=(Sample((3,)),),
)
composite(
    "swapaxes",
    _swapaxes,
    names=(np.swapaxes,),
    samples=(Sample((2, 3, 4), 0, -1), Sample((2, 3), 1, 1)),
)
composite(
    "moveaxis",
    _moveaxis,
    names=(np.moveaxis,),
    samples=(
        Sample((2, 3, 4), 0, -1),
        Sample((2, 3, 4), source=(0, 2), destination=(-1, 0)),
    ),
)
composite(
    "rollaxis",
    _rollaxis,
    names=(np.rollaxis,),
    samples=(Sample((2, 3, 4), 2), Sample((2, 3, 4), 0, 3), Sample((2, 3, 4), -2, -1)),
)
composite(
    "expand_dims",
    _expand_dims,
    names=(np.expand_dims,),
    samples=(Sample((2, 3), axis=1), Sample((2, 3), axis=(0, -1)), Sample((), axis=0)),
)
composite(
    "squeeze",
    _squeeze,
    names=(np.squeeze,),
    samples=(Sample((1, 3, 1)), Sample((1, 3, 1), axis=-1), Sample((1, 3, 1), axis=(0, 2))),
    rejects=(Sample((1, 3), axis=1),),
)
composite(
    "atleast_1d",
    lambda *arys: _each_at_least(1, arys),
    names=(np.atleast_1d,),
    samples=(Sample(()), Sample((2, 3)), Sample((), (2,))),
)
composite(
    "atleast_2d",
    lambda *arys: _each_at_least(2, arys),
    names=(np.atleast_2d,),
    samples=(Sample(()), Sample((3,)), Sample((2, 3, 1), (2,))),
)
composite(
    "atleast_3d",
    lambda *arys: _each_at_least(3, arys),
    names=(np.atleast_3d,),
    samples=(Sample(()), Sample((3,)), Sample((2, 3))),
)
composite(
    "broadcast_arrays",
    _broadcast_arrays,
    names=(np.broadcast_arrays,),
    samples=(Sample((3,), (2, 1)), Sample((2, 3), ()), Sample((2,), (2,))),
    rejects=(Sample((3,), (2,)),),
)
composite(
    "shape",
    lambda a: type_of(array_like(a)).shape,
    names=(np.shape,),
    samples=(Sample((2, 3)), Sample(())),
)
composite(
    "ndim",
    lambda a: type_of(array_like(a)).ndim,
    names=(np.ndim,),
    samples=(Sample((2, 3)), Sample(())),
)
composite(
    "size",
    _size,
    names=(np.size,),
    samples=(Sample((2, 3)), Sample((2, 3), axis=-1), Sample((2, 3), axis=(0, 1))),
)
