"""The graph in the language of Graphviz, for those who draw it with other tools."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from chainrule.explanation.folding import Fold, folded
from chainrule.explanation.glyphs import glyph, label_of, local_text
from chainrule.explanation.numbers import Digits
from chainrule.explanation.wires import Edge, Wire

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation


def explanation_dot(explanation: Explanation, digits: int) -> str:
    """Return a digraph: per value a node with its number and its gradient, per fold a cluster."""
    shown = Digits(digits)
    numbers = {wire: i for i, wire in enumerate(explanation.graph.wires)}
    root = folded(explanation.graph, explanation.tape)
    lines = [
        f"digraph {_quoted(explanation.outcome)} {{",
        "  rankdir=LR;",
        '  node [shape=box, style=rounded, fontname="sans-serif"];',
        '  edge [fontname="sans-serif", fontsize=10];',
        *_inside(root, numbers, shown, "  "),
        *(_edge(e, numbers, shown) for e in explanation.graph.edges),
        "}",
    ]
    return "\n".join(lines) + "\n"


def _inside(fold: Fold, numbers: Mapping[Wire, int], digits: Digits, indent: str) -> Iterator[str]:
    for i, item in enumerate(fold.items):
        if isinstance(item, Wire):
            yield indent + _node(item, numbers[item], digits)
            continue
        first = next(numbers[w] for w in item.wires())
        yield f"{indent}subgraph cluster_{len(indent) // 2}_{first}_{i} {{"
        yield f"{indent}  label={_quoted(item.title)};"
        yield from _inside(item, numbers, digits, indent + "  ")
        yield f"{indent}}}"


def _node(wire: Wire, number: int, digits: Digits) -> str:
    g = glyph(wire, digits)
    head = label_of(wire) if g.kind == "input" or not g.name else f"{g.name}: {g.symbol}"
    shape = ", style=filled, fillcolor=lightgrey" if g.kind == "input" else ""
    return f"n{number} [label={_quoted(head, g.value, f'∇ {g.gradient}')}{shape}];"


def _edge(edge: Edge, numbers: Mapping[Wire, int], digits: Digits) -> str:
    text = local_text(edge, digits)
    label = f" [label={_quoted(text)}]" if text else ""
    return f"  n{numbers[edge.source]} -> n{numbers[edge.target]}{label};"


def _quoted(*lines: str) -> str:
    r"""Return a string of Graphviz, its lines below each other.

    >>> _quoted('a "b"', "c")
    '"a \\"b\\"\\nc"'
    """
    escaped = (line.replace("\\", "\\\\").replace('"', '\\"') for line in lines)
    return '"' + "\\n".join(escaped) + '"'
