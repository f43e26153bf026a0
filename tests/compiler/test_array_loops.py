"""Loops over arrays: each body is lowered once and runs in a loop; what is read later has a row of memory per turn."""

import numpy as np
import pytest
from tests.compiler.array_loop_programs import array_loop_program
from tests.compiler.running import (
    assert_same_bits,
    loops_in,
    native_results_of,
    results_of,
)
from tests.compiler.test_rolling import GUARD

import chainrule as cr
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.lowering import lower_section
from chainrule.compiler.passes.rewrite import recorded
from chainrule.compiler.rolling import array_loops, scalars
from chainrule.compiler.rolling.finding import loops_of
from chainrule.compiler.rolling.outline import outline_of
from chainrule.core.graph import Graph
from chainrule.core.trace import apply


def scalar_section(graph, views, in_place):
    """Lower a part as a scalar program, whose results are written behind all that is read."""
    assert all(view.is_contiguous for view in views)
    return scalars.lower(graph)


def check(graph, *inputs):
    """Lower a graph, its parts in two ways; both give the bits of the graph. Return the loops."""
    for section in (scalar_section, lower_section):
        program = array_loops.lower(graph, section)
        status, got = results_of(program, *inputs)
        assert status == 0
        with np.errstate(all="ignore"):
            assert_same_bits(got, graph.run(*inputs))
    return loops_in(program)


def shapes(graph):
    return [(loop.period, loop.turns) for loop in loops_of(outline_of(graph))]


def field(turns):
    """A step on an array, with a row of another one and a number that depends on the turn."""

    def f(h, x):
        for t in range(turns):
            a = h * x[t] + 0.5
            h = (a / (1 + a * a) + np.exp(-h * h) * (0.07 * t))[::-1]
        return np.sum(h * h)

    return f


def gradient_of_field(turns):
    return recorded(lambda h, x: cr.value_and_grad(field(turns))(h, x), (3,), (turns, 3))


def test_a_step_on_arrays_and_its_gradient_are_two_loops():
    assert shapes(gradient_of_field(60)) == [(12, 60), (18, 60)]
    graph = gradient_of_field(60)
    rng = np.random.default_rng(0)
    assert len(check(graph, rng.normal(size=3), rng.normal(size=(60, 3)))) == 2


def test_each_body_is_lowered_once_however_many_turns_there_are():
    asked = []

    def section(graph, views, in_place):
        asked.append(len(graph.nodes))
        return lower_section(graph, views, in_place)

    assert array_loops.lower(gradient_of_field(80), section) is not None
    few, asked = asked, []
    assert array_loops.lower(gradient_of_field(240), section) is not None
    assert few == asked


@pytest.mark.parametrize("seed", [s for s in range(44) if s not in {23, 31, 35}])
def test_random_loops_give_the_bits_of_their_graph(seed):
    rng = np.random.default_rng(seed)
    check(array_loop_program(seed), rng.normal(size=3), 0.7, rng.normal(size=40))


@pytest.mark.parametrize("seed", range(0, 20, 4))
def test_native_code_of_random_loops_is_right(seed):
    graph = array_loop_program(seed)
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=3), 0.7, rng.normal(size=40)
    status, got = native_results_of(array_loops.lower(graph, lower_section), *inputs)
    assert status == 0
    for flat, value in zip(got, graph.run(*inputs), strict=True):
        np.testing.assert_allclose(flat.reshape(np.shape(value)), value, rtol=1e-9, atol=1e-12)


def test_results_may_be_values_of_the_last_turn_of_others_and_arguments():
    def f(h):
        kept = [h]
        for _ in range(40):
            kept.append(np.exp(-kept[-1] * kept[-1]) * 1.5 + kept[-1] * 0.25)
        return kept[-1], kept[7], h

    graph = recorded(f, (3,))
    graph = Graph(graph.inputs, graph.nodes, (*graph.outputs, 2.5))
    assert len(check(graph, np.array([0.1, -0.2, 0.3]))) == 1


def test_results_may_lie_where_the_arguments_did():
    def f(a, b):
        h = a
        for _ in range(40):
            h = np.exp(-h * h) + b * 0.25
        return b, a, h

    graph = recorded(f, (3,), (3,))
    program = array_loops.lower(graph, lower_section)
    a, b = np.array([0.5, 1.0, 2.0]), np.array([-1.0, -2.0, 0.0])
    arrays = [a.copy(), b.copy()]
    last = np.zeros(3)
    interpret(program, [*arrays, *arrays, last, *[None] * len(program.constants)])
    assert_same_bits([*arrays, last], graph.run(a, b))


def test_a_guard_in_each_turn_keeps_its_number():
    def f(h, limit):
        for _ in range(40):
            h = h * 1.5 + 0.25
            met = apply(GUARD, np.sum(h) < limit, expected=True)
            h = np.where(met, h, 0.0)
        return h * limit

    program = array_loops.lower(recorded(f, (3,), ()), scalar_section)
    assert len(loops_in(program)) == 1
    for run in (results_of, native_results_of):
        assert run(program, np.ones(3), 1e9)[0] == 0
        assert run(program, np.ones(3), 5.0)[0] == 1
        assert run(program, np.ones(3), 100.0)[0] == 8


def test_few_turns_are_left_to_others():
    assert array_loops.lower(gradient_of_field(12), lower_section) is None


def test_few_turns_that_do_much_are_loops():
    def f(h, x):
        for _ in range(8):
            for k in range(4):
                h = (h * x[k] + np.exp(-h * h)) / (1 + h * h) - h[::-1] * (0.1 * k)
            h = h * x[4]
        return np.sum(h * h)

    graph = recorded(cr.value_and_grad(f), (3,), (5, 3))
    rng = np.random.default_rng(0)
    assert len(check(graph, rng.normal(size=3), rng.normal(size=(5, 3)))) == 2


def test_what_one_part_cannot_be_is_none_as_a_whole():
    assert array_loops.lower(gradient_of_field(60), lambda *part: None) is None


def test_a_loop_that_reads_the_turns_of_one_that_is_written_out_is_written_out_too():
    order = [(7 * t) % 3 for t in range(40)]

    def f(h, x):
        for t in range(40):
            h = np.exp(-h * h) + 0.5 * h * x[t]
            h = h * h[order[t]]  # of a value of the turn another part every time
        return np.sum(h * h)

    def step(h, x):
        value, slope = cr.value_and_grad(f)(h, x)
        for _ in range(30):  # a loop of its own, so that there is a program
            value = np.exp(-value * value) + np.sum(h * 0.25) * value
        return value, slope

    graph = recorded(step, (3,), (40,))
    rng = np.random.default_rng(0)
    assert len(check(graph, rng.normal(size=3), rng.normal(size=40))) == 1
