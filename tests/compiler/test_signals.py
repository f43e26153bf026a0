"""Short signals slide over long ones in one loop; two long ones are left to NumPy."""

import numpy as np
import pytest

import chainrule as cr

LENGTHS = [(5, 3), (3, 5), (1, 1), (20, 4)]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("function", [np.convolve, np.correlate])
def test_values_and_gradients_are_native_and_equal_eager(function, mode, rng):
    def step(a, v):
        def loss(a, v):
            return np.sum(np.sin(function(a, v, mode).real))

        return function(a, v, mode), *cr.grad(loss, (0, 1))(a, v)

    for n, m in LENGTHS:
        for dtype in "fD":
            a, v = (rng.normal(size=k).astype(dtype) for k in (n, m))
            if dtype == "D":
                a, v = a + 1j * rng.normal(size=n), v - 2j * rng.normal(size=m)
            compiled = cr.compile(step)
            within = 1e-4 if dtype == "f" else 1e-12
            for got, expected in zip(compiled(a, v), step(a, v), strict=True):
                assert got.dtype == expected.dtype
                np.testing.assert_allclose(got, expected, rtol=within, atol=within)
            assert "NumPy" not in str(compiled.report())


def test_one_signal_slides_over_the_other_in_one_loop(rng):
    compiled = cr.compile(lambda a, v: np.convolve(a, v, "valid"))
    compiled(rng.normal(size=500), rng.normal(size=9))
    assert sum("out0[" in str(s) for s in str(compiled.loops).splitlines()) == 1


def test_two_long_signals_are_left_to_numpy(rng):
    a, v = rng.normal(size=300), rng.normal(size=200)
    compiled = cr.compile(np.convolve)
    np.testing.assert_array_equal(compiled(a, v), np.convolve(a, v))
    assert "convolve is computed by NumPy" in str(compiled.report())


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize("function", [np.convolve, np.correlate])
@pytest.mark.parametrize("lengths", [(5, 3), (2, 4), (4, 4)])
def test_infinite_numbers_reach_only_what_they_meet(function, mode, lengths):
    a, v = (np.arange(1.0, n + 1) for n in lengths)
    a[0], v[-1] = np.inf, -np.inf
    compiled = cr.compile(lambda a, v: function(a, v, mode))
    np.testing.assert_array_equal(compiled(a, v), function(a, v, mode))
    assert "NumPy" not in str(compiled.report())


@pytest.mark.parametrize("lengths", [(1, 1), (3, 2), (4, 4)])
def test_a_sum_of_negative_zeros_is_zero(lengths):
    n, m = lengths
    got = cr.compile(lambda a, v: np.convolve(a, v))(-np.zeros(n), np.ones(m))
    assert not np.any(np.signbit(got))
