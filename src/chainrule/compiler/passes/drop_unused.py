"""The pass `drop_unused`."""

from __future__ import annotations

from chainrule.compiler.effects import must_stay
from chainrule.core.graph import Graph
from chainrule.core.trace import Node


def drop_unused(graph: Graph) -> Graph:
    """Remove nodes that nothing depends on, but for guards, draws and what can fail.

        a = exp(x)
        b = sin(x)          b = sin(x)
        return b     ->     return b

    >>> import numpy as np
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> graph = recorded(lambda x: (np.exp(x), np.sin(x)))
    >>> print(drop_unused(Graph(graph.inputs, graph.nodes, graph.outputs[1:])))
    input x0: float64[]
    v0 = sin(x0)  : float64[]
    return v0
    """
    used: set[Node] = {o for o in graph.outputs if type(o) is Node}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if node in used or must_stay(node):
            kept.append(node)
            used.update(node.parents)
    if len(kept) == len(graph.nodes):
        return graph
    return Graph(graph.inputs, tuple(reversed(kept)), graph.outputs)
