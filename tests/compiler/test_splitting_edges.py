"""A step in parts does what it does by itself, where its parts are other functions with variables of their own."""

import contextlib
import functools
import io

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler.splitting.source import source_of

say = print
CALLS = 0


def called():
    global CALLS  # noqa: PLW0603  a helper that counts is what is tested
    CALLS += 1
    return CALLS


def outcome(f, args):
    """Return what a call returns or raises, leaves in its arguments and the counter, and prints."""
    global CALLS  # noqa: PLW0603
    CALLS = 0
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        try:
            returned = f(*args)
        except Exception as error:  # noqa: BLE001  whatever it is, both raise it
            returned = type(error), str(error)
    return shown((returned, args, CALLS)), text.getvalue()


def shown(x):
    """Return the types and the numbers of what a call returns."""
    if isinstance(x, (list, tuple)):
        return type(x), [shown(y) for y in x]
    if isinstance(x, dict):
        return [(k, shown(y)) for k, y in x.items()]
    if isinstance(x, (float, np.ndarray, np.generic)):
        return type(x), np.round(x, 9).tolist()
    return x


def check(step, *calls, in_parts=True):
    """Compare calls with those of the function itself; the arguments are made anew."""
    compiled = cr.compile(step)
    for i, make in enumerate(calls):
        expected, got = outcome(step, make()), outcome(compiled, make())
        if i:  # what is printed while the first call is captured appears twice
            assert got == expected
    assert ("a native part" in compiled.report()) == in_parts
    return compiled


def row():
    return (np.array([0.3, -0.2, 0.7]),)


def test_a_name_of_an_outer_scope_is_returned_as_it_was_before_the_items_behind_it():
    def step(x):
        y = np.sin(x) * 2 + x
        say(f"{y[0]:.3f}")
        return CALLS, called(), y * y + np.cos(y)

    check(step, *[row] * 4)


def test_what_a_helper_counts_is_counted_once_a_call():
    def step(x):
        y = np.sin(x) * 2 + x
        say(f"{y[0]:.3f}")
        z = np.cos(y) * called() + y
        return z * z + y

    check(step, *[row] * 4)


@pytest.mark.parametrize("error", [ZeroDivisionError, IndexError])
def test_an_error_that_a_context_swallows_leaves_what_was_bound_before_it(error):
    def step(x, n):
        y = x
        say(f"{y[0]:.3f}")
        with contextlib.suppress(error):
            y = np.sin(x) * 2 + x
            np.cos(y) * y / (1 // n) if n == 0 else y * x[n]
        say(f"{y[0]:.4f}")
        return y * y + np.exp(y) * x

    check(step, *[lambda: (*row(), 0 if error is ZeroDivisionError else 7)] * 4)


def test_a_context_that_lets_errors_pass_has_native_parts_inside():
    def step(x):
        with np.errstate(all="ignore"):
            y = np.log(np.abs(x)) * 2 + x
            say(f"{y[0]:.3f}")
        return x

    check(step, *[row] * 4)


def test_an_assignment_expression_sets_a_global_name():
    def step(x):
        global CALLS
        y = np.sin(x) * 2 + x
        say(f"{y[0]:.4f}")
        z = np.cos(y) * y + (CALLS := CALLS + 1)
        return z * z + np.exp(z), CALLS

    check(step, *[row] * 4)


@pytest.mark.parametrize("make", [lambda m: m.T, lambda m: np.asfortranarray(m)])
def test_an_array_that_does_not_lie_row_by_row_is_not_handed_on_as_if_it_did(make):
    def step(m):
        y = np.sin(m) + 1 * m
        say(y.flags.c_contiguous)
        y.reshape(-1)[0] = 100
        say(f"{y[0, 0]:.3f}")
        return y * 2 + np.exp(-y)

    check(step, *[lambda: (make(np.arange(6.0).reshape(2, 3)),)] * 4)


def test_columns_that_an_array_picks_are_not_handed_on_row_by_row():
    def step(m, i):
        w = np.sin(m[:, i]) * 2 + m[:, i]
        say(w.strides)
        w.reshape(-1)[0] = 100
        say(f"{w[0, 0]:.3f}")
        return w * 2 + np.exp(-w)

    check(step, *[lambda: (np.arange(12.0).reshape(3, 4), np.array([2, 0]))] * 4)


def test_a_mean_of_columns_is_not_handed_on_row_by_row():
    def step(m):
        w = np.mean(np.sin(m.T)[:, :, None] * 2, axis=2)
        say(w.strides)
        return w * 2 + np.exp(-w)

    check(step, *[lambda: (np.arange(12.0).reshape(3, 4),)] * 4)


def test_two_names_of_one_dictionary_are_the_same_object():
    def step(p):
        q = p
        say("x")
        y = np.sin(p["w"]) * 2 + 1
        if q is p:
            y = y * 2 + np.cos(y)
        say(f"{y[0]:.4f}")
        return y * y + p["w"]

    check(step, *[lambda: ({"w": row()[0]},)] * 4)


def test_a_function_made_in_a_loop_is_another_one_in_each_turn():
    def step(x):
        made = []
        y = np.sin(x) * 2 + x
        for i in range(3):
            f = lambda v: v * i  # noqa: B023  i as it is when f runs is what is tested
            made.append(f)
            say(f"{y[0]:.4f}")
            y = y + np.sin(f(y)) * 2
        say(made[0] is made[1], made[0](2.0))
        return y * y + np.cos(y)

    check(step, *[row] * 4)


def test_a_function_that_is_made_on_one_path_only_is_missing_on_the_other():
    def step(x, flag):
        if flag:

            def g(v):
                return v * 2

        y = np.sin(x) * 2 + x
        say(f"{y[0]:.4f}")
        x[...] = y * 2 + np.cos(y)
        return g(y) + np.exp(y) * y

    check(step, *[lambda flag=flag: (*row(), flag) for flag in (True, True, True, False)])


def test_a_partial_function_keeps_its_list_from_call_to_call():
    def add(count, x):
        count[0] += 1
        return x * count[0]

    def step(x):
        f = functools.partial(add, [0])
        y = f(x) * 2 + np.sin(x)
        say(f"{y[0]:.4f}")
        y = f(y) * 2 + np.cos(x)
        say(f"{y[0]:.4f}")
        return y * y + np.exp(-y) * x

    check(step, *[row] * 4)


def test_a_generator_reads_its_variables_when_it_runs():
    def step(x):
        y = np.sin(x) * 2 + x
        g = (y * k + np.cos(y) for k in range(3))
        say(f"{y[0]:.3f}")
        y = y * 2 + np.exp(-y)
        a = next(g)
        say(f"{a[0]:.3f}")
        return a * y + np.cos(a)

    check(step, *[row] * 4)


def test_a_function_of_pythons_sees_what_is_bound_after_it_was_made():
    def step(x):
        y = np.sin(x) * 2 + x

        def g(v, k=2):
            return v * k + y

        say(f"{g(y)[0]:.4f}")
        y = np.sin(y) * 2 + 1
        z = g(y) * y + np.cos(y)
        say(f"{z[0]:.4f}")
        return z * z + np.exp(-z)

    check(step, *[row] * 4)


def test_a_function_that_is_kept_sees_what_is_bound_later():
    def step(x):
        kept = []
        k = np.sin(x) * 2 + x

        def show(v):
            return v * k + 1

        kept.append(show)
        say(f"{k[0]:.3f}")
        same = show
        k = k * 2 + np.cos(k)
        y = kept[0](x) * 2 + np.sin(k) + same(k)
        say(f"{y[0]:.3f}")
        return y * k + np.exp(-y)

    check(step, *[row] * 4)


def test_a_step_whose_defaults_or_code_are_others_now_is_not_run_in_its_old_parts():
    def step(x, k=2.0, *, r=1.0):
        y = np.sin(x) * k + x
        say(f"{y[0]:.4f}")
        return y * y + np.cos(y) * r

    def other(x, k=2.0, *, r=1.0):
        y = np.cos(x) * k
        say(f"{y[0]:.4f}")
        return y * 2 + r

    compiled = check(step, *[row] * 4)
    for name, value in (
        ("__defaults__", (5.0,)),
        ("__kwdefaults__", {"r": 3.0}),
        ("__code__", other.__code__),
    ):
        setattr(step, name, value)
        assert outcome(compiled, row()) == outcome(step, row())


def test_a_name_that_is_taken_away_on_one_path_is_missing_behind_it():
    def step(x, flag):
        t = np.sin(x) * 2 + x
        say(f"{t[0]:.4f}")
        if flag:
            del t
        x[...] = np.cos(x) * x + 1
        y = t * 2 + np.exp(x)
        say(f"{y[0]:.4f}")
        return y * np.cos(y) + x

    check(step, *[lambda flag=flag: (*row(), flag) for flag in (False, False, False, True)])


def test_a_comparison_of_pythons_numbers_is_pythons_truth_value():
    def step(x, k):
        y = np.sin(x) * 2 + x
        say(f"{y[0]:.4f}")
        return y * y + np.exp(-y), k > 2

    check(step, *[lambda k=k: (*row(), k) for k in range(6)])


def test_a_source_whose_parameters_are_of_another_kind_is_not_that_of_the_code():
    def step(rest):
        return np.tanh(rest) * 2

    assert source_of(step) is not None
    step.__code__ = step.__code__.replace(co_flags=step.__code__.co_flags | 4, co_argcount=0)
    assert source_of(step) is None


@pytest.mark.parametrize("name", ["<lambda>", "two words", "def"])
def test_a_step_may_be_called_anything(name):
    def step(x):
        text = str(x[0])
        y = np.sin(x) * 2.0 + np.cos(x)
        return y * len(text)

    step.__name__ = name
    check(step, *[lambda: (np.ones(3),)] * 3)
