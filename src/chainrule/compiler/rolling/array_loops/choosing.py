"""Which of the loops that were found are made, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from chainrule.compiler.rolling.array_loops.chains import Chain, chains_of
from chainrule.compiler.rolling.array_loops.memory import type_of_node
from chainrule.compiler.rolling.blocks import block_of
from chainrule.compiler.rolling.finding import loops_of
from chainrule.compiler.rolling.lanes import Gathered, Line, Own, Rolled, Same, Saved
from chainrule.compiler.rolling.outline import Outline
from chainrule.core.graph import Graph
from chainrule.core.trace import Node

_MIN_TURNS, _MANY_TURNS = 8, 16
"""Fewer turns are better written out, where work of several of them can be joined; up to many, where that is little."""

_MUCH = 256
"""Positions of all turns from which on a loop that has not many of them is made."""

_MOST_GATHERED = 4096
"""Elements up to which values in no order are copied together before a loop."""

Chains = Mapping[Rolled, tuple[Chain, ...]]


def chosen(graph: Graph, outline: Outline) -> Chains:
    """Return the loops that are made, in order, with their chains.

    A loop that reads the turns of one that is written out is written out too, and so is one of whose chains somebody
    reads more than the last version.
    """
    found = {}
    for loop in loops_of(outline, good_enough=0):
        chains = _chains_if_worth(outline, loop)
        if chains is not None:
            found[loop] = chains
    while True:
        kept = {loop: chains for loop, chains in found.items() if _knows_sources(loop, found)}
        read = set(_read(graph, outline, kept))
        kept = {loop: chains for loop, chains in kept.items() if not _is_seen(loop, chains, read)}
        if len(kept) == len(found):
            return kept
        found = kept


def is_moving(loop: Rolled, q: int) -> bool:
    """Say whether a place moves from turn to turn."""
    place = loop.places[q]
    return not isinstance(place, Line) or place.step != 0


def is_guard(outline: Outline, loop: Rolled, q: int) -> bool:
    """Say whether a position is a guard, one after the other in the turns."""
    op = outline.nodes[loop.start + q].op
    is_line = isinstance(loop.places[q], Line)
    return op is not None and op.name == "guard" and is_line


def is_moving_read(outline: Outline, loop: Rolled, q: int) -> bool:
    """Say whether a position reads a moving block of an array that lies in memory when the turn begins."""
    node = outline.nodes[loop.start + q]
    if node.op is None or node.op.name != "getitem" or not is_moving(loop, q):
        return False
    lane = loop.lanes[q][0]
    is_outside = isinstance(lane, (Same, Saved)) or (isinstance(lane, Own) and lane.lag > 0)
    return block_of(node) is not None and is_outside


def outside_reads(
    graph: Graph, outline: Outline, loops: Iterable[Rolled]
) -> Iterator[tuple[int, int]]:
    """Yield every operand that is read outside of the turn that makes it, but for those that loops read turn by turn.

    With it comes the straight stretch that reads it, counted from 0; -1 for loops and for who calls.
    """
    section = position = 0
    for loop in (*loops, None):
        end = len(outline) if loop is None else loop.start
        for row in outline.operands[position:end]:
            for operand in row:
                yield operand, section
        if loop is not None:
            yield from [(operand, -1) for operand in _read_by_lanes(loop)]
            section, position = section + 1, loop.end
    ids = {node: i for i, node in enumerate(outline.nodes)}
    for out in graph.outputs:
        if type(out) is Node:
            yield ids[out], -1


def _read_by_lanes(loop: Rolled) -> Iterator[int]:
    for row in loop.lanes:
        for lane in row:
            match lane:
                case Same(operand):
                    yield operand
                case Gathered(operands):
                    yield from operands
                case Own(_, _, starts):
                    yield from starts
                case _:
                    pass


def _chains_if_worth(outline: Outline, loop: Rolled) -> tuple[Chain, ...] | None:
    is_much = loop.period * loop.turns >= _MUCH
    if loop.turns < (_MIN_TURNS if is_much else _MANY_TURNS):
        return None
    gathered = [lane for row in loop.lanes for lane in row if isinstance(lane, Gathered)]
    sizes = [len(x.operands) * type_of_node(outline.nodes[x.operands[0]]).size for x in gathered]
    if sum(sizes) > _MOST_GATHERED:
        return None
    chains = chains_of(outline, loop)
    if chains is None:
        return None
    known = {q for chain in chains for q in (*chain.hidden, *chain.reads)}
    for q in range(loop.period):
        is_known = q in known or is_moving_read(outline, loop, q) or is_guard(outline, loop, q)
        if is_moving(loop, q) and not is_known:
            return None
    return chains


def _knows_sources(loop: Rolled, known: Chains) -> bool:
    """Say whether the loops whose turns it reads are made, and the values of their turns are somewhere."""
    lanes = [lane for row in loop.lanes for lane in row if isinstance(lane, Saved)]
    return all(
        lane.loop in known and not any(lane.position in c.hidden for c in known[lane.loop])
        for lane in lanes
    )


def _read(graph: Graph, outline: Outline, loops: Chains) -> Iterator[int]:
    for operand, _ in outside_reads(graph, outline, loops):
        yield operand


def _is_seen(loop: Rolled, chains: tuple[Chain, ...], read: set[int]) -> bool:
    """Say whether somebody outside reads a version that does not lie in memory behind the loop."""
    for chain in chains:
        for q in chain.hidden:
            ids = {loop.start + q + loop.period * turn for turn in range(loop.turns)}
            if q == chain.end:
                ids.discard(loop.start + q + loop.period * (loop.turns - 1))
            if not ids.isdisjoint(read):
                return True
    return False
