"""Scalar programs: numbers, small arrays and single elements of large ones become straight statements."""

import numpy as np
import pytest
from tests.compiler.running import assert_same_bits, results_of

import chainrule as cr
from chainrule.compiler import passes
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import Let, Load, Loop, Store
from chainrule.compiler.passes.rewrite import recorded
from chainrule.compiler.rolling import scalars
from chainrule.core.graph import Graph, capture
from chainrule.core.op import FRONTS
from chainrule.core.types import array_type

LARGE = 40


def check(f, *inputs):
    """Lower a function with its inputs' types; the program computes what the graph does, bit by bit."""
    graph = capture(f, *[array_type(np.shape(x), np.asarray(x).dtype) for x in inputs])
    program = scalars.lower(graph)
    assert program is not None
    status, got = results_of(program, *inputs)
    assert status == 0
    with np.errstate(all="ignore"):
        assert_same_bits(got, graph.run(*inputs))
    return program


def put(x, index, value):
    return FRONTS["setitem"](x, value, index)


def _distance(m, x):
    for _ in range(100):
        x = np.exp(x) + m[3]
    path = np.stack([x * k for k in range(LARGE)])
    return np.exp(path - m).reshape(8, 5), np.broadcast_to(x, (LARGE,)) * m, x


VECTOR = np.array([1.5, -0.0, 2.0])
MANY = np.linspace(-1, 1, LARGE)

PROGRAMS = {
    "arithmetic": (lambda x, y: x * y + np.exp(x) / 3, 1.5, 2.5),
    "float32": (lambda x, y: x * y - 1.5, np.float32(1.1), np.float32(2.3)),
    "mixed dtypes": (lambda x, y: x * y + 1, np.float32(1.1), np.float64(2.3)),
    "integers": (lambda n, x: n // 2 + n * x, np.int64(7), 0.5),
    "booleans": (lambda x, y: np.where((x > y) & (y > 0), x, y), 1.5, 2.5),
    "complex numbers": (lambda z, x: z * z + x, 1 + 2j, 0.5),
    "casts": (lambda x: x.astype(np.int64) + x.astype(np.float32), 2.75),
    "elements of a small array": (lambda v: v[0] * v[-1] + v[1], VECTOR),
    "a small array as a whole": (lambda v, w: np.exp(v) * w + v[::-1], VECTOR, 2 * VECTOR),
    "a stack": (lambda x, y: np.stack([x, y * x])[1] + x, 1.5, 2.5),
    "a stack as a result": (lambda x, y: np.stack([x, y, 1.0, x * y]), 1.5, 2.5),
    "a matrix": (lambda x, y: (np.stack([np.stack([x, y]), np.stack([y, x])]).T * x)[0], 1.5, 2.5),
    "a sum": (lambda v: np.sum(v * v) + np.sum(v.reshape(3, 1), axis=0)[0], VECTOR),
    "all of a small array": (lambda v: (np.all(v > 1.0), np.all(v < 9.0) & (v[0] > 1)), VECTOR),
    "any of a small array": (lambda v: (np.any(v > 1.9), np.any(np.stack([v, v]) > 9.0)), VECTOR),
    "a number for an array": (lambda v, x: v * np.broadcast_to(x, (2, 3)), VECTOR, 1.5),
    "a write": (lambda v, x: put(v, 1, x * 2), VECTOR, 1.5),
    "a write of a slice": (lambda v, x: put(v, slice(0, 2), x), VECTOR, 1.5),
    "the gradient of a small array": (cr.grad(lambda v: v[0] * v[1] * v[2]), VECTOR),
    "elements of a large array": (lambda m: m[0] * m[-1] + m[7], MANY),
    "writes to a large array": (lambda m, x: put(put(m, 3, x), -1, x * 2), MANY, 1.5),
    "an old version of an array": (
        lambda m, x: put(m, 3, x)[3] + m[3] + put(m, 4, x)[3],
        MANY,
        1.5,
    ),
    "the gradient of a large array": (cr.grad(lambda m: m[0] * m[5] * m[-1] * m[5]), MANY),
    "a large stack": (lambda x: np.stack([x * k for k in range(LARGE)]), 1.5),
    "zeros": (lambda m, x: put(np.zeros_like(m), 3, x), MANY, 1.5),
    "zero added to -0.0": (lambda x: x + 0.0, -0.0),
    "a part added to an array with -0.0": (
        lambda m, x: put(put(m, 3, x), 4, -0.0) + FRONTS["scatter"](x, index=(4,), shape=(LARGE,)),
        MANY,
        -0.0,
    ),
    "a large constant": (lambda x: put(MANY, 2, x), 1.5),
    "a constant result": (lambda m, x: np.ones_like(m), MANY, 1.5),
    "a few steps on whole arrays": (_distance, MANY, 1.5),
    "an empty array": (lambda v, x: v * x, np.zeros(0), 1.5),
    "a copy": (lambda m, x: put(np.copy(m), 2, x), MANY, 1.5),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program_gives_the_bits_of_its_graph(name):
    f, *inputs = PROGRAMS[name]
    check(f, *inputs)


@pytest.mark.parametrize("name", PROGRAMS)
def test_so_it_does_behind_the_passes(name):
    f, *inputs = PROGRAMS[name]
    graph = capture(f, *[array_type(np.shape(x), np.asarray(x).dtype) for x in inputs])
    after = passes.run(graph)
    status, got = results_of(scalars.lower(after), *inputs)
    assert status == 0
    with np.errstate(all="ignore"):
        assert_same_bits(got, after.run(*inputs))


@pytest.mark.parametrize(
    "f",
    [
        lambda m: np.exp(m),
        lambda m: np.sum(m * m),
        lambda m: m[1:3],
        lambda m: m[np.array([1, 2])],
        lambda m: m @ m,
        lambda m: np.sort(m[:4]),
    ],
)
def test_work_on_whole_arrays_is_no_scalar_program(f):
    assert scalars.lower(recorded(f, (LARGE,))) is None


def test_numbers_without_instructions_are_no_scalar_program():
    half = array_type((), np.dtype(np.float16))
    assert scalars.lower(capture(lambda x: x, half)) is None
    graph = capture(lambda x: x.astype(np.float16), array_type((), np.dtype(float)))
    assert scalars.lower(graph) is None


def test_numbers_stay_in_registers():
    program = check(lambda x, y: np.stack([x, y])[1] * x, 1.5, 2.5)
    assert [type(s) for s in program.body] == [Load, Load, Let, Store]
    assert program.arena == 0


def test_many_reads_cost_one_write_each_in_the_gradient():
    program = check(cr.grad(lambda m: sum(m[i] * m[i] for i in range(20))), MANY)
    adds = [s for s in program.body if isinstance(s, Store) and s.add]
    sweeps = [s for s in program.body if isinstance(s, Loop)]
    assert len(adds) == 40
    assert len(sweeps) == 2  # zeros before, the copy to the result behind


def test_a_write_goes_into_the_array_before_it_if_nobody_uses_that():
    def f(x):
        m = np.stack([x] * LARGE)
        for i in range(30):
            m = put(m, i, m[i] * 2)
        return m

    program = check(f, 1.5)
    assert len([b for b in program.buffers if b.role == "temporary"]) == 1


def test_an_array_that_a_guard_may_leave_is_not_written_before_it():
    graph = recorded(lambda m, x: put(m, 3, x), (LARGE,), ())
    program = scalars.lower(graph)
    last = program.body[-1]
    written = [s for s in program.body if isinstance(s, Store) and s.buffer.role == "output"]
    assert isinstance(last, Loop)
    assert not written


def test_results_may_lie_where_the_arguments_did():
    graph = recorded(lambda a, b: (b, a), (LARGE,), (LARGE,))
    program = scalars.lower(graph)
    x, y = np.arange(0.0, LARGE), np.arange(0.0, -LARGE, -1)
    arrays = [x.copy(), y.copy()]
    interpret(program, [*arrays, *arrays])
    assert_same_bits(arrays, [y, x])


def test_results_may_be_arguments_and_constants():
    graph = recorded(lambda x, v: (x, v, x), (), (3,))
    graph = Graph(graph.inputs, graph.nodes, (*graph.outputs, 2.5))
    _, got = results_of(scalars.lower(graph), 1.5, VECTOR)
    assert_same_bits(got, [1.5, VECTOR, 1.5, 2.5])
