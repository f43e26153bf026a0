"""Running totals and extremes are loops of the program, and their elements NumPy's bit by bit."""

import numpy as np
import pytest
from tests.compiler.running import assert_same_bits, native_results_of, results_of

import chainrule as cr
from chainrule.compiler.capture.steps import capture_step
from chainrule.compiler.loops.program import Host
from chainrule.compiler.loops.structure import walk
from chainrule.compiler.lowering import program_of
from chainrule.compiler.views import whole

SCANS = {
    "cumsum": np.cumsum,
    "cumprod": np.cumprod,
    "maximum": np.maximum.accumulate,
    "minimum": np.minimum.accumulate,
    "nancumsum": np.nancumsum,
    "nancumprod": np.nancumprod,
    "from behind": lambda x, axis: np.cumsum(np.flip(x, axis), axis)[::-1],
    "of what lies in columns": lambda x, axis: np.cumprod(x.T, axis),
    "of what is broadcast": lambda x, axis: np.cumsum(np.broadcast_to(x, (2, *x.shape)), axis),
    "include_initial": lambda x, axis: np.cumulative_sum(x, axis=axis, include_initial=True),
    "in another dtype": lambda x, axis: np.cumsum(x, axis, np.complex128),
}
SHAPES = [(1,), (3, 4), (3, 1, 18)]
DTYPES = "fdFDbiQ?"


def arguments(dtype, shape):
    rng = np.random.default_rng(3)
    x = rng.normal(size=shape) * 3
    if np.dtype(dtype).kind == "c":
        x = x + 1j * rng.normal(size=shape)
    x = x.astype(np.int8).astype(dtype) if np.dtype(dtype).kind in "biu" else x.astype(dtype)
    if x.size > 6 and x.dtype.kind in "fc":
        x.reshape(-1)[[1, 3, 4, -1]] = [0.0, -0.0, np.inf, np.nan]
    return x


def program(f, x):
    captured = capture_step(f, (x,), lambda leaves: (tuple(leaves), {}), is_shared=lambda _: False)
    assert not captured.surroundings
    _, made = program_of(captured.graph, [whole(x.shape)], {})
    assert not any(isinstance(s, Host) for s in walk(made.body))
    return made


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_element_is_numpys(scan, dtype):
    for shape in SHAPES:
        x = arguments(dtype, shape)
        for axis in range(-1, len(shape) - 1):
            expected = scan(x, axis)
            made = program(lambda x, axis=axis: scan(x, axis), x)
            status, got = native_results_of(made, x)
            assert status == 0
            same_numbers(got, expected)
            if x.size < 13:
                same_numbers(results_of(made, x)[1], expected)


def same_numbers(got, expected):
    """Bits are equal, but for which NaN it is, and in complex products, which NumPy rounds once or twice."""
    (flat,) = got
    expected = np.ascontiguousarray(expected).reshape(-1)
    assert flat.dtype == expected.dtype
    is_complex = expected.dtype.kind == "c"
    if expected.dtype.kind in "fc":
        parts = [a.view(a.real.dtype) for a in (flat, expected)]
        flat, expected = (np.where(np.isnan(a), a.dtype.type(np.nan), a) for a in parts)
    if is_complex:
        np.testing.assert_allclose(flat, expected, rtol=30 * np.finfo(flat.dtype).eps)
        return
    assert_same_bits([flat], [expected])


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize(
    "scan", [np.cumsum, np.cumprod, np.maximum.accumulate, np.minimum.accumulate]
)
def test_both_modes_and_the_second_derivative_are_native_and_agree_with_eager(scan, axis, rng):
    x = rng.uniform(0.5, 2.0, (3, 4, 5))
    x[1, 2, 3] = 0.0
    t = rng.normal(size=x.shape)

    def step(x, t):
        def loss(x):
            return np.sum(np.sin(scan(x, axis=axis)))

        value, gradient = cr.value_and_grad(loss)(x)
        return value, gradient, cr.jvp(loss, (x,), (t,))[1], cr.jvp(cr.grad(loss), (x,), (t,))[1]

    compiled = cr.compile(step)
    for got, expected in zip(compiled(x, t), step(x, t), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-13, atol=1e-13)
    assert "NumPy" not in str(compiled.report())


@pytest.mark.parametrize("run", [lambda f: f, cr.compile], ids=["eager", "compiled"])
def test_factors_whose_product_overflows_leave_a_gradient_of_zero_alone(run):
    x = np.array([0.0] + [1e10] * 100)

    def step(x):
        return cr.grad(lambda x: np.cumprod(x)[0])(x)

    np.testing.assert_array_equal(run(step)(x), [1.0] + [0.0] * 100)


def test_a_long_recurrence_is_one_loop(rng):
    made = program(lambda x: cr.grad(lambda x: np.sum(np.cumprod(x)))(x), rng.uniform(size=5_000))
    assert len(list(walk(made.body))) < 60


@pytest.mark.parametrize(
    "scan",
    [
        lambda x: np.cumsum(x, axis=1),
        lambda x: np.cumprod(x, axis=-2),
        lambda x: np.add.accumulate(x),
        lambda x: np.multiply.accumulate(x, axis=-1),
    ],
)
def test_a_number_has_no_axis_to_run_along_but_the_one_it_is_given(scan):
    with pytest.raises((np.exceptions.AxisError, TypeError)) as expected:
        scan(np.array(2.0))
    with pytest.raises(expected.type):
        cr.compile(scan)(np.array(2.0))
    with pytest.raises(np.exceptions.AxisError):
        cr.grad(lambda x: np.sum(scan(x)))(2.0)
