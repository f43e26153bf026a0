"""The computation graph as SVG, as course notes draw it: the value above each wire, the gradient below it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from chainrule.explanation.arrangement import Route, arranged, last_of
from chainrule.explanation.drawing import Point, curve, document, element, group, label
from chainrule.explanation.folding import Fold, folded
from chainrule.explanation.glyphs import (
    Glyph,
    glyph,
    label_of,
    local_text,
    sign,
    text_width,
    weight,
)
from chainrule.explanation.layout import Box, Layout
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Graph, Wire

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

GATE_HEIGHT = 32.0
NODE_HEIGHT = 58.0
LOCAL_SIZE = 11.5
_MOST_UNFOLDED = 60
_BOLD = 1.16
"""How much wider bold letters are."""
_MARGIN = 24.0
_HEAD = 34.0
_FOOT = 34.0
_THINNEST, _THICKEST = 1.3, 6.0
_MOST_DESCRIBED = 40


def graph_svg(explanation: Explanation, digits: int) -> str:
    """Return the picture of the whole graph; a large one is folded."""
    graph, shown = explanation.graph, Digits(digits)
    fold = Fold("all", explanation.outcome, graph.wires)
    if len(graph.wires) > _MOST_UNFOLDED:
        fold = _unwrapped(folded(graph, explanation.tape))
    glyphs = {item: _glyph(item, shown) for item in fold.items}
    found = arranged(
        fold,
        lambda item: node_box(glyphs[item]),
        lambda edge: text_width(local_text(edge, shown), LOCAL_SIZE),
    )
    largest = max((_size(r.edges) for r in found.routes), default=0.0)
    drawn = [_route(r, fold, shown, largest) for r in found.routes]
    for item, center, box in zip(fold.items, found.layout.centers, found.boxes, strict=True):
        wire = item if isinstance(item, Wire) else last_of(item)
        name = label_of(wire) if isinstance(item, Wire) else item.title
        drawn.append(node(glyphs[item], center, box, name, explanation.gradient_name(wire)))
    return _page(explanation, drawn, found.layout, shown)


def folded_glyph(fold: Fold, last: Glyph) -> Glyph:
    """Return what is shown of a closed fold: its title, and the numbers of its last value."""
    count = sum(w.node.op is not None for w in fold.wires())
    return Glyph(fold.title, f"{count} steps", last.value, last.gradient, "fold")


def _glyph(item: Wire | Fold, digits: Digits) -> Glyph:
    if isinstance(item, Wire):
        return glyph(item, digits)
    return folded_glyph(item, glyph(last_of(item), digits))


def _unwrapped(fold: Fold) -> Fold:
    """Open what there is on the way in as long as it is one fold."""
    while len(fold.items) == 1 and isinstance(fold.items[0], Fold):
        fold = fold.items[0]
    return fold


def node_box(g: Glyph) -> Box:
    """Return the size of a gate together with the stub of wire that carries its numbers."""
    return Box(gate_width(g) + stub_width(g), NODE_HEIGHT)


def gate_width(g: Glyph) -> float:
    """Return the width of the gate alone."""
    return max(GATE_HEIGHT, text_width(g.symbol, 15) + 18, text_width(g.name, 12))


def stub_width(g: Glyph) -> float:
    """Return how long the wire behind a gate is: as long as its numbers."""
    return _BOLD * max(text_width(g.value, 13), text_width(g.gradient, 13)) + 16


def node(g: Glyph, center: Point, box: Box, name: str, gradient: str) -> str:
    """Draw a gate, its name below it, and its wire between the two numbers."""
    x, y = center[0] - box.width / 2, center[1]
    width = gate_width(g)
    middle = x + width + stub_width(g) / 2 + 2
    kind = {"input": "cr-input", "fold": "cr-folded", "op": ""}[g.kind]
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
            rx=8.0 if kind else GATE_HEIGHT / 2,
        ),
        label(g.symbol, x + width / 2, y + 0.5, "cr-symbol"),
        *([label(g.name, x + width / 2, y + GATE_HEIGHT / 2 + 14, "cr-name")] if g.name else []),
        label(g.value, middle, y - 6, "cr-value"),
        label(g.gradient, middle, y + 17, "cr-gradient"),
        class_=f"cr-node {kind}" if kind else "cr-node",
    )


def _route(route: Route, fold: Fold, digits: Digits, largest: float) -> str:
    """Draw a wire: as wide as what flows back over it, dashed where that is negative."""
    total = sum(sign(e.contribution) * weight(e.contribution) for e in route.edges)
    kind = "cr-plus" if total > 0 else "cr-minus" if total < 0 else "cr-none"
    share = _size(route.edges) / largest if largest else 0.0
    thickness = _THINNEST + (_THICKEST - _THINNEST) * share**0.5
    text = local_text(route.edges[0], digits) if isinstance(fold.items[route.end], Wire) else ""
    x, y = _before_end(route.points)
    return group(
        element(
            "path",
            class_=f"cr-wire {kind}",
            d=curve(route.points),
            stroke_width=round(thickness, 1),
        ),
        *([label(text, x, y, "cr-local")] if text else []),
    )


def _size(edges: Sequence[Edge]) -> float:
    return sum(weight(e.contribution) for e in edges)


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
