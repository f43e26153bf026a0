"""`np.nditer` over traced arrays: NumPy's own iterator says in which order, the elements are views of ours.

What hands out chunks of memory, buffers or casts needs real arrays, and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np

from chainrule.core.cells import HANDLES, TracedScalar, is_traced, layout_of, settled, type_of
from chainrule.core.creation import converted_array
from chainrule.core.types import Shape
from chainrule.errors import ArgumentError

_FLAGS = frozenset(
    {
        "multi_index",
        "c_index",
        "f_index",
        "refs_ok",
        "zerosize_ok",
        "common_dtype",
        "copy_if_overlap",
    }
)
"""The flags that are followed."""

_HINT = "loop over np.ndindex(a.shape) and write a[index]"


def nditer(op: Any, flags: Any = None, *args: Any, **options: Any) -> Any:
    """Return NumPy's iterator where nothing is traced, else one that follows the trace."""
    operands = list(op) if isinstance(op, (list, tuple)) else [op]
    if not any(map(is_traced, operands)):
        plain = [settled(x) if type(x) in HANDLES and is_number(x) else x for x in operands]
        real: Any = np.nditer
        return real(plain if isinstance(op, (list, tuple)) else plain[0], flags, *args, **options)
    return Nditer(operands, flags or (), *args, **options)


def is_number(x: Any) -> bool:
    """Say whether a handle is one number."""
    return type(x) is TracedScalar


class Nditer:
    """What `np.nditer` is, for one or several operands that broadcast; an operand of None is allocated.

    Attributes:
        operands: the arrays, broadcast ones as they were given.
        shape: what they broadcast to.
    """

    def __init__(
        self,
        operands: list[Any],
        flags: Any,
        op_flags: Any = None,
        op_dtypes: Any = None,
        order: str = "K",
        casting: str = "safe",
        op_axes: Any = None,
        itershape: Any = None,
        buffersize: int = 0,
    ) -> None:
        unknown = [f for f in flags if f not in _FLAGS]
        if unknown or op_axes is not None or itershape is not None or op_dtypes is not None:
            what = f"{unknown[0]!r}" if unknown else "op_axes=, itershape= or op_dtypes="
            raise ArgumentError.from_unsupported("np.nditer of traced arrays", what, _HINT)
        given = [x if x is None else converted_array(x, copy=False) for x in operands]
        self.shape: Shape = np.broadcast_shapes(*(x.shape for x in given if x is not None))
        self.operands = tuple(
            [converted_array(np.empty(self.shape)) if x is None else x for x in given]
        )
        layouts = [layout_of(x) for x in self.operands]
        wanted = {"multi_index", "zerosize_ok", *({"c_index", "f_index"} & {*flags})}
        real: Any = np.nditer
        self._places = real(layouts, list(wanted), order=order)

    def __iter__(self) -> Iterator[Any]:
        while not self.finished:
            yield self.value
            self.iternext()

    def __len__(self) -> int:
        return len(self.operands)

    def __getitem__(self, i: int) -> Any:
        """Return the element of one operand that the iterator is at, as an array of no axes."""
        x = self.operands[i]
        shape = type_of(x).shape
        place = self._places.multi_index[len(self.shape) - len(shape) :]
        own = tuple([0 if n == 1 else k for k, n in zip(place, shape, strict=True)])
        return x[(*own, ...)]

    def __setitem__(self, i: int, value: Any) -> None:
        """Write to the element of one operand."""
        self[i][...] = value

    @property
    def value(self) -> Any:
        """The elements that the iterator is at: one, or a tuple."""
        items = tuple([self[i] for i in range(len(self.operands))])
        return items[0] if len(items) == 1 else items

    @property
    def multi_index(self) -> Shape:
        """The index the iterator is at."""
        place: Shape = self._places.multi_index
        return place

    @property
    def index(self) -> int:
        """The position the iterator is at, as `c_index` or `f_index` counts."""
        return int(self._places.index)

    @property
    def finished(self) -> bool:
        """Whether every element was visited."""
        return bool(self._places.finished)

    @property
    def itersize(self) -> int:
        """How many elements there are."""
        return int(self._places.itersize)

    def iternext(self) -> bool:
        """Go to the next element; say whether there is one."""
        return bool(self._places.iternext())

    def reset(self) -> None:
        """Start again."""
        self._places.reset()

    def close(self) -> None:
        """Nothing waits to be written back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
