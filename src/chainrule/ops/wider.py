"""`np.emath`: the functions that go over to complex numbers where the real line ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite

_NEGATIVE = (-2.0, -0.5)
_POSITIVE = (0.5, 2.0)


def _complex(x: Value) -> Value:
    """Cast to the complex dtype that holds these numbers: single precision stays single."""
    return FRONTS["astype"](x, np.dtype("F" if type_of(x).dtype.char in "fbBhHF" else "D"))


def _where_negative(x: Any) -> Value:
    """Make the array complex if one of its numbers is negative."""
    x = as_array(array_like(x))
    return _complex(x) if _is_real(x) and np.any(x < 0) else x


def _where_large(x: Any) -> Value:
    """Make the array complex if one of its numbers is beyond one."""
    x = as_array(array_like(x))
    return _complex(x) if _is_real(x) and np.any(np.abs(x) > 1) else x


def _is_real(x: Value) -> bool:
    return type_of(x).dtype.kind != "c"


def _declare(name: str, prepare: Callable[[Any], Value], outside: tuple[float, float]) -> None:
    """Declare the wider form of the function of the same name in `np`."""
    inside = (0.2, 0.8) if prepare is _where_large else _POSITIVE
    composite(
        f"emath.{name}",
        lambda x: getattr(np, name)(prepare(x)),
        names=(getattr(np.emath, name),),
        samples=(
            Sample((2, 3), domain=inside),
            Sample((2, 3), domain=outside),
            Sample((), domain=outside),
            Sample((0,)),
        ),
    )


for _name in ("sqrt", "log", "log2", "log10"):
    _declare(_name, _where_negative, _NEGATIVE)
for _name in ("arccos", "arcsin", "arctanh"):
    _declare(_name, _where_large, (1.2, 2.0))


def _logn(n: Value, x: Value) -> Value:
    return np.log(_where_negative(x)) / np.log(_where_negative(n))


def _power(x: Value, p: Value) -> Value:
    exponent = as_array(array_like(p))
    base = _where_negative(x)
    if type_of(exponent).dtype.kind in "iu" and np.any(exponent < 0):
        exponent = FRONTS["astype"](exponent, np.float64)
    return np.power(base, exponent)


composite(
    "emath.logn",
    _logn,
    names=(np.emath.logn,),
    samples=(Sample((), (2, 3), domain=_POSITIVE), Sample(2.0, (3,), domain=_NEGATIVE)),
)
composite(
    "emath.power",
    _power,
    names=(np.emath.power,),
    samples=(
        Sample((2, 3), (3,), domain=_POSITIVE),
        Sample((3,), 0.5, domain=_NEGATIVE),
        Sample((3,), -2, domain=_NEGATIVE),
    ),
)
