"""Indices that are numbers of the step: elements of integer arrays, positions of extremes."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import tree


def _views(x, n):
    y = x * 1.0
    row = y[n[0]]
    row[1] = 7.0
    y[n[0], 0] = 5.0  # the row shows it
    column = y[:, n[1]]
    column *= 3.0
    y[n[2]] += 1.0
    part = y[n[1], 1:]
    part[...] = part[::-1] * 2
    cube = y.reshape(2, 2, 4)
    copy = cube[:, :, n[1]].reshape(-1)
    copy[0] = 100.0
    view = cube[np.abs(n[0]) % 2].reshape(-1)
    view[1] = -3.0
    return y, row * 2, column, copy


def _forward(x, n):
    forward = np.zeros((len(n), 4))
    forward[0] = x[:, n[0]]
    for time, seen in enumerate(n):
        if time > 0:
            forward[time] = forward[time - 1] @ x
        forward[time] *= x[:, seen]
    return forward


def _swapped(x, n):
    y = x.copy()
    for k in n:
        y[[0, k]] = y[[k, 0]]
    return y


PROGRAMS = {
    "an element": lambda x, n: x[n[0], n[1]] * 2,
    "a row with more axes": lambda x, n: x[n[0], :, None] + 1,
    "behind an ellipsis": lambda x, n: x[..., n[0]] + 1,
    "beside an array of indices": lambda x, n: (
        x[[0, 1], n[0]],
        x.reshape(4, 2, 2)[n[0], :, np.array([1, 0])],
    ),
    "computed": lambda x, n: x[n[-1] - n[0]] * 2,
    "the position of the largest": lambda x, n: x[np.argmax(x[:, n[0]])] * x[n[1], 0],
    "no index at all": lambda x, n: x[()] * x[n[0]] + np.sum(x[0, 0][()]),
    "take": lambda x, n: (np.take(x, n[0], axis=1), np.take(x, n[1])),
    "views": _views,
    "a list": _swapped,
    "a forward pass": _forward,
}


def _joined(f):
    return lambda x, n: np.concatenate([np.ravel(v) for v in tree.leaves(f(x, n))])


@pytest.mark.parametrize("derivative", [False, True])
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_step_is_compiled_once_for_all_indices(name, derivative):
    f = _joined(PROGRAMS[name])
    if derivative:
        f = cr.grad(lambda x, n, f=f: np.sum(f(x, n) ** 2))
    step = cr.compile(f)
    x = np.random.default_rng(0).standard_normal((4, 4))
    for n in ([1, 2, 1], [2, 2, 3], [0, 1, 2], [-1, 0, -2]):
        np.testing.assert_allclose(step(x, np.array(n)), f(x, np.array(n)), rtol=1e-12)
    assert repr(step).endswith("1 specializations>")
    assert "eagerly" not in step.report()
    assert len(step.report().split("specialization 0")) == 2  # no guards, no second path
    with pytest.raises(IndexError):
        step(x, np.array([9, 0, 0]))


@pytest.mark.parametrize("ufunc", [np.add, np.subtract, np.multiply, np.maximum])
def test_at_takes_one_array_of_indices_per_axis(ufunc):
    def changed(x, rows, columns):
        a, b, c = x * 1.0, x * 1.0, x * 1.0
        ufunc.at(a, (rows, columns), 3.0)
        ufunc.at(b, (slice(1, 3), columns), x[:2, :3])
        ufunc.at(c, (..., rows), 2.0)
        return np.stack([a, b, c])

    def loss(x, rows, columns):
        return np.sum(changed(x, rows, columns) ** 2)

    x = np.random.default_rng(0).standard_normal((4, 4))
    for f in (changed, cr.grad(loss)):
        step = cr.compile(f)
        for columns in ([3, 2, 0], [1, 1, 1]):
            indices = np.array([0, 1, 3]), np.array(columns)
            np.testing.assert_allclose(step(x, *indices), f(x, *indices), rtol=1e-12)
        assert "eagerly" not in step.report()
        assert "in parts" not in step.report()


@pytest.mark.parametrize(
    "f",
    [
        lambda x, n: np.delete(x, n),
        lambda x, n: np.delete(x, n[0], axis=1),
        lambda x, n: np.insert(x, n, x[:, :1], axis=1),
        lambda x, n: np.insert(x, n[1], 2.0),
    ],
)
def test_delete_and_insert_take_indices_of_the_step(f):
    x = np.random.default_rng(0).standard_normal((4, 4))
    for g in (f, cr.grad(lambda x, n: np.sum(f(x, n) ** 2))):
        step = cr.compile(g)
        for n in ([0, 1, 3], [2, 1, 0]):
            np.testing.assert_allclose(step(x, np.array(n)), g(x, np.array(n)), rtol=1e-12)
        assert "eagerly" not in step.report()


def test_a_step_that_fails_on_an_index_wrote_nothing():
    def write(x, n):
        x[n[0]] = 1.0
        x[n[1]] = 2.0

    x = np.zeros(3)
    step = cr.compile(write)
    step(x, np.array([0, 2]))
    assert x.tolist() == [1.0, 0.0, 2.0]
    with pytest.raises(IndexError):
        step(x, np.array([3, 1]))
    assert x.tolist() == [1.0, 0.0, 2.0]
    assert "eagerly" not in step.report()


def test_integers_of_the_step_are_written_into_arrays_of_integers():
    def f(n, x):
        counts = np.zeros(3, int)
        for k in n:
            counts[k % 3] += 1
        counts[0] = n[0]
        counts[1:] += n[:2]
        mask = np.zeros(3, bool)
        mask[0] = x[0] > 0
        mask[1:] |= x[1:] > 0
        return counts * np.sum(x), mask

    step = cr.compile(f)
    for n in ([1, 2, 4], [0, 3, -2], [100, 1, 2]):
        x = np.array([1.0, -2.0, 0.5]) * n[1]
        for got, wanted in zip(step(np.array(n), x), f(np.array(n), x), strict=True):
            assert got.dtype == wanted.dtype
            np.testing.assert_array_equal(got, wanted)
    assert "eagerly" not in step.report()


def test_an_integer_that_does_not_fit_raises():
    def narrow(n):
        small = np.zeros(2, np.int8)
        small[0] = n[0]
        return small

    step = cr.compile(narrow)
    assert step(np.array([100])).tolist() == [100, 0]
    with pytest.raises(OverflowError):
        step(np.array([300]))


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0,)])
def test_arrays_point_into_an_axis_beside_one_without_places(shape):
    n = np.array([0, -1, 0])
    step = cr.compile(lambda x: x[None][n] * 2.0)
    assert step(np.ones(shape)).shape == (3, *shape)


def test_arrays_that_point_into_an_axis_without_places_raise():
    step = cr.compile(lambda x: x[:, np.array([0])] * 2.0)
    with pytest.raises(IndexError, match="index 0 is out of bounds for axis 1 with size 0"):
        step(np.ones((2, 0)))
