"""Logarithms: the exponent times log(2), and of the rest `1 + f` a polynomial in `s = f / (2 + f)`.

`log(1 + f) = 2 atanh(s)`, arranged as in Sun's fdlibm so that `f - f²/2` is the large part.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import (
    Parts,
    ordered_sum_parts,
    product_parts,
    quotient_parts,
    square_parts,
    sum_parts,
)
from chainrule.compiler.emission.maths.exponentials import exp, exp2
from chainrule.compiler.emission.maths.polynomials import polynomial

_LOG_2 = {4: (0.693359375, -2.1219444005469057e-4), 8: (0.6931471803691238, 1.9082149292705877e-10)}
_LOG_OF_2 = 0.6931471805599453
_ROOT_HALF_BITS = {4: 0x3F3504F3, 8: 0x3FE6A09E667F3BCD}
_MANTISSA = {4: 23, 8: 52}
_SMALLEST_NORMAL = {4: 2.0**-126, 8: 2.0**-1022}
_PER_LOG = {  # in two parts
    2: (1.4426950407214463, 1.6751713164886512e-10),
    10: (0.4342944818781689, 2.5082946711645275e-11),
}
_TWO_THIRDS = (0.6666666666666666, 3.7007434154171886e-17)
_LOG10_2 = (0.30102999560767785, 5.6303348065105406e-11)


def log(e: Any, x: Any) -> Any:
    """Return `log(x)`."""
    k, f = exponent_and_rest(e, x)
    return at_the_ends(e, x, _sum(e, k, f, None))


def _sum(e: Any, k: Any, f: Any, more: Any) -> Any:
    """Return `k log(2) + log(1 + f) + more`."""
    first, second = _LOG_2[f.dtype.itemsize]
    half_square = f * f * 0.5
    small = _small(e, f, half_square)
    low = e.multiply_add(k, second, small if more is None else small + more)
    return e.multiply_add(k, first, f - (half_square - low))


def _small(e: Any, f: Any, half_square: Any) -> Any:
    """Return `log(1 + f) - (f - f²/2)`."""
    if f.dtype.itemsize == 4:  # so short a polynomial in `f` itself costs less than a quotient
        return f * f * f * polynomial(e, f, coefficients.LOG_FLOAT32)
    s = f / (f + 2.0)
    z = s * s
    rest = z * polynomial(e, z, coefficients.ATANH_FLOAT64)
    return s * (half_square + rest)


def exponent_and_rest(e: Any, x: Any) -> Parts:
    """Return k and f with `x = 2^k (1 + f)` and `1 + f` between the roots of 1/2 and 2."""
    size = x.dtype.itemsize
    digits = _MANTISSA[size]
    is_small = x < _SMALLEST_NORMAL[size]
    bits = e.bits(e.chosen(is_small, x * 2.0**digits, x))
    above = bits - _ROOT_HALF_BITS[size]
    whole = e.shifted_right(above, digits)
    m = e.floated(bits - e.shifted_left(whole, digits), x.dtype)
    k = e.cast(whole, x.dtype)
    return e.chosen(is_small, k - float(digits), k), m - 1.0


def at_the_ends(e: Any, x: Any, y: Any) -> Any:
    """Return a logarithm `y` of `x` corrected at 0, below it, at infinity and NaN."""
    y = e.chosen(x < np.inf, y, x)
    bad = e.chosen(e.equal(x, 0.0), -np.inf, e.number(np.nan, x))
    return e.chosen(x > 0.0, y, e.chosen(e.isnan(x), x, bad))


def log1p(e: Any, x: Any, low: Any = None) -> Any:
    """Return `log(1 + x + low)` for a `low` that is small beside `x`; nothing stands for zero."""
    total = x + 1.0
    lost = e.chosen(x < 1.0, x - (total - 1.0), 1.0 - (total - x))
    lost = lost if low is None else lost + low
    k, f = exponent_and_rest(e, total)
    y = at_the_ends(e, total, _sum(e, k, f, lost / total))
    return e.chosen(e.equal(x, 0.0), x, y)


def logaddexp(e: Any, x: Any, y: Any) -> Any:
    """Return `log(exp(x) + exp(y))` by NumPy's steps."""
    part = log1p(e, exp(e, -e.fabs(x - y)))
    return e.chosen(e.equal(x, y), x + _LOG_OF_2, e.maximum(x, y) + part)


def logaddexp2(e: Any, x: Any, y: Any) -> Any:
    """Return `log2(2**x + 2**y)` by NumPy's steps."""
    part = log1p(e, exp2(e, -e.fabs(x - y))) * (1 / _LOG_OF_2)
    return e.chosen(e.equal(x, y), x + 1.0, e.maximum(x, y) + part)


def log2(e: Any, x: Any) -> Any:
    """Return the logarithm to base 2 of float64 numbers; exact for powers of 2."""
    k, f = exponent_and_rest(e, x)
    (high, low), (per_high, per_low) = _in_two(e, f), _PER_LOG[2]
    scaled_low = e.multiply_add(low + high, per_low, low * per_high)
    total, lost = sum_parts(k, high * per_high)
    return at_the_ends(e, x, total + (scaled_low + lost))


def log10(e: Any, x: Any) -> Any:
    """Return the logarithm to base 10 of float64 numbers."""
    k, f = exponent_and_rest(e, x)
    (high, low), (per_high, per_low) = _in_two(e, f), _PER_LOG[10]
    scaled_low = e.multiply_add(low + high, per_low, low * per_high)
    scaled_low = e.multiply_add(k, _LOG10_2[1], scaled_low)
    total, lost = sum_parts(k * _LOG10_2[0], high * per_high)
    return at_the_ends(e, x, total + (scaled_low + lost))


def _in_two(e: Any, f: Any) -> Parts:
    """Return `log(1 + f)` as a number of few digits and the rest."""
    half_square = f * f * 0.5
    high = e.floated(e.bits(f - half_square) & ~0xFFFFFFFF, f.dtype)
    return high, ((f - high) - half_square) + _small(e, f, half_square)


def log_parts(e: Any, x: Any) -> Parts:
    """Return `log(x)` of positive float64 numbers in two parts, to some 66 digits of base 2."""
    k, f = exponent_and_rest(e, x)
    s, s_low = quotient_parts(e, f, f + 2.0)
    denominator = f + 2.0
    s_low = s_low - s * (f - (denominator - 2.0)) / denominator
    z, z_low = square_parts(e, s)
    z_low = e.multiply_add(s + s, s_low, z_low)
    tail = z * polynomial(e, z, coefficients.ATANH_REST)
    c, c_low = ordered_sum_parts(_TWO_THIRDS[0], tail)
    c_low = c_low + _TWO_THIRDS[1]
    p, p_low = product_parts(e, z, c)
    p_low = p_low + (z * c_low + z_low * c)
    cube, cube_low = product_parts(e, s, p)
    cube_low = cube_low + (s * p_low + s_low * p)
    total, low = ordered_sum_parts(s + s, cube)
    low = low + (cube_low + s_low * 2.0)
    high_part, lost = sum_parts(k * _LOG_2[8][0], total)
    low = e.multiply_add(k, _LOG_2[8][1], low + lost)
    return ordered_sum_parts(high_part, low)
