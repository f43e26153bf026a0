"""Distribution functions of `scipy.special` and their inverses: the slope is a density, or one over it.

Derivatives with respect to degrees of freedom and the like are no functions that SciPy has: those arguments must not be
traced. Source of the densities: NIST Digital Library of Mathematical Functions (DLMF) 8.17, 8.2.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.op import Rule, Sample
from chainrule.core.types import Value
from chainrule.ops.special import call, special

_ROOT_2PI = math.sqrt(2 * math.pi)
_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)


def _gamma_density(a: Value, x: Value) -> Value:
    return np.exp(call("xlogy", a - 1, x) - x - call("gammaln", a))


def _beta_density(a: Value, b: Value, x: Value) -> Value:
    return np.exp(call("xlogy", a - 1, x) + call("xlog1py", b - 1, -x) - call("betaln", a, b))


def _f_density(n: Value, d: Value, x: Value) -> Value:
    share = n * x / (n * x + d)
    return _beta_density(n / 2, d / 2, share) * n * d / (n * x + d) ** 2


def _t_density(n: Value, x: Value) -> Value:
    scale = np.exp(-call("betaln", n / 2, 0.5)) / np.sqrt(n)
    return scale * np.exp(-(n + 1) / 2 * np.log1p(x * x / n))


def _poisson(k: Value, m: Value) -> Value:
    return _gamma_density(np.floor(k) + 1, m)


def _binomial(k: Value, n: Value, p: Value) -> Value:
    k, n = np.floor(k), np.trunc(n)  # as SciPy takes them
    return np.where(k < 0, 0.0, _beta_density(np.maximum(k, 0) + 1, n - k, p))


def _negative_binomial(k: Value, n: Value, p: Value) -> Value:
    return _beta_density(np.trunc(n * 1.0), np.trunc(k) + 1.0, p)


def _noncentral_chi(x: Value, n: Value, c: Value) -> Value:
    central = 0.5 * _gamma_density(n / 2, x / 2)
    return central * np.exp(-c / 2) * call("hyp0f1", n / 2, c * x / 4)


def _per_noncentrality(x: Value, n: Value, c: Value) -> Value:
    return -_noncentral_chi(x, n + 2, c)


def _noncentral_f(n: Value, d: Value, c: Value, x: Value) -> Value:
    share = n * x / (n * x + d)
    return _f_density(n, d, x) * np.exp(-c / 2) * call("hyp1f1", (n + d) / 2, n / 2, c / 2 * share)


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


def _inverse(slope: Rule) -> Rule:
    """The rule of an inverse in its last argument: one over the slope at the result."""
    return lambda out, *args: 1 / slope(*args[:-1], out)


def _of(slope: Rule, sign: float = 1.0) -> Rule:
    """The rule of a distribution function, or with a sign of minus one of its complement."""
    return lambda out, *args: sign * slope(*args)


def _one_order(n: Value, domain: tuple[float, float]) -> tuple[Sample, ...]:
    return (
        Sample(n, (2, 3), domain=domain),
        Sample(np.array([n, n + 1.0]), (2,), domain=domain),
        Sample(n, (), domain=domain),
    )


def _two_orders(n: Value, m: Value, domain: tuple[float, float]) -> tuple[Sample, ...]:
    return (
        Sample(n, m, (2, 3), domain=domain),
        Sample(np.array([n, n + 1.0]), m, (2,), domain=domain),
        Sample(n, m, (), domain=domain),
    )


def _family(
    slope: Rule,
    samples: tuple[Sample, ...],
    cdf: str,
    rest: str,
    inverse: str,
    *,
    of_rest: bool = False,
) -> None:
    """Declare a distribution function, its complement, and the inverse of the one or the other."""
    orders = (None,) * (len(samples[0].arguments) - 1)
    special(cdf, *orders, _of(slope), real=True, samples=samples)
    if rest:
        special(rest, *orders, _of(slope, -1.0), real=True, samples=samples)
    inside = tuple(Sample(*s.arguments, domain=_INSIDE) for s in samples)
    rule = _inverse(lambda *args: -slope(*args)) if of_rest else _inverse(slope)
    special(inverse, *orders, rule, real=True, samples=inside)


_family(_gamma_density, _one_order(1.5, _POSITIVE), "gammainc", "gammaincc", "gammaincinv")
special(
    "gammainccinv",
    None,
    _inverse(lambda a, x: -_gamma_density(a, x)),
    samples=_one_order(1.5, _INSIDE),
)
_family(_beta_density, _two_orders(1.5, 2.5, _INSIDE), "betainc", "betaincc", "betaincinv")
special(
    "betainccinv",
    None,
    None,
    _inverse(lambda a, b, x: -_beta_density(a, b, x)),
    samples=_two_orders(1.5, 2.5, _INSIDE),
)
_family(
    lambda v, x: 0.5 * _gamma_density(v / 2, x / 2),
    _one_order(3.0, _POSITIVE),
    "chdtr",
    "chdtrc",
    "chdtri",
    of_rest=True,
)
_family(_f_density, _two_orders(3.0, 4.0, _POSITIVE), "fdtr", "fdtrc", "fdtri")
_family(_t_density, _one_order(3.0, (-1.5, 1.5)), "stdtr", "", "stdtrit")
_family(lambda k, m: -_poisson(k, m), _one_order(2.0, _POSITIVE), "pdtr", "pdtrc", "pdtri")
_TRIALS = np.array(5)  # of an integer dtype, as SciPy wants
_COUNTS = (Sample(2.0, _TRIALS, (2, 3), domain=_INSIDE), Sample(2.0, _TRIALS, (), domain=_INSIDE))
_family(lambda k, n, p: -_binomial(k, n, p), _COUNTS, "bdtr", "bdtrc", "bdtri")
_FAILURES = (Sample(2, 3, (2, 3), domain=_INSIDE), Sample(2, 3, (), domain=_INSIDE))
_family(_negative_binomial, _FAILURES, "nbdtr", "nbdtrc", "nbdtri")
special(
    "nctdtr",
    None,
    lambda out, n, c, x: _t_per_noncentrality(n, c, x),
    _of(_noncentral_t),
    real=True,
    samples=(Sample(3.0, (3,), (2, 3), domain=(0.4, 1.5)), Sample(3.0, (), (), domain=(0.4, 1.5))),
)
special(
    "nctdtrit",
    None,
    lambda out, n, c, p: -_t_per_noncentrality(n, c, out) / _noncentral_t(n, c, out),
    _inverse(_noncentral_t),
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
    _of(_noncentral_f),
    real=True,
    samples=(Sample(3.0, 5.0, (3,), (2, 3), domain=_POSITIVE),),
)
special(
    "ncfdtri",
    None,
    None,
    lambda out, n, d, c, p: -_f_per_noncentrality(n, d, c, out) / _noncentral_f(n, d, c, out),
    _inverse(_noncentral_f),
    real=True,
    samples=(Sample(3.0, 5.0, (3,), (2, 3), domain=_INSIDE),),
)

# the noncentral chi-squared distribution and its inverses, in the point and in the noncentrality

special(
    "chndtr",
    lambda out, x, n, c: _noncentral_chi(x, n, c),
    None,
    lambda out, x, n, c: _per_noncentrality(x, n, c),
    real=True,
    samples=(Sample((2, 3), 3.0, (3,), domain=_POSITIVE), Sample((), 3.0, (), domain=_POSITIVE)),
)
special(
    "chndtrix",
    lambda out, p, n, c: 1 / _noncentral_chi(out, n, c),
    None,
    lambda out, p, n, c: -_per_noncentrality(out, n, c) / _noncentral_chi(out, n, c),
    real=True,
    samples=(Sample((2, 3), 3.0, (3,), domain=_INSIDE),),
)
special(
    "chndtrinc",
    lambda out, x, n, p: -_noncentral_chi(x, n, out) / _per_noncentrality(x, n, out),
    None,
    lambda out, x, n, p: 1 / _per_noncentrality(x, n, out),
    real=True,
    samples=(Sample((2, 3), 3.0, (3,), domain=(0.1, 0.4), prepare=lambda x, p: (x + 3, p)),),
)

# the gamma distribution with rate a and shape b

special(
    "gdtr",
    lambda out, a, b, x: x * _gamma_density(b, a * x),
    None,
    lambda out, a, b, x: a * _gamma_density(b, a * x),
    real=True,
    samples=(Sample((2, 3), 1.5, (3,), domain=_POSITIVE),),
)
special(
    "gdtrc",
    lambda out, a, b, x: -x * _gamma_density(b, a * x),
    None,
    lambda out, a, b, x: -a * _gamma_density(b, a * x),
    real=True,
    samples=(Sample((2, 3), 1.5, (3,), domain=_POSITIVE),),
)
special(
    "gdtrix",
    lambda out, a, b, p: -out / a,
    None,
    lambda out, a, b, p: 1 / (a * _gamma_density(b, a * out)),
    real=True,
    samples=(Sample((2, 3), 1.5, (3,), domain=_INSIDE),),
)
special(
    "gdtria",
    lambda out, p, b, x: 1 / (x * _gamma_density(b, out * x)),
    None,
    lambda out, p, b, x: -out / x,
    real=True,
    samples=(Sample((2, 3), 1.5, (3,), domain=_INSIDE),),
)

# the normal distribution


def _per_probability(z: Value) -> Value:
    """The slope of the normal quantile whose value is z."""
    return _ROOT_2PI * np.exp(z * z / 2)


special(
    "ndtri_exp",
    lambda out, y: math.sqrt(math.pi / 2) * call("erfcx", -out / math.sqrt(2)),
    domain=(-2.0, -0.2),
)
special(
    "nrdtrimn",
    lambda out, p, s, x: -s * _per_probability((x - out) / s),
    lambda out, p, s, x: (out - x) / s,
    lambda out, p, s, x: 1.0,
    domain=_INSIDE,
)
special(
    "nrdtrisd",
    lambda out, mean, p, x: -out / (x - mean),
    lambda out, mean, p, x: -out * out / (x - mean) * _per_probability((x - mean) / out),
    lambda out, mean, p, x: out / (x - mean),
    samples=(
        Sample((2, 3), (3,), (3,), domain=(0.6, 0.9), prepare=lambda m, p, x: (m, p, x + 2)),
        Sample((), (), (), domain=(0.6, 0.9), prepare=lambda m, p, x: (m, p, x + 2)),
    ),
)
special(
    "owens_t",
    lambda out, h, a: -np.exp(-h * h / 2) / (2 * _ROOT_2PI) * call("erf", a * h / math.sqrt(2)),
    lambda out, h, a: np.exp(-h * h * (1 + a * a) / 2) / (2 * math.pi * (1 + a * a)),
)


def _per_place(out: Value, x: Value, shape: Value) -> Value:
    """The distribution is given by its quantile, (p^λ - (1 - p)^λ) / λ."""
    return 1 / (out ** (shape - 1) + (1 - out) ** (shape - 1))


special(
    "tklmbda",
    _per_place,
    None,
    samples=(Sample((2, 3), 0.5, domain=(-1.0, 1.0)), Sample((), 1.5, domain=(-0.4, 0.4))),
)


def _faddeeva_slope(x: Value, s: Value, c: Value) -> tuple[Value, Value]:
    """Return z and w'(z) / (s√(2π)) of the complex argument z = (x + ic) / (s√2)."""
    z = (x + 1j * c) / (s * math.sqrt(2))
    return z, (2j / math.sqrt(math.pi) - 2 * z * call("wofz", z)) / (s * _ROOT_2PI)


def _voigt_x(out: Value, x: Value, s: Value, c: Value) -> Value:
    return np.real(_faddeeva_slope(x, s, c)[1]) / (s * math.sqrt(2))


def _voigt_s(out: Value, x: Value, s: Value, c: Value) -> Value:
    z, slope = _faddeeva_slope(x, s, c)
    return -(out + np.real(slope * z)) / s


def _voigt_c(out: Value, x: Value, s: Value, c: Value) -> Value:
    return -np.imag(_faddeeva_slope(x, s, c)[1]) / (s * math.sqrt(2))


special("wofz", lambda out, z: 2j / math.sqrt(math.pi) - 2 * z * out)
special("voigt_profile", _voigt_x, _voigt_s, _voigt_c, real=True, domain=_POSITIVE)
