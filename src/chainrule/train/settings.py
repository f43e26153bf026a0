"""What a training was asked for: everything that has to be known to repeat it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from chainrule import nn, optim
from chainrule.data.dataset import Task
from chainrule.errors import ArgumentError

ACTIVATIONS: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "relu": nn.relu,
        "tanh": np.tanh,
        "sigmoid": nn.sigmoid,
        "gelu": nn.gelu,
        "silu": nn.silu,
        "elu": nn.elu,
        "softplus": nn.softplus,
    }
)
_TASKS = ("classification", "regression")


@dataclass(frozen=True)
class Settings:
    """A training of a multilayer perceptron.

    Attributes:
        data: the name of a data set, or the path of a CSV file.
        target: the column to predict; a data set knows its own.
        task: classification or regression; inferred when None.
        epochs: how often every example is seen, at most.
        batch_size: how many examples make a step.
        learning_rate: how far a step goes; the optimiser's own default when None.
        optimizer: a name from `chainrule.optim.OPTIMIZERS`.
        hidden: the sizes of the hidden layers.
        activation: a name from `ACTIVATIONS`.
        seed: settles the split, the first weights and the order of the batches.
        patience: how many epochs to go on without a smaller validation loss.
        validation: the fraction of the examples to stop by.
        test: the fraction of the examples to keep unseen.
    """

    data: str
    target: str | None = None
    task: Task | None = None
    epochs: int = 100
    batch_size: int = 32
    learning_rate: float | None = None
    optimizer: str = "adam"
    hidden: tuple[int, ...] = (128,)
    activation: str = "relu"
    seed: int = 0
    patience: int = 10
    validation: float = 0.15
    test: float = 0.15

    def __post_init__(self) -> None:
        """Refuse what cannot be carried out before any data is read.

        Raises:
            ArgumentError: an option is out of its range.
        """
        for name in ("epochs", "batch_size", "patience"):
            self._require(name, getattr(self, name) >= 1, "at least 1")
        rate = self.learning_rate
        self._require("learning_rate", rate is None or 0 < rate < float("inf"), "more than 0")
        self._require("hidden", all(size >= 1 for size in self.hidden), "sizes of at least 1")
        self._require("seed", self.seed >= 0, "0 or more")
        for name in ("validation", "test"):
            self._require(name, 0 <= getattr(self, name) < 1, "a fraction: 0 <= fraction < 1")
        self._choose("optimizer", tuple(optim.OPTIMIZERS))
        self._choose("activation", tuple(ACTIVATIONS))
        if self.task is not None:
            self._choose("task", _TASKS)

    @property
    def rate(self) -> float:
        """The learning rate: the one asked for, or the optimiser's own."""
        if self.learning_rate is not None:
            return self.learning_rate
        signature = inspect.signature(optim.OPTIMIZERS[self.optimizer])
        return float(signature.parameters["learning_rate"].default)

    def _require(self, name: str, is_met: bool, expected: str) -> None:  # noqa: FBT001  a condition
        if not is_met:
            raise ArgumentError.from_range("train", name, getattr(self, name), expected)

    def _choose(self, name: str, choices: tuple[str, ...]) -> None:
        if getattr(self, name) not in choices:
            raise ArgumentError.from_choice("train", name, getattr(self, name), choices)
