"""Functions of `scipy.special` whose slope SciPy has no function for: theta series and sums.

Source: NIST Digital Library of Mathematical Functions (DLMF) 20.7, 25.2, 25.4.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.special import call, special

_INSIDE = (0.2, 0.8)
_TERMS = 8
_SERIES_MEET = 0.8
"""Below it the one theta series converges faster, above it the other."""

_NOTHING_BELOW = 0.04
"""Where the slope is no more than a float can hold."""


# the statistic of Kolmogorov


def _kolmogorov_slope(x: Value) -> Value:
    """d/dx of 2 Σ (-1)^(k-1) exp(-2k²x²), and of what it equals by Poisson's summation."""
    far = np.where(x > _SERIES_MEET, x, 1.0)
    near = np.where((x > _NOTHING_BELOW) & (x <= _SERIES_MEET), x, 0.5)
    large: Value = 0.0
    small: Value = 0.0
    for k in range(1, _TERMS + 1):
        large = large + 8.0 * (-1) ** k * k * k * far * np.exp(-2.0 * k * k * far * far)
        rate = (2 * k - 1) ** 2 * math.pi**2 / 8
        small = small + np.exp(-rate / near**2) * (1 / near**2 - 2 * rate / near**4)
    small = np.where(x > _NOTHING_BELOW, math.sqrt(2 * math.pi) * small, 0.0)
    return np.where(x > _SERIES_MEET, large, small)


special("kolmogorov", lambda out, x: _kolmogorov_slope(x), real=True, domain=(0.4, 1.6))
special("kolmogi", lambda out, p: 1 / _kolmogorov_slope(out), real=True, domain=_INSIDE)


# the zeta function, by the sum of Euler and Maclaurin and the functional equation

_EXPLICIT = 16
_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798)


def _zeta_slope(s: Value) -> Value:
    """ζ'(s) for s of at least 1/2, term by term."""
    n = float(_EXPLICIT)
    log = math.log(n)
    total: Value = 0.0
    for k in range(2, _EXPLICIT):
        total = total - math.log(k) * np.exp(-math.log(k) * s)
    tail = np.exp(-log * (s - 1)) / (s - 1)
    total = total - tail * (log + 1 / (s - 1)) - log / 2 * np.exp(-log * s)
    rising, its_slope = s, 1.0
    for i, bernoulli in enumerate(_BERNOULLI, 1):
        scale = bernoulli / math.factorial(2 * i) * np.exp(-log * (s + 2 * i - 1))
        total = total + scale * (its_slope - log * rising)
        for step in (2 * i - 1, 2 * i):
            its_slope = its_slope * (s + step) + rising
            rising = rising * (s + step)
    return total


def _any_zeta_slope(s: Value) -> Value:
    """ζ(s) = 2 (2π)^(s-1) sin(πs/2) Γ(1-s) ζ(1-s) left of 1/2."""
    right = _zeta_slope(np.where(s >= 0.5, s, 2.0))
    z = np.where(s >= 0.5, -1.0, s)
    zeta = 1 + call("zetac", 1 - z)
    angle = math.pi / 2 * z
    front = 2 * np.exp((z - 1) * math.log(2 * math.pi)) * call("gamma", 1 - z)
    turned = math.log(2 * math.pi) * np.sin(angle) + math.pi / 2 * np.cos(angle)
    turned = turned - np.sin(angle) * call("psi", 1 - z)
    left = front * (turned * zeta - np.sin(angle) * _zeta_slope(1 - z))
    return np.where(s >= 0.5, right, left)


special(
    "zetac",
    lambda out, s: _any_zeta_slope(s),
    real=True,
    samples=(
        Sample((2, 3), domain=(1.5, 4.0)),
        Sample((2,), domain=(-1.6, -0.3)),
        Sample((), domain=(0.55, 0.8)),
    ),
)
