"""Curves follow their points and their values; sparse matrices and solvers follow what they are applied to."""

import pickle

import numpy as np
import pytest
from scipy import interpolate, sparse
from scipy.interpolate import BSpline, CubicSpline, PchipInterpolator, PPoly, interp1d
from scipy.sparse import linalg as sparse_linalg
from tests.scipy.following import assert_follows

import chainrule as cr
from chainrule.errors import EscapedValueError, NotDifferentiableError

X = np.array([0.0, 0.7, 1.5, 2.2, 3.1, 4.0])
Y = np.sin(X) + 0.2 * X
PAIRS = np.stack([Y, np.cos(X)], axis=1)
POINTS = np.array([[0.3, 1.17], [2.9, 3.63]])
OUTSIDE = np.array([-0.3, 1.17, 4.6])
RNG = np.random.default_rng(5)

SPLINE = CubicSpline(X, Y)
PAIR_SPLINE = CubicSpline(X, PAIRS.T, axis=1)
B_SPLINE = interpolate.make_interp_spline(X, PAIRS)
SMOOTH = interpolate.UnivariateSpline(X, Y, s=0.01)
KNOTS = interpolate.splrep(X, Y)
AKIMA = interpolate.Akima1DInterpolator(X, Y)

CURVES = {
    "spline": (lambda x: SPLINE(x), POINTS),
    "its derivative": (lambda x: SPLINE(x, 1), POINTS),
    "at a number": (lambda x: SPLINE(x), 0.3),
    "several curves": (lambda x: PAIR_SPLINE(x), POINTS),
    "integral": (lambda a, b: SPLINE.integrate(a, b), 0.4, 3.3),
    "B-spline": (lambda x: B_SPLINE(x), POINTS),
    "smoothing spline": (lambda x: SMOOTH(x), POINTS[0]),
    "splev": (lambda x: interpolate.splev(x, KNOTS, der=1), POINTS),
    "Akima": (lambda x: AKIMA(x), POINTS),
    "spline of values": (lambda x, y: CubicSpline(X, y)(x), POINTS, Y),
    "its slope": (lambda x, y: CubicSpline(X, y)(x, 1), POINTS, Y),
    "derivative of values": (lambda x, y: CubicSpline(X, y).derivative()(x), POINTS, Y),
    "antiderivative of values": (lambda x, y: CubicSpline(X, y).antiderivative()(x), POINTS, Y),
    "integral of values": (lambda a, y: CubicSpline(X, y).integrate(a, 3.0), 0.4, Y),
    "along an axis": (lambda x, y: CubicSpline(X, y, axis=1)(x), POINTS, PAIRS.T),
    "extrapolated": (lambda x, y: CubicSpline(X, y)(x), OUTSIDE, Y),
    "pchip": (lambda x, y: PchipInterpolator(X, y)(x), POINTS, PAIRS),
    "hermite": (lambda x, y, t: interpolate.CubicHermiteSpline(X, y, t)(x), POINTS, Y, np.cos(X)),
    "coefficients": (lambda c, x: PPoly(c, X, axis=1)(x), RNG.normal(size=(2, 3, 5)), POINTS),
    "B-spline of values": (
        lambda x, y: interpolate.make_interp_spline(X, y, k=5)(x),
        POINTS,
        PAIRS,
    ),
    "unsorted": (lambda x, y: interp1d(X[::-1], y)(x), POINTS, Y[::-1].copy()),
    "filled": (
        lambda x, y: interp1d(X, y, bounds_error=False, fill_value=(1, 2))(x),
        OUTSIDE,
        PAIRS.T,
    ),
    "extrapolated linearly": (lambda x, y: interp1d(X, y, fill_value="extrapolate")(x), OUTSIDE, Y),
}


@pytest.mark.parametrize("name", CURVES)
def test_curves_follow(name):
    f, *xs = CURVES[name]
    assert_follows(f, *xs)


BOUNDARIES = ["not-a-knot", "natural", "clamped", ((1, 0.5), (2, 0.1)), ("natural", (1, 0.3))]


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_splines_of_every_boundary_follow(boundary):
    assert_follows(lambda x, y: CubicSpline(X, y, bc_type=boundary)(x), POINTS, Y)


def test_periodic_splines_follow():
    def f(y):
        return CubicSpline(X, np.concatenate([y, y[:1]]), bc_type="periodic")(POINTS + 4)

    assert_follows(f, Y[:-1])


@pytest.mark.parametrize(
    "kind", ["linear", "slinear", "quadratic", "cubic", "nearest", "previous", "next", "zero", 3]
)
def test_every_kind_of_interpolation_follows(kind):
    outer = interp1d(X, PAIRS, kind=kind, axis=0)
    assert_follows(lambda x: outer(x), POINTS)
    assert_follows(lambda x, y: interp1d(X, y, kind=kind)(x), POINTS, Y)


def test_a_curve_made_inside_is_a_scipy_object_that_outlives_the_trace():
    kept = []

    def f(y):
        kept.append(CubicSpline(X, y))
        assert isinstance(kept[0], CubicSpline)
        return kept[0](1.0)

    cr.grad(f)(Y)
    assert type(pickle.loads(pickle.dumps(kept[0]))) is CubicSpline
    np.testing.assert_allclose(kept[0](POINTS), SPLINE(POINTS))
    assert type(kept[0]) is CubicSpline


def test_coefficients_that_are_read_are_not_silently_plain():
    with pytest.raises(EscapedValueError):
        cr.grad(lambda y: np.sum(np.sin(CubicSpline(X, y).c)))(Y)


def test_abscissae_and_unknown_boundaries_are_refused():
    with pytest.raises(
        NotDifferentiableError, match=r"CubicSpline: the derivative with respect to x"
    ):
        cr.grad(lambda x: CubicSpline(x, Y)(0.5))(X)
    with pytest.raises(NotDifferentiableError, match="bc_type="):
        cr.grad(lambda y: interpolate.make_interp_spline(X, y, bc_type="periodic")(0.5))(
            np.array([0.0, 1.0, 2.0, 3.0, 2.0, 0.0])
        )
    with pytest.raises(NotDifferentiableError, match="extrapolate='periodic'"):
        cr.grad(lambda a: PPoly(np.ones((2, 5)), X, "periodic").integrate(0.1, a))(3.0)


def test_b_splines_with_traced_coefficients_follow():
    def f(c, x):
        spline = BSpline.construct_fast(B_SPLINE.t, B_SPLINE.c, B_SPLINE.k)
        return spline(x) * c

    assert_follows(f, np.array(2.0), POINTS[0])


# sparse

DENSE = np.array([[4.0, 0.0, 1.0], [0.5, 5.0, 0.0], [0.0, 1.0, 6.0]])
SYMMETRIC = DENSE + DENSE.T
VECTOR, COLUMNS = RNG.normal(size=3), RNG.normal(size=(3, 2))
FORMATS = [
    "csr_array",
    "csr_matrix",
    "csc_array",
    "coo_array",
    "dia_array",
    "lil_array",
    "bsr_array",
]


@pytest.mark.parametrize("name", FORMATS)
def test_products_of_sparse_matrices_follow(name):
    matrix = getattr(sparse, name)(DENSE)
    assert_follows(lambda x: matrix @ (x * x), VECTOR)
    assert_follows(lambda x: matrix.dot(x * x), COLUMNS)
    assert_follows(lambda x: (x * x) @ matrix, VECTOR)
    assert_follows(lambda x: (x * x).T @ matrix, COLUMNS)


def test_the_star_of_a_sparse_matrix_is_a_product():
    matrix = sparse.csr_matrix(DENSE)
    np.testing.assert_allclose(cr.grad(lambda x: np.sum(matrix * x))(VECTOR), DENSE.sum(axis=0))


def test_a_sparse_matrix_changed_later_keeps_its_used_values():
    def f(x):
        matrix = sparse.csr_array(DENSE)
        out = matrix @ x
        matrix.data *= 100
        return np.sum(out)

    np.testing.assert_allclose(cr.grad(f)(VECTOR), DENSE.sum(axis=0))


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2)])
def test_sparse_systems_follow_the_right_hand_side(shape):
    matrix = sparse.csc_array(DENSE)
    assert_follows(lambda b: sparse_linalg.spsolve(matrix, b * b), RNG.normal(size=shape))


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("cg", SYMMETRIC),
        ("minres", SYMMETRIC),
        ("gmres", DENSE),
        ("bicgstab", DENSE),
        ("lgmres", DENSE),
    ],
)
def test_iterative_solvers_follow(name, matrix):
    matrix = sparse.csr_array(matrix)
    assert_follows(lambda b: getattr(sparse_linalg, name)(matrix, b * b, rtol=1e-13)[0], VECTOR)


def test_other_sparse_solvers_follow():
    matrix, lower = sparse.csc_array(DENSE), sparse.csr_array(np.tril(DENSE))
    assert_follows(lambda b: sparse_linalg.factorized(matrix)(b * b), VECTOR)
    assert_follows(lambda b: sparse_linalg.spsolve_triangular(lower, b * b), VECTOR)
    assert_follows(lambda b: sparse_linalg.expm_multiply(matrix / 9, b * b), VECTOR)


def test_sparse_matrices_of_traced_values_raise():
    with pytest.raises(EscapedValueError):
        cr.grad(lambda x: np.sum(sparse.csr_array((x, ([0, 1, 2], [0, 1, 2]))) @ VECTOR))(VECTOR)
    with pytest.raises(EscapedValueError):
        cr.grad(lambda x: sparse.csr_array(DENSE).multiply(x).sum())(VECTOR)
