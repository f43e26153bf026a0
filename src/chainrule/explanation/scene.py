"""What the page draws, as plain data: values, edges, folds and where everything stands in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.explanation.arrangement import arranged, last_of
from chainrule.explanation.folding import Fold, folded
from chainrule.explanation.glyphs import (
    Glyph,
    glyph,
    label_of,
    local_text,
    shown,
    sign,
    text_width,
    weight,
)
from chainrule.explanation.graph_svg import (
    LOCAL_SIZE,
    NODE_HEIGHT,
    folded_glyph,
    gate_width,
    node_box,
    stub_width,
)
from chainrule.explanation.layout import Box
from chainrule.explanation.linked import Linked
from chainrule.explanation.mathml import MathML
from chainrule.explanation.numbers import Digits
from chainrule.explanation.program import NoProgram, Program
from chainrule.explanation.terms import Expression, Symbol
from chainrule.explanation.typeset import PRODUCT, typeset
from chainrule.explanation.wires import Edge, Wire

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

MOST_VISIBLE = 200
_SMALL = 24
_OPEN_AT_FIRST = 14
_EDITED_STUB = 92.0
_DIGITS, _FINE = Digits(3), Digits(6)
Data = dict[str, Any]


def scene(explanation: Explanation, found: Program | NoProgram) -> Data:
    """Return all that the page shows of an explanation; numbers that JSON lacks are strings.

    Args:
        explanation: what is shown.
        found: how the page computes it anew, or why it does not.
    """
    return _Scene(explanation, found).data()


class _Scene:
    def __init__(self, explanation: Explanation, found: Program | NoProgram) -> None:
        self.explanation = explanation
        self.graph = explanation.graph
        self.wires = {wire: i for i, wire in enumerate(self.graph.wires)}
        self.edges = {edge: i for i, edge in enumerate(self.graph.edges)}
        self.program = found
        self.glyphs = [glyph(wire, _DIGITS) for wire in self.graph.wires]
        self.boxes = [self.box(g) for g in self.glyphs]
        self.folded_boxes: dict[Fold, Box] = {}
        self.script = self.linked()

    def data(self) -> Data:
        root = folded(self.graph, self.explanation.tape)
        folds = list(root.folds())
        numbers = {fold: len(self.wires) + i for i, fold in enumerate(folds)}
        return {
            "outcome": self.explanation.outcome,
            "value": _number(self.explanation.value),
            "output": self.wires[self.graph.output],
            "facts": [list(fact) for fact in self.explanation.facts],
            "checks": [
                [name, _number(c.analytic), _number(c.numeric), c.verdict]
                for name, c in self.explanation.checks
            ],
            "wires": [self.wire(w, i) for w, i in self.wires.items()],
            "edges": [self.edge(e) for e in self.graph.edges],
            "folds": [self.fold(fold, numbers) for fold in folds],
            "open": [numbers[f] for f in _open_at_first(root)],
            "strip": self.strip(),
            "limit": MOST_VISIBLE,
            "fixed": "" if isinstance(self.program, Program) else self.program.reason,
        }

    def box(self, g: Glyph) -> Box:
        """Return the size of a value; where it may be edited there is room for longer numbers."""
        if isinstance(self.program, Program):
            return Box(gate_width(g) + max(stub_width(g), _EDITED_STUB), NODE_HEIGHT)
        return node_box(g)

    def linked(self) -> Linked:
        values: dict[str, int] = {}
        for wire, i in self.wires.items():
            if isinstance(wire.label, Symbol):
                values.setdefault(wire.label.name, i)
        return Linked(MathML(_FINE), values)

    def set(self, formula: Expression) -> str:
        return typeset(formula, self.script).text

    def wire(self, wire: Wire, i: int) -> Data:
        g, tape = self.glyphs[i], self.explanation.tape
        position = None if wire.node.op is None else tape.position(wire.node)
        return _without_empty(
            {
                "id": self.id(wire),
                "name": label_of(wire),
                "symbol": g.symbol,
                "caption": g.name,
                "input": g.kind == "input",
                "value": _value(wire.value),
                "gradient": _value(wire.total),
                "shown": "" if _is_plain(wire.value) else [g.value, g.gradient],
                "size": "" if _is_plain(wire.value) else _size(wire.value, wire.total),
                "label": typeset(wire.label, self.script.plain).text
                if isinstance(wire.label, Symbol)
                else self.set(wire.label),
                "formula": "" if wire.node.op is None else self.set(wire.formula),
                "file": ""
                if position is None
                else f"{position.file.rpartition('/')[2]}:{position.line}",
                "code": "" if position is None else position.text,
                "scope": wire.node.scope,
                "box": [round(self.boxes[i].width), round(gate_width(g))],
            }
        )

    def id(self, wire: Wire) -> str:
        """Return what a link to a value ends in; no two are equal."""
        name = self.explanation.tape.name(wire.node)
        shape = () if type(wire.node.type) is tuple else wire.node.type.shape
        if not self.explanation.is_by_entry or not shape:
            return name
        label = label_of(wire)
        is_named = isinstance(wire.label, Symbol) and label.startswith(name)
        return label if is_named else f"{name}.{self.wires[wire]}"

    def edge(self, edge: Edge) -> Data:
        is_product = edge.local is None
        formula = typeset(edge.formula, self.script)
        is_loose = not is_product and (formula.tightness < PRODUCT or formula.is_signed)
        return _without_empty(
            {
                "from": self.wires[edge.source],
                "to": self.wires[edge.target],
                "local": "" if is_product else _value(edge.local),
                "formula": formula.text,
                "loose": is_loose,
                "text": local_text(edge, _DIGITS),
                "contribution": _value(edge.contribution),
                "short": ""
                if _is_plain(edge.contribution)
                else shown(edge.contribution, _DIGITS, mark="‖·‖ "),
                "weight": float(f"{weight(edge.contribution):.4g}"),
                "sign": sign(edge.contribution),
            }
        )

    def fold(self, fold: Fold, numbers: Mapping[Fold, int]) -> Data:
        found = arranged(fold, self.item_box, self.label_width)
        layout = found.layout
        return {
            "kind": fold.kind,
            "title": fold.title,
            "items": [numbers[i] if isinstance(i, Fold) else self.wires[i] for i in fold.items],
            "at": [[round(x), round(y)] for x, y in layout.centers],
            "size": [round(layout.width), round(layout.height)],
            "ports": [[self.wires[w], side] for w, side in found.ports],
            "routes": [
                {
                    "wire": self.wires[r.wire],
                    "start": r.start,
                    "end": r.end,
                    "points": [[round(x), round(y)] for x, y in r.points],
                    "edges": [self.edges[e] for e in r.edges],
                }
                for r in found.routes
            ],
            "box": [round(self.item_box(fold).width), round(gate_width(self.folded_glyph(fold)))],
            "last": self.wires[last_of(fold)],
        }

    def item_box(self, item: Wire | Fold) -> Box:
        if isinstance(item, Wire):
            return self.boxes[self.wires[item]]
        if item not in self.folded_boxes:
            self.folded_boxes[item] = self.box(self.folded_glyph(item))
        return self.folded_boxes[item]

    def label_width(self, edge: Edge) -> float:
        return text_width(local_text(edge, _DIGITS), LOCAL_SIZE)

    def folded_glyph(self, fold: Fold) -> Glyph:
        return folded_glyph(fold, self.glyphs[self.wires[last_of(fold)]])

    def strip(self) -> list[list[Any]]:
        """Return the inputs in the order in which they are first read, with the norms of their gradients."""
        inputs = [w for w in self.graph.wires if w.node.op is None]
        first = {w: min((self.wires[e.target] for e in w.readers), default=0) for w in inputs}
        ordered = sorted(inputs, key=lambda w: first[w])
        return [[self.wires[w], _number(float(np.linalg.norm(np.ravel(w.total))))] for w in ordered]


def _open_at_first(root: Fold) -> list[Fold]:
    """Open folds, outer ones first, loops and the small before others, as long as the page stays clear."""
    opened, visible = [root], len(root.items)
    most = _SMALL if sum(1 for _ in root.wires()) <= _SMALL else _OPEN_AT_FIRST
    waiting = [i for i in root.items if isinstance(i, Fold)]
    while waiting:
        fold = min(waiting, key=lambda f: (f.kind != "repeat", len(f.items)))
        visible += len(fold.items) - 1
        if visible > most:
            return opened
        waiting.remove(fold)
        waiting += [i for i in fold.items if isinstance(i, Fold)]
        opened.append(fold)
    return opened


def _is_plain(x: Any) -> bool:
    return type(x) is not tuple and not np.ndim(x) and not np.iscomplexobj(x)


def _value(x: Any) -> Any:
    """Return a number as JSON has it, and of an array the text."""
    return _number(x) if _is_plain(x) else _FINE.number(x)


def _number(x: Any) -> float | int | str:
    plain = x.item() if isinstance(x, (np.generic, np.ndarray)) else x
    if isinstance(plain, bool):
        return int(plain)
    if isinstance(plain, complex):
        return _FINE.number(plain)
    return plain if np.isfinite(plain) else str(float(plain))


def _size(value: Any, total: Any) -> str:
    """Say how large an array and its gradient are."""
    if type(value) is tuple:
        return ", ".join(str(type_of(v)) for v in value)
    norm = _FINE.number(float(np.linalg.norm(np.ravel(total))))
    return f"{type_of(value)}, norm of the gradient {norm}"


def _without_empty(data: Data) -> Data:
    """Leave out what is empty: the page takes it for that."""
    return {k: v for k, v in data.items() if v != "" and v is not False}
