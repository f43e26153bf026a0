"""Reverse mode: carry the cotangent of the result back to the inputs, node by node."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.op import Op
from chainrule.core.trace import OUTPUT, Node, is_following, topological
from chainrule.core.types import ArrayType, Value
from chainrule.ops.elementwise import STRONG_ZERO

SWEPT: ContextVar[Node | None] = ContextVar("swept", default=None)
"""The node whose cotangent a sweep hands back now; set only where an outer trace records what the rules do."""

HandBack = Callable[[Node, Op, Value, bool, "_Adjoints"], None]


def sweep(
    seeds: Sequence[tuple[Node, Value]],
    inputs: Sequence[Node],
    *,
    release: bool,
    visit: Callable[[Node, Value], None] | None = None,
) -> list[Value]:
    """Return the cotangent of every input: upstream times local, summed where paths meet.

    Args:
        seeds: the results' nodes with their cotangents.
        inputs: the nodes whose cotangents are wanted.
        release: let go of what the nodes keep as soon as it was used; the sweep cannot be repeated
            then.
        visit: is called with every node of an op and its cotangent, a list for several outputs, before that is handed
            on; the cotangent stays as it is then. A zero that stops at once is not handed on.

    Returns:
        One cotangent per input, None where no path leads to it.
    """
    adjoints = _Adjoints()
    for node, g in seeds:
        adjoints.add(node, g)
    strong_zero = STRONG_ZERO.get()
    hand_back: HandBack = _hand_back_noted if is_following() else _hand_back
    if visit is not None:
        hand_back = _visiting(visit, hand_back)
    order = topological(node for node, _ in seeds)
    while order:
        node = order.pop()
        if node.op is None:
            continue
        g, is_owned = adjoints.take(node)
        if g is not None and not (strong_zero and _is_zero(g)):
            hand_back(node, node.op, g, is_owned, adjoints)
        if release:
            node.release()
    return [adjoints.result(node) for node in inputs]


def _is_zero(g: Value) -> bool:
    """Say whether a cotangent is zero in every element and output, and plainly so."""
    if type(g) is list:
        return all(part is None or _is_zero(part) for part in g)
    return type(g) not in HANDLES and not np.any(g)


def _hand_back(node: Node, op: Op, g: Value, is_owned: bool, adjoints: _Adjoints) -> None:  # noqa: FBT001  hot
    """Hand the cotangent of one node to its parents."""
    parents = node.parents
    if op is OUTPUT:
        adjoints.add_output(parents[0], node.params["index"], g)
        return
    if (
        op.accumulate is not None
        and adjoints.is_plain(parents[0], g)
        and not _holds_traced(node.args[1:])
    ):
        op.accumulate(adjoints.buffer(parents[0]), g, node.args, node.params)
        return
    if op.consume is not None and type(g) is np.ndarray and not _holds_traced(node.args[2:]):
        terms = op.consume(parents, g if is_owned else g.copy(), node.args, node.params)
        if parents[0] is not None:
            adjoints.hand_on(parents[0], terms[0])
        parents, terms = parents[1:], terms[1:]
    else:
        if type(g) is list:
            g = tuple(
                [_zeros(t) if part is None else part for part, t in zip(g, node.type, strict=True)]
            )
        terms = op.vjp(parents, g, node.out, node.args, node.params)
    for parent, term in zip(parents, terms):  # noqa: B905  strict= costs, and there is one term per argument
        if parent is not None and term is not None:
            adjoints.add(parent, term)


def _holds_traced(indices: Sequence[Value]) -> bool:
    """Say whether an index array is traced: a compiled step's may be."""
    for i in indices:  # noqa: SIM110  half the time of any()
        if type(i) in HANDLES:
            return True
    return False


def _hand_back_noted(node: Node, op: Op, g: Value, is_owned: bool, adjoints: _Adjoints) -> None:  # noqa: FBT001
    """Hand back, and let an outer trace know of which node."""
    outer = SWEPT.get()
    try:
        SWEPT.set(node)  # in here: an interruption right behind it is undone as well
        _hand_back(node, op, g, is_owned, adjoints)
    finally:
        SWEPT.set(outer)


def _visiting(visit: Callable[[Node, Value], None], hand_back: HandBack) -> HandBack:
    """Return what shows every cotangent to `visit` first, and then leaves it as it is."""

    def shown_and_handed_back(node: Node, op: Op, g: Value, _: object, adjoints: _Adjoints) -> None:
        visit(node, g)
        hand_back(node, op, g, False, adjoints)  # noqa: FBT003  as positional as the hot path

    return shown_and_handed_back


class _Adjoints:
    """The cotangents under way. Those in `owned` are arrays of the sweep's own, added to in place."""

    def __init__(self) -> None:
        self.values: dict[Node, Value] = {}
        self.owned: set[Node] = set()

    def add(self, node: Node, term: Value) -> None:
        known = self.values.get(node)
        if known is None:
            self.values[node] = term
        elif node in self.owned and type(term) not in HANDLES:
            known += term
        else:
            total = self.values[node] = known + term
            if type(total) is np.ndarray:
                self.owned.add(node)

    def add_output(self, node: Node, index: int, g: Value) -> None:
        """Add to the cotangent of one output of a node with several."""
        parts = self.values.setdefault(node, [None] * len(node.type))
        parts[index] = g if parts[index] is None else parts[index] + g

    def is_plain(self, node: Node, g: Value) -> bool:
        """Say whether neither `g` nor what is known of the cotangent of `node` is traced."""
        return type(g) not in HANDLES and type(self.values.get(node)) not in HANDLES

    def buffer(self, node: Node) -> Any:
        """Return the cotangent of `node` as an array of the sweep's own, ready to be added to in place."""
        known = self.values.get(node)
        if known is None:
            known = self.values[node] = np.zeros(node.type.shape, node.type.dtype)
        elif node not in self.owned:
            known = self.values[node] = np.array(known)
        self.owned.add(node)
        return known

    def hand_on(self, node: Node, g: Any) -> None:
        """Add a cotangent whose array the sweep owns."""
        if node in self.values:
            self.add(node, g)
        else:
            self.values[node] = g
            self.owned.add(node)

    def take(self, node: Node) -> tuple[Value, bool]:
        """Remove and return the cotangent of `node`, and whether it is an array of the sweep's own."""
        is_owned = node in self.owned
        self.owned.discard(node)
        return self.values.pop(node, None), is_owned

    def result(self, node: Node) -> Value:
        """Return the cotangent of an input; it shares memory with nothing."""
        g = self.values.get(node)
        if type(g) is np.ndarray and node not in self.owned:
            return g.copy()
        return g


def _zeros(t: ArrayType) -> Value:
    return np.zeros(t.shape, t.dtype)[()]


def zeros_for(x: Value) -> Value:
    """Return the cotangent of a value that the result does not depend on."""
    return _zeros(type_of(x))
