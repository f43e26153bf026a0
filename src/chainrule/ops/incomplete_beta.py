"""Slopes of the incomplete beta function by its shapes, which neither NumPy nor SciPy has.

With y = 1 - x and h(a, b) = x^a y^b Γ(a + b + 1) / (Γ(a + 1) Γ(b + 1)), I_x(a, b) = h(a, b) (b / (a + b) + b x L) for
L = ∫ (t / x)^(a + 1) ((1 - t) / y)^b ds over s > 0, where s is how far the logit of t lies below that of x (DLMF 8.17.1
and 8.17.20). 1 - I is the same of b, a and y. A derivative by a or b brings down log(t / x) or log((1 - t) / y), each
of one sign. Whichever of I and 1 - I is used, the terms of its first derivative have one sign too, so that the first
derivatives are exact to about 13 digits in both tails.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import ArrayType
from chainrule.ops.elementwise import elementwise
from chainrule.ops.special import call, scipy_function, type_rule
from chainrule.ops.tail_integrals import (
    FAR,
    Jet,
    Order,
    exp_rest,
    exponential,
    integral,
    log_minus_psi,
    log_ratio,
    log_rest,
    on_arrays,
    orders,
    product,
    reach,
    stirling_rest,
)

_LEAST = 1e-280
"""A shape below it is in the limit of 0, unless the other is small too."""

_NEAR = 1e-3
"""Up to this relative step five terms of Taylor's series are exact."""


def _gap(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return a y - b x, of whichever of x and y was not rounded."""
    return np.where(x < y, a - (a + b) * x, (a + b) * y - b)


def psi_step(n: int, z: Any, step: Any) -> Any:
    """Return ψ⁽ⁿ⁾(z + step) - ψ⁽ⁿ⁾(z)."""
    polygamma = scipy_function("polygamma")
    out = polygamma(n, z + step) - polygamma(n, z)
    is_near = step < _NEAR * z
    z, step = z[is_near], np.broadcast_to(step, z.shape)[is_near]
    terms = (polygamma(n + k, z) * step**k / math.factorial(k) for k in range(1, 6))
    out[is_near] = sum(terms, np.zeros_like(z))
    return out


def _log_of_end(a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the derivative by a of log h: log x - ψ(a + 1) + ψ(a + b + 1)."""
    log = log_ratio(-_gap(a, b, x, y) / a, x * ((a + b) / a))
    out = log + log_minus_psi(a) - log_minus_psi(a + b)
    is_near = b < _NEAR * (a + 1)
    log_x = np.where(x < y, np.log(x), np.log1p(-y))[is_near]
    out[is_near] = log_x + psi_step(0, a[is_near] + 1, b[is_near])
    return out


def _end(order: Order, a: Any, b: Any, x: Any, y: Any) -> Jet:
    """Return h and its derivatives."""
    gap, both = _gap(a, b, x, y), a + b
    fall = a * log_rest(-gap / a, x * (both / a)) + b * log_rest(gap / b, y * (both / b))
    rest = stirling_rest(both) - stirling_rest(a) - stirling_rest(b)
    stirling = np.exp(rest - fall) * np.sqrt(both / (2 * np.pi * a)) / np.sqrt(b)
    ends = np.where(x < y, (np.log(x), np.log1p(-x)), (np.log1p(-y), np.log(y)))
    gammas = [scipy_function("gammaln")(z + 1) for z in (both, a, b)]
    near = np.exp(a * ends[0] + b * ends[1] + gammas[0] - gammas[1] - gammas[2])
    value = np.where(both < FAR, near, stirling)
    slopes: dict[Order, Any] = {}
    for i, j in orders(order):
        if i and j:
            slopes[i, j] = scipy_function("polygamma")(i + j - 1, both + 1)
        elif i + j > 1:
            own, other = (a, b) if i else (b, a)
            slopes[i, j] = psi_step(i + j - 1, own + 1, other)
    slopes[1, 0], slopes[0, 1] = _log_of_end(a, b, x, y), _log_of_end(b, a, y, x)
    return exponential(value, slopes, order)


def _logs(s: Any, x: Any, y: Any) -> Any:
    """Return log(t / x), log((1 - t) / y), and y times the one plus x times the other, taken negative."""
    out = np.empty((3, *s.shape))
    is_small = np.ravel(x < y)
    for rows, logs in ((is_small, _logs_by_fall), (~is_small, _logs_by_rise)):
        if rows.any():
            out[:, rows] = logs(s[rows], x[rows], y[rows])
    return out


def _logs_by_fall(s: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """By how much t falls, as x is the smaller and known to all digits."""
    fallen = x * np.expm1(-s)
    rise = np.log1p(fallen)
    return -s - rise, -rise, x * exp_rest(-s) - log_rest(fallen)


def _logs_by_rise(s: Any, x: Any, y: Any) -> tuple[Any, Any, Any]:
    """By how much 1 - t rises."""
    far = np.minimum(s, 600.0)
    risen = y * np.expm1(far)
    rise = np.log1p(risen)
    rest = np.where(risen < 1, y * exp_rest(far) - log_rest(risen), rise - y * far)
    return -rise - (s - far), far - rise, rest + x * (s - far)


def _moments(order: Order, a: Any, b: Any, x: Any, y: Any) -> Jet:
    """Integrate (t / x)^(a + 1) ((1 - t) / y)^b, and with the powers of both logarithms up to the order."""
    gap, both = _gap(a, b, x, y) + y, a + b + 1

    def depth(s: Any) -> Any:
        return gap * s + both * _logs(s, x, y)[2]

    def powers(s: Any, which: Any) -> list[Any]:
        down, up, rest = _logs(s, x[which, None], y[which, None])
        value = np.exp(-gap[which, None] * s - both[which, None] * rest)
        return [value * down**i * up**j for i, j in orders(order)]

    def slope(s: Any) -> Any:
        share = np.exp(-np.minimum(s, 600.0))
        return gap + both * x * y * (1 - share) / (y + x * share)

    start = 90 / (gap + np.sqrt(gap * gap + 90 * both * x * y))
    found = integral(powers, reach(depth, slope, start))
    return dict(zip(orders(order), found, strict=True))


def _over_sum(i: int, j: int, factor: Any, both: Any) -> Any:
    """Return a derivative of 1 / (a + b), times a factor that may make up for an overflow."""
    value = math.factorial(i + j) * (-1.0) ** (i + j) * factor
    for _ in range(i + j + 1):
        value = value / both
    return value


def _share(i: int, j: int, a: Any, b: Any) -> Any:
    """Return a derivative of b / (a + b) = 1 - a / (a + b), by b without cancellation."""
    if not j:
        return _over_sum(i, j, b, a + b)
    rest = _over_sum(i, j, a, a + b)
    return -rest - _over_sum(i - 1, j, i, a + b) if i else -rest


def _lower(order: Order, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return a derivative of I_x(a, b)."""
    moments = _moments(order, a, b, x, y)
    factor = {
        (i, j): _share(i, j, a, b) + x * product({(0, 0): b, (0, 1): 1.0}, moments, (i, j))
        for i, j in moments
    }
    return product(_end(order, a, b, x, y), factor, order)


def shape_slope(order: Order, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the derivative of I_x(a, b) by a and b of an order of which one is positive."""
    i, j = order
    if i < j:
        return -shape_slope((j, i), b, a, y, x)
    out = np.where((a >= 0) & (b >= 0) & (a + b > 0) & (x >= 0) & (y >= 0), 0.0, np.nan)
    inside = ~np.isnan(out) & (x > 0) & (y > 0) & np.isfinite(a) & np.isfinite(b)
    least = np.where(a + b < 1, np.finfo(float).tiny, _LEAST)
    a, b = np.maximum(a, least), np.maximum(b, least)
    is_lower = _log_of_end(a, b, x, y) < 0
    which = inside & is_lower
    if which.any():
        out[which] = _lower((i, j), a[which], b[which], x[which], y[which])
    which = inside & ~is_lower
    if which.any():
        out[which] = -_lower((j, i), b[which], a[which], y[which], x[which])
    return out


def density_slope(order: Order, a: Any, b: Any, x: Any, y: Any) -> Any:
    """Return the derivative by a and b of x^(a-1) y^(b-1) / B(a, b) = a b h / ((a + b) x y)."""
    end = _end(order, a, b, x, y)
    shares = {(i, j): _share(i, j, a, b) for i, j in end}
    factor = {i: product({(0, 0): a, (1, 0): 1.0}, shares, i) for i in end}
    return product(end, factor, order) / (x * y)


def _type(*types: ArrayType) -> ArrayType:
    return type_rule("betainc")(*types[2:])


def _of_complement(slope: Any) -> Any:
    return lambda order, a, b, x: slope(order, a, b, x, 1 - x)


elementwise(
    "betainc_slope",
    on_arrays(_of_complement(shape_slope), 2, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        None,
        lambda out, i, j, a, b, x: call("betainc_slope", i + 1, j, a, b, x),
        lambda out, i, j, a, b, x: call("betainc_slope", i, j + 1, a, b, x),
        lambda out, i, j, a, b, x: call("beta_density_slope", i, j, a, b, x),
    ),
    samples=(
        Sample(1, 0, (2, 3), (3,), (2, 1), domain=(0.2, 0.8)),
        Sample(0, 1, (2,), (2,), (), domain=(0.2, 0.8), prepare=lambda a, b, x: (2 * a, b + 2, x)),
        Sample(1, 1, (), (), (), domain=(0.2, 0.8)),
        Sample(1, 0, (0, 3), (3,), (3,), domain=(0.2, 0.8)),
    ),
)
elementwise(
    "beta_density_slope",
    on_arrays(_of_complement(density_slope), 2, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        None,
        lambda out, i, j, a, b, x: call("beta_density_slope", i + 1, j, a, b, x),
        lambda out, i, j, a, b, x: call("beta_density_slope", i, j + 1, a, b, x),
        lambda out, i, j, a, b, x: (
            ((a - 1) / x - (b - 1) / (1 - x)) * out
            + i / x * call("beta_density_slope", np.maximum(i - 1, 0), j, a, b, x)
            - j / (1 - x) * call("beta_density_slope", i, np.maximum(j - 1, 0), a, b, x)
        ),
    ),
    samples=(
        Sample(0, 1, (2, 3), (3,), (2, 1), domain=(0.3, 0.7)),
        Sample(1, 0, (), (), (), domain=(0.3, 0.7)),
    ),
)
