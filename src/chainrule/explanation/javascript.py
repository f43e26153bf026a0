"""Formulas as JavaScript, by the very lowering of each op that a compiler uses: an emitter that writes JavaScript.

>>> from chainrule.explanation.formula import call
>>> x = Symbol("x")
>>> javascript(call("sigmoid", x), lambda symbol: Code("v[0]"))
'1/(1+Math.exp(-v[0]))'
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.op import TABLE
from chainrule.explanation.terms import Expression, Number, Symbol

_ATOM, _UNARY, _PRODUCT, _SUM, _COMPARISON, _CHOICE = range(9, 3, -1)


@dataclass(frozen=True)
class Code:
    """A JavaScript expression, and how tightly it holds together."""

    text: str
    tightness: int = _ATOM

    def within(self, tightness: int) -> str:
        """Return the text for a place that binds so tightly, in parentheses if it needs them."""
        return self.text if self.tightness >= tightness else f"({self.text})"

    def __add__(self, other: Any) -> Code:
        return _infix(self, "+", other, _SUM)

    def __radd__(self, other: Any) -> Code:
        return _infix(other, "+", self, _SUM)

    def __sub__(self, other: Any) -> Code:
        return _infix(self, "-", other, _SUM)

    def __rsub__(self, other: Any) -> Code:
        return _infix(other, "-", self, _SUM)

    def __mul__(self, other: Any) -> Code:
        return _infix(self, "*", other, _PRODUCT)

    def __rmul__(self, other: Any) -> Code:
        return _infix(other, "*", self, _PRODUCT)

    def __truediv__(self, other: Any) -> Code:
        return _infix(self, "/", other, _PRODUCT)

    def __rtruediv__(self, other: Any) -> Code:
        return _infix(other, "/", self, _PRODUCT)

    def __lt__(self, other: Any) -> Code:
        return _infix(self, "<", other, _COMPARISON)

    def __le__(self, other: Any) -> Code:
        return _infix(self, "<=", other, _COMPARISON)

    def __gt__(self, other: Any) -> Code:
        return _infix(self, ">", other, _COMPARISON)

    def __ge__(self, other: Any) -> Code:
        return _infix(self, ">=", other, _COMPARISON)


def _infix(x: Any, sign: str, y: Any, tightness: int) -> Code:
    left, right = code_of(x).within(tightness), code_of(y).within(tightness + 1)
    return Code(f"{left}{sign}{right}", tightness)


def code_of(x: Any) -> Code:
    """Return code as it is, and a number as code."""
    if isinstance(x, Code):
        return x
    if isinstance(x, (bool, np.bool_)):
        return Code(str(int(x)))
    value = float(x)
    if not np.isfinite(value):
        return Code("NaN" if value != value else "Infinity" if value > 0 else "(-Infinity)")  # noqa: PLR0124  NaN
    text = repr(value).removesuffix(".0")
    return Code(f"({text})" if text.startswith("-") else text)


# What a browser's own functions and operators compute. A bool is a number here: true counts as 1.
_METHODS: dict[str, tuple[str, int]] = {
    "add": ("{0}+{1}", _SUM),
    "subtract": ("{0}-{1}", _SUM),
    "multiply": ("{0}*{1}", _PRODUCT),
    "divide": ("{0}/{1}", _PRODUCT),
    "less": ("{0}<{1}", _COMPARISON),
    "less_equal": ("{0}<={1}", _COMPARISON),
    "greater": ("{0}>{1}", _COMPARISON),
    "greater_equal": ("{0}>={1}", _COMPARISON),
    "negative": ("-{0}", _UNARY),
    "positive": ("{0}", _ATOM),
    "equal": ("Number({0}==={1})", _ATOM),
    "not_equal": ("Number({0}!=={1})", _ATOM),
    "where": ("({0}?{1}:{2})", _ATOM),
    "isnan": ("Number(Number.isNaN({0}))", _ATOM),
    "bitwise_and": ("Number({0}&&{1})", _ATOM),
    "bitwise_or": ("Number({0}||{1})", _ATOM),
    "square": ("Math.pow({0},2)", _ATOM),
    "reciprocal": ("1/{0}", _PRODUCT),
    "sqrt": ("Math.sqrt({0})", _ATOM),
    "cbrt": ("Math.cbrt({0})", _ATOM),
    "exp": ("Math.exp({0})", _ATOM),
    "exp2": ("Math.pow(2,{0})", _ATOM),
    "expm1": ("Math.expm1({0})", _ATOM),
    "log": ("Math.log({0})", _ATOM),
    "log2": ("Math.log2({0})", _ATOM),
    "log10": ("Math.log10({0})", _ATOM),
    "log1p": ("Math.log1p({0})", _ATOM),
    "sin": ("Math.sin({0})", _ATOM),
    "cos": ("Math.cos({0})", _ATOM),
    "tan": ("Math.tan({0})", _ATOM),
    "sinh": ("Math.sinh({0})", _ATOM),
    "cosh": ("Math.cosh({0})", _ATOM),
    "tanh": ("Math.tanh({0})", _ATOM),
    "arcsin": ("Math.asin({0})", _ATOM),
    "arccos": ("Math.acos({0})", _ATOM),
    "arctan": ("Math.atan({0})", _ATOM),
    "arcsinh": ("Math.asinh({0})", _ATOM),
    "arccosh": ("Math.acosh({0})", _ATOM),
    "arctanh": ("Math.atanh({0})", _ATOM),
    "arctan2": ("Math.atan2({0},{1})", _ATOM),
    "hypot": ("Math.hypot({0},{1})", _ATOM),
    "absolute": ("Math.abs({0})", _ATOM),
    "fabs": ("Math.abs({0})", _ATOM),
    "real_sign": ("Math.sign({0})", _ATOM),
    "sign": ("Math.sign({0})", _ATOM),
    "rint": ("cr.rint({0})", _ATOM),
    "floor": ("Math.floor({0})", _ATOM),
    "maximum": ("Math.max({0},{1})", _ATOM),
    "minimum": ("Math.min({0},{1})", _ATOM),
    "clip": ("Math.min(Math.max({0},{1}),{2})", _ATOM),
    "power": ("cr.power({0},{1})", _ATOM),
    "logaddexp": ("cr.logaddexp({0},{1})", _ATOM),
    "deg2rad": ("{0}*(Math.PI/180)", _PRODUCT),
    "rad2deg": ("{0}*(180/Math.PI)", _PRODUCT),
    "floor_divide": ("Math.floor({0}/{1})", _ATOM),
    "ones_like": ("1", _ATOM),
    "zeros_like": ("0", _ATOM),
}


class Emitter:
    """Writes JavaScript: a method by the name of an op, beside `number` and `cast`."""

    def number(self, value: Any, like: Any) -> Code:
        """Return a number; all numbers of JavaScript are of one kind."""
        return code_of(value)

    def cast(self, x: Any, dtype: Any) -> Code:
        """Return the value as it is."""
        return code_of(x)

    def __getattr__(self, name: str) -> Callable[..., Code]:
        if name not in _METHODS:
            raise AttributeError(name)
        template, tightness = _METHODS[name]
        inside = tightness if tightness != _ATOM else 0

        def method(*args: Any) -> Code:
            # The right operand of a sign binds tighter, those of a call stand between commas.
            parts = [
                code_of(a).within(inside + (i > 0 or tightness == _UNARY) if inside else 0)
                for i, a in enumerate(args)
            ]
            return Code(template.format(*parts), tightness)

        return method


_EMITTER = Emitter()


class NotInJavaScriptError(Exception):
    """An op without a JavaScript expression; its name is the argument."""


def javascript(formula: Expression, symbol: Callable[[Symbol], Code]) -> str:
    """Return a formula of numbers as a JavaScript expression.

    Args:
        formula: the formula.
        symbol: returns what stands for a name.

    Raises:
        NotInJavaScriptError: the browser has no function for one of its ops.
    """
    return _code(formula, symbol).text


def _code(formula: Expression, symbol: Callable[[Symbol], Code]) -> Code:
    if isinstance(formula, Symbol):
        return symbol(formula)
    if isinstance(formula, Number):
        if np.ndim(formula.value) or np.iscomplexobj(formula.value):
            raise NotInJavaScriptError("array")
        try:
            return code_of(formula.value)
        except (TypeError, ValueError) as error:  # None, for example
            raise NotInJavaScriptError("constant") from error
    op = TABLE.get(formula.name)
    arguments = [_code(a, symbol) for a in formula.arguments]
    rule = None if op is None else op.lower or getattr(_EMITTER, formula.name, None)
    if rule is None:
        raise NotInJavaScriptError(formula.name)
    try:
        found = rule(_EMITTER, *arguments) if op is not None and op.lower else rule(*arguments)
    except (AttributeError, IndexError, TypeError) as error:  # the rule needs what a browser lacks
        raise NotInJavaScriptError(formula.name) from error
    return code_of(found)
