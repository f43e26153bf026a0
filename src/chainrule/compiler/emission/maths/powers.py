"""Powers, roots and lengths."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import product_parts
from chainrule.compiler.emission.maths.exponentials import exp, exp_of_sum
from chainrule.compiler.emission.maths.logarithms import log, log_parts
from chainrule.compiler.emission.maths.polynomials import polynomial

DOUBLE = np.dtype(np.float64)


def power(e: Any, x: Any, y: Any) -> Any:
    """Return `x ** y` of floats: `exp(y log(x))`, with the logarithm in two parts."""
    if x.dtype.itemsize == 4:
        return e.cast(_power_single(e, e.cast(x, DOUBLE), e.cast(y, DOUBLE)), x.dtype)
    size = e.fabs(x)
    high, low = log_parts(e, size)
    high = _log_at_the_ends(e, size, high)
    product, error = product_parts(e, y, high)
    error = error + y * low
    error = e.chosen(e.fabs(product) < 1e9, error, 0.0)
    return _with_sign(e, x, y, exp_of_sum(e, product, error))


def _power_single(e: Any, x: Any, y: Any) -> Any:
    size = e.fabs(x)
    return _with_sign(e, x, y, exp(e, y * log(e, size)))


def _log_at_the_ends(e: Any, size: Any, y: Any) -> Any:
    y = e.chosen(size < np.inf, y, size)
    return e.chosen(e.equal(size, 0.0), e.number(-np.inf, y), y)


def _with_sign(e: Any, x: Any, y: Any, size: Any) -> Any:
    """Return a power of the size of `x` as that of `x` itself: signs, and what is 1 whatever the other is."""
    half = y * 0.5
    is_whole = e.equal(e.trunc(y), y)
    is_odd = is_whole & e.not_equal(e.trunc(half), half)
    result = e.chosen(e.signbit(x) & is_odd, -size, size)
    bad = (x < 0.0) & ~is_whole & e.isfinite(x)
    result = e.chosen(bad, e.number(np.nan, x), result)
    is_one = e.equal(y, 0.0) | e.equal(x, 1.0) | (e.equal(x, -1.0) & e.isinf(y))
    return e.chosen(is_one, 1.0, result)


def cbrt(e: Any, x: Any) -> Any:
    """Return the cube root of float64 numbers: a polynomial, then one step of Halley's."""
    size = e.fabs(x)
    is_small = size < 2.0**-1022
    bits = e.bits(e.chosen(is_small, size * 2.0**54, size))
    exponent = e.cast(e.shifted_right(bits, 52) - 1023, x.dtype)
    m = e.floated((bits & (2**52 - 1)) | (1023 << 52), x.dtype)
    third = e.floor(exponent * (1 / 3) + 1e-9)
    rest = exponent - third * 3.0
    t = polynomial(e, m, coefficients.CBRT)
    t = t * e.chosen(rest > 1.5, 2 ** (2 / 3), e.chosen(rest > 0.5, 2 ** (1 / 3), e.number(1.0, x)))
    m = m * e.chosen(rest > 1.5, 4.0, e.chosen(rest > 0.5, 2.0, e.number(1.0, x)))
    t = e.floated(e.bits(t) & ~((1 << 30) - 1), x.dtype)  # so few digits that its square is exact
    quotient = m / (t * t)
    t = t + t * ((quotient - t) / (t + t + quotient))
    y = e.scaled(t, e.chosen(is_small, third - 18.0, third))
    y = e.chosen(e.equal(size, 0.0) | ~(size < np.inf), size, y)
    return e.copysign(y, x)


def hypot(e: Any, x: Any, y: Any) -> Any:
    """Return `sqrt(x² + y²)` without overflow on the way; infinite if one is, even if the other is NaN."""
    x, y = e.fabs(x), e.fabs(y)
    large, small = e.chosen(x > y, x, y), e.chosen(x > y, y, x)
    ratio = e.chosen(e.equal(large, 0.0), 0.0, small / large)
    length = large * e.sqrt(ratio * ratio + 1.0)
    length = e.chosen(e.isnan(x) | e.isnan(y), x + y, length)
    return e.chosen(e.equal(x, np.inf) | e.equal(y, np.inf), np.inf, length)
