"""A tape that also notes what a plain one lets pass: constant ops, library lines, and the rules of nested sweeps."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from chainrule.autodiff.reverse import SWEPT
from chainrule.core.cells import HANDLES
from chainrule.core.op import Op
from chainrule.core.trace import Node
from chainrule.core.types import Value
from chainrule.explanation.names import Place
from chainrule.explanation.tape import ListedLevel, Tape, recorded
from chainrule.position import Position, caller, library_caller

_NEAR = 64
"""An op with several outputs makes a node for each; so far back its own is looked for."""


@dataclass(frozen=True, eq=False)
class Cut:
    """A use of traced values by an op whose derivative is zero everywhere: no gradient comes back from there."""

    op: str
    parents: tuple[Node, ...]
    place: Place
    library: Place


class WatchingLevel(ListedLevel):
    """A level that keeps every value, and notes what else a diagnosis asks for."""

    __slots__ = ("cuts", "library", "swept")

    def __init__(self) -> None:
        super().__init__()
        self.cuts: list[Cut] = []
        self.library: dict[Node, Place] = {}
        self.swept: dict[Node, Node] = {}

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        first = len(self.nodes)
        out = super().record(op, args, params)
        if op.is_constant:
            mine = [a.node for a in args if type(a) in HANDLES and a.level is self]
            self.cuts.append(Cut(op.name, tuple(mine), caller(), library_caller()))
            return out
        place, swept = library_caller(), SWEPT.get()
        for node in self.nodes[first:]:
            if place is not None:
                self.library[node] = place
            if swept is not None:
                self.swept[node] = swept
        return out


@dataclass(frozen=True, eq=False)
class Recording:
    """A run with all its values, and where everything was computed.

    Attributes:
        tape: the values.
        cuts: where values went into ops whose derivative is zero everywhere.
        library: nodes that code of the library recorded, such as a layer's, with that place.
        swept: nodes that a derivative rule recorded, in a gradient that the function takes itself, with the node whose
            rule it was.
    """

    tape: Tape
    cuts: tuple[Cut, ...]
    library: Mapping[Node, Place]
    swept: Mapping[Node, Node]

    def position(self, node: Node) -> Position | None:
        """Return the user's line of a node; of a step that lies wholly inside the library the line there."""
        source = self.source(node)
        if source.place is not None and source.place != self.tape.outside:
            return source.position
        return self.inside(source)

    def inside(self, node: Node) -> Position | None:
        """Return the line of the library that recorded a node, such as a layer's."""
        place = self.library.get(self.source(node))
        return None if place is None else Position(*place)

    def position_of(self, cut: Cut) -> Position | None:
        """Return the line of a cut."""
        place = cut.library if cut.place in {None, self.tape.outside} else cut.place
        return None if place is None else Position(*place)

    def source(self, node: Node) -> Node:
        """Return the node itself; of one that a derivative rule recorded, the forward node it is the rule of."""
        swept = self.swept.get(node)
        if swept is None:
            return node
        # The inner trace made its node right after this tape's for the same call.
        end = bisect_left(self._numbers, swept.number)
        for candidate in reversed(self.tape.nodes[max(end - _NEAR, 0) : end]):
            if candidate.op is swept.op and candidate.type == swept.type:
                return candidate
        return node

    @functools.cached_property
    def _numbers(self) -> list[int]:
        return list(map(attrgetter("number"), self.tape.nodes))


def watch(
    where: str,
    f: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    positions: Container[int],
) -> Recording:
    """Run `f` with the arguments at `positions` traced."""
    level = WatchingLevel()
    tape = recorded(where, level, f, args, options, positions)
    return Recording(tape, tuple(level.cuts), level.library, level.swept)
