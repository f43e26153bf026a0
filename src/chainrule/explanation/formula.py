"""Formulas: small expression trees, simplified, and written with as few parentheses as their meaning allows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import TABLE, Notation
from chainrule.explanation.terms import Call, Expression, Number, Symbol
from chainrule.explanation.typeset import NEGATIVE, Form, Piece, typeset

__all__ = [
    "BRIEF",
    "PRETTY_SIGNS",
    "Call",
    "Expression",
    "Number",
    "Style",
    "Symbol",
    "as_computed",
    "brief",
    "call",
    "derivative",
    "simplified",
    "substituted",
    "written",
]


@dataclass(frozen=True)
class Style:
    """Plain text: how the leaves and signs of a formula are written."""

    write_number: Callable[[Any], str] = repr
    write_symbol: Callable[[Symbol], str] = lambda symbol: symbol.name
    signs: tuple[tuple[str, str], ...] = ()

    def number(self, value: Any) -> Piece:
        """Write a number."""
        return _leaf(self.write_number(value))

    def symbol(self, symbol: Symbol) -> Piece:
        """Write a name, or what stands for it."""
        return _leaf(self.write_symbol(symbol))

    def literal(self, text: str) -> str:
        """Write what stands between operands."""
        for plain, pretty in self.signs:
            text = text.replace(plain, pretty)
        return text

    def parenthesised(self, text: str) -> str:
        """Enclose a part in parentheses."""
        return f"({text})"

    def joined(self, parts: list[str]) -> str:
        """Join the parts of one call."""
        return "".join(parts)

    def form(self, name: str) -> Form | None:
        """Text has no forms of its own: everything stands on one line."""


def _leaf(text: str) -> Piece:
    is_signed = text.startswith(("-", "−"))
    return Piece(text, NEGATIVE if is_signed else 100, is_signed)


def brief(value: Any) -> str:
    """Write a number with few digits; of an array the type."""
    if np.ndim(value):
        return str(type_of(value))
    value = value.item() if isinstance(value, np.generic) else value
    return f"{value:.6g}" if isinstance(value, float) else str(value)


BRIEF = Style(brief)
PRETTY_SIGNS = ((" * ", "·"), (" ** ", "^"), (" - ", " − "), ("-", "−"), ("sigmoid(", "σ("))


def call(name: str, *arguments: Expression) -> Expression:
    """Return an op of the table applied to formulas, simplified."""
    return simplified(name, TABLE[name].notation, arguments)


def derivative(outcome: str, by: Expression, value: Any) -> Symbol:
    """Return the symbol `∂C/∂z` for a gradient that is known.

    >>> x, y = Symbol("x"), Symbol("y")
    >>> derivative("f", x, 1.0).name, derivative("f", call("add", x, y), 1.0).name
    ('∂f/∂x', '∂f/∂(x + y)')
    """
    formula = Call("derivative", Notation("∂{0}/∂{1}"), (Symbol(outcome), by))
    return Symbol(written(formula, BRIEF), value, formula)


def written(expression: Expression, style: Style | None = None) -> str:
    """Write a formula; by default so that Python reads it back.

    >>> x, y = Symbol("x"), Symbol("y")
    >>> written(call("multiply", call("add", x, y), call("power", call("negative", x), Number(2))))
    '(x + y) * (-x) ** 2'
    """
    return typeset(expression, style or Style()).text


def substituted(expression: Expression, names: Mapping[str, Expression]) -> Expression:
    """Return the formula with symbols replaced by name, simplified again."""
    if isinstance(expression, Symbol):
        return names.get(expression.name, expression)
    if isinstance(expression, Number):
        return expression
    arguments = tuple(substituted(a, names) for a in expression.arguments)
    return simplified(expression.name, expression.notation, arguments)


def as_computed(name: str, notation: Notation, arguments: tuple[Expression, ...]) -> Expression:
    """Return the formula of a call as it was made: simplified, but `x * 1` and `x - 0` are no other name for `x`."""
    found = simplified(name, notation, arguments)
    is_new = isinstance(found, Call) and all(found is not a for a in arguments)
    if is_new or name in _SAME:
        return found
    return Call(name, notation, arguments)


def simplified(name: str, notation: Notation, arguments: tuple[Expression, ...]) -> Expression:
    """Return the simplest formula for an op applied to simplified formulas."""
    if name == "sum" and _is_negative(arguments[0]):
        return _negated(simplified(name, notation, _inside(arguments[0])))
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


def _inside(x: Expression) -> tuple[Expression, ...]:
    """Return what a call was applied to."""
    assert isinstance(x, Call)
    return x.arguments


def _multiply(x: Expression, y: Expression) -> Expression | None:
    if _is(x, 0) or _is(y, 0):
        return Number(0.0)
    if _is(x, 1) or _is(y, 1):
        return y if _is(x, 1) else x
    if _is(x, -1) or _is(y, -1):
        return _negated(y if _is(x, -1) else x)
    if x is y and isinstance(x, Call):
        return call("power", x, Number(2))
    if _is_negative(x) or _is_negative(y):
        product = call("multiply", *(_inside(f)[0] if _is_negative(f) else f for f in (x, y)))
        return product if _is_negative(x) and _is_negative(y) else _negated(product)
    return None


def _add(x: Expression, y: Expression) -> Expression | None:
    if _is(x, 0) or _is(y, 0):
        return y if _is(x, 0) else x
    if _is_negative(y):
        return call("subtract", x, *_inside(y))
    if _is_negative(x):
        return call("subtract", y, *_inside(x))
    return None


def _subtract(x: Expression, y: Expression) -> Expression | None:
    if _is(y, 0):
        return x
    if _is(x, 0):
        return _negated(y)
    if _is_negative(y):
        return call("add", x, *_inside(y))
    return None


def _divide(x: Expression, y: Expression) -> Expression | None:
    return x if _is(y, 1) else None


def _power(x: Expression, y: Expression) -> Expression | None:
    if _is(y, 1):
        return x
    return Number(1.0) if _is(y, 0) else None


def _negative(x: Expression) -> Expression | None:
    if _is_negative(x):
        return _inside(x)[0]
    if isinstance(x, Number) and np.ndim(x.value) == 0:
        return Number(-x.value)
    return None


def _exp(x: Expression) -> Expression | None:
    """Write exp(log_softmax(x)) as softmax(x), of whole arrays and of one entry."""
    if isinstance(x, Call) and x.name == "log_softmax":
        template = x.notation.template.replace("log_softmax", "softmax")
        return Call("softmax", Notation(template, x.notation.precedence), x.arguments)
    if not isinstance(x, Symbol) or x.formula is None or x.formula.name != "entry":
        return None
    inner = _exp(x.formula.arguments[0])
    if not isinstance(inner, Call):
        return None
    formula = Call("entry", x.formula.notation, (inner,))
    return Symbol(written(formula, BRIEF), np.exp(x.value), formula)


def _one(*_: Expression) -> Expression:
    return Number(1.0)


def _zero(*_: Expression) -> Expression:
    return Number(0.0)


def _itself(x: Expression, *_: Expression) -> Expression:
    return x


_SAME = frozenset({"positive", "astype"})
_RULES: dict[str, Callable[..., Expression | None]] = {
    "multiply": _multiply,  # 1*x -> x, 0*x -> 0, -1*x -> -x, -x*y -> -(x*y), f(x)*f(x) -> f(x)**2
    "add": _add,  # 0 + x -> x, x + -y -> x - y, -x + y -> y - x
    "subtract": _subtract,  # x - 0 -> x, 0 - x -> -x, x - -y -> x + y
    "divide": _divide,  # x/1 -> x
    "power": _power,  # x**1 -> x, x**0 -> 1
    "negative": _negative,  # --x -> x
    "exp": _exp,  # exp(log_softmax(x)) -> softmax(x)
    "ones_like": _one,  # NumPy broadcasts where it is read
    "zeros_like": _zero,  # the same
    "positive": _itself,  # +x -> x
    "astype": _itself,  # a cast changes no formula
}
