"""`scipy.linalg` and `scipy.special` with traced arguments."""

import numpy as np
import pytest
from scipy import linalg, special
from tests.scipy.following import assert_follows

import chainrule as cr
from chainrule.errors import ArgumentError, NotDifferentiableError, ShapeError

RNG = np.random.default_rng(3)
ANY = RNG.normal(size=(3, 3))
REGULAR = ANY + 4 * np.eye(3)
POSITIVE = ANY @ ANY.T + 3 * np.eye(3)
TALL = RNG.normal(size=(5, 3))
SMALL = POSITIVE / 8
VECTOR, LONG = RNG.normal(size=3), RNG.normal(size=5)
COLUMNS = RNG.normal(size=(3, 2))
BANDS = RNG.normal(size=(3, 4)) + np.array([[0.0], [5.0], [0.0]])
FOUR = RNG.normal(size=4)

SYSTEMS = {
    "solve": ("solve", REGULAR, VECTOR),
    "solve columns": ("solve", REGULAR, COLUMNS),
    "solve transposed": (lambda a, b: linalg.solve(a, b, transposed=True), REGULAR, VECTOR),
    "solve stack": ("solve", np.stack([REGULAR, POSITIVE]), np.stack([COLUMNS, COLUMNS])),
    "inv": ("inv", REGULAR),
    "det": ("det", REGULAR),
    "pinv": ("pinv", TALL),
    "norm": ("norm", TALL),
    "norm of rows": (lambda a: linalg.norm(a, 1, axis=1, keepdims=True), TALL),
    "lstsq": (lambda a, b: linalg.lstsq(a, b)[0], TALL, LONG),
    "lstsq residues": (lambda a, b: linalg.lstsq(a, b)[1], TALL, LONG),
    "solve_banded": (lambda a, b: linalg.solve_banded((1, 1), a, b), BANDS, FOUR),
    "solve_toeplitz": (
        lambda c, r, b: linalg.solve_toeplitz((c, r), b),
        VECTOR + 6,
        VECTOR,
        VECTOR,
    ),
    "solve_sylvester": ("solve_sylvester", REGULAR, POSITIVE, ANY),
    "continuous_lyapunov": ("solve_continuous_lyapunov", REGULAR, ANY),
    "discrete_lyapunov": ("solve_discrete_lyapunov", ANY / 5, ANY),
    "block_diag": (lambda a, b: linalg.block_diag(a, b, 2.0), ANY, VECTOR),
    "toeplitz": ("toeplitz", VECTOR, LONG),
    "circulant": ("circulant", VECTOR),
    "hankel": ("hankel", VECTOR, LONG),
    "hankel alone": ("hankel", VECTOR),
}
FACTORS = {
    "cholesky": ("cholesky", POSITIVE),
    "cholesky lower": (lambda a: linalg.cholesky(a, lower=True), POSITIVE),
    "cho_factor": (lambda a: linalg.cho_factor(a)[0], POSITIVE),
    "cho_solve": (lambda a, b: linalg.cho_solve(linalg.cho_factor(a), b), POSITIVE, VECTOR),
    "cho_solve lower": (
        lambda a, b: linalg.cho_solve(linalg.cho_factor(a, lower=True), b),
        POSITIVE,
        COLUMNS,
    ),
    "lu": ("lu", ANY),
    "lu permuted": (lambda a: linalg.lu(a, permute_l=True), ANY),
    "lu indices": (lambda a: linalg.lu(a, p_indices=True), ANY),
    "lu_solve": (lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b), ANY, VECTOR),
    "lu_solve transposed": (
        lambda a, b: linalg.lu_solve(linalg.lu_factor(a), b, trans=1),
        ANY,
        VECTOR,
    ),
    "qr": (lambda a: linalg.qr(a, mode="economic"), TALL),
    "qr full": ("qr", REGULAR),
    "qr pivoted": (lambda a: linalg.qr(a, mode="economic", pivoting=True), TALL),
    "qr r": (lambda a: linalg.qr(a, mode="r"), TALL),
    "svd": (lambda a: linalg.svd(a, full_matrices=False), TALL),
    "svdvals": ("svdvals", TALL),
    "eigvalsh": ("eigvalsh", POSITIVE),
    "eigh vectors": (lambda a: np.abs(linalg.eigh(a)[1]), POSITIVE),
    "eigh generalized": (lambda a, b: linalg.eigh(a, b, eigvals_only=True), ANY, POSITIVE),
    "eigh subset": (lambda a: linalg.eigh(a, eigvals_only=True, subset_by_index=[0, 1]), POSITIVE),
    "eigvals": ("eigvals", POSITIVE + 0.01 * ANY),
    "polar": ("polar", TALL),
    "polar left": (lambda a: linalg.polar(a, side="left"), REGULAR),
    "orth": (lambda a: np.abs(linalg.orth(a)), TALL),
}
FUNCTIONS = ("expm", "sqrtm", "logm", "cosm", "sinm", "tanm", "coshm", "sinhm", "tanhm")


def called(package, f):
    """Look a function up by its name at every call: rerouting does not look into dictionaries."""
    return (lambda *xs: getattr(package, f)(*xs)) if isinstance(f, str) else f


@pytest.mark.parametrize("name", SYSTEMS)
def test_systems_and_structures_follow(name):
    f, *xs = SYSTEMS[name]
    assert_follows(called(linalg, f), *xs)


@pytest.mark.parametrize("name", FACTORS)
def test_factorisations_follow(name):
    f, *xs = FACTORS[name]
    assert_follows(called(linalg, f), *xs)


@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize(
    "structure",
    ["gen", "sym", "her", "pos", "diagonal", "tridiagonal", "upper triangular", "lower triangular"],
)
def test_of_a_structured_matrix_only_what_scipy_reads_counts(structure, lower):
    assert_follows(
        lambda a, b: linalg.solve(a, b, assume_a=structure, lower=lower), POSITIVE, VECTOR
    )


@pytest.mark.parametrize("trans", [0, 1])
@pytest.mark.parametrize("lower", [False, True])
@pytest.mark.parametrize("unit", [False, True])
def test_triangular_systems_follow(trans, lower, unit):
    def f(a, b):
        return linalg.solve_triangular(a, b, trans=trans, lower=lower, unit_diagonal=unit)

    assert_follows(f, REGULAR, COLUMNS)


@pytest.mark.parametrize("lower", [False, True])
def test_hermitian_bands_follow(lower):
    bands = BANDS[[0, 2]]
    diagonal = np.array([[6.0], [0.0]]) if lower else np.array([[0.0], [6.0]])
    assert_follows(lambda a, b: linalg.solveh_banded(a, b, lower=lower), bands + diagonal, FOUR)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_of_matrices_follow(name):
    assert_follows(called(linalg, name), SMALL)


def test_powers_of_matrices_follow():
    assert_follows(lambda a: linalg.fractional_matrix_power(a, 0.3), SMALL)
    assert_follows(called(linalg, "expm_frechet"), ANY, POSITIVE)


def test_the_derivative_of_expm_of_a_multiple_is_known():
    gradient = cr.grad(lambda t: np.sum(linalg.expm(t * ANY)))(0.7)
    np.testing.assert_allclose(gradient, np.sum(ANY @ linalg.expm(0.7 * ANY)))


def test_integers_and_lists_are_taken():
    assert cr.grad(lambda x: linalg.det([[x, 1], [2, 3]]))(4.0) == pytest.approx(3.0)


def test_what_cannot_be_followed_is_refused():
    with pytest.raises(ArgumentError, match="assume_a='round'"):
        cr.grad(lambda x: linalg.solve(REGULAR * x, VECTOR, assume_a="round")[0])(1.0)
    with pytest.raises(NotDifferentiableError, match="left=True"):
        cr.grad(lambda x: np.real(linalg.eig(ANY * x, left=True)[0][0]))(1.0)
    with pytest.raises(NotDifferentiableError, match="respect to t"):
        cr.grad(lambda t: linalg.fractional_matrix_power(SMALL, t)[0, 0])(0.5)
    with pytest.raises(ShapeError, match="one square matrix"):
        cr.grad(lambda x: np.sum(linalg.lu_factor(np.stack([ANY, ANY]) * x)[0]))(1.0)
    with pytest.raises(ShapeError, match="square"):
        cr.grad(lambda x: np.sum(linalg.expm(TALL * x)))(1.0)


SPECIAL = {
    "logsumexp": (lambda a: special.logsumexp(a, axis=1, keepdims=True), ANY),
    "logsumexp weighted": (lambda a, b: special.logsumexp(a, axis=0, b=b), ANY, np.abs(ANY)),
    "logsumexp signed": (lambda a, b: special.logsumexp(a, b=b, return_sign=True), ANY, ANY),
    "softmax": (lambda a: special.softmax(a, axis=0), ANY),
    "softmax of all": ("softmax", ANY),
    "log_softmax": (lambda a: special.log_softmax(a, axis=-1), ANY),
    "multigammaln": (lambda a: special.multigammaln(a, 3), np.array([3.0, 4.5])),
    "polygamma": (lambda a: special.polygamma(1, a), np.array([3.0, 4.5])),
    "zeta": (lambda q: special.zeta(2.5, q), np.array([1.0, 2.0])),
    "spherical_jn": (lambda a: special.spherical_jn(2, a), np.array([3.0, 4.5])),
    "spherical_jn slope": (lambda a: special.spherical_jn(1, a, derivative=True), np.array([3.0])),
    "erf and gammaln": (lambda a: special.erf(a) * special.gammaln(a), np.array([0.5, 4.5])),
}


@pytest.mark.parametrize("name", SPECIAL)
def test_special_functions_follow(name):
    f, *xs = SPECIAL[name]
    assert_follows(called(special, f), *xs)


def test_logsumexp_is_safe_at_extremes():
    def f(a):
        return special.logsumexp(a, b=np.array([1.0, 2.0, 0.0]))

    np.testing.assert_allclose(cr.grad(f)(np.array([1000.0, 1000.0, 5000.0])), [1 / 3, 2 / 3, 0])


@pytest.mark.parametrize("dtype", "ifdFD")
def test_a_determinant_has_the_dtype_of_double_precision(dtype):
    a = np.array([[2.3, 1.1], [1.7, 3.9]]).astype(dtype)
    expected = linalg.det(a)
    compiled = cr.compile(lambda a: linalg.det(a))(a)
    assert type(compiled) is type(expected)
    rounding = np.finfo(np.float32 if dtype in "fF" else np.float64).eps
    np.testing.assert_allclose(compiled, expected, rtol=8 * rounding)
    if dtype in "fd":
        gradient = cr.grad(lambda a: linalg.det(a))(a)
        assert gradient.dtype == a.dtype
        np.testing.assert_allclose(gradient, [[a[1, 1], -a[1, 0]], [-a[0, 1], a[0, 0]]], rtol=1e-6)
