"""Slopes of the incomplete gamma function by its shape, which neither NumPy nor SciPy has.

With f(a) = x^a e^(-x) / Γ(a + 1), P(a, x) = f(a) (1 + x L) for L = ∫ exp(-(a + 1) s + x (1 - e^(-s))) ds, and
Q(a, x) = a f(a) U for U = ∫ exp(a s - x (e^s - 1)) ds, both over s > 0 (DLMF 8.2.4 and 8.8.5, with t = x e^(∓s)). A
derivative by a brings down -s or s. Below log x = ψ(a + 1) the terms of P have one sign, above it those of Q, and so
have those of the first derivative, which is exact to about 13 digits in both tails.
"""

from __future__ import annotations

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


def _log_of_end(a: Any, x: Any) -> Any:
    """Return the first derivative of log f, log x - ψ(a + 1)."""
    large = np.maximum(a, FAR)
    exact = log_ratio((x - large) / large, x / large) + log_minus_psi(large)
    return np.where(a >= FAR, exact, np.log(x) - scipy_function("psi")(a + 1))


def _end(order: Order, a: Any, x: Any) -> Jet:
    """Return f(a) and its derivatives."""
    large, small = np.maximum(a, FAR), np.minimum(a, FAR)
    stirling = np.exp(-large * log_rest((x - large) / large, x / large) - stirling_rest(large))
    gamma = np.exp(small * np.log(x) - x - scipy_function("gammaln")(small + 1))
    value = np.where(a >= FAR, stirling / np.sqrt(2 * np.pi * large), gamma)
    slopes = {(i + 1,): -scipy_function("polygamma")(i, a + 1) for (i,) in orders(order) if i}
    slopes[1,] = _log_of_end(a, x)
    return exponential(value, slopes, order)


def _moments(order: Order, sign: int, gap: Any, x: Any) -> Jet:
    """Integrate exp(-gap s - x (e^(±s) - 1 ∓ s)), and with the powers of ±s up to the order."""

    def depth(s: Any, gap: Any = gap, x: Any = x) -> Any:
        return gap * s + x * exp_rest(sign * s)

    def powers(s: Any, which: Any) -> list[Any]:
        value = np.exp(-depth(s, gap[which, None], x[which, None]))
        return [value * (sign * s) ** k for (k,) in orders(order)]

    start = 90 / (gap + np.sqrt(gap * gap + 90 * x))
    end = reach(depth, lambda s: gap + sign * x * np.expm1(sign * s), start)
    found = integral(powers, end, longest=np.inf)  # the integrand has no poles
    return dict(zip(orders(order), found, strict=True))


def _lower(order: Order, a: Any, x: Any) -> Any:
    moments = _moments(order, -1, (a - x) + 1, x)
    factor = {i: x * m + (i == (0,)) for i, m in moments.items()}
    return product(_end(order, a, x), factor, order)


def _upper(order: Order, a: Any, x: Any) -> Any:
    moments = _moments(order, 1, x - a, x)
    end = _end(order, a, x)
    factor = {i: product({(0,): -a, (1,): -1.0}, end, i) for i in end}
    return product(factor, moments, order)


def shape_slope(order: Order, a: Any, x: Any) -> Any:
    """Return the derivative of P by a of a positive order."""
    out = np.where((a >= 0) & (x >= 0) & (a + x > 0), 0.0, np.nan)
    inside = (a >= 0) & (x > 0) & np.isfinite(a) & np.isfinite(x)
    is_lower = _log_of_end(a, x) < 0
    for which, tail in ((inside & is_lower, _lower), (inside & ~is_lower, _upper)):
        if which.any():
            out[which] = tail(order, a[which], x[which])
    return out


def density_jet(order: Order, a: Any, x: Any) -> Jet:
    """Return x^(a-1) e^(-x) / Γ(a) = a f(a) / x and its derivatives by a."""
    end = _end(order, a, x)
    return {i: product({(0,): a, (1,): 1.0}, end, i) / x for i in end}


def _density_slope(order: Order, a: Any, x: Any) -> Any:
    return np.where(x > 0, density_jet(order, a, x)[order], np.nan)


def _type(*types: ArrayType) -> ArrayType:
    return type_rule("gammainc")(*types[1:])


elementwise(
    "gammainc_slope",
    on_arrays(shape_slope, 1, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        lambda out, times, a, x: call("gammainc_slope", times + 1, a, x),
        lambda out, times, a, x: call("gamma_density_slope", times, a, x),
    ),
    samples=(
        Sample(1, (2, 3), (3,), domain=(0.2, 2.0)),
        Sample(2, (2,), (2,), domain=(0.5, 3.0), prepare=lambda a, x: (a, x + 2)),
        Sample(1, (), (), domain=(0.2, 2.0)),
        Sample(1, (0, 3), (3,)),
    ),
)
elementwise(
    "gamma_density_slope",
    on_arrays(_density_slope, 1, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        lambda out, times, a, x: call("gamma_density_slope", times + 1, a, x),
        lambda out, times, a, x: (
            ((a - 1) / x - 1) * out
            + times / x * call("gamma_density_slope", np.maximum(times - 1, 0), a, x)
        ),
    ),
    samples=(
        Sample(0, (2, 3), (3,), domain=(0.5, 2.0)),
        Sample(2, (), (), domain=(0.5, 2.0)),
    ),
)
