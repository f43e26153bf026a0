"""From a tape and what flowed back over it to the graph of whole arrays, one wire per node."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.core.trace import OUTPUT, Node
from chainrule.explanation.derive import Flow
from chainrule.explanation.formula import (
    BRIEF,
    Call,
    Expression,
    Symbol,
    as_computed,
    written,
)
from chainrule.explanation.locals import partial_formula, product_formula
from chainrule.explanation.notations import notation_of
from chainrule.explanation.tape import Tape, value_of
from chainrule.explanation.wires import Edge, Graph, Wire
from chainrule.ops.elementwise import slope

_LONGEST_LABEL = 32
DEEPEST_LABEL = 5


def reached(flow: Flow, starts: Sequence[Node]) -> set[Node]:
    """Return the nodes that depend on `starts`, themselves included."""
    found = set(starts)
    for node in flow.order:
        if any(p in found for p in node.parents if p is not None):
            found.add(node)
    return found


def array_graph(tape: Tape, flow: Flow, starts: Sequence[Node]) -> Graph:
    """Return one wire per node between `starts` and the result."""
    relevant = reached(flow, starts)
    labels: dict[Node, Expression] = {}
    formulas: dict[Node, Expression] = {}
    for node in flow.order:
        formulas[node] = formula = _formula(tape, node, labels)
        labels[node] = _labelled(tape, node, formula)
    wires = {
        n: Wire(n, labels[n], formulas[n], value_of(n), flow.totals[n])
        for n in flow.order
        if n in relevant
    }
    edges = []
    for node in reversed(flow.order):
        if node.op is None or node not in relevant:
            continue
        for i, parent in enumerate(node.parents):
            if parent is None or parent not in wires:
                continue
            edge = _array_edge(node, i, wires, flow, _arguments(tape, node, labels))
            edges.append(edge)
            wires[node].edges.append(edge)
            wires[parent].readers.append(edge)
    return Graph(tuple(wires.values()), tuple(edges), wires[flow.output])


def _array_edge(
    node: Node, i: int, wires: dict[Node, Wire], flow: Flow, arguments: Sequence[Expression]
) -> Edge:
    source, target = wires[node.parents[i]], wires[node]
    contribution = flow.contributions[node][i]
    assert node.op is not None
    rule = node.op.partials[i] if node.op.kind == "elementwise" else None
    if rule is not None:
        local = slope(rule, node.out, node.args)
        if getattr(local, "dtype", None) == np.bool_:  # of relu: whether it passes
            local = np.asarray(local, node.type.dtype)[()]
        return Edge(
            source, target, node.op.name, local, partial_formula(node, i, arguments), contribution
        )
    formula = product_formula(node, i, arguments)
    return Edge(source, target, node.op.name, None, formula, contribution)


def _formula(tape: Tape, node: Node, labels: dict[Node, Expression]) -> Expression:
    if node.op is None:
        return Symbol("input", node.out)
    if node.op is OUTPUT:
        return Symbol(f"{written(labels[node.parents[0]])}[{node.params['index']}]", value_of(node))
    return as_computed(node.op.name, notation_of(node), _arguments(tape, node, labels))


def _arguments(tape: Tape, node: Node, labels: dict[Node, Expression]) -> tuple[Expression, ...]:
    if node.op is OUTPUT:
        return (labels[node.parents[0]],)
    return tuple(
        tape.constants.array(a) if p is None else labels[p]
        for a, p in zip(node.args, node.parents, strict=True)
    )


def _labelled(tape: Tape, node: Node, formula: Expression) -> Expression:
    if node in tape.names or node.op is None or not is_short(formula):
        return Symbol(tape.name(node), value_of(node))
    return formula


def is_short(formula: Expression) -> bool:
    """Say whether a formula is short enough to be the label of its value."""
    return _count(formula) < DEEPEST_LABEL and len(written(formula, BRIEF)) <= _LONGEST_LABEL


def _count(formula: Expression) -> int:
    """Count the calls in a formula, up to as many as make a label too long."""
    if not isinstance(formula, Call):
        return 0
    count = 1
    for a in formula.arguments:
        count += _count(a)
        if count >= DEEPEST_LABEL:
            break
    return count
