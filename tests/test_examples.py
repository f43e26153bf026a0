"""The programs in examples/ are plain NumPy that writes into arrays; they differentiate as they stand."""

import re
from types import ModuleType

import numpy as np
import pytest
from examples import circuit, cloth, gpt, heat, hidden_markov, kalman
from tests.closeness import assert_close, difference, directions, tolerance

import chainrule as cr

MODULES = (heat, circuit, kalman, hidden_markov, cloth, gpt)
THROWS = np.array([0, 5, 5, 2, 1, 5, 5, 3, 0, 5])
SCORES = {"first": (2,), "change": (2, 2), "shows": (2, 6)}


def as_scores(x):
    """Return the vector's 18 numbers as the scores of a hidden Markov model."""
    parts = np.split(x, [2, 6])
    return {name: part.reshape(SCORES[name]) for name, part in zip(SCORES, parts, strict=True)}


PROGRAMS = {
    "heat": (
        lambda x: heat.misfit(x, heat.readings(np.array([6.3, 12.8, 0.05]))),
        np.array([9.1, 10.2, 0.03]),
    ),
    "circuit": (
        lambda x: circuit.misfit(x, circuit.voltages(np.zeros(9))),
        np.linspace(-0.8, 0.9, 9),
    ),
    "kalman": (
        lambda x: kalman.loss(x, kalman.walk((0.3, 1.5), 25, np.random.default_rng(0))),
        np.array([-0.9, 0.3]),
    ),
    "hidden Markov, scaled": (
        lambda x: hidden_markov.scaled_forward(as_scores(x), THROWS),
        np.linspace(-1.1, 0.8, 18) ** 3,
    ),
    "hidden Markov, in logarithms": (
        lambda x: hidden_markov.logarithmic_forward(as_scores(x), THROWS),
        np.linspace(-1.1, 0.8, 18) ** 3,
    ),
    "cloth": (
        lambda x: cloth.misfit(x, cloth.swing(np.array([1.5, 4.0]), 250.0)),
        np.array([0.4, 2.0, 5.1]),
    ),
}


@pytest.fixture(params=PROGRAMS.values(), ids=PROGRAMS)
def program(request):
    return request.param


def test_it_compiles_whole_gradient_included(program):
    f, x = program
    step = cr.compile(cr.value_and_grad(f))
    for start in (x, 1.01 * x):
        value, gradient = cr.value_and_grad(f)(start)
        got = step(start.copy())
        assert_close((got[0],), (value,), tolerance(float, 1), "value")
        assert_close((got[1],), (gradient,), tolerance(float, 1), "gradient")
    assert "eagerly" not in step.report()


def test_value_is_numpys(program):
    f, x = program
    assert_close((cr.value_and_grad(f)(x)[0],), (f(x),), tolerance(float, 0), "value")


def test_gradient_is_the_central_difference(program):
    f, x = program
    gradient = cr.grad(f)(x)
    for i, t in enumerate(np.eye(x.size)):
        (expected,) = difference(lambda x: (f(x),), (x,), (t,))
        within = tolerance(float, 1, difference=True)
        assert_close((gradient[i],), (expected,), within, f"x[{i}]")


def test_forward_mode_agrees_with_reverse_mode(program):
    f, x = program
    (t,) = directions([x], seed=0)
    assert_close((cr.jvp(f, (x,), (t,))[1],), (cr.grad(f)(x) @ t,), tolerance(float, 1), "along t")


def test_second_derivative_is_the_difference_of_gradients(program):
    f, x = program
    (t,) = directions([x], seed=1)
    expected = difference(lambda x: (cr.grad(f)(x),), (x,), (t,))
    got = cr.hvp(f, (x,), (t,))
    assert_close(got, expected, tolerance(float, 2, difference=True), "Hessian times t")


def test_both_forward_passes_of_the_hidden_markov_model_agree():
    _, x = PROGRAMS["hidden Markov, scaled"]
    scaled = cr.value_and_grad(hidden_markov.scaled_forward)(as_scores(x), THROWS)
    logarithmic = cr.value_and_grad(hidden_markov.logarithmic_forward)(as_scores(x), THROWS)
    assert_close((scaled[0],), (logarithmic[0],), tolerance(float, 0), "value")
    for name, gradient in scaled[1].items():
        assert_close((gradient,), (logarithmic[1][name],), tolerance(float, 1), name)


def test_the_solver_swaps_rows():
    matrix = np.array([[0.0, 2.0, 1.0], [1.0, 1.0, 0.0], [3.0, 0.0, 1.0]])
    right = np.array([1.0, 2.0, 3.0])
    expected = np.linalg.solve(matrix, right)
    assert_close((circuit.solve(matrix, right),), (expected,), tolerance(float, 0), "solution")
    for i in (0, 1):
        got = cr.jacobian(circuit.solve, argnums=i)(matrix, right)
        expected = cr.jacobian(np.linalg.solve, argnums=i)(matrix, right)
        assert_close((got,), (expected,), tolerance(float, 1), f"argument {i}")


def test_the_gradient_of_the_language_model_is_the_central_difference(rng):
    parameters, (text, following) = gpt.created(rng), gpt.batch(rng, 2)
    report = cr.check_gradients(lambda p: gpt.loss(p, text, following), parameters)
    assert report.ok, str(report)


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_what_it_looks_for_is_approached(module: ModuleType, capsys):
    module.main()
    printed = capsys.readouterr().out
    progress = [float(x) for x in re.findall(r"(?:misfit|loss) (\S+)", printed)]
    assert len(progress) > 4
    assert progress[-1] < progress[0]
