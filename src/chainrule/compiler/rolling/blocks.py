"""Blocks: the part of an array that an index names, which may begin elsewhere in every turn of a loop."""

from __future__ import annotations

import functools
import math
from typing import Any

from chainrule.compiler.views import View, row_by_row, whole
from chainrule.core.trace import Node
from chainrule.core.types import Shape
from chainrule.records import record

_INDEXED = frozenset({"getitem", "setitem", "scatter"})

_LARGEST = 64
"""Elements up to which a slice, or a column, is a block."""


@record
class Block:
    """A part of an array.

    Attributes:
        view: its places, counted in elements from the beginning of the array.
        rest: the index of what is meant within it; empty for all of it.
    """

    view: View
    rest: tuple[Any, ...] = ()


def block_of(node: Node) -> Block | None:
    """Return the block that an index names, or None: it names all, or no block.

    Integers name one, and so does a small slice of what lies in a row. Large slices do not, nor do those of images:
    many of them overlap, and one loop over their elements or one product reads them all where they lie.
    """
    if node.op is None or node.op.name not in _INDEXED:
        return None
    index = node.params["index"]
    shape = node.params["shape"] if node.op.name == "scatter" else node.args[0].shape
    count = 0
    for i in index:
        if type(i) is not int:
            break
        count += 1
    if count == len(index) and 0 not in shape:
        return Block(_row(shape, index))
    if any(type(i) is str for i in index):
        # NumPy moves the axes of index arrays to the front if a slice lies between them and an integer.
        if not count or type(index[count]) is not str:
            return None
        return Block(_row(shape, index[:count]), index[count:])
    view = whole(shape).cut(index)
    size = math.prod(view.shape)
    if not 0 < size < math.prod(shape) or (not count and size > _LARGEST):
        return None
    is_part = view.is_contiguous or any(type(i) is int for i in index)
    return Block(view) if is_part else None


def _row(shape: Shape, index: tuple[int, ...]) -> View:
    """Return the places that integers name, one per axis from the first on."""
    strides = _strides(shape)
    offset = 0
    for i, n, s in zip(index, shape, strides, strict=False):
        offset += (i + n if i < 0 else i) * s
    return View(shape[len(index) :], strides[len(index) :], offset)


_strides = functools.cache(row_by_row)
