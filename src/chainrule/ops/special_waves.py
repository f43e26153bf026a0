"""Mathieu and spheroidal wave functions: each comes with its slope, and its equation gives the slope of that.

Sources: NIST Digital Library of Mathematical Functions (DLMF) 28.2, 28.20, 30.2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.kinds import constant
from chainrule.ops.special import call, named, scipy_function, special_ufunc
from chainrule.ops.special_several import several

_DEGREE = math.pi / 180


def _double(x: Value) -> Value:
    # In single precision SciPy's functions are NaN, or do not return.
    return np.astype(x, np.float64)


def _mathieu(characteristic: str) -> Any:
    """Y'' = -(a - 2q cos 2x) y; x is in degrees, y' is by radians."""

    def slopes(out: Any, m: Value, q: Value, x: Value) -> Sequence[Value]:
        force = call(characteristic, m, q) - 2 * q * np.cos(2 * _DEGREE * x)
        return _DEGREE * out[1], -_DEGREE * force * out[0]

    return slopes


def _modified(characteristic: str) -> Any:
    """Y'' = (a - 2q cosh 2x) y."""

    def slopes(out: Any, m: Value, q: Value, x: Value) -> Sequence[Value]:
        return out[1], (call(characteristic, m, q) - 2 * q * np.cosh(2 * x)) * out[0]

    return slopes


def _spheroidal(kind: str, sign: float, *, given: bool) -> Any:
    """((1 - x²) y')' + (λ - c²x² - m²/(1 - x²)) y = 0; oblate functions are those of ic, radial ones of ix.

    Args:
        kind: prolate or oblate.
        sign: of x², which is turned in the radial functions of the oblate equation.
        given: whether the characteristic value is an argument.
    """
    turned = 1.0 if kind == "pro" or sign < 0 else -1.0

    def slopes(out: Any, m: Value, n: Value, c: Value, *rest: Value) -> Sequence[Value]:
        value = rest[0] if given else call(f"{kind}_cv", m, n, c)
        x = rest[-1]
        y, slope = out
        width = 1 - sign * x * x
        force = value - turned * c * c * x * x - m * m / width
        return slope, sign * (2 * x * slope - force * y) / width

    return slopes


for _part, _characteristic in (("ce", "mathieu_a"), ("se", "mathieu_b")):
    several(
        f"mathieu_{_part}m",
        _mathieu(_characteristic),
        samples=(Sample(2, 1.5, (2, 3), domain=(10.0, 80.0), prepare=_double),),
        real=True,
    )
    for _kind in "12":
        several(
            f"mathieu_mod{_part}m{_kind}",
            _modified(_characteristic),
            samples=(Sample(2, 1.5, (2, 3), domain=(0.5, 1.2), prepare=_double),),
            real=True,
        )

_VALUES = {"pro": 6.9447848136442785, "obl": 5.015885665256057}
"""The characteristic values of the samples, m = 1, n = 2, c = 1.5."""

for _kind in ("pro", "obl"):
    _radial = 1.0 if _kind == "pro" else -1.0
    for _part, _sign, _domain in (
        ("ang1", 1.0, (0.2, 0.7)),
        ("rad1", _radial, (1.4, 2.0)),
    ):
        several(
            f"{_kind}_{_part}",
            _spheroidal(_kind, _sign, given=False),
            samples=(Sample(1.0, 2.0, 1.5, (2, 3), domain=_domain, prepare=_double),),
            real=True,
        )
        several(
            f"{_kind}_{_part}_cv",
            _spheroidal(_kind, _sign, given=True),
            samples=(
                Sample(
                    *(1.0, 2.0, 1.5, _VALUES[_kind], (2, 3)),
                    domain=_domain,
                    prepare=_double,
                ),
            ),
            real=True,
        )


def _refused(name: str, *orders: float) -> None:
    """SciPy's radial functions of the second kind do not solve their equation to more than a digit or two."""
    constant(
        name,
        lambda *args: tuple(scipy_function(name)(*args)),
        infer=lambda *types: (types[-1], types[-1]),
        names=(),
        undefined="SciPy's values are off, so that a derivative would not be theirs",
        arity=len(orders) + 1,
        ufunc=special_ufunc(name),
        samples=(Sample(*orders, (2,), domain=(1.4, 2.0), prepare=_double),),
    )
    named(name)


for _kind in ("pro", "obl"):
    _refused(f"{_kind}_rad2", 1.0, 2.0, 1.5)
    _refused(f"{_kind}_rad2_cv", 1.0, 2.0, 1.5, _VALUES[_kind])
