"""Norms of vectors and matrices. Where a norm is zero, so is its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type
from chainrule.errors import ArgumentError
from chainrule.ops.checking import as_array, matrix_sizes
from chainrule.ops.kinds import composite, general
from chainrule.ops.matrices import conjugated, inexact, real_of, real_part

_MATRIX_ORDERS = ("fro", "nuc", "1", "-1", "2", "-2", "inf", "-inf")


def _p_norm_type(x: ArrayType, p: float, axes: Shape, keepdims: bool) -> ArrayType:
    kept = [1 if i in axes else n for i, n in enumerate(x.shape) if keepdims or i not in axes]
    return array_type(tuple(kept), real_of(x))


def _slope(out: Value, x: Value, p: float) -> Value:
    """The partial derivatives: x / |x|ₚ for p = 2, else sign(x) (|x| / |x|ₚ)^(p - 1); 0 where the norm is 0."""
    size = np.where(out == 0, 1, out)
    if p == 2:
        return conjugated(x) / size
    return conjugated(np.sign(x)) * (np.abs(x) / size) ** (p - 1)


def _p_norm_vjp(g: Value, out: Value, x: Value, p: float, axes: Shape, keepdims: bool) -> Value:
    if not keepdims:
        g, out = np.expand_dims(g, axes), np.expand_dims(out, axes)
    return g * _slope(out, x, p)


def _p_norm_jvp(
    tangents: tuple[Value], out: Value, x: Value, p: float, axes: Shape, keepdims: bool
) -> Value:
    size = out if keepdims else np.expand_dims(out, axes)
    return np.sum(real_part(tangents[0] * _slope(size, x, p)), axis=axes, keepdims=keepdims)


def _p_norm(x: Value, p: float, axes: Shape, keepdims: bool) -> Value:
    if p == 2:
        return np.sqrt(np.sum(real_part(conjugated(x) * x), axis=axes, keepdims=keepdims))
    return np.sum(np.abs(x) ** p, axis=axes, keepdims=keepdims) ** (1 / p)


_P_NORM = general(
    "p_norm",
    lambda x, p, axes, keepdims: np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=p),
    vjp=_p_norm_vjp,
    jvp=_p_norm_jvp,
    infer=_p_norm_type,
    body=_p_norm,
    samples=(
        Sample((2, 3), p=2.0, axes=(1,), keepdims=True),
        Sample((2, 3), p=3.0, axes=(0, 1), keepdims=False),
        Sample((3,), p=1.5, axes=(0,), keepdims=False),
        Sample((2, 0), p=2.0, axes=(1,), keepdims=False),
    ),
)


def _vector_norm(
    x: Value,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Value:
    x = _floating(x)
    axes = _canonical(axis, type_of(x).ndim)
    return _of_vectors(x, axes, 2 if ord is None else ord, keepdims)


def _of_vectors(x: Value, axes: Shape, order: Any, keepdims: bool) -> Value:
    if not isinstance(order, (int, float, np.integer, np.floating)):
        raise ArgumentError.from_range("np.linalg.norm", "ord", order, "a number for vectors")
    if order == np.inf:
        return np.max(np.abs(x), axis=axes, keepdims=keepdims)
    if order == -np.inf:
        return np.min(np.abs(x), axis=axes, keepdims=keepdims)
    if order == 1:
        return np.sum(np.abs(x), axis=axes, keepdims=keepdims)
    if order == 0:
        count = np.sum(np.not_equal(x, 0), axis=axes, keepdims=keepdims)
        return FRONTS["astype"](count, real_of(type_of(x)))
    return apply(_P_NORM, x, p=float(order), axes=axes, keepdims=keepdims)


def _of_matrices(x: Value, axes: Shape, order: Any, keepdims: bool) -> Value:
    if order is None or order == "fro":
        return apply(_P_NORM, x, p=2.0, axes=tuple(sorted(axes)), keepdims=keepdims)
    if str(order) not in _MATRIX_ORDERS:
        raise ArgumentError.from_choice("np.linalg.norm", "ord", order, _MATRIX_ORDERS)
    extreme = np.max if order == "nuc" or order > 0 else np.min
    if order in {1, -1, np.inf, -np.inf}:
        summed = axes[0] if abs(order) == 1 else axes[1]
        sums = np.sum(np.abs(x), axis=summed, keepdims=True)
        return extreme(sums, axis=axes, keepdims=keepdims)
    values = np.linalg.svdvals(np.moveaxis(x, axes, (-2, -1)))
    out = np.sum(values, axis=-1) if order == "nuc" else extreme(values, axis=-1)
    return np.expand_dims(out, axes) if keepdims else out


def _norm(
    x: Value,
    ord: Any = None,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
) -> Value:
    x = _floating(x)
    axes = _canonical(axis, type_of(x).ndim)
    if ord is None and (axis is None or len(axes) == 1):
        return _of_vectors(x, axes, 2, keepdims)
    if len(axes) == 1:
        return _of_vectors(x, axes, ord, keepdims)
    if len(axes) == 2:
        return _of_matrices(x, axes, ord, keepdims)
    raise ArgumentError.from_range("np.linalg.norm", "axis", axis, "one axis or two")


def _matrix_norm(x: Value, /, *, keepdims: bool = False, ord: Any = "fro") -> Value:
    x = _floating(x)
    matrix_sizes("matrix_norm", type_of(x).shape)
    return _of_matrices(x, (type_of(x).ndim - 2, type_of(x).ndim - 1), ord, keepdims)


def _cond(x: Value, p: Any = None) -> Value:
    x = _floating(x)
    matrix_sizes("cond", type_of(x).shape)
    if p is None or p in {2, -2}:
        s = np.linalg.svdvals(x)
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return _matrix_norm(x, ord=p) * _matrix_norm(np.linalg.inv(x), ord=p)


def _floating(x: Value) -> Value:
    x = as_array(x)
    return FRONTS["astype"](x, inexact(type_of(x).dtype))


def _canonical(axis: Any, ndim: int) -> Shape:
    if axis is None:
        return tuple(range(ndim))
    axes = (axis,) if isinstance(axis, (int, np.integer)) else tuple(axis)
    return tuple(range(ndim)[i] for i in axes)


composite(
    "norm",
    _norm,
    names=(np.linalg.norm,),
    samples=(
        Sample((3,)),
        Sample((2, 3)),
        Sample((2, 2, 3)),
        Sample((2, 3), axis=-1),
        Sample((2, 3), axis=0, keepdims=True),
        Sample((2, 2, 3), axis=(0, -1)),
        Sample((2, 3), 1, axis=1),
        Sample((3,), 3),
        Sample((3,), -1),
        Sample((3,), np.inf),
        Sample((3,), -np.inf),
        Sample((3,), 0),
        Sample((2, 3), "fro"),
        Sample((2, 3), "nuc", keepdims=True),
        Sample((2, 3), 1),
        Sample((2, 3), -1),
        Sample((2, 3), np.inf),
        Sample((2, 3), -np.inf),
        Sample((2, 3), 2),
        Sample((2, 3), -2),
        Sample((2, 3, 2), 2, axis=(2, 0)),
        Sample((2, 3, 2), "nuc", axis=(-1, 1), keepdims=True),
    ),
)
composite(
    "vector_norm",
    _vector_norm,
    names=(np.linalg.vector_norm,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), axis=1, ord=3),
        Sample((2, 2, 3), axis=(0, 2), ord=1, keepdims=True),
        Sample((2, 3), keepdims=True, ord=np.inf),
    ),
)
composite(
    "matrix_norm",
    _matrix_norm,
    names=(np.linalg.matrix_norm,),
    samples=(Sample((2, 3)), Sample((2, 2, 3), ord="nuc"), Sample((2, 3), ord=1, keepdims=True)),
    rejects=(Sample((3,)),),
)
composite(
    "cond",
    _cond,
    names=(np.linalg.cond,),
    samples=(
        Sample((3, 3)),
        Sample((3, 2)),
        Sample((2, 2, 2), -2),
        Sample((2, 2), 1),
        Sample((2, 2), "fro"),
    ),
    rejects=(Sample((3,)),),
)
