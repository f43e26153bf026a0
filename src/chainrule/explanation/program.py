"""A scalar program as JavaScript: what the page runs when a reader edits an input."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from chainrule.explanation.javascript import Code, NotInJavaScriptError, code_of, javascript
from chainrule.explanation.terms import Symbol
from chainrule.explanation.wires import Edge, Graph, Wire
from chainrule.position import Position

if TYPE_CHECKING:
    from chainrule.explanation.tape import Tape

MOST_WIRES = 2000
"""Values beyond which a page is not made to compute."""


@dataclass(frozen=True)
class Program:
    """JavaScript functions of all values `v`: per wire its value, per edge its local derivative; `""` for an input."""

    values: tuple[str, ...]
    locals: tuple[str, ...]


@dataclass(frozen=True)
class NoProgram:
    """Why the page cannot compute anew; empty where nobody would expect it to."""

    reason: str


def program(graph: Graph, tape: Tape, *, is_scalar: bool) -> Program | NoProgram:
    """Return the program of a graph of numbers, or why there is none."""
    if not is_scalar:
        return NoProgram("")
    if len(graph.wires) > MOST_WIRES:
        return NoProgram(f"the program has more than {MOST_WIRES:,} values")
    if tape.decisions:
        return NoProgram(_decided(tape))
    found = _Names(graph, tape)
    try:
        values = tuple(found.value(i, wire) for i, wire in enumerate(graph.wires))
        return Program(values, tuple(map(found.local, graph.edges)))
    except NotInJavaScriptError as error:
        return NoProgram(f"a browser has no function for {error}")


def _decided(tape: Tape) -> str:
    """Say which op chose a way by a value: for another value the function may take another."""
    op, place = tape.decisions[0]
    where = "" if place is None or place == tape.outside else f" ({Position(*place)})"
    return f"{op.name} decides by a value{where}, so other inputs may take another way"


class _Names:
    """What the names in the formulas of a graph stand for."""

    def __init__(self, graph: Graph, tape: Tape) -> None:
        self.wires: dict[str, int] = {}
        for i, wire in enumerate(graph.wires):
            # One that is simplified to another has its name, and its value.
            if isinstance(wire.label, Symbol):
                self.wires.setdefault(wire.label.name, i)
        self.nodes = {tape.name(node) for node in (*tape.inputs, *tape.nodes)}

    def value(self, index: int, wire: Wire) -> str:
        """Return the expression of a wire's value, by values before it."""
        op = wire.node.op
        if op is None:
            return ""
        if op.kind not in {"elementwise", "linear"}:
            raise NotInJavaScriptError(op.name)
        return javascript(wire.formula, lambda symbol: self.code(symbol, before=index))

    def local(self, edge: Edge) -> str:
        """Return the expression of an edge's local derivative."""
        if edge.local is None or np.ndim(edge.local):
            raise NotInJavaScriptError(edge.op)
        return javascript(edge.formula, self.code)

    def code(self, symbol: Symbol, before: float = np.inf) -> Code:
        """Return what a name stands for: a value, or a number that no edited input changes.

        A name that is neither, such as that of a long sum as a whole, is refused.
        """
        found = self.wires.get(symbol.name)
        if found is not None and found < before:
            return Code(f"v[{found}]")
        is_entry = {symbol.name, symbol.name.rpartition("[")[0]} & self.nodes
        if found is not None or not is_entry or symbol.value is None or np.ndim(symbol.value):
            raise NotInJavaScriptError(symbol.name)
        return code_of(symbol.value)
