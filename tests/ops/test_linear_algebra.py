"""Conventions and refusals of linear algebra that the generated tests cannot know."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autodiff.modes import jvp, vjp
from chainrule.errors import ArgumentError, NotDifferentiableError, ShapeError

SYMMETRIC = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.3], [0.1, -0.3, 4.0]])


def central_difference(f, x, step=1e-6):
    gradient = np.zeros_like(x)
    for i in np.ndindex(x.shape):
        ahead, behind = x.copy(), x.copy()
        ahead[i] += step
        behind[i] -= step
        gradient[i] = (f(ahead) - f(behind)) / (2 * step)
    return gradient


# Where a formula would divide by zero


@pytest.mark.parametrize("order", [None, 1, 2, 3, np.inf])
def test_the_gradient_of_a_norm_is_zero_where_the_norm_is(order):
    gradient = cr.grad(lambda x: np.linalg.norm(x, order))(np.zeros(3))
    np.testing.assert_array_equal(gradient, np.zeros(3))


def test_a_row_of_zeros_does_not_disturb_the_norms_of_the_others():
    gradient = cr.grad(lambda x: np.sum(np.linalg.norm(x, axis=1)))(np.array([[0.0, 0], [3, 4]]))
    np.testing.assert_allclose(gradient, [[0, 0], [0.6, 0.8]])


@pytest.mark.parametrize("diagonal", [[1.0, 2, 0], [2.0, 0, 0], [0.0, 0, 0]])
def test_the_gradient_of_the_determinant_of_a_singular_matrix_is_its_cofactors(diagonal):
    turn = np.linalg.qr(SYMMETRIC)[0]
    x = turn @ np.diag(diagonal) @ turn.T
    gradient = cr.grad(np.linalg.det)(x)
    np.testing.assert_allclose(gradient, central_difference(np.linalg.det, x), atol=1e-9)


def test_equal_eigenvalues_have_a_gradient_as_long_as_no_vector_is_used():
    for f in (lambda x: np.sum(np.linalg.eigvalsh(x)), lambda x: np.sum(np.linalg.eigh(x)[0])):
        np.testing.assert_allclose(cr.grad(f)(np.eye(3)), np.eye(3), atol=1e-15)


def test_equal_singular_values_have_a_gradient_as_long_as_no_vector_is_used():
    for f in (
        lambda x: np.linalg.norm(x, "nuc"),
        lambda x: np.sum(np.linalg.svd(x)[1]),
        lambda x: np.sum(np.linalg.svdvals(x)),
    ):
        np.testing.assert_allclose(cr.grad(f)(np.eye(3)), np.eye(3), atol=1e-15)


def test_vectors_of_equal_eigenvalues_have_no_gradient_and_say_so():
    weights = np.array([[1.0, 2.0], [3.0, 5.0]])
    with np.errstate(all="ignore"):
        gradient = cr.grad(lambda x: np.sum(weights * np.linalg.eigh(x)[1]))(np.eye(2))
    assert not np.all(np.isfinite(gradient))


# What NumPy reads


@pytest.mark.parametrize("uplo", ["L", "U"])
def test_the_triangle_that_numpy_does_not_read_has_no_gradient(uplo):
    x = SYMMETRIC + 0.1 * np.arange(9.0).reshape(3, 3)
    for f in (
        lambda x: np.sum(np.linalg.eigvalsh(x, uplo)[0]),
        lambda x: np.sum(np.linalg.cholesky(x, upper=uplo == "U")),
    ):
        gradient = cr.grad(f)(x)
        np.testing.assert_allclose(gradient, central_difference(f, x), atol=1e-7)
        unread = np.triu(gradient, 1) if uplo == "L" else np.tril(gradient, -1)
        np.testing.assert_array_equal(unread, np.zeros((3, 3)))


def test_a_projector_on_complex_eigenvectors_does_not_depend_on_their_phases():
    skew = np.array([[0, 1.0, -2], [-1, 0, 0.5], [2, -0.5, 0]])

    def energy(t):
        v = np.linalg.eigh(SYMMETRIC + 1j * t * skew)[1][:, 0]
        return np.real(np.conj(v) @ (SYMMETRIC @ v))

    step = 1e-6
    expected = (energy(0.3 + step) - energy(0.3 - step)) / (2 * step)
    np.testing.assert_allclose(cr.grad(energy)(0.3), expected, rtol=1e-8)


def test_a_complex_low_rank_approximation_has_the_right_gradient():
    a, b = np.arange(12.0).reshape(4, 3) % 5, np.arange(12.0).reshape(4, 3) % 7

    def error(t):
        u, s, vh = np.linalg.svd(a + 1j * t * b, full_matrices=False)
        return np.sum(np.abs((u[:, :2] * s[:2]) @ vh[:2]) ** 3)

    step = 1e-6
    expected = (error(0.3 + step) - error(0.3 - step)) / (2 * step)
    np.testing.assert_allclose(cr.grad(error)(0.3), expected, rtol=1e-7)


def test_real_eigenvalues_of_a_real_matrix_stay_real():
    x = np.array([[2.0, 1.0], [0.5, 3.0]])
    assert np.linalg.eig(x).eigenvalues.dtype == float
    out, moved = jvp(lambda x: np.linalg.eig(x).eigenvalues, (x,), (np.eye(2),))
    assert out.dtype == moved.dtype == float
    np.testing.assert_allclose(moved, [1, 1])


def test_results_with_several_parts_have_numpys_names():
    x = SYMMETRIC
    names = []

    def f(x):
        names.extend([np.linalg.eigh(x)._fields, np.linalg.svd(x)._fields, np.linalg.qr(x)._fields])
        return np.linalg.slogdet(x).logabsdet

    np.testing.assert_allclose(cr.grad(f)(x), np.linalg.inv(x).T)
    assert names == [("eigenvalues", "eigenvectors"), ("U", "S", "Vh"), ("Q", "R")]


def test_the_derivative_of_least_squares_is_that_of_the_solution():
    a, b = np.arange(8.0).reshape(4, 2) ** 2, np.array([1.0, -1, 2, 0])

    def f(a):
        return np.sum(np.linalg.lstsq(a, b)[0] ** 2)

    np.testing.assert_allclose(cr.grad(f)(a), central_difference(f, a), atol=1e-8)


def test_a_write_through_the_diagonal_that_einsum_views_reaches_the_matrix():
    def f(x):
        y = x * 1.0
        np.einsum("ii->i", y)[:] = x[0] * 3
        return np.sum(y * y)

    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_allclose(cr.grad(f)(x), central_difference(f, x), rtol=1e-7)


def test_a_single_precision_program_has_single_precision_gradients():
    x = SYMMETRIC.astype(np.float32)
    for f in (np.linalg.det, lambda x: np.sum(np.linalg.inv(x)), lambda x: np.linalg.norm(x, 2)):
        assert cr.grad(f)(x).dtype == np.float32


def test_the_cotangent_of_one_matrix_for_a_whole_batch_is_one_product():
    x, w = np.ones((4, 5, 3)), np.ones((3, 2))
    pullback = vjp(lambda w: x @ w, w)[1]
    np.testing.assert_array_equal(pullback(np.ones((4, 5, 2)))[0], np.full((3, 2), 20.0))


# Refusals


def test_a_singular_matrix_raises_numpys_own_error():
    with pytest.raises(np.linalg.LinAlgError, match="Singular"):
        cr.grad(lambda x: np.sum(np.linalg.inv(x)))(np.zeros((2, 2)))


def refuse(error, message, f, *shapes):
    with pytest.raises(error, match=message):
        vjp(f, *(np.ones(shape) for shape in shapes))


def test_matrices_that_must_be_square_are_named():
    message = r"inv: got shape \(2, 3\). Expected square matrices, \(..., n, n\).\n(.|\n)*lstsq"
    refuse(ShapeError, message, np.linalg.inv, (2, 3))


def test_a_vector_is_no_matrix():
    message = r"svd: got shape \(3,\). Expected matrices, \(..., m, n\)."
    refuse(ShapeError, message, np.linalg.svd, (3,))


def test_inner_sizes_that_differ_are_named():
    message = r"matmul: cannot combine shapes \(2, 3\) and \(4, 5\): the inner sizes 3 and 4 differ"
    refuse(ShapeError, message, np.matmul, (2, 3), (4, 5))


def test_labels_of_einsum_that_differ_are_named():
    message = "in 'ij,jk->ik' the sizes of j differ"
    refuse(ShapeError, message, lambda x, y: np.einsum("ij,jk->ik", x, y), (2, 3), (4, 5))


@pytest.mark.parametrize(
    ("f", "shapes", "message"),
    [
        (np.linalg.solve, [(2, 2), (3,)], "b needs 2 rows"),
        (np.linalg.lstsq, [(4, 2), (3,)], "b as many rows as a"),
        (np.linalg.tensorsolve, [(2, 3), (2,)], r"prod\(a.shape\[b.ndim:\]\) must be b.size"),
        (lambda x: np.linalg.tensorinv(x, 1), [(2, 3)], r"got shape \(2, 3\). Expected square"),
        (lambda x, y: np.tensordot(x, y, 1), [(2, 3), (2, 4)], "axes .* differ in size"),
        (lambda x, y: np.tensordot(x, y, ([0, 1], [0])), [(2, 3), (2, 4)], "two of equal length"),
        (lambda x: np.linalg.multi_dot([x]), [(2, 2)], "two or more arrays are needed"),
        (np.cross, [(4,), (4,)], "vectors need 2 or 3 components"),
        (np.linalg.cross, [(2,), (2,)], "vectors need 3 components"),
        (np.linalg.outer, [(2, 2), (3,)], "both need exactly one axis"),
        (np.linalg.vecdot, [(3,), (2,)], "the inner sizes differ"),
        (np.matmul, [(), (2, 2)], "a number is no matrix"),
        (np.convolve, [(0,), (3,)], "one axis with at least one value"),
        (np.interp, [(2,), (3,), (4,)], "one axis of equal length, with at least one point"),
        (lambda x: np.gradient(x, np.arange(4.0)), [(3,)], "coordinates of axis 0 need 3 values"),
        (lambda x: np.gradient(x, edge_order=2), [(2,)], "edge_order 2 needs 3 samples"),
        (lambda x: np.fft.fft2(x, s=(2,)), [(2, 2)], "s and axes need the same length"),
        (lambda x: np.einsum("ijk->i", x), [(2, 2)], "names 3 axes of the array of shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused_with_the_reason(f, shapes, message):
    refuse(ShapeError, message, f, *shapes)


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.linalg.eigh(x, "X"), "UPLO='X'"),
        (lambda x: np.linalg.norm(x, "abc"), "ord='abc'"),
        (lambda x: np.linalg.norm(x, "fro", axis=0), "ord='fro'. Expected a number for vectors"),
        (lambda x: np.linalg.norm(x[None], 2), "axis=None. Expected one axis or two"),
        (lambda x: np.einsum("ij,jk", x), "one term for each of the 1 arrays"),
        (lambda x: np.einsum("ij->ik", x), "labels of the inputs, each once"),
        (lambda x: np.fft.fft(x, norm="half"), "norm='half'"),
        (lambda x: np.convolve(x[0], x[1], "some"), "mode='some'"),
        (lambda x: np.gradient(x, edge_order=3), "edge_order=3"),
        (lambda x: np.gradient(x, 1.0, 2.0, 3.0), "one spacing for each of the 2 axes"),
    ],
)
def test_options_out_of_range_are_named(f, message):
    refuse(ArgumentError, message, f, (2, 2))


@pytest.mark.parametrize(
    ("f", "message"),
    [
        (lambda x: np.linalg.qr(x, "raw"), "mode='raw'"),
        (lambda x: np.einsum("ij->i", x, casting="unsafe"), "casting='unsafe'"),
    ],
)
def test_options_without_a_rule_are_named(f, message):
    refuse(NotDifferentiableError, message, f, (2, 2))


def test_a_transform_needs_a_sample():
    refuse(ShapeError, "np.fft.fft: 0 samples were asked for", lambda x: np.fft.fft(x, 0), (3,))


def _projection(columns):
    return np.sum(columns @ columns.mT * np.arange(25.0).reshape(5, 5))


COMPLETED = (
    lambda a: _projection(np.linalg.svd(a).U[:, 3:]),
    lambda a: _projection(np.linalg.svd(a.T).Vh[3:].T),
    lambda a: _projection(np.linalg.qr(a, mode="complete").Q[:, 3:]),
    lambda a: np.sum(np.linalg.svd(a).U[:, :3] ** 3),
    lambda a: np.sum(np.linalg.svd(a).S ** 3),
    lambda a: np.sum(np.linalg.qr(a, mode="complete").R ** 3),
)


@pytest.mark.parametrize("f", COMPLETED)
def test_what_does_not_depend_on_the_completing_vectors_has_its_derivative(f, rng):
    a = rng.normal(size=(5, 3))
    np.testing.assert_allclose(cr.grad(f)(a), central_difference(f, a), rtol=1e-6, atol=1e-6)
    t = rng.normal(size=(5, 3))
    ahead, behind = cr.grad(f)(a + 1e-6 * t), cr.grad(f)(a - 1e-6 * t)
    moved = cr.jvp(cr.grad(f), (a,), (t,))[1]
    np.testing.assert_allclose(moved, (ahead - behind) / 2e-6, rtol=1e-6, atol=1e-6)


def test_what_depends_on_the_completing_vectors_is_refused(rng):
    a = rng.normal(size=(5, 3))
    with pytest.raises(NotDifferentiableError, match="which basis of the rest"):
        cr.grad(lambda a: np.sum(np.linalg.svd(a).U ** 3))(a)
    with pytest.raises(NotDifferentiableError, match="any phase"):
        cr.grad(lambda a: np.sum(np.abs(np.linalg.svd(a + 1j).U)))(a)


@pytest.mark.parametrize("rows", [0, 2, 3])
@pytest.mark.parametrize("columns", [0, 2])
@pytest.mark.parametrize("sides", [0, 2])
def test_least_squares_of_no_equations_or_no_unknowns_are_numpys(rows, columns, sides):
    def solved(a, b):
        return np.linalg.lstsq(a, b, rcond=None)

    a, b = np.eye(rows, columns) + 0.5, np.ones((rows, sides))
    for result, right in zip(cr.compile(solved)(a, b), solved(a, b), strict=True):
        assert (np.shape(result), result.dtype) == (np.shape(right), right.dtype)
        np.testing.assert_allclose(result, right, rtol=1e-12, atol=1e-12)
    gradient = cr.grad(lambda a: np.sum(solved(a, b)[0]))(a)
    assert gradient.shape == a.shape
