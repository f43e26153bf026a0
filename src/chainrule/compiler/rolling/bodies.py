"""The body of a loop: each position of a turn once, with its lanes as operands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import numpy as np

from chainrule.compiler.loops.program import Buffer, Carried, Index, Loop, Number
from chainrule.compiler.rolling.lanes import (
    Gathered,
    Lane,
    Line,
    Listed,
    Own,
    Rolled,
    Same,
    Saved,
    Table,
)
from chainrule.compiler.rolling.tape import Action, DType, Tape
from chainrule.compiler.rolling.writing import Block, Names, Source
from chainrule.records import fresh, mutable_record

_INDEX = np.dtype(np.int64)


@mutable_record
class Kept:
    """What is kept of a loop for those behind it.

    Attributes:
        columns: per saved position its buffer, column and the number of columns.
        last: positions whose value of the last turn is read.
        after: their names behind the loop.
    """

    saved: set[int] = fresh(default_factory=set)
    last: set[int] = fresh(default_factory=set)
    columns: dict[int, tuple[Buffer, int, int]] = fresh(default_factory=dict)
    after: dict[int, int] = fresh(default_factory=dict)


class Outside(Protocol):
    """What a body needs of the program around it."""

    tape: Tape
    names: Names
    top: Block

    @property
    def kept(self) -> Mapping[Rolled, Kept]:
        """What is kept of each loop."""

    def action(self, position: int) -> Action:
        """Return what is done at a position."""

    def source(self, operand: int) -> Source:
        """Return a value from before the loop."""

    def temporary(self, name: str, dtype: DType, size: int) -> Buffer:
        """Return new memory."""

    def table(self, values: Any) -> Buffer:
        """Return constant memory."""


def lanes_in(loop: Rolled) -> Iterator[Lane]:
    """Yield every lane of a loop."""
    for row in loop.lanes:
        for lane in row:
            if lane is not None:
                yield lane


class Body:
    """Writes one loop."""

    def __init__(self, writer: Outside, loop: Rolled) -> None:
        self.writer = writer
        self.rolled = loop
        self.kept = writer.kept[loop]
        self.names = writer.names
        self.local: dict[int, int] = {}
        self.carried: dict[tuple[int, tuple[int, ...]], int] = {}
        self.outside: dict[int, Source] = {}
        self.gathered: dict[tuple[int, ...], Buffer] = {}
        self.loads: dict[tuple[Buffer, Index], int] = {}
        self.tables: dict[Any, Buffer] = {}
        self._prepare()
        self.block = writer.top.inner()
        self.var = self.names.new(_INDEX)

    def _dtype(self, position: int) -> DType:
        return self.writer.action(self.rolled.start + position).dtype

    def _prepare(self) -> None:
        """Bring what comes from before the loop into names and memory, and name what is carried."""
        source = self.writer.source
        for lane in lanes_in(self.rolled):
            match lane:
                case Same(operand):
                    self.outside[operand] = source(operand)
                case Gathered(operands) if operands not in self.gathered:
                    self.gathered[operands] = self._gather(operands)
                case Own(position, lag, starts) if lag:
                    for k in range(1, lag + 1):
                        key = position, starts[lag - k :]
                        if key not in self.carried:
                            self.carried[key] = self.names.new(self._dtype(position))
                            self.outside[starts[lag - k]] = source(starts[lag - k])
                case _:
                    pass

    def _gather(self, operands: tuple[int, ...]) -> Buffer:
        """Copy values from anywhere into a row."""
        writer = self.writer
        dtype = writer.tape.dtype_of(operands[0])
        assert dtype is not None
        buffer = writer.temporary("gathered", dtype, len(operands))
        for i, operand in enumerate(operands):
            writer.top.store(buffer, Index(i), writer.source(operand))
        return buffer

    def loop(self) -> Loop:
        for q in range(self.rolled.period):
            self._act(q)
        carried = [self._carried(key, name) for key, name in self.carried.items()]
        carried += self._after_the_last()
        return Loop(self.var, self.rolled.turns, tuple(self.block.statements), tuple(carried))

    def _act(self, q: int) -> None:
        action = self.writer.action(self.rolled.start + q)
        lanes = self.rolled.lanes[q]
        sources = [self._read(action, a, lanes[a]) for a in range(len(action.given))]
        name = self.block.act(action, sources, self._index(self.rolled.places[q]))
        if name is None:
            return
        self.local[q] = name
        if q in self.kept.columns:
            buffer, column, width = self.kept.columns[q]
            self.block.store(buffer, Index(column, ((self.var, width),)), name)

    def _read(self, action: Action, a: int, lane: Lane | None) -> Source:
        match lane:
            case Same(operand):
                return self.outside[operand]
            case Table(operands):
                dtype = action.casts[a] if action.casts else action.dtype
                return self._row(dtype, operands)
            case Own(position, 0, _):
                return self.local[position]
            case Own(position, _, starts):
                return self.carried[position, starts]
            case Saved(loop, position, first, step):
                buffer, column, width = self.writer.kept[loop].columns[position]
                index = Index(first * width + column, self._terms(step * width))
                return self._load(buffer, index)
            case Gathered(operands):
                return self._load(self.gathered[operands], Index(0, ((self.var, 1),)))
        message = "every operand has a lane"
        raise AssertionError(message)

    def _row(self, dtype: DType, operands: tuple[int, ...]) -> int:
        """Read the constant of this turn."""
        buffer = self.tables.get((operands, dtype))
        if buffer is None:
            values = [self.writer.tape.value_of(x) for x in operands]
            table = np.array([np.asarray(v).astype(dtype)[()] for v in values], dtype)
            buffer = self.tables[operands, dtype] = self.writer.table(table)
        return self._load(buffer, Index(0, ((self.var, 1),)))

    def _load(self, buffer: Buffer, index: Index) -> int:
        """Read an element of memory that this loop does not write to, once per turn."""
        known = self.loads.get((buffer, index))
        if known is None:
            known = self.loads[buffer, index] = self.block.load(buffer, index)
        return known

    def _terms(self, step: int) -> tuple[tuple[int, int], ...]:
        return ((self.var, step),) if step else ()

    def _index(self, place: Line | Listed) -> Index:
        if isinstance(place, Line):
            return Index(place.first, self._terms(place.step))
        buffer = self.tables.get(place)
        if buffer is None:
            buffer = self.tables[place] = self.writer.table(np.array(place.places, np.int64))
        return Index(0, ((self._load(buffer, Index(0, ((self.var, 1),))), 1),))

    def _carried(self, key: tuple[int, tuple[int, ...]], name: int) -> Carried:
        position, starts = key
        dtype = self._dtype(position)
        start = self.writer.top.operand(self.outside[starts[0]], dtype)
        after = self.local[position] if len(starts) == 1 else self.carried[position, starts[1:]]
        if len(starts) == 1:
            self.kept.after.setdefault(position, name)
        return Carried(name, start, after, dtype)

    def _after_the_last(self) -> list[Carried]:
        """Hand on values of the last turn that are neither carried nor saved."""
        made = []
        for q in sorted(self.kept.last):
            if q in self.kept.after or q in self.kept.columns:
                continue
            dtype = self._dtype(q)
            name = self.kept.after[q] = self.names.new(dtype)
            made.append(Carried(name, Number(dtype.type(0), dtype), self.local[q], dtype))
        return made
