"""Every op that has a rule computes natively what NumPy computes, special values included."""

import itertools

import numpy as np
import pytest
from tests.compiler.native import compiled
from tests.compiler.small_loops import elementwise

import chainrule  # noqa: F401  fills the table
from chainrule.compiler.emission.emitter import result_dtype, rule_of, supports
from chainrule.core.op import TABLE

DTYPES = ["?", "i1", "u1", "i4", "i8", "u8", "f4", "f8", "c8", "c16"]
FLOATS = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3.0, 1e-40, -1e30, 700.0, np.inf, -np.inf, np.nan]
WHOLE = [0, 1, -1, 2, 7, -7, 100, 127, -128, 255, 2**31 - 1, -(2**31), 2**63 - 1, -(2**63)]
NOT_ELEMENTWISE = {"where", "clip", "isclose", "complex_of_parts", "round", "power", "float_power"}
OPS = sorted(
    name
    for name, op in TABLE.items()
    if rule_of(op) is not None
    and op.kind in {"elementwise", "constant"}
    and name not in NOT_ELEMENTWISE
)


def arity_of(op):
    return (
        len(op.partials) or op.numpy.nin
        if isinstance(op.numpy, np.ufunc)
        else len(op.partials) or 1
    )


def arguments(dtype, arity, rng):
    dtype = np.dtype(dtype)
    if dtype.kind == "b":
        values = np.array([False, True])
    elif dtype.kind in "iu":
        limits = np.iinfo(dtype)
        values = np.array([w for w in WHOLE if limits.min <= w <= limits.max], dtype)
    elif dtype.kind == "f":
        extra = 1e200 if dtype.itemsize == 8 else 1e38
        values = np.array([*FLOATS, extra], dtype)
    else:
        values = (rng.normal(size=12) + 1j * rng.normal(size=12)).astype(dtype)
    grid = np.array(list(itertools.product(values, repeat=arity)), dtype).T
    if dtype.kind == "f":
        grid = np.concatenate([grid, rng.normal(size=(arity, 60)) * 2], axis=1).astype(dtype)
    return [np.ascontiguousarray(x) for x in grid]


def cases():
    for name in OPS:
        for dtype in DTYPES:
            op = TABLE[name]
            if supports(op, (np.dtype(dtype),) * arity_of(op)):
                yield name, dtype


def assert_like_numpy(name, dtype, result, expected):
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(result, expected)
        return
    tolerance = 2e-5 if expected.dtype.char in "fF" else 2e-13
    np.testing.assert_allclose(result, expected, rtol=tolerance, atol=tolerance * 1e-2)
    zeros = (expected == 0) & (result == 0) & np.isreal(expected)
    if name in SIGNED_ZEROS:
        np.testing.assert_array_equal(
            np.signbit(result.real[zeros]), np.signbit(expected.real[zeros])
        )


SIGNED_ZEROS = (
    {"negative", "maximum", "minimum", "fmax", "fmin", "multiply", "add", "subtract", "divide"}
    | {"floor", "ceil", "trunc", "rint", "sqrt", "cbrt", "sin", "tan", "sinh", "tanh", "expm1"}
    | {"log1p", "arcsin", "arctan", "arcsinh", "arctanh", "arctan2", "absolute", "fabs", "relu"}
    | {"copysign", "remainder", "fmod", "floor_divide"}
)


@pytest.mark.parametrize(("name", "dtype"), list(cases()))
def test_an_op_is_numpy_s(name, dtype, rng):
    op = TABLE[name]
    x = arguments(dtype, arity_of(op), rng)
    try:
        with np.errstate(all="ignore"):
            expected = np.asarray(op.numpy(*x))
    except TypeError:
        pytest.skip("NumPy has no loop for this dtype")
    except np.linalg.LinAlgError:  # it takes finite numbers alone
        x = [np.nan_to_num(a, posinf=1.0, neginf=-1.0) for a in x]
        expected = np.asarray(op.numpy(*x))
    if expected.dtype != result_dtype(op, [a.dtype for a in x]):
        pytest.skip("NumPy casts the arguments before")
    out = np.zeros(expected.size, expected.dtype)
    program = elementwise(rule_of(op), [dtype] * len(x), expected.dtype, expected.size)
    assert compiled(program)([*x, out]) == 0
    assert_like_numpy(name, dtype, out, expected)
