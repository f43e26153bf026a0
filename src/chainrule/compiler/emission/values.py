"""What the LLVM emitter computes with: a name in LLVM's text with its dtype, and operators that write instructions."""

from __future__ import annotations

from typing import Any

import numpy as np

DType = np.dtype[Any]


class Operators:
    """Python's operators, each the emitter's method of NumPy's name for it."""

    __slots__ = ()
    emitter: Any

    def __add__(self, other: Any) -> Any:
        return self.emitter.add(self, other)

    def __radd__(self, other: Any) -> Any:
        return self.emitter.add(other, self)

    def __sub__(self, other: Any) -> Any:
        return self.emitter.subtract(self, other)

    def __rsub__(self, other: Any) -> Any:
        return self.emitter.subtract(other, self)

    def __mul__(self, other: Any) -> Any:
        return self.emitter.multiply(self, other)

    def __rmul__(self, other: Any) -> Any:
        return self.emitter.multiply(other, self)

    def __truediv__(self, other: Any) -> Any:
        return self.emitter.divide(self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return self.emitter.divide(other, self)

    def __neg__(self) -> Any:
        return self.emitter.negative(self)

    def __lt__(self, other: Any) -> Any:
        return self.emitter.less(self, other)

    def __le__(self, other: Any) -> Any:
        return self.emitter.less_equal(self, other)

    def __gt__(self, other: Any) -> Any:
        return self.emitter.greater(self, other)

    def __ge__(self, other: Any) -> Any:
        return self.emitter.greater_equal(self, other)

    def __and__(self, other: Any) -> Any:
        return self.emitter.bitwise_and(self, other)

    def __or__(self, other: Any) -> Any:
        return self.emitter.bitwise_or(self, other)

    def __xor__(self, other: Any) -> Any:
        return self.emitter.bitwise_xor(self, other)

    def __invert__(self) -> Any:
        return self.emitter.invert(self)


class Value(Operators):
    """A real number, an integer or a truth value, or a vector of them.

    Attributes:
        emitter: writes the instructions.
        text: how LLVM's text names it, or the constant.
        dtype: its dtype.
        lanes: how many there are.
    """

    __slots__ = ("dtype", "emitter", "lanes", "text")

    def __init__(self, emitter: Any, text: str, dtype: DType, lanes: int = 1) -> None:
        self.emitter = emitter
        self.text = text
        self.dtype = dtype
        self.lanes = lanes

    @property
    def type(self) -> str:
        """The type in LLVM's text."""
        return type_text(self.dtype, self.lanes)

    @property
    def typed(self) -> str:
        """Type and name, as operands are written."""
        return f"{type_text(self.dtype, self.lanes)} {self.text}"

    @property
    def is_constant(self) -> bool:
        """Whether it is a number known while emitting."""
        return self.text[0] != "%"


class Pair(Operators):
    """A complex number, or a vector of them: the real and the imaginary parts."""

    __slots__ = ("dtype", "emitter", "imag", "real")

    def __init__(self, emitter: Any, real: Value, imag: Value, dtype: DType) -> None:
        self.emitter = emitter
        self.real = real
        self.imag = imag
        self.dtype = dtype

    @property
    def lanes(self) -> int:
        """How many there are."""
        return self.real.lanes


AnyValue = Value | Pair

_TYPES = {
    "?": "i1",
    "b": "i8",
    "B": "i8",
    "h": "i16",
    "H": "i16",
    "i": "i32",
    "I": "i32",
    "l": "i64",
    "L": "i64",
    "q": "i64",
    "Q": "i64",
    "f": "float",
    "d": "double",
}
if np.dtype("l").itemsize == 4:  # Windows, before NumPy 2 and for C's long
    _TYPES["l"] = _TYPES["L"] = "i32"
_KNOWN: dict[tuple[DType, int], str] = {}


def is_supported(dtype: DType) -> bool:
    """Say whether there is a machine type for a dtype."""
    return dtype.char in _TYPES or dtype.char in "FD"


def type_text(dtype: DType, lanes: int = 1) -> str:
    """Return LLVM's name of the type of values in registers."""
    known = _KNOWN.get((dtype, lanes))
    if known is None:
        scalar = _TYPES[dtype.char]
        known = _KNOWN[dtype, lanes] = scalar if lanes == 1 else f"<{lanes} x {scalar}>"
    return known


def memory_type(dtype: DType, lanes: int = 1) -> str:
    """Return LLVM's name of the type of elements in memory, where a bool is a byte."""
    return type_text(np.dtype(np.uint8) if dtype.kind == "b" else dtype, lanes)


def real_dtype(dtype: DType) -> DType:
    """Return the dtype of the parts of a complex number; of others the dtype itself."""
    if dtype.kind != "c":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize == 8 else np.float64)
