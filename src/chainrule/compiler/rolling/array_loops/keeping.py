"""Where the values lie that are read outside of the stretch or the turn that makes them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Buffer, Index
from chainrule.compiler.loops.relocation import Place, Terms
from chainrule.compiler.rolling.array_loops.chains import Chain
from chainrule.compiler.rolling.array_loops.choosing import Chains, is_moving_read, outside_reads
from chainrule.compiler.rolling.array_loops.memory import Memory, type_of_node
from chainrule.compiler.rolling.blocks import block_of
from chainrule.compiler.rolling.constants import FIRST_CONSTANT
from chainrule.compiler.rolling.lanes import Line, Own, Rolled, Same, Saved
from chainrule.compiler.rolling.outline import Outline
from chainrule.core.graph import Graph
from chainrule.core.trace import Node


class Keeping:
    """Gives memory to values, and says where they lie.

    Attributes:
        homes: of inputs and of values of straight stretches, by id.
        rows: of positions of loops, a row per turn.
        lasts: of positions of loops that have no rows, the value of the last turn.
        handed: positions that a turn hands to the next, which reads nothing older. Their rows begin with one more, for
            what the first turn reads.
        streams: of chains.
    """

    def __init__(self, graph: Graph, outline: Outline, loops: Chains, memory: Memory) -> None:
        self.graph = graph
        self.outline = outline
        self.loops = loops
        self.memory = memory
        self.homes: dict[int, Buffer] = {}
        self.rows: dict[tuple[Rolled, int], Buffer] = {}
        self.lasts: dict[tuple[Rolled, int], Buffer] = {}
        self.handed = {key for loop in loops for key in _handed(loop)}
        self.streams: dict[Chain, Buffer] = {}
        self._constants: dict[int, Place] = {}
        self._in_order = list(loops)
        self._loop_of: Any = np.full(len(outline), -1)
        self._section_of: Any = np.zeros(len(outline), np.int64)
        for i, loop in enumerate(loops):
            self._loop_of[loop.start : loop.end] = i
            self._section_of[loop.end :] = i + 1
            for chain in loops[loop]:
                self.streams[chain] = memory.temporary("written", chain.type)

    def note_reads(self) -> None:
        """Give memory to every value that is read outside of the stretch or the turn that makes it."""
        for operand, section in outside_reads(self.graph, self.outline, self.loops):
            self._note(operand, section)
        for loop in self.loops:
            for row in loop.lanes:
                for lane in row:
                    if isinstance(lane, Saved):
                        self._keep_rows(lane.loop, lane.position)
                    elif isinstance(lane, Own) and lane.lag:
                        self._keep_last(loop, lane.position)
        for key in self.rows:
            self.lasts.pop(key, None)

    def node(self, loop: Rolled, position: int) -> Node:
        """Return the node of a position in the first turn."""
        return self.outline.nodes[loop.start + position]

    def chain_of(self, loop: Rolled, position: int) -> Chain | None:
        """Return the chain whose last version a position makes."""
        return next((chain for chain in self.loops[loop] if chain.end == position), None)

    def place(self, operand: int) -> Place:
        """Return where a value lies that is read outside of where it was made, or a constant."""
        if operand <= FIRST_CONSTANT:
            if operand not in self._constants:
                value = self.outline.constants.value_of(operand)
                self._constants[operand] = self.memory.constant(value)
            return self._constants[operand]
        loop, turn, position = self.origin(operand)
        if loop is None:
            return Place(self.homes[operand])
        return self.place_in_turn(loop, position, turn, ())

    def origin(self, operand: int) -> tuple[Rolled | None, int, int]:
        """Return the loop that makes a value, the turn and the position; None for inputs and straight stretches."""
        i = self._loop_of[operand]
        if i < 0:
            return None, 0, 0
        loop = self._in_order[i]
        return (loop, *divmod(operand - loop.start, loop.period))

    def place_in_turn(self, loop: Rolled, position: int, first: int, terms: Terms) -> Place:
        """Return where a value of a loop lies, in turn `first + Σ step · name`."""
        chain = self.chain_of(loop, position)
        if chain is not None:
            return Place(self.streams[chain])
        size = type_of_node(self.node(loop, position)).size
        if self.is_place(loop, position):
            lane, line = loop.lanes[position][0], loop.places[position]
            assert isinstance(lane, Same)
            assert isinstance(line, Line)
            step, offset = line.step, line.first + line.step * first
            return moved(self.place(lane.operand), offset, [(n, s * step) for n, s in terms])
        rows = self.rows.get((loop, position))
        if rows is None:
            return Place(self.lasts[loop, position])
        first += (loop, position) in self.handed
        return Place(rows, Index(first * size, tuple([(n, s * size) for n, s in terms])))

    def is_place(self, loop: Rolled, position: int) -> bool:
        """Say whether a position only names a place of an array that lies in memory: a block row by row."""
        if not is_moving_read(self.outline, loop, position):
            return False
        block = block_of(self.node(loop, position))
        assert block is not None
        is_line = isinstance(loop.places[position], Line)
        is_same = isinstance(loop.lanes[position][0], Same)
        return is_line and is_same and block.view.is_contiguous and not block.rest

    def has_rows(self, loop: Rolled, position: int) -> bool:
        """Say whether the values of all turns lie one behind the other."""
        return (loop, position) in self.rows

    def is_made(self, loop: Rolled, position: int) -> bool:
        """Say whether a turn has to write a value of its own to memory."""
        return (loop, position) in self.rows or (loop, position) in self.lasts

    def _note(self, operand: int, section: int) -> None:
        if operand < len(self.graph.inputs):
            return
        loop, turn, position = self.origin(operand)
        if loop is None:
            if operand not in self.homes and self._section_of[operand] != section:
                t = type_of_node(self.outline.nodes[operand])
                self.homes[operand] = self.memory.temporary("v", t)
        elif turn == loop.turns - 1:
            self._keep_last(loop, position)
        else:
            self._keep_rows(loop, position)

    def _keep_rows(self, loop: Rolled, position: int) -> None:
        if not self._lies_elsewhere(loop, position) and (loop, position) not in self.rows:
            t = type_of_node(self.node(loop, position))
            turns = loop.turns + ((loop, position) in self.handed)
            self.rows[loop, position] = self.memory.temporary("rows", t, turns)

    def _keep_last(self, loop: Rolled, position: int) -> None:
        if not self._lies_elsewhere(loop, position) and (loop, position) not in self.lasts:
            t = type_of_node(self.node(loop, position))
            self.lasts[loop, position] = self.memory.temporary("last", t)

    def _lies_elsewhere(self, loop: Rolled, position: int) -> bool:
        if self.chain_of(loop, position) is not None:
            return True
        if not self.is_place(loop, position):
            return False
        lane = loop.lanes[position][0]
        assert isinstance(lane, Same)
        self._note(lane.operand, -1)
        return True


def _handed(loop: Rolled) -> Iterator[tuple[Rolled, int]]:
    found: dict[int, set[tuple[int, ...]]] = {}
    for row in loop.lanes:
        for lane in row:
            if isinstance(lane, Own) and lane.lag:
                found.setdefault(lane.position, set()).add(lane.starts)
    for position, starts in found.items():
        if len(starts) == 1 and len(next(iter(starts))) == 1:
            yield loop, position


def moved(place: Place, offset: int, terms: Any) -> Place:
    """Return a place so many elements on."""
    index = place.index
    return Place(place.buffer, Index(index.offset + offset, (*index.terms, *terms)))
