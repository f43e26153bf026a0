"""Linear systems of `scipy.linalg`: general, structured, triangular, factored, banded, least squares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from chainrule.autodiff.custom import custom_rule
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.ops.canonical import array_like
from chainrule.ops.matrices import conjugated, halved_triangle, hermitian_from, identity, inexact
from chainrule.ops.triangular import triangular_solution
from chainrule.scipy.calls import follows, refuse_traced
from chainrule.scipy.structures import toeplitz

_Matrix = Callable[[Value, bool], Value]


def _symmetric(a: Value, lower: bool) -> Value:
    half = halved_triangle(a if lower else a.mT)
    return half + half.mT


def _hermitian(a: Value, lower: bool) -> Value:
    return hermitian_from(a, "L" if lower else "U")


_STRUCTURES: dict[str | None, _Matrix] = {
    **dict.fromkeys((None, "general", "gen", "banded"), lambda a, lower: a),
    **dict.fromkeys(("symmetric", "sym"), _symmetric),
    **dict.fromkeys(("hermitian", "her", "positive definite", "pos"), _hermitian),
    "diagonal": lambda a, lower: a * identity(type_of(a).shape[-1], a),
    "tridiagonal": lambda a, lower: np.triu(np.tril(a, 1), -1),
    "upper triangular": lambda a, lower: np.triu(a),
    "lower triangular": lambda a, lower: np.tril(a),
}
"""What SciPy reads of a matrix of this structure."""


def structured(a: Value, assume_a: str | None, *, lower: bool) -> Value:
    """Return the matrix that SciPy solves with: of some structures it reads only a part.

    Raises:
        ArgumentError: the structure is none that SciPy knows.
    """
    if assume_a not in _STRUCTURES:
        known = tuple(filter(None, _STRUCTURES))
        raise ArgumentError.from_choice("scipy.linalg.solve", "assume_a", assume_a, known)
    return _STRUCTURES[assume_a](a, lower)


@follows(scipy.linalg.solve)
def solve(
    a: Value,
    b: Value,
    lower: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    assume_a: str | None = None,
    transposed: bool = False,
) -> Value:
    """Solve `a @ x = b`; of a symmetric or triangular matrix only the part that SciPy reads has a gradient."""
    matrix = structured(array_like(a), assume_a, lower=lower)
    return np.linalg.solve(matrix.mT if transposed else matrix, array_like(b))


@follows(scipy.linalg.inv)
def inv(
    a: Value,
    overwrite_a: bool = False,
    check_finite: bool = True,
    *,
    assume_a: str | None = None,
    lower: bool = False,
) -> Value:
    """Return the inverse."""
    return np.linalg.inv(structured(array_like(a), assume_a, lower=lower))


@follows(scipy.linalg.solve_triangular)
def solve_triangular(
    a: Value,
    b: Value,
    trans: int | str = 0,
    lower: bool = False,
    unit_diagonal: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Value:
    """Solve with one triangle of `a`; the other, and a diagonal of ones, have gradient 0."""
    a, b = array_like(a), array_like(b)
    if trans in {2, "C"}:
        a = conjugated(a)
    column = b if type_of(b).ndim > 1 else b[..., None]
    shape = (
        *np.broadcast_shapes(type_of(a).shape[:-2], type_of(column).shape[:-2]),
        *type_of(column).shape[-2:],
    )
    if type_of(column).shape != shape:
        column = np.broadcast_to(column, shape)
    options: Any = {
        "trans": 0 if trans in {0, "N"} else 1,
        "lower": lower,
        "unit_diagonal": unit_diagonal,
    }
    out = triangular_solution(a, column, **options)
    return out if type_of(b).ndim > 1 else out[..., 0]


@follows(scipy.linalg.cho_solve)
def cho_solve(
    c_and_lower: tuple[Value, bool],
    b: Value,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Value:
    """Solve with the Cholesky factor that `cho_factor` or `cholesky` returned."""
    c, lower = c_and_lower
    first, second = (0, 2) if lower else (2, 0)
    half = solve_triangular(c, b, trans=first, lower=bool(lower))
    return solve_triangular(c, half, trans=second, lower=bool(lower))


@follows(scipy.linalg.lu_solve)
def lu_solve(
    lu_and_piv: tuple[Value, Any],
    b: Value,
    trans: int = 0,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Value:
    """Solve with the factors that `lu_factor` returned."""
    lu, pivots = lu_and_piv
    order = permutation(pivots)
    if trans == 0:
        half = solve_triangular(lu, array_like(b)[order], lower=True, unit_diagonal=True)
        return solve_triangular(lu, half)
    half = solve_triangular(lu, b, trans=trans)
    out = solve_triangular(lu, half, trans=trans, lower=True, unit_diagonal=True)
    return out[np.argsort(order)]


def permutation(pivots: Any) -> Any:
    """Return the order of rows that LAPACK's row swaps lead to."""
    order = np.arange(len(pivots))
    for i, j in enumerate(pivots):
        order[[i, j]] = order[[j, i]]
    return order


@follows(scipy.linalg.lstsq)
def lstsq(
    a: Value,
    b: Value,
    cond: float | None = None,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
    lapack_driver: str | None = None,
) -> tuple[Value, Value, Any, Value]:
    """Return the least-squares solution, residuals, rank and singular values; the rank is taken for constant."""
    a, b = array_like(a), array_like(b)
    cutoff = float(np.finfo(inexact(type_of(a).dtype)).eps) if cond is None else cond
    x, residues, rank, s = np.linalg.lstsq(a, b, cutoff)
    if type_of(b).ndim == 1 and type_of(residues).shape == (1,):
        residues = residues[0]
    return x, residues, rank, None if lapack_driver == "gelsy" else s


@follows(scipy.linalg.solve_banded)
def solve_banded(
    l_and_u: tuple[int, int],
    ab: Value,
    b: Value,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    check_finite: bool = True,
) -> Value:
    """Solve with a matrix given by its diagonals, the highest one first."""
    lowest, highest = l_and_u
    diagonals = [(row, highest - row) for row in range(lowest + highest + 1)]
    return np.linalg.solve(_from_bands(array_like(ab), diagonals), array_like(b))


@follows(scipy.linalg.solveh_banded)
def solveh_banded(
    ab: Value,
    b: Value,
    overwrite_ab: bool = False,
    overwrite_b: bool = False,
    lower: bool = False,
    check_finite: bool = True,
) -> Value:
    """Solve with a Hermitian matrix given by half of its diagonals."""
    ab = array_like(ab)
    count = type_of(ab).shape[0]
    if lower:
        half = _from_bands(ab, [(row, -row) for row in range(count)])
    else:
        half = _from_bands(ab, [(row, count - 1 - row) for row in range(count)])
    return np.linalg.solve(hermitian_from(half, "L" if lower else "U"), array_like(b))


def _from_bands(ab: Value, diagonals: list[tuple[int, int]]) -> Value:
    """Return the matrix whose diagonal at `offset` is a row of `ab`, in LAPACK's band storage."""
    n = type_of(ab).shape[1]
    matrix = np.zeros((n, n), inexact(type_of(ab).dtype))
    for row, offset in diagonals:
        if abs(offset) < n:
            part = ab[row, offset:] if offset >= 0 else ab[row, : n + offset]
            matrix = matrix + np.diag(part, offset)
    return matrix


@follows(scipy.linalg.solve_toeplitz)
def solve_toeplitz(c_or_cr: Any, b: Value, check_finite: bool = True) -> Value:
    """Solve with a Toeplitz matrix given by its first column, or by its first column and row."""
    c, r = c_or_cr if isinstance(c_or_cr, tuple) else (c_or_cr, None)
    return np.linalg.solve(toeplitz(c, r), array_like(b))


@follows(scipy.linalg.solve_sylvester)
def solve_sylvester(a: Value, b: Value, q: Value) -> Value:
    """Solve `a @ x + x @ b = q`."""
    return _sylvester(*map(array_like, (a, b, q)))


def _sylvester_vjp(
    g: Value, out: Value, a: Value, b: Value, q: Value
) -> tuple[Value, Value, Value]:
    """The adjoint equation: aᵀ z + z bᵀ = g; dq = z, da = -z xᵀ, db = -xᵀ z."""
    z = _sylvester(a.mT, b.mT, g)
    return -z @ out.mT, -out.mT @ z, z


@custom_rule(
    vjp=_sylvester_vjp,
    jvp=lambda tangents, out, a, b, q: _sylvester(
        a, b, tangents[2] - tangents[0] @ out - out @ tangents[1]
    ),
)
def _sylvester(a: Any, b: Any, q: Any) -> Any:
    return scipy.linalg.solve_sylvester(a, b, q)


@follows(scipy.linalg.solve_continuous_lyapunov)
def solve_continuous_lyapunov(a: Value, q: Value) -> Value:
    """Solve `a @ x + x @ aᴴ = q`."""
    a = array_like(a)
    return _sylvester(a, conjugated(a).mT, array_like(q))


@follows(scipy.linalg.solve_discrete_lyapunov)
def solve_discrete_lyapunov(a: Value, q: Value, method: str | None = None) -> Value:
    """Solve `a @ x @ aᴴ - x + q = 0`, written as one linear system."""
    refuse_traced("scipy.linalg.solve_discrete_lyapunov", method=method)
    a, q = array_like(a), array_like(q)
    n = type_of(a).shape[0]
    system = identity(n * n, a) - np.kron(a, conjugated(a))
    return np.reshape(np.linalg.solve(system, FRONTS["ravel"](q)), (n, n))
