"""Statements of the chain rule: a gradient in symbols, with the numbers put in, and as a number."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.op import TABLE, infix
from chainrule.explanation.formula import call, derivative, substituted
from chainrule.explanation.terms import Call, Expression, Number, Symbol
from chainrule.explanation.typeset import ATOM, PRODUCT
from chainrule.explanation.wires import Edge, Graph, Wire

MOST_TERMS = 8
# What they return has the shape of what they take.
_KEEPING = frozenset(name for name, op in TABLE.items() if op.kind == "elementwise")


@dataclass(frozen=True, eq=False)
class Statement:
    """One equation: `name = formula`, which is `value`.

    Attributes:
        name: what is computed.
        formula: from what, in symbols, each of which knows its value.
        factors: the same with every local derivative as one number; None where it is no product of numbers.
        value: the result.
        left_out: how many terms of a long sum the formula does not show.
    """

    name: Expression
    formula: Expression
    factors: Expression | None
    value: Any
    left_out: int = 0

    @property
    def is_numeric(self) -> bool:
        """Whether the result is one number, so that numbers can be put into the formula."""
        return type(self.value) is not tuple and not np.ndim(self.value)


def gradient_symbol(outcome: str, wire: Wire, graph: Graph) -> Symbol:
    """Return `∂C/∂z` for what came back to a wire."""
    if wire is graph.output:
        return derivative(outcome, Symbol(outcome), wire.total)
    return derivative(outcome, wire.label, wire.total)


def gradient_statement(outcome: str, wire: Wire, graph: Graph) -> Statement:
    """State the gradient with respect to a wire as the sum over those that read it."""
    name = gradient_symbol(outcome, wire, graph)
    if not wire.readers:
        return Statement(name, Number(wire.total), None, wire.total)
    edges = wire.readers[:MOST_TERMS]
    formula = _terms([_term(e, gradient_symbol(outcome, e.target, graph)) for e in edges])
    factors = None
    if all(e.local is not None and not np.ndim(e.local) for e in edges):
        factors = _sum([_factors(e) for e in edges])
    return Statement(name, formula, factors, wire.total, len(wire.readers) - len(edges))


def value_statement(wire: Wire, outcome: str, graph: Graph) -> Statement:
    """State how a value was computed."""
    is_result = wire is graph.output and wire.node.op is not None
    name = Symbol(outcome, wire.value) if is_result else wire.label
    formula = Number(wire.value) if wire.node.op is None else wire.formula
    return Statement(name, formula, None, wire.value)


def shown_numbers(formula: Expression) -> Iterator[Any]:
    """Yield the numbers that stand in a formula once they are put in."""
    if isinstance(formula, Call):
        for a in formula.arguments:
            yield from shown_numbers(a)
    elif isinstance(formula, Number) or formula.value is not None:
        yield formula.value


def pointwise(formula: Expression) -> Expression:
    """Write ⊙ for the product entry by entry of two arrays: on a page · and a blank are read as other products."""
    if not isinstance(formula, Call):
        return formula
    arguments = tuple(map(pointwise, formula.arguments))
    if formula.name == "multiply" and all(map(_is_array, arguments)):
        return Call("pointwise", infix("⊙", PRODUCT), arguments)
    return Call(formula.name, formula.notation, arguments)


def _is_array(formula: Expression) -> bool:
    """Say whether a formula is an array, as far as its leaves tell: of a function of arrays that is not known."""
    if isinstance(formula, Call):
        is_plain = formula.notation.precedence < ATOM or formula.name in _KEEPING
        return is_plain and any(map(_is_array, formula.arguments))
    return type(formula.value) is not tuple and np.ndim(formula.value) > 0


def _term(edge: Edge, upstream: Symbol) -> Expression:
    """Return what an edge hands back: its derivative times what came from above, or the product that it is."""
    if edge.local is None:
        return substituted(edge.formula, {"g": upstream})
    return call("multiply", edge.formula, upstream)


def _factors(edge: Edge) -> Expression:
    """Return local · upstream in numbers; where the formula leaves out a 1, so do the numbers."""
    upstream = Number(edge.target.total)
    if isinstance(edge.formula, Number) and edge.local == 1:
        return upstream
    return Call("multiply", TABLE["multiply"].notation, (Number(edge.local), upstream))


def added(terms: Sequence[Any]) -> Expression:
    """Return the sum of numbers as a formula in which each of them stands."""
    return _sum([Number(x) for x in terms])


def _terms(terms: Sequence[Expression]) -> Expression:
    """Return the sum of terms in their order; a negative one is subtracted."""
    total = terms[0]
    for term in terms[1:]:
        is_negative = isinstance(term, Call) and term.name == "negative"
        name = "subtract" if is_negative else "add"
        inner = term.arguments[0] if isinstance(term, Call) and is_negative else term
        total = Call(name, TABLE[name].notation, (total, inner))
    return total


def _sum(terms: Sequence[Expression]) -> Expression:
    notation = TABLE["add"].notation
    return functools.reduce(lambda a, b: Call("add", notation, (a, b)), terms)
