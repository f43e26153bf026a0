"""A step that cannot be compiled as a whole runs in parts: native ones, and between them what is left to Python."""

import ast
import contextlib
import io
import re
import traceback

import numpy as np
import pytest
from tests.compiler.split_programs import Program, arguments

import chainrule as cr
from chainrule.compiler import making
from chainrule.compiler.splitting.names import Flow, bound_by, is_left_by, read_by, returns
from chainrule.compiler.splitting.source import source_of

say = print
LOG = []
GENERATOR = np.random.default_rng(0)
WEIGHTS = {"w": np.ones(3)}


def parts_of(compiled):
    """Return the lines of the native parts, relative to the first line of the function."""
    first = compiled.function.__code__.co_firstlineno
    found = re.findall(r":(\d+)(?:-(\d+))?: a native part", compiled.report())
    return [(int(a) - first, int(b or a) - first) for a, b in found]


def pythons_of(compiled):
    """Return the lines that are left to Python, with the reasons."""
    first = compiled.function.__code__.co_firstlineno
    found = re.findall(r":(\d+): Python's: (.*)", compiled.report())
    return {int(line) - first: why for line, why in found}


def printed(f, *args):
    """Return the result of a call, and what it printed."""
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        result = f(*args)
    return result, text.getvalue()


def check(step, *calls):
    """Compare calls with those of the function itself, and return the compiled function."""
    compiled = cr.compile(step)
    for args in calls:
        expected, got = printed(step, *args), printed(compiled, *args)
        assert got[1] == expected[1]
        leaves = zip(cr.tree.leaves(got[0]), cr.tree.leaves(expected[0]), strict=True)
        for x, y in leaves:
            assert type(x) is type(y)
            np.testing.assert_allclose(x, y, rtol=1e-12, atol=1e-15)
    return compiled


def training(p, x, y):
    keep = GENERATOR.random((len(x), 4)) > 0.5

    def loss(p):
        hidden = np.tanh(x @ p["w"] + p["b"]) * keep
        return np.mean((hidden @ p["v"] - y) ** 2)

    value, g = cr.value_and_grad(loss)(p)
    say(f"{value:.6f}")
    return {k: p[k] - 0.1 * g[k] for k in p}, value


def test_a_training_step_that_draws_and_prints_is_native_between_them():
    rng = np.random.default_rng(1)
    p = {"w": rng.normal(size=(3, 4)), "b": np.zeros(4), "v": rng.normal(size=4)}
    x, y = rng.normal(size=(8, 3)), rng.normal(size=8)
    compiled = cr.compile(training)
    for _ in range(4):
        GENERATOR.bit_generator.state = np.random.default_rng(3).bit_generator.state
        (expected, value), text = printed(training, p, x, y)
        left = GENERATOR.bit_generator.state
        GENERATOR.bit_generator.state = np.random.default_rng(3).bit_generator.state
        (got, got_value), got_text = printed(compiled, p, x, y)
        assert GENERATOR.bit_generator.state == left
        assert got_text == text
        assert got_value == pytest.approx(value, rel=1e-13)
        for name in p:
            np.testing.assert_allclose(got[name], expected[name], rtol=1e-12)
    assert parts_of(compiled) == [(7, 7), (9, 9)]
    assert pythons_of(compiled)[1] == "it draws random numbers"
    assert pythons_of(compiled)[8] == "it is called for what it does"


def test_a_part_is_not_compiled_again_for_other_numbers():
    def step(x):
        y = np.sin(x) * 2 + x
        say(f"{y[0]:.3f}")
        return np.cos(y) * y - x

    compiled = check(step, *[(np.full(3, 0.1 * i),) for i in range(5)])
    assert parts_of(compiled) == [(1, 1), (3, 3)]
    assert compiled.report().count("nodes") == 2


def test_what_is_printed_is_printed_once_a_call():
    def step(x):
        say("before")
        y = np.sin(x) * 2 + x
        say(f"{np.sum(y):.3f}")
        LOG.append("seen")
        return np.cos(y) * y - x

    compiled = cr.compile(step)
    for _ in range(3):
        printed(compiled, np.ones(3))
    LOG.clear()
    _, text = printed(compiled, np.ones(3))
    assert text == printed(step, np.ones(3))[1]
    assert LOG == ["seen", "seen"]
    assert pythons_of(compiled)[4] == "it is called for what it does"


def test_a_name_that_a_part_binds_sometimes_keeps_its_value_otherwise():
    def step(x):
        y = np.tanh(x) * 2 + 1
        say(f"{np.sum(y):.4f}")
        if x[0] > 0:
            y = np.sin(x) * x + 0.5
        say(f"{np.sum(x):.4f}")
        return y * y - np.exp(-y)

    compiled = check(step, *[(np.arange(3.0) + k,) for k in (1, -2, 1, -2, 2, -3)])
    assert parts_of(compiled) == [(1, 1), (3, 4), (6, 6)]


def test_a_value_is_carried_from_turn_to_turn_of_a_loop_of_pythons():
    def step(x):
        carried, total = x, x
        for _ in range(3):
            total = total + np.sin(carried) * carried
            carried = np.tanh(carried) * 2 + 0.1
            say(f"{np.sum(total):.3f}")
        return total * 2 - x * x

    compiled = check(step, *[(np.arange(3.0) + k,) for k in range(4)])
    assert parts_of(compiled) == [(3, 4), (6, 6)]


def test_the_body_of_a_loop_of_many_lengths_is_native(monkeypatch):
    monkeypatch.setattr(making, "_PATHS_AT_MOST", 3)

    def step(x, t):
        k = 0
        while np.max(np.abs(x * x - t)) > 1e-10:
            x = 0.5 * (x + t / x)
            k += 1
        return x, k

    calls = [
        (np.full(3, 1.0 + i), np.linspace(1, 2.0**i, 3)) for i in (0, 1, 2, 4, 7, 12, 0, 7, 15)
    ]
    compiled = check(step, *calls)
    assert parts_of(compiled)[0] == (3, 4)


def test_a_branch_that_prints_is_decided_by_python():
    def step(x, k):
        y = np.tanh(x) * 2 + 1
        if k % 2 == 0:
            say(f"{np.sum(y):.4f}")
        else:
            y = y * y + np.exp(-y) - x
        return y / (1 + np.sum(y))

    compiled = check(step, *[(np.arange(3.0) + k, k) for k in range(6)])
    assert parts_of(compiled) == [(1, 1), (5, 5), (6, 6)]


def test_items_of_a_returned_tuple_are_apart():
    def step(x):
        return np.tanh(x) * 2 + x * x, f"{x[0]:.3f}"

    compiled = check(step, *[(np.arange(3.0) + k,) for k in range(4)])
    assert parts_of(compiled) == [(1, 1)]


def test_numbers_of_pythons_stay_such():
    def step(x):
        y = np.tanh(x) * 2 + 1
        say(f"{np.sum(y):.3f}")
        z = y * y - np.exp(-y)
        numbers = (z * 0).tolist()
        say(numbers, round(np.sum(x)), x[1].item())
        return z * 2 + x

    compiled = check(step, *[(np.arange(3.0) + k,) for k in range(4)])
    assert parts_of(compiled) == [(1, 1), (3, 3)]


def test_a_call_that_returns_early_does_not_end_a_part():
    def step(x, k):
        say(f"{x[0]:.3f}")
        if k == 0:
            return x
        y = np.tanh(x) * 2 + 1
        return y * y - np.exp(-y)

    compiled = check(step, *[(np.arange(3.0), k) for k in (0, 0, 1, 0, 1)])
    assert parts_of(compiled) == [(2, 5)]


def test_a_name_of_a_static_argument_may_be_given_to_something_else():
    def step(x, scale):
        y = np.tanh(x) * scale + 1
        say(f"{np.sum(y):.3f}")
        scale = np.exp(y) * scale
        say(f"{np.sum(scale):.3f}")
        return scale * 2 - x * y + scale

    compiled = cr.compile(step, static=1)
    for k in range(5):
        expected, got = (printed(f, np.arange(3.0) + k, 2.0) for f in (step, compiled))
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-12)
    assert parts_of(compiled) == [(1, 1), (5, 5)]
    assert compiled.report().count("nodes") == 2


def test_kinds_of_calls_that_a_part_is_compiled_for_are_bounded():
    def step(x):
        say(f"{x[0]:.3f}")
        y = np.tanh(x) * 2 + 1
        return y * y - np.exp(-y)

    compiled = check(step, *[(np.linspace(0, 1, 40_000 + n % 20),) for n in range(44)])
    assert compiled.report().count("nodes") == 16


def test_a_write_of_pythons_into_a_view_reaches_the_array():
    def step(x):
        y = np.tanh(x) * 2 + 1
        part = y[1:]
        say(f"{np.sum(y):.3f}")
        part[0] = 7.0
        LOG.append(1)
        return y * 2 + part[0] - x

    compiled = check(step, *[(np.arange(3.0) + k,) for k in range(5)])
    assert "part may share memory" in compiled.report()


def test_a_write_of_pythons_to_a_second_name_reaches_the_first():
    def step(x):
        y = np.tanh(x) * 2 + 1
        z = y
        say(f"{np.sum(y):.3f}")
        z.sort()
        return y * 2 - x + z

    check(step, *[(-np.arange(3.0) - k,) for k in range(5)])


def test_a_list_with_two_names_stays_one():
    def step(x):
        y = [np.tanh(x) * 2 + 1, x * 3 - x * x]
        z = y
        say(f"{np.sum(y[0]):.3f}")
        z[0] = x
        LOG.append(1)
        return y[0] * 2 - x + y[1]

    check(step, *[(-np.arange(3.0) - k,) for k in range(5)])


def test_a_constant_that_python_writes_to_is_new_in_each_call():
    def step(x):
        total = np.zeros(3)
        y = np.tanh(x) * 2 + 1 - x
        say(f"{np.sum(y):.3f}")
        np.add(total, y, out=total)
        return total * 2 - x + y

    check(step, *[(-np.arange(3.0) - k,) for k in range(5)])


def test_an_array_of_the_surroundings_under_another_name_is_not_copied():
    def step(x):
        w = WEIGHTS["w"]
        y = np.tanh(x) * 2 + w - x * w
        say(f"{np.sum(y):.3f}")
        np.add(w, 1.0, out=w)
        return y * 2 - x + w

    WEIGHTS["w"] = np.ones(3)
    compiled = cr.compile(step)
    for k in range(5):
        printed(compiled, np.full(3, 0.5))
        np.testing.assert_array_equal(WEIGHTS["w"], np.full(3, 2.0 + k))


def test_an_argument_is_written_to_before_an_error_is_raised():
    def step(x):
        x *= 2
        x += np.sin(x) * 0.1
        say(f"{np.sum(x):.3f}")
        if np.sum(x) > 3:
            message = f"{np.sum(x):.2f}"
            raise ValueError(message)
        return x - 1

    compiled = cr.compile(step)
    for start in (0.1, 0.1, 0.1, 5.0, 0.1, 5.0):
        expected, got = np.full(3, start), np.full(3, start)
        errors = []
        for f, x in ((step, expected), (compiled, got)):
            try:
                printed(f, x)
            except ValueError as error:
                errors.append((str(error), error.__traceback__.tb_next is not None))
        assert errors[1:] == errors[:1]
        np.testing.assert_allclose(got, expected, rtol=1e-13)
    assert parts_of(compiled)[0] == (1, 2)


def test_an_error_names_the_line_of_the_step():
    def step(x, y):
        z = np.tanh(x) * 2 + 1 - x
        say(f"{np.sum(z):.3f}")
        return z * z + z @ y

    compiled = check(step, (np.ones(3), np.ones(3)), (np.ones(3), np.ones(3)))
    with pytest.raises(ValueError, match=r"shape|mismatch") as caught:
        printed(compiled, np.ones(3), np.ones(4))
    lines = [
        t.lineno + 1 - step.__code__.co_firstlineno for t in caught.traceback if t.name == "step"
    ]
    assert lines[-1] == 3


def test_an_escape_inside_a_gradient_is_the_error_that_it_is_in_eager():
    def step(x):
        y = np.tanh(x) * 2 + 1 - x
        say(f"{np.sum(y):.3f}")
        return cr.grad(lambda z: float(np.sum(z)) * z[0])(y)

    for f in (step, cr.compile(step)):
        for _ in range(3):
            with pytest.raises(cr.errors.EscapedValueError, match=r"float\(\)"):
                printed(f, np.ones(3))


def test_a_name_that_may_have_no_value_is_left_to_python():
    def step(x, k):
        y = np.tanh(x) * 2 + 1 - x
        say(f"{np.sum(y):.3f}")
        if k > 2:
            z = y * 2 - x * x
        say(f"{np.sum(y):.4f}")
        return y * y + z - np.exp(y)

    compiled = cr.compile(step)
    for k in (3, 3, 3, 4, 5):
        expected, got = (printed(f, np.ones(3), k) for f in (step, compiled))
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-13)
    with pytest.raises(UnboundLocalError, match="z"):
        printed(compiled, np.ones(3), 1)


def test_shapes_that_are_new_in_every_call_are_left_to_python_in_the_end():
    def step(x, n):
        y = np.tanh(x) * 2 + 1 - x
        chosen = np.random.default_rng(n).permutation(y)[:n]
        w = np.exp(-chosen) * chosen + 1
        w = w * w - np.sum(w)
        return w / 2

    compiled = check(step, *[(np.linspace(-1, 1, 90), n) for n in range(10, 80)])
    assert "its arrays have other shapes in nearly every call" in compiled.report()
    assert parts_of(compiled) == [(1, 1)]


def test_a_call_inside_of_a_trace_is_followed():
    def step(x):
        y = np.tanh(x) * 2 + 1 - x
        LOG.append(0)
        return np.sum(y * y) - np.sum(x)

    compiled = check(step, *[(np.arange(3.0),)] * 4)
    x = np.array([0.3, -0.2])
    np.testing.assert_allclose(cr.grad(compiled)(x), cr.grad(step)(x), rtol=1e-13)
    np.testing.assert_allclose(cr.compile(lambda x: compiled(x) * 2)(x), 2 * step(x), rtol=1e-13)


def test_donated_arrays_come_back_updated():
    def step(w, x):
        w = w - 0.1 * np.tanh(x) * w
        say(f"{np.sum(w):.3f}")
        return w * 2 - x * w, x * 2 + w

    compiled = cr.compile(step, donate=0)
    for _ in range(4):
        w = np.arange(3.0)
        expected, _ = printed(step, w.copy(), np.ones(3))
        got, _ = printed(compiled, w, np.ones(3))
        assert got[0] is w
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-13)
    assert len(parts_of(compiled)) == 2


class Model:
    def __init__(self):
        self.w = np.eye(3) * 0.5
        self.seen = []

    def step(self, x, *, rate=0.1):
        def loss(w):
            return np.mean((np.tanh(x @ w) - 1) ** 2)

        value, g = cr.value_and_grad(loss)(self.w)
        self.w = self.w - rate * g
        self.seen.append(value)
        return value


@pytest.mark.parametrize(
    "take", [lambda m: cr.compile(m.step), lambda m: cr.compile(Model.step).__get__(m)]
)
def test_a_method_sets_the_attributes_of_its_object(take):
    one, other = Model(), Model()
    step = take(other)
    x = np.linspace(-1, 1, 6).reshape(2, 3)
    for rate in (0.1, 0.1, 0.1, 0.3):
        assert step(x, rate=rate) == pytest.approx(one.step(x, rate=rate), rel=1e-12)
        np.testing.assert_allclose(other.w, one.w, rtol=1e-12)
    assert len(other.seen) == 4
    assert all(type(v) is np.float64 for v in other.seen[1:])  # the first is from the capture


def test_a_function_whose_source_is_not_that_of_its_code_is_not_split():
    def step(x):
        return np.tanh(x) * 2

    assert source_of(step) is not None
    step.__code__ = step.__code__.replace(co_consts=(None, 3))
    assert source_of(step) is None
    assert source_of(lambda x: x) is None
    assert source_of(np.sin) is None


def test_a_function_that_looks_at_its_frame_is_not_split():
    def step(x):
        y = np.tanh(x)
        return sorted(locals()), y

    assert source_of(step) is None


def statements(text):
    return ast.parse(text).body


@pytest.mark.parametrize(
    ("text", "needed", "bound"),
    [
        ("y = x + 1; z = y", "x", "yz"),
        ("if a:\n b = 1\nelse:\n b = c\nd = b", "ac", "bd"),
        ("if a:\n b = 1\nd = b", "ab", "d"),
        ("if a:\n raise b\nelse:\n c = 1\nd = c", "ab", "cd"),
        ("for i in a:\n b = i\n c = b + d", "ad", ""),
        ("while a:\n b = 1\nelse:\n c = b", "ab", ""),
        ("with a as b:\n c = b\nd = c", "ac", "d"),
        ("try:\n a = b\nexcept c as d:\n e = d\nfinally:\n f = 1\ng = a", "abc", "g"),
        ("a: int\nb: int = 2", "", "b"),
        ("a += 1", "a", "a"),
        ("a = 1\ndel a\nb = a", "a", "b"),
        ("def f(a):\n b = a + c\n return b", "c", "f"),
    ],
)
def test_flow_tells_what_is_needed_and_what_is_bound(text, needed, bound):
    flow = Flow()
    behind = flow.through(statements(text), frozenset())
    assert set(needed) <= flow.needed <= {*needed, "int"}
    assert behind == set(bound)


def test_names_of_functions_inside_are_their_own():
    text = "f = lambda a, b=c: a + d\ng = [h for h in i if h > j]\n(k := [l := 1 for m in n])"
    assert read_by(statements(text)) == set("cdijn")
    assert bound_by(statements(text)) == set("fgkl")


def test_a_jump_belongs_to_the_nearest_loop():
    assert is_left_by(statements("if a:\n break").copy()[:1])
    assert not is_left_by(statements("for a in b:\n break"))
    assert is_left_by(statements("for c in d:\n for a in b:\n  pass\n else:\n  break")[0].body)


def test_a_return_of_a_function_inside_is_its_own():
    assert returns(statements("if a:\n return 1"))
    assert not returns(statements("def f():\n return 1"))


def outcome(f, given):
    """Return all that can be seen of a call."""
    world = f.__globals__ if hasattr(f, "__globals__") else f.function.__globals__
    with np.errstate(all="ignore"):
        try:
            result = printed(f, *given)
        except Exception as error:  # noqa: BLE001  programs raise on purpose
            result = type(error).__name__, str(error).splitlines()[0]
    state = str(world["rng"].bit_generator.state)
    return result, given, state, [np.array(x) for x in world["kept"]]


def assert_alike(got, expected):
    one, other = cr.tree.flatten(got), cr.tree.flatten(expected)
    assert one[1] == other[1]
    for x, y in zip(one[0], other[0], strict=True):
        assert type(x) is type(y)
        np.testing.assert_allclose(x, y, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("seed", range(10))
def test_a_random_program_does_what_it_does_without_being_compiled(seed, tmp_path):
    program = Program(seed, tmp_path)
    eager, step = program.function(), cr.compile(program.function())
    for k in (0, 1, 2, 3, 1, 4, 0):
        assert_alike(outcome(step, arguments(k)), outcome(eager, arguments(k)))


def test_random_programs_have_native_parts(tmp_path):
    count = 0
    for seed in range(4):
        step = cr.compile(Program(seed, tmp_path).function())
        for k in (0, 1, 2, 3, 1, 4):
            outcome(step, arguments(k))
        count += step.report().count("a native part")
    assert count == 6


texts: list[str] = []


def failing_inside(x):
    return x @ np.ones((7, 2))


def failing(x, where):
    y = np.exp(x) * 2 + np.sin(x)
    texts.append(f"{y[0]:.2f}")
    z = np.cos(y) * y - 1
    if where == "part":
        z = failing_inside(z) + z
    elif where == "python":
        texts.append(f"{int('none')}")
    try:
        z = z + len(where)
    finally:
        texts.append("end")
    return z * 2 + np.tanh(z)


def lines_of(f, *args):
    with pytest.raises(ValueError, match=r"matmul|invalid literal|broadcast") as caught:
        f(*args)
    error = caught.value
    shown = traceback.extract_tb(error.__traceback__)
    lines = [(x.name, x.lineno) for x in shown if x.filename == __file__ and x.name != "lines_of"]
    return lines, error.__cause__, error.__context__, error.__suppress_context__, len(shown)


@pytest.mark.parametrize("where", ["part", "python"])
def test_tracebacks_show_the_lines_of_the_step(where):
    compiled = cr.compile(failing, static=1)
    for _ in range(3):
        compiled(np.ones(3), "none")
    assert "a native part" in compiled.report()
    for _ in range(3):
        *found, frames = lines_of(compiled, np.ones(3), where)
        *expected, plain = lines_of(failing, np.ones(3), where)
        assert found == expected
        assert frames <= plain + 5
