"""Rules of the user's own, and stop_gradient."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.graph import capture
from chainrule.core.types import array_type
from chainrule.errors import ArgumentError, ContainerError, ShapeError


def plain_sine(x):
    """NumPy's sine in a way that no trace could follow."""
    return np.array([math.sin(v) for v in np.ravel(x)]).reshape(np.shape(x))[()]


SINES = {
    "vjp": cr.custom_rule(vjp=lambda g, out, x: g * np.cos(x))(plain_sine),
    "jvp": cr.custom_rule(jvp=lambda t, out, x: t[0] * np.cos(x))(plain_sine),
    "both": cr.custom_rule(
        vjp=lambda g, out, x: g * np.cos(x), jvp=lambda t, out, x: t[0] * np.cos(x)
    )(plain_sine),
}


@pytest.fixture(params=SINES.values(), ids=SINES)
def sine(request):
    return request.param


def test_one_rule_gives_both_modes(sine):
    x, t = np.array([0.3, -1.2]), np.array([1.0, 2.0])
    out, tangent = cr.jvp(sine, (x,), (t,))
    np.testing.assert_allclose(out, np.sin(x))
    np.testing.assert_allclose(tangent, t * np.cos(x))
    np.testing.assert_allclose(cr.vjp(sine, x)[1](t)[0], t * np.cos(x))


def test_higher_derivatives_follow_the_rule(sine):
    assert cr.grad(cr.grad(sine))(0.7) == pytest.approx(-np.sin(0.7))
    assert cr.grad(cr.grad(cr.grad(sine)))(0.7) == pytest.approx(-np.cos(0.7))


def test_forward_and_reverse_can_be_nested_in_any_order(sine):
    def slope(x):
        return cr.jvp(sine, (x,), (1.0,))[1]

    assert cr.grad(slope)(0.7) == pytest.approx(-np.sin(0.7))
    assert cr.jvp(cr.grad(sine), (0.7,), (1.0,))[1] == pytest.approx(-np.sin(0.7))
    assert cr.jvp(slope, (0.7,), (1.0,))[1] == pytest.approx(-np.sin(0.7))


def test_without_a_trace_the_function_is_itself(sine):
    assert sine(0.5) == math.sin(0.5)


def test_a_rule_that_is_false_is_used_all_the_same():
    straight_through = cr.custom_rule(vjp=lambda g, out, x: g)(np.round)
    assert cr.grad(lambda x: 3 * straight_through(x))(1.7) == 3


def test_options_reach_the_function_and_the_rule():
    @cr.custom_rule(vjp=lambda g, out, x, *, n: g * n * x ** (n - 1))
    def power(x, *, n):
        return x**n

    assert cr.grad(power)(2.0, n=3) == 12


@pytest.mark.parametrize(
    "rule",
    [
        {"vjp": lambda g, out, x, y: (g * y, g * x)},
        {"jvp": lambda t, out, x, y: t[0] * y + x * t[1]},
    ],
    ids=["vjp", "jvp"],
)
def test_several_arguments_have_one_cotangent_each(rule):
    product = cr.custom_rule(**rule)(lambda x, y: x * y)
    assert cr.grad(product, argnums=(0, 1))(2.0, 5.0) == (5.0, 2.0)
    assert cr.grad(product, argnums=1)(2.0, 5.0) == 2.0
    assert cr.jvp(product, (2.0, 5.0), (1.0, 10.0))[1] == 25.0
    assert cr.jvp(lambda y: product(2.0, y), (5.0,), (1.0,))[1] == 2.0


def test_none_stands_for_a_zero_cotangent():
    f = cr.custom_rule(vjp=lambda g, out, x, n: (g * n, None))(lambda x, n: x * n)
    assert cr.grad(f, argnums=(0, 1))(2.0, 5.0) == (5.0, 0.0)
    assert cr.grad(f)(2.0, 5) == 5.0


@pytest.mark.parametrize(
    "rule",
    [
        {"vjp": lambda g, out, x: g[0] * np.cos(x) - g[1] * np.sin(x)},
        {"jvp": lambda t, out, x: (t[0] * np.cos(x), -t[0] * np.sin(x))},
    ],
    ids=["vjp", "jvp"],
)
def test_a_tuple_of_results_has_a_tuple_of_cotangents(rule):
    both = cr.custom_rule(**rule)(lambda x: (np.sin(x), np.cos(x)))
    assert cr.grad(lambda x: both(x)[0] * 2)(0.3) == pytest.approx(2 * np.cos(0.3))
    assert cr.grad(lambda x: both(x)[0] * both(x)[1])(0.3) == pytest.approx(np.cos(0.6))
    out, tangent = cr.jvp(both, (0.3,), (1.0,))
    assert out == (np.sin(0.3), np.cos(0.3))
    assert tangent == pytest.approx((np.cos(0.3), -np.sin(0.3)))


@pytest.mark.parametrize("name", ["vjp", "jvp"])
def test_a_complex_rule_follows_the_bilinear_convention(name):
    rules = {"vjp": lambda g, out, z: g * 2 * z, "jvp": lambda t, out, z: t[0] * 2 * z}
    square = cr.custom_rule(**{name: rules[name]})(lambda z: z * z)
    z = np.array([1 + 2j])
    np.testing.assert_allclose(cr.vjp(square, z)[1](np.array([1j]))[0], 2j * z)
    np.testing.assert_allclose(cr.jvp(square, (z,), (np.array([1j]),))[1], 2j * z)


def test_the_cotangent_has_the_dtype_of_the_argument():
    f = cr.custom_rule(vjp=lambda g, out, x: np.float64(2) * g)(lambda x: 2 * x)
    assert cr.vjp(f, np.ones(2, np.float32))[1](np.ones(2, np.float32))[0].dtype == np.float32


def test_a_custom_rule_can_be_captured(sine):
    graph = capture(lambda x: sine(x) * 2, array_type((3,), np.dtype(np.float64)))
    graph.check()
    np.testing.assert_allclose(graph.run(np.arange(3.0))[0], 2 * np.sin(np.arange(3.0)))


def test_a_cotangent_of_the_wrong_shape_names_the_function():
    @cr.custom_rule(vjp=lambda g, out, x: np.ones(3))
    def broken(x):
        return x * 2

    message = r"broken: the cotangent of argument 0: got shape \(3,\). Expected shape \(2,\)"
    with pytest.raises(ShapeError, match=message):
        cr.vjp(broken, np.ones(2))[1](np.ones(2))


def test_a_tangent_of_the_wrong_shape_names_the_function():
    broken = cr.custom_rule(jvp=lambda t, out, x: np.ones(3))(np.sin)
    with pytest.raises(
        ShapeError, match=r"sin: the tangent of the result: got shape \(3,\). Expected shape \(2,\)"
    ):
        cr.jvp(broken, (np.ones(2),), (np.ones(2),))


def test_the_wrong_number_of_cotangents_names_the_function():
    broken = cr.custom_rule(vjp=lambda g, out, x, y: g)(np.add)
    with pytest.raises(
        ContainerError, match=r"add: the vjp rule: .* got 1 cotangent. Expected 2, one per argument"
    ):
        cr.grad(broken)(1.0, 2.0)


def test_the_wrong_number_of_tangents_names_the_function():
    broken = cr.custom_rule(jvp=lambda t, out, x: t[0])(lambda x: (x, x))
    with pytest.raises(
        ContainerError, match=r"the jvp rule: .* got 1 tangent. Expected 2, one per result"
    ):
        cr.jvp(broken, (1.0,), (1.0,))


def test_neither_rule_is_refused():
    with pytest.raises(
        ArgumentError, match=r"custom_rule: got neither vjp nor jvp. Expected at least one of them"
    ):
        cr.custom_rule()


def test_a_traced_option_is_refused(sine):
    f = cr.custom_rule(vjp=lambda g, out, x, *, scale: g * scale)(lambda x, *, scale: x * scale)
    with pytest.raises(
        ArgumentError, match=r"the option scale= is a traced value. Expected a plain one"
    ):
        cr.grad(lambda x: f(2.0, scale=x))(3.0)


def test_a_container_of_traced_values_is_refused():
    f = cr.custom_rule(vjp=lambda g, out, p: g)(lambda p: p["w"])
    with pytest.raises(
        ContainerError,
        match=r"argument 0 is a dict of traced values. Expected an array or a number",
    ):
        cr.grad(lambda p: f(p))({"w": 1.0})


def test_stop_gradient_takes_a_value_for_a_constant():
    assert cr.grad(lambda x: x * cr.stop_gradient(x))(3.0) == 3
    assert cr.jvp(lambda x: x * cr.stop_gradient(x), (3.0,), (1.0,))[1] == 3
    assert cr.grad(cr.grad(lambda x: x**2 * cr.stop_gradient(x)))(3.0) == 6


def test_stop_gradient_maps_over_containers():
    w = {"a": np.array([1.0, 2.0]), "b": [3.0, None]}
    stopped = cr.stop_gradient(w)
    np.testing.assert_array_equal(stopped["a"], w["a"])
    assert stopped["b"] == [3.0, None]
    g = cr.grad(lambda w: np.sum(w["a"] * cr.stop_gradient(w)["a"]) + w["b"][0])(w)
    np.testing.assert_array_equal(g["a"], w["a"])
    assert g["b"] == [1.0, None]


def test_stop_gradient_returns_a_copy():
    x = np.ones(2)
    cr.stop_gradient(x)[0] = 5
    np.testing.assert_array_equal(x, [1, 1])


def test_a_traced_value_that_is_no_argument_is_refused():
    def outer(x):
        @cr.custom_rule(vjp=lambda g, out, y: g)
        def scaled(y):
            return y * x[1]

        return scaled(x[0])

    with pytest.raises(cr.errors.EscapedValueError, match="did not get as an argument"):
        cr.grad(outer)(np.array([2.0, 1.0]))


def test_a_function_may_write_to_its_arguments_and_a_rule_may_not():
    @cr.custom_rule(vjp=lambda g, out, x: g * 2 * x)
    def squared(x):
        x *= x
        return x

    assert cr.grad(lambda x: np.sum(squared(x) * x))(np.array([1.0, 2.0])).tolist() == [3.0, 12.0]

    @cr.custom_rule(vjp=lambda g, out, x: g.__imul__(2.0))
    def doubled(x):
        return 2 * x

    with pytest.raises(ValueError, match="read-only"):
        cr.vjp(doubled, np.ones(2))[1](np.ones(2))
