"""From a tape and what flowed back over it to the graph of single entries, number by number."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Notation
from chainrule.core.trace import OUTPUT, Node
from chainrule.errors import ArgumentError
from chainrule.explanation.arrays import DEEPEST_LABEL, is_short, reached
from chainrule.explanation.derive import Flow
from chainrule.explanation.entry_rules import entry_formula
from chainrule.explanation.formula import (
    BRIEF,
    Call,
    Expression,
    Number,
    Symbol,
    as_computed,
    call,
    derivative,
    written,
)
from chainrule.explanation.jacobians import Jacobians, Slope
from chainrule.explanation.locals import partial_formula
from chainrule.explanation.notations import notation_of
from chainrule.explanation.tape import Tape, value_of
from chainrule.explanation.wires import Edge, Graph, Wire

_MOST_TERMS = 16
_MOST_EDGES = 500_000
_LONGEST_DERIVATIVE = 80
Key = tuple[Node, int]
"""An entry: a node, and which entry of its value in a flat count."""


def entry_graph(tape: Tape, flow: Flow, entry: int, starts: Sequence[Key]) -> Graph:
    """Return one wire per entry between `starts` and one entry of the result.

    Entries that are mere copies of another, of a transposed array for example, are that other entry.
    """
    return _Entries(tape, flow, starts).graph(entry)


class _Entries:
    def __init__(self, tape: Tape, flow: Flow, starts: Sequence[Key]) -> None:
        self.tape = tape
        self.flow = flow
        self.jacobians = Jacobians()
        self.relevant = reached(flow, [node for node, _ in starts])
        self.starts = set(starts)
        self.rows: dict[Key, list[Slope]] = {}
        self.formulas: dict[Key, Expression] = {}
        self.labels: dict[Key, Expression] = {}
        self.count = 0
        self.folded = {n for n in flow.order if self._is_folded(n)}

    def graph(self, entry: int) -> Graph:
        output = self.source((self.flow.output, entry))
        steps = self._steps(output)
        live = self._from_starts(steps, output)
        wires = {key: self._wire(key) for key in live if key[0] not in self.folded}
        wires |= {key: wires[self._folded_into(key)] for key in live if key[0] in self.folded}
        edges = [
            self._edge(key, slope, source, wires)
            for key, slope, source in steps
            if source in wires and key in wires and source[0] not in self.folded
        ]
        for edge in edges:
            edge.target.edges.append(edge)
            edge.source.readers.append(edge)
        return Graph(tuple(dict.fromkeys(wires.values())), tuple(edges), wires[output])

    def _is_folded(self, node: Node) -> bool:
        """Say whether a product is but the first part of a sum, as that of `x @ w + b`: they make one step."""
        readers = self.flow.children.get(node, [])
        if node.op is None or node.op.kind != "linear" or node.op is OUTPUT or len(readers) != 1:
            return False
        reader, _ = readers[0]
        is_sum = reader.op is not None and reader.op.name == "add" and reader.type == node.type
        is_input = any(node is start for start, _ in self.starts)
        return is_sum and node not in self.tape.names and not is_input

    def _folded_into(self, key: Key) -> Key:
        node, entry = key
        while node in self.folded:
            node = self.flow.children[node][0][0]
        return node, entry

    def source(self, key: Key) -> Key:
        """Return the entry that this one is a copy of, or itself; a value that has a name stays itself."""
        while key[0] not in self.tape.names:
            found = self.jacobians.route(*key)
            if found is None:
                break
            key = found
        return key

    def row(self, key: Key) -> list[Slope]:
        if key not in self.rows:
            if _is_complex(key[0]):
                raise ArgumentError.from_complex_entries("explain")
            self.rows[key] = self.jacobians.row(*key)
            self.count += len(self.rows[key])
            if self.count > _MOST_EDGES:
                raise ArgumentError.from_too_many_entries("explain", _MOST_EDGES)
        return self.rows[key]

    def _steps(self, output: Key) -> list[tuple[Key, Slope, Key]]:
        """Go back from the result; return every step that may lead to a start."""
        live: dict[Node, set[int]] = {output[0]: {output[1]}}
        steps = []
        for node in reversed(self.flow.order):
            if node.op is None or node not in self.relevant:
                continue
            for entry in sorted(live.get(node, ())):
                for slope in self.row((node, entry)):
                    parent = _parent(node, slope.argument)
                    source = self.source((parent, slope.entry))
                    if source[0] in self.relevant:
                        steps.append(((node, entry), slope, source))
                        live.setdefault(source[0], set()).add(source[1])
        return steps

    def _from_starts(self, steps: Sequence[tuple[Key, Slope, Key]], output: Key) -> list[Key]:
        """Return the entries between the starts and the result, in forward order."""
        found: dict[Key, None] = dict.fromkeys(sorted(self.starts, key=_order))
        for key, _, source in reversed(steps):
            if source in found:
                found.setdefault(key)
        found.setdefault(output)
        return sorted(found, key=_order)

    def _wire(self, key: Key) -> Wire:
        node, entry = key
        value = np.ravel(value_of(node))[entry].item()
        total = np.ravel(self.flow.totals[node])[entry].item()
        formula = Symbol("input", value) if node.op is None else self.formula(key)
        return Wire(node, self.label(key), formula, value, total)

    def _edge(self, key: Key, slope: Slope, source: Key, wires: dict[Key, Wire]) -> Edge:
        node, _ = key
        target = wires[key]
        assert node.op is not None
        if node.op.kind == "elementwise":
            formula = partial_formula(node, slope.argument, self._arguments(key))
        elif node.op.kind == "general":
            formula = self._general_formula(key, slope)
        else:
            formula = self._slope_formula(node, slope)
        contribution = target.total * slope.value
        return Edge(wires[source], target, node.op.name, slope.value, formula, contribution)

    def formula(self, key: Key, depth: int = 0) -> Expression:
        """Return how an entry was computed from the entries of its arguments."""
        if key in self.formulas:
            return self.formulas[key]
        node, _ = key
        assert node.op is not None
        if node.op.kind == "elementwise":
            arguments = self._arguments(key, depth)
            found = as_computed(node.op.name, notation_of(node), arguments)
        else:
            found = self._sum_formula(key, depth)
        self.formulas[key] = found
        return found

    def label(self, key: Key, depth: int = 0) -> Expression:
        """Return what an entry is called."""
        key = self.source(key)
        if key not in self.labels:
            node, entry = key
            symbol = Symbol(
                self.tape.name(node) + _index(node, entry), np.ravel(value_of(node))[entry].item()
            )
            found: Expression = symbol
            if node.op is not None and node not in self.tape.names and depth < DEEPEST_LABEL:
                formula = self.formula(key, depth + 1)
                found = formula if node in self.folded or is_short(formula) else symbol
            self.labels[key] = found
        return self.labels[key]

    def _arguments(self, key: Key, depth: int = 0) -> tuple[Expression, ...]:
        """Return the labels of the entries that one entry of an elementwise op reads."""
        node, entry = key
        found: list[Expression] = []
        for a, parent in zip(node.args, node.parents, strict=True):
            place = _broadcast_place(type_of(a).shape, node.type.shape, entry)
            if parent is None:
                found.append(self.tape.constants.entry(a, place))
            else:
                found.append(self.label((parent, place), depth))
        return tuple(found)

    def _sum_formula(self, key: Key, depth: int) -> Expression:
        """Write an entry of a linear op as the sum it is; of another op as the call of its array."""
        node, entry = key
        value = np.ravel(value_of(node))[entry].item()
        assert node.op is not None
        row = self.row(key)
        op = node.parents[0].op if node.op is OUTPUT else node.op
        if op.kind == "linear":
            first = [s for s in row if row and s.argument == row[0].argument]
            for terms in (first, row):
                total = sum(s.value * self._value(node, s) for s in terms)
                if 0 < len(terms) <= _MOST_TERMS and np.isclose(
                    total, value, rtol=1e-9, atol=1e-12
                ):
                    return functools.reduce(
                        lambda a, b: call("add", a, b),
                        [self._term(node, s, depth) for s in terms],
                    )
        if node.op is OUTPUT:
            return Symbol(self.tape.name(node) + _index(node, entry), value)
        names = tuple(
            self.tape.constants.array(a) if p is None else Symbol(self.tape.name(p), value_of(p))
            for a, p in zip(node.args, node.parents, strict=True)
        )
        return _part(Call(node.op.name, notation_of(node), names), _index(node, entry), value)

    def _term(self, node: Node, slope: Slope, depth: int) -> Expression:
        parent = _parent(node, slope.argument)
        return call(
            "multiply",
            self._slope_formula(node, slope, depth),
            self.label((parent, slope.entry), depth),
        )

    def _slope_formula(self, node: Node, slope: Slope, depth: int = 0) -> Expression:
        """Write the derivative of a linear op: a number, or the entry of another argument that it is."""
        if slope.factor is None:
            return Number(slope.value)
        argument, entry = slope.factor
        parent = node.parents[argument]
        if parent is None:
            return self.tape.constants.entry(node.args[argument], entry)
        return self.label((parent, entry), depth)

    def _general_formula(self, key: Key, slope: Slope) -> Expression:
        """Write the derivative of an op such as softmax; where its rule has no formula by entries, its name."""
        node, entry = key

        def leaf(argument: int | None, place: int) -> Expression:
            if argument is None:
                return self.label((node, place))
            parent = node.parents[argument]
            if parent is None:
                return self.tape.constants.entry(node.args[argument], place)
            return self.label((parent, place))

        found = entry_formula(node, slope.argument, entry, slope.entry, leaf)
        if found is not None and len(written(found, BRIEF)) <= _LONGEST_DERIVATIVE:
            return found
        source = self.label((node.parents[slope.argument], slope.entry))
        return derivative(written(self.label(key), BRIEF), source, slope.value)

    def _value(self, node: Node, slope: Slope) -> Any:
        return np.ravel(value_of(_parent(node, slope.argument)))[slope.entry]


def _part(whole: Call, index: str, value: Any) -> Symbol:
    """Return an entry of a formula's array as a symbol: `softmax(z)[1]`."""
    formula = Call("entry", Notation(f"{{0}}{index}"), (whole,)) if index else whole
    return Symbol(written(formula, BRIEF), value, formula)


def _is_complex(node: Node) -> bool:
    types = node.type if type(node.type) is tuple else (node.type,)
    return any(t.dtype.kind == "c" for t in (*types, *map(type_of, node.args)))


def _parent(node: Node, argument: int) -> Node:
    """Return the node of an argument; that of one output of an op is an argument of the op."""
    found: Node = (node.parents[0] if node.op is OUTPUT else node).parents[argument]
    return found


def _order(key: Key) -> tuple[int, int]:
    return key[0].number, key[1]


def _broadcast_place(own: tuple[int, ...], shape: tuple[int, ...], entry: int) -> int:
    """Return which entry of an argument entry `entry` of the broadcast result reads."""
    if own == shape:
        return entry
    index = np.unravel_index(entry, shape)[len(shape) - len(own) :]
    inside = tuple(0 if n == 1 else int(i) for i, n in zip(index, own, strict=True))
    return int(np.ravel_multi_index(inside, own)) if own else 0


def _index(node: Node, entry: int) -> str:
    shape = node.type.shape
    return f"[{','.join(str(int(i)) for i in np.unravel_index(entry, shape))}]" if shape else ""
