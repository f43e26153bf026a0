"""ArrayType: a shape and a dtype without the numbers; the one place where types are made and promoted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.errors import EscapedValueError, ShapeError

Shape = tuple[int, ...]
Value = Any
"""An array, a number or a traced value: what ops take and return."""

PYTHON_NUMBERS = frozenset({bool, int, float, complex})
_INTERNED: dict[tuple[Shape, np.dtype[Any], bool], ArrayType] = {}
_INTERNED_AT_MOST = 16_384


@dataclass(frozen=True, slots=True)
class ArrayType:
    """A shape and a dtype. `weak` says that the value is a Python number, which yields to any array's dtype."""

    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements."""
        count = 1
        for n in self.shape:
            count *= n
        return count

    @property
    def is_inexact(self) -> bool:
        """Whether values of this type can carry a derivative: floats and complex numbers do."""
        return self.dtype.kind in "fc"

    def __str__(self) -> str:
        """`float64[3, 4]`; a Python number is a bare `float`."""
        if self.weak:
            return {"b": "bool", "i": "int", "f": "float", "c": "complex"}[self.dtype.kind]
        return f"{self.dtype}[{', '.join(map(str, self.shape))}]"

    def __array__(self, dtype: object = None, copy: object = None) -> Any:
        """Refuse: NumPy would take a type for a 0-d array of objects, and compute with it."""
        raise EscapedValueError.from_unknown_numbers()

    def __bool__(self) -> bool:
        """Refuse: Python would take any object for true."""
        raise EscapedValueError.from_unknown_numbers()


def array_type(shape: Shape, dtype: np.dtype[Any], weak: bool = False) -> ArrayType:  # noqa: FBT001, FBT002  hot
    """Return the one ArrayType of this shape and dtype, so that equal types are mostly the same object."""
    key = (shape, dtype, weak)
    known = _INTERNED.get(key)
    if known is None:
        if len(_INTERNED) >= _INTERNED_AT_MOST:
            _INTERNED.clear()
        known = _INTERNED[key] = ArrayType(shape, dtype, weak)
    return known


_OF_NUMBER: dict[type, ArrayType] = {
    np.dtype(code).type: array_type((), np.dtype(code)) for code in "?bhilqBHILQefdgFDG"
}
_OF_NUMBER |= {kind: array_type((), np.dtype(kind), weak=True) for kind in PYTHON_NUMBERS}


def type_of_plain(x: Any) -> ArrayType:
    """Return the type of a plain value: an array, a NumPy scalar, a Python number, a nested list."""
    known = _OF_NUMBER.get(type(x))
    if known is not None:
        return known
    if isinstance(x, (np.ndarray, np.generic)):
        return array_type(x.shape, x.dtype)
    if type(x) is ArrayType:
        return x
    array = np.asarray(x)
    return array_type(array.shape, array.dtype)


def promoted(*types: ArrayType) -> np.dtype[Any]:
    """Return the dtype NumPy gives to an array made of values of these types; Python numbers are weak."""
    return np.result_type(*(t.dtype.type(0).item() if t.weak else t.dtype for t in types))


def broadcast_shapes(name: str, *shapes: Shape) -> Shape:
    """Return the shape that `shapes` broadcast to.

    Raises:
        ShapeError: they do not broadcast.
    """
    first = shapes[0]
    if all([s == first for s in shapes]):  # noqa: C419  a list is faster than a generator here
        return first
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        raise ShapeError.from_numpy(name, shapes, "they do not broadcast") from None
