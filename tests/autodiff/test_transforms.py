"""The transforms: gradients, both modes, Jacobians, Hessians, and how they nest."""

import numpy as np
import pytest

import chainrule as cr


def rosenbrock(x):
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def rosenbrock_gradient(x):
    g = np.zeros_like(x)
    g[:-1] = -400 * x[:-1] * (x[1:] - x[:-1] ** 2) - 2 * (1 - x[:-1])
    g[1:] += 200 * (x[1:] - x[:-1] ** 2)
    return g


def polar(p):
    return np.stack([p[0] * np.cos(p[1]), p[0] * np.sin(p[1])])


def polar_jacobian(p):
    r, angle = p
    return np.array([[np.cos(angle), -r * np.sin(angle)], [np.sin(angle), r * np.cos(angle)]])


@pytest.fixture
def x(rng):
    return rng.normal(size=5)


def test_the_gradient_is_exact(x):
    np.testing.assert_allclose(cr.grad(rosenbrock)(x), rosenbrock_gradient(x), rtol=1e-13)


def test_value_and_grad_returns_both(x):
    value, gradient = cr.value_and_grad(rosenbrock)(x)
    assert value == rosenbrock(x)
    np.testing.assert_array_equal(gradient, cr.grad(rosenbrock)(x))


def test_results_are_plain(x):
    value, gradient = cr.value_and_grad(rosenbrock)(x)
    assert type(value) is np.float64
    assert type(gradient) is np.ndarray
    assert type(cr.grad(lambda x: x**2)(3.0)) is float
    assert type(cr.grad(lambda x: x**2)(np.float32(3))) is np.float32


@pytest.mark.parametrize(
    ("argnums", "expected"), [(0, 5.0), (1, 2.0), (-1, 2.0), ((0, 1), (5.0, 2.0)), ((1,), (2.0,))]
)
def test_argnums_choose_the_arguments(argnums, expected):
    assert cr.grad(lambda x, y: x * y, argnums)(2.0, 5.0) == expected


def test_keyword_arguments_are_passed_through():
    assert cr.grad(lambda x, *, power: x**power)(2.0, power=3) == 12


def test_an_auxiliary_result_is_handed_out_plain():
    def f(x):
        return np.sum(x * x), {"doubled": 2 * x, "note": "text"}

    x = np.array([1.0, 2.0])
    (value, aux), gradient = cr.value_and_grad(f, has_aux=True)(x)
    assert value == 5
    assert type(aux["doubled"]) is np.ndarray
    assert aux["note"] == "text"
    np.testing.assert_array_equal(gradient, [2, 4])
    gradient, _ = cr.grad(f, has_aux=True)(x)
    np.testing.assert_array_equal(gradient, [2, 4])


def test_gradients_of_gradients_to_the_fifth_order():
    f = np.exp
    for _ in range(5):
        f = cr.grad(f)
    assert f(0.5) == pytest.approx(np.exp(0.5), rel=1e-14)


def test_levels_do_not_mix():
    # d/dx of x * d/dy (x + y) at y = 1 is 1; confusing the levels gives 2.
    assert cr.grad(lambda x: x * cr.grad(lambda y: x + y)(1.0))(1.0) == 1
    assert cr.jvp(lambda x: x * cr.jvp(lambda y: x + y, (1.0,), (1.0,))[1], (1.0,), (1.0,))[1] == 1
    assert cr.grad(lambda x: x * cr.jvp(lambda y: x * y, (1.0,), (1.0,))[1])(3.0) == 6


def test_both_modes_give_the_same_jacobian():
    p = np.array([2.0, 0.7])
    for mode in ("auto", "reverse", "forward"):
        np.testing.assert_allclose(cr.jacobian(polar, mode=mode)(p), polar_jacobian(p), rtol=1e-14)


@pytest.mark.parametrize("mode", ["reverse", "forward"])
@pytest.mark.parametrize(("rows", "columns"), [(0, 2), (2, 0), (0, 0)])
def test_a_jacobian_without_elements_has_its_dtype(mode, rows, columns):
    def f(x):
        return np.concatenate([x, x, np.ones(2, np.float32)])[:rows]

    matrix = cr.jacobian(f, mode=mode)(np.ones(columns, np.float32))
    assert (matrix.shape, matrix.dtype) == ((rows, columns), np.float32)


def test_a_jacobian_of_numbers_is_a_number():
    blocks = cr.jacobian(lambda p: {"u": p["a"] * p["b"]})({"a": np.ones(2), "b": 2.0})
    assert blocks["u"]["b"].shape == (2,)
    for mode in ("reverse", "forward"):
        assert type(cr.jacobian(lambda x: x * x, mode=mode)(np.float64(2.0))) is np.float64
        assert cr.jacobian(lambda x: x * x, mode=mode)(2.0) == 4.0


def test_a_jacobian_has_the_shape_of_the_result_and_the_argument():
    jacobian = cr.jacobian(lambda x: np.outer(x, x))(np.ones(3))
    assert jacobian.shape == (3, 3, 3)
    assert cr.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)


def test_a_hessian_is_symmetric_and_right(x):
    hessian = cr.hessian(rosenbrock)(x)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-12)
    step = 1e-6
    for i, unit in enumerate(np.eye(5)):
        change = (rosenbrock_gradient(x + step * unit) - rosenbrock_gradient(x - step * unit)) / (
            2 * step
        )
        np.testing.assert_allclose(hessian[i], change, rtol=1e-6, atol=1e-5)


def test_hvp_is_the_hessian_times_the_vector(x, rng):
    v = rng.normal(size=5)
    np.testing.assert_allclose(
        cr.hvp(rosenbrock, (x,), (v,))[0], cr.hessian(rosenbrock)(x) @ v, rtol=1e-12
    )


def test_the_pullback_can_be_called_again():
    _, pullback = cr.vjp(lambda x: x**2, np.array([1.0, 3.0]))
    for _ in range(2):
        np.testing.assert_array_equal(pullback(np.array([1.0, 10.0]))[0], [2, 60])


def test_a_result_that_does_not_depend_on_the_argument_has_zero_gradient(x):
    np.testing.assert_array_equal(cr.grad(lambda x: 3.0)(x), np.zeros(5))
    assert cr.jvp(lambda x: 3.0, (x,), (x,)) == (3.0, 0.0)


def test_a_complex_gradient_is_by_the_real_part_minus_i_times_by_the_imaginary_part():
    z = np.array([1 + 2j, -0.5 + 1j])
    np.testing.assert_allclose(
        cr.grad(lambda z: np.sum(np.abs(z) ** 2))(z), 2 * np.conj(z), rtol=1e-14
    )


def test_python_control_flow_follows_the_numbers():
    def f(x):
        total = 0.0
        while x < 100:
            x = x * x if x > 1 else x + 1
            total += x
        return total

    assert cr.grad(f)(3.0) == 2 * 3.0 + 4 * 3.0**3 + 8 * 3.0**7


def test_long_programs_do_not_recurse():
    def f(x):
        for _ in range(5_000):
            x = x + 1.0
        return x * x

    assert cr.grad(f)(1.0) == 2 * 5_001


def test_gradients_share_no_memory():
    f = cr.grad(lambda x, y: np.sum(x + y), argnums=(0, 1))
    gx, gy = f(np.ones(3), np.ones(3))
    gx[:] = 7
    np.testing.assert_array_equal(gy, np.ones(3))


def test_the_argument_is_never_changed():
    def f(x):
        x[0] = x[1] * 2
        x *= 3
        return np.sum(x)

    x = np.array([1.0, 2.0])
    np.testing.assert_array_equal(cr.grad(f)(x), [0, 9])
    np.testing.assert_array_equal(x, [1, 2])


def test_the_tape_keeps_plain_operands_as_they_were():
    def f(x):
        t = np.array([1.0, 2.0])
        y = x * t
        t += 100
        return np.sum(y)

    np.testing.assert_array_equal(cr.grad(f)(np.ones(2)), [1, 2])
