"""The backward pass as text: every step with what comes from above, its derivative, and what it hands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanation.branches import MOST_ROWS, Options, is_felt, name_lines, related
from chainrule.explanation.columns import Row, columns, total_width, width_of, wrapped
from chainrule.explanation.formula import written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.statements import gradient_symbol
from chainrule.explanation.wires import Edge

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

HEADINGS: Row = ("gradient", "upstream", "local", "", "contribution", "from")
_STYLES = ("name", "", "", "", "value", "quiet")


def backward_lines(explanation: Explanation, options: Options) -> list[str]:
    """Write every step in columns; on a narrow page with less of it, and on a narrower one below each other."""
    edges = [
        e for e in explanation.graph.edges if not options.only_nonzero or is_felt(e.contribution)
    ]
    shown = edges[:MOST_ROWS]
    has_products = any(e.local is None for e in shown)
    legend = "; of a product g is the upstream" if has_products else ""
    head = head_lines(f"backward: upstream · local = contribution{legend}", options)
    return [
        *head,
        *_steps(explanation, shown, options),
        *more_lines(len(edges) - len(shown), "steps"),
    ]


def _steps(explanation: Explanation, edges: list[Edge], options: Options) -> list[str]:
    for is_brief, has_origin in ((False, True), (False, False), (True, True), (True, False)):
        rows = [HEADINGS]
        rows += [step_row(explanation, e, options.shown, is_brief=is_brief) for e in edges]
        rows = rows if has_origin else [(*row[:5], "") for row in rows]
        if options.width is None or total_width(rows) <= options.width:
            return columns(rows, _STYLES, options.paint)
    return [line for e in edges for line in _stacked(explanation, e, options)]


def step_row(
    explanation: Explanation, edge: Edge, digits: Digits, *, is_brief: bool = False
) -> Row:
    """Return the cells of a step."""
    symbol = gradient_symbol(explanation.outcome, edge.source, explanation.graph)
    name, origin = written(symbol, digits.names), written(edge.target.label, digits.names)
    upstream, local, formula = _factors(edge, digits)
    result = related(edge.contribution, digits, is_brief=is_brief)
    if edge.local is not None and not digits.is_exact(edge.target.total, edge.local):
        result = result.replace("= ", "≈ ", 1)
    return (name, upstream, local, formula, result, origin)


def _factors(edge: Edge, digits: Digits) -> tuple[str, str, str]:
    """Return the upstream gradient, the local derivative, and it as a formula; of an array step the product."""
    upstream = digits.number(edge.target.total)
    formula = written(edge.formula, digits.names)
    if edge.local is None:
        return upstream, formula, f"{_shape(edge.target.total)} → {_shape(edge.contribution)}"
    number = digits.number(edge.local)
    factor = f"({number})" if number.startswith("−") else number
    return upstream, f"· {factor}", "" if formula == number else formula


def _stacked(explanation: Explanation, edge: Edge, options: Options) -> list[str]:
    """Write a step on one line if it fits, else below its name."""
    digits = options.shown
    name, upstream, local, formula, result, origin = step_row(
        explanation, edge, digits, is_brief=True
    )
    if edge.local is None:
        factors = f"= {local}   g = {upstream}, {formula}"
    else:
        factors = f"= {upstream} {local}" + (f" local {formula}" if formula else "")
    painted = options.paint(name, "name")
    line = f"{factors}   {result}   from {origin}"
    if options.width is None or len(name) + width_of(line) + 3 <= options.width:
        return [f"  {painted} {line}"]
    first = wrapped(f"    {factors}   from {origin}", options.width, 6)
    if len(name) + len(result) + 5 <= options.width:
        return [f"  {painted}   {options.paint(result, 'value')}", *first]
    below = wrapped(f"    {result}", options.width, 6)
    return [*name_lines(name, "  ", options), *first, *below]


def head_lines(text: str, options: Options) -> list[str]:
    """Write a heading."""
    return [options.paint(line, "head") for line in wrapped(text, options.width, 2)]


def more_lines(count: int, noun: str) -> list[str]:
    """Say how much is left out, and how to see it."""
    if count <= 0:
        return []
    return [f"  … {count:,} more {noun}; wrt and only-nonzero show a part, records() has all"]


def _shape(x: Any) -> str:
    return ", ".join(map(_shape, x)) if type(x) is tuple else str(np.shape(x))
