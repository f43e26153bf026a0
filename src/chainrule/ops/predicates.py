"""Questions about numbers: comparisons, logic, bits. The answers are constants."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Notation, Sample, infix
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes
from chainrule.ops.canonical import array_like
from chainrule.ops.elementwise import stepwise
from chainrule.ops.kinds import composite, constant

_BOOL = np.dtype(np.bool_)
_INTEGERS = np.array([[4, 6, 9], [1, 0, 5]])
_BITS = (Sample(_INTEGERS, 3), Sample(_INTEGERS, np.array([1, 2, 3])))

stepwise("less", np.less, notation=infix("<", 5))
stepwise("less_equal", np.less_equal, notation=infix("<=", 5))
stepwise("greater", np.greater, notation=infix(">", 5))
stepwise("greater_equal", np.greater_equal, notation=infix(">=", 5))
stepwise("equal", np.equal, notation=infix("==", 5))
stepwise("not_equal", np.not_equal, notation=infix("!=", 5))

stepwise("logical_and", np.logical_and)
stepwise("logical_or", np.logical_or)
stepwise("logical_xor", np.logical_xor)
stepwise("logical_not", np.logical_not)
stepwise("bitwise_and", np.bitwise_and, notation=infix("&", 9), samples=_BITS)
stepwise("bitwise_xor", np.bitwise_xor, notation=infix("^", 8), samples=_BITS)
stepwise("bitwise_or", np.bitwise_or, notation=infix("|", 7), samples=_BITS)
stepwise("invert", np.invert, notation=Notation("~{0}", 30), samples=(Sample(_INTEGERS),))
stepwise("left_shift", np.left_shift, samples=_BITS)
stepwise("right_shift", np.right_shift, samples=_BITS)
stepwise("bitwise_count", np.bitwise_count, samples=(Sample(_INTEGERS),))

stepwise("isnan", np.isnan)
stepwise("isinf", np.isinf)
stepwise("isfinite", np.isfinite)
stepwise("signbit", np.signbit)

_ONE = (Sample((2, 3)), Sample(()), Sample((0, 3)))


def _bool_type(x: ArrayType) -> ArrayType:
    return array_type(x.shape, _BOOL)


def _has_complex_type(x: Value) -> bool:
    return type_of(array_like(x)).dtype.kind == "c"


def _has_real_type(x: Value) -> bool:
    return not _has_complex_type(x)


def _isreal(x: Value) -> Value:
    """Compare the imaginary part with 0: of a Python number by Python."""
    x = array_like(x)
    return np.imag(x) == 0 if type_of(x).weak else apply(_ISREAL, x)


_ISREAL = constant(
    "isreal",
    np.isreal,
    infer=_bool_type,
    front=_isreal,
    names=(np.isreal,),
    samples=_ONE,
    lower=lambda e, x: e.equal(e.imag(x), 0),
)
constant(
    "iscomplex",
    np.iscomplex,
    infer=_bool_type,
    samples=_ONE,
    lower=lambda e, x: e.not_equal(e.imag(x), 0),
)
constant(
    "isposinf",
    np.isposinf,
    infer=_bool_type,
    samples=_ONE,
    lower=lambda e, x: e.isinf(x) & (x > 0),
)
constant(
    "isneginf",
    np.isneginf,
    infer=_bool_type,
    samples=_ONE,
    lower=lambda e, x: e.isinf(x) & (x < 0),
)
composite("iscomplexobj", _has_complex_type, names=(np.iscomplexobj,), samples=_ONE)
composite("isrealobj", _has_real_type, names=(np.isrealobj,), samples=_ONE)


def _isclose(
    a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False
) -> Value:
    return apply(_ISCLOSE, array_like(a), array_like(b), rtol, atol, equal_nan=bool(equal_nan))


def _isclose_type(*types: ArrayType, equal_nan: bool) -> ArrayType:
    return array_type(broadcast_shapes("isclose", *(t.shape for t in types)), _BOOL)


def _allclose(
    a: Value, b: Value, rtol: Value = 1e-5, atol: Value = 1e-8, equal_nan: bool = False
) -> Value:
    return apply(_ALLCLOSE, array_like(a), array_like(b), rtol, atol, equal_nan=bool(equal_nan))


def _allclose_type(*types: ArrayType, equal_nan: bool) -> ArrayType:
    broadcast_shapes("allclose", *(t.shape for t in types))
    return array_type((), _BOOL, weak=True)


_PAIRS = (
    Sample((2, 3), (2, 3)),
    Sample((2, 3), (3,), rtol=0.5, atol=1.0),
    Sample((), (2,), equal_nan=True),
)
_MISFITS = (Sample((2, 3), (2, 4)),)


def _lower_isclose(e: Any, a: Any, b: Any, rtol: Any, atol: Any, equal_nan: bool) -> Any:
    near = e.isfinite(b) & (e.absolute(a - b) <= atol + rtol * e.absolute(b))
    near = near | e.equal(a, b)
    return near | (e.isnan(a) & e.isnan(b)) if equal_nan else near


_ISCLOSE = constant(
    "isclose",
    lambda a, b, rtol, atol, equal_nan: np.isclose(a, b, rtol, atol, equal_nan),
    infer=_isclose_type,
    front=_isclose,
    names=(np.isclose,),
    lower=_lower_isclose,
    arity=2,
    samples=_PAIRS,
    rejects=_MISFITS,
)
_ALLCLOSE = constant(
    "allclose",
    lambda a, b, rtol, atol, equal_nan: np.allclose(a, b, rtol, atol, equal_nan),
    infer=_allclose_type,
    left_to_numpy="its result is a truth value of Python",
    front=_allclose,
    names=(np.allclose,),
    arity=2,
    samples=_PAIRS,
    rejects=_MISFITS,
)


def _array_equal(a1: Value, a2: Value, equal_nan: bool = False) -> Value:
    return apply(_ARRAY_EQUAL, array_like(a1), array_like(a2), equal_nan=bool(equal_nan))


def _one_answer(*types: ArrayType, **_: Any) -> ArrayType:
    return array_type((), _BOOL, weak=True)


_ARRAY_EQUAL = constant(
    "array_equal",
    np.array_equal,
    infer=_one_answer,
    left_to_numpy="its result is a truth value of Python",
    front=_array_equal,
    arity=2,
    samples=(Sample((2, 3), (2, 3)), Sample((2, 3), (3,)), Sample((2,), (2,), equal_nan=True)),
)
constant(
    "array_equiv",
    np.array_equiv,
    infer=_one_answer,
    left_to_numpy="its result is a truth value of Python",
    arity=2,
    samples=(Sample((2, 3), (2, 3)), Sample((2, 3), (3,))),
)
