"""What the gradient is where a function has a kink, a pole or a limit, and where numbers are extreme."""

import numpy as np
import pytest
import scipy.special

import chainrule as cr
from chainrule.errors import ArgumentError, NotDifferentiableError
from chainrule.ops import activations
from chainrule.ops.creation import stop_gradient
from chainrule.ops.special import call

INF = np.inf


def slope(f, x):
    """The derivative of an elementwise function, at every element."""
    x = np.asarray(x, float)
    return cr.jvp(f, (x,), (np.ones_like(x),))[1]


def slopes(f, x, y):
    return cr.vjp(f, float(x), float(y))[1](1.0)


@pytest.mark.parametrize("f", [np.maximum, np.minimum, np.fmax, np.fmin])
def test_a_tie_is_shared_evenly(f):
    assert slopes(f, 2.0, 2.0) == (0.5, 0.5)


@pytest.mark.parametrize("differentiate", [cr.grad, lambda f: lambda v: cr.jvp(f, (v,), (1.0,))])
def test_a_rule_that_needs_more_than_is_known_of_another_op_loses_nothing_in_silence(differentiate):
    """Rules apply ops without their fronts, which refuse an order that is traced."""
    with pytest.raises(NotDifferentiableError, match=r"hyp0f1: .* argument 1 is not known"):
        differentiate(lambda v: call("hyp0f1", v, 0.5))(1.5)


def test_a_number_beats_nan_in_fmax_and_fmin():
    assert slopes(np.fmax, 2.0, np.nan) == (1.0, 0.0)
    assert slopes(np.fmin, np.nan, 2.0) == (0.0, 1.0)


@pytest.mark.parametrize("f", [np.abs, np.fabs, np.sign, activations.relu])
def test_the_slope_at_zero_is_zero(f):
    assert slope(f, 0.0) == 0


def test_the_absolute_value_of_a_complex_zero_has_gradient_zero():
    assert cr.grad(np.abs)(0j) == 0


def test_the_gradient_of_a_complex_sign_is_perpendicular_to_the_number():
    out, tangent = cr.jvp(np.sign, (3 + 4j,), (1 + 0j,))
    assert out == pytest.approx(0.6 + 0.8j)
    assert (tangent * np.conj(out)).real == pytest.approx(0.0)


def test_clip_passes_the_gradient_on_the_closed_interval():
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    np.testing.assert_array_equal(slope(lambda x: np.clip(x, -1, 1), x), [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(slope(lambda x: np.clip(x, None, 1), x), [1, 1, 1, 1, 0])


def test_clip_with_crossed_limits_follows_the_upper_one():
    low, high = cr.vjp(lambda low, high: np.clip(0.0, low, high), 2.0, 1.0)[1](1.0)
    assert (low, high) == (0.0, 1.0)


def test_clip_refuses_what_it_cannot_follow():
    with pytest.raises(NotDifferentiableError, match="clip: dtype="):
        cr.grad(lambda x: np.clip(x, 0, 1, dtype=np.float32))(0.5)


def test_powers_of_zero():
    for exponent, expected in [(0, 0), (1, 1), (2, 0), (3, 0)]:
        assert slope(lambda x: x**exponent, 0.0) == expected  # noqa: B023  called at once
        by_array = slope(lambda x: x ** np.array(exponent), 0.0)  # noqa: B023  called at once
        assert by_array == expected
    assert slopes(np.power, 0.0, 2.0) == (0.0, 0.0)
    assert slopes(np.power, 0.0, 0.0) == (0.0, 0.0)


def test_powers_of_negative_numbers_with_whole_exponents():
    assert slope(lambda x: x**3, -2.0) == 12.0
    assert slope(lambda x: x**-1, -2.0) == -0.25
    assert slope(lambda x: x ** np.array([1, 2, 3]), [-2.0, -2.0, -2.0]).tolist() == [1, -4, 12]


def test_a_python_number_as_base_or_exponent_is_weak():
    x = np.ones(2, np.float32)
    for f in (lambda x: 2**x, lambda x: x**2, lambda x: x**0.5):
        assert cr.vjp(f, x)[1](x)[0].dtype == np.float32


def test_the_root_of_zero_has_an_infinite_slope():
    with np.errstate(divide="ignore"):
        assert slope(np.sqrt, 0.0) == INF


def test_a_length_at_the_origin_has_gradient_zero():
    assert slopes(np.hypot, 0.0, 0.0) == (0.0, 0.0)


def test_sinc_has_all_its_derivatives_at_zero():
    second = cr.grad(cr.grad(np.sinc))
    assert cr.grad(np.sinc)(0.0) == 0
    assert second(0.0) == pytest.approx(-(np.pi**2) / 3)
    assert cr.grad(cr.grad(second))(0.0) == pytest.approx(np.pi**4 / 5)


def test_log_sums_of_nothing_have_gradient_zero():
    assert slopes(np.logaddexp, -INF, -INF) == (0.0, 0.0)
    assert slopes(np.logaddexp, -INF, 1.0) == (0.0, 1.0)
    assert slopes(np.logaddexp2, 1.0, -INF) == (1.0, 0.0)


def test_where_keeps_what_was_not_chosen_out_of_the_gradient():
    x = np.array([0.0, 4.0])
    with np.errstate(divide="ignore"):
        _, pullback = cr.vjp(lambda x: np.where(x > 0, x, 1.0), x)
        np.testing.assert_array_equal(pullback(np.array([INF, 2.0]))[0], [0.0, 2.0])


def test_where_with_two_arguments_says_what_is_missing():
    with pytest.raises(ArgumentError, match="a condition alone, or with x and y"):
        cr.grad(lambda x: np.where(x > 0, x))(1.0)


def test_where_takes_lists_of_traced_numbers():
    gradient = cr.grad(lambda x: np.where(np.array([True, False]), [x, 1.0], 2.0)[0] * 3)
    assert gradient(1.0) == 3.0


def test_replaced_numbers_have_no_gradient():
    x = np.array([1.0, np.nan, INF, -INF])
    np.testing.assert_array_equal(slope(np.nan_to_num, x), [1, 0, 0, 0])
    both = np.nan_to_num(np.array([complex(np.nan, 2)]))
    np.testing.assert_array_equal(cr.vjp(np.nan_to_num, both)[0], both)


def test_nan_to_num_in_place_writes_into_the_traced_array():
    def f(x):
        y = x * 1.0
        np.nan_to_num(y, copy=False, nan=5.0)
        return y

    out, tangent = cr.jvp(f, (np.array([np.nan, 2.0]),), (np.ones(2),))
    np.testing.assert_array_equal(out, [5.0, 2.0])
    np.testing.assert_array_equal(tangent, [0.0, 1.0])


@pytest.mark.parametrize(
    ("f", "left", "right"),
    [
        (activations.sigmoid, 0, 0),
        (activations.relu, 0, 1),
        (activations.leaky_relu, 0.01, 1),
        (activations.elu, 0, 1),
        (activations.silu, 0, 1),
        (activations.gelu, 0, 1),
        (activations.softplus, 0, 1),
        (activations.log_sigmoid, 1, 0),
    ],
)
def test_activations_have_their_limits_far_out(f, left, right):
    x = np.array([-1e4, 1e4])
    assert np.isfinite(f(x)).all()
    np.testing.assert_allclose(slope(f, x), [left, right], atol=1e-12)
    single = cr.vjp(f, x.astype(np.float32))[1](np.ones(2, np.float32))[0]
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, [left, right], atol=1e-6)


def test_gelu_keeps_its_digits_in_the_tail():
    assert activations.gelu(-30.0) == pytest.approx(-30 * 4.906713927148187e-198)


def test_gelu_names_its_choices():
    with pytest.raises(ArgumentError, match="gelu: approximate='sigmoid'"):
        activations.gelu(1.0, approximate="sigmoid")


def test_a_slope_can_be_learned():
    x = np.array([-2.0, 3.0])
    _, pullback = cr.vjp(lambda slope: activations.leaky_relu(x, slope), 0.1)
    assert pullback(np.ones(2)) == (-2.0,)


def test_masked_scores_have_probability_zero():
    x = np.array([[0.0, -INF, 0.0], [-INF, -INF, -INF]])
    np.testing.assert_array_equal(activations.softmax(x), [[0.5, 0, 0.5], [0, 0, 0]])
    np.testing.assert_array_equal(activations.logsumexp(x, axis=1), [np.log(2), -INF])
    np.testing.assert_array_equal(activations.log_softmax(x)[1], [-INF, -INF, -INF])
    _, pullback = cr.vjp(lambda x: activations.logsumexp(x, axis=1), x)
    np.testing.assert_array_equal(pullback(np.ones(2))[0], activations.softmax(x))


def test_huge_scores_do_not_overflow():
    x = np.array([1e4, 1e4, -1e4])
    np.testing.assert_array_equal(activations.softmax(x), [0.5, 0.5, 0.0])
    assert activations.logsumexp(x) == pytest.approx(1e4 + np.log(2))
    assert activations.logsumexp(np.array([INF, 0.0])) == INF


def test_integers_are_scored_as_floats():
    scores = np.array([1, 2, 3])
    for f in (activations.softmax, activations.log_softmax, activations.logsumexp):
        np.testing.assert_array_equal(f(scores), f(scores.astype(float)))


def test_a_stopped_gradient_is_a_plain_copy():
    x = np.ones(2)
    assert stop_gradient(x) is not x
    assert cr.grad(lambda x: x * stop_gradient(x))(3.0) == 3.0
    assert cr.grad(cr.grad(lambda x: x**2 * stop_gradient(x)))(3.0) == 6.0


def test_scipy_special_functions_are_followed():
    assert cr.grad(scipy.special.expit)(0.0) == 0.25
    assert cr.grad(scipy.special.digamma)(1.0) == pytest.approx(np.pi**2 / 6)
    assert cr.grad(lambda x: scipy.special.jv(1, x))(0.0) == 0.5
    assert cr.grad(scipy.special.log1p)(1.0) == 0.5


def test_special_functions_at_their_limits():
    assert slope(scipy.special.log_ndtr, -1e5) == pytest.approx(1e5)
    assert slope(scipy.special.exprel, 0.0) == 0.5
    assert slope(scipy.special.i1, 0.0) == 0.5
    assert slopes(scipy.special.xlogy, 0.0, 1.0) == (0.0, 0.0)
    assert cr.grad(lambda y: scipy.special.xlogy(0.0, y))(0.0) == 0.0


def test_the_order_of_a_bessel_function_has_no_gradient():
    with pytest.raises(
        NotDifferentiableError, match="jv: its derivative with respect to the order"
    ):
        cr.grad(lambda v: scipy.special.jv(v, 1.0))(1.0)


def test_digamma_of_complex_numbers_is_refused():
    with pytest.raises(NotDifferentiableError, match="psi: its derivative is known for real"):
        cr.grad(lambda z: np.abs(scipy.special.psi(z)))(1 + 1j)


@pytest.mark.parametrize("name", ["cbrt", "exp2", "expm1", "i0", "log1p", "round"])
@pytest.mark.parametrize("dtype", "?bBhHifd")
def test_functions_of_scipy_that_numpy_has_too_keep_the_dtype_of_scipy(name, dtype):
    f = getattr(scipy.special, name)
    x = np.array([0, 1]).astype(dtype)
    compiled = cr.compile(lambda x: f(x))(x)
    assert compiled.dtype == f(x).dtype
    np.testing.assert_allclose(compiled, f(x), rtol=8 * np.finfo(compiled.dtype).eps)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int8, np.uint16, np.int16, np.uint32, int])
@pytest.mark.parametrize("name", ["elu", "gelu", "log_sigmoid", "sigmoid", "silu", "softplus"])
def test_integers_are_numbers_of_the_dtype_of_their_exponential(name, dtype):
    f = getattr(activations, name)
    x = np.array([0, 1, 1], dtype)
    expected = f(x.astype(np.exp(x).dtype))
    compiled = cr.compile(f)
    for got in (f(x), compiled(x), compiled(x)):
        assert got.dtype == expected.dtype
        np.testing.assert_array_almost_equal_nulp(got, expected, 4)
