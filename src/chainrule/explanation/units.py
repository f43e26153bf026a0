"""How the units of a network fared: activations found on a tape, and which of their units are saturated or dead."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from chainrule.core.trace import Node
from chainrule.explanation.run import Run
from chainrule.explanation.tape import value_of
from chainrule.position import Position

_COMPARED = frozenset({"greater", "greater_equal", "less", "less_equal"})
SATURATED = 0.05
"""A unit is saturated where its slope is below this share of the steepest: for a sigmoid beyond about ±4.4."""

Before = Callable[[Node, frozenset[Node]], Any]
"""From a node, and the nodes that were compared with something."""


@dataclass(frozen=True, eq=False)
class Activation:
    """A kind of activation that can be told by its node.

    Attributes:
        name: what it is called.
        before: `before(node, compared)` returns what goes into it, None for a node that is no such activation.
        slope: the derivative at every entry, of input and output.
        steepest: the largest derivative.
        has_zero_side: whether it is flat on one side, so that a unit can be dead.
    """

    name: str
    before: Before
    slope: Callable[[Any, Any], Any]
    steepest: float
    has_zero_side: bool


@dataclass(frozen=True, eq=False)
class Units:
    """The units of one call of an activation: along the last axis; what is before it is the batch.

    Attributes:
        kind: the activation's name.
        name: what the result is called.
        count: how many units; 1 for a number.
        examples: how many values each has.
        slopes: the lowest, mean and highest derivative: the amplifiers of the backward pass.
        saturated: the share of entries whose slope is below `SATURATED` of the steepest.
        stuck: how many units are so for the whole batch.
        dead: how many units are 0 with slope 0 for the whole batch; of activations with a flat side only.
        position: the user's line.
        scope: the named part of the program, such as a layer.
        calls: how many calls are taken together: `stuck` and `dead` are those of the worst then.
    """

    kind: str
    name: str
    count: int
    examples: int
    slopes: tuple[float, float, float]
    saturated: float
    stuck: int
    dead: int
    position: Position | None
    scope: str
    calls: int = 1

    @property
    def is_judged(self) -> bool:
        """Whether there is a batch: one example says nothing of a unit."""
        return self.examples > 1


def is_sigmoid(node: Node) -> bool:
    """Recognise a sigmoid: the op, or `1 / (1 + exp(-z))` written out."""
    return _sigmoid(node) is not None


def units_of(run: Run) -> Iterator[Units]:
    """Measure every activation that the results depend on, in forward order."""
    recording = run.recording
    compared = frozenset(p for cut in recording.cuts if cut.op in _COMPARED for p in cut.parents)
    for node in run.order:
        found = ((a, a.before(node, compared)) for a in ACTIVATIONS)
        activation, z = next(((a, z) for a, z in found if z is not None), (None, None))
        if activation is None or not np.size(value_of(node)):
            continue
        a = np.asarray(value_of(node))
        slope = np.broadcast_to(activation.slope(np.asarray(z), a), a.shape)
        flat = (slope < SATURATED * activation.steepest).reshape(-1, a.shape[-1] if a.ndim else 1)
        zero = (slope == 0).reshape(flat.shape)
        yield Units(
            activation.name,
            recording.tape.name(node),
            flat.shape[1],
            flat.shape[0],
            _spread(slope),
            float(flat.mean()),
            int(flat.all(axis=0).sum()),
            int(zero.all(axis=0).sum()) if activation.has_zero_side else 0,
            recording.position(node),
            node.scope,
        )


def _spread(slope: Any) -> tuple[float, float, float]:
    """Return the lowest, the mean and the highest of the slopes that are numbers."""
    known = slope[np.isfinite(slope)]
    if not known.size:
        return (np.nan, np.nan, np.nan)
    return (float(known.min()), float(known.mean()), float(known.max()))


def by_line(every: Iterable[Units]) -> tuple[Units, ...]:
    """Take the calls of one line together, such as those in a loop, in the order of the first."""
    groups: dict[tuple[Any, ...], list[Units]] = {}
    for u in every:
        groups.setdefault((u.kind, u.position, u.scope, u.count, u.examples), []).append(u)
    return tuple(map(_together, groups.values()))


def _together(calls: Sequence[Units]) -> Units:
    known = [u.slopes for u in calls if np.isfinite(u.slopes[1])] or [calls[0].slopes]
    lowest, means, highest = zip(*known, strict=True)
    return replace(
        calls[0],
        slopes=(min(lowest), sum(means) / len(means), max(highest)),
        saturated=sum(u.saturated for u in calls) / len(calls),
        stuck=max(u.stuck for u in calls),
        dead=max(u.dead for u in calls),
        calls=len(calls),
    )


def _of_op(*names: str) -> Before:
    def before(node: Node, _: frozenset[Node]) -> Any:
        return node.args[0] if node.op is not None and node.op.name in names else None

    return before


def _sigmoid(node: Node, _: frozenset[Node] = frozenset()) -> Any:
    """Return what a sigmoid was taken of."""
    if node.op is None:
        return None
    if node.op.name in {"sigmoid", "expit"}:
        return node.args[0]
    chain: list[Node] = [node]
    for name in ("add", "exp"):
        parents = [p for p in chain[-1].parents if p is not None]
        if len(parents) != 1 or parents[0].op is None or parents[0].op.name != name:
            return None
        chain.append(parents[0])
    is_inverse = (
        node.op.name == "divide" and node.parents[0] is None and np.all(np.equal(node.args[0], 1))
    )
    plus_one = any(
        p is None and np.all(np.equal(a, 1))
        for p, a in zip(chain[1].parents, chain[1].args, strict=True)
    )
    if not plus_one or not (is_inverse or node.op.name == "reciprocal"):
        return None
    return np.negative(chain[2].args[0])


def _relu(node: Node, compared: frozenset[Node]) -> Any:
    """Return what a relu was taken of: the op, a maximum with 0, a choice or a product by the sign."""
    form = _RELU_FORMS.get(node.op.name) if node.op is not None else None
    return None if form is None else form(node, compared)


def _maximum_with_zero(node: Node, _: frozenset[Node]) -> Any:
    for x, other, parent in zip(node.args, node.args[::-1], node.parents[::-1], strict=True):
        if parent is None and _is_zero(other):
            return x
    return None


def _choice_by_sign(node: Node, compared: frozenset[Node]) -> Any:
    mask, x, other = node.args
    is_relu = node.parents[1] in compared and _is_zero(other) and _is_mask_of(mask, x)
    return x if is_relu else None


def _product_by_sign(node: Node, compared: frozenset[Node]) -> Any:
    for x, mask, parent in zip(node.args, node.args[::-1], node.parents, strict=True):
        if parent in compared and _is_mask_of(mask, x):
            return x
    return None


_RELU_FORMS: dict[str, Before] = {
    "relu": lambda node, _: node.args[0],
    "maximum": _maximum_with_zero,
    "fmax": _maximum_with_zero,
    "where": _choice_by_sign,
    "multiply": _product_by_sign,
}


def _is_zero(x: Any) -> bool:
    return not isinstance(x, str) and np.size(x) > 0 and not np.any(x)


def _is_mask_of(mask: Any, x: Any) -> bool:
    """Say whether a mask is true where `x` is positive."""
    return (
        isinstance(mask, np.ndarray)
        and mask.dtype.kind == "b"
        and np.shape(mask) == np.shape(x)
        and np.asarray(x).dtype.kind == "f"
        and bool(np.array_equal(mask, x > 0) or np.array_equal(mask, x >= 0))
    )


ACTIVATIONS: tuple[Activation, ...] = (
    Activation("sigmoid", _sigmoid, lambda z, a: a * (1 - a), 0.25, has_zero_side=False),
    Activation("tanh", _of_op("tanh"), lambda z, a: 1 - a * a, 1.0, has_zero_side=False),
    Activation("relu", _relu, lambda z, a: np.where(z > 0, 1.0, 0.0), 1.0, has_zero_side=True),
)
"""The activations that are judged."""
