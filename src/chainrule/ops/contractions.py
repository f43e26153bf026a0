"""Products of matrices and tensors made of `matmul`: `dot`, `tensordot`, `matrix_power` and others."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ShapeError
from chainrule.ops.checking import as_array, same_inner, square_size
from chainrule.ops.kinds import composite
from chainrule.ops.matrices import conjugated


def _scaled(a: Value, b: Value) -> Value:
    """Multiply by a number as NumPy's products do, which add what they multiply to zero: that has no sign."""
    product = np.multiply(a, b)
    t = type_of(product)
    return product + np.zeros((), t.dtype) if t.shape and t.is_inexact else product


def _dot(a: Value, b: Value) -> Value:
    a, b = as_array(a), as_array(b)
    if not type_of(a).shape or not type_of(b).shape:
        return _scaled(a, b)
    if type_of(b).ndim <= 2:
        return np.matmul(a, b)
    return _tensordot(a, b, ((-1,), (-2,)))


def _inner(a: Value, b: Value) -> Value:
    a, b = as_array(a), as_array(b)
    if not type_of(a).shape or not type_of(b).shape:
        return _scaled(a, b)
    if type_of(b).ndim == 1:
        return np.matmul(a, b)
    return _tensordot(a, b, ((-1,), (-1,)))


def _tensordot(a: Value, b: Value, axes: Any = 2) -> Value:
    a, b = as_array(a), as_array(b)
    left, right = type_of(a).shape, type_of(b).shape
    over_left, over_right = _contracted(axes, len(left), len(right))
    if [left[i] for i in over_left] != [right[i] for i in over_right]:
        reason = f"axes {over_left} and {over_right} differ in size"
        raise ShapeError.from_numpy("tensordot", (left, right), reason)
    kept_left = [i for i in range(len(left)) if i not in over_left]
    kept_right = [i for i in range(len(right)) if i not in over_right]
    inner = math.prod(left[i] for i in over_left)
    rows = math.prod(left[i] for i in kept_left)
    columns = math.prod(right[i] for i in kept_right)
    product = np.matmul(
        _folded(a, (*kept_left, *over_left), (rows, inner)),
        _folded(b, (*over_right, *kept_right), (inner, columns)),
    )
    shape = (*(left[i] for i in kept_left), *(right[i] for i in kept_right))
    return np.reshape(product, shape)


def _contracted(axes: Any, left: int, right: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the axes of both arguments that are summed over, counted from zero."""
    if isinstance(axes, (int, np.integer)):
        return tuple(range(left - axes, left)), tuple(range(axes))
    pairs = [(axis,) if isinstance(axis, (int, np.integer)) else tuple(axis) for axis in axes]
    if len(pairs[0]) != len(pairs[1]):
        raise ShapeError.from_numpy("tensordot", tuple(pairs), "axes needs two of equal length")
    return tuple(range(left)[i] for i in pairs[0]), tuple(range(right)[i] for i in pairs[1])


def _folded(x: Value, axes: Shape, shape: Shape) -> Value:
    """Bring the axes into this order, then the array into this shape."""
    if axes != tuple(range(len(axes))):
        x = np.transpose(x, axes)
    return x if type_of(x).shape == shape else np.reshape(x, shape)


def _linalg_tensordot(x1: Value, x2: Value, /, *, axes: Any = 2) -> Value:
    return _tensordot(x1, x2, axes)


def _matvec(x1: Value, x2: Value) -> Value:
    x1, x2 = as_array(x1), as_array(x2)
    same_inner("matvec", x1, x2, -1, -1)
    return np.matmul(x1, x2[..., None])[..., 0]


def _vecmat(x1: Value, x2: Value) -> Value:
    x1, x2 = as_array(x1), as_array(x2)
    same_inner("vecmat", x1, x2, -1, -2)
    return np.matmul(conjugated(x1)[..., None, :], x2)[..., 0, :]


def _multi_dot(arrays: Sequence[Value]) -> Value:
    arrays = [as_array(x) for x in arrays]
    shapes = tuple(type_of(x).shape for x in arrays)
    if len(arrays) < 2 or any(len(s) != 2 for s in shapes[1:-1]):
        reason = "two or more arrays are needed, and matrices between the first and the last"
        raise ShapeError.from_numpy("multi_dot", shapes, reason)
    sizes = (shapes[0][-2] if len(shapes[0]) > 1 else 1, *(s[0] for s in shapes[1:]))
    sizes += (shapes[-1][1] if len(shapes[-1]) > 1 else 1,)
    return _product(arrays, sizes, 0, len(arrays))


def _product(arrays: Sequence[Value], sizes: tuple[int, ...], first: int, end: int) -> Value:
    if end - first == 1:
        return arrays[first]
    split = _cheapest(sizes, first, end)[1]
    return np.matmul(_product(arrays, sizes, first, split), _product(arrays, sizes, split, end))


@functools.lru_cache(1024)
def _cheapest(sizes: tuple[int, ...], first: int, end: int) -> tuple[int, int]:
    """Return the fewest multiplications for arrays first to end, and where to split them for it."""
    if end - first == 1:
        return 0, first
    return min(
        (
            _cheapest(sizes, first, k)[0]
            + _cheapest(sizes, k, end)[0]
            + sizes[first] * sizes[k] * sizes[end],
            k,
        )
        for k in range(first + 1, end)
    )


def _matrix_power(a: Value, n: int) -> Value:
    a, n = as_array(a), operator.index(n)
    size = square_size("matrix_power", type_of(a).shape)
    if n == 0:
        return FRONTS["zeros_like"](a) + np.eye(size, dtype=type_of(a).dtype)
    if n < 0:
        a, n = np.linalg.inv(a), -n
    out = None
    while True:
        if n % 2:
            out = a if out is None else np.matmul(out, a)
        n //= 2
        if n == 0:
            return out
        a = np.matmul(a, a)


composite(
    "dot",
    _dot,
    names=(np.dot,),
    samples=(
        Sample((2, 3), (3, 2)),
        Sample((3,), (3,)),
        Sample((), (2, 3)),
        Sample((2, 3), 2.0),
        Sample((2, 2, 3), (2, 3, 2)),
        Sample((0,), (0,)),
    ),
    rejects=(Sample((2, 3), (2, 3)), Sample((2, 3), (2, 2, 3))),
)
composite(
    "inner",
    _inner,
    names=(np.inner,),
    samples=(Sample((3,), (3,)), Sample((2, 3), (4, 3)), Sample((2,), ()), Sample((2, 3), (3,))),
    rejects=(Sample((2, 3), (3, 2)),),
)
composite(
    "tensordot",
    _tensordot,
    names=(np.tensordot,),
    samples=(
        Sample((2, 3, 4), (3, 4, 2)),
        Sample((2, 3), (4, 3), axes=(1, 1)),
        Sample((2, 3, 4), (4, 2), axes=([0, -1], [1, 0])),
        Sample((2, 3), (2, 3), axes=([0, 1], [0, 1])),
        Sample((2,), (3,), axes=0),
        Sample((0, 3), (3, 2), axes=1),
    ),
    rejects=(Sample((2, 3), (2, 4), axes=1), Sample((2, 3), (3, 2), axes=([0, 1], [0]))),
)
composite(
    "linalg_tensordot",
    _linalg_tensordot,
    names=(np.linalg.tensordot,),
    samples=(Sample((2, 3), (3, 2), axes=1),),
)
composite(
    "matvec",
    _matvec,
    names=(np.matvec,) if hasattr(np, "matvec") else (),  # NumPy 2.2 has it
    samples=(Sample((2, 3), (3,)), Sample((4, 2, 3), (4, 3)), Sample((2, 3), (4, 3))),
    rejects=(Sample((2, 3), (2,)),),
)
composite(
    "vecmat",
    _vecmat,
    names=(np.vecmat,) if hasattr(np, "vecmat") else (),  # NumPy 2.2 has it
    samples=(Sample((2,), (2, 3)), Sample((4, 2), (4, 2, 3)), Sample((4, 2), (2, 3))),
    rejects=(Sample((3,), (2, 3)),),
)
composite(
    "multi_dot",
    _multi_dot,
    names=(np.linalg.multi_dot,),
    samples=(
        Sample([(2, 3), (3, 4), (4, 2)]),
        Sample([(3,), (3, 2), (2,)]),
        Sample([(2, 3), (3, 2)]),
    ),
    rejects=(Sample([(2, 3), (4, 2)]),),
)
composite(
    "matrix_power",
    _matrix_power,
    names=(np.linalg.matrix_power,),
    samples=(
        Sample((3, 3), 3),
        Sample((2, 2, 2), 5),
        Sample((2, 2), 1),
        Sample((2, 2), 0),
        Sample((2, 2), -2, prepare=lambda x: x + 3 * np.eye(2, dtype=x.dtype)),
    ),
    rejects=(Sample((2, 3), 2),),
)
