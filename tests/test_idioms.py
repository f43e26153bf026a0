"""Everyday NumPy programs give NumPy's value and its derivatives, or an error that names the rewrite."""

import inspect

import numpy as np
import pytest
from tests.closeness import assert_close, assert_same, difference, directions, tolerance
from tests.idioms import algebra, building, choosing, numerical, python, reducing, refused, writing

import chainrule as cr
from chainrule.errors import ChainruleError

MODULES = (building, writing, choosing, reducing, algebra, numerical, python)
X = np.array([0.83, 1.71, 0.32, 2.13, 1.24, 0.54])
REAL = np.dtype(float)


def programs(*modules):
    """Return the public functions that are written in the modules."""
    return [
        pytest.param(f, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in modules
        for name, f in vars(module).items()
        if inspect.isfunction(f) and f.__module__ == module.__name__ and not name.startswith("_")
    ]


def scalar(program):
    """Return the program with its result weighted and summed to one number."""

    def f(x):
        result = program(x)
        return np.sum(result * (1 + np.arange(np.size(result)).reshape(np.shape(result))))

    return f


@pytest.mark.parametrize("program", programs(*MODULES))
def test_value(program):
    value, _ = cr.vjp(program, X)
    assert_same(value, np.asarray(program(X.copy()))[()])


@pytest.mark.parametrize("program", programs(*MODULES))
def test_derivatives(program):
    f, given = scalar(program), X.copy()
    gradient = cr.grad(f)(given)
    np.testing.assert_array_equal(given, X)
    moves = directions([X, X], seed=1)
    for t in moves:
        (expected,) = difference(lambda x: (f(x.copy()),), (X,), (t,))
        within = tolerance(REAL, 1, difference=True)
        assert_close((gradient @ t,), (expected,), within, "reverse mode")
        assert_close((cr.jvp(f, (X,), (t,))[1],), (expected,), within, "forward mode")


@pytest.mark.parametrize("program", programs(*MODULES))
def test_second_derivatives(program):
    gradient = cr.grad(scalar(program))
    (t,) = directions([X], seed=2)
    expected = difference(lambda x: (gradient(x),), (X,), (t,))
    got = cr.jvp(gradient, (X,), (t,))[1]
    assert_close((got,), expected, tolerance(REAL, 2, difference=True), "forward over reverse")
    got = cr.grad(lambda x: np.sum(gradient(x) * t))(X)
    assert_close((got,), expected, tolerance(REAL, 2, difference=True), "reverse over reverse")


@pytest.mark.parametrize(("program", "error", "text"), refused.PROGRAMS)
def test_refused_with_the_rewrite(program, error, text):
    with pytest.raises(error, match=text) as caught:
        cr.grad(scalar(program))(X)
    assert isinstance(caught.value, ChainruleError)
    assert "refused.py" in str(caught.value)
