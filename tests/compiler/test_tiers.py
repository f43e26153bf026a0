"""Two tiers of machine code: the same bits, the better one in the place of the first, and nothing lost on the way."""

import gc
import json
import os
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import translation
from chainrule.compiler.entry import native, shell
from chainrule.compiler.tiers import BACKGROUND, Background


@pytest.fixture
def tiers(monkeypatch):
    """Tiers, for steps of any length."""
    monkeypatch.setenv("CHAINRULE_TIERS", "on")
    monkeypatch.setattr(translation, "_SHORT", 0)
    monkeypatch.setattr(translation, "_WORK_OF_A_LINE", 10**9)


def settled():
    """Wait until nothing is done in the background any more."""
    while (thread := BACKGROUND._thread) is not None:
        thread.join()


def loss(p, x, y):
    h = np.tanh(x @ p["w"] + p["b"])
    return np.mean((h - y) ** 2) + np.sum(np.exp(-(h**2)))


def step(p, x, y):
    value, gradient = cr.value_and_grad(loss)(p, x, y)
    return {k: p[k] - 0.1 * gradient[k] for k in p}, value


@pytest.fixture
def arguments(rng):
    p = {"w": rng.normal(size=(33, 20)), "b": rng.normal(size=20)}
    return p, rng.normal(size=(17, 33)), rng.normal(size=(17, 20))


def bits(results):
    (p, value) = results
    return [np.asarray(x).tobytes() for x in (p["w"], p["b"], value)]


@pytest.mark.usefixtures("tiers")
def test_better_code_takes_the_place_of_baseline_code_and_computes_the_same_bits(arguments):
    compiled = cr.compile(step)
    first = bits(compiled(*arguments))
    path = compiled._path()
    assert path.is_baseline
    assert path.built.native.artifact.sources
    assert BACKGROUND._thread is None  # one call asks for nothing better
    code = path.built.native.artifact.stages
    second = bits(compiled(*arguments))
    settled()
    assert not path.is_baseline
    assert not path.built.native.artifact.sources
    assert path.built.native.artifact.stages != code
    assert bits(compiled(*arguments)) == first == second
    assert compiled._entry is not None
    assert bits(compiled(*arguments)) == first


@pytest.mark.usefixtures("tiers")
def test_a_step_of_which_numpy_computes_a_part_is_improved_as_well():
    compiled = cr.compile(lambda x: np.exp(np.sort(np.sin(x))) * 2)
    x = np.linspace(-3, 3, 50)
    first = compiled(x)
    assert compiled._path().is_baseline
    compiled(x)
    settled()
    assert not compiled._path().is_baseline
    assert compiled(x).tobytes() == first.tobytes()


@pytest.mark.usefixtures("tiers")
def test_every_path_of_a_branch_is_improved(rng):
    compiled = cr.compile(lambda x: np.exp(x) if np.sum(x) > 0 else np.tanh(x))
    x = abs(rng.normal(size=40))
    for _ in range(3):
        firsts = [compiled(x), compiled(-x)]
    settled()
    (specialization,) = compiled._known.values()
    assert [p.is_baseline for p in specialization.paths.values()] == [False, False]
    for made, right in zip(firsts, (np.exp(x), np.tanh(-x)), strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-14)


def test_short_steps_and_long_ones_have_no_baseline_code(monkeypatch, rng):
    monkeypatch.setenv("CHAINRULE_TIERS", "on")
    short = cr.compile(lambda x: x * 2)
    short(1.0)
    assert not short._path().built.native.is_baseline
    x = rng.normal(size=(700, 700))
    long = cr.compile(lambda x: np.tanh(x @ x) @ x)
    long(x)
    assert not long._path().built.native.is_baseline


PROGRAM = """
import json, sys, numpy as np, chainrule as cr
from chainrule.compiler import tiers, translation
translation._SHORT, translation._WORK_OF_A_LINE = 0, 10**9

def step(x):
    return np.exp(-np.tanh(x) ** 2) @ np.ones((9, 4))

compiled, x = cr.compile(step), np.linspace(0, 1, 45).reshape(5, 9)
def state():
    return [compiled(x).tobytes().hex(), compiled._path().is_baseline, "llvmlite" in sys.modules]
found = [state()]
for _ in range(int(sys.argv[1])):
    found.append(state())
    while tiers.BACKGROUND._thread is not None:
        tiers.BACKGROUND._thread.join()
found.append(state()) if int(sys.argv[1]) else None
print(json.dumps(found))
"""


def run(cache, calls):
    given = {**os.environ, "CHAINRULE_TIERS": "on", "CHAINRULE_CACHE": str(cache)}
    command = [sys.executable, "-c", PROGRAM, str(calls)]
    done = subprocess.run(command, env=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_the_cache_keeps_baseline_code_until_there_is_better(tmp_path):
    ((first, *was),) = run(tmp_path, 0)
    assert was == [True, True]
    ((again, *was),) = run(tmp_path, 0)
    assert was == [True, False]  # without LLVM
    made = run(tmp_path, 1)
    assert [x[1] for x in made] == [True, True, False]
    ((better, *was),) = run(tmp_path, 0)
    assert was == [False, False]
    assert {first, again, better, *[x[0] for x in made]} == {first}


FORKING = """
import os, sys, numpy as np, chainrule as cr
from chainrule.compiler import tiers, translation
translation._SHORT, translation._WORK_OF_A_LINE = 0, 10**9
compiled, x = cr.compile(lambda x: np.tanh(x @ x.T) @ np.exp(x)), np.linspace(0, 1, 120).reshape(10, 12)
right = compiled(x).tobytes()
compiled(x)  # from here on there is a thread
child = os.fork()
while True:
    assert compiled(x).tobytes() == right
    if not compiled._path().is_baseline:
        break
if child == 0:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_of_a_process_gets_better_code_of_its_own():
    given = {**os.environ, "CHAINRULE_TIERS": "on"}
    subprocess.run([sys.executable, "-c", FORKING], env=given, check=True, timeout=120)


COMPILING = """
import os, sys, threading, time, numpy as np, chainrule as cr
from chainrule.compiler.machine_code import jit
real, is_at_work = jit._llvm, threading.Event()

def slow():
    if threading.current_thread() is not threading.main_thread():
        is_at_work.set()
        time.sleep(0.3)
    return real()

cr.compile(lambda x: x + 1)(np.ones(3))
jit._llvm = slow
thread = threading.Thread(target=lambda: cr.compile(lambda x: x + 2)(np.ones(3)))
thread.start()
is_at_work.wait()
child = os.fork()
assert cr.compile(lambda x: x + 3)(np.ones(3)).tolist() == [4.0, 4.0, 4.0]
if child == 0:
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_compiles_though_another_thread_was_compiling_when_it_was_born():
    given = {**os.environ, "CHAINRULE_CACHE": "off"}
    subprocess.run([sys.executable, "-c", COMPILING], env=given, check=True, timeout=120)


def test_threads_that_fork_at_once_find_no_work_half_done():
    background, is_half_done, found = Background(), [], []

    def work():
        is_half_done.append(True)
        time.sleep(0.01)
        is_half_done.clear()

    def fork():
        background.before_fork()
        background.later(work)
        for _ in range(5):
            found.append(bool(is_half_done))
            time.sleep(0.001)
        background.after_fork()

    threads = [threading.Thread(target=fork, daemon=True) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    while (thread := background._thread) is not None:
        thread.join()
    assert found == [False] * 40
    assert not background._works


def test_who_asks_may_be_interrupted_by_who_asks_for_more(monkeypatch):
    background, done, start = Background(), [], threading.Thread.start

    def interrupted(thread):
        if thread.name == "chainrule-tiers":
            background.later(lambda: done.append("by the way"))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    asking = threading.Thread(
        target=background.later, args=[lambda: done.append("first")], daemon=True
    )
    asking.start()
    asking.join(30)
    assert not asking.is_alive()
    while (thread := background._thread) is not None:
        thread.join()
    assert done == ["first", "by the way"]


LEFT_ALONE = """
import threading, numpy as np, chainrule as cr
from chainrule.compiler import tiers, translation
translation._SHORT, translation._WORK_OF_A_LINE = 0, 10**9

def work():
    threading.main_thread().join()
    compiled, x = cr.compile(lambda x: np.tanh(x @ x.T)), np.ones((5, 4))
    compiled(x), compiled(x)
    while (thread := tiers.BACKGROUND._thread) is not None:
        thread.join()
    print(compiled._path().is_baseline)

threading.Thread(target=work).start()
"""


def test_steps_of_threads_that_outlive_the_main_thread_are_improved():
    given = {**os.environ, "CHAINRULE_TIERS": "on"}
    command = [sys.executable, "-c", LEFT_ALONE]
    done = subprocess.run(
        command, env=given, check=True, timeout=120, capture_output=True, text=True
    )
    assert done.stdout == "False\n"


def test_an_object_may_go_while_its_calls_are_improved(monkeypatch):
    class Going(weakref.WeakSet):
        def pop(self):
            objects.clear()  # another thread lets go of it
            gc.collect()
            return super().pop()

    objects = [cr.compile(lambda x: x)]
    monkeypatch.setattr(shell, "_to_improve", Going(objects))
    monkeypatch.setattr(native, "improve", lambda: None)
    shell.improve()
    assert not shell._to_improve


def test_works_are_done_once_and_in_order():
    background, done, may_go = Background(), [], threading.Event()

    def first():
        may_go.wait(60)
        done.append("first")

    def second():
        done.append("second")

    for work in (first, second, first, second):
        background.later(work)
    thread = background._thread
    may_go.set()
    thread.join()
    assert done == ["first", "second"]
    background.later(second)
    while (thread := background._thread) is not None:
        thread.join()
    assert done == ["first", "second", "second"]


def test_without_threads_a_work_is_done_at_once(monkeypatch):
    def refuse(self):
        message = "can't start new thread"
        raise RuntimeError(message)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    background = Background()
    background.later(lambda: done.append(1))
    assert done == [1]

    said = []
    monkeypatch.setattr(threading, "excepthook", lambda what: said.append(what.exc_type))
    background.later(lambda: 1 / 0)  # whoever asks has a result, and keeps it
    assert said == [ZeroDivisionError]


def test_a_work_that_fails_leaves_baseline_code_at_work(monkeypatch, arguments, tiers):
    from chainrule.compiler import build

    def fail(*_, **__):
        message = "no memory"
        raise MemoryError(message)

    compiled = cr.compile(step)
    first = bits(compiled(*arguments))
    monkeypatch.setattr(build, "object_code", fail)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    compiled(*arguments)
    settled()
    for _ in range(3):
        assert bits(compiled(*arguments)) == first
    assert compiled._entry is not None
