"""Powers of compiled steps are those of NumPy, which takes roots and squares for some exponents, at special values."""

import operator

import numpy as np
import pytest
from tests.compiler.special_values import assert_same, assert_same_within_rounding, reals
from tests.compiler.together import compiled_together

import chainrule as cr
from chainrule.core.cells import settled, type_of
from chainrule.core.trace import ReverseLevel

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")

FORMS = {
    "a number": lambda x: x**0.5,
    "np.power": lambda x: np.power(x, 0.5),
    "a scalar": lambda x: x ** x.dtype.type(0.5),
    "no axes": lambda x: x ** np.asarray(0.5, x.dtype),
    "one element": lambda x: x ** np.full(1, 0.5, x.dtype),
    "more axes": lambda x: x ** np.full((1, 1, 1), 0.5, x.dtype),
    "one per element": lambda x: x ** np.full(x.shape, 0.5, x.dtype),
    "of rows": lambda x: x[:, None] ** 0.5,
    "of scalars": lambda x: np.array([v**0.5 for v in x]),
    "read of an array": lambda x: (x**0.5)[3] + (x**0.5)[1],
    "of one element": lambda x: x[3:4] ** 0.5,
    "float_power": lambda x: np.float_power(x, 0.5),
    "in place": lambda x: np.power(x, 0.5, out=np.zeros_like(x)),
    "the slope of another": lambda x: cr.grad(lambda v: np.sum(v**1.5))(x),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("form", FORMS)
def test_a_power_by_a_half_is_the_root_where_numpy_takes_it(form, dtype):
    x = reals(dtype)
    assert_same(cr.compile(FORMS[form])(x), FORMS[form](x))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("exponent", [0.5, 2.0, -1.0, 0.0, 1.0, 1.5, 2, -1, 0, 1])
def test_an_exponent_that_is_an_argument_is_looked_at(exponent, dtype):
    def f(x, y):
        return x**y

    x = reals(dtype)[[0, 1, 2, 3, 4, 9, 10]]
    step = cr.compile(f)
    for y in (exponent, dtype(exponent), np.asarray(exponent, dtype), np.full(1, exponent, dtype)):
        assert_same(step(x, y), f(x, y))
    y = np.full(len(x), exponent, dtype)
    assert_same(step(x, y), f(x, y))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_scalar_has_pythons_operator_which_takes_no_root(dtype):
    step = cr.compile(lambda x: x**0.5)
    for x in reals(dtype):
        assert_same(step(x), x**0.5)


EXPONENTS = [2, -1, 0, 3, 0.5, 2.0, -1.0, True, np.int64(2), np.float64(0.5), np.asarray(2)]


def _in_place(x, y):
    x **= y
    return x


FAILURES = (TypeError, ValueError, OverflowError)


FORMS_OF_TWO = (operator.pow, np.power, _in_place)


@pytest.mark.parametrize("exponent", EXPONENTS, ids=repr)
@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "c8", "c16"])
def test_arrays_are_squared_inverted_and_rooted_where_numpy_does_so(dtype, exponent):
    special = np.array([0, complex(0, -0.0), 1 + 2j, complex(np.inf, 0), complex(1e30, 1e30)])
    x = special.astype(dtype) if dtype[0] == "c" else np.array([0, 1, 1], dtype)
    steps, arguments, wanted = [], [], []
    for a in (x, x[2:], x[2:3], x[2:3].reshape(())):
        for given in ((a.copy(),), (a.copy(), exponent)):
            one_by_one = [_power(form, exponent) for form in FORMS_OF_TWO]
            answered = [f for f in one_by_one if _is_answered(f, given)]
            steps.append(_all_of(answered))
            arguments.append(given)
            wanted.append([f(*given) for f in answered])
            for f, one in zip(answered, wanted[-1], strict=True):
                assert_same_within_rounding(_traced(f, given), np.asarray(one))
    results = compiled_together(steps, arguments)
    for got, one in zip(results, wanted, strict=True):
        for g, w in zip(got, one, strict=True):
            assert_same_within_rounding(g[()], w[()])


def _power(form, exponent):
    return lambda v, *y: form(v.copy(), *(y or (exponent,)))


def _all_of(functions):
    return lambda *given: [f(*given) for f in functions]


def _is_answered(f, given):
    """Say whether NumPy answers; where it raises, a compiled step has to as well."""
    try:
        f(*given)
    except FAILURES:
        with pytest.raises(FAILURES):
            cr.compile(f)(*given)
        return False
    return True


def _traced(f, given):
    """Return what a function computes of a traced array, as an array."""
    with ReverseLevel() as level:
        x, *exponent = given
        out = f(level.input(x) if type_of(x).is_inexact else x, *exponent)
    return np.asarray(settled(out))
