"""The page: one file with everything in it, which asks no one for anything."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any

from chainrule.errors import ArgumentError
from chainrule.explanation.derive import Flow
from chainrule.explanation.drawing import asset
from chainrule.explanation.network import network
from chainrule.explanation.network_svg import network_svg, reverse_svg
from chainrule.explanation.program import NoProgram, Program, program
from chainrule.explanation.scene import scene

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation


SCRIPTS = (
    "data.js",
    "numbers.js",
    "geometry.js",
    "drawing.js",
    "editing.js",
    "formulas.js",
    "panel.js",
    "steps.js",
    "controls.js",
    "page.js",
)
"""In the order in which they run, in one scope."""


def page(explanation: Explanation, flow: Flow) -> str:
    """Return the whole page."""
    found = program(explanation.graph, explanation.tape, is_scalar=explanation.is_by_entry)
    parts = {
        "title": escape(f"{explanation.outcome}: the chain rule, step by step"),
        "style": asset("picture.css") + asset("page.css"),
        "networks": _networks(explanation, flow),
        "data": embedded(scene(explanation, found)),
        "functions": _functions(found),
        "script": "".join(map(asset, SCRIPTS)),
    }
    text = asset("page.html")
    for name, part in parts.items():
        before, mark, after = text.partition(f"<!--{name}-->")
        assert mark, f"the template has no place for {name}"
        text = before + part + after
    return text


def embedded(data: Any) -> str:
    r"""Write data as JSON that can stand in a script element, whatever is in its strings.

    >>> embedded({"name": "</script>"})
    '{"name":"\\u003c/script>"}'
    """
    text = json.dumps(data, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
    for character in "<\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _functions(found: Program | NoProgram) -> str:
    """Return the functions by which the page computes anew; null where it cannot."""
    if not isinstance(found, Program):
        return "const chainruleProgram = null;"
    values = ",".join(f"v=>{code}" if code else "null" for code in found.values)
    slopes = ",".join(f"v=>{code}" for code in found.locals)
    return f"const chainruleProgram = cr => ({{values:[{values}],locals:[{slopes}]}});"


def _networks(explanation: Explanation, flow: Flow) -> str:
    """Return the pictures of the network, if the function is one."""
    try:
        layers = network(explanation.tape, flow)
    except ArgumentError:
        return ""
    forward = network_svg(layers, explanation.outcome, explanation.value, 3)
    reverse = reverse_svg(layers, explanation.outcome, 3)
    return "".join(
        f'<div class="cr-still" id="cr-view-{name}" hidden>{svg}</div>'
        for name, svg in (("network", forward), ("reverse", reverse))
    )
