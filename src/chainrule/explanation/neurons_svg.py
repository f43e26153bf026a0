"""The parts of a network's picture: inputs, neurons, amplifiers, and the loss at the end."""

from __future__ import annotations

from typing import Any

from chainrule.explanation.drawing import Point, element, group, label
from chainrule.explanation.glyphs import text_width
from chainrule.explanation.network import Layer
from chainrule.explanation.numbers import Digits

NEURON = (92.0, 52.0)
INPUT = (62.0, 40.0)
TRIANGLE = 27.0
_SYMBOLS = {"sigmoid": "σ"}


def input_box(value: Any, place: Point, digits: Digits, class_: str) -> str:
    """Draw an input with its value, or the gradient that arrives there."""
    (x, y), (least, height), text = place, INPUT, digits.number(value)
    width = max(least, text_width(text, 13) + 16)
    return group(
        element(
            "rect",
            class_="cr-gate",
            x=x + least / 2 - width,
            y=y - height / 2,
            width=width,
            height=height,
            rx=8,
        ),
        label(text, x + (least - width) / 2, y + 4.5, class_),
        class_="cr-input",
    )


def neuron_box(layer: Layer, i: int, place: Point, digits: Digits) -> str:
    """Draw a neuron: the weighted sum, what the activation makes of it, and its bias below."""
    (x, y), (width, height) = place, NEURON
    symbol = _SYMBOLS.get(layer.activation, layer.activation)
    bias = "" if layer.bias is None else f"+ {_signed(digits.number(layer.bias[i]))}"
    return group(
        element(
            "rect",
            class_="cr-neuron",
            x=x - width / 2,
            y=y - height / 2,
            width=width,
            height=height,
            rx=24,
        ),
        label(f"z {digits.number(layer.z[i])}", x, y - 6, "cr-small"),
        label(digits.number(layer.a[i]), x, y + 13, "cr-value"),
        label(" · ".join(t for t in (bias, symbol) if t), x, y + height / 2 + 15, "cr-small"),
    )


def _signed(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def amplifier(layer: Layer, i: int, place: Point, digits: Digits) -> str:
    """Draw a triangle that points backwards, with what comes in, its gain, and what goes out."""
    x, y = place
    r = TRIANGLE
    gain = digits.number(layer.slope[i])
    before, after = digits.number(layer.gradient_a[i]), digits.number(layer.gradient_z[i])
    return group(
        element("title", text=f"{before} · {gain} = {after}"),
        element(
            "path",
            class_="cr-triangle",
            d=f"M{x - r:.1f} {y:.1f}L{x + r:.1f} {y - r:.1f}V{y + r:.1f}Z",
        ),
        label(f"× {gain}", x + 4, y + r + 16, "cr-small"),
        label(before, x + r + 6 + text_width(before, 13) / 2, y - 9, "cr-gradient cr-halo"),
        label(after, x - r - text_width(after, 13) / 2 + 6, y - 13, "cr-gradient cr-halo"),
        class_="cr-amplifier",
    )


def loss_box(text: str, place: Point, class_: str) -> str:
    """Draw the result, or in the reverse network where its gradient enters."""
    x, y = place
    width = max(80.0, text_width(text, 13) + 20)
    return group(
        element("rect", class_="cr-gate", x=x - 40, y=y - 21.0, width=width, height=42.0, rx=8),
        label(text, x - 40 + width / 2, y + 4.5, class_),
    )
