"""Roots, minima and fits follow what they are solved for; `chainrule.scipy.minimize` feeds SciPy exact gradients."""

import dataclasses

import numpy as np
import pytest
from scipy import optimize
from scipy.optimize import brentq
from tests.scipy.following import assert_follows

import chainrule as cr
from chainrule.errors import ArgumentError, NotDifferentiableError

PAIR = np.array([1.3, 0.7])


def equations(x, a):
    return [x[0] ** 2 + a[0] * x[1] - 3, np.exp(-x[0]) * a[1] + x[1] - 1]


def cubic(x, a):
    return x**3 - a * x - 1


def cubic_slope(x, a):
    return 3 * x**2 - a


ROOTS = {
    "root": (lambda a: optimize.root(equations, [1, 1], args=(a,), tol=1e-13).x, PAIR),
    "root, closure": (
        lambda a: optimize.root(lambda x: equations(x, a), [1, 1], method="lm", tol=1e-13).x,
        PAIR,
    ),
    "fsolve": (lambda a: optimize.fsolve(equations, [1, 1], args=(a,), xtol=1e-13), PAIR),
    "fsolve, full output": (
        lambda a: optimize.fsolve(equations, [1, 1], args=(a,), full_output=True)[0],
        PAIR,
    ),
    "brentq": (lambda a: brentq(lambda x: cubic(x, a), 0, 3), 1.3),
    "bisect": (lambda a: optimize.bisect(cubic, 0, 3, args=a, xtol=1e-14), 1.3),
    "toms748": (lambda a: optimize.toms748(cubic, 0, 3, args=(a,)), 1.3),
    "brenth, report": (
        lambda a: optimize.brenth(cubic, 0, 3, args=(a,), full_output=True)[1].root,
        1.3,
    ),
    "root_scalar": (lambda a: optimize.root_scalar(cubic, args=(a,), bracket=[0, 3]).root, 1.3),
    "root_scalar, slope": (
        lambda a: optimize.root_scalar(cubic, args=(a,), x0=1.5, fprime=cubic_slope).root,
        1.3,
    ),
    "newton": (lambda a: optimize.newton(cubic, 1.5, cubic_slope, args=(a,), tol=1e-14), 1.3),
    "newton, many": (
        lambda a: optimize.newton(cubic, np.array([1.5, 1.6]), args=(a,), tol=1e-14),
        PAIR,
    ),
    "fixed_point": (lambda a: optimize.fixed_point(lambda x: np.cos(a * x), 0.5, xtol=1e-14), 0.8),
}


@pytest.mark.parametrize("name", ROOTS)
def test_roots_follow(name):
    assert_follows(*ROOTS[name])


def test_the_derivative_of_a_root_is_the_implicit_one():
    def root(a):
        return brentq(lambda x: x**5 - a, 0, 3)

    assert cr.grad(root)(2.0) == pytest.approx(2.0**-0.8 / 5)
    assert cr.grad(cr.grad(cr.grad(root)))(2.0) == pytest.approx(0.2 * 0.8 * 1.8 * 2.0**-2.8)


def test_the_report_of_a_root_is_kept_but_for_what_is_not_followed():
    seen = []

    def f(a):
        result = optimize.root(equations, [1, 1], args=(a,))
        seen.append((result.success, result.message, result.nfev > 0))
        return np.sum(result.fjac)

    with pytest.raises(NotDifferentiableError, match="the result's fjac: it is not followed"):
        cr.grad(f)(PAIR)
    assert seen[0][0]
    assert seen[0][2]


def bowl(x, a):
    return (x[0] - a[0] * a[1]) ** 2 + (x[1] - x[0] * a[1]) ** 2 + 0.1 * x[0] ** 4


TIGHT = {
    "BFGS": {"gtol": 1e-9},
    "L-BFGS-B": {"ftol": 1e-15, "gtol": 1e-9},
    "SLSQP": {"ftol": 1e-14},
    "Nelder-Mead": {"xatol": 1e-11, "fatol": 1e-14},
}


@pytest.mark.parametrize("method", TIGHT)
def test_minima_follow(method):
    def f(a):
        result = optimize.minimize(bowl, [1, 1], args=(a,), method=method, options=TIGHT[method])
        return result.x, result.fun

    assert_follows(f, PAIR, order=1, within=1e-4)


def test_minima_follow_to_second_order():
    # x = √a minimises x³/3 - a x
    def minimum(a):
        slope = lambda x: x**2 - a
        found = optimize.minimize(lambda x: x[0] ** 3 / 3 - a * x[0], [1.0], jac=slope, tol=1e-12)
        return found.x[0]

    assert cr.grad(minimum)(2.0) == pytest.approx(0.5 * 2.0**-0.5, rel=1e-6)
    assert cr.grad(cr.grad(minimum))(2.0) == pytest.approx(-0.25 * 2.0**-1.5, rel=1e-6)


def test_a_minimum_follows_a_gradient_of_the_users():
    def f(a):
        return optimize.minimize(
            cr.value_and_grad(bowl), [1.0, 1.0], args=(a,), jac=True, tol=1e-11
        ).x

    assert_follows(f, PAIR, order=1, within=1e-4)


def test_a_variable_at_its_bound_moves_with_the_bound():
    def minimum(a):
        bounds = [(None, a), (0.0, None)]
        return optimize.minimize(
            lambda x: (x[0] - 3) ** 2 + (x[1] - x[0]) ** 2, [0, 0.5], bounds=bounds
        ).x

    np.testing.assert_allclose(cr.jacobian(minimum)(1.0), [1.0, 1.0], atol=1e-6)


def test_a_variable_at_a_plain_bound_stays():
    def minimum(a):
        return optimize.minimize(
            lambda x: np.sum((x - a) ** 2), [0.0, 0.0], bounds=[(0, 1), (0, 9)]
        ).x

    np.testing.assert_allclose(cr.jacobian(minimum)(2.0), [0.0, 1.0], atol=1e-6)


def test_minima_of_one_number_follow():
    def bounded(a):
        options = {"xatol": 1e-10}
        result = optimize.minimize_scalar(
            lambda x: (x - a) ** 2 + a * x**4, bounds=(0, 2), options=options
        )
        return result.x, result.fun

    assert_follows(bounded, 0.7, order=1, within=1e-5)
    free = cr.grad(lambda a: optimize.minimize_scalar(lambda x: (x - a) ** 2).x)(0.7)
    assert free == pytest.approx(1.0)


def test_constraints_are_refused():
    def f(a):
        constraint = {"type": "eq", "fun": lambda x: x[0] - 1.0}
        return optimize.minimize(lambda x: (x[0] - a) ** 2, [0.0], constraints=[constraint]).x[0]

    with pytest.raises(NotDifferentiableError, match="constraints") as caught:
        cr.grad(f)(2.0)
    assert "scipy.optimize.root" in str(caught.value)


T = np.linspace(0, 1, 8)
Y = 2 * np.exp(-1.5 * T) + 0.1 * np.cos(9 * T)
EXACT = {"xtol": 1e-14, "ftol": 1e-14, "gtol": 1e-14}


@pytest.mark.parametrize("loss", ["linear", "soft_l1", "huber", "cauchy", "arctan"])
def test_least_squares_follow_the_data(loss):
    def f(y):
        residuals = lambda p: p[0] * np.exp(-p[1] * T) - y
        result = optimize.least_squares(
            residuals, [1, 1], "3-point", loss=loss, f_scale=0.3, **EXACT
        )
        return result.x, result.cost

    assert_follows(f, Y, order=1, within=1e-5, step=1e-3)


def test_linear_least_squares_have_the_known_derivative():
    design = np.stack([np.ones(8), T], axis=1)

    def slope(y):
        return optimize.least_squares(lambda p: design @ p - y, [0.0, 0.0]).x[1]

    np.testing.assert_allclose(cr.grad(slope)(Y), np.linalg.pinv(design)[1], atol=1e-7)


def test_fitted_curves_follow_the_data():
    def f(y):
        return optimize.curve_fit(lambda t, a, b: a * np.exp(-b * t), T, y, ftol=1e-14, xtol=1e-14)

    assert_follows(f, Y, order=1, within=1e-3)


def test_nonnegative_least_squares_follow():
    matrix = np.abs(np.random.default_rng(2).normal(size=(5, 3)))
    assert_follows(
        lambda a, b: optimize.nnls(a, b), matrix, np.array([1.0, 2.0, -3.0, 0.1, 0.2]), within=1e-5
    )


def test_assignments_are_constant():
    cost = np.array([[4.0, 1.0], [2.0, 3.0]])

    def f(c):
        rows, columns = optimize.linear_sum_assignment(c)
        return c[rows, columns].sum()

    np.testing.assert_array_equal(cr.grad(f)(cost), [[0, 1], [1, 0]])


def test_plain_problems_inside_a_trace_are_scipys():
    expected = optimize.minimize(bowl, [1.0, 1.0], args=(PAIR,))

    def f(x):
        found = optimize.minimize(bowl, [1.0, 1.0], args=(PAIR,))
        assert found.nfev == expected.nfev
        return x * found.fun

    assert cr.grad(f)(1.0) == expected.fun


# chainrule.scipy.minimize


def rosenbrock(p):
    x = p["x"]
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2) + (p["shift"] - 2.0) ** 2


METHODS = [
    "L-BFGS-B",
    "BFGS",
    "CG",
    "Newton-CG",
    "trust-ncg",
    "trust-krylov",
    "SLSQP",
    "TNC",
    "trust-constr",
]


@pytest.mark.parametrize("method", METHODS)
def test_minimize_takes_containers_and_exact_gradients(method):
    start = {"x": np.zeros(3), "shift": 0.5}
    result = cr.scipy.minimize(rosenbrock, start, method=method, tol=1e-6)
    np.testing.assert_allclose(result.x["x"], np.ones(3), atol=2e-3)
    assert result.x["shift"] == pytest.approx(2.0, abs=1e-3)
    assert start["shift"] == 0.5


def test_minimize_of_a_quadratic_by_newton_needs_its_exact_hessian():
    def f(p, scale):
        return np.sum(scale * (p - 3.0) ** 2)

    result = cr.scipy.minimize(
        f, np.zeros(3), (np.array([1.0, 1e3, 1e6]),), method="trust-ncg", tol=1e-9
    )
    np.testing.assert_allclose(result.x, 3.0)
    np.testing.assert_allclose(result.jac, 0.0, atol=1e-6)


@dataclasses.dataclass
class Line:
    slope: float
    offset: np.ndarray


def test_minimize_takes_dataclasses_and_bounds_in_their_form():
    def f(line):
        return (line.slope - 2.0) ** 2 + np.sum((line.offset - 1.0) ** 2)

    low, high = Line(-1.0, np.full(2, -1.0)), Line(1.0, np.full(2, 5.0))
    result = cr.scipy.minimize(f, Line(0.0, np.zeros(2)), bounds=(low, high))
    assert result.x.slope == pytest.approx(1.0)
    np.testing.assert_allclose(result.x.offset, 1.0, atol=1e-5)


def test_minimize_follows_the_trace_itself():
    def minimum(a):
        f = lambda p: (p["u"] - a) ** 2 + (p["v"] * a) ** 2 - p["v"]
        return cr.scipy.minimize(f, {"u": 0.0, "v": 1.0}, method="BFGS", tol=1e-10).x["v"]

    assert cr.grad(minimum)(2.0) == pytest.approx(-1 / 8)  # v = 1 / (2 a²)


def test_minimize_refuses_methods_without_derivatives():
    with pytest.raises(ArgumentError, match=r"method='Powell'\. Expected one of 'BFGS'"):
        cr.scipy.minimize(np.sum, np.zeros(2), method="Powell")
