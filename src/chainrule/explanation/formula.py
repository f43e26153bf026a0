"""Formulas: small expression trees, simplified, and written with as few parentheses as their meaning allows."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import TABLE, Notation

_ATOM = 100
_NEGATIVE = 30
_POWER = 40


@dataclass(frozen=True, eq=False)
class Number:
    """A number or a plain array in a formula."""

    value: Any


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value with a name."""

    name: str
    value: Any = None


@dataclass(frozen=True, eq=False)
class Call:
    """An op applied to formulas."""

    name: str
    notation: Notation
    arguments: tuple[Expression, ...]


Expression = Number | Symbol | Call


@dataclass(frozen=True)
class Style:
    """How the leaves and signs of a formula are written."""

    number: Callable[[Any], str] = repr
    symbol: Callable[[Symbol], str] = lambda symbol: symbol.name
    signs: tuple[tuple[str, str], ...] = ()


def brief(value: Any) -> str:
    """Write a number with few digits; of an array the type."""
    if np.ndim(value):
        return str(type_of(value))
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


BRIEF = Style(number=brief)
PRETTY_SIGNS = ((" * ", "·"), (" ** ", "^"), (" - ", " − "), ("-", "−"), ("sigmoid(", "σ("))


def call(name: str, *arguments: Expression) -> Expression:
    """Return an op of the table applied to formulas, simplified."""
    return simplified(name, TABLE[name].notation, arguments)


def written(expression: Expression, style: Style | None = None) -> str:
    """Write a formula; by default so that Python reads it back.

    >>> x, y = Symbol("x"), Symbol("y")
    >>> written(call("multiply", call("add", x, y), call("power", call("negative", x), Number(2))))
    '(x + y) * (-x) ** 2'
    """
    return _written(expression, style or Style())[0]


def _written(expression: Expression, style: Style) -> tuple[str, int]:
    """Return the text and how tightly it binds."""
    if isinstance(expression, Symbol):
        text = style.symbol(expression)
        return text, _NEGATIVE if text.startswith(("-", "−")) else _ATOM
    if isinstance(expression, Number):
        text = style.number(expression.value)
        return text, _NEGATIVE if text.startswith(("-", "−")) else _ATOM
    notation = expression.notation
    text, depth = "", 0
    for literal, place, _, _ in string.Formatter().parse(notation.template):
        depth += literal.count("(") - literal.count(")")
        text += _signed(literal, style)
        if place is None:
            continue
        if int(place) >= len(expression.arguments):
            continue
        inner, tightness = _written(expression.arguments[int(place)], style)
        is_first = not text
        if not depth and _needs_parentheses(notation, tightness, inner, is_first=is_first):
            inner = f"({inner})"
        text += inner
    return text, notation.precedence


def _needs_parentheses(notation: Notation, tightness: int, text: str, *, is_first: bool) -> bool:
    """Decide by precedence; an operand that starts with a minus stands in parentheses unless it comes first."""
    own = notation.precedence
    is_negative_number = tightness == _NEGATIVE and own >= 20
    if text.startswith(("-", "−")) and (not is_first or is_negative_number):
        return True
    if tightness != own:
        return tightness < own
    if own == _ATOM:
        return False
    if own == _POWER:
        return is_first
    is_left_associative = own != _NEGATIVE and own >= 10
    return not (is_first and is_left_associative)


def _signed(literal: str, style: Style) -> str:
    for plain, pretty in style.signs:
        literal = literal.replace(plain, pretty)
    return literal


def substituted(expression: Expression, names: Mapping[str, Expression]) -> Expression:
    """Return the formula with symbols replaced by name, simplified again."""
    if isinstance(expression, Symbol):
        return names.get(expression.name, expression)
    if isinstance(expression, Number):
        return expression
    arguments = tuple(substituted(a, names) for a in expression.arguments)
    return simplified(expression.name, expression.notation, arguments)


def simplified(name: str, notation: Notation, arguments: tuple[Expression, ...]) -> Expression:
    """Return the simplest formula for an op applied to simplified formulas."""
    rule = _RULES.get(name)
    found = None if rule is None else rule(*arguments)
    return Call(name, notation, arguments) if found is None else found


def _is(expression: Expression, value: float) -> bool:
    return (
        isinstance(expression, Number)
        and np.ndim(expression.value) == 0
        and bool(expression.value == value)
    )


def _negated(x: Expression) -> Expression:
    return call("negative", x)


def _is_negative(x: Expression) -> bool:
    return isinstance(x, Call) and x.name == "negative"


def _multiply(x: Expression, y: Expression) -> Expression | None:
    if _is(x, 0) or _is(y, 0):
        return Number(0.0)
    if _is(x, 1) or _is(y, 1):
        return y if _is(x, 1) else x
    if _is(x, -1) or _is(y, -1):
        return _negated(y if _is(x, -1) else x)
    return None


def _add(x: Expression, y: Expression) -> Expression | None:
    if _is(x, 0) or _is(y, 0):
        return y if _is(x, 0) else x
    if isinstance(y, Call) and _is_negative(y):
        return call("subtract", x, y.arguments[0])
    return None


def _subtract(x: Expression, y: Expression) -> Expression | None:
    if _is(y, 0):
        return x
    if _is(x, 0):
        return _negated(y)
    if isinstance(y, Call) and _is_negative(y):
        return call("add", x, y.arguments[0])
    return None


def _divide(x: Expression, y: Expression) -> Expression | None:
    return x if _is(y, 1) else None


def _power(x: Expression, y: Expression) -> Expression | None:
    if _is(y, 1):
        return x
    return Number(1.0) if _is(y, 0) else None


def _negative(x: Expression) -> Expression | None:
    if isinstance(x, Call) and _is_negative(x):
        return x.arguments[0]
    if isinstance(x, Number) and np.ndim(x.value) == 0:
        return Number(-x.value)
    return None


def _itself(x: Expression, *_: Expression) -> Expression:
    return x


_RULES: dict[str, Callable[..., Expression | None]] = {
    "multiply": _multiply,  # 1*x -> x, 0*x -> 0, -1*x -> -x
    "add": _add,  # 0 + x -> x, x + -y -> x - y
    "subtract": _subtract,  # x - 0 -> x, 0 - x -> -x, x - -y -> x + y
    "divide": _divide,  # x/1 -> x
    "power": _power,  # x**1 -> x, x**0 -> 1
    "negative": _negative,  # --x -> x
    "positive": _itself,  # +x -> x
    "astype": _itself,  # a cast changes no formula
    "real": _itself,  # nor does the real part of what is real
}
