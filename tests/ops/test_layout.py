"""New arrays lie in memory as NumPy's do: it decides whether a later reshape is a view, which writes reach."""

import numpy as np
import pytest

import chainrule as cr

MATRIX = np.array([[0.3, 1.2, -0.7], [0.9, -1.1, 0.4], [1.3, 0.2, -0.5]])
CALLS = {
    "tile": lambda y: np.tile(y, (2, 1)),
    "repeat": lambda y: np.repeat(y, 2, axis=1),
    "repeat by counts": lambda y: np.repeat(y, [1, 2, 1], axis=1),
    "insert": lambda y: np.insert(y, 1, 0.5, axis=1),
    "delete": lambda y: np.delete(y, 1, axis=1),
    "delete several": lambda y: np.delete(y, [0, 1], axis=1),
    "roll": lambda y: np.roll(y, 1, axis=1),
    "pad": lambda y: np.pad(y, 1, mode="reflect"),
    "sort": lambda y: np.sort(y, axis=0),
    "partition": lambda y: np.partition(y, 1, axis=0),
    "quantile": lambda y: np.quantile(y, [0.1, 0.9], axis=1),
    "nanquantile": lambda y: np.nanquantile(y, [0.1, 0.9], axis=1),
    "meshgrid": lambda y: np.meshgrid(y[0], y[1])[0],
    "gradient": lambda y: np.gradient(y, axis=0),
    "cross": lambda y: np.cross(y, y[::-1], axisc=0),
    "cholesky": lambda y: np.linalg.cholesky(y @ y.T + np.eye(3), upper=True),
    "correlate": lambda y: np.correlate(y[0, :2], y[1], "same"),
    "take": lambda y: np.take(y, [0, 2], axis=1),
}


@pytest.mark.parametrize("y", [MATRIX, np.asfortranarray(MATRIX)], ids=["rows", "columns"])
@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("flat", [lambda a: a.reshape(-1), lambda a: a.ravel()])
def test_a_write_reaches_the_flat_array_where_it_does_in_numpy(call, y, flat):
    def f(y):
        made = call(y)
        line = flat(made)
        made += 1.0
        return np.sum(line * line * np.arange(line.size))

    value, gradient = cr.value_and_grad(f)(y)
    assert value == pytest.approx(f(y))
    step, move = 1e-6, np.empty_like(y)
    move[:] = [[0.1, -0.4, 0.3], [0.7, 0.2, -0.6], [-0.3, 0.5, 0.8]]
    expected = (f(y + step * move) - f(y - step * move)) / (2 * step)
    assert np.sum(gradient * move) == pytest.approx(expected, rel=1e-5)


def test_a_matrix_product_in_place():
    def f(x):
        product = np.eye(3)
        product @= np.outer(x, x)
        vector = np.ones(3)
        vector @= product
        return np.sum(vector)

    x = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(cr.grad(f)(x), [12.0, 12.0, 12.0])


def test_the_standard_deviation_of_equal_elements_has_no_slope():
    np.testing.assert_array_equal(cr.grad(np.std)(np.ones(3)), np.zeros(3))
