"""What `scipy.special` has about the normal distribution, and about Tukey's lambda and Voigt's."""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.special import call, special

_ROOT_2PI = math.sqrt(2 * math.pi)
_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)


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
