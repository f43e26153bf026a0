"""What a compiled function takes and gives: the structure of its arguments, checked at every call, and of its result.

The two entries, `plain.py` in Python and `native.py` in machine code, do the same with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.compiler.places import Place
from chainrule.records import record

DType = np.dtype[Any]


@record
class ArrayInput:
    """An argument that is exactly an ndarray.

    Attributes:
        dtype: of the array, in the machine's byte order.
        shape: its shape.
        strides: its strides in bytes; those of an axis of one element, and of an array of none, do not matter.
        slots: the numbers of the pointers that are to point to its elements: for reading, then for writing.
        is_written: whether the function may write to it: it has to be writeable, and apart from all other arguments.
    """

    dtype: DType
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    slots: tuple[int, ...]
    is_written: bool = False

    @classmethod
    def of(cls, array: Any, *slots: int, is_written: bool = False) -> ArrayInput:
        """Describe an array; one that has a second pointer is written to."""
        is_written = is_written or len(slots) > 1
        return cls(array.dtype, array.shape, array.strides, slots, is_written)


@record
class NumberInput:
    """An argument that is exactly a Python float, complex or int; its pointers see float64, complex128 or int64."""

    kind: type
    slots: tuple[int, ...]


@record
class ScalarInput:
    """An argument that is a NumPy scalar of this dtype."""

    dtype: DType
    slots: tuple[int, ...]


@record
class StaticInput:
    """An argument that has to be this object, or one equal to it of the same type if that is str, bytes or a number."""

    value: Any


@record
class SameInput:
    """An argument that has to be the very object that the n-th leaf among the inputs is, which comes before it."""

    leaf: int


@record
class Sequence:
    """A list, a tuple or a named tuple: exactly of type `kind`."""

    kind: type
    children: tuple[Any, ...]


@record
class Mapping:
    """A dict with exactly these keys, in this order; if it is open, with whatever besides, in any order.

    An open one is no result, its keys are texts, and `MISSING` is what lies under a key that is not there.
    """

    keys: tuple[Any, ...]
    children: tuple[Any, ...]
    is_open: bool = False


@record
class Record:
    """A dataclass: exactly of type `kind`, with one child for each attribute named."""

    kind: type
    names: tuple[str, ...]
    children: tuple[Any, ...]


@record
class FreshArray:
    """A result in an array made at the call, row by row; those of the same slots are one array."""

    dtype: DType
    shape: tuple[int, ...]
    slots: tuple[int, ...]


@record
class OwnArray:
    """A result that is one of the arguments' own objects: the n-th leaf among the inputs."""

    leaf: int


@record
class ScalarResult:
    """A NumPy scalar."""

    dtype: DType
    slots: tuple[int, ...]


@record
class NumberResult:
    """A Python float, complex, int or bool; its pointers take float64, complex128, int64 or bool."""

    kind: type
    slots: tuple[int, ...]


@record
class ConstantResult:
    """A result that does not depend on the arguments."""

    value: Any


Leaf = ArrayInput | NumberInput | ScalarInput | StaticInput | SameInput
Container = Sequence | Mapping | Record
Input = Leaf | Container
Result = FreshArray | OwnArray | ScalarResult | NumberResult | ConstantResult | Container
Stage = int | Callable[[int, int], int | None]
"""A part of the function: the address of `i64 f(ptr pointers, ptr arena)`, or a Python function of these two addresses.

Either returns 0, or place + 1 of a guard that failed; a Python function may return None for 0.
"""


@record
class Hidden:
    """An argument that is not passed: it is read from its place at every call.

    With a StaticInput it is a condition: what the function relies on has to be there still.
    """

    place: Place
    node: Input


@record
class Signature:
    """All that a call has to check and to make.

    Attributes:
        arguments: one for each positional argument.
        result: what is returned.
        slots: how many pointers the function is given.
        constants: arrays that the function reads, with their slots.
        arena: the bytes of scratch memory that the function needs.
        release_gil: whether other Python threads may run in the meantime; for functions that take long.
        hidden: arguments that are not passed; their leaves are counted after those of `arguments`.
    """

    arguments: tuple[Input, ...]
    result: Result
    slots: int
    constants: tuple[tuple[int, Any], ...] = ()
    arena: int = 0
    release_gil: bool = False
    hidden: tuple[Hidden, ...] = ()


@record
class Declined:
    """What an entry returns instead of a result, before anything was written.

    Attributes:
        status: 0 if the arguments are not those of the signature; place + 1 of the guard that failed.
    """

    status: int


MISMATCH = Declined(0)
CHECKED = 1 << 30
"""The place of guards that are not the step's own: an index out of range. The step runs eagerly then, and raises."""

NUMBERS = {float: "float64", complex: "complex128", int: "int64", bool: "bool"}
"""The dtype in which a Python number lies in memory."""
_COMPARABLE = (str, bytes, int, float, complex, bool, type(None))


def is_comparable(value: Any) -> bool:
    """Say whether an equal value will do for this one: whether they compare without running a user's code."""
    return type(value) in _COMPARABLE


def is_same_static(got: Any, expected: Any) -> bool:
    """Say whether a static argument is the expected one. Only what compares without a user's code is compared."""
    if got is expected:
        return True
    if type(got) is not type(expected) or not is_comparable(expected):
        return False
    # repr tells 0.0 from -0.0, and finds nan equal to nan.
    return repr(got) == repr(expected) if isinstance(got, float | complex) else got == expected


def leaves(node: Input) -> Iterator[Leaf]:
    """Go through the leaves in their order."""
    if isinstance(node, Container):
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def extent(node: ArrayInput) -> tuple[int, int]:
    """Return where an array's memory begins and ends, in bytes from its first element."""
    if 0 in node.shape:
        return 0, 0
    reaches = [(n - 1) * s for n, s in zip(node.shape, node.strides, strict=True)]
    return (
        sum(r for r in reaches if r < 0),
        sum(r for r in reaches if r > 0) + node.dtype.itemsize,
    )


def fits_strides(node: ArrayInput, strides: tuple[int, ...]) -> bool:
    """Say whether strides are those of the signature wherever they matter."""
    return 0 in node.shape or all(
        n == 1 or got == expected
        for n, got, expected in zip(node.shape, strides, node.strides, strict=True)
    )


def assemble(node: Container, children: tuple[Any, ...]) -> Any:
    """Make a container of its children: a dataclass without its __init__, as `tree.py` does."""
    if isinstance(node, Mapping):
        return dict(zip(node.keys, children, strict=True))
    if isinstance(node, Record):
        made: Any = object.__new__(node.kind)
        for name, value in zip(node.names, children, strict=True):
            object.__setattr__(made, name, value)
        return made
    make: Any = getattr(node.kind, "_make", node.kind)
    return make(children)
