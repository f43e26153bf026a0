"""Formulas as MathML, which a page shows without any script.

>>> from chainrule.explanation.formula import call
>>> mathml(call("divide", Number(1.0), Symbol("x")))
'<math><mfrac><mn>1</mn><mi>x</mi></mfrac></math>'
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import Any

from chainrule.explanation.numbers import Digits
from chainrule.explanation.statements import Statement, pointwise, shown_numbers
from chainrule.explanation.terms import Expression, Number, Symbol
from chainrule.explanation.typeset import (
    ATOM,
    FRACTION,
    NEGATIVE,
    POWER,
    PRODUCT,
    TOKENS,
    Form,
    Piece,
    typeset,
)

_FORMS = {
    "derivative": Form("<mfrac><mrow><mo>∂</mo>{0}</mrow><mrow><mo>∂</mo>{1}</mrow></mfrac>", ATOM),
    "divide": Form("<mfrac>{0}{1}</mfrac>", FRACTION, enclosed=(0, 1)),
    "power": Form("<msup>{0}{1}</msup>", POWER, enclosed=(1,)),
    "exp": Form("<msup><mi>e</mi>{0}</msup>", POWER, enclosed=(0,)),
    "sqrt": Form("<msqrt>{0}</msqrt>", ATOM, enclosed=(0,)),
    "absolute": Form("<mrow><mo>|</mo>{0}<mo>|</mo></mrow>", ATOM, enclosed=(0,)),
    "sigmoid": Form(
        "<mrow><mi>σ</mi><mo>&#x2061;</mo><mo>(</mo>{0}<mo>)</mo></mrow>", ATOM, enclosed=(0,)
    ),
    "matmul": Form("<mrow>{0}<mspace width='0.2em'/>{1}</mrow>", PRODUCT),
    "outer": Form("<mrow>{0}<mspace width='0.2em'/><msup>{1}<mo>⊤</mo></msup></mrow>", PRODUCT),
    "transpose": Form("<msup>{0}<mo>⊤</mo></msup>", POWER),
}
_SIGNS = {
    "*": "·",
    "-": "−",
    "<=": "≤",
    ">=": "≥",
    "!=": "≠",
    "==": "=",
    "^": "⊕",
    "~": "¬",
    "//": "÷",
    "%": "mod",
}
_INDEXED = re.compile(r"(.*?)\[([^\[\]]*)\]")


@dataclass(frozen=True)
class MathML:
    """Formulas in MathML, with names or, if `is_substituted`, with values in their place."""

    digits: Digits
    is_substituted: bool = False

    def number(self, value: Any) -> Piece:
        """Set a number; one with an exponent as a power of ten; a small array in brackets."""
        return _number(self.digits.number(value))

    def symbol(self, symbol: Symbol) -> Piece:
        """Set a name, or its value."""
        if self.is_substituted and symbol.value is not None:
            return self.number(symbol.value)
        if symbol.formula is not None:
            return typeset(symbol.formula, MathML(self.digits))
        return Piece(_name(symbol.name))

    def literal(self, text: str) -> str:
        """Set signs and names of functions."""
        return "".join(_token(token) for token in TOKENS.findall(text) if token.strip())

    def parenthesised(self, text: str) -> str:
        """Enclose a part in parentheses."""
        return f"<mrow><mo>(</mo>{text}<mo>)</mo></mrow>"

    def joined(self, parts: list[str]) -> str:
        """Join the parts of one call."""
        return f"<mrow>{''.join(parts)}</mrow>"

    def form(self, name: str) -> Form | None:
        """Return the form of an op that is no line of text."""
        return _FORMS.get(name)


def mathml(
    expression: Expression,
    *,
    digits: int = 6,
    is_substituted: bool = False,
    is_block: bool = False,
) -> str:
    """Return a formula as a `math` element.

    Args:
        expression: the formula.
        digits: significant digits of its numbers.
        is_substituted: put values in the place of names.
        is_block: stand on a line of its own.
    """
    return _element(typeset(expression, MathML(Digits(digits), is_substituted)).text, is_block)


def statement_mathml(statement: Statement, *, digits: int = 6) -> str:
    """Return a statement as a `math` block: in symbols, with numbers put in, as factors and result, aligned."""
    shown = Digits(digits)
    names, values = MathML(shown), MathML(shown, is_substituted=True)
    more = f"<mo>+</mo><mtext>… {statement.left_out} more</mtext>" if statement.left_out else ""
    rows = [
        (
            typeset(statement.name, names).text,
            "=",
            typeset(pointwise(statement.formula), names).text + more,
        )
    ]
    if statement.is_numeric:
        put_in = typeset(statement.formula, values).text + more
        rows.append(("", shown.equals(*shown_numbers(statement.formula)), put_in))
        if statement.factors is not None:
            sign = shown.equals(*shown_numbers(statement.factors))
            rows.append(("", sign, typeset(statement.factors, values).text + more))
        result = typeset(Number(statement.value), names).text
        rows.append(("", shown.equals(statement.value), result))
    kept = [row for i, row in enumerate(rows) if not i or row[2] != rows[i - 1][2]]
    cells = "".join(
        f"<mtr><mtd style='text-align:right'>{left}</mtd><mtd><mo>{sign}</mo></mtd>"
        f"<mtd style='text-align:left'><mrow>{right}</mrow></mtd></mtr>"
        for left, sign, right in kept
    )
    return _element(f"<mtable displaystyle='true'>{cells}</mtable>", is_block=True)


def _element(inside: str, is_block: bool) -> str:  # noqa: FBT001  a private helper
    display = ' display="block"' if is_block else ""
    return f"<math{display}>{inside}</math>"


def _name(name: str) -> str:
    """Set a name; of W1[0,0] the index below."""
    match = _INDEXED.fullmatch(name)
    if match is None:
        return f"<mi>{html.escape(name)}</mi>"
    index = "".join(
        "<mo>,</mo>" if part == "," else f"<mn>{part}</mn>" if part.isdigit() else _word(part)
        for part in re.split(r"\s*(,)\s*", match[2])
    )
    return f"<msub><mi>{html.escape(match[1])}</mi><mrow>{index}</mrow></msub>"


def _word(text: str) -> str:
    return f"<mtext>{html.escape(text)}</mtext>"


def _token(token: str) -> str:
    if token.isidentifier():
        return f"<mi>{html.escape(token)}</mi>"
    if token.isdigit():
        return f"<mn>{token}</mn>"
    return f"<mo>{html.escape(_SIGNS.get(token, token))}</mo>"


def _number(text: str) -> Piece:
    is_signed = text.startswith("−")
    plain = text.removeprefix("−")
    minus = "<mo>−</mo>" if is_signed else ""
    tightness = NEGATIVE if is_signed else ATOM
    if plain == "inf":
        return Piece(f"<mrow>{minus}<mi>∞</mi></mrow>", tightness, is_signed)
    if not re.fullmatch(r"[\d.]+(e[+-]?\d+)?", plain):
        return Piece(f"<mtext>{html.escape(text)}</mtext>", ATOM, is_signed)
    mantissa, e, exponent = plain.partition("e")
    number = f"<mn>{mantissa}</mn>"
    if e:
        raised = _number(str(int(exponent)).replace("-", "−")).text
        number = f"<mrow>{number}<mo>×</mo><msup><mn>10</mn>{raised}</msup></mrow>"
        tightness = PRODUCT
    return Piece(f"<mrow>{minus}{number}</mrow>" if minus else number, tightness, is_signed)
