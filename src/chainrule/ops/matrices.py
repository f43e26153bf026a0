"""Small steps that the rules of linear algebra share: adjoints, triangles, and the phases of complex vectors.

Rules from the literature speak of adjoints: there a cotangent is the conjugate of ours. They conjugate g on the way
in and the result on the way out.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Ufunc
from chainrule.core.types import ArrayType, Value, array_type


def inexact(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return what NumPy's linear algebra computes in: integers and booleans become float64."""
    return dtype if dtype.kind in "fc" else np.dtype(np.float64)


def linalg_ufunc(name: str, *, raises: bool = True, **how: Any) -> Ufunc:
    """Say by which generalized ufunc NumPy computes an op; `how` are further attributes."""
    return Ufunc("numpy.linalg._umath_linalg", name, raises=raises, **how)


def real_of(x: ArrayType) -> np.dtype[Any]:
    """Return the dtype of a norm or an absolute value."""
    return np.empty(0, inexact(x.dtype)).real.dtype


def matrix_type(x: ArrayType, rows: int, columns: int) -> ArrayType:
    """Return the type of a stack of matrices of this size."""
    return array_type((*x.shape[:-2], rows, columns), inexact(x.dtype))


def real_vector_type(x: ArrayType, size: int) -> ArrayType:
    """Return the type of a real vector for each matrix of the stack."""
    return array_type((*x.shape[:-2], size), real_of(x))


def is_complex(x: Value) -> bool:
    return type_of(x).dtype.kind == "c"


def conjugated(x: Value) -> Value:
    return np.conjugate(x) if is_complex(x) else x


def adjoint(x: Value) -> Value:
    """xᴴ."""
    return conjugated(x).mT


def real_part(x: Value) -> Value:
    return np.real(x) if is_complex(x) else x


def diagonal(x: Value) -> Value:
    return np.diagonal(x, axis1=-2, axis2=-1)


def identity(n: int, x: Value) -> Any:
    """The identity matrix in the dtype of `x`."""
    return np.eye(n, dtype=type_of(x).dtype)


def diagonal_matrix(x: Value) -> Value:
    return x[..., None] * identity(type_of(x).shape[-1], x)


def without_diagonal(x: Value) -> Value:
    return x * (1 - identity(type_of(x).shape[-1], x))


def halved_triangle(x: Value) -> Value:
    """The lower triangle with half its diagonal: Φ(x) of Murray 2016, so that Φ(x) + Φ(x)ᴴ = x if x = xᴴ."""
    n = type_of(x).shape[-1]
    return np.tril(x) * (1 - identity(n, x) / 2)


def hermitian_from(x: Value, uplo: str) -> Value:
    """The Hermitian matrix of which NumPy reads one triangle."""
    half = halved_triangle(x if uplo == "L" else adjoint(x))
    return half + adjoint(half)


def onto_triangle(g: Value, uplo: str) -> Value:
    """The transpose of `hermitian_from`: the other triangle is not read, its gradient is zero."""
    half = halved_triangle(g + adjoint(g))
    return half if uplo == "L" else conjugated(half).mT


def gaps_between(x: Value) -> Value:
    """xⱼ - xᵢ for every pair; 1 on the diagonal."""
    return x[..., None, :] - x[..., :, None] + identity(type_of(x).shape[-1], x)


def used_gaps(gaps: Value, g: Value) -> Value:
    """Replace gaps of zero by 1 where cotangent `g` is all zero: nobody used the vectors, so nothing is divided."""
    is_unused = np.all(g == 0, axis=(-2, -1), keepdims=True)
    return np.where(is_unused & (gaps == 0), 1, gaps)


def phase_of(tangent: Value, vectors: Value, anchors: Value) -> Value:
    """How the phase of the anchored component of each complex vector would move along `tangent`.

    Complex vectors are determined up to a phase. LAPACK keeps the phase of one component of each: the anchor.

    Args:
        tangent: of the vectors, in columns.
        vectors: the columns.
        anchors: 1 at one component of each column, else 0.
    """
    return np.imag(np.sum(tangent * anchors, axis=-2) / _anchored(vectors, anchors))


def turned(tangent: Value, vectors: Value, phase: Value) -> Value:
    """Take this change of phase out of the tangent."""
    return tangent - 1j * vectors * phase[..., None, :]


def turning(g: Value, vectors: Value) -> Value:
    """Im(Σᵢ conj(gᵢⱼ) vᵢⱼ): what the result gains as vector j turns."""
    return np.imag(np.sum(np.conjugate(g) * vectors, axis=-2))


def anchored_cotangent(g: Value, turn: Value, vectors: Value, anchors: Value) -> Value:
    """The adjoint of `turned`: cotangent `g`, and what the anchors receive from everything that turns with them."""
    received = 1j * turn / np.conjugate(_anchored(vectors, anchors))
    return g + anchors * received[..., None, :]


def _anchored(vectors: Value, anchors: Value) -> Value:
    """The anchored components; one that is zero has no phase to keep."""
    values = np.sum(vectors * anchors, axis=-2)
    return np.where(values == 0, np.inf, values)


def row_anchors(rows: int, columns: int, row: int, x: Value) -> Any:
    """Anchors in one row, in the precision of `x`."""
    anchors = np.zeros((rows, columns), real_of(type_of(x)))
    anchors[row] = 1
    return anchors
