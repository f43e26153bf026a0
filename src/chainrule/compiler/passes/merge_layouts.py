"""The pass `merge_layouts`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.compiler.passes.rewrite import Builder, Operand, operand_type, operands, rewritten
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node


def merge_layouts(graph: Graph) -> Graph:
    """Make one of several reshapes, transposes, broadcasts or casts in a row, none of those that change nothing.

        a = transpose(x)
        b = transpose(a)
        return b            ->     return x

    >>> from chainrule.compiler.passes.drop_unused import drop_unused
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(drop_unused(merge_layouts(recorded(lambda x: x.reshape(6).reshape(3, 2), (2, 3)))))
    input x0: float64[2, 3]
    v0 = reshape(x0, shape=(3, 2))  : float64[3, 2]
    return v0
    """
    return rewritten(graph, _merged)


def _merged(node: Node, build: Builder) -> Operand:
    rule = None if node.op is None else _RULES.get(node.op.name)
    return None if rule is None else rule(node, build)


def _unchanged(node: Node, build: Builder) -> Operand:
    """The values of a copy are those of the original, and nobody writes to either."""
    return operands(node)[0]


def _reshaped(node: Node, build: Builder) -> Operand:
    (x,) = operands(node)
    if node.args[0].shape == node.type.shape:
        return x
    inner = _inner(node, "reshape")
    if inner is None or operand_type(inner).shape == node.type.shape:
        return inner
    return build.apply(TABLE["reshape"], (inner,), shape=node.type.shape)


def _transposed(node: Node, build: Builder) -> Operand:
    (x,) = operands(node)
    axes = node.params["axes"]
    if axes == tuple(range(len(axes))):
        return x
    inner = _inner(node, "transpose")
    if inner is None:
        return None
    first = node.parents[0].params["axes"]
    both = tuple([first[i] for i in axes])
    if both == tuple(range(len(both))):
        return inner
    return build.apply(TABLE["transpose"], (inner,), axes=both)


def _broadcast(node: Node, build: Builder) -> Operand:
    if node.args[0].shape == node.type.shape:
        return operands(node)[0]
    inner = _inner(node, "broadcast_to")
    if inner is None:
        return None
    return build.apply(TABLE["broadcast_to"], (inner,), shape=node.type.shape)


def _cast(node: Node, build: Builder) -> Operand:
    """A cast to the dtype it has; a Python number is no such case, its type differs."""
    return operands(node)[0]


def _cut(node: Node, build: Builder) -> Operand:
    """Take a part that is the whole."""
    return operands(node)[0] if len(node.args) == 1 and _is_whole(node.params["index"]) else None


def _written(node: Node, build: Builder) -> Operand:
    """Write over the whole array with a value of its shape."""
    return operands(node)[1] if len(node.args) == 2 and _is_whole(node.params["index"]) else None


def _inner(node: Node, name: str) -> Operand:
    """Return the argument of the argument if that is the same op, else None."""
    parent = node.parents[0]
    if parent is None or parent.op is None or parent.op.name != name:
        return None
    return operands(parent)[0]


def _is_whole(index: tuple[Any, ...]) -> bool:
    return all(i is Ellipsis or (type(i) is slice and _is_full(i)) for i in index)


def _is_full(i: slice) -> bool:
    return i.start in {None, 0} and i.stop is None and i.step in {None, 1}


_RULES: Mapping[str, Callable[[Node, Builder], Operand]] = {
    "copy": _unchanged,
    "stop_gradient": _unchanged,
    "positive": _unchanged,
    "reshape": _reshaped,
    "transpose": _transposed,
    "broadcast_to": _broadcast,
    "astype": _cast,
    "cast_to_integer": _cast,
    "getitem": _cut,
    "setitem": _written,
}
