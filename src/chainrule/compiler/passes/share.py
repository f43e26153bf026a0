"""The pass `share`."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.effects import is_impure
from chainrule.compiler.passes.rewrite import COMMUTATIVE, Builder, Operand, rewritten
from chainrule.core.graph import Graph
from chainrule.core.trace import Node

_LARGEST_COMPARED = 4096
"""Bytes up to which constants are compared by their content; a larger one is equal to itself only."""


def share(graph: Graph) -> Graph:
    """Compute once what stands several times.

        a = exp(x)
        b = exp(x)             a = exp(x)
        c = multiply(a, b)     c = multiply(a, a)
        return c        ->     return c

    >>> import numpy as np
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(share(recorded(lambda x: np.exp(x) * np.exp(x))))
    input x0: float64[]
    v0 = exp(x0)  : float64[]
    v1 = multiply(v0, v0)  : float64[]
    return v1
    """
    seen: dict[Any, Node] = {}

    def shared(node: Node, build: Builder) -> Operand:
        if is_impure(node):
            return None
        first = seen.setdefault(_key(node), node)
        return None if first is node else first

    return rewritten(graph, shared)


def _key(node: Node) -> Any:
    """Return what is equal for nodes that compute the same."""
    args: list[Any] = list(node.parents)
    for i, p in enumerate(args):
        if p is None:
            args[i] = _constant_key(node.args[i])
    if len(args) == 2 and _is_commutative(node) and id(args[1]) < id(args[0]):
        args.reverse()
    if not node.params:
        return (node.op, *args)
    return (node.op, *args, *[param_key(v) for v in node.params.values()])


def _is_commutative(node: Node) -> bool:
    return node.op is not None and node.op.name in COMMUTATIVE and None not in node.parents


def _constant_key(a: Any) -> Any:
    """Tell constants apart by type and bits: 0.0 from -0.0, 1 from 1.0 from True."""
    if isinstance(a, (float, int)):
        return type(a), a or str(a)
    if isinstance(a, (np.ndarray, np.generic)):
        if a.nbytes > _LARGEST_COMPARED or a.dtype.hasobject:
            return id(a)
        return type(a), a.dtype, a.shape, a.tobytes()
    return type(a), repr(a)


def param_key(value: Any) -> Any:
    """Return a parameter as something hashable that tells 1 from True: slices and arrays are taken apart."""
    kind = type(value)
    if kind is tuple or kind is list:
        return (kind, *[param_key(v) for v in value])
    if kind is slice:
        return kind, value.start, value.stop, value.step
    if isinstance(value, np.ndarray):
        return _constant_key(value)
    return kind, value
