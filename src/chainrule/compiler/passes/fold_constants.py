"""The pass `fold_constants`."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.effects import must_stay
from chainrule.compiler.passes.rewrite import Builder, Operand, operand_type, rewritten
from chainrule.core.graph import Graph
from chainrule.core.trace import OUTPUT, Node

_LARGEST = 1024
"""Elements of a result up to which it is kept as a constant; larger ones are cheaper to compute than to store."""

_BY_TYPE_ALONE = frozenset({"zeros_like", "ones_like", "empty_like"})
"""Ops that look at the type of their argument only."""


def fold_constants(graph: Graph) -> Graph:
    """Compute what depends on no input, where the result is small.

        a = zeros_like(x)
        b = cos(a)
        return x + b       ->     return x + 1.0

    >>> import numpy as np
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(fold_constants(recorded(lambda x: x + np.cos(np.zeros_like(x)))))
    input x0: float64[]
    v0 = add(x0, np.float64(1.0))  : float64[]
    return v0
    """
    return rewritten(graph, _folded)


def _folded(node: Node, build: Builder) -> Operand:
    if node.op is None or node.op is OUTPUT:
        return None
    for p in node.parents:
        if p is None:
            continue
        if node.op.name not in _BY_TYPE_ALONE:
            return None
        if _is_small(node):
            return _computed(node, (0.0,))
        return build.apply(node.op, (0.0,), **node.params)
    return _computed(node, node.args) if _is_small(node) and not must_stay(node) else None


def _is_small(node: Node) -> bool:
    return type(node.type) is not tuple and node.type.size <= _LARGEST


def _computed(node: Node, args: Any) -> Operand:
    """Return the value, or None where computing it fails: that happens at run time then, as it does eagerly."""
    assert node.op is not None
    try:
        with np.errstate(all="ignore"):
            value = node.op.numpy(*args, **node.params)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return None
    return value if operand_type(value) == node.type else None
