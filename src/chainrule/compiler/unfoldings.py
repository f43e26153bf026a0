"""Unfoldings: arrays whose axes are counted by several strides each, such as the patches of an image as a matrix.

No view has that shape; a product reads it where the image lies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from chainrule.compiler.views import Factors, View
from chainrule.core.types import Shape
from chainrule.records import record


@record
class Unfolding:
    """The element at index `i` lies at `offset` plus what the factors of each axis make of `i[k]`."""

    axes: tuple[Factors, ...]
    offset: int = 0

    @property
    def shape(self) -> Shape:
        """The sizes of the axes."""
        return tuple([math.prod(n for n, _ in factors) for factors in self.axes])

    @property
    def factors(self) -> View:
        """The same elements in the same order, with an axis per factor."""
        pairs = [pair for factors in self.axes for pair in factors]
        return View(tuple([n for n, _ in pairs]), tuple([s for _, s in pairs]), self.offset)

    def transposed(self, axes: Sequence[int]) -> Unfolding:
        """Permute the axes."""
        return Unfolding(tuple([self.axes[k] for k in axes]), self.offset)

    def reshaped(self, shape: Shape) -> Unfolding | None:
        """Give the same elements another shape; None where that cuts a factor into parts that do not fit."""
        rest = [pair for factors in self.axes for pair in factors][::-1]
        axes = []
        for n in shape:
            factors, wanted = [], n
            while wanted > 1:
                size, stride = rest.pop()
                if size > wanted and size % wanted == 0:
                    rest.append((size // wanted, stride))
                    size, stride = wanted, size // wanted * stride
                if wanted % size:
                    return None
                if size > 1:
                    factors.append((size, stride))
                wanted //= size
            axes.append(tuple(factors))
        return Unfolding(tuple(axes), self.offset)


def unfolded(view: View) -> Unfolding:
    """Return a view as an unfolding."""
    pairs = zip(view.shape, view.strides, strict=True)
    return Unfolding(tuple([((n, s),) for n, s in pairs]), view.offset)


def joined(parts: Sequence[View], axis: int, *, is_stack: bool) -> Unfolding | None:
    """Return evenly spaced parts of one array, one behind the other along an axis; None if they are no such."""
    first = parts[0]
    if any((p.shape, p.strides) != (first.shape, first.strides) for p in parts):
        return None
    spaced = evenly_spaced([p.offset for p in parts])
    if spaced is None:
        return None
    axes = list(unfolded(first).axes)
    if is_stack:
        axes.insert(axis, spaced)
    else:
        axes[axis] = (*spaced, *axes[axis])
    return Unfolding(tuple(axes), first.offset)


def evenly_spaced(places: Sequence[int]) -> Factors | None:
    """Return the factors that count places from the first, such as those of the numbers below a window."""
    if len(places) == 1:
        return ()
    step = places[1] - places[0]
    n = 2
    while n < len(places) and places[n] - places[n - 1] == step:
        n += 1
    starts = places[::n]
    if len(places) % n or any(p != starts[i // n] + i % n * step for i, p in enumerate(places)):
        return None
    outer = evenly_spaced(starts)
    return None if outer is None else (*outer, (n, step))
