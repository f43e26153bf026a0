"""The functions of `math` and `cmath` in ops, for steps that are compiled: one table, `FOLLOWED`.

A function of it takes what Python's takes, with numbers among it that a step has traced, and gives Python's numbers.
Where Python raises, the result of the op is not finite, and the call is run eagerly.
"""

from __future__ import annotations

import cmath
import functools
import math
import operator
from collections.abc import Callable, Iterable
from typing import Any, NoReturn

import numpy as np

from chainrule.core.cells import HANDLES
from chainrule.core.methods import as_python
from chainrule.core.op import FRONTS, TABLE, WEAK_FRONTS
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import EscapedValueError
from chainrule.ops.refusals import not_finite, not_finite_if_complex
from chainrule.ops.twins import add_twin

FOLLOWED: dict[Any, Callable[..., Any]] = {}
"""Python's function: ours."""

OF_ITERABLES = frozenset({math.dist, math.prod})
"""Those of them that take arrays, too."""

_OPS = {
    **{name: name for name in ("sqrt", "cbrt", "exp", "exp2", "expm1", "log1p", "log2", "log10")},
    **{name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{f"a{name}": f"arc{name}" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    **{name: name for name in ("fabs", "copysign", "fmod")},
    **{name: name for name in ("isnan", "isinf", "isfinite", "erf", "erfc", "gamma", "nextafter")},
    "atan2": "arctan2",
    "lgamma": "gammaln",
    "degrees": "rad2deg",
    "radians": "deg2rad",
}
"""Functions that are one op of the table."""

_NEVER_RAISE = frozenset(
    {
        *("cbrt", "tanh", "atan", "asinh", "atan2", "fabs", "copysign", "degrees", "radians"),
        *("isnan", "isinf", "isfinite", "erf", "erfc", "nextafter"),
    }
)
"""Those of them that have a result for every float."""

_REFUSES = {
    # SciPy has no sign where the result is too small
    "gamma": lambda out, x: np.logical_or(not_finite(out, x), np.equal(out, 0)),
    # the digits are those of Python's own way where terms cancel
    "lgamma": lambda out, x: np.logical_or(not_finite(out, x), np.less(np.abs(out), 1)),
}
"""When they are refused, if not where their result is not finite."""

_ESCAPING = ("fsum", "sumprod", "fma")
"""Functions that round once where ops round more often."""

_float = functools.partial(as_python, kind=float)
_complex = functools.partial(as_python, kind=complex)
_int = functools.partial(as_python, kind=int)
_bool = functools.partial(as_python, kind=bool)


def _follow_ops() -> None:
    for name, op in _OPS.items():
        of_floats, of_complex = getattr(math, name), getattr(cmath, name, None)
        refuses = not_finite_if_complex if name in _NEVER_RAISE else _REFUSES.get(name, not_finite)
        # SciPy's functions tell theirs once it is imported.
        infer = None if name.startswith("is") else _inexact
        add_twin(TABLE[op], _of_either(of_floats, of_complex), refuses, infer)
        FOLLOWED[of_floats] = _applied(op, _float)
        if of_complex is not None:
            FOLLOWED[of_complex] = _applied(op, _complex)


def _inexact(*types: ArrayType) -> ArrayType:
    return _COMPLEX if any(t.dtype.kind == "c" for t in types) else _FLOAT


_FLOAT, _COMPLEX = [array_type((), np.dtype(kind), weak=True) for kind in (float, complex)]


def _of_either(
    of_floats: Callable[..., Any], of_complex: Callable[..., Any] | None
) -> Callable[..., Any]:
    if of_complex is None:
        return of_floats
    return lambda x: of_complex(x) if isinstance(x, complex) else of_floats(x)


def _applied(op: str, converted: Callable[[Any], Any]) -> Callable[..., Any]:
    return lambda *args: WEAK_FRONTS[op](*map(converted, args))


_follow_ops()
add_twin(TABLE["log"], _of_either(math.log, cmath.log), not_finite)
add_twin(TABLE["hypot"], math.hypot)
add_twin(TABLE["ldexp"], math.ldexp, not_finite)


def _follows(*functions: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Enter a function of ours, once for each of Python's that it stands for."""

    def enter(ours: Callable[..., Any]) -> Callable[..., Any]:
        FOLLOWED.update(dict.fromkeys(functions, ours))
        return ours

    return enter


# parts of a float


@_follows(math.modf)
def _modf(x: Value, /) -> Value:
    return tuple(map(_float, FRONTS["modf"](_float(x))))


@_follows(math.frexp)
def _frexp(x: Value, /) -> Value:
    mantissa, exponent = FRONTS["frexp"](_float(x))
    return _float(mantissa), _int(exponent)


@_follows(math.ulp)
def _ulp(x: Value, /) -> Value:
    size = FRONTS["fabs"](_float(x))
    return _float(FRONTS["where"](FRONTS["isinf"](size), size, FRONTS["spacing"](size)))


# functions of several floats


@_follows(math.log)
def _log(x: Value, base: Value = None, /) -> Value:
    return _logarithm(_float, x, base)


@_follows(cmath.log)
def _complex_log(z: Value, base: Value = None, /) -> Value:
    return _logarithm(_complex, z, base)


def _logarithm(converted: Callable[[Any], Any], x: Value, base: Value) -> Value:
    logarithm = WEAK_FRONTS["log"](converted(x))
    return logarithm if base is None else logarithm / WEAK_FRONTS["log"](converted(base))


@_follows(math.pow)
def _pow(x: Value, y: Value, /) -> Value:
    return WEAK_FRONTS["power"](_float(x), _float(y))


@_follows(math.ldexp)
def _ldexp(x: Value, i: Value, /) -> Value:
    return WEAK_FRONTS["ldexp"](_float(x), _int(i))


@_follows(math.hypot)
def _hypot(*coordinates: Value) -> Value:
    return functools.reduce(WEAK_FRONTS["hypot"], [abs(_float(x)) for x in coordinates])


@_follows(math.dist)
def _dist(p: Iterable[Value], q: Iterable[Value], /) -> Value:
    return _hypot(*[_float(x) - _float(y) for x, y in zip(p, q, strict=True)])


@_follows(math.prod)
def _prod(iterable: Iterable[Value], /, *, start: Value = 1) -> Value:
    return functools.reduce(operator.mul, iterable, start)


@_follows(math.remainder)
def _remainder(x: Value, y: Value, /) -> Value:
    """Every step is exact. Which of the two nearest multiples is even, half a rest tells."""
    x, y = _float(x), _float(y)
    size, step = FRONTS["fabs"](x), FRONTS["fabs"](y)
    rest = WEAK_FRONTS["fmod"](_float(size), _float(step))
    other = step - rest
    even = rest - 2.0 * FRONTS["fmod"](0.5 * (size - rest), step)
    where = FRONTS["where"]
    nearest = where(rest < other, rest, where(rest > other, -other, even))
    return _float(FRONTS["copysign"](1.0, x) * nearest)


@_follows(math.isclose)
def _isclose(a: Value, b: Value, *, rel_tol: float = 1e-9, abs_tol: float = 0.0) -> Value:
    if rel_tol < 0 or abs_tol < 0:
        message = "tolerances must be non-negative"
        raise ValueError(message)
    a, b = _float(a), _float(b)
    distance, size = abs(b - a), FRONTS["maximum"](abs(a), abs(b))
    is_near = distance <= FRONTS["maximum"](abs(rel_tol * size), abs_tol)
    is_finite = FRONTS["isfinite"](size)
    either, both = FRONTS["logical_or"], FRONTS["logical_and"]
    return _bool(either(FRONTS["equal"](a, b), both(is_finite, is_near)))


# complex numbers in parts


@_follows(cmath.phase)
def _phase(z: Value, /) -> Value:
    z = _complex(z)
    return WEAK_FRONTS["arctan2"](z.imag, z.real)


@_follows(cmath.polar)
def _polar(z: Value, /) -> Value:
    return abs(_complex(z)), _phase(z)


@_follows(cmath.rect)
def _rect(r: Value, phi: Value, /) -> Value:
    r, phi = _float(r), _float(phi)
    return complex_of(r * FOLLOWED[math.cos](phi), r * FOLLOWED[math.sin](phi))


def complex_of(real: Value, imag: Value) -> Value:
    """Return the complex number of two parts, as Python's `complex(real, imag)`."""
    return _complex(apply(TABLE["complex_of_parts"], _float(real), _float(imag)))


# a sum


def compensated_sum(iterable: Iterable[Value], /, start: Value = 0) -> Value:
    """Return `sum(iterable, start)` as from Python 3.12 on: what is lost in adding floats is added at the end."""
    total, lost, is_plain = start, 0.0, False
    for x in iterable:
        is_float = not is_plain and _is_of(total, float)
        if is_float and _is_of(x, float):
            new = total + x
            is_larger = FRONTS["fabs"](total) >= FRONTS["fabs"](x)
            lost = lost + _float(FRONTS["where"](is_larger, total - new + x, x - new + total))
            total = new
        elif is_float and _is_of(x, int):
            total = total + _float(x)
        else:  # integers at first, and behind anything else all is added as it is
            is_plain = is_plain or not _is_of(total, int)
            total, lost = _with_lost(total, lost) + x, 0.0
    return _with_lost(total, lost)


def _with_lost(total: Value, lost: Value) -> Value:
    if type(lost) is float and lost == 0.0:
        return total
    counts = FRONTS["logical_and"](FRONTS["isfinite"](lost), FRONTS["not_equal"](lost, 0.0))
    return _float(FRONTS["where"](counts, total + lost, total))


def _is_of(x: Value, kind: type) -> bool:
    """Say whether something is exactly a float or an integer of Python's, or traced as one; a truth value is one."""
    if type(x) not in HANDLES:
        return type(x) is kind or (kind is int and type(x) is bool)
    kinds = "f" if kind is float else "bi"
    return x.is_followed() and x.type.weak and x.dtype.kind in kinds


# what is not followed


def _escaping(name: str) -> Callable[..., NoReturn]:
    def escape(*_: Any, **__: Any) -> NoReturn:
        raise EscapedValueError.from_conversion(f"math.{name}()", "add or multiply in plain code")

    return escape


FOLLOWED.update({getattr(math, n): _escaping(n) for n in _ESCAPING if hasattr(math, n)})
