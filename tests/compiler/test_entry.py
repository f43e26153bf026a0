"""The call entry: what it accepts, what it declines, what it returns. Every test runs on each way to do it."""

import contextvars
import ctypes
import gc
import itertools
import os
import pickle
import subprocess
import sys
import threading
import types
import warnings
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from chainrule.compiler.entry import abi, make_entry, native, plain, tables
from chainrule.compiler.entry.native import is_native_possible, make_native_entry
from chainrule.compiler.entry.plain import make_plain_entry
from chainrule.compiler.entry.signature import (
    ArrayInput,
    ConstantResult,
    Declined,
    FreshArray,
    Hidden,
    Mapping,
    NumberInput,
    NumberResult,
    OwnArray,
    Record,
    SameInput,
    ScalarInput,
    ScalarResult,
    Sequence,
    Signature,
    StaticInput,
)
from chainrule.compiler.entry.tables import NotNative
from chainrule.compiler.machine_code import jit, linker
from chainrule.compiler.places import MISSING, Cell, Context, Name

F8 = np.dtype(np.float64)
# out[i] = a[i] + b, where a has three elements; returns the status that the third pointer points to.
ADD = """
define i64 @add(ptr %pointers, ptr %arena) nounwind {
  %a = load ptr, ptr %pointers
  %second = getelementptr ptr, ptr %pointers, i64 1
  %b = load ptr, ptr %second
  %third = getelementptr ptr, ptr %pointers, i64 2
  %out = load ptr, ptr %third
  %x = load double, ptr %b
  br label %loop
loop:
  %i = phi i64 [0, %0], [%next, %loop]
  %from = getelementptr double, ptr %a, i64 %i
  %v = load double, ptr %from
  %sum = fadd double %v, %x
  %to = getelementptr double, ptr %out, i64 %i
  store double %sum, ptr %to
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, 3
  br i1 %more, label %loop, label %end
end:
  ret i64 0
}
define i64 @nothing(ptr %pointers, ptr %arena) nounwind { ret i64 0 }
define i64 @failed(ptr %pointers, ptr %arena) nounwind { ret i64 7 }
define i64 @failed_far(ptr %pointers, ptr %arena) nounwind { ret i64 70000 }
"""


@pytest.fixture(scope="module")
def library():
    """The native functions of the tests."""
    return jit.load(ADD, ["add", "nothing", "failed", "failed_far"])


@pytest.fixture(params=[make_plain_entry, make_native_entry], ids=["plain", "native"])
def make(request):
    """Run a test on each way to make an entry."""
    if request.param is make_native_entry and not is_native_possible():
        pytest.skip("another kind of Python or NumPy")
    return request.param


@pytest.fixture
def adding(make, library):
    """An entry that takes an array and a number, and returns a new array."""
    signature = Signature(
        (ArrayInput.of(np.zeros(3), 0), NumberInput(float, (1,))), FreshArray(F8, (3,), (2,)), 3
    )
    return make(signature, (library.address("add"),), library)


def accepting(make, library, argument):
    """Make an entry for one argument that returns True, and no native work."""
    signature = Signature((argument,), ConstantResult(True), 4)
    return make(signature, (library.address("nothing"),), library)


def new(text):
    """Return an equal text that is another object."""
    return "".join(list(text))


def is_declined(x):
    return x == Declined(0)


def test_the_result_is_a_new_array_each_time(adding):
    a = np.array([1.0, 2.0, 3.0])
    first, second = adding(a, 0.5), adding(a, -1.0)
    assert first.tolist() == [1.5, 2.5, 3.5]
    assert second.tolist() == [0, 1, 2]
    assert first.flags.owndata
    assert first.flags.writeable
    assert first.dtype is F8


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        (np.zeros(3),),
        (np.zeros(3), 1.0, 1.0),
        (np.zeros(4), 1.0),
        (np.zeros((3, 1)), 1.0),
        (np.zeros(3, np.float32), 1.0),
        (np.zeros(3, ">f8"), 1.0),
        (np.zeros(6)[::2], 1.0),
        (np.zeros(3)[::-1], 1.0),
        ([0.0, 0.0, 0.0], 1.0),
        (np.zeros(3).view(np.recarray), 1.0),
        (np.ma.zeros(3), 1.0),
        (None, 1.0),
        (np.zeros(3), 1),
        (np.zeros(3), True),
        (np.zeros(3), np.float64(1)),
        (np.zeros(3), 1j),
        (np.zeros(3), np.zeros(())),
        (np.frombuffer(bytearray(25), np.uint8)[1:].view(np.float64), 1.0),
    ],
    ids=lambda x: repr(x)[:40],
)
def test_other_arguments_are_declined(adding, arguments):
    assert is_declined(adding(*arguments))


def test_an_equal_dtype_that_is_another_object_is_accepted(adding):
    dtype = np.dtype(np.float64, metadata={"unit": "m"})
    assert dtype is not F8
    assert adding(np.ones(3, dtype), 1.0).tolist() == [2, 2, 2]


def test_keyword_arguments_are_not_taken(adding):
    with pytest.raises(TypeError):
        adding(np.zeros(3), b=1.0)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(()),
        np.zeros(0),
        np.zeros((2, 0, 3), np.float32),
        np.zeros((2, 3), np.int32),
        np.zeros((2, 3), order="F"),
        np.zeros((4, 6), np.complex64)[1:3, ::2],
        np.zeros((4, 3), bool)[::-1],
        np.broadcast_to(np.zeros(3), (2, 3)),
        np.zeros((2, 3, 4)).transpose(1, 0, 2),
        np.zeros((1, 3), np.uint8)[:, ::2],
    ],
    ids=lambda x: f"{x.dtype}{x.shape}{x.strides}",
)
def test_an_array_is_accepted_where_it_is_described(make, library, array):
    entry = accepting(make, library, ArrayInput.of(array, 0))
    assert entry(array) is True
    assert entry(array[...]) is True
    if array.size > 1 and max(array.shape) > 1:
        assert is_declined(entry(array.repeat(2, axis=-1)[..., : array.shape[-1]].T))


def test_strides_of_single_elements_and_of_no_elements_do_not_matter(make, library):
    one = accepting(make, library, ArrayInput.of(np.zeros((1, 3)), 0))
    assert one(np.zeros((4, 3))[::4]) is True
    assert one(np.zeros((3, 1)).T) is True
    column = accepting(make, library, ArrayInput.of(np.zeros((4, 6))[:, ::6], 0))
    assert column(np.zeros((4, 6))[:, :1]) is True
    assert is_declined(column(np.zeros((4, 1))))
    none = accepting(make, library, ArrayInput.of(np.zeros((0, 3)), 0))
    assert none(np.zeros((5, 6))[5:, ::2]) is True


def test_a_written_array_has_to_be_writeable(make, library):
    entry = accepting(make, library, ArrayInput.of(np.zeros(3), 0, is_written=True))
    array = np.zeros(3)
    assert entry(array) is True
    array.flags.writeable = False
    assert is_declined(entry(array))
    assert accepting(make, library, ArrayInput.of(array, 0))(array) is True


@pytest.mark.parametrize(
    ("argument", "good", "bad"),
    [
        (NumberInput(float, (0,)), [1.5, float("nan")], [1, True, np.float64(1), None]),
        (NumberInput(complex, (0,)), [1j], [1.0, np.complex128(1j)]),
        (NumberInput(int, (0,)), [3, -(2**63), 2**63 - 1], [True, 2**63, -(2**63) - 1, 3.0]),
        (ScalarInput(F8, (0,)), [np.float64(2)], [2.0, np.float32(2), np.zeros(())]),
        (ScalarInput(np.dtype(np.float32), (0,)), [np.float32(2)], [np.float64(2)]),
        (ScalarInput(np.dtype(np.complex64), (0,)), [np.complex64(2)], [np.complex128(2), 2j]),
        (ScalarInput(np.dtype(np.bool_), (0,)), [np.True_], [True]),
        (ScalarInput(np.dtype(np.int64), (0,)), [np.int64(2)], [2, np.int32(2), np.uint64(2)]),
        (ScalarInput(np.dtype(np.uint8), (0,)), [np.uint8(2)], [np.int8(2)]),
        (StaticInput(None), [None], [0, False]),
        (StaticInput(True), [True], [1, 1.0, np.True_]),
        (StaticInput(1), [1], [True, 1.0, 2]),
        (
            StaticInput("relu"),
            ["relu", new("relu")],
            ["tanh", b"relu", None, "relu\0", "Relu", "relu" * 2],
        ),
        (StaticInput(0.0), [0.0, -0.0 + 0.0], [-0.0, 0]),
        (StaticInput(len), [len], [max, "len"]),
        (StaticInput(("1", "2")), [], [(*"12",)]),
    ],
    ids=repr,
)
def test_a_number_or_static_value_is_accepted_by_its_exact_type(make, library, argument, good, bad):
    entry = accepting(make, library, argument)
    assert [entry(x) for x in good] == [True] * len(good)
    assert all(is_declined(entry(x)) for x in bad)


class Pair(NamedTuple):
    x: object
    y: object


@dataclass(frozen=True)
class Model:
    w: object
    b: object
    name: str = "model"


@dataclass
class Slotted:
    __slots__ = ("w",)
    w: object


W = ArrayInput.of(np.zeros(2), 0)
B = ArrayInput.of(np.zeros(3), 1)
w, b = np.zeros(2), np.zeros(3)


class SubList(list):
    pass


@pytest.mark.parametrize(
    ("argument", "good", "bad"),
    [
        (Sequence(list, (W, B)), [[w, b]], [[w], [w, b, b], [b, w], (w, b), SubList([w, b]), None]),
        (Sequence(list, ()), [[]], [[w], ()]),
        (Sequence(tuple, (W, B)), [(w, b)], [[w, b], (w,), (w, b, b), Pair(w, b)]),
        (Sequence(Pair, (W, B)), [Pair(w, b)], [(w, b), Pair(b, w)]),
        (
            Mapping(("w", "b"), (W, B)),
            [{"w": w, "b": b}, {new("w"): w, "b": b}],
            [
                {"b": b, "w": w},
                {"w": w},
                {"w": w, "b": b, "c": b},
                {"w": b, "b": w},
                {"w": w, 1: b},
            ],
        ),
        (Mapping(("key of layer 1",), (W,)), [{new("key of layer 1"): w}], [{"key": w}]),
        (
            Mapping(("w", "no"), (W, StaticInput(MISSING)), is_open=True),
            [{"w": w}, {"b": 1, new("w"): w, 1: 2}],
            [{}, {"w": b}, {"w": w, "no": None}, [w]],
        ),
        (Mapping((1, (2, 3)), (W, B)), [], [{1: w, (2, 4): b}, {True: w, (2, 3): b}]),
        (
            Record(Model, ("w", "b", "name"), (W, B, StaticInput("model"))),
            [Model(w, b)],
            [Model(w, b, "other"), Model(b, w), Pair(w, b), Slotted(w)],
        ),
        (Record(Slotted, ("w",), (W,)), [Slotted(w)], [Slotted(b), Slotted.__new__(Slotted)]),
        (
            Sequence(list, (Mapping(("a",), (Sequence(tuple, (W, StaticInput(None))),)), B)),
            [[{"a": (w, None)}, b]],
            [[{"a": (w, b)}, b], [{"a": [w, None]}, b], [{"b": (w, None)}, b]],
        ),
    ],
    ids=lambda x: type(x).__name__,
)
def test_containers_are_walked_and_their_structure_checked(make, library, argument, good, bad):
    entry = accepting(make, library, argument)
    for _ in range(2):
        assert [entry(x) for x in good] == [True] * len(good)
        assert all(is_declined(entry(x)) for x in bad)


def test_results_come_in_every_form(make, library, rng):
    """A stage in Python writes what the native function would have written."""
    values = {
        0: rng.standard_normal(3),
        1: rng.standard_normal((2, 0, 3)).astype(np.float32),
        2: np.float64(2.5),
        3: np.complex64(1 + 2j),
        4: np.bool_(True),
        5: np.float64(-1.25),
        6: np.int64(-(2**62)),
        7: np.complex128(3 - 4j),
        8: np.bool_(False),
        9: np.array(4.5),
        10: np.int8(-3),
    }

    def write(pointers, _):
        table = (ctypes.c_void_p * len(values)).from_address(pointers)
        for slot, value in values.items():
            array = np.asarray(value)
            ctypes.memmove(table[slot], array.tobytes(), array.nbytes)

    result = Sequence(
        tuple,
        (
            Mapping(
                ("a", "b"),
                (FreshArray(F8, (3,), (0,)), FreshArray(np.dtype("f4"), (2, 0, 3), (1,))),
            ),
            Sequence(
                list,
                (
                    ScalarResult(F8, (2,)),
                    ScalarResult(np.dtype(np.complex64), (3,)),
                    ScalarResult(np.dtype(bool), (4,)),
                    ScalarResult(np.dtype(np.int8), (10,)),
                ),
            ),
            Sequence(Pair, (NumberResult(float, (5,)), NumberResult(int, (6,)))),
            Record(
                Model,
                ("w", "b", "name"),
                (NumberResult(complex, (7,)), NumberResult(bool, (8,)), ConstantResult("m")),
            ),
            FreshArray(F8, (), (9,)),
            ConstantResult(None),
            Sequence(tuple, ()),
            Sequence(list, ()),
        ),
    )
    got = make(Signature((), result, len(values)), (write,), None)()
    arrays, scalars, pair, model, zero, none, *empty = got
    assert list(arrays) == ["a", "b"]
    np.testing.assert_array_equal(arrays["a"], values[0])
    assert arrays["b"].shape == (2, 0, 3)
    assert [(type(x), x) for x in scalars] == [(type(values[i]), values[i]) for i in (2, 3, 4, 10)]
    assert type(pair) is Pair
    assert [(type(x), x) for x in pair] == [(float, -1.25), (int, -(2**62))]
    assert model == Model(3 - 4j, False, "m")
    assert model.b is False
    assert type(model.w) is complex
    assert type(zero) is np.ndarray
    assert zero.shape == ()
    assert zero == 4.5
    assert none is None
    assert empty == [(), []]


def test_a_donated_array_comes_back_as_the_callers_own(make, library):
    signature = Signature(
        (
            ArrayInput.of(np.zeros(3), 0, 2, is_written=True),
            NumberInput(float, (1,)),
            StaticInput("s"),
        ),
        Sequence(list, (OwnArray(0), OwnArray(1), OwnArray(2))),
        3,
    )
    entry = make(signature, (library.address("add"),), library)
    mine = np.zeros(3)
    for i in range(1, 4):
        array, number, static = entry(mine, 1.0, "s")
        assert array is mine
        assert mine.tolist() == [i, i, i]
        assert (number, static) == (1.0, "s")


def test_results_of_the_same_slots_are_one_array(make, library):
    fresh = FreshArray(F8, (3,), (2,))
    other = FreshArray(F8, (3,), (3,))
    result = Sequence(
        tuple, (fresh, Sequence(list, (other, fresh)), fresh, Mapping(("k",), (other,)))
    )
    arguments = ArrayInput.of(np.zeros(3), 0), NumberInput(float, (1,))
    entry = make(Signature(arguments, result, 4), (library.address("add"),), library)
    for _ in range(3):
        first, (second, third), fourth, inside = entry(np.zeros(3), 1.0)
        assert first is third is fourth
        assert second is inside["k"]
        assert first is not second
        assert first.tolist() == [1, 1, 1]
    kept = weakref.ref(first)
    del first, second, third, fourth, inside
    assert kept() is None


def test_arrays_that_share_memory_are_declined_if_one_is_written(make, library):
    memory = np.zeros(6)
    signature = Signature(
        (ArrayInput.of(memory[:3], 0, is_written=True), ArrayInput.of(memory[:3], 1)),
        ConstantResult(True),
        2,
    )
    entry = make(signature, (library.address("nothing"),), library)
    for _ in range(2):  # what was proved distinct once is remembered
        assert entry(memory[:3], memory[3:]) is True
        assert is_declined(entry(memory[:3], memory[2:5]))
        assert is_declined(entry(memory[2:5], memory[:3]))
        assert is_declined(entry(memory[:3], memory[:3]))
        assert entry(memory[3:], memory[:3]) is True
    reading = Signature(
        (ArrayInput.of(memory, 0), ArrayInput.of(memory, 1)), ConstantResult(True), 2
    )
    assert make(reading, (library.address("nothing"),), library)(memory, memory) is True


def test_memory_is_compared_by_where_it_really_lies(make, library):
    memory = np.zeros(12)
    backwards, rows, empty = memory[5::-1], memory[6:].reshape(3, 2)[::2], memory[:0]
    arrays = [backwards, rows, empty]
    signature = Signature(
        tuple(ArrayInput.of(a, i, is_written=True) for i, a in enumerate(arrays)),
        ConstantResult(True),
        3,
    )
    entry = make(signature, (library.address("nothing"),), library)
    assert entry(*arrays) is True
    assert is_declined(entry(memory[6:0:-1], rows, empty))
    assert is_declined(entry(memory[9:3:-1], rows, empty))
    assert entry(backwards, rows, memory[7:7]) is True


@pytest.mark.parametrize(("name", "status"), [("failed", 7), ("failed_far", 70000)])
def test_a_failed_guard_says_which(make, library, name, status):
    signature = Signature((ArrayInput.of(np.zeros(3), 0),), FreshArray(F8, (3,), (1,)), 2)
    entry = make(signature, (library.address(name),), library)
    for _ in range(3):
        assert entry(np.zeros(3)) == Declined(status)


def test_stages_run_in_order_on_the_same_memory(make, library):
    seen = []

    def between(pointers, arena):
        seen.append((pointers, arena))

    def last(pointers, arena):
        seen.append((pointers, arena))
        return 5 if len(seen) > 2 else 0

    signature = Signature(
        (ArrayInput.of(np.zeros(3), 0, 2, is_written=True), NumberInput(float, (1,))),
        OwnArray(0),
        3,
        arena=100,
    )
    entry = make(
        signature, (library.address("add"), between, library.address("add"), last), library
    )
    assert entry(np.ones(3), 1.0).tolist() == [3, 3, 3]
    assert seen[0] == seen[1]
    assert seen[0][1] % 64 == 0
    assert entry(np.ones(3), 1.0) == Declined(5)


def test_what_a_stage_raises_is_raised(make):
    def stage(pointers, arena):
        raise ZeroDivisionError

    array = np.zeros(3)
    signature = Signature(
        (Sequence(list, (ArrayInput.of(array, 0),)),), FreshArray(F8, (3,), (1,)), 2, arena=64
    )
    entry = make(signature, (stage,), None)
    before = sys.getrefcount(array)
    for _ in range(100):
        with pytest.raises(ZeroDivisionError):
            entry([array])
    assert sys.getrefcount(array) == before


def test_an_entry_may_be_called_while_it_runs(make):
    arenas = []

    def stage(_, arena):
        arenas.append(arena)
        if len(arenas) < 4:
            entry()

    entry = make(Signature((), ConstantResult(None), 0, arena=1000), (stage,), None)
    entry()
    assert len(set(arenas)) == 4
    assert all(abs(a - b) >= 1000 for a, b in itertools.combinations(arenas, 2))
    arenas.append(None)
    entry()
    assert arenas[-1] in arenas[:4]  # and its memory is used again


def test_constants_are_seen_and_kept(make, library):
    constant = np.array([10.0, 20.0, 30.0])[::-1]
    signature = Signature(
        (NumberInput(float, (1,)),), FreshArray(F8, (3,), (2,)), 3, ((0, constant),)
    )
    entry = make(signature, (library.address("add"),), library)
    del constant, signature
    gc.collect()
    assert entry(1.0).tolist() == [31, 21, 11]


def test_numbers_of_every_kind_reach_the_function(make):
    seen = []

    def stage(pointers, _):
        table = (ctypes.c_void_p * 5).from_address(pointers)
        for slot, dtype in enumerate(map(np.dtype, ["f8", "c16", "i8", "f4", "?"])):
            seen.append(np.frombuffer(ctypes.string_at(table[slot], dtype.itemsize), dtype)[0])

    arguments = (
        NumberInput(float, (0,)),
        NumberInput(complex, (1,)),
        NumberInput(int, (2,)),
        ScalarInput(np.dtype("f4"), (3,)),
        ScalarInput(np.dtype("?"), (4,)),
    )
    entry = make(Signature(arguments, ConstantResult(None), 5), (stage,), None)
    entry(1.5, 2 - 3j, -(2**63), np.float32(0.1), np.True_)
    assert seen == [1.5, 2 - 3j, -(2**63), np.float32(0.1), True]


@pytest.mark.parametrize("release_gil", [False, True])
def test_eight_threads_at_once_get_their_own_results(make, release_gil):
    """The function adds a number to an array by way of the arena, slowly."""
    text = """
    define i64 @slow(ptr %pointers, ptr %arena) nounwind {
    start:
      %a = load ptr, ptr %pointers
      %second = getelementptr ptr, ptr %pointers, i64 1
      %out = load ptr, ptr %second
      %x = load double, ptr %a
      store double 0.0, ptr %arena
      br label %loop
    loop:
      %i = phi i64 [0, %start], [%next, %loop]
      %v = load volatile double, ptr %arena
      %sum = fadd double %v, %x
      store volatile double %sum, ptr %arena
      %next = add i64 %i, 1
      %more = icmp slt i64 %next, 20000
      br i1 %more, label %loop, label %end
    end:
      %result = load double, ptr %arena
      store double %result, ptr %out
      ret i64 0
    }
    """
    slow = jit.load(text, ["slow"])
    signature = Signature(
        (ArrayInput.of(np.zeros(1), 0),),
        NumberResult(float, (1,)),
        2,
        arena=8,
        release_gil=release_gil,
    )
    entry = make(signature, (slow.address("slow"),), slow)
    results = {}

    def work(i):
        array = np.array([float(i)])
        results[i] = {entry(array) for _ in range(50)}

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: {20000.0 * i} for i in range(8)}


def test_references_are_neither_lost_nor_kept(make, library):
    name = new("a name of its own")
    array, number, key = np.zeros(3), float("1.5"), new("some key")
    signature = Signature(
        (
            Sequence(list, (ArrayInput.of(array, 0, is_written=True), NumberInput(float, (1,)))),
            Mapping((key,), (StaticInput(name),)),
            Record(
                Model,
                ("w", "b", "name"),
                (ArrayInput.of(np.zeros(2), 3), StaticInput(None), StaticInput("model")),
            ),
        ),
        Sequence(
            tuple,
            (
                OwnArray(0),
                FreshArray(F8, (3,), (2,)),
                Mapping((key,), (ConstantResult(name),)),
                Record(
                    Model, ("w", "b", "name"), (OwnArray(1), OwnArray(3), ScalarResult(F8, (4,)))
                ),
                Sequence(Pair, (OwnArray(2), ConstantResult(name))),
            ),
        ),
        5,
    )
    entry = make(signature, (library.address("add"),), library)
    failing = make(signature, (library.address("failed"),), library)
    items, mapping, model = [array, number], {key: name}, Model(np.zeros(2), None)
    watched = [
        array,
        number,
        key,
        name,
        items,
        mapping,
        model,
        model.w,
        None,
        F8,
        Model,
        Pair,
        entry,
        np.ndarray,
    ]
    bad = np.zeros(4)
    calls = [
        lambda: entry(items, mapping, model),
        lambda: failing(items, mapping, model),
        lambda: entry(items, mapping, Model(bad, None)),
        lambda: entry(items, mapping, None),
        lambda: entry(items, {key: "other"}, model),
        lambda: entry([bad, number], mapping, model),
    ]
    for call in calls:
        call()
        gc.collect()
        before = [sys.getrefcount(x) for x in watched]
        for _ in range(500):
            call()
        gc.collect()
        after = [sys.getrefcount(x) for x in watched]
        # The interpreter keeps or drops a few on its own; 500 calls would show.
        changes = [y - x for x, y in zip(before, after, strict=True)]
        assert max(map(abs, changes)) < 250


def test_a_result_that_does_not_fit_into_memory_is_a_memory_error(make, library):
    array = np.zeros(3)
    signature = Signature(
        (Sequence(list, (ArrayInput.of(array, 0),)),),
        Sequence(tuple, (FreshArray(F8, (3,), (1,)), FreshArray(F8, (2**30, 2**28), (2,)))),
        3,
    )
    entry = make(signature, (library.address("nothing"),), library)
    before = sys.getrefcount(array)
    for _ in range(100):
        with pytest.raises(MemoryError):
            entry([array])
    assert sys.getrefcount(array) == before


def test_an_arena_that_does_not_fit_into_memory_is_a_memory_error(make, library):
    signature = Signature((), FreshArray(F8, (3,), (0,)), 1, arena=2**58)
    entry = make(signature, (library.address("nothing"),), library)
    for _ in range(2):
        with pytest.raises(MemoryError):
            entry()


GLOBAL = np.zeros(3)


def test_hidden_arguments_are_read_from_their_places_at_every_call(make, library, monkeypatch):
    cell = types.CellType(1.0)
    variable = contextvars.ContextVar("variable", default="eager")
    signature = Signature(
        (),
        Sequence(tuple, (FreshArray(F8, (3,), (2,)), OwnArray(0), OwnArray(1))),
        3,
        hidden=(
            Hidden(Name(globals(), "GLOBAL"), ArrayInput.of(GLOBAL, 0)),
            Hidden(Cell(cell), NumberInput(float, (1,))),
            Hidden(Context(variable), StaticInput("eager")),
            Hidden(Name(globals(), "absent"), StaticInput(MISSING)),
            Hidden(Name(vars(Model), "name"), StaticInput("model")),
        ),
    )
    entry = make(signature, (library.address("add"),), library)
    result, array, number = entry()
    assert (result.tolist(), array is GLOBAL, number) == ([1, 1, 1], True, 1.0)
    cell.cell_contents = 2.5
    monkeypatch.setitem(globals(), "GLOBAL", np.ones(3))
    assert entry()[0].tolist() == [3.5, 3.5, 3.5]
    assert is_declined(entry(1.0))
    for change in (
        lambda patch: patch.setitem(globals(), "GLOBAL", np.ones(4)),
        lambda patch: patch.delitem(globals(), "GLOBAL"),
        lambda patch: patch.setitem(globals(), "absent", None),
        lambda patch: patch.setattr(Model, "name", "other"),
        lambda patch: patch.delattr(Model, "name"),
    ):
        with monkeypatch.context() as patch:
            change(patch)
            assert is_declined(entry())
        assert entry()[2] == 2.5
    token = variable.set("traced")
    assert is_declined(entry())
    variable.reset(token)
    assert entry()[2] == 2.5
    cell.cell_contents = 3
    assert is_declined(entry())
    del cell.cell_contents
    assert is_declined(entry())


def test_a_context_variable_without_a_value_is_missing(make, library):
    variable = contextvars.ContextVar("variable")
    hidden = (Hidden(Context(variable), StaticInput(MISSING)),)
    entry = make(Signature((), ConstantResult(1), 0, hidden=hidden), (), library)
    assert entry() == 1
    assert contextvars.copy_context().run(lambda: (variable.set(2), entry())[1]) == Declined(0)
    assert entry() == 1


def test_hidden_references_are_neither_lost_nor_kept(make, library):
    array, there = np.zeros(3), {"array": np.zeros(3)}
    setting = new("a setting")
    variable = contextvars.ContextVar("variable", default=setting)
    places = [
        Cell(types.CellType(array)),
        Name(there, "array"),
        Name(types.MappingProxyType(there), "array"),
    ]
    hidden = [Hidden(place, ArrayInput.of(array, 0)) for place in places]
    hidden.append(Hidden(Name(there, "nothing"), StaticInput(MISSING)))
    hidden.append(Hidden(Context(variable), StaticInput(setting)))
    entry = make(Signature((), OwnArray(0), 1, hidden=tuple(hidden)), (), library)
    watched = [array, there["array"], setting, MISSING, there]
    assert entry() is array
    before = [sys.getrefcount(x) for x in watched]
    for _ in range(500):
        entry()
    assert [sys.getrefcount(x) for x in watched] == before


def test_one_array_in_two_places_has_to_be_one_in_each_call(make, library):
    array, there = np.zeros(3), {}
    cell = types.CellType(array)
    there["other"] = array
    signature = Signature(
        (ArrayInput.of(array, 0),),
        Sequence(tuple, (OwnArray(1), OwnArray(2), OwnArray(3))),
        2,
        hidden=(
            Hidden(Cell(cell), ArrayInput.of(array, 1)),
            Hidden(Name(there, "other"), SameInput(1)),
            Hidden(Name({"first": array}, "first"), SameInput(0)),
        ),
    )
    entry = make(signature, (), library)
    assert all(x is array for x in entry(array))
    before = sys.getrefcount(array)
    for _ in range(500):
        entry(array)
    assert sys.getrefcount(array) == before
    assert is_declined(entry(np.zeros(3)))  # another one than under "first"
    other = there["other"] = np.zeros(3)
    assert is_declined(entry(array))
    cell.cell_contents = other
    assert [x is other for x in entry(array)] == [True, True, False]
    there["other"] = other[:]
    assert is_declined(entry(array))
    del there["other"]
    assert is_declined(entry(array))


class Guarded:
    """Its attributes are read by code of the user's."""

    def __init__(self, w):
        self.hidden = w

    @property
    def w(self):
        return self.hidden


class Watching:
    def __init__(self, w):
        self.w = w

    def __getattribute__(self, name):
        return object.__getattribute__(self, name)


class Counted(tuple):  # noqa: SLOT001  it has a dict, unlike a named tuple
    _make = classmethod(tuple.__new__)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        (Record(Guarded, ("w",), (W,)), Guarded(w)),
        (Record(Watching, ("w",), (W,)), Watching(w)),
        (Sequence(list, (W,) * 11_000), [w] * 11_000),
    ],
    ids=["property", "getattribute", "many"],
)
def test_what_the_native_entry_does_not_serve_is_left_to_the_plain_one(library, argument, value):
    with pytest.raises(NotNative):
        accepting(make_native_entry, library, argument)
    assert accepting(make_entry, library, argument)(value) is True


@pytest.mark.parametrize(
    "result",
    [Sequence(SubList, (ConstantResult(1),)), Sequence(Counted, (ConstantResult(1),))],
    ids=["list", "tuple"],
)
def test_results_of_unusual_classes_are_made_by_the_plain_entry(result):
    signature = Signature((), result, 0)
    with pytest.raises(NotNative):
        make_native_entry(signature, (), None)
    made = make_entry(signature, ())()
    assert type(made) is result.kind
    assert list(made) == [1]


def is_builtin(entry):
    return type(entry) is type(len)


def test_the_native_entry_is_taken_where_it_can_be(monkeypatch):
    signature = Signature((), ConstantResult(None), 0)
    monkeypatch.delenv("CHAINRULE_ENTRY", raising=False)
    assert is_builtin(make_entry(signature, ())) is is_native_possible()
    monkeypatch.setenv("CHAINRULE_ENTRY", "plain")
    assert not is_builtin(make_entry(signature, ()))
    monkeypatch.delenv("CHAINRULE_ENTRY")
    monkeypatch.setattr(native, "numpy_functions", lambda: None)
    assert not is_builtin(make_entry(signature, ()))


def test_an_unexpected_layout_is_noticed(monkeypatch):
    abi.numpy_functions.cache_clear()
    if abi.numpy_functions() is None:
        pytest.skip("another kind of Python or NumPy")
    for i in range(len(abi._CHECKS)):
        checks = (*abi._CHECKS[:i], lambda: False, *abi._CHECKS[i + 1 :])
        monkeypatch.setattr(abi, "_CHECKS", checks)
        abi.numpy_functions.cache_clear()
        assert abi.numpy_functions() is None
        monkeypatch.undo()
    monkeypatch.setattr(abi, "_NUMPY_ABI", 0x03000000)
    abi.numpy_functions.cache_clear()
    assert abi.numpy_functions() is None
    monkeypatch.undo()
    abi.numpy_functions.cache_clear()
    assert abi.numpy_functions() is not None


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_process_can_call_an_entry_that_its_parent_made(adding):
    adding(np.zeros(3), 1.0)
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # of forking with threads, from Python 3.12 on
        child = os.fork()
    if child == 0:
        os.write(write, bytes(adding(np.ones(3), 2.0).astype(np.uint8)))
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert os.read(read, 3) == b"\3\3\3"
    assert adding(np.zeros(3), 4.0).tolist() == [4, 4, 4]


def test_containers_that_change_while_they_are_read_do_no_harm(make, library, monkeypatch):
    """Other threads may run while bytes are compared, and do what this comparison does."""
    items, mapping = [], {}

    def compare_and_disturb(got, expected):
        items.clear()
        mapping.clear()
        gc.collect()
        return got == expected

    for module in (tables, plain):
        monkeypatch.setattr(module, "is_same_static", compare_and_disturb)
    in_list = accepting(make, library, Sequence(list, (StaticInput(b"text"), W, B)))
    in_dict = accepting(make, library, Mapping((b"key", b"other"), (Sequence(list, (W, B)), W)))
    for _ in range(3):
        items[:] = [bytes(bytearray(b"text")), np.zeros(2), np.zeros(3)]
        assert in_list(items) in (True, Declined(0))
        assert items == []
        mapping.update(
            {bytes(bytearray(b"key")): [np.zeros(2), np.zeros(3)], b"other": np.zeros(2)}
        )
        assert in_dict(mapping) in (True, Declined(0))
        assert mapping == {}


MANY_CALLS = """
import resource, sys
import numpy as np
from chainrule.compiler.machine_code import jit
from chainrule.compiler.entry import make_entry
from chainrule.compiler.entry.signature import *
from chainrule.compiler.entry.native import make_native_entry
from chainrule.compiler.entry.plain import make_plain_entry
library = jit.load('''
define i64 @f(ptr %p, ptr %a) { ret i64 0 }
define i64 @g(ptr %p, ptr %a) { ret i64 1 }
''', ['f', 'g'])
signature = Signature(
    (Sequence(list, (ArrayInput.of(np.zeros(30), 0),)), NumberInput(int, (1,))),
    Sequence(tuple, (FreshArray(np.dtype(float), (50,), (2,)), Mapping(('loss',), (NumberResult(float, (3,)),)))),
    4, arena=10_000)
make = {'plain': make_plain_entry, 'chosen': make_entry}[sys.argv[1]]
entry, failing = make(signature, (library.address('f'),), library), make(signature, (library.address('g'),), library)
array, count = [np.zeros(30)], int(sys.argv[2])
def run():
    for i in range(count):
        entry(array, i); failing(array, i); entry(array, array); entry(array, 2**70)
def resident():
    return int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize()
run()
before = resident()
run()
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("way", "count"), [("plain", 2_000), ("chosen", 20_000)])
def test_many_calls_need_no_more_memory_than_few(way, count):
    run = subprocess.run(
        [sys.executable, "-c", MANY_CALLS, way, str(count)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(run.stdout) < 400_000


def test_an_entry_can_be_made_again_from_bytes_in_another_process(tmp_path):
    signature = Signature(
        (Sequence(list, (ArrayInput.of(np.zeros(3), 0),)), StaticInput("add")),
        Mapping(("sum",), (FreshArray(F8, (3,), (2,)),)),
        3,
        constants=((1, np.array(0.5)),),
    )
    kept = pickle.dumps((jit.object_code(ADD), signature))
    (tmp_path / "kept").write_bytes(kept)
    script = (
        "import pickle, sys, numpy as np\n"
        "from chainrule.compiler.machine_code import jit\n"
        "from chainrule.compiler.entry import make_entry\n"
        "code, signature = pickle.load(open(sys.argv[1], 'rb'))\n"
        "library = jit.load_object(code, ['add'])\n"
        "entry = make_entry(signature, (library.address('add'),), library)\n"
        "print(entry([np.arange(3.0)], 'add'), entry([np.arange(4.0)], 'add'))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "kept")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.strip() == "{'sum': array([0.5, 1.5, 2.5])} Declined(status=0)"
    assert pickle.loads(pickle.dumps(StaticInput(MISSING))).value is MISSING


def test_a_first_process_leaves_better_code_for_the_next(tmp_path):
    if not is_native_possible():
        pytest.skip("another kind of Python or NumPy")
    script = (
        "import sys\n"
        "from chainrule.compiler.entry import make_entry, native\n"
        "from chainrule.compiler.entry.signature import ConstantResult, Signature\n"
        "print(make_entry(Signature((), ConstantResult(5), 0), ())(), 'llvmlite.binding' in sys.modules)\n"
    )
    environment = {**os.environ, "CHAINRULE_CACHE": str(tmp_path)}

    def run():
        command = [sys.executable, "-c", script]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.split(), done.stderr, [file.read_bytes() for file in tmp_path.iterdir()]

    first, second, third = run(), run(), run()
    assert first[:2] == (["5", "True"], "")
    assert second[:2] == (["5", str(not linker.IS_AVAILABLE)], "")
    text = Path(native.__file__).with_name("native.ll").read_text(encoding="utf-8")
    (kept,) = first[2]
    assert kept.endswith(jit.object_code(text))
    assert third == second


def test_an_entry_frees_what_it_holds():
    """The arena, the constants and the library go with the function."""

    class Owner:
        alive = 0

        def __init__(self):
            Owner.alive += 1

        def __del__(self):
            Owner.alive -= 1

    owner = Owner()
    for _ in range(10):
        entry = make_entry(
            Signature((), ConstantResult(None), 0, arena=64), (lambda p, a: 0,), owner
        )
        entry()
    before = sys.getrefcount(owner)
    del entry
    gc.collect()
    assert sys.getrefcount(owner) < before
    del owner
    assert Owner.alive == 0
