"""Rolling: Python's loops are found again in the graph and become loops, which compute the same bits."""

import numpy as np
import pytest
from tests.compiler.loop_programs import loop_program
from tests.compiler.running import (
    assert_same_bits,
    loops_in,
    native_results_of,
    results_of,
)

import chainrule as cr
from chainrule.compiler import rolling
from chainrule.compiler.passes.rewrite import recorded
from chainrule.compiler.rolling import finding, lanes
from chainrule.compiler.rolling.finding import loops_of
from chainrule.compiler.rolling.lanes import Gathered, Own, Same, Saved, Table
from chainrule.compiler.rolling.taped import program_of
from chainrule.compiler.rolling.taping import tape_of
from chainrule.core.op import Op
from chainrule.core.trace import apply
from chainrule.errors import CompileError, GraphError


def bump(x):
    return np.exp(-x * x)


def rise(x):
    return np.sqrt(1 + x * x)


def lorenz(steps):
    """Return the graph of the gradient of a number after so many steps."""

    def rates(s, r, b, x, y, z):
        return s * (y - x), x * (r - z) - y, x * y - b * z

    def f(s, r, b):
        x, y, z, h = s * 0.1, r * 0.1, b * 0.3, 0.01
        for _ in range(steps):
            a = rates(s, r, b, x, y, z)
            c = rates(s, r, b, x + h / 2 * a[0], y + h / 2 * a[1], z + h / 2 * a[2])
            x, y, z = x + h * c[0], y + h * c[1], z + h * c[2]
        return x * x + y + z

    return recorded(lambda s, r, b: cr.value_and_grad(f, argnums=(0, 1, 2))(s, r, b)[1])


def shapes(graph):
    """Return the period and the turns of each loop found, and how many positions are left."""
    tape = tape_of(graph)
    loops = loops_of(tape)
    left = len(tape) - sum(loop.period * (loop.turns - 1) for loop in loops)
    return [(loop.period, loop.turns) for loop in loops], left


def classes(graph):
    """Return the classes of lanes that the loops of a graph have."""
    found = loops_of(tape_of(graph))
    return {type(lane) for loop in found for row in loop.lanes for lane in row if lane is not None}


def check(graph, *inputs):
    """Lower a graph; its program gives the bits of the graph. Return its loops."""
    program = rolling.lower(graph)
    status, got = results_of(program, *inputs)
    assert status == 0
    with np.errstate(all="ignore"):
        assert_same_bits(got, graph.run(*inputs))
    return loops_in(program)


def test_an_equation_of_motion_and_its_gradient_are_two_loops():
    assert shapes(lorenz(30)) == ([(28, 29), (52, 29)], 162)
    assert len(check(lorenz(30), 10.0, 28.0, 8 / 3)) == 2


def test_what_is_written_does_not_grow_with_the_number_of_steps():
    assert shapes(lorenz(300)) == ([(28, 299), (52, 298)], 214)
    assert shapes(lorenz(100)) == ([(28, 99), (52, 98)], 214)


@pytest.mark.parametrize("seed", range(90))
def test_random_loops_give_the_bits_of_their_graph(seed):
    rng = np.random.default_rng(seed)
    inputs = float(rng.normal()), float(rng.normal()), rng.normal(size=40)
    check(loop_program(seed), *inputs)


def test_most_random_loops_are_found():
    found = [bool(loops_of(tape_of(loop_program(seed)))) for seed in range(20)]
    assert sum(found) == 12  # the others have few turns


def test_native_code_of_an_equation_of_motion_is_right():
    graph = lorenz(200)
    status, got = native_results_of(rolling.lower(graph), 10.0, 28.0, 8 / 3)
    assert status == 0
    np.testing.assert_allclose(np.concatenate(got), graph.run(10.0, 28.0, 8 / 3), rtol=1e-9)


@pytest.mark.parametrize("seed", range(0, 90, 6))
def test_native_code_of_random_loops_is_right(seed):
    graph = loop_program(seed)
    inputs = 0.7, -0.4, np.random.default_rng(seed).normal(size=40)
    status, got = native_results_of(rolling.lower(graph), *inputs)
    assert status == 0
    for flat, value in zip(got, graph.run(*inputs), strict=True):
        np.testing.assert_allclose(flat.reshape(np.shape(value)), value, rtol=1e-9, atol=1e-12)


def test_numbers_that_differ_from_turn_to_turn_are_a_table():
    def f(x):
        for t in range(30):
            x = x + bump(x * (0.1 * t)) * rise(x) * 0.5
        return x

    graph = recorded(f)
    assert Table in classes(graph)
    assert len(check(graph, 1.5)) == 1


def test_a_value_of_two_turns_ago_is_handed_on_twice():
    def f(x):
        old, older = x * 0.5, x * 0.25
        for _ in range(40):
            x, old, older = bump(x) + 0.3 * older + 0.01, x, old
        return x

    graph = recorded(f)
    lags = {
        lane.lag
        for loop in loops_of(tape_of(graph))
        for row in loop.lanes
        for lane in row
        if isinstance(lane, Own)
    }
    assert max(lags) == 3
    (loop,) = check(graph, 1.5)
    assert len(loop.carried) >= 3


def test_a_gradient_reads_the_turns_of_the_loop_before_it_backwards():
    found = loops_of(tape_of(lorenz(30)))
    steps = {lane.step for row in found[1].lanes for lane in row if isinstance(lane, Saved)}
    assert steps == {-1}
    assert {Same, Own} <= classes(lorenz(30))


def test_an_array_is_read_and_written_by_the_turn():
    def f(x, p):
        out = np.zeros_like(x)
        v = p
        for t in range(40):
            v = 0.5 * v + rise(x[t] * p)
            out[t] = v * v
        return out[3] * out[39], out

    graph = recorded(lambda x, p: (cr.grad(lambda x: f(x, p)[0])(x), f(x, p)[1]), (40,), ())
    loops = check(graph, np.linspace(-1, 1, 40), 0.7)
    assert len(loops) >= 2


def test_elements_in_no_order_are_read_by_a_table():
    order = np.random.default_rng(5).permutation(40).tolist()

    def f(x, p):
        total = p
        for i in order:
            total = bump(total) * x[i] + total * 0.5
        return total

    step = recorded(lambda x, p: cr.value_and_grad(f, argnums=(0, 1))(x, p)[1], (40,), ())
    assert len(check(step, np.linspace(-1, 1, 40), 0.3)) == 2


def test_small_arrays_stay_in_registers_from_turn_to_turn():
    def f(state, rates):
        for _ in range(50):
            state = state + 0.05 * (np.roll(state, 1) * rates - state)
        return np.sum(state * state)

    step = recorded(
        lambda state, rates: (*cr.value_and_grad(f, argnums=(0, 1))(state, rates)[1],), (3,), (3,)
    )
    loops = check(step, np.array([1.0, 0.5, 2.0]), np.array([0.3, 0.2, 0.1]))
    assert [len(loop.carried) for loop in loops] == [3, 6]


def test_values_in_no_order_are_gathered():
    order = np.random.default_rng(5).permutation(20)

    def f(x):
        values = [bump(x * k) + np.exp(-x * k) for k in range(20)]
        total = x
        for k in order.tolist():
            total = rise(total) * values[k] + bump(total) * x - total * 0.25
        return total

    graph = recorded(f)
    assert Gathered in classes(graph)
    assert len(check(graph, 0.3)) == 2


def test_a_special_turn_splits_a_loop():
    def f(x):
        for t in range(60):
            x = bump(x) * 0.5 + rise(x) * x
            if t == 30:
                x = np.exp(-x)
        return x

    assert len(check(recorded(f), 0.3)) == 2


def test_a_few_turns_are_not_worth_a_loop():
    def f(x):
        for _ in range(3):
            x = bump(x)
        return x

    assert check(recorded(f), 0.3) == []


def test_loops_in_loops_are_found_inside():
    def f(x):
        for _ in range(6):
            y = x
            for _ in range(50):
                y = bump(y) * 0.5 + x
            x = rise(y)
        return x

    assert len(check(recorded(f), 0.3)) == 6


def test_float32_stays_float32():
    def f(x, p):
        v = x[0]
        for t in range(40):
            v = v * np.float32(0.5) + x[t] * p
        return v

    graph = recorded(f, (40,), ())
    # The same program on single precision.
    from chainrule.core.graph import capture
    from chainrule.core.types import array_type

    single = np.dtype(np.float32)
    graph = capture(f, array_type((40,), single), array_type((), single))
    assert len(check(graph, np.linspace(0, 1, 40).astype(single), np.float32(0.3))) == 1


def test_a_loop_that_does_not_give_back_its_turns_is_refused(monkeypatch):
    def wrong(loop):
        out = lanes.expanded(loop)
        out[-1, 0] += 1
        return out

    monkeypatch.setattr(finding, "expanded", wrong)
    with pytest.raises(GraphError, match="does not give back the actions it was made of"):
        loops_of(tape_of(lorenz(30)))


def test_checking_names_rolling_and_saves_the_graph(monkeypatch, tmp_path):
    monkeypatch.setenv("CHAINRULE_CHECK", "1")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path))
    assert rolling.lower(lorenz(20)) is not None
    other = tape_of(recorded(lambda s, r, b: (s, r, b + 1)))
    monkeypatch.setattr(rolling, "program_of", lambda tape, loops: program_of(other, ()))
    with pytest.raises(CompileError, match="the pass rolling changed the program: output 0 was"):
        rolling.lower(lorenz(20))
    assert len(list((tmp_path / "failures").iterdir())) == 1


def test_whole_arrays_are_left_to_others():
    def f(x):
        for _ in range(200):
            x = bump(x)
        return x

    assert rolling.lower(recorded(f, (40,))) is None


def decide(condition, *, expected):
    """Record a guard as capture does: an op of its own."""
    return apply(GUARD, condition, expected=expected)


GUARD = Op(
    "guard",
    "constant",
    lambda condition, expected: condition,
    lambda condition, expected: condition,
    *[lambda *_: None] * 3,
)


def guarded(turns):
    """Return the graph of a loop with two guards in each turn, and one behind it."""

    def f(x, limit):
        for _ in range(turns):
            y = x * 1.5 + 0.25
            met = [decide(y < limit, expected=True), decide(y < -limit, expected=False)]
            x = np.where(met[0] & ~met[1], y, x)
        met = decide(x > 0, expected=True)
        return np.where(met, x, 0.0) * limit

    return recorded(f)


@pytest.mark.parametrize("run", [results_of, native_results_of])
def test_the_guard_that_fails_first_is_reported_by_its_turn(run):
    program = rolling.lower(guarded(40))
    assert [len(loop.body) > 4 for loop in loops_in(program)] == [True]
    assert run(program, 1.0, 1e9)[0] == 0
    for turns in (0, 7, 30):
        x = 1.0
        for _ in range(turns):
            x = x * 1.5 + 0.25
        assert run(program, 1.0, x * 1.5 + 0.25)[0] == 2 * turns + 1
    assert run(program, -1e9, -1.0)[0] == 2
    assert run(program, -0.5, 1e9)[0] == 81


def test_nothing_is_written_where_a_guard_fails():
    _, got = native_results_of(rolling.lower(guarded(40)), 1.0, 2.0)
    assert got == [np.zeros(1)]
