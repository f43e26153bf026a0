"""What raises eagerly raises compiled, used or not; and where Python has an answer of its own, that is the answer."""

import itertools
import math
import operator
import warnings

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import passes
from chainrule.ops.twins import PYTHON_OPERATORS

UNARY = {"negative", "positive", "absolute", "invert"}
NUMBERS = {
    float: [2.0, 0.5, -8.0, 1 / 3, 0.0, -0.0, 1e200, -400.0, np.inf, -np.inf, np.nan],
    int: [2, 3, -1, 0, 5, 2**31, -(2**31), 2**53 + 1, 2**62, -(2**62), -(2**63), 40, 7],
    complex: [1 + 2j, 0j, -0.5j, 1e300 + 1e300j, complex(np.inf, 1), complex(0, np.nan)],
}
SHIFTS = {"left_shift", "right_shift"}
OF_INTEGERS = {"bitwise_and", "bitwise_or", "bitwise_xor", "invert"} | SHIFTS
LASTING = {"power", "left_shift"}
"""What would take Python years for some integers."""
OF_REALS = {"floor_divide", "remainder", "less", "less_equal", "greater", "greater_equal"}


def answer(f, *args):
    """Return the type and value of a call, or the class of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            value = f(*args)
        except (ArithmeticError, ValueError, LookupError) as error:
            return type(error), None
    return type(value), value


def assert_same_answers(f, calls):
    step = cr.compile(f)
    for args in [
        args for args in calls for _ in range(2)
    ]:  # after some kinds others are compiled at their second call
        (kind, value), (expected_kind, expected) = answer(step, *args), answer(f, *args)
        assert kind is expected_kind, args
        if kind is int or expected is None:
            assert value == expected, args
        else:
            np.testing.assert_allclose(value, expected, rtol=1e-12, err_msg=str(args))
    return step


def cases():
    for name in PYTHON_OPERATORS:
        for kind in NUMBERS:
            if kind is not int and name in OF_INTEGERS:
                continue
            if kind is complex and name in OF_REALS:
                continue
            yield pytest.param(name, kind, id=f"{name}-{kind.__name__}")


@pytest.mark.parametrize(("name", "kind"), list(cases()))
def test_operators_of_python_numbers_answer_as_python_does(name, kind):
    arity = 1 if name in UNARY else 2
    calls = [
        args
        for args in itertools.product(NUMBERS[kind], repeat=arity)
        if not (name in LASTING and kind is int and abs(args[1]) > 100)
    ]
    step = assert_same_answers(PYTHON_OPERATORS[name], calls)
    assert "specialization" in step.report()


@pytest.mark.parametrize("name", PYTHON_OPERATORS)
def test_operators_take_truth_values_as_python_does(name):
    python = PYTHON_OPERATORS[name]
    arity = 1 if name in UNARY else 2
    calls = itertools.product([1.0, -1.0], repeat=2)
    step = assert_same_answers(
        lambda x, y: (python(*(x > 0, y > 0)[:arity]), python(*(x > 0, 3)[:arity])), calls
    )
    assert name in {"remainder", "floor_divide", "divide"} or "eagerly" not in step.report()


@pytest.mark.parametrize("name", ["less", "equal", "greater_equal", "not_equal"])
def test_integers_are_compared_with_floats_exactly(name):
    calls = [(n, float(m)) for n in (3, 2**53 + 1, -(2**53) - 1) for m in (n, n - 1, 7)]
    assert_same_answers(PYTHON_OPERATORS[name], [*calls, (2, 2.5), (2**53 + 1, 2.0**53)])
    assert_same_answers(operator.truediv, [(2**53 + 1, 3), (2**53 + 3, 3), (5, 3)])


@pytest.mark.parametrize("shift", [operator.lshift, operator.rshift])
def test_integers_are_shifted_as_far_as_python_does(shift):
    counts = [0, 1, 61, 62, 63, 64, 200, -1]
    assert_same_answers(shift, itertools.product([1, -1, 3, -3, 2**62, -(2**63)], counts))


def test_complex_numbers_have_no_order():
    step = cr.compile(lambda x, y: x < y)
    for _ in range(2):
        with pytest.raises(TypeError, match="not supported"):
            step(1 + 1j, 2j)


@pytest.mark.parametrize("f", [operator.truediv, operator.mod, operator.pow])
def test_an_operator_that_nobody_uses_raises_all_the_same(f):
    def step(x, y):
        f(x, y)
        return x * 2.0

    assert_same_answers(step, [(2.0, 3.0), (0.0, 0.0), (0.0, -1.0), (10.0, 400.0), (2.0, 0.0)])


def test_integers_have_no_negative_powers():
    x = np.array([2, 3, 4])
    for f in (lambda x, n: x**n, lambda x, n: (x**n, x + 1)[1]):
        assert_same_answers(
            lambda x, n, f=f: np.sum(f(x, n)),
            [(x, np.array([1, 2, 3])), (x, np.array([1, -2, 3])), (x, np.array([0, 0, 0]))],
        )
    assert_same_answers(lambda x: np.sum(x**-2), [(x,)])


@pytest.mark.parametrize("kind", [float, int])
def test_divmod_of_python_numbers_gives_python_numbers(kind):
    calls = list(itertools.product(NUMBERS[kind], repeat=2))
    for part in range(2):
        assert_same_answers(lambda x, y, part=part: divmod(x, y)[part], calls)
    assert_same_answers(lambda x: divmod(7.5, x)[1], [(2.0,), (0.0,), (-3.0,)])


def singular(n):
    return np.ones((n, n))


@pytest.mark.parametrize(
    ("f", "good", "bad"),
    [
        (np.linalg.inv, np.eye(3), singular(3)),
        (lambda a: np.linalg.solve(a, a), np.eye(3), singular(3)),
        (np.linalg.cholesky, np.eye(3), -np.eye(3)),
        (lambda a: np.linalg.svd(a), np.eye(3), np.full((3, 3), np.nan)),
        (lambda a: np.linalg.eig(a), np.eye(3), np.full((3, 3), np.nan)),
    ],
    ids=["inv", "solve", "cholesky", "svd", "eig"],
)
def test_a_decomposition_that_nobody_uses_raises_all_the_same(f, good, bad):
    def step(a):
        f(a)
        return np.sum(a)

    assert_same_answers(step, [(good,), (bad,), (good,)])


def test_a_read_or_write_out_of_range_that_nobody_uses_raises_all_the_same():
    def reads(x, i):
        x[i]
        return np.sum(x)

    def writes(x, i):
        y = np.zeros(3)
        y[i] = x
        return np.sum(x)

    x = np.arange(3.0)
    for f in (reads, writes):
        calls = [(x, np.array(i)) for i in ([0, 1, 2], [0, 1, 3], [-3, 0, 0], [-4, 0, 0])]
        step = assert_same_answers(f, calls)
        assert "eagerly" not in step.report()


def test_what_is_certain_to_succeed_is_dropped():
    def step(x):
        x[np.array([0, 2, -1])] * 3.0
        np.exp(x)
        return x + 1.0

    compiled = cr.compile(step)
    compiled(np.arange(3.0))
    assert len(passes.run(compiled.captured).nodes) == 1


@pytest.mark.parametrize("turns", [12, 200])
def test_a_turn_of_a_loop_may_fail(turns):
    def step(x, d):
        for _ in range(turns):
            x = x + 0.5 / d
            d = d - 1.0
        return x

    calls = [(1.0, 1000.5), (1.0, 5.0), (1.0, turns - 1.0), (1.0, float(turns)), (2.0, -1.0)]
    step = assert_same_answers(step, calls)
    assert "eagerly" not in step.report()


def test_an_unused_read_in_a_loop_of_arrays_may_fail():
    def step(x, places):
        total = np.zeros(40)
        for t in range(60):
            x[places + t]
            total = total + np.sin(x[:40] * 0.5 + t)
        return np.sum(total)

    x = np.arange(100.0)
    calls = [(x, np.arange(40)), (x, np.arange(40) + 2), (x, np.arange(40) - 101)]
    step = assert_same_answers(step, calls)
    assert "eagerly" not in step.report()


def test_nothing_is_written_before_a_refusal_is_known():
    def step(a, x, y):
        a += 1.0
        return a * (x / y)

    compiled = cr.compile(step, donate=(0,))
    a = np.zeros(4)
    compiled(np.zeros(4), 1.0, 2.0)
    with pytest.raises(ZeroDivisionError):
        compiled(a, 1.0, 0.0)
    expected = np.zeros(4)
    with pytest.raises(ZeroDivisionError):
        step(expected, 1.0, 0.0)
    np.testing.assert_array_equal(a, expected)


def assigned(x, n):
    y = x.copy()
    y[1] = n
    return y


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
@pytest.mark.parametrize(
    "f",
    [
        operator.add,
        lambda x, n: np.where(x > 1, x, n),
        assigned,
        lambda x, n: np.maximum(n, x),
        lambda x, n: x < n,
        lambda x, n: np.zeros(400) + n + x[:1],
    ],
    ids=["add", "where", "setitem", "maximum", "compare", "of floats"],
)
def test_an_integer_that_an_array_cannot_hold_raises(f, dtype):
    x = np.arange(4).astype(dtype)
    numbers = [1, 2, 3, 4, 5, 6, 300, -1, -129, 7, 2**31, -(2**31) - 1]
    step = assert_same_answers(lambda x, n: np.sum(f(x, n)), [(x, n) for n in numbers])
    assert "specialization" in step.report()
    for n in (3, 300, -1, 2**31):
        assert_same_answers(lambda x, n=n: np.sum(f(x, n)), [(x,)])


def test_an_error_that_the_step_catches_is_decided_anew_in_each_call():
    """The first call fails where a decision needs the number: it says nothing of later ones."""

    def divided(x):
        try:
            y = 1 / x
            return 1.0 * x if y > 2 else 2.0 * x
        except ZeroDivisionError:
            return 7.0 + x

    def inverted(a):
        try:
            return 1.0 * a if np.linalg.inv(a)[0, 0] > 2 else 2.0 * a
        except np.linalg.LinAlgError:
            return 7.0 + a

    for first in (0.0, 4.0):
        step = assert_same_answers(divided, [(first,), (4.0,), (0.1,), (0.0,)])
        assert "eagerly" not in step.report()
    step = cr.compile(inverted)
    for a in (singular(2) * 0, np.eye(2), np.eye(2) / 4):
        np.testing.assert_array_equal(step(a), inverted(a))


def test_what_cannot_be_compiled_is_caught_by_no_step():
    def step(x):
        try:
            return x.reshape(np.sum(np.nonzero(x > 0)[0]), -1) * float(np.sum(x)) + np.nonzero(x)[0]
        except (NotImplementedError, ValueError, RuntimeError):
            return x * 0

    compiled = cr.compile(step)
    for n in range(12):
        x = np.zeros(70)
        x[: n % 7] = 1.0
        np.testing.assert_array_equal(compiled(x), step(x))


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_least_squares_of_what_is_not_finite_raise(number):
    """NumPy's singular values of infinities are NaN, its least squares are none."""

    def solution(a, b):
        return np.linalg.lstsq(a, b)[0]

    a, b = np.arange(6.0).reshape(3, 2) ** 2, np.ones(3)
    bad = a.copy()
    bad[1, 0] = number
    for step in (solution, cr.grad(lambda a, b: np.sum(solution(a, b)))):
        compiled = cr.compile(step)
        np.testing.assert_allclose(compiled(a, b), step(a, b), rtol=1e-12)
        for f in (step, compiled):
            with pytest.raises(np.linalg.LinAlgError, match="Linear Least Squares"):
                f(bad, b)
    unused = cr.compile(lambda a, b: (np.linalg.lstsq(a, b), b)[1])
    with pytest.raises(np.linalg.LinAlgError):
        unused(bad, b)


def written(write):
    def step(x, v):
        write(x, v)
        return x

    return step


INTEGERS = np.array([1, 2, 3])
TRUTHS = np.array([True, False, True])
REFUSED = {
    "round of truth values": (lambda x: np.round(x, 1), TRUTHS),
    "round to tens of truth values": (lambda x: x.round(-1), TRUTHS),
    "gradient of truth values": (np.gradient, TRUTHS),
    "quantile of truth values": (lambda x: np.quantile(x, 0.3), TRUTHS),
    "quantile of complex numbers": (lambda x: np.quantile(x, 0.3), np.ones(3, complex)),
    "median along no axis": (lambda x: np.median(x, axis=0), np.array(1.0)),
    "mean along no axis": (lambda x: np.mean(x, axis=-1), np.array(1.0)),
    "ediff1d": (lambda x: np.ediff1d(x, to_begin=1.5), INTEGERS),
    "concatenate": (lambda x: np.concatenate([x, x], dtype=np.int8), INTEGERS * 1.5),
    "stack": (lambda x: np.stack([x, x], dtype=float), np.ones(2, complex)),
    "interp": (lambda x: np.interp(x, [0.0, 1.0], [0.0, 2.0]), np.ones(2, complex)),
    "histogram": (lambda x: np.histogram(x * 1.0, [0.0, 1.0, 2.0], weights=x)[0], TRUTHS),
    "put": (written(lambda x, v: np.put(x, [], v)), INTEGERS, np.inf),
    "putmask": (written(lambda x, v: np.putmask(x, x > 9, v)), INTEGERS, np.inf),
    "putmask of NaN": (written(lambda x, v: np.putmask(x, x > 9, v)), INTEGERS, np.nan),
    "place": (written(lambda x, v: np.place(x, x > 9, v)), INTEGERS, np.inf),
    "copyto": (written(lambda x, v: np.copyto(x, v, where=x > 9)), INTEGERS, 2.0),
    "fill_diagonal": (written(np.fill_diagonal), np.zeros((0, 0), int), np.inf),
    "the imaginary part": (written(lambda x, v: setattr(x, "imag", v)), np.ones(3), 2.0),
}


@pytest.mark.parametrize(("step", "args"), [(f, a) for f, *a in REFUSED.values()], ids=REFUSED)
def test_what_numpy_refuses_by_types_and_numbers_is_refused(step, args):
    def arguments():
        return [x.copy() if isinstance(x, np.ndarray) else x for x in args]

    with pytest.raises(Exception) as expected:  # noqa: PT011  NumPy's own
        step(*arguments())
    compiled = cr.compile(step)
    for _ in range(2):
        with pytest.raises(expected.type):
            compiled(*arguments())
    with pytest.raises((TypeError, ValueError, OverflowError)):
        cr.vjp(lambda w: (step(*map(np.array, arguments()[:1]), *arguments()[1:]), w)[1], 1.0)


def test_a_number_that_fits_is_accepted_where_nothing_is_chosen():
    step = cr.compile(written(lambda x, v: np.putmask(x, x > 9, v)))
    np.testing.assert_array_equal(step(INTEGERS.copy(), 2.5), INTEGERS)
    with pytest.raises(OverflowError):
        step(INTEGERS.copy(), np.inf)
    assert "eagerly" not in step.report()


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.clongdouble])
@pytest.mark.parametrize("within", [False, True])
def test_numbers_without_instructions_are_pythons(dtype, within):
    x = np.array([1.5, 3.0], None if within else dtype)
    step = cr.compile(lambda x: np.multiply(x.astype(dtype), dtype(2), dtype=dtype))
    for _ in range(2):
        got = step(x)
        assert got.dtype == dtype
        np.testing.assert_array_equal(got, [3.0, 6.0])
    assert f"runs eagerly: compile: {np.dtype(dtype)} is not compiled." in step.report()


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, bool])
@pytest.mark.parametrize(
    "write",
    [
        lambda a: a.__setitem__(0, 1e300),
        lambda a: a.__setitem__((..., 0), np.float64(1e300)),
        lambda a: a.__setitem__(slice(1, None), math.nan),
        lambda a: a.__setitem__(a > 0, [1e300, 1]),
        lambda a: a.fill(math.inf),
        lambda a: a.put([0, 1], [math.nan, 1]),
        lambda a: np.place(a, a > 0, [1e300]),
        lambda a: np.putmask(a, a > 0, math.nan),
        lambda a: setattr(a, "flat", math.nan),
        lambda a: a.flat.__setitem__(0, math.nan),
    ],
)
def test_numbers_that_are_no_integers_are_refused_as_numpy_does(write, dtype):
    def f(a, x):
        write(a)
        return a.sum() * x

    step = cr.compile(f)
    with np.errstate(invalid="ignore"):
        for _ in range(2):
            written, expected = np.arange(3).astype(dtype), np.arange(3).astype(dtype)
            assert answer(step, written, 1.0)[0] is answer(f, expected, 1.0)[0]
            np.testing.assert_array_equal(written, expected)


SWAPPED = np.arange(3.0).astype(">f8")


@pytest.mark.parametrize(
    "step",
    [
        *(lambda x: x.astype(">f4"), lambda x: np.sin(SWAPPED) + x, lambda x: SWAPPED.copy()),
        *(lambda x: x * np.arange(3.0).astype(">f8"), lambda x: np.add(x, SWAPPED, out=SWAPPED)),
    ],
)
def test_arrays_in_another_byte_order_are_pythons(step):
    compiled, x = cr.compile(step), np.array([1.5, 3.0, -2.0])
    for _ in range(2):
        SWAPPED[...] = [0.0, 1.0, 2.0]
        got, after = compiled(x), SWAPPED.copy()
        SWAPPED[...] = [0.0, 1.0, 2.0]
        expected = step(x)
        assert got.dtype.str == expected.dtype.str
        np.testing.assert_array_equal(got, expected)
        np.testing.assert_array_equal(after, SWAPPED)
    assert "which is not in the machine's byte order" in compiled.report()
