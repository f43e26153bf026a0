"""`scipy.linalg` with derivatives, under its names."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.linalg

from chainrule.autodiff.custom import stop_gradient
from chainrule.core.cells import type_of
from chainrule.core.types import Value
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import follows, stand_ins
from chainrule.scipy.factorizations import (
    cho_factor,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    lu,
    lu_factor,
    orth,
    polar,
    qr,
    svd,
    svdvals,
)
from chainrule.scipy.matrix_functions import (
    coshm,
    cosm,
    expm,
    expm_frechet,
    fractional_matrix_power,
    logm,
    sinhm,
    sinm,
    sqrtm,
    tanhm,
    tanm,
)
from chainrule.scipy.structures import block_diag, circulant, hankel, toeplitz
from chainrule.scipy.systems import (
    cho_solve,
    inv,
    lstsq,
    lu_solve,
    solve,
    solve_banded,
    solve_continuous_lyapunov,
    solve_discrete_lyapunov,
    solve_sylvester,
    solve_toeplitz,
    solve_triangular,
    solveh_banded,
)

__all__ = [
    "block_diag",
    "cho_factor",
    "cho_solve",
    "cholesky",
    "circulant",
    "coshm",
    "cosm",
    "det",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "expm",
    "expm_frechet",
    "fractional_matrix_power",
    "hankel",
    "inv",
    "logm",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_solve",
    "norm",
    "orth",
    "pinv",
    "polar",
    "qr",
    "sinhm",
    "sinm",
    "solve",
    "solve_banded",
    "solve_continuous_lyapunov",
    "solve_discrete_lyapunov",
    "solve_sylvester",
    "solve_toeplitz",
    "solve_triangular",
    "solveh_banded",
    "sqrtm",
    "svd",
    "svdvals",
    "tanhm",
    "tanm",
    "toeplitz",
]


@follows(scipy.linalg.det)
def det(a: Value, overwrite_a: bool = False, check_finite: bool = True) -> Value:
    """Return the determinant, which SciPy gives in double precision whatever it is given."""
    found = np.linalg.det(array_like(a))
    return astype(found, np.result_type(type_of(found).dtype, np.float64))


@follows(scipy.linalg.norm)
def norm(
    a: Value,
    ord: Any = None,
    axis: Any = None,
    keepdims: bool = False,
    check_finite: bool = True,
) -> Value:
    """Return the norm of vectors or matrices; at 0 its gradient is 0."""
    return np.linalg.norm(array_like(a), ord, axis, keepdims)


@follows(scipy.linalg.pinv)
def pinv(
    a: Value,
    *,
    atol: float | None = None,
    rtol: float | None = None,
    return_rank: bool = False,
    check_finite: bool = True,
) -> Any:
    """Return the pseudoinverse; the rank is taken for constant."""
    a = array_like(a)
    plain_a = np.asarray(stop_gradient(a))
    s = np.linalg.svd(plain_a, compute_uv=False)
    largest = float(np.max(s, initial=0.0))
    precision = max(plain_a.shape) * float(np.finfo(s.dtype).eps)
    cutoff = (atol or 0.0) + largest * (precision if rtol is None else rtol)
    out = np.linalg.pinv(a, rcond=cutoff / largest if largest else 0.0)
    return (out, int(np.sum(s > cutoff))) if return_rank else out


_FUNCTIONS = (
    *(solve, solve_triangular, solve_banded, solveh_banded, solve_toeplitz, lstsq),
    *(solve_sylvester, solve_continuous_lyapunov, solve_discrete_lyapunov),
    *(inv, pinv, det, norm, cholesky, cho_factor, cho_solve, lu, lu_factor, lu_solve),
    *(qr, svd, svdvals, orth, polar, eig, eigvals, eigh, eigvalsh),
    *(expm, expm_frechet, logm, sqrtm, fractional_matrix_power),
    *(cosm, sinm, tanm, coshm, sinhm, tanhm),
    *(block_diag, toeplitz, circulant, hankel),
)
STAND_INS = stand_ins(scipy.linalg, *_FUNCTIONS)
