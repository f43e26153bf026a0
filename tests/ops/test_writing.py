"""Functions that write into their first argument: what they leave there is NumPy's, and its derivative is followed."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import (
    ArgumentError,
    ContainerError,
    DTypeError,
    EscapedValueError,
    ShapeError,
)

MASK = np.array([[True, False, True], [False, False, True]])
X = np.array([[0.3, -1.2, 2.0], [0.7, 1.1, -0.4]])
V = np.array([1.5, -0.5, 0.8])
WRITES = [
    lambda a, v: np.put(a, [0, -1, 4], v),
    lambda a, v: np.put(a, [7, -9], v, mode="clip"),
    lambda a, v: np.put(a, [7, -9, 1], v[:2], mode="wrap"),
    lambda a, v: np.putmask(a, MASK, v),
    lambda a, v: np.putmask(a, a > 0, v[:2]),
    lambda a, v: np.place(a, MASK, v[:2]),
    lambda a, v: np.copyto(a, v),
    lambda a, v: np.copyto(a, v, where=MASK),
    lambda a, v: np.put_along_axis(a, np.array([[0], [2]]), v[:2, None], axis=1),
    lambda a, v: np.fill_diagonal(a, v[:2]),
    lambda a, v: np.fill_diagonal(a, v[0], wrap=True),
    lambda a, v: np.fill_diagonal(a.T, v[1], wrap=True),
    lambda a, v: np.fill_diagonal(a[:, 1:], v[0]),
    lambda a, v: np.add.at(a, (np.array([0, 1, 0]), [2, 2, 2]), v),
    lambda a, v: np.add.at(a[0], [0, 0, 2], v),
    lambda a, v: np.subtract.at(a, (0, slice(None)), v),
    lambda a, v: np.subtract.at(a, [1, 1], v),
    lambda a, v: np.multiply.at(a, ([0, 0, 1], [1, 1, 1]), v),
    lambda a, v: np.divide.at(a, [1, 0, 1], v),
    lambda a, v: np.maximum.at(a, ([0, 0], [0, 0]), v[:2]),
    lambda a, v: np.negative.at(a, ([0, 0, 1], [1, 1, 1])),
    lambda a, v: np.sin.at(a, ([0, 0], [1, 1])),
    lambda a, v: np.add.at(a, MASK, 2 * v),
]


def changed(write, x, v):
    a = np.copy(x)
    assert write(a, v) is None
    return a


@pytest.mark.parametrize("write", WRITES)
def test_what_is_written_is_numpys(write):
    expected = changed(write, X, V)
    got, _ = cr.vjp(lambda x, v: changed(write, x, v), X, V)
    np.testing.assert_allclose(got, expected, rtol=1e-14)


@pytest.mark.parametrize("write", WRITES)
def test_the_derivative_follows_what_was_written(write):
    report = cr.check_gradients(lambda x, v: np.sum(np.sin(changed(write, x, v))), X, V)
    assert report.ok, report


@pytest.mark.parametrize("write", WRITES)
def test_an_array_made_inside_is_written_to(write):
    gradient = cr.grad(lambda v: np.sum(changed(write, np.ones((2, 3)), v) ** 2))(V)
    step = 1e-6 * np.eye(3)
    f = lambda v: np.sum(changed(write, np.ones((2, 3)), v) ** 2)
    expected = [(f(V + d) - f(V - d)) / 2e-6 for d in step]
    np.testing.assert_allclose(gradient, expected, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("write", [w for i, w in enumerate(WRITES) if i not in {20, 21}])
def test_a_plain_array_from_outside_is_refused(write):
    outside = np.ones((2, 3))
    with pytest.raises(EscapedValueError):
        cr.grad(lambda v: write(outside, v) or np.sum(v))(V)


def test_without_anything_traced_a_plain_array_is_written_to():
    target = np.zeros((2, 3))
    inside = []

    def f(x):
        np.put(target, [0, 1], np.zeros(2) + 3)
        inside.append(target[0, 1])
        return x * target[0, 0]

    assert cr.grad(f)(2.0) == 3.0
    assert inside == [3.0]


def test_integers_are_written_as_numpy_writes_them():
    def f(x):
        bits = np.zeros(3, dtype=int)
        np.bitwise_or.at(bits, [0, 0, 2], [1, 2, 4])
        return x * (bits[0] + bits[2])

    assert cr.grad(f)(2.0) == 7.0


def test_the_tape_keeps_what_it_read_before_a_write():
    def f(x):
        a = np.ones((2, 2))
        y = x * a
        np.fill_diagonal(a, 100.0)
        return np.sum(y)

    assert cr.grad(f)(3.0) == 4.0


@pytest.mark.parametrize(
    ("write", "error", "words"),
    [
        (lambda a: np.put(a, [9], 1.0), ArgumentError, "positions in an array of 6 elements"),
        (lambda a: np.put(a, [0], 1.0, mode="x"), ArgumentError, "Expected one of 'raise'"),
        (lambda a: np.putmask(a, MASK[:1], 1.0), ShapeError, "one element for each"),
        (lambda a: np.place(a, MASK, []), ArgumentError, "at least one value"),
        (lambda a: np.copyto(a, 1j * a), DTypeError, "np.copyto"),
        (lambda a: np.copyto(a, np.ones((3, 3)), where=MASK), ShapeError, "copyto"),
        (lambda a: np.fill_diagonal(a[0], 1.0), ShapeError, "at least two axes"),
        (
            lambda a: np.put_along_axis(a, np.array([0]), 1.0, axis=1),
            ShapeError,
            "the same number of axes",
        ),
        (lambda a: np.put_along_axis(a, np.array([0]), 1.0, axis=None), ArgumentError, "axis=None"),
        (lambda a: np.put(a[0, 0], [0], 1.0), ContainerError, "Expected an array"),
        (lambda a: np.add.at(a[0, 0], 0, 1.0), ContainerError, "Expected an array"),
        (lambda a: np.add.at(2.0, 0, a[0, 0]), ContainerError, "Expected an array"),
    ],
)
def test_what_cannot_be_written_is_refused(write, error, words):
    with pytest.raises(error, match=words):
        cr.grad(lambda x: (write(x), np.sum(x))[1])(X)
