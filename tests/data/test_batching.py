"""Batches and scales."""

import numpy as np
import pytest

from chainrule.data import Scaling, batches
from chainrule.errors import ArgumentError, ShapeError


def test_every_example_comes_once(rng):
    x = np.arange(10)
    found = list(batches(x, -x, size=4, rng=rng))
    assert [batch.size for batch in found] == [4, 4, 2]
    order = np.concatenate([batch.x for batch in found])
    assert sorted(order) == list(range(10))
    assert order.tolist() != list(range(10))
    assert np.concatenate([batch.y for batch in found]).tolist() == (-order).tolist()


def test_one_seed_gives_one_order():
    x = np.arange(50)
    first, again, other = (
        np.concatenate([b.x for b in batches(x, x, size=8, rng=np.random.default_rng(seed))])
        for seed in (1, 1, 2)
    )
    assert first.tolist() == again.tolist() != other.tolist()


def test_without_a_generator_the_order_stays():
    x = np.arange(5)
    assert [batch.x.tolist() for batch in batches(x, x, size=3)] == [[0, 1, 2], [3, 4]]


def test_batches_are_copies():
    x = np.zeros(4)
    next(batches(x, x, size=4)).x[:] = 1
    assert x.tolist() == [0, 0, 0, 0]


def test_wrong_arguments_are_told_at_once():
    with pytest.raises(ArgumentError, match=r"batches: size=0. Expected at least 1"):
        batches([1], [1], size=0)
    with pytest.raises(ShapeError, match="x and y hold different numbers of examples"):
        batches(np.ones(3), np.ones(2), size=1)


def test_scaled_columns_have_mean_0_and_deviation_1(rng):
    values = rng.normal(5, 3, size=(500, 4)) * np.array([1e-6, 1, 1e3, 1e8])
    scaled = Scaling.fit(values).apply(values)
    assert scaled.dtype == np.float32
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.std(axis=0), 1, atol=1e-6)


def test_scaling_can_be_undone(rng):
    values = rng.normal(50, 3, size=20)
    scaling = Scaling.fit(values)
    np.testing.assert_allclose(scaling.invert(scaling.apply(values)), values, rtol=1e-6)


def test_a_column_that_never_varies_is_only_shifted():
    values = np.array([[0.1 + 0.2], [0.3], [0.3]])
    assert Scaling.fit(values).spread.tolist() == [1.0]


def test_missing_values_do_not_count_and_become_the_mean():
    values = np.array([[1.0, np.nan], [3.0, np.nan], [np.nan, np.nan]])
    scaling = Scaling.fit(values)
    assert scaling.mean.tolist() == [2.0, 0.0]
    assert scaling.spread.tolist() == [1.0, 1.0]
    assert scaling.apply(values).tolist() == [[-1, 0], [1, 0], [0, 0]]
