"""Products of vectors: `outer`, `vdot`, `vecdot`, `kron`, `cross`."""

from __future__ import annotations

import operator

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value, broadcast_shapes
from chainrule.errors import ShapeError
from chainrule.ops.checking import as_array, same_inner
from chainrule.ops.kinds import composite
from chainrule.ops.matrices import conjugated


def _outer(a: Value, b: Value) -> Value:
    return FRONTS["ravel"](as_array(a))[:, None] * FRONTS["ravel"](as_array(b))


def _linalg_outer(x1: Value, x2: Value, /) -> Value:
    shapes = type_of(x1).shape, type_of(x2).shape
    if list(map(len, shapes)) != [1, 1]:
        raise ShapeError.from_numpy("outer", shapes, "both need exactly one axis")
    return _outer(x1, x2)


def _vdot(a: Value, b: Value, /) -> Value:
    left, right = FRONTS["ravel"](as_array(a)), FRONTS["ravel"](as_array(b))
    return np.matmul(conjugated(left), right)


def _vecdot(x1: Value, x2: Value, /, *, axis: int = -1) -> Value:
    x1, x2 = as_array(x1), as_array(x2)
    if axis != -1:
        x1, x2 = np.moveaxis(x1, axis, -1), np.moveaxis(x2, axis, -1)
    same_inner("vecdot", x1, x2, -1, -1)
    products = conjugated(x1) * x2
    return np.sum(products, axis=-1, dtype=type_of(products).dtype)


def _kron(a: Value, b: Value) -> Value:
    a, b = as_array(a), as_array(b)
    ndim = max(type_of(a).ndim, type_of(b).ndim)
    left, right = ((1,) * (ndim - type_of(x).ndim) + type_of(x).shape for x in (a, b))
    blocks = np.reshape(a, tuple(n for size in left for n in (size, 1)))
    cells = np.reshape(b, tuple(n for size in right for n in (1, size)))
    return np.reshape(blocks * cells, tuple(map(operator.mul, left, right)))


def _cross(
    a: Value, b: Value, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Value:
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = np.moveaxis(as_array(a), axisa, -1), np.moveaxis(as_array(b), axisb, -1)
    shapes = type_of(a).shape, type_of(b).shape
    if {shapes[0][-1], shapes[1][-1]} - {2, 3}:
        raise ShapeError.from_numpy("cross", shapes, "vectors need 2 or 3 components")
    broadcast_shapes("cross", shapes[0][:-1], shapes[1][:-1])
    x, y = ([v[..., i] for i in range(n[-1])] for v, n in zip((a, b), shapes, strict=True))
    last = x[0] * y[1] - x[1] * y[0]
    if len(x) == len(y) == 2:
        return last
    x, y = ([*v, 0.0][:3] for v in (x, y))
    parts = [x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], last]
    return np.moveaxis(np.stack(parts, axis=-1), -1, axisc)


def _linalg_cross(x1: Value, x2: Value, /, *, axis: int = -1) -> Value:
    shapes = type_of(x1).shape, type_of(x2).shape
    if any(shape[axis] != 3 for shape in shapes):
        raise ShapeError.from_numpy("cross", shapes, "vectors need 3 components")
    return _cross(x1, x2, axis=axis)


composite(
    "outer",
    _outer,
    names=(np.outer,),
    samples=(Sample((2,), (3,)), Sample((2, 2), (3,)), Sample((), (3,)), Sample((0,), (2,))),
)
composite(
    "linalg_outer",
    _linalg_outer,
    names=(np.linalg.outer,),
    samples=(Sample((2,), (3,)),),
    rejects=(Sample((2, 2), (3,)),),
)
composite(
    "vdot",
    _vdot,
    names=(np.vdot,),
    samples=(Sample((3,), (3,)), Sample((2, 3), (2, 3)), Sample((), ())),
    rejects=(Sample((2,), (3,)),),
)
composite(
    "kron",
    _kron,
    names=(np.kron,),
    samples=(Sample((2, 3), (3, 2)), Sample((2,), (2, 3)), Sample((), (2,)), Sample((2,), (3,))),
)
composite(
    "cross",
    _cross,
    names=(np.cross,),
    samples=(
        Sample((3,), (3,)),
        Sample((2, 3), (3,)),
        Sample((3, 2), (2, 3), axisa=0, axisc=0),
        Sample((3, 2), (3, 2), axis=0),
    ),
    rejects=(Sample((4,), (4,)), Sample((2, 3), (4, 3))),
)
composite(
    "linalg_cross",
    _linalg_cross,
    names=(np.linalg.cross,),
    samples=(Sample((2, 3), (2, 3)), Sample((3, 2), (3, 2), axis=0)),
    rejects=(Sample((2,), (2,)),),
)
composite(
    "vecdot",
    _vecdot,
    names=(np.vecdot, np.linalg.vecdot),
    samples=(Sample((2, 3), (2, 3)), Sample((3,), (2, 3)), Sample((2, 1, 3), (4, 3))),
    rejects=(Sample((2, 3), (2, 4)),),
)
