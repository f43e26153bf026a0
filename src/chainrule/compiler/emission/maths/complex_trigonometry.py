"""Circular and hyperbolic functions of complex128 numbers and their inverses, made of functions of floats.

Formulas without cancellation: W. Kahan, "Branch cuts for complex elementary functions", 1987. On the cuts, at zeros of
either sign, infinities and NaN the values are those of C's Annex G, as NumPy's are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths.complex_exponentials import in_direction, pair, sqrt
from chainrule.compiler.emission.maths.exponentials import exp
from chainrule.compiler.emission.maths.hyperbolic import arcsinh as real_arcsinh
from chainrule.compiler.emission.maths.hyperbolic import cosh as real_cosh
from chainrule.compiler.emission.maths.hyperbolic import sinh as real_sinh
from chainrule.compiler.emission.maths.inverse_trigonometry import arctan2
from chainrule.compiler.emission.maths.logarithms import log, log1p
from chainrule.compiler.emission.maths.trigonometry import sincos
from chainrule.compiler.emission.values import Pair

_SATURATED = 22.0
"""From here on `tanh` is 1, and `cosh` and `sinh` are `exp / 2`."""
_LOG_2 = 0.6931471805599453
_HUGE, _TINY = 1e150, 1e-150


def sinh(e: Any, z: Pair) -> Pair:
    """Return `sinh(x) cos(y) + i cosh(x) sin(y)`."""
    x, y = z.real, z.imag
    size = e.fabs(x)
    s, c = sincos(e, y)
    real, imag = e.copysign(real_sinh(e, size), x) * c, real_cosh(e, size) * s
    far_real, far_imag = in_direction(e, size, e.copysign(e.number(1.0, x), x) * c, s, 0.5)
    is_far = size > _SATURATED
    real, imag = e.chosen(is_far, far_real, real), e.chosen(is_far, far_imag, imag)
    is_kept = ~e.isfinite(y) & (e.equal(x, 0.0) | e.equal(size, np.inf))
    return pair(e, e.chosen(is_kept, x, real), e.chosen(e.equal(y, 0.0), y, imag))


def cosh(e: Any, z: Pair) -> Pair:
    """Return `cosh(x) cos(y) + i sinh(x) sin(y)`."""
    x, y = z.real, z.imag
    size = e.fabs(x)
    s, c = sincos(e, y)
    sign = e.copysign(e.number(1.0, x), x)
    real, imag = real_cosh(e, size) * c, real_sinh(e, size) * (sign * s)
    far_real, far_imag = in_direction(e, size, c, sign * s, 0.5)
    is_far = size > _SATURATED
    real, imag = e.chosen(is_far, far_real, real), e.chosen(is_far, far_imag, imag)
    real = e.chosen(~e.isfinite(y) & e.equal(size, np.inf), np.inf, real)
    nothing = e.copysign(e.number(0.0, x), sign * y)
    is_nothing = e.equal(y, 0.0) | (e.equal(x, 0.0) & ~e.isfinite(y))
    return pair(e, real, e.chosen(is_nothing, nothing, imag))


def tanh(e: Any, z: Pair) -> Pair:
    """Return `(sinh(x) cosh(x) + i sin(y) cos(y)) / (sinh(x)² + cos(y)²)`."""
    x, y = z.real, z.imag
    size = e.fabs(x)
    s, c = sincos(e, y)
    is_far = size > _SATURATED
    near = e.chosen(is_far, 1.0, size)
    sine = real_sinh(e, near)
    bottom = sine * sine + c * c
    real = e.chosen(is_far, 1.0, sine * real_cosh(e, near) / bottom)
    imag = e.chosen(is_far, 4.0 * (s * c) * exp(e, size * -2.0), s * c / bottom)
    is_lost = ~e.isfinite(y)
    real = e.chosen(is_lost & e.equal(x, 0.0), 0.0, real)
    real = e.chosen(is_lost & ~e.equal(x, 0.0) & (size < np.inf), e.number(np.nan, x), real)
    real = e.chosen(e.isnan(x), x, real)
    is_nothing = e.equal(size, np.inf) & is_lost
    imag = e.chosen(is_nothing, e.copysign(e.number(0.0, y), y), imag)
    imag = e.chosen(e.isnan(x), x, imag)
    return pair(e, e.copysign(real, x), e.chosen(e.equal(y, 0.0), y, imag))


def arcsin(e: Any, z: Pair) -> Pair:
    """Return the arc sine, by the roots of `1 - z` and `1 + z`."""
    x, y = z.real, z.imag
    left, right = sqrt(e, pair(e, 1.0 - x, -y)), sqrt(e, pair(e, 1.0 + x, y))
    real = arctan2(e, x, left.real * right.real - left.imag * right.imag)
    imag = real_arcsinh(e, left.real * right.imag - left.imag * right.real)
    is_infinite = e.isinf(x) | e.isinf(y)
    real = e.chosen(is_infinite, arctan2(e, x, e.fabs(y)), real)
    imag = e.chosen(is_infinite, np.inf, imag)
    return pair(e, e.chosen(e.equal(x, 0.0), x, real), e.copysign(imag, y))


def arccos(e: Any, z: Pair) -> Pair:
    """Return the arc cosine, by the roots of `1 - z` and `1 + z`."""
    x, y = z.real, z.imag
    left, right = sqrt(e, pair(e, 1.0 - x, -y)), sqrt(e, pair(e, 1.0 + x, y))
    real = arctan2(e, left.real, right.real) * 2.0
    imag = real_arcsinh(e, right.real * left.imag - right.imag * left.real)
    is_infinite = e.isinf(x) | e.isinf(y)
    real = e.chosen(is_infinite, arctan2(e, e.fabs(y), x), real)
    imag = e.chosen(is_infinite, np.inf, e.fabs(imag))
    is_right = e.equal(x, 0.0) & e.isnan(y)
    return pair(e, e.chosen(is_right, np.pi / 2, real), -e.copysign(imag, y))


def arccosh(e: Any, z: Pair) -> Pair:
    """Return `arccosh(z)`: the arc cosine, turned into the right half plane."""
    turned = arccos(e, z)
    size = e.fabs(turned.imag)
    return pair(e, size, e.copysign(turned.real, z.imag))


def arctanh(e: Any, z: Pair) -> Pair:
    """Return `log1p(4x / ((1 - x)² + y²)) / 4 + i arctan2(2y, (1 - x)(1 + x) - y²) / 2`."""
    x, y = e.fabs(z.real), e.fabs(z.imag)
    is_far = (x > _HUGE) | (y > _HUGE)
    a, b = e.chosen(is_far, 0.0, x), e.chosen(is_far, 1.0, y)
    rest = 1.0 - a
    square = b * b
    near = log1p(e, 4.0 * a / (rest * rest + square)) * 0.25
    near = e.chosen(e.equal(rest, 0.0) & (b < _TINY), (_LOG_2 - log(e, b)) * 0.5, near)
    large, small = e.chosen(x > y, x, y), e.chosen(x > y, y, x)
    ratio = small / large
    far = (x / large) / (large * (1.0 + ratio * ratio))
    far = e.chosen(e.isinf(x) | e.isinf(y), 0.0, far)
    real = e.chosen(is_far, far, near)
    angle = arctan2(e, b + b, rest * (1.0 + a) - square) * 0.5
    imag = e.chosen(is_far, np.pi / 2, angle)
    imag = e.chosen(e.isnan(x) & ~e.isinf(y), x, e.chosen(e.isnan(y), y, imag))
    real = e.chosen(e.equal(x, 0.0), x, real)
    return pair(e, e.copysign(real, z.real), e.copysign(imag, z.imag))


def turned(function: Any) -> Any:
    """Return the circular function that a hyperbolic one is behind an exchange of the parts, or the other way round."""

    def circular(e: Any, z: Pair) -> Pair:
        result = function(e, pair(e, z.imag, z.real))
        return pair(e, result.imag, result.real)

    circular.__doc__ = function.__doc__
    return circular


sin, tan = turned(sinh), turned(tanh)
arcsinh, arctan = turned(arcsin), turned(arctanh)


def cos(e: Any, z: Pair) -> Pair:
    """Return `cos(x) cosh(y) - i sin(x) sinh(y)`."""
    return cosh(e, pair(e, z.imag, -z.real))
