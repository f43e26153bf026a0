"""Slopes of Student's distribution by its degrees of freedom n, which neither NumPy nor SciPy has.

For x > 0 it is 1 - I_w(n / 2, 1 / 2) / 2 with w = n / (n + x²) (DLMF 8.17.1), and w moves with n too: dI/dn is
∂I/∂a / 2 + φ with φ = w^a v^(1/2) / (n B(a, 1/2)), a = n / 2, v = 1 - w. About log10(n) digits cancel in it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import ArrayType
from chainrule.ops.elementwise import elementwise
from chainrule.ops.incomplete_beta import psi_step, shape_slope
from chainrule.ops.special import call, type_rule
from chainrule.ops.tail_integrals import (
    Jet,
    Order,
    exponential,
    log_slope,
    on_arrays,
    orders,
    product,
    stirling_rest,
)


def _gamma_ratio(a: Any) -> Any:
    """Return Γ(a + 1/2) / (Γ(a) √a)."""
    rest = stirling_rest(a + 0.5) - stirling_rest(a)
    return np.exp(rest - 0.5 + a * np.log1p(0.5 / a))


def _share_jet(times: int, n: Any, x: Any) -> Any:
    """Return φ and its derivatives by a and n, taken for independent."""
    a, r = n / 2, n + x * x
    value = _gamma_ratio(a) * np.exp(-a * np.log1p(x * x / n)) * np.abs(x)
    value = value / np.sqrt(2 * np.pi * n * r)
    slopes: dict[Order, Any] = {}
    for i, m in orders((times, times)):
        fall = log_slope(m, n) - log_slope(m, r)
        if i == 0 and m:
            slopes[i, m] = a * fall - 0.5 * log_slope(m, r) - log_slope(m, n)
        elif i == 1:
            slopes[i, m] = fall if m else -np.log1p(x * x / n) + psi_step(0, a, 0.5)
        elif i:
            slopes[i, m] = 0.0 if m else psi_step(i - 1, a, 0.5)
    return exponential(value, slopes, (times - 1, times - 1))


def _slope(order: Order, n: Any, x: Any) -> Any:
    """Return the derivative by n of a positive order."""
    (times,) = order
    out = np.where((n > 0) & ~np.isnan(x), 0.0, np.nan)
    inside = (n > 0) & np.isfinite(n) & (x != 0) & np.isfinite(x)
    n, x = n[inside], x[inside]
    r = n + x * x
    jet = _share_jet(times, n, x)
    total = shape_slope((times, 0), n / 2, np.full_like(n, 0.5), n / r, x * x / r) / 2**times
    for j in range(times):
        m = times - 1 - j
        moved = sum(math.comb(m, i) * jet[j + i, m - i] / 2**i for i in range(m + 1))
        total = total + moved / 2**j
    out[inside] = -0.5 * np.sign(x) * total
    return out


def _density_slope(order: Order, n: Any, x: Any) -> Any:
    """Return a derivative of the density by n and x.

    Those by x follow from f' = -(n + 1) x f / r with r = n + x², differentiated m times:
    r f⁽ᵐ⁺¹⁾ + (n + 1 + 2m) x f⁽ᵐ⁾ + m (n + m) f⁽ᵐ⁻¹⁾ = 0.
    """
    times, steps = order
    a, r = n / 2, n + x * x
    value = _gamma_ratio(a) / np.sqrt(2 * np.pi) * np.exp(-(n + 1) / 2 * np.log1p(x * x / n))
    slopes = {
        (m,): psi_step(m - 1, a, 0.5) / 2**m
        - log_slope(m, n) / 2
        - (n + 1) / 2 * (log_slope(m, r) - log_slope(m, n))
        - m / 2 * (log_slope(m - 1, r) - log_slope(m - 1, n))
        for m in range(1, times + 1)
    }
    before: Jet = {}
    jet: Jet = exponential(value, slopes, (times,))
    inverse = {(i,): log_slope(i + 1, r) for i in range(times + 1)}
    for m in range(steps):
        above = {
            i: -x * product({(0,): n + 1 + 2 * m, (1,): 1.0}, jet, i)
            - m * product({(0,): n + m, (1,): 1.0}, before, i)
            for i in jet
        }
        before, jet = jet, {i: product(above, inverse, i) for i in jet}
    return jet[times,]


def _type(*types: ArrayType) -> ArrayType:
    return type_rule("stdtr")(*types[-2:])


elementwise(
    "stdtr_slope",
    on_arrays(_slope, 1, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        lambda out, times, n, x: call("stdtr_slope", times + 1, n, x),
        lambda out, times, n, x: call("t_density_slope", times, 0, n, x),
    ),
    samples=(
        Sample(1, (2, 3), (3,), domain=(-1.5, 1.5), prepare=lambda n, x: (n + 3, x)),
        Sample(2, (), (), domain=(0.5, 2.0)),
    ),
)
elementwise(
    "t_density_slope",
    on_arrays(_density_slope, 2, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        None,
        lambda out, i, j, n, x: call("t_density_slope", i + 1, j, n, x),
        lambda out, i, j, n, x: call("t_density_slope", i, j + 1, n, x),
    ),
    samples=(
        Sample(0, 0, (2, 3), (3,), domain=(-1.5, 1.5), prepare=lambda n, x: (n + 3, x)),
        Sample(1, 2, (), (), domain=(0.5, 2.0)),
    ),
)
