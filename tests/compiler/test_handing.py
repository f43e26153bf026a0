"""What asks the world outside is asked in each call though a step hands it on, to C or by names that it makes."""

import collections
import contextvars
import dataclasses
import datetime as dt
import functools
import gc
import importlib
import io
import itertools
import logging
import operator
import os
import queue
import sys
import threading
import time
import types

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.handing import handed_on

X = np.arange(3.0)
THIS = sys.modules[__name__]
LOG = logging.getLogger("chainrule.test_handing")
GETTER, CALLER = operator.attrgetter("level"), operator.methodcaller("getcwd")
STAT_OF = functools.partial(map, os.stat)
VARIABLE = contextvars.ContextVar("a function", default=os.getcwd)
DEFAULTS = collections.defaultdict(os.getcwd)
ROWS = [[3.0], [1.0, 2.0]]
TOOLS = {"stat": os.stat, "folder": os.getcwd, "module": os, "run": eval}
FUNCTIONS = np.array([os.getcwd, len], dtype=object)
MODULES = [sys, os]
WHERE, RATE = "getcwd", 2.0
CODE = compile("len(sys.argv)", "code", "eval")
SIZES, STAT = np.vectorize(os.path.getsize), np.frompyfunc(os.stat, 1, 1)
METHOD = types.MethodType(os.stat, "file")
QUEUE, LOCK = queue.SimpleQueue(), threading.Lock()
CONDITION = threading.Condition()


class Holder:
    """Has functions of the world outside under names."""

    inherited = staticmethod(os.getcwd)
    got = property(operator.methodcaller("now"))
    cached = functools.cached_property(operator.methodcaller("now"))
    __call__ = staticmethod(os.getcwd)
    __len__ = QUEUE.qsize
    __getitem__ = staticmethod(os.stat)

    def __init__(self):
        self.ask, self.queue, self.module = os.getcwd, QUEUE, os

    def now(self):
        return _this().os.getcwd()


class Inheriting(Holder):
    """Hands on what it inherits."""

    def folder(self):
        return _called_by_c(super().inherited)


class Slotted:
    """Has a function in a slot."""

    __slots__ = ("ask",)

    def __init__(self):
        self.ask = os.getcwd


@dataclasses.dataclass
class Kept:
    """Has a function in a field."""

    ask: object = os.getcwd


class Counting(queue.SimpleQueue):
    """Has the length that it tells."""

    __len__ = queue.SimpleQueue.qsize


HOLDER, SLOTTED, KEPT, COUNTING, INHERITING = Holder(), Slotted(), Kept(), Counting(), Inheriting()
PAIR = collections.namedtuple("PAIR", "ask other")(os.getcwd, len)  # noqa: PYI024


def _called_by_c(*functions):
    return sum(len(text) for f in functions for text in itertools.starmap(f, [()]))


def _numbers_by_c(*functions):
    return sum(1.0 + number for f in functions for number in itertools.starmap(f, [()]))


def _with_a_function_inside(ask=os.getcwd):
    return _called_by_c(ask)


def _with_an_option(*, ask=os.getcwd):
    return _called_by_c(ask)


def _of_a_class():
    class Inside:
        ask = os.getcwd

    return _called_by_c(Inside.ask)


def _imported_from():
    from os import getcwd

    return _called_by_c(getcwd)


def _imported():
    import os as system

    return _called_by_c(system.getcwd)


def _matched():
    match os:
        case object(getcwd=ask):
            return _called_by_c(ask)


def _in_a_closure():
    ask = os.getcwd
    return lambda: _called_by_c(ask)


def _called_in_a_closure(ask):
    return lambda: len(ask())


def _of_an_attribute(f):
    return _called_by_c(f.ask)


_of_an_attribute.ask = os.getcwd

OF_THE_FOLDER = {
    "caller": lambda: len(operator.methodcaller("getcwd")(os)),
    "caller that is held": lambda: len(CALLER(os)),
    "mapped caller": lambda: sum(map(len, map(operator.methodcaller("getcwd"), [os]))),
    "of a dictionary": lambda: _called_by_c(TOOLS["folder"]),
    "of an array": lambda: _called_by_c(FUNCTIONS[0]),
    "of a tuple with names": lambda: _called_by_c(PAIR.ask),
    "of a field": lambda: _called_by_c(KEPT.ask),
    "of a slot": lambda: _called_by_c(SLOTTED.ask),
    "of an object": lambda: _called_by_c(HOLDER.ask),
    "of an object's module": lambda: _called_by_c(HOLDER.module.getcwd),
    "of a class": lambda: _called_by_c(Holder.inherited),
    "of an outer class": lambda: INHERITING.folder(),
    "of a property": lambda: len(HOLDER.got),
    "of a property that is kept": lambda: len(Holder().cached),
    "of a call": lambda: len(HOLDER()),
    "of a function": lambda: _of_an_attribute(_of_an_attribute),
    "of a class inside": _of_a_class,
    "of a default": _with_a_function_inside,
    "of an option": _with_an_option,
    "of a closure": _in_a_closure(),
    "of a variable": lambda: _called_by_c(VARIABLE.get()),
    "of missing keys": lambda: len(DEFAULTS.__missing__("a")) * 0 + _called_by_c(DEFAULTS.default_factory),
    "of a module in a list": lambda: sum(_called_by_c(m.getcwd) for m in MODULES[1:]),
    "imported from": _imported_from,
    "imported": _imported,
    "matched": _matched,
    "its own call": lambda: _called_by_c(os.getcwd.__call__),
    "its own call in a closure": _called_in_a_closure(os.getcwd.__call__),
    "called by a function in C": lambda: len(operator.call(TOOLS["folder"])),
    "next": lambda: len(next(iter(os.getcwd, ""))),
    "of many": lambda: sum(_called_by_c(f) for f in (os.getcwd, os.getcwd)),
    "a name that is made": lambda: len(getattr(os, WHERE)()),
    "a name that is handed on": lambda: _called_by_c(getattr(os, WHERE)),
    "a name that is constant": lambda: _called_by_c(getattr(os, "getcwd")),  # noqa: B009
    "of all names": lambda: _called_by_c(vars(os)[WHERE]),
    "a module by its name": lambda: len(importlib.import_module("o" + "s").getcwd()),
    "a text": lambda: len(eval("os.getcwd()")),  # noqa: S307
    "a text by a held function": lambda: len(TOOLS["run"]("os.getcwd()")),
}  # fmt: skip
"""What tells the folder, whose name has another length later."""


def _in_another_folder(place):
    os.chdir(place / "folder")


def _larger(place):
    (place / "file").write_text("1234567")


def _put(_):
    QUEUE.put(1)
    COUNTING.put(1)
    LOCK.acquire()


def _more(_):
    sys.argv.append("more")


def _louder(_):
    LOG.setLevel(37)


def _longer_texts(_):
    np.set_printoptions(precision=3)


def _lines():
    with io.FileIO("file") as lines:
        return len(b"".join(lines))


THIRDS = np.array([1 / 3])
TEXTS = {"text": str}

OTHERS = {
    "sizes": (lambda: sum(s.st_size for s in map(TOOLS["stat"], ["file"])), _larger),
    "sizes by a partial object": (lambda: sum(s.st_size for s in STAT_OF(["file"])), _larger),
    "size by a method": (lambda: sum(s.st_size for s in itertools.starmap(METHOD, [()])), _larger),
    "size of an item": (lambda: HOLDER["file"].st_size, _larger),
    "sizes by a decorated function": (lambda: np.vectorize(os.path.getsize)(["file"])[0], _larger),
    "sizes by NumPy": (lambda: np.vectorize(os.stat, [object])(["file"])[0].st_size, _larger),
    "sizes by what NumPy made of a function": (lambda: SIZES(["file"])[0], _larger),
    "size by a ufunc of a function": (lambda: STAT("file").st_size, _larger),
    "lines": (_lines, _larger),
    "method of a queue": (lambda: _numbers_by_c(QUEUE.qsize), _put),
    "method of an object's queue": (lambda: _numbers_by_c(HOLDER.queue.qsize), _put),
    "method of queues": (lambda: sum(map(queue.SimpleQueue.qsize, [QUEUE])), _put),
    "caller of a queue": (lambda: operator.methodcaller("qsize")(QUEUE), _put),
    "length": (lambda: 1 + len(HOLDER), _put),
    "length of a queue": (lambda: 1 + len(COUNTING), _put),
    "lock": (lambda: _numbers_by_c(LOCK.locked), _put),
    "until a number": (lambda: 1 + next(iter(QUEUE.qsize, -1)), _put),
    "condition": (lambda: _numbers_by_c(CONDITION._is_owned), lambda _: CONDITION.acquire()),
    "arguments by a made name": (lambda: len(getattr(sys, "ARGV".lower())), _more),
    "arguments by all names": (lambda: len(vars(sys)["argv"]), _more),
    "arguments by a getter": (lambda: len(operator.attrgetter("argv")(sys)), _more),
    "arguments by a name's module": (lambda: len(__import__("sys").argv), _more),
    "arguments by a text": (lambda: eval("len(sys.argv)"), _more),  # noqa: S307
    "arguments by code": (lambda: types.FunctionType(CODE, globals())(), _more),
    "level by a made name": (lambda: 1 + getattr(LOG, "LEVEL".lower()), _louder),
    "level by a getter that is held": (lambda: 1 + GETTER(LOG), _louder),
    "a global by a made name": (
        lambda: globals()["rate".upper()],
        lambda _: vars(THIS).update(RATE=5.0),
    ),
    "a module's by a made name": (
        lambda: getattr(_this(), "rate".upper()),
        lambda _: vars(THIS).update(RATE=5.0),
    ),
    "a text by a held class": (lambda: len(TEXTS["text"](THIRDS)), _longer_texts),
    "a text by NumPy": (lambda: len(np.array2string(THIRDS)), _longer_texts),
    "a text by a caller": (lambda: len(operator.methodcaller("__str__")(THIRDS)), _longer_texts),
}
"""What is read, and what changes it."""


def _this(module=THIS):
    return module


CLOCKS = {
    "clock of a class": lambda: sum(d.microsecond for d in map(dt.datetime.now, [None])),
    "clock in C": lambda: sum(itertools.starmap(time.perf_counter_ns, [()])) % 10**6,
    "clock by its name": lambda: getattr(time, "PERF_COUNTER".lower())(),
    "random numbers": lambda: sum(itertools.starmap(__import__("_random").Random().random, [()])),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("1")
    (tmp_path / "folder").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    monkeypatch.setattr(THIS, "RATE", 2.0)
    options = np.get_printoptions()
    yield tmp_path
    np.set_printoptions(**options)
    LOG.setLevel(logging.NOTSET)
    for q in (QUEUE, COUNTING):
        while not q.empty():
            q.get()
    if LOCK.locked():
        LOCK.release()
    if CONDITION._is_owned():
        CONDITION.release()


def _compare(read, change, place):
    def step(x):
        return np.sin(x) * read()

    compiled = cr.compile(step)
    for _ in range(2):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    before = read()
    change(place)
    assert read() != before
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)


@pytest.mark.parametrize("kind", OF_THE_FOLDER)
def test_the_folder_is_asked_for_in_each_call(kind, place):
    _compare(OF_THE_FOLDER[kind], _in_another_folder, place)


@pytest.mark.parametrize("kind", OTHERS)
def test_what_is_handed_on_is_asked_in_each_call(kind, place):
    _compare(*OTHERS[kind], place)


def test_what_the_step_is_given_is_asked_in_each_call(place):
    def step(x, f):
        return np.sin(x) * _called_by_c(f)

    compiled = cr.compile(step)
    for folder in ("folder", "."):
        for _ in range(3):
            np.testing.assert_allclose(compiled(X, os.getcwd), step(X, os.getcwd), rtol=1e-14)
        os.chdir(place / folder)


@pytest.mark.parametrize("kind", CLOCKS)
def test_a_clock_goes_on(kind):
    compiled = cr.compile(lambda x: np.sin(x) * 0 + CLOCKS[kind]())
    assert len({compiled(X)[0] for _ in range(6)}) > 3


class Parent:
    """Has children."""


def test_the_classes_that_are_made_of_one_are_asked_for_in_each_call():
    made = []
    for read in (
        lambda: len(Parent.__subclasses__()),
        lambda: sum(map(len, map(type.__subclasses__, [Parent]))),
    ):
        compiled = cr.compile(lambda x, read=read: x * read())
        for _ in range(4):
            assert compiled(2.0) == 2.0 * read()
            made.append(type("Child", (Parent,), {}))
    made.clear()
    gc.collect()


class Weights:
    """A model whose parts have numbers in their names."""

    def __init__(self):
        self.weight0, self.weight1, self.log = np.ones(3), np.ones(3), logging.getLogger()

    def __call__(self, x):
        if x.shape == (5,):
            self.log.debug("five")
            LOG.debug("of %d", time.time_ns())
        with LOCK:
            return x * sum(getattr(self, f"weight{i}") for i in range(2))


WEIGHTS = Weights()

NATIVE = [
    lambda x: x * sum(map(float, ROWS[1])) * len(sorted(ROWS, key=len)),
    lambda x: x * np.sum(list(map(np.sin, ROWS[1]))) * len(sys.argv[:0]),
    lambda x: x * operator.itemgetter(0)(ROWS[0]) * sum(map(operator.itemgetter(0), ROWS)),
    lambda x: sum(map(operator.methodcaller("sum"), [x, x])) * len(os.sep),
    lambda x: functools.reduce(operator.add, [x, x, functools.partial(np.multiply, 2.0)(x)]),
    lambda x: x * np.array(list(map(np.array, ROWS[1:]))).sum() * globals()["RATE"] * len(os.sep),
    lambda x: getattr(np, "SIN".lower())(x) * (2 if isinstance(x, np.ndarray) else 3),
    lambda x: np.vectorize(np.sin)(x) * len(os.sep),
    WEIGHTS,
]


@pytest.mark.parametrize("step", NATIVE)
def test_what_asks_nothing_stays_native(step):
    compiled = cr.compile(step)
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    assert compiled.report().startswith("specialization 0: ")
    assert "eagerly" not in compiled.report()


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda names: map(os.stat, names), "stat()"),
        (lambda names: [os.lstat(name) for name in names], ""),
        (lambda f, names: f(os.stat, *[f(name) for name in names]), "stat()"),
        (lambda f, *names: [f(1), os.stat(*names)], ""),
        (lambda names: map(queue.SimpleQueue, names), "_queue.SimpleQueue"),
        (lambda q: isinstance(q, (queue.Empty, dt.datetime, queue.Queue)), ""),
        (lambda names: map(dt.datetime.fromtimestamp, names), "fromtimestamp()"),
        (lambda names: [os, sys, LOG, *names], ""),
        (lambda name: [getattr(os, name), LOG.debug("a")], "os"),
        (lambda name: [getattr(LOG, name), os.sep], "a Logger"),
        (lambda name: [getattr(np, name), LOG.debug("a"), os.getpid()], ""),
        (lambda: exec("0"), "exec()"),  # noqa: S102
    ],
)
def test_it_is_told_what_is_handed_on(f, name):
    assert handed_on([f], []) == name
