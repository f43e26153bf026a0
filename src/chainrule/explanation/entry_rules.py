"""The derivative of one entry by another as a formula: an op's rule, run on symbols and read entry by entry."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.graph import CaptureLevel
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, array_type
from chainrule.errors import ChainruleError
from chainrule.explanation.formula import call, simplified
from chainrule.explanation.notations import notation_of
from chainrule.explanation.terms import Expression, Number

_MOST_STEPS = 400
_LONGEST_SUM = 16

Leaf = Callable[[int | None, int], Expression]
"""Returns the symbol of an entry: of an argument by its number, of the result by None."""


class _NotWrittenError(Exception):
    """The rule does something that has no formula by entries."""


def entry_formula(node: Node, i: int, out: int, inside: int, leaf: Leaf) -> Expression | None:
    """Return the derivative of entry `out` of a node's result by entry `inside` of argument `i`.

    The rule is captured on symbols with a unit for the upstream gradient, and what it computes is followed back from
    that entry: `softmax(z)[0] * (1 - softmax(z)[0])`. None if it does something that has no formula.
    """
    if type(node.type) is tuple:
        return None
    try:
        found, reader = _captured(node, i, out, leaf)
        if type(found) not in HANDLES:
            return Number(np.ravel(found)[inside].item())
        return reader.entry(found.node, inside)
    except (ChainruleError, TypeError, ValueError, AttributeError, _NotWrittenError):
        return None


def _captured(node: Node, i: int, out: int, leaf: Leaf) -> tuple[Any, _Reader]:
    """Run the rule of an op on symbols; return what it gives for argument `i`, and who reads it."""
    assert node.op is not None
    with CaptureLevel() as level:
        handles = [
            a if p is None and not type_of(a).shape else level.input(_strong(a))
            for a, p in zip(node.args, node.parents, strict=True)
        ]
        result, g = level.input(node.type), level.input(node.type)
        needs = [k == i for k in range(len(handles))]
        found = node.op.vjp(needs, g, result, handles, node.params)[i]
    leaves: dict[Node, Callable[[int], Expression]] = {
        h.node: functools.partial(leaf, k) for k, h in enumerate(handles) if type(h) in HANDLES
    }
    leaves[result.node] = functools.partial(leaf, None)
    leaves[g.node] = lambda j: Number(1.0 if j == out else 0.0)
    return found, _Reader(leaves)


class _Reader:
    """Follows single entries back through a captured rule."""

    def __init__(self, leaves: dict[Node, Callable[[int], Expression]]) -> None:
        self._leaves = leaves
        self._known: dict[tuple[Node, int], Expression] = {}

    def entry(self, node: Node, j: int) -> Expression:
        """Return entry `j` of what a node of the rule computes."""
        key = (node, j)
        if key not in self._known:
            if len(self._known) > _MOST_STEPS:
                raise _NotWrittenError
            self._known[key] = self._computed(node, j)
        return self._known[key]

    def _computed(self, node: Node, j: int) -> Expression:
        if node in self._leaves:
            return self._leaves[node](j)
        if node.op is None:
            return Number(np.ravel(node.out)[j].item())
        if node.op.kind == "elementwise":
            arguments = tuple(
                self._argument(node, k, place) for k, place in enumerate(_places(node, j))
            )
            return simplified(node.op.name, notation_of(node), arguments)
        if node.op.name in {"sum", "sum_to"}:
            return self._sum(node, j)
        return self._copy(node, j)

    def _argument(self, node: Node, k: int, place: int) -> Expression:
        parent = node.parents[k]
        if parent is not None:
            return self.entry(parent, place)
        return Number(np.ravel(node.args[k])[place].item())

    def _sum(self, node: Node, j: int) -> Expression:
        """Add the entries that a sum reads for its entry `j`; those that are zero by structure leave no trace."""
        total: Expression = Number(0.0)
        parts = _summed(node, j)
        if len(parts) > _LONGEST_SUM:
            raise _NotWrittenError
        for part in parts:
            total = call("add", total, self._argument(node, 0, part))
        return total

    def _copy(self, node: Node, j: int) -> Expression:
        """Follow an entry of an op that only moves entries about; others are refused."""
        size = type_of(node.args[0]).size
        counted = np.arange(1.0, size + 1).reshape(type_of(node.args[0]).shape)
        assert node.op is not None
        if node.op.kind != "linear" or len(node.args) != 1:
            raise _NotWrittenError
        first, second = (
            np.ravel(node.op.numpy(x, **node.params))[j] for x in (counted, counted + size)
        )
        if first == second == 0:
            return Number(0.0)
        if second - first != size or first != int(first):
            raise _NotWrittenError
        return self._argument(node, 0, int(first) - 1)


def _summed(node: Node, j: int) -> list[int]:
    """Return which entries of its argument a sum adds up for its entry `j`."""
    own, shape = type_of(node.args[0]).shape, node.type.shape
    count = int(np.prod(own))
    if "axis" in node.params:
        axes = node.params["axis"]
        kept = tuple(1 if a in axes else n for a, n in enumerate(own))
    else:
        kept = (1,) * (len(own) - len(shape)) + shape
    targets = np.broadcast_to(np.arange(int(np.prod(kept))).reshape(kept), own).ravel()
    return [k for k in range(count) if targets[k] == j]


def _places(node: Node, j: int) -> list[int]:
    """Return which entry of each argument an elementwise op reads for its entry `j`."""
    shape = node.type.shape
    found = []
    for a in node.args:
        own = type_of(a)
        places = np.broadcast_to(np.arange(own.size).reshape(own.shape), shape)
        found.append(int(places.ravel()[j]) if shape else 0)
    return found


def _strong(x: Any) -> ArrayType:
    return array_type(type_of(x).shape, type_of(x).dtype)
