"""An explanation in a notebook: the picture, and below it the steps as a table that opens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.explanation.formula import BRIEF, written
from chainrule.explanation.glyphs import label_of, shown
from chainrule.explanation.graph_svg import graph_svg
from chainrule.explanation.numbers import Digits
from chainrule.markup import table

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

_HEAD = ("gradient", "upstream", "local derivative", "contribution", "from")


def explanation_html(explanation: Explanation) -> str:
    """Return picture and table; the page itself is `explanation.html()`."""
    digits = Digits(6)
    rows = [
        (
            explanation.gradient_name(edge.source),
            shown(edge.target.total, digits, mark="norm "),
            written(edge.formula, BRIEF),
            shown(edge.contribution, digits, mark="norm "),
            label_of(edge.target),
        )
        for edge in explanation.graph.edges
    ]
    steps = table("upstream · local = contribution", _HEAD, rows)
    return (
        f"{graph_svg(explanation, 3)}<details><summary>{len(rows)} steps</summary>{steps}</details>"
    )
