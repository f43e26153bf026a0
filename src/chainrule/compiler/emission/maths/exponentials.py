"""Exponentials: `2^n` by the exponent's bits, `exp(r)` for the small rest `r` by a polynomial."""

from __future__ import annotations

from typing import Any

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import ordered_sum_parts, sum_parts
from chainrule.compiler.emission.maths.polynomials import polynomial

# log(2) and log10(2) in two parts, the first of so few digits that its product with an exponent is exact
_LOG_2 = {4: (0.693359375, -2.1219444005469057e-4), 8: (0.6931471803691238, 1.9082149292705877e-10)}
_LOG10_2 = {
    4: (0.30078125, 2.4874566398119521e-4),
    8: (0.30102999560767785, 5.6303348065105406e-11),
}
_PER_LOG_2 = 1.4426950408889634
_PER_LOG10_2 = 3.3219280948873623
_LOG_10 = 2.302585092994046
_EXP = {4: coefficients.EXP_FLOAT32, 8: coefficients.EXP_FLOAT64}
_RANGE = {4: (-104.0, 89.0), 8: (-746.0, 710.0)}
_RANGE_2 = {4: (-150.0, 129.0), 8: (-1075.0, 1025.0)}
_RANGE_10 = {4: (-46.0, 39.0), 8: (-324.0, 309.0)}
_LEAST_MINUS_1 = {4: -20.0, 8: -45.0}
_TINY = {4: 2.0**-25, 8: 2.0**-54}


def exp(e: Any, x: Any) -> Any:
    """Return `exp(x)`."""
    x = _within(e, x, _RANGE)
    n, r, low = reduced(e, x)
    return e.scaled(_one_plus(e, r, low) + 1.0, n)


def exp_of_sum(e: Any, x: Any, low: Any) -> Any:
    """Return `exp(x + low)` for a `low` that is small beside `x`."""
    x = _within(e, x, _RANGE)
    n, r, more = reduced(e, x)
    return e.scaled(_one_plus(e, r, more + low) + 1.0, n)


def half_exp(e: Any, x: Any) -> Any:
    """Return `exp(x) / 2`, finite where `exp(x)` no longer is."""
    low, high = _RANGE[x.dtype.itemsize]
    n, r, rest = reduced(e, _within(e, x, {x.dtype.itemsize: (low, high + 1.0)}))
    return e.scaled(_one_plus(e, r, rest) + 1.0, n - 1.0)


def exp2(e: Any, x: Any) -> Any:
    """Return `2**x`."""
    x = _within(e, x, _RANGE_2)
    n = e.to_nearest(x)
    first, second = _LOG_2[x.dtype.itemsize]
    rest = x - n
    return e.scaled(_one_plus(e, rest * (first + second), rest * 0.0) + 1.0, n)


def exp10(e: Any, x: Any) -> Any:
    """Return `10**x`."""
    x = _within(e, x, _RANGE_10)
    n = e.to_nearest(x * _PER_LOG10_2)
    first, second = _LOG10_2[x.dtype.itemsize]
    rest = e.multiply_add(n, -second, e.multiply_add(n, -first, x))
    return e.scaled(_one_plus(e, rest * _LOG_10, rest * 0.0) + 1.0, n)


def expm1(e: Any, x: Any) -> Any:
    """Return `exp(x) - 1`."""
    size = x.dtype.itemsize
    inside = _within(e, x, {size: (_LEAST_MINUS_1[size], _RANGE[size][1])})
    n, r, low = reduced(e, inside)
    part = _one_plus(e, r, low)
    half = e.power_of_two(n - 1.0)  # half, as 2^1024 is not finite
    y = e.multiply_add(half, part, half - 0.5) * 2.0
    return e.chosen(e.fabs(x) < _TINY[size], x, y)


def expm1_parts(e: Any, x: Any) -> tuple[Any, Any]:
    """Return `exp(x) - 1` in two parts, for `x` between 0 and 50."""
    n, r, low = reduced(e, x)
    total = r + low
    curve = e.multiply_add(polynomial(e, total, _EXP[r.dtype.itemsize]), total * total, low)
    part, lost = ordered_sum_parts(r, curve)
    scale = e.power_of_two(n)
    y, error = sum_parts(scale - 1.0, scale * part)
    return y, e.multiply_add(scale, lost, error)


def reduced(e: Any, x: Any) -> tuple[Any, Any, Any]:
    """Return n and `r + low = x - n log(2)`, at most log(2) / 2 in size."""
    n = e.to_nearest(x * _PER_LOG_2)
    first, second = _LOG_2[x.dtype.itemsize]
    return n, e.multiply_add(n, -first, x), n * -second


def _one_plus(e: Any, r: Any, low: Any) -> Any:
    """Return `exp(r + low) - 1` for small `r`."""
    total = r + low
    q = polynomial(e, total, _EXP[r.dtype.itemsize])
    return r + e.multiply_add(q, total * total, low)


def _within(e: Any, x: Any, ranges: dict[int, tuple[float, float]]) -> Any:
    """Return `x`, or the end of the range beyond which the result is 0 or infinite; NaN stays NaN."""
    low, high = ranges[x.dtype.itemsize]
    x = e.chosen(x > high, high, x)
    return e.chosen(x < low, low, x)
