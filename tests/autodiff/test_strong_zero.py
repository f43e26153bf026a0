"""`strong_zero=True`: a zero cotangent stops at once, whatever the local derivative is."""

import numpy as np
import pytest

import chainrule as cr


def guarded_log(x):
    return np.sum(np.where(x > 0, np.log(x), 0.0))


def guarded_root(x):
    return np.sum(np.where(x > 0, np.sqrt(x) / x, 1.0) * np.array([1.0, 2.0]))


@pytest.mark.parametrize("f", [guarded_log, guarded_root])
def test_an_untaken_branch_makes_no_nan(f):
    x = np.array([0.0, 4.0])
    with np.errstate(all="ignore"):
        assert np.isnan(cr.grad(f)(x)[0])
        gradient = cr.grad(f, strong_zero=True)(x)
        alone = cr.grad(f)(x)
    assert gradient[0] == 0.0
    assert gradient[1] == alone[1]


def test_a_second_derivative_is_cured_too():
    with np.errstate(all="ignore"):
        first = cr.grad(guarded_log, strong_zero=True)
        second = cr.grad(lambda x: np.sum(first(x)), strong_zero=True)(np.array([0.0, 4.0]))
    np.testing.assert_allclose(second, [0.0, -1 / 16])


def test_products_with_infinities_are_not_swept_for_nothing():
    w = np.array([[np.inf, 1.0]])

    def f(x):
        with np.errstate(invalid="ignore"):
            return np.sum(np.where(np.array([False]), w @ x, 0.0)) + x[1]

    assert cr.grad(f, strong_zero=True)(np.array([1.0, 2.0])).tolist() == [0.0, 1.0]


def test_elsewhere_nothing_changes():
    x = np.linspace(0.1, 2.0, 5)
    f = lambda x: np.sum(np.sin(x) * np.log(x) / x**2)
    assert np.array_equal(cr.grad(f)(x), cr.grad(f, strong_zero=True)(x))
