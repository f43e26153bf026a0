"""`compile`: what it returns behaves as the function it was made of, whatever that does."""

import copy
import dataclasses
import functools
import io
import math
import pickle
import threading
from typing import NamedTuple

import numpy as np
import pytest

import chainrule as cr
from chainrule import tree
from chainrule.errors import ArgumentError, NotCompiledError, NotDifferentiableError

weights = np.array([1.0, 2.0, 3.0])
factor = 2.0


def assert_close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)


def is_native(compiled):
    return "eagerly" not in compiled.report()


def assert_same_calls(f, *calls, native=True):
    """Compare a function with its compiled form, call after call, arguments that are written to included."""
    compiled = cr.compile(f)
    for args in calls:
        ours, theirs = (
            [a.copy() if isinstance(a, np.ndarray) else a for a in args] for _ in range(2)
        )
        assert_equal_results(compiled(*ours), f(*theirs))
        assert_equal_results(ours, theirs)
    assert native is None or is_native(compiled) is native, compiled.report()
    return compiled


def assert_equal_results(got, expected):
    got, structure = tree.flatten(got)
    expected, expected_structure = tree.flatten(expected)
    assert structure == expected_structure
    for x, y in zip(got, expected, strict=True):
        assert type(x) is type(y)
        assert_close(np.asarray(x), np.asarray(y))


# what it takes and gives


class Pair(NamedTuple):
    first: object
    second: object


@dataclasses.dataclass(frozen=True)
class Line:
    slope: object
    offset: object


@pytest.mark.parametrize(
    "argument",
    [
        2.0,
        np.float32(2.0),
        np.arange(3.0),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(12.0)[::-3],
        np.zeros((0, 3)),
        [1.0, np.ones(2)],
        {"b": np.ones(2), "a": (1.0, None, "text")},
        Pair(np.ones(2), 1.0),
        Line(np.ones(2), {"x": 1.0}),
    ],
    ids=str,
)
def test_containers_come_back_as_they_are(argument):
    def doubled(x):
        return tree.map(lambda leaf: leaf * 2, x), x

    assert_same_calls(doubled, (argument,), (argument,))


def test_a_gradient_step_is_one_native_function(rng):
    def loss(parameters, x, y):
        hidden = np.tanh(x @ parameters["w"] + parameters["b"])
        return np.mean((hidden - y) ** 2)

    def step(parameters, x, y, rate):
        value, gradient = cr.value_and_grad(loss)(parameters, x, y)
        return {k: p - rate * gradient[k] for k, p in parameters.items()}, value

    parameters = {"w": rng.normal(size=(3, 4)), "b": np.zeros(4)}
    x, y = rng.normal(size=(5, 3)), rng.normal(size=(5, 4))
    assert_same_calls(step, (parameters, x, y, 0.1), (parameters, x, y, 0.2))


def test_keyword_arguments_pass_through():
    f = cr.compile(lambda x, *, scale=1.0: x * scale)
    assert f(np.ones(2)).tolist() == [1.0, 1.0]
    assert f(np.ones(2), scale=3.0).tolist() == [3.0, 3.0]
    assert f(x=np.ones(2), scale=4.0).tolist() == [4.0, 4.0]


def test_another_shape_dtype_or_layout_is_another_specialization():
    f = cr.compile(lambda x: x.sum(axis=0) * 2)
    arrays = [np.ones(3), np.ones((3, 2)), np.ones(3, np.float32), np.ones((3, 2), order="F")]
    for x in arrays:
        result = f(x)
        assert (result.dtype, np.shape(result)) == (x.dtype, x.shape[1:])
    assert len(f._known) == 4


def test_texts_and_integers_are_compiled_for():
    def f(x, mode, n):
        return x[:n].sum() if mode == "sum" else x[:n].prod()

    x = np.array([2.0, 3.0, 4.0])
    assert_same_calls(f, (x, "sum", 2), (x, "prod", 2), (x, "prod", 3))


def test_an_integer_that_counts_calls_is_compiled_once():
    def f(x, t):
        return x / (1 - 0.9**t)

    compiled = assert_same_calls(f, *[(np.ones(2), t) for t in range(1, 9)])
    assert len(compiled._known) == 2


def test_an_integer_that_is_a_shape_is_compiled_for():
    compiled = assert_same_calls(lambda n: np.ones(n) * 2, (2,), (3,), (4,), native=None)
    assert compiled(5).tolist() == [2.0] * 5


@pytest.mark.parametrize(
    "values",
    [
        (3, 4, 3.0, True, 3),
        (0.0, -0.0, np.float32(0.0), 0.0),
        ((0.0, 1), (-0.0, 1), (0.0, True)),
        ({"a": [0.5]}, {"a": [1.5]}, {"a": [0.5]}),
        (np.array([0.0, 1.0]), np.array([-0.0, 1.0]), np.array([2.0, 1.0])),
    ],
)
def test_static_numbers_arrays_and_containers_are_compiled_for(values):
    def f(x, n):
        return [np.copysign(x, k) * np.asarray(k) for k in tree.leaves(n)]

    compiled = cr.compile(f, static=1)
    for n in values:
        assert_equal_results(compiled(2.0, n), f(2.0, n))
    assert is_native(compiled), compiled.report()


def test_a_static_container_that_changes_is_compiled_for_anew():
    compiled = cr.compile(lambda x, options: x * options["rate"], static=1)
    options = {"rate": 3.0}
    assert compiled(2.0, options) == 6.0
    options["rate"] = 5.0
    assert compiled(2.0, options) == 10.0
    assert is_native(compiled)


class _Rate:
    def __init__(self, value):
        self.value = value


def _printing(f):
    """Return a function that tells of its calls that run as Python, on numbers or to be captured."""

    def printing(*args):
        print("called")  # noqa: T201  that it is printed is what is asked
        return f(*args)

    return printing


@pytest.mark.parametrize(
    ("f", "static", "others"),
    [
        (lambda x, n: x**n, 2, [3, 2.0]),
        (lambda x, s: x * s["n"] + s["a"][0], {"n": 2, "a": [1.5, None]}, [{"n": 2, "a": [-1.5]}]),
        (lambda x, s: x * np.sum(s["w"]), {"w": np.ones(3)}, [{"w": np.zeros(3)}]),
        (lambda x, s: np.reshape(x, s), (2, 3), [(3, 2), (6,)]),
        (lambda x, rate: x * rate.value, _Rate(2.0), [_Rate(3.0)]),
    ],
)
def test_calls_with_static_arguments_run_natively(f, static, others, capsys):
    step = cr.compile(_printing(f), static=1)
    x = np.arange(6.0)
    for given in (static, *others):
        assert_equal_results(step(x, given), f(x, given))
        assert "called" in capsys.readouterr().out
        for _ in range(3):
            same = given if isinstance(given, _Rate) else copy.deepcopy(given)
            assert_equal_results(step(x, same), f(x, same))
        assert not capsys.readouterr().out, step.report()


def test_a_static_argument_that_is_changed_is_another_one():
    array, rate = np.ones(3), _Rate(2.0)
    settings = {"n": 2, "w": array, "rate": rate}
    step = cr.compile(lambda x, s: x * s["n"] * np.sum(s["w"]) * s["rate"].value, static=1)
    assert step(1.0, settings) == 12.0
    settings["n"] = 3
    assert step(1.0, settings) == 18.0
    array[0] = 2.0
    assert step(1.0, settings) == 24.0
    rate.value = 1.0
    assert step(1.0, settings) == 12.0


def test_a_result_may_be_an_argument_behind_a_static_one():
    step = cr.compile(lambda s, x: (x, x * s["n"]), static=0)
    x = np.ones(3)
    same, twice = step({"n": 2, "m": [1, 2]}, x)
    same, twice = step({"n": 2, "m": [1, 2]}, x)
    assert same is x
    assert twice.tolist() == [2.0] * 3


def test_static_arguments_are_compared_as_a_whole():
    f = cr.compile(lambda x, shape: np.reshape(x, shape), static=(1,))
    assert f(np.arange(6.0), (2, 3)).shape == (2, 3)
    assert f(np.arange(6.0), (3, 2)).shape == (3, 2)


def test_what_was_compiled_for_one_array_twice_does_not_take_two():
    compiled = cr.compile(lambda x, y: x - y)
    x = np.arange(3.0)
    for y in (x, x + 1, x, x.copy() * 2):
        np.testing.assert_array_equal(compiled(x, y), x - y)


def _counting():
    count = [0]

    def counted():
        count[0] += 1
        return count[0]

    return counted


class Counter:
    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1
        return self.count


def _class_with_a_number():
    class Numbered:
        count = 0

        def __new__(cls):
            cls.count += 1
            return cls.count

    return Numbered


@pytest.mark.parametrize(
    "make",
    [
        _counting,
        Counter,
        _class_with_a_number,
        lambda: Counter().__call__,
        lambda: functools.partial(lambda held: held.append(0) or len(held), []),
    ],
)
def test_what_is_called_and_made_by_a_step_is_made_in_each_call(make):
    compiled = cr.compile(lambda x: (make(), x * 2))
    for _ in range(3):
        made, y = compiled(1.0)
        assert (made(), y) == (1, 2.0)


def test_functions_that_were_there_before_come_back_as_they_are():
    held = {"own": lambda x: x, "counter": Counter()}

    def step(x):
        return x * 2, [math.sqrt, np.zeros, np.linalg.norm, np.sin, float, Counter], dict(held)

    compiled = cr.compile(step)
    for _ in range(2):
        _, functions, others = compiled(1.0)
        assert all(f is g for f, g in zip(functions, step(1.0)[1], strict=True))
        assert others["own"] is held["own"]
        assert others["counter"] is held["counter"]
    assert is_native(compiled)


def test_the_same_array_twice_is_one_array():
    def f(x, y):
        x += 1
        return x * y

    x = np.ones(3)
    compiled = cr.compile(f)
    assert compiled(x, x).tolist() == [4.0, 4.0, 4.0]
    assert x.tolist() == [2.0, 2.0, 2.0]
    assert compiled(x, np.ones(3)).tolist() == [3.0, 3.0, 3.0]


def test_overlapping_arguments_are_what_they_are_to_numpy():
    def f(x, y):
        x[0] = 10.0
        return y.sum()

    memory = np.ones(4)
    compiled = cr.compile(f)
    assert compiled(np.ones(3), np.ones(3)) == 3.0
    assert compiled(memory[:3], memory[1:]) == 3.0
    assert compiled(memory[1:], memory[:3]) == 10.0 + 10.0 + 1.0


# what it writes


def test_arguments_that_the_function_writes_to_are_written():
    def f(x, y):
        x[1:] = y
        x *= 2
        return x

    x = np.arange(3.0)
    result = cr.compile(f)(x, 5.0)
    assert result is x
    assert x.tolist() == [0.0, 10.0, 10.0]


def test_nothing_else_that_the_caller_holds_changes():
    x = np.arange(3.0)
    y = cr.compile(lambda x: x[::-1])(x)
    y[:] = 7
    assert x.tolist() == [0.0, 1.0, 2.0]


def test_a_read_only_argument_is_refused_as_numpy_does():
    def f(x):
        x += 1

    x = np.ones(2)
    x.flags.writeable = False
    compiled = cr.compile(f)
    compiled(np.ones(2))
    with pytest.raises(ValueError, match="read-only"):
        compiled(x)


def test_donated_arrays_come_back_updated():
    def step(parameters, x):
        return [p - x for p in parameters], x * 2

    f = cr.compile(step, donate=(0,))
    parameters = [np.ones(3), np.zeros((2, 3))]
    x = np.full(3, 0.5)
    (first, second), doubled = f(parameters, x)
    assert first is parameters[0]
    assert second is parameters[1]
    assert first.tolist() == [0.5] * 3
    assert second.tolist() == [[-0.5] * 3] * 2
    assert doubled is not x
    assert x.tolist() == [0.5] * 3


def test_a_decision_about_the_arguments_leaves_donated_arrays_their_memory():
    def step(p, g, limits):
        p = p - 0.5 * g
        if np.all(limits > 0):
            return p
        return p * 0.0

    f = cr.compile(step, donate=(0,))
    p, g, limits = np.arange(500.0), np.ones(500), np.ones(3)
    assert f(p, g, limits) is p
    np.testing.assert_array_equal(p, np.arange(500.0) - 0.5)
    assert "1 guard" in f.report()
    assert "float64[500] at" not in f.loops  # no copy of it in the arena
    np.testing.assert_array_equal(f(np.arange(500.0), g, -limits), np.zeros(500))


@pytest.mark.parametrize("donate", [(0,), (1,), (0, 1)])
@pytest.mark.parametrize(
    "step",
    [
        lambda x, y: (2 * x, 3 * y),
        lambda x, y: (2 * y, 3 * x),
        lambda x, y: (2 * x, np.sum(y)),
        lambda x, y: (2 * x, np.sum(y, axis=1)),
        lambda x, y: (2 * x, y @ y),
        lambda x, y: (x + 1, x * y, y - 1),
        lambda x, y: (x + y, x - y, x * y),
    ],
)
def test_a_result_takes_the_memory_of_an_array_only_when_that_was_read(step, donate, rng):
    x, y = rng.normal(size=(2, 5, 5))
    wanted = step(x, y)
    got = cr.compile(step, donate=donate)(x.copy(), y.copy())
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_donated_arrays_may_change_places():
    f = cr.compile(lambda x, y: (y, x + y), donate=(0, 1))
    x, y = np.ones(2), np.full(2, 5.0)
    first, second = f(x, y)
    assert (first.tolist(), second.tolist()) == ([5.0, 5.0], [6.0, 6.0])


def test_donation_means_the_same_when_the_step_runs_eagerly():
    seen = []

    def step(x):
        seen.append(float(x[0]))
        return x + 1

    f = cr.compile(step, donate=(0,))
    x = np.zeros(2)
    assert f(x) is x
    assert f(x) is x
    assert x.tolist() == [2.0, 2.0]


def test_donated_arrays_that_overlap_do_not_take_results_that_do_not():
    rows = np.arange(5.0)
    added, taken = cr.compile(lambda x, y: (x + y, x - y), donate=(0, 1))(rows[:3], rows[1:4])
    np.testing.assert_array_equal(added, [1.0, 3.0, 5.0])
    np.testing.assert_array_equal(taken, [-1.0, -1.0, -1.0])
    kept, doubled = cr.compile(lambda x, y: (x, 2 * y), donate=1)(rows[:3], rows[1:4])
    np.testing.assert_array_equal(kept, [0.0, 1.0, 2.0])
    np.testing.assert_array_equal(doubled, [2.0, 4.0, 6.0])


def test_donate_takes_the_numbers_of_arguments():
    with pytest.raises(ArgumentError, match="donate"):
        cr.compile(lambda x: x, donate=(-1,))


# branches


def test_each_way_through_the_branches_is_compiled_when_it_is_met():
    def f(x):
        if x > 0:
            return x * 2
        while x < -1:
            x = x / 2
        return -x

    compiled = assert_same_calls(f, (1.0,), (-3.0,), (5.0,), (-0.5,), (-100.0,), (7.0,), (-3.0,))
    (specialization,) = compiled._known.values()
    assert len(specialization.paths) == 4


@pytest.mark.parametrize("f", [max, min, lambda x, y: sorted([x, y, x * y])])
def test_pythons_own_functions_decide_by_numbers(f):
    assert_same_calls(f, (1.0, 2.0), (3.0, -2.0), (0.5, 0.1), (-1.0, -2.0))


def test_a_comparison_with_nan_takes_the_way_that_python_takes():
    assert_same_calls(lambda x: x * 2 if x > 0 else x * 3, (1.0,), (np.nan,), (-1.0,), (np.inf,))


def test_a_step_that_takes_ever_new_ways_goes_on_eagerly():
    def f(x):
        return [v * 2 if v > 0 else -v for v in x]

    compiled = cr.compile(f)
    rng = np.random.default_rng(3)
    for _ in range(60):
        x = rng.normal(size=8)
        assert compiled(x) == pytest.approx(f(x))
    assert "more than 32" in compiled.report()


def test_what_a_branch_raises_is_raised():
    def f(x):
        if x < 0:
            message = f"{x} is negative"
            raise ValueError(message)
        return np.sqrt(x)

    compiled = cr.compile(f)
    assert compiled(4.0) == 2.0
    with pytest.raises(ValueError, match=r"-1.0 is negative"):
        compiled(-1.0)


# what is not pure


def test_arrays_of_the_surroundings_are_read_at_each_call(monkeypatch):
    f = cr.compile(lambda x: x @ weights)
    x = np.ones(3)
    assert f(x) == 6.0
    weights[0] = 10.0
    try:
        assert f(x) == 15.0
    finally:
        weights[0] = 1.0
    monkeypatch.setitem(globals(), "weights", np.zeros(3))
    assert f(x) == 0.0


def test_numbers_of_the_surroundings_are_noticed(monkeypatch):
    f = cr.compile(lambda x: x * factor)
    assert f(3.0) == 6.0
    monkeypatch.setitem(globals(), "factor", 5.0)
    assert f(3.0) == 15.0


def test_attributes_and_closures_are_noticed():
    class Model:
        def __init__(self):
            self.scale = 2.0
            self.w = np.ones(2)

        def __call__(self, x):
            return self.scale * (x @ self.w)

    model = Model()
    f = cr.compile(lambda x: model(x))
    x = np.array([1.0, 2.0])
    assert f(x) == 6.0
    model.scale = 3.0
    assert f(x) == 9.0
    model.w = np.zeros(2)
    assert f(x) == 0.0
    held = [np.ones(2)]
    g = cr.compile(lambda x: x * held[0])
    assert g(x).tolist() == [1.0, 2.0]
    held[0] = np.full(2, 3.0)
    assert g(x).tolist() == [3.0, 6.0]


def test_random_draws_are_not_frozen():
    rng = np.random.default_rng(0)
    f = cr.compile(lambda x: x + rng.normal())
    assert f(0.0) != f(0.0)
    assert "random" in f.report()
    g = cr.compile(lambda x: x + np.random.normal())  # noqa: NPY002  what users write
    assert g(0.0) != g(0.0)


def test_a_list_that_the_step_fills_holds_numbers():
    seen = []

    def f(x):
        seen.append(x.sum())
        return x * 2

    compiled = cr.compile(f)
    for i in range(3):
        assert compiled(np.full(2, float(i))).tolist() == [2.0 * i] * 2
    assert [float(x) for x in seen] == [0.0, 2.0, 4.0]


def test_a_list_argument_that_the_step_changes_is_changed():
    def f(items, x):
        items.append(x)
        return x

    items = [1.0]
    compiled = cr.compile(f)
    compiled(items, 2.0)
    compiled(items, 3.0)
    assert items == [1.0, 2.0, 3.0]


def test_shapes_that_depend_on_numbers_are_compiled_one_by_one():
    def f(x):
        return x[x > 0].sum() + np.unique(x).size

    x = np.array([1.0, -1.0, 2.0, 2.0])
    assert_same_calls(f, (x,), (-x,), (x,), (2 * x,))


def test_what_plain_code_computed_of_an_array_is_computed_anew_when_it_changes():
    weights = np.ones(3)
    step = cr.compile(lambda x: x * np.sum(weights) + np.max(weights))
    for turn in (0, 0, 1, 1, 2, 0):
        weights[turn] += turn
        assert step(2.0) == 2.0 * np.sum(weights) + np.max(weights)
    assert is_native(step)


def test_a_result_that_plain_code_computed_is_computed_anew():
    weights = np.array([1.0, np.nan])
    step = cr.compile(lambda x: (x + 1.0, np.nansum(weights)))
    for first in (1.0, 1.0, 5.0):
        weights[0] = first
        assert step(2.0) == (3.0, first)


def test_of_a_dictionary_that_is_read_by_its_keys_only_these_count():
    held = {"kind": "half", "weights": np.ones(3), "large": np.zeros(4)}

    def f(x):
        scale = np.float32(0.5) if held["kind"] == "half" else np.float32(2.0)
        return x * scale * np.sum([held["weights"][i] for i in range(3)])

    step = cr.compile(f)
    before = step(3.0)
    assert before == f(3.0)
    held["large"] += 1.0
    held["large"] = None
    held["other"] = np.ones(3)
    step(3.0)
    assert repr(step) == f"<compiled {f.__qualname__}: 1 specializations>"
    held["weights"][1] = 5.0
    assert step(3.0) == f(3.0)
    held["kind"] = "double"
    assert step(3.0) == f(3.0) != before
    held = {"kind": "half", "weights": np.full(3, 2.0)}
    assert step(3.0) == f(3.0)
    del held["weights"]
    with pytest.raises(KeyError):
        step(3.0)


def test_another_array_in_the_place_of_one_is_read_by_paths_that_are_captured_later():
    weights = np.ones(3)
    held = [np.ones(3)]

    def f(x):
        return np.sum(x * weights * held[0]) if x > 0 else -np.sum(weights * x) * np.max(held[0])

    step = cr.compile(f)
    for k, x in enumerate((1.0, -1.0, -1.0, 2.0, 1.0, -1.0)):
        weights = np.full(3, 1.0 + k)
        held[0] = np.full(3, 2.0 + k // 3)
        assert step(x) == f(x)
    assert is_native(step)


def test_a_dictionary_that_is_handed_on_counts_as_a_whole():
    held = {"weights": np.ones(3), "scale": 2.0}

    def f(x):
        return x * sum(np.sum(v) for v in held.values()) * held["scale"]

    step = cr.compile(f)
    for change in ({}, {"weights": np.full(3, 3.0)}, {"scale": 5.0}, {"other": 1.0}):
        held.update(change)
        assert step(3.0) == f(3.0)


def test_an_array_that_numbers_were_taken_from_leaves_a_scalar_program_one():
    target = np.array([1.0, 2.0])

    def f(x):
        for _ in range(100):
            x = x * 0.5 + target[0]
        return x - target[1]

    step = cr.compile(f)
    assert step(3.0) == f(3.0)
    assert "vector" not in step.loops
    target[1] = -0.0
    assert step(3.0) == f(3.0)


def test_an_array_under_a_key_that_is_not_read_needs_no_guard():
    held = {"name": "mse", "data": np.ones(100)}
    step = cr.compile(lambda x: np.sum(x * np.float32(0.5)) if held["name"] == "mse" else x)
    step(np.ones(3))
    assert "guard" not in step.report()


def test_an_array_that_only_the_graph_reads_needs_no_guard():
    weights = np.ones(3)
    step = cr.compile(lambda x: np.sum(x * weights) * 0.5)
    step(2.0)
    assert "guard" not in step.report()


def test_numpys_errors_are_raised_where_they_are_asked_for():
    f = cr.compile(lambda x: 1 / x)
    assert f(np.ones(2)).tolist() == [1.0, 1.0]
    with np.errstate(divide="raise"), pytest.raises(FloatingPointError):
        f(np.zeros(2))
    assert np.all(np.isinf(f(np.zeros(2))))


def test_numpys_errors_are_raised_where_the_step_itself_asks_for_them():
    def inverted(x):
        with np.errstate(divide="raise"):
            return 1 / x

    def summed(x):
        before = np.seterr(all="raise")
        try:
            return np.sum(np.log(x))
        except FloatingPointError:
            return -1.0
        finally:
            np.seterr(**before)

    f, g = cr.compile(inverted), cr.compile(summed)
    for _ in range(2):
        assert f(np.ones(2)).tolist() == [1.0, 1.0]
        assert g(np.ones(2)) == 0.0
    with pytest.raises(FloatingPointError):
        f(np.zeros(2))
    assert g(np.zeros(2)) == -1.0
    assert np.geterr()["divide"] == "warn"


def test_a_step_that_changes_numpys_error_settings_does_so_in_each_call():
    def step(x):
        return x + 1.0, np.seterr(divide="ignore")["divide"]

    f = cr.compile(step)
    for _ in range(3):
        with np.errstate(divide="warn"):
            assert f(np.ones(2))[1] == "warn"
            assert np.geterr()["divide"] == "ignore"


def test_a_singular_matrix_raises_as_numpy_does():
    f = cr.compile(lambda a, b: np.linalg.solve(a, b))
    assert_close(f(np.eye(2), np.ones(2)), np.ones(2))
    with pytest.raises(np.linalg.LinAlgError):
        f(np.zeros((2, 2)), np.ones(2))


def test_an_index_out_of_range_raises_as_numpy_does():
    f = cr.compile(lambda x, i: x[i] * 2)
    x = np.arange(4.0)
    assert f(x, np.array([0, -1])).tolist() == [0.0, 6.0]
    with pytest.raises(IndexError):
        f(x, np.array([0, 4]))


def test_nothing_is_written_when_a_call_fails():
    def f(x, i):
        y = x[i]
        x += 1
        return y

    compiled = cr.compile(f)
    x = np.arange(3.0)
    compiled(x, np.array([0]))
    with pytest.raises(IndexError):
        compiled(x, np.array([9]))
    assert x.tolist() == [1.0, 2.0, 3.0]


# together with the rest


def test_a_compiled_function_is_differentiated_as_the_function_is():
    f = cr.compile(lambda x: np.sum(np.sin(x) ** 2))
    x = np.array([0.3, 0.5])
    f(x)
    assert_close(cr.grad(f)(x), np.sin(2 * x))
    assert_close(cr.hessian(f)(x), np.diag(2 * np.cos(2 * x)))


def test_every_transform_compiles():
    def f(x):
        return np.sum(x**3) * x[0]

    x = np.array([1.0, 2.0])
    v = np.array([0.5, -1.0])
    assert_same_calls(cr.grad(f), (x,))
    assert_same_calls(cr.hessian(f), (x,))
    assert_same_calls(cr.jacobian(lambda x: x**2), (x,))
    assert_same_calls(lambda x, v: cr.jvp(f, (x,), (v,)), (x, v))
    assert_same_calls(lambda x, v: cr.hvp(f, (x,), (v,)), (x, v))


def test_a_compiled_function_inside_a_compiled_function():
    inner = cr.compile(lambda x: x * 2)
    outer = cr.compile(lambda x: inner(x) + 1)
    assert outer(np.ones(2)).tolist() == [3.0, 3.0]
    assert is_native(outer)


def test_methods_can_be_compiled():
    class Model:
        w = 3.0

        @cr.compile
        def times(self, x):
            return self.w * x

    model = Model()
    assert model.times(2.0) == 6.0
    model.w = 4.0
    assert model.times(2.0) == 8.0


def test_it_looks_like_the_function():
    @cr.compile
    def step(x):
        """Do a step."""
        return x

    assert (step.__name__, step.__doc__) == ("step", "Do a step.")


def test_it_can_be_pickled():
    f = pickle.loads(pickle.dumps(cr.compile(np.sin)))
    assert f(0.0) == 0.0


def test_partial_functions_compile():
    f = cr.compile(functools.partial(np.sum, axis=0))
    assert f(np.ones((2, 3))).tolist() == [2.0, 2.0, 2.0]


def test_several_threads_call_it_at_once(rng):
    f = cr.compile(lambda x: np.sum(np.exp(x) * x, axis=1))
    arrays = [rng.normal(size=(50, 40)) for _ in range(4)]
    wrong = []

    def work(x):
        expected = np.sum(np.exp(x) * x, axis=1)
        wrong.extend(1 for _ in range(50) if not np.allclose(f(x), expected))

    threads = [threading.Thread(target=work, args=(x,)) for x in arrays]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not wrong


# what it shows


def test_it_shows_what_was_compiled():
    f = cr.compile(lambda x: np.tanh(x) * 2)
    with pytest.raises(NotCompiledError, match="not called yet"):
        _ = f.graph
    f(np.ones(300))
    assert "tanh" in str(f.graph)
    assert "vector" in f.loops
    assert "define" in f.llvm
    assert "ret" in f.asm
    assert "2 nodes" in f.report()


def test_the_gradient_of_an_element_whose_place_is_an_argument_is_compiled():
    def picked(x, rows, columns):
        y = x - np.log(np.sum(np.exp(x), axis=-1, keepdims=True))
        return -np.mean(y[rows, columns])

    f = cr.value_and_grad(picked)
    compiled = cr.compile(f)
    x, rows = np.arange(12.0).reshape(3, 4) / 7, np.arange(3)
    for columns in (np.array([0, 1, 3]), np.array([2, 2, 0])):
        value, gradient = compiled(x, rows, columns)
        expected, slope = f(x, rows, columns)
        np.testing.assert_allclose(value, expected)
        np.testing.assert_allclose(gradient, slope)
    assert "eagerly" not in compiled.report()


def test_values_of_what_has_no_derivative_are_compiled_and_derivatives_refused(rng):
    x = rng.normal(size=5)
    compiled = cr.compile(lambda x: np.nextafter(x, 2.0) * np.nextafter.reduce(x))
    np.testing.assert_array_equal(compiled(x), np.nextafter(x, 2.0) * np.nextafter.reduce(x))
    assert "eagerly" not in str(compiled.report())
    with pytest.raises(NotDifferentiableError, match="neighbouring float"):
        cr.compile(lambda x: cr.grad(lambda x: np.sum(np.nextafter(x, 2.0)))(x))(x)


def test_a_step_that_writes_a_file_or_into_an_array_by_a_ufunc_does_so_in_every_call():
    files = []

    def step(x):
        np.nextafter.at(x, [0, 0], 5.0)
        files.append(io.BytesIO())
        np.save(files[-1], x)
        return x * 2

    compiled = cr.compile(step)
    for start in (1.0, 2.0):
        x = np.full(3, start)
        np.testing.assert_array_equal(compiled(x), x * 2)
        assert x[0] == start + 2 * np.spacing(start)
        np.testing.assert_array_equal(np.load(io.BytesIO(files[-1].getvalue())), x)


def test_a_truth_value_in_a_container_is_computed_in_every_call():
    compiled = cr.compile(lambda a, b: (np.array_equal(a, b), [np.allclose(a, b), True]))
    x = np.arange(3.0)
    for y in (x.copy(), x + 1, x + 1e-12):
        expected = np.array_equal(x, y), [np.allclose(x, y), True]
        got = compiled(x, y)
        assert got == expected
        assert type(got[0]) is type(got[1][0]) is bool
    assert "eagerly" not in str(compiled.report())


def test_the_report_names_each_call_of_numpy_once():
    step = cr.compile(lambda x: np.sort(x)[0] * np.sort(x * 2)[1])
    step(np.array([3.0, 1.0]))
    (line,) = [x for x in step.report().splitlines() if "sort" in x]
    assert "computed by NumPy in 2 places" in line


HELD, PARTLY_HELD = np.arange(3.0), np.arange(6.0)


@functools.lru_cache
def remembered():
    return np.arange(4.0)


def test_arrays_that_depend_on_nothing_are_made_in_each_call():
    def step(x):
        used = np.arange(2.0)
        turned = np.arange(6).reshape(2, 3)[:, 1]
        return x * used, np.zeros(3), [np.ones(2)], used, turned

    compiled = cr.compile(step)
    compiled(2.0)
    for _ in range(3):
        got, right = compiled(2.0), step(2.0)
        for made, expected in zip(tree.leaves(got), tree.leaves(right), strict=True):
            assert made.dtype == expected.dtype
            np.testing.assert_array_equal(made, expected)
            made[...] = 7
    assert "eager" not in compiled.report()


def test_arrays_that_somebody_else_holds_come_back_as_themselves():
    def step(x):
        return x * 2, HELD, PARTLY_HELD[1:3], remembered()

    remembered()
    compiled = cr.compile(step)
    for _ in range(3):
        _, held, part, known = compiled(2.0)
        assert held is HELD
        assert part.ctypes.data == PARTLY_HELD[1:3].ctypes.data
        assert known is remembered()


def twice(x, w):
    y = x * 2
    return y, y


def nested(x, w):
    y, z = x * 2, x + w
    return {"z": z, "a": [y, (z, y)], "sum": np.sum(y)}, z, x


def written(x, w):
    w += x
    y = w * 1.0
    w *= 2
    return w, y, [w, y]


def of_nothing(x, w):
    y = np.zeros(3)
    return y, x * y, [y]


def without_axes(x, w):
    y = np.array(np.sum(x))
    y += 1
    return y, {"y": y}


def viewed(x, w):
    y = x * 2
    return y, y[...], y, y[:2], np.asarray(y), np.squeeze(y)


def in_parts(x, w):
    y = x * 2 + w
    TEXTS.append(f"{y[0]:.3f}")
    z = y * w - 1
    return z, [z]


def kept_by_the_user(x, w):
    KEPT.append(x * 2)
    return KEPT[-1], KEPT[-1]


KEPT, TEXTS = [], []
RETURNING = (twice, nested, written, of_nothing, without_axes, viewed, in_parts, kept_by_the_user)


def identities(args, returned):
    """Return which of the arguments and results are one object."""
    leaves = [*args, *[x for x in tree.leaves(returned) if isinstance(x, np.ndarray)]]
    return [next(i for i, y in enumerate(leaves) if y is x) for x in leaves]


@pytest.mark.parametrize("donate", [(), (0,), (1,), (0, 1)], ids=repr)
@pytest.mark.parametrize("step", RETURNING)
def test_results_that_are_one_array_are_one_array(step, donate):
    def arguments():
        return np.arange(3.0), np.ones(3)

    args = arguments()
    expected = identities(args, step(*args))[2:]
    compiled = cr.compile(step, donate=donate)
    for _ in range(3):
        args = arguments()
        got = compiled(*args)
        same = identities(args, got)[2:]
        places = dict(zip(expected, same, strict=True))
        assert [places[i] for i in expected] == same
        assert len(set(places.values())) == len(places)
        if not donate:
            assert same == expected
