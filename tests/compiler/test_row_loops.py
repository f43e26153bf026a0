"""Loops that write rows: one memory holds the array, each turn writes to its place there, and so does the gradient."""

import numpy as np
import pytest
from tests.compiler.row_loop_programs import ROWS, Program, row_loop_program
from tests.compiler.running import assert_same_bits, loops_in, native_results_of, results_of

import chainrule as cr
from chainrule.compiler import passes
from chainrule.compiler.loops.structure import walk
from chainrule.compiler.lowering import lower_section
from chainrule.compiler.passes.rewrite import recorded
from chainrule.compiler.planning.lower import lower
from chainrule.compiler.planning.planner import plan
from chainrule.compiler.rolling import array_loops
from chainrule.compiler.rolling.array_loops.choosing import chosen
from chainrule.compiler.rolling.outline import outline_of
from chainrule.compiler.views import whole
from chainrule.core.graph import Graph, capture
from chainrule.core.op import TABLE
from chainrule.core.trace import apply
from chainrule.core.types import array_type


def written_out(graph):
    """Return the program of a graph without any rolling."""
    simplified = passes.run(graph)
    return lower(plan(simplified, [whole(n.type.shape) for n in simplified.inputs]))


def check(graph, *inputs):
    """Roll a graph: the results have the bits of the program that is written out. Return the program, None if none."""
    program = array_loops.lower(graph, lower_section)
    if program is None:
        return None
    (status, got), (_, wanted) = (results_of(p, *inputs) for p in (program, written_out(graph)))
    assert status == 0
    assert_same_bits(got, wanted)
    with np.errstate(all="ignore"):
        for flat, value in zip(got, graph.run(*inputs), strict=True):
            np.testing.assert_allclose(flat, np.ravel(value), rtol=1e-10, atol=1e-12)
    return program


def loops_of(f, *shapes, is_gradient=True):
    """Check a function, and its gradient; return the number of loops it becomes."""

    def step(*args):
        value, slopes = cr.value_and_grad(f, argnums=tuple(range(len(args))))(*args)
        return (value, *slopes)

    rng = np.random.default_rng(0)
    inputs = []
    for shape in shapes:
        x = rng.normal(size=shape)
        inputs.append(np.where(rng.random(shape) < 0.2, -0.0, x) if shape else float(x))
    types = [array_type(shape, np.dtype(float)) for shape in shapes]
    graph = capture(step if is_gradient else f, *types)
    check(graph, *inputs)
    return len(chosen(graph, outline_of(graph)))


def inputs_of(seed):
    """Return arguments with many zeros of both signs."""
    rng = np.random.default_rng(seed)
    arrays = [rng.normal(size=shape) for shape in ((3,), (ROWS, 3), (ROWS, 3))]
    for x in arrays:
        x[rng.random(x.shape) < 0.1] = -0.0
        x[rng.random(x.shape) < 0.1] = 0.0
    return arrays


def trajectory(turns):
    """Return a function of a vector of four numbers and an interval that keeps every step in a row."""

    def f(x, dt):
        a = np.zeros((turns, 4))
        a[0] = x
        for t in range(1, turns):
            a[t] = a[t - 1] + dt * (np.sin(a[t - 1]) - a[t - 1][::-1])
        return np.sum(a[-1] * a[-1])

    return f


@pytest.mark.parametrize("seed", range(40))
def test_random_loops_give_the_bits_of_what_is_written_out(seed):
    check(row_loop_program(seed), *inputs_of(seed))


def test_most_random_loops_are_rolled():
    programs = [array_loops.lower(row_loop_program(seed), lower_section) for seed in range(20)]
    assert sum(p is not None for p in programs) == 8


@pytest.mark.parametrize("seed", [0, 1, 4, 13, 22, 27])
def test_native_code_of_random_loops_is_right(seed):
    graph, inputs = row_loop_program(seed), inputs_of(seed)
    program = array_loops.lower(graph, lower_section)
    status, got = native_results_of(program, *inputs)
    assert status == 0
    for flat, value in zip(got, graph.run(*inputs), strict=True):
        np.testing.assert_allclose(flat, np.ravel(value), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("donate", [(), (1, 2)])
@pytest.mark.parametrize("seed", [4, 22])
def test_arguments_are_written_to_as_they_are_eagerly(seed, donate):
    program = Program(seed)
    program.kind = "given"
    given, eager = inputs_of(seed), inputs_of(seed)
    compiled = cr.compile(program.run, donate=donate)
    for got, wanted in zip(compiled(*given), program.run(*eager), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=1e-11)
    assert "eagerly" not in compiled.report()
    np.testing.assert_allclose(given[2], eager[2], rtol=1e-9, atol=1e-11)


def test_the_number_of_statements_does_not_grow_with_the_number_of_turns():
    def count(turns):
        f = trajectory(turns)
        graph = recorded(lambda x, dt: cr.value_and_grad(f)(x, dt), (4,), ())
        program = array_loops.lower(graph, lower_section)
        return len(loops_in(program)), len(list(walk(program.body)))

    assert count(100) == count(1000) == (2, 76)


def test_a_step_into_the_next_row_is_two_loops():
    assert loops_of(trajectory(40), (4,), ()) == 2


def test_rows_are_read_two_turns_back_and_ahead():
    def f(x):
        a = np.copy(x)
        for t in range(2, 38):
            a[t] = 0.5 * a[t - 1] - 0.25 * a[t - 2] + np.sin(a[t + 1])
        return np.sum(a * x)

    assert loops_of(f, (40, 3)) == 2


def test_a_row_is_written_several_times():
    def f(x, y):
        a = np.zeros_like(x)
        for t in range(1, 40):
            a[t] = a[t - 1] @ y
            a[t] *= x[t]
            a[t] /= 1 + np.sum(a[t] ** 2)
        return np.sum(a[5:])

    assert loops_of(f, (40, 3), (3, 3)) == 2


def test_elements_and_slices_of_a_row_are_written():
    def f(x):
        a = np.copy(x)
        for t in range(1, 40):
            a[t, 0] = np.sum(a[t - 1]) * 0.3
            a[t, 1:] += a[t - 1, :-1] * a[t, 0]
        return np.sum(a * a)

    assert loops_of(f, (40, 3)) == 2


def test_columns_are_written():
    def f(x):
        a = np.copy(x)
        for t in range(1, 40):
            a[:, t] = np.cos(a[:, t - 1]) * a[:, t]
        return np.sum(a * a)

    assert loops_of(f, (3, 40)) == 2


def test_numbers_are_written_and_windows_are_read():
    def f(x, w):
        a = np.copy(x)
        for t in range(3, 40):
            a[t] = a[t] + np.sum(w * a[t - 3 : t])
        return np.sum(a * a)

    assert loops_of(f, (40,), (3,)) == 2


def test_the_first_row_is_read_in_every_turn():
    def f(x):
        a = np.copy(x)
        for t in range(1, 40):
            a[t] = np.sin(a[t - 1]) + a[0]
        return a

    assert loops_of(f, (40, 3), is_gradient=False) == 1


def test_rows_are_written_backwards_and_in_steps_of_two():
    def f(x):
        a, b = np.copy(x), np.zeros_like(x)
        for t in range(20):
            a[2 * t] = np.sin(a[2 * t + 1])
            b[39 - t] = a[2 * t] * x[t]
        return np.sum(a * b)

    assert loops_of(f, (40, 3)) == 2


@pytest.mark.parametrize(("size", "loops"), [(64, 1), (65, 0)])
def test_sums_of_large_slices_stay_one_loop_over_their_elements(size, loops):
    def f(w, x):
        total = 0.0
        for k in range(20):
            total = total + w[k] * x[k : k + size]
        return total

    assert loops_of(f, (20,), (100,), is_gradient=False) == loops


def test_rows_in_an_order_are_read_and_written():
    order = [(7 * t) % 40 for t in range(40)]

    def f(x):
        a = np.copy(x)
        for t in range(40):
            a[order[t]] = np.sin(a[order[t]]) * x[order[t]]
        return np.sum(a * x)

    assert loops_of(f, (40, 3)) == 2


def test_views_of_rows_are_written_to():
    def f(x):
        a = np.copy(x)
        for t in range(1, 39):
            row = a[t]
            row *= 0.5
            row[0] = a[t - 1, 1] * x[t, 0]
        return np.sum(a * a[3])

    assert loops_of(f, (40, 3)) == 2


def added(a, x, t):
    """Return an array with something added to a row, as gradients do it: and 0.0 to all others."""
    return a + apply(TABLE["scatter"], x, index=(t,), shape=a.shape)


def test_what_is_read_before_something_is_added_keeps_its_negative_zeros_in_the_first_turn():
    def f(a, x):
        signs = x[0]
        for t in range(36):
            for row in (t, t + 1, 39):
                signs = signs + np.copysign(1.0, a[row])
            a = added(a, x[t], t + 2)
            signs = signs + np.copysign(1.0, a[38])
        return a, signs

    graph = recorded(f, (40, 3), (40, 3))
    x = np.random.default_rng(0).normal(size=(40, 3))
    x[::3] = -0.0
    assert check(graph, np.full((40, 3), -0.0), x) is not None


@pytest.mark.parametrize(("value", "is_rolled"), [(0.0, True), (-0.0, False), (None, False)])
def test_negative_zeros_that_are_written_behind_an_addition_are_written_out(value, is_rolled):
    def f(a, x):
        for t in range(36):
            a = added(a, x[t], t)
            a = apply(TABLE["setitem"], a, x[t] if value is None else value, index=(t + 2,))
        return a

    program = check(recorded(f, (40, 3), (40, 3)), *[np.full((40, 3), -0.0)] * 2)
    assert (program is not None) == is_rolled


@pytest.mark.parametrize(("back", "is_rolled"), [(0, True), (1, False), (2, False)])
def test_a_version_from_before_the_turn_is_not_in_memory_any_more(back, is_rolled):
    def f(x):
        versions = [x] * 3
        for t in range(1, 40):
            value = np.sin(versions[-1 - back][t]) + versions[-1 - back][0]
            versions.append(apply(TABLE["setitem"], versions[-1], value, index=(t,)))
        return versions[-1]

    x = np.random.default_rng(0).normal(size=(40, 3))
    assert (check(recorded(f, (40, 3)), x) is not None) == is_rolled


def test_the_slope_of_a_loop_is_differentiated_again():
    def slope(x):
        return np.sum(cr.grad(lambda x: trajectory(30)(x, 0.1))(x) ** 2)

    assert loops_of(slope, (4,)) >= 3


def test_values_that_are_kept_in_a_list_are_stacked_where_they_lie():
    def count(turns):
        def f(x):
            kept = [x * 2.0]
            for _ in range(turns):
                kept.append(np.sin(kept[-1]) * x - 0.25 * kept[-1][::-1])
            return np.sum(np.stack(kept) ** 3)

        graph = recorded(cr.value_and_grad(f), (4,))
        rng = np.random.default_rng(0)
        program = check(graph, rng.normal(size=4))
        return len(loops_in(program)), len(list(walk(program.body)))

    assert count(100) == count(200)
    assert count(100)[0] == 2


def test_integers_and_complex_numbers_are_written():
    def f(x):
        a, n = x * 1j, np.zeros_like(x, dtype=int)
        for t in range(1, 40):
            a[t] = a[t - 1] * 1j + a[t]
            n[t] = n[t - 1] + (x[t] > 0.05 * t)
            n[t] += t
        return np.sum(np.real(a) * n)

    assert loops_of(f, (40, 3)) == 2


def test_masks_choose_what_is_written():
    def f(x):
        a = np.copy(x)
        for t in range(1, 40):
            row = np.where(a[t - 1] > 0.1 * t, a[t], a[t] - a[t - 1])
            row[row < -1] = -1.0
            a[t] = row
        return np.sum(a * x)

    assert loops_of(f, (40, 3)) == 2


@pytest.mark.parametrize(
    "turn",
    [
        lambda a, t: np.sum(a) * 0.1,  # reads all of it
        lambda a, t: a[38 - t] * 0.5,  # meets the row that is written in some turns
        lambda a, t: a[t * t % 40] * 0.5,
        lambda a, t: a[t : 2 * t + 1][0],
    ],
)
def test_what_is_not_certainly_apart_is_written_out(turn):
    def f(x):
        a = np.copy(x)
        for t in range(40):
            a[t] = np.sin(a[t]) + turn(a, t)
        return np.sum(a * x)

    assert loops_of(f, (40, 3)) == 0


def test_an_array_of_which_an_earlier_version_is_asked_for_is_written_out():
    def f(x):
        a = np.copy(x)
        for t in range(40):
            a[t] = np.sin(a[t]) * x[t]
        return a

    graph = recorded(f, (40, 3))
    writes = [node for node in graph.nodes if node.op.name == "setitem"]
    x = np.random.default_rng(0).normal(size=(40, 3))
    assert check(graph, x) is not None
    assert check(Graph(graph.inputs, graph.nodes, (*graph.outputs, writes[-1])), x) is not None
    assert check(Graph(graph.inputs, graph.nodes, (*graph.outputs, writes[-2])), x) is None
