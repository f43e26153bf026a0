"""Where arrays live: the arena, in which two temporaries whose lives do not meet share a place."""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.compiler.loops.program import (
    Buffer,
    Call,
    Host,
    Load,
    Loop,
    Product,
    Program,
    Statement,
    Store,
    UnfoldedProduct,
)

_ALIGNMENT = 64


def assigned(
    buffers: Sequence[Buffer], body: tuple[Statement, ...], constants: Mapping[Buffer, Any]
) -> Program:
    """Return the program with a place in the arena for every temporary.

    A temporary lives from the first statement that touches it to the last; places are given in the order of the first,
    each the lowest that is free.
    """
    lives: dict[Buffer, tuple[int, int]] = {}
    for i, statement in enumerate(body):
        for buffer in touched(statement):
            if buffer.role == "temporary":
                lives[buffer] = (lives.get(buffer, (i, i))[0], i)
    offsets: dict[Buffer, int] = {}
    arena = _Arena()
    ends: list[tuple[int, int, int]] = []
    for buffer, (first, last) in sorted(lives.items(), key=lambda life: life[1][0]):
        while ends and ends[0][0] < first:
            _, at, size = heapq.heappop(ends)
            arena.give_back(at, size)
        size = max(buffer.size * buffer.dtype.itemsize, 1)
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        offsets[buffer] = arena.take(size)
        heapq.heappush(ends, (last, offsets[buffer], size))
    slotted = sorted([b for b in buffers if b.slot >= 0], key=lambda b: b.slot)
    temporaries = [b for b in buffers if b.slot < 0 and b in offsets]
    return Program((*slotted, *temporaries), body, offsets, arena.size, constants)


class _Arena:
    """Memory of which parts are taken and given back.

    Attributes:
        size: how much of it was in use at most.
    """

    def __init__(self) -> None:
        self.size = 0
        self._gaps: list[tuple[int, int]] = []  # between what is taken, by their places; none touch

    def take(self, size: int) -> int:
        """Return the lowest place where this much is free."""
        for i, (start, end) in enumerate(self._gaps):
            if end - start >= size:
                self._gaps[i : i + 1] = [(start + size, end)] if end - start > size else []
                return start
        at = self.size
        if self._gaps and self._gaps[-1][1] == self.size:
            at, _ = self._gaps.pop()
        self.size = at + size
        return at

    def give_back(self, start: int, size: int) -> None:
        """Have memory free again."""
        end = start + size
        i = bisect.bisect(self._gaps, (start, end))
        if i < len(self._gaps) and self._gaps[i][0] == end:
            end = self._gaps.pop(i)[1]
        if i and self._gaps[i - 1][1] == start:
            i -= 1
            start = self._gaps.pop(i)[0]
        self._gaps.insert(i, (start, end))


def touched(statement: Statement) -> Iterator[Buffer]:
    """Yield every buffer that a statement reads or writes."""
    if isinstance(statement, (Load, Store)):
        yield statement.buffer
    elif isinstance(statement, Loop):
        for inner in statement.body:
            yield from touched(inner)
    elif isinstance(statement, (Product, UnfoldedProduct)):
        yield from (statement.out.buffer, statement.a.buffer, statement.b.buffer)
    elif isinstance(statement, Call):
        yield from (block.buffer for block in statement.blocks)
    elif isinstance(statement, Host):
        yield from (b for b, _ in (*statement.inputs, *statement.outputs))
