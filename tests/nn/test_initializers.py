"""How parameters start."""

import math

import numpy as np
import pytest

from chainrule import nn
from chainrule.errors import ArgumentError

SCALED = [
    # initializer, the standard deviation for 200 inputs and 300 outputs
    (nn.glorot_uniform, math.sqrt(2 / 500)),
    (nn.glorot_normal, math.sqrt(2 / 500)),
    (nn.he_uniform, math.sqrt(2 / 200)),
    (nn.he_normal, math.sqrt(2 / 200)),
    (nn.lecun_normal, math.sqrt(1 / 200)),
    (nn.orthogonal, math.sqrt(1 / 300)),
    (nn.normal, 0.01),
]
ALL = [nn.zeros, *(initializer for initializer, _ in SCALED)]


@pytest.mark.parametrize(("initializer", "deviation"), SCALED)
def test_the_spread_is_the_stated_one(initializer, deviation, rng):
    drawn = initializer((200, 300), rng=rng, dtype=np.float64)
    assert abs(drawn.mean()) < 0.02 * deviation
    np.testing.assert_allclose(drawn.std(), deviation, rtol=0.02)


@pytest.mark.parametrize("initializer", ALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_shape_and_dtype_are_those_asked_for(initializer, dtype, rng):
    drawn = initializer([3, 4], rng=rng, dtype=dtype)
    assert drawn.shape == (3, 4)
    assert drawn.dtype == dtype
    assert drawn.flags.writeable


@pytest.mark.parametrize("initializer", ALL)
def test_one_seed_gives_the_same_numbers_in_every_precision(initializer):
    wide = initializer((3, 4), rng=np.random.default_rng(5), dtype=np.float64)
    narrow = initializer((3, 4), rng=np.random.default_rng(5), dtype=np.float32)
    np.testing.assert_array_equal(narrow, wide.astype(np.float32))


@pytest.mark.parametrize("initializer", [nn.glorot_uniform, nn.he_uniform])
def test_uniform_draws_stay_within_their_limit(initializer, rng):
    assert np.abs(initializer((2, 2), rng=rng)).max() <= math.sqrt(3)


def test_the_window_of_a_convolution_counts(rng):
    drawn = nn.he_normal((3, 3, 50, 80), rng=rng)
    np.testing.assert_allclose(drawn.std(), math.sqrt(2 / (9 * 50)), rtol=0.02)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (4, 4), (2, 3, 4)])
def test_orthogonal_rows_or_columns(shape, rng):
    matrix = nn.orthogonal(shape, rng=rng, dtype=np.float64, scale=2.0).reshape(-1, shape[-1])
    rows, columns = matrix.shape
    product = matrix @ matrix.T if rows <= columns else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(min(rows, columns)), atol=1e-12)


@pytest.mark.parametrize("initializer", [f for f, _ in SCALED if f is not nn.normal])
@pytest.mark.parametrize("shape", [(3,), (0, 3)])
def test_a_shape_without_inputs_and_outputs_is_rejected(initializer, shape, rng):
    expected = r"shape=\(.*\)\. Expected two or more positive sizes, ending in \(inputs, outputs\)"
    with pytest.raises(ArgumentError, match=initializer.__name__ + ": " + expected):
        initializer(shape, rng=rng)
