"""Conventions of reductions: ties, zeros, NaNs; and derivatives that the generated samples cannot show."""

import itertools

import numpy as np
import pytest
from tests.compiler.together import compiled_together

import chainrule as cr
from chainrule.core.graph import capture
from chainrule.core.op import BY_NUMPY
from chainrule.core.types import array_type

NAN = np.nan


@pytest.mark.parametrize("f", [np.max, np.min])
def test_tied_extremes_share_the_gradient_evenly(f):
    x = np.array([2.0, 2.0, 2.0, 2.0])
    np.testing.assert_array_equal(cr.grad(f)(x), np.full(4, 0.25))


def test_ties_are_shared_along_each_row_by_itself():
    x = np.array([[1.0, 1.0, 0.0], [0.0, 3.0, 2.0]])
    gradient = cr.grad(lambda x: np.sum(np.max(x, axis=1)))(x)
    np.testing.assert_array_equal(gradient, [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]])


def test_an_extreme_tied_with_its_initial_value_has_half_the_gradient():
    assert cr.grad(lambda x: np.max(x, initial=2.0))(np.array([2.0, 1.0]))[0] == 0.5


@pytest.mark.parametrize(
    ("x", "gradient"),
    [
        ([2.0, 3.0, 4.0], [12.0, 8.0, 6.0]),
        ([0.0, 3.0, 4.0], [12.0, 0.0, 0.0]),
        ([0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
    ],
)
def test_a_product_with_zeros_has_the_product_of_the_others(x, gradient):
    np.testing.assert_array_equal(cr.grad(np.prod)(np.array(x)), gradient)


def test_the_second_derivative_of_a_product_with_two_zeros_is_the_third_factor():
    hessian = cr.hessian(np.prod)(np.array([0.0, 3.0, 0.0]))
    np.testing.assert_array_equal(hessian, [[0, 0, 3], [0, 0, 0], [3, 0, 0]])


def test_a_running_product_with_a_zero_differentiates_past_it():
    gradient = cr.grad(lambda x: np.sum(np.cumprod(x)))(np.array([2.0, 0.0, 3.0, 5.0]))
    # x0 + x0 x1 + x0 x1 x2 + x0 x1 x2 x3
    np.testing.assert_array_equal(gradient, [1.0, 2 + 6 + 30, 0.0, 0.0])


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8, 9, 17])
def test_running_products_of_every_length_have_the_right_jacobian(n, rng):
    x = rng.uniform(0.5, 1.5, n)
    products = np.cumprod(x)
    expected = np.tril(products[:, None] / x)
    np.testing.assert_allclose(cr.jacobian(np.cumprod, mode="reverse")(x), expected)
    np.testing.assert_allclose(cr.jacobian(np.cumprod, mode="forward")(x), expected)


def test_a_running_maximum_belongs_to_the_element_that_set_it_first():
    gradient = cr.grad(lambda x: np.sum(np.maximum.accumulate(x)))(np.array([1.0, 3, 2, 3, 4]))
    np.testing.assert_array_equal(gradient, [1.0, 3.0, 0.0, 0.0, 1.0])


@pytest.mark.parametrize(
    ("f", "gradient"),
    [
        (np.nansum, [1, 0, 1, 1]),
        (np.nanmean, [1 / 3, 0, 1 / 3, 1 / 3]),
        (np.nanmax, [0, 0, 0, 1]),
        (np.nanmin, [1, 0, 0, 0]),
        (np.nanprod, [20, 0, 10, 8]),
        (np.nanmedian, [0, 0, 1, 0]),
        (lambda x: np.nanquantile(x, 0.25), [0.5, 0, 0.5, 0]),
    ],
)
def test_a_nan_that_is_left_out_has_no_gradient(f, gradient):
    np.testing.assert_allclose(cr.grad(f)(np.array([2.0, NAN, 4.0, 5.0])), gradient)


def test_the_extreme_of_nothing_but_nans_is_nan():
    out, _ = cr.vjp(lambda x: np.nanmax(x, axis=1), np.array([[NAN, NAN], [1.0, NAN]]))
    np.testing.assert_array_equal(out, [NAN, 1.0])


def test_the_gradient_of_a_median_of_an_even_number_is_shared_by_the_middle_two():
    gradient = cr.grad(np.median)(np.array([4.0, 1.0, 3.0, 2.0]))
    np.testing.assert_array_equal(gradient, [0.0, 0.0, 0.5, 0.5])


def test_a_quantile_is_differentiated_with_respect_to_its_level():
    x = np.array([1.0, 2.0, 4.0, 8.0])
    assert cr.grad(lambda q: np.quantile(x * q**0, q))(0.5) == pytest.approx(3 * (4.0 - 2.0))


def test_weights_of_an_average_have_a_gradient():
    x, w = np.array([1.0, 2.0, 4.0]), np.array([1.0, 2.0, 1.0])
    gradient = cr.grad(lambda w: np.average(x * w**0, weights=w))(w)
    np.testing.assert_allclose(gradient, (x - np.average(x, weights=w)) / w.sum())


def test_sorting_hands_each_cotangent_to_the_element_it_came_from():
    gradient = cr.grad(lambda x: np.sort(x) @ np.array([1.0, 10.0, 100.0]))(np.array([3.0, 1, 2]))
    np.testing.assert_array_equal(gradient, [100.0, 1.0, 10.0])


@pytest.mark.parametrize("kth", [0, 5, 13, (3, 16)])
def test_a_partition_has_numpys_order_also_beside_the_kth(kth, rng):
    x = rng.integers(0, 9, 20).astype(float)
    out, _ = cr.vjp(lambda x: np.partition(x, kth), x)
    np.testing.assert_array_equal(out, np.partition(x, kth))


def test_a_method_in_place_sorts_the_traced_array():
    def f(x):
        y = x * 1.0
        y.sort()
        return y[0]

    np.testing.assert_array_equal(cr.grad(f)(np.array([3.0, 1.0, 2.0])), [0.0, 1.0, 0.0])


@pytest.mark.parametrize("f", [np.sum, np.mean, np.prod, np.max, np.var, np.std, np.median])
def test_gradients_of_single_precision_stay_single(f):
    assert cr.grad(f)(np.array([1.0, 2.0, 4.0], np.float32)).dtype == np.float32


def test_the_sum_of_half_precision_numbers_is_added_up_as_numpy_does(rng):
    x = rng.uniform(0, 100, 1000).astype(np.float16)
    for f in (np.sum, np.mean):
        out, _ = cr.vjp(f, x)
        assert (out, out.dtype) == (f(x), np.float16)


def test_a_variance_stays_single_where_an_integer_of_the_step_is_taken_off():
    x = np.array([1.0, -1.0, 4.0], np.float32)
    step = cr.compile(lambda x, n: np.var(x, ddof=n - 1))
    for n in (1, 2, 1):
        assert step(x, n).dtype == np.float32
        np.testing.assert_allclose(step(x, n), np.var(x, ddof=n - 1), rtol=1e-6)


@pytest.mark.parametrize("length", [0, 1])
def test_a_moment_is_captured_without_a_decision_on_its_mask(length):
    def f(x):
        return np.var(x, where=x > 0, ddof=length)

    x = np.array([1.0, -1.0, 4.0])
    graph = capture(f, array_type((3,), x.dtype))
    assert graph.run(x)[0] == f(x)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, bool, np.float32, complex])
@pytest.mark.parametrize(
    "function", [np.sum, np.prod, np.cumsum, np.cumprod, np.add.reduce, np.multiply.accumulate]
)
def test_a_total_has_the_dtype_that_is_asked_for(function, dtype):
    x = np.array([3, -100, 7, 90, 0, 55], np.int32)
    for keep in (x, x[:2]):
        expected = function(keep, dtype=dtype)
        got = cr.compile(lambda x: function(x, dtype=dtype))(keep.copy())
        assert got.dtype == expected.dtype
        np.testing.assert_array_equal(got, expected)


BINARY = sorted(
    {key[0] for key in BY_NUMPY if type(key) is tuple and key[1] == "reduce"},
    key=lambda ufunc: ufunc.__name__,
)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("ufunc", BINARY, ids=lambda ufunc: ufunc.__name__)
def test_methods_of_few_elements_or_none_are_of_numpys_dtype(ufunc):
    """Where nothing is combined, what comes out is yet of the dtype of what would be."""
    steps, arguments, wanted = [], [], []
    shapes, dtypes = ((0,), (1,), (2,), (0, 2), (1, 2)), ("?", "i1", "i8", "f4", "f8", "c16")
    for method, dtype, shape in itertools.product((ufunc.reduce, ufunc.accumulate), dtypes, shapes):
        x = np.ones(shape, dtype)
        try:
            wanted.append(method(x))
        except (TypeError, ValueError):
            with pytest.raises((TypeError, ValueError)):
                cr.compile(method)(x)
        else:
            steps.append(method)
            arguments.append((x,))
    for got, expected in zip(compiled_together(steps, arguments), wanted, strict=True):
        assert (type(got), got.dtype) == (type(expected), expected.dtype)
        np.testing.assert_allclose(got, expected, rtol=1e-3)
