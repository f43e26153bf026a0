"""More functions of `scipy.special`: elementary ones, hypergeometric and elliptic ones, orthogonal polynomials.

Sources: NIST Digital Library of Mathematical Functions (DLMF) 15.5, 18.9, 19.4, 19.18.
"""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.op import Rule, Sample
from chainrule.core.types import Value
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


def _boxcox_slope(out: Value, x: Value, p: Value) -> Value:
    """Of (xᵖ - 1) / p by p; as p goes to 0 it goes to log(x)² / 2."""
    log = np.log(x)
    safe = np.where(p == 0, 1.0, p)
    return np.where(p == 0, log * log / 2, ((1 + safe * out) * log - out) / safe)


def _inverse_boxcox_slope(power: Value, y: Value, p: Value) -> Value:
    """Of (py + 1)^(1/p) by p; as p goes to 0 it goes to -y² e^y / 2."""
    safe = np.where(p == 0, 1.0, p)
    inner = 1 + safe * y
    return power * np.where(p == 0, -y * y / 2, (y / inner - np.log(inner) / safe) / safe)


special("boxcox", lambda out, x, p: x ** (p - 1), _boxcox_slope, domain=_POSITIVE)
special(
    "boxcox1p",
    lambda out, x, p: (1 + x) ** (p - 1),
    lambda out, x, p: _boxcox_slope(out, 1 + x, p),
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
    lambda out, x, y: y * x ** (y - 1),
    lambda out, x, y: (1 + out) * np.log(x),
    domain=_POSITIVE,
)
special(
    "huber",
    lambda out, d, r: np.maximum(np.abs(r) - d, 0.0),
    lambda out, d, r: np.clip(r, -d, d),
    domain=(0.3, 0.8),
)
special(
    "pseudo_huber",
    lambda out, d, r: 2 * out / d - r * r / (d * np.sqrt(1 + (r / d) ** 2)),
    lambda out, d, r: r / np.sqrt(1 + (r / d) ** 2),
    domain=_POSITIVE,
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
    away = np.where(z == 1, 2.0, z)
    return np.where(z == 1, -1.0, np.log(away) / (1 - away))


def _expn_slope(out: Value, n: Value, x: Value) -> Value:
    return np.where(n == 0, -out * (1 + 1 / x), -call("expn", np.maximum(n - 1, 0), x))


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

# complete elliptic integrals, by the hypergeometric functions they are: regular at m = 0


def first_kind_slope(m: Value) -> Value:
    """dK/dm."""
    return math.pi / 8 * call("hyp2f1", 1.5, 1.5, 2.0, m)


special("ellipk", lambda out, m: first_kind_slope(m), domain=_INSIDE)
special("ellipkm1", lambda out, p: -first_kind_slope(1 - p), domain=_INSIDE)
special(
    "ellipe",
    lambda out, m: -math.pi / 8 * call("hyp2f1", 0.5, 1.5, 2.0, m),
    domain=_INSIDE,
)


def _mean_slope(out: Value, a: Value, b: Value) -> Value:
    """By a, of the arithmetic-geometric mean π (a + b) / (4 K(m)) with m = ((a - b) / (a + b))²."""
    total, gap = a + b, a - b
    first = math.pi / 4 * total / out
    return out / total - out / first * first_kind_slope((gap / total) ** 2) * 4 * gap * b / total**3


special(
    "agm",
    _mean_slope,
    lambda out, a, b: _mean_slope(out, b, a),
    domain=_POSITIVE,
)

# incomplete elliptic integrals


def _root(phi: Value, m: Value) -> Value:
    return np.sqrt(1 - m * np.sin(phi) ** 2)


def incomplete_slope(phi: Value, m: Value) -> Value:
    """dF/dm; at m = 0 its limit."""
    safe = np.where(m == 0, 0.5, m)
    twice = np.sin(2 * phi)
    slope = (
        call("ellipeinc", phi, safe) / (2 * safe * (1 - safe))
        - call("ellipkinc", phi, safe) / (2 * safe)
        - twice / (4 * (1 - safe) * _root(phi, safe))
    )
    return np.where(m == 0, (2 * phi - twice) / 8, slope)


def _second_kind_slope(out: Value, phi: Value, m: Value) -> Value:
    safe = np.where(m == 0, 1.0, m)
    limit = (np.sin(2 * phi) - 2 * phi) / 8
    return np.where(m == 0, limit, (out - call("ellipkinc", phi, m)) / (2 * safe))


special(
    "ellipkinc",
    lambda out, phi, m: 1 / _root(phi, m),
    lambda out, phi, m: incomplete_slope(phi, m),
    domain=_INSIDE,
)
special("ellipeinc", lambda out, phi, m: _root(phi, m), _second_kind_slope, domain=_INSIDE)

# Carlson's symmetric integrals: by partial fractions under the integral, and by their homogeneity

special(
    "elliprf",
    lambda out, x, y, z: -call("elliprd", y, z, x) / 6,
    lambda out, x, y, z: -call("elliprd", x, z, y) / 6,
    lambda out, x, y, z: -call("elliprd", x, y, z) / 6,
    domain=_POSITIVE,
)


def _rc_slope(out: Value, x: Value, y: Value) -> Value:
    return (out - 1 / np.sqrt(x)) / (2 * (y - x))


special(
    "elliprc",
    _rc_slope,
    lambda out, x, y: -(out / 2 + x * _rc_slope(out, x, y)) / y,
    samples=(
        Sample((2, 3), (3,), domain=_POSITIVE, prepare=lambda x, y: (x, y + 2)),
        Sample((), (), domain=_POSITIVE, prepare=lambda x, y: (x, y + 2)),
    ),
)


def _rg(x: Value, y: Value, z: Value) -> Value:
    return (call("elliprf", x, y, z) - x * call("elliprd", y, z, x) / 3) / 4


special(
    "elliprg",
    lambda out, x, y, z: _rg(x, y, z),
    lambda out, x, y, z: _rg(y, x, z),
    lambda out, x, y, z: _rg(z, x, y),
    domain=_POSITIVE,
)


def _rd(out: Value, x: Value, y: Value, z: Value) -> Value:
    return (call("elliprd", y, z, x) - out) / (2 * (x - z))


def _rj(out: Value, x: Value, y: Value, z: Value, p: Value) -> Value:
    return (call("elliprd", y, z, x) - out) / (2 * (x - p))


special(
    "elliprd",
    _rd,
    lambda out, x, y, z: _rd(out, y, x, z),
    lambda out, x, y, z: -(1.5 * out + x * _rd(out, x, y, z) + y * _rd(out, y, x, z)) / z,
    samples=(
        Sample((2, 3), (3,), (3,), domain=_POSITIVE, prepare=lambda x, y, z: (x, y + 2, z + 4)),
    ),
)
special(
    "elliprj",
    _rj,
    lambda out, x, y, z, p: _rj(out, y, x, z, p),
    lambda out, x, y, z, p: _rj(out, z, x, y, p),
    lambda out, x, y, z, p: (
        -(
            1.5 * out
            + x * _rj(out, x, y, z, p)
            + y * _rj(out, y, x, z, p)
            + z * _rj(out, z, x, y, p)
        )
        / p
    ),
    samples=(
        Sample(
            (2, 3),
            (3,),
            (3,),
            (3,),
            domain=_POSITIVE,
            prepare=lambda x, y, z, p: (x, y + 2, z + 4, p + 6),
        ),
    ),
)

# orthogonal polynomials: the slope is a polynomial of one degree less; of degree 0 it is 0


def _lower(name: str, factor: Rule, *others: float) -> Rule:
    """The rule `factor(n) * name(n - 1, *others, x)`."""

    def slope(out: Value, n: Value, x: Value) -> Value:
        return np.where(n == 0, 0.0, factor(n) * call(name, np.maximum(n - 1, 0), *others, x))

    return slope


def _gegenbauer(a: Value, n: Value, x: Value) -> Value:
    return np.where(n == 0, 0.0, 2 * a * call("eval_gegenbauer", np.maximum(n - 1, 0), a + 1, x))


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
    return _gegenbauer(1.0, n, x)


def _legendre(out: Value, n: Value, x: Value) -> Value:
    return _gegenbauer(0.5, n, x)


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
    lower = call("eval_jacobi", np.maximum(n - 1, 0), a + 1, b + 1, x)
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
    lambda out, n, a, x: np.where(
        n == 0, 0.0, -call("eval_genlaguerre", np.maximum(n - 1, 0), a + 1, x)
    ),
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
    lambda out, a, p, v: (
        call("besselpoly", a, p + 1.0, v - 1.0) - call("besselpoly", a, p + 1.0, v + 1.0)
    ),
    None,
    None,
    samples=(Sample((2, 3), 1.0, 3.5, domain=_POSITIVE),),
)
