"""Exponentials: `2^n` by the exponent's bits, `exp(r)` for the small rest `r` by a polynomial."""

from __future__ import annotations

from typing import Any

from chainrule.compiler.maths import coefficients
from chainrule.compiler.maths.polynomials import polynomial

# log(2) in two parts, the first of so few digits that its product with an exponent is exact
_LOG_2 = {4: (0.693359375, -2.1219444005469057e-4), 8: (0.6931471803691238, 1.9082149292705877e-10)}
_PER_LOG_2 = 1.4426950408889634
_EXP = {4: coefficients.EXP_FLOAT32, 8: coefficients.EXP_FLOAT64}
_RANGE = {4: (-104.0, 89.0), 8: (-746.0, 710.0)}


def exp(e: Any, x: Any) -> Any:
    """Return `exp(x)`."""
    with e.exactly():
        size = x.dtype.itemsize
        low, high = _RANGE[size]
        x = e.chosen(x > high, high, x)
        x = e.chosen(x < low, low, x)
        n = e.to_nearest(x * _PER_LOG_2)
        first, second = _LOG_2[size]
        r = e.multiply_add(n, -first, x)
        r = e.multiply_add(n, -second, r)
        p = polynomial(e, r, _EXP[size])
        p = e.multiply_add(p, r * r, r) + 1.0
        return e.scaled(p, n)
