"""Where an index with arrays reads and writes: NumPy's rules of advanced indexing as views and positions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.planning.plan import Array, Lookup, Operand, Position, Read, Uniform
from chainrule.compiler.views import View
from chainrule.core.types import Shape
from chainrule.records import record


@record
class Selection:
    """An index in full: one entry per axis of the array, plus new axes.

    Attributes:
        items: numbers, slices, None, and `"array"` where an index array goes.
        sizes: the size of the axis that each index array goes through.
        shape: what the index arrays broadcast to.
        place: the axis of the result where that shape stands.
    """

    items: tuple[Any, ...]
    sizes: tuple[int, ...]
    shape: Shape
    place: int


def normalized(index: Sequence[Any], shape: Shape, arrays: Sequence[Shape]) -> Selection:
    """Write an index in full: one entry per axis, and where the shape of its arrays stands in the result."""
    items = list(index)
    taken = sum(i is not None and i is not Ellipsis for i in items)
    rest = [slice(None)] * (len(shape) - taken)
    if Ellipsis in items:
        at = items.index(Ellipsis)
        items[at : at + 1] = rest
    else:
        items += rest
    if not arrays:
        return Selection(tuple(items), (), (), 0)
    fancy = [k for k, i in enumerate(items) if type(i) is str or isinstance(i, (int, np.integer))]
    apart = fancy[-1] - fancy[0] + 1 != len(fancy)
    place = 0
    if not apart:
        place = sum(i is None or isinstance(i, slice) for i in items[: fancy[0]])
    sizes = []
    axis = 0
    for i in items:
        if i is None:
            continue
        if type(i) is str:
            sizes.append(shape[axis])
        axis += 1
    return Selection(tuple(items), tuple(sizes), np.broadcast_shapes(*arrays), place)


def selected(
    array: Array, view: View, selection: Selection, arrays: Sequence[Operand]
) -> View | Lookup:
    """Return the places of `array`, seen through `view`, that a selection picks."""
    if not arrays:
        return view.cut(selection.items)
    basic: list[Any] = []
    steps: list[tuple[int, int]] = []
    axis = 0
    for i in selection.items:
        if i is None:
            basic.append(None)
            continue
        if type(i) is str:
            steps.append((view.shape[axis], view.strides[axis]))
            basic.append(0)
        else:
            basic.append(i)
        axis += 1
    rest = view.cut(basic)
    k, n = selection.place, len(selection.shape)
    full = View(
        (*rest.shape[:k], *selection.shape, *rest.shape[k:]),
        (*rest.strides[:k], *(0,) * n, *rest.strides[k:]),
        rest.offset,
    )
    tail = len(rest.shape) - k
    positions = tuple(
        [
            Position(_spread(a, selection.shape, tail), size, stride)
            for a, (size, stride) in zip(arrays, steps, strict=True)
        ]
    )
    return Lookup(array, full, positions)


def _spread(x: Operand, shape: Shape, tail: int) -> Operand:
    """Broadcast an index array to the shape of all, with `tail` axes behind."""
    if isinstance(x, Uniform):
        return Uniform(x.number, (*shape, *(1,) * tail))
    assert isinstance(x, Read)
    view = x.view.broadcast(shape)
    return Read(
        x.array, View((*view.shape, *(1,) * tail), (*view.strides, *(0,) * tail), view.offset)
    )
