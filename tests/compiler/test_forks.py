"""A process forks while another of its threads compiles: the child calls compiled functions as well."""

import os
import subprocess
import sys
import threading
import time

import pytest

from chainrule import forks

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def run(script, *arguments, **environment):
    """Run a script in a process of its own."""
    given = {**os.environ, "CHAINRULE_CACHE": "off", **environment}
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", script, *arguments]
    done = subprocess.run(
        command, env=given, timeout=60, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


IN_A_CHILD = """
import faulthandler, os, signal, sys, threading, time
from importlib.machinery import SourceFileLoader
import numpy as np, scipy
import chainrule as cr

def forked(work):
    child = os.fork()
    if child == 0:
        faulthandler.register(signal.SIGALRM, chain=True)
        signal.alarm(15)
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0

def compiling():
    c = cr.compile(lambda x: np.tanh(x) * np.sum(x) + 0.0)
    assert np.allclose(c(np.ones(3)), np.tanh(1) * 3, rtol=1e-12)
    assert "eagerly" not in c.report()

is_halfway = threading.Event()
def stop_here():
    if threading.current_thread() is not threading.main_thread() and not is_halfway.is_set():
        is_halfway.set()
        time.sleep(0.2)
"""

IMPORTING = (
    IN_A_CHILD
    + """
def executed(loader, module):
    if module.__name__ == sys.argv[1]:
        stop_here()
    execute(loader, module)

execute = SourceFileLoader.exec_module
SourceFileLoader.exec_module = executed
thread = threading.Thread(target=compiling, daemon=True)
thread.start()
assert is_halfway.wait(30)
forked(compiling)
thread.join()
"""
)


@pytest.mark.parametrize(
    "module",
    [
        "chainrule.compiler.translation",
        "chainrule.compiler.lowering",
        "llvmlite.binding.targets",
    ],
)
def test_a_child_compiles_though_another_thread_was_importing_when_it_was_born(module):
    run(IMPORTING, module)


PATTERNS = (
    IN_A_CHILD
    + """
from chainrule.compiler.passes import rewrite

recorded = rewrite.recorded
rewrite.recorded = lambda f: (stop_here(), recorded(f))[1]
thread = threading.Thread(target=compiling, daemon=True)
thread.start()
assert is_halfway.wait(30)
forked(compiling)
thread.join()
"""
)


def test_a_child_compiles_though_another_thread_was_recording_a_rule_when_it_was_born():
    run(PATTERNS)


OF_THE_USER = (
    IN_A_CHILD
    + """
def executed(loader, module):
    execute(loader, module)
    if module.__name__ == sys.argv[2]:
        is_halfway.set()
        may_go_on.wait()

from chainrule import tree

may_go_on = threading.Event()
execute = SourceFileLoader.exec_module
SourceFileLoader.exec_module = executed
thread = threading.Thread(target=__import__, args=(sys.argv[1],), daemon=True)
thread.start()
assert is_halfway.wait(30)
forked(lambda: (compiling(), tree.flatten([thread])))
may_go_on.set()
thread.join()
compiling()
"""
)


@pytest.mark.parametrize(
    ("module", "part"),
    [
        ("scipy.special", "scipy.special._basic"),
        ("numpy.random", "numpy.random._pickle"),
        ("optree", "optree.version"),
    ],
)
def test_a_child_does_without_a_module_that_another_thread_was_importing(module, part):
    run(OF_THE_USER, module, part)


FINDER = """
import sys, types
import numpy as np
import chainrule as cr
from chainrule import forks

PASSED = {"<module>", "__getattr__"}

class Finder:
    def find_spec(self, name, path=None, target=None):
        frame = sys._getframe(1)
        while "importlib" in frame.f_code.co_filename or frame.f_code.co_name in PASSED:
            frame = frame.f_back
            if frame is None:
                return
        if "chainrule" in frame.f_code.co_filename and not len(forks._WAITED_FOR):
            print(name, frame.f_code.co_filename, frame.f_lineno)

sys.meta_path.insert(0, Finder())
"""

WATCHED = (
    FINDER
    + """
def trained(w, x):
    value, slope = cr.value_and_grad(lambda w: np.mean(np.tanh(x @ w) ** 2))(w)
    return w - 0.1 * slope, value

def solved(w, x):
    a = x.T @ x + np.eye(3)
    return np.linalg.solve(a, w), np.linalg.eigh(a)[0], np.fft.fft(w), np.sort(w)

def looped(w, x):
    for _ in range(20):
        w = w * 0.9 + np.sin(w)
    return w + np.random.rand(3)

def in_parts(w, x):
    y = np.exp(w) * np.sum(x)
    print(end=f"{y[0]:.0f}"[:0])
    return np.tanh(y)

def special(w, x):
    return scipy.special.erf(x @ w) + scipy.special.logsumexp(w)

import scipy.special
for step in (trained, solved, looped, in_parts, special):
    compiled = cr.compile(step)
    for _ in range(3):
        compiled(np.ones(3), np.ones((4, 3)))
    compiled.report()
    if step is trained:
        compiled.asm, compiled.cost, compiled.loops
assert {"llvmlite", "chainrule.compiler.splitting.split", "chainrule.scipy.special"} <= set(sys.modules)
cr.nn, cr.scipy.linalg, cr.numpy, cr.explain
"""
)

EAGER = (
    FINDER
    + """
from chainrule.ops.triangular import triangular_solution

def fitted(w):
    return np.sum(np.polynomial.chebyshev.chebval(w, w))

def compared(w):
    np.testing.assert_allclose(w, w)
    return np.sum(w)

def solved(w):
    return np.sum(triangular_solution(np.eye(3), w, trans=0, lower=True, unit_diagonal=False))

def windowed(w):
    return np.sum(np.i0(w))

for f, module in (
    (fitted, "numpy.polynomial"),
    (compared, "numpy.testing"),
    (solved, "scipy.linalg"),
    (windowed, "scipy.special"),
):
    assert module not in sys.modules or module == "scipy.special"
    cr.grad(f)(np.ones((3, 1)))
    assert module in sys.modules
"""
)


@pytest.mark.parametrize("checks", ["0", "1"])
def test_forks_wait_for_all_that_is_imported_for_a_call(checks):
    assert not run(WATCHED, CHAINRULE_CHECK=checks)


def test_forks_wait_for_all_that_is_imported_for_a_gradient():
    assert not run(EAGER)


def test_a_fork_does_not_wait_for_ever_for_who_waits_for_it(monkeypatch):
    monkeypatch.setattr(forks, "_FOR_OTHERS_AT_MOST", 0.05)
    is_halfway, may_go_on = threading.Event(), threading.Event()

    def work():
        with forks.forks_wait():
            is_halfway.set()
            may_go_on.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    is_halfway.wait(60)
    fork = forks._Fork()
    fork.begin()
    assert thread.is_alive()
    fork.end()
    may_go_on.set()
    thread.join()


@pytest.mark.parametrize("is_inside", [True, False])
def test_a_fork_waits_neither_way_round_for_who_holds_a_lock_and_imports(is_inside):
    lock, is_halfway, done = forks.held_by_forks(), threading.Event(), []

    def work():
        first, second = (lock, forks.forks_wait())[:: 1 if is_inside else -1]
        with first:
            is_halfway.set()
            time.sleep(0.05)
            with second:
                time.sleep(0.05)
                done.append(True)

    try:
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        is_halfway.wait(60)
        fork, start = forks._Fork(), time.monotonic()
        fork.begin()
        assert done == [True]
        assert time.monotonic() - start < forks._FOR_OTHERS_AT_MOST / 2
        fork.end()
        thread.join(60)
        assert not thread.is_alive()
    finally:
        forks._HELD.remove(lock)


def test_who_imports_forks_without_waiting_for_itself():
    with forks.forks_wait():
        fork, start = forks._Fork(), time.monotonic()
        fork.begin()
        fork.end()
    assert time.monotonic() - start < forks._FOR_OTHERS_AT_MOST / 2


def test_threads_that_fork_take_turns():
    forking, found = [], []

    def work():
        for _ in range(20):
            with forks.forks_wait():
                time.sleep(0.0001)
            fork = forks._Fork()
            fork.begin()
            forking.append(None)
            time.sleep(0.0005)
            found.append(len(forking))
            forking.pop()
            fork.end()

    threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == [1] * 80
