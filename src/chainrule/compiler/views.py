"""Views: an array as places in a memory, and what reshape, transpose, broadcast and slicing make of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from chainrule.core.types import Shape
from chainrule.records import record

Factors = tuple[tuple[int, int], ...]
"""An axis that several indices count, the last the fastest: (size, stride) of each."""


@record
class View:
    """The element at index `i` of an array of `shape` lies at `offset + Σ i[k] · strides[k]`, counted in elements."""

    shape: Shape
    strides: tuple[int, ...]
    offset: int = 0

    @property
    def is_contiguous(self) -> bool:
        """Whether the elements lie row by row without gaps."""
        return all(
            n == 1 or s == c
            for n, s, c in zip(self.shape, self.strides, row_by_row(self.shape), strict=True)
        )

    def transposed(self, axes: Sequence[int]) -> View:
        """Permute the axes."""
        return View(
            tuple([self.shape[i] for i in axes]),
            tuple([self.strides[i] for i in axes]),
            self.offset,
        )

    def turned(self) -> View:
        """Exchange the last two axes."""
        axes = range(len(self.shape) - 2)
        return self.transposed((*axes, len(self.shape) - 1, len(self.shape) - 2))

    def broadcast(self, shape: Shape) -> View:
        """Repeat along new and stretched axes."""
        extra = len(shape) - len(self.shape)
        strides = tuple(
            [
                0 if n == 1 != wanted else s
                for n, s, wanted in zip(self.shape, self.strides, shape[extra:], strict=True)
            ]
        )
        return View(shape, (0,) * extra + strides, self.offset)

    def reshaped(self, shape: Shape) -> View | None:
        """Give the same elements another shape; None where that takes a copy."""
        if math.prod(shape) == 0:
            return View(shape, row_by_row(shape), self.offset)
        old = [(n, s) for n, s in zip(self.shape, self.strides, strict=True) if n != 1]
        new = [n for n in shape if n != 1]
        strides: list[int] = []
        i = j = 0
        while j < len(new):
            first_old, first_new = i, j
            have, want = old[i][0], new[j]
            i, j = i + 1, j + 1
            while have != want:
                if have < want:
                    have *= old[i][0]
                    i += 1
                else:
                    want *= new[j]
                    j += 1
            for k in range(first_old, i - 1):
                if old[k][1] != old[k + 1][0] * old[k + 1][1]:
                    return None
            step = old[i - 1][1]
            block = []
            for n in reversed(new[first_new:j]):
                block.append(step)
                step *= n
            strides += block[::-1]
        rest = iter(strides)
        return View(shape, tuple([0 if n == 1 else next(rest) for n in shape]), self.offset)

    def cut(self, index: Sequence[Any]) -> View:
        """Apply a basic index: numbers, slices, None, Ellipsis."""
        items = list(index)
        taken = sum(i is not None and i is not Ellipsis for i in items)
        missing = [slice(None)] * (len(self.shape) - taken)
        if Ellipsis in items:
            place = items.index(Ellipsis)
            items[place : place + 1] = missing
        else:
            items += missing
        shape: list[int] = []
        strides: list[int] = []
        offset = self.offset
        axis = 0
        for i in items:
            if i is None:
                shape.append(1)
                strides.append(0)
                continue
            n, s = self.shape[axis], self.strides[axis]
            axis += 1
            if isinstance(i, slice):
                start, stop, step = i.indices(n)
                count = len(range(start, stop, step))
                offset += start * s if count else 0
                shape.append(count)
                strides.append(s * step)
            else:
                offset += (i + n if i < 0 else i) * s
        return View(tuple(shape), tuple(strides), offset)


def row_by_row(shape: Shape) -> tuple[int, ...]:
    """Return the strides, in elements, of an array that lies row by row."""
    strides = []
    step = 1
    for n in reversed(shape):
        strides.append(step)
        step *= n
    return tuple(strides[::-1])


def whole(shape: Shape) -> View:
    """Return the view of an array that is all of its memory, row by row."""
    return View(shape, row_by_row(shape))


def over(view: View, domain: Shape) -> tuple[int, ...]:
    """Return the stride of `view` for each axis of a domain that it broadcasts to."""
    return view.broadcast(domain).strides


def merged(domain: Shape, strides: Sequence[Sequence[int]]) -> tuple[Shape, list[tuple[int, ...]]]:
    """Merge neighbouring axes that every access walks through as one, and drop those of size one.

    Args:
        domain: the sizes of the axes.
        strides: per access its stride along each axis.

    Returns:
        The sizes that are left, and the strides along them.
    """
    kept = [k for k, n in enumerate(domain) if n != 1]
    sizes: list[int] = []
    columns: list[tuple[int, ...]] = []
    for k in kept:
        column = tuple([s[k] for s in strides])
        if sizes and all(a == b * domain[k] for a, b in zip(columns[-1], column, strict=True)):
            sizes[-1] *= domain[k]
            columns[-1] = column
        else:
            sizes.append(domain[k])
            columns.append(column)
    return tuple(sizes), [tuple([c[i] for c in columns]) for i in range(len(strides))]
