"""How good predictions are, and means over batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.train.step import Metrics


def accuracy(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the share of predictions that are right.

    Examples:
        >>> accuracy([0, 1, 1, 2], [0, 1, 2, 2])
        0.75
    """
    return float(np.mean(np.asarray(predicted) == np.asarray(actual)))


def confusion_matrix(predicted: ArrayLike, actual: ArrayLike, *, classes: int) -> NDArray[np.intp]:
    """Count how often a class (row) was predicted as each class (column).

    Examples:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0], classes=2)
        array([[1, 1],
               [0, 1]])
    """
    counts = np.zeros((classes, classes), dtype=np.intp)
    np.add.at(counts, (np.asarray(actual), np.asarray(predicted)), 1)
    return counts


def root_mean_squared_error(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the typical error, in the unit of the target.

    Examples:
        >>> root_mean_squared_error([1.0, 5.0], [1.0, 1.0])
        2.8284271247461903
    """
    return float(np.sqrt(np.mean((np.asarray(predicted) - np.asarray(actual)) ** 2)))


def r_squared(predicted: ArrayLike, actual: ArrayLike) -> float:
    """Return the share of the target's variance that is explained; NaN if it does not vary.

    Examples:
        >>> r_squared([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
        0.5
    """
    actual = np.asarray(actual)
    variation = float(np.sum((actual - np.mean(actual)) ** 2))
    error = float(np.sum((np.asarray(predicted) - actual) ** 2))
    return 1 - error / variation if variation > 0 else float("nan")


class Means:
    """Means of metrics over batches of different sizes.

    Examples:
        >>> means = Means()
        >>> means.add({"loss": 1.0}, 3)
        >>> means.add({"loss": 2.0}, 1)
        >>> means.result()
        {'loss': 1.25}
    """

    def __init__(self) -> None:
        self._sums: dict[str, float] = {}
        self._count = 0

    def add(self, metrics: Metrics, count: int) -> None:
        """Add the means over a batch of `count` examples."""
        self._count += count
        for name, value in metrics.items():
            self._sums[name] = self._sums.get(name, 0.0) + count * float(value)

    def result(self) -> dict[str, Any]:
        """Return the means so far."""
        return {name: total / self._count for name, total in self._sums.items()}
