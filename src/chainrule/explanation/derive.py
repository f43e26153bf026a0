"""One reverse sweep over a tape that keeps what the plain sweep adds up: the contribution of every edge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.trace import OUTPUT, Node, topological


@dataclass(frozen=True, eq=False)
class Flow:
    """What flowed back over a tape.

    Attributes:
        output: the node of the result.
        order: the nodes the result depends on, parents first.
        totals: the cotangent of every node that was reached; a tuple for several outputs.
        contributions: per node one contribution per argument; None for a constant.
        children: who reads a node: the reader, and as which argument, last reader first.
    """

    output: Node
    order: tuple[Node, ...]
    totals: Mapping[Node, Any]
    contributions: Mapping[Node, tuple[Any, ...]]
    children: Mapping[Node, list[tuple[Node, int]]]


def flow(output: Node, seed: Any) -> Flow:
    """Carry `seed` back from `output`, and keep every contribution."""
    order = topological([output])
    totals: dict[Node, Any] = {output: seed}
    contributions: dict[Node, tuple[Any, ...]] = {}
    children: dict[Node, list[tuple[Node, int]]] = {}
    for node in reversed(order):
        if node.op is None:
            continue
        terms = _terms(node, totals[node])
        contributions[node] = terms
        for i, (parent, term) in enumerate(zip(node.parents, terms, strict=True)):
            if parent is None or term is None:
                continue
            children.setdefault(parent, []).append((node, i))
            totals[parent] = _sum(totals[parent], term) if parent in totals else term
        for parent in node.parents:
            if parent is not None and parent not in totals:
                totals[parent] = _zeros(parent.type)
    return Flow(output, tuple(order), totals, contributions, children)


def _terms(node: Node, g: Any) -> tuple[Any, ...]:
    if node.op is OUTPUT:
        index = node.params["index"]
        return (tuple(g if i == index else _zeros(t) for i, t in enumerate(node.parents[0].type)),)
    assert node.op is not None
    terms = node.op.vjp(node.parents, g, node.out, node.args, node.params)
    return tuple(None if p is None else t for p, t in zip(node.parents, terms, strict=True))


def _sum(known: Any, term: Any) -> Any:
    if type(known) is tuple:
        return tuple(k + t for k, t in zip(known, term, strict=True))
    return known + term


def _zeros(t: Any) -> Any:
    return tuple(map(_zeros, t)) if type(t) is tuple else np.zeros(t.shape, t.dtype)[()]
