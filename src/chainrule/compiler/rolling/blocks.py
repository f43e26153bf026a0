"""Blocks: the part of an array that an index names, which may begin elsewhere in every turn of a loop."""

from __future__ import annotations

import math
from typing import Any

from chainrule.compiler.records import record
from chainrule.compiler.views import View, whole
from chainrule.core.trace import Node

_INDEXED = frozenset({"getitem", "setitem", "scatter"})


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

    Integers name one, and so does a slice of what lies in a row. Slices of images do not: many of them overlap, and
    products read them where they lie.
    """
    if node.op is None or node.op.name not in _INDEXED:
        return None
    index = node.params["index"]
    shape = node.params["shape"] if node.op.name == "scatter" else node.args[0].shape
    if any(type(i) is str for i in index):
        count = next(k for k, i in enumerate(index) if type(i) is not int)
        # NumPy moves the axes of index arrays to the front if a slice lies between them and an integer.
        if not count or type(index[count]) is not str:
            return None
        return Block(whole(shape).cut(index[:count]), index[count:])
    view = whole(shape).cut(index)
    size = math.prod(view.shape)
    if not size or not any(type(i) is int for i in index):
        is_part = 0 < size < math.prod(shape)
        if not is_part or not view.is_contiguous:
            return None
    return Block(view)
