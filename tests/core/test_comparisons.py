"""A module that compares functions of NumPy takes the same branch under a trace, and gives up lists there."""

from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import EscapedValueError


def _by_identity(x: Any, reduce: Any = np.mean) -> Any:
    return reduce(x) if reduce is np.mean else np.sum(x) * 100


def _by_membership(x: Any, reduce: Any = np.sum) -> Any:
    return reduce(x) if reduce in (np.mean, np.sum) else np.zeros(()) * x[0]


def _by_key(x: Any, reduce: Any = np.max) -> Any:
    factors = {np.max: 2.0, np.min: 3.0}
    return reduce(x) * factors.get(reduce, 7.0)


@pytest.mark.parametrize("f", [_by_identity, _by_membership, _by_key])
def test_functions_of_numpy_that_are_compared_are_its_own(f: Any) -> None:
    x = np.array([1.0, 2.0, 4.0])
    value, gradient = cr.value_and_grad(f)(x)
    assert value == f(x)
    slopes = [(f(x + 1e-6 * e) - f(x - 1e-6 * e)) / 2e-6 for e in np.eye(3)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-6, atol=1e-9)


def test_a_function_that_is_compared_still_refuses_lists_of_traced_numbers() -> None:
    with pytest.raises(EscapedValueError, match=r"make an array of a list by np\.array"):
        cr.grad(lambda x: np.sum([x, x]))(1.0)
    assert cr.grad(lambda x: np.prod([x, x]))(3.0) == 6.0
