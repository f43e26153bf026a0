"""`a.flat`: the elements of a traced array in C order, to read, iterate and write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.core.op import FRONTS
from chainrule.errors import ShapeError


class Flat:
    """What NumPy's `flatiter` is for plain arrays: reads are copies, writes reach the array.

    Attributes:
        base: the array.
        index: how many elements `next` has returned.
    """

    __slots__ = ("base", "index")

    def __init__(self, base: Any) -> None:
        self.base = base
        self.index = 0

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self.index == len(self):
            raise StopIteration
        item = self.base[self.coords]
        self.index += 1
        return item

    @property
    def coords(self) -> tuple[int, ...]:
        """The index of the element that `next` returns next."""
        return self._place_of(self.index)

    def _place_of(self, index: int) -> tuple[int, ...]:
        """Return where in the array an element is: reads and writes of one do not touch the others."""
        return tuple(map(int, np.unravel_index(range(len(self))[index], self.base.shape)))

    def copy(self) -> Any:
        """Return the elements as an array of one axis."""
        return FRONTS["copy"](FRONTS["ravel"](self.base))

    def __getitem__(self, index: Any) -> Any:
        """Return elements by index of the flattened array; iteration starts anew, as NumPy's does."""
        self.index = 0
        if isinstance(index, (int, np.integer)):
            return self.base[self._place_of(int(index))]
        part = FRONTS["getitem"](FRONTS["ravel"](self.base), index)
        return FRONTS["copy"](part) if isinstance(part, np.ndarray) else part

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write at `index` of the flattened array; values are repeated, or cut, to the number of places."""
        if isinstance(index, (int, np.integer)):
            is_list = isinstance(value, (list, tuple))
            shape = (len(value),) if is_list else np.shape(value)
            if shape:
                raise ShapeError.from_one_place("flat", shape)
            self.base[self._place_of(int(index))] = value
            return
        self.base.check_written(value)
        flat = FRONTS["copy"](FRONTS["ravel"](self.base))
        places = np.empty(len(self), np.int8)[index].size
        if isinstance(value, (list, tuple)):
            value = FRONTS["stack"](value)
        if isinstance(value, np.ndarray):
            value = FRONTS["resize"](value, (places,)) if value.ndim or places != 1 else value
        flat = FRONTS["setitem"](flat, value, index)
        self.base.write(..., FRONTS["reshape"](flat, self.base.shape))
