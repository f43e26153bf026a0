"""What NumPy takes at its edges, numbers and nothing in the place of arrays, is taken, and what it refuses is not."""

import warnings

import numpy as np
import pytest

import chainrule as cr

Z = np.array([1 + 2j, 3.0, 4.0])
X = np.array([0.0, 1.0, 3.0, 4.0])
EVEN = np.arange(4.0)
BITS = np.array([True, False, True, True])
POINTS = np.arange(8.0).reshape(4, 2)

TAKEN = {
    "running sum of a number": (np.cumulative_sum, 2.0),
    "running sum with its start": (lambda x: np.cumulative_sum(x, include_initial=True), 2.0),
    "running product of a number": (lambda x: np.cumulative_prod(x, axis=0), 2.0),
    "difference of a number": (np.subtract.reduce, np.array(2.0)),
    "quotient along the last axis": (lambda x: np.divide.reduce(x, axis=-1), np.array(2.0)),
    "median of nothing": (np.median, np.zeros(0)),
    "medians of no rows": (lambda x: np.median(x, axis=0), np.zeros((0, 3))),
    "no medians": (lambda x: np.median(x, axis=1, keepdims=True), np.zeros((0, 3))),
    "slope of truth values": (lambda x: np.gradient(BITS, x, edge_order=2), X),
}
REFUSED = {
    "slope of truth values, evenly": (lambda x: np.gradient(BITS, x, edge_order=2), EVEN),
    "slope of truth values at an edge": (lambda x: np.gradient(BITS, x), X),
    "complex weights": (lambda x: np.histogramdd(POINTS, weights=x), 1j * X),
    "complex weights in a plane": (lambda x: np.histogram2d(X, X, weights=x), 1j * X),
    "correlation with a number": (lambda x: np.correlate(2, x), X),
    "correlation by a number": (lambda x: np.correlate(x, 2.0), X),
    "grid of a number": (lambda x: np.ix_(2, x), X),
    "grid of a matrix": (lambda x: np.ix_(POINTS, x), X),
    "type of a number": (lambda x: np.common_type(2, x), X),
    "type of a number of Python's": (np.common_type, 2.0),
    "adding to a number": (lambda x: np.add.at(x, 0, 1), 2.0),
    "adding to a number of NumPy's": (lambda x: np.add.at(np.float64(2.0), 0, x), 2.0),
}


def _ways(f):
    return f, lambda x: cr.vjp(f, x)[0], cr.compile(f)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", TAKEN)
def test_what_numpy_takes_is_taken(name):
    f, x = TAKEN[name]
    expected, *others = [way(x) for way in _ways(f)]
    for got in others:
        assert type(got) is type(expected)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("name", REFUSED)
def test_what_numpy_refuses_is_refused_with_an_error_of_its_class(name):
    f, x = REFUSED[name]
    with pytest.raises(Exception) as raised:  # noqa: PT011  which, NumPy says
        f(x)
    for way in _ways(f)[1:]:
        with pytest.raises(raised.type):
            way(x)


def test_the_median_of_nothing_warns():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        cr.vjp(np.median, np.zeros(0))
    assert [w.category for w in told] == [RuntimeWarning] * len(told) != []
