"""What goes wrong says what came, what was expected, what to do, and where."""

import math
import pickle

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import (
    ArgumentError,
    ChainruleError,
    ContainerError,
    DTypeError,
    EscapedValueError,
    NotDifferentiableError,
    ShapeError,
)


def test_a_result_that_is_no_number_names_its_shape():
    with pytest.raises(
        ShapeError,
        match=r"the function returned an array of shape \(3,\). A gradient needs one number",
    ):
        cr.grad(lambda x: x * 2)(np.ones(3))


@pytest.mark.parametrize(
    ("f", "got"),
    [(lambda x: None, "None"), (lambda x: (x, x), "a tuple"), (lambda x: {"loss": x}, "a dict")],
)
def test_a_result_that_is_a_container_is_named(f, got):
    with pytest.raises(
        ShapeError, match=f"the function returned {got}. A gradient needs one number"
    ):
        cr.grad(f)(1.0)


def test_the_message_shows_the_users_line_and_a_hint():
    with pytest.raises(EscapedValueError) as caught:
        cr.grad(lambda x: math.sin(x))(1.0)
    message, position, hint = str(caught.value).splitlines()
    assert message.startswith("float(), or a function of the math module,")
    assert position.startswith("  at test_errors.py:")
    assert "math.sin(x)" in position
    assert hint.startswith("  Hint: use the NumPy function (np.sin, not math.sin)")


@pytest.mark.parametrize(
    "convert", [float, int, complex, math.exp, np.asarray, lambda x: [1, 2, 3][x]]
)
def test_a_value_that_would_leave_the_trace_raises(convert):
    with pytest.raises(
        EscapedValueError,
        match="would turn a traced value into a plain number and lose its derivative",
    ):
        cr.grad(lambda x: x * convert(x))(1.0)


def test_an_escape_that_is_swallowed_raises_at_the_end():
    def f(x):
        try:
            y = float(x)
        except RuntimeError:
            y = 1.0
        return x * y

    with pytest.raises(EscapedValueError, match="lose its derivative"):
        cr.grad(f)(2.0)


def test_a_traced_value_cannot_be_written_into_a_plain_array():
    outside = np.ones(2)

    def f(x):
        a = outside
        a += x
        return np.sum(a)

    expected = r"np.add\(..., out=\) into a plain array, or an in-place operator on one"
    with pytest.raises(EscapedValueError, match=expected):
        cr.grad(f)(2.0)


def test_integers_are_refused_with_their_path():
    with pytest.raises(
        DTypeError, match=r"argument 0\['n'\] is int 3. Derivatives are taken with respect to float"
    ):
        cr.grad(lambda w: w["n"] ** 2)({"n": 3})


def test_integer_arrays_are_refused():
    with pytest.raises(DTypeError, match=r"argument 0 is an array of dtype int64 and shape \(2,\)"):
        cr.grad(np.sum)(np.array([1, 2]))


def test_a_complex_result_is_refused():
    with pytest.raises(DTypeError, match=r"the function returned a complex number \(complex128\)"):
        cr.grad(lambda z: z * z)(1 + 2j)


@pytest.mark.parametrize("argnums", [2, -3, (0, 0), (), 1.0, "x", (0, "x"), None])
def test_argnums_out_of_range_are_refused(argnums):
    with pytest.raises(
        ArgumentError, match="but the function was called with 2 positional arguments"
    ):
        cr.grad(lambda x, y: x * y, argnums)(1.0, 2.0)


@pytest.mark.parametrize(("args", "tangents"), [(1.0, (1.0,)), ((1.0,), 1.0), (np.ones(1), (1.0,))])
@pytest.mark.parametrize("transform", [cr.jvp, cr.hvp])
def test_arguments_and_tangents_that_are_no_tuples_are_refused(transform, args, tangents):
    with pytest.raises(ContainerError, match="Expected a tuple with one entry per argument"):
        transform(lambda x: x * x, args, tangents)


def test_a_leaf_that_is_no_number_is_refused():
    with pytest.raises(
        ContainerError, match=r"argument 0 is .*MaskedArray. Expected an array or a number"
    ):
        cr.grad(np.sum)(np.ma.masked_array([1.0, 2.0], [True, False]))


def test_an_argument_without_numbers_is_refused():
    with pytest.raises(
        ContainerError, match=r"argument 0 is str 'three'. Expected an array or a number"
    ):
        cr.grad(lambda x: 1.0)("three")


def test_a_function_without_a_rule_is_refused_by_name():
    mystery = np.frompyfunc(math.erf, 1, 1)
    with pytest.raises(
        NotDifferentiableError, match=r"erf .*: a ufunc made by np\.frompyfunc hides its function"
    ):
        cr.grad(lambda x: mystery(x))(1.0)
    with pytest.raises(
        NotDifferentiableError, match=r"logical_and\.accumulate: chainrule has no derivative rule"
    ):
        cr.grad(lambda x: np.sum(np.logical_and.accumulate(x)) * 1.0)(np.ones(3))


def test_a_cotangent_of_the_wrong_shape_is_refused():
    _, pullback = cr.vjp(lambda x: x * 2, np.ones(3))
    with pytest.raises(ShapeError, match=r"pullback: got shape \(2,\). Expected shape \(3,\)"):
        pullback(np.ones(2))


def test_a_cotangent_in_the_wrong_container_is_refused():
    _, pullback = cr.vjp(lambda x: (x, x), 1.0)
    with pytest.raises(
        ContainerError, match=r"pullback: the containers differ: got \*. Expected \(\*, \*\)"
    ):
        pullback(1.0)


def test_a_complex_cotangent_of_a_real_result_is_refused():
    _, pullback = cr.vjp(lambda x: x * 2, 1.0)
    with pytest.raises(
        DTypeError,
        match=r"pullback: got dtype complex128. Expected float64: the value it belongs to is real",
    ):
        pullback(1j)


def test_the_number_of_tangents_must_be_that_of_the_arguments():
    with pytest.raises(
        ContainerError, match=r"jvp: .*got 2 tangents. Expected 1, one per argument"
    ):
        cr.jvp(np.sin, (1.0,), (1.0, 2.0))


def test_a_tangent_in_the_wrong_container_is_refused():
    with pytest.raises(ContainerError, match="jvp tangent: the containers differ"):
        cr.jvp(lambda w: w["a"], ({"a": 1.0},), (1.0,))


def test_an_unknown_mode_is_refused():
    with pytest.raises(
        ArgumentError,
        match=r"jacobian: mode='backward'. Expected one of 'auto', 'reverse', 'forward'",
    ):
        cr.jacobian(np.sin, mode="backward")


def test_has_aux_expects_a_pair():
    with pytest.raises(ContainerError, match=r"has_aux: .*Expected a tuple \(value, aux\)"):
        cr.grad(lambda x: x * 2, has_aux=True)(1.0)


@pytest.mark.parametrize("builtin", [ValueError, ChainruleError])
def test_an_error_is_ours_and_a_builtin(builtin):
    with pytest.raises(builtin):
        cr.grad(lambda x: x * 2)(np.ones(3))


def test_an_error_can_be_pickled():
    error = ShapeError.from_cotangent("pullback", (2,), (3,))
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), again.message, again.hint) == (ShapeError, error.message, error.hint)
