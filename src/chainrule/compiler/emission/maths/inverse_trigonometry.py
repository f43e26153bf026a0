"""Inverse circular functions: arguments are brought near 0, and a polynomial does the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import product_parts, square_parts, sum_parts
from chainrule.compiler.emission.maths.polynomials import polynomial

_ATAN = {4: coefficients.ATAN_FLOAT32, 8: coefficients.ATAN_FLOAT64}
_ASIN = {4: coefficients.ASIN_FLOAT32, 8: coefficients.ASIN_FLOAT64}
# π/4 in two parts, the first with two digits to spare, so that its multiples up to 4 are exact
_QUARTER = {4: (0.78539800643920898, 1.5700238844903e-07), 8: (0.7853981633974474, 8.7e-16)}
_TAN_EIGHTH = 0.41421356237309503
_HALF_PI = {4: (1.5707963705062866, -4.371139000186241e-08), 8: (np.pi / 2, 6.123233995736766e-17)}


def arctan(e: Any, x: Any) -> Any:
    """Return `arctan(x)`."""
    size = e.fabs(x)
    one = e.spread(e.number(1.0, x), x.lanes)
    return e.copysign(_angle(e, size, one), x)


def arctan2(e: Any, y: Any, x: Any) -> Any:
    """Return the angle of the point (x, y), between -π and π."""
    y_size, x_size = e.fabs(y), e.fabs(x)
    same = e.equal(y_size, x_size) & e.equal(y_size, np.inf)
    both_zero = e.equal(y_size, 0.0) & e.equal(x_size, 0.0)
    a = e.chosen(same, 1.0, y_size)
    b = e.chosen(same | both_zero, 1.0, x_size)
    size = _angle(e, a, b, is_left=e.signbit(x))
    result = e.copysign(size, y)
    return e.chosen(e.isnan(x) | e.isnan(y), x + y, result)


def _angle(e: Any, y: Any, x: Any, is_left: Any = None) -> Any:
    """Return the angle of (x, y), neither of them negative, or on the left of (-x, y).

    It is `turns · π/4 ± arctan(t)` with a `t` of at most tan(π/8).
    """
    swapped = y > x
    small, large = e.chosen(swapped, x, y), e.chosen(swapped, y, x)
    far = small > large * _TAN_EIGHTH
    scale = e.chosen(large > 2.0 ** (126 if x.dtype.itemsize == 4 else 1022), e.number(0.5, x), 1.0)
    difference, difference_low = sum_parts(small * scale, -(large * scale))
    total, total_low = sum_parts(large * scale, small * scale)
    top, top_low = e.chosen(far, difference, small), e.chosen(far, difference_low, 0.0)
    bottom, bottom_low = e.chosen(far, total, large), e.chosen(far, total_low, 0.0)
    t = top / bottom
    product, error = product_parts(e, t, bottom)
    t_low = (((top - product) - error) + (top_low - t * bottom_low)) / bottom
    t_low = e.chosen(e.fabs(t_low) < 1.0, t_low, 0.0)  # nothing of what is not finite
    turns = e.chosen(far, 1.0, e.number(0.0, x))
    turns, t = e.chosen(swapped, 2.0 - turns, turns), e.chosen(swapped, -t, t)
    t_low = e.chosen(swapped, -t_low, t_low)
    if is_left is not None:
        turns, t = e.chosen(is_left, 4.0 - turns, turns), e.chosen(is_left, -t, t)
        t_low = e.chosen(is_left, -t_low, t_low)
    z = t * t
    curve = z * t * polynomial(e, z, _ATAN[x.dtype.itemsize])
    first, second = _QUARTER[x.dtype.itemsize]
    return turns * first + (t + (curve + (t_low + turns * second)))


def arcsin(e: Any, x: Any) -> Any:
    """Return the arc sine: beyond 1/2 that of the complement, by the root of half the distance to 1."""
    size = e.fabs(x)
    is_near = size < 0.5
    root, low, z = _root_and_square(e, size, is_near)
    curve = root * z * polynomial(e, z, _ASIN[x.dtype.itemsize])
    first, second = _HALF_PI[x.dtype.itemsize]
    near = root + curve
    half = (first * 0.5) - root * 2.0
    far = half + (first * 0.5 + (second - (curve + low) * 2.0))
    return e.copysign(e.chosen(is_near, near, far), x)


def arccos(e: Any, x: Any) -> Any:
    """Return `arccos(x)`."""
    size = e.fabs(x)
    is_near = size < 0.5
    root, low, z = _root_and_square(e, size, is_near)
    curve = root * z * polynomial(e, z, _ASIN[x.dtype.itemsize])
    first, second = _HALF_PI[x.dtype.itemsize]
    signed_root, signed_curve = e.copysign(root, x), e.copysign(curve, x)
    near = first - (signed_root - (second - signed_curve))
    right = (root + (curve + low)) * 2.0
    left = (first - root + (second - (curve + low))) * 2.0
    return e.chosen(is_near, near, e.chosen(x > 0.0, right, left))


def _root_and_square(e: Any, size: Any, is_near: Any) -> tuple[Any, Any, Any]:
    """Return what the polynomial works on: the size or `sqrt((1 - size) / 2)`, its error, and its square."""
    half = (1.0 - size) * 0.5
    z = e.chosen(is_near, size * size, half)
    root = e.sqrt(half)
    square, lost = square_parts(e, root)
    low = e.chosen(root > 0.0, ((half - square) - lost) / (root + root), 0.0)
    return e.chosen(is_near, size, root), e.chosen(is_near, 0.0, low), z
