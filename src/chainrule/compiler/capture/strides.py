"""How the arrays of a captured step would lie in memory: whether NumPy's reshape or ravel is a view depends on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.core.trace import Node

_VIEWS = frozenset({"transpose", "reshape", "getitem", "broadcast_to", "real", "imag"})
_AS_GIVEN = frozenset({"astype", "where", "zeros_like", "ones_like"})
"""What lays its result out as its arguments lie, besides the ufuncs."""
_ITERATOR: Any = np.nditer
"""Allocates as the ufuncs do; its stubs know no operands that are None."""


def laid_out(node: Node, inputs: Mapping[Node, Any], known: dict[Node, Any]) -> Any:
    """Return an array that lies in memory as NumPy's for a node would; its numbers mean nothing.

    Args:
        node: of an array.
        inputs: the arrays of the nodes that are no results.
        known: layouts of nodes that were asked for before, to be added to.
    """
    pending = [node]
    while pending:
        n = pending[-1]
        if n in known:
            pending.pop()
            continue
        missing = [p for p in _parents(n) if p not in known]
        if missing:
            pending += missing
            continue
        known[n] = _layout(n, inputs, known)
        pending.pop()
    return known[node]


def lying_as(x: Any) -> Any:
    """Return another array that lies in memory as one of numbers does."""
    if not x.size or x.dtype.hasobject:
        return np.empty_like(x)
    low, high = np.lib.array_utils.byte_bounds(x)
    first = x.__array_interface__["data"][0] - low
    return np.ndarray(x.shape, x.dtype, np.empty(high - low, np.uint8), first, x.strides)


def _parents(node: Node) -> list[Node]:
    """Return the nodes that the layout of a node depends on."""
    if node.op is None or not is_followed(node):
        return []
    parents = node.parents[:1] if node.op.name == "setitem" else node.parents
    return [p for p in parents if p is not None]


def is_followed(node: Node) -> bool:
    """Say whether it is known how the result of a node lies if that of its arguments is."""
    op = node.op
    if op is None:
        return False
    if op.name == "getitem":
        return len(node.args) == 1
    is_elementwise = isinstance(op.numpy, np.ufunc) and op.numpy.signature is None
    if is_elementwise or op.name in _AS_GIVEN or op.name == "copy":
        return len(node.type.shape) > 1  # a row has one layout
    return op.name in _VIEWS or op.name == "setitem"


def _layout(node: Node, inputs: Mapping[Node, Any], known: Mapping[Node, Any]) -> Any:
    if node.op is None and isinstance(inputs.get(node), np.ndarray):
        return inputs[node]
    if not is_followed(node):
        return np.empty(node.type.shape, node.type.dtype)
    op: Any = node.op
    if op.name == "setitem":
        return known[node.parents[0]] if node.parents[0] is not None else node.args[0]
    given = [a if p is None else known[p] for a, p in zip(node.args, node.parents, strict=True)]
    if op.name in _VIEWS:
        return np.asarray(op.numpy(*given, **node.params))
    if op.name == "copy":
        return np.empty_like(given[0], order=node.params["order"])
    arrays = [a for a in given if isinstance(a, np.ndarray) and a.ndim]
    made = _ITERATOR(
        [*arrays, None],
        flags=["zerosize_ok", "refs_ok", "multi_index"],
        op_flags=[["readonly"]] * len(arrays) + [["writeonly", "allocate"]],
        op_dtypes=[None] * len(arrays) + [node.type.dtype],
        order="K",
    )
    return made.operands[-1]
