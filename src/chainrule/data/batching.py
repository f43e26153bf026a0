"""Hand out examples in batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from chainrule.errors import ArgumentError, ShapeError


class Batch(NamedTuple):
    """Features and targets of a few examples."""

    x: Any
    y: Any

    @property
    def size(self) -> int:
        """How many examples there are."""
        return len(self.x)


def batches(
    x: Any, y: Any, *, size: int, rng: np.random.Generator | None = None
) -> Iterator[Batch]:
    """Yield every example once, in batches; the last one may be smaller.

    Args:
        x: the features, one row per example.
        y: the targets.
        size: how many examples make a batch.
        rng: shuffles the examples; without it they keep their order.

    Yields:
        Batches of copies, so that a step may keep them.

    Raises:
        ArgumentError: the size is less than one.
        ShapeError: `x` and `y` hold different numbers of examples.

    Examples:
        >>> [batch.y.tolist() for batch in batches(np.eye(3), np.arange(3), size=2)]
        [[0, 1], [2]]
    """
    if size < 1:
        raise ArgumentError.from_range("batches", "size", size, "at least 1")
    x, y = np.asarray(x), np.asarray(y)
    if len(x) != len(y):
        raise ShapeError.from_numpy(
            "batches", (x.shape, y.shape), "x and y hold different numbers of examples"
        )
    order = np.arange(len(x)) if rng is None else rng.permutation(len(x))
    return (
        Batch(x[order[start : start + size]], y[order[start : start + size]])
        for start in range(0, len(x), size)
    )
