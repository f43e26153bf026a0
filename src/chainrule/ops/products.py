"""The matrix product, on which the other products rest."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import TracedArray, TracedView, type_of
from chainrule.core.op import Sample, infix
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type, broadcast_shapes, promoted
from chainrule.errors import ShapeError
from chainrule.ops.broadcasting import sum_to
from chainrule.ops.canonical import Axes
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import linear

_ARRAYS = frozenset({np.ndarray, TracedArray, TracedView})


def matmul_type(x: ArrayType, y: ArrayType) -> ArrayType:
    """Return the type of `x @ y`."""
    left, right = x.shape, y.shape
    if len(left) == 2 == len(right) and left[1] == right[0]:
        shape: Shape = (left[0], right[1])
    else:
        shape = _product_shape(left, right)
    return array_type(shape, x.dtype if x.dtype is y.dtype else promoted(x, y))


def _product_shape(left: Shape, right: Shape) -> Shape:
    if not left or not right:
        raise ShapeError.from_numpy("matmul", (left, right), "a number is no matrix, use *")
    inner = right[0] if len(right) == 1 else right[-2]
    if left[-1] != inner:
        reason = f"the inner sizes {left[-1]} and {inner} differ"
        raise ShapeError.from_numpy("matmul", (left, right), reason)
    batch = broadcast_shapes("matmul", left[:-2], right[:-2])
    return (*batch, *left[-2:-1], *(right[-1:] if len(right) > 1 else ()))


def _left_cotangent(g: Value, x: Value, y: Value) -> Value:
    """The cotangent g @ yᵀ, summed over the batch axes along which x was broadcast."""
    left, right = type_of(x).shape, type_of(y).shape
    if len(left) == 2 == len(right):
        return g @ y.mT
    if len(right) == 1:
        return g * y if len(left) == 1 else g[..., None] * y
    if len(left) == 1:
        return sum_to((y @ g[..., None])[..., 0], left)
    return sum_to(g @ y.mT, left)


def _right_cotangent(g: Value, x: Value, y: Value) -> Value:
    """The cotangent xᵀ @ g, summed over the batch axes along which y was broadcast."""
    left, right = type_of(x).shape, type_of(y).shape
    if len(left) == 2 == len(right):
        return x.mT @ g
    if len(left) == 1:
        return g * x if len(right) == 1 else x[:, None] * g[..., None, :]
    if len(right) > 2:
        return sum_to(x.mT @ g, right)
    # One matrix or vector for the whole batch: a single product instead of one per batch entry and a sum.
    rows = math.prod(left[:-1])
    return x.reshape((rows, left[-1])).mT @ g.reshape((rows, *right[1:]))


def _matmul(x1: Value, x2: Value, *, axes: Any = None) -> Value:
    if axes is not None:
        return _matmul_along(x1, x2, *[(a,) if isinstance(a, int) else tuple(a) for a in axes])
    if type(x1) in _ARRAYS and type(x2) in _ARRAYS:
        return apply(MATMUL, x1, x2)
    return apply(MATMUL, as_array(x1), as_array(x2))


def _matmul_along(x1: Value, x2: Value, *axes: Axes) -> Value:
    """Multiply along other axes than the last; NumPy asks for it in `a @= b`."""
    last = [tuple(range(-len(a), 0)) for a in axes]
    product = _matmul(np.moveaxis(x1, axes[0], last[0]), np.moveaxis(x2, axes[1], last[1]))
    return np.moveaxis(product, last[2], axes[2])


MATMUL = linear(
    "matmul",
    np.matmul,
    infer=matmul_type,
    transposes=(_left_cotangent, _right_cotangent),
    front=_matmul,
    names=(np.matmul, np.linalg.matmul),
    notation=infix("@", 20),
    samples=(
        Sample((2, 3), (3, 4)),
        Sample((3,), (3,)),
        Sample((2, 3), (3,)),
        Sample((3,), (3, 2)),
        Sample((3,), (2, 3, 4)),
        Sample((2, 2, 3), (3,)),
        Sample((2, 2, 3), (3, 4)),
        Sample((2, 1, 2, 3), (4, 3, 2)),
        Sample((2, 3), (4, 3, 2)),
        Sample((2, 0), (0, 3)),
        Sample((0, 3), (3, 2)),
        Sample((2, 3), (2, 4), axes=[(1, 0), (-2, -1), (1, 0)]),
        Sample((0, 2, 3), (3, 2)),
        Sample((2, 3), [1.0, 2.0, -1.0]),
    ),
    rejects=(
        Sample((2, 3), (4, 5)),
        Sample((2, 3), (2,)),
        Sample((), (2, 2)),
        Sample((2, 2, 3), (3, 3, 2)),
    ),
)
