"""Sorting, and what is read off sorted elements. Each element of the result is one of the argument's."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value, array_type
from chainrule.ops.canonical import array_like, axis_of
from chainrule.ops.kinds import composite, constant
from chainrule.ops.layout import laid_out_as, reshaped

_POSITIONS = np.dtype(np.intp)


def _on_axis(x: Any, axis: int | None) -> tuple[Value, int]:
    """Return the array and the axis to sort along; without an axis the array as a vector."""
    x = array_like(x)
    t = type_of(x)
    return (reshaped(x, (t.size,)), 0) if axis is None else (x, axis_of(axis, t.ndim))


def _argsort(
    a: Value, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Value:
    x, axis = _on_axis(a, axis)
    return apply(_ARGSORT, x, axis=axis, kind="stable" if stable else kind)


def _sort(
    a: Value, axis: int | None = -1, kind: Any = None, order: Any = None, *, stable: Any = None
) -> Value:
    x, axis = _on_axis(a, axis)
    positions = apply(_ARGSORT, x, axis=axis, kind="stable" if stable else kind)
    return laid_out_as(FRONTS["take_along_axis"](x, positions, axis=axis), x)


def _canonical_kth(kth: Any, size: int) -> tuple[int, ...]:
    return tuple(axis_of(k, size) for k in np.atleast_1d(settled(kth)).tolist())


def _argpartition(
    a: Value, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Value:
    x, axis = _on_axis(a, axis)
    return apply(_ARGPARTITION, x, kth=_canonical_kth(kth, type_of(x).shape[axis]), axis=axis)


def _partition(
    a: Value, kth: Any, axis: int | None = -1, kind: str = "introselect", order: Any = None
) -> Value:
    x, axis = _on_axis(a, axis)
    kth = _canonical_kth(kth, type_of(x).shape[axis])
    positions = apply(_PARTITION_POSITIONS, x, kth=kth, axis=axis)
    return laid_out_as(FRONTS["take_along_axis"](x, positions, axis=axis), x)


def _partition_positions(x: Any, kth: tuple[int, ...], axis: int) -> Any:
    """Return the positions of what `np.partition` returns: `np.argpartition` may leave the rest in another order."""
    ranks = np.argsort(np.partition(x, kth, axis), axis, kind="stable")
    positions = np.empty(x.shape, np.intp)
    np.put_along_axis(positions, ranks, np.argsort(x, axis, kind="stable"), axis)
    return positions


def _searchsorted(a: Value, v: Value, side: str = "left", sorter: Any = None) -> Value:
    rest = () if sorter is None else (settled(sorter),)
    return apply(_SEARCHSORTED, array_like(a), array_like(v), *rest, side=side)


_ARGSORT = constant(
    "argsort",
    lambda x, axis, kind: np.argsort(x, axis=axis, kind=kind),
    infer=lambda x, axis, kind: array_type(x.shape, _POSITIONS),
    left_to_numpy="it sorts",
    front=_argsort,
    names=(np.argsort,),
    samples=(Sample((2, 3)), Sample((2, 3), axis=0, kind="stable"), Sample((2, 3), axis=None)),
)
_ARGPARTITION = constant(
    "argpartition",
    lambda x, kth, axis: np.argpartition(x, kth, axis=axis),
    infer=lambda x, kth, axis: array_type(x.shape, _POSITIONS),
    left_to_numpy="it sorts",
    front=_argpartition,
    names=(np.argpartition,),
    samples=(Sample((5,), 2), Sample((2, 3), [0, -1], axis=-1), Sample((2, 3), 1, axis=None)),
)
_PARTITION_POSITIONS = constant(
    "partition_positions",
    _partition_positions,
    infer=lambda x, kth, axis: array_type(x.shape, _POSITIONS),
    left_to_numpy="it sorts",
    samples=(Sample((5,), kth=2, axis=0), Sample((2, 3), kth=1, axis=1)),
)
_SEARCHSORTED = constant(
    "searchsorted",
    lambda a, v, *sorter, side: np.searchsorted(a, v, side, *sorter),
    infer=lambda a, v, *sorter, side: array_type(v.shape, _POSITIONS),
    left_to_numpy="it searches",
    front=_searchsorted,
    names=(np.searchsorted,),
    arity=2,
    samples=(
        Sample(np.array([-1.0, 0.0, 1.0]), (2, 3)),
        Sample(np.array([1.0, -1.0]), (), side="right", sorter=np.array([1, 0])),
    ),
)
composite(
    "sort",
    _sort,
    names=(np.sort,),
    samples=(
        Sample((5,)),
        Sample((2, 3), axis=0),
        Sample((2, 3), axis=None),
        Sample((2, 3), stable=True),
        Sample((0, 3), axis=0),
    ),
)
composite(
    "partition",
    _partition,
    names=(np.partition,),
    samples=(Sample((6,), 2), Sample((3, 4), [0, -1], axis=0), Sample((2, 3), 1, axis=None)),
)
