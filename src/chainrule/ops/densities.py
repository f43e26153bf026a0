"""Densities and slopes by a shape of the distributions in `scipy.special`, in the library's own ops.

Source of the densities: NIST Digital Library of Mathematical Functions (DLMF) 8.17, 8.2.
"""

from __future__ import annotations

import numpy as np

from chainrule.core.types import Value
from chainrule.ops.special import call


def gamma_density(a: Value, x: Value) -> Value:
    return np.exp(call("xlogy", a - 1, x) - x - call("gammaln", a))


def gamma_per_shape(a: Value, x: Value) -> Value:
    return call("gammainc_slope", 1, a, x)


def beta_density(a: Value, b: Value, x: Value) -> Value:
    return np.exp(call("xlogy", a - 1, x) + call("xlog1py", b - 1, -x) - call("betaln", a, b))


def beta_per_first(a: Value, b: Value, x: Value) -> Value:
    return call("betainc_slope", 1, 0, a, b, x)


def beta_per_second(a: Value, b: Value, x: Value) -> Value:
    return call("betainc_slope", 0, 1, a, b, x)


def f_density(n: Value, d: Value, x: Value) -> Value:
    share = n * x / (n * x + d)
    return beta_density(n / 2, d / 2, share) * n * d / (n * x + d) ** 2


def f_per_numerator(n: Value, d: Value, x: Value) -> Value:
    """By the degrees of freedom n, also through the share of the beta function."""
    share, rest = n * x / (n * x + d), d / (n * x + d)
    return 0.5 * _of_smaller(n / 2, d / 2, share, rest) + _kernel(n / 2, d / 2, share, rest) / n


def f_per_denominator(n: Value, d: Value, x: Value) -> Value:
    """As by the numerator, with the roles of the shapes exchanged."""
    share, rest = n * x / (n * x + d), d / (n * x + d)
    return -0.5 * _of_smaller(d / 2, n / 2, rest, share) - _kernel(n / 2, d / 2, share, rest) / d


def _of_smaller(a: Value, b: Value, x: Value, y: Value) -> Value:
    """The slope by a of the incomplete beta function at x, by whichever of x and y = 1 - x keeps its digits."""
    is_small = x < y
    small = beta_per_first(a, b, np.where(is_small, x, 0.5))
    return np.where(is_small, small, -beta_per_second(b, a, np.where(is_small, 0.5, y)))


def _kernel(a: Value, b: Value, x: Value, y: Value) -> Value:
    return np.exp(call("xlogy", a, x) + call("xlogy", b, y) - call("betaln", a, b))


def t_density(n: Value, x: Value) -> Value:
    scale = np.exp(-call("betaln", n / 2, 0.5)) / np.sqrt(n)
    return scale * np.exp(-(n + 1) / 2 * np.log1p(x * x / n))


def t_per_freedom(n: Value, x: Value) -> Value:
    return call("stdtr_slope", 1, n, x)
