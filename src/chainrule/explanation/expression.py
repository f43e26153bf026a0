"""Expressions typed on a command line: numbers, names, operators and known functions; nothing else is run."""

from __future__ import annotations

import ast
import inspect
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import UsageError
from chainrule.ops import activations

_LONGEST = 2000
_OPERATORS: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
_SIGNS: Mapping[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
}
FUNCTIONS: Mapping[str, tuple[Callable[..., Any], int]] = {
    "abs": (np.abs, 1),
    "arctan": (np.arctan, 1),
    "cos": (np.cos, 1),
    "cosh": (np.cosh, 1),
    "exp": (np.exp, 1),
    "log": (np.log, 1),
    "max": (np.maximum, 2),
    "min": (np.minimum, 2),
    "relu": (activations.relu, 1),
    "sigmoid": (activations.sigmoid, 1),
    "sin": (np.sin, 1),
    "sinh": (np.sinh, 1),
    "softplus": (activations.softplus, 1),
    "sqrt": (np.sqrt, 1),
    "tan": (np.tan, 1),
    "tanh": (np.tanh, 1),
}
"""What may be called: the function, and how many arguments it takes."""

CONSTANTS = {"pi": math.pi, "e": math.e}


@dataclass(frozen=True)
class Expression:
    """A parsed expression.

    Attributes:
        text: as it was typed.
        names: the names in it, in order of appearance; `pi` and `e` only where a value is given for them.
    """

    text: str
    names: tuple[str, ...]
    body: ast.expr

    def function(self, names: tuple[str, ...]) -> Callable[..., Any]:
        """Return the expression as a function of `names`, by position."""

        def f(*values: Any) -> Any:
            return _value(self, self.body, dict(zip(names, values, strict=True)))

        # What it is called and what its parameters are called is read from here.
        f.__name__ = "f"
        f.__signature__ = _signature(names)  # type: ignore[attr-defined]  # functions take one
        return f


def parse(text: str) -> Expression:
    """Parse an expression; nothing is evaluated.

    >>> parse("(x + y) * z").names
    ('x', 'y', 'z')

    Raises:
        UsageError: it does not parse, or holds something other than numbers, names, operators and known functions.
    """
    if len(text) > _LONGEST:
        raise UsageError.from_expression(
            text, f"has {len(text)} characters, at most {_LONGEST} are read"
        )
    try:
        body = ast.parse(text.strip(), mode="eval").body
        names: dict[str, None] = {}
        _check(text, body, names)
    except SyntaxError as error:
        raise UsageError.from_expression(text, f"cannot be parsed: {error.msg}") from error
    except (ValueError, RecursionError, MemoryError) as error:
        if isinstance(error, UsageError):
            raise
        raise UsageError.from_expression(text, "cannot be parsed") from error
    return Expression(text, tuple(names), body)


def _check(text: str, node: ast.expr, names: dict[str, None]) -> None:
    """Refuse whatever is not plain arithmetic, and collect names."""
    match node:
        case ast.Constant(value=value) if type(value) in (int, float):
            _number(text, value)
        case ast.Name(id=name):
            if name in FUNCTIONS:
                raise UsageError.from_expression(
                    text, f"uses the function {name!r} without arguments"
                )
            names.setdefault(name)
        case ast.UnaryOp(op=sign, operand=operand) if type(sign) in _SIGNS:
            _check(text, operand, names)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            _check(text, left, names)
            _check(text, right, names)
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if name not in FUNCTIONS:
                raise UsageError.from_expression(
                    text, f"calls {name!r}; the functions are {', '.join(FUNCTIONS)}"
                )
            if len(args) != FUNCTIONS[name][1]:
                raise UsageError.from_expression(
                    text, f"gives {name!r} {len(args)} arguments, it takes {FUNCTIONS[name][1]}"
                )
            for a in args:
                _check(text, a, names)
        case _:
            shown = ast.get_source_segment(text.strip(), node) or type(node).__name__
            raise UsageError.from_expression(text, f"holds {shown!r}, which is no plain arithmetic")


def _number(text: str, value: Any) -> float:
    try:
        return float(value)
    except OverflowError as error:
        raise UsageError.from_expression(text, "holds a number that is too large") from error


def _value(expression: Expression, node: ast.expr, values: Mapping[str, Any]) -> Any:
    match node:
        case ast.Constant(value=value):
            return float(value)  # type: ignore[arg-type]  # checked by the parser
        case ast.Name(id=name):
            return values[name] if name in values else CONSTANTS[name]
        case ast.UnaryOp(op=sign, operand=operand):
            return _SIGNS[type(sign)](_value(expression, operand, values))
        case ast.BinOp(left=left, op=op, right=right):
            return _OPERATORS[type(op)](
                _value(expression, left, values), _value(expression, right, values)
            )
        case ast.Call(func=ast.Name(id=name), args=args):
            return FUNCTIONS[name][0](*(_value(expression, a, values) for a in args))
    message = f"{type(node).__name__} passed the check of the parser"
    raise AssertionError(message)


def _signature(names: tuple[str, ...]) -> Any:
    kind = inspect.Parameter.POSITIONAL_ONLY
    return inspect.Signature([inspect.Parameter(name, kind) for name in names])


def assignments(expression: Expression, given: list[str]) -> dict[str, float]:
    """Read `x=-2 y=5`, one value for every name of the expression.

    Raises:
        UsageError: something is no assignment of a number, a name has no value, or a value no name.
    """
    values: dict[str, float] = {}
    for text in given:
        name, equals, number = text.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise UsageError.from_option("VALUES", text, "NAME=NUMBER, such as x=-2")
        if name not in expression.names:
            known = ", ".join(expression.names) or "none"
            raise UsageError.from_option("VALUES", text, f"a name in the expression: {known}")
        if name in values:
            raise UsageError.from_option(
                "VALUES", text, f"one value for {name}, it has one already"
            )
        try:
            values[name] = np.float64(number)
        except ValueError as error:
            raise UsageError.from_option("VALUES", text, "NAME=NUMBER, such as x=-2") from error
    missing = [n for n in expression.names if n not in values and n not in CONSTANTS]
    if missing:
        raise UsageError.from_expression(
            expression.text, f"has no value for {', '.join(missing)}", f"add {missing[0]}=NUMBER."
        )
    return {name: values[name] for name in expression.names if name in values}
