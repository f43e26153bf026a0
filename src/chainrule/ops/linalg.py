"""Square systems: `solve`, `inv`, `det`, `slogdet`, and tensors read as square matrices.

A singular matrix raises NumPy's own LinAlgError; `slogdet` knows singular matrices, its derivative there is NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample, sometimes
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type, broadcast_shapes, promoted
from chainrule.errors import ShapeError
from chainrule.ops.broadcasting import sum_to
from chainrule.ops.checking import as_array, square_size
from chainrule.ops.kinds import composite, general
from chainrule.ops.matrices import inexact, linalg_ufunc, matrix_type, real_of

_SLOGDET_RESULT: Any = type(np.linalg.slogdet(np.eye(1)))


def regular(*matrices: Value) -> Any:
    """Make random square matrices regular: samples use it."""
    moved = tuple(x + 3 * np.eye(x.shape[-1], dtype=x.dtype) for x in matrices[:1])
    return (*moved, *matrices[1:])


def _solve_type(a: ArrayType, b: ArrayType) -> ArrayType:
    n = square_size("solve", a.shape)
    if len(b.shape) < 2 or b.shape[-2] != n:
        raise ShapeError.from_numpy("solve", (a.shape, b.shape), f"b needs {n} rows")
    batch = broadcast_shapes("solve", a.shape[:-2], b.shape[:-2])
    return array_type((*batch, n, b.shape[-1]), inexact(promoted(a, b)))


def _solve_vjp(g: Value, out: Value, a: Value, b: Value) -> tuple[Value, Value]:
    """With a z = b: db = a⁻ᵀ g, da = -db zᵀ."""
    right = np.linalg.solve(a.mT, g)
    # Where only b is differentiated the result was not kept, and da is not wanted.
    left = None if type(out) is ArrayType else sum_to(-(right @ out.mT), type_of(a).shape)
    return left, sum_to(right, type_of(b).shape)


def _solve_jvp(tangents: tuple[Value, Value], out: Value, a: Value, b: Value) -> Value:
    return np.linalg.solve(a, tangents[1] - tangents[0] @ out)


def _solve(a: Value, b: Value) -> Value:
    a, b = as_array(a), as_array(b)
    if type_of(b).ndim != 1:
        return apply(_SOLVE, a, b)
    return apply(_SOLVE, a, b[:, None])[..., 0]


_SOLVE: Op = general(
    "solve",
    np.linalg.solve,
    ufunc=linalg_ufunc("solve"),
    vjp=_solve_vjp,
    jvp=_solve_jvp,
    infer=_solve_type,
    front=_solve,
    names=(np.linalg.solve,),
    arity=2,
    can_fail=sometimes,
    samples=(
        Sample((3, 3), (3,), prepare=regular),
        Sample((3, 3), (3, 2), prepare=regular),
        Sample((2, 3, 3), (3,), prepare=regular),
        Sample((2, 1, 2, 2), (4, 2, 1), prepare=regular),
        Sample((2, 2), (3, 2, 2), prepare=regular),
        Sample((0, 0), (0, 2)),
    ),
    rejects=(Sample((2, 3), (2,)), Sample((2, 2), (3,)), Sample((3,), (3,))),
)


def _inv_type(a: ArrayType) -> ArrayType:
    n = square_size("inv", a.shape)
    return matrix_type(a, n, n)


_INV: Op = general(
    "inv",
    np.linalg.inv,
    ufunc=linalg_ufunc("inv"),
    vjp=lambda g, out, a: -(out.mT @ g @ out.mT),
    jvp=lambda tangents, out, a: -(out @ tangents[0] @ out),
    infer=_inv_type,
    front=lambda a: apply(_INV, as_array(a)),
    names=(np.linalg.inv,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3), prepare=regular),
        Sample((2, 2, 2), prepare=regular),
        Sample((0, 0)),
    ),
    rejects=(Sample((2, 3)), Sample((3,))),
)


def _cofactors(a: Any) -> Any:
    """det(a) a⁻ᵀ; of a singular matrix by its singular values.

    The product is accurate near singularity although the inverse is not: Stewart 1998, "On the adjugate matrix".
    """
    try:
        return np.linalg.det(a)[..., None, None] * np.linalg.inv(a).mT
    except np.linalg.LinAlgError:
        u, s, vh = np.linalg.svd(a)
    n = s.shape[-1]
    others = np.where(np.eye(n, dtype=bool), 1, s[..., None, :]).prod(-1)
    phase = np.linalg.det(u) * np.linalg.det(vh)
    return phase[..., None, None] * ((u.conj() * others[..., None, :]) @ vh.conj())


def _cofactors_tangent(t: Value, out: Value, a: Value) -> Value:
    inverse = np.linalg.inv(a).mT
    moved = np.sum(inverse * t, axis=(-2, -1), keepdims=True)
    return moved * out - out @ t.mT @ inverse


def _cofactors_vjp(g: Value, out: Value, a: Value) -> Value:
    inverse = np.linalg.inv(a).mT
    moved = np.sum(g * out, axis=(-2, -1), keepdims=True)
    return moved * inverse - inverse @ g.mT @ out


_COFACTORS: Op = general(
    "cofactors",
    _cofactors,
    vjp=_cofactors_vjp,
    jvp=lambda tangents, out, a: _cofactors_tangent(tangents[0], out, a),
    infer=_inv_type,
    samples=(Sample((3, 3), prepare=regular), Sample((2, 2, 2), prepare=regular)),
)


def _det_type(a: ArrayType) -> ArrayType:
    square_size("det", a.shape)
    return array_type(a.shape[:-2], inexact(a.dtype))


def _each(x: Value) -> Value:
    """One number per matrix, ready to multiply the matrices."""
    return x[..., None, None] if type_of(x).shape else x


_DET: Op = general(
    "det",
    np.linalg.det,
    ufunc=linalg_ufunc("det", raises=False),
    vjp=lambda g, out, a: _each(g) * apply(_COFACTORS, a),
    jvp=lambda tangents, out, a: np.sum(apply(_COFACTORS, a) * tangents[0], axis=(-2, -1)),
    infer=_det_type,
    front=lambda a: apply(_DET, as_array(a)),
    names=(np.linalg.det,),
    samples=(Sample((3, 3), prepare=regular), Sample((2, 2, 2), prepare=regular), Sample((1, 1))),
    rejects=(Sample((2, 3)),),
)


def _slogdet_type(a: ArrayType) -> tuple[ArrayType, ArrayType]:
    square_size("slogdet", a.shape)
    return array_type(a.shape[:-2], inexact(a.dtype)), array_type(a.shape[:-2], real_of(a))


def _inverse_or_nan(a: Value, sign: Value) -> Value:
    """Return inverses, NaN for the matrices whose determinant has no sign: log|det| has no slope there."""
    n = type_of(a).shape[-1]
    is_singular = _each(np.equal(sign, 0))
    inverse = np.linalg.inv(np.where(is_singular, np.eye(n, dtype=type_of(a).dtype), a))
    return np.where(is_singular, np.nan, inverse)


def _slogdet_vjp(g: Value, out: Value, a: Value) -> Value:
    """With τ = tr(a⁻¹ da): dlog = Re τ, dsign = i sign Im τ."""
    inverse = _inverse_or_nan(a, out[0]).mT
    if type_of(a).dtype.kind != "c":
        return _each(g[1]) * inverse
    return _each(g[1] + 1j * np.imag(g[0] * out[0])) * inverse


def _slogdet_jvp(tangents: tuple[Value], out: Value, a: Value) -> tuple[Value, Value]:
    moved = np.sum(_inverse_or_nan(a, out[0]).mT * tangents[0], axis=(-2, -1))
    if type_of(a).dtype.kind != "c":
        return FRONTS["zeros_like"](out[0]), moved
    return 1j * out[0] * np.imag(moved), np.real(moved)


_SLOGDET: Op = general(
    "slogdet",
    lambda a: tuple(np.linalg.slogdet(a)),
    ufunc=linalg_ufunc("slogdet", raises=False),
    vjp=_slogdet_vjp,
    jvp=_slogdet_jvp,
    infer=_slogdet_type,
    front=lambda a: _SLOGDET_RESULT(*apply(_SLOGDET, as_array(a))),
    names=(np.linalg.slogdet,),
    samples=(Sample((3, 3), prepare=regular), Sample((2, 2, 2), prepare=regular)),
    rejects=(Sample((2, 3)),),
)


def _tensorsolve(a: Value, b: Value, axes: tuple[int, ...] | None = None) -> Value:
    a, b = as_array(a), as_array(b)
    ndim, target = type_of(a).ndim, type_of(b)
    if axes is not None:
        kept = [k for k in range(ndim) if k not in axes]
        a = np.transpose(a, (*kept, *axes))
    rest: Shape = type_of(a).shape[target.ndim :]
    if math.prod(rest) != target.size:
        shapes = type_of(a).shape, target.shape
        raise ShapeError.from_numpy("tensorsolve", shapes, "prod(a.shape[b.ndim:]) must be b.size")
    matrix = np.reshape(a, (target.size, target.size))
    return np.reshape(np.linalg.solve(matrix, FRONTS["ravel"](b)), rest)


def _tensorinv(a: Value, ind: int = 2) -> Value:
    a = as_array(a)
    shape = type_of(a).shape
    rest, size = shape[ind:], math.prod(shape[:ind])
    if math.prod(rest) != size:
        raise ShapeError.from_not_square("tensorinv", (size, math.prod(rest)))
    return np.reshape(np.linalg.inv(np.reshape(a, (size, size))), (*rest, *shape[:ind]))


def _regular_tensor(x: Value, *others: Value) -> tuple[Value, ...]:
    n = math.isqrt(math.prod(x.shape))
    return x + 3 * np.eye(n, dtype=x.dtype).reshape(x.shape), *others


composite(
    "tensorsolve",
    _tensorsolve,
    names=(np.linalg.tensorsolve,),
    samples=(
        Sample((2, 2, 4), (2, 2), prepare=_regular_tensor),
        Sample((4, 2, 2), (4,), prepare=_regular_tensor),
        Sample((2, 4, 2), (4,), axes=(0, 2), prepare=_regular_tensor),
    ),
    rejects=(Sample((2, 3), (2,)),),
)
composite(
    "tensorinv",
    _tensorinv,
    names=(np.linalg.tensorinv,),
    samples=(
        Sample((4, 2, 2), ind=1, prepare=_regular_tensor),
        Sample((2, 2, 4), prepare=_regular_tensor),
    ),
    rejects=(Sample((2, 3), ind=1),),
)
