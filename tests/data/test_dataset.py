"""Features, targets and classes out of a table."""

import numpy as np
import pytest

from chainrule.data import Table, read_csv, supervised
from chainrule.data.dataset import infer_task
from chainrule.data.sources import read_source, target_of
from chainrule.errors import ArgumentError, DataError, UsageError


def table_of(*columns, names=("a", "b", "y")):
    values = np.array(columns, dtype=float).T
    return Table("here", names[-len(columns) :], values, tuple(range(2, len(values) + 2)))


def test_the_target_is_not_a_feature():
    dataset = supervised(table_of([1, 2, 3], [4, 5, 6], [0.5, 0.25, 0.1]), target="b")
    assert dataset.features == ("a", "y")
    assert dataset.y.tolist() == [4, 5, 6]


def test_classes_are_numbered_in_order():
    dataset = supervised(table_of([1, 2, 3, 4, 5, 6], [7, -1, 7, -1, 7, 7]), target="y")
    assert dataset.task == "classification"
    assert dataset.classes == ("-1", "7")
    assert dataset.y.tolist() == [1, 0, 1, 0, 1, 1]


@pytest.mark.parametrize(
    ("target", "task"),
    [
        ([0, 1, 0, 1, 1, 0], "classification"),
        ([0.5, 1.5, 0.5, 1.5, 0.5, 1.5], "regression"),
        (range(100), "regression"),
        ([0, 1, 2, 0], "regression"),
        ([i % 20 for i in range(100)], "classification"),
        ([i % 21 for i in range(100)], "regression"),
    ],
)
def test_the_task_follows_from_the_target(target, task):
    assert infer_task(np.array(target, dtype=float)) == task


def test_the_task_can_be_said():
    table = table_of([1, 2, 3, 4, 5, 6], [0, 1, 0, 1, 0, 1])
    assert supervised(table, target="y", task="regression").task == "regression"
    halves = table_of([1, 2, 3, 4], [0.5, 1, 0.5, 1])
    assert supervised(halves, target="y", task="classification").classes == ("0.5", "1")


def test_an_unknown_task_is_refused():
    with pytest.raises(ArgumentError, match=r"task='ranking'. Expected one of 'classification'"):
        supervised(table_of([1], [2]), target="y", task="ranking")


def test_a_missing_target_is_named_by_its_row():
    with pytest.raises(DataError, match=r"here: row 3, column 'y': the target is missing or NaN"):
        supervised(table_of([1, 2, 3], [1, np.nan, 2]), target="y")


def test_a_target_that_is_not_there_is_told():
    with pytest.raises(DataError, match=r"has no column 'z'. Its columns are 'b', 'y'"):
        supervised(table_of([1], [2]), target="z")


def test_a_target_alone_is_not_enough():
    with pytest.raises(DataError, match="has no column besides the target 'y'"):
        supervised(table_of([1, 2]), target="y")


def test_a_feature_without_values_is_refused():
    with pytest.raises(DataError, match="column 'b' has no value in any row"):
        supervised(table_of([np.nan, np.nan], [1, 2]), target="y")


def test_known_classes_keep_their_numbers():
    dataset = supervised(table_of([1, 2], [7, 7]), target="y", classes=("3", "7"))
    assert dataset.y.tolist() == [1, 1]


def test_an_unknown_class_is_named_by_its_row():
    with pytest.raises(DataError, match=r"row 3, column 'y': 8 is not a class.*one of 3, 7"):
        supervised(table_of([1, 2], [7, 8]), target="y", classes=("3", "7"))


def test_columns_are_described():
    table = table_of([2, 2, np.nan], [0, 1, 1], [0.5, 1, 2])
    kinds = [(c.name, c.kind, c.distinct, c.missing) for c in table.describe()]
    assert kinds == [("a", "constant", 1, 1), ("b", "binary", 2, 0), ("y", "real", 3, 0)]
    assert (table.describe()[2].minimum, table.describe()[2].maximum) == (0.5, 2)


def test_the_digits_come_with_the_package():
    table = read_source("digits")
    dataset = supervised(table, target=target_of("digits", table, None))
    assert dataset.x.shape == (1797, 64)
    assert (dataset.x.min(), dataset.x.max()) == (0, 16)
    counts = np.bincount(dataset.y).tolist()
    assert counts == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert dataset.x[0, :8].tolist() == [0, 0, 5, 13, 9, 1, 0, 0]


def test_an_unknown_data_set_is_told_with_the_known_ones():
    with pytest.raises(UsageError, match=r"digitz: is neither a file nor a data set.*'digits'"):
        read_source("digitz")


def test_a_path_is_read_as_a_file(tmp_path):
    path = tmp_path / "numbers"
    path.write_text("a,b\n1,2\n")
    assert read_source(str(path)).names == read_csv(path).names
    with pytest.raises(DataError, match="No such file"):
        read_source("numbers.csv")


def test_a_file_does_not_say_its_target():
    with pytest.raises(UsageError, match=r"no target is named. Expected one of its columns: 'a'"):
        target_of("data.csv", table_of([1], names=("a",)), None)
    assert target_of("digits", table_of([1]), "other") == "other"
