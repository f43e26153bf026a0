"""The pass `take_roots`."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.passes.rewrite import (
    Builder,
    Operand,
    operand_type,
    operands,
    rewritten,
)
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node


def take_roots(graph: Graph) -> Graph:
    """Replace powers of arrays by one exponent of 0.5 by square roots, as NumPy's loop does.

        a = power(x, 0.5)      a = sqrt(x)
        return a          ->   return a

    They differ: the power of -0.0 is 0.0 and that of -inf is inf, the roots are -0.0 and NaN. NumPy takes the root
    where all elements have the same exponent in memory. An operator between two scalars takes the power, so powers
    without axes stay; this pass stands before those that make scalars of elements of arrays.

    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(take_roots(recorded(lambda x: x**0.5, (3,))))
    input x0: float64[3]
    v0 = sqrt(x0)  : float64[3]
    return v0
    """
    return rewritten(graph, _root)


def _root(node: Node, build: Builder) -> Operand:
    out = node.type
    if node.op is not TABLE["power"] or out.dtype.char not in "fd" or not out.shape:
        return None
    x, y = operands(node)
    if not _is_single(y, out):
        return None
    if type(y) is not Node and np.any(y != 0.5):
        return None
    if operand_type(x).dtype != out.dtype or operand_type(x).weak:
        x = build.apply(TABLE["astype"], (x,), dtype=out.dtype)
    root = build.apply(TABLE["sqrt"], (x,))
    if type(y) is Node:
        power = build.apply(TABLE["power"], operands(node))
        is_half = build.apply(TABLE["equal"], (y, 0.5))
        return build.apply(TABLE["where"], (is_half, root, power))
    if root.type.shape != out.shape:
        return build.apply(TABLE["broadcast_to"], (root,), shape=out.shape)
    return root


def _is_single(y: Operand, out: Any) -> bool:
    """Say whether NumPy's loop sees one exponent of all elements; those that it casts it copies, once per element."""
    t = operand_type(y)
    if t.dtype.kind != "f" or not t.shape:
        return bool(t.dtype.kind == "f")
    if t.dtype != out.dtype or out.size == 1:
        return False
    is_repeated = type(y) is Node and y.op is TABLE["broadcast_to"]
    return bool(t.size == 1 or (is_repeated and operand_type(operands(y)[0]).size == 1))
