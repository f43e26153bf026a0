"""Cut examples into a part to train on, one to stop by and one to test with."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from chainrule.data.dataset import Dataset, label
from chainrule.errors import ArgumentError, DataError


class Split(NamedTuple):
    """Three parts that share no example."""

    train: Dataset
    validation: Dataset
    test: Dataset


def split(
    dataset: Dataset,
    *,
    validation: float = 0.15,
    test: float = 0.15,
    rng: np.random.Generator,
) -> Split:
    """Cut examples at random into three parts; the classes keep their shares in each.

    The training part holds at least one example of every class.

    Args:
        dataset: the examples.
        validation: the fraction to stop the training by; 0 for none.
        test: the fraction to keep unseen; 0 for none.
        rng: the source of randomness; one seed gives one split.

    Returns:
        The training, validation and test part.

    Raises:
        ArgumentError: a fraction is negative, or nothing is left to train on.
        DataError: there are too few examples, or all have one target.

    Examples:
        >>> from chainrule.data import digits
        >>> [len(part) for part in split(digits(), rng=np.random.default_rng(0))]
        [1257, 270, 270]
    """
    for name, fraction in (("validation", validation), ("test", test)):
        if not 0 <= fraction < 1:
            raise ArgumentError.from_range("split", name, fraction, "a fraction: 0 <= fraction < 1")
    if validation + test >= 1:
        raise ArgumentError.from_range(
            "split", "validation + test", validation + test, "less than 1, to train on the rest"
        )
    _check_target(dataset)
    order, is_first = _shuffled(dataset, rng)
    pool = order[~is_first]
    in_test, pool = _spread(pool, _count(dataset, "the test part", test))
    in_validation, pool = _spread(pool, _count(dataset, "the validation part", validation))
    in_train = np.concatenate([order[is_first], pool])
    if len(in_train) < 2:
        raise DataError.from_too_few(dataset.source, "the training part", len(in_train), 2)
    return Split(*(dataset.take(np.sort(part)) for part in (in_train, in_validation, in_test)))


def _check_target(dataset: Dataset) -> None:
    values, counts = np.unique(dataset.y, return_counts=True)
    if len(values) == 1:
        name = dataset.classes[values[0]] if dataset.classes else label(values[0])
        raise DataError.from_constant_target(dataset.source, dataset.target, name)
    if dataset.classes and counts.min() < 2:
        rare = dataset.classes[values[counts.argmin()]]
        raise DataError.from_rare_class(dataset.source, dataset.target, rare)


def _shuffled(
    dataset: Dataset, rng: np.random.Generator
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Return a random order, class by class, and where in it a class begins."""
    order = rng.permutation(len(dataset))
    if not dataset.classes:
        return order, np.zeros(len(order), dtype=bool)
    order = order[np.argsort(dataset.y[order], kind="stable")]
    return order, np.diff(dataset.y[order], prepend=-1) > 0


def _count(dataset: Dataset, part: str, fraction: float) -> int:
    """Return how many examples a fraction is; a part that is wanted gets at least one."""
    if fraction == 0:
        return 0
    count = round(fraction * len(dataset))
    if count == 0:
        raise DataError.from_too_few(dataset.source, part, 0, 1)
    return count


def _spread(order: NDArray[np.intp], count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Take `count` examples evenly spread over the order; return them and the rest.

    As the order goes class by class, each class gives its share.
    """
    count = min(count, len(order))
    is_taken = np.diff(np.arange(len(order) + 1) * count // max(len(order), 1)) > 0
    return order[is_taken], order[~is_taken]
