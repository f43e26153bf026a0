"""Formulas: what is written means what was computed, and no parenthesis is there in vain."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chainrule.core.op import TABLE
from chainrule.explanation.formula import Call, Number, Symbol, call, written
from chainrule.explanation.numbers import Digits

VALUES = {"x": 1.5, "y": -0.75, "z": 2.0}
FUNCTIONS = {"exp": np.exp, "sin": np.sin}
LEAVES = st.one_of(
    st.sampled_from([Symbol(n, v) for n, v in VALUES.items()]),
    st.sampled_from([Number(v) for v in (-2.0, -1.0, 0.0, 0.5, 1.0, 3.0)]),
)
BINARY = ("add", "subtract", "multiply", "divide", "power")
UNARY = ("negative", "sin", "exp")


def raw(name, *arguments):
    """Return a call as it stands, not simplified."""
    return Call(name, TABLE[name].notation, arguments)


def trees(build):
    return st.recursive(
        LEAVES,
        lambda inner: st.one_of(
            st.builds(build, st.sampled_from(BINARY), inner, inner),
            st.builds(build, st.sampled_from(UNARY), inner),
        ),
        max_leaves=12,
    )


def value(expression):
    if isinstance(expression, Call):
        return TABLE[expression.name].numpy(*map(value, expression.arguments))
    return np.float64(expression.value)


@given(trees(raw))
def test_what_is_written_means_what_it_is(expression):
    with np.errstate(all="ignore"):
        text = written(expression)
        names = {n: np.float64(v) for n, v in VALUES.items()}
        try:
            found = eval(text, {"__builtins__": {}}, {**names, **FUNCTIONS})  # noqa: S307  our own text
        except (ZeroDivisionError, OverflowError):  # numbers alone are Python's
            return
        if isinstance(found, complex):  # Python's power of a negative number
            return
        assert np.isclose(found, value(expression), rtol=1e-12, equal_nan=True)


@given(trees(call))
def test_simplifying_changes_no_value(expression):
    with np.errstate(all="ignore"):
        text = written(expression)
        try:
            found = eval(text, {"__builtins__": {}}, {**VALUES, **FUNCTIONS})  # noqa: S307  our own text
        except (ZeroDivisionError, OverflowError):
            return
        if isinstance(found, complex):
            return
        assert np.isclose(found, value(expression), rtol=1e-12, equal_nan=True)


X, Y, Z = (Symbol(n, v) for n, v in VALUES.items())


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (raw("add", raw("add", X, Y), Z), "x + y + z"),
        (raw("add", X, raw("add", Y, Z)), "x + (y + z)"),
        (raw("subtract", X, raw("subtract", Y, Z)), "x - (y - z)"),
        (raw("multiply", raw("add", X, Y), Z), "(x + y) * z"),
        (raw("add", raw("multiply", X, Y), Z), "x * y + z"),
        (raw("divide", X, raw("multiply", Y, Z)), "x / (y * z)"),
        (raw("multiply", raw("divide", X, Y), Z), "(x / y) * z"),
        (raw("multiply", X, raw("divide", Y, Z)), "x * (y / z)"),
        (raw("power", X, raw("power", Y, Z)), "x ** y ** z"),
        (raw("power", raw("power", X, Y), Z), "(x ** y) ** z"),
        (raw("power", raw("negative", X), Z), "(-x) ** z"),
        (raw("negative", raw("power", X, Z)), "-x ** z"),
        (raw("multiply", X, Number(-2.0)), "x * (-2.0)"),
        (raw("exp", raw("add", X, Y)), "exp(x + y)"),
    ],
)
def test_parentheses_stand_where_precedence_needs_them(expression, text):
    assert written(expression) == text


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (call("multiply", X, Number(1.0)), "x"),
        (call("multiply", Number(0.0), X), "0.0"),
        (call("multiply", Number(-1.0), X), "-x"),
        (call("add", Number(0.0), X), "x"),
        (call("add", X, call("negative", Y)), "x - y"),
        (call("subtract", X, call("negative", Y)), "x + y"),
        (call("subtract", Number(0.0), X), "-x"),
        (call("negative", call("negative", X)), "x"),
        (call("divide", X, Number(1.0)), "x"),
        (call("power", X, Number(1.0)), "x"),
        (call("power", X, Number(0.0)), "1.0"),
    ],
)
def test_what_changes_nothing_is_left_out(expression, text):
    assert written(expression) == text


def test_numbers_say_when_they_are_rounded():
    digits = Digits(3)
    assert digits.equals(0.25, -4.0) == "="
    assert digits.equals(0.25, 1 / 3) == "≈"
    assert digits.number(np.array([1.0, -0.5])) == "[1, −0.5]"
    assert digits.number(np.ones((3, 4))) == "float64[3, 4]"
    assert digits.number(float("nan")) == "nan"
    assert digits.number(1e-10) == "1e-10"
