"""The elliptic integrals of `scipy.special`.

Sources: NIST Digital Library of Mathematical Functions (DLMF) 19.4, 19.18.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import ArrayType, Value
from chainrule.ops.elementwise import broadcasts, elementwise
from chainrule.ops.gauss import gauss_rule
from chainrule.ops.special import call, special, type_rule

_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)

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


def _moment(j: Any, k: Any, phi: Any, m: Any) -> Any:
    """∫₀^φ sin²ʲ (1 - m sin²)^(-k/2), half turn by half turn, by Gauss's rule. For small m."""
    dtype = _moment_type(*map(type_of, (j, k, phi, m))).dtype
    turns = np.round(phi / np.pi)
    nodes, weights = gauss_rule(40)

    def integral(end: Any) -> Any:
        angles = np.asarray(end)[..., None] * nodes
        sines = np.sin(angles) ** 2
        values = sines**j * (1 - np.asarray(m)[..., None] * sines) ** (-k / 2)
        return end * np.sum(weights * values, axis=-1)

    return np.asarray(integral(phi - turns * np.pi) + turns * integral(np.pi), dtype)[()]


def _moment_type(j: ArrayType, k: ArrayType, phi: ArrayType, m: ArrayType) -> ArrayType:
    return type_rule("ellipkinc")(phi, m)


elementwise(
    "elliptic_moment",
    _moment,
    partials=(
        None,
        None,
        lambda out, j, k, phi, m: np.sin(phi) ** (2 * j) * _root(phi, m) ** (-k),
        lambda out, j, k, phi, m: k / 2 * call("elliptic_moment", j + 1, k + 2, phi, m),
    ),
    infer=_moment_type,
    names=(),
    samples=(
        Sample(1, 3, (2, 3), (3,), domain=(-1.0, 1.0), prepare=lambda x, m: (4 * x, m / 20)),
        Sample(2, 1, (), (), domain=(-1.0, 1.0), prepare=lambda x, m: (4 * x, m / 20)),
    ),
)
_NEAR = 0.05
"""Up to here the closed forms lose digits, and at m = 0 their derivatives, by dividing by m."""


def incomplete_slope(phi: Value, m: Value) -> Value:
    """dF/dm."""
    is_near = np.abs(m) < _NEAR
    near, away = np.where(is_near, m, 0.0), np.where(is_near, 0.5, m)
    slope = (
        call("ellipeinc", phi, away) / (2 * away * (1 - away))
        - call("ellipkinc", phi, away) / (2 * away)
        - np.sin(2 * phi) / (4 * (1 - away) * _root(phi, away))
    )
    return np.where(is_near, call("elliptic_moment", 1, 3, phi, near) / 2, slope)


def _second_kind_slope(out: Value, phi: Value, m: Value) -> Value:
    """dE/dm."""
    is_near = np.abs(m) < _NEAR
    near, away = np.where(is_near, m, 0.0), np.where(is_near, 0.5, m)
    slope = (call("ellipeinc", phi, away) - call("ellipkinc", phi, away)) / (2 * away)
    return np.where(is_near, -call("elliptic_moment", 1, 1, phi, near) / 2, slope)


_INCOMPLETE = (
    *broadcasts(2, _INSIDE),
    Sample((2, 3), (3,), domain=_INSIDE, prepare=lambda phi, m: (phi, (m - 0.5) / 20)),
)
special(
    "ellipkinc",
    lambda out, phi, m: 1 / _root(phi, m),
    lambda out, phi, m: incomplete_slope(phi, m),
    samples=_INCOMPLETE,
)
special(
    "ellipeinc",
    lambda out, phi, m: _root(phi, m),
    _second_kind_slope,
    samples=_INCOMPLETE,
)

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
