"""Functions that jump: rounding, quotients and remainders, signs, the parts of a float. Their steps have slope 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample, infix
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import LoweringError
from chainrule.ops.canonical import array_like
from chainrule.ops.elementwise import elementwise, elementwise_type, stepwise
from chainrule.ops.kinds import composite, constant, general
from chainrule.ops.refusals import python_round
from chainrule.ops.twins import add_twin

stepwise("floor", np.floor)
stepwise("ceil", np.ceil)
stepwise("trunc", np.trunc)
stepwise("rint", np.rint)
composite(
    "fix",
    lambda x: np.trunc(array_like(x)),
    names=(np.fix,),
    samples=(Sample((2, 3)), Sample(()), Sample((0, 3))),
)


def _round(a: Value, decimals: int = 0) -> Value:
    return apply(_ROUND, array_like(a), decimals=int(decimals))


def _round_type(x: ArrayType, decimals: int) -> ArrayType:
    return array_type(x.shape, np.round(np.zeros(1, x.dtype), decimals).dtype)


def _lower_round(e: Any, x: Any, decimals: int) -> Any:
    """NumPy's way: the scaled number is rounded, whatever that product lost."""
    if x.dtype.kind in "iub":
        if decimals >= 0 and x.dtype.kind != "b":
            return x
        raise LoweringError.from_dtypes("round to tens, or truth values", [x.dtype])
    if decimals == 0:
        return e.rint(x)
    scale = 10.0 ** abs(decimals)
    return e.rint(x * scale) / scale if decimals > 0 else e.rint(x / scale) * scale


_ROUND = constant(
    "round",
    np.round,
    infer=_round_type,
    front=_round,
    names=(np.round, np.around),
    lower=_lower_round,
    samples=(Sample((2, 3)), Sample((2, 3), decimals=2), Sample((), 1), Sample((0, 3), -1)),
)
add_twin(_ROUND, lambda x, decimals: round(x, decimals), python_round)

# quotients and remainders: x = quotient * y + remainder

_AWAY_FROM_JUMPS = (
    Sample((2, 3), (2, 3), domain=(1.1, 1.9)),
    Sample((2, 3), (3,), domain=(1.1, 1.9)),
    Sample((2, 3), 0.7, domain=(0.1, 0.6)),
    Sample((2, 3), -0.7, domain=(-0.6, -0.1)),
    Sample((2, 3), 0.7, domain=(-0.6, -0.1)),
    Sample((), (), domain=(1.1, 1.9)),
)
stepwise("floor_divide", np.floor_divide, notation=infix("//", 20), samples=_AWAY_FROM_JUMPS)
elementwise(
    "remainder",
    np.remainder,
    partials=(lambda out, x, y: 1.0, lambda out, x, y: -np.floor_divide(x, y)),
    notation=infix("%", 20),
    samples=_AWAY_FROM_JUMPS,
)
elementwise(
    "fmod",
    np.fmod,
    partials=(lambda out, x, y: 1.0, lambda out, x, y: np.rint((out - x) / y)),
    samples=_AWAY_FROM_JUMPS,
)
composite(
    "divmod",
    lambda x1, x2: (FRONTS["floor_divide"](x1, x2), FRONTS["remainder"](x1, x2)),
    names=(np.divmod,),
    samples=_AWAY_FROM_JUMPS,
)

# the parts of a float

_float_type = elementwise_type(np.sqrt, "modf")
_PARTS = (Sample((2, 3), domain=(1.1, 1.9)), Sample(()), Sample((0, 3)))


def _frexp_type(x: ArrayType) -> tuple[ArrayType, ArrayType]:
    return _float_type(x), array_type(x.shape, np.dtype(np.intc))


general(
    "modf",
    np.modf,
    vjp=lambda g, out, x: g[0],
    jvp=lambda tangents, out, x: (tangents[0], np.zeros_like(tangents[0])),
    infer=lambda x: (_float_type(x), _float_type(x)),
    samples=_PARTS,
)
general(
    "frexp",
    np.frexp,
    vjp=lambda g, out, x: np.ldexp(g[0], -out[1]),
    jvp=lambda tangents, out, x: (np.ldexp(tangents[0], -out[1]), np.zeros_like(out[1])),
    infer=_frexp_type,
    samples=_PARTS,
)
stepwise("spacing", np.spacing)
stepwise(
    "nextafter",
    np.nextafter,
    undefined="it steps to the neighbouring float, which is no function of real numbers",
)
_WHOLE = (Sample(np.array([4, 6, 9]), 6), Sample(np.array([[4], [3]]), np.array([2, 6])))
stepwise("gcd", np.gcd, samples=_WHOLE)  # of integers alone, which carry no derivative
stepwise("lcm", np.lcm, samples=_WHOLE)

# signs


_REAL_SIGN = stepwise("real_sign", np.sign, names=())


def _length(x: Value) -> Value:
    """The distance from zero, and 1 at zero itself."""
    length = np.absolute(x)
    return np.where(length == 0, 1, length)


_COMPLEX_SIGN = general(
    "complex_sign",
    np.sign,
    vjp=lambda g, out, x: (g - np.real(g * out) * np.conj(out)) / _length(x),
    jvp=lambda tangents, out, x: (
        (tangents[0] - np.real(tangents[0] * np.conj(out)) * out) / _length(x)
    ),
    infer=elementwise_type(np.sign, "sign"),
    names=(),
    samples=(Sample((2, 3)), Sample(()), Sample((0, 3))),
)


def _sign(x: Value) -> Value:
    """Of a complex number the sign is `x / |x|`, which moves with it."""
    x = array_like(x)
    return apply(_COMPLEX_SIGN if type_of(x).dtype.kind == "c" else _REAL_SIGN, x)


composite("sign", _sign, names=(np.sign,), samples=(Sample((2, 3)), Sample(()), Sample((0, 3))))


def _absolute_slope(out: Value, x: Value) -> Value:
    """The sign, 0 at 0; in the bilinear convention `conj(x) / |x|` for a complex number."""
    return np.conj(np.sign(x)) if type_of(x).dtype.kind == "c" else np.sign(x)


elementwise("absolute", np.absolute, partials=(_absolute_slope,))
elementwise("fabs", np.fabs, partials=(lambda out, x: np.sign(x),))
elementwise(
    "copysign",
    np.copysign,
    partials=(lambda out, x, y: np.sign(x) * np.sign(out), lambda out, x, y: 0.0),
)
elementwise(
    "heaviside",
    np.heaviside,
    partials=(lambda out, x, y: 0.0, lambda out, x, y: x == 0),
)
