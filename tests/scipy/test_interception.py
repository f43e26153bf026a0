"""SciPy's functions follow the trace whatever way they were imported, and are SciPy's own again when it has ended."""

import subprocess
import sys
import threading
import types
import unittest.mock

import numpy as np
import pytest
import scipy
import scipy.linalg as sla
from scipy import linalg
from scipy.interpolate import PPoly
from scipy.linalg import solve

import chainrule as cr
from chainrule.core.reroute import plain_creation
from chainrule.errors import EscapedValueError

A = np.array([[3.0, 1.0], [0.5, 2.0]])
B = np.array([1.0, 2.0])
EXPECTED = np.linalg.inv(A).T @ np.ones(2)


def by_local_import(b):
    from scipy.linalg import solve as local

    return np.sum(local(A, b))


def by_closure(name):
    import scipy.linalg as inner

    return lambda b: np.sum(getattr(inner, name)(A, b))


WAYS = {
    "from import": lambda b: np.sum(solve(A, b)),
    "from package": lambda b: np.sum(linalg.solve(A, b)),
    "alias": lambda b: np.sum(sla.solve(A, b)),
    "full path": lambda b: np.sum(scipy.linalg.solve(A, b)),
    "local import": by_local_import,
    "closure": by_closure("solve"),
    "explicitly": lambda b: np.sum(cr.scipy.linalg.solve(A, b)),
}


@pytest.mark.parametrize("way", WAYS)
def test_a_call_is_followed_however_the_function_was_imported(way):
    np.testing.assert_allclose(cr.grad(WAYS[way])(B), EXPECTED)


def test_another_module_of_the_user_is_followed():
    module = types.ModuleType("users_model")
    exec("from scipy.linalg import solve\ndef f(A, b):\n    return solve(A, b)", vars(module))  # noqa: S102
    sys.modules["users_model"] = module
    try:
        gradient = cr.grad(lambda b: np.sum(module.f(A, b)))(B)
    finally:
        del sys.modules["users_model"]
    np.testing.assert_allclose(gradient, EXPECTED)


def test_the_functions_are_scipys_own_after_the_trace():
    own = linalg.solve
    cr.grad(WAYS["from import"])(B)
    assert linalg.solve is own is solve


def test_a_function_that_the_user_has_replaced_stays():
    seen = []
    with unittest.mock.patch("scipy.linalg.solve", lambda a, b: seen.append(b) or b):
        cr.grad(lambda b: np.sum(linalg.solve(A, b)))(B)
    assert len(seen) == 1
    assert linalg.solve is solve


def test_methods_are_scipys_own_outside_a_trace():
    cr.grad(WAYS["from import"])(B)
    curve = PPoly(np.ones((2, 1)), np.array([0.0, 1.0]))
    assert type(curve(0.5)) is np.ndarray
    assert type(curve.c) is np.ndarray


def test_the_functions_are_scipys_own_after_an_exception():
    own = linalg.solve

    def failing(b):
        linalg.solve(A, b)
        raise KeyError("user")

    with pytest.raises(KeyError):
        cr.grad(failing)(B)
    assert linalg.solve is own is solve


def test_other_threads_see_scipys_own_behaviour():
    seen = []

    def f(b):
        thread = threading.Thread(target=lambda: seen.append(type(linalg.solve(A, B))))
        thread.start()
        thread.join()
        return np.sum(linalg.solve(A, b))

    cr.grad(f)(B)
    assert seen == [np.ndarray]


def test_plain_arguments_reach_scipys_own_function():
    seen = []

    def f(x):
        seen.append(linalg.solve(A, B))
        return x * seen[-1][0]

    assert cr.grad(f)(1.0) == linalg.solve(A, B)[0]
    assert type(seen[0]) is np.ndarray


def test_arrays_made_inside_give_results_that_can_be_written_to():
    def f(x):
        b = np.zeros(2)
        b[0] = 1.0
        out = linalg.solve(A, b)
        out[1] = x
        return np.sum(out * out)

    assert cr.grad(f)(3.0) == 6.0


def test_a_cell_is_not_overwritten_by_scipy():
    def f(x):
        a = np.array([[3.0, 1.0], [0.5, 2.0]])
        linalg.solve(a, B, overwrite_a=True)
        return x * a[0, 1]

    assert cr.grad(f)(1.0) == 1.0


def test_it_can_be_switched_off():
    with plain_creation(), pytest.raises(EscapedValueError, match="plain"):
        cr.grad(WAYS["from import"])(B)


def test_functions_without_a_rule_raise():
    with pytest.raises(EscapedValueError, match="lose its derivative"):
        cr.grad(lambda x: np.sum(linalg.schur(A * x)[0]))(1.0)


def test_scipy_is_not_imported_by_a_trace():
    code = (
        "import sys, chainrule as cr; cr.grad(lambda x: x * x)(1.0); print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
