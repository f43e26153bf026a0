"""Bessel functions and their kin in `scipy.special`: Hankel, Kelvin, Struve, scaled ones.

Source: NIST Digital Library of Mathematical Functions (DLMF) 10.6, 10.29, 10.61, 11.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.core.op import Rule, Sample
from chainrule.core.types import Value
from chainrule.ops.elementwise import broadcasts
from chainrule.ops.gauss import gauss_rule
from chainrule.ops.special import call, special

_POSITIVE = (0.5, 2.0)
_ORDERED = (
    Sample(1.0, (2, 3), domain=_POSITIVE),
    Sample(0.5, (2, 3), domain=_POSITIVE),
    Sample(np.array([0.0, 1.0, 2.0]), (2, 3), domain=_POSITIVE),
)
_COUNTED = (
    Sample(1, (2, 3), domain=_POSITIVE),
    Sample(np.array([0, 1, 2]), (2, 3), domain=_POSITIVE),
)


def _difference(name: str) -> Callable[[Value, Value], Value]:
    """Half the difference of the neighbours in order, which is the slope."""
    return lambda v, x: (call(name, v - 1, x) - call(name, v + 1, x)) / 2


def _sum(name: str) -> Callable[[Value, Value], Value]:
    return lambda v, x: (call(name, v - 1, x) + call(name, v + 1, x)) / 2


special("jve", None, lambda out, v, x: _difference("jve")(v, x), real=True, samples=_ORDERED)
special("yve", None, lambda out, v, x: _difference("yve")(v, x), real=True, samples=_ORDERED)
special("kve", None, lambda out, v, x: out - _sum("kve")(v, x), samples=_ORDERED)
special("k0e", lambda out, x: out - call("k1e", x), domain=_POSITIVE)
special("k1e", lambda out, x: out - (call("k0e", x) + call("kve", 2.0, x)) / 2, domain=_POSITIVE)
special("kn", None, lambda out, n, x: -_sum("kv")(np.trunc(n * 1.0), x), samples=_COUNTED)
special("yn", None, lambda out, n, x: _difference("yv")(np.trunc(n * 1.0), x), samples=_COUNTED)
special("hankel1", None, lambda out, v, z: _difference("hankel1")(v, z), samples=_ORDERED)
special("hankel2", None, lambda out, v, z: _difference("hankel2")(v, z), samples=_ORDERED)
special(
    "hankel1e", None, lambda out, v, z: _difference("hankel1e")(v, z) - 1j * out, samples=_ORDERED
)
special(
    "hankel2e", None, lambda out, v, z: _difference("hankel2e")(v, z) + 1j * out, samples=_ORDERED
)


_NEAR = 1.0


def _struve_over_argument(x: Value) -> Value:
    """H₀(x) / x, near 0 by ∫ cos θ sinc(x cos θ) dθ over a quarter turn times 2/π (DLMF 11.5.1)."""
    is_near = np.abs(x) < _NEAR
    near, far = np.where(is_near, x, 0.0), np.where(is_near, 1.0, x)
    mean: Value = 0.0
    for node, weight in zip(*map(np.ndarray.tolist, gauss_rule(10)), strict=True):
        cosine = math.cos(math.pi / 2 * node)
        mean = mean + weight * cosine * np.sinc(near * (cosine / math.pi))
    return np.where(is_near, mean, call("struve", 0.0, far) / far)


def _struve(name: str, neighbours: Callable[[Value, Value], Value], sign: float) -> Rule:
    """The rule of a Struve function: by both neighbours, of order 0 by the one above, which is regular at 0."""

    def slope(out: Value, v: Value, x: Value) -> Value:
        order = np.where(v == 0, 1.0, v)
        term = np.power(x / 2, order) * call("rgamma", order + 1.5) / (2 * math.sqrt(math.pi))
        return np.where(
            v == 0,
            2 / math.pi + sign * call(name, 1.0, x),
            neighbours(order, x) + term,
        )

    return slope


special("struve", None, _struve("struve", _difference("struve"), -1.0), samples=_ORDERED)
special("modstruve", None, _struve("modstruve", _sum("modstruve"), 1.0), samples=_ORDERED)
special("itstruve0", lambda out, x: call("struve", 0.0, x), domain=_POSITIVE)
special(
    "it2struve0",
    lambda out, x: -_struve_over_argument(x),
    samples=(*broadcasts(1, _POSITIVE), Sample((2, 3), domain=(-1.5, 0.5))),
)
special("itmodstruve0", lambda out, x: call("modstruve", 0.0, x), domain=_POSITIVE)

_EIGHTH_TURN = complex(math.sqrt(0.5), math.sqrt(0.5))


def _kelvin_curvature(x: Value) -> Value:
    """The second derivative of ber + i bei = I₀(x exp(iπ/4)); the equation's form is 0 / 0 at 0."""
    z = x * _EIGHTH_TURN
    return 0.5j * (call("iv", 0.0, z) + call("iv", 2.0, z))


# Kelvin functions: the real and imaginary parts of w(x), which solves w'' + w' / x = i w

special("ber", lambda out, x: call("berp", x), domain=_POSITIVE)
special("bei", lambda out, x: call("beip", x), domain=_POSITIVE)
special("ker", lambda out, x: call("kerp", x), domain=_POSITIVE)
special("kei", lambda out, x: call("keip", x), domain=_POSITIVE)
special("berp", lambda out, x: np.real(_kelvin_curvature(x)), domain=_POSITIVE)
special("beip", lambda out, x: np.imag(_kelvin_curvature(x)), domain=_POSITIVE)
special("kerp", lambda out, x: -out / x - call("kei", x), domain=_POSITIVE)
special(
    "keip",
    lambda out, x: call("ker", x) - out / np.where(x == 0, 1.0, x),  # infinite at 0, by ker
    domain=_POSITIVE,
)
