"""Factorisations: `cholesky`, `qr`, `svd`.

Where singular values coincide their vectors have no derivative, and the rule's divisions by zero show it: inf or NaN.
The singular values alone stay differentiable as a set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Op, Sample, sometimes
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value
from chainrule.errors import NotDifferentiableError
from chainrule.ops.checking import as_array, matrix_sizes, square_size
from chainrule.ops.complements import completed, numbers_of_rest
from chainrule.ops.kinds import general
from chainrule.ops.layout import laid_out
from chainrule.ops.matrices import (
    adjoint,
    anchored_cotangent,
    conjugated,
    diagonal,
    diagonal_matrix,
    gaps_between,
    halved_triangle,
    hermitian_from,
    identity,
    is_complex,
    linalg_ufunc,
    matrix_type,
    onto_triangle,
    phase_of,
    real_part,
    real_vector_type,
    row_anchors,
    turned,
    turning,
    used_gaps,
    without_diagonal,
)

_QR_RESULT: Any = type(np.linalg.qr(np.eye(1)))
_SVD_RESULT: Any = type(np.linalg.svd(np.eye(1)))
Pair = tuple[Value, Value]
Triple = tuple[Value, Value, Value]


def _cholesky_type(a: ArrayType) -> ArrayType:
    n = square_size("cholesky", a.shape)
    return matrix_type(a, n, n)


def _cholesky_vjp(g: Value, out: Value, a: Value) -> Value:
    """Murray 2016, equation 10: da = l⁻ᴴ Φ(lᴴ g) l⁻¹, moved onto the triangle that is read."""
    inner = halved_triangle(adjoint(out) @ conjugated(g))
    dual = adjoint(out)
    left = np.linalg.solve(dual, inner)
    whole = adjoint(np.linalg.solve(dual, adjoint(left)))
    return conjugated(onto_triangle(whole, "L"))


def _cholesky_jvp(tangents: tuple[Value], out: Value, a: Value) -> Value:
    half = np.linalg.solve(out, hermitian_from(tangents[0], "L"))
    return out @ halved_triangle(np.linalg.solve(out, adjoint(half)))


def _cholesky(a: Value, /, *, upper: bool = False) -> Value:
    a = as_array(a)
    square_size("cholesky", type_of(a).shape)
    return laid_out(adjoint(apply(_CHOLESKY, adjoint(a)))) if upper else apply(_CHOLESKY, a)


def positive_definite(x: Value) -> Value:
    """Make a Hermitian, positive definite matrix of a random one: samples use it."""
    return x @ conjugated(x).mT + 2 * np.eye(x.shape[-1], dtype=x.dtype)


_CHOLESKY: Op = general(
    "cholesky",
    np.linalg.cholesky,
    ufunc=linalg_ufunc("cholesky_lo"),
    vjp=_cholesky_vjp,
    jvp=_cholesky_jvp,
    infer=_cholesky_type,
    front=_cholesky,
    names=(np.linalg.cholesky,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3), prepare=positive_definite),
        Sample((2, 2, 2), prepare=positive_definite),
        Sample((3, 3), prepare=positive_definite, upper=True),
        # Only one triangle is read: the other may hold anything.
        Sample((3, 3), prepare=lambda x: x + 6 * np.eye(3, dtype=x.dtype), domain=(0.5, 1.0)),
        Sample((3, 3), prepare=lambda x: x + 6 * np.eye(3, dtype=x.dtype), upper=True),
    ),
    rejects=(Sample((2, 3)), Sample((3,))),
)


def _qr_type(a: ArrayType) -> tuple[ArrayType, ArrayType]:
    m, n = matrix_sizes("qr", a.shape)
    return matrix_type(a, m, min(m, n)), matrix_type(a, min(m, n), n)


def _qr_vjp(g: Pair, out: Pair, a: Value) -> Value:
    """Walter and Lehmann 2010: da = (dq + q (m + mᴴ)) r⁻ᴴ, where m = Φ(r drᴴ - dqᴴ q)."""
    q, r = out
    dq, dr = conjugated(g[0]), conjugated(g[1])
    half = halved_triangle(r @ adjoint(dr) - adjoint(dq) @ q)
    moved = dq + q @ (half + adjoint(half))
    return conjugated(adjoint(np.linalg.solve(r, adjoint(moved))))


def _qr_jvp(tangents: tuple[Value], out: Pair, a: Value) -> Pair:
    """With c = qᴴ da r⁻¹: the strict lower triangle of c turns q, the rest of it moves r."""
    q, r = out
    scaled = np.linalg.solve(r.mT, tangents[0].mT).mT
    c = adjoint(q) @ scaled
    below = np.tril(c, -1)
    upper = c - below + adjoint(below)
    if is_complex(c):  # LAPACK keeps the diagonal of r real
        upper = upper - 1j * diagonal_matrix(np.imag(diagonal(c)))
    return scaled - q @ upper, upper @ r


def _qr(a: Value, mode: str = "reduced") -> Any:
    a = as_array(a)
    m, n = matrix_sizes("qr", type_of(a).shape)
    if mode not in {"reduced", "r", "complete"}:
        raise NotDifferentiableError.from_option("np.linalg.qr", "mode", mode)
    if mode == "complete" and m > n:
        q, r = apply(_QR, a)
        below = np.zeros((*type_of(a).shape[:-2], m - n, n), type_of(r).dtype)
        q = completed("np.linalg.qr", q, apply(_QR_REST, a))
        return _QR_RESULT(q, np.concatenate([r, below], axis=-2))
    if m >= n:
        q, r = apply(_QR, a)
    else:
        q, square = apply(_QR, a[..., :m])
        r = np.concatenate([square, adjoint(q) @ a[..., m:]], axis=-1)
    return r if mode == "r" else _QR_RESULT(q, r)


_QR_REST = numbers_of_rest(
    "qr_rest", lambda a: np.linalg.qr(a, mode="complete")[0][..., a.shape[-1] :]
)
_LEFT_REST = numbers_of_rest("svd_left_rest", lambda a: np.linalg.svd(a)[0][..., a.shape[-1] :])
_RIGHT_REST = numbers_of_rest(
    "svd_right_rest",
    lambda a: np.swapaxes(np.linalg.svd(a)[2], -1, -2)[..., a.shape[-2] :],
    of_rows=True,
)

_QR: Op = general(
    "qr",
    lambda a: tuple(np.linalg.qr(a)),
    vjp=_qr_vjp,
    jvp=_qr_jvp,
    infer=_qr_type,
    front=_qr,
    names=(np.linalg.qr,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3)),
        Sample((4, 2)),
        Sample((2, 3, 2)),
        Sample((2, 4)),
        Sample((3, 3), mode="complete"),
        Sample((3, 2), mode="complete"),
        Sample((2, 3, 2), mode="complete"),
        Sample((3, 2), mode="r"),
    ),
    rejects=(Sample((3,)),),
)


def _svd_type(a: ArrayType) -> tuple[ArrayType, ArrayType, ArrayType]:
    m, n = matrix_sizes("svd", a.shape)
    k = min(m, n)
    return matrix_type(a, m, k), real_vector_type(a, k), matrix_type(a, k, n)


def _anchors(a: Value) -> tuple[Any, bool]:
    """LAPACK has a real first row in v, or in u of a wide matrix; say whether it is in u."""
    m, n = type_of(a).shape[-2:]
    return row_anchors(min(m, n), min(m, n), 0, a), m < n


def _squared_gaps(s: Value) -> Value:
    """sⱼ² - sᵢ² for every pair; 1 on the diagonal."""
    sums = s[..., None, :] + s[..., :, None]
    return without_diagonal(gaps_between(s) * sums) + identity(type_of(s).shape[-1], s)


def _skew(x: Value) -> Value:
    return without_diagonal(x - adjoint(x))


def _svd_vjp(g: Triple, out: Triple, a: Value) -> Value:
    """Townsend 2016, "Differentiating the singular value decomposition", and the phases of complex vectors."""
    u, s, vh = out
    v, du, dv = adjoint(vh), conjugated(g[0]), g[2].mT
    inner = diagonal_matrix(g[1])
    if is_complex(u):
        anchors, on_left = _anchors(a)
        turn = turning(du, u) + turning(dv, v)
        if on_left:
            du = anchored_cotangent(du, turn, u, anchors)
        else:
            dv = anchored_cotangent(dv, turn, v, anchors)
        inner = inner - 1j * diagonal_matrix(turning(du, u) / s)
    gaps, columns = _squared_gaps(s), s[..., None, :]
    left = _skew(adjoint(u) @ du) / used_gaps(gaps, du)
    right = _skew(adjoint(v) @ dv) / used_gaps(gaps, dv)
    out_a = u @ (left * columns + columns.mT * right + inner) @ vh
    m, n = type_of(a).shape[-2:]
    if m > n:
        out_a = out_a + (du - u @ (adjoint(u) @ du)) / used_gaps(columns, du) @ vh
    if m < n:
        out_a = out_a + u @ adjoint((dv - v @ (vh @ dv)) / used_gaps(columns, dv))
    return conjugated(out_a)


def _svd_jvp(tangents: tuple[Value], out: Triple, a: Value) -> Triple:
    u, s, vh = out
    t, v, columns = tangents[0], adjoint(vh), s[..., None, :]
    moved = adjoint(u) @ t @ v
    gaps = _squared_gaps(s)
    left = without_diagonal(moved * columns + columns.mT * adjoint(moved)) / gaps
    right = without_diagonal(columns.mT * moved + adjoint(moved) * columns) / gaps
    if is_complex(u):
        left = left + 1j * diagonal_matrix(np.imag(diagonal(moved)) / s)
    du, dv = u @ left, v @ right
    m, n = type_of(a).shape[-2:]
    if m > n:
        du = du + (t @ v - u @ moved) / columns
    if m < n:
        dv = dv + (adjoint(t) @ u - v @ adjoint(moved)) / columns
    if is_complex(u):
        anchors, on_left = _anchors(a)
        turn = phase_of(du, u, anchors) if on_left else phase_of(dv, v, anchors)
        du, dv = turned(du, u, turn), turned(dv, v, turn)
    return du, real_part(diagonal(moved)), adjoint(dv)


def _svd(
    a: Value, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False
) -> Any:
    if hermitian:
        return _hermitian_svd(a, compute_uv=compute_uv)
    a = as_array(a)
    m, n = matrix_sizes("svd", type_of(a).shape)
    if not compute_uv:
        return apply(_SVDVALS, a)
    u, s, vh = apply(_SVD, a)
    if full_matrices and m > n:
        u = completed("np.linalg.svd", u, apply(_LEFT_REST, a))
    elif full_matrices and m < n:
        vh = adjoint(completed("np.linalg.svd", adjoint(vh), apply(_RIGHT_REST, a)))
    return _SVD_RESULT(u, s, vh)


def _hermitian_svd(a: Value, *, compute_uv: bool) -> Any:
    """The singular values are the absolute eigenvalues; their signs go to the right vectors."""
    if not compute_uv:
        return np.sort(np.abs(np.linalg.eigvalsh(a)))[..., ::-1]
    values, vectors = np.linalg.eigh(a)
    order = np.argsort(np.abs(values))[..., ::-1]
    values = np.take_along_axis(values, order, axis=-1)
    columns = np.broadcast_to(order[..., None, :], type_of(vectors).shape)
    u = np.take_along_axis(vectors, columns, axis=-1)
    vh = adjoint(u * np.copysign(1.0, values)[..., None, :])
    return _SVD_RESULT(u, np.abs(values), vh)


def _symmetric(a: Value) -> Value:
    n = type_of(a).shape[-1]
    return a + np.swapaxes(a, -1, -2) + np.diag(3.0 * np.arange(n) - 4.0)


_SVD: Op = general(
    "svd",
    lambda a: tuple(np.linalg.svd(a, full_matrices=False)),
    ufunc=linalg_ufunc("svd_s"),
    vjp=_svd_vjp,
    jvp=_svd_jvp,
    infer=_svd_type,
    front=_svd,
    names=(np.linalg.svd,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3)),
        Sample((3, 2)),
        Sample((2, 2, 3)),
        Sample((4, 2), full_matrices=False),
        Sample((2, 4), full_matrices=False),
        Sample((2, 3, 2), full_matrices=False),
        Sample((2, 3), compute_uv=False),
        Sample((3, 3), hermitian=True, prepare=_symmetric),
        Sample((2, 2, 2), hermitian=True, compute_uv=False, prepare=_symmetric),
    ),
    rejects=(Sample((3,)),),
)


def _svdvals_type(a: ArrayType) -> ArrayType:
    return real_vector_type(a, min(matrix_sizes("svdvals", a.shape)))


def _svdvals_vjp(g: Value, out: Value, a: Value) -> Value:
    """The cotangent u diag(g) vᴴ: nothing is divided, so equal singular values do no harm."""
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return conjugated((u * g[..., None, :]) @ vh)


def _svdvals_jvp(tangents: tuple[Value], out: Value, a: Value) -> Value:
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    return real_part(diagonal(adjoint(u) @ tangents[0] @ adjoint(vh)))


_SVDVALS: Op = general(
    "svdvals",
    np.linalg.svdvals,
    ufunc=linalg_ufunc("svd"),
    vjp=_svdvals_vjp,
    jvp=_svdvals_jvp,
    infer=_svdvals_type,
    front=lambda x, /: apply(_SVDVALS, as_array(x)),
    names=(np.linalg.svdvals,),
    can_fail=sometimes,
    samples=(Sample((3, 3)), Sample((3, 2)), Sample((2, 2, 3))),
    rejects=(Sample((3,)),),
)
