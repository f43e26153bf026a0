"""Operands that need no work: constants, parts of constants, and views."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.diagonals import diagonal_of
from chainrule.compiler.planning.plan import Array, Operand, Read, Uniform
from chainrule.compiler.views import View, whole
from chainrule.core.types import Shape, type_of_plain

PRODUCTS = frozenset("fdFD")
"""Dtypes for which there are products, by their letters."""


def constant(x: Any) -> Operand:
    """Return the operand of a plain value; one that is the same everywhere takes no memory."""
    t = type_of_plain(x)
    if t.size and (not t.shape or _is_uniform(x)):
        return Uniform(Number(np.asarray(x).reshape(-1)[0], t.dtype), t.shape)
    array = Array(t.shape, t.dtype, constant=np.ascontiguousarray(x).reshape(t.shape))
    return Read(array, whole(t.shape))


def part_of_constant(x: Read) -> Read:
    """Return what is read of a constant as a constant of its own."""
    flat = x.array.constant.reshape(-1)
    strides = tuple([s * flat.itemsize for s in x.view.strides])
    part = np.ascontiguousarray(as_strided(flat[x.view.offset :], x.shape, strides))
    return Read(Array(x.shape, x.dtype, constant=part.reshape(x.shape)), whole(x.shape))


def known_numbers(x: Operand) -> Any:
    """Return the numbers among which all of an operand are, if they are known; else None."""
    if isinstance(x, Uniform):
        return np.asarray(x.number.value)
    return x.array.constant if isinstance(x, Read) else None


def moved(view: View, name: str, params: Mapping[str, Any], shape: Shape) -> View | None:
    """Return what an op that only moves elements makes of a view; None where it has to copy."""
    if name == "reshape":
        return view.reshaped(shape)
    if name == "transpose":
        return view.transposed(params["axes"])
    if name == "broadcast_to":
        return view.broadcast(shape)
    if name == "diagonal":
        return diagonal_of(view, params["offset"], params["axis1"], params["axis2"])
    return view.cut(params["index"])


def is_matrix(view: View) -> bool:
    """Say whether a library can read the last two axes: one without gaps, the other not overlapping."""
    if len(view.shape) == 1:
        return view.strides[0] >= 1 or view.shape[0] == 1
    (rows, columns), (down, right) = view.shape[-2:], view.strides[-2:]
    if columns == 1 or rows == 1:
        return min(down if rows > 1 else 1, right if columns > 1 else 1) >= 1
    return (right == 1 and down >= columns) or (down == 1 and right >= rows)


def _is_uniform(x: Any) -> bool:
    """Say whether all elements have the same bits."""
    flat = np.ascontiguousarray(x).reshape(-1)
    if flat.dtype.kind not in "fc":
        return bool(np.all(flat == flat[0]))
    rows = flat.view(np.uint8).reshape(flat.size, flat.itemsize)
    return bool(np.all(rows == rows[0]))
