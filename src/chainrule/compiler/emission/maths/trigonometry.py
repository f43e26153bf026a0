"""Circular functions: a whole multiple of π/2 is taken off, and polynomials do the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.angles import reduced_angle
from chainrule.compiler.emission.maths.doubled import Parts, ordered_sum_parts, product_parts
from chainrule.compiler.emission.maths.polynomials import polynomial

_SIN = {4: coefficients.SIN_FLOAT32, 8: coefficients.SIN_FLOAT64}
_COS = {4: coefficients.COS_FLOAT32, 8: coefficients.COS_FLOAT64}
_HUGE = 1e30  # beyond it an error of the quotient may overflow


def sin(e: Any, x: Any) -> Any:
    """Return `sin(x)`."""
    quadrant, r, low = reduced_angle(e, x)
    y = e.chosen(_is_odd(e, quadrant), _cos(e, r, low), _sin(e, r, low))
    y = _negated_if(e, quadrant, 2, y)
    return e.chosen(e.equal(x, 0.0), x, y)


def cos(e: Any, x: Any) -> Any:
    """Return `cos(x)`."""
    quadrant, r, low = reduced_angle(e, x)
    y = e.chosen(_is_odd(e, quadrant), _sin(e, r, low), _cos(e, r, low))
    return _negated_if(e, quadrant + 1, 2, y)


def sincos(e: Any, x: Any) -> tuple[Any, Any]:
    """Return `sin(x)` and `cos(x)`."""
    quadrant, r, low = reduced_angle(e, x)
    is_odd = _is_odd(e, quadrant)
    s, c = _sin(e, r, low), _cos(e, r, low)
    sine = _negated_if(e, quadrant, 2, e.chosen(is_odd, c, s))
    cosine = _negated_if(e, quadrant + 1, 2, e.chosen(is_odd, s, c))
    return e.chosen(e.equal(x, 0.0), x, sine), cosine


def tan(e: Any, x: Any) -> Any:
    """Return `tan(x)`, the quotient of sine and cosine with their rounding errors."""
    quadrant, r, low = reduced_angle(e, x, is_precise=True)
    (s, s_low), (c, c_low) = _sin_parts(e, r, low), _cos_parts(e, r, low)
    is_odd = _is_odd(e, quadrant)
    top, top_low = e.chosen(is_odd, -c, s), e.chosen(is_odd, -c_low, s_low)
    bottom, bottom_low = e.chosen(is_odd, s, c), e.chosen(is_odd, s_low, c_low)
    y = top / bottom
    product, error = product_parts(e, y, bottom)
    left = ((top - product) - error) + (top_low - y * bottom_low)
    y = y + e.chosen(e.fabs(y) < _HUGE, left / bottom, 0.0)
    return e.chosen(e.equal(x, 0.0), x, y)


def _is_odd(e: Any, quadrant: Any) -> Any:
    return e.not_equal(quadrant & 1, 0)


def _negated_if(e: Any, quadrant: Any, bit: int, y: Any) -> Any:
    """Return `y` with its sign changed where a bit of the quadrant is set."""
    top = 8 * y.dtype.itemsize - 1
    sign = e.shifted_left(quadrant & bit, top - bit.bit_length() + 1)
    return e.floated(e.bits(y) ^ sign, y.dtype)


def _sin(e: Any, r: Any, low: Any) -> Any:
    return _sin_parts(e, r, low)[0]


def _cos(e: Any, r: Any, low: Any) -> Any:
    return _cos_parts(e, r, low)[0]


def _sin_parts(e: Any, r: Any, low: Any) -> Parts:
    """Return `sin(r + low)` for an angle of at most π/4, and what rounding loses."""
    z = r * r
    curve = z * r * polynomial(e, z, _SIN[r.dtype.itemsize])
    if low is not None:
        curve = curve + low * (1.0 - z * 0.5)
    return ordered_sum_parts(r, curve)


def _cos_parts(e: Any, r: Any, low: Any) -> Parts:
    """Return `cos(r + low)` for an angle of at most π/4, and what rounding loses."""
    z = r * r
    half = z * 0.5
    near = 1.0 - half
    rest = z * z * polynomial(e, z, _COS[r.dtype.itemsize])
    if low is not None:
        rest = rest - r * low
    return ordered_sum_parts(near, ((1.0 - near) - half) + rest)


def sincos_pi(e: Any, x: Any) -> tuple[Any, Any]:
    """Return `sin(πx)` and `cos(πx)`."""
    double = x * 2.0
    n = e.to_nearest(double)
    r = (double - n) * (np.pi / 2)
    quadrant = e.whole(n)
    s, c = _sin(e, r, None), _cos(e, r, None)
    is_odd = _is_odd(e, quadrant)
    return (
        _negated_if(e, quadrant, 2, e.chosen(is_odd, c, s)),
        _negated_if(e, quadrant + 1, 2, e.chosen(is_odd, s, c)),
    )
