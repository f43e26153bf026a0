"""For which numbers an operator raises, or answers with a number of another type: compiled steps ask before.

NumPy computes with infinities where Python raises, Python's integers have no end, and a root of a negative number is
complex in Python. Rules are called as `refuses(out, *args, **params)` and return a condition, or False where there is
none.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.types import Value

_ENDS = 2.0**62
"""Integers that are larger may not fit in 64 bits: the estimate is a float."""
_EXACT = 2.0**53
"""Integers that are larger may not be floats, and may become this one."""
_TEN_AT_MOST = 22
"""The largest power of ten that is a float."""
_ROUNDING = 2.0**-50
"""More than what a product and a difference lose."""
_BITS = 62
"""By how many bits every integer of 64 may be shifted, as Python does it."""
_LEAST = -(2**63)
"""The one integer of 64 bits whose negative has more."""


def negative_exponent(out: Value, x: Value, y: Value) -> Value:
    """Integers have no powers with a negative exponent in NumPy."""
    if type_of(out).dtype.kind not in "iu" or type_of(y).dtype.kind != "i":
        return False
    return np.less(y, 0)


def _any(*conditions: Value) -> Value:
    """Return whether one of them holds; those that are known cost nothing."""
    result: Any = False
    for condition in conditions:
        if type(condition) not in HANDLES:
            if condition:
                return True
        else:
            result = condition if result is False else np.logical_or(result, condition)
    return result


def _all(*conditions: Value) -> Value:
    """Return whether all of them hold; those that are known cost nothing."""
    result: Any = True
    for condition in conditions:
        if type(condition) not in HANDLES:
            if not condition:
                return False
        else:
            result = condition if result is True else np.logical_and(result, condition)
    return result


def _is_integer(x: Value) -> bool:
    return type_of(x).dtype.kind in "bi"


def _is_large(integer: Value) -> Value:
    """Say whether an integer may be no float."""
    return np.greater_equal(np.abs(np.multiply(1.0, integer)), _EXACT)


def python_product(out: Value, x: Value, y: Value) -> Value:
    """Integers have no end; complex products that overflow are NaN in Python, where a processor may say infinite."""
    if type_of(out).dtype.kind == "c":
        return np.logical_not(np.isfinite(out))
    return _too_large(out, x, y)


def python_endless(estimate: Callable[..., Any]) -> Callable[..., Value]:
    """Return the rule of an operator whose result may be too large an integer; `estimate` computes it in floats."""

    def refuses(out: Value, *args: Value) -> Value:
        if not _is_integer(out):
            return False
        return np.greater_equal(np.abs(estimate(*[np.multiply(1.0, x) for x in args])), _ENDS)

    return refuses


_too_large = python_endless(operator.mul)


def python_division(out: Value, x: Value, y: Value) -> Value:
    """Python divides by no zero; a quotient of integers is rounded once, or whole, however large they are."""
    large = [np.equal(x, _LEAST)] if _is_integer(out) else []
    if _is_integer(x) and _is_integer(y) and not _is_integer(out):
        large = [_is_large(i) for i in (x, y)]
    return _any(np.equal(y, 0), *large)


def python_power(out: Value, x: Value, y: Value) -> Value:
    """Python refuses powers of zero that are infinite, and those that overflow; others of it are of another type."""
    if _is_integer(out):
        large = np.greater_equal(np.abs(np.float_power(x, y)), _ENDS)
        return _any(np.less(y, 0), large)
    if type_of(out).dtype.kind == "c":
        return _any(np.equal(x, 0), np.equal(out, 0), np.logical_not(np.isfinite(out)))
    overflows = _all(np.isinf(out), np.isfinite(x), np.isfinite(y))
    if type(y) in {int, float} and y >= 0 and y == int(y):
        return overflows
    infinite = _all(np.equal(x, 0), np.less(y, 0))
    complex_ = _all(np.less(x, 0), np.not_equal(y, np.floor(y)))
    return _any(overflows, infinite, complex_)


def python_absolute(out: Value, x: Value) -> Value:
    """The distance of a complex number from zero may be too large, and that of an integer."""
    if type_of(x).dtype.kind != "c":
        return python_negative(out, x)
    return _all(np.isinf(out), np.isfinite(x))


def python_negative(out: Value, x: Value) -> Value:
    """The negative of an integer may have more than 64 bits."""
    return np.equal(x, _LEAST) if type_of(x).dtype.kind == "i" else False


def python_comparison(out: Value, x: Value, y: Value) -> Value:
    """Python compares an integer with a float exactly, however large it is."""
    if _is_integer(x) == _is_integer(y):
        return False
    return _any(*[_is_large(i) for i in (x, y) if _is_integer(i)])


def python_left_shift(out: Value, x: Value, y: Value) -> Value:
    """Integers have no end, and are shifted the other way by none."""
    factor = np.exp2(np.multiply(1.0, y))
    return _any(np.less(y, 0), np.greater(y, _BITS), _too_large(out, x, factor))


def python_right_shift(out: Value, x: Value, y: Value) -> Value:
    """Processors shift by no more bits than there are."""
    return _any(np.less(y, 0), np.greater(y, _BITS))


def python_integer(out: Value, x: Value, dtype: np.dtype[Any]) -> Value:
    """No integer is NaN or infinite, and of 64 bits are not all of Python's."""
    if dtype.kind == "b" or _is_integer(x):
        return False
    size = np.abs(np.multiply(1.0, x) if type_of(x).dtype.kind == "u" else x)
    return np.logical_not(np.less(size, -float(_LEAST)))


def python_round(out: Value, x: Value, decimals: int) -> Value:
    """NumPy rounds a product or a quotient, which rounding has moved already; far from halves that is the same."""
    if _is_integer(x) or decimals == 0:
        return False
    if abs(decimals) > _TEN_AT_MOST:
        return True
    scale = 10.0 ** abs(decimals)
    scaled = np.multiply(x, scale) if decimals > 0 else np.divide(x, scale)
    distance = np.abs(scaled - np.rint(scaled)) + np.abs(scaled) * _ROUNDING
    return np.logical_not(np.less(distance, 0.5))


def not_finite(out: Value, *args: Value) -> Value:
    """Functions raise where their result is not finite, but for some arguments that are not, which may be asked."""
    finite = [out, *args] if type_of(out).dtype.kind == "c" else [out]
    return _any(*[np.logical_not(np.isfinite(x)) for x in finite])


def not_finite_if_complex(out: Value, *args: Value) -> Value:
    """Functions of floats that raise for none do for complex numbers."""
    return not_finite(out, *args) if type_of(args[0]).dtype.kind == "c" else False
