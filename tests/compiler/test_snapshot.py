"""A step that turns out to be none for the compiler has run on types; what it did besides is taken back."""

import array
import functools
import itertools
import threading
from contextvars import ContextVar

import numpy as np
import pytest
import scipy.sparse

import chainrule as cr
from chainrule.compiler.capture.python_calls import following_python
from chainrule.compiler.snapshot import Snapshot
from chainrule.compiler.surroundings import Surroundings
from chainrule.core.reroute import following
from chainrule.errors import EscapedValueError

HISTORY = []
COUNTER = {"calls": 0}
BUFFER = np.zeros(3)
TOTAL = 0


class Model:
    def __init__(self):
        self.rng = np.random.default_rng(5)
        self.seen = []
        self.steps = 0
        self.scale = np.ones(2)

    def step(self, x):
        self.steps += 1
        self.seen.append(self.steps)
        self.scale *= 2.0
        noise = self.rng.normal(size=2)
        return float(str(np.sum(x))) * self.scale + noise


def test_a_method_does_once_what_it_does_to_its_object():
    eager, compiled = Model(), Model()
    step = cr.compile(compiled.step)
    for _ in range(3):
        np.testing.assert_array_equal(step(np.ones(2)), eager.step(np.ones(2)))
    assert (compiled.steps, compiled.seen) == (3, [1, 2, 3])
    np.testing.assert_array_equal(compiled.scale, eager.scale)


def counted(x):
    global TOTAL  # noqa: PLW0603  what the test is about
    TOTAL += 1
    COUNTER["calls"] += 1
    HISTORY.append({"n": TOTAL})
    np.add(BUFFER, 1.0, out=BUFFER)
    return float(str(x[0]))


def test_globals_are_changed_once():
    assert cr.compile(counted)(np.ones(2)) == 1.0
    assert (TOTAL, COUNTER, HISTORY) == (1, {"calls": 1}, [{"n": 1}])
    np.testing.assert_array_equal(BUFFER, np.ones(3))


def test_an_array_of_its_own_may_change_between_two_uses():
    def f(x):
        order = np.arange(3)
        first = x[order] * 2.0
        order[[0, 2]] = order[[2, 0]]
        scale = np.full(3, 0.5)
        second = x[order] * scale
        scale += 1.0
        return first - second * scale

    step = cr.compile(f)
    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_array_equal(step(x), f(x))
    np.testing.assert_array_equal(step(-x), f(-x))
    assert "eagerly" not in step.report()


def test_a_variable_of_a_closure_is_put_back():
    calls = 0

    def f(x):
        nonlocal calls
        calls += 1
        return float(str(x))

    cr.compile(f)(2.0)
    assert calls == 1


class Numbered:
    made = 0

    def __init__(self):
        Numbered.made += 1
        self.number = Numbered.made


class Placed:
    places = itertools.count(1)

    def __init__(self):
        self.place = next(self.places)


class Inherited:
    made = 0


class Inheriting(Inherited):
    pass


def _inheriting():
    Inheriting.made += 1
    return Inheriting.made


def _new_name():
    Inherited.latest = getattr(Inherited, "latest", 0) + 1
    return Inherited.latest


IN_THREAD = threading.local()
IN_THREAD.number = 0
IN_CONTEXT, UNSET = ContextVar("number", default=0), ContextVar("unset")
SPARSE = scipy.sparse.csr_array(np.ones((1, 1)))


def _in_thread():
    IN_THREAD.number += 1
    return IN_THREAD.number


def _in_context():
    IN_CONTEXT.set(IN_CONTEXT.get() + 1)
    return IN_CONTEXT.get()


def _in_a_context_without_value():
    UNSET.set(UNSET.get(0) + 1)
    return UNSET.get()


def _in_a_sparse_matrix():
    SPARSE.data += 1
    return SPARSE.data[0] - 1


def _item_of(held):
    def count():
        held[0] += 1
        return held[0]

    return count


COUNTING = {
    "class": lambda: Numbered().number,
    "class by its iterator": lambda: Placed().place,
    "class that inherits the number": _inheriting,
    "class without the number": _new_name,
    "thread": _in_thread,
    "context": _in_context,
    "context without the number": _in_a_context_without_value,
    "bytes": _item_of(bytearray(1)),
    "view of bytes": _item_of(memoryview(bytearray(1))),
    "array of Python's": _item_of(array.array("d", [0.0])),
    "sparse matrix": _in_a_sparse_matrix,
}


@pytest.mark.parametrize("where", COUNTING)
def test_a_step_that_counts_counts_each_call_once(where, monkeypatch):
    monkeypatch.setenv("CHAINRULE_TIERS", "off")
    count = COUNTING[where]
    compiled = cr.compile(lambda x: x + count())
    assert [compiled(0.0) for _ in range(4)] == [1, 2, 3, 4]


def test_a_cache_that_was_empty_is_empty_again():
    asked = []

    @functools.cache
    def told(n):
        asked.append(n)
        return n

    compiled = cr.compile(lambda x: x + told(3) + len(asked))
    assert [compiled(0.0), compiled(0.0)] == [4.0, 4.0]


def test_an_error_of_the_step_is_met_once_more_from_the_same_start():
    drawn = []
    rng = np.random.default_rng(0)

    def f(x):
        drawn.append(rng.normal())
        raise KeyError(len(drawn))

    with pytest.raises(KeyError, match="1"):
        cr.compile(f)(np.ones(1))
    assert drawn == [np.random.default_rng(0).normal()]


def test_a_global_state_of_random_numbers_is_put_back():
    def f(x):
        return x + np.random.rand()  # noqa: NPY002  what users do

    np.random.seed(3)  # noqa: NPY002
    got = cr.compile(f)(0.0)
    np.random.seed(3)  # noqa: NPY002
    assert got == f(0.0)


def test_arguments_that_are_not_differentiated_stay_as_they_were():
    def f(x, p):
        p[0] = 5.0
        return np.sum(x * p)

    for transform in (cr.value_and_grad(f), cr.grad(f)):
        p = np.ones(2)
        cr.compile(transform)(np.ones(2), p)
        np.testing.assert_array_equal(p, np.ones(2))


def test_an_escape_in_a_gradient_raises_as_eagerly():
    with pytest.raises(EscapedValueError, match="float"):
        cr.compile(cr.grad(lambda x: float(x[0])))(np.ones(2))


def kind_of(x):
    """Return the name of a class. To `is` and `type`, in a function of a module that names NumPy, faces are NumPy."""
    return x.__class__.__name__


def test_what_a_capture_of_another_thread_has_put_in_place_is_neither_a_change_nor_put_back():
    def step(x):
        return np.sum(x) * float(x[0])

    names = step.__globals__
    with following(step), following_python(step, [step]):
        changed = step.__code__
        assert kind_of(names["np"]) == "ModuleFace"
        snapshot = Snapshot(Surroundings(step))
    code = step.__code__
    assert code is not changed
    assert not snapshot.has_changed()
    snapshot.restore()
    assert step.__code__ is code
    assert kind_of(names["np"]) == "module"

    snapshot = Snapshot(Surroundings(step))
    with following(step), following_python(step, [step]):
        changed = step.__code__
        assert not snapshot.has_changed()
        snapshot.restore()
        assert step.__code__ is changed is not code
        assert kind_of(names["np"]) == "ModuleFace"
