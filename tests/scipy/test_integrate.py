"""`scipy.integrate` follows parameters, limits, initial values and times."""

import numpy as np
import pytest
from scipy import integrate
from scipy.integrate import quad, solve_ivp
from tests.scipy.following import assert_follows

import chainrule as cr
from chainrule.errors import NotDifferentiableError, ShapeError

PAIR = np.array([0.7, 1.2])

INTEGRALS = {
    "args": (lambda a: quad(lambda x, a: np.exp(-a * x) * np.sin(x), 0, 2, args=(a,))[0], 0.7),
    "one argument that is no tuple": (lambda a: quad(lambda x, a: a * x, 0, 2, args=a)[0], 0.7),
    "closure": (lambda a: quad(lambda x: np.exp(-a[0] * x) * np.sin(a[1] * x), 0, 2)[0], PAIR),
    "limits": (lambda a: quad(lambda x: np.exp(-a[0] * x), a[1], a[0] ** 2 + 2)[0], PAIR),
    "infinite limits": (lambda a: quad(lambda x: np.exp(-a[0] * x * x), a[1], np.inf)[0], PAIR),
    "the whole line": (lambda a: quad(lambda x: np.exp(-a * x * x), -np.inf, np.inf)[0], 0.7),
    "a constant": (lambda a: quad(lambda x: a, 0, 1)[0], 0.7),
    "many parameters": (
        lambda w: quad(lambda x: np.tanh(w[0] * x + w[1]) * np.sum(w), 0, 1)[0],
        np.arange(6.0) / 6,
    ),
    "a singular end": (lambda a: quad(lambda x: x**a, 0, 1)[0], -0.5),
    "weight": (lambda a: quad(lambda x: np.exp(-a * x), 0, 1, weight="cos", wvar=3.0)[0], 0.5),
    "complex": (
        lambda a: quad(lambda x: np.exp(1j * a * x), 0, 1, complex_func=True)[0],
        0.5,
    ),
    "branches": (
        lambda a: quad(lambda x: a[0] * x if x < 0.5 else a[1] * x * x, 0, 1, points=[0.5])[0],
        PAIR,
    ),
    "full output": (lambda a: quad(lambda x: np.exp(-a * x), 0, 1, full_output=1)[0], 0.5),
    "quad_vec": (
        lambda a: integrate.quad_vec(lambda x: np.array([np.sin(a[0] * x), a[1] * x]), 0, a[0])[0],
        PAIR,
    ),
    "fixed_quad": (lambda a: integrate.fixed_quad(lambda x: np.exp(-a * x), 0, a)[0], 0.5),
}


@pytest.mark.parametrize("name", INTEGRALS)
def test_integrals_follow(name):
    f, *xs = INTEGRALS[name]
    assert_follows(f, *xs)


def test_double_integrals_follow():
    def f(a):
        return integrate.dblquad(lambda y, x: np.exp(-a * x * y), 0, 1, 0, lambda x: x * a)[0]

    assert_follows(f, 0.5, order=1)


def test_integrals_over_several_variables_follow():
    def f(a):
        return integrate.nquad(lambda y, x: a * x * y * y, [[0, 1], [0, a]])[0]

    assert cr.grad(f)(0.5) == pytest.approx(0.5**2 / 2)  # the integral is a³ / 6


def test_leibniz_rule_gives_the_known_derivatives():
    # ∫₀^∞ exp(-a x²) dx = √(π/a) / 2
    def f(a):
        return quad(lambda x: np.exp(-a * x * x), 0, np.inf)[0]

    gradient = cr.grad(f)(2.0)
    assert gradient == pytest.approx(-np.sqrt(np.pi) / 4 * 2.0**-1.5, rel=1e-9)
    third = cr.grad(cr.grad(cr.grad(f)))(2.0)
    assert third == pytest.approx(-np.sqrt(np.pi) / 2 * 15 / 8 * 2.0**-3.5, rel=1e-7)


def test_error_estimates_and_reports_are_scipys():
    seen = []

    def f(a):
        seen.append(quad(lambda x: a * x, 0, 1, full_output=1))
        return seen[0][0]

    cr.grad(f)(2.0)
    assert seen[0][1] == quad(lambda x: 2.0 * x, 0, 1)[1]
    assert seen[0][2]["neval"] == 21


def test_what_quad_cannot_follow_is_refused():
    with pytest.raises(NotDifferentiableError, match="points"):
        cr.grad(lambda a: quad(lambda x: x * a, 0, 1, points=[a])[0])(0.5)
    with pytest.raises(NotDifferentiableError, match="weight='cos'"):
        cr.grad(lambda a: quad(lambda x: x, 0, a, weight="cos", wvar=1.0)[0])(0.5)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 8])
def test_integrals_of_samples_follow(count):
    rng = np.random.default_rng(count)
    y, x = rng.normal(size=(2, count)), np.cumsum(rng.uniform(0.5, 1, size=count))
    assert_follows(lambda y: integrate.simpson(y, dx=0.3), y)
    assert_follows(lambda y, x: integrate.simpson(y.T, x=x, axis=0), y, x)
    assert_follows(lambda y, x: integrate.cumulative_trapezoid(y, x, initial=0), y, x)
    assert_follows(lambda y, x: integrate.cumulative_trapezoid(y.T, x, axis=0), y, x)
    assert_follows(lambda y, x: integrate.trapezoid(y, x), y, x)


def test_romberg_follows():
    assert_follows(lambda y: integrate.romb(y, 0.1), np.sin(np.arange(9.0)))


def test_samples_need_their_abscissae():
    with pytest.raises(ShapeError, match="one value per sample"):
        cr.grad(lambda y: integrate.simpson(y, x=np.arange(3.0)))(np.ones(5))


# initial value problems

RATES = np.array([0.7, 1.2, 0.4])
START = np.array([1.0, 0.5])
TIMES = np.linspace(0, 2, 5)
TIGHT = {"rtol": 1e-9, "atol": 1e-10}


def predator(t, y, a):
    return [a[0] * y[0] - a[1] * y[0] * y[1], -a[2] * y[1] + 0.5 * y[0] * y[1]]


@pytest.mark.parametrize("method", ["RK45", "DOP853"])
def test_solutions_follow_parameters_and_initial_values(method):
    def f(a, y0):
        return solve_ivp(predator, (0, 2), y0, method=method, args=(a,), **TIGHT).y[:, -1]

    assert_follows(f, RATES, START, within=1e-5)


@pytest.mark.parametrize("method", ["RK23", "Radau", "BDF", "LSODA"])
def test_solutions_at_given_times_follow(method):
    def f(a, y0):
        return solve_ivp(
            lambda t, y: predator(t, y, a), (0, 2), y0, method, TIMES, rtol=1e-6, atol=1e-8
        ).y

    assert_follows(f, RATES, START, order=1, within=5e-5)


def test_implicit_methods_follow_to_second_order():
    def f(a):
        return solve_ivp(lambda t, y: -a * y * y, (0, 1), [1.0], "Radau", rtol=1e-7, atol=1e-9).y[
            0, -1
        ]

    assert cr.grad(f)(2.0) == pytest.approx(-1 / 9, rel=1e-5)  # y(1) = 1 / (1 + a)
    assert cr.grad(cr.grad(f))(2.0) == pytest.approx(2 / 27, rel=1e-4)


def test_solutions_follow_the_ends_of_their_span():
    def f(start, end):
        return solve_ivp(lambda t, y: -y * np.cos(3 * t * end), (start, end), START, **TIGHT).y[
            :, -1
        ]

    assert_follows(f, 0.1, 2.0)


def test_solutions_follow_the_times_asked_for():
    def f(times):
        return solve_ivp(predator, (0, 2), START, args=(RATES,), t_eval=times, **TIGHT).y

    assert_follows(f, TIMES[1:-1])


def test_dense_solutions_follow():
    def f(a):
        solution = solve_ivp(predator, (0, 2), START, args=(a,), dense_output=True, **TIGHT)
        return solution.sol(a[0]), solution.sol(np.array([0.1, 0.9]))

    assert_follows(f, RATES)


def test_solutions_backwards_in_time_follow():
    def f(a):
        return solve_ivp(predator, (2, 0), START, args=(a,), t_eval=TIMES[::-1], **TIGHT).y

    assert_follows(f, RATES, order=1)


def fall(t, y, g):
    return [y[1], -g]


def ground(t, y, g):
    return y[0]


ground.terminal = True
ground.direction = -1


def test_the_time_of_an_event_is_the_known_one():
    def landing(g, v):
        return solve_ivp(fall, (0, 10), [0.0, v], args=(g,), events=ground, **TIGHT).t_events[0][0]

    value, gradient = cr.value_and_grad(landing, (0, 1))(9.8, 5.0)
    np.testing.assert_allclose(value, 10 / 9.8)
    np.testing.assert_allclose(gradient, (-10 / 9.8**2, 2 / 9.8))
    np.testing.assert_allclose(cr.grad(cr.grad(landing))(9.8, 5.0), 20 / 9.8**3)


def test_the_state_at_an_event_and_at_the_end_follow():
    def f(g, v):
        result = solve_ivp(fall, (0, 10), np.stack([0.1, v]), args=(g,), events=ground, **TIGHT)
        return result.y_events[0], result.y[:, -1], result.t[-1:]

    assert_follows(f, 9.8, 5.0)


def test_odeint_follows():
    def f(a, y0):
        return integrate.odeint(lambda y, t, a: predator(t, y, a), y0, TIMES, args=(a,))

    assert_follows(f, RATES, START, order=1, within=1e-4)


def robertson(t, y, k):
    first, second, third = k[0] * y[0], k[1] * y[1] * y[2], k[2] * y[1] ** 2
    return [second - first, first - second - third, third]


@pytest.mark.parametrize("method", ["Radau", "LSODA"])
def test_stiff_equations_follow(method):
    def f(k):
        rates = np.array([0.04, 1e4, 3e7]) * (1 + 0.1 * k)
        return solve_ivp(
            robertson, (0, 1), [1.0, 0.0, 0.0], args=(rates,), method=method, rtol=1e-5, atol=1e-9
        ).y[:, -1]

    assert_follows(f, np.zeros(3), order=1, within=2e-3)


def test_what_a_solution_reports_besides_is_scipys():
    def f(a):
        result = solve_ivp(predator, (0, 2), START, args=(a,))
        assert result.success
        assert result.nfev == solve_ivp(predator, (0, 2), START, args=(RATES,)).nfev
        assert not hasattr(result, "missing")
        return result.y[0, -1]

    assert np.all(np.isfinite(cr.grad(f)(RATES)))


def test_a_plain_problem_inside_a_trace_is_scipys():
    seen = []

    def f(x):
        seen.append(solve_ivp(predator, (0, 2), START, args=(RATES,)))
        return x * seen[0].y[0, -1]

    expected = solve_ivp(predator, (0, 2), START, args=(RATES,)).y
    assert cr.grad(f)(1.0) == expected[0, -1]
    np.testing.assert_array_equal(seen[0].y, expected)
