"""Bring columns to mean 0 and standard deviation 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from chainrule.data.table import Floats


@dataclass(frozen=True, eq=False)
class Scaling:
    """The mean and the spread of columns, measured on the part that is trained on.

    Examples:
        >>> scaling = Scaling.fit(np.array([[1.0, 5.0], [3.0, 5.0]]))
        >>> scaling.apply(np.array([[3.0, 5.0], [np.nan, 6.0]]))
        array([[1., 0.],
               [0., 1.]], dtype=float32)
    """

    mean: Floats
    spread: Floats

    @classmethod
    def fit(cls, values: NDArray[Any]) -> Self:
        """Measure columns, or a single one; missing values are left out.

        A column without values has mean 0; one that never varies is only shifted.
        """
        is_missing = np.isnan(values)
        count = np.maximum(np.sum(~is_missing, axis=0), 1)
        mean = np.sum(np.where(is_missing, 0.0, values), axis=0) / count
        squares = np.where(is_missing, 0.0, values - mean) ** 2
        spread = np.sqrt(np.sum(squares, axis=0) / count)
        return cls(mean, np.where(spread > 1e-12 * np.abs(mean), spread, 1.0))

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Put values on the common scale; missing ones become the mean, which is 0 there."""
        scaled = (values - self.mean) / self.spread
        with np.errstate(over="ignore"):  # what is beyond float32 is infinite
            return np.where(np.isnan(scaled), 0.0, scaled).astype(np.float32)

    def invert(self, values: NDArray[Any]) -> Floats:
        """Take values back to their own scale."""
        return np.asarray(values * self.spread + self.mean, dtype=np.float64)
