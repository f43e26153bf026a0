"""The body of a loop as a graph, whose inputs are lanes and blocks of arrays that lie in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from chainrule.compiler.passes.rewrite import Builder, Operand, derived
from chainrule.compiler.rolling.array_loops.chains import Chain, Hull
from chainrule.compiler.rolling.array_loops.choosing import is_moving_read
from chainrule.compiler.rolling.array_loops.keeping import Keeping
from chainrule.compiler.rolling.array_loops.memory import NotRolledError, input_like
from chainrule.compiler.rolling.array_loops.versions import Versions
from chainrule.compiler.rolling.blocks import block_of
from chainrule.compiler.rolling.lanes import Lane, Line, Listed, Own, Rolled, Table
from chainrule.compiler.views import View
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, array_type, type_of_plain
from chainrule.records import record


@record
class Part:
    """A block of an array that lies in memory: its places, counted from that of the turn."""

    lane: Lane
    view: View
    place: Line | Listed


@record
class Touched:
    """What a turn finds in the hull of blocks that it writes."""

    chain: Chain
    hull: Hull


Source = Lane | Part | Touched


class Body:
    """Makes the graph.

    Attributes:
        sources: what each input stands for.
        written: the hulls that a turn leaves something in, and what.
    """

    def __init__(self, keeping: Keeping, loop: Rolled) -> None:
        self.keeping = keeping
        self.loop = loop
        self.sources: dict[Node, Source] = {}
        self._inputs: dict[Source, Node] = {}
        self._build = Builder()
        self._made: dict[int, Operand] = {}
        self._versions = {chain: Versions(self, chain) for chain in keeping.loops[loop]}
        self._writers = {
            link.position: (v, link) for c, v in self._versions.items() for link in c.links
        }
        self._readers = {q: v for c, v in self._versions.items() for q in c.reads}
        hidden = {q for chain in keeping.loops[loop] for q in chain.hidden}
        for q in range(loop.period):
            node = self._build.origin = keeping.node(loop, q)
            if q in self._writers:
                versions, link = self._writers[q]
                versions.write(link)
            elif q not in hidden:
                self._made[q] = self._value(q, node)
        self.written = {
            Touched(chain, hull): value
            for chain, versions in self._versions.items()
            for hull, value in versions.written()
        }

    def raw(self, chain: Chain) -> Iterator[Hull]:
        """Yield the hulls of a chain in which the first turn finds -0.0 where it stands."""
        return iter(self._versions[chain].raw)

    def graph(self, positions: Sequence[int]) -> Graph:
        """Return the graph with these positions as results, and then what is written."""
        results = [*[self._made[q] for q in positions], *self.written.values()]
        return Graph(tuple(self.sources), tuple(self._build.made), tuple(results))

    def node(self, q: int) -> Node:
        """Return the node of a position."""
        return self.keeping.node(self.loop, q)

    def touched(self, chain: Chain, hull: Hull) -> Node:
        """Return the input that stands for what a hull holds when the turn begins."""
        return self._input(Touched(chain, hull), array_type(hull.view.shape, chain.type.dtype))

    def apply(self, name: str, *arguments: Operand, **params: Any) -> Node:
        """Return the node that applies an op."""
        return self._build.apply(TABLE[name], arguments, **params)

    def arguments(self, q: int, first: int) -> list[Operand]:
        """Return the arguments of a position, from the one with this number on."""
        node = self.node(q)
        return [self._argument(q, a, node) for a in range(first, len(node.args))]

    def _value(self, q: int, node: Node) -> Operand:
        if q in self._readers:
            return self._readers[q].read(q)
        if is_moving_read(self.keeping.outline, self.loop, q):
            return self._part(q, node)
        made = self._with_arguments(node, self.arguments(q, 0))
        self._build.made.append(made)
        return made

    def _part(self, q: int, node: Node) -> Operand:
        block, lane = block_of(node), self.loop.lanes[q][0]
        assert block is not None
        assert lane is not None
        view = View(block.view.shape, block.view.strides)
        t = array_type(view.shape, node.type.dtype)
        x = self._input(Part(lane, view, self.loop.places[q]), t)
        if not block.rest:
            return x
        return self.apply("getitem", x, *self.arguments(q, 1), index=block.rest)

    def _argument(self, q: int, a: int, node: Node) -> Operand:
        lane = self.loop.lanes[q][a]
        assert lane is not None
        if isinstance(lane, Own) and not lane.lag:
            return self._made[lane.position]
        if node.parents[a] is not None:
            return self._input(lane, node.args[a])
        if isinstance(lane, Table):
            return self._input(lane, type_of_plain(node.args[a]))
        return node.args[a]

    def _with_arguments(self, node: Node, arguments: Sequence[Operand]) -> Node:
        args, parents = list(node.args), list(node.parents)
        for a, x in enumerate(arguments):
            if type(x) is not Node:
                parents[a], args[a] = None, x
            else:
                args[a] = x.type if parents[a] is None else args[a]
                parents[a] = x
        return derived(node, node.op, tuple(args), node.params, tuple(parents), node.type)

    def _input(self, source: Source, t: Any) -> Node:
        known = self._inputs.get(source)
        if known is None:
            if type(t) is not ArrayType:
                raise NotRolledError
            origin = self.keeping.node(self.loop, 0)
            known = self._inputs[source] = input_like(origin, t)
            self.sources[known] = source
        return known
