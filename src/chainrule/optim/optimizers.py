"""The named optimisers: chains of steps, and one table of them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from chainrule.errors import ArgumentError
from chainrule.optim.adaptive import scale_by_adagrad, scale_by_adam, scale_by_rms
from chainrule.optim.transform import Transform, chain
from chainrule.optim.transforms import (
    Schedule,
    add_decayed_weights,
    scale_by_learning_rate,
    trace,
)


def sgd(learning_rate: float | Schedule = 0.01) -> Transform:
    """Gradient descent: `w ← w - learning_rate · g`.

    Examples:
        >>> optimizer = sgd(0.1)
        >>> updates, state = optimizer.update(2.0, optimizer.init(1.0))
        >>> round(float(1.0 + updates), 12)
        0.8
    """
    return chain(scale_by_learning_rate(learning_rate))


def momentum(learning_rate: float | Schedule = 0.01, *, decay: float = 0.9) -> Transform:
    """Gradient descent with a velocity: `v ← decay · v - learning_rate · g`, `w ← w + v`."""
    return chain(scale_by_learning_rate(learning_rate), trace(decay))


def nesterov(learning_rate: float | Schedule = 0.01, *, decay: float = 0.9) -> Transform:
    """Momentum that takes the gradient where the velocity is about to lead.

    Parameters are those of that place: `v' ← decay · v - learning_rate · g`, then
    `w ← w + decay · v' + (v' - decay · v)`.
    """
    return chain(scale_by_learning_rate(learning_rate), trace(decay, nesterov=True))


def adagrad(learning_rate: float | Schedule = 0.01, *, epsilon: float = 1e-8) -> Transform:
    """Divide by all gradients so far: `w ← w - learning_rate · g / (√Σg² + epsilon)`."""
    return chain(scale_by_adagrad(epsilon=epsilon), scale_by_learning_rate(learning_rate))


def rmsprop(
    learning_rate: float | Schedule = 1e-3,
    *,
    decay: float = 0.9,
    epsilon: float = 1e-8,
    initial: str = "zero",
) -> Transform:
    """Divide by a moving average of the gradient's size; for `initial` see `scale_by_rms`."""
    return chain(
        scale_by_rms(decay=decay, epsilon=epsilon, initial=initial),
        scale_by_learning_rate(learning_rate),
    )


def adam(
    learning_rate: float | Schedule = 1e-3,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
) -> Transform:
    """Divide momentum by a moving average of the gradient's size, both with bias correction."""
    return chain(
        scale_by_adam(beta1=beta1, beta2=beta2, epsilon=epsilon),
        scale_by_learning_rate(learning_rate),
    )


def adamw(
    learning_rate: float | Schedule = 1e-3,
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    weight_decay: float = 0.01,
) -> Transform:
    """Adam; beside it every parameter shrinks by `learning_rate · weight_decay` of itself."""
    return chain(
        scale_by_adam(beta1=beta1, beta2=beta2, epsilon=epsilon),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(learning_rate),
    )


OPTIMIZERS: Mapping[str, Callable[..., Transform]] = MappingProxyType(
    {f.__name__: f for f in (sgd, momentum, nesterov, adagrad, rmsprop, adam, adamw)}
)
"""Every named optimiser; the first argument of each is the learning rate."""


def by_name(name: str, *args: Any, **options: Any) -> Transform:
    """Return the optimiser called `name`, made with the arguments that follow.

    Examples:
        >>> by_name("momentum", 0.1, decay=0.8) is not None
        True

    Raises:
        ArgumentError: there is no optimiser of that name.
    """
    if name not in OPTIMIZERS:
        raise ArgumentError.from_choice("optim.by_name", "name", name, tuple(OPTIMIZERS))
    return OPTIMIZERS[name](*args, **options)
