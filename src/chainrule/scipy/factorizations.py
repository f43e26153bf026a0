"""Factorisations of `scipy.linalg`: Cholesky, LU, QR, SVD, eigenvalues, polar."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from chainrule.autodiff.custom import custom_rule
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import ShapeError
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import square_size
from chainrule.ops.matrices import adjoint, hermitian_from, identity
from chainrule.scipy.calls import follows, refuse, refuse_traced
from chainrule.scipy.systems import permutation


@follows(scipy.linalg.cholesky)
def cholesky(
    a: Value, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> Value:
    """Return the upper or lower factor; of `a` only that triangle is read."""
    return np.linalg.cholesky(array_like(a), upper=not lower)


@follows(scipy.linalg.cho_factor)
def cho_factor(
    a: Value, lower: bool = False, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Value, bool]:
    """Return the factor for `cho_solve`; the other triangle holds what `a` had there, as SciPy's does."""
    a = array_like(a)
    factor = cholesky(a, lower=lower)
    return factor + (np.triu(a, 1) if lower else np.tril(a, -1)), lower


def _lu_vjp(g: Value, out: Value, a: Value) -> Value:
    """With a = l u: da = l⁻ᵀ (tril(lᵀ gₗ, -1) + triu(gᵤ uᵀ)) u⁻ᵀ; both factors are in `out`."""
    lower = np.tril(out, -1) + identity(type_of(out).shape[-1], out)
    upper = np.triu(out)
    inner = np.tril(lower.mT @ np.tril(g, -1), -1) + np.triu(np.triu(g) @ upper.mT)
    return np.linalg.solve(lower.mT, np.linalg.solve(upper, inner.mT).mT)


def _lu_jvp(tangents: Any, out: Value, a: Value) -> Value:
    lower = np.tril(out, -1) + identity(type_of(out).shape[-1], out)
    upper = np.triu(out)
    inner = np.linalg.solve(upper.mT, np.linalg.solve(lower, tangents[0]).mT).mT
    return lower @ np.tril(inner, -1) + np.triu(inner) @ upper


@custom_rule(vjp=_lu_vjp, jvp=_lu_jvp)
def _lu_in_order(a: Any) -> Any:
    """Factor a square matrix whose rows are in pivoted order: l below the diagonal, u above."""
    packed, pivots = scipy.linalg.lu_factor(a)
    if not np.array_equal(pivots, np.arange(len(pivots))):
        packed = np.array(a, copy=True)
        for k in range(len(packed) - 1):
            packed[k + 1 :, k] /= packed[k, k]
            packed[k + 1 :, k + 1 :] -= np.outer(packed[k + 1 :, k], packed[k, k + 1 :])
    return packed


@follows(scipy.linalg.lu_factor)
def lu_factor(a: Value, overwrite_a: bool = False, check_finite: bool = True) -> tuple[Value, Any]:
    """Return both factors in one matrix, and the row swaps; `a` is one square matrix."""
    a = _one_square("scipy.linalg.lu_factor", a)
    _, pivots = scipy.linalg.lu_factor(FRONTS["stop_gradient"](a))
    return _lu_in_order(a[permutation(pivots)]), pivots


@follows(scipy.linalg.lu)
def lu(
    a: Value,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
    p_indices: bool = False,
) -> Any:
    """Return permutation, unit lower and upper factor; `a` is one square matrix."""
    packed, pivots = lu_factor(_one_square("scipy.linalg.lu", a))
    lower = np.tril(packed, -1) + identity(type_of(packed).shape[-1], packed)
    upper = np.triu(packed)
    back = np.argsort(permutation(pivots))
    if permute_l:
        return lower[back], upper
    n = len(back)
    rows = back if p_indices else np.eye(n, dtype=type_of(packed).dtype)[back]
    return rows, lower, upper


def _one_square(name: str, a: Value) -> Value:
    a = array_like(a)
    square_size(name, type_of(a).shape)
    if type_of(a).ndim != 2:
        raise ShapeError.from_ndim(name, type_of(a).shape, "one square matrix, (n, n)")
    return a


@follows(scipy.linalg.qr)
def qr(
    a: Value,
    overwrite_a: bool = False,
    lwork: int | None = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> Any:
    """Return q and r; with `pivoting` also the order of columns, which is taken for constant."""
    a = array_like(a)
    modes: Any = {"full": "complete", "r": "r", "economic": "reduced"}
    if mode not in modes:
        refuse("scipy.linalg.qr", mode=(mode, "full"))
    order = None
    if pivoting:
        order = scipy.linalg.qr(FRONTS["stop_gradient"](a), mode="r", pivoting=True)[1]
        a = a[:, order]
    tall = type_of(a).shape[-2] > type_of(a).shape[-1]
    if mode == "r" and tall:  # SciPy pads with rows of zeros, NumPy does not
        r = np.linalg.qr(a, mode="r")
        missing = type_of(a).shape[-2] - type_of(a).shape[-1]
        factors: tuple[Value, ...] = (np.pad(r, ((0, missing), (0, 0))),)
    elif mode == "r":
        factors = (np.linalg.qr(a, mode="r"),)
    else:
        factors = tuple(np.linalg.qr(a, mode=modes[mode]))
    return (*factors, order) if pivoting else factors


@follows(scipy.linalg.svd)
def svd(
    a: Value,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """Return u, s and vᴴ, or s alone."""
    a = array_like(a)
    if not compute_uv:
        return np.linalg.svd(a, compute_uv=False)
    return tuple(np.linalg.svd(a, full_matrices=full_matrices))


@follows(scipy.linalg.svdvals)
def svdvals(a: Value, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """Return the singular values."""
    return np.linalg.svd(array_like(a), compute_uv=False)


@follows(scipy.linalg.eigh)
def eigh(
    a: Value,
    b: Value | None = None,
    *,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Any:
    """Return eigenvalues and eigenvectors; with `b` those of `a v = w b v`, where vᴴ b v = 1."""
    name = "scipy.linalg.eigh"
    refuse(name, type=(type, 1))
    refuse_traced(name, subset_by_value=subset_by_value)
    uplo: Any = "L" if lower else "U"
    a = array_like(a)
    if b is None:
        w, v = np.linalg.eigh(a, uplo)
    else:
        w, v = _generalized(hermitian_from(a, uplo), hermitian_from(array_like(b), uplo))
    keep = _subset(w, subset_by_index, subset_by_value)
    return w[..., keep] if eigvals_only else (w[..., keep], v[..., keep])


def _generalized(a: Value, b: Value) -> tuple[Value, Value]:
    """Bring `a v = w b v` into the ordinary form with the Cholesky factor of b."""
    factor = np.linalg.cholesky(b)
    half = np.linalg.solve(factor, a)
    inner = adjoint(np.linalg.solve(factor, adjoint(half)))
    w, v = np.linalg.eigh((inner + adjoint(inner)) / 2)
    return w, np.linalg.solve(adjoint(factor), v)


def _subset(w: Value, by_index: Any, by_value: Any) -> Any:
    if by_index is not None:
        return slice(int(by_index[0]), int(by_index[1]) + 1)
    if by_value is not None:
        values = FRONTS["stop_gradient"](w)
        return np.flatnonzero((values > by_value[0]) & (values <= by_value[1]))
    return slice(None)


@follows(scipy.linalg.eigvalsh)
def eigvalsh(
    a: Value,
    b: Value | None = None,
    *,
    lower: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    type: int = 1,
    check_finite: bool = True,
    subset_by_index: Any = None,
    subset_by_value: Any = None,
    driver: str | None = None,
) -> Value:
    """Return the eigenvalues of a Hermitian matrix."""
    subsets = {"subset_by_index": subset_by_index, "subset_by_value": subset_by_value}
    return eigh(a, b, lower=lower, eigvals_only=True, type=type, **subsets)


@follows(scipy.linalg.eig)
def eig(
    a: Value,
    b: Value | None = None,
    left: bool = False,
    right: bool = True,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Any:
    """Return eigenvalues and right eigenvectors of a square matrix, complex ones."""
    name = "scipy.linalg.eig"
    refuse(name, left=(left, False), homogeneous_eigvals=(homogeneous_eigvals, False))
    if b is not None:
        a = np.linalg.solve(array_like(b), array_like(a))
    # SciPy's result is complex whatever the eigenvalues are
    w, v = np.linalg.eig(array_like(a) + 0j)
    return (w, v) if right else w


@follows(scipy.linalg.eigvals)
def eigvals(
    a: Value,
    b: Value | None = None,
    overwrite_a: bool = False,
    check_finite: bool = True,
    homogeneous_eigvals: bool = False,
) -> Value:
    """Return the eigenvalues of a square matrix, complex ones."""
    return eig(a, b, right=False, homogeneous_eigvals=homogeneous_eigvals)


@follows(scipy.linalg.polar)
def polar(a: Value, side: str = "right") -> tuple[Value, Value]:
    """Return the unitary and the positive factor, by the singular value decomposition."""
    u, s, vh = np.linalg.svd(array_like(a), full_matrices=False)
    if side == "right":
        return u @ vh, adjoint(vh) @ (s[..., None] * vh)
    return u @ vh, (u * s[..., None, :]) @ adjoint(u)


@follows(scipy.linalg.orth)
def orth(A: Value, rcond: float | None = None) -> Value:
    """Return an orthonormal basis of the columns; the rank is taken for constant."""
    A = array_like(A)
    u, _, _ = np.linalg.svd(A, full_matrices=False)
    rank = scipy.linalg.orth(FRONTS["stop_gradient"](A), rcond=rcond).shape[1]
    return u[:, :rank]
