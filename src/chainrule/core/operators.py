"""Python's operators of traced values, by the fronts of ops; of Python's numbers they give such again."""

from __future__ import annotations

import functools
import numbers
import operator as operators
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.lists import is_sequence, joined
from chainrule.core.op import FRONTS, WEAK_FRONTS
from chainrule.core.types import PYTHON_NUMBERS, ArrayType

_BINARY = {
    "add": "add",
    "sub": "subtract",
    "mul": "multiply",
    "truediv": "divide",
    "floordiv": "floor_divide",
    "mod": "remainder",
    "pow": "power",
    "and": "bitwise_and",
    "or": "bitwise_or",
    "xor": "bitwise_xor",
    "lshift": "left_shift",
    "rshift": "right_shift",
}
_COMPARE = {
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
    "eq": "equal",
    "ne": "not_equal",
}
_UNARY = {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}
_OPERANDS: set[Any] = {bool, int, float, complex, np.ndarray, np.float64}
"""The usual types of a second operand, ours among them: these never answer for an operator themselves."""

_FAST_POWERS: dict[str, dict[type, dict[float, str]]] = {
    "b": {int: {2: "square"}},
    "c": {int: {2: "square", -1: "reciprocal"}, float: {0.5: "sqrt"}},
}
"""Other ufuncs than `np.power` that arrays take for exponents of Python's: by the array's kind and their type."""


class Operators:
    """What traced scalars and arrays have in common: comparisons."""

    __slots__ = ()
    type: ArrayType
    leaf: Callable[[], Any]
    is_followed: Callable[[], bool]

    def __init_subclass__(cls) -> None:
        _OPERANDS.add(cls)


class NumberOperators(Operators):
    """The operators of a traced number, which may be one of Python's."""

    __slots__ = ()


class ArrayOperators(Operators):
    """The operators of a traced array, in place too."""

    __slots__ = ()


def _binary(python: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    reflected = f"__r{python}__"
    is_power = name == "power"

    def operator(self: Any, other: Any) -> Any:
        kind: Any = type(other)
        if kind not in _OPERANDS:
            if _defers_to(kind, reflected):
                return NotImplemented
            other = joined(other)
        return _array_power(self, other) if is_power else FRONTS[name](self, other)

    def swapped(self: Any, other: Any) -> Any:
        return FRONTS[name](other if type(other) in _OPERANDS else joined(other), self)

    return operator, swapped


def _array_power(x: Any, exponent: Any) -> Any:
    """Return `x ** exponent` of an array by the ufunc that NumPy takes, where that makes a difference.

    Squares of truth values are other integers than their powers; complex ones differ at infinities and zeros.
    """
    fast = _FAST_POWERS.get(x.dtype.kind)
    if fast is not None and (type(exponent) in fast or _is_python_number(exponent)):
        for number, name in fast.get(exponent.__class__, {}).items():
            if exponent == number:
                return FRONTS[name](x)
    return FRONTS["power"](x, exponent)


def _is_python_number(x: Any) -> bool:
    """Say whether this is a traced number of Python's that may be asked for without losing a derivative."""
    return issubclass(type(x), Operators) and x.type.weak and x.is_followed()


def _weak_binary(python: str, name: str) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Operators of a traced number: with Python numbers on both sides the result is one again.

    A list times a number is left to the list, which wants a count: NumPy's numbers do not multiply lists either. So are
    lists and all that Python's own numbers do not know, where these are followed.
    """
    reflected = f"__r{python}__"

    def operator(self: Any, other: Any) -> Any:
        kind: Any = type(other)
        if kind not in _OPERANDS:
            if _defers_to(kind, reflected) or _is_left_to(other, self, name):
                return NotImplemented
            other = joined(other)
        return _fronts_of_numbers(self, other)[name](self, other)

    def swapped(self: Any, other: Any) -> Any:
        if type(other) not in _OPERANDS:
            if _is_left_to(other, self, name):
                return NotImplemented
            other = joined(other)
        return _fronts_of_numbers(other, self)[name](other, self)

    return operator, swapped


def _is_left_to(x: Any, number: Any, name: str) -> bool:
    """Say whether a list, or a tuple, has to say what an operator does with it and a traced number."""
    return is_sequence(x) and (name == "multiply" or _is_python_number(number))


def _compare(name: str, python: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def operator(self: Any, other: Any) -> Any:
        if isinstance(other, (str, bytes)) or other is None:
            return python(self.leaf(), other)
        if self.type.weak and _is_left_to(other, self, name):
            return NotImplemented
        if _fronts_of_numbers(self, other) is WEAK_FRONTS:
            return WEAK_FRONTS[name](self, other)
        return FRONTS[name](self, other if type(other) in _OPERANDS else joined(other))

    return operator


@functools.cache
def _defers_to(kind: type, reflected: str) -> bool:
    """Say whether the other operand, of a class of the user's, is to answer for the operator, as with NumPy's."""
    if issubclass(kind, (Operators, np.ndarray, np.generic, list, tuple, numbers.Number)):
        return False
    return getattr(kind, "__array_ufunc__", ...) is None or hasattr(kind, reflected)


def _is_weak(x: Any) -> bool:
    return type(x) in PYTHON_NUMBERS or (issubclass(type(x), Operators) and x.type.weak)


def _fronts_of_numbers(x: Any, y: Any) -> Any:
    """Return the fronts that answer for an operator between two values: Python's where both numbers are Python's.

    Python's complex numbers take a `np.float64` on their right for the float that it is.
    """
    if not _is_weak(x):
        return FRONTS
    if _is_weak(y):
        return WEAK_FRONTS
    return WEAK_FRONTS if isinstance(x, complex) and isinstance(y, np.float64) else FRONTS


def _weak_divmod(x: Any, y: Any) -> Any:
    """Return quotient and rest; of Python numbers they are such again."""
    if _is_weak(x) and _is_weak(y):
        return WEAK_FRONTS["floor_divide"](x, y), WEAK_FRONTS["remainder"](x, y)
    return FRONTS["divmod"](x, y)


def _divided(self: Any, other: Any) -> Any:
    kind: Any = type(other)
    if kind not in _OPERANDS and _defers_to(kind, "__rdivmod__"):
        return NotImplemented
    return _weak_divmod(self, other)


def _divides(self: Any, other: Any) -> Any:
    return _weak_divmod(other, self)


def _weak_unary(name: str) -> Callable[[Any], Any]:
    def operator(self: Any) -> Any:
        return (WEAK_FRONTS if self.type.weak else FRONTS)[name](self)

    return operator


def _unary(name: str) -> Callable[[Any], Any]:
    def operator(self: Any) -> Any:
        return FRONTS[name](self)

    return operator


def _in_place(name: str) -> Callable[[Any, Any], Any]:
    is_power = name == "power"

    def operator(self: Any, other: Any) -> Any:
        other = other if type(other) in _OPERANDS else joined(other)
        result = _array_power(self, other) if is_power else FRONTS[name](self, other)
        self.write_result(name, result)
        return self

    return operator


def _add_operators() -> None:
    for python, name in (*_BINARY.items(), ("matmul", "matmul"), ("divmod", "divmod")):
        for cls in (ArrayOperators, NumberOperators):
            is_weak = cls is NumberOperators and name in _BINARY.values()
            operator, swapped = (_weak_binary if is_weak else _binary)(python, name)
            setattr(cls, f"__{python}__", operator)
            setattr(cls, f"__r{python}__", swapped)
        setattr(ArrayOperators, f"__i{python}__", _in_place(name))
    for python, operator in (("divmod", _divided), ("rdivmod", _divides)):
        setattr(NumberOperators, f"__{python}__", operator)
    for python, name in _COMPARE.items():
        setattr(Operators, f"__{python}__", _compare(name, getattr(operators, python)))
    for python, name in _UNARY.items():
        setattr(ArrayOperators, f"__{python}__", _unary(name))
        setattr(NumberOperators, f"__{python}__", _weak_unary(name))


_add_operators()
