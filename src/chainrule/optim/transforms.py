"""The steps that optimisers are made of: pure, and plain NumPy, so that they can be traced.

Complex parameters: the gradient of a real function is df/dRe - i df/dIm, so the way down is its
conjugate. `scale_by_learning_rate` takes it; before it all is in the convention of the gradient.
"""

# ruff: noqa: ARG001  every `init` and `update` takes the parameters, needed or not

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.optim.arithmetic import (
    check_fraction,
    check_positive,
    conjugate,
    global_norm,
    matched,
)
from chainrule.optim.transform import Transform, stateless

Schedule = Callable[[Value], Value]
"""The learning rate of a step, from the number of steps taken before it."""


class ScheduleState(NamedTuple):
    """How many updates were made."""

    count: Value


class TraceState(NamedTuple):
    """The velocity."""

    velocity: Any


def scale(factor: float) -> Transform:
    """Multiply by a number."""
    return stateless(
        lambda gradients, params: tree.map(lambda g: g * matched(factor, g), gradients)
    )


def scale_by_learning_rate(learning_rate: float | Schedule) -> Transform:
    """Turn a gradient into a step against it: multiply its conjugate by `-learning_rate`.

    Args:
        learning_rate: a number, or a function from the number of updates made so far to a number.
    """
    if callable(learning_rate):
        return _scale_by_schedule(learning_rate)
    return stateless(
        lambda gradients, params: tree.map(lambda g: _against(g, learning_rate), gradients)
    )


def _scale_by_schedule(schedule: Schedule) -> Transform:
    def init(params: Any) -> ScheduleState:
        return ScheduleState(np.int64(0))

    def update(
        gradients: Any, state: ScheduleState, params: Any = None
    ) -> tuple[Any, ScheduleState]:
        learning_rate = schedule(state.count)
        updates = tree.map(lambda g: _against(g, learning_rate), gradients)
        return updates, ScheduleState(state.count + 1)

    return Transform(init, update)


def _against(g: Value, learning_rate: Value) -> Value:
    return -matched(learning_rate, g) * conjugate(g)


def trace(decay: float, *, nesterov: bool = False) -> Transform:
    """Keep a velocity `v ← decay · v + u` of the updates `u`, and step by it.

    With `nesterov` the step is `decay · v + u`: parameters are then those of the look-ahead, where
    the next gradient is taken.
    """
    decay = check_fraction("trace", "decay", decay)

    def init(params: Any) -> TraceState:
        return TraceState(tree.map(np.zeros_like, params))

    def update(updates: Any, state: TraceState, params: Any = None) -> tuple[Any, TraceState]:
        velocity = tree.map(lambda u, v: decay * v + u, updates, state.velocity)
        step = tree.map(lambda u, v: decay * v + u, updates, velocity) if nesterov else velocity
        return step, TraceState(velocity)

    return Transform(init, update)


def add_decayed_weights(decay: float) -> Transform:
    """Add `decay · w`, the gradient of `½ decay · w²`, for every parameter w."""

    def update(gradients: Any, params: Any) -> Any:
        if params is None:
            raise ArgumentError.from_missing_parameters("add_decayed_weights")
        return tree.map(lambda g, w: g + matched(decay, w) * conjugate(w), gradients, params)

    return stateless(update)


def clip(limit: float) -> Transform:
    """Bring every element into [-limit, limit]."""
    limit = check_positive("clip", "limit", limit)
    return stateless(
        lambda gradients, params: tree.map(lambda g: np.clip(g, -limit, limit), gradients)
    )


def clip_by_global_norm(limit: float) -> Transform:
    """Shrink all gradients by one factor if their common norm exceeds `limit`."""
    limit = check_positive("clip_by_global_norm", "limit", limit)

    def update(gradients: Any, params: Any) -> Any:
        factor = limit / np.maximum(global_norm(gradients), limit)
        return tree.map(lambda g: g * matched(factor, g), gradients)

    return stateless(update)
