"""What an integrand depends on: the derivatives of one evaluation with respect to all that it closes over.

An integral over x follows θ by Leibniz' rule: d∫f = ∫ ∂f/∂θ dθ. Under forward mode the tangent of f is integrated.
Under reverse mode the nodes are found that f(x) was computed from and that are older than this evaluation; f(x) is
swept back to them, and what arrives there is integrated.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.autodiff.reverse import _Adjoints, _hand_back
from chainrule.core.cells import HANDLES, settled
from chainrule.core.op import FRONTS
from chainrule.core.trace import ForwardLevel, Level, Node, wrap
from chainrule.core.types import ArrayType, Value
from chainrule.scipy.levels import lowered, up_to

Integrand = Callable[[float], Value]
Integrate = Callable[[Integrand], Value]
"""From an integrand with one axis, which may be traced, to its integral."""


def moving_integral(level: Level, f: Integrand, integrate: Integrate) -> Value:
    """Return 0 with the derivative that the integral of `f` has at this level.

    Args:
        level: one that `f` depends on.
        f: returns an array with one axis.
        integrate: integrates functions that depend on levels further out.
    """
    if isinstance(level, ForwardLevel):
        moved = integrate(lambda x: _tangent(level, f(x)))
        return wrap(level, np.zeros(_shape(moved))[()], moved)
    reached = _Reached(level, f)
    return reached.moving_integral(integrate)


def _shape(x: Value) -> Any:
    return np.shape(x) if type(x) not in HANDLES else x.shape


def _tangent(level: Level, out: Value) -> Value:
    out = up_to(level, out)
    if type(out) in HANDLES and out.level is level:
        return out.node
    return FRONTS["zeros_like"](lowered(level, out))


class _Reached:
    """The nodes of one reverse level that evaluations of an integrand lead back to, in the order they are met."""

    def __init__(self, level: Level, f: Integrand) -> None:
        self.level = level
        self.f = f
        self.nodes: list[Node] = []

    def moving_integral(self, integrate: Integrate) -> Value:
        """Integrate the Jacobian with respect to all nodes; again, if some were met only on the way."""
        while True:
            count = len(self.nodes)
            integral = integrate(functools.partial(self._jacobian, count))
            if len(self.nodes) == count:
                return self._times_moves(integral)

    def _jacobian(self, count: int, x: float) -> Value:
        """Return the derivatives of f(x) with respect to the first `count` nodes, row after row, with one axis."""
        before = Node(None, (), {}, (), None, None).number
        out = up_to(self.level, self.f(x))
        rows = []
        for i in range(_shape(out)[0]):
            row = self._swept(out[i], before)
            rows += [FRONTS["ravel"](row.get(n, _zeros(n.type))) for n in self.nodes[:count]]
        return np.concatenate([np.zeros(0), *rows])

    def _swept(self, out: Value, before: int) -> dict[Node, Value]:
        """Carry a cotangent of 1 back from one number, as far as nodes older than its evaluation."""
        out = settled(out)
        if type(out) not in HANDLES or out.level is not self.level:
            return {}
        inner, reached = _parted(out.node, before)
        for node in reached:
            if node not in self.nodes:
                self.nodes.append(node)
        adjoints = _Adjoints()
        adjoints.add(out.node, out.type.dtype.type(1))
        for node in inner:
            g, is_owned = adjoints.take(node)
            if g is not None and node.op is not None:
                _hand_back(node, node.op, g, is_owned, adjoints)
        return {node: _filled(adjoints.result(node), node.type) for node in reached}

    def _times_moves(self, integral: Value) -> Value:
        """Return the sum of `integral` times a zero that moves with its node, over all nodes."""
        columns = [FRONTS["ravel"](wrap(self.level, _zeros(n.type), n)) for n in self.nodes]
        moves = np.concatenate(columns) if columns else np.zeros(0)
        width = _shape(moves)[0]
        height = _shape(integral)[0] // width if width else 1
        return FRONTS["reshape"](integral, (height, width)) @ moves if width else np.zeros(1)


def _parted(end: Node, before: int) -> tuple[list[Node], list[Node]]:
    """Return the nodes that `end` depends on: the young ones, last first, and the first older ones on every path."""
    if end.number < before:
        return [], [end]
    young, old, stack = {end}, set(), [end]
    while stack:
        for parent in stack.pop().parents:
            if parent is None or parent in young:
                continue
            if parent.number < before:
                old.add(parent)
            else:
                young.add(parent)
                stack.append(parent)
    return (
        sorted(young, key=lambda node: -node.number),
        sorted(old, key=lambda node: node.number),
    )


def _zeros(t: ArrayType | tuple[ArrayType, ...]) -> Value:
    assert isinstance(t, ArrayType)
    return np.zeros(t.shape, t.dtype)[()]


def _filled(g: Value, t: Any) -> Value:
    return _zeros(t) if g is None else g
