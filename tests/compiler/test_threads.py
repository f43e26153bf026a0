"""Compiled functions in several threads, and in children of a process that has several."""

import os
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.counts import Counts
from chainrule.compiler.paths import Specialization
from chainrule.tree import Structure

FORKING = """
import gc, os, signal, sys, threading, numpy as np, chainrule as cr
from numpy import zeros
from chainrule.core.comparisons import IS_CAPTURE

stopped_in = []
is_inside, may_go = threading.Event(), threading.Event()

class Stop:
    def __del__(self):  # a call in the step itself would be left to Python
        if threading.current_thread() is not threading.main_thread():
            stopped_in.append(IS_CAPTURE.get())
            is_inside.set()
            may_go.wait()

def native(x):
    Stop()
    return zeros(3) + x * float(x[0])

def in_parts(x):
    y = np.exp(x) * np.sum(x)
    Stop()
    texts.append(f"{y[0]:.2f}")
    return np.tanh(y) * 2 + y * x

texts = []
step = globals()[sys.argv[1]]
code, right = step.__code__, step(np.ones(3)).tolist()
compiled = cr.compile(step)
for _ in range(int(sys.argv[2])):
    compiled(np.ones(3))
thread = threading.Thread(target=compiled, args=(np.ones(int(sys.argv[3])),))
thread.start()
is_inside.wait()
print(stopped_in, flush=True)
child = os.fork()
if child == 0:
    signal.alarm(60)
    assert np is sys.modules["numpy"] and zeros is np.zeros and step.__code__ is code
    assert gc.isenabled()
    for _ in range(3):
        np.testing.assert_allclose(compiled(np.ones(3)), right, rtol=1e-12)
    print(compiled.report().count("eagerly"), flush=True)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
may_go.set()
thread.join()
sys.exit(status)
"""

KEEPING = """
import os, signal, sys, threading, numpy as np, chainrule as cr
from chainrule.core.comparisons import IS_CAPTURE

is_inside, may_go = threading.Event(), threading.Event()
kept, rng = [], np.random.default_rng(0)

class Holder:
    rng = np.random.default_rng(0)
    last = None

class Stop:
    def __del__(self):
        assert IS_CAPTURE.get()
        is_inside.set()
        may_go.wait()

def step(x):
    y = np.exp(x) * 2
    kept.append(y[0])
    kept.append({"sum": [np.sum(y)]})
    Holder.last = y + Holder.rng.normal()
    Stop()
    return y * rng.normal()

thread = threading.Thread(target=cr.compile(step), args=(np.zeros(3),))
thread.start()
is_inside.wait()
child = os.fork()
if child == 0:
    signal.alarm(60)
    assert [float(kept[0]), float(kept[1]["sum"][0])] == [2.0, 6.0]
    drawn = np.random.default_rng(0).normal()
    assert np.asarray(Holder.last).tolist() == [2.0 + drawn] * 3
    assert type(rng) is type(Holder.rng) is np.random.Generator
    print("right", flush=True)
    os._exit(0)
status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
may_go.set()
thread.join()
sys.exit(status)
"""

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


@needs_fork
@pytest.mark.parametrize("calls", ["0", "1", "3"])
@pytest.mark.parametrize("step", ["native", "in_parts"])
def test_a_child_calls_what_another_thread_was_capturing_when_it_was_born(step, calls, tmp_path):
    file = tmp_path / "forking.py"
    file.write_text(FORKING)
    size = "3" if calls == "0" else "4"
    command = [sys.executable, str(file), step, calls, size]
    done = subprocess.run(command, check=True, timeout=120, capture_output=True, text=True)
    was_capturing, eager = done.stdout.splitlines()
    assert eager == "0"
    assert was_capturing == "[True]" or step == "in_parts"  # of which Python runs a part


@needs_fork
def test_a_child_finds_numbers_where_another_thread_was_capturing_a_step(tmp_path):
    file = tmp_path / "keeping.py"
    file.write_text(KEEPING)
    # Python 3.12 warns of forks where there are threads
    command = [sys.executable, "-W", "ignore::DeprecationWarning", str(file)]
    done = subprocess.run(command, check=False, timeout=120, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("right\n", "")


def in_threads(works):
    """Run these functions in a thread each, all at once, and raise what they raise."""
    gate, errors = threading.Barrier(len(works)), []

    def run(work):
        gate.wait()
        try:
            work()
        except BaseException as error:  # noqa: BLE001  raised again below
            errors.append(error)

    threads = [threading.Thread(target=run, args=(work,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not any(thread.is_alive() for thread in threads)
    if errors:
        raise errors[0]


def test_threads_that_meet_in_a_first_call_get_results_of_their_own():
    kept = []

    def keeping(x):
        y = np.exp(x) * 2
        kept.append(y)
        return np.sum(y * x)

    for _ in range(5):
        compiled = cr.compile(keeping)
        kept.clear()
        found = {}

        def work(i, compiled=compiled, found=found):
            found[i] = float(compiled(np.full(3, float(i))))

        in_threads([lambda i=i: work(i) for i in range(4)])
        assert found == pytest.approx({i: 6.0 * i * np.exp(float(i)) for i in range(4)})
        assert sorted(float(y[0]) for y in kept) == pytest.approx(
            [2 * np.exp(float(i)) for i in range(4)]
        )


def test_threads_that_bring_arguments_of_ever_other_types_get_what_the_step_gives(monkeypatch):
    """Some look through what is compiled, for which Python asks for hashes, while others add to it."""
    compiled = cr.compile(lambda x: x / len(str(x)))
    hashed = Structure.__hash__

    def work(first):
        for n in range(first, 60, 6):
            x = np.ones(n)
            np.testing.assert_array_equal(compiled(x), x / len(str(x)))
            assert "eagerly" in compiled.report()

    monkeypatch.setattr(Structure, "__hash__", lambda self: hash((time.sleep(1e-4), hashed(self))))
    in_threads([lambda i=i: work(i) for i in range(6)])


def stepped(w, x, size):
    y = np.exp(-x * size) @ w
    if np.mean(y) > 0.05:
        y = y - 1
    texts.append(f"{y[0]:.3f}")
    w -= 0.1 * y[:3] * size
    return np.tanh(w) * np.cos(w * size), y * 2 - 1


texts = []


@pytest.mark.parametrize("donate", [(), (0,)])
def test_threads_that_call_a_step_in_parts_get_what_it_gives_eagerly(rng, donate):
    compiled = cr.compile(stepped, donate=donate)
    given = [(np.full(3, 0.3 * i), rng.random((5000 + i % 2, 3)), 1.0 + i) for i in range(4)]

    def eagerly(w, x, size):
        w = w.copy()
        for _ in range(25):
            results = stepped(w, x, size)
            yield results, w
            w = results[0].copy()

    def work(w, x, size, rights):
        w = w.copy()
        for results, written in rights:
            found = compiled(w, x, size)
            for a, b in zip(
                (*results, results[0] if donate else written), (*found, w), strict=True
            ):
                np.testing.assert_allclose(b, a, rtol=1e-11, atol=1e-11)
            w = found[0]

    rights = [list(eagerly(*g)) for g in given]
    for _ in range(2):
        compiled(np.zeros(3), np.ones((4, 3)), 1.0)
    texts.clear()
    in_threads([lambda g=g, r=r: work(*g, r) for g, r in zip(given, rights, strict=True)])
    assert "runs in parts" in compiled.report()
    assert len(texts) == 4 * 25


def test_a_path_is_found_while_another_thread_adds_one():
    known = Specialization()

    class Outcomes(tuple):
        __slots__ = ()

        def __getitem__(self, i):
            known.paths[False, False] = SimpleNamespace(captured=SimpleNamespace(outcomes=(False,)))
            return tuple(self)[i]

    for outcomes in (Outcomes((False, True)), Outcomes((True,))):
        known.paths[outcomes] = SimpleNamespace(captured=SimpleNamespace(outcomes=outcomes))
    assert known.path_after((True,)).captured.outcomes == (True,)


def test_integers_are_compiled_for_though_what_was_known_of_their_calls_was_forgotten():
    counts = Counts()
    assert counts.moving("kind", [1]) == frozenset()
    counts._kinds.clear()  # as for calls of many kinds in another thread
    counts.fix("kind")
    assert counts.moving("kind", [2]) == frozenset()
