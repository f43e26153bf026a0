"""Steps that divide every gradient by its own usual size: Adagrad, RMSProp, Adam."""

# ruff: noqa: ARG001  every `init` and `update` takes the parameters, needed or not

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule import tree
from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.optim.arithmetic import check_fraction, check_positive, matched, squared
from chainrule.optim.transform import Transform


class AdagradState(NamedTuple):
    """The sum of all squared gradients."""

    total: Any


class RMSState(NamedTuple):
    """The number of updates, and the moving average of the squared gradients."""

    count: Value
    square: Any


class AdamState(NamedTuple):
    """The number of updates, and the moving averages of the gradients and of their squares."""

    count: Value
    mean: Any
    square: Any


def scale_by_adagrad(*, epsilon: float = 1e-8) -> Transform:
    """Divide by the root of the sum of all squared gradients so far: `g / (√Σg² + epsilon)`."""
    epsilon = check_positive("scale_by_adagrad", "epsilon", epsilon)

    def init(params: Any) -> AdagradState:
        return AdagradState(_zero_squares(params))

    def update(gradients: Any, state: AdagradState, params: Any = None) -> tuple[Any, AdagradState]:
        total = tree.map(lambda g, s: s + squared(g), gradients, state.total)
        updates = tree.map(lambda g, s: g / (np.sqrt(s) + epsilon), gradients, total)
        return updates, AdagradState(total)

    return Transform(init, update)


def scale_by_rms(*, decay: float = 0.9, epsilon: float = 1e-8, initial: str = "zero") -> Transform:
    """Divide by the root of the moving average `s ← decay · s + (1 - decay) · g²`.

    Args:
        decay: how much of the average is kept at every update.
        epsilon: is added to the root.
        initial: where the average starts: at `"zero"`, which makes the first steps large, or at
            the squared first `"gradient"`, which makes the first one the learning rate in size.
    """
    decay = check_fraction("scale_by_rms", "decay", decay)
    epsilon = check_positive("scale_by_rms", "epsilon", epsilon)
    if initial not in {"zero", "gradient"}:
        raise ArgumentError.from_choice("scale_by_rms", "initial", initial, ("zero", "gradient"))

    def init(params: Any) -> RMSState:
        return RMSState(np.int64(0), _zero_squares(params))

    def update(gradients: Any, state: RMSState, params: Any = None) -> tuple[Any, RMSState]:
        kept = decay if initial == "zero" else np.where(state.count == 0, 0.0, decay)

        def average(g: Value, s: Value) -> Value:
            return matched(kept, s) * s + matched(1 - kept, s) * squared(g)

        square = tree.map(average, gradients, state.square)
        updates = tree.map(lambda g, s: g / (np.sqrt(s) + epsilon), gradients, square)
        return updates, RMSState(state.count + 1, square)

    return Transform(init, update)


def scale_by_adam(*, beta1: float = 0.9, beta2: float = 0.999, epsilon: float = 1e-8) -> Transform:
    """Divide the moving average of the gradients by the root of that of their squares.

    Both start at 0, which is corrected for: the first step has the size of the learning rate.

    Args:
        beta1: how much of the average of the gradients is kept at every update.
        beta2: the same for the squares.
        epsilon: is added to the root.
    """
    beta1 = check_fraction("scale_by_adam", "beta1", beta1)
    beta2 = check_fraction("scale_by_adam", "beta2", beta2)
    epsilon = check_positive("scale_by_adam", "epsilon", epsilon)

    def init(params: Any) -> AdamState:
        return AdamState(np.int64(0), tree.map(np.zeros_like, params), _zero_squares(params))

    def update(gradients: Any, state: AdamState, params: Any = None) -> tuple[Any, AdamState]:
        count = state.count + 1
        mean = tree.map(lambda g, m: beta1 * m + (1 - beta1) * g, gradients, state.mean)
        square = tree.map(
            lambda g, s: beta2 * s + (1 - beta2) * squared(g), gradients, state.square
        )
        # In float64 whatever the parameters are: 1 - beta2 has few digits left in float32.
        of_mean, of_square = 1 / (1 - beta1**count), 1 / (1 - beta2**count)

        def step(m: Value, s: Value) -> Value:
            return matched(of_mean, m) * m / (np.sqrt(matched(of_square, s) * s) + epsilon)

        return tree.map(step, mean, square), AdamState(count, mean, square)

    return Transform(init, update)


def _zero_squares(params: Any) -> Any:
    """Return a real zero for every element of every parameter."""
    return tree.map(lambda p: np.zeros_like(np.real(p)), params)
