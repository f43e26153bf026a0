"""Writes the program of a graph with loops: stretches, loops and results, in order."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import Buffer, Index, Load, Loop, Program, Statement
from chainrule.compiler.loops.relocation import Place, Terms
from chainrule.compiler.passes.rewrite import derived
from chainrule.compiler.rolling.array_loops.bodies import Body, Part, Source, Touched
from chainrule.compiler.rolling.array_loops.choosing import Chains, is_guard
from chainrule.compiler.rolling.array_loops.keeping import Keeping, moved
from chainrule.compiler.rolling.array_loops.memory import (
    LowerSection,
    Memory,
    NotRolledError,
    input_like,
    type_of_node,
)
from chainrule.compiler.rolling.array_loops.sections import section_of
from chainrule.compiler.rolling.lanes import (
    Gathered,
    Line,
    Listed,
    Own,
    Rolled,
    Same,
    Saved,
    Table,
)
from chainrule.compiler.rolling.outline import Outline
from chainrule.compiler.views import View, whole
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, type_of_plain

Carries = dict[tuple[int, tuple[int, ...]], Buffer]
"""Memory for values of turns before: by their position, and what they are in the first turns."""


class Writer:
    """Writes one program."""

    def __init__(
        self, graph: Graph, outline: Outline, loops: Chains, lower_section: LowerSection
    ) -> None:
        self.graph = graph
        self.outline = outline
        self.loops = loops
        self.lower_section = lower_section
        self.memory = Memory()
        self.body: list[Statement] = []

    def program(self) -> Program:
        """Return the program.

        Raises:
            NotRolledError: a part of it cannot be lowered.
        """
        memory = self.memory
        inputs = [
            memory.slotted(f"in{i}", type_of_node(node), "input")
            for i, node in enumerate(self.graph.inputs)
        ]
        outputs = [
            memory.slotted(f"out{i}", _type_of(o), "output")
            for i, o in enumerate(self.graph.outputs)
        ]
        self.keeping = Keeping(self.graph, self.outline, self.loops, memory)
        self.keeping.homes.update(enumerate(inputs))
        self.keeping.note_reads()
        start = len(self.graph.inputs)
        for loop in self.loops:
            self._straight(start, loop.start)
            self._loop(loop)
            start = loop.end
        self._straight(start, len(self.outline))
        ids = {node: i for i, node in enumerate(self.outline.nodes)}
        places = [
            self.keeping.place(ids[out]) if type(out) is Node else memory.constant(out)
            for out in self.graph.outputs
        ]
        places = [self._apart(p, b.size) for p, b in zip(places, outputs, strict=True)]
        for buffer, place in zip(outputs, places, strict=True):
            self.body.append(memory.copy(Place(buffer), place, buffer.size))
        return assigned(memory.buffers, tuple(self.body), memory.contents)

    def _apart(self, place: Place, size: int) -> Place:
        """Return where a result lies apart from the inputs, whose memory another result may be written to."""
        if place.buffer.role != "input":
            return place
        copied = Buffer(f"copy_{len(self.memory.buffers)}", place.buffer.dtype, size, "temporary")
        self.memory.buffers.append(copied)
        self.body.append(self.memory.copy(Place(copied), place, size))
        return Place(copied)

    # Straight stretches

    def _straight(self, start: int, end: int) -> None:
        section = section_of(self.keeping, start, end)
        if section is None:
            return
        guards = section.guards
        self.body += self.memory.lowered(
            self.lower_section,
            section.graph,
            section.inputs,
            [Place(self.keeping.homes[i]) for i in section.outputs],
            {},
            lambda k: (guards[k] if k < len(guards) else k, ()),
        )

    # Loops

    def _loop(self, loop: Rolled) -> None:
        writer = _LoopWriter(self, loop)
        statement = writer.loop()
        if statement.body:
            self.body += [*writer.before, statement]


class _LoopWriter:
    """Writes one loop.

    Attributes:
        handed: values of the turn before that lie where this turn writes them, or a row before that.
        before: statements that come before it.
        first: statements that come first in every turn.
    """

    def __init__(self, writer: Writer, loop: Rolled) -> None:
        self.writer = writer
        self.memory = writer.memory
        self.keeping = writer.keeping
        self.rolled = loop
        self.before: list[Statement] = []
        self.first: list[Statement] = []
        self.var = self.memory.name()
        self.tables: dict[tuple[int, ...], int] = {}
        self.handed: dict[Own, Place] = {}

    def loop(self) -> Loop:
        """Return the loop."""
        loop, memory = self.rolled, self.memory
        body = Body(self.keeping, loop)
        self._begin_chains(body)
        carries = self._carries(body)
        positions = [q for q in range(loop.period) if self.keeping.is_made(loop, q)]
        graph = body.graph(positions)
        numbers = {source: i for i, source in enumerate(body.sources.values())}
        in_place = {len(positions) + k: numbers[touched] for k, touched in enumerate(body.written)}
        in_place |= {
            positions.index(lane.position): numbers[lane]
            for lane in self.handed
            if (loop, lane.position) not in self.keeping.rows
        }
        inputs = [self._source(x, node.type, carries) for node, x in body.sources.items()]
        terms = ((self.var, 1),)
        targets = [self.keeping.place_in_turn(loop, q, 0, terms) for q in positions]
        targets += [inputs[numbers[touched]][0] for touched in body.written]
        statements = memory.lowered(
            self.writer.lower_section, graph, inputs, targets, in_place, self._guard
        )
        return Loop(self.var, loop.turns, (*self.first, *statements, *self._hand_on(carries)))

    def _guard(self, k: int) -> tuple[int, Terms]:
        loop, outline = self.rolled, self.writer.outline
        lines = [p for q, p in enumerate(loop.places) if is_guard(outline, loop, q)]
        line = lines[k] if k < len(lines) else None
        if not isinstance(line, Line):
            return k, ()
        return line.first, ((self.var, line.step),) if line.step else ()

    # Arrays that are written to

    def _begin_chains(self, body: Body) -> None:
        """Fill the memory of the arrays that turns write to."""
        for chain in self.writer.loops[self.rolled]:
            stream, start = Place(self.keeping.streams[chain]), self.keeping.place(chain.start)
            raw = list(body.raw(chain))
            if not chain.adds or chain.type.dtype.kind in "iu":
                self.before.append(self.memory.copy(stream, start, chain.type.size))
                continue
            origin = self.keeping.node(self.rolled, chain.end)
            self._copy(origin, whole(chain.type.shape), start, stream, adds_zero=True)
            for hull in raw:
                first = hull.place.first if isinstance(hull.place, Line) else hull.place.places[0]
                source, target = (moved(p, first, ()) for p in (start, stream))
                self._copy(origin, hull.view, source, target, adds_zero=False)

    def _copy(
        self, origin: Node, view: View, source: Place, target: Place, *, adds_zero: bool
    ) -> None:
        """Copy a view of an array into another one of the same shape, or that and 0.0."""
        t = ArrayType(view.shape, target.buffer.dtype)
        given, there = input_like(origin, t), input_like(origin, t)
        nodes: tuple[Node, ...] = ()
        if adds_zero:
            zero = np.zeros((), t.dtype)[()]
            nodes = (derived(origin, TABLE["add"], (t, zero), {}, (given, None), t),)
        graph = Graph((given, there), nodes, (nodes[0] if nodes else given,))
        self.before += self.memory.lowered(
            self.writer.lower_section,
            graph,
            [(source, view), (target, view)],
            [target],
            {0: 1},
            lambda k: (k, ()),
        )

    # Values of turns before

    def _carries(self, body: Body) -> Carries:
        """Return memory for values of turns before, with what they are at the beginning."""
        carries: Carries = {}
        sources = list(body.sources.values())
        parts = {source.lane for source in sources if isinstance(source, Part)}
        for lane in dict.fromkeys([x.lane if isinstance(x, Part) else x for x in sources]):
            if not isinstance(lane, Own):
                continue
            t = type_of_node(self.keeping.node(self.rolled, lane.position))
            place = self._place_of_handed(lane, t.size, is_whole=lane not in parts)
            if place is not None:
                start = moved(Place(place.buffer), place.index.offset, ())
                first = self.keeping.place(lane.starts[0])
                self.before.append(self.memory.copy(start, first, t.size))
                self.handed[lane] = place
                continue
            for k in range(1, lane.lag + 1):
                key = lane.position, lane.starts[lane.lag - k :]
                if key not in carries:
                    carries[key] = self.memory.temporary("carried", t)
                    first = self.keeping.place(key[1][0])
                    self.before.append(self.memory.copy(Place(carries[key]), first, t.size))
        return carries

    def _place_of_handed(self, lane: Own, size: int, *, is_whole: bool) -> Place | None:
        """Return where a turn finds a value of the one before, if that is where this one leaves it, or a row before."""
        key = self.rolled, lane.position
        if key not in self.keeping.handed:
            return None
        if key in self.keeping.rows:
            return Place(self.keeping.rows[key], Index(0, ((self.var, size),)))
        last = self.keeping.lasts.get(key)
        return Place(last) if is_whole and last is not None else None

    def _hand_on(self, carries: Carries) -> list[Statement]:
        """Copy the values of this turn to where the next reads them, the oldest first."""
        statements: list[Statement] = []
        for (position, starts), buffer in sorted(carries.items(), key=lambda x: -len(x[0][1])):
            older = carries.get((position, starts[1:]))
            source = (
                Place(older)
                if older is not None
                else self.keeping.place_in_turn(self.rolled, position, 0, ((self.var, 1),))
            )
            statements.append(self.memory.copy(Place(buffer), source, buffer.size))
        return statements

    # What a turn reads

    def _source(self, x: Source, t: ArrayType, carries: Carries) -> tuple[Place, View]:
        """Return where a body finds what comes from outside of the turn."""
        match x:
            case Part(lane, view, place):
                base, _ = self._source(lane, t, carries)
                return moved(base, *self._moving(place)), view
            case Touched(chain, hull):
                stream = Place(self.keeping.streams[chain])
                return moved(stream, *self._moving(hull.place)), hull.view
        return self._lane(x, carries), whole(t.shape)

    def _lane(self, lane: Any, carries: Carries) -> Place:
        terms = ((self.var, 1),)
        match lane:
            case Same(operand):
                return self.keeping.place(operand)
            case Own(position, _, starts):
                if lane in self.handed:
                    return self.handed[lane]
                return Place(carries[position, starts])
            case Saved(source, position, first, step):
                scaled = tuple([(name, step * s) for name, s in terms])
                return self.keeping.place_in_turn(source, position, first, scaled)
            case Table(operands):
                values = [self.writer.outline.constants.value_of(c) for c in operands]
                table = self.memory.constant(np.array(values, type_of_plain(values[0]).dtype))
                return Place(table.buffer, Index(0, terms))
            case Gathered(operands):
                return self._gathered(operands)
        raise NotRolledError

    def _moving(self, place: Line | Listed) -> tuple[int, Terms]:
        """Return how far a place moves, as an offset and terms."""
        if isinstance(place, Line):
            return place.first, ((self.var, place.step),) if place.step else ()
        name = self.tables.get(place.places)
        if name is None:
            name = self.tables[place.places] = self.memory.name()
            table = self.memory.constant(np.array(place.places, np.int64))
            self.first.append(Load(name, table.buffer, Index(0, ((self.var, 1),))))
        return 0, ((name, 1),)

    def _gathered(self, operands: tuple[int, ...]) -> Place:
        t = type_of_node(self.writer.outline.nodes[operands[0]])
        buffer = self.memory.temporary("gathered", t, len(operands))
        for i, operand in enumerate(operands):
            target = Place(buffer, Index(i * t.size))
            self.before.append(self.memory.copy(target, self.keeping.place(operand), t.size))
        return Place(buffer, Index(0, ((self.var, t.size),)))


def _type_of(x: Any) -> ArrayType:
    return type_of_node(x) if type(x) is Node else type_of_plain(x)
