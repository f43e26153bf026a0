"""What a value of the graph is on the tape: a number, an array of numbers, or memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.compiler.loops.program import Buffer
from chainrule.records import record

IN_REGISTERS = 16
"""Elements up to which an array is kept as numbers of its own."""


class NotScalarError(Exception):
    """The graph is no scalar program."""


@record
class Memory:
    """A large array in memory.

    Attributes:
        buffer: where it lies.
        is_own: whether it may be written to, when nobody uses it any more.
        is_clean: whether no element is -0.0, the one number that adding 0.0 changes.
    """

    buffer: Buffer
    is_own: bool = False
    is_clean: bool = False


@record
class Part:
    """One number in a large array that is zero elsewhere, until it is added to another array."""

    place: int
    number: int


@record
class Uniform:
    """A large array of one number."""

    number: int


def place_of(index: Any, shape: Sequence[int]) -> int:
    """Return the element that an index of integers names, counted row by row.

    Raises:
        NotScalarError: it may name more than one.
    """
    numbers = [i for i in index if i is not Ellipsis]
    if len(numbers) != len(shape) or any(type(i) is not int for i in numbers):
        raise NotScalarError
    place = 0
    for i, n in zip(numbers, shape, strict=True):
        place = place * n + i % n
    return place
