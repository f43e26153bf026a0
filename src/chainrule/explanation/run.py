"""A recorded run with what flowed back, and the questions a diagnosis asks of it."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

import numpy as np

from chainrule.core.trace import OUTPUT, Node, topological
from chainrule.explanation.anomalies import Entry, has_nan, is_finite
from chainrule.explanation.tape import value_of
from chainrule.explanation.watching import Recording

_BY_ENTRY = frozenset({"where"})
"""Ops that go element by element though their kind does not say so."""


@dataclass(frozen=True, eq=False)
class Run:
    """A recorded run, and what flowed back.

    Attributes:
        recording: the tape and the lines.
        outputs: the nodes of the results that are asked about.
        wanted: the inputs whose gradients are.
        totals: the cotangent of every node that was reached; a list for several outputs.
    """

    recording: Recording
    outputs: tuple[Node, ...]
    wanted: tuple[Node, ...]
    totals: Mapping[Node, Any]

    @functools.cached_property
    def order(self) -> list[Node]:
        """The nodes that the results depend on, parents first."""
        return topological(self.outputs)

    @functools.cached_property
    def readers(self) -> Mapping[Node, list[Node]]:
        """Who reads a node, of those that the results depend on, first readers first."""
        found: dict[Node, list[Node]] = {}
        for node in self.order:
            for parent in dict.fromkeys(node.parents):
                if parent is not None:
                    found.setdefault(parent, []).append(node)
        return found

    @functools.cached_property
    def bad(self) -> frozenset[Node]:
        """The nodes of the whole tape whose value is not finite."""
        tape = self.recording.tape
        return frozenset(n for n in (*tape.inputs, *tape.nodes) if not is_finite(value_of(n)))

    @functools.cached_property
    def felt(self) -> frozenset[Node]:
        """Those of them from which a result is not finite."""
        return upstream(self.bad, [n for n in self.outputs if n in self.bad])

    @functools.cached_property
    def unfelt(self) -> frozenset[Node]:
        """The nodes of forward passes that are not finite and do not reach the end of theirs.

        In a function that takes a gradient itself a derivative rule may read them all the same.
        """
        swept = self.recording.swept
        forward = frozenset(n for n in self.bad if n not in swept)
        read = {p for n in self.recording.tape.nodes if n not in swept for p in n.parents}
        return forward - upstream(forward, [n for n in forward if n not in read])

    def is_birth(self, node: Node) -> bool:
        """Say whether the op made NaN of what held none, or an infinity of what was finite."""
        if node.op is None or node.op is OUTPUT:
            return False
        args = node.args
        if node in self.recording.swept:
            args = [a for a, p in zip(args, node.parents, strict=True) if p not in self.unfelt]
        if all(map(is_finite, args)):
            return True
        if has_nan(value_of(node)) and not any(map(has_nan, args)):
            return True
        mask = born(node)
        return mask is not None and bool(mask.any())

    def terms(self, node: Node) -> Sequence[Any]:
        """Return what a node hands back to each of its parents; nothing if no cotangent reached it."""
        g = self.totals.get(node)
        if g is None or node.op is None:
            return ()
        if node.op is OUTPUT:
            return (g,)
        if type(g) is list:
            pairs = zip(g, node.type, strict=True)
            g = tuple(np.zeros(t.shape, t.dtype)[()] if p is None else p for p, t in pairs)
        return node.op.vjp(node.parents, g, node.out, node.args, node.params)

    def path(self, start: Node, prefers: Callable[[Node], bool]) -> list[Node]:
        """Return a shortest way from a node to a result, through such nodes as are preferred if there is one."""
        return self._path(start, prefers) or self._path(start, lambda node: True)

    def _path(self, start: Node, allows: Callable[[Node], bool]) -> list[Node]:
        ends, came, queue = set(self.outputs), {start: start}, deque([start])
        while queue:
            node = queue.popleft()
            if node in ends:
                way = [node]
                while way[-1] is not start:
                    way.append(came[way[-1]])
                return way[-2::-1]
            for reader in self.readers.get(node, ()):
                if reader not in came and allows(reader):
                    came[reader] = node
                    queue.append(reader)
        return []


def upstream(bad: frozenset[Node], ends: Iterable[Node]) -> frozenset[Node]:
    """Return `ends` and the nodes of `bad` that lead to them through such nodes only."""
    seen = set(ends)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent in bad and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return frozenset(seen)


def in_order(nodes: Iterable[Node]) -> list[Node]:
    """Return nodes in the order they were recorded."""
    return sorted(nodes, key=attrgetter("number"))


def bad_constant(node: Node) -> Any:
    """Return a constant operand that is not finite; None if there is none."""
    pairs = zip(node.parents, node.args, strict=False)
    return next((a for p, a in pairs if p is None and not is_finite(a)), None)


def born(node: Node) -> Any:
    """Return the entries that are not finite though the operands there are; None for an op that mixes entries."""
    if not _is_by_entry(node):
        return None
    out = np.asarray(value_of(node))
    mask = ~np.isfinite(out)
    for a in node.args:
        mask = mask & (np.isfinite(a) if np.asarray(a).dtype.kind in "fc" else True)
    return mask if mask.shape == out.shape else None


def at_entry(node: Node, entry: Entry) -> tuple[Any, ...]:
    """Return the operands at an entry of the result, of an op that goes element by element."""
    shape = np.shape(value_of(node))
    if not _is_by_entry(node) or len(shape) != len(entry):
        return ()
    return tuple(np.broadcast_to(np.asarray(a), shape)[entry] for a in node.args)


def _is_by_entry(node: Node) -> bool:
    return node.op is not None and (node.op.kind == "elementwise" or node.op.name in _BY_ENTRY)
