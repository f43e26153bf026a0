"""Eigenvalues and eigenvectors.

Where eigenvalues coincide their vectors have no derivative, and the rule's divisions by zero show it: inf or NaN.
The eigenvalues of a Hermitian matrix alone stay differentiable as a set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample, sometimes
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import ArgumentError
from chainrule.ops.checking import as_array, square_size
from chainrule.ops.kinds import composite, general
from chainrule.ops.matrices import (
    adjoint,
    anchored_cotangent,
    conjugated,
    diagonal,
    diagonal_matrix,
    gaps_between,
    hermitian_from,
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

_EIGH_RESULT: Any = type(np.linalg.eigh(np.eye(1)))
_EIG_RESULT: Any = type(np.linalg.eig(np.eye(1)))
Pair = tuple[Value, Value]


def _eigh_type(a: ArrayType, uplo: str) -> tuple[ArrayType, ArrayType]:
    n = square_size("eigh", a.shape)
    return real_vector_type(a, n), matrix_type(a, n, n)


def _eigh_anchors(a: Value, uplo: str) -> Any:
    """LAPACK has a real first row in the vectors, a real last one if it reads the upper triangle."""
    n = type_of(a).shape[-1]
    return row_anchors(n, n, 0 if uplo == "L" else -1, a)


def _eigh_vjp(g: Pair, out: Pair, a: Value, uplo: str) -> Value:
    """Giles 2008, section 3.1, for the part of vᴴ dv that is determined; moved onto the triangle that is read."""
    w, v = out
    dv = conjugated(g[1])
    if is_complex(v):
        dv = anchored_cotangent(dv, turning(dv, v), v, _eigh_anchors(a, uplo))
    inner = adjoint(v) @ dv
    turns = without_diagonal(inner - adjoint(inner)) / (2 * used_gaps(gaps_between(w), g[1]))
    whole = v @ (diagonal_matrix(g[0]) + turns) @ adjoint(v)
    return conjugated(onto_triangle(whole, uplo))


def _eigh_jvp(tangents: tuple[Value], out: Pair, a: Value, uplo: str) -> Pair:
    w, v = out
    moved = adjoint(v) @ hermitian_from(tangents[0], uplo) @ v
    dv = v @ (without_diagonal(moved) / gaps_between(w))
    if is_complex(v):
        dv = turned(dv, v, phase_of(dv, v, _eigh_anchors(a, uplo)))
    return real_part(diagonal(moved)), dv


def _triangle(name: str, uplo: str) -> str:
    if uplo.upper() not in {"L", "U"}:
        raise ArgumentError.from_choice(name, "UPLO", uplo, ("L", "U"))
    return uplo.upper()


def _eigh(a: Value, UPLO: str = "L") -> Any:
    return _EIGH_RESULT(*apply(_EIGH, as_array(a), uplo=_triangle("np.linalg.eigh", UPLO)))


def _symmetric(x: Value) -> Value:
    """Make a Hermitian matrix of a random one: samples use it."""
    return x + conjugated(x).mT


_EIGH: Op = general(
    "eigh",
    lambda a, uplo: tuple(np.linalg.eigh(a, uplo)),
    ufunc=linalg_ufunc("eigh_lo", names=(("L", "eigh_lo"), ("U", "eigh_up"))),
    vjp=_eigh_vjp,
    jvp=_eigh_jvp,
    infer=_eigh_type,
    front=_eigh,
    names=(np.linalg.eigh,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3), prepare=_symmetric),
        Sample((2, 2, 2), prepare=_symmetric),
        Sample((3, 3)),  # only one triangle is read
        Sample((3, 3), UPLO="U"),
        Sample((1, 1)),
    ),
    rejects=(Sample((2, 3)), Sample((3,))),
)


def _eigvalsh_type(a: ArrayType, uplo: str) -> ArrayType:
    return real_vector_type(a, square_size("eigvalsh", a.shape))


def _eigvalsh_vjp(g: Value, out: Value, a: Value, uplo: str) -> Value:
    """The cotangent v diag(g) vᴴ: nothing is divided, so equal eigenvalues do no harm."""
    v = FRONTS["eigh"](a, uplo)[1]
    return conjugated(onto_triangle((v * g[..., None, :]) @ adjoint(v), uplo))


def _eigvalsh_jvp(tangents: tuple[Value], out: Value, a: Value, uplo: str) -> Value:
    v = FRONTS["eigh"](a, uplo)[1]
    return real_part(diagonal(adjoint(v) @ hermitian_from(tangents[0], uplo) @ v))


def _eigvalsh(a: Value, UPLO: str = "L") -> Value:
    return apply(_EIGVALSH, as_array(a), uplo=_triangle("np.linalg.eigvalsh", UPLO))


_EIGVALSH: Op = general(
    "eigvalsh",
    lambda a, uplo: np.linalg.eigvalsh(a, uplo),
    ufunc=linalg_ufunc("eigvalsh_lo", names=(("L", "eigvalsh_lo"), ("U", "eigvalsh_up"))),
    vjp=_eigvalsh_vjp,
    jvp=_eigvalsh_jvp,
    infer=_eigvalsh_type,
    front=_eigvalsh,
    names=(np.linalg.eigvalsh,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3), prepare=_symmetric),
        Sample((2, 2, 2), prepare=_symmetric),
        Sample((3, 3), "U"),
    ),
    rejects=(Sample((2, 3)),),
)


def _complex_eig(a: Any) -> Pair:
    w, v = np.linalg.eig(a)
    complex_dtype = np.result_type(v.dtype, np.complex64)
    return w.astype(complex_dtype), v.astype(complex_dtype)


def _eig_type(a: ArrayType) -> Pair:
    n = square_size("eig", a.shape)
    dtype = np.result_type(matrix_type(a, n, n).dtype, np.complex64)
    return array_type(a.shape[:-1], dtype), array_type(a.shape, dtype)


def _eig_anchors(v: Value) -> Value:
    """LAPACK makes the largest component of each vector real."""
    n = type_of(v).shape[-1]
    largest = np.argmax(np.abs(v), axis=-2)
    return np.equal(np.arange(n)[:, None], largest[..., None, :]) * 1


def _eig_vjp(g: Pair, out: Pair, a: Value) -> Value:
    """Boeddeker et al. 2017, section 4.3, which keeps the length of the vectors 1; and their phases."""
    w, v = out
    dw, dv = np.conjugate(g[0]), np.conjugate(g[1])
    dv = anchored_cotangent(dv, turning(dv, v), v, _eig_anchors(v))
    dv = dv - v * np.real(np.sum(np.conjugate(g[1]) * np.conjugate(v), axis=-2))[..., None, :]
    gaps = np.conjugate(used_gaps(gaps_between(w), g[1]))
    inner = diagonal_matrix(dw) + without_diagonal(adjoint(v) @ dv) / gaps
    return np.conjugate(np.linalg.solve(adjoint(v), inner @ adjoint(v)))


def _eig_jvp(tangents: tuple[Value], out: Pair, a: Value) -> Pair:
    w, v = out
    moved = np.linalg.solve(v, tangents[0] @ v)
    dv = v @ (without_diagonal(moved) / gaps_between(w))
    dv = turned(dv, v, phase_of(dv, v, _eig_anchors(v)))
    growth = np.real(np.sum(np.conjugate(v) * dv, axis=-2))
    return diagonal(moved), dv - v * growth[..., None, :]


def _eig(a: Value) -> Any:
    a = as_array(a)
    w, v = apply(_EIG, a)
    if not is_complex(a) and np.all(np.imag(w) == 0):
        w, v = np.real(w), np.real(v)
    return _EIG_RESULT(w, v)


_EIG: Op = general(
    "eig",
    _complex_eig,
    ufunc=linalg_ufunc("eig", is_finite=True),
    vjp=_eig_vjp,
    jvp=_eig_jvp,
    infer=_eig_type,
    front=_eig,
    names=(np.linalg.eig,),
    can_fail=sometimes,
    samples=(
        Sample((3, 3)),
        Sample((3, 3), prepare=lambda x: x - x.mT + np.diag(np.arange(3).astype(x.dtype))),
        Sample((3, 3), prepare=lambda x: x * x + 0.1, domain=(0.5, 1.5)),
        Sample((2, 2, 2)),
    ),
    rejects=(Sample((2, 3)),),
)
composite(
    "eigvals",
    lambda a: _eig(a)[0],
    names=(np.linalg.eigvals,),
    samples=(Sample((3, 3)), Sample((2, 2, 2))),
    rejects=(Sample((2, 3)),),
)
