"""`np.vectorize` follows a trace, whatever it is asked for and wherever it was made."""

import numpy as np
import pytest
from tests.closeness import assert_close, difference, tolerance

import chainrule as cr
from chainrule.errors import ShapeError

X = np.array([0.83, 1.71, 0.32, 2.13])
REAL = np.dtype(float)


@np.vectorize
def hinge(a, b=0.5):
    return a * a if a > b else b - a


@np.vectorize(otypes=[float], excluded={"weights"})
def polynomial(t, weights):
    return sum(w * t**k for k, w in enumerate(weights))


def decorated(x):
    return hinge(x) * hinge(x, b=1.0)


def decorated_with_options(x):
    return polynomial(np.array([0.3, 0.4]), weights=x) @ x[:2]


def made_inside(x):
    f = np.vectorize(lambda a, b: np.sin(a) * b, otypes=[float])
    return f(x[:, None], np.array([1.0, 2.0])).sum(axis=1)


def of_numbers_alone(x):
    return np.vectorize(lambda i: x[int(i)] ** 2)(np.array([3, 0]))


def several_results(x):
    low, high = np.vectorize(lambda a: (min(a, 1.0), max(a, 1.0)))(x)
    return low * high[::-1]


def with_a_signature(x):
    rows = x.reshape(2, 2)
    return np.vectorize(np.dot, signature="(n),(n)->()")(rows, x[:2])


def vectors_from_a_signature(x):
    outer = np.vectorize(np.outer, signature="(n),(m)->(n,m)")
    return outer(x.reshape(2, 2), np.array([1.0, 2.0, 3.0])).sum(axis=0)


def by_position(x):
    f = np.vectorize(lambda weights, t: np.sum(weights**2 * t), excluded=[0])
    return f(x, np.array([1.0, 2.0, 3.0]))[0] + x


def written_to_afterwards(x):
    a = np.vectorize(lambda i: 1.0 * i)(np.arange(3))
    a[1] = x[0]
    return a * x[1:]


def nothing(x):
    return np.vectorize(lambda a: a, otypes=[float])(x[:0]).sum() + x


def a_number(x):
    return np.vectorize(lambda a, b: a * b)(x[0], 2.0) * x


PROGRAMS = (
    *(decorated, decorated_with_options, made_inside, of_numbers_alone, several_results),
    *(with_a_signature, vectors_from_a_signature, by_position, written_to_afterwards),
    *(nothing, a_number),
)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.__name__)
def test_value_and_derivatives(program):
    def total(x):
        out = program(x)
        return np.sum(out * np.arange(1.0, 1 + np.size(out)).reshape(np.shape(out)))

    t = np.array([0.4, -0.7, 0.9, 0.3])
    (expected,) = difference(lambda x: (total(x),), (X,), (t,))
    value, gradient = cr.value_and_grad(total)(X)
    assert_close((value,), (total(X),), tolerance(REAL, 0), "value")
    within = tolerance(REAL, 1, difference=True)
    assert_close((gradient @ t,), (expected,), within, "reverse mode")
    assert_close((cr.jvp(total, (X,), (t,))[1],), (expected,), within, "forward mode")


def test_the_dtype_is_that_of_the_first_result_as_numpys():
    value, _ = cr.vjp(lambda x: np.vectorize(lambda a: min(a, 1))(x[::-1]), X)
    assert value.dtype == np.vectorize(lambda a: min(a, 1))(X[::-1]).dtype


def test_no_elements_without_a_dtype_are_refused_as_by_numpy():
    with pytest.raises(ShapeError, match=r"np\.vectorize without otypes"):
        cr.grad(lambda x: np.sum(np.vectorize(lambda a: a)(x[:0])))(X)


def test_results_of_a_decorated_function_stay_plain_where_nothing_is_traced():
    kinds = []

    def f(x):
        kinds.append(type(hinge(np.arange(3.0))))
        return np.sum(x)

    cr.grad(f)(X)
    assert kinds == [np.ndarray]


@pytest.mark.parametrize(
    "options", [{}, {"cache": True}, {"otypes": [float]}, {"signature": "()->()"}], ids=str
)
def test_the_function_is_called_as_often_as_by_numpy(options):
    calls = []
    f = np.vectorize(lambda a: calls.append(1) or a * a, **options)
    f(X)
    times = len(calls)
    cr.grad(lambda x: np.sum(f(x)))(X)
    assert len(calls) == 2 * times
