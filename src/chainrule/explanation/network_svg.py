"""A network of layers as SVG: the forward pass with its neurons, and the reverse network with its amplifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanation.drawing import Point, curve, document, element, group, label
from chainrule.explanation.glyphs import text_width
from chainrule.explanation.network import Network
from chainrule.explanation.neurons_svg import (
    INPUT,
    NEURON,
    TRIANGLE,
    amplifier,
    input_box,
    loss_box,
    neuron_box,
)
from chainrule.explanation.numbers import Digits

_COLUMN = 224.0
_ROW = 104.0
_NARROW_ROW = 76.0
_ROOMY = 4
_MARGIN = 28.0
_HEAD = 78.0
_FOOT = 44.0
_MOST_ROWS = 10
_MOST_LABELS = 40
_THINNEST, _THICKEST = 0.8, 5.0


@dataclass(frozen=True)
class _Column:
    """What is shown of a layer: which of its values, of how many, and where."""

    shown: tuple[int, ...]
    count: int
    points: tuple[Point, ...]


def network_svg(network: Network, outcome: str, value: float, digits: int) -> str:
    """Return the picture of the forward pass: weights on the edges, `z` and `a` in every neuron."""
    shown = Digits(digits)
    columns, height = _columns(network)
    drawn: list[str] = []
    inputs = np.asarray(network.x)
    for layer, left, right in zip(network.layers, columns, columns[1:], strict=False):
        flows = layer.weights * inputs
        drawn += _edges(layer.weights, flows, left, right, shown, _neuron_ends)
        inputs = layer.a
    last = columns[-1]
    end = (last.points[0][0] + _COLUMN * 0.72, height / 2)
    drawn += [_line((x + NEURON[0] / 2, y), (end[0] - 40, end[1])) for x, y in last.points]
    drawn += [input_box(network.x[i], p, shown, "cr-value") for i, p in _places(columns[0])]
    for layer, column in zip(network.layers, columns[1:], strict=True):
        drawn += [neuron_box(layer, i, p, shown) for i, p in _places(column)]
    drawn += [loss_box(f"{outcome} {shown.equals(value)} {shown.number(value)}", end, "cr-value")]
    drawn += _headings(network, columns, "x")
    drawn += _left_out(columns)
    words = f"{outcome} = {shown.number(value)}. " + " ".join(_described(network, shown))
    legend = [
        ("z", ""),
        (" weighted sum, ", ""),
        ("a", "cr-green"),
        (
            " activation; on the edges the weights; width: what the edge adds to z; dashed: negative",
            "",
        ),
    ]
    return _page(drawn, columns, height, f"Forward pass of {outcome}", words, legend, network)


def reverse_svg(network: Network, outcome: str, digits: int) -> str:
    """Return the picture of the backward pass: the reversed network, a triangle amplifying by the slope per neuron."""
    shown = Digits(digits)
    columns, height = _columns(network)
    drawn: list[str] = []
    for layer, left, right in zip(network.layers, columns, columns[1:], strict=False):
        flows = layer.weights * np.asarray(layer.gradient_z)[:, None]
        drawn += _edges(layer.weights, flows, left, right, shown, _triangle_ends)
    last = columns[-1]
    end = (last.points[0][0] + _COLUMN * 0.72, height / 2)
    drawn += [
        _line((end[0] - 40, end[1]), (x + TRIANGLE + 2, y), arrow=True) for x, y in last.points
    ]
    drawn += [
        input_box(network.gradient_x[i], p, shown, "cr-gradient") for i, p in _places(columns[0])
    ]
    for layer, column in zip(network.layers, columns[1:], strict=True):
        drawn += [amplifier(layer, i, p, shown) for i, p in _places(column)]
    drawn += [loss_box(f"∂{outcome}/∂a", end, "cr-gradient")]
    drawn += _headings(network, columns, f"∂{outcome}/∂x")
    drawn += _left_out(columns)
    words = "Gradients flow from right to left. " + " ".join(_gains(network, outcome, shown))
    legend = [
        ("on the right of a triangle ", ""),
        (f"∂{outcome}/∂a", "cr-red"),
        (", in it the gain σ′(z), on its left ", ""),
        (f"∂{outcome}/∂z", "cr-red"),
        ("; on the edges the weights; dashed: negative", ""),
    ]
    return _page(drawn, columns, height, f"Backward pass of {outcome}", words, legend, network)


def _columns(network: Network) -> tuple[list[_Column], float]:
    """Place the inputs and the neurons; of wide layers those that the gradient is largest at."""
    weights = [network.gradient_x, *(layer.gradient_z for layer in network.layers)]
    rows = [min(len(w), _MOST_ROWS) for w in weights]
    row = _ROW if max(rows) <= _ROOMY else _NARROW_ROW
    height = max(rows) * row
    columns = []
    for k, (w, count) in enumerate(zip(weights, rows, strict=True)):
        chosen = sorted(np.argsort(-np.abs(w), kind="stable")[:count].tolist())
        top = (height - count * row) / 2 + row / 2
        points = tuple((NEURON[0] / 2 + k * _COLUMN, top + i * row) for i in range(count))
        columns.append(_Column(tuple(chosen), len(w), points))
    return columns, height


def _places(column: _Column) -> Iterator[tuple[int, Point]]:
    return zip(column.shown, column.points, strict=True)


def _neuron_ends(left: Point, right: Point, *, first: bool) -> tuple[Point, Point]:
    width = INPUT[0] if first else NEURON[0]
    return (left[0] + width / 2, left[1]), (right[0] - NEURON[0] / 2, right[1])


def _triangle_ends(left: Point, right: Point, *, first: bool) -> tuple[Point, Point]:
    width = INPUT[0] / 2 if first else TRIANGLE + 2
    return (right[0] - TRIANGLE, right[1]), (left[0] + width, left[1])


def _edges(
    weights: Any, flows: Any, left: _Column, right: _Column, digits: Digits, ends: Any
) -> Iterator[str]:
    """Draw the edges between two layers, the weights on them where there is room."""
    sizes = np.nan_to_num(np.abs(flows), nan=0.0, posinf=0.0)
    sizes = sizes / (np.max(sizes, initial=0.0) or 1.0)
    is_labelled = len(left.points) * len(right.points) <= _MOST_LABELS
    is_first = left.points[0][0] == NEURON[0] / 2
    texts = []
    for j, q in _places(right):
        for i, p in _places(left):
            start, end = ends(p, q, first=is_first)
            kind = "cr-minus" if flows[j, i] < 0 else "cr-plus" if flows[j, i] else "cr-none"
            yield element(
                "path",
                class_=f"cr-wire {kind}" if is_labelled else f"cr-wire cr-faint {kind}",
                d=_straight(start, end),
                stroke_width=round(
                    _THINNEST + (_THICKEST - _THINNEST) * float(sizes[j, i]) ** 0.5, 1
                ),
                marker_end="url(#cr-arrow)" if ends is _triangle_ends else None,
            )
            if is_labelled:
                texts.append(_weight(digits.number(weights[j, i]), start, end))
    yield from texts


def _weight(text: str, start: Point, end: Point) -> str:
    """Set a weight on its edge, nearer to the start, where the edges have parted and not yet crossed."""
    (x, y), (a, b) = start, end
    return label(text, x + (a - x) * 0.3, y + (b - y) * 0.3 + 4, "cr-weight")


def _straight(start: Point, end: Point) -> str:
    return f"M{start[0]:.1f} {start[1]:.1f}L{end[0]:.1f} {end[1]:.1f}"


def _line(start: Point, end: Point, *, arrow: bool = False) -> str:
    return element(
        "path",
        class_="cr-stub",
        d=curve([start, end]),
        marker_end="url(#cr-arrow)" if arrow else None,
    )


def _headings(network: Network, columns: Sequence[_Column], first: str) -> Iterator[str]:
    names = [first, *(layer.name for layer in network.layers)]
    for name, column in zip(names, columns, strict=True):
        yield label(name, column.points[0][0], -14.0, "cr-layer")


def _left_out(columns: Sequence[_Column]) -> Iterator[str]:
    for column in columns:
        more = column.count - len(column.shown)
        if more:
            x, y = column.points[-1]
            yield label(f"… {more} more", x, y + _NARROW_ROW / 2 + 14, "cr-small")


def _page(
    drawn: Sequence[str],
    columns: Sequence[_Column],
    height: float,
    title: str,
    words: str,
    legend: Sequence[tuple[str, str]],
    network: Network,
) -> str:
    note = f"example {network.example} of {network.examples}" if network.examples > 1 else ""
    arrow = element(
        "defs",
        element(
            "marker",
            element("path", d="M0 1L8 5L0 9Z", fill="context-stroke"),
            id="cr-arrow",
            viewBox="0 0 10 10",
            refX=7,
            refY=5,
            markerWidth=11,
            markerHeight=11,
            markerUnits="userSpaceOnUse",
            orient="auto",
        ),
    )
    width = columns[-1].points[0][0] + _COLUMN * 0.72 + 80 + 2 * _MARGIN
    is_whole = all(len(c.shown) == c.count for c in columns)
    whole = height + _HEAD + _FOOT + (0.0 if is_whole else 22.0)
    return document(
        [
            arrow,
            label(title, _MARGIN, _MARGIN + 6, "cr-title"),
            label(note, _MARGIN + text_width(title, 15) + 18, _MARGIN + 6, "cr-legend"),
            group(*drawn, transform=f"translate({_MARGIN:.1f} {_HEAD:.1f})"),
            element(
                "text",
                *(element("tspan", text=t, class_=c or None) for t, c in legend),
                x=_MARGIN,
                y=whole - 18,
                class_="cr-legend",
            ),
        ],
        width=width,
        height=whole,
        title=title,
        description=words,
    )


def _described(network: Network, digits: Digits) -> Iterator[str]:
    yield f"Inputs {digits.number(network.x)}."
    for layer in network.layers:
        yield f"{layer.name}: z = {digits.number(layer.z)}, a = {digits.number(layer.a)}."


def _gains(network: Network, outcome: str, digits: Digits) -> Iterator[str]:
    for layer in reversed(network.layers):
        yield (
            f"{layer.name}: ∂{outcome}/∂a = {digits.number(layer.gradient_a)}, "
            f"gains {digits.number(layer.slope)}, ∂{outcome}/∂z = {digits.number(layer.gradient_z)}."
        )
