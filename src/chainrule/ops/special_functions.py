"""More functions of `scipy.special`: elementary ones, hypergeometric ones, orthogonal polynomials.

Sources: NIST Digital Library of Mathematical Functions (DLMF) 15.5, 18.5, 18.9.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Rule, Sample
from chainrule.core.types import Value
from chainrule.ops.arithmetic import power_by_base, power_by_exponent
from chainrule.ops.special import call, special

_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)
_DEGREE = math.pi / 180

# angles in degrees

special("sindg", lambda out, x: _DEGREE * call("cosdg", x))
special("cosdg", lambda out, x: -_DEGREE * call("sindg", x))
special("tandg", lambda out, x: _DEGREE * (1 + out * out))
special("cotdg", lambda out, x: -_DEGREE * (1 + out * out), domain=(20.0, 60.0))
special(
    "radian",
    lambda out, d, m, s: _DEGREE,
    lambda out, d, m, s: _DEGREE / 60,
    lambda out, d, m, s: _DEGREE / 3600,
)

# powers and their transforms

_FAR = 30.0
"""From here on the 1 in eᶻ (z - 1) + 1 cancels nothing."""


def _boxcox_slope(log: Value, p: Value) -> Value:
    """Of (e^(p log) - 1) / p = log · 1F1(1, 2, p log) by p; regular at 0, as its derivatives are.

    1F1(2, 3, z) = 2 (eᶻ (z - 1) + 1) / z², which is exact enough far from 0, where SciPy's function may not return.
    """
    z = p * log
    is_far = np.abs(z) > _FAR
    far = np.where(is_far, z, 1.0)
    closed = 2 * (np.exp(far) * (far - 1) + 1) / (far * far)
    near = call("hyp1f1", 2.0, 3.0, np.where(is_far, 0.0, z))
    return log * log / 2 * np.where(is_far, closed, near)


def _inverse_boxcox_slope(power: Value, y: Value, p: Value) -> Value:
    """Of (py + 1)^(1/p) = exp(y · 2F1(1, 1, 2, -py)) by p; regular at 0, as its derivatives are."""
    return power * (-y * y / 2) * call("hyp2f1", 2.0, 2.0, 3.0, -p * y)


special(
    "boxcox",
    lambda out, x, p: x ** (p - 1),
    lambda out, x, p: _boxcox_slope(np.log(x), p),
    domain=_POSITIVE,
)
special(
    "boxcox1p",
    lambda out, x, p: (1 + x) ** (p - 1),
    lambda out, x, p: _boxcox_slope(np.log1p(x), p),
    domain=_POSITIVE,
)
special(
    "inv_boxcox",
    lambda out, y, p: out ** (1 - p),
    _inverse_boxcox_slope,
    domain=_POSITIVE,
)
special(
    "inv_boxcox1p",
    lambda out, y, p: (1 + out) ** (1 - p),
    lambda out, y, p: _inverse_boxcox_slope(1 + out, y, p),
    domain=_POSITIVE,
)
special(
    "powm1",
    power_by_base,
    lambda out, x, y: power_by_exponent(1 + out, x, y),
    domain=_POSITIVE,
)
special(
    "huber",
    lambda out, d, r: np.maximum(np.abs(r) - d, 0.0),
    lambda out, d, r: np.clip(r, -d, d),
    domain=(0.3, 0.8),
    lower=lambda e, d, r: e.where(
        d < 0, np.inf, e.where(e.fabs(r) <= d, 0.5 * r * r, d * (e.fabs(r) - 0.5 * d))
    ),
)


def _lower_pseudo_huber(e: Any, d: Any, r: Any) -> Any:
    """`d² (sqrt(1 + (r/d)²) - 1)` in float64 as SciPy's, without a difference of close numbers."""
    dtype, wide = d.dtype, np.dtype(np.float64)
    d, r = e.cast(d, wide), e.cast(r, wide)
    square = (r / d) * (r / d)
    root = e.sqrt(1 + square)
    inside = d * d * e.where(square > 1e10, root - 1, square / (1 + root))
    nothing = e.equal(d, 0) | e.equal(r, 0)
    return e.cast(e.where(d < 0, np.inf, e.where(nothing, 0, inside)), dtype)


special(
    "pseudo_huber",
    lambda out, d, r: 2 * out / d - r * r / (d * np.sqrt(1 + (r / d) ** 2)),
    lambda out, d, r: r / np.sqrt(1 + (r / d) ** 2),
    domain=_POSITIVE,
    lower=_lower_pseudo_huber,
)

# products of gamma functions

special(
    "binom",
    lambda out, n, k: out * (call("psi", n + 1) - call("psi", n - k + 1)),
    lambda out, n, k: out * (call("psi", n - k + 1) - call("psi", k + 1)),
    domain=(0.5, 0.9),
)
special(
    "poch",
    lambda out, z, m: out * (call("psi", z + m) - call("psi", z)),
    lambda out, z, m: out * call("psi", z + m),
    domain=_POSITIVE,
)

# integrals and inverses of elementary functions


def _spence_slope(out: Value, z: Value) -> Value:
    """log(z) / (1 - z); for real numbers by a function that is regular at 1, as its derivatives are."""
    if type_of(z).dtype.kind == "c":  # SciPy's 2F1 loses digits
        return np.log(z) / (1 - z)
    return -call("hyp2f1", 1.0, 1.0, 2.0, 1 - z)


def _expn_slope(out: Value, n: Value, x: Value) -> Value:
    return np.where(n == 0, -out * (1 + 1 / x), -call("expn", _below(n), x))


special("spence", _spence_slope, domain=_INSIDE)
special("wrightomega", lambda out, z: out / (1 + out))
special(
    "expn",
    None,
    _expn_slope,
    samples=(
        Sample(2, (2, 3), domain=_POSITIVE),
        Sample(np.array([0, 1, 3]), (3,), domain=_POSITIVE),
    ),
)

# hypergeometric functions

special(
    "hyp0f1",
    None,
    lambda out, v, z: call("hyp0f1", v + 1, z) / v,
    samples=(Sample(1.5, (2, 3)), Sample(np.array([0.5, 2.0]), (2,))),
)
special(
    "hyp2f1",
    None,
    None,
    None,
    lambda out, a, b, c, z: a * b / c * call("hyp2f1", a + 1, b + 1, c + 1, z),
    samples=(Sample(0.5, 1.5, 2.0, (2, 3), domain=(-0.8, 0.8)),),
)
special(
    "hyperu",
    None,
    None,
    lambda out, a, b, x: -a * call("hyperu", a + 1, b + 1, x),
    samples=(Sample(0.5, 1.5, (2, 3), domain=_POSITIVE),),
)
special(
    "wright_bessel",
    None,
    None,
    lambda out, a, b, x: call("wright_bessel", a, a + b, x),
    samples=(Sample(0.5, 1.5, (2, 3), domain=_POSITIVE),),
)
special(
    "log_wright_bessel",
    None,
    None,
    lambda out, a, b, x: np.exp(call("log_wright_bessel", a, a + b, x) - out),
    samples=(Sample(0.5, 1.5, (2, 3), domain=_POSITIVE),),
)

# orthogonal polynomials: the slope is a polynomial of one degree less; of degree 0 it is 0


def _below(n: Value) -> Value:
    """Return n - 1, and for 0 anything that is a degree."""
    return np.where(n == 0, 0, n - 1)


def _lower(name: str, factor: Rule, *others: float) -> Rule:
    """The rule `factor(n) * name(n - 1, *others, x)`."""

    def slope(out: Value, n: Value, x: Value) -> Value:
        return np.where(n == 0, 0.0, factor(n) * call(name, _below(n), *others, x))

    return slope


def _gegenbauer(a: Value, n: Value, x: Value) -> Value:
    return np.where(n == 0, 0.0, 2 * a * call("eval_gegenbauer", _below(n), a + 1, x))


def _shifted(slope: Rule, scale: float, shift: float) -> Rule:
    """The rule of a polynomial of `scale * x + shift`."""
    return lambda out, n, x: scale * slope(out, n, scale * x + shift)


_DEGREES = (
    Sample(3, (2, 3), domain=_INSIDE),
    Sample(np.array([0, 1, 2]), (2, 3), domain=_INSIDE),
    Sample(2, (), domain=_INSIDE),
)
_first_kind = _lower("eval_chebyu", lambda n: n)


def _second_kind(out: Value, n: Value, x: Value) -> Value:
    """Of sin((n + 1)θ) / sin(θ), which is odd in n + 1."""
    return np.sign(n + 1) * _gegenbauer(1.0, np.abs(n + 1) - 1, x)


def _legendre(out: Value, n: Value, x: Value) -> Value:
    """The degrees n and -1 - n are the same function."""
    return _gegenbauer(0.5, np.where(n < 0, -1 - n, n), x)


for _name, _slope in (
    ("eval_chebyt", _first_kind),
    ("eval_chebyu", _second_kind),
    ("eval_chebyc", lambda out, n, x: _first_kind(out, n, x / 2)),
    ("eval_chebys", lambda out, n, x: _second_kind(out, n, x / 2) / 2),
    ("eval_sh_chebyt", _shifted(_first_kind, 2.0, -1.0)),
    ("eval_sh_chebyu", _shifted(_second_kind, 2.0, -1.0)),
    ("eval_legendre", _legendre),
    ("eval_sh_legendre", _shifted(_legendre, 2.0, -1.0)),
    ("eval_hermite", _lower("eval_hermite", lambda n: 2 * n)),
    ("eval_hermitenorm", _lower("eval_hermitenorm", lambda n: n)),
    ("eval_laguerre", _lower("eval_genlaguerre", lambda n: -1.0, 1.0)),
):
    special(_name, None, _slope, samples=_DEGREES)


def _with_parameter(domain: tuple[float, float] = _INSIDE) -> tuple[Sample, ...]:
    return (
        Sample(3, 0.5, (2, 3), domain=domain),
        Sample(np.array([0, 1, 2]), 1.5, (2, 3), domain=domain),
    )


def _jacobi(n: Value, a: Value, b: Value, x: Value) -> Value:
    lower = call("eval_jacobi", _below(n), a + 1, b + 1, x)
    return np.where(n == 0, 0.0, (n + a + b + 1) / 2 * lower)


special(
    "eval_gegenbauer",
    None,
    None,
    lambda out, n, a, x: _gegenbauer(a, n, x),
    samples=_with_parameter(),
)
special(
    "eval_genlaguerre",
    None,
    None,
    lambda out, n, a, x: np.where(n == 0, 0.0, -call("eval_genlaguerre", _below(n), a + 1, x)),
    samples=_with_parameter(),
)
special(
    "eval_jacobi",
    None,
    None,
    None,
    lambda out, n, a, b, x: _jacobi(n, a, b, x),
    samples=(Sample(np.array([0, 1, 3]), 0.5, 1.5, (2, 3), domain=_INSIDE),),
)
special(
    "eval_sh_jacobi",
    None,
    None,
    None,
    lambda out, n, p, q, x: (
        2 * _jacobi(n, p - q, q - 1, 2 * x - 1) / call("binom", 2 * n + p - 1.0, n * 1.0)
    ),
    samples=(Sample(np.array([0, 1, 3]), 2.5, 1.5, (2, 3), domain=_INSIDE),),
)
special(
    "lpmv",
    None,
    None,
    lambda out, m, v, x: (v * x * out - (v + m) * call("lpmv", m, v - 1, x)) / (x * x - 1),
    samples=(Sample(1, 2.0, (2, 3), domain=_INSIDE), Sample(0, 3.0, (), domain=_INSIDE)),
)
special(
    "besselpoly",
    # by the neighbour above alone: SciPy's values of orders below -1 are wrong
    lambda out, a, p, v: v / a * out - 2 * call("besselpoly", a, p + 1.0, v + 1.0),
    None,
    None,
    samples=(Sample((2, 3), 1.0, 3.5, domain=_POSITIVE),),
)
