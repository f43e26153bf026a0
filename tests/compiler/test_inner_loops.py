"""Inner loops of ufuncs in compiled code: the bits of the ufunc, its reports, and nothing written after one."""

import warnings

import numpy as np
import pytest
import scipy.special
from tests import calls
from tests.compiler.native import compiled
from tests.compiler.small_loops import elementwise

import chainrule as cr
from chainrule.compiler.emission.emit import emit
from chainrule.compiler.emission.emitter import rule_of
from chainrule.compiler.emission.inner_loops import LoopRule
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.machine_code import inner_loops
from chainrule.compiler.machine_code.machine import Machine
from chainrule.compiler.planning.rules import called_rule
from chainrule.core.op import TABLE, Ufunc
from chainrule.core.types import array_type
from chainrule.errors import NativeCodeError

AWKWARD = [np.nan, np.inf, -np.inf, 0.0, -0.0, -1.0, -2.5, 1e-300, 1e30, 3.0, 0.5]
CRASH = {"pro_cv", "obl_cv"}
"""SciPy's functions that end the process when they are given NaN."""
CALLED = sorted(
    name
    for name, op in TABLE.items()
    if op.ufunc is not None
    and op.ufunc.module.startswith("scipy.special")
    and rule_of(op) is None
    and name not in CRASH | {"polygamma"}  # Python code
)


def arguments_of(op, dtype):
    """Return equally long arguments in the op's order: of a sample, and with what is awkward in those that move."""
    sample = op.samples[0]
    drawn = iter(calls.draw(op, sample).arrays)
    moves = [isinstance(a, tuple) for a in sample.arguments]
    values = [next(drawn) if m else a for a, m in zip(sample.arguments, moves, strict=True)]
    order = op.ufunc.order or range(len(values))
    values, moves = ([row[order.index(i)] for i in range(len(row))] for row in (values, moves))
    columns = [np.resize(np.asarray(v, None if type(v) is int else dtype), 40) for v in values]
    rows = [columns]
    for k in np.flatnonzero(moves):
        changed = [c[: len(AWKWARD)].copy() for c in columns]
        with np.errstate(all="ignore"):
            changed[k][:] = AWKWARD
        rows.append(changed)
    return [np.concatenate(parts) for parts in zip(*rows, strict=True)]


CASES = [
    (name, dtype)
    for name in CALLED
    for dtype in (np.float64, np.float32)
    # where a sample makes its numbers double, SciPy's function in single precision does not return
    if dtype is np.float64 or TABLE[name].samples[0].prepare is None
]


@pytest.mark.parametrize(("name", "dtype"), CASES)
def test_a_loop_computes_the_bits_of_its_ufunc(name, dtype):
    op = TABLE[name]
    x = arguments_of(op, dtype)
    found = called_rule(op, [array_type(a.shape, a.dtype) for a in x], {})
    assert found is not None
    rule, casts, results = found
    given = [a.astype(t) for a, t in zip(x, casts, strict=True)]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = op.numpy(*x)
        expected = expected if isinstance(expected, tuple) else (expected,)
        for i, (dtype_of, wanted) in enumerate(zip(results, expected, strict=True)):
            out = np.empty(len(x[0]), dtype_of)
            program = elementwise(LoopRule(rule.ufunc, i), casts, dtype_of, len(out))
            assert compiled(program)([*given, out]) == 0
            assert out.dtype == wanted.dtype
            assert out.tobytes() == np.ascontiguousarray(wanted).tobytes()


def test_most_special_functions_are_called():
    assert len(CALLED) > 200


@pytest.mark.parametrize("count", [1, 3, 8, 67, 1000])
@pytest.mark.parametrize("machine", ["avx512", "avx2", "sse2"])
def test_every_number_of_elements_is_served(count, machine, rng):
    x = rng.uniform(0.1, 5.0, count)
    out = np.empty(count)
    rule = LoopRule(Ufunc("scipy.special", "gammaln"))
    program = elementwise(rule, [x.dtype], x.dtype, count)
    machines = {"avx512": Machine.host(), "avx2": Machine.host(), "sse2": Machine.named("sse2")}
    assert compiled(program, machines[machine])([x, out]) == 0
    assert out.tobytes() == scipy.special.gammaln(x).tobytes()


def test_all_results_come_from_one_call(rng):
    x = rng.uniform(0.5, 2.0, 50)
    step = cr.compile(scipy.special.airy)
    for got, expected in zip(step(x), scipy.special.airy(x), strict=True):
        np.testing.assert_array_equal(got, expected)
    (text,) = step._path().built.native.translation.texts
    calls_per_vector = text.count("call void %t")
    together = cr.compile(lambda x: scipy.special.airy(x)[0])
    together(x)
    (single,) = together._path().built.native.translation.texts
    assert calls_per_vector == single.count("call void %t")


def test_complex_numbers_and_integers_have_loops_as_well(rng):
    z = rng.normal(size=23) + 1j * rng.normal(size=23)
    n = np.arange(-7, 16)
    for f, x in (
        (scipy.special.loggamma, z),
        (scipy.special.wofz, z.astype(np.complex64)),
        (lambda n: np.gcd(n, 6), n),
        (lambda n: np.ldexp(0.3, n), n),
        (np.frexp, z.real),
        (np.modf, z.imag.astype(np.float32)),
        (scipy.special.gamma, n),
    ):
        step = cr.compile(lambda x, f=f: f(x))
        for got, expected in zip(np.atleast_1d(step(x)), np.atleast_1d(f(x)), strict=True):
            np.testing.assert_array_equal(got, expected)
        assert "NumPy" not in step.report()
        assert step._path().built.native.artifact.hosts == ()


# errors that SciPy reports


def written(x, y):
    y[...] = scipy.special.gammaln(x)
    return scipy.special.psi(y)


@pytest.mark.parametrize("count", [3, 300_000])
def test_raised_errors_are_those_of_the_eager_call(count):
    step = cr.compile(written)
    x = np.linspace(0.5, 4.0, count)
    y = np.zeros(count)
    step(x, y)
    x[1], y[...] = 0.0, 7.0
    with scipy.special.errstate(all="raise"):
        with pytest.raises(scipy.special.SpecialFunctionError, match="lgam: singularity"):
            step(x, y)
        np.testing.assert_array_equal(y, 7.0)
    np.testing.assert_array_equal(step(x, y), scipy.special.psi(scipy.special.gammaln(x)))
    assert "eager" not in step.report()


def test_warnings_are_those_of_the_eager_call():
    x = np.array([0.0, 1.5, -1.0, 2.5])
    step = cr.compile(lambda x: scipy.special.gammaln(x) + 1)
    step(x)
    heard = []
    with scipy.special.errstate(all="warn"):
        for f in (step, step.function):
            with warnings.catch_warnings(record=True) as met:
                warnings.simplefilter("always")
                f(x)
            heard.append([str(w.message) for w in met])
    assert heard[0] == heard[1]
    assert len(heard[0]) == 2


ORDERS = np.array([1.5, 2.5, 3.5])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("donate", [(), (0,)])
@pytest.mark.parametrize("count", [1, 100])
def test_a_warning_that_raises_leaves_what_the_caller_holds(donate, count):
    orders = np.tile(ORDERS, count)

    def step(x):
        return scipy.special.kn(orders, x) + x

    compiled_step = cr.compile(step, donate=donate)
    x = np.tile([1.0, 2.0, 3.0], count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = step(x)
        np.testing.assert_array_equal(compiled_step(x.copy()), expected)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SystemError) as eager:  # SciPy 1.17 hands out a result beside its error
            step(x)
        with pytest.raises(type(eager.value)) as native:
            compiled_step(x)
    assert str(native.value) == str(eager.value)
    np.testing.assert_array_equal(x, np.tile([1.0, 2.0, 3.0], count))


def test_the_interpreter_asks_as_well():
    step = cr.compile(lambda x: scipy.special.gammaln(x) * 2)
    x = np.array([0.5, 3.0, -1.5])
    expected = step(x)
    out = np.zeros(3)
    program = step._path().built.native.translation.program
    assert interpret(program, [x, out]) == 0
    np.testing.assert_array_equal(out, expected)
    with scipy.special.errstate(singular="warn"):
        assert interpret(program, [x, out]) != 0


# finding loops


def test_a_name_that_is_no_loop_is_refused():
    for name in ("loop.numpy.gcd.dd-d", "loop.numpy.linalg.solve.dd-d", "loop.numpy.nothing.d-d"):
        with pytest.raises(NativeCodeError, match=name):
            inner_loops.loop_address(name)


def test_a_ufunc_that_lies_in_memory_in_another_way_is_left_to_numpy(monkeypatch):
    monkeypatch.setitem(inner_loops._CHARACTERS, np.dtype(float).num, "f")
    inner_loops._is_readable.cache_clear()
    try:
        double = np.dtype(float)
        assert inner_loops.loop_types("scipy.special", "gammaln", [double]) is None
        step = cr.compile(lambda x: scipy.special.gammaln(x))
        assert step(2.5) == scipy.special.gammaln(2.5)
        assert step._path().built.native.artifact.hosts != ()
    finally:
        inner_loops._is_readable.cache_clear()


def test_no_address_is_written_into_the_text():
    program = elementwise(LoopRule(Ufunc("numpy", "gcd")), ["i8", "i8"], "i8", 10)
    text = emit(program, "step", Machine.host()).text
    assert "@chainrule_loop.numpy.gcd.ll-l = external global" in text


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_i0_has_the_bits_of_numpys_series(dtype, rng):
    step = cr.compile(np.i0)
    with np.errstate(all="ignore"):
        for x in (np.array([*AWKWARD, 8, -8, 8.5, 90, 1e4]), rng.uniform(-20, 20, (37, 5))):
            np.testing.assert_array_equal(step(x.astype(dtype)), np.i0(x.astype(dtype)))


@pytest.mark.parametrize("z", [1j, np.complex64(1j), np.ones((2, 3), complex)], ids=repr)
def test_i0_of_complex_numbers_raises_used_or_not(z):
    for f in (np.i0, lambda z: (np.i0(z), z)[1]):
        step = cr.compile(f)
        for g in (f, step, step):
            with pytest.raises(TypeError, match="i0 not supported for complex values"):
                g(z)
