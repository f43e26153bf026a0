"""Readers of the two scripts that formulas are set in: LaTeX and MathML. They compute what the page says.

Neither knows how a formula is set: they know the precedence that a reader knows.
"""

import re
import xml.etree.ElementTree as ET

import numpy as np

TOKEN = re.compile(r"\s+|\\left|\\right|\\[a-zA-Z]+|\\.|\d+\.?\d*|[a-zA-Z]|.", re.DOTALL)
FUNCTIONS = {r"\sin": np.sin, r"\exp": np.exp, r"\sigma": lambda x: 1 / (1 + np.exp(-x))}


class Latex:
    """A reader of sums, products, powers, fractions, functions and parentheses."""

    def __init__(self, text, names):
        self.tokens = [
            t for t in TOKEN.findall(text) if t.strip() and t not in {r"\left", r"\right"}
        ]
        self.names = names
        self.place = 0

    @property
    def next(self):
        return self.tokens[self.place] if self.place < len(self.tokens) else ""

    def take(self, expected=None):
        piece = self.next
        assert expected in {None, piece}, f"{expected} expected, {piece} found"
        self.place += 1
        return piece

    def read(self):
        value = self.sum()
        assert not self.next, f"{self.next} is left over"
        return value

    def sum(self):
        value = self.product()
        while self.next in {"+", "-"}:
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def product(self):
        if self.next == "-":
            self.take()
            return -self.product()
        value = self.power()
        while self.next in {r"\cdot", r"\times"}:
            self.take()
            value *= self.power()
        return value

    def power(self):
        base = self.atom()
        if self.next != "^":
            return base
        self.take()
        exponent = self.group()
        assert self.next != "^", "a second exponent"
        return base**exponent

    def group(self):
        self.take("{")
        value = self.sum()
        self.take("}")
        return value

    def atom(self):
        piece = self.take()
        if piece == "(":
            value = self.sum()
            self.take(")")
            return value
        if piece == r"\frac":
            return self.group() / self.group()
        if piece in FUNCTIONS:
            self.take("(")
            value = FUNCTIONS[piece](self.sum())
            self.take(")")
            return value
        if piece == "e":
            return np.float64(np.e)
        return self.names[piece] if piece in self.names else np.float64(piece)


def mathml_value(text, names):
    """Compute what a `math` element says."""
    root = ET.fromstring(text)  # noqa: S314  our own text
    assert root.tag == "math"
    return _Row(list(root), names).read()


class _Row(Latex):
    """The same grammar over elements."""

    def __init__(self, elements, names):
        self.tokens = [self.flat(e) for e in elements]
        self.tokens = [t for ts in self.tokens for t in ts]
        self.names = names
        self.place = 0

    def flat(self, element):
        """An `mrow` is no more to a reader than what stands in it."""
        if element.tag == "mrow":
            return [t for e in element for t in self.flat(e)]
        return [element.text.strip() if element.tag in {"mo", "mi", "mn"} else element]

    def product(self):
        if self.next == "−":
            self.take()
            return -self.product()
        value = self.power()
        while isinstance(self.next, str) and self.next in {"·", "×"}:
            self.take()
            value *= self.power()
        return value

    def sum(self):
        value = self.product()
        while isinstance(self.next, str) and self.next in {"+", "−"}:
            value = value + self.product() if self.take() == "+" else value - self.product()
        return value

    def power(self):
        return self.atom()

    def atom(self):
        piece = self.take()
        if isinstance(piece, str):
            if piece == "(":
                value = self.sum()
                self.take(")")
                return value
            functions = {"sin": np.sin, "σ": FUNCTIONS[r"\sigma"]}
            if piece in functions:
                if self.next == "\u2061":
                    self.take()
                self.take("(")
                value = functions[piece](self.sum())
                self.take(")")
                return value
            if piece == "e":
                return np.float64(np.e)
            return self.names[piece] if piece in self.names else np.float64(piece)
        parts = list(piece)
        if piece.tag == "mfrac":
            top, below = (_Row([p], self.names).read() for p in parts)
            return top / below
        assert piece.tag == "msup"
        # A reader takes what stands directly left of a raised part for its base.
        base = self.flat(parts[0])
        assert len(base) == 1 or ("(" in base[:3] and base[-1] == ")"), "a base without parentheses"
        return _Row([parts[0]], self.names).read() ** _Row([parts[1]], self.names).read()
