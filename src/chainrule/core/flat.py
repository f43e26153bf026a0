"""`a.flat`: the elements of a traced array in C order, to read, iterate and write."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.core.op import FRONTS


class Flat:
    """What NumPy's `flatiter` is for plain arrays: reads are copies, writes reach the array.

    Attributes:
        base: the array.
    """

    __slots__ = ("base",)

    def __init__(self, base: Any) -> None:
        self.base = base

    def __len__(self) -> int:
        return int(self.base.size)

    def __iter__(self) -> Iterator[Any]:
        return iter(FRONTS["ravel"](self.base))

    def __getitem__(self, index: Any) -> Any:
        part = FRONTS["getitem"](FRONTS["ravel"](self.base), index)
        return FRONTS["copy"](part) if isinstance(part, np.ndarray) else part

    def __setitem__(self, index: Any, value: Any) -> None:
        """Write at `index` of the flattened array; values are repeated, or cut, to the number of places."""
        flat = FRONTS["copy"](FRONTS["ravel"](self.base))
        places = np.empty(len(self), np.int8)[index].size
        if isinstance(value, (list, tuple)):
            value = FRONTS["stack"](value)
        if isinstance(value, np.ndarray):
            value = FRONTS["resize"](value, (places,)) if value.ndim or places != 1 else value
        flat = FRONTS["setitem"](flat, value, index)
        self.base.write(..., FRONTS["reshape"](flat, self.base.shape))
