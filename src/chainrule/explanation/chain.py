"""The gradient with respect to one value as one formula, expanded towards the result to any depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chainrule.explanation.formula import Call, Expression, Number, Symbol, call, written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Graph, Wire


@dataclass(frozen=True, eq=False)
class Chain:
    """One gradient: symbolic, with the numbers put in, and as a number.

    Attributes:
        name: what it is the gradient of.
        formula: the expanded formula.
        value: the gradient.
    """

    name: str
    formula: Expression
    value: Any

    def symbolic(self, digits: int = 6) -> str:
        """Write the formula with names."""
        return written(self.formula, Digits(digits).names)

    def substituted(self, digits: int = 6) -> str:
        """Write the formula with the values in the place of names."""
        return written(self.formula, Digits(digits).values)

    def __str__(self) -> str:
        """Three lines: names, numbers, result."""
        width = len(self.name)
        shown = Digits(6)
        return "\n".join(
            [
                f"{self.name} = {self.symbolic()}",
                f"{'':{width}} {shown.equals(*_leaves(self.formula))} {self.substituted()}",
                f"{'':{width}} {shown.equals(self.value)} {shown.number(self.value)}",
            ]
        )


def _leaves(formula: Expression) -> list[Any]:
    """Return the numbers that stand in a formula."""
    if isinstance(formula, Call):
        return [x for a in formula.arguments for x in _leaves(a)]
    return [formula.value]


def chain(wire: Wire, graph: Graph, depth: int, seed: Any, name: Callable[[Wire], str]) -> Chain:
    """Expand the gradient with respect to `wire` by `depth` steps towards the result."""

    def gradient(of: Wire, left: int) -> Expression:
        if of is graph.output:
            return Number(seed)
        if not left or not of.readers:
            return Symbol(name(of), of.total)
        terms = [term(e, left) for e in of.readers]
        total = terms[0]
        for t in terms[1:]:
            total = call("add", total, t)
        return total

    def term(edge: Edge, left: int) -> Expression:
        # Steps that only hand on, such as a sum's, take no depth: they are no factor of the formula.
        is_factor = not (isinstance(edge.formula, Number) and edge.local == 1)
        passes = not is_factor and len(edge.target.readers) == 1
        return call("multiply", edge.formula, gradient(edge.target, left if passes else left - 1))

    return Chain(name(wire), gradient(wire, depth), wire.total)
