"""Whole steps on disk: the next process takes the machine code of an equal graph, and of no other."""

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import chainrule as cr
from chainrule.compiler import build as building
from chainrule.compiler.artifact import packed, unpacked
from chainrule.compiler.build import view_of
from chainrule.compiler.capture.steps import capture_step
from chainrule.compiler.identity import identity_of
from chainrule.core.graph import Graph
from chainrule.records import replaced

STEP = """
import json, sys
import numpy as np
import chainrule as cr

TABLE = np.linspace(0.0, 1.0, 7)

def loss(p, x, y):
    h = np.tanh(x @ p["w"] + p["b"])
    return np.mean((h - y) ** 2) + np.sum(TABLE[np.array([1, 2])] * 1e-3)

def step(p, x, y):
    value, g = cr.value_and_grad(loss)(p, x, y)
    return {k: p[k] - 0.1 * g[k] for k in p}, value

rng = np.random.default_rng(0)
p = {"w": rng.normal(size=(5, 3)), "b": np.zeros(3)}
x, y = rng.normal(size=(4, 5)), rng.normal(size=(4, 3))
compiled = cr.compile(step, donate=(0,))
for _ in range(3):
    p, value = compiled(p, x, y)
at_work = [m for m in ("llvmlite", "chainrule.compiler.translation", "chainrule.compiler.lowering",
    "chainrule.compiler.planning", "chainrule.compiler.passes", "chainrule.compiler.rolling",
    "chainrule.compiler.emission", "chainrule.compiler.loops") if m in sys.modules]
print(json.dumps([value.hex(), p["w"].tobytes().hex(), at_work, compiled.report()]))
if len(sys.argv) > 1:
    print(json.dumps([str(compiled.graph), compiled.loops, compiled.llvm]))
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("CHAINRULE_CACHE", str(path))
    return path


def run(*arguments):
    lines = subprocess.run(
        [sys.executable, "-c", STEP, *arguments], capture_output=True, text=True, check=True
    ).stdout.splitlines()
    return [json.loads(line) for line in lines]


def test_a_second_process_loads_no_part_that_compiles_and_computes_the_same_bits(folder):
    first, shown = run("show")
    (second,) = run()
    assert first[2]
    assert second[2] == []
    assert second[:2] == first[:2]
    assert second[3] == first[3]
    again, shown_again = run("show")  # made anew, for people
    assert again[2] == []
    assert shown_again == shown


def test_spoilt_files_are_ignored_and_written_again(folder):
    (first,) = run()
    files = sorted(folder.iterdir())
    for number, file in enumerate(files):
        data = bytearray(file.read_bytes())
        if number % 2:
            del data[len(data) // 2 :]
        else:
            data[-1] ^= 1
        file.write_bytes(data)
    (second,) = run()
    (third,) = run()
    assert second[:2] == third[:2] == first[:2]
    assert second[2]
    assert third[2] == []


def test_a_step_of_which_numpy_computes_a_part_is_made_in_each_process(folder):
    def f(x):
        return np.sort(x) * 2

    compiled = cr.compile(f)
    x = np.array([3.0, 1.0, 2.0])
    np.testing.assert_array_equal(compiled(x), f(x))
    artifact = compiled._path().built.native.artifact
    assert artifact.hosts
    assert packed(artifact) is None


def test_checked_steps_are_not_taken_from_the_cache(folder, monkeypatch):
    calls = []
    monkeypatch.setattr(building, "get", lambda key: calls.append(key))
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    assert cr.compile(lambda x: x * 3)(2.0) == 6.0
    assert not calls


def test_an_artifact_comes_back_as_it_was():
    compiled = cr.compile(lambda x: x[np.array([2, 0, 1])] @ np.arange(6.0).reshape(3, 2))
    compiled(np.arange(3.0))
    artifact = compiled._path().built.native.artifact
    again = unpacked(packed(artifact))
    assert replaced(again, constants=()) == replaced(artifact, constants=())
    for (slot, x), (slot_again, y) in zip(artifact.constants, again.constants, strict=True):
        assert slot == slot_again
        assert np.asarray(x).dtype == y.dtype
        np.testing.assert_array_equal(x, y)


# keys


def captured(f, *arguments, moving=()):
    return capture_step(
        f,
        arguments,
        lambda leaves: (tuple(leaves), {}),
        is_shared=lambda x: False,
        moving=moving,
    )


def key(f, *arguments, in_place=None, moving=()):
    graph = captured(f, *arguments, moving=moving).graph
    return identity_of(graph, [view_of(x) for x in arguments], in_place or {})


VALUES = st.one_of(
    st.booleans(),
    st.integers(-3, 3),
    st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf"), 1 + 0j, complex(0.0, -0.0)]),
    st.sampled_from([np.float32(1), np.float64(1), np.int32(1), np.int64(1), np.longlong(1)]),
)


def exact(x):
    """Return what is equal for the same value of the same type only."""
    return type(x), np.asarray(x).tobytes()


@given(VALUES, VALUES)
def test_another_constant_gives_another_key(a, b):
    x = np.ones(3)
    keys = [key(lambda x, c=c: x * c, x) for c in (a, b)]
    assert None not in keys
    assert (keys[0] == keys[1]) == (exact(a) == exact(b))


ARRAYS = st.builds(
    lambda shape, dtype, order, step: np.ones(shape, dtype, order=order)[:, ::step],
    st.tuples(st.integers(1, 3), st.integers(2, 4)),
    st.sampled_from(["f4", "f8", "i4", "i8", "c16", "?"]),
    st.sampled_from("CF"),
    st.sampled_from([1, -1, 2]),
)


@given(ARRAYS, ARRAYS)
def test_another_dtype_shape_or_stride_gives_another_key(a, b):
    kinds = [(x.dtype, x.shape, x.strides) for x in (a, b)]
    keys = [key(lambda x: x + x, x) for x in (a, b)]
    assert None not in keys
    assert (keys[0] == keys[1]) == (kinds[0] == kinds[1])


@given(ARRAYS, ARRAYS)
def test_another_fixed_array_gives_another_key(a, b):
    kinds = [(x.dtype, x.shape, x.strides) for x in (a, b)]
    keys = [key(lambda y, x=x: np.sum(x.copy(order="K") + y), 1.0) for x in (a, b)]
    if kinds[0] == kinds[1]:
        assert keys[0] == keys[1]
    elif a.shape != b.shape or a.dtype != b.dtype:
        assert keys[0] != keys[1]


@given(st.lists(st.integers(0, 5), min_size=1, max_size=4), st.lists(st.integers(0, 5), max_size=4))
def test_the_content_of_a_fixed_array_is_part_of_the_key(a, b):
    assume(b)
    keys = [key(lambda x, i=i: x[np.array(i)] * 2, np.ones(6)) for i in (a, b)]
    assert (keys[0] == keys[1]) == (a == b)


@given(*[st.tuples(st.sampled_from([None, 0, 1, (0, 1)]), st.booleans())] * 2)
def test_another_parameter_gives_another_key(a, b):
    x = np.ones((2, 3))
    keys = [key(lambda x, o=o: np.sum(x, axis=o[0], keepdims=o[1]), x) for o in (a, b)]
    same = [(o[0] if o[0] is not None else (0, 1), o[1]) for o in (a, b)]
    if a == b:
        assert keys[0] == keys[1]
    elif same[0] != same[1]:
        assert keys[0] != keys[1]


def test_another_op_order_or_result_gives_another_key():
    x, y = np.ones(3), np.ones(3)
    functions = [
        lambda x, y: x + y,
        lambda x, y: y + x,
        lambda x, y: x - y,
        lambda x, y: x + x,
        lambda x, y: (x + y, x - y),
        lambda x, y: (x - y, x + y),
        lambda x, y: (x + y) * (x + y),
        lambda x, y: (x + y) ** 2,
    ]
    keys = [key(f, x, y) for f in functions]
    assert None not in keys
    assert len(set(keys)) == len(functions)
    assert keys == [key(f, x, y) for f in functions]


def test_arguments_that_are_written_in_place_are_part_of_the_key():
    x, y = np.ones(3), np.ones(3)
    keys = [key(lambda x, y: x * y, x, y, in_place=own) for own in ({}, {0: 0}, {0: 1})]
    assert len(set(keys)) == 3


def test_outcomes_of_branches_are_part_of_the_key():
    def f(x):
        y = x * 2
        return y if x > 0 else x * 2

    assert None not in (key(f, 1.0), key(f, -1.0))
    assert key(f, 1.0) != key(f, -1.0)


def test_what_cannot_be_written_exactly_has_no_key():
    graph = captured(lambda x: np.sum(x, axis=0), np.ones(3)).graph
    (node,) = graph.nodes
    node.params = {**node.params, "where": len}
    assert identity_of(Graph(graph.inputs, graph.nodes, graph.outputs), [], {}) is None
    node.params = {**node.params, "where": np.array(["text"])}
    assert identity_of(graph, [], {}) is None


LOOPS = """
import sys
import numpy as np
import scipy.special
import chainrule as cr

step = cr.compile(lambda a, b: np.linalg.solve(a, scipy.special.gammaln(b)) + np.fft.rfft(b)[0].real)
print(step(np.eye(3) * 2, np.array([1.5, 2.5, 3.5])).tobytes().hex())
print("llvmlite" in sys.modules)
"""


def test_loops_of_ufuncs_are_found_again_by_another_process(folder):
    told = [
        subprocess.run(
            [sys.executable, "-c", LOOPS], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert told[0][0] == told[1][0]
    assert [answer for _, answer in told] == ["True", "False"]
