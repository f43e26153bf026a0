"""What the generated tests cannot reach: results whose order is open, calls with tuples, refusals and their words."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.trace import ReverseLevel
from chainrule.errors import ArgumentError, DTypeError, NotDifferentiableError, ShapeError

X = np.array([2.0, -1.0, 2.0, 0.5, -1.0])


def test_of_equal_elements_the_first_has_the_gradient():
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(np.unique(x)))(X), [1, 1, 0, 1, 0])


def test_unique_values_are_in_numpys_order():
    seen = []
    gradient = cr.grad(lambda x: (seen.append(np.unique_values(x)), np.sum(seen[0] ** 2))[1])(X)
    np.testing.assert_array_equal(np.asarray(seen[0]), np.unique_values(X))
    np.testing.assert_array_equal(gradient, [4, -2, 0, 1, 0])


def test_keys_of_lexsort_may_be_a_tuple():
    first, second = np.array([1.0, 0.0, 1.0]), np.array([3.0, 2.0, 1.0])

    def f(x):
        return np.sum(x[np.lexsort((second, x))] * np.array([1.0, 2.0, 3.0]))

    np.testing.assert_array_equal(cr.grad(f)(first), [3, 1, 2])


def test_a_histogram_of_weights_that_move():
    data, weights = np.array([0.1, 0.4, 1.7]), np.array([1.0, 2.0, 3.0])
    gradient = cr.grad(lambda w: np.histogram(data, [0, 1, 2], weights=w)[0] @ [1.0, 10.0])(weights)
    np.testing.assert_array_equal(gradient, [1, 1, 10])


@pytest.mark.parametrize(
    "bins",
    [
        lambda e: [e, np.array([0.0, 0.12, 0.5, 1.1])],
        lambda e: (e, 3),
        lambda e: [[e[0], e[1], e[2]], 2],
        lambda e: [e[0], e[1], e[2]],
    ],
)
def test_edges_of_a_plane_may_differ_in_number(bins):
    x, edges = np.linspace(-1, 1, 10), np.array([-1.1, 0.03, 1.2])

    def f(e):
        heights = np.histogram2d(x, x**2, bins=bins(e), density=True)[0]
        return np.sum(heights * np.arange(heights.size).reshape(heights.shape))

    slopes = [(f(edges + step) - f(edges - step)) / 2e-6 for step in np.eye(3) * 1e-6]
    np.testing.assert_allclose(cr.grad(f)(edges), slopes, rtol=1e-6)


def test_polynomials_may_be_poly1d():
    f = lambda c: np.polymul(c, np.poly1d([1.0, 2.0]))(3.0) + 0 * np.poly1d(c)(1.0)
    np.testing.assert_allclose(cr.grad(f)(np.array([1.0, -1.0])), [15.0, 5.0])


def test_roots_move_with_the_coefficients():
    gradient = cr.grad(lambda p: np.max(np.roots(p)))(np.array([1.0, -3.0, 2.0]))
    np.testing.assert_allclose(gradient, [-4.0, -2.0, -1.0])


def test_text_shows_the_numbers():
    shown = []
    cr.grad(lambda x: (shown.append(np.array2string(x)), np.sum(x))[1])(np.array([1.0, 2.0]))
    assert shown == ["[1. 2.]"]


def test_a_view_of_windows_follows_writes():
    def f(x):
        windows = np.lib.stride_tricks.sliding_window_view(x, 2)
        x[0] = 5.0 * x[1]
        return np.sum(windows[0])

    np.testing.assert_array_equal(cr.grad(f)(np.array([1.0, 2.0, 3.0])), [0, 6, 0])


def test_views_share_memory_and_copies_do_not():
    answers = []

    def f(x):
        answers.extend((np.shares_memory(x, x[1:]), np.shares_memory(x, np.copy(x))))
        return np.sum(x)

    cr.grad(f)(X)
    assert answers == [True, False]


@pytest.mark.parametrize("worst", [np.inf, -np.inf, np.nan])
def test_bins_of_data_that_is_not_finite_are_refused(worst):
    def counts(x):
        return np.histogram(x, 3)[0]

    step, bad = cr.compile(counts), np.array([1.0, worst, 3.0])
    for _ in range(2):
        assert step(np.arange(3.0)).tolist() == [1, 1, 1]
    with pytest.raises(ValueError, match="not finite"):
        step(bad)
    with pytest.raises(ValueError, match="infs or NaNs"):
        cr.grad(lambda x: np.sum(x * counts(x)))(bad)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: np.save("nowhere.npy", x), NotDifferentiableError, "read back from a file"),
        (lambda x: np.nextafter.reduce(x), NotDifferentiableError, "neighbouring float"),
        (lambda x: np.bincount([0, 0, 1, 1, 0], 1j * x), DTypeError, "np.bincount"),
        (lambda x: np.histogram(x, [2, 1, 0]), ArgumentError, "edges that increase"),
        (lambda x: np.histogram(x, 0), ArgumentError, "a positive number, or the edges"),
        (lambda x: np.histogram(x, 2, (0, np.inf)), ArgumentError, "two finite numbers"),
        (lambda x: np.histogram2d(x, x, [1, 2], [None]), ArgumentError, "one entry for each"),
        (lambda x: np.linspace(x[0], 1.0, -1), ArgumentError, "0 or more"),
        (lambda x: np.geomspace(0 * x[0], 1.0), ArgumentError, "numbers that are not zero"),
        (lambda x: np.select([], [x]), ArgumentError, "as many choices as conditions"),
        (lambda x: np.select([x], [x]), DTypeError, "np.select"),
        (lambda x: np.choose([9], [x]), ArgumentError, "numbers from 0 to 0"),
        (lambda x: np.choose([0], [x], mode="x"), ArgumentError, "'raise', 'wrap', 'clip'"),
        (lambda x: np.piecewise(x, [x > 0], [1, 2, 3]), ArgumentError, "1 or 2 functions"),
        (lambda x: np.trim_zeros(x, "x"), ArgumentError, "Expected one of 'fb'"),
        (lambda x: np.polyint(x, -1), ArgumentError, "0 or a positive number"),
        (lambda x: np.polyint(x, 3, [1, 2]), ArgumentError, "one for each of the 3"),
        (lambda x: np.polyfit(x, x, -1), ArgumentError, "0 or more"),
        (lambda x: np.polyfit(x[:2], x[:2], 1, cov=True), ArgumentError, "more than 2 points"),
        (lambda x: np.hypot.reduceat(x, [9]), ArgumentError, "positions on an axis of 5"),
        (lambda x: np.power.reduce(x[None], axis=None), ArgumentError, "the order of the elements"),
        (lambda x: np.power.reduce(x, where=x > 0), ArgumentError, "where= without initial="),
        (lambda x: np.power.reduce(x[:0]), ShapeError, "power.reduce"),
        (lambda x: np.apply_along_axis(np.sum, 0, x[:, None][:, :0]), ArgumentError, "one vector"),
        (
            lambda x: np.apply_over_axes(lambda a, axis: np.sum(a), x[None], 0),
            ShapeError,
            "keeps the axis",
        ),
        (
            lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, writeable=True),
            ArgumentError,
            "writeable=True",
        ),
        (
            lambda x: np.lib.stride_tricks.sliding_window_view(x, [2, 2]),
            ArgumentError,
            "one size for each",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_in_words(call, error, words):
    with pytest.raises(error, match=words):
        cr.grad(lambda x: np.sum(call(x)))(X)


def test_a_poor_fit_warns():
    with pytest.warns(np.exceptions.RankWarning):
        cr.grad(lambda y: np.sum(np.polyfit(np.ones(3), y, 1)))(np.ones(3))


def test_interpolation_beside_infinities_takes_the_points_that_numpy_takes(rng):
    numbers = np.array([0.0, 1.0, -1.0, 2.0, 0.5, np.nan, np.inf, -np.inf])
    step = cr.compile(np.interp)
    with np.errstate(all="ignore"):
        for _ in range(300):
            n = rng.integers(1, 5)
            x, xp, fp = (
                rng.choice(numbers, 6),
                np.sort(rng.choice(numbers, n)),
                rng.choice(numbers, n),
            )
            expected = np.interp(x, xp, fp)
            with ReverseLevel() as level:
                traced = np.interp(level.input(x), xp, fp)
            for got in (step(x, xp, fp), np.asarray(traced)):
                np.testing.assert_allclose(got, expected, rtol=1e-14, atol=1e-15)


@pytest.mark.parametrize("weights", [None, np.array([1, 1, 1])])
def test_a_covariance_without_degrees_of_freedom_is_not_finite(weights):
    def covariance(x):
        return np.cov(x, ddof=4, fweights=weights)

    x = X[:3]
    with pytest.warns(RuntimeWarning):
        expected = covariance(x)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(cr.vjp(covariance, x)[0], expected)


@pytest.mark.parametrize("mode", ["mean", "median", "linear_ramp"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_integers_are_padded_with_integers_as_numpy_rounds_them(mode, dtype, rng):
    x = rng.integers(0, 20, (4, 5)).astype(dtype)
    expected = np.pad(x, 3, mode)
    got = cr.compile(lambda x: np.pad(x, 3, mode))(x)
    assert got.dtype == expected.dtype
    np.testing.assert_array_equal(got, expected)
