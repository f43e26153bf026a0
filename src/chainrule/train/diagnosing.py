"""Training under a doctor's eye: the step that stops being finite is run again to find the place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.data.batching import Batch
from chainrule.errors import NotFiniteError
from chainrule.explanation.diagnose import Diagnosis, diagnose
from chainrule.optim import Transform
from chainrule.train.step import Metrics, Objective, State, Step, make_step


def diagnosed(step: Step, objective: Objective, optimizer: Transform) -> Step:
    """Return the step, which raises with the place where NaN or an infinity was born if its result holds one.

    The parameters and the optimiser's state are kept until a step has passed, because a compiled step may reuse their
    memory. A step that fails is run again on them, one op after the other, whichever way it was run at first.

    Args:
        step: eager or compiled.
        objective: what it makes small.
        optimizer: what makes its updates.

    Raises:
        NotFiniteError: by the returned step; its `diagnosis` is what was found.

    Examples:
        >>> from chainrule.optim import sgd
        >>> from chainrule.train import initial_state
        >>> def objective(w, batch):
        ...     return np.mean(np.sqrt(batch.x @ w)), {}
        >>> step = diagnosed(make_step(objective, sgd(0.1)), objective, sgd(0.1))
        >>> try:
        ...     step(initial_state(np.zeros(2), sgd(0.1)), Batch(np.ones((3, 2)), np.ones(3)))
        ... except NotFiniteError as error:
        ...     print(error.diagnosis.backward.pattern)
        square root at 0
    """
    count = 0

    def watched(state: State, batch: Batch) -> tuple[State, Metrics]:
        nonlocal count
        count += 1
        kept, kept_batch = tree.map(_copied, state), tree.map(_copied, batch)
        with np.errstate(all="ignore"):  # an infinity is found below
            new, metrics = step(state, batch)
        if _is_finite(new) and _is_finite(dict(metrics)):
            return new, metrics
        found = find_origin(objective, optimizer, kept, kept_batch)
        if found.is_finite and _is_finite(new) and np.isfinite(metrics["loss"]):
            return new, metrics  # a metric alone, such as a norm whose squares overflow
        raise _error(f"step {count}", found)

    return watched


def find_origin(
    objective: Objective, optimizer: Transform, state: State, batch: Batch
) -> Diagnosis:
    """Diagnose the objective; if that is finite with its gradient, the whole step with the optimiser's update."""
    found = diagnose(objective, state.params, batch, has_aux=True)
    return found if not found.is_finite else diagnose(_next(objective, optimizer), state, batch)


def _next(objective: Objective, optimizer: Transform) -> Callable[[State, Batch], State]:
    """Return the step without its metrics: a norm may overflow though the gradient does not."""
    step = make_step(objective, optimizer)
    return lambda state, batch: step(state, batch)[0]


def diagnosed_measure(
    measured: Callable[[Any], dict[str, float]], objective: Objective, examples: Batch
) -> Callable[[Any], dict[str, float]]:
    """Return a measure that raises with the place where its loss stopped being finite."""

    def watched(params: Any) -> dict[str, float]:
        metrics = measured(params)
        if np.isfinite(metrics["loss"]):
            return metrics
        raise _error("the validation", diagnose(objective, params, examples, has_aux=True))

    return watched


def health(objective: Objective, optimizer: Transform, state: State, batch: Batch) -> Diagnosis:
    """Diagnose the parameters as they are, with the update that the optimiser would make of them next."""
    return diagnose(
        objective, state.params, batch, has_aux=True, optimizer=optimizer, state=state.optimizer
    )


def health_config(found: Diagnosis) -> list[dict[str, Any]]:
    """Return per parameter what a run's result.json holds; what is not finite is None there."""
    return [
        {
            "parameter": p.name,
            "weight": _plain(p.weight),
            "gradient": _plain(p.gradient),
            "update_ratio": _plain(p.ratio),
            "remark": p.reason,
        }
        for p in found.parameters
    ]


def _plain(x: float | None) -> float | None:
    return None if x is None or not np.isfinite(x) else float(x)


def _error(where: str, found: Diagnosis) -> NotFiniteError:
    origin = found.origin
    if origin is None:
        return NotFiniteError.from_no_place(where)
    advice = f"{origin.pattern}: {origin.rewrite}" if origin.pattern else ""
    error = NotFiniteError.from_place(where, origin.facts(), advice, origin.position)
    error.diagnosis = found
    return error


def _copied(x: Any) -> Any:
    return np.array(x) if isinstance(x, np.ndarray) else x


def _is_finite(container: Any) -> bool:
    return all(bool(np.isfinite(x).all()) for x in tree.leaves(container))
