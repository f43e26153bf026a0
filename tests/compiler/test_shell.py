"""The object that users call: its entry first, everything else by its method, in machine code and in Python."""

import copy
import gc
import inspect
import pickle
import sys
import types
import weakref

import numpy as np
import pytest

from chainrule.compiler.entry import shell
from chainrule.compiler.entry.native import is_native_possible
from chainrule.compiler.entry.plain import make_plain_entry
from chainrule.compiler.entry.shell import arm, make_shell_class
from chainrule.compiler.entry.signature import Declined


class Step:
    """What a user holds."""

    def __init__(self, f):
        self.function = f
        self.calls = []

    def __call__(self, *args, **options):
        raise AssertionError

    def call(self, *args, **options):
        self.calls.append((args, options))
        return self.function(*args, **options)

    def __get__(self, instance, owner=None):
        return self if instance is None else types.MethodType(self, instance)

    def __reduce__(self):
        return step, (self.function,)


class WithSlots:
    __slots__ = ("calls", "function")
    __init__ = Step.__init__
    call = Step.call


class Wide:
    __slots__ = tuple(f"slot{i}" for i in range(10))


@pytest.fixture(params=["plain", "native"])
def shells(request, monkeypatch):
    """Run a test with classes of each kind."""
    if request.param == "plain":
        monkeypatch.setattr(shell, "is_native_possible", lambda: False)
    elif not is_native_possible():
        pytest.skip("another kind of Python or NumPy")
    CLASSES.clear()
    yield request.param
    CLASSES.clear()


CLASSES = {}


def step(f, base=Step):
    """Make an object to call."""
    if base not in CLASSES:
        CLASSES[base] = make_shell_class(base)
    made = CLASSES[base](f)
    arm(made, made.call)
    return made


@pytest.mark.parametrize("base", [Step, WithSlots])
def test_without_an_entry_the_method_is_called(shells, base):
    made = step(max, base)
    assert made(1, 2) == 2
    assert made(1, 2, key=lambda x: -x) == 1
    assert len(made.calls) == 2
    assert made.calls[0] == ((1, 2), {})


@pytest.mark.parametrize("base", [Step, WithSlots])
def test_an_entry_is_called_instead(shells, base):
    made = step(max, base)
    made._entry = min
    assert made(1, 2) == 1
    assert made(*[3, 4]) == 3
    assert made.calls == []
    made._entry = lambda *args: args
    assert made() == ()
    made._entry = None
    with pytest.raises(TypeError):
        step(max, base)()


def test_what_the_entry_declines_goes_to_the_method(shells):
    made = step(max)
    made._entry = lambda *args: Declined(3) if args[0] < 0 else "entry"
    assert made(1, 2) == "entry"
    assert made(-1, 2) == 2
    assert made.calls == [((-1, 2), {})]


def test_keyword_arguments_go_to_the_method(shells):
    made = step(max)
    made._entry = min
    assert made(1, 2, key=lambda x: x) == 2
    assert made(*(1, 2)) == 1


def test_what_either_raises_is_raised(shells):
    made = step(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        made()
    made._entry = [].pop
    with pytest.raises(IndexError):
        made()
    assert len(made.calls) == 1


def test_an_entry_may_be_replaced_while_it_runs(shells):
    made = step(max)

    def entry(x):
        made._entry = None
        gc.collect()
        return x

    made._entry = entry
    del entry
    assert made(5) == 5
    assert made(6, 7) == 7


def test_it_is_an_object_of_its_class_like_any_other(shells):
    made = step(max)
    assert isinstance(made, Step)
    assert type(made).__name__ == "Step"
    assert callable(made)
    assert vars(made).keys() - {"_entry", "_otherwise"} == {"function", "calls"}
    made.more = 1
    del made.more
    assert not hasattr(made, "more")
    made.__dict__ = {"function": min, "calls": []}
    arm(made, made.call)
    assert made(1, 2) == 1
    assert type(made).__doc__ is None or isinstance(type(made).__doc__, str)
    made.__wrapped__ = lambda x, y: 0
    assert list(inspect.signature(made).parameters) == ["x", "y"]


def test_it_can_be_subclassed(shells):
    step(max)

    class Named(CLASSES[Step]):
        name = "named"

    made = Named(max)
    arm(made, made.call)
    assert (made(1, 2), made.name) == (2, "named")
    made._entry = min
    assert made(1, 2) == 1


def test_an_object_of_another_class_can_hold_the_same(shells):
    made = Step(max)
    arm(made, made.call)
    assert (made._entry, made._otherwise(1, 2)) == (None, 2)


def test_it_can_be_a_method(shells):
    class Owner:
        method = step(lambda self, x: (self, x))

    owner = Owner()
    assert owner.method(3) == (owner, 3)
    Owner.method._entry = lambda self, x: ("entry", self, x)
    assert owner.method(3) == ("entry", owner, 3)


def test_it_can_be_copied_and_pickled(shells):
    made = step(max)
    made._entry = min
    for other in (copy.copy(made), copy.deepcopy(made), pickle.loads(pickle.dumps(made))):
        assert other is not made
        assert type(other) is type(made)
        assert other(1, 2) == 2


def test_it_goes_away_with_what_it_holds(shells):
    class Thing:
        pass

    thing = Thing()
    made = step(max)
    made._entry = lambda x, thing=thing: x
    made.itself = made
    gone = [weakref.ref(made), weakref.ref(thing)]
    del made, thing
    gc.collect()
    assert [x() for x in gone] == [None, None]


def test_references_are_neither_lost_nor_kept(shells):
    made = step(lambda *args: args)
    entry, declining, argument = (lambda *args: args), (lambda *args: Declined(0)), object()
    watched = [made, entry, declining, argument, type(made), made._otherwise]

    def call():
        for each in (entry, declining, None):
            made._entry = each
            made(argument, argument)
        made.calls.clear()
        made._entry = None

    call()
    before = [sys.getrefcount(x) for x in watched]
    for _ in range(500):
        call()
    assert [sys.getrefcount(x) for x in watched] == before


def test_a_class_that_leaves_no_room_is_served_in_python(shells):
    assert "__call__" in vars(make_shell_class(Wide))


def test_plain_entries_can_be_held(shells):
    from chainrule.compiler.entry.signature import ArrayInput, OwnArray, Signature

    made = step(lambda x: "method")
    made._entry = make_plain_entry(
        Signature((ArrayInput.of(np.zeros(3), 0),), OwnArray(0), 1), (), None
    )
    array = np.zeros(3)
    assert made(array) is array
    assert made(np.zeros(4)) == "method"
