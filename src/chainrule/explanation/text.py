"""An explanation as text for a terminal: header, values forward, gradients backward, sums at forks, checks."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanation.formula import BRIEF, written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.records import Extent
from chainrule.explanation.wires import Edge, Graph, Wire

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation

_MOST_ROWS = 200
_MOST_TERMS = 8


@dataclass(frozen=True)
class Options:
    """How much is shown, and how."""

    digits: int = 6
    depth: int | None = None
    paths: bool = False
    top: int = 5
    only_nonzero: bool = False
    width: int | None = None


def explanation_text(explanation: Explanation, options: Options) -> str:
    """Return the whole text."""
    digits = Digits(options.digits)
    parts = [
        _table(_header(explanation, digits)),
        "forward\n" + _cut(list(_forward(explanation, digits))),
        "backward: upstream · local = contribution\n"
        + _cut(list(_backward(explanation, digits, options))),
    ]
    forks = list(_forks(explanation, digits))
    if forks:
        parts.append("where paths meet, contributions add up\n" + _cut(forks))
    if explanation.is_by_entry and len(explanation.starts) == 1:
        start = explanation.graph.wires[0]
        written_tree = tree(explanation, explanation.graph, start, options.depth, options.digits)
        parts.append("the chain rule\n" + written_tree)
        if options.paths:
            parts.append("paths\n" + str(explanation.paths(top=options.top)))
    checks = list(_checks(explanation, digits))
    if checks:
        parts.append("gradient, beside a centred difference\n" + _cut(checks))
    return _cut_to("\n\n".join(parts), options.width)


def _header(explanation: Explanation, digits: Digits) -> list[tuple[str, str]]:
    value = explanation.value
    return [
        (explanation.outcome, f"{digits.equals(value)} {digits.number(value)}"),
        ("seed", f"∂{explanation.outcome}/∂{explanation.outcome} = 1"),
        *explanation.facts,
    ]


def _forward(explanation: Explanation, digits: Digits) -> Iterator[tuple[str, ...]]:
    for wire in explanation.graph.wires:
        name = written(wire.label, BRIEF)
        value = digits.number(wire.value)
        if wire.node.op is None:
            yield (f"  {name}", "input", "", value, "")
            continue
        formula = written(wire.formula, digits.names)
        place = explanation.tape.position(wire.node)
        numbers = (
            ""
            if type(wire.value) is tuple or np.ndim(wire.value)
            else written(wire.formula, digits.values)
        )
        sign = digits.equals(wire.value)
        yield (
            f"  {name}",
            f"= {formula}",
            numbers and f"= {numbers}",
            f"{sign} {value}",
            str(place or ""),
        )


def _backward(
    explanation: Explanation, digits: Digits, options: Options
) -> Iterator[tuple[str, ...]]:
    yield ("  gradient", "upstream", "local", "", "contribution", "from")
    for edge in explanation.graph.edges:
        if options.only_nonzero and not _is_felt(edge.contribution):
            continue
        name = explanation.gradient_name(edge.source)
        origin = written(edge.target.label, BRIEF)
        if edge.local is None:
            yield (f"  {name}", *_product(edge, digits), origin)
            continue
        local = written(edge.formula, digits.names)
        number = digits.number(edge.local)
        sign = digits.equals(edge.target.total, edge.local, edge.contribution)
        yield (
            f"  {name}",
            digits.number(edge.target.total),
            f"· {_in_parentheses(number)}",
            "" if local == number else local,
            f"{sign} {_measured(edge.contribution, digits)}",
            origin,
        )


def _product(edge: Edge, digits: Digits) -> tuple[str, str, str, str]:
    """Write an array step: the product that hands the gradient back, with its dimensions."""
    shapes = f"{_shape(edge.target.total)} → {_shape(edge.contribution)}"
    return (
        digits.number(edge.target.total),
        written(edge.formula, digits.names),
        shapes,
        f"{digits.equals(edge.contribution)} {_measured(edge.contribution, digits)}",
    )


def _forks(explanation: Explanation, digits: Digits) -> Iterator[tuple[str, ...]]:
    for wire in reversed(explanation.graph.wires):
        terms = wire.readers
        if len(terms) < 2:
            continue
        shown = [_in_parentheses(digits.number(e.contribution)) for e in terms[:_MOST_TERMS]]
        if len(terms) > _MOST_TERMS:
            shown.append(f"… {len(terms) - _MOST_TERMS} more")
        sign = digits.equals(wire.total, *(e.contribution for e in terms))
        yield (
            f"  {explanation.gradient_name(wire)}",
            f"= {' + '.join(shown)}",
            f"{sign} {digits.number(wire.total)}",
        )


def _checks(explanation: Explanation, digits: Digits) -> Iterator[tuple[str, ...]]:
    for name, checked in explanation.checks:
        yield (
            f"  ∂{explanation.outcome}/∂{name}",
            f"{digits.equals(checked.analytic)} {digits.number(checked.analytic)}",
            f"difference {digits.number(checked.numeric)}",
            checked.verdict,
        )


def tree(
    explanation: Explanation, graph: Graph, start: Wire, depth: int | None, digits: int
) -> str:
    """Write the gradient with respect to a wire as a sum over its readers, and those below it, indented."""
    shown = Digits(digits)
    lines: list[str] = []
    seen: set[Wire] = set()
    stack: list[tuple[Wire, int]] = [(start, 0)]
    while stack and len(lines) < _MOST_ROWS:
        wire, level = stack.pop()
        indent = "  " * (level + 1)
        if wire in seen:
            lines.append(f"{indent}{explanation.gradient_name(wire)}, as above")
            continue
        seen.add(wire)
        lines.append(f"{indent}{_sum_line(explanation, wire, shown)}")
        if depth is None or level + 1 < depth:
            targets = dict.fromkeys(e.target for e in wire.readers if e.target is not graph.output)
            stack += [(t, level + 1) for t in reversed(targets)]
    if stack:
        lines.append(f"  … {len(stack)} more branches; a smaller depth= folds the tree")
    return "\n".join(lines)


def _sum_line(explanation: Explanation, wire: Wire, digits: Digits) -> str:
    """Write `∂f/∂a = 2·∂f/∂z + (−2)·∂f/∂y = … ≈ −0.2`."""
    name = explanation.gradient_name(wire)
    value = digits.number(wire.total)
    if not wire.readers:
        return f"{name} = {value}"
    formulas, numbers = [], []
    for edge in wire.readers[:_MOST_TERMS]:
        local = _in_parentheses(written(edge.formula, digits.names))
        local = (
            f"({local})"
            if any(s in local for s in (" + ", " − ")) and not local.startswith("(")
            else local
        )
        formulas.append(f"{local}·{explanation.gradient_name(edge.target)}")
        numbers.append(
            f"{_in_parentheses(digits.number(edge.local))}·{_in_parentheses(digits.number(edge.target.total))}"
        )
    more = [f"… {len(wire.readers) - _MOST_TERMS} more"] if len(wire.readers) > _MOST_TERMS else []
    parts = [x for e in wire.readers for x in (e.local, e.target.total)]
    sign = digits.equals(wire.total, *parts)
    return f"{name} = {' + '.join(formulas + more)} {digits.equals(*parts)} {' + '.join(numbers + more)} {sign} {value}"


def explanation_html(explanation: Explanation) -> str:
    """Return the backward steps as a plain table."""
    digits = Digits(6)
    rows = list(_backward(explanation, digits, Options()))
    head, body = rows[0], rows[1 : _MOST_ROWS + 1]
    cells = ["<tr>" + "".join(f"<th>{html.escape(c.strip())}</th>" for c in head) + "</tr>"]
    cells += [
        "<tr>" + "".join(f"<td>{html.escape(c.strip())}</td>" for c in row) + "</tr>"
        for row in body
    ]
    caption = f"{explanation.outcome} {digits.equals(explanation.value)} {digits.number(explanation.value)}"
    return f"<table><caption>{html.escape(caption)}</caption>{''.join(cells)}</table>"


def _measured(x: Any, digits: Digits) -> str:
    """Write a number; of a larger array its type, norm, extremes and largest entry."""
    shown = digits.number(x)
    if type(x) is tuple or not np.ndim(x) or shown.startswith("["):
        return shown
    extent = Extent.of(x)
    at = ",".join(map(str, extent.largest_at))
    lowest, highest, norm = map(digits.number, (extent.lowest, extent.highest, extent.norm))
    return f"{shown} norm {norm}, {lowest} to {highest}, largest at [{at}]"


def _is_felt(x: Any) -> bool:
    """Say whether a contribution is anywhere other than zero."""
    return any(map(_is_felt, x)) if type(x) is tuple else bool(np.any(x))


def _in_parentheses(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def _shape(x: Any) -> str:
    return ", ".join(map(_shape, x)) if type(x) is tuple else str(np.shape(x))


def _cut(rows: Sequence[Sequence[str]]) -> str:
    """Lay out rows; of many the first, and how many more there are."""
    shown = rows[:_MOST_ROWS]
    text = _table(shown)
    if len(rows) > len(shown):
        text += f"\n  … {len(rows) - len(shown):,} more lines; wrt= and depth= show a part, records() has all"
    return text


def _table(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def _cut_to(text: str, width: int | None) -> str:
    """Cut lines that are longer than the page is wide."""
    if width is None:
        return text
    lines = text.splitlines()
    return "\n".join(line if len(line) <= width else f"{line[: width - 1]}…" for line in lines)
