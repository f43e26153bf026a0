"""From a tape and its loops to a program: straight statements, bodies once, and memory for what later turns read."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import Buffer, Index, Program
from chainrule.compiler.rolling.bodies import Body, Kept, lanes_in
from chainrule.compiler.rolling.constants import FIRST_CONSTANT
from chainrule.compiler.rolling.lanes import Gathered, Own, Rolled, Same, Saved
from chainrule.compiler.rolling.tape import Action, DType, Tape
from chainrule.compiler.rolling.writing import Block, Constant, Names, Source


def program_of(tape: Tape, loops: Sequence[Rolled]) -> Program:
    """Return the program that carries out a tape, with the stretches that `loops` cover as loops."""
    return _Writer(tape, loops).program()


class _Writer:
    def __init__(self, tape: Tape, loops: Sequence[Rolled]) -> None:
        self.tape = tape
        self.loops = loops
        self.starts = [loop.start for loop in loops]
        self.kept: dict[Rolled, Kept] = defaultdict(Kept)
        self.names = Names()
        self.top = Block(self.names)
        self.known: dict[int, int] = {}
        self.buffers = list(tape.buffers)
        self.contents = dict(tape.contents)
        self.slots = sum([b.slot >= 0 for b in tape.buffers])

    def program(self) -> Program:
        self._note_reads()
        position = 0
        for loop in self.loops:
            self._straight(position, loop.start)
            self._loop(loop)
            position = loop.end
        self._straight(position, len(self.tape))
        return assigned(self.buffers, tuple(self.top.statements), self.contents)

    def action(self, position: int) -> Action:
        return self.tape.actions[self.tape.kinds[position]]

    # What is read of a loop behind it

    def _note_reads(self) -> None:
        """Note which positions of loops are read from outside: those are saved per turn, or kept behind the last."""
        for operand in self._reads_from_outside():
            place = self._in_loop(operand)
            if place is not None:
                loop, turn, position = place
                kept = self.kept[loop]
                (kept.last if turn == loop.turns - 1 else kept.saved).add(position)
        for loop in self.loops:
            for lane in lanes_in(loop):
                if isinstance(lane, Saved):
                    self.kept[lane.loop].saved.add(lane.position)
        for loop in self.loops:
            self._lay_out(loop)

    def _reads_from_outside(self) -> Iterator[int]:
        """Yield the operands of straight positions, and those of loops that are not of the loop itself."""
        position = 0
        for start, end in [*[(loop.start, loop.end) for loop in self.loops], (len(self.tape),) * 2]:
            for row in self.tape.operands[position:start]:
                yield from row
            position = end
        for loop in self.loops:
            for lane in lanes_in(loop):
                match lane:
                    case Same(operand):
                        yield operand
                    case Gathered(operands):
                        yield from operands
                    case Own(_, _, starts):
                        yield from starts
                    case _:
                        pass

    def _in_loop(self, operand: int) -> tuple[Rolled, int, int] | None:
        """Return the loop that an operand lies in, its turn and its position in the body."""
        if operand < 0:
            return None
        i = bisect_right(self.starts, operand) - 1
        if i < 0 or operand >= self.loops[i].end:
            return None
        loop = self.loops[i]
        return (loop, *divmod(operand - loop.start, loop.period))

    def _lay_out(self, loop: Rolled) -> None:
        """Give each saved position a column: one row per turn, one buffer per dtype."""
        kept = self.kept[loop]
        by_dtype: dict[DType, list[int]] = {}
        for q in sorted(kept.saved):
            by_dtype.setdefault(self.action(loop.start + q).dtype, []).append(q)
        for dtype, positions in by_dtype.items():
            width = len(positions)
            buffer = self.temporary(f"turns{loop.start}", dtype, width * loop.turns)
            kept.columns.update({q: (buffer, i, width) for i, q in enumerate(positions)})

    def temporary(self, name: str, dtype: DType, size: int) -> Buffer:
        buffer = Buffer(f"{name}_{len(self.buffers)}", dtype, size, "temporary")
        self.buffers.append(buffer)
        return buffer

    def table(self, values: Any) -> Buffer:
        buffer = Buffer(f"c{self.slots}", values.dtype, values.size, "constant", self.slots)
        self.slots += 1
        self.buffers.append(buffer)
        self.contents[buffer] = values
        return buffer

    # Straight statements

    def _straight(self, start: int, end: int) -> None:
        for position in range(start, end):
            action = self.action(position)
            sources = [self.source(x) for x in self.tape.operands[position]]
            name = self.top.act(action, sources, Index(self.tape.places[position]))
            if name is not None:
                self.known[position] = name

    def source(self, operand: int) -> Source:
        """Return a value by its position, at the top level."""
        if operand <= FIRST_CONSTANT:
            return Constant(self.tape.value_of(operand))
        known = self.known.get(operand)
        if known is not None:
            return known
        place = self._in_loop(operand)
        assert place is not None, "operands come before their readers"
        loop, turn, position = place
        kept = self.kept[loop]
        if turn == loop.turns - 1 and position in kept.after:
            name = kept.after[position]
        else:
            buffer, column, width = kept.columns[position]
            name = self.top.load(buffer, Index(turn * width + column))
        self.known[operand] = name
        return name

    # Loops

    def _loop(self, loop: Rolled) -> None:
        self.top.statements.append(Body(self, loop).loop())
