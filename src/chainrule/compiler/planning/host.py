"""Ops that NumPy computes: how they are called on the arrays of a native step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.core.op import TABLE, Op
from chainrule.core.trace import Node
from chainrule.ops.numbers import NeedsNumbers

_ARGUMENT = object()


def host_function(node: Node, op: Op) -> Callable[..., tuple[Any, ...]]:
    """Return the function that computes a node from the arrays of its parents; it returns a tuple."""
    pairs = list(zip(node.args, node.parents, strict=True))
    fixed = [a if p is None else _ARGUMENT for a, p in pairs]
    shapes = [p.type.shape for p in node.parents if p is not None]
    weak = [p.type.weak for p in node.parents if p is not None]
    params = node.params

    def call(*arrays: Any) -> tuple[Any, ...]:
        values = [
            (a[()].item() if is_weak else a[()]) if not shape else a
            for a, shape, is_weak in zip(arrays, shapes, weak, strict=True)
        ]
        rest = iter(values)
        args = [next(rest) if x is _ARGUMENT else x for x in fixed]
        result = op.numpy(*args, **params)
        return result if type(result) is tuple else (result,)

    return call


def result_types(node: Node) -> Sequence[Any]:
    """Return the types of the results of a node."""
    return node.type if type(node.type) is tuple else (node.type,)


def why_numpy(op: Op, otherwise: str = "no instructions for it") -> str:
    """Return why NumPy computes an op of which no element can be computed alone."""
    entry = TABLE.get(op.name, op)
    if isinstance(entry.infer, NeedsNumbers):
        return NeedsNumbers.reason
    return entry.left_to_numpy or otherwise
