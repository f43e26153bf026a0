"""The pass `collect_additions`."""

from __future__ import annotations

from collections import Counter

import numpy as np

from chainrule.compiler.passes.rewrite import Builder, Operand, operand_type, operands, rewritten
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node


def collect_additions(graph: Graph) -> Graph:
    """Add parts into one array, one after the other, instead of adding arrays that are zero elsewhere.

    The gradient of `n` reads `x[i]` is a sum of `n` arrays with one element each. As writes into
    one array it costs `n`.

        a = scatter(g, 0)
        b = scatter(h, 1)
        c = add(a, b)
        return c           ->     return add_at(zeros, g, h, at (0, 1))

    The bits are the same: an array that starts from zeros never holds -0.0, the one number that adding 0.0 changes; any
    other start has 0.0 added once. Where an index array names an element several times the order of the sum differs.

    >>> from chainrule.compiler.passes.drop_unused import drop_unused
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> import chainrule as cr
    >>> graph = recorded(cr.grad(lambda x: x[0] * x[1] * x[2]), (3,))
    >>> print(drop_unused(collect_additions(graph)).nodes[-1].op)
    <op add_at>
    """
    sums, absorbed = _sums(graph)

    def collected(node: Node, build: Builder) -> Operand:
        origin = build.origin
        if origin not in sums or origin in absorbed:
            return None
        base, parts = sums[origin]
        terms = [build.now(x) for part in parts for x in operands(part)]
        indices = tuple([part.params["index"] for part in parts])
        return build.apply(TABLE["add_at"], (_start(build, base), *terms), indices=indices)

    return rewritten(graph, collected)


def _sums(graph: Graph) -> tuple[dict[Node, tuple[Operand, list[Node]]], set[Node]]:
    """Return per sum its start and the parts added to it, and which sums are only the start of longer ones."""
    add = TABLE["add"]
    uses = Counter([p for node in graph.nodes for p in node.parents])
    uses.update([o for o in graph.outputs if type(o) is Node])
    sums: dict[Node, tuple[Operand, list[Node]]] = {}
    absorbed: set[Node] = set()
    for node in graph.nodes:
        if node.op is not add or not node.type.shape:
            continue
        x, y = operands(node)
        if not _is_part(y, node, uses):
            x, y = y, x
        if not _is_part(y, node, uses) or operand_type(x) != node.type:
            continue
        base: Operand = x
        parts: list[Node] = []
        if type(x) is Node and x in sums and uses[x] == 1:
            absorbed.add(x)
            base, parts = sums[x]
        elif _is_part(x, node, uses):
            base, parts = None, [x]
        parts.append(y)
        sums[node] = base, parts
    return sums, absorbed


def _is_part(x: Operand, total: Node, uses: Counter[Node | None]) -> bool:
    is_scatter = type(x) is Node and x.op is TABLE["scatter"]
    return is_scatter and uses[x] == 1 and x.type == total.type


def _start(build: Builder, base: Operand) -> Operand:
    """Return an array without -0.0 to add to: zeros where there is none."""
    zero = np.zeros((), build.origin.type.dtype)[()]
    if base is None:
        t = build.origin.type
        return build.apply(TABLE["zeros_like"], (zero,), shape=t.shape, dtype=t.dtype)
    base = build.now(base)
    if type(base) is not Node:
        return base + zero
    if base.op is TABLE["add_at"]:
        return base
    return build.apply(TABLE["add"], (base, zero))
