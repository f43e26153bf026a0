"""Arguments that share memory: a write that the other one would have to see is refused, all else is as it was."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError

X = np.array([0.5, 1.5, 2.5])


def writes_the_first(a, b):
    a[0] = 5.0 * a[1]
    return np.sum(a * b)


def writes_the_second(a, b):
    b *= 2.0
    return np.sum(a * b)


@pytest.mark.parametrize("f", [writes_the_first, writes_the_second])
@pytest.mark.parametrize("argnums", [0, 1, (0, 1)])
@pytest.mark.parametrize("other", [X, X[::-1], X[:1]], ids=["same", "reversed", "part"])
def test_a_write_is_refused(f, argnums, other):
    with pytest.raises(ArgumentError, match="shares memory with another one") as caught:
        cr.grad(f, argnums)(X, other)
    assert "f(x, x.copy())" in str(caught.value)
    assert "test_overlap.py" in str(caught.value)


def test_a_write_is_refused_in_forward_mode_and_in_containers():
    with pytest.raises(ArgumentError, match="shares memory"):
        cr.jvp(writes_the_first, (X, X), (X, X))
    with pytest.raises(ArgumentError, match="shares memory"):
        cr.grad(lambda p: writes_the_first(p["a"], p["b"]))({"a": X, "b": X[::-1]})


def test_a_write_is_refused_one_order_up():
    with pytest.raises(ArgumentError, match="shares memory"):
        cr.grad(lambda x: cr.grad(writes_the_first)(x, x[::-1])[0])(X)


def test_arguments_that_are_only_read_may_be_the_same():
    np.testing.assert_array_equal(cr.grad(lambda a, b: np.sum(a * b))(X, X), X)


def test_a_write_to_memory_of_its_own_is_followed():
    gradient = cr.grad(writes_the_first)(X, X + 0.0)
    np.testing.assert_array_equal(gradient, [0.0, 1.5 + 5 * 0.5, 2.5])


def test_an_array_passed_twice_that_is_not_differentiated_is_one_array():
    def f(x, a, b):
        a[0] = x[0]
        return np.sum(b * x)

    np.testing.assert_array_equal(cr.grad(f)(X, np.ones(3), np.ones(3)), [1.0, 1.0, 1.0])
    ones = np.ones(3)
    np.testing.assert_array_equal(cr.grad(f)(X, ones, ones), [1.0, 1.0, 1.0])


def test_plain_code_that_only_reads_a_shared_argument_is_let_through():
    def f(x, a):
        return np.sum(x * np.linalg.norm(np.ma.array(a)))

    np.testing.assert_allclose(cr.grad(f)(X, X[:2]), np.linalg.norm(X[:2]))
