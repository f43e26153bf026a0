"""What the fronts of products and matrices share: plain lists as arrays, and sizes that must agree."""

from __future__ import annotations

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.types import Shape, Value
from chainrule.errors import ShapeError
from chainrule.ops.broadcasting import astype


def as_array(x: Value) -> Value:
    """Return lists and Python numbers as NumPy does where it makes arrays of its arguments: nothing is weak."""
    kind = type(x)
    if kind is np.ndarray:
        return x
    if kind in HANDLES:
        return astype(x, x.type.dtype) if x.type.weak else x
    return np.asarray(x)[()]


def square_size(name: str, shape: Shape) -> int:
    """Return n of a stack of matrices (..., n, n).

    Raises:
        ShapeError: they are not square, or no matrices.
    """
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError.from_not_square(name, shape)
    return shape[-1]


def matrix_sizes(name: str, shape: Shape) -> tuple[int, int]:
    """Return m and n of a stack of matrices (..., m, n).

    Raises:
        ShapeError: there are fewer than two axes.
    """
    if len(shape) < 2:
        raise ShapeError.from_no_matrix(name, shape)
    return shape[-2], shape[-1]


def same_inner(name: str, x: Value, y: Value, i: int, j: int) -> None:
    """Verify that axis i of `x` and axis j of `y`, counted from the last, have the same size.

    Raises:
        ShapeError: they differ, or are missing.
    """
    left, right = type_of(x).shape, type_of(y).shape
    if len(left) < -i or len(right) < -j or left[i] != right[j]:
        raise ShapeError.from_numpy(name, (left, right), "the inner sizes differ")
