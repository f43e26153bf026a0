"""Until when the memory of a node's value is read, through the node itself or a view of it."""

from __future__ import annotations

from chainrule.core.graph import Graph
from chainrule.core.trace import Node

VIEWS = frozenset({"reshape", "transpose", "broadcast_to", "diagonal", "stop_gradient"})
"""Ops whose result may lie where their argument lies; so may `getitem`'s."""

_HANDED_ON = VIEWS | {"copy", "astype", "cast_to_integer", "getitem"}


class Lifetimes:
    """Answers who reads a value last.

    Args:
        graph: the nodes in their order.
        waiting: nodes that may read their arguments as late as they are read themselves.
    """

    def __init__(self, graph: Graph, waiting: frozenset[Node] = frozenset()) -> None:
        self._last = {o: len(graph.nodes) for o in graph.outputs if isinstance(o, Node)}
        last = self._last
        for i in range(len(graph.nodes) - 1, -1, -1):
            node = graph.nodes[i]
            use = max(i, last.get(node, i)) if _may_share(node) or node in waiting else i
            for p in node.parents:
                if p is not None and last.get(p, -1) < use:
                    last[p] = use

    def ends_at(self, node: Node | None, position: int) -> bool:
        """Say whether nothing behind a position reads the memory that a node may share with what it is a view of."""
        while node is not None:
            if self._last.get(node, -1) > position:
                return False
            if not _may_share(node):
                return True
            node = node.parents[0]
        return False


def _may_share(node: Node) -> bool:
    return node.op is not None and node.op.name in _HANDED_ON
