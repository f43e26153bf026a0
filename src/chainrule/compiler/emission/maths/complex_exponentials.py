"""Exponentials, logarithms, roots and powers of complex128 numbers, made of functions of floats.

At zeros of either sign, infinities and NaN the values are those of C's Annex G, as NumPy's are. Where NumPy has steps
of its own, for `log1p`, `expm1` and powers, they are these.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.complex_arithmetic import quotient
from chainrule.compiler.emission.maths.doubled import ordered_sum_parts, square_parts, sum_parts
from chainrule.compiler.emission.maths.exponentials import exp as real_exp
from chainrule.compiler.emission.maths.exponentials import expm1 as real_expm1
from chainrule.compiler.emission.maths.inverse_trigonometry import arctan2
from chainrule.compiler.emission.maths.logarithms import log as real_log
from chainrule.compiler.emission.maths.logarithms import log1p as real_log1p
from chainrule.compiler.emission.maths.powers import hypot
from chainrule.compiler.emission.maths.trigonometry import sincos
from chainrule.compiler.emission.values import Pair

_LARGE = 709.0
_EXP_LARGE = float(np.exp(_LARGE))
_PER_LOG_2, _PER_LOG_10, _LOG_2 = 1.4426950408889634, 0.4342944819032518, 0.6931471805599453
_MOST_BY_PRODUCTS = 100


def pair(e: Any, real: Any, imag: Any) -> Pair:
    """Return the complex128 number of two parts."""
    real, imag = e.matched(real, imag)
    return Pair(e, real, imag, np.dtype(np.complex128))


def exp(e: Any, z: Pair) -> Pair:
    """Return `exp(x) (cos(y) + i sin(y))`."""
    x, y = z.real, z.imag
    real, imag = in_direction(e, x, *sincos(e, y)[::-1])
    bad = ~e.isfinite(y)
    real = e.chosen(bad & e.equal(x, np.inf), x, e.chosen(bad & e.equal(x, -np.inf), 0.0, real))
    imag = e.chosen(bad & e.equal(x, -np.inf), e.copysign(e.number(0.0, y), y), imag)
    return pair(e, real, e.chosen(e.equal(y, 0.0), y, imag))


def in_direction(e: Any, x: Any, a: Any, b: Any, factor: float = 1.0) -> tuple[Any, Any]:
    """Return `factor exp(x) a` and `factor exp(x) b`, finite wherever they are, though `exp(x)` may not be."""
    is_large = x > _LARGE
    scale = e.chosen(is_large, _EXP_LARGE * factor, e.number(factor, x))
    size = real_exp(e, e.chosen(is_large, x - _LARGE, x))
    return size * (a * scale), size * (b * scale)


def exp2(e: Any, z: Pair) -> Pair:
    """Return `2**z` by NumPy's steps."""
    return exp(e, pair(e, z.real * _LOG_2, z.imag * _LOG_2))


def expm1(e: Any, z: Pair) -> Pair:
    """Return `exp(z) - 1` by NumPy's steps."""
    s, c = sincos(e, z.imag)
    half, _ = sincos(e, z.imag * 0.5)
    real = real_expm1(e, z.real) * c - 2.0 * half * half
    return pair(e, real, real_exp(e, z.real) * s)


def log(e: Any, z: Pair) -> Pair:
    """Return `log(|z|) + i arctan2(y, x)`."""
    x, y = e.fabs(z.real), e.fabs(z.imag)
    large, small = e.chosen(x > y, x, y), e.chosen(x > y, y, x)
    # |z|² - 1 to twice the digits, where it may be next to 0
    is_near = (large <= 2.0) & (large >= 0.5)
    near, beside = e.chosen(is_near, large, 1.0), e.chosen(is_near, small, 0.0)
    square, low = square_parts(e, near)
    other, other_low = square_parts(e, beside)
    total, lost = sum_parts(square, -1.0)
    total, more = sum_parts(total, other)
    close = real_log1p(e, *ordered_sum_parts(total, (lost + more) + (low + other_low))) * 0.5
    ratio = e.chosen(e.equal(large, 0.0), 0.0, small / large)
    far = real_log(e, large) + real_log1p(e, ratio * ratio) * 0.5
    real = e.chosen(is_near, close, far)
    real = e.chosen(e.isnan(x) | e.isnan(y), e.number(np.nan, x), real)
    real = e.chosen(e.equal(x, np.inf) | e.equal(y, np.inf), np.inf, real)
    return pair(e, real, arctan2(e, z.imag, z.real))


def log2(e: Any, z: Pair) -> Pair:
    """Return the logarithm to base 2 by NumPy's steps."""
    y = log(e, z)
    return pair(e, y.real * _PER_LOG_2, y.imag * _PER_LOG_2)


def log10(e: Any, z: Pair) -> Pair:
    """Return the logarithm to base 10 by NumPy's steps."""
    y = log(e, z)
    return pair(e, y.real * _PER_LOG_10, y.imag * _PER_LOG_10)


def log1p(e: Any, z: Pair) -> Pair:
    """Return `log(1 + z)` by NumPy's steps."""
    x = z.real + 1.0
    return pair(e, real_log(e, hypot(e, x, z.imag)), arctan2(e, z.imag, x))


def sqrt(e: Any, z: Pair) -> Pair:
    """Return the root in the right half plane; its parts are the root `s` of `(|z| + |x|) / 2`, and `|y| / 2s`."""
    x, y = e.fabs(z.real), e.fabs(z.imag)
    large = e.maximum(x, y)
    shrink, grow = large > 2.0**1020, large < 2.0**-960
    scale = e.chosen(shrink, 0.25, e.chosen(grow, 2.0**108, e.number(1.0, x)))
    back = e.chosen(shrink, 2.0, e.chosen(grow, 2.0**-54, e.number(1.0, x)))
    x, y = x * scale, y * scale
    s = e.sqrt((hypot(e, x, y) + x) * 0.5)
    other = e.chosen(e.equal(s, 0.0), 0.0, y / (s + s)) * back
    s = s * back
    is_left = e.signbit(z.real)
    real, imag = e.chosen(is_left, other, s), e.chosen(is_left, s, other)
    is_infinite = e.equal(y, np.inf)
    real, imag = e.chosen(is_infinite, np.inf, real), e.chosen(is_infinite, np.inf, imag)
    return pair(e, real, e.copysign(imag, z.imag))


def power(e: Any, x: Pair, y: Pair) -> Pair:
    """Return `x ** y` by NumPy's steps: small whole powers by products."""
    n = e.chosen(e.fabs(y.real) < _MOST_BY_PRODUCTS, y.real, 0.0)
    by_products = e.equal(y.imag, 0.0) & e.equal(e.trunc(n), y.real)
    whole = _whole_power(e, x, e.whole(e.trunc(n)))
    result = e.chosen(by_products, whole, exp(e, _product(e, y, log(e, x))))
    bad = pair(e, e.number(np.nan, n), e.number(np.nan, n))
    of_zero = e.chosen(y.real > 0.0, 0j, bad)
    result = e.chosen(e.equal(x, 0j), of_zero, result)
    return e.chosen(e.equal(y, 0j), e.number(1.0 + 0j, x), result)  # type: ignore[no-any-return]


def _whole_power(e: Any, x: Pair, n: Any) -> Any:
    """Return `x ** n` for integers from -99 to 99, by the products that NumPy makes."""
    one = e.spread(e.number(1.0 + 0j, x), x.lanes)
    size, result, factor = e.absolute(n), one, x
    for k in range(7):
        bit = e.not_equal(size & (1 << k), 0)
        result = e.chosen(bit, result * factor, result)
        factor = factor * factor
    result = e.chosen(n < 0, quotient(e, one, result), result)
    square = x * x
    for k, product in ((1, x), (2, square), (3, x * square)):
        result = e.chosen(e.equal(n, k), product, result)
    return result


def _product(e: Any, x: Pair, y: Pair) -> Pair:
    """Return a product that is infinite where a factor is, even if the other part is NaN: C's Annex G.5.1."""
    product = x * y
    a, b, c, d = x.real, x.imag, y.real, y.imag
    is_lost = e.isnan(product.real) & e.isnan(product.imag)
    left, right = e.isinf(x), e.isinf(y)
    made = e.isinf(a * c) | e.isinf(b * d) | e.isinf(a * d) | e.isinf(b * c)

    def unit(v: Any, is_infinite: Any) -> Any:
        """Return 1 for an infinite part of an infinite factor, 0 for its other part and for NaN, of the same sign."""
        size = e.chosen(e.isinf(v), 1.0, e.number(0.0, v))
        return e.chosen(is_infinite, e.copysign(size, v), e.chosen(e.isnan(v), 0.0 * size, v))

    a, b, c, d = unit(a, left), unit(b, left), unit(c, right), unit(d, right)
    real, imag = (a * c - b * d) * np.inf, (a * d + b * c) * np.inf
    is_infinite = is_lost & (left | right | made)
    return e.chosen(is_infinite, pair(e, real, imag), product)  # type: ignore[no-any-return]
