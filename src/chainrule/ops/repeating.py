"""Results that hold elements of their argument several times, elsewhere, or not at all."""

from __future__ import annotations

import math
import operator
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value, broadcast_shapes
from chainrule.errors import ArgumentError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import array_like, axis_of, part_along
from chainrule.ops.kinds import composite
from chainrule.ops.layout import (
    laid_out,
    reshape_viewed,
    reshaped,
    transposed,
    viewed_read_only,
)
from chainrule.ops.numbers import numbers_of


def _roll(a: Value, shift: Any, axis: Any = None) -> Value:
    a = array_like(a)
    shape = type_of(a).shape
    if axis is None:
        flat = reshaped(a, (type_of(a).size,))
        return reshaped(_roll(flat, sum(np.atleast_1d(shift).tolist()), 0), shape)
    turns = list(np.broadcast(settled(shift), axis))
    rolled = a
    for s, i in turns:
        rolled = _roll_axis(rolled, int(s), axis_of(int(i), len(shape)))
    return laid_out(rolled, like=a) if turns else FRONTS["copy"](a)


def _roll_axis(x: Value, shift: int, axis: int) -> Value:
    size = type_of(x).shape[axis]
    turn = shift % size if size else 0
    if turn == 0:
        return FRONTS["copy"](x)
    ends = [part_along(x, axis, -turn, None), part_along(x, axis, None, -turn)]
    return FRONTS["concatenate"](ends, axis=axis)


def _repeat(a: Value, repeats: Any, axis: int | None = None) -> Value:
    a = array_like(a)
    if axis is None:
        a, axis = reshaped(a, (type_of(a).size,)), 0
    shape = type_of(a).shape
    axis = axis_of(axis, len(shape))
    times = np.asarray(settled(repeats))
    if times.size != 1:
        return laid_out(FRONTS["take"](a, np.repeat(np.arange(shape[axis]), times), axis=axis))
    n = int(times.reshape(()))
    head, tail = shape[: axis + 1], shape[axis + 1 :]
    spread = broadcast_to(reshaped(a, (*head, 1, *tail)), (*head, n, *tail))
    return laid_out(reshaped(spread, (*head[:-1], head[-1] * n, *tail)))


def _tile(A: Value, reps: Any) -> Value:
    x = array_like(A)
    times = tuple(int(n) for n in np.atleast_1d(settled(reps)))
    shape = type_of(x).shape
    ndim = max(len(shape), len(times))
    times = (1,) * (ndim - len(times)) + times
    shape = (1,) * (ndim - len(shape)) + shape
    if all(n == 1 for n in times):
        return FRONTS["copy"](reshaped(x, shape))
    apart = reshaped(x, tuple(n for size in shape for n in (1, size)))
    spread = broadcast_to(apart, tuple(n for pair in zip(times, shape, strict=True) for n in pair))
    # Copied, for NumPy's result owns its memory: writes through a view of it reach it, and nothing else.
    return FRONTS["copy"](reshaped(spread, tuple(map(operator.mul, times, shape))), order="C")


def _resize(a: Value, new_shape: Any) -> Value:
    a = array_like(a)
    shape: Shape = tuple(np.atleast_1d(new_shape).tolist())
    t = type_of(a)
    if t.size == 0:
        return np.zeros(shape, t.dtype)
    positions = np.arange(math.prod(shape)) % t.size
    return reshaped(FRONTS["take"](a, positions), shape)


def _delete(arr: Value, obj: Any, axis: int | None = None) -> Value:
    arr = array_like(arr)
    if axis is None:
        arr, axis = reshaped(arr, (type_of(arr).size,)), 0
    shape = type_of(arr).shape
    kept = np.delete(np.arange(shape[axis_of(axis, len(shape))]), numbers_of("np.delete", obj))
    like = arr if isinstance(obj, (slice, int)) else None
    return laid_out(FRONTS["take"](arr, kept, axis=axis), like=like)


def _insert(arr: Value, obj: Any, values: Any, axis: int | None = None) -> Value:
    arr, values = array_like(arr), array_like(values)
    if axis is None:
        arr = reshaped(arr, (type_of(arr).size,))
        axis = -1
    t = type_of(arr)
    axis = axis_of(axis, t.ndim)
    size = t.shape[axis]
    where = numbers_of("np.insert", obj)
    if not isinstance(where, slice):
        where = np.asarray(where) if np.size(where) else np.zeros(0, np.intp)
    new = _inserted_values(astype(values, t.dtype), where, t.shape, axis)
    count = type_of(new).shape[axis]
    order = np.insert(np.arange(size), where, np.arange(size, size + count))
    longer = FRONTS["concatenate"]([arr, new], axis=axis)
    return laid_out(FRONTS["take"](longer, order, axis=axis), like=arr)


def _inserted_values(values: Value, where: Any, shape: Shape, axis: int) -> Value:
    """Return what is inserted, broadcast against the other axes, one slice per place."""
    got = type_of(values).shape
    padded = (1,) * (len(shape) - len(got)) + got
    values = reshaped(values, padded)
    if not isinstance(where, slice) and where.ndim == 0:
        # At one place, given as a number, the first axis of the values runs along `axis`, as in a[:, 0] = values.
        order = [i for i in range(len(shape)) if i != 0]
        order.insert(axis, 0)
        values = transposed(values, tuple(order))
        padded = type_of(values).shape
    places = len(range(*where.indices(shape[axis]))) if isinstance(where, slice) else _places(where)
    count = padded[axis] if places == 1 else places
    target = (*shape[:axis], count, *shape[axis + 1 :])
    broadcast_shapes("insert", padded, target)
    return broadcast_to(values, target)


def _places(where: Any) -> int:
    return int(np.count_nonzero(where)) if where.dtype == bool else int(where.size)


def _meshgrid(
    *xi: Value, copy: bool = True, sparse: bool = False, indexing: str = "xy"
) -> tuple[Value, ...]:
    if indexing not in {"xy", "ij"}:
        raise ArgumentError.from_choice("meshgrid", "indexing", indexing, ("xy", "ij"))
    vectors = [array_like(x) for x in xi]
    sizes = [type_of(x).size for x in vectors]
    axes = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        axes[:2] = [1, 0]
    shape = [0] * len(xi)
    for i, size in zip(axes, sizes, strict=True):
        shape[i] = size
    grids = [
        reshape_viewed(x, tuple(n if k == i else 1 for k, n in enumerate(shape)))
        for i, x in zip(axes, vectors, strict=True)
    ]
    if not sparse:
        grids = [_repeated_view(x, tuple(shape)) for x in grids]
    return tuple([FRONTS["copy"](x, order="C") for x in grids] if copy else grids)


def _repeated_view(x: Value, shape: Shape) -> Value:
    return viewed_read_only(
        "meshgrid", x, lambda base: broadcast_to(base, shape), ("broadcast", shape)
    )


composite(
    "roll",
    _roll,
    names=(np.roll,),
    samples=(
        Sample((5,), 2),
        Sample((2, 3), -1),
        Sample((2, 3), 4, axis=-1),
        Sample((2, 3), shift=(1, 2), axis=(0, 1)),
        Sample((2, 3), 1, axis=(0, 1)),
        Sample((0, 3), 1, axis=0),
    ),
)
composite(
    "repeat",
    _repeat,
    names=(np.repeat,),
    samples=(
        Sample((2, 3), 2),
        Sample((2, 3), 3, axis=-1),
        Sample((2, 3), [2, 0], axis=0),
        Sample((), 3),
        Sample((3,), 0),
    ),
)
composite(
    "tile",
    _tile,
    names=(np.tile,),
    samples=(
        Sample((2,), 3),
        Sample((2, 3), 2),
        Sample((2, 3), reps=(2, 1, 2)),
        Sample((2, 3), reps=(1, 1)),
        Sample((), 2),
    ),
)
composite(
    "resize",
    _resize,
    names=(np.resize,),
    samples=(Sample((2, 3), new_shape=(2, 2)), Sample((2, 3), 8), Sample((3,), new_shape=(2, 4))),
)
composite(
    "delete",
    _delete,
    names=(np.delete,),
    samples=(
        Sample((4,), 1),
        Sample((4, 3), [0, -1], axis=0),
        Sample((4, 3), slice(None, None, 2), axis=0),
        Sample((2, 3), 2),
        Sample((3,), np.array([True, False, True])),
    ),
)
composite(
    "insert",
    _insert,
    names=(np.insert,),
    samples=(
        Sample((4,), 1, ()),
        Sample((4,), 2, (3,)),
        Sample((4,), [0, 2], (2,)),
        Sample((4,), [1, 1], 5.0),
        Sample((4, 3), 1, (3,), axis=0),
        Sample((4, 3), 1, (4,), axis=1),
        Sample((4, 3), [1], (4, 1), axis=1),
        Sample((2, 3), slice(0, 2), (2, 2), axis=1),
        Sample((2, 3), 1, ()),
    ),
    rejects=(Sample((4, 3), 1, (2,), axis=0),),
)
composite(
    "meshgrid",
    _meshgrid,
    names=(np.meshgrid,),
    samples=(
        Sample((2,), (3,)),
        Sample((2,), (3,), (2,), indexing="ij"),
        Sample((2,), (3,), sparse=True),
        Sample((3,)),
        Sample((2,), (3,), copy=False),
    ),
)
