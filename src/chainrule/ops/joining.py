"""Joining arrays and taking them apart: concatenate and stack, what is made of them, and the ways to split."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type
from chainrule.errors import DTypeError, ShapeError
from chainrule.ops.canonical import along, array_like, axis_of, part_along
from chainrule.ops.kinds import composite, linear
from chainrule.ops.layout import reshaped


def _concatenated_type(*types: ArrayType, axis: int, starts: Shape) -> ArrayType:
    first = types[0].shape
    if not first:
        raise ShapeError.from_ndim(
            "concatenate", first, "at least one axis; np.stack joins numbers"
        )
    for i, t in enumerate(types):
        if t.shape[:axis] != first[:axis] or t.shape[axis + 1 :] != first[axis + 1 :]:
            expected = f"equal shapes but for axis {axis}"
            raise ShapeError.from_join("concatenate", i, t.shape, first, expected)
    total = sum([t.shape[axis] for t in types])
    return array_type((*first[:axis], total, *first[axis + 1 :]), _joined_dtype(types))


def _joined_dtype(types: Sequence[ArrayType]) -> np.dtype[Any]:
    """Return the dtype of joined arrays: NumPy makes arrays of Python numbers first, so none of them is weak."""
    return np.result_type(*{t.dtype for t in types})


def _concatenate(
    arrays: Any,
    /,
    axis: int | None = 0,
    out: Any = None,
    *,
    dtype: Any = None,
    casting: str = "same_kind",
) -> Value:
    parts = _listed("concatenate", arrays)
    if axis is None:
        parts, axis = [FRONTS["ravel"](p) for p in parts], 0
    types = [type_of(p) for p in parts]
    axis = axis_of(axis, max(types[0].ndim, 1))
    starts = tuple(accumulate([t.shape[axis] if t.ndim > axis else 0 for t in types], initial=0))
    _concatenated_type(*types, axis=axis, starts=starts)
    return _as_dtype(apply(_CONCATENATE, *parts, axis=axis, starts=starts[:-1]), dtype, casting)


def _part_of_concatenated(i: int, g: Value, *arrays: Value, axis: int, starts: Shape) -> Value:
    stop = starts[i] + type_of(arrays[i]).shape[axis]
    return part_along(g, axis, starts[i], stop)


_CONCATENATE = linear(
    "concatenate",
    lambda *arrays, axis, starts: np.concatenate(arrays, axis=axis),
    infer=_concatenated_type,
    transposes=_part_of_concatenated,
    joint=True,
    front=_concatenate,
    names=(np.concatenate, np.concat),
    samples=(
        Sample([(2, 3), (1, 3)]),
        Sample([(2, 3), (2, 1), (2, 0)], axis=-1),
        Sample([(2, 3), (2,)], axis=None),
        Sample([(2,), (3,)], dtype=np.float64),
    ),
    rejects=(Sample([(2, 3), (2, 4)]), Sample([(), ()]), Sample([(2, 3), (2,)])),
)


def _stacked_type(*types: ArrayType, axis: int) -> ArrayType:
    first = types[0].shape
    for i, t in enumerate(types):
        if t.shape != first:
            raise ShapeError.from_join("stack", i, t.shape, first, "equal shapes")
    return array_type((*first[:axis], len(types), *first[axis:]), _joined_dtype(types))


def _stack(
    arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Value:
    parts = _listed("stack", arrays)
    types = [type_of(p) for p in parts]
    axis = axis_of(axis, types[0].ndim + 1)
    _stacked_type(*types, axis=axis)
    return _as_dtype(apply(_STACK, *parts, axis=axis), dtype, casting)


_STACK = linear(
    "stack",
    lambda *arrays, axis: np.stack(arrays, axis=axis),
    infer=_stacked_type,
    transposes=lambda i, g, *arrays, axis: FRONTS["getitem"](g, i if axis == 0 else along(axis, i)),
    joint=True,
    front=_stack,
    names=(np.stack,),
    samples=(
        Sample([(2, 3), (2, 3)]),
        Sample([(2, 3), (2, 3)], axis=-1),
        Sample([(), (), ()]),
        Sample([(2,), (2,)], axis=1, dtype=np.float64),
    ),
    rejects=(Sample([(2, 3), (3, 2)]),),
)


def _listed(name: str, arrays: Any) -> list[Value]:
    parts = [array_like(a) for a in arrays]
    if not parts:
        raise ShapeError.from_no_arrays(name)
    return parts


def _as_dtype(x: Value, dtype: Any, casting: Any) -> Value:
    if dtype is None:
        return x
    given = type_of(x).dtype
    if not np.can_cast(given, dtype, casting):
        raise DTypeError.from_unsafe_cast("np.concatenate", given, np.dtype(dtype))
    return FRONTS["astype"](x, dtype)


def _vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    parts = [FRONTS["atleast_2d"](a) for a in _listed("vstack", tup)]
    return _concatenate(parts, dtype=dtype, casting=casting)


def _hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Value:
    parts = [FRONTS["atleast_1d"](a) for a in _listed("hstack", tup)]
    axis = 0 if type_of(parts[0]).ndim == 1 else 1
    return _concatenate(parts, axis=axis, dtype=dtype, casting=casting)


def _dstack(tup: Any) -> Value:
    return _concatenate([FRONTS["atleast_3d"](a) for a in _listed("dstack", tup)], axis=2)


def _column_stack(tup: Any) -> Value:
    return _concatenate([_as_column(a) for a in _listed("column_stack", tup)], axis=1)


def _as_column(x: Value) -> Value:
    t = type_of(x)
    return x if t.ndim >= 2 else reshaped(x, (t.size, 1))


def _block(arrays: Any) -> Value:
    depth = _depth(arrays)
    ndim = max(depth, *_ndims(arrays))
    joined = _joined_blocks(arrays, depth, ndim)
    return joined if depth else FRONTS["copy"](joined)


def _depth(arrays: Any) -> int:
    return 1 + max(map(_depth, arrays), default=0) if type(arrays) is list else 0


def _ndims(arrays: Any) -> list[int]:
    if type(arrays) is list:
        return [n for a in arrays for n in _ndims(a)]
    return [type_of(arrays).ndim]


def _joined_blocks(arrays: Any, depth: int, ndim: int) -> Value:
    if type(arrays) is not list:
        shape = type_of(arrays).shape
        return reshaped(arrays, (1,) * (ndim - len(shape)) + shape)
    return _concatenate([_joined_blocks(a, depth - 1, ndim) for a in arrays], axis=-depth)


def _append(arr: Value, values: Value, axis: int | None = None) -> Value:
    return _concatenate([arr, values], axis=axis)


composite(
    "vstack",
    _vstack,
    names=(np.vstack,),
    samples=(Sample([(3,), (2, 3)]), Sample([(), ()])),
    rejects=(Sample([(3,), (2, 4)]),),
)
composite(
    "hstack", _hstack, names=(np.hstack,), samples=(Sample([(), (2,)]), Sample([(2, 1), (2, 3)]))
)
composite(
    "dstack", _dstack, names=(np.dstack,), samples=(Sample([(3,), (3,)]), Sample([(2, 3), (2, 3)]))
)
composite(
    "column_stack",
    _column_stack,
    names=(np.column_stack,),
    samples=(Sample([(3,), (3, 2)]), Sample([(3,), (3,)])),
)
composite(
    "block",
    _block,
    names=(np.block,),
    samples=(Sample([(2,), (3,)]), Sample([(2, 2), (2, 1)]), Sample((2, 2))),
)
composite(
    "append",
    _append,
    names=(np.append,),
    samples=(Sample((2, 3), (2,)), Sample((2, 3), (1, 3), axis=0), Sample((2,), 1.5)),
    rejects=(Sample((2, 3), (2,), axis=0),),
)
