"""Which loop nest a piece of work joins: the first that it fits and in which all it reads is there in time."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator

from chainrule.compiler.planning.plan import (
    Array,
    Fold,
    Group,
    HostCall,
    Item,
    Lookup,
    LoopCall,
    MatrixProduct,
    Operand,
    Piece,
    Read,
    Scan,
    UnfoldedProduct,
    Uniform,
)
from chainrule.compiler.views import View, over, row_by_row
from chainrule.core.types import Shape


class Grouping:
    """The items of a plan under way.

    Attributes:
        items: all work so far, in order.
    """

    def __init__(self) -> None:
        self.items: list[Item] = []
        self._places: dict[Shape, list[int]] = defaultdict(list)

    def append(self, item: Item) -> int:
        """Put work behind everything else, and return its number."""
        self.items.append(item)
        place = len(self.items) - 1
        if isinstance(item, (Scan, MatrixProduct, UnfoldedProduct)):
            item.out.ready = place
        elif isinstance(item, HostCall):
            for out in item.outs:
                out.ready = place
        elif isinstance(item, LoopCall):
            for written in (*item.outs, *item.operands[: item.changes]):
                written.array.ready = place
        return place

    def join(self, piece: Piece) -> None:
        """Put a piece into the first group whose loops it may share, or into one of its own."""
        earliest = max(map(_ready, piece.operands), default=-1)
        for rows, domain in self._domains(piece):
            candidates = self._places[domain]
            for place in candidates[bisect_left(candidates, earliest) :]:
                group = self.items[place]
                assert isinstance(group, Group)
                if _may_join(group, place, piece, rows=rows):
                    self._enter(group, place, piece, rows=rows)
                    return
        group = Group(piece.domain)
        place = self.append(group)
        self._places[piece.domain].append(place)
        self._enter(group, place, piece, rows=False)

    def _enter(self, group: Group, place: int, piece: Piece, *, rows: bool) -> None:
        group.pieces.append(piece)
        if rows:
            group.rows.add(piece)
        piece.out.ready = place

    def _domains(self, piece: Piece) -> list[tuple[bool, Shape]]:
        """Return the domains of groups that a piece may join: as one of their rows first, then as its own."""
        found = dict.fromkeys(
            [
                (True, group.domain)
                for group, maker in self._makers(piece)
                if group.domain
                and (maker in group.rows or is_row_fold(maker, group))
                and piece.domain in {group.domain[:-1], (*group.domain[:-1], 1)}
            ]
        )
        return [*found, (False, piece.domain)]

    def _makers(self, piece: Piece) -> Iterator[tuple[Group, Piece]]:
        """Yield the groups that compute what a piece reads, with the piece of theirs that does."""
        for x in piece.operands:
            maker = x.array.maker if isinstance(x, Read) else None
            if maker is not None and isinstance(x, Read) and x.array.ready >= 0:
                group = self.items[x.array.ready]
                if isinstance(group, Group):
                    yield group, maker


def is_row_fold(piece: Piece, group: Group) -> bool:
    """Say whether a piece folds just the last axis of the group: its result is there behind each row."""
    return (
        isinstance(piece, Fold)
        and piece not in group.rows
        and piece.axes == (len(group.domain) - 1,)
    )


def reads(x: Operand, array: Array) -> bool:
    """Say whether an operand reads an array."""
    if isinstance(x, Uniform):
        return False
    if isinstance(x, Lookup) and any(reads(p.index, array) for p in x.positions):
        return True
    return x.array is array


def _ready(x: Operand) -> int:
    """Return the number of the first item in which an operand can be read."""
    if isinstance(x, Uniform):
        return -1
    if isinstance(x, Lookup):
        behind = x.array.ready + 1 if x.array.ready >= 0 else -1
        return max(behind, *[_ready(p.index) for p in x.positions])
    return x.array.ready


def _may_join(group: Group, place: int, piece: Piece, *, rows: bool) -> bool:
    """Say whether everything that a piece of this group would read is there in time."""
    for x in piece.operands:
        if isinstance(x, Lookup):
            if _ready(x) > place:
                return False
            if not all(_is_readable(group, place, p.index, rows=rows) for p in x.positions):
                return False
        elif not _is_readable(group, place, x, rows=rows):
            return False
    return True


def _is_readable(group: Group, place: int, x: Operand, *, rows: bool) -> bool:
    """Say whether an operand is in memory before the group, or made by it in step with its loops."""
    if not isinstance(x, Read):
        return isinstance(x, Uniform)
    if x.array.ready < place:
        return True
    maker = x.array.maker
    if x.array.ready > place or maker is None or maker not in group.pieces:
        return False
    outer = group.domain[:-1]
    if maker in group.rows or is_row_fold(maker, group):
        if maker in group.rows and isinstance(maker, Fold):
            return False
        return _walks(x.view, outer, outer) if rows else _walks(x.view, group.domain, (*outer, 1))
    return not rows and not isinstance(maker, Fold) and _walks(x.view, group.domain, group.domain)


def _walks(view: View, domain: Shape, of: Shape) -> bool:
    """Say whether a view, broadcast to a domain, goes through an array of shape `of` in step with the domain."""
    if view.offset:
        return False
    if len(view.shape) > len(domain):
        if any(n != 1 for n in view.shape[len(domain) :]):
            return False
        view = View(view.shape[: len(domain)], view.strides[: len(domain)], 0)
    steps = over(view, domain)
    wanted = [0 if n == 1 else s for n, s in zip(of, row_by_row(of), strict=True)]
    return all(n == 1 or s == w for n, s, w in zip(domain, steps, wanted, strict=True))
