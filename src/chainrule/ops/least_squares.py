"""Systems that are not square: `pinv`, `lstsq`, `matrix_rank`. They are differentiated at constant rank."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.methods import as_python
from chainrule.core.op import FRONTS, Notation, Op, Sample, sometimes
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes
from chainrule.errors import ShapeError
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import as_array, matrix_sizes, square_size
from chainrule.ops.elementwise import elementwise
from chainrule.ops.kinds import composite, constant, general
from chainrule.ops.matrices import (
    adjoint,
    conjugated,
    hermitian_from,
    identity,
    inexact,
    matrix_type,
    real_of,
)

_NOT_GIVEN: Any = inspect.signature(np.linalg.pinv).parameters["rtol"].default


def _diagonally_heavy(a: Value, *others: Value) -> tuple[Value, ...]:
    """Make a random matrix one of full rank: samples use it."""
    return a + 3 * np.eye(*a.shape[-2:], dtype=a.dtype), *others


def _pinv_type(a: ArrayType, rcond: float | None) -> ArrayType:
    m, n = matrix_sizes("pinv", a.shape)
    return matrix_type(a, n, m)


def _pinv_vjp(g: Value, out: Value, a: Value, rcond: float | None) -> Value:
    """Golub and Pereyra 1973: dp = -p da p + p pᴴ daᴴ (1 - a p) + (1 - p a) daᴴ pᴴ p."""
    m, n = type_of(a).shape[-2:]
    left, right = identity(m, a) - a @ out, identity(n, a) - out @ a
    dual = adjoint(out)
    conjugate = left @ g.mT @ out @ dual + dual @ out @ g.mT @ right
    return conjugated(conjugate) - out.mT @ g @ out.mT


def _pinv_jvp(tangents: tuple[Value], out: Value, a: Value, rcond: float | None) -> Value:
    m, n = type_of(a).shape[-2:]
    left, right = identity(m, a) - a @ out, identity(n, a) - out @ a
    dual, moved = adjoint(out), adjoint(tangents[0])
    return out @ dual @ moved @ left + right @ moved @ dual @ out - out @ tangents[0] @ out


def _pinv(a: Value, rcond: Any = None, hermitian: bool = False, *, rtol: Any = _NOT_GIVEN) -> Value:
    a = as_array(a)
    if hermitian:  # NumPy reads the lower triangle alone
        square_size("pinv", type_of(a).shape)
        a = hermitian_from(a, "L")
    if rcond is None:
        sizes = matrix_sizes("pinv", type_of(a).shape)
        default = max(sizes) * float(np.finfo(inexact(type_of(a).dtype)).eps)
        rcond = 1e-15 if rtol is _NOT_GIVEN else default if rtol is None else rtol
    return apply(_PINV, a, rcond=float(rcond))


def _pinv_by_svd(a: Value, rcond: float | None) -> Value:
    """Compute it as NumPy does."""
    u, s, vh = np.linalg.svd(np.conjugate(a), full_matrices=False)
    is_large = s > rcond * np.max(s, axis=-1, keepdims=True)
    inverses = np.where(is_large, 1 / s, 0)
    return np.swapaxes(vh, -1, -2) @ (inverses[..., None] * np.swapaxes(u, -1, -2))


_PINV: Op = general(
    "pinv",
    lambda a, rcond: np.linalg.pinv(a, rcond=rcond),
    body=_pinv_by_svd,
    vjp=_pinv_vjp,
    jvp=_pinv_jvp,
    infer=_pinv_type,
    front=_pinv,
    names=(np.linalg.pinv,),
    can_fail=sometimes,
    samples=(
        Sample((3, 2), prepare=_diagonally_heavy),
        Sample((2, 2, 3), prepare=_diagonally_heavy),
        Sample((3, 3), rtol=1e-6, prepare=_diagonally_heavy),
        Sample((3, 3), hermitian=True, prepare=_diagonally_heavy),
    ),
    rejects=(Sample((3,)),),
)


def _finite(a: Value) -> Value:
    """Return a matrix as it is.

    Raises:
        LinAlgError: it is not finite. NumPy's routine gives up then; that of `svdvals` does not for infinities.
    """
    if not np.all(np.isfinite(a)):
        message = "SVD did not converge in Linear Least Squares"
        raise np.linalg.LinAlgError(message)
    return a


_FINITE = elementwise(
    "finite_matrix",
    _finite,
    partials=(lambda out, a: 1.0,),
    infer=lambda a: a,
    lower=lambda e, a: a,
    refuses=lambda out, a: np.logical_not(np.isfinite(a)),
    notation=Notation("{0}"),
    samples=(Sample((2, 3)),),
)


def _lstsq(a: Value, b: Value, rcond: float | None = None) -> tuple[Value, Value, Any, Value]:
    a, b = as_array(a), as_array(b)
    shapes = type_of(a).shape, type_of(b).shape
    if len(shapes[0]) != 2 or len(shapes[1]) not in {1, 2} or shapes[0][0] != shapes[1][0]:
        raise ShapeError.from_numpy("lstsq", shapes, "a needs two axes, and b as many rows as a")
    a = apply(_FINITE, a)
    precision = float(np.finfo(inexact(type_of(a).dtype)).eps)
    cutoff = max(shapes[0]) * precision if rcond is None else precision if rcond < 0 else rcond
    x = np.matmul(_pinv(a, rcond=cutoff), b)
    s = np.linalg.svdvals(a)
    rank = np.sum(s > cutoff * s[:1])  # there may be none
    if shapes[0][0] > shapes[0][1] == rank:
        error = b - np.matmul(a, x)
        residuals = np.sum(np.abs(error) ** 2, axis=0, keepdims=len(shapes[1]) == 1)
    else:
        residuals = np.zeros(0, real_of(type_of(a)))
    return x, residuals, FRONTS["astype"](rank, np.int32), s


composite(
    "lstsq",
    _lstsq,
    names=(np.linalg.lstsq,),
    samples=(
        Sample((4, 2), (4,)),
        Sample((4, 2), (4, 3)),
        Sample((3, 3), (3,), prepare=_diagonally_heavy),
        Sample((2, 4), (2,), rcond=-1),
    ),
    rejects=(Sample((4, 2), (3,)),),
)


def _rank_by_svd(
    a: Value, tol: Value | None = None, hermitian: bool = False, *, rtol: Value | None = None
) -> Value:
    """Count singular values as NumPy does; those of a Hermitian matrix it finds in another way."""
    if hermitian:
        return NotImplemented
    s = np.linalg.svdvals(a)
    if tol is not None:
        return np.sum(s > np.asarray(tol)[..., None], axis=-1)
    if rtol is None:
        relative = max(type_of(a).shape[-2:]) * np.finfo(type_of(s).dtype).eps
    else:
        relative = np.asarray(rtol)[..., None]
    return np.sum(s > np.max(s, axis=-1, keepdims=True) * relative, axis=-1)


def _rank_type(a: ArrayType, *limits: Any, **options: Any) -> ArrayType:
    given = [x for x in (*limits, options.get("tol"), options.get("rtol")) if x is not None]
    shapes = [type_of(x).shape for x in given if not isinstance(x, bool)]
    return array_type(broadcast_shapes("matrix_rank", a.shape[:-2], *shapes), np.dtype(np.intp))


def _rank(A: Value, *cutoff: Any, **options: Any) -> Value:
    """Of a vector the rank is an integer of Python's: 0 if it is zero, else 1."""
    if type_of(array_like(A)).ndim < 2:
        return as_python(np.any(np.not_equal(A, 0)), int)
    return apply(_RANK, A, *cutoff, **options)


_RANK = constant(
    "matrix_rank",
    np.linalg.matrix_rank,
    front=_rank,
    names=(np.linalg.matrix_rank,),
    body=_rank_by_svd,
    infer=_rank_type,
    samples=(Sample((3, 2)), Sample((2, 3, 3), tol=0.1), Sample((2, 2), rtol=1e-6)),
)
