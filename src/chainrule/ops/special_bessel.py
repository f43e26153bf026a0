"""Bessel functions and their kin in `scipy.special`: Hankel, Kelvin, Struve, scaled ones.

Source: NIST Digital Library of Mathematical Functions (DLMF) 10.6, 10.29, 10.61, 11.4.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
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


def _struve_term(v: Value, x: Value) -> Value:
    return (x / 2) ** v * call("rgamma", v + 1.5) / math.sqrt(math.pi) / 2


special(
    "struve",
    None,
    lambda out, v, x: _difference("struve")(v, x) + _struve_term(v, x),
    samples=_ORDERED,
)
special(
    "modstruve",
    None,
    lambda out, v, x: _sum("modstruve")(v, x) + _struve_term(v, x),
    samples=_ORDERED,
)
special("itstruve0", lambda out, x: call("struve", 0.0, x), domain=_POSITIVE)
special("it2struve0", lambda out, x: -call("struve", 0.0, x) / x, domain=_POSITIVE)
special("itmodstruve0", lambda out, x: call("modstruve", 0.0, x), domain=_POSITIVE)

# Kelvin functions: the real and imaginary parts of w(x), which solves w'' + w' / x = i w

special("ber", lambda out, x: call("berp", x), domain=_POSITIVE)
special("bei", lambda out, x: call("beip", x), domain=_POSITIVE)
special("ker", lambda out, x: call("kerp", x), domain=_POSITIVE)
special("kei", lambda out, x: call("keip", x), domain=_POSITIVE)
special("berp", lambda out, x: -out / x - call("bei", x), domain=_POSITIVE)
special("beip", lambda out, x: -out / x + call("ber", x), domain=_POSITIVE)
special("kerp", lambda out, x: -out / x - call("kei", x), domain=_POSITIVE)
special("keip", lambda out, x: -out / x + call("ker", x), domain=_POSITIVE)
