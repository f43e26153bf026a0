"""Examples to learn from: features and a target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from chainrule.data.table import Floats, Table
from chainrule.errors import ArgumentError, DataError

Task = Literal["classification", "regression"]
_TASKS = ("classification", "regression")
_MOST_CLASSES = 20
_LEAST_ROWS_PER_CLASS = 3


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples with features and a target.

    Attributes:
        source: where the examples come from, for messages.
        x: the features, one row per example; a missing one is NaN.
        y: the target: the index of the class, or the quantity to predict.
        features: the names of the columns of `x`.
        target: the name of `y`.
        classes: the label of each class; empty for a regression.
        rows: the line of the file each example stands in.
    """

    source: str
    x: Floats
    y: NDArray[Any]
    features: tuple[str, ...]
    target: str
    classes: tuple[str, ...]
    rows: tuple[int, ...]

    @property
    def task(self) -> Task:
        """Whether classes or quantities are to be predicted."""
        return "classification" if self.classes else "regression"

    def __len__(self) -> int:
        return len(self.x)

    def take(self, index: NDArray[np.intp]) -> Dataset:
        """Return the examples at these places, in this order."""
        rows = tuple(self.rows[i] for i in index)
        return replace(self, x=self.x[index], y=self.y[index], rows=rows)


def supervised(
    table: Table, *, target: str, task: Task | None = None, classes: tuple[str, ...] = ()
) -> Dataset:
    """Take a column of a table as the target and the others as features.

    Args:
        table: numbers.
        target: the name of the column to predict.
        task: inferred when None: a target of few distinct whole numbers is a classification.
        classes: the labels a model already knows; found in the target when empty.

    Returns:
        The examples, in the order of the table.

    Raises:
        DataError: the target is missing, constant or unknown, or a column has no values.

    Examples:
        >>> table = Table("here", ("a", "y"), np.array([[0.5, 2], [0.1, 7], [0.2, 7]]), (1, 2, 3))
        >>> dataset = supervised(table, target="y", task="classification")
        >>> dataset.classes, dataset.y
        (('2', '7'), array([0, 1, 1]))
    """
    if task is not None and task not in _TASKS:
        raise ArgumentError.from_choice("supervised", "task", task, _TASKS)
    values = _checked_target(table, target)
    features = table.select([name for name in table.names if name != target])
    if not features.names:
        raise DataError.from_no_features(table.source, target)
    for name in features.names:
        if np.all(np.isnan(features.column(name))):
            raise DataError.from_no_values(table.source, name)
    y: NDArray[Any] = values
    if classes:
        y = _known_classes(table, target, values, classes)
    elif (task or infer_task(values)) == "classification":
        distinct, y = np.unique(values, return_inverse=True)
        classes = tuple(map(label, distinct))
    return Dataset(table.source, features.values, y, features.names, target, classes, table.rows)


def infer_task(target: Floats) -> Task:
    """Tell classes from quantities: few distinct whole numbers, each seen a few times, are classes.

    Examples:
        >>> infer_task(np.array([0.0, 1, 1, 0, 1, 0])), infer_task(np.array([0.1, 0.2, 0.3]))
        ('classification', 'regression')
    """
    distinct = len(np.unique(target))
    is_whole = bool(np.all(target == np.round(target)))
    most = min(_MOST_CLASSES, len(target) // _LEAST_ROWS_PER_CLASS)
    return "classification" if is_whole and distinct <= most else "regression"


def label(value: float) -> str:
    """Write a class as the file did: 3 rather than 3.0."""
    return str(int(value)) if value == int(value) else str(value)


def _checked_target(table: Table, target: str) -> Floats:
    values = table.column(target)
    for row, value in zip(table.rows, values, strict=True):
        if np.isnan(value):
            raise DataError.from_missing_target(table.source, row, target)
    return values


def _known_classes(
    table: Table, target: str, values: Floats, classes: tuple[str, ...]
) -> NDArray[np.intp]:
    index = {name: i for i, name in enumerate(classes)}
    labels = list(map(label, values))
    for row, name in zip(table.rows, labels, strict=True):
        if name not in index:
            raise DataError.from_unknown_class(table.source, row, target, name, classes)
    return np.array([index[name] for name in labels], dtype=np.intp)
