"""An explanation as a picture: the graph, the network it is of, or the reverse network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.errors import ArgumentError
from chainrule.explanation.derive import Flow
from chainrule.explanation.graph_svg import graph_svg
from chainrule.explanation.network import network
from chainrule.explanation.network_svg import network_svg, reverse_svg

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

VIEWS = ("graph", "network", "reverse")


def explanation_svg(
    explanation: Explanation, flow: Flow, view: str, digits: int, example: int
) -> str:
    """Return one of the views."""
    if view not in VIEWS:
        raise ArgumentError.from_choice("svg", "view", view, VIEWS)
    if view == "graph":
        return graph_svg(explanation, digits)
    layers = network(explanation.tape, flow, example)
    if view == "network":
        return network_svg(layers, explanation.outcome, explanation.value, digits)
    return reverse_svg(layers, explanation.outcome, digits)
