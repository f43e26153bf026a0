"""What a compiled step reads besides its arguments is watched wherever it lies: a change of it is seen."""

import array
import builtins
import collections
import contextvars
import copy
import dataclasses
import functools
import logging
import math
import os
import sys
import tempfile
import threading
import time
import types
import typing
import weakref
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import chainrule as cr

X = np.arange(3.0)
settings = {"rate": 0.5}
THIS = sys.modules[__name__]


class Layer:
    """A user's object: what it holds is read by a function that knows it by another name."""

    def __init__(self):
        self.rate = 2.0
        self.inner = {"rate": 1.0}

    def __call__(self, x):
        return x * self.rate * self.inner["rate"]


class Base:
    rate = 2.0

    @property
    def doubled(self):
        return 2 * self.held


class Derived(Base):
    def __init__(self):
        self.held = 1.0


@dataclasses.dataclass
class Block:
    layer: Layer
    gain: float = 1.0


def _by_key(s, x):
    return x * s["rate"]


def _by_attribute(s, x):
    return x * s.rate


def _first(s, x):
    return x * s[0]


def _smallest(s, x):
    return x * min(s)


def _called(s, x):
    return s(x)


def _all_called(s, x):
    for layer in s:
        x = layer(x)
    return x


def _all_values_called(s, x):
    return _all_called(s.values(), x)


def _put(key, value):
    return lambda s: s.__setitem__(key, value)


def _set(name, value, of=lambda s: s):
    return lambda s: setattr(of(s), name, value)


def _holding(s):
    return lambda x: x * s["rate"]


def _nested(s):
    return collections.OrderedDict(deep=collections.deque([s]))


class Slotted:
    __slots__ = ("inner", "rate")

    def __init__(self, rate):
        self.rate = rate
        self.inner = {"rate": rate}


class Kind(type):
    rate = 1.0


class OfAKind(metaclass=Kind):
    pass


class Asked:
    """A user's object that answers for any name, and raises what it likes."""

    def __getattr__(self, name):
        return settings[name]

    def __call__(self, x):
        return x * settings["rate"]


def _function():
    def scaled(x, rate=1.0, *, shift=0.5):
        return x * rate + shift

    scaled.rate = 1.0
    return scaled


def _other(x, rate=1.0, *, shift=0.5):
    return x - rate * shift


class _List(list):
    pass


class _Dict(dict):
    pass


VARIABLE = contextvars.ContextVar("variable", default=1.0)


class Numbered:
    """What it holds is not named in its code."""


def _numbered():
    made = Numbered()
    for i in range(2):
        setattr(made, f"weight{i}", np.ones(3))
    return made


def _got(s, name):
    return getattr(s, name)


def _of_a_thread():
    made = threading.local()
    made.rate, made.row = 1.0, np.ones(3)
    return made


KEPT = Layer()
WEIGHT = "weight1"

WATCHED = {
    "dictionary": (lambda: {"rate": 1.0}, _by_key, _put("rate", 2.0)),
    "class made of a dictionary": (lambda: _Dict(rate=1.0), _by_key, _put("rate", 2.0)),
    "ordered dictionary": (
        lambda: collections.OrderedDict(rate=1.0),
        _by_key,
        _put("rate", 2.0),
    ),
    "default dictionary": (
        lambda: collections.defaultdict(float, rate=1.0),
        _by_key,
        _put("rate", 2.0),
    ),
    "user's dictionary": (lambda: collections.UserDict(rate=1.0), _by_key, _put("rate", 2.0)),
    "chain": (lambda: collections.ChainMap({"rate": 1.0}), _by_key, _put("rate", 2.0)),
    "class made of a list": (lambda: _List([1.0]), _first, _put(0, 2.0)),
    "deque": (lambda: collections.deque([1.0]), _first, _put(0, 2.0)),
    "set": (lambda: {1.0}, _smallest, lambda s: s.add(0.5)),
    "nested": (
        lambda: _nested({"rate": 1.0}),
        lambda s, x: _by_key(s["deep"][0], x),
        lambda s: s["deep"][0].update(rate=2.0),
    ),
    "array in a deque": (
        lambda: collections.deque([np.ones(3)]),
        _first,
        lambda s: s[0].__setitem__(1, 5.0),
    ),
    "bytes": (lambda: bytearray(b"abc"), _first, _put(0, 7)),
    "view of bytes": (lambda: memoryview(bytearray(b"abc")), _first, _put(0, 7)),
    "array of Python's": (lambda: array.array("d", [1.0]), _first, _put(0, 2.0)),
    "values of a dictionary": (
        lambda: {"a": [1.0]}.values(),
        lambda s, x: x * sum(map(len, s)),
        lambda s: next(iter(s)).append(2.0),
    ),
    "weak reference": (
        lambda: weakref.ref(KEPT),
        lambda s, x: x * s().rate,
        lambda _: setattr(KEPT, "rate", 7.0),
    ),
    "context variable": (
        lambda: VARIABLE,
        lambda s, x: x * s.get(),
        lambda s: s.set(s.get() + 1.0),
    ),
    "variables of a thread": (
        _of_a_thread,
        lambda s, x: x * s.rate * s.row,
        _set("rate", 2.0),
    ),
    "environment": (
        lambda: os.environ,
        lambda _, x: x * float(os.environ.get("RATE_OF_TEST", "1")),
        _put("RATE_OF_TEST", "2"),
    ),
    "weak dictionary": (
        lambda: weakref.WeakValueDictionary(a=KEPT),
        lambda s, x: x * len(s),
        lambda s: s.update(b=KEPT),
    ),
    "fields": (lambda: np.ones(3, [("rate", float), ("n", int)]), _by_key, _put("rate", 2.0)),
    "objects": (lambda: np.array([1.0, None], object), _first, _put(0, 2.0)),
    "number of an array": (lambda: np.ones(3), lambda s, x: x * float(s[0]), _put(0, 2.0)),
    "item of an array": (lambda: np.ones(3), lambda s, x: x * s.item(0), _put(0, 2.0)),
    "number without axes": (lambda: np.array(1.0), lambda s, x: x * float(s), _put((), 2.0)),
    "number of an array that is used, too": (
        lambda: np.ones(3),
        lambda s, x: (x + s) * float(s[0]),
        _put(0, 2.0),
    ),
    "root of a number": (lambda: np.ones(3), lambda s, x: s * x * math.sqrt(s[0]), _put(0, 4.0)),
    "decision by an array": (
        lambda: np.ones(3),
        lambda s, x: x * (2.0 if s[0] > 1.5 else 3.0),
        _put(0, 2.0),
    ),
    "decision by a view of an array": (
        lambda: np.ones((2, 3))[1],
        lambda s, x: x * (2.0 if np.any(s > 1.5) else 3.0),
        _put(0, 2.0),
    ),
    "decision by a part of memory that is used, too": (
        lambda: np.split(np.ones(6), 2),
        lambda s, x: x * s[0] * (2.0 if s[1][0] > 1.5 else 3.0),
        lambda s: s[1].__setitem__(0, 2.0),
    ),
    "texts": (
        lambda: np.array(["a", "b"]),
        lambda s, x: x * (2.0 if s[0] == "a" else 3.0),
        _put(0, "c"),
    ),
    "masked array": (
        lambda: np.ma.array([1.0, 2.0, 3.0], mask=[False, True, False]),
        lambda s, x: x * float(s.sum()),
        _put(0, np.ma.masked),
    ),
    "sparse matrix": (
        lambda: scipy.sparse.csr_array(np.eye(3)),
        lambda s, x: s @ x,
        lambda s: s.data.__setitem__(1, 5.0),
    ),
    "namespace": (lambda: types.SimpleNamespace(rate=1.0), _by_attribute, _set("rate", 2.0)),
    "object": (Layer, _by_attribute, _set("rate", 3.0)),
    "object that is called": (Layer, _called, lambda s: s.inner.update(rate=3.0)),
    "objects in a list": (
        lambda: [Layer(), Layer()],
        _all_called,
        _set("rate", 3.0, lambda s: s[1]),
    ),
    "one more object": (lambda: [Layer()], _all_called, lambda s: s.append(Layer())),
    "objects in a dictionary": (
        lambda: {"a": Layer()},
        _all_values_called,
        _set("rate", 3.0, lambda s: s["a"]),
    ),
    "object in a dataclass": (
        lambda: Block(Layer()),
        lambda s, x: s.layer(x) * s.gain,
        _set("rate", 3.0, lambda s: s.layer),
    ),
    "function in a list": (
        lambda: [_holding(settings)],
        _all_called,
        lambda _: settings.update(rate=7.0),
    ),
    "attribute of a base class": (Derived, _by_attribute, lambda _: setattr(Base, "rate", 9.0)),
    "attribute in a slot": (lambda: Slotted(1.0), _by_attribute, _set("rate", 2.0)),
    "array in a slot": (lambda: Slotted(np.ones(3)), _by_attribute, _set("rate", np.zeros(3))),
    "dictionary in a slot": (
        lambda: Slotted(1.0),
        lambda s, x: x * s.inner["rate"],
        lambda s: s.inner.update(rate=2.0),
    ),
    "slots in a list": (
        lambda: [Slotted(1.0)],
        lambda s, x: x * s[0].rate,
        _set("rate", 2.0, lambda s: s[0]),
    ),
    "attribute of a function": (_function, _by_attribute, _set("rate", 2.0)),
    "defaults of a function": (_function, _called, _set("__defaults__", (2.0,))),
    "keyword defaults of a function": (_function, _called, _set("__kwdefaults__", {"shift": 2.0})),
    "one keyword default": (_function, _called, lambda s: s.__kwdefaults__.update(shift=2.0)),
    "code of a function": (_function, _called, _set("__code__", _other.__code__)),
    "attribute of a metaclass": (
        lambda: OfAKind,
        _by_attribute,
        lambda _: setattr(Kind, "rate", 2.0),
    ),
    "attribute that is made up": (Asked, _by_attribute, lambda _: settings.update(rate=7.0)),
    "attributes whose names are made": (
        _numbered,
        lambda s, x: x * sum(getattr(s, f"weight{i}") for i in range(2)),
        _set("weight1", np.zeros(3)),
    ),
    "attribute whose name is handed on": (
        _numbered,
        lambda s, x: x * _got(s, WEIGHT),
        _set("weight1", np.zeros(3)),
    ),
    "attribute that is not there yet": (
        _numbered,
        lambda s, x: x * getattr(s, f"weight{len(x)}", 1.0),
        _set("weight3", 5.0),
    ),
    "every attribute": (
        _numbered,
        lambda s, x: x * sum(np.sum(v) for v in vars(s).values()),
        _set("weight2", 5.0),
    ),
    "what a call reads": (Asked, _called, lambda _: settings.update(rate=7.0)),
    "what a property reads": (Derived, lambda s, x: x * s.doubled, _set("held", 4.0)),
}


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch):
    monkeypatch.setitem(settings, "rate", 0.5)
    monkeypatch.setattr(Base, "rate", 2.0)
    monkeypatch.setattr(Kind, "rate", 1.0)
    monkeypatch.setattr(KEPT, "rate", 2.0)
    monkeypatch.delenv("RATE_OF_TEST", raising=False)


def _in_a_closure(make, read):
    s = make()
    return s, lambda x: read(s, x)


def _bound(make, read):
    s = make()
    return s, functools.partial(read, s)


def _by_default(make, read):
    s = make()

    def step(x, *, s=s):
        return read(s, x)

    return s, step


@pytest.mark.parametrize("held", [_in_a_closure, _bound, _by_default])
@pytest.mark.parametrize("kind", WATCHED)
def test_a_change_of_what_a_step_reads_is_seen(kind, held):
    make, read, change = WATCHED[kind]
    s, step = held(make, read)
    compiled = cr.compile(step)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), step(X))
    assert "eagerly" not in compiled.report()
    before = step(X)
    change(s)
    assert not np.array_equal(step(X), before)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), step(X))


@pytest.mark.parametrize("kind", WATCHED)
def test_a_change_of_an_argument_is_seen_whatever_it_is(kind):
    make, read, change = WATCHED[kind]
    s = make()
    compiled = cr.compile(lambda s, x: read(s, x))
    before = [compiled(s, X), compiled(s, X), read(s, X)][-1]
    change(s)
    assert not np.array_equal(read(s, X), before)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(s, X), read(s, X))


@pytest.mark.parametrize("kind", [_Dict, dict, collections.UserDict, types.SimpleNamespace])
def test_arguments_that_hold_other_arrays_are_others(kind):
    """Some do not compare: the truth of equal arrays is no truth value."""
    compiled = cr.compile(lambda s, x: x * (s.w if kind is types.SimpleNamespace else s["w"]))
    for w in (X, X + 1, X + 1, 2 * X):
        for _ in range(2):
            np.testing.assert_array_equal(compiled(kind(w=w), X), X * w)


def test_arguments_that_become_equal_after_they_were_others_do_no_harm():
    compiled = cr.compile(lambda s, x: x * s["w"])
    for w in (X[:1], X[1:2], X[2:], 1.0, 2.0, 1, X[:1]):
        s = _Dict(w=w)
        for _ in range(2):
            np.testing.assert_array_equal(compiled(s, X), X * s["w"])
            s["w"] = w + 1
    known = list(islice(compiled._known.values(), 100))
    assert len(known) == len(compiled._known) < 100


def _two_names(one, other):
    THIS.one, THIS.other = one, other
    return lambda x: x * one_of() - x * other_of() * 10


def one_of():
    return THIS.one


def other_of():
    return THIS.other


def _two_items(one, other):
    pair["one"], pair["other"] = one, other
    return lambda x: x * pair["one"] - x * pair["other"] * 10


def _two_of_a_list(one, other):
    rows[:] = [[one], other]
    return lambda x: x * rows[0][0] - x * rows[1] * 10


def _name_and_item(one, other):
    THIS.one, pair["other"] = one, other
    return lambda x: x * one_of() - x * pair["other"] * 10


def _of_a_chain(one, other):
    chain.maps[:] = [{"one": one}, {"other": other}]
    return lambda x: x * chain["one"] - x * chain["other"] * 10


one, other = X, X
pair = {}
rows = []
chain = collections.ChainMap({})


@pytest.mark.parametrize(
    "place", [_two_names, _two_items, _two_of_a_list, _name_and_item, _of_a_chain]
)
def test_one_array_in_two_places_and_two_arrays_are_told_apart(place):
    first, second = X + 1, X + 2
    step = place(first, first)
    compiled = cr.compile(step)
    tied, apart = (first, first), (first, second)
    for pair_of_arrays in (tied, apart, tied, (second, second), apart, (second, first), tied):
        place(*pair_of_arrays)
        for _ in range(3):
            np.testing.assert_array_equal(compiled(X), step(X))
    assert compiled.report().count("specialization") == 2  # one for each of the two ways


def test_an_array_that_is_no_argument_comes_back_as_the_one_that_lies_there(monkeypatch):
    compiled = cr.compile(lambda x: (pair["w"], {"w": one_of()}, 2 * x))
    old = np.ones(3)
    for w in (old, np.ones(3), X, np.ones(4)):
        monkeypatch.setitem(pair, "w", w)
        monkeypatch.setattr(THIS, "one", w)
        for _ in range(3):
            got, inside, _ = compiled(X)
            assert got is inside["w"] is w
    old[:] = 5.0
    monkeypatch.setitem(pair, "w", np.ones(3))
    assert compiled(X)[0] is pair["w"]
    assert "eagerly" not in compiled.report()


def test_arrays_and_numbers_of_one_dtype_may_take_turns(monkeypatch):
    """NumPy says of a dtype that it is the class of its numbers, and compares these with shapes."""
    compiled = cr.compile(lambda x: x * pair["w"])
    for w in (np.ones(3), np.float64(2.0), np.ones((1, 3)), np.float64(3.0), np.array(2.0), 2.5):
        monkeypatch.setitem(pair, "w", w)
        for _ in range(2):
            np.testing.assert_array_equal(compiled(X), X * w)


def test_an_array_of_another_type_in_its_place_is_compiled_for(monkeypatch):
    compiled = cr.compile(lambda x: x * np.sum(pair["w"]))
    for w in (np.ones(3), np.ones(4), np.ones((2, 3), np.float32)):
        monkeypatch.setitem(pair, "w", w)
        np.testing.assert_array_equal(compiled(X), X * np.sum(w))
    assert compiled.report().count("specialization") == 3


def _timed(x):
    start = time.perf_counter_ns()
    return 2 * x, time.perf_counter_ns() - start, start


def _read_file(x):
    with open(PATH["rate"]) as file:  # noqa: PTH123  what is tested
        return x * float(file.read())


PATH = {}


def test_clocks_are_read_in_each_call():
    compiled = cr.compile(_timed)
    starts = [compiled(X)[2] for _ in range(4)]
    assert sorted(set(starts)) == starts
    assert all(compiled(X)[1] > 0 for _ in range(3))


def test_files_are_read_in_each_call(tmp_path, monkeypatch):
    monkeypatch.setitem(PATH, "rate", str(tmp_path / "rate"))
    compiled = cr.compile(_read_file)
    for rate in range(4):
        (tmp_path / "rate").write_text(str(rate))
        np.testing.assert_array_equal(compiled(X), X * rate)


def _through_modules(x):
    return x * sys.modules[__name__].settings["rate"]


def _by_text(x):
    return x * getattr(THIS, "settings")["rate"]  # noqa: B009  what is tested


def _by_globals(x):
    return x * globals()["settings"]["rate"]


def _of_the_module(x):
    return x * THIS.settings["rate"]


def _beside_a_key(x):
    return settings["rate"] * x * sys.modules[__name__].settings["other"]


@pytest.mark.parametrize(
    "step", [_through_modules, _by_text, _by_globals, _of_the_module, _beside_a_key]
)
def test_a_dictionary_that_is_reached_in_another_way_than_by_its_name_is_watched(step, monkeypatch):
    monkeypatch.setitem(settings, "other", 3.0)
    compiled = cr.compile(step)
    np.testing.assert_array_equal(compiled(X), step(X))
    for key in ("rate", "other"):
        monkeypatch.setitem(settings, key, 1.25)
        np.testing.assert_array_equal(compiled(X), step(X))


class Settings(dict):
    """A user's dictionary."""


METHODS_IN_C = {
    "get": ({"rate": 1.0}, "get", ("rate",), lambda d: d.update(rate=2.0)),
    "get of the user's": (Settings(rate=1.0), "get", ("rate",), lambda d: d.update(rate=2.0)),
    "an item": ({"rate": 1.0}, "__getitem__", ("rate",), lambda d: d.update(rate=2.0)),
    "length": ([1.0], "__len__", (), lambda a: a.append(1.0)),
    "sum": (np.ones(3), "sum", (), lambda a: a.__setitem__(0, 5.0)),
    "variable": (contextvars.ContextVar("held", default=1.0), "get", (), lambda v: v.set(2.0)),
}


@pytest.mark.parametrize("kind", METHODS_IN_C)
@pytest.mark.parametrize("wrap", [lambda f: f, functools.partial])
def test_what_a_method_in_c_is_bound_to_is_watched(kind, wrap):
    holder, name, args, change = METHODS_IN_C[kind]
    holder = holder if isinstance(holder, contextvars.ContextVar) else copy.deepcopy(holder)
    ask = wrap(getattr(holder, name))

    def step(x):
        return np.sin(x) * ask(*args)

    def both():
        compiled = cr.compile(step)
        for _ in range(2):
            np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
            change(holder)
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)

    contextvars.copy_context().run(both)


def test_an_array_among_the_arguments_of_a_partial_object_is_watched():
    array = np.ones(3)
    compiled = cr.compile(functools.partial(lambda a, x: x * np.sum(np.asarray(a)), array))
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), X * np.sum(array), rtol=1e-14)
        array[0] += 1.0


class Counting:
    """Has attributes that it counts in, or not yet."""

    count = 0

    def counted(self, x):
        self.count += 1
        return np.sin(x) / self.count

    def counted_from_nothing(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        return np.sin(x) * self.calls

    def set_up(self, x):
        if not hasattr(self, "weights"):
            self.weights = np.arange(x.size) + 1.0
        return np.sin(x) * self.weights

    def listed(self, x):
        calls.append("called")
        return np.sin(x) * len(calls)


calls: list[str] = []


@pytest.mark.parametrize("name", ["counted", "counted_from_nothing", "set_up", "listed"])
def test_a_step_that_changes_what_it_reads_does_so_once_per_call(name):
    right, holder = Counting(), Counting()
    eager, compiled = getattr(right, name), cr.compile(getattr(holder, name))
    x = np.linspace(0.1, 1.0, 4)
    calls.clear()
    expected = [eager(x) for _ in range(5)]
    calls.clear()
    for y in expected:
        np.testing.assert_allclose(compiled(x), y, rtol=1e-14)
    assert {k: str(v) for k, v in vars(holder).items()} == {
        k: str(v) for k, v in vars(right).items()
    }
    is_native = (
        "specialization 1" in compiled.report()
        and "eagerly" not in compiled.report().split("specialization 1")[1]
    )
    assert is_native == (name == "set_up")


def test_steps_that_change_what_they_read_are_not_captured_again_and_again(monkeypatch):
    holder = Counting()
    compiled = cr.compile(lambda x: holder.counted(x))
    for i in range(3):
        np.testing.assert_allclose(compiled(np.ones(2)), np.sin(1.0) / (i + 1))
    monkeypatch.setattr("chainrule.compiler.making.capture_step", None)
    for i in range(3, 6):
        np.testing.assert_allclose(compiled(np.ones(2)), np.sin(1.0) / (i + 1))


class Asking:
    """Does without attributes that are not there."""

    def by_text(self, x):
        return x * getattr(self, "factor", 1.0)

    def by_question(self, x):
        return x * self.factor if hasattr(self, "factor") else x

    def by_error(self, x):
        try:
            return x * self.factor
        except AttributeError:
            return x


@pytest.mark.parametrize("name", ["by_text", "by_question", "by_error"])
@pytest.mark.parametrize("where", [lambda x: x, type])
def test_an_attribute_that_was_missing_is_seen_when_it_is_there(name, where):
    holder = type("Asking", (Asking,), {})()
    compiled = cr.compile(getattr(holder, name))
    for _ in range(2):
        assert compiled(2.0) == 2.0
        where(holder).factor = 3.0
        assert compiled(2.0) == 6.0
        del where(holder).factor


def test_a_variable_that_was_missing_is_seen_when_it_is_there(monkeypatch):
    def step(x):
        try:
            return x * missing_variable
        except NameError:
            return x

    compiled = cr.compile(step)
    assert compiled(2.0) == 2.0
    monkeypatch.setitem(globals(), "missing_variable", 3.0)
    assert compiled(2.0) == 6.0


class Trained:
    """Keeps arrays that only its other methods use."""

    def __init__(self):
        self.weights, self.moments, self.rate = np.ones(3), np.zeros(3), np.array(1.0)

    def predict(self, x):
        return x * self.weights if self.rate > 0.0 else x


def test_arrays_that_only_the_making_of_an_object_names_may_change():
    holder = Trained()
    compiled = cr.compile(holder.predict)
    for i in range(20):
        holder.moments += 1.0
        holder.weights += 1.0
        np.testing.assert_array_equal(compiled(X), X * (i + 2.0))
    assert "eagerly" not in compiled.report()
    holder.rate[...] = -1.0
    np.testing.assert_array_equal(compiled(X), X)


class Flattening:
    """Makes numbers of shapes by NumPy, which depend on no array."""

    def __init__(self):
        self.weights = np.ones((6, 2))

    def predict(self, x):
        flat = x.reshape(len(x), int(np.prod(x.shape[1:])))
        return flat @ self.weights / np.prod(np.shape(flat))


def test_numbers_that_numpy_makes_of_shapes_hold_a_step_to_no_array():
    holder = Flattening()
    compiled = cr.compile(holder.predict)
    x = np.arange(24.0).reshape(4, 2, 3)
    for _ in range(20):
        holder.weights += 1.0
        np.testing.assert_allclose(compiled(x), holder.predict(x), rtol=1e-14)
    assert len(compiled.report().splitlines()) == 1
    assert "guard" not in compiled.report()
    assert "eagerly" not in compiled.report()


@pytest.mark.parametrize(
    "number",
    [
        lambda rate: np.max((rate[0], 0.5)),
        lambda rate: np.prod([np.prod((2, 1)), rate[0]]),
        lambda rate: float(np.max((1.0, *rate))),
        lambda rate: int(np.argmax(rate)) + 1,
    ],
    ids=["of a tuple", "of what is of no array, too", "converted", "a place"],
)
def test_numbers_that_numpy_makes_of_arrays_outside_are_those_of_each_call(number):
    rate = np.array([2.0, 1.0])
    compiled = cr.compile(lambda x: (x + rate[1]) * number(rate))
    for _ in range(3):
        assert compiled(2.0) == (2.0 + rate[1]) * number(rate)
        rate[:] = rate[::-1] + 1.0


def _imported_value(_):
    import tempfile

    return len(tempfile.tempdir or "")


def _imported_name(_):
    from tempfile import tempdir

    return len(tempdir or "")


def _imported_module(_):
    import module_of_a_test

    return module_of_a_test.rate


def _imported_folder(_):
    import numpy as numbers  # noqa: ICN001  another name for what is imported here

    return len(numbers.loadtxt("numbers", ndmin=1))


def _matched(x):
    match x:
        case types.SimpleNamespace(matched=value):
            return value


def _matched_module(_):
    match sys:
        case object(matched=value):
            return value
        case _:
            return 1.0


def _by_the_missing(_):
    try:
        return name_that_is_missing
    except NameError:
        return 1.0


class Older:
    factor = 2.0


class Newer:
    factor = 5.0


class Youngest(Older):
    def by_name(self, name):
        return getattr(self, name)


class Wrapped:
    scaled = functools.partialmethod(lambda _, n: n * settings["rate"], 2.0)

    @functools.singledispatchmethod
    def told(self, _):
        return 1.0


WRAPPED = Wrapped()
BY_NUMPY = np.vectorize(lambda n: n * settings["rate"])
YOUNGEST = Youngest()
NAMESPACE = types.SimpleNamespace(matched=2.0)
RATES, FACTOR = types.ModuleType("module_of_a_test"), "factor"
RATES.rate = 2.0


def _to(holder, name, value):
    return lambda patch: patch.setattr(holder, name, value, raising=False)


def _other_module(patch):
    other = types.ModuleType("module_of_a_test")
    other.rate = 7.0
    patch.setitem(sys.modules, "module_of_a_test", other)


def _other_numbers(_):
    Path("numbers").write_text("1\n2\n3\n")


SELDOM = {
    "module that is imported inside": (_imported_value, _to(tempfile, "tempdir", "/folder")),
    "name that is imported inside": (_imported_name, _to(tempfile, "tempdir", "/folder")),
    "value of an imported module": (_imported_module, _to(RATES, "rate", 5.0)),
    "another module under its name": (_imported_module, _other_module),
    "file by a module that is imported inside": (_imported_folder, _other_numbers),
    "attribute of a class by a name": (
        lambda _: getattr(Older, FACTOR) + YOUNGEST.factor,
        _to(Older, "factor", 7.0),
    ),
    "attribute of a class by a made name": (
        lambda _: YOUNGEST.by_name(FACTOR),
        _to(Older, "factor", 7.0),
    ),
    "method with an argument": (
        lambda _: WRAPPED.scaled(),
        lambda patch: patch.setitem(settings, "rate", 7.0),
    ),
    "function that NumPy was given": (
        lambda _: BY_NUMPY(2.0),
        lambda patch: patch.setitem(settings, "rate", 7.0),
    ),
    "method for a class": (
        lambda _: WRAPPED.told(3),
        lambda _: vars(Wrapped)["told"].register(int, lambda *_: 4.0),
    ),
    "matched attribute": (lambda _: _matched(NAMESPACE), _to(NAMESPACE, "matched", 7.0)),
    "matched attribute of a module": (_matched_module, _to(sys, "matched", 7.0)),
    "what was missing among builtins": (
        _by_the_missing,
        _to(builtins, "name_that_is_missing", 5.0),
    ),
    "what was added to builtins": (
        lambda _: name_that_was_added,  # noqa: F821  what is tested
        _to(builtins, "name_that_was_added", 5.0),
    ),
    "what a module of Python's does not have": (
        lambda _: getattr(sys, "name_that_is_missing", 1.0),
        _to(sys, "name_that_is_missing", 5.0),
    ),
    "value of a module in a module": (lambda _: len(os.path.sep), _to(os.path, "sep", "//")),
    "value of a class of Python's": (
        lambda _: 1 + logging.root.manager.loggerDict["a.test"].level,
        lambda _: logging.getLogger("a.test").setLevel(37),
    ),
}


@pytest.mark.parametrize("kind", SELDOM)
def test_what_changes_seldom_is_watched(kind, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "module_of_a_test", RATES)
    monkeypatch.setattr(builtins, "name_that_was_added", 2.0, raising=False)
    (tmp_path / "numbers").write_text("1")
    logging.getLogger("a.test").setLevel(logging.NOTSET)
    read, change = SELDOM[kind]

    def step(x):
        return np.sin(x) * read(x)

    compiled = cr.compile(step)
    for _ in range(2):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    before = read(X)
    change(monkeypatch)
    assert read(X) != before
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)


class Made:
    """Objects of it are made by steps; what their methods read of the class is named nowhere else."""

    shared_rate = 2.0
    shared_array = np.ones(3)
    shared_rates = {"rate": 1.0}  # noqa: RUF012  it is changed by the test

    def __init__(self, x):
        self.x = x * self.shared_rate * self.shared_array * self.shared_rates["rate"]


@pytest.mark.parametrize(
    "change",
    [
        _to(Made, "shared_rate", 3.0),
        _to(Made, "shared_array", np.zeros(3)),
        lambda _: Made.shared_array.__setitem__(1, 7.0),
        lambda patch: patch.setitem(Made.shared_rates, "rate", 5.0),
    ],
)
def test_what_the_class_of_objects_that_a_step_makes_has_is_watched(change, monkeypatch):
    compiled = cr.compile(lambda x: Made(x).x)
    np.testing.assert_array_equal(compiled(X), Made(X).x)
    before = Made(X).x
    change(monkeypatch)
    assert not np.array_equal(Made(X).x, before)
    for _ in range(2):
        np.testing.assert_array_equal(compiled(X), Made(X).x)


LAYER_RNG = np.random.default_rng(0)


@dataclasses.dataclass
class LayerOfFields:
    weight: object
    gain: typing.ClassVar[float] = 1.0

    def __call__(self, x):
        return x * self.weight * settings["rate"] * self.gain

    def noisy(self, x):
        return x * self.weight * LAYER_RNG.random(3)


class LayerOfNames(typing.NamedTuple):
    weight: object

    def __call__(self, x):
        return x * self.weight * settings["rate"]


@pytest.mark.parametrize("kind", [LayerOfFields, LayerOfNames])
def test_what_methods_of_arguments_read_is_watched(kind, monkeypatch):
    layers = {"first": [kind(2.0)]}
    compiled = cr.compile(lambda layers, x: layers["first"][0](x))
    for rate in (0.5, 3.0, 0.5, 4.0):
        settings["rate"] = rate
        np.testing.assert_array_equal(compiled(layers, X), X * 2.0 * rate)
    monkeypatch.setattr(kind, "__call__", lambda _, x: x - 1.0)
    np.testing.assert_array_equal(compiled(layers, X), X - 1.0)


class WithoutAttributes:
    __slots__ = ()

    def scaled(self, x):
        return x * settings["rate"]


class OwnNumber(float):
    def scaled(self, x):
        return x * settings["rate"] * self


class OwnText(str):
    __slots__ = ()

    def scaled(self, x):
        return x * settings["rate"] * len(self)


class OwnPair(tuple):
    __slots__ = ()

    def scaled(self, x):
        return x * settings["rate"] * sum(self)


class OwnNames(typing.NamedTuple):
    weight: object

    def scaled(self, x):
        return x * settings["rate"] * self.weight


@pytest.mark.parametrize(
    "x", [WithoutAttributes(), OwnNumber(2.0), OwnText("ab"), OwnPair((1.0, 2.0)), OwnNames(3.0)]
)
@pytest.mark.parametrize("held", ["outside", "in a list", "argument"])
def test_what_methods_read_is_watched_whatever_their_object_holds(x, held, monkeypatch):
    listed = [x]
    steps = {
        "outside": lambda _, y: x.scaled(y),
        "in a list": lambda _, y: listed[0].scaled(y),
        "argument": lambda x, y: x.scaled(y),
    }
    compiled = cr.compile(steps[held])
    for rate in (0.5, 3.0, 4.0):
        settings["rate"] = rate
        assert compiled(x, 2.0) == x.scaled(2.0)
    monkeypatch.setattr(type(x), "scaled", lambda _, y: y - 1.0)
    assert compiled(x, 2.0) == 1.0


def test_what_methods_of_arguments_read_of_their_class_is_watched(monkeypatch):
    compiled = cr.compile(lambda layer, x: layer(x))
    settings["rate"] = 1.0
    assert compiled(LayerOfFields(2.0), 1.0) == 2.0
    monkeypatch.setattr(LayerOfFields, "gain", 5.0)
    assert compiled(LayerOfFields(2.0), 1.0) == 10.0


def test_methods_of_arguments_draw_in_each_call(monkeypatch):
    monkeypatch.setattr(THIS, "LAYER_RNG", np.random.default_rng(3))
    other = np.random.default_rng(3)
    compiled = cr.compile(lambda layer, x: layer.noisy(x))
    for _ in range(3):
        np.testing.assert_array_equal(compiled(LayerOfFields(2.0), X), X * 2.0 * other.random(3))


@dataclasses.dataclass
class Derivable:
    weight: object

    def __post_init__(self):
        self.total = np.sum(self.weight)


def test_attributes_that_are_no_fields_are_not_lost():
    def changed(holder, x):
        holder.last = x * 2
        return holder.weight * x

    def asked(holder, x):
        return x * getattr(holder, "last", 1.0)

    made = cr.compile(lambda x: Derivable(x * 2.0))
    changing, asking = cr.compile(changed), cr.compile(asked)
    for _ in range(3):
        assert made(X).total == 6.0
        holder = Derivable(X)
        np.testing.assert_array_equal(changing(holder, 2.0), X * 2.0)
        assert holder.last == 4.0
        assert asking(holder, 3.0) == 12.0
    np.testing.assert_array_equal(cr.compile(lambda d: d.weight * 2)(holder), X * 2)


def test_a_class_may_get_an_attribute_of_its_own_later():
    class Oldest:
        rate = 2.0

        @classmethod
        def read(cls):
            return cls.rate

        def tell(self):
            return 0.0

    class Middle(Oldest):
        pass

    class Last(Middle):
        def tell(self):
            return super().tell() + self.read() + self.rate

    last = Last()
    compiled = cr.compile(lambda x: x * last.tell())
    assert compiled(1.0) == 4.0
    Middle.rate = 3.0
    assert compiled(1.0) == 6.0
    Last.rate = 5.0
    assert compiled(1.0) == 10.0
    Middle.tell = lambda _: 1.0
    assert compiled(1.0) == 11.0
    last.rate = 7.0
    assert compiled(1.0) == 13.0
    del Last.rate
    assert compiled(1.0) == 11.0


class Delegating(dict):
    """Tells what it does not have."""

    __getattr__ = dict.__getitem__


def test_an_attribute_that_was_told_by_getattr_may_be_set_later():
    settings = Delegating(rate=2.0)
    compiled = cr.compile(lambda x: x * settings.rate)
    assert compiled(1.0) == 2.0
    settings.rate = 3.0
    assert compiled(1.0) == 3.0


class Replaced:
    def __init__(self, x):
        self.x = x

    def __call__(self, x):
        return self.x * x


def test_special_methods_may_be_replaced(monkeypatch):
    replaced = Replaced(2.0)
    steps = (lambda x: replaced(x), lambda x: Replaced(x).x, replaced)
    compiled = list(map(cr.compile, steps))
    assert [f(3.0) for f in compiled] == [6.0, 3.0, 6.0]
    monkeypatch.setattr(Replaced, "__call__", lambda self, x: self.x - x)
    monkeypatch.setattr(Replaced, "__init__", lambda self, x: setattr(self, "x", -x))
    assert [f(3.0) for f in compiled] == [-1.0, -3.0, -1.0]


def test_a_dataclass_among_the_arguments_costs_no_look_in_python(monkeypatch):
    monkeypatch.setattr("chainrule.compiler.contents.Laid.__init__", None)
    compiled = cr.compile(lambda block, x: block.gain * x)
    assert [compiled(Block(1.0), 2.0) for _ in range(3)] == [2.0] * 3
    assert "eagerly" not in compiled.report()


def test_what_a_module_tells_by_a_function_is_watched():
    module = types.ModuleType("module_of_a_test")
    module.__getattr__ = lambda _: settings["rate"]
    compiled = cr.compile(lambda x: x * module.rate)
    for rate in (0.5, 3.0, 4.0):
        settings["rate"] = rate
        assert compiled(2.0) == 2.0 * rate


def test_keywords_of_a_partial_object_may_change():
    scaled = functools.partial(lambda x, rate: x * rate, rate=2.0)
    compiled = cr.compile(scaled)
    assert compiled(1.0) == 2.0
    scaled.keywords["rate"] = 3.0
    assert compiled(1.0) == 3.0


def test_a_cache_that_was_cleared_is_asked_again():
    holder = types.SimpleNamespace(rate=1.0)

    @functools.cache
    def table(n):
        return np.arange(n) * holder.rate

    def step(x):
        return x * table(3)

    compiled = cr.compile(step)
    for holder.rate in (1.0, 2.0, 3.0):
        for _ in range(2):
            np.testing.assert_array_equal(compiled(X), step(X))
        table.cache_clear()
        for _ in range(2):
            np.testing.assert_array_equal(compiled(X), step(X))
    assert "eagerly" not in compiled.report()


def test_a_context_variable_may_get_a_value_later():
    variable = contextvars.ContextVar("variable")
    compiled = cr.compile(lambda x: x * variable.get(2.0))
    assert [compiled(1.0), compiled(1.0)] == [2.0, 2.0]
    assert "eagerly" not in compiled.report()
    token = variable.set(5.0)
    assert compiled(1.0) == 5.0
    variable.reset(token)
    assert compiled(1.0) == 2.0


@pytest.mark.parametrize(
    "read", [lambda: YOUNGEST.factor, lambda: Youngest.factor, lambda: issubclass(Youngest, Newer)]
)
def test_a_class_may_inherit_from_another_later(read):
    compiled = cr.compile(lambda x: x * read())
    try:
        for base in (Older, Newer, Older):
            Youngest.__bases__ = (base,)
            assert [compiled(2.0) for _ in range(3)] == [2.0 * read()] * 3
        assert "eagerly" not in compiled.report()
    finally:
        Youngest.__bases__ = (Older,)


def test_a_module_that_is_imported_by_the_first_call_is_watched_from_then_on(tmp_path, monkeypatch):
    (tmp_path / "imported_by_a_test.py").write_text("rate = 2.0")
    monkeypatch.syspath_prepend(tmp_path)

    def step(x):
        import imported_by_a_test

        return np.sin(x) * imported_by_a_test.rate

    compiled = cr.compile(step)
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    monkeypatch.setattr(sys.modules["imported_by_a_test"], "rate", 5.0)
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    assert "specialization 1: 2 nodes" in compiled.report()
    del sys.modules["imported_by_a_test"]


def test_a_reference_to_a_method_is_asked_in_each_call():
    held = [Layer()]
    reference = weakref.WeakMethod(held[0].__call__)
    compiled = cr.compile(lambda x: x * (2.0 if reference() is None else 3.0))
    for _ in range(3):
        assert compiled(2.0) == 6.0
    held.clear()
    assert compiled(2.0) == 4.0


def test_whether_an_object_has_gone_is_asked_in_each_call():
    held = [Layer()]
    going = weakref.finalize(held[0], len, [])
    compiled = cr.compile(lambda x: x * (3.0 if going.alive else 2.0))
    counting = cr.compile(lambda x: x * (1 + weakref.getweakrefcount(Newer)))
    references = []
    for i in range(3):
        assert compiled(2.0) == 6.0
        assert counting(2.0) == 2.0 * (1 + weakref.getweakrefcount(Newer))
        references.append(weakref.ref(Newer, print if i else len))
    held.clear()
    assert compiled(2.0) == 4.0


VECTORIZED = np.vectorize(lambda x: x * settings["rate"])
OF_OBJECTS = np.frompyfunc(lambda x: x * settings["rate"], 1, 1)


@pytest.mark.parametrize("f", [VECTORIZED, lambda x: OF_OBJECTS(x).astype(float)])
def test_a_function_that_numpy_holds_is_looked_into(f):
    compiled = cr.compile(lambda x: x + f(np.ones(3)))
    for rate in (1.0, 2.0, 3.0, 1.0):
        settings["rate"] = rate
        np.testing.assert_array_equal(compiled(X), X + rate)


class Rated:
    rate = 0.0


def test_a_number_that_changes_stays_the_object_that_it_is():
    some = Rated()
    plain, missing = float("0.5"), float("nan")
    scaled = cr.compile(lambda x: x * some.rate)
    for some.rate in (1.0, missing, plain, missing, plain):
        held = some.rate
        np.testing.assert_array_equal(scaled(X), X * held)
        assert some.rate is held
    assert "specialization 2" not in scaled.report()


def test_a_number_that_changes_may_be_compared_by_is():
    some = Rated()
    usual, other = float("1.5"), float("2.5")
    compiled = cr.compile(lambda x: x * 2 if some.rate is usual else x * some.rate)
    for some.rate in (other, usual, usual, other, other, usual):
        np.testing.assert_array_equal(compiled(X), X * 2 if some.rate is usual else X * 2.5)


def test_an_equal_number_of_another_type_is_another():
    some = Rated()
    x = np.ones(3, np.float32)
    compiled = cr.compile(lambda x: x * some.rate)
    for some.rate in (0.5, np.float64(0.5), np.float32(0.5), 0.5):
        expected = x * some.rate
        for _ in range(3):
            got = compiled(x)
            assert got.dtype == expected.dtype
            np.testing.assert_array_equal(got, expected)
    assert "specialization 2: 1 node" in compiled.report()


def test_an_equal_number_of_another_type_stays_there_after_a_vain_capture():
    some = Rated()
    some.rate = 0.5
    texts = []

    def step(x):
        if len(x) > 3:
            texts.append(f"{x[0]}")
        return x * some.rate

    compiled = cr.compile(step)
    compiled(np.ones(3))
    some.rate = np.float32(0.5)
    compiled(np.ones(4))
    assert type(some.rate) is np.float32


class Operator(scipy.sparse.linalg.LinearOperator):
    def __init__(self):
        super().__init__(float, (3, 3))
        self.rate = 0.5

    def _matvec(self, x):
        return self.rate * x


class Taken:
    shape, dtype, rate = (3, 3), np.dtype(float), 0.5

    def matvec(self, x):
        return self.rate * x

    def sum(self, axis, out):
        return self.rate


TOTAL = np.sum


@pytest.mark.parametrize(
    ("make", "f"),
    [
        (Operator, lambda s: s @ X),
        (Taken, lambda s: scipy.sparse.linalg.aslinearoperator(s) @ X),
        (Taken, lambda s: TOTAL(s)),
    ],
)
def test_methods_that_code_of_others_calls_are_read(make, f):
    some = make()
    compiled = cr.compile(lambda x: x * f(some))
    for some.rate in (1.0, 2.0, 3.0, 1.0):
        np.testing.assert_allclose(compiled(2.0), 2.0 * f(some))
