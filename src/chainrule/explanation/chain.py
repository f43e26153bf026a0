"""The gradient with respect to one value as one formula, expanded towards the result to any depth."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanation.formula import call, simplified, substituted, written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.statements import gradient_symbol, shown_numbers
from chainrule.explanation.terms import Call, Expression, Number, Symbol
from chainrule.explanation.wires import Edge, Graph, Wire

_MOST_TERMS = 200
_DEEPEST = 100
_AXIS = re.compile(r"axis=(-?\d+)")


@dataclass(frozen=True, eq=False)
class Chain:
    """One gradient: symbolic, with the numbers put in, and as a number.

    Attributes:
        name: what it is the gradient of.
        formula: the expanded formula.
        value: the gradient.
        given: what the formula takes for granted because the numbers say so, such as `sum(target) = 1`.
    """

    name: str
    formula: Expression
    value: Any
    given: tuple[str, ...] = ()

    def symbolic(self, digits: int = 6) -> str:
        """Write the formula with names."""
        return written(self.formula, Digits(digits).names)

    def substituted(self, digits: int = 6) -> str:
        """Write the formula with the values in the place of names."""
        return written(self.formula, Digits(digits).values)

    def __str__(self) -> str:
        """Three lines: names, numbers, result; of arrays the numbers are not put in."""
        width = len(self.name)
        shown = Digits(6)
        given = f"   with {', '.join(self.given)}" if self.given else ""
        lines = [f"{self.name} = {self.symbolic()}{given}"]
        if not np.ndim(self.value):
            sign = shown.equals(*shown_numbers(self.formula))
            lines.append(f"{'':{width}} {sign} {self.substituted()}")
        lines.append(f"{'':{width}} {shown.equals(self.value)} {shown.number(self.value)}")
        return "\n".join(lines)


def chain(wire: Wire, graph: Graph, depth: int, seed: Any, outcome: str) -> Chain:
    """Expand the gradient with respect to `wire` by `depth` steps towards the result.

    A formula doubles wherever paths part; what would make it longer than a reader can use stays a symbol.
    """
    budget = [_MOST_TERMS]

    def gradient(of: Wire, left: int, nested: int) -> Expression:
        if of is graph.output:
            return Number(seed)
        budget[0] -= len(of.readers)
        if not left or not of.readers or budget[0] < 0 or nested > _DEEPEST:
            return gradient_symbol(outcome, of, graph)
        return functools.reduce(
            functools.partial(call, "add"), [term(e, left, nested) for e in of.readers]
        )

    def term(edge: Edge, left: int, nested: int) -> Expression:
        # Steps that only hand on, such as a sum's, take no depth: they are no factor of the formula.
        is_factor = not (isinstance(edge.formula, Number) and np.all(edge.local == 1))
        passes = not is_factor and len(edge.target.readers) == 1
        upstream = gradient(edge.target, left if passes else left - 1, nested + 1)
        if edge.local is None:
            return substituted(edge.formula, {"g": upstream})
        return _times(edge.formula, upstream)

    name = written(gradient_symbol(outcome, wire, graph), Digits(6).names)
    given: dict[str, None] = {}
    formula = _with_known_sums(gradient(wire, depth, 0), given)
    return Chain(name, formula, wire.total, tuple(given))


def _times(local: Expression, upstream: Expression) -> Expression:
    """Return a product without parentheses around the product that came from above."""
    if isinstance(upstream, Call) and upstream.name == "multiply":
        first, second = upstream.arguments
        return call("multiply", _times(local, first), second)
    if isinstance(upstream, Call) and upstream.name == "negative":
        return call("negative", _times(local, upstream.arguments[0]))
    return call("multiply", local, upstream)


def _with_known_sums(formula: Expression, given: dict[str, None]) -> Expression:
    """Put 1 for sums of shares, such as the targets of a cross-entropy, and note that they are 1."""
    if not isinstance(formula, Call):
        return formula
    arguments = tuple(_with_known_sums(a, given) for a in formula.arguments)
    shares = arguments[0]
    if formula.name == "sum" and isinstance(shares, Symbol) and np.ndim(shares.value):
        axis = _AXIS.search(formula.notation.template)
        total = np.sum(shares.value, axis=None if axis is None else int(axis[1]))
        if np.all(total == 1):
            given[f"{written(formula, Digits(6).names)} = 1"] = None
            return Number(1.0)
    return simplified(formula.name, formula.notation, arguments)
