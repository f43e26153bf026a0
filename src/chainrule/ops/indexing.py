"""Reading and writing parts of arrays: `x[index]`, `x[index] = value`, and the functions that select by index."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import (
    HANDLES,
    Step,
    TracedArray,
    TracedScalar,
    TracedView,
    key_of_index,
    settled,
    type_of,
)
from chainrule.core.copies import own_copy
from chainrule.core.op import FRONTS, IN_PLACE, Needs, Notation, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type, broadcast_shapes
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ops.broadcasting import astype, sum_to
from chainrule.ops.canonical import array_like
from chainrule.ops.kinds import composite, constant, fitted, linear
from chainrule.ops.numbers import NeedsNumbers
from chainrule.records import replaced

ARRAY = "array"
"""Stands in a canonical index where an index array goes; the arrays themselves are arguments of the op."""

Index = tuple[Any, ...]


def _filled(index: Index, arrays: Sequence[Any]) -> Any:
    """Put the index arrays back into their places."""
    if not arrays:
        return index[0] if len(index) == 1 else index
    rest = iter(arrays)
    return tuple([next(rest) if type(i) is str else i for i in index])


def _part_type(x: ArrayType, arrays: Sequence[ArrayType], index: Index) -> ArrayType:
    dummy = np.broadcast_to(np.zeros((), np.int8), x.shape)
    positions = [np.broadcast_to(np.zeros((), np.intp), t.shape) for t in arrays]
    filled = _filled(index, positions)
    try:
        return array_type(np.shape(dummy[filled]), x.dtype)
    except IndexError:
        # An array points into an axis without places: NumPy says where, when it is run.
        dummy = np.broadcast_to(np.zeros((), np.int8), tuple(max(n, 1) for n in x.shape))
        return array_type(np.shape(dummy[filled]), x.dtype)


def _getitem(x: Any, *arrays: Any, index: Index) -> Any:
    part = x[_filled(index, arrays)]
    # A small part is copied, so that it does not keep the memory of the whole alive.
    if type(part) is np.ndarray and part.base is not None and part.nbytes * 4 <= x.nbytes:
        return part.copy(order="K")
    return part


def _scatter(x: Any, *arrays: Any, index: Index, shape: Shape) -> Any:
    out = np.zeros(shape, np.asarray(x).dtype)
    add_into(out, x, arrays, index)
    return out


def add_into(buffer: Any, x: Any, arrays: Sequence[Any], index: Index) -> None:
    """Add `x` at `index` in place; elements named twice receive both."""
    if arrays:
        np.add.at(buffer, _filled(index, arrays), x)
    else:
        buffer[_filled(index, ())] += x


def getitem(x: Value, index: Any) -> Value:
    """Return `x[index]`; a view of `x` where NumPy's would be one."""
    if _is_boolean_scalar(index):
        part = getitem(x, None)
        return (
            FRONTS["copy"](part) if settled(index) else FRONTS["copy"](getitem(part, slice(0, 0)))
        )
    if type(index) is int:
        canonical: Index = (index,)
        arrays: list[Any] = []
    else:
        canonical, arrays = canonical_index(x, index)
    if (
        type(x) not in (TracedArray, TracedView)
        or any([type(a) is not TracedScalar for a in arrays])  # noqa: C419  faster than a generator
        or _names_one_element(canonical, x.ndim)
    ):
        return apply(GETITEM, x, *arrays, index=canonical)
    filled = _filled(canonical, arrays) if arrays else canonical
    return x.part(
        Step(
            cut=lambda base: apply(GETITEM, base, *arrays, index=canonical),
            put=lambda base, new: setitem(base, new, filled),
            key=("getitem", key_of_index(filled)),
            layout=(lambda memory: memory[_filled(canonical, [0] * len(arrays))])
            if arrays
            else None,
        )
    )


def may_miss(arrays: Sequence[Any], index: Index, shape: Shape) -> bool:
    """Say whether an index may name what an array of this shape does not have: numbers that are not known may."""
    if any(type(a) is ArrayType for a in arrays):
        return True
    try:
        np.broadcast_to(np.zeros((), np.int8), shape)[_filled(index, arrays)]
    except IndexError:
        return True
    return False


GETITEM: Op = linear(
    "getitem",
    _getitem,
    infer=lambda x, *arrays, index: _part_type(x, arrays, index),
    transposes=(
        lambda g, x, *arrays, index: apply(
            _SCATTER, g, *arrays, index=index, shape=type_of(x).shape
        ),
    ),
    joint=True,
    accumulate=lambda buffer, g, args, params: add_into(buffer, g, args[1:], params["index"]),
    can_fail=lambda args, params: may_miss(args[1:], params["index"], type_of(args[0]).shape),
    front=getitem,
    notation=Notation("{0}[…]"),
    samples=(
        Sample((4, 3), 1),
        Sample((4, 3), -1),
        Sample((3,), 2),
        Sample((4, 3), slice(1, None, 2)),
        Sample((4, 3), (slice(None), 0)),
        Sample((4, 3), (..., None, slice(None, None, -1))),
        Sample((4, 3), np.array([0, 2, 2])),
        Sample((4, 3), [1, 3]),
        Sample((4, 3), (np.array([[0], [3]]), np.array([0, 2]))),
        Sample((2, 4, 3), (0, slice(None), np.array([2, 2]))),
        Sample((2, 3), np.array([[True, False, True], [False, False, True]])),
        Sample((2, 3), (slice(None), np.array([True, False, True]))),
        Sample((0, 3), slice(None)),
        Sample((4, 3), index=(1, 2)),
    ),
)

_SCATTER: Op = linear(
    "scatter",
    _scatter,
    infer=lambda x, *arrays, index, shape: array_type(shape, x.dtype),
    transposes=(lambda g, x, *arrays, index, shape: apply(GETITEM, g, *arrays, index=index),),
    joint=True,
    can_fail=lambda args, params: may_miss(args[1:], params["index"], params["shape"]),
    samples=(
        Sample((2, 3), index=(slice(1, 3),), shape=(4, 3)),
        Sample((3, 2), np.array([0, 2, 2]), index=(ARRAY,), shape=(4, 2)),
    ),
)


def _setitem(x: Any, value: Any, *arrays: Any, index: Index) -> Any:
    out = own_copy(np.asarray(x))
    out[_filled(index, arrays)] = value
    return out


def _last_writes(*arrays: Any, index: Index, shape: Shape) -> Any:
    """Where an index names an element twice the last value stays: 1 for those that stay, else 0."""
    owner = np.zeros(shape, np.intp)
    filled = _filled(index, arrays)
    turns = np.arange(owner[filled].size).reshape(owner[filled].shape)
    owner[filled] = turns
    return (owner[filled] == turns).astype(np.int8)


_LAST_WRITES = constant(
    "last_writes",
    _last_writes,
    infer=lambda *arrays, index, shape: array_type(
        _part_type(array_type(shape, np.dtype(np.int8)), arrays, index).shape, np.dtype(np.int8)
    ),
    can_fail=lambda args, params: may_miss(args, params["index"], params["shape"]),
    samples=(Sample(np.array([0, 2, 2]), index=(ARRAY,), shape=(4, 2)),),
)


def _written_cotangent(g: Value, x: Value, value: Value, *arrays: Any, index: Index) -> Value:
    part = apply(GETITEM, g, *arrays, index=index)
    if any(type_of(a).size > 1 for a in arrays):
        part = part * apply(_LAST_WRITES, *arrays, index=index, shape=type_of(x).shape)
    return sum_to(part, type_of(value).shape)


def _consumed_cotangents(
    needs: Needs, g: Any, args: Sequence[Value], params: Mapping[str, Any]
) -> tuple[Value, Value]:
    """Cut the written part out of `g` in place: a loop of writes costs what is written, not the array each time."""
    x, value, *arrays = args
    written = None
    if needs[1]:
        written = fitted(_written_cotangent(g, x, value, *arrays, **params), value)
        if type(written) is np.ndarray and written.base is not None:
            written = written.copy()
    g[_filled(params["index"], arrays)] = 0.0
    return g, written


SETITEM: Op = linear(
    "setitem",
    _setitem,
    infer=lambda x, value, *arrays, index: array_type(x.shape, x.dtype),
    transposes=(
        lambda g, x, value, *arrays, index: apply(SETITEM, g, 0.0, *arrays, index=index),
        _written_cotangent,
    ),
    joint=True,
    consume=_consumed_cotangents,
    can_fail=lambda args, params: may_miss(args[2:], params["index"], type_of(args[0]).shape),
    front=lambda x, value, index: setitem(x, value, index),
    notation=Notation("{0} with {1} at […]", 4),
    samples=(
        Sample((4, 3), (3,), 1),
        Sample((4, 3), (), index=(0, 2)),
        Sample((4, 3), (2, 1), slice(1, None, 2)),
        Sample((4, 3), (4, 3), ...),
        Sample((4, 3), (1, 1, 3), 0),
        Sample((4, 3), (3, 3), np.array([0, 2, 2])),
        Sample((2, 3), (3,), np.array([[True, False, True], [False, False, True]])),
        Sample((2, 3), 5.0, index=(0, 0)),
    ),
    rejects=(Sample((4, 3), (2,), 1), Sample((4, 3), (3, 2), slice(0, 2))),
)


def _setitem_in_place(x: Any, value: Any, *arrays: Any, index: Index) -> Any:
    x[_filled(index, arrays)] = value
    return x


_SETITEM_IN_PLACE = replaced(SETITEM, numpy=_setitem_in_place)


def setitem(x: Value, value: Value, index: Any, op: Op = SETITEM) -> Value:
    """Return `x` with `value` at `index`, cast and broadcast as NumPy does on assignment."""
    if _is_boolean_scalar(index):
        if not settled(index):
            shapes = (0, *type_of(x).shape), type_of(value).shape
            if broadcast_shapes("assignment", *shapes) != shapes[0]:
                raise ShapeError.from_numpy("assignment", shapes, "the value does not fit")
            return x
        index = ...
    if type(value) in (list, tuple):
        value = FRONTS["stack"](value) if value else np.zeros(0)
    x_type, value_type = type_of(x), type_of(value)
    if value_type.dtype.kind == "c" and x_type.dtype.kind == "f":
        raise DTypeError.from_unsafe_cast("assignment", value_type.dtype, x_type.dtype)
    if _is_one_for_all(x_type, value_type, index):
        return _where_masked(x, value, index)
    canonical, arrays = canonical_index(x, index)
    part = _part_type(x_type, [type_of(a) for a in arrays], canonical)
    extra = value_type.ndim - part.ndim
    if extra > 0 and value_type.shape[:extra] == (1,) * extra:
        value = FRONTS["reshape"](value, value_type.shape[extra:])
    if broadcast_shapes("assignment", part.shape, type_of(value).shape) != part.shape:
        raise ShapeError.from_numpy(
            "assignment", (part.shape, value_type.shape), "the value does not fit"
        )
    if value_type.dtype != x_type.dtype and not value_type.weak:
        value = astype(value, x_type.dtype)
    return apply(op, x, value, *arrays, index=canonical)


def _is_one_for_all(x: ArrayType, value: ArrayType, index: Any) -> bool:
    """Say whether an index is a mask of which only the type is known, and every element it names gets the same."""
    if type(index) not in HANDLES or type(index.lowest().out) is not ArrayType:
        return False
    mask = index.type
    if mask.dtype.kind != "b" or mask.shape != x.shape[: mask.ndim]:
        return False
    rest = x.shape[mask.ndim :]
    return value.ndim <= len(rest) and broadcast_shapes("assignment", rest, value.shape) == rest


def _where_masked(x: Value, value: Value, mask: Any) -> Value:
    """Write a value wherever a mask holds; how many elements that are need not be known."""
    x_type, value_type = type_of(x), type_of(value)
    if value_type.dtype != x_type.dtype:
        value = astype(value, x_type.dtype)
    shape = (*mask.type.shape, *[1] * (x_type.ndim - mask.type.ndim))
    return FRONTS["where"](FRONTS["reshape"](mask, shape), value, x)


IN_PLACE["setitem"] = functools.partial(setitem, op=_SETITEM_IN_PLACE)


def canonical_index(x: Value, index: Any) -> tuple[Index, list[Any]]:
    """Split an index into its fixed part and its index arrays; masks become the positions where they hold.

    Raises:
        ArgumentError: one of several indices is a boolean scalar.
        IndexError: a mask is of another shape than the axes it stands for.
    """
    given = index if type(index) is tuple else (index,)
    items = [array_like(settled(i)) for i in given]
    canonical: list[Any] = []
    arrays: list[Any] = []
    for place, i in enumerate(items):
        if i is None or i is Ellipsis:
            canonical.append(i)
        elif isinstance(i, slice):
            canonical.append(slice(*map(_bound, (i.start, i.stop, i.step))))
        elif isinstance(i, (bool, np.bool_)):
            raise ArgumentError.from_unsupported(
                "indexing",
                f"the boolean scalar {i} among other indices",
                "write x[None] for x[True]",
            )
        elif type(i) is not TracedScalar and isinstance(i, (int, np.integer)):
            canonical.append(operator.index(i))
        else:
            positions = _positions(i)
            if _is_mask(i):
                _check_mask(type_of(x).shape, items, place)
            canonical += [ARRAY] * len(positions)
            arrays += positions
    return tuple(canonical), arrays


def _check_mask(shape: Shape, items: Sequence[Any], place: int) -> None:
    """See that a mask has the shape of the axes that it stands for; the positions where it holds do not tell."""
    consumed = [_axes_of(i) for i in items]
    mask = np.shape(items[place])
    is_behind = any(i is Ellipsis for i in items[:place])
    axis = len(shape) - sum(consumed[place:]) if is_behind else sum(consumed[:place])
    for k, n in enumerate(mask):
        if not 0 <= axis + k < len(shape):
            message = f"too many indices for an array of shape {shape}: the mask has shape {mask}"
            raise IndexError(message)
        if n != shape[axis + k]:
            message = (
                f"boolean index did not match indexed array along axis {axis + k}; "
                f"size of axis is {shape[axis + k]} but size of corresponding boolean axis is {n}"
            )
            raise IndexError(message)


def _axes_of(item: Any) -> int:
    """Return how many axes of the array an item of an index uses up."""
    if item is None or item is Ellipsis:
        return 0
    if isinstance(item, (int, slice, np.integer)) or not _is_mask(item):
        return 1
    return np.ndim(item)


def _is_mask(index: Any) -> bool:
    """Say whether an index array is one of truth values."""
    return (index.type if type(index) in HANDLES else np.asarray(index)).dtype.kind == "b"


def _is_boolean_scalar(index: Any) -> bool:
    """Recognise a mask of no axes: True adds an axis of length 1, False one of length 0."""
    if type(index) in {bool, np.bool_}:
        return True
    return (
        isinstance(index, np.ndarray) and type_of(index).dtype == bool and not type_of(index).shape
    )


def _bound(i: Any) -> int | None:
    return None if i is None else operator.index(i)


def _positions(i: Any) -> list[Any]:
    """Return an index array as integers: itself, or the positions where a mask holds."""
    if type(i) in HANDLES:
        kind = type_of(i).dtype.kind
        if kind in "iu":
            return [i]
        i = list(FRONTS["nonzero"](i)) if kind == "b" else np.asarray(i)
        if type(i) is list:
            return i
    array = np.asarray(i)
    if array.dtype == bool:
        return list(np.nonzero(array))
    return [array.astype(np.intp) if array.size == 0 else array.copy()]


def _names_one_element(index: Index, ndim: int) -> bool:
    return len(index) == ndim and all([type(i) in (int, str) for i in index])  # noqa: C419  faster than a generator


def _taken_positions(indices: Any) -> Value:
    """Return what `np.take` is given as integers: of an array that takes a cast, of a number or list its whole part."""
    is_array = isinstance(indices, (np.ndarray, TracedArray))
    if type(indices) not in HANDLES:
        indices = np.asarray(indices)
    dtype = type_of(indices).dtype
    if dtype.kind in "iu":
        return indices
    if dtype.kind == "c" or (is_array and not np.can_cast(dtype, np.intp, "same_kind")):
        raise DTypeError.from_unsafe_cast("take", dtype, np.dtype(np.intp))
    return FRONTS["astype"](indices, np.intp)


def _take(a: Value, indices: Any, axis: int | None = None, mode: str = "raise") -> Value:
    if axis is None:
        a, axis = FRONTS["ravel"](a), 0
    t = type_of(a)
    axis = range(t.ndim)[axis]
    positions = _taken_positions(settled(indices))
    if mode == "clip":
        positions = np.clip(positions, 0, t.shape[axis] - 1)
    elif mode == "wrap":
        positions = np.remainder(positions, t.shape[axis])
    elif mode != "raise":
        raise ArgumentError.from_choice("take", "mode", mode, ("raise", "wrap", "clip"))
    return apply(GETITEM, a, positions, index=(slice(None),) * axis + (ARRAY,))


def _take_along_axis(arr: Value, indices: Any, axis: int | None = -1) -> Value:
    if axis is None:
        return getitem(
            FRONTS["ravel"](arr),
            FRONTS["ravel"](indices) if type(indices) in HANDLES else np.ravel(indices),
        )
    arrays = _along_axis(type_of(arr).ndim, type_of(indices).shape, axis)
    arrays[axis] = indices
    return apply(GETITEM, arr, *arrays, index=(ARRAY,) * len(arrays))


def _along_axis(ndim: int, shape: Shape, axis: int) -> list[Any]:
    """Return one broadcasting range per axis."""
    if len(shape) != ndim:
        raise ShapeError.from_numpy(
            "take_along_axis", ((0,) * ndim, shape), "both need the same number of axes"
        )
    range(ndim)[axis]
    return [np.arange(n).reshape((-1,) + (1,) * (ndim - 1 - i)) for i, n in enumerate(shape)]


def _compress(condition: Any, a: Value, axis: int | None = None) -> Value:
    condition = settled(condition)
    if type(condition) not in HANDLES:
        condition = np.asarray(condition)
    return _take(a, FRONTS["flatnonzero"](condition), axis=axis)


composite(
    "take",
    _take,
    names=(np.take,),
    samples=(
        Sample((4, 3), np.array([0, 2])),
        Sample((4, 3), [[0, 2], [1, 1]], axis=0),
        Sample((4, 3), 1, axis=-1),
        Sample((4, 3), [5, -7], axis=0, mode="wrap"),
        Sample((4, 3), [5, -7], axis=1, mode="clip"),
    ),
)
composite(
    "take_along_axis",
    _take_along_axis,
    names=(np.take_along_axis,),
    samples=(
        Sample((2, 3), np.array([[2, 0], [1, 1]]), axis=1),
        Sample((2, 3), np.array([[1, 0, 0]]), axis=0),
        Sample((4,), np.array([3, 0]), axis=-1),
        Sample((2, 3), np.array([5, 0]), axis=None),
    ),
)
composite(
    "compress",
    _compress,
    names=(np.compress,),
    samples=(Sample([True, False, True], (4, 3), axis=0), Sample([False, True], (2, 3))),
)
composite(
    "extract",
    lambda condition, arr: _compress(
        FRONTS["ravel"](condition) if type(condition) in HANDLES else np.ravel(condition), arr
    ),
    names=(np.extract,),
    samples=(Sample(np.array([[True, False, True], [False, False, True]]), (2, 3)),),
)


def _plain_positions(name: str, numpy: Any, of_count: Callable[[ArrayType, int], Any]) -> None:
    """Declare a function whose result is positions, known only with the numbers."""
    constant(
        name,
        numpy,
        infer=NeedsNumbers(name, of_count),
        samples=(Sample((2, 3)),),
    )


_POSITIONS = np.dtype(np.intp)

_plain_positions(
    "nonzero", np.nonzero, lambda x, count: (array_type((count,), _POSITIONS),) * x.ndim
)
_plain_positions("argwhere", np.argwhere, lambda x, count: array_type((count, x.ndim), _POSITIONS))
_plain_positions("flatnonzero", np.flatnonzero, lambda _, count: array_type((count,), _POSITIONS))
