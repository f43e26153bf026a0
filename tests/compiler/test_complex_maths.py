"""Functions of complex numbers: right to a few units beside long doubles, and NumPy's values at every special point."""

import numpy as np
import pytest
from tests.compiler.longer import IS_LONG
from tests.compiler.test_maths import MACHINES, natively

import chainrule as cr
from chainrule.core.trace import ReverseLevel

FUNCTIONS = (
    *("exp", "log", "log2", "log10", "sqrt", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("arcsin", "arccos", "arctan", "arcsinh", "arccosh", "arctanh"),
)
AT_MOST = 3
"""Units of the precision times the size of the result."""
BY_NUMPYS_STEPS = ("exp2", "expm1", "log1p")
POINTS = np.array(
    [0.0, -0.0, 1, -1, 0.5, -2.5, 30, 800, -800, 1e300, 1e-300, np.inf, -np.inf, np.nan]
)
GRID = (POINTS[:, None] + np.zeros(POINTS.size)).astype(complex)
GRID.imag = POINTS
GRID = GRID.reshape(-1)


SCALES = (1e-3, 1, 10)


def drawn(rng, dtype, scale, count=5_000):
    z = (rng.normal(size=count) + 1j * rng.normal(size=count)) * scale
    return z.astype(dtype)


def relative_error(got, exact):
    with np.errstate(all="ignore"):
        error = np.abs(got.astype(np.clongdouble) - exact) / np.abs(exact)
    return np.where(np.isfinite(exact), error, 0).max() / np.finfo(got.dtype).eps


@pytest.mark.skipif(not IS_LONG, reason="long doubles are no longer than float64 here")
@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.cpu)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_is_right_to_a_few_units_of_its_size(name, machine, rng):
    for dtype in "FD":
        for scale in SCALES:
            z = drawn(rng, dtype, scale)
            exact = getattr(np, name)(z.astype(np.clongdouble))
            assert relative_error(natively(name, [z], machine), exact) <= AT_MOST


@pytest.mark.parametrize("name", BY_NUMPYS_STEPS)
def test_what_numpy_computes_in_steps_of_its_own_is_off_as_numpy_is(name, rng):
    for scale in SCALES:
        z = drawn(rng, "D", scale)
        got, expected = natively(name, [z]), getattr(np, name)(z)
        np.testing.assert_allclose(got, expected, rtol=2e-13, atol=1e-15)


@pytest.mark.parametrize("exponents", ["complex", "real", "whole"])
def test_powers_equal_numpys(exponents, rng):
    x = drawn(rng, "D", 1)
    y = drawn(rng, "D", 3)
    if exponents != "complex":
        y = y.real.astype("D")
    if exponents == "whole":
        y = np.rint(y)
    np.testing.assert_allclose(natively("power", [x, y]), x**y, rtol=200 * np.finfo(float).eps)


def test_powers_of_single_precision_are_numpys_bit_by_bit(rng):
    step = cr.compile(np.power)
    with np.errstate(all="ignore"):
        special = GRID.astype("F")
        for x, y in ((special, special[::-1]), (drawn(rng, "F", 10), drawn(rng, "F", 10))):
            assert step(x, y).tobytes() == np.power(x, y).tobytes()


@pytest.mark.parametrize("name", [*FUNCTIONS, *BY_NUMPYS_STEPS])
def test_zeros_infinities_nan_and_the_sides_of_the_cuts_are_numpys(name):
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(GRID)
    assert_special(natively(name, [GRID]), expected, 1e-13, GRID)


def test_special_points_of_powers_are_numpys():
    x, y = (a.reshape(-1) for a in np.meshgrid(GRID, GRID[np.abs(GRID) != 1e300]))
    with np.errstate(all="ignore"):
        expected = x**y
    far = (
        np.abs(y.imag) + np.abs(y.real) > 100
    )  # angles in which the logarithm's last bit is everything
    got = natively("power", [x, y])
    keep = ~(far & np.isfinite(y))
    assert_special(got[keep], expected[keep], 1e-10, x[keep])


def assert_special(got, expected, within, at):
    """Parts are equal, zeros in their sign too; beside a NaN no sign is anybody's."""
    free = np.isnan(expected.real) | np.isnan(expected.imag)
    for a, b in ((got.real, expected.real), (got.imag, expected.imag)):
        with np.errstate(all="ignore"):
            near = np.abs(a - b) <= within * np.abs(b)
        same = (a == b) | (np.isnan(a) & np.isnan(b)) | (near & (b != 0))
        same |= free & (np.abs(a) == np.abs(b))
        same &= free | np.isnan(b) | (np.signbit(a) == np.signbit(b))
        assert same.all(), (at[~same], a[~same], b[~same])


@pytest.mark.parametrize("dtype", ["?", "i1", "u2", "i4", "f2", "f4", "F", "D"])
@pytest.mark.parametrize("deg", [False, True])
def test_angles_are_of_numpys_dtype(dtype, deg):
    x = np.array([-1.5, 0.0, 2.0]).astype(dtype)
    got = cr.compile(lambda x: np.angle(x, deg))(x)
    expected = np.angle(x, deg)
    assert got.dtype == expected.dtype
    np.testing.assert_allclose(got, expected, rtol=1e-3 if dtype == "f2" else 1e-6)


def test_the_imaginary_part_of_a_real_array_cannot_be_written_to():
    def step(x):
        return np.sin(x.imag, out=x.imag)

    for f in (step, cr.compile(step)):
        with pytest.raises(ValueError, match="read-only"):
            f(np.ones(3))
    with pytest.raises(ValueError, match="imag: its result is read-only"):
        cr.grad(lambda x: np.sum(step(x)))(np.ones(3))
    np.testing.assert_array_equal(cr.compile(step)(np.ones(3, complex)), np.zeros(3))


@pytest.mark.parametrize("dtype", "FD")
def test_signs_are_numpys_bit_by_bit(dtype, rng):
    for z in (GRID, drawn(rng, "D", 10)):
        with np.errstate(all="ignore"):
            x = z.astype(dtype)
            expected = np.sign(x).tobytes()
            assert cr.compile(np.sign)(x).tobytes() == expected
            with ReverseLevel() as level:
                traced = np.sign(level.input(x))
            assert np.asarray(traced).tobytes() == expected


@pytest.mark.parametrize("dtype", "FD")
def test_replacing_what_is_not_finite_leaves_the_signs_of_zeros(dtype):
    def replaced(z):
        return np.nan_to_num(z), np.nan_to_num(z[1]), np.nan_to_num(z, nan=-0.0, posinf=3.0)

    with np.errstate(all="ignore"):
        z = GRID.astype(dtype)
    with ReverseLevel() as level:
        traced = replaced(level.input(z))
    for results in (cr.compile(replaced)(z), traced):
        for got, expected in zip(results, replaced(z), strict=True):
            assert np.asarray(got).tobytes() == np.asarray(expected).tobytes()
            assert got.dtype == expected.dtype


@pytest.mark.parametrize("dtype", "FD")
def test_signs_of_quotients_that_are_zero_are_numpys(dtype):
    small = np.array([0.0, -0.0, 1.0, -1.0, 2.0])
    z = (small[:, None] + np.zeros(small.size)).astype(dtype)
    z.imag = small
    x, y = np.meshgrid(z.reshape(-1), z.reshape(-1))
    with np.errstate(all="ignore"):
        expected = x / y
    got = cr.compile(np.divide)(x, y)
    for g, e in ((got.real, expected.real), (got.imag, expected.imag)):
        np.testing.assert_array_equal(np.signbit(g[e == 0]), np.signbit(e[e == 0]))
