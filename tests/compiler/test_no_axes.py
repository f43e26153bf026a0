"""Arrays without axes are written to like others, the caller's too, by whatever name."""

import math
import warnings
from functools import partial

import numpy as np
import pytest
from tests import calls, laws

import chainrule as cr
from chainrule import tree
from chainrule.compiler.capture.steps import capture_step, outcome_of
from chainrule.core.op import TABLE


def _added(a):
    a += 1.0
    return a * 2.0


def _through_a_view(a):
    part = a[...]
    part *= 3.0
    return a + 0.0


def _reshaped(a):
    row = a.reshape(1)
    row[0] = 7.0


def _raveled(a):
    a.ravel()[...] = 2.5


def _by_index(a):
    a[()] = 2.0
    a[...] += 0.5


def _in_a_loop(a):
    while a < 3.0:
        a += 1.0
    return a - 1.0


def _beside_a_gradient(a):
    value, slope = cr.value_and_grad(lambda w: w * w)(a)
    a -= 0.1 * slope
    return value


STEPS = (_added, _through_a_view, _reshaped, _raveled, _by_index, _in_a_loop, _beside_a_gradient)


@pytest.mark.parametrize("step", STEPS)
def test_a_write_to_an_argument_without_axes_is_seen(step):
    compiled = cr.compile(step)
    for number in (0.5, -1.25):
        mine, other = np.array(number), np.array(number)
        np.testing.assert_array_equal(compiled(mine), step(other))
        assert mine == other
    assert "eagerly" not in compiled.report()


MADE = {
    "array": np.array,
    "copy": np.copy,
    "of a sum": lambda a: np.array(a * 2),
    "where": lambda a: np.where(a > 0, a, 1.0),
    "zeros_like": np.zeros_like,
    "ones_like": np.ones_like,
    "all of it": lambda a: a[...],
    "astype": lambda a: a.astype(np.float32),
    "the same dtype": lambda a: a.astype(float),
    "method": lambda a: a.copy(),
    "sum": np.sum,
    "real": np.real,
    "i0": np.i0,
}


@pytest.mark.parametrize("given", [np.array(0.5), np.float64(0.5)], ids=["array", "number"])
@pytest.mark.parametrize("made", MADE)
def test_two_names_of_what_was_made_are_one_array_or_two_numbers(made, given):
    def step(a):
        first = MADE[made](a)
        second = first
        first += 1.0
        return second * 1.0

    assert cr.compile(step)(given.copy()) == step(given.copy())


@pytest.mark.parametrize(
    "given", [np.array(0.5), np.float64(0.5), 0.5], ids=["array", "number", "float"]
)
def test_a_copy_without_axes_is_an_array_in_a_gradient_too(given):
    def f(w):
        first = np.copy(w)
        second = first
        first *= 3.0
        return second * 1.0

    assert cr.grad(f)(given) == 3.0
    assert cr.compile(cr.grad(f))(given) == 3.0


ONE = (1.5, np.float64(1.5), np.array(1.5))
SQUARE = np.array([[1.5]])
OF_ONE = {
    "gradient": lambda x: cr.grad(lambda w: w * w)(x),
    "gradient zero": lambda x: cr.grad(lambda w: np.sum(np.sign(w)))(x),
    "hessian": lambda x: cr.hessian(lambda w: w**3)(x),
    "times": lambda x: x * 2,
    "where": lambda x: np.where(x > 0, x, 1.0),
    "copy": np.copy,
    "asarray": lambda x: np.asarray(x),
    "full": lambda x: np.full((), x),
    "zeros": lambda x: np.zeros(()) + 0 * x,
    "zeros_like": lambda x: np.zeros_like(x) + x * 0,
    "ones_like": np.ones_like,
    "broadcast_to": lambda x: np.broadcast_to(x, ()),
    "empty_like": lambda x: np.empty_like(x)[...] * 0,
    "an element of many": lambda x: np.broadcast_to(x, (9, 9))[4, 7],
    "a cut of many": lambda x: np.broadcast_to(x, (9, 9))[4, 7, ...],
    "counts": lambda x: np.unique_counts(x).counts[0],
    "stack": lambda x: np.stack([x, x])[0],
    "max": np.max,
    "clip": lambda x: np.clip(x, 0, 1),
    "real": np.real,
    "nan_to_num": np.nan_to_num,
    "isin": lambda x: np.isin(x, [1.5]),
    "flip": np.flip,
    "roll": lambda x: np.roll(x, 0),
    "select": lambda x: np.select([x > 0], [x]),
    "interp": lambda x: np.interp(x, [0.0, 2.0], [0.0, 4.0]),
    "polyval": lambda x: np.polyval([1.0, 2.0], x),
    "round": np.round,
    "angle": np.angle,
    "ravel": lambda x: np.ravel(x)[0],
    "dot": lambda x: np.dot(x, x),
    "prod": lambda x: np.prod(x, axis=()),
}
OF_ONE |= {
    "reshape": lambda x: np.reshape(x, ()),
    "transpose": np.transpose,
    "squeeze": np.squeeze,
    "moveaxis": lambda x: np.moveaxis(x, (), ()),
    "expand_dims": lambda x: np.expand_dims(x, ()),
    "real_if_close": np.real_if_close,
    "real_if_close of a complex number": lambda x: np.real_if_close(x + 0j),
    "broadcast_arrays": lambda x: np.broadcast_arrays(x, 1.0)[0],
    "fftn": np.fft.fftn,
    "matrix_transpose": lambda x: np.matrix_transpose([[x]])[0, 0],
}
OF_A_MATRIX = {
    "reshape": lambda x: x.reshape(()),
    "ellipsis": lambda x: x[0, 0, ...],
    "index": lambda x: x[0, 0],
    "squeeze": np.squeeze,
    "trace": np.trace,
    "einsum": lambda x: np.einsum("ij,ij->", x, x),
    "tensordot": lambda x: np.tensordot(x, x),
    "take": lambda x: np.take(x, np.array(0)),
    "norm": np.linalg.norm,
    "moveaxis": lambda x: np.moveaxis(x, 0, 1)[0, 0],
    "median": np.median,
}
CALLS = [
    *[pytest.param(f, x, id=f"{n} {type(x).__name__}") for n, f in OF_ONE.items() for x in ONE],
    *[pytest.param(f, SQUARE, id=n) for n, f in OF_A_MATRIX.items()],
]


@pytest.mark.parametrize(("step", "x"), CALLS)
def test_a_result_without_axes_is_an_array_where_numpy_gives_one(step, x):
    compiled = cr.compile(step)
    expected = step(x)
    for _ in range(2):
        got = compiled(x)
        assert type(got) is type(expected)
        np.testing.assert_array_equal(got, expected)
    assert "eagerly" not in compiled.report()


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: float(np.copy(x)),
        lambda x: float(np.where(x > 0, x, 1.0)),
        lambda x: complex(np.copy(x)),
        lambda x: np.copy(x).item(),
        lambda x: math.ulp(x),
        lambda x: float(np.array([x, 2.0])[:1].reshape(())),
    ],
)
def test_numbers_that_python_makes_of_arrays_without_axes_are_pythons(convert):
    compiled = cr.compile(convert)
    assert repr(compiled(0.5)) == repr(convert(0.5))
    assert "eagerly" not in compiled.report()


@pytest.mark.parametrize(
    "f",
    [
        lambda x: np.ascontiguousarray(x),
        lambda x: np.asfortranarray(x),
        lambda x: np.einsum("->", x),
    ],
    ids=["by rows", "by columns", "einsum"],
)
@pytest.mark.parametrize("x", [2.0, np.float64(2.0), np.array(2.0)], ids=repr)
def test_a_function_of_what_has_no_axes_gives_what_numpy_gives(f, x):
    step = cr.compile(f)
    for _ in range(2):
        got, expected = step(x), f(x)
        assert type(got) is type(expected)
        assert np.shape(got) == np.shape(expected)
    assert np.shape(cr.vjp(f, x)[0]) == np.shape(f(x))


@pytest.mark.parametrize("op", [op for op in TABLE.values() if calls.has_numpy_name(op)], ids=repr)
def test_values_of_other_kinds_are_captured_as_numpy_takes_them(op):
    def law(op, sample):
        for kind, make in calls.OTHERS.items():
            given = calls.with_others(op, sample, make)
            if given is not None:
                call, expected = given
                got = calls.answer(partial(captured, call), call.arrays)
                laws.assert_as_numpys(got, expected, kind)

    laws.check_each(law, op)


def captured(call, *arrays):
    """Return what a captured call returns, in the kinds that native code gives."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        step = capture_step(
            call.function, arrays, lambda x: (tuple(x), {}), is_shared=lambda x: False
        )
        values, structure = outcome_of(step, arrays)
    pairs = zip(step.results, values, strict=True)
    return tree.unflatten(structure, [_as_native(r, x) for r, x in pairs])


def _as_native(result, x):
    if result.node is None or result.node.type.shape or result.node.type.weak:
        return x
    return np.asarray(x) if result.is_array else np.asarray(x)[()]


def test_what_numpy_refuses_by_the_types_of_numbers_alone_is_left_to_it():
    mean = cr.compile(lambda x: np.mean(x, axis=0))
    for _ in range(2):
        with pytest.raises(np.exceptions.AxisError):
            mean(np.array(1.0))
    assert "np.mean raised AxisError for samples of these arguments" in mean.report()
    with pytest.raises(np.exceptions.AxisError):
        cr.grad(lambda x: np.mean(x, axis=0))(np.array(1.0))
    with pytest.raises(np.exceptions.AxisError):
        cr.grad(lambda x: x.mean(0))(np.array(1.0))


def test_what_numpy_refuses_of_some_numbers_only_is_computed_of_others():
    def chosen(x, i):
        return np.take(x, i)

    picked = cr.compile(chosen)
    assert picked(np.array(2.0), np.array(0)) == 2.0
    with pytest.raises(IndexError):
        picked(np.array(2.0), np.array(1))


def test_what_the_user_wrote_is_not_called_with_samples():
    seen = []

    def noted(v):
        seen.append(v.shape)
        return v * 2

    cr.grad(lambda x: np.piecewise(x, [x > 0], [noted, 0.0])[()])(np.array(1.0))
    assert seen == [(1,)]
