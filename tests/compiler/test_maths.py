"""Functions of floats are right to a few units in the last place; `tools/ulp.py` looks closer."""

import numpy as np
import pytest
from tests.compiler import longer
from tests.compiler.longer import IS_LONG, LONG
from tests.compiler.native import compiled
from tests.compiler.small_loops import elementwise

from chainrule.compiler.machine_code.machine import Machine

MACHINES = [Machine.host(), Machine.named("sse2")] if Machine.host().is_x86 else [Machine.host()]
# name: intervals of random arguments
CASES = {
    "exp": [(-1, 1), (-90, 89), (-745, 709)],
    "exp2": [(-1, 1), (-150, 128), (-1074, 1024)],
    "expm1": [(-1e-5, 1e-5), (-1, 1), (-50, 88)],
    "log": [(0.5, 2), (0, 1e5), (0, 1e-39)],
    "log2": [(0.5, 2), (0, 1e5)],
    "log10": [(0.5, 2), (0, 1e5)],
    "log1p": [(-1e-5, 1e-5), (-1, 1), (0, 1e10)],
    "sinh": [(-1, 1), (-89, 89), (-710, 710)],
    "cosh": [(-1, 1), (-89, 89), (-710, 710)],
    "tanh": [(-1, 1), (-25, 25)],
    "arcsinh": [(-1, 1), (-100, 100), (-1e30, 1e30)],
    "arccosh": [(1, 1.1), (1, 10), (1, 1e30)],
    "arctanh": [(-0.01, 0.01), (-1, 1)],
    "sin": [(-1, 1), (-100, 100), (-1e6, 1e6), (-1e30, 1e30)],
    "cos": [(-1, 1), (-100, 100), (-1e6, 1e6), (-1e30, 1e30)],
    "tan": [(-1, 1), (-100, 100), (-1e6, 1e6), (-1e30, 1e30)],
    "arcsin": [(-1, 1)],
    "arccos": [(-1, 1)],
    "arctan": [(-1, 1), (-10, 10), (-1e10, 1e10)],
    "cbrt": [(-1, 1), (-1e30, 1e30)],
    "exp10": [(-1, 1), (-45, 38), (-320, 308)],
    "expit": [(-1, 1), (-85, 85), (-700, 700)],
    "erf": [(-1e-5, 1e-5), (-1, 1), (-6, 6)],
    "erfc": [(-1, 1), (-6, 6), (0, 26)],
    "ndtr": [(-1, 1), (-8, 8), (-37, 0)],
    "log_ndtr": [(-1, 1), (-8, 8), (-1e4, 0)],
}
# name: pairs of intervals
CASES_OF_TWO = {
    "power": [((0, 9), (0, 9)), ((1e-3, 1e3), (-12, 12)), ((0.99, 1.01), (-3e4, 3e4))],
    "arctan2": [((0, 9), (0, 9)), ((-1e10, 1e10), (-1, 1)), ((-1, 1), (-1e10, 1e10))],
    "hypot": [((0, 9), (0, 9)), ((-1e30, 1e30), (-1e30, 1e30))],
}
AT_MOST = {"erfc": 4, "ndtr": 5, "log_ndtr": 5}
"""In units in the last place, where it is not 2."""


def units_off(got, exact):
    """Return the errors in units in the last place of the exact results."""
    dtype = got.dtype
    with np.errstate(all="ignore"):
        size = np.minimum(np.abs(exact), LONG(np.finfo(dtype).max)).astype(dtype)
        unit = np.maximum(np.spacing(size), np.finfo(dtype).smallest_subnormal).astype(LONG)
        errors = np.abs(got.astype(LONG) - exact) / unit
        same = (got == exact.astype(dtype)) | (np.isnan(got) & np.isnan(exact))
    return np.where(same, 0, errors)


def natively(name, arrays, machine=None):
    dtype = arrays[0].dtype
    program = elementwise(
        lambda e, *x: getattr(e, name)(*x), [dtype] * len(arrays), dtype, arrays[0].size
    )
    out = np.zeros_like(arrays[0])
    compiled(program, machine)([*arrays, out])
    return out


@pytest.mark.skipif(not IS_LONG, reason="long doubles are no longer than float64 here")
@pytest.mark.parametrize("machine", MACHINES, ids=lambda m: m.cpu)
@pytest.mark.parametrize("name", CASES)
def test_a_function_is_right_to_a_few_units_in_the_last_place(name, machine, rng):
    for dtype in ("f4", "f8"):
        arguments = [rng.uniform(*ends, 5_000) for ends in CASES[name]]
        x = np.concatenate([*arguments, np.linspace(*CASES[name][0], 2_001)]).astype(dtype)
        with np.errstate(all="ignore"):
            exact = longer.function(name)(x.astype(LONG))
        errors = units_off(natively(name, [x], machine), exact)
        assert errors.max() <= AT_MOST.get(name, 2), (dtype, x[errors.argmax()], errors.max())


@pytest.mark.skipif(not IS_LONG, reason="long doubles are no longer than float64 here")
@pytest.mark.parametrize("name", CASES_OF_TWO)
def test_a_function_of_two_is_right_to_two_units_in_the_last_place(name, rng):
    for dtype in ("f4", "f8"):
        for ends in CASES_OF_TWO[name]:
            x, y = (rng.uniform(*e, 10_000).astype(dtype) for e in ends)
            with np.errstate(all="ignore"):
                exact = getattr(np, name)(x.astype(LONG), y.astype(LONG))
            errors = units_off(natively(name, [x, y]), exact)
            assert errors.max() <= 2, (dtype, ends, x[errors.argmax()], y[errors.argmax()])


@pytest.mark.skipif(not IS_LONG, reason="long doubles are no longer than float64 here")
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_the_largest_angles_keep_their_digits(name):
    close_to_a_multiple_of_a_quarter_turn = 5.319372648326541e255
    x = np.array([1e22, 2.0**1023, 1.7976931348623157e308, close_to_a_multiple_of_a_quarter_turn])
    exact = getattr(np, name)(x.astype(LONG))
    assert units_off(natively(name, [x]), exact).max() <= 4
