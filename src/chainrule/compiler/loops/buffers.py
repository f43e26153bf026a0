"""Where arrays live: the arena, in which two temporaries whose lives do not meet share a place."""

from __future__ import annotations

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

    A temporary lives from the first statement that touches it to the last; places are given in the order of the
    first, each
    the lowest that is free.
    """
    lives: dict[Buffer, tuple[int, int]] = {}
    for i, statement in enumerate(body):
        for buffer in touched(statement):
            if buffer.role == "temporary":
                lives[buffer] = (lives.get(buffer, (i, i))[0], i)
    offsets: dict[Buffer, int] = {}
    living: list[tuple[int, int, Buffer]] = []
    arena = 0
    for buffer, (first, _) in sorted(lives.items(), key=lambda life: life[1][0]):
        living = [(at, end, b) for at, end, b in living if lives[b][1] >= first]
        size = max(buffer.size * buffer.dtype.itemsize, 1)
        size = -(-size // _ALIGNMENT) * _ALIGNMENT
        at = 0
        for start, end, _ in sorted(living, key=lambda place: place[0]):
            if at + size <= start:
                break
            at = max(at, end)
        offsets[buffer] = at
        living.append((at, at + size, buffer))
        arena = max(arena, at + size)
    slotted = sorted([b for b in buffers if b.slot >= 0], key=lambda b: b.slot)
    temporaries = [b for b in buffers if b.slot < 0 and b in offsets]
    return Program((*slotted, *temporaries), body, offsets, arena, constants)


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
