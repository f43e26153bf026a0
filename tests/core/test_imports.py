"""What another thread is in the middle of importing or filling is waited for, not taken for what there is."""

import subprocess
import sys
import threading

import pytest

import chainrule as cr
from chainrule.core import dispatch
from chainrule.core.op import BY_NUMPY

HALFWAY = """
import sys, threading, numpy as np, chainrule as cr
from chainrule import tree

module, part, work = sys.argv[1:]
cr.compile, cr.grad(lambda x: x * x)  # what they import
assert module not in sys.modules
is_halfway, may_go_on = threading.Event(), threading.Event()

class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == part:
            is_halfway.set()
            may_go_on.wait(60)

sys.meta_path.insert(0, Finder())
thread = threading.Thread(target=__import__, args=(module,))
thread.start()
is_halfway.wait()
threading.Timer(0.2, may_go_on.set).start()
exec(work)
thread.join()
"""


FLATTENED = "assert len(tree.flatten([1.0, object()])[0]) == 1"
ASKED = """
from chainrule.compiler.generators import is_generator
assert not is_generator(object())
"""
FOUND = """
from chainrule.compiler.surroundings import Surroundings
assert Surroundings(lambda x: x).every_generator
"""
CHECKED = """
assert cr.grad(lambda x: np.sum(x * x))(3.0) == 6.0
thread.join()
import numpy.testing as npt
def checking(x):
    npt.assert_allclose(x, 3.0)
    return x * x
assert cr.grad(checking)(3.0) == 6.0
"""

POLYNOMIAL = """
def of_series(c):
    return np.polynomial.polynomial.polyval(0.5, c)
assert cr.grad(of_series)(np.ones(3)).tolist() == [1.0, 0.5, 0.25]
"""
NAMED_IN_A_TRACE = """
import sys, numpy as np, chainrule as cr

def checked(x):
    np.testing.assert_allclose(x, [1.0, 2.0])
    return np.sum(np.polynomial.chebyshev.chebval(x, [0.0, 1.0, 1.0]))

assert not {"numpy.polynomial", "numpy.testing"} & sys.modules.keys()
assert cr.grad(checked)(np.array([1.0, 2.0])).tolist() == [5.0, 9.0]
assert np.testing is sys.modules["numpy.testing"]

from numpy.polynomial.polynomial import polyval
assert cr.grad(lambda c: polyval(0.5, c))(np.ones(3)).tolist() == [1.0, 0.5, 0.25]
"""


@pytest.mark.parametrize(
    ("module", "part", "work"),
    [
        ("optree", "optree.ops", FLATTENED),
        ("random", "_random", ASKED),
        ("random", "_random", FOUND),
        ("numpy.testing", "numpy.testing.overrides", CHECKED),
        ("numpy.polynomial", "numpy.polynomial.hermite", POLYNOMIAL),
    ],
)
def test_a_module_that_another_thread_imports_is_waited_for(module, part, work):
    command = [sys.executable, "-c", HALFWAY, module, part, work]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr


def test_modules_that_numpy_imports_when_they_are_named_follow_the_trace_that_names_them():
    command = [sys.executable, "-c", NAMED_IN_A_TRACE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert not done.stderr


def test_a_thread_that_comes_while_another_enters_functions_of_a_package_finds_them(monkeypatch):
    def function(x):
        return x

    is_halfway, may_go_on, found = threading.Event(), threading.Event(), []

    def fill():
        is_halfway.set()
        may_go_on.wait(60 if threading.current_thread() is first else 0)
        BY_NUMPY[function] = cr.grad

    monkeypatch.setattr(dispatch, "_LATE", [fill])
    first = threading.Thread(target=lambda: found.append(dispatch._front_of(function)))
    try:
        first.start()
        is_halfway.wait(60)
        found.append(dispatch._front_of(function))
        may_go_on.set()
        first.join()
        assert found == [cr.grad] * 2
        assert not dispatch._LATE
    finally:
        may_go_on.set()
        BY_NUMPY.pop(function, None)
