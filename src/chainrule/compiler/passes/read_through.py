"""The pass `read_through`."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Any

from chainrule.compiler.passes.rewrite import Builder, Operand, operand_type, operands, rewritten
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType

_WRITES_LOOKED_THROUGH = 64
"""Writes elsewhere that a read looks behind, so that many reads of a long chain of writes stay linear."""

Index = tuple[Any, ...]


def read_through(graph: Graph) -> Graph:
    """Take a part from where it came: from the value that was written or joined there, or from before other writes.

        s = stack(x, y)
        a = getitem(s, 0)
        return a             ->     return x

    >>> import numpy as np
    >>> from chainrule.compiler.passes.drop_unused import drop_unused
    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(drop_unused(read_through(recorded(lambda x, y: np.stack([x, y])[1] + x))))
    input x0: float64[]
    input x1: float64[]
    v0 = add(x1, x0)  : float64[]
    return v0
    """
    return rewritten(graph, _source)


def _source(node: Node, build: Builder) -> Operand:
    if node.op is None or node.op.name != "getitem" or len(node.args) > 1:
        return None
    source = node.parents[0]
    if source is None or source.op is None:
        return None
    rule = _SOURCES.get(source.op.name)
    return None if rule is None else rule(node, source, node.params["index"], build)


def _of_setitem(node: Node, source: Node, index: Index, build: Builder) -> Operand:
    for _ in range(_WRITES_LOOKED_THROUGH):
        if source.op is None or source.op.name != "setitem" or len(source.args) > 2:
            break
        written = source.params["index"]
        if _same(index, written):
            return _fitted(node, operands(source)[1], build)
        if not _are_apart(index, written, len(source.type.shape)):
            break
        before = operands(source)[0]
        if type(before) is not Node:
            return _part(node, before, index, build)
        source = before
    return None if source is node.parents[0] else _part(node, source, index, build)


def _of_getitem(node: Node, source: Node, index: Index, build: Builder) -> Operand:
    """x[1][2] is x[1, 2]."""
    if len(source.args) > 1 or not _is_numbers(source.params["index"]):
        return None
    return _part(node, operands(source)[0], (*source.params["index"], *index), build)


def _of_stack(node: Node, source: Node, index: Index, build: Builder) -> Operand:
    if source.params["axis"] != 0 or type(index[0]) is not int:
        return None
    return _part(node, operands(source)[index[0]], index[1:], build)


def _of_concatenate(node: Node, source: Node, index: Index, build: Builder) -> Operand:
    """Take a part that lies within one of the joined arrays, on the first axis."""
    if source.params["axis"] != 0:
        return None
    starts, size = source.params["starts"], source.type.shape[0]
    first = index[0]
    if type(first) is int:
        i = first % size
        k = bisect_right(starts, i) - 1
        return _part(node, operands(source)[k], (i - starts[k], *index[1:]), build)
    if type(first) is not slice:
        return None
    start, stop, step = first.indices(size)
    k = bisect_right(starts, start) - 1
    part = operands(source)[k]
    if step != 1 or start >= stop or stop > starts[k] + operand_type(part).shape[0]:
        return None
    return _part(node, part, (slice(start - starts[k], stop - starts[k]), *index[1:]), build)


_SOURCES: Mapping[str, Callable[[Node, Node, Index, Builder], Operand]] = {
    "setitem": _of_setitem,
    "getitem": _of_getitem,
    "stack": _of_stack,
    "concatenate": _of_concatenate,
}


def _part(node: Node, x: Operand, index: Index, build: Builder) -> Operand:
    """Return `x[index]`, `x` itself where that is all of it; None where the dtype is not the node's."""
    if operand_type(x).dtype != node.type.dtype:
        return None
    return build.apply(TABLE["getitem"], (x,), index=index) if index else x


def _fitted(node: Node, value: Operand, build: Builder) -> Operand:
    """Return a written value as it lies in the array: of its dtype and of the part's shape."""
    t: ArrayType = operand_type(value)
    if t.weak or t.dtype != node.type.dtype:
        value = build.apply(TABLE["astype"], (value,), dtype=node.type.dtype)
    if t.shape != node.type.shape:
        value = build.apply(TABLE["broadcast_to"], (value,), shape=node.type.shape)
    return value


def _is_numbers(index: Index) -> bool:
    return all(type(i) is int for i in index)


def _same(a: Index, b: Index) -> bool:
    return a == b and all(type(i) in {int, slice} or i is None or i is Ellipsis for i in a)


def _are_apart(a: Index, b: Index, ndim: int) -> bool:
    """Say whether two indices certainly name different elements: they differ in a number counted from the same end."""
    if any(i is None or i is Ellipsis for i in (*a, *b)) or max(len(a), len(b)) > ndim:
        return False
    return any(
        type(i) is int and type(j) is int and i != j and (i < 0) == (j < 0)
        for i, j in zip(a, b, strict=False)
    )
