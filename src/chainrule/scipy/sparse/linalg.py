"""`scipy.sparse.linalg`: solutions of systems with a plain sparse matrix follow the right-hand side."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.sparse.linalg

from chainrule.core.cells import type_of
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import follows, plain, refuse_traced, stand_ins
from chainrule.scipy.sparse import linear

_SPSOLVE = scipy.sparse.linalg.spsolve


@follows(_SPSOLVE)
def spsolve(A: Any, b: Value, permc_spec: str | None = None, use_umfpack: bool = True) -> Value:
    """Solve `A @ x = b` with a plain sparse matrix; the transposed system carries the cotangent back."""
    refuse_traced("scipy.sparse.linalg.spsolve", A=A)
    b = array_like(b)
    matrix = A.copy()
    transposed = matrix.T.tocsc()
    flat = type_of(b).ndim == 2 and type_of(b).shape[1] == 1
    column = b[:, 0] if flat else b
    return linear(
        lambda x: _solved(matrix, x, permc_spec, use_umfpack),
        lambda g: _solved(transposed, g, permc_spec, use_umfpack),
        column,
    )


def _solved(matrix: Any, b: Any, permc_spec: str | None, use_umfpack: bool) -> Any:
    """Solve with a vector, or column by column: SciPy returns a vector for a single column."""
    x = _SPSOLVE(matrix, b, permc_spec, use_umfpack)
    return np.reshape(x, b.shape)


def _iterative(original: Callable[..., Any], *, is_symmetric: bool = False) -> Callable[..., Any]:
    """Return the stand-in for an iterative solver; the cotangent is solved for by the same method.

    Args:
        original: SciPy's solver.
        is_symmetric: whether it is for symmetric matrices, which are their own transposes.
    """

    @functools.wraps(original)
    def solver(A: Any, b: Any, x0: Any = None, **options: Any) -> Any:
        refuse_traced(f"scipy.sparse.linalg.{original.__name__}", A=A, options=options)
        infos: list[int] = []

        def solved(matrix: Any, b: Any, start: Any) -> Any:
            x, info = original(matrix, b, start, **options)
            infos.append(info)
            return np.reshape(x, b.shape)

        transposed = A if is_symmetric else A.T
        x = linear(
            lambda b: solved(A, b, plain(x0)), lambda g: solved(transposed, g, None), array_like(b)
        )
        return x, infos[0]

    return follows(original)(solver)


cg = _iterative(scipy.sparse.linalg.cg, is_symmetric=True)
minres = _iterative(scipy.sparse.linalg.minres, is_symmetric=True)
gmres = _iterative(scipy.sparse.linalg.gmres)
lgmres = _iterative(scipy.sparse.linalg.lgmres)
bicg = _iterative(scipy.sparse.linalg.bicg)
bicgstab = _iterative(scipy.sparse.linalg.bicgstab)
cgs = _iterative(scipy.sparse.linalg.cgs)
qmr = _iterative(scipy.sparse.linalg.qmr)


def factorized(A: Any) -> Callable[[Value], Value]:
    """Return a function that solves with `A`; its argument may be traced."""
    refuse_traced("scipy.sparse.linalg.factorized", A=A)
    factors = scipy.sparse.linalg.splu(scipy.sparse.csc_array(A))

    def solve(b: Value) -> Value:
        """Solve for a right-hand side."""
        return linear(factors.solve, lambda g: factors.solve(g, trans="T"), array_like(b))

    return solve


@follows(scipy.sparse.linalg.spsolve_triangular)
def spsolve_triangular(
    A: Any,
    b: Value,
    lower: bool = True,
    overwrite_A: bool = False,
    overwrite_b: bool = False,
    unit_diagonal: bool = False,
) -> Value:
    """Solve with a plain sparse triangular matrix."""
    refuse_traced("scipy.sparse.linalg.spsolve_triangular", A=A)
    original, matrix = _TRIANGULAR, A.copy().tocsr()
    transposed = matrix.T.tocsr()
    return linear(
        lambda b: original(matrix, b, lower, unit_diagonal=unit_diagonal),
        lambda g: original(transposed, g, not lower, unit_diagonal=unit_diagonal),
        array_like(b),
    )


@follows(scipy.sparse.linalg.expm_multiply)
def expm_multiply(A: Any, B: Value, **options: Any) -> Value:
    """Return the exponential of a plain sparse matrix times an array."""
    refuse_traced("scipy.sparse.linalg.expm_multiply", A=A)
    if options:
        refuse_traced("scipy.sparse.linalg.expm_multiply", options=B)
    matrix = A.copy()
    return linear(
        lambda x: _EXPM_MULTIPLY(matrix, x), lambda g: _EXPM_MULTIPLY(matrix.T, g), array_like(B)
    )


_TRIANGULAR = scipy.sparse.linalg.spsolve_triangular
_EXPM_MULTIPLY = scipy.sparse.linalg.expm_multiply

STAND_INS = stand_ins(
    scipy.sparse.linalg,
    *(spsolve, spsolve_triangular, factorized, expm_multiply),
    *(cg, minres, gmres, lgmres, bicg, bicgstab, cgs, qmr),
)
