"""Functions of square matrices: exponential, logarithm, square root, sine and its kind.

One rule serves them all (Higham 2008, theorem 3.6): f([[a, e], [0, a]]) holds f(a) on its diagonal and, right above,
the derivative of f at a in the direction e. Its transpose is the derivative at aᵀ. Both are values of f, so
that derivatives of any order follow.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg

from chainrule.autodiff.custom import custom_rule
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import square_size
from chainrule.scipy.calls import follows, refuse_traced

MatrixFunction = Callable[[Value], Value]


def _derivative(f: MatrixFunction, a: Value, direction: Value) -> Value:
    """The derivative of the matrix function `f` at `a` in a direction."""
    n = type_of(a).shape[-1]
    zeros = FRONTS["zeros_like"](a)
    upper = np.concatenate([a, direction], axis=-1)
    lower = np.concatenate([zeros, a], axis=-1)
    return f(np.concatenate([upper, lower], axis=-2))[..., :n, n:]


def matrix_function(plainly: Callable[[Any], Any]) -> MatrixFunction:
    """Return the function of matrices that `plainly` computes, with its derivatives."""

    @custom_rule(
        vjp=lambda g, out, a: _derivative(f, a.mT, g),
        jvp=lambda tangents, out, a: _derivative(f, a, tangents[0]),
    )
    def f(a: Any) -> Any:
        return plainly(a)

    return f


@functools.cache
def _named(name: str) -> MatrixFunction:
    return matrix_function(getattr(scipy.linalg, name))


def _call(name: str, a: Value) -> Value:
    a = array_like(a)
    square_size(f"scipy.linalg.{name}", type_of(a).shape)
    return _named(name)(a if type_of(a).is_inexact else FRONTS["astype"](a, np.float64))


@follows(scipy.linalg.expm)
def expm(A: Value) -> Value:
    """Return the matrix exponential."""
    return _call("expm", A)


@follows(scipy.linalg.sqrtm)
def sqrtm(A: Value, disp: Any = None, blocksize: Any = None) -> Value:
    """Return the principal square root of a matrix."""
    return _call("sqrtm", A)


@follows(scipy.linalg.logm)
def logm(A: Value, disp: Any = None) -> Value:
    """Return the principal logarithm of a matrix."""
    return _call("logm", A)


@follows(scipy.linalg.cosm)
def cosm(A: Value) -> Value:
    """Return the cosine of a matrix."""
    return _call("cosm", A)


@follows(scipy.linalg.sinm)
def sinm(A: Value) -> Value:
    """Return the sine of a matrix."""
    return _call("sinm", A)


@follows(scipy.linalg.tanm)
def tanm(A: Value) -> Value:
    """Return the tangent of a matrix."""
    return _call("tanm", A)


@follows(scipy.linalg.coshm)
def coshm(A: Value) -> Value:
    """Return the hyperbolic cosine of a matrix."""
    return _call("coshm", A)


@follows(scipy.linalg.sinhm)
def sinhm(A: Value) -> Value:
    """Return the hyperbolic sine of a matrix."""
    return _call("sinhm", A)


@follows(scipy.linalg.tanhm)
def tanhm(A: Value) -> Value:
    """Return the hyperbolic tangent of a matrix."""
    return _call("tanhm", A)


@functools.lru_cache(maxsize=32)
def _power(t: float) -> MatrixFunction:
    return matrix_function(lambda a: scipy.linalg.fractional_matrix_power(a, t))


@follows(scipy.linalg.fractional_matrix_power)
def fractional_matrix_power(A: Value, t: float) -> Value:
    """Return the power of a matrix with a plain real exponent."""
    refuse_traced("scipy.linalg.fractional_matrix_power", t=t)
    return _power(float(t))(array_like(A))


@follows(scipy.linalg.expm_frechet)
def expm_frechet(
    A: Value,
    E: Value,
    method: str | None = None,
    compute_expm: bool = True,
    check_finite: bool = True,
) -> Any:
    """Return the exponential and its derivative in the direction `E`."""
    f = _named("expm")
    A = array_like(A)
    moved = _derivative(f, A, array_like(E))
    return (f(A), moved) if compute_expm else moved
