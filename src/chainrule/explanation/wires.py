"""The graph that is explained: wires that carry a value forward and a gradient back, joined by edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from chainrule.core.trace import Node
from chainrule.explanation.formula import BRIEF, Expression, written


@dataclass(eq=False)
class Wire:
    """A value on its way to the result: a whole array, or one entry of it.

    Attributes:
        node: what made it.
        label: what it is called in formulas: its name, or a short formula.
        formula: how it was computed from the labels of its arguments; an input is its own.
        value: what came forward.
        total: what came back: the gradient of the result with respect to it.
        edges: from this wire's arguments to it.
        readers: from this wire to those that were computed from it.
    """

    node: Node
    label: Expression
    formula: Expression
    value: Any
    total: Any
    edges: list[Edge] = field(default_factory=list, repr=False)
    readers: list[Edge] = field(default_factory=list, repr=False)

    @property
    def name(self) -> str:
        """What the value is called, as text."""
        return written(self.label, BRIEF)


@dataclass(eq=False)
class Edge:
    """One step of the chain rule: `contribution = upstream · local`.

    Attributes:
        source: the argument.
        target: the result.
        op: the name of the op.
        local: the derivative of the target with respect to the source, as a number; for an array step that is no
            elementwise one None, since it is a product, which `formula` writes.
        formula: the derivative as a formula; of a product the whole product, with the upstream gradient as `g`.
        contribution: what the source receives over this edge.
    """

    source: Wire
    target: Wire
    op: str
    local: Any
    formula: Expression
    contribution: Any


@dataclass(frozen=True, eq=False)
class Graph:
    """Wires in forward order, edges in backward order, and the wire of the result."""

    wires: tuple[Wire, ...]
    edges: tuple[Edge, ...]
    output: Wire
