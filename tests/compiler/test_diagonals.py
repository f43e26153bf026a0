"""Diagonals, triangles, norms and positions are native code, with NumPy's answers for NaN, infinities and ties."""

import numpy as np
import pytest

import chainrule as cr

NATIVE = {
    "trace": lambda a: np.trace(a @ a),
    "a diagonal of a transposed view": lambda a: np.diagonal(a.T[::-1], -1) * 2,
    "a matrix from a diagonal": lambda a: np.diag(np.diag(a, 1), -1) + a[:3, :3] * 0,
    "tril": lambda a: np.tril(a, -1),
    "triu": lambda a: np.triu(a, 1),
    "norm": lambda a: np.linalg.norm(a, axis=1),
    "vector_norm": lambda a: np.linalg.vector_norm(a, ord=3, axis=0, keepdims=True),
    "argmax of all": np.argmax,
    "argmax along an axis": lambda a: np.argmax(a, axis=1),
    "argmin, axes kept": lambda a: np.argmin(a, axis=0, keepdims=True),
    "count_nonzero": lambda a: np.count_nonzero(a, axis=0),
}
MATRICES = {
    "ties": np.array([[1.0, 3, 3], [3, 0, 0], [-2, -2, 3]]),
    "signed zeros": np.array([[-0.0, 0, -0.0], [0, -0.0, 0], [0, 0, -0.0]]),
    "NaN behind larger": np.array([[9.0, np.nan, 1], [np.nan, np.nan, 2], [np.inf, 3, np.nan]]),
    "infinities": np.array([[np.inf, -np.inf, 1], [np.inf, np.inf, 2], [-np.inf, -np.inf, 0]]),
    "single precision": np.array([[1, -2, 3], [4, 5, -6], [0, 8, 9]], np.float32),
    "integers": np.array([[1, -2, 3], [4, 5, -6], [0, 8, 8]]),
}


@pytest.mark.parametrize("matrix", MATRICES.values(), ids=MATRICES)
@pytest.mark.parametrize("function", NATIVE.values(), ids=NATIVE)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_they_equal_numpys(function, matrix):
    expected = np.asarray(function(matrix))
    got = np.asarray(cr.compile(function)(matrix.copy()))
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=8 * float(np.finfo(np.float32).eps))


@pytest.mark.parametrize("function", NATIVE.values(), ids=NATIVE)
def test_nothing_is_left_to_numpy(function):
    step = cr.compile(function)
    step(MATRICES["ties"])
    assert "computed by NumPy" not in str(step.report())
    assert "eager" not in str(step.report())


def test_a_triangle_drops_what_is_not_finite():
    step = cr.compile(lambda a: np.tril(a * 2))
    got = step(np.array([[1.0, np.nan], [2.0, np.inf]]))
    np.testing.assert_array_equal(got, [[2, 0], [4, np.inf]])


def test_positions_along_a_long_axis_are_found_by_numpy():
    step = cr.compile(lambda x: np.argmax(x * 2))
    x = np.arange(5000.0)
    assert step(x) == 4999
    assert "argmax is computed by NumPy" in str(step.report())
