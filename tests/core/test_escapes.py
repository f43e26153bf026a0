"""Nothing leaves the trace silently: what would lose a derivative raises, at the user's line."""

import cmath
import copy
import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import EscapedValueError

A = np.eye(2)


def write_into_a_plain_array(x: Any) -> Any:
    a = A * 2
    a[0, 0] = x
    return np.sum(a)


def write_a_row_into_a_plain_array(x: Any) -> Any:
    a = A.copy()
    a[0] = x * np.ones(2)
    return np.sum(a)


def add_in_place_to_a_plain_array(x: Any) -> Any:
    a = A.copy()
    a += x
    return np.sum(a)


def out_into_a_plain_array(x: Any) -> Any:
    a = A.copy()
    np.multiply(x, A, out=a)
    return np.sum(a)


def write_a_float_into_an_integer_array(x: Any) -> Any:
    a = np.zeros(2)
    a[0] = float(x)
    return np.sum(a)


def swallowed(x: Any) -> Any:
    try:
        y = float(x)
    except TypeError:
        y = 1.0
    except RuntimeError:
        y = 2.0
    return x * y


ESCAPES: dict[str, Callable[[Any], Any]] = {
    "float": float,
    "int": int,
    "complex": lambda x: complex(x).real,
    "math.sin": math.sin,
    "math.floor": math.floor,
    "cmath.exp": lambda x: cmath.exp(x).real,
    "np.float64": np.float64,
    "ndarray.dot": lambda x: A.dot(x * np.ones(2)).sum(),
    "range": lambda x: sum(range(x)) * x,
    "random": lambda x: np.random.default_rng(0).normal(x),
    "pickle": lambda x: pickle.loads(pickle.dumps(x)),
    "a plain asarray": np.asarray,
    "float write": write_a_float_into_an_integer_array,
    "item write": write_into_a_plain_array,
    "row write": write_a_row_into_a_plain_array,
    "in-place operator": add_in_place_to_a_plain_array,
    "out=": out_into_a_plain_array,
    "swallowed": swallowed,
}


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_raises_with_the_users_line(name: str) -> None:
    with pytest.raises(EscapedValueError, match="lose its derivative") as caught:
        cr.grad(ESCAPES[name])(2.0)
    assert caught.value.position is not None
    assert caught.value.position.file == __file__
    assert caught.value.hint


@pytest.mark.parametrize("name", ESCAPES)
def test_an_escape_raises_in_forward_mode_too(name: str) -> None:
    with pytest.raises(EscapedValueError, match="lose its derivative"):
        cr.jvp(ESCAPES[name], (2.0,), (1.0,))


def test_an_escape_from_the_outer_level_raises_inside_the_inner_one() -> None:
    with pytest.raises(EscapedValueError):
        cr.grad(lambda x: cr.grad(lambda y: y * float(x))(1.0))(2.0)


def test_an_unknown_function_raises_by_name() -> None:
    mystery = np.frompyfunc(lambda x: x, 1, 1)
    with pytest.raises(
        cr.errors.NotDifferentiableError, match="hides its function, and its derivative"
    ):
        cr.grad(lambda x: mystery(x)[0])(np.ones(3))


def test_stop_gradient_lets_a_value_out() -> None:
    assert cr.grad(lambda x: x * math.sin(cr.stop_gradient(x)))(2.0) == math.sin(2.0)


def test_traced_values_print_compare_iterate_and_copy() -> None:
    def f(x: Any) -> Any:
        s = x[1]
        assert repr(s) == "traced(np.float64(2.0))"
        assert str(s) == "2.0"
        assert f"{s:.3f} {x}" == "2.000 [1. 2. 3.]"
        assert repr(x) == "traced(array([1., 2., 3.]))"
        assert s > 1.0
        assert s == 2.0
        assert (x == np.array([1.0, 0.0, 3.0])).tolist() == [True, False, True]
        assert 2.0 in x
        assert max(x) is not None
        assert sorted(x)[1] == 2.0
        assert len(x) == 3
        assert isinstance(x, np.ndarray)
        assert isinstance(s, float)
        assert x.shape == (3,)
        assert x.dtype == np.float64
        assert (x.ndim, x.size, x.nbytes, x.itemsize) == (1, 3, 24, 8)
        y = copy.deepcopy(x)
        y[0] = 100.0
        assert x[0] == 1.0
        assert x.item(2) == 3.0
        return x.tolist()[0] * x.item(2) + sum(x) + y[1] * copy.copy(s) + sum(e * e for e in x.flat)

    assert cr.grad(f)(np.array([1.0, 2.0, 3.0])).tolist() == [6.0, 9.0, 8.0]


def test_what_chainrule_lacks_is_not_swallowed_either() -> None:
    def f(x: Any) -> Any:
        a = x * np.ones(3)
        try:
            a.shape = (3, 1)
        except ValueError:
            return x
        return np.sum(a * x)

    with pytest.raises(cr.errors.ArgumentError, match=r"a = a\.reshape\(shape\)"):
        cr.grad(f)(2.0)


def test_what_numpy_refuses_too_may_be_swallowed() -> None:
    def f(x: Any) -> Any:
        try:
            return np.sum(x * np.ones(3) + np.ones(4))
        except ValueError:
            return x**3

    assert cr.grad(f)(2.0) == 12.0


@pytest.mark.filterwarnings("ignore:you are shuffling")
def test_rows_that_compiled_code_would_duplicate_are_refused() -> None:
    def shuffled(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def f(x: Any) -> Any:
            a = make(x)
            np.random.default_rng(1).shuffle(a)
            return np.sum(a * np.arange(a.size).reshape(a.shape)) + np.sum(x)

        return f

    x = np.arange(6.0)
    for make in (lambda x: x.reshape(6, 1) * 1.0, lambda x: np.arange(12.0).reshape(6, 2)):
        with pytest.raises(EscapedValueError, match=r"a\[rng.permutation\(len\(a\)\)\]"):
            cr.grad(shuffled(make))(x)
    order = np.random.default_rng(1).permutation(6)
    gradient = cr.grad(shuffled(lambda x: x * 1.0))(x)
    np.testing.assert_array_equal(gradient, np.argsort(order) + 1.0)


@pytest.mark.parametrize(
    "f", [lambda x: [1.0, 2.0] * x, lambda x: x * [1.0, 2.0], lambda x: (x, 2.0) * x]
)
def test_a_list_times_a_number_is_refused_as_by_numpy(f: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="can't multiply sequence"):
        f(np.float64(2.0))
    for x in (2.0, np.float64(2.0)):
        with pytest.raises(EscapedValueError, match="use as an index or a count"):
            cr.grad(lambda x: np.sum(f(x)))(x)


_KINDS = (
    1.5,
    3,
    True,
    2j,
    np.float64(1.5),
    np.float32(1.5),
    np.int64(3),
    np.arange(6.0).reshape(2, 3),
)
_NAMES = sorted(
    {name for kind in map(type, _KINDS) for name in dir(kind)} | {"ptp", "no_such_name"}
)


@pytest.mark.parametrize("x", _KINDS, ids=lambda x: type(x).__name__)
def test_a_traced_value_has_the_attributes_it_has_outside_or_raises(x):
    for name in _NAMES:

        def f(x, name=name):
            return np.sum(x * 1.0).real * (2.0 if hasattr(x, name) else 3.0)

        assert cr.compile(f)(x) == f(x), name
        if np.asarray(x).dtype.kind == "f":
            try:
                value = cr.value_and_grad(f)(x)[0]
            except EscapedValueError:
                assert hasattr(x, name)
            else:
                assert value == f(x), name


@pytest.mark.parametrize("x", _KINDS, ids=lambda x: type(x).__name__)
def test_what_a_traced_value_lacks_it_lacks_in_the_same_words(x):
    def said(x):
        found = []
        for name in _NAMES:
            try:
                if name in lacking:
                    getattr(x, name)
            except AttributeError as e:
                found.append(str(e))
        texts.append(found)
        return np.sum(x * 1.0).real

    lacking = [name for name in _NAMES if not name.startswith("_") and not hasattr(x, name)]
    texts = []
    said(x)
    cr.compile(said)(x)
    if np.asarray(x).dtype.kind == "f":
        cr.grad(said)(x)
    assert "no_such_name" in texts[0][lacking.index("no_such_name")]
    assert all(found == texts[0] for found in texts)
    assert len(texts) > 1


def test_how_an_array_lies_in_memory_is_refused_where_only_types_are_known():
    def f(x):
        return np.sum(x) * (2.0 if x.T.flags.c_contiguous else 3.0)

    x = np.arange(6.0).reshape(2, 3)
    step = cr.compile(f)
    assert step(x) == f(x) == cr.value_and_grad(f)(x)[0]
    assert step(np.ones((1, 3))) == f(np.ones((1, 3)))
    assert r".flags says how an array lies in memory" in str(step.report())
