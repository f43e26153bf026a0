"""Paths from an entry to the result: how many, which weigh most, and what all of them add up to."""

from __future__ import annotations

import heapq
import itertools
from dataclasses import dataclass

from chainrule.explanation.columns import wrapped
from chainrule.explanation.formula import written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Graph, Wire


@dataclass(frozen=True)
class Path:
    """One way from an entry to the result.

    Attributes:
        names: the values on the way, the entry first.
        factors: the local derivative of each step.
        product: the product of the factors and the seed: what this path adds to the gradient.
    """

    names: tuple[str, ...]
    factors: tuple[float, ...]
    product: float

    def line(self, digits: Digits) -> str:
        """Write `s → x → z: 4 · 8 = 32`."""
        shown = [digits.number(f) for f in self.factors]
        factors = " · ".join(
            f"({f})" if f.startswith("−") and i else f for i, f in enumerate(shown)
        )
        sign = digits.equals(self.product, *self.factors)
        return f"{' → '.join(self.names)}: {factors or '1'} {sign} {digits.number(self.product)}"

    def __str__(self) -> str:
        """`s → x → z: 4 · 8 = 32`."""
        return self.line(Digits(6))


@dataclass(frozen=True)
class Paths:
    """The paths from one entry to the result.

    Attributes:
        count: how many there are, exactly.
        strongest: those with the largest products by size, the largest first.
        total: the sum of the products of all paths: the gradient, computed another way.
    """

    count: int
    strongest: tuple[Path, ...]
    total: float

    def lines(self, digits: Digits, width: int | None = None) -> list[str]:
        """Write the count, the strongest paths and the sum, on a page `width` columns wide."""
        one = "path" if self.count == 1 else "paths"
        shown = len(self.strongest)
        head = f"{self.count:,} {one}" + (
            f", the strongest {shown}:" if shown < self.count else ":"
        )
        room = None if width is None else width - 4
        listed = [f"  {line}" for p in self.strongest for line in wrapped(p.line(digits), room, 4)]
        total = f"sum of all {digits.equals(self.total)} {digits.number(self.total)}"
        return [head, *listed, total]

    def __str__(self) -> str:
        """The count, the strongest paths and the sum."""
        return "\n".join(self.lines(Digits(6)))


@dataclass(frozen=True)
class _Tail:
    """The end of a path: an edge and what follows; None at the result."""

    edge: Edge
    rest: _Tail | None


def paths_from(graph: Graph, start: Wire, seed: float, top: int) -> Paths:
    """Count the paths from `start` to the result, and find the `top` strongest, by dynamic programming."""
    counts: dict[Wire, int] = {graph.output: 1}
    best: dict[Wire, list[tuple[float, _Tail | None]]] = {graph.output: [(abs(seed), None)]}
    for wire in reversed(graph.wires):
        if wire is graph.output:
            continue
        counts[wire] = sum(counts[e.target] for e in wire.readers)
        found = (
            (abs(e.local) * weight, _Tail(e, tail))
            for e in wire.readers
            for weight, tail in best[e.target]
        )
        best[wire] = heapq.nlargest(top, found, key=lambda pair: pair[0])
    strongest = tuple(_path(start, tail, seed) for _, tail in best[start][:top])
    return Paths(counts[start], strongest, _sum(graph, start) * seed)


def _path(start: Wire, tail: _Tail | None, seed: float) -> Path:
    wires, factors, product = [start], [], seed
    while tail is not None:
        wires.append(tail.edge.target)
        factors.append(tail.edge.local)
        product *= tail.edge.local
        tail = tail.rest
    names = (written(w.label, Digits(6).names) for w in wires)
    return Path(tuple(name for name, _ in itertools.groupby(names)), tuple(factors), product)


def _sum(graph: Graph, start: Wire) -> float:
    """Carry a unit from the entry forward: what arrives is the sum over all paths."""
    moved = {start: 1.0}
    for wire in graph.wires:
        if wire is not start:
            moved[wire] = sum(e.local * moved[e.source] for e in wire.edges)
    return moved[graph.output]
