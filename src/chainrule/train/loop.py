"""The loop around a step."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from chainrule.compiler.compiled import compile as compile_step
from chainrule.data.batching import Batch, batches
from chainrule.errors import ArgumentError
from chainrule.optim import Transform
from chainrule.train.diagnosing import diagnosed, diagnosed_measure
from chainrule.train.metrics import Means
from chainrule.train.step import Objective, State, Step, initial_state, make_step

Watch = Callable[[Iterable[Batch]], Iterable[Batch]]
_MEASURED_AT_ONCE = 4096


class Epoch(NamedTuple):
    """Where the training stands after every example was seen once more.

    Attributes:
        number: counted from 1.
        state: after the last step.
        training: means over the epoch, while the parameters were changing.
        validation: measured after the epoch; empty without a validation part.
        best: the number of the epoch with the smallest loss so far.
        best_params: the parameters after that epoch.
    """

    number: int
    state: State
    training: dict[str, float]
    validation: dict[str, float]
    best: int
    best_params: Any

    @property
    def is_best(self) -> bool:
        """Whether no epoch before had a smaller loss."""
        return self.best == self.number


class Fit(NamedTuple):
    """What a training gave: the best parameters and every epoch."""

    params: Any
    history: tuple[Epoch, ...]


def fit(
    objective: Objective,
    params: Any,
    train: Batch,
    validation: Batch | None = None,
    *,
    optimizer: Transform,
    rng: np.random.Generator,
    epochs: int = 100,
    batch_size: int = 32,
    patience: int = 10,
    diagnose: bool = False,
    compiled: bool = True,
) -> Fit:
    """Train until the validation loss has not fallen for some epochs; return the best parameters.

    Args:
        objective: `objective(params, batch) -> (loss, metrics)`.
        params: a model or another container of arrays.
        train: the examples to learn from.
        validation: the examples to stop by; the training loss decides without them.
        optimizer: what makes updates out of gradients.
        rng: shuffles the examples.
        epochs: how often every example is seen, at most.
        batch_size: how many examples make a step.
        patience: how many epochs to go on without a new best one.
        diagnose: name the place where NaN or an infinity is born, if one is; see `diagnosed`.
        compiled: run each step as one native function; see `chainrule.compile`.

    Returns:
        The parameters after the best epoch, and what every epoch gave.

    Examples:
        >>> def distance(params, batch):
        ...     return np.mean((params - batch.y) ** 2), {}
        >>> from chainrule.optim import sgd
        >>> examples = Batch(np.zeros((4, 1)), np.full(4, 3.0))
        >>> rng = np.random.default_rng(0)
        >>> fit(distance, np.zeros(()), examples, optimizer=sgd(0.1), rng=rng).params.round(3)
        np.float64(3.0)
    """
    step = make_step(objective, optimizer)
    if compiled:
        step = compile_step(step)
    measured = None if validation is None else held_out_measure(objective, validation)
    if diagnose:
        step = diagnosed(step, objective, optimizer)
        if measured is not None and validation is not None:
            measured = diagnosed_measure(measured, objective, validation)
    history = tuple(
        iterate(
            step,
            initial_state(params, optimizer),
            train,
            measure=measured,
            rng=rng,
            epochs=epochs,
            batch_size=batch_size,
            patience=patience,
        )
    )
    return Fit(history[-1].best_params, history)


def iterate(
    step: Step,
    state: State,
    train: Batch,
    *,
    measure: Callable[[Any], dict[str, float]] | None,
    rng: np.random.Generator,
    epochs: int = 100,
    batch_size: int = 32,
    patience: int = 10,
    watch: Watch = iter,
) -> Iterator[Epoch]:
    """Train, and yield after each epoch where it stands; stop as `fit` does.

    Args:
        step: `step(state, batch) -> (state, metrics)`.
        state: where to start.
        train: the examples to learn from.
        measure: from parameters to metrics on examples that are not learned from.
        rng: shuffles the examples.
        epochs: how often every example is seen, at most.
        batch_size: how many examples make a step.
        patience: how many epochs to go on without a new best one.
        watch: wraps the batches of each epoch, as a progress bar does.

    Yields:
        One record per epoch.

    Raises:
        ArgumentError: an option is out of its range, or the loss is no longer finite.
    """
    for name, value in (("epochs", epochs), ("patience", patience)):
        if value < 1:
            raise ArgumentError.from_range("training", name, value, "at least 1")
    best, best_loss, best_params = 0, math.inf, state.params
    for number in range(1, epochs + 1):
        state, training = _pass(step, state, watch(batches(*train, size=batch_size, rng=rng)))
        validation = {} if measure is None else measure(state.params)
        loss = (validation or training)["loss"]
        if not math.isfinite(training["loss"] + loss):
            raise ArgumentError.from_diverged(number, loss)
        if loss < best_loss:
            best, best_loss, best_params = number, loss, state.params
        yield Epoch(number, state, training, validation, best, best_params)
        if number - best >= patience:
            return


def measure(objective: Objective, params: Any, examples: Batch) -> dict[str, float]:
    """Return the loss and the metrics of fixed parameters, as means over examples."""
    means = Means()
    for batch in batches(*examples, size=_MEASURED_AT_ONCE):
        with np.errstate(all="ignore"):  # a loss that is not finite is reported by the loop
            loss, metrics = objective(params, batch)
        means.add({"loss": loss, **metrics}, batch.size)
    return means.result()


def held_out_measure(objective: Objective, examples: Batch) -> Callable[[Any], dict[str, float]]:
    """Return the measure of parameters on examples that are not learned from."""
    return lambda now: measure(objective, now, examples)


def _pass(step: Step, state: State, examples: Iterable[Batch]) -> tuple[State, dict[str, float]]:
    """Take one step per batch."""
    means = Means()
    with np.errstate(all="ignore"):  # a loss that is not finite is reported by the loop
        for batch in examples:
            state, metrics = step(state, batch)
            means.add(metrics, batch.size)
    return state, means.result()
