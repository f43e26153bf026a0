"""One fold, laid out: its values and folds, the wires between them, and the ports where wires come in and go out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from chainrule.explanation.drawing import Point
from chainrule.explanation.folding import Fold
from chainrule.explanation.layout import Box, Gaps, Layout, layered
from chainrule.explanation.wires import Edge, Wire

_PORT_HEIGHT = 14.0
_LEAST_COLUMN = 56.0
_AROUND_LABEL = 34.0


@dataclass(frozen=True, eq=False)
class Route:
    """A wire from one item to another; `start` and `end` count the items and, behind them, the ports.

    Attributes:
        wire: the value that it carries.
        start: where it comes from.
        end: where it goes.
        edges: the steps of the chain rule that it stands for.
        points: its way.
    """

    wire: Wire
    start: int
    end: int
    edges: tuple[Edge, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, eq=False)
class Arrangement:
    """A fold with places for everything in it.

    Attributes:
        boxes: the sizes of the items.
        ports: per port the value that passes it, and -1 where it comes in, 1 where it goes out.
        routes: the wires.
        layout: the places of items and ports.
    """

    boxes: tuple[Box, ...]
    ports: tuple[tuple[Wire, int], ...]
    routes: tuple[Route, ...]
    layout: Layout


def arranged(
    fold: Fold, box: Callable[[Wire | Fold], Box], label_width: Callable[[Edge], float]
) -> Arrangement:
    """Lay out a fold; between two layers there is room for the widest label of an edge."""
    place = {w: i for i, item in enumerate(fold.items) for w in wires_of(item)}
    ports: dict[tuple[Wire, int], int] = {}
    steps: dict[tuple[Wire, int, int], list[Edge]] = {}

    def port(wire: Wire, side: int) -> int:
        return ports.setdefault((wire, side), len(fold.items) + len(ports))

    for wire, here in place.items():
        for edge in wire.edges:
            start = place.get(edge.source)
            if start is None:
                start = port(edge.source, -1)
            if start != here:
                steps.setdefault((edge.source, start, here), []).append(edge)
        for edge in wire.readers:
            if edge.target not in place:
                steps.setdefault((wire, here, port(wire, 1)), []).append(edge)
    boxes = tuple(map(box, fold.items))
    widest = max((label_width(edges[0]) for edges in steps.values()), default=0.0)
    layout = layered(
        (*boxes, *(Box(0.0, _PORT_HEIGHT, side) for _, side in ports)),
        tuple((start, end) for _, start, end in steps),
        Gaps(column=max(_LEAST_COLUMN, widest + _AROUND_LABEL)),
    )
    routes = tuple(
        Route(*key, tuple(edges), points)
        for (key, edges), points in zip(steps.items(), layout.routes, strict=True)
    )
    return Arrangement(boxes, tuple(ports), routes, layout)


def wires_of(item: Wire | Fold) -> list[Wire]:
    """Return the values that an item stands for."""
    return [item] if isinstance(item, Wire) else list(item.wires())


def last_of(fold: Fold) -> Wire:
    """Return the value by which a fold is known: the last that is computed in it, or the last input."""
    wires = list(fold.wires())
    return next((w for w in reversed(wires) if w.node.op is not None), wires[-1])
