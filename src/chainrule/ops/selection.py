"""Functions that pick one of their arguments, element by element: where, maximum, minimum, clip."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.dispatch import store
from chainrule.core.op import FRONTS, TABLE, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes, promoted
from chainrule.errors import ArgumentError, NotDifferentiableError
from chainrule.ops.broadcasting import sum_to
from chainrule.ops.canonical import NO_VALUE, array_like, given
from chainrule.ops.checking import as_array
from chainrule.ops.elementwise import elementwise
from chainrule.ops.kinds import composite, linear

_MASK = np.array([[True, False, True], [False, False, True]])


def _where(condition: Value, x: Value = NO_VALUE, y: Value = NO_VALUE, /) -> Value:
    condition = array_like(condition)
    if x is NO_VALUE and y is NO_VALUE:
        return FRONTS["nonzero"](condition)
    if x is NO_VALUE or y is NO_VALUE:
        raise ArgumentError.from_range(
            "where", "arguments", 2, "a condition alone, or with x and y"
        )
    if type(condition) in HANDLES and type_of(condition).dtype.kind != "b":
        condition = condition != 0
    return apply(_WHERE, condition, array_like(x), array_like(y))


def _where_type(condition: ArrayType, x: ArrayType, y: ArrayType) -> ArrayType:
    shape = broadcast_shapes("where", condition.shape, x.shape, y.shape)
    return array_type(shape, promoted(x, y))


_WHERE = linear(
    "where",
    np.where,
    infer=_where_type,
    transposes=(
        None,
        lambda g, condition, x, y: sum_to(np.where(condition, g, 0), type_of(x).shape),
        lambda g, condition, x, y: sum_to(np.where(condition, 0, g), type_of(y).shape),
    ),
    front=_where,
    joint=True,
    samples=(
        Sample(_MASK, (2, 3), (2, 3)),
        Sample(_MASK, (3,), (2, 1)),
        Sample(_MASK[0], (2, 3), 0),
        Sample(True, (), ()),
        Sample(_MASK, 1.0, (3,)),
    ),
    rejects=(Sample(_MASK, (2, 4), (2, 3)),),
)


def _credit(wins: Value, ties: Value, out: Value) -> Value:
    """Return 1 where an argument wins, one half where it ties, 0 where it loses."""
    return np.where(ties, 0.5, FRONTS["astype"](wins, type_of(out).dtype))


elementwise(
    "maximum",
    np.maximum,
    partials=(
        lambda out, x, y: _credit(x > y, x == y, out),
        lambda out, x, y: _credit(y > x, x == y, out),
    ),
)
elementwise(
    "minimum",
    np.minimum,
    partials=(
        lambda out, x, y: _credit(x < y, x == y, out),
        lambda out, x, y: _credit(y < x, x == y, out),
    ),
)
elementwise(
    "fmax",
    np.fmax,
    partials=(
        lambda out, x, y: _credit((x > y) | np.isnan(y), x == y, out),
        lambda out, x, y: _credit((y > x) | np.isnan(x), x == y, out),
    ),
)
elementwise(
    "fmin",
    np.fmin,
    partials=(
        lambda out, x, y: _credit((x < y) | np.isnan(y), x == y, out),
        lambda out, x, y: _credit((y < x) | np.isnan(x), x == y, out),
    ),
)


def _clip(
    a: Value,
    a_min: Value = NO_VALUE,
    a_max: Value = NO_VALUE,
    *,
    min: Value = NO_VALUE,
    max: Value = NO_VALUE,
    **options: Any,
) -> Value:
    for option, got in options.items():
        raise NotDifferentiableError.from_option("clip", option, got)
    low = given(min) if given(a_min) is None else a_min
    high = given(max) if given(a_max) is None else a_max
    a = array_like(a)
    least, most = _limits(type_of(a).dtype)
    return apply(
        _CLIP,
        a,
        least if low is None else array_like(low),
        most if high is None else array_like(high),
    )


def _limits(dtype: np.dtype[Any]) -> tuple[Any, Any]:
    """Return the least and the largest number of a dtype, as numbers that leave it as it is."""
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min), int(np.iinfo(dtype).max)
    return (False, True) if dtype.kind == "b" else (-np.inf, np.inf)


def _clip_type(*types: ArrayType) -> ArrayType:
    return array_type(broadcast_shapes("clip", *(t.shape for t in types)), promoted(*types))


# clip(x, low, high) = min(max(x, low), high): with low above high it is high. On the borders x has the gradient.
_CLIP = elementwise(
    "clip",
    lambda x, low, high: np.clip(x, low, high),
    partials=(
        lambda out, x, low, high: (low <= x) & (x <= high),
        lambda out, x, low, high: (x < low) & (low <= high),
        lambda out, x, low, high: (x > high) | (low > high),
    ),
    infer=_clip_type,
    front=_clip,
    names=(np.clip,),
    samples=(
        Sample((2, 3), -0.5, 0.5),
        Sample((2, 3), (3,), 3.0),
        Sample((2, 3), None, (2, 1)),
        Sample((2, 3), 0.1, None),
        Sample((2, 3), min=-0.5, max=0.5),
        Sample((), -1, 1),
        Sample((0, 3), -1, 1),
    ),
)


def _nan_to_num(
    x: Value, copy: bool = True, nan: Value = 0.0, posinf: Value = None, neginf: Value = None
) -> Value:
    """What is replaced has the gradient of its replacement; the rest that of `x`."""
    x = array_like(x)
    kind = type_of(x).dtype.kind
    if kind == "c":
        parts = (_finite(np.real(x), nan, posinf, neginf), _finite(np.imag(x), nan, posinf, neginf))
        result = apply(TABLE["complex_of_parts"], *parts)  # a sum would lose signs of zeros
        result = result if type_of(x).shape else +result  # a number for a number
    else:
        result = _finite(x, nan, posinf, neginf) if kind == "f" else _copied(x)
    return result if copy else store(x, result, "np.nan_to_num")


def _copied(x: Value) -> Value:
    """Return a copy of an array, and NumPy's number for a number."""
    return FRONTS["copy"](x) if type_of(x).shape else as_array(x)[()]


def _finite(x: Value, nan: Value, posinf: Value, neginf: Value) -> Value:
    limits = np.finfo(type_of(x).dtype)
    x = np.where(np.isnan(x), nan, x)
    x = np.where(x == np.inf, limits.max if posinf is None else posinf, x)
    x = np.where(x == -np.inf, limits.min if neginf is None else neginf, x)
    return x if type_of(x).shape else +x  # a number for a number


composite(
    "nan_to_num",
    _nan_to_num,
    names=(np.nan_to_num,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), nan=1.0, posinf=2.0, neginf=-2.0),
        Sample(()),
        Sample((0, 3)),
        Sample(np.array([np.nan, np.inf, -np.inf, 1.0]), nan=3.0),
    ),
)
