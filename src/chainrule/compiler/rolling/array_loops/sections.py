"""Straight stretches as graphs of their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.compiler.effects import must_stay
from chainrule.compiler.loops.relocation import Place
from chainrule.compiler.passes.rewrite import derived
from chainrule.compiler.rolling.array_loops.keeping import Keeping
from chainrule.compiler.rolling.array_loops.memory import input_like, type_of_node
from chainrule.compiler.views import View, row_by_row, whole
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node
from chainrule.core.types import array_type
from chainrule.records import record


@record
class Section:
    """A stretch.

    Attributes:
        graph: what it does.
        inputs: where each input lies.
        outputs: the ids of the results.
        guards: the numbers of the guards.
    """

    graph: Graph
    inputs: tuple[tuple[Place, View], ...]
    outputs: tuple[int, ...]
    guards: tuple[int, ...]


def section_of(keeping: Keeping, start: int, end: int) -> Section | None:
    """Return the stretch between two ids; None where nobody needs it."""
    return _Section(keeping, start, end).section()


class _Section:
    def __init__(self, keeping: Keeping, start: int, end: int) -> None:
        self.keeping = keeping
        self.start = start
        self.end = end
        self.inside: dict[int, Node] = {}
        self.made: list[Node] = []
        self.inputs: dict[Node, tuple[Place, View]] = {}

    def section(self) -> Section | None:
        outline = self.keeping.outline
        stretch = range(self.start, self.end)
        outputs = [i for i in stretch if i in self.keeping.homes]
        if not outputs and not any(must_stay(outline.nodes[i]) for i in stretch):
            return None
        for i in stretch:
            self._add(i)
        graph = Graph(
            tuple(self.inputs), tuple(self.made), tuple([self.inside[i] for i in outputs])
        )
        guards = [outline.places[i] for i in stretch if _name(outline.nodes[i]) == "guard"]
        return Section(graph, tuple(self.inputs.values()), tuple(outputs), tuple(guards))

    def _add(self, i: int) -> None:
        node, row = self.keeping.outline.nodes[i], self.keeping.outline.operands[i]
        joined = self._joined_rows(node, row)
        if joined is None:
            parents = tuple(
                [
                    None if p is None else self._operand(o)
                    for p, o in zip(node.parents, row, strict=True)
                ]
            )
            joined = derived(node, node.op, node.args, node.params, parents, node.type)
            self.made.append(joined)
        self.inside[i] = joined

    def _operand(self, operand: int) -> Node:
        known = self.inside.get(operand)
        if known is None:
            node = self.keeping.outline.nodes[operand]
            t = type_of_node(node)
            known = self.inside[operand] = input_like(node, t)
            self.inputs[known] = self.keeping.place(operand), whole(t.shape)
        return known

    # Values of the turns of a loop, joined

    def _joined_rows(self, node: Node, row: Sequence[int]) -> Node | None:
        """Return values that are stacked as few arrays that are joined, where they lie one behind the other."""
        if (
            _name(node) != "stack"
            or node.params["axis"] % len(node.type.shape)
            or None in node.parents
        ):
            return None
        runs = list(self._runs(row))
        if len(runs) > len(row) // 2:
            return None
        parts = []
        for first, count, step in runs:
            parts.append(self._rows(node, first, count, step))
        if len(parts) == 1:
            return parts[0]
        starts = [0]
        for part in parts:
            starts.append(starts[-1] + part.type.shape[0])
        params = {"axis": 0, "starts": tuple(starts[:-1])}
        types = tuple([part.type for part in parts])
        joined = derived(node, TABLE["concatenate"], types, params, tuple(parts), node.type)
        self.made.append(joined)
        return joined

    def _runs(self, row: Sequence[int]) -> Iterator[tuple[int, int, int]]:
        """Yield the first operand, the count and the distance in turns of values of one position of one loop."""
        i = 0
        while i < len(row):
            loop, _, position = self.keeping.origin(row[i])
            k = i + 1
            if loop is None or not self.keeping.has_rows(loop, position):
                yield row[i], 1, 0
                i = k
                continue
            step = (row[k] - row[i]) if k < len(row) else 0
            while k < len(row) and step and not step % loop.period and row[k] - row[k - 1] == step:
                if self.keeping.origin(row[k])[0] is not loop:
                    break
                k += 1
            yield row[i], k - i, step // loop.period
            i = k

    def _rows(self, origin: Node, first: int, count: int, step: int) -> Node:
        """Return values as an array with one axis more."""
        node = self.keeping.outline.nodes[first]
        shape = type_of_node(node).shape
        t = array_type((count, *shape), node.type.dtype)
        if count > 1:
            strides = row_by_row(shape)
            size = type_of_node(node).size
            joined = input_like(origin, t)
            self.inputs[joined] = (
                self.keeping.place(first),
                View(t.shape, (step * size, *strides)),
            )
            return joined
        parent = self._operand(first)
        params: dict[str, Any] = {"index": (None, ...)}
        added = derived(origin, TABLE["getitem"], (node.type,), params, (parent,), t)
        self.made.append(added)
        return added


def _name(node: Node) -> str:
    return "" if node.op is None else node.op.name
