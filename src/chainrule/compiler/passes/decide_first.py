"""The pass `decide_first`."""

from __future__ import annotations

from chainrule.compiler.decisions import DECISIONS
from chainrule.core.graph import Graph
from chainrule.core.trace import Node


def decide_first(graph: Graph) -> Graph:
    """Move what guards ask for, and the guards, to the front: behind them results may lie where arguments did.

    a = exp(x)          b = isnan(y)
    b = isnan(y)        guard(b)
    guard(b)            a = exp(x)
    return a     ->     return a
    """
    asked: set[Node] = set()
    for node in reversed(graph.nodes):
        if node in asked or node.op in DECISIONS:
            asked.add(node)
            asked.update(p for p in node.parents if p is not None)
    first = [node for node in graph.nodes if node in asked]
    nodes = (*first, *(node for node in graph.nodes if node not in asked))
    return graph if nodes == graph.nodes else Graph(graph.inputs, nodes, graph.outputs)
