"""The computation graph as SVG, as course notes draw it: the value above each wire, the gradient below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.explanation.drawing import Point, curve, document, element, group, label
from chainrule.explanation.glyphs import (
    Glyph,
    glyph,
    label_of,
    local_text,
    sign,
    text_width,
    weight,
)
from chainrule.explanation.layout import Box, Gaps, Layout, layered
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Graph

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

GATE_HEIGHT = 32.0
NODE_HEIGHT = 58.0
_MARGIN = 24.0
_HEAD = 34.0
_FOOT = 34.0
_THINNEST, _THICKEST = 1.3, 6.0
_MOST_DESCRIBED = 40


def graph_svg(explanation: Explanation, digits: int) -> str:
    """Return the picture of the whole graph."""
    graph, shown = explanation.graph, Digits(digits)
    wires = {wire: i for i, wire in enumerate(graph.wires)}
    glyphs = [glyph(wire, shown) for wire in graph.wires]
    boxes = tuple(node_box(g) for g in glyphs)
    ends = tuple((wires[e.source], wires[e.target]) for e in graph.edges)
    locals_ = [local_text(e, shown) for e in graph.edges]
    widest = max((text_width(t, 11.5) for t in locals_), default=0.0)
    layout = layered(boxes, ends, Gaps(column=max(56.0, widest + 34)))
    largest = max((weight(e.contribution) for e in graph.edges), default=0.0)
    drawn = [
        *(
            _edge(edge, route, text, largest)
            for edge, route, text in zip(graph.edges, layout.routes, locals_, strict=True)
        ),
        *(
            node(g, center, box, label_of(wire), explanation.gradient_name(wire))
            for wire, g, center, box in zip(graph.wires, glyphs, layout.centers, boxes, strict=True)
        ),
    ]
    return _page(explanation, drawn, layout, shown)


def node_box(g: Glyph) -> Box:
    """Return the size of a gate together with the stub of wire that carries its numbers."""
    return Box(gate_width(g) + stub_width(g), NODE_HEIGHT)


def gate_width(g: Glyph) -> float:
    """Return the width of the gate alone."""
    return max(GATE_HEIGHT, text_width(g.symbol, 15) + 18, text_width(g.name, 12))


def stub_width(g: Glyph) -> float:
    """Return how long the wire behind a gate is: as long as its numbers."""
    return max(text_width(g.value, 13), text_width(g.gradient, 13)) + 16


def node(g: Glyph, center: Point, box: Box, name: str, gradient: str) -> str:
    """Draw a gate, its name below it, and its wire between the two numbers."""
    x, y = center[0] - box.width / 2, center[1]
    width = gate_width(g)
    middle = x + width + stub_width(g) / 2 + 2
    return group(
        element("title", text=f"{name} = {g.value}, {gradient} = {g.gradient}"),
        element("path", class_="cr-stub", d=curve([(x + width, y), (x + box.width, y)])),
        element(
            "rect",
            class_="cr-gate",
            x=x,
            y=y - GATE_HEIGHT / 2,
            width=width,
            height=GATE_HEIGHT,
            rx=8.0 if g.is_input else GATE_HEIGHT / 2,
        ),
        label(g.symbol, x + width / 2, y + 0.5, "cr-symbol"),
        *([label(g.name, x + width / 2, y + GATE_HEIGHT / 2 + 14, "cr-name")] if g.name else []),
        label(g.value, middle, y - 6, "cr-value"),
        label(g.gradient, middle, y + 17, "cr-gradient"),
        class_="cr-node cr-input" if g.is_input else "cr-node",
    )


def _edge(edge: Edge, route: Sequence[Point], text: str, largest: float) -> str:
    """Draw an edge: as wide as what flows back over it, dashed where that is negative."""
    kind = {1: "cr-plus", -1: "cr-minus", 0: "cr-none"}[sign(edge.contribution)]
    share = weight(edge.contribution) / largest if largest else 0.0
    thickness = _THINNEST + (_THICKEST - _THINNEST) * share**0.5
    x, y = _before_end(route)
    return group(
        element("path", class_=f"cr-wire {kind}", d=curve(route), stroke_width=round(thickness, 1)),
        *([label(text, x, y, "cr-local")] if text else []),
    )


def _before_end(route: Sequence[Point]) -> Point:
    """Return where the label of an edge stands: in the middle of its last stretch, which no other edge shares."""
    (x, y), (a, b) = route[-2:]
    return x + (a - x) * 0.56, y + (b - y) * 0.62 - 4


def _page(explanation: Explanation, drawn: Sequence[str], layout: Layout, digits: Digits) -> str:
    title = f"{explanation.outcome} {digits.equals(explanation.value)} {digits.number(explanation.value)}"
    width = max(layout.width + 2 * _MARGIN, 460.0)
    height = layout.height + _HEAD + _FOOT + 2 * _MARGIN
    left = (width - layout.width) / 2
    return document(
        [
            label(title, _MARGIN, _MARGIN + 8, "cr-title"),
            group(*drawn, transform=f"translate({left:.1f} {_HEAD + _MARGIN:.1f})"),
            _legend(height - 18),
        ],
        width=width,
        height=height,
        title=f"Computation graph of {title}",
        description=" ".join(_described(explanation.graph, explanation, digits)),
    )


def _legend(y: float) -> str:
    return element(
        "text",
        element("tspan", text="value", class_="cr-green"),
        element("tspan", text=" above the wire, "),
        element("tspan", text="gradient", class_="cr-red"),
        element(
            "tspan",
            text=" below; × local derivative; width: size of the contribution; dashed: negative",
        ),
        x=_MARGIN,
        y=y,
        class_="cr-legend",
    )


def _described(graph: Graph, explanation: Explanation, digits: Digits) -> Iterator[str]:
    """Say the picture in words."""
    yield f"{len(graph.wires)} values, {len(graph.edges)} edges."
    for wire in graph.wires[:_MOST_DESCRIBED]:
        g = glyph(wire, digits)
        yield f"{label_of(wire)} = {g.value}, {explanation.gradient_name(wire)} = {g.gradient}."
    if len(graph.wires) > _MOST_DESCRIBED:
        yield f"And {len(graph.wires) - _MOST_DESCRIBED} more."
