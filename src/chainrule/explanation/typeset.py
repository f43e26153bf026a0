"""From a formula to what stands on the page: one rule for parentheses, whatever the page is written in."""

from __future__ import annotations

import functools
import re
import string
from dataclasses import dataclass
from typing import Any, Protocol

from chainrule.core.op import Notation
from chainrule.explanation.terms import Call, Expression, Number, Symbol

ATOM = 100
POWER = 40
FRACTION = 35
NEGATIVE = 30
PRODUCT = 20
SUM = 10

TOKENS = re.compile(r"\s+|\w+|[()\[\],]|[^\w\s()\[\],]+")
"""The pieces of a template between its operands: blanks, words, brackets one by one, signs."""


@dataclass(frozen=True)
class Piece:
    """A part of a formula, set.

    Attributes:
        text: as it stands on the page.
        tightness: how tightly it holds together; an operand looser than its place needs parentheses.
        is_signed: whether it starts with a minus.
    """

    text: str
    tightness: int = ATOM
    is_signed: bool = False


@dataclass(frozen=True)
class Form:
    """How a script sets an op other than by its notation: a fraction, a root.

    Attributes:
        template: the text, with `{0}`, `{1}` where the operands go.
        tightness: how tightly the whole holds together.
        enclosed: operands that something else than parentheses encloses: a fraction's bar, a raised position.
    """

    template: str
    tightness: int = ATOM
    enclosed: tuple[int, ...] = ()


class Script(Protocol):
    """What a formula is written in: plain text, LaTeX, MathML."""

    def number(self, value: Any) -> Piece:
        """Set a number or an array."""

    def symbol(self, symbol: Symbol) -> Piece:
        """Set a name, or the value in its place."""

    def literal(self, text: str) -> str:
        """Set what stands between operands: signs, the name of a function and its parentheses."""

    def parenthesised(self, text: str) -> str:
        """Enclose a part in parentheses."""

    def joined(self, parts: list[str]) -> str:
        """Join the parts of one call."""

    def form(self, name: str) -> Form | None:
        """Return the form of an op that has one of its own."""


def typeset(expression: Expression, script: Script) -> Piece:
    """Set a formula."""
    if isinstance(expression, Symbol):
        return script.symbol(expression)
    if isinstance(expression, Number):
        return script.number(expression.value)
    form = script.form(expression.name)
    if form is None:
        return _by_notation(expression, script)
    place = Notation(form.template, form.tightness)
    parts = [
        typeset(a, script).text
        if i in form.enclosed
        else _operand(a, script, place, is_first=not i)[0]
        for i, a in enumerate(expression.arguments)
    ]
    return Piece(form.template.format(*parts), form.tightness)


def _by_notation(expression: Call, script: Script) -> Piece:
    parts: list[str] = []
    is_signed = False
    for literal, operand, is_enclosed in _places(expression.notation.template):
        if literal:
            is_signed = is_signed or (not parts and literal.startswith("-"))
            parts.append(script.literal(literal))
        if operand is None or operand >= len(expression.arguments):
            continue
        argument = expression.arguments[operand]
        if is_enclosed:
            parts.append(typeset(argument, script).text)
            continue
        is_first = not parts
        text, starts_signed = _operand(argument, script, expression.notation, is_first=is_first)
        is_signed = is_signed or (is_first and starts_signed)
        parts.append(text)
    return Piece(script.joined(parts), expression.notation.precedence, is_signed)


@functools.lru_cache(maxsize=1024)
def _places(template: str) -> tuple[tuple[str, int | None, bool], ...]:
    """Return the literals of a template, the operand after each, and whether parentheses enclose it already."""
    depth = 0
    found = []
    for literal, place, _, _ in string.Formatter().parse(template):
        depth += sum(literal.count(c) for c in "([") - sum(literal.count(c) for c in ")]")
        found.append((literal, None if place is None else int(place), depth > 0))
    return tuple(found)


def _operand(
    argument: Expression, script: Script, around: Notation, *, is_first: bool
) -> tuple[str, bool]:
    """Set an operand, in parentheses where it needs them; say whether it starts with a minus."""
    piece = typeset(argument, script)
    # a / b · c is the product of a / b and c, but is easily read as a / (b · c)
    is_quotient = isinstance(argument, Call) and argument.name == "divide"
    is_misread = is_quotient and is_first and around.precedence == piece.tightness == PRODUCT
    if is_misread or _needs_parentheses(around.precedence, piece, is_first=is_first):
        return script.parenthesised(piece.text), False
    return piece.text, piece.is_signed


def _needs_parentheses(own: int, piece: Piece, *, is_first: bool) -> bool:
    """Decide by tightness; an operand that starts with a minus stands in parentheses unless it comes first."""
    is_negative_number = piece.tightness == NEGATIVE and own >= PRODUCT
    if piece.is_signed and (not is_first or is_negative_number):
        return True
    if piece.tightness != own:
        return piece.tightness < own
    if own == ATOM:
        return False
    if own == POWER:
        return is_first
    is_left_associative = own != NEGATIVE and own >= SUM
    return not (is_first and is_left_associative)
