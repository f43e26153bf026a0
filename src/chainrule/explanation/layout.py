"""Layered layout of a graph without cycles: layers from left to right, few crossings, long edges routed.

The steps are those of Sugiyama, Tagawa and Toda (1981). Nothing is random: equal graphs are laid out equally.
"""

from __future__ import annotations

import functools
import itertools
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

Point = tuple[float, float]
Edge = tuple[int, int]
_SWEEPS = 12
_SETTLING = 8
_ROUTE_HEIGHT = 10.0
"""What a long edge takes of a layer it passes."""
_STRAIGHTNESS = 6.0
"""How much more a bend between two layers costs for a long edge; half of that for a step with no other beside it."""


@dataclass(frozen=True)
class Box:
    """A node to place: its size, and whether its place is the left border, the right border, or free."""

    width: float
    height: float
    border: int = 0


@dataclass(frozen=True)
class Gaps:
    """The least distance between layers and between neighbours in a layer."""

    column: float = 56.0
    row: float = 22.0


@dataclass(frozen=True)
class Layout:
    """Where everything is: centres of the boxes, points of the edges, and the size of the whole."""

    centers: tuple[Point, ...]
    routes: tuple[tuple[Point, ...], ...]
    width: float
    height: float


@functools.lru_cache(maxsize=512)
def layered(boxes: tuple[Box, ...], edges: tuple[Edge, ...], gaps: Gaps = Gaps()) -> Layout:
    """Lay out boxes in layers; every edge goes from a box to one of a layer further right.

    >>> layered((Box(10, 10), Box(10, 10)), ((0, 1),), Gaps(column=30)).centers
    ((5.0, 5.0), (45.0, 5.0))

    Args:
        boxes: the sizes.
        edges: pairs of indices, without a cycle.
        gaps: the distances to keep.
    """
    if not boxes:
        return Layout((), (), 0.0, 0.0)
    ranks = _ranks(boxes, edges)
    proper = _Proper.of(boxes, edges, ranks)
    layers = _ordered(proper)
    rows = _rows(proper, layers, gaps.row)
    lefts, width = _columns(boxes, ranks, gaps.column)
    sources = set(range(len(boxes))) - {v for _, v in edges}
    centers = []
    for i, box in enumerate(boxes):
        left, column = lefts[ranks[i]]
        to_the_right = i in sources and not box.border
        x = left + (column - box.width / 2 if to_the_right else box.width / 2)
        centers.append((x, rows[i]))
    routes = _routes(boxes, edges, proper, centers, rows, lefts, ranks)
    top = min(rows[i] - h / 2 for i, h in enumerate(proper.heights))
    bottom = max(rows[i] + h / 2 for i, h in enumerate(proper.heights))
    return Layout(
        tuple((x, y - top) for x, y in centers),
        tuple(tuple((x, y - top) for x, y in route) for route in routes),
        width,
        bottom - top,
    )


def _ranks(boxes: Sequence[Box], edges: Sequence[Edge]) -> list[int]:
    """Return the layer of every box: as far left as its arguments allow, a source just before its first reader."""
    readers: list[list[int]] = [[] for _ in boxes]
    waiting = [0] * len(boxes)
    for u, v in edges:
        readers[u].append(v)
        waiting[v] += 1
    start = 1 if any(b.border < 0 for b in boxes) else 0
    ranks = [0 if b.border < 0 else start for b in boxes]
    is_source = [not n for n in waiting]
    ready = [i for i, n in enumerate(waiting) if not n]
    for u in ready:
        for v in readers[u]:
            ranks[v] = max(ranks[v], ranks[u] + 1)
            waiting[v] -= 1
            if not waiting[v]:
                ready.append(v)
    assert len(ready) == len(boxes), "the graph has a cycle"
    for i, box in enumerate(boxes):
        if is_source[i] and readers[i] and box.border >= 0:
            ranks[i] = max(start, min(ranks[v] for v in readers[i]) - 1)
    inner = [r for r, b in zip(ranks, boxes, strict=True) if b.border <= 0]
    last = max(inner, default=-1) + 1
    return [last if b.border > 0 else r for r, b in zip(ranks, boxes, strict=True)]


@dataclass(frozen=True)
class _Proper:
    """The graph with a stop in every layer that an edge passes: each step goes to the next layer.

    Attributes:
        heights: of the boxes and, behind them, the stops.
        layers: what is in each layer.
        before: per box or stop the neighbours one layer to the left, with the weight of the step.
        after: those to the right.
        stops: per edge its stops.
    """

    heights: list[float]
    layers: list[list[int]]
    before: list[list[tuple[int, float]]]
    after: list[list[tuple[int, float]]]
    stops: list[list[int]]

    @classmethod
    def of(cls, boxes: Sequence[Box], edges: Sequence[Edge], ranks: Sequence[int]) -> _Proper:
        heights = [b.height for b in boxes]
        layers: list[list[int]] = [[] for _ in range(max(ranks) + 1)]
        for i, rank in enumerate(ranks):
            layers[rank].append(i)
        stops: list[list[int]] = []
        steps: list[tuple[int, int, float]] = []
        counts = Counter(u for u, _ in edges)
        arriving = Counter(v for _, v in edges)
        for u, v in edges:
            passed = []
            for rank in range(ranks[u] + 1, ranks[v]):
                layers[rank].append(len(heights))
                passed.append(len(heights))
                heights.append(_ROUTE_HEIGHT)
            chain = [u, *passed, v]
            is_alone = not passed and counts[u] == 1 and arriving[v] == 1
            weight = _STRAIGHTNESS if passed else _STRAIGHTNESS / 2 if is_alone else 1.0
            steps += [(a, b, weight) for a, b in itertools.pairwise(chain)]
            stops.append(passed)
        before: list[list[tuple[int, float]]] = [[] for _ in heights]
        after: list[list[tuple[int, float]]] = [[] for _ in heights]
        for a, b, weight in steps:
            after[a].append((b, weight))
            before[b].append((a, weight))
        return cls(heights, layers, before, after, stops)


def _ordered(graph: _Proper) -> list[list[int]]:
    """Order every layer by the middle of its neighbours, to and fro, and keep the order with fewest crossings."""
    layers = [list(layer) for layer in graph.layers]
    best, fewest = [list(layer) for layer in layers], _crossings(graph, layers)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        neighbours = graph.after if sweep % 2 else graph.before
        indices = range(len(layers) - 1, -1, -1) if sweep % 2 else range(len(layers))
        place = {v: i for layer in layers for i, v in enumerate(layer)}
        for i in indices:
            layers[i] = _sorted(layers[i], neighbours, place)
            place.update({v: k for k, v in enumerate(layers[i])})
        count = _crossings(graph, layers)
        if count < fewest:
            best, fewest = [list(layer) for layer in layers], count
    return best


def _sorted(
    layer: list[int], neighbours: list[list[tuple[int, float]]], place: dict[int, int]
) -> list[int]:
    """Sort a layer by the mean place of each one's neighbours; who has none keeps its own."""

    def middle(v: int) -> float:
        places = [place[u] for u, _ in neighbours[v]]
        return sum(places) / len(places) if places else float(place[v])

    return sorted(layer, key=middle)


def _crossings(graph: _Proper, layers: list[list[int]]) -> int:
    """Count the pairs of steps that cross."""
    count = 0
    for left, right in itertools.pairwise(layers):
        place = {v: i for i, v in enumerate(right)}
        seen: list[int] = []
        for u in left:
            ends = sorted(place[v] for v, _ in graph.after[u])
            count += sum(len(seen) - bisect_right(seen, end) for end in ends)
            for end in ends:
                insort(seen, end)
    return count


def _rows(graph: _Proper, layers: list[list[int]], gap: float) -> list[float]:
    """Return the height of every box and stop: close to its neighbours, none nearer to the next than the gap."""
    rows = [0.0] * len(graph.heights)
    for layer in layers:
        y = 0.0
        for v in layer:
            rows[v] = y + graph.heights[v] / 2
            y += graph.heights[v] + gap
        for v in layer:
            rows[v] -= (y - gap) / 2
    both = [b + a for b, a in zip(graph.before, graph.after, strict=True)]
    for sweep in range(_SETTLING):
        for neighbours, order in ((graph.before, layers), (graph.after, layers[::-1])):
            used = both if sweep >= _SETTLING // 2 else neighbours
            for layer in order:
                _settle(layer, used, graph.heights, rows, gap)
    return rows


def _settle(
    layer: list[int],
    neighbours: list[list[tuple[int, float]]],
    heights: list[float],
    rows: list[float],
    gap: float,
) -> None:
    """Move a layer to the least squares of the distances from its neighbours, order and gaps kept.

    With the gaps taken off this is isotonic regression: adjacent violators are pooled.
    """
    offset, offsets = 0.0, []
    for i, v in enumerate(layer):
        if i:
            offset += (heights[layer[i - 1]] + heights[v]) / 2 + gap
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many
    for v, off in zip(layer, offsets, strict=True):
        weight = sum(w for _, w in neighbours[v])
        mean = sum(rows[u] * w for u, w in neighbours[v]) / weight if weight else rows[v]
        pool = (mean - off, weight or 0.1, 1)
        while pools and pools[-1][0] >= pool[0]:
            other = pools.pop()
            total = other[1] + pool[1]
            pool = (
                (other[0] * other[1] + pool[0] * pool[1]) / total,
                total,
                other[2] + pool[2],
            )
        pools.append(pool)
    values = [mean for mean, _, count in pools for _ in range(count)]
    for v, off, value in zip(layer, offsets, values, strict=True):
        rows[v] = value + off


def _columns(
    boxes: Sequence[Box], ranks: Sequence[int], gap: float
) -> tuple[list[tuple[float, float]], float]:
    """Return the left end and the width of every layer, and the width of all."""
    widths = [0.0] * (max(ranks) + 1)
    for box, rank in zip(boxes, ranks, strict=True):
        widths[rank] = max(widths[rank], box.width)
    lefts, x = [], 0.0
    for width in widths:
        lefts.append((x, width))
        x += width + gap
    return lefts, x - gap


def _routes(
    boxes: Sequence[Box],
    edges: Sequence[Edge],
    graph: _Proper,
    centers: Sequence[Point],
    rows: Sequence[float],
    lefts: Sequence[tuple[float, float]],
    ranks: Sequence[int],
) -> list[list[Point]]:
    """Return the points of every edge; edges that end in one box end side by side, in the order they come from."""
    arriving: list[list[int]] = [[] for _ in boxes]
    for k, (_, v) in enumerate(edges):
        arriving[v].append(k)
    ends: dict[int, float] = {}
    for v, those in enumerate(arriving):
        those.sort(key=lambda k: rows[graph.stops[k][-1] if graph.stops[k] else edges[k][0]])
        room = min(9.0, (boxes[v].height * 0.55) / max(len(those) - 1, 1))
        for place, k in enumerate(those):
            ends[k] = rows[v] + (place - (len(those) - 1) / 2) * room
    routes = []
    for k, (u, v) in enumerate(edges):
        route = [(centers[u][0] + boxes[u].width / 2, rows[u])]
        for stop, rank in zip(graph.stops[k], range(ranks[u] + 1, ranks[v]), strict=True):
            left, width = lefts[rank]
            route += [(left, rows[stop]), (left + width, rows[stop])]
        route.append((centers[v][0] - boxes[v].width / 2, ends[k]))
        routes.append(route)
    return routes
