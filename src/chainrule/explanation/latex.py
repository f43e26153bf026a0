"""An explanation as LaTeX: every gradient in three lines, with names, with numbers, and its value."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chainrule.explanation.numbers import Digits
from chainrule.explanation.statements import (
    Statement,
    gradient_statement,
    pointwise,
    shown_numbers,
)
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

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

_FORMS = {
    "derivative": Form(r"\frac{{\partial {0}}}{{\partial {1}}}", ATOM),
    "divide": Form(r"\frac{{{0}}}{{{1}}}", FRACTION, enclosed=(0, 1)),
    "power": Form(r"{0}^{{{1}}}", POWER, enclosed=(1,)),
    "exp": Form(r"e^{{{0}}}", POWER, enclosed=(0,)),
    "sqrt": Form(r"\sqrt{{{0}}}", ATOM, enclosed=(0,)),
    "absolute": Form(r"\left|{0}\right|", ATOM, enclosed=(0,)),
    "sigmoid": Form(r"\sigma({0})", ATOM, enclosed=(0,)),
    "matmul": Form(r"{0} \, {1}", PRODUCT),
    "outer": Form(r"{0} \, {1}^{{\top}}", PRODUCT),
    "transpose": Form(r"{0}^{{\top}}", POWER),
}
_FUNCTIONS = frozenset({"cos", "cosh", "exp", "log", "max", "min", "sin", "sinh", "tan", "tanh"})
_SIGNS = {
    "*": r"\cdot",
    "**": r"\mathbin{**}",
    "//": r"\mathbin{/\!/}",
    "%": r"\bmod",
    "@": r"\,",
    "⊙": r"\odot",
    "<=": r"\le",
    ">=": r"\ge",
    "==": "=",
    "!=": r"\ne",
    "&": r"\mathbin{\&}",
    "^": r"\oplus",
    "|": r"\mid",
    "~": r"\lnot ",
    "∂": r"\partial ",
    "…": r"\ldots",
    "ᵀ": r"^{\top}",
}
_TEXT = {
    **{c: rf"\{c}" for c in "#$%&_{}"},
    "\\": r"\textbackslash{}",
    "^": r"\^{}",
    "~": r"\~{}",
    "∂": r"\ensuremath{\partial}",
    "…": r"\ldots{}",
    "·": r"\ensuremath{\cdot}",
    "−": r"\ensuremath{-}",
}
_GREEK = {"lamda": "lambda", "final": "varsigma", "omicron": "mathrm{o}"}
_INDEXED = re.compile(r"(.*?)\[([\d,\s]+)\]")
_MOST = 200
_HEAD = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[a4paper,margin=2cm]{geometry}
\usepackage{amsmath}
\allowdisplaybreaks
\begin{document}
"""


@dataclass(frozen=True)
class Latex:
    """Formulas in LaTeX's math mode, with names or, if `is_substituted`, with values in their place."""

    digits: Digits
    is_substituted: bool = False

    def number(self, value: Any) -> Piece:
        """Set a number; one with an exponent as a power of ten."""
        return _number(self.digits.number(value).replace("−", "-"))

    def symbol(self, symbol: Symbol) -> Piece:
        """Set a name, or its value."""
        if self.is_substituted and symbol.value is not None:
            return self.number(symbol.value)
        if symbol.formula is not None:
            return typeset(symbol.formula, Latex(self.digits))
        return Piece(latex_name(symbol.name))

    def literal(self, text: str) -> str:
        """Set signs and names of functions."""
        return "".join(map(_token, TOKENS.findall(text)))

    def parenthesised(self, text: str) -> str:
        r"""Enclose a part in parentheses, as high as it is where that matters."""
        is_high = any(command in text for command in (r"\frac", r"\sqrt", "^", r"\left"))
        return rf"\left({text}\right)" if is_high else f"({text})"

    def joined(self, parts: list[str]) -> str:
        """Join the parts of one call."""
        return "".join(parts)

    def form(self, name: str) -> Form | None:
        """Return the form of an op that is no line of text."""
        return _FORMS.get(name)


def explanation_latex(explanation: Explanation, digits: int, *, standalone: bool) -> str:
    """Return an `align*`, or a whole document that holds it."""
    shown = Digits(digits)
    backward = [w for w in reversed(explanation.graph.wires) if w.readers]
    rows: list[str] = []
    for wire in backward[:_MOST]:
        rows += statement_rows(
            gradient_statement(explanation.outcome, wire, explanation.graph), shown
        )
    if len(backward) > _MOST:
        rows.append(rf"&\quad\text{{and {len(backward) - _MOST} gradients more}}")
    body = " \\\\\n".join(rows)
    align = f"\\begin{{align*}}\n{body}\n\\end{{align*}}"
    return f"{_HEAD}{align}\n\\end{{document}}\n" if standalone else align


def statement_rows(statement: Statement, digits: Digits) -> list[str]:
    """Return the rows of an alignment: in symbols, with numbers put in, as factors and result."""
    names, values = Latex(digits), Latex(digits, is_substituted=True)
    more = rf" + \cdots\ (\text{{{statement.left_out} more}})" if statement.left_out else ""
    rows = [
        f"{typeset(statement.name, names).text} &= {typeset(pointwise(statement.formula), names).text}{more}"
    ]
    if not statement.is_numeric:
        return rows
    put_in = typeset(statement.formula, values).text + more
    rows.append(f"&{_relation(digits, *shown_numbers(statement.formula))} {put_in}")
    if statement.factors is not None:
        factors = typeset(statement.factors, values).text + more
        if factors != put_in:
            rows.append(f"&{_relation(digits, *shown_numbers(statement.factors))} {factors}")
    result = typeset(Number(statement.value), names).text
    if not rows[-1].endswith(f" {result}"):
        rows.append(f"&{_relation(digits, statement.value)} {result}")
    return rows


def latex(expression: Expression, digits: int = 6) -> str:
    r"""Set one formula.

    >>> from chainrule.explanation.formula import call
    >>> print(latex(call("divide", Number(1), call("exp", Symbol("W1[0,1]")))))
    \frac{1}{e^{\mathit{W1}_{0,1}}}
    """
    return typeset(expression, Latex(Digits(digits))).text


def latex_name(name: str) -> str:
    """Set a name: of W1[0,0] the index below, other than letters and digits as text."""
    match = _INDEXED.fullmatch(name)
    base, index = (match[1], match[2]) if match else (name, "")
    if not base.isidentifier() or not base.isascii():
        base = f"\\text{{{_escaped(base)}}}"
    elif len(base) > 1 or base == "g":
        base = f"\\mathit{{{_escaped(base)}}}"
    return f"{base}_{{{index}}}" if index else base


def _relation(digits: Digits, *values: Any) -> str:
    return "=" if digits.is_exact(*values) else r"\approx"


def _token(token: str) -> str:
    if token.isidentifier():
        known = {"log": r"\ln"}.get(token, rf"\{token}" if token in _FUNCTIONS else "")
        return known or rf"\operatorname{{{_escaped(token)}}}"
    if token in _SIGNS:
        return _SIGNS[token]
    return token


def _escaped(text: str) -> str:
    return "".join(map(_character, text))


def _character(c: str) -> str:
    """Set a character of a text; letters that not every TeX has become their code."""
    if c in _TEXT:
        return _TEXT[c]
    if c.isascii():
        return c
    words = unicodedata.name(c, "").lower().split()
    if words[:3] == ["greek", "small", "letter"] and len(words) == 4:
        return rf"\ensuremath{{\{_GREEK.get(words[3], words[3])}}}"
    return f"U+{ord(c):04X}"


def _number(text: str) -> Piece:
    """Set a number; 1e-05 as a power of ten."""
    is_signed = text.startswith("-")
    if not re.fullmatch(r"-?[\d.]+(e[+-]?\d+)?", text):
        names = {"inf": r"\infty", "-inf": r"-\infty"}
        text = names.get(text) or re.sub(r"[A-Za-z]\w*", lambda m: rf"\text{{{m[0]}}}", text)
        return Piece(text, NEGATIVE if is_signed else ATOM, is_signed)
    mantissa, e, exponent = text.partition("e")
    if not e:
        return Piece(text, NEGATIVE if is_signed else ATOM, is_signed)
    return Piece(rf"{mantissa} \times 10^{{{int(exponent)}}}", PRODUCT, is_signed)
