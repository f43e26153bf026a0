"""Formulas with places in them, which the page fills with names or with numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from chainrule.explanation.mathml import MathML
from chainrule.explanation.terms import Symbol
from chainrule.explanation.typeset import Form, Piece


@dataclass(frozen=True)
class Linked:
    """MathML with the number of a value in the place of its name: the page puts in names or values.

    Attributes:
        plain: how the rest is written.
        values: by name, which value it is.
    """

    plain: MathML
    values: Mapping[str, int]

    def symbol(self, symbol: Symbol) -> Piece:
        """Set a name."""
        if symbol.name == "g" and symbol.value is None:
            return Piece("<mrow data-upstream=''></mrow>")
        if symbol.name in self.values:
            return Piece(f'<mrow data-value="{self.values[symbol.name]}"></mrow>')
        piece = self.plain.symbol(symbol)
        if symbol.value is None:
            return piece
        number = escape(self.plain.digits.number(symbol.value))
        return Piece(f'<mrow data-number="{number}">{piece.text}</mrow>', piece.tightness)

    def number(self, value: Any) -> Piece:
        """Set a number."""
        return self.plain.number(value)

    def literal(self, text: str) -> str:
        """Set signs and names of functions."""
        return self.plain.literal(text)

    def parenthesised(self, text: str) -> str:
        """Enclose a part in parentheses."""
        return self.plain.parenthesised(text)

    def joined(self, parts: list[str]) -> str:
        """Join the parts of one call."""
        return self.plain.joined(parts)

    def form(self, name: str) -> Form | None:
        """Return the form of an op that is no line of text."""
        return self.plain.form(name)
