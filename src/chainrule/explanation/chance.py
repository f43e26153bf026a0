"""What a classifier's loss is when it knows nothing: found from the end of its tape."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from chainrule.core.trace import Node
from chainrule.explanation.tape import value_of
from chainrule.explanation.units import is_sigmoid

_CLOSE = 0.05
_PASSES = frozenset(
    {"getitem", "take_along_axis", "where", "multiply", "add", "clip", "maximum", "reshape"}
)
"""Ops that may stand between probabilities and their logarithm."""


@dataclass(frozen=True)
class Chance:
    """The loss of guessing.

    Attributes:
        what: the kind of loss.
        classes: among how many classes.
        level: the loss of guessing, per example.
        loss: the loss at hand, per example.
    """

    what: str
    classes: int
    level: float
    loss: float

    @property
    def is_at_chance(self) -> bool:
        """Whether the loss is that of guessing, within 5 percent."""
        return abs(self.loss - self.level) <= _CLOSE * self.level

    def __str__(self) -> str:
        name = f"ln {self.classes}" if self.what != "hinge" else f"{self.classes} classes less one"
        return f"{self.what} of {self.classes} classes: guessing costs {name} = {self.level:.9g}"


@dataclass(frozen=True, eq=False)
class Head:
    """A kind of loss: `classes(node)` returns how many classes, and the margin; None for another node."""

    what: str
    classes: Callable[[Node], tuple[int, float] | None]
    level: Callable[[int, float], float]


def chance_of(order: Sequence[Node], loss: float) -> Chance | None:
    """Return the loss of guessing for a program, parents first, if its end is that of a classifier."""
    for node in reversed(order):
        for head in HEADS:
            found = head.classes(node) if node.op is not None else None
            if found is None or found[0] < 2:
                continue
            classes, margin = found
            level = head.level(classes, margin)
            width = 1 if head.what.startswith("sigmoid") else classes
            examples = max(1, _size(node) // width)
            each = loss / examples
            is_sum = abs(each - level) < abs(loss - level)
            return Chance(head.what, classes, level, each if is_sum else loss)
    return None


def _size(node: Node) -> int:
    """Return how many scores a head was taken of."""
    name = node.op.name if node.op is not None else ""
    first = node.args[0] if name == "logsumexp" else value_of(node)
    return int(np.size(first))


def _softmax_classes(node: Node) -> tuple[int, float] | None:
    assert node.op is not None
    if node.op.name == "log_softmax":
        return _along(node), 1.0
    if node.op.name == "logsumexp":
        return np.size(node.args[0]) // max(1, np.size(value_of(node))), 1.0
    before = _maker(node.parents[0]) if node.op.name == "log" else None
    if before is not None and before.op is not None and before.op.name == "softmax":
        return _along(before), 1.0
    return None if before is None else _written_out(before)


def _written_out(node: Node) -> tuple[int, float] | None:
    """Recognise `sum(exp(x))` and `exp(x) / sum(exp(x))`, whose logarithm is taken."""
    exponential = node.parents[0] if node.parents else None
    if exponential is None or exponential.op is None or exponential.op.name != "exp":
        return None
    assert node.op is not None
    total = {"sum": node, "divide": node.parents[-1]}.get(node.op.name)
    if total is None:
        return None
    return exponential.type.size // max(1, total.type.size), 1.0


def _along(node: Node) -> int:
    shape, axes = node.type.shape, node.params.get("axis")
    axes = range(len(shape)) if axes is None else (axes,) if isinstance(axes, int) else axes
    return math.prod(shape[i] for i in axes)


def _maker(node: Node | None) -> Node | None:
    """Walk back over picking and flooring to what made the probabilities."""
    while node is not None and node.op is not None and node.op.name in _PASSES:
        node = next((p for p in node.parents if p is not None), None)
    return node


def _sigmoid_classes(node: Node) -> tuple[int, float] | None:
    assert node.op is not None
    if node.op.name in {"softplus", "log_sigmoid", "log_expit"}:
        return 2, 1.0
    if node.op.name == "log":
        before = _maker(node.parents[0])
        while before is not None and before.op is not None and before.op.name == "subtract":
            before = next((p for p in before.parents if p is not None), None)
        if before is not None and is_sigmoid(before):
            return 2, 1.0
    return None


def _hinge_classes(node: Node) -> tuple[int, float] | None:
    """Recognise `maximum(scores - right + margin, 0)`."""
    assert node.op is not None
    shifted = node.parents[0] if node.op.name in {"maximum", "relu"} else None
    if shifted is None or shifted.op is None or shifted.op.name != "add" or not node.type.shape:
        return None
    if shifted.parents[1] is not None or np.size(shifted.args[1]) != 1:
        return None
    less = shifted.parents[0]
    if less is None or less.op is None or less.op.name != "subtract":
        return None
    right = less.args[1]
    if np.ndim(right) != np.ndim(less.args[0]) or np.shape(right)[-1] != 1:
        return None
    return int(node.type.shape[-1]), float(np.ravel(shifted.args[1])[0])


HEADS: tuple[Head, ...] = (
    Head("softmax cross-entropy", _softmax_classes, lambda k, margin: math.log(k)),
    Head("sigmoid cross-entropy", _sigmoid_classes, lambda k, margin: math.log(2)),
    Head("hinge", _hinge_classes, lambda k, margin: (k - 1) * margin),
)
"""The ends of a classifier that are known."""
