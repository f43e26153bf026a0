"""A table of numbers with named columns, and what can be told about each column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.errors import DataError

Floats = NDArray[np.float64]
Kind = Literal["constant", "binary", "integer", "real"]


@dataclass(frozen=True)
class Column:
    """What the values of one column look like; missing ones are counted and otherwise left out."""

    name: str
    kind: Kind
    distinct: int
    missing: int
    minimum: float
    maximum: float


@dataclass(frozen=True, eq=False)
class Table:
    """Named columns of numbers; a missing value is NaN.

    Attributes:
        source: where the numbers come from, for messages.
        names: one name per column.
        values: the numbers, one row per example.
        rows: the line of the file each row stands in, counted from 1.
    """

    source: str
    names: tuple[str, ...]
    values: Floats
    rows: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> Floats:
        """Return the values of one column."""
        return self.select((name,)).values[:, 0]

    def select(self, names: Sequence[str]) -> Table:
        """Return a table of these columns, in this order.

        Raises:
            DataError: a name is not in the table; the message lists those that are.
        """
        missing = [name for name in names if name not in self.names]
        if missing:
            raise DataError.from_missing_columns(self.source, missing, self.names)
        places = [self.names.index(name) for name in names]
        return Table(self.source, tuple(names), self.values[:, places], self.rows)

    def describe(self) -> tuple[Column, ...]:
        """Return what each column holds.

        Examples:
            >>> table = Table("here", ("a", "b"), np.array([[0, 0.5], [1, np.nan]]), (1, 2))
            >>> [(column.name, column.kind, column.missing) for column in table.describe()]
            [('a', 'binary', 0), ('b', 'constant', 1)]
        """
        return tuple(_describe(name, self.values[:, i]) for i, name in enumerate(self.names))


def _describe(name: str, values: Floats) -> Column:
    present = values[~np.isnan(values)]
    distinct = np.unique(present)
    return Column(
        name=name,
        kind=_kind(distinct),
        distinct=len(distinct),
        missing=len(values) - len(present),
        minimum=float(distinct[0]) if len(distinct) else float("nan"),
        maximum=float(distinct[-1]) if len(distinct) else float("nan"),
    )


def _kind(distinct: Floats) -> Kind:
    if len(distinct) <= 1:
        return "constant"
    if len(distinct) == 2:
        return "binary"
    return "integer" if np.all(distinct == np.round(distinct)) else "real"
