"""Diagonals and triangles."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type
from chainrule.errors import ShapeError
from chainrule.ops.broadcasting import broadcast_to
from chainrule.ops.canonical import array_like, axis_of, refuse_out
from chainrule.ops.kinds import composite, linear
from chainrule.ops.layout import reshaped, viewed_read_only


def _diagonal_type(x: ArrayType, offset: int, axis1: int, axis2: int) -> ArrayType:
    rest = tuple([n for i, n in enumerate(x.shape) if i not in {axis1, axis2}])
    rows, columns = x.shape[axis1] + min(offset, 0), x.shape[axis2] - max(offset, 0)
    return array_type((*rest, max(min(rows, columns), 0)), x.dtype)


def _diagonal(a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Value:
    a = array_like(a)
    shape = type_of(a).shape
    if len(shape) < 2:
        raise ShapeError.from_ndim("diagonal", shape, "at least two axes")
    i, j = axis_of(axis1, len(shape)), axis_of(axis2, len(shape))
    if i == j:
        raise ShapeError.from_axes("diagonal", shape, (axis1, axis2))
    params = {"offset": int(offset), "axis1": i, "axis2": j}
    return viewed_read_only(
        "diagonal", a, lambda base: apply(_DIAGONAL, base, **params), ("diagonal", offset, i, j)
    )


_DIAGONAL: Op = linear(
    "diagonal",
    lambda x, offset, axis1, axis2: np.diagonal(x, offset, axis1, axis2),
    infer=_diagonal_type,
    transposes=(
        lambda g, x, offset, axis1, axis2: apply(
            _FROM_DIAGONAL, g, shape=type_of(x).shape, offset=offset, axis1=axis1, axis2=axis2
        ),
    ),
    front=_diagonal,
    names=(np.diagonal,),
    samples=(
        Sample((3, 3)),
        Sample((2, 4), offset=1),
        Sample((4, 2), offset=-2),
        Sample((2, 3), offset=7),
        Sample((2, 3, 4), axis1=-1, axis2=0),
    ),
    rejects=(Sample((3,)), Sample((3, 3), axis1=0, axis2=-2)),
)


def _from_diagonal(x: Any, shape: Shape, offset: int, axis1: int, axis2: int) -> Any:
    out = np.zeros(shape, x.dtype)
    rows = np.arange(x.shape[-1]) + max(-offset, 0)
    np.moveaxis(out, (axis1, axis2), (-2, -1))[..., rows, rows + offset] = x
    return out


_FROM_DIAGONAL: Op = linear(
    "from_diagonal",
    _from_diagonal,
    infer=lambda x, shape, offset, axis1, axis2: array_type(shape, x.dtype),
    transposes=(
        lambda g, x, shape, offset, axis1, axis2: apply(
            _DIAGONAL, g, offset=offset, axis1=axis1, axis2=axis2
        ),
    ),
    samples=(
        Sample((3,), shape=(3, 4), offset=1, axis1=0, axis2=1),
        Sample((2, 3), shape=(4, 2, 3), offset=-1, axis1=0, axis2=2),
    ),
)


def _diag(v: Value, k: int = 0) -> Value:
    v = array_like(v)
    shape = type_of(v).shape
    if len(shape) == 2:
        return _diagonal(v, k)
    if len(shape) != 1:
        raise ShapeError.from_ndim("diag", shape, "one axis or two")
    n = shape[0] + abs(k)
    return apply(_FROM_DIAGONAL, v, shape=(n, n), offset=int(k), axis1=0, axis2=1)


def _diagflat(v: Value, k: int = 0) -> Value:
    v = array_like(v)
    return _diag(reshaped(v, (type_of(v).size,)), k)


def _trace(
    a: Value, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Value:
    refuse_out("trace", out)
    return FRONTS["sum"](_diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)


def _triangle_type(x: ArrayType, k: int) -> ArrayType:
    return array_type(x.shape, x.dtype)


def _triangle(name: str, m: Value, k: int) -> Value:
    m = array_like(m)
    shape = type_of(m).shape
    if not shape:
        raise ShapeError.from_ndim(name, shape, "at least one axis")
    # NumPy gives a vector the rows of a square: each row of the result is cut from the vector.
    square = broadcast_to(m, shape * 2) if len(shape) == 1 else m
    return apply(_TRIANGLES[name], square, k=int(k))


_TRIANGLES: dict[str, Op] = {
    "tril": linear(
        "tril",
        lambda x, k: np.tril(x, k),
        infer=_triangle_type,
        transposes=(lambda g, x, k: apply(_TRIANGLES["tril"], g, k=k),),
        front=lambda m, k=0: _triangle("tril", m, k),
        names=(np.tril,),
        samples=(Sample((3, 3)), Sample((2, 3, 4), k=1), Sample((3,)), Sample((3, 3), k=-1)),
        rejects=(Sample(()),),
    ),
    "triu": linear(
        "triu",
        lambda x, k: np.triu(x, k),
        infer=_triangle_type,
        transposes=(lambda g, x, k: apply(_TRIANGLES["triu"], g, k=k),),
        front=lambda m, k=0: _triangle("triu", m, k),
        names=(np.triu,),
        samples=(Sample((3, 3)), Sample((2, 3, 4), k=1), Sample((3,)), Sample((3, 3), k=-1)),
        rejects=(Sample(()),),
    ),
}
composite(
    "diag",
    _diag,
    names=(np.diag,),
    samples=(Sample((3,)), Sample((3,), k=-1), Sample((2, 3), k=1), Sample((0,))),
    rejects=(Sample((2, 2, 2)),),
)
composite(
    "diagflat",
    _diagflat,
    names=(np.diagflat,),
    samples=(Sample((2, 2)), Sample((2,), k=1), Sample(())),
)
composite(
    "trace",
    _trace,
    names=(np.trace,),
    samples=(Sample((3, 3)), Sample((3, 4), offset=1), Sample((2, 3, 3), axis1=1, axis2=-1)),
    rejects=(Sample((3,)),),
)
composite(
    "batched_diagonal",
    lambda x, /, *, offset=0: _diagonal(x, offset, -2, -1),
    names=(np.linalg.diagonal,),
    samples=(Sample((2, 3, 3), offset=1), Sample((3, 3))),
)
composite(
    "batched_trace",
    lambda x, /, *, offset=0, dtype=None: _trace(x, offset, -2, -1, dtype),
    names=(np.linalg.trace,),
    samples=(Sample((2, 3, 3), offset=1), Sample((3, 3))),
)
