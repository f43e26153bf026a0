"""Noncentral distribution functions of `scipy.special` and their inverses.

Degrees of freedom of the noncentral t and F must not be traced: their slopes are no functions that SciPy has.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.densities import f_density
from chainrule.ops.special import call, special

_ROOT_2PI = math.sqrt(2 * math.pi)
_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)


def _noncentral_chi(x: Value, n: Value, c: Value) -> Value:
    return call("chndtr_slope", 0, 1, x, n, c)


def _per_noncentrality(x: Value, n: Value, c: Value) -> Value:
    return -_noncentral_chi(x, n + 2, c)


def _noncentral_f(n: Value, d: Value, c: Value, x: Value) -> Value:
    share = n * x / (n * x + d)
    return f_density(n, d, x) * np.exp(-c / 2) * call("hyp1f1", (n + d) / 2, n / 2, c / 2 * share)


def _f_per_noncentrality(n: Value, d: Value, c: Value, x: Value) -> Value:
    """Half of what one more step of the mixture changes: of n + 2 degrees, at the same share."""
    more = call("ncfdtr", n + 2.0, d, c, n * x / (n + 2.0))
    return 0.5 * (more - call("ncfdtr", n, d, c, x))


def _t_per_noncentrality(n: Value, c: Value, x: Value) -> Value:
    """-E[φ(x s - c)] for s = χₙ / √n; the integral of s^(n-1) exp(-β s² + γ s) is a sum of two 1F1."""
    beta, gamma = (n + x * x) / 2, c * x
    z = gamma * gamma / (4 * beta)
    logs = [call("gammaln", n / 2), call("gammaln", (n + 1) / 2)]
    even = np.exp(logs[0] - n / 2 * np.log(beta)) * call("hyp1f1", n / 2, 0.5, z)
    odd = gamma * np.exp(logs[1] - (n + 1) / 2 * np.log(beta)) * call("hyp1f1", (n + 1) / 2, 1.5, z)
    scale = np.exp(n / 2 * np.log(n / 2) - logs[0] - c * c / 2) / _ROOT_2PI
    return -scale * (even + odd)


def _noncentral_t(n: Value, c: Value, x: Value) -> Value:
    """The density, by Kummer's transformation without an exponential that overflows."""
    total = n + x * x
    z = c * c * x * x / (2 * total)
    scale = (n / total) ** (n / 2) * np.exp(z - c * c / 2)
    odd = n / _ROOT_2PI * c * x / total * call("hyp1f1", (1 - n) / 2, 1.5, -z)
    even = np.exp(-call("betaln", n / 2, 0.5)) / np.sqrt(total) * call("hyp1f1", -n / 2, 0.5, -z)
    return scale * (odd + even)


special(
    "nctdtr",
    None,
    lambda out, n, c, x: _t_per_noncentrality(n, c, x),
    lambda out, n, c, x: _noncentral_t(n, c, x),
    real=True,
    samples=(Sample(3.0, (3,), (2, 3), domain=(0.4, 1.5)), Sample(3.0, (), (), domain=(0.4, 1.5))),
)
special(
    "nctdtrit",
    None,
    lambda out, n, c, p: -_t_per_noncentrality(n, c, out) / _noncentral_t(n, c, out),
    lambda out, n, c, p: 1 / _noncentral_t(n, c, out),
    real=True,
    samples=(Sample(3.0, (3,), (2, 3), domain=(0.8, 0.9)),),
)
special(
    "nctdtrinc",
    None,
    lambda out, n, p, x: 1 / _t_per_noncentrality(n, out, x),
    lambda out, n, p, x: -_noncentral_t(n, out, x) / _t_per_noncentrality(n, out, x),
    real=True,
    samples=(Sample(3.0, (3,), (2, 3), domain=(0.3, 0.6), prepare=lambda p, x: (p, x + 1.0)),),
)
special(
    "ncfdtr",
    None,
    None,
    lambda out, n, d, c, x: _f_per_noncentrality(n, d, c, x),
    lambda out, n, d, c, x: _noncentral_f(n, d, c, x),
    real=True,
    samples=(Sample(3.0, 5.0, (3,), (2, 3), domain=_POSITIVE),),
)
special(
    "ncfdtri",
    None,
    None,
    lambda out, n, d, c, p: -_f_per_noncentrality(n, d, c, out) / _noncentral_f(n, d, c, out),
    lambda out, n, d, c, p: 1 / _noncentral_f(n, d, c, out),
    real=True,
    samples=(Sample(3.0, 5.0, (3,), (2, 3), domain=_INSIDE),),
)

_CHI = (Sample((2, 3), (3,), (3,), domain=_POSITIVE), Sample((), (), (), domain=_POSITIVE))


def _per_freedom(x: Value, n: Value, c: Value) -> Value:
    return call("chndtr_slope", 1, 0, x, n, c)


special(
    "chndtr",
    lambda out, x, n, c: _noncentral_chi(x, n, c),
    lambda out, x, n, c: _per_freedom(x, n, c),
    lambda out, x, n, c: _per_noncentrality(x, n, c),
    real=True,
    samples=_CHI,
)
special(
    "chndtrix",
    lambda out, p, n, c: 1 / _noncentral_chi(out, n, c),
    lambda out, p, n, c: -_per_freedom(out, n, c) / _noncentral_chi(out, n, c),
    lambda out, p, n, c: -_per_noncentrality(out, n, c) / _noncentral_chi(out, n, c),
    real=True,
    samples=(Sample((2, 3), (3,), (3,), domain=_INSIDE, prepare=lambda p, n, c: (p, n + 2, c)),),
)
special(
    "chndtridf",
    lambda out, x, p, c: -_noncentral_chi(x, out, c) / _per_freedom(x, out, c),
    lambda out, x, p, c: 1 / _per_freedom(x, out, c),
    lambda out, x, p, c: -_per_noncentrality(x, out, c) / _per_freedom(x, out, c),
    real=True,
    samples=(Sample((2, 3), (3,), (3,), domain=_INSIDE, prepare=lambda x, p, c: (x + 2, p, c)),),
)
special(
    "chndtrinc",
    lambda out, x, n, p: -_noncentral_chi(x, n, out) / _per_noncentrality(x, n, out),
    lambda out, x, n, p: -_per_freedom(x, n, out) / _per_noncentrality(x, n, out),
    lambda out, x, n, p: 1 / _per_noncentrality(x, n, out),
    real=True,
    samples=(
        Sample((2, 3), (3,), (3,), domain=(0.1, 0.4), prepare=lambda x, n, p: (x + 3, n + 2.7, p)),
    ),
)
