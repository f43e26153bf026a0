"""One step of training: a pure function from a state and a batch to the next state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from chainrule.autodiff.transforms import value_and_grad
from chainrule.data.batching import Batch
from chainrule.optim import Transform, apply_updates
from chainrule.optim.arithmetic import global_norm

Metrics = Mapping[str, Any]
Objective = Callable[[Any, Batch], tuple[Any, Metrics]]
"""`objective(params, batch) -> (loss, metrics)`, both means over the batch."""


class State(NamedTuple):
    """All that a step changes: the parameters, and what the optimiser remembers."""

    params: Any
    optimizer: Any


Step = Callable[[State, Batch], tuple[State, Metrics]]


def make_step(objective: Objective, optimizer: Transform) -> Step:
    """Return the step that moves the parameters down the gradient of an objective.

    Args:
        objective: from parameters and a batch to the loss and other metrics.
        optimizer: what makes updates out of gradients.

    Returns:
        `step(state, batch) -> (state, metrics)`, which changes nothing in place; the metrics are
        the objective's, the loss, and the norm of the gradient.
    """

    def step(state: State, batch: Batch) -> tuple[State, Metrics]:
        (loss, metrics), gradients = value_and_grad(objective, has_aux=True)(state.params, batch)
        updates, remembered = optimizer.update(gradients, state.optimizer, state.params)
        measured = {"loss": loss, "gradient_norm": global_norm(gradients), **metrics}
        return State(apply_updates(state.params, updates), remembered), measured

    return step


def initial_state(params: Any, optimizer: Transform) -> State:
    """Return the state before the first step."""
    return State(params, optimizer.init(params))
