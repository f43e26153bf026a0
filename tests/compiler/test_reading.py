"""What a step reads besides its arguments is an input, however it comes to it: it decides in each call anew."""

import collections
import copy
import dataclasses
import functools
import itertools
import math
import operator
import threading
import types
import weakref
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule import tree

A, B = np.array([2.0, 1.0, 3.0]), np.array([1.0, 2.0, 0.5])
COUNTS = np.array([2, 0, 1])
HELD = {"a": A, "b": [B, (A, B)]}
ROW = [A, B]
PAIR = (A, B)
ITSELF = [A]
ITSELF.append(ITSELF)


class Named(NamedTuple):
    w: np.ndarray
    b: np.ndarray


class Mapping(dict):
    pass


@dataclasses.dataclass
class Model:
    w: np.ndarray
    b: np.ndarray

    def __call__(self, x):
        return x * self.w + self.b

    def total(self):
        return sum(v.sum() for v in vars(self).values())


class Slots:
    __slots__ = ("items", "w")

    def __init__(self, w, items):
        self.w = w
        self.items = items

    @property
    def first(self):
        return self.w

    def __getattr__(self, name):
        if name == "made":
            return self.items[0]
        raise AttributeError(name)

    def __iter__(self):
        return iter(self.items)

    def __getitem__(self, i):
        return self.items[i]


NAMED = Named(A, B)
MAPPING = Mapping(a=A, b=B)
ORDERED = collections.OrderedDict(a=A, b=B)
CHAIN = collections.ChainMap({"a": A}, {"b": B})
USERS = collections.UserDict(a=A, b=B)
QUEUE = collections.deque([A, B])
SHOWN = types.MappingProxyType({"a": A})
MODEL = Model(A, B)
SLOTS = Slots(A, [A, B])
LAYER = cr.nn.Linear(np.diag(A), B)
POLYNOMIAL = np.polynomial.Polynomial(A)

total_of_one = A.sum
times = functools.partial(np.multiply, A)
total_of_both = functools.partial(np.sum, ROW)
get = HELD.get
first_of = operator.itemgetter("a")
weight_of = operator.attrgetter("w")


def factor(w):
    return 2 if w[0] > 1 else 3


def by_default(x, w=A, *, v=B):
    return x * w * factor(w) + factor(v)


def bound(w, x):
    return x * w if w[0] > 1 else x - w


half_bound = functools.partial(bound, A)


def closed_over():
    w = A
    return lambda x: (x + w) * factor(w)


closure = closed_over()


@functools.lru_cache
def remembered():
    return A


@functools.lru_cache
def of_its_own():
    return POLYNOMIAL.coef + 0


def a_global(x):
    return (x + A) * (2 if A[0] > 1 else 3)


def a_loop(x):
    for w in ROW:
        x = (x + w) * (2 if w[0] > 1 else 3)
    return x


def unpacked(x):
    v, w = ROW
    return (x + v) * factor(v) + w * factor(w)


def starred(x):
    return np.maximum(*ROW) * x * (2 if max(*[w[0] for w in ROW]) > 1 else 3)


def by_c(x):
    joined, added = np.concatenate(ROW), sum(ROW)
    return x * joined.sum() + A * factor(joined) + added * factor(added)


def by_a_key(x):
    smaller, larger = sorted(ROW, key=lambda w: float(w[0]))
    return x * max(ROW, key=lambda w: w[0]) + larger - smaller + A


def in_containers(x):
    for w in (HELD["a"], HELD["b"][1][0], NAMED.w, MAPPING["a"], CHAIN["a"], USERS["a"]):
        x = (x + w) * factor(w)
    return x


def whole_containers(x):
    for held in (MAPPING, ORDERED, CHAIN, USERS):
        x = x + A * (2 if np.sum(list(held.values())) > 9 else 3)
    return x * (2 if np.sum(list(QUEUE)) > 9 else 3)


def read_only(x):
    return (x + SHOWN["a"]) * (1 if np.sum(list(SHOWN.values())) > 6 else 2)


def a_list_that_holds_itself(x):
    return (x + ITSELF[0]) * factor(ITSELF[1][1][0])


def a_dataclass(x):
    return MODEL(x) * factor(MODEL.w) * (1 if MODEL.total() > 9 else 2)


def copies_of_a_dataclass(x):
    other = dataclasses.replace(MODEL, b=B * 2)
    return MODEL(x) * factor(copy.copy(MODEL).w) * factor(other.w)


def deep_copies(x):
    return (x + A) * factor(copy.deepcopy(MODEL).w) * factor(dataclasses.asdict(MODEL)["w"])


def slots(x):
    for w in SLOTS:
        x = x + w * factor(w)
    return (x + SLOTS.w) * factor(SLOTS.first) * factor(SLOTS.made) * factor(SLOTS[0])


def methods_of_c(x):
    return (x + A) * (1 if total_of_one() > 6 else 2) + times(x) * (1 if total_of_both() > 9 else 2)


def a_method_of_a_dictionary(x):
    return (x + get("a")) * factor(get("a"))


def an_item_getter(x):
    return (x + first_of(HELD)) * factor(first_of(HELD))


def an_attribute_getter(x):
    return (x + A) * factor(weight_of(MODEL))


def functions_that_hold_it(x):
    return by_default(x) + half_bound(x) + closure(x) + remembered() * factor(remembered())


def functions_that_c_calls(x):
    both = functools.reduce(np.multiply, ROW)
    return (x + A) * sum(map(factor, ROW)) * (
        1 if sum(map(np.sum, ROW)) > 9 else 2
    ) + both * factor(both)


def iterators(x):
    pairs = sum(x * v * factor(w) for v, w in zip(ROW, PAIR, strict=True))
    return pairs * factor(next(itertools.chain(ROW, PAIR)))


def conversions(x):
    return (x + A) * (1 if A.tolist()[0] > 1 else 2) * A.item(0) * float(A[0]) * math.sqrt(A[1])


def counts(x):
    for _ in range(int(A[0])):
        x = x + B
    while x[0] < A[1]:
        x = abs(x) * 2 + A + 1
    return x


def without_an_op(x):
    return (x + A) * factor(np.unwrap(A)) + factor(np.trim_zeros(B))


def patterns(x):
    match ROW:
        case [v, w]:
            x = x * v + factor(w)
    match HELD:
        case {"a": v}:
            x = x + v * factor(v)
    match MODEL:
        case Model(w=w):
            x = x * w * factor(w)
    return x


def memory(x):
    is_as_usual = A.flags.c_contiguous and A.strides == (8,) and ROW[0].shape == (3,)
    return (x + A) * (1 if is_as_usual else 2)


def a_gradient(x):
    return cr.grad(lambda w: np.sum(w * x + w**2) * (2.0 if A[0] > 1 else 3.0))(A)


def a_gradient_of_containers(x):
    loss = lambda p: np.sum(p["a"] * x + p["a"] ** 2) + np.sum(p["b"][0] ** 3) * factor(p["a"])
    return cr.grad(loss)(HELD)["a"]


def a_gradient_of_a_dataclass(x):
    gradient = cr.grad(lambda m: np.sum(m(x) ** 2) + np.sum(m.w**2))(MODEL)
    return gradient.w + gradient.b


def a_layer_of_ours(x):
    return LAYER(np.ones(3)) * x + np.sum(LAYER.weight) * factor(LAYER.bias)


def an_object_of_others(x):
    w, v = POLYNOMIAL.coef, of_its_own()
    return (x + w) * factor(w) + v * factor(v)


def evaluated(x):
    return (x + A) * eval("factor(A)")  # noqa: S307  that is what is tested


def functions_that_numpy_calls(x):
    return x + A + scaled(x) + as_objects(np.ones(3)).astype(float)


def special_methods(x):
    with SPECIAL as w:
        x = x * w
    return (
        (x + SPECIAL)
        * (2 if SPECIAL else 3)
        * (2 if SPECIAL < 1 else 3)
        * (2 if 2.0 in SPECIAL else 3)
    )


class Special:
    def __init__(self, w):
        self.w = w

    def __bool__(self):
        return bool(self.w[0] > 1)

    def __lt__(self, other):
        return self.w[0] < other

    def __contains__(self, x):
        return bool((self.w == x).any())

    def __enter__(self):
        return self.w

    def __exit__(self, *_):
        pass

    def __radd__(self, other):
        return other + self.w

    __array_ufunc__ = None


SPECIAL = Special(A)
scaled = np.vectorize(lambda x: x * A[0] if A[0] > 1 else x - A[1])
as_objects = np.frompyfunc(lambda x: x * A[0] if A[0] > 1 else x - A[1], 1, 1)


def by_masks(x):
    return x[A > 1].sum() + np.where(A > 1, x, A) * factor(A) + np.repeat(x, COUNTS).sum()


def of_generators(x):
    def weights():
        yield from ROW
        yield A

    return sum(x * w * factor(w) for w in weights())


def of_arguments(x):
    def joined(*rest, **named):
        return np.stack(rest).sum() + named["z"][0]

    return x * joined(*ROW, z=A) * (1 if joined(A, B, z=B) > 8 else 2)


def in_new_holders(x):
    held = SimpleNamespace(w=A, row=ROW)
    held.other = held.w
    return (x + held.other) * factor(held.other) * factor(held.row[0])


def after_an_error(x):
    try:
        w = HELD["none"]
    except KeyError:
        w = HELD["a"]
    return (x + w) * factor(w)


def returned(x):
    return x * 2, A, ROW, HELD["b"], A[:2]


NATIVE = (
    *(a_global, a_loop, unpacked, starred, by_c, by_a_key, in_containers, whole_containers),
    *(a_dataclass, copies_of_a_dataclass, slots, an_item_getter, iterators),
    *(functions_that_hold_it, functions_that_c_calls, patterns, a_gradient, by_masks),
    *(a_gradient_of_containers, a_gradient_of_a_dataclass, a_layer_of_ours, of_generators),
    *(of_arguments, in_new_holders, after_an_error, special_methods),
)
HELD_BY_GUARDS = (
    *(read_only, deep_copies, methods_of_c, a_method_of_a_dictionary, conversions, counts),
    *(
        evaluated,
        functions_that_numpy_calls,
        a_list_that_holds_itself,
        without_an_op,
        memory,
        an_object_of_others,
        returned,
    ),
)


@pytest.fixture(autouse=True)
def _usual():
    A[:], B[:], COUNTS[:], POLYNOMIAL.coef[:] = (2, 1, 3), (1, 2, 0.5), (2, 0, 1), (2, 1, 3)
    of_its_own()
    remembered()


def assert_same(got, expected):
    got, expected = tree.leaves(got), tree.leaves(expected)
    assert list(map(type, got)) == list(map(type, expected))
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-13)


@pytest.mark.parametrize("step", [*NATIVE, *HELD_BY_GUARDS], ids=lambda f: f.__name__)
def test_an_array_outside_decides_in_each_call(step):
    compiled = cr.compile(step)
    rng = np.random.default_rng(1)
    for _ in range(14):
        for x in (A, B, POLYNOMIAL.coef, of_its_own()):
            x[rng.integers(3)] = rng.integers(12) / 4
        COUNTS[rng.integers(3)] = rng.integers(3)
        x = rng.standard_normal(3)
        assert_same(compiled(x), step(x))
    assert step in HELD_BY_GUARDS or "eagerly" not in compiled.report()


def test_training_an_array_in_place_stays_native():
    weights, moments = {"w": np.zeros(3), "b": np.zeros(())}, [np.zeros(3)]

    def step(x, y):
        loss = lambda p: np.mean((x @ p["w"] + p["b"] - y) ** 2)
        value, gradient = cr.value_and_grad(loss)(weights)
        return value, gradient, 0.9 * moments[0] + gradient["w"] * np.sqrt(np.float64(2.0))

    compiled = cr.compile(step)
    rng = np.random.default_rng(0)
    for _ in range(30):
        x, y = rng.standard_normal((4, 3)), rng.standard_normal(4)
        got = compiled(x, y)
        assert_same(got, step(x, y))
        weights["w"] -= 0.1 * got[1]["w"]
        weights["b"] -= 0.1 * got[1]["b"]
        moments[0][...] = got[2]
    assert "guard" not in compiled.report()
    assert "eagerly" not in compiled.report()


def test_what_comes_back_is_the_callers_own():
    compiled = cr.compile(returned)
    for _ in range(3):
        _, array, row, inner, part = compiled(A)
        assert array is A
        assert row[0] is A
        assert inner[1][1] is B
        assert np.shares_memory(part, A)


def writes_to_it(x):
    A[0] += 1
    return x + A


def writes_to_a_part(x):
    part = ROW[1][1:]
    part *= 2
    return x + B


def writes_by_out(x):
    np.add(A, 1.0, out=ROW[0])
    return x + A


def appends(x):
    ROW.append(A)
    ROW.pop(0)
    return x * len(ROW) + ROW[0]


def appends_by_a_method_held(x):
    append(A)
    return x * len(GROWING)


def moves_to_the_end(x):
    ORDERED.move_to_end(next(iter(ORDERED)))
    return x * next(iter(ORDERED.values()))


def sets_an_item(x):
    HELD["a"] = HELD["a"] * 2
    return x + HELD["a"]


def keeps_it(x):
    KEPT.append(A)
    return x + KEPT[-1]


def keeps_a_container(x):
    KEPT.append(HELD)
    return x + KEPT[-1]["a"]


KEPT, GROWING = [], [A]
append = GROWING.append


@pytest.mark.parametrize(
    "step",
    [
        *(writes_to_it, writes_to_a_part, writes_by_out, appends, appends_by_a_method_held),
        *(moves_to_the_end, sets_an_item, keeps_it, keeps_a_container),
    ],
)
def test_what_a_step_does_to_it_is_done_once_to_the_callers_own(step):
    def outcome(f):
        HELD["a"] = A
        ORDERED.move_to_end("b")
        ROW[:], GROWING[:], KEPT[:] = [A, B], [A], []
        A[:], B[:] = (2, 1, 3), (1, 2, 0.5)
        results = [f(np.ones(3)) for _ in range(3)]
        state = [
            A,
            B,
            *ROW,
            *ORDERED.values(),
            HELD["a"],
            len(GROWING),
            len(KEPT),
            *tree.leaves(KEPT),
        ]
        same = [x is y for x in tree.leaves([ROW, HELD, KEPT, GROWING]) for y in (A, B)]
        return tree.map(np.copy, [results, state]), same

    (expected, same), (got, still_same) = outcome(step), outcome(cr.compile(step))
    HELD["a"], ROW[:] = A, [A, B]
    assert_same(got, expected)
    assert still_same == same


def test_other_threads_see_the_arrays_themselves():
    seen, is_there, may_go_on = [], threading.Event(), threading.Event()

    def look():
        is_there.wait()
        seen.extend([A, ROW[0], HELD["b"], factor(A), type(ROW[0])])
        may_go_on.set()

    def step(x):
        if not seen:
            is_there.set()
            may_go_on.wait(10)
        return (x + ROW[0]) * factor(A)

    other = threading.Thread(target=look)
    other.start()
    compiled = cr.compile(step)
    assert_same(compiled(np.ones(3)), step(np.ones(3)))
    other.join()
    assert seen[0] is seen[1] is A
    assert seen[2] is HELD["b"]
    assert seen[3:] == [2, np.ndarray]


def test_functions_have_their_own_code_again():
    codes = [f.__code__ for f in (factor, Model.__call__, a_dataclass)]
    compiled = cr.compile(a_dataclass)
    compiled(np.ones(3))
    now = [f.__code__ for f in (factor, Model.__call__, a_dataclass)]
    assert all(x is y for x, y in zip(now, codes, strict=True))


def test_an_array_that_no_way_leads_to_needs_no_place_in_the_step():
    other = SimpleNamespace(used=np.ones(3), unused=np.ones(3))
    compiled = cr.compile(lambda x: x * other.used if x[0] > 0 else x * other.unused)
    for k in range(20):
        other.unused[:] = k
        assert_same(compiled(np.ones(3)), np.ones(3))
    assert len(compiled.captured.inputs) == 2
    assert compiled.report().count("guard") == 1


class Hits(dict):
    """A dictionary that counts in an attribute."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.hits = 0

    def look(self, key):
        self.hits += 1
        return self[key]


class Attributes(dict):
    """A dictionary that is its own namespace."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.__dict__ = self


class Counted(dict):
    """A dictionary that counts what is set, in its class."""

    sets = 0

    def __setitem__(self, key, value):
        Counted.sets += 1
        super().__setitem__(key, value)


class One(NamedTuple):
    a: np.ndarray


class Scaled(One):
    """A named tuple with attributes."""


def with_a_state(kind):
    def made():
        holder = kind(a=np.array([2.0, 1.0, 3.0]))
        if kind is Scaled:
            holder.scale = 5.0
        elif kind is Attributes:
            holder.n = 0
        return holder

    def step(holder, x):
        w = holder.a if kind in {Scaled, Attributes} else holder["a"]
        if kind is Scaled:
            return x * w * holder.scale * factor(w)
        if kind is Attributes:
            holder.n += 1
            return x * w * holder["n"]
        if kind is Hits:
            return x * holder.look("a") + holder.hits
        return x * w * factor(w) + Counted.sets

    return made, step


@pytest.mark.parametrize("kind", [Hits, Attributes, Counted, Scaled])
def test_containers_with_a_state_of_their_own_keep_it(kind):
    made, step = with_a_state(kind)
    plain, held = made(), made()
    compiled = cr.compile(lambda x: step(held, x))
    Counted.sets = 0
    for k in range(4):
        assert_same(compiled(np.ones(3)), step(plain, np.ones(3)))
        for holder in (plain, held):
            (holder.a if kind is Scaled else dict.__getitem__(holder, "a"))[0] = k / 2
    assert Counted.sets == 0
    assert getattr(held, "hits", None) == getattr(plain, "hits", None)
    assert getattr(held, "n", None) == getattr(plain, "n", None)


@pytest.mark.parametrize(
    "kept", [lambda: A, lambda: A[:], lambda: (A, B), lambda: HELD, lambda: A * 3.0]
)
def test_a_function_that_keeps_its_results_keeps_the_arrays_themselves(kept):
    cached = functools.lru_cache(kept)
    first = lambda x: x["a"] if isinstance(x, dict) else x[0] if isinstance(x, tuple) else x

    def step(x):
        return x * first(cached()) * factor(first(cached()))

    compiled = cr.compile(step)
    for k in range(4):
        got = compiled(np.ones(3))
        assert_same(got, step(np.ones(3)))
        A[0] = k / 2
    assert type(first(cached())) is np.ndarray
    assert cached() is cached()
    if kept() is HELD:
        assert cached() is HELD


def test_a_decision_on_what_plain_code_computed_finds_its_path():
    w = np.ones(3)

    def step(x):
        v = math.fsum(w)
        return x * v * (2 if x[0] * v > 0 else 3)

    compiled = cr.compile(step)
    for number, sign in [(1, 1), (1, -1), (-3, 1), (1, 1), (-3, -1), (-3, 1), (1, -1)]:
        w[0] = number
        x = np.full(3, float(sign))
        assert_same(compiled(x), step(x))


def test_an_array_that_a_step_has_left_behind_is_read_where_another_lies():
    holder = SimpleNamespace(w=np.ones(3), m=np.zeros(3))
    other = copy.deepcopy(holder)

    def step(held, x):
        gradient = cr.grad(lambda p: np.sum((p - x) ** 2))(held.w)
        held.m = 0.9 * held.m + gradient
        held.w = held.w - 0.1 * held.m
        return held.w.sum()

    compiled = cr.compile(lambda x: step(holder, x))
    reading = cr.compile(lambda x: x * holder.w)
    for k in range(6):
        x = np.full(3, float(k))
        assert_same(compiled(x), step(other, x))
        assert_same(reading(x), x * other.w)
    assert type(holder.w) is type(holder.m) is np.ndarray
    for k in range(3):
        holder.w += k
        assert_same(reading(np.ones(3)), holder.w)
    holder.w = np.full(3, 7.0)
    assert_same(reading(np.ones(3)), np.full(3, 7.0))


def test_what_a_step_leaves_behind_are_arrays_and_numbers():
    held = SimpleNamespace(row=[], named={}, whole=None)

    def step(x):
        held.row.append(x * 2)
        held.named["part"] = held.row[-1][1:]
        held.whole = np.sum(x)
        return x + 1

    compiled = cr.compile(step)
    for k in range(3):
        compiled(np.full(3, float(k)))
        assert "a value outlives the call" in compiled.report()
        assert type(held.row[-1]) is type(held.named["part"]) is np.ndarray
        assert type(held.whole) is np.float64
        held.row[-1][1:] += 5
        np.testing.assert_array_equal(held.named["part"], 2.0 * k + 5)
    assert len(held.row) == 3


class Odd:
    """An object that knows its attributes by other names only."""

    def __init__(self, w):
        self.its_w = w

    def __getattribute__(self, name):
        return object.__getattribute__(self, "its_" + name)


def test_an_object_that_cannot_be_looked_into_is_left_to_python():
    odd = Odd(A)
    compiled = cr.compile(lambda x: x * odd.w)
    for k in range(3):
        A[0] = k
        assert_same(compiled(np.ones(3)), A)


@pytest.mark.parametrize(
    "kind", [collections.deque, collections.UserList, weakref.WeakValueDictionary]
)
def test_what_a_step_puts_into_other_containers_is_there_once(kind):
    held, plain = kind(), kind()

    def step(into, x):
        if kind is weakref.WeakValueDictionary:
            into[f"{len(into)}"] = A
        else:
            into.append(A)
        return x + A * len(into)

    compiled = cr.compile(lambda x: step(held, x))
    for _ in range(3):
        assert_same(compiled(np.ones(3)), step(plain, np.ones(3)))
    assert len(held) == len(plain) == 3
    assert all(x is A for x in (held.values() if hasattr(held, "values") else held))


class Slot:
    __slots__ = ("made",)


def test_a_slot_that_a_step_fills_holds_the_arrays_themselves():
    held, plain = Slot(), Slot()

    def step(into, x):
        if not hasattr(into, "made"):
            into.made = (A, A[1:])
        return x * into.made[0] + into.made[1].sum()

    compiled = cr.compile(lambda x: step(held, x))
    for k in range(4):
        A[1] = k
        assert_same(compiled(np.ones(3)), step(plain, np.ones(3)))
    assert held.made[0] is A
    assert type(held.made[1]) is np.ndarray


def test_a_gradient_writes_into_what_it_computes_of_an_array_outside():
    def loss(x):
        made = A * 2.0
        made += x**2
        made[1:] *= x[0]
        return np.sum(made**2)

    def plain(x):
        made = np.concatenate([(A * 2.0 + x**2)[:1], (A * 2.0 + x**2)[1:] * x[0]])
        return np.sum(made**2)

    gradient = cr.compile(cr.grad(loss))
    for k in range(4):
        A[0] = k
        x = np.arange(3.0) + 0.5 * k
        np.testing.assert_allclose(gradient(x), cr.grad(plain)(x), rtol=1e-12)
