"""The error functions and the normal distribution.

`erfcx(x) = exp(x²) erfc(x)` is smooth: times `1 + 2x` it is a polynomial in `(x - k) / (x + k)` (Shepherd and
Laframboise, "Chebyshev approximation of (1 + 2x) exp(x²) erfc x in 0 <= x < inf", 1981). The square in the exponential
is taken in two parts.
"""

from __future__ import annotations

from typing import Any

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import square_parts
from chainrule.compiler.emission.maths.exponentials import exp, exp_of_sum
from chainrule.compiler.emission.maths.logarithms import log, log1p
from chainrule.compiler.emission.maths.polynomials import polynomial

_CENTRE = coefficients.ERFCX_CENTRE
_ROOT_HALF = 0.7071067811865476
_ERF = {4: coefficients.ERF_FLOAT32, 8: coefficients.ERF_FLOAT64}
_NEAR = 0.9


def erf(e: Any, x: Any) -> Any:
    """Return `erf(x)`."""
    size = e.fabs(x)
    if x.dtype.itemsize == 4:
        inside = e.chosen(size > 4.0, 4.0, size)
        far = 1.0 - exp(e, -polynomial(e, inside, coefficients.ERF_LOG_FLOAT32))
        return e.copysign(e.chosen(size < _NEAR, _near_zero(e, size), far), x)
    far = 1.0 - _tail(e, e.chosen(size > 6.0, 6.0, size))
    return e.copysign(e.chosen(size < _NEAR, _near_zero(e, size), far), x)


def erfc(e: Any, x: Any) -> Any:
    """Return `1 - erf(x)` of float64 numbers."""
    size = e.fabs(x)
    tail = _tail(e, e.chosen(size > 28.0, 28.0, size))
    near = 0.5 + (0.5 - _near_zero(e, x))
    return e.chosen(x < -0.5, 2.0 - tail, e.chosen(x < 0.5, near, tail))


def _near_zero(e: Any, x: Any) -> Any:
    """Return `erf(x)` for small `x`."""
    curve = polynomial(e, x * x, _ERF[x.dtype.itemsize])
    return e.multiply_add(x, curve, x)


def _tail(e: Any, x: Any) -> Any:
    """Return `erfc(x)` for `x >= 0`."""
    square, lost = square_parts(e, x)
    return exp_of_sum(e, -square, -lost) * scaled_tail(e, x)


def scaled_tail(e: Any, x: Any) -> Any:
    """Return `exp(x²) erfc(x)` for `x >= 0`."""
    near = e.chosen(x > 1e15, 1e15, x)
    t = (near - _CENTRE) / (near + _CENTRE)
    return polynomial(e, t, coefficients.ERFCX) / (x * 2.0 + 1.0)


def ndtr(e: Any, x: Any) -> Any:
    """Return the normal distribution function of float64 numbers."""
    tail = _normal_tail(e, e.fabs(x))
    return e.chosen(x > 0.0, 1.0 - tail, tail)


def _normal_tail(e: Any, size: Any) -> Any:
    """Return the distribution function at `-size`."""
    size = e.chosen(size > 40.0, 40.0, size)
    square, lost = square_parts(e, size)
    density = exp_of_sum(e, square * -0.5, lost * -0.5)
    far = density * (scaled_tail(e, size * _ROOT_HALF) * 0.5)
    near = 0.5 - _near_zero(e, size * _ROOT_HALF) * 0.5
    return e.chosen(size < 1.0, near, far)


def log_ndtr(e: Any, x: Any) -> Any:
    """Return the logarithm of the normal distribution function of float64 numbers."""
    size = e.fabs(x)
    tail = _normal_tail(e, size)
    left = log(e, scaled_tail(e, size * _ROOT_HALF) * 0.5) - size * size * 0.5
    right = e.chosen(x < 0.0, log(e, tail), log1p(e, -tail))
    return e.chosen(x < -1.0, left, right)
