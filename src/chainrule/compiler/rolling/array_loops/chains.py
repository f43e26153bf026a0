"""Arrays that every turn of a loop writes parts of: one memory holds them, and a turn touches only its blocks.

    a = setitem(a, f(getitem(a, t - 1)), t)

makes a new array in every turn of the graph; here each of them is a *version* of what lies in one memory. Who reads a
version reads a block, of which this turn may have written a part, or which lies in memory as it was. That is decided
while compiling: two blocks of a turn are the same, overlap in the same way in every turn, or never meet. The sum of an
array and a scatter, of which a gradient is made, writes as well: it adds to a block, and 0.0 to everything else.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.rolling.array_loops.memory import type_of_node
from chainrule.compiler.rolling.blocks import Block, block_of
from chainrule.compiler.rolling.constants import FIRST_CONSTANT
from chainrule.compiler.rolling.lanes import Line, Listed, Own, Rolled, Same, values_of_place
from chainrule.compiler.rolling.outline import Outline
from chainrule.compiler.views import View, whole
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType
from chainrule.records import computed_once, mutable_record, record

_MOST_OFFSETS = 1 << 14
"""Distances between elements of two blocks up to which they are looked at one by one."""


@record
class Hull:
    """What a turn reads and writes as one: a block, or blocks that overlap.

    Attributes:
        view: its places, counted from the beginning of the array and the place of the turn.
        place: what the place of the turn is.
    """

    view: View
    place: Line | Listed


@record
class Link:
    """A version, made of the one before by a write.

    Attributes:
        position: that makes it.
        source: the position whose index says where: itself, or the scatter that is added.
        adds: whether something is added there.
    """

    position: int
    source: int
    adds: bool


@mutable_record
class Chain:
    """An array that a loop hands from turn to turn while it writes parts of it.

    Attributes:
        type: of the array.
        start: what it is before the loop.
        links: the writes of a turn, in order; the last makes what is handed on.
        reads: the positions that read a block, and of which version: so many writes of the turn come before.
        hulls: per position that reads or writes the hull of its block, and where in the hull that lies; None for all.
    """

    type: ArrayType
    start: int
    links: tuple[Link, ...]
    reads: Mapping[int, int]
    hulls: Mapping[int, tuple[Hull, slice | None]]

    @property
    def end(self) -> int:
        """The position of the last version."""
        return self.links[-1].position

    @computed_once
    def hidden(self) -> frozenset[int]:
        """Positions that have no value of their own."""
        return frozenset([x for link in self.links for x in (link.position, link.source)])

    @property
    def adds(self) -> bool:
        """Whether something is added."""
        return any(link.adds for link in self.links)


def chains_of(outline: Outline, loop: Rolled) -> tuple[Chain, ...] | None:
    """Return the chains of a loop, or None: a write that moves with the turn belongs to none."""
    finder = _Finder(outline, loop)
    chains: list[Chain] = []
    hidden: set[int] = set()
    for q in range(loop.period):
        if q in hidden or not finder.is_moving_write(q):
            continue
        chain = finder.chain(q)
        if chain is None:
            return None
        chains.append(chain)
        hidden |= chain.hidden
    return tuple(chains)


class _Finder:
    def __init__(self, outline: Outline, loop: Rolled) -> None:
        self.outline = outline
        self.loop = loop
        self.readers: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
        self.lags: dict[int, set[tuple[int, tuple[int, ...]]]] = defaultdict(set)
        for q, row in enumerate(loop.lanes):
            for a, lane in enumerate(row):
                if isinstance(lane, Own):
                    self.readers[lane.position, lane.lag].append((q, a))
                    self.lags[lane.position].add((lane.lag, lane.starts))

    def node(self, q: int) -> Node:
        return self.outline.nodes[self.loop.start + q]

    def name(self, q: int) -> str:
        op = self.node(q).op
        return "" if op is None else op.name

    def is_moving_write(self, q: int) -> bool:
        place = self.loop.places[q]
        is_moving = not isinstance(place, Line) or place.step != 0
        return is_moving and self.name(q) in {"setitem", "scatter"}

    def chain(self, q: int) -> Chain | None:
        """Return the chain that a write belongs to."""
        first = self._first_link(q)
        if first is None:
            return None
        lane = self._before(first)
        assert isinstance(lane, Own)
        end, starts = lane.position, lane.starts
        if self.lags[end] - {(0, ())} != {(1, starts)}:
            return None
        links: list[Link] = []
        reads: dict[int, int] = {}
        version = (end, 1)
        while True:
            after = self._readers_of(version, reads, len(links))
            if after is None or len(links) > self.loop.period:
                return None
            if not after:
                break
            links += after
            version = (after[0].position, 0)
        inner = [link.position for link in links[:-1]]
        if version != (end, 0) or any(self.lags[p] != {(0, ())} for p in inner):
            return None
        t = type_of_node(self.node(end))
        hulls = _hulls(self._blocks(links, reads), {link.source for link in links}, self.loop)
        if hulls is None or not self._is_exact(links, t):
            return None
        return Chain(t, starts[0], tuple(links), reads, hulls)

    def _first_link(self, q: int) -> Link | None:
        """Walk back to the link that writes into what was handed on."""
        link = self._link(q) if self.name(q) == "setitem" else self._sum_of(q)
        for _ in range(self.loop.period):
            if link is None:
                return None
            lane = self._before(link)
            if not isinstance(lane, Own) or lane.lag > 1:
                return None
            if lane.lag == 1:
                return link
            link = self._link(lane.position)
        return None

    def _before(self, link: Link) -> Any:
        """Return the lane of the version that a link writes into."""
        row = self.loop.lanes[link.position]
        return next(x for x in row if not (link.adds and x == Own(link.source, 0, ())))

    def _link(self, q: int) -> Link | None:
        """Return the link that a position is, if it is one."""
        node = self.node(q)
        if self.name(q) == "setitem" and block_of(node) is not None:
            return Link(q, q, adds=False)
        if self.name(q) != "add" or type(node.type) is not ArrayType:
            return None
        own = [x for x in self.loop.lanes[q] if isinstance(x, Own)]
        parts = [x.position for x in own if self._is_part(x, node.type)]
        if len(parts) != 1 or node.type.dtype.kind not in "fciu":
            return None
        if any(p is None or p.type != node.type for p in node.parents):
            return None
        return Link(q, parts[0], adds=True)

    def _sum_of(self, scatter: int) -> Link | None:
        """Return the link that adds a scatter."""
        readers = self.readers[scatter, 0]
        return self._link(readers[0][0]) if len(readers) == 1 else None

    def _is_part(self, lane: Own, t: ArrayType) -> bool:
        """Say whether a lane is a scatter that is only added."""
        if lane.lag or self.name(lane.position) != "scatter":
            return False
        node = self.node(lane.position)
        block = block_of(node)
        is_only = len(self.readers[lane.position, 0]) == 1 and len(self.lags[lane.position]) == 1
        if block is None or node.type != t or not is_only or node.parents[0] is None:
            return False
        return bool(block.rest) or node.args[0].shape == block.view.shape

    def _readers_of(
        self, version: tuple[int, int], reads: dict[int, int], number: int
    ) -> list[Link] | None:
        """Note who reads blocks of a version; return the link that writes into it, None if it has other readers."""
        links: list[Link] = []
        for q, a in self.readers[version]:
            link = self._link(q)
            if link is not None and self._is_base(link, a):
                links.append(link)
            elif a == 0 and self.name(q) == "getitem" and block_of(self.node(q)) is not None:
                reads[q] = number
            else:
                return None
        return links if len(links) <= 1 else None

    def _is_base(self, link: Link, a: int) -> bool:
        """Say whether an argument of a link is what it writes into."""
        lane = self.loop.lanes[link.position][a]
        return lane != Own(link.source, 0, ()) if link.adds else a == 0

    def _blocks(
        self, links: Sequence[Link], reads: Mapping[int, int]
    ) -> dict[int, tuple[Block, Line | Listed]]:
        found = {}
        for q in (*[link.source for link in links], *reads):
            block = block_of(self.node(q))
            assert block is not None
            found[q] = block, self.loop.places[q]
        return found

    def _is_exact(self, links: Sequence[Link], t: ArrayType) -> bool:
        """Say whether no -0.0 is left behind the last addition that the one of the next turn would make 0.0."""
        if t.dtype.kind in "iu" or not any(link.adds for link in links):
            return True
        behind = itertools.takewhile(lambda link: not link.adds, reversed(links))
        return all(self._is_clean(self.loop.lanes[link.position][1]) for link in behind)

    def _is_clean(self, lane: Any) -> bool:
        """Say whether a value is a number that is not -0.0."""
        if not isinstance(lane, Same) or lane.operand > FIRST_CONSTANT:
            return False
        return has_no_negative_zero(self.outline.constants.value_of(lane.operand))


def has_no_negative_zero(x: Any) -> bool:
    """Say whether no number of a constant is -0.0."""
    array = np.asarray(x)
    if array.dtype.kind == "c":
        return has_no_negative_zero(array.real) and has_no_negative_zero(array.imag)
    return array.dtype.kind in "biu" or not bool(np.any((array == 0) & np.signbit(array)))


# Hulls


@mutable_record
class _Group:
    """Blocks of a hull, or what becomes one.

    Attributes:
        places: in each turn.
        view: counted from these.
        members: the positions, and how far from these their blocks begin.
        is_written: whether one of them writes.
    """

    places: Any
    view: View
    place: Line | Listed
    members: dict[int, tuple[int, View]]
    is_written: bool


def _hulls(
    blocks: Mapping[int, tuple[Block, Line | Listed]], written: Collection[int], loop: Rolled
) -> dict[int, tuple[Hull, slice | None]] | None:
    """Return the hull of each block, and what of it the block is; None where blocks meet in some turns only."""
    groups: list[_Group] = []
    for q, (block, place) in blocks.items():
        view = View(block.view.shape, block.view.strides)
        places = values_of_place(place, loop.turns)
        new = _Group(places, view, place, {q: (0, view)}, q in written)
        while True:
            met = next((g for g in groups if _meet(g, new)), None)
            if met is None:
                break
            joined = _joined(met, new)
            if joined is None:
                return None
            groups.remove(met)
            new = joined
        groups.append(new)
    return dict(itertools.chain.from_iterable(map(_members, groups)))


def _members(group: _Group) -> Iterator[tuple[int, tuple[Hull, slice | None]]]:
    hull = Hull(group.view, group.place)
    for q, (distance, view) in group.members.items():
        is_all = view == group.view
        yield q, (hull, None if is_all else slice(distance, distance + math.prod(view.shape)))


def _meet(a: _Group, b: _Group) -> bool:
    """Say whether two groups have an element in common, in any turn, that is written."""
    if not a.is_written and not b.is_written:
        return False
    distances = np.unique(b.places - a.places)
    (low_a, high_a), (low_b, high_b) = _reach(a.view), _reach(b.view)
    near = distances[(distances <= high_a - low_b) & (distances >= low_a - high_b)]
    if not len(near) or (a.view.is_contiguous and b.view.is_contiguous):
        return bool(len(near))
    between = np.zeros(1, np.int64)
    for view, sign in ((a.view, 1), (b.view, -1)):
        for n, stride in zip(view.shape, view.strides, strict=True):
            between = np.unique(np.add.outer(between, sign * stride * np.arange(n)))
            if len(between) > _MOST_OFFSETS:
                return True
    return bool(np.isin(near, between).any())


def _reach(view: View) -> tuple[int, int]:
    """Return the first and the last element of a view."""
    steps = [(n - 1) * s for n, s in zip(view.shape, view.strides, strict=True)]
    return sum([min(s, 0) for s in steps]), sum([max(s, 0) for s in steps])


def _joined(a: _Group, b: _Group) -> _Group | None:
    """Return the hull of two groups that overlap; None if they do not overlap in the same way in every turn."""
    distance = int(b.places[0] - a.places[0])
    if (b.places - a.places != distance).any():
        return None
    if not distance and a.view == b.view:
        return _Group(a.places, a.view, a.place, {**a.members, **b.members}, is_written=True)
    if not a.view.is_contiguous or not b.view.is_contiguous:
        return None
    start = min(0, distance)
    end = max(math.prod(a.view.shape), distance + math.prod(b.view.shape))
    members = {q: (d - start, v) for q, (d, v) in a.members.items()}
    members |= {q: (d + distance - start, v) for q, (d, v) in b.members.items()}
    view = whole((end - start,))
    place = _shifted(a.place, start)
    return _Group(a.places + start, view, place, members, is_written=True)


def _shifted(place: Line | Listed, by: int) -> Line | Listed:
    if isinstance(place, Line):
        return Line(place.first + by, place.step)
    return Listed(tuple([p + by for p in place.places]))
