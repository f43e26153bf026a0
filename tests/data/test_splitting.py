"""Three parts of a data set."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.data import Table, digits, split, supervised
from chainrule.errors import ArgumentError, DataError


def dataset_of(target, task):
    values = np.array([np.arange(len(target)), target], dtype=float).T
    table = Table("here", ("a", "y"), values, tuple(range(len(target))))
    return supervised(table, target="y", task=task)


def rows_of(parts):
    return [part.rows for part in parts]


def test_one_seed_gives_one_split():
    dataset = digits()
    first, again = (split(dataset, rng=np.random.default_rng(3)) for _ in range(2))
    other = split(dataset, rng=np.random.default_rng(4))
    assert rows_of(first) == rows_of(again)
    assert rows_of(first) != rows_of(other)


def test_classes_keep_their_shares(rng):
    dataset = digits()
    parts = split(dataset, validation=0.2, test=0.1, rng=rng)
    assert [len(part) for part in parts] == [1258, 359, 180]
    for part, fraction in zip(parts, (0.7, 0.2, 0.1), strict=True):
        expected = fraction * np.bincount(dataset.y)
        assert np.all(np.abs(np.bincount(part.y) - expected) <= 1.5)


@given(
    st.lists(st.integers(0, 4), min_size=10, max_size=60),
    st.floats(0.1, 0.4),
    st.floats(0.1, 0.4),
    st.integers(0, 100),
)
def test_parts_cover_all_examples_once(labels, validation, test, seed):
    labels = labels + [0, 0, 1, 1]  # noqa: RUF005  two classes at least
    rare = [label for label in set(labels) if labels.count(label) < 2]
    labels = [label for label in labels if label not in rare]
    dataset = dataset_of(labels, "classification")
    rng = np.random.default_rng(seed)
    try:
        parts = split(dataset, validation=validation, test=test, rng=rng)
    except DataError as error:
        assert "Expected at least" in error.message  # noqa: PT017  a few examples may not do
        return
    assert sorted(sum(rows_of(parts), ())) == list(range(len(labels)))
    assert set(parts.train.y.tolist()) == set(dataset.y.tolist())


def test_a_regression_is_split_at_random(rng):
    dataset = dataset_of(np.linspace(0, 1, 100), "regression")
    parts = split(dataset, rng=rng)
    assert [len(part) for part in parts] == [70, 15, 15]
    assert len(set(np.diff(parts.test.rows))) > 3


def test_parts_may_be_empty(rng):
    parts = split(dataset_of([0, 1, 0, 1], "classification"), validation=0, test=0, rng=rng)
    assert [len(part) for part in parts] == [4, 0, 0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"test": 1.0}, "test=1.0. Expected a fraction"),
        ({"validation": -0.1}, "validation=-0.1. Expected a fraction"),
        ({"validation": 0.5, "test": 0.5}, "validation \\+ test=1.0. Expected less than 1"),
    ],
)
def test_fractions_leave_something_to_train_on(rng, options, message):
    with pytest.raises(ArgumentError, match=message):
        split(digits(), **options, rng=rng)


def test_a_constant_target_cannot_be_learned(rng):
    with pytest.raises(DataError, match="column 'y' is 3 in every row"):
        split(dataset_of([3, 3, 3, 3], "classification"), rng=rng)
    with pytest.raises(DataError, match=r"column 'y' is 0.5 in every row"):
        split(dataset_of([0.5, 0.5], "regression"), rng=rng)


def test_a_class_of_one_row_cannot_be_tested(rng):
    with pytest.raises(DataError, match="column 'y': class 2 has a single row"):
        split(dataset_of([0, 0, 1, 1, 2], "classification"), rng=rng)


def test_too_few_rows_are_told(rng):
    with pytest.raises(DataError, match=r"the test part would have 0 rows. Expected at least 1"):
        split(dataset_of([0.5, 1], "regression"), rng=rng)
    with pytest.raises(DataError, match=r"the training part would have 1 row. Expected at least 2"):
        split(dataset_of([0.5, 1, 2], "regression"), validation=0.3, test=0.3, rng=rng)
