"""Arrays without axes are written to like others, the caller's too, by whatever name."""

import numpy as np
import pytest

import chainrule as cr


def _added(a):
    a += 1.0
    return a * 2.0


def _through_a_view(a):
    part = a[...]
    part *= 3.0
    return a + 0.0


def _reshaped(a):
    row = a.reshape(1)
    row[0] = 7.0


def _raveled(a):
    a.ravel()[...] = 2.5


def _by_index(a):
    a[()] = 2.0
    a[...] += 0.5


def _in_a_loop(a):
    while a < 3.0:
        a += 1.0
    return a - 1.0


def _beside_a_gradient(a):
    value, slope = cr.value_and_grad(lambda w: w * w)(a)
    a -= 0.1 * slope
    return value


STEPS = (_added, _through_a_view, _reshaped, _raveled, _by_index, _in_a_loop, _beside_a_gradient)


@pytest.mark.parametrize("step", STEPS)
def test_a_write_to_an_argument_without_axes_is_seen(step):
    compiled = cr.compile(step)
    for number in (0.5, -1.25):
        mine, other = np.array(number), np.array(number)
        np.testing.assert_array_equal(compiled(mine), step(other))
        assert mine == other
    assert "eagerly" not in compiled.report()


MADE = {
    "array": np.array,
    "copy": np.copy,
    "of a sum": lambda a: np.array(a * 2),
    "where": lambda a: np.where(a > 0, a, 1.0),
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "all of it": lambda a: a[...],
    "astype": lambda a: a.astype(np.float32),
    "the same dtype": lambda a: a.astype(float),
    "method": lambda a: a.copy(),
    "sum": np.sum,
    "real": np.real,
    "i0": np.i0,
}


@pytest.mark.parametrize("given", [np.array(0.5), np.float64(0.5)], ids=["array", "number"])
@pytest.mark.parametrize("made", MADE)
def test_two_names_of_what_was_made_are_one_array_or_two_numbers(made, given):
    def step(a):
        first = MADE[made](a)
        second = first
        first += 1.0
        return second * 1.0

    assert cr.compile(step)(given.copy()) == step(given.copy())


@pytest.mark.parametrize(
    "given", [np.array(0.5), np.float64(0.5), 0.5], ids=["array", "number", "float"]
)
def test_a_copy_without_axes_is_an_array_in_a_gradient_too(given):
    def f(w):
        first = np.copy(w)
        second = first
        first *= 3.0
        return second * 1.0

    assert cr.grad(f)(given) == 3.0
    assert cr.compile(cr.grad(f))(given) == 3.0
