"""`np.take` with positions of every kind, compiled and in a gradient: what NumPy gives, and what NumPy raises."""

import numpy as np
import pytest

import chainrule as cr

X = np.array([1.0, -2.0, 4.0])
POSITIONS = (
    *(1, -1, True, 1.0, 1.7, -0.5, 1j, np.float64(1.0), np.True_, np.uint64(1)),
    *(np.array(1), np.array(True), np.array(1.0), np.array([1.0]), np.array([True, False])),
    *([1.0], [True], [[0], [2]], np.array([2, 0], np.uint64), np.array([-1, 5])),
)


def _outcome(f, *args):
    try:
        return f(*args)
    except (IndexError, TypeError) as error:
        return next(kind for kind in (IndexError, TypeError) if isinstance(error, kind))


@pytest.mark.parametrize("mode", ["raise", "wrap", "clip"])
@pytest.mark.parametrize("position", POSITIONS, ids=repr)
def test_positions_are_cast_as_numpys_are(position, mode):
    def taken(x):
        return np.take(x, position, mode=mode)

    def taken_there(x, k):
        return np.take(x, k, mode=mode)

    expected = _outcome(taken, X)
    np.testing.assert_array_equal(_outcome(cr.compile(taken), X), expected)
    np.testing.assert_array_equal(_outcome(cr.compile(taken_there), X, position), expected)
    if not isinstance(expected, type):
        slope = cr.grad(lambda x: np.sum(taken(x) ** 2))(X)
        assert np.sum(slope * X) == pytest.approx(2 * np.sum(expected**2))
