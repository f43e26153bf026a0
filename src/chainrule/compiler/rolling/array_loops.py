"""Programs of arrays with loops: what Python's loops repeated is lowered once and runs in a loop.

A graph is cut into stretches that are straight and loops. Each stretch, and each body, is a graph of its own, which the
caller lowers as any other; its statements are then moved into one program. Values that pass from one to another lie in
memory: what later turns read has a row per turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.effects import must_stay
from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import (
    Buffer,
    Host,
    Index,
    Load,
    Loop,
    Program,
    Statement,
    Store,
)
from chainrule.compiler.loops.relocation import Place, Relocation, Terms
from chainrule.compiler.passes.rewrite import derived
from chainrule.compiler.records import record
from chainrule.compiler.rolling.finding import loops_of
from chainrule.compiler.rolling.lanes import Gathered, Lane, Line, Own, Rolled, Same, Saved, Table
from chainrule.compiler.rolling.outline import Outline, outline_of
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, type_of_plain

LowerSection = Callable[[Graph], Program | None]

_MIN_TURNS = 16
"""Fewer turns are better written out, where work of several of them can be joined."""

_MOST_GATHERED = 4096
"""Elements up to which values in no order are copied together before a loop."""


class _NotRolledError(Exception):
    """Something cannot be moved into a loop."""


def lower(graph: Graph, lower_section: LowerSection) -> Program | None:
    """Return the program of a graph, or None: it has no loops that are worth it, or a part cannot be lowered.

    Args:
        graph: as captured; its inputs lie row by row.
        lower_section: lowers a graph, its inputs lying row by row.
    """
    outline = outline_of(graph)
    loops = _worthwhile(outline)
    if not loops:
        return None
    try:
        return _Writer(graph, outline, loops, lower_section).program()
    except _NotRolledError:
        return None


def _worthwhile(outline: Outline) -> list[Rolled]:
    """Return the loops that are made; one that reads the turns of a loop that is written out is written out too."""
    kept: dict[Rolled, None] = {}
    for loop in loops_of(outline):
        sources = [x.loop for row in loop.lanes for x in row if isinstance(x, Saved)]
        if all(source in kept for source in sources) and _is_worth(outline, loop):
            kept[loop] = None
    return list(kept)


def _is_worth(outline: Outline, loop: Rolled) -> bool:
    if loop.turns < _MIN_TURNS:
        return False
    gathered = 0
    for q, row in enumerate(loop.lanes):
        if (
            _is_moving(loop, q)
            and not _is_row(outline, loop, q)
            and not _is_guard(outline, loop, q)
        ):
            return False
        gathered += sum(
            [
                len(lane.operands) * _type(outline.nodes[lane.operands[0]]).size
                for lane in row
                if isinstance(lane, Gathered)
            ]
        )
    return gathered <= _MOST_GATHERED


def _type(node: Node) -> ArrayType:
    if type(node.type) is not ArrayType:
        raise _NotRolledError
    return node.type


def _is_moving(loop: Rolled, q: int) -> bool:
    place = loop.places[q]
    return not isinstance(place, Line) or place.step != 0


def _is_guard(outline: Outline, loop: Rolled, q: int) -> bool:
    op = outline.nodes[loop.start + q].op
    is_line = isinstance(loop.places[q], Line)
    return op is not None and op.name == "guard" and is_line


def _is_row(outline: Outline, loop: Rolled, q: int) -> bool:
    """Say whether a position reads `x[t]` of an array that all turns read: no work, only a place in memory."""
    node = outline.nodes[loop.start + q]
    if node.op is None or node.op.name != "getitem" or not isinstance(loop.places[q], Line):
        return False
    rest = node.params["index"][1:]
    lane = loop.lanes[q][0]
    is_whole = all(i is Ellipsis or (type(i) is slice and i == slice(None)) for i in rest)
    return len(node.args) == 1 and is_whole and isinstance(lane, Same) and lane.operand >= 0


@record
class _Row:
    """A row of an array in turn `t`: `first + step · t`."""

    source: int
    first: int
    step: int


Source = Lane | _Row


class _Writer:
    def __init__(
        self, graph: Graph, outline: Outline, loops: Sequence[Rolled], lower_section: LowerSection
    ) -> None:
        self.graph = graph
        self.outline = outline
        self.loops = loops
        self.lower_section = lower_section
        self.buffers: list[Buffer] = []
        self.contents: dict[Buffer, Any] = {}
        self.body: list[Statement] = []
        self.names = 0
        self.slots = 0
        self.homes: dict[int, Buffer] = {}
        self.rows: dict[tuple[Rolled, int], Buffer] = {}
        self.lasts: dict[tuple[Rolled, int], Buffer] = {}
        self.loop_of = np.full(len(outline), -1)
        for i, loop in enumerate(loops):
            self.loop_of[loop.start : loop.end] = i

    def program(self) -> Program:
        for i, node in enumerate(self.graph.inputs):
            self.homes[i] = self._slotted(f"in{i}", _type(node), "input")
        outputs = [
            self._slotted(f"out{i}", _type_of(o), "output")
            for i, o in enumerate(self.graph.outputs)
        ]
        self._note_reads()
        start = len(self.graph.inputs)
        for loop in self.loops:
            self._straight(start, loop.start)
            self._loop(loop)
            start = loop.end
        self._straight(start, len(self.outline))
        ids = {node: i for i, node in enumerate(self.outline.nodes)}
        places = [
            self._place(ids[out]) if type(out) is Node else self._constant(out)
            for out in self.graph.outputs
        ]
        places = [self._apart(p, b.size) for p, b in zip(places, outputs, strict=True)]
        for buffer, place in zip(outputs, places, strict=True):
            self.body.append(self._copy(Place(buffer), place, buffer.size))
        return assigned(self.buffers, tuple(self.body), self.contents)

    # Memory

    def _slotted(self, name: str, t: ArrayType, role: Any) -> Buffer:
        buffer = Buffer(name, t.dtype, t.size, role, self.slots)
        self.slots += 1
        self.buffers.append(buffer)
        return buffer

    def _temporary(self, name: str, t: ArrayType, rows: int = 1) -> Buffer:
        buffer = Buffer(f"{name}_{len(self.buffers)}", t.dtype, t.size * rows, "temporary")
        self.buffers.append(buffer)
        return buffer

    def _constant(self, value: Any) -> Place:
        array = np.asarray(value)
        buffer = self._slotted(f"c{self.slots}", type_of_plain(array), "constant")
        self.contents[buffer] = np.ascontiguousarray(array)
        return Place(buffer)

    def _name(self) -> int:
        self.names += 1
        return self.names - 1

    def _copy(self, target: Place, source: Place, size: int) -> Loop:
        """Copy an array from one place to another."""
        var, name = self._name(), self._name()
        load, store = (Index(p.index.offset, (*p.index.terms, (var, 1))) for p in (source, target))
        body = (Load(name, source.buffer, load), Store(target.buffer, store, name))
        return Loop(var, size, body, vector=True)

    def _apart(self, place: Place, size: int) -> Place:
        """Return where a result lies apart from the inputs, whose memory another result may be written to."""
        if place.buffer.role != "input":
            return place
        copied = Buffer(f"copy_{len(self.buffers)}", place.buffer.dtype, size, "temporary")
        self.buffers.append(copied)
        self.body.append(self._copy(Place(copied), place, size))
        return Place(copied)

    # Which values are read elsewhere

    def _note_reads(self) -> None:
        """Give memory to every value that is read outside of the stretch or turn that makes it."""
        for reader, row in enumerate(self.outline.operands):
            i = self.loop_of[reader]
            if i < 0:
                for operand in row:
                    self._note(operand, section=self._section(reader))
        for loop in self.loops:
            for lanes in loop.lanes:
                for lane in lanes:
                    self._note_lane(lane, loop)
        ids = {node: i for i, node in enumerate(self.outline.nodes)}
        for out in self.graph.outputs:
            if type(out) is Node:
                self._note(ids[out], section=-1)

    def _note_lane(self, lane: Lane | None, loop: Rolled) -> None:
        match lane:
            case Same(operand):
                self._note(operand, section=-1)
            case Gathered(operands):
                for operand in operands:
                    self._note(operand, section=-1)
            case Own(position, lag, starts):
                for operand in starts:
                    self._note(operand, section=-1)
                if lag:
                    self._keep_last(loop, position)
            case Saved(source, position, _, _):
                self._keep_rows(source, position)
            case _:
                pass

    def _section(self, i: int) -> int:
        """Return the number of the straight stretch that an id lies in."""
        return sum([1 for loop in self.loops if loop.end <= i])

    def _note(self, operand: int, section: int) -> None:
        if operand < len(self.graph.inputs):
            return
        i = self.loop_of[operand]
        if i < 0:
            if operand not in self.homes and self._section(operand) != section:
                self.homes[operand] = self._temporary("v", _type(self.outline.nodes[operand]))
            return
        loop = self.loops[i]
        turn, position = divmod(operand - loop.start, loop.period)
        if turn == loop.turns - 1:
            self._keep_last(loop, position)
        else:
            self._keep_rows(loop, position)

    def _node_of(self, loop: Rolled, position: int) -> Node:
        return self.outline.nodes[loop.start + position]

    def _keep_rows(self, loop: Rolled, position: int) -> None:
        if _is_row_position(self.outline, loop, position):
            self._note(_row(loop, position).source, section=-1)
        elif (loop, position) not in self.rows:
            t = _type(self._node_of(loop, position))
            self.rows[loop, position] = self._temporary("rows", t, loop.turns)

    def _keep_last(self, loop: Rolled, position: int) -> None:
        if _is_row_position(self.outline, loop, position):
            self._note(_row(loop, position).source, section=-1)
        elif (loop, position) not in self.lasts:
            t = _type(self._node_of(loop, position))
            self.lasts[loop, position] = self._temporary("last", t)

    # Where values lie

    def _place(self, operand: int) -> Place:
        """Return where a value lies that is read outside of where it was made."""
        i = self.loop_of[operand]
        if i < 0:
            return Place(self.homes[operand])
        loop = self.loops[i]
        turn, position = divmod(operand - loop.start, loop.period)
        return self._place_in_turn(loop, position, turn, ())

    def _place_in_turn(self, loop: Rolled, position: int, first: int, terms: Terms) -> Place:
        """Return where a value of a loop lies, in turn `first + Σ step · name`."""
        size = _type(self._node_of(loop, position)).size
        if _is_row_position(self.outline, loop, position):
            row = _row(loop, position)
            base = self._place(row.source)
            offset = base.index.offset + (row.first + row.step * first) * size
            moved = tuple([(name, step * row.step * size) for name, step in terms])
            return Place(base.buffer, Index(offset, (*base.index.terms, *moved)))
        rows = self.rows.get((loop, position))
        if rows is None:
            return Place(self.lasts[loop, position])
        return Place(rows, Index(first * size, tuple([(n, s * size) for n, s in terms])))

    # Straight stretches

    def _straight(self, start: int, end: int) -> None:
        nodes = self.outline.nodes[start:end]
        made = [i for i in range(start, end) if i in self.homes]
        guards = [i for i in range(start, end) if _is_op(self.outline.nodes[i], "guard")]
        if not made and not any(map(must_stay, nodes)):
            return
        inside: dict[Node, Node] = {}
        sources: dict[Node, int] = {}
        ids = {node: i for i, node in enumerate(self.outline.nodes[:end])}
        for node in nodes:
            parents = []
            for p in node.parents:
                if p is not None and p not in inside:
                    inside[p] = _stand_in(p)
                    sources[inside[p]] = ids[p]
                parents.append(None if p is None else inside[p])
            inside[node] = derived(node, node.op, node.args, node.params, tuple(parents), node.type)
        graph = Graph(
            tuple(sources),
            tuple([inside[node] for node in nodes]),
            tuple([inside[self.outline.nodes[i]] for i in made]),
        )
        places = [self._place(i) for i in sources.values()]
        numbers = [self.outline.places[i] for i in guards]
        self.body += self._moved(
            graph,
            places,
            [Place(self.homes[i]) for i in made],
            lambda k: (numbers[k] if k < len(numbers) else k, ()),
        )

    def _moved(
        self,
        graph: Graph,
        inputs: Sequence[Place],
        outputs: Sequence[Place],
        guard: Callable[[int], tuple[int, Terms]],
    ) -> tuple[Statement, ...]:
        """Lower a graph and move its statements here."""
        program = self.lower_section(graph)
        if program is None or any(isinstance(s, Host) for s in program.body):
            raise _NotRolledError
        places = dict(zip(program.buffers, [*inputs, *outputs], strict=False))
        for buffer in program.buffers[len(places) :]:
            if buffer.role == "constant":
                places[buffer] = self._constant(program.constants[buffer])
            else:
                self.buffers.append(buffer)
        renamed: dict[int, int] = {}

        def rename(name: int) -> int:
            if name not in renamed:
                renamed[name] = self._name()
            return renamed[name]

        return Relocation(places, rename, guard).block(program.body)

    # Loops

    def _loop(self, loop: Rolled) -> None:
        body = _Body(self.outline, loop)
        var = self._name()
        terms = ((var, 1),)
        carries = self._carries(body, loop)
        inputs = [self._source(x, loop, terms, carries) for x in body.sources.values()]
        positions = [
            q for q in range(loop.period) if (loop, q) in self.rows or (loop, q) in self.lasts
        ]
        targets = []
        after: list[Statement] = []
        for q in positions:
            place = self._place_in_turn(loop, q, 0, terms)
            targets.append(place)
            if (loop, q) in self.rows and (loop, q) in self.lasts:
                size = _type(self._node_of(loop, q)).size
                after.append(self._copy(Place(self.lasts[loop, q]), place, size))
        lines = [p for q, p in enumerate(loop.places) if _is_guard(self.outline, loop, q)]

        def guard(k: int) -> tuple[int, Terms]:
            line = lines[k] if k < len(lines) else None
            if not isinstance(line, Line):
                return k, ()
            return line.first, ((var, line.step),) if line.step else ()

        statements = self._moved(body.graph(positions), inputs, targets, guard)
        after += self._hand_on(loop, carries)
        self.body.append(Loop(var, loop.turns, (*statements, *after)))

    def _carries(self, body: _Body, loop: Rolled) -> dict[tuple[int, tuple[int, ...]], Buffer]:
        """Return memory for values of turns before, with what they are at the beginning."""
        carries: dict[tuple[int, tuple[int, ...]], Buffer] = {}
        for lane in body.sources.values():
            if not isinstance(lane, Own):
                continue
            t = _type(self._node_of(loop, lane.position))
            for k in range(1, lane.lag + 1):
                key = lane.position, lane.starts[lane.lag - k :]
                if key not in carries:
                    carries[key] = self._temporary("carried", t)
                    first = self._place(key[1][0])
                    self.body.append(self._copy(Place(carries[key]), first, t.size))
        return carries

    def _hand_on(
        self, loop: Rolled, carries: dict[tuple[int, tuple[int, ...]], Buffer]
    ) -> list[Statement]:
        """Copy the values of this turn to where the next reads them, the oldest first."""
        statements: list[Statement] = []
        for (position, starts), buffer in sorted(carries.items(), key=lambda x: -len(x[0][1])):
            older = carries.get((position, starts[1:]))
            source = self.lasts.get((loop, position)) if older is None else older
            if source is None:
                raise _NotRolledError
            statements.append(self._copy(Place(buffer), Place(source), buffer.size))
        return statements

    def _source(
        self,
        x: Source,
        loop: Rolled,
        terms: Terms,
        carries: dict[tuple[int, tuple[int, ...]], Buffer],
    ) -> Place:
        """Return where a body finds what comes from outside of the turn."""
        match x:
            case Same(operand):
                return self._place(operand)
            case Own(position, _, starts):
                return Place(carries[position, starts])
            case Saved(source, position, first, step):
                moved = tuple([(name, step * s) for name, s in terms])
                return self._place_in_turn(source, position, first, moved)
            case Table(operands):
                values = [self.outline.constants.value_of(c) for c in operands]
                table = self._constant(np.array(values, type_of_plain(values[0]).dtype))
                return Place(table.buffer, Index(0, terms))
            case Gathered(operands):
                return self._gathered(operands, terms)
            case _Row(source, first, step):
                base = self._place(source)
                size = _type(self.outline.nodes[source]).size
                rows = _type(self.outline.nodes[source]).shape[0]
                width = size // rows
                moved = tuple([(name, s * step * width) for name, s in terms])
                offset = base.index.offset + first * width
                return Place(base.buffer, Index(offset, (*base.index.terms, *moved)))

    def _gathered(self, operands: Sequence[int], terms: Terms) -> Place:
        t = _type(self.outline.nodes[operands[0]])
        buffer = self._temporary("gathered", t, len(operands))
        for i, operand in enumerate(operands):
            target = Place(buffer, Index(i * t.size))
            self.body.append(self._copy(target, self._place(operand), t.size))
        return Place(buffer, Index(0, tuple([(name, s * t.size) for name, s in terms])))


def _is_op(node: Node, name: str) -> bool:
    return node.op is not None and node.op.name == name


def _is_row_position(outline: Outline, loop: Rolled, position: int) -> bool:
    return _is_moving(loop, position) and _is_row(outline, loop, position)


def _row(loop: Rolled, position: int) -> _Row:
    lane, place = loop.lanes[position][0], loop.places[position]
    assert isinstance(lane, Same)
    assert isinstance(place, Line)
    return _Row(lane.operand, place.first, place.step)


def _type_of(x: Any) -> ArrayType:
    return _type(x) if type(x) is Node else type_of_plain(x)


def _stand_in(node: Node) -> Node:
    """Return an input that stands for a node of another graph."""
    return derived(node, None, (), {}, (), _type(node))


class _Body:
    """The body of a loop as a graph, whose inputs are lanes and rows.

    Attributes:
        sources: what each input stands for.
    """

    def __init__(self, outline: Outline, loop: Rolled) -> None:
        self.outline = outline
        self.loop = loop
        self.sources: dict[Node, Source] = {}
        self.inputs: dict[Source, Node] = {}
        self.made: dict[int, Node] = {}
        for q in range(loop.period):
            self.made[q] = self._node(q)

    def graph(self, positions: Sequence[int]) -> Graph:
        """Return the graph with these positions as results."""
        nodes = [n for n in self.made.values() if n not in self.sources]
        return Graph(tuple(self.sources), tuple(nodes), tuple([self.made[q] for q in positions]))

    def _node(self, q: int) -> Node:
        node = self.outline.nodes[self.loop.start + q]
        if _is_row_position(self.outline, self.loop, q):
            return self._input(_row(self.loop, q), _type(node))
        args, parents = list(node.args), list(node.parents)
        for a, lane in enumerate(self.loop.lanes[q][: len(args)]):
            assert lane is not None
            if isinstance(lane, Own) and not lane.lag:
                parents[a] = self.made[lane.position]
            elif parents[a] is not None:
                parents[a] = self._input(lane, node.args[a])
            elif isinstance(lane, Table):
                args[a] = type_of_plain(node.args[a])
                parents[a] = self._input(lane, args[a])
        return derived(node, node.op, tuple(args), node.params, tuple(parents), node.type)

    def _input(self, source: Source, t: Any) -> Node:
        known = self.inputs.get(source)
        if known is None:
            if type(t) is not ArrayType:
                raise _NotRolledError
            origin = self.outline.nodes[self.loop.start]
            known = self.inputs[source] = derived(origin, None, (), {}, (), t)
            self.sources[known] = source
        return known
