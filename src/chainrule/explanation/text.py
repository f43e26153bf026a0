"""An explanation as text for a terminal: header, values forward, gradients backward, sums at forks, checks."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.explanation.branches import (
    MOST_ROWS,
    Options,
    equations,
    is_felt,
    measured,
    stated,
    tree_lines,
)
from chainrule.explanation.columns import Row, columns, shortened, total_width, wrapped
from chainrule.explanation.formula import written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.statements import (
    MOST_TERMS,
    Statement,
    added,
    gradient_symbol,
    value_statement,
)
from chainrule.explanation.wires import Edge

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation


def explanation_text(explanation: Explanation, options: Options) -> str:
    """Return the whole text."""
    sections = [
        _header(explanation, options),
        _forward(explanation, options),
        _backward(explanation, options),
        _forks(explanation, options),
    ]
    if explanation.is_by_entry and len(explanation.starts) == 1:
        graph, start = explanation.graph, explanation.graph.wires[0]
        rule = tree_lines(explanation.outcome, graph, start, options)
        sections.append([*_head("the chain rule", options), *rule])
        if options.paths:
            found = explanation.paths(top=options.top)
            lines = found.lines(options.shown, options.width)
            sections.append([*_head("paths", options), *(f"  {line}" for line in lines)])
    sections.append(_checks(explanation, options))
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


def _head(text: str, options: Options) -> list[str]:
    return [options.paint(line, "head") for line in wrapped(text, options.width, 2)]


def _header(explanation: Explanation, options: Options) -> list[str]:
    value, outcome = explanation.value, explanation.outcome
    digits = options.shown
    rows = [
        (outcome, f"{digits.equals(value)} {digits.number(value)}"),
        ("seed", f"∂{outcome}/∂{outcome} = {digits.number(explanation.seed)}"),
        *explanation.facts,
    ]
    lines = columns(rows, ("head", ""), options.paint, indent=0)
    return (
        lines
        if options.width is None
        else [piece for line in lines for piece in wrapped(line, options.width, 20)]
    )


def _forward(explanation: Explanation, options: Options) -> list[str]:
    """Write the values in order, below the lines of the user's program that computed them."""
    digits = options.shown
    wires = explanation.graph.wires[:MOST_ROWS]
    statements = [value_statement(w, explanation.outcome, explanation.graph) for w in wires]
    rows = [
        _value_row(s, digits, is_input=w.node.op is None)
        for w, s in zip(wires, statements, strict=True)
    ]
    if options.width is None or total_width(rows, 4) <= options.width:
        styles = ("name", "", "", "value")
        shown = [[line] for line in columns(rows, styles, options.paint, indent=4)]
    else:
        shown = [stated(s, "    ", options) for s in statements]
    lines = _head("forward", options)
    place: Any = None
    for wire, block in zip(wires, shown, strict=True):
        found = explanation.tape.position(wire.node) if wire.node.op is not None else None
        if found is not None and str(found) != place:
            lines.append(
                options.paint(
                    f"  {shortened(str(found), options.width and options.width - 2)}", "quiet"
                )
            )
        place = str(found) if found is not None else place
        lines += block
    return lines + _more(len(explanation.graph.wires) - len(wires), "values")


def _value_row(statement: Statement, digits: Digits, *, is_input: bool) -> Row:
    name = written(statement.name, digits.names)
    if is_input:
        return (
            name,
            "input",
            "",
            f"{digits.equals(statement.value)} {digits.number(statement.value)}",
        )
    formula, *rest = equations(statement, digits)
    numbers, result = ("", *rest)[-2:]
    return (name, "" if name == formula[2:] else formula, numbers, result)


def _backward(explanation: Explanation, options: Options) -> list[str]:
    """Write every step: what comes from above, the local derivative, and what the argument receives."""
    digits = options.shown
    edges = [
        e for e in explanation.graph.edges if not options.only_nonzero or is_felt(e.contribution)
    ]
    shown = edges[:MOST_ROWS]
    rows: list[Row] = [("gradient", "upstream", "local", "", "contribution", "from")]
    rows += [_step_row(explanation, e, digits) for e in shown]
    head = _head("backward: upstream · local = contribution", options)
    more = _more(len(edges) - len(shown), "steps")
    styles = ("name", "", "", "", "value", "quiet")
    for narrower in (tuple, lambda row: (*row[:5], "")):
        narrowed = [narrower(row) for row in rows]
        if options.width is None or total_width(narrowed) <= options.width:
            return head + columns(narrowed, styles, options.paint) + more
    lines = [line for e in shown for line in _stacked_step(explanation, e, options)]
    return head + lines + more


def _step_row(explanation: Explanation, edge: Edge, digits: Digits) -> Row:
    name = written(
        gradient_symbol(explanation.outcome, edge.source, explanation.graph), digits.names
    )
    origin = written(edge.target.label, digits.names)
    upstream, local, formula = _step(edge, digits)
    sign = digits.equals(
        *([] if edge.local is None else [edge.target.total, edge.local]), edge.contribution
    )
    return (name, upstream, local, formula, f"{sign} {measured(edge.contribution, digits)}", origin)


def _step(edge: Edge, digits: Digits) -> tuple[str, str, str]:
    """Return the upstream gradient, the local derivative, and it as a formula; of an array step the product."""
    upstream = digits.number(edge.target.total)
    if edge.local is None:
        shapes = f"{_shape(edge.target.total)} → {_shape(edge.contribution)}"
        return upstream, written(edge.formula, digits.names), shapes
    number = digits.number(edge.local)
    formula = written(edge.formula, digits.names)
    return upstream, f"· {_in_parentheses(number)}", "" if formula == number else formula


def _stacked_step(explanation: Explanation, edge: Edge, options: Options) -> list[str]:
    """Write a step below its name, for a narrow page."""
    name, upstream, local, formula, result, origin = _step_row(explanation, edge, options.shown)
    lines = [f"  {options.paint(name, 'name')}"]
    if edge.local is None:
        steps = [f"g = {upstream}", f"{local}: {formula}", result]
    else:
        steps = [f"{upstream} {local}" + (f"   {formula}" if formula else ""), result]
    for step in steps:
        lines += wrapped(f"      {step}", options.width, 8)
    lines += [options.paint(x, "quiet") for x in wrapped(f"      from {origin}", options.width, 8)]
    return lines


def _forks(explanation: Explanation, options: Options) -> list[str]:
    digits = options.shown
    joins = [w for w in reversed(explanation.graph.wires) if len(w.readers) > 1]
    if not joins:
        return []
    rows: list[Row] = []
    for wire in joins[:MOST_ROWS]:
        terms = [e.contribution for e in wire.readers[:MOST_TERMS]]
        left_out = len(wire.readers) - len(terms)
        text = written(added(terms), digits.names) + (f" + … {left_out} more" if left_out else "")
        sign = digits.equals(wire.total, *terms)
        name = written(gradient_symbol(explanation.outcome, wire, explanation.graph), digits.names)
        rows.append((name, f"= {text}", f"{sign} {digits.number(wire.total)}"))
    lines = _head("where paths meet, contributions add up", options)
    if options.width is None or total_width(rows) <= options.width:
        lines += columns(rows, ("name", "", "value"), options.paint)
    else:
        for name, text, total in rows:
            lines += [
                f"  {options.paint(name, 'name')}",
                *wrapped(f"      {text}", options.width, 8),
                f"      {total}",
            ]
    return lines + _more(len(joins) - len(rows), "sums")


def _checks(explanation: Explanation, options: Options) -> list[str]:
    """Write each gradient beside a finite difference."""
    digits = options.shown
    rows: list[Row] = [
        (
            f"∂{explanation.outcome}/∂{name}",
            f"{digits.equals(checked.analytic)} {digits.number(checked.analytic)}",
            f"difference {digits.number(checked.numeric)}",
            checked.verdict,
        )
        for name, checked in explanation.checks
    ]
    if not rows:
        return []
    head = _head("gradient, beside a centred difference", options)
    shown = rows[:MOST_ROWS]
    lines = columns(shown, ("name", "value", "", "quiet"), options.paint)
    return [*head, *lines, *_more(len(rows) - len(shown), "gradients")]


def _more(count: int, noun: str) -> list[str]:
    if count <= 0:
        return []
    return [f"  … {count:,} more {noun}; wrt= and depth= show a part, records() has all"]


def explanation_html(explanation: Explanation) -> str:
    """Return the backward steps as a plain table."""
    digits = Digits(6)
    rows: list[Row] = [("gradient", "upstream", "local", "", "contribution", "from")]
    rows += [_step_row(explanation, e, digits) for e in explanation.graph.edges[:MOST_ROWS]]
    cells = [
        "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in row) + "</tr>"
        for row, tag in zip(rows, ["th", *["td"] * len(rows)], strict=False)
    ]
    caption = f"{explanation.outcome} {digits.equals(explanation.value)} {digits.number(explanation.value)}"
    return f"<table><caption>{html.escape(caption)}</caption>{''.join(cells)}</table>"


def _in_parentheses(text: str) -> str:
    return f"({text})" if text.startswith("−") else text


def _shape(x: Any) -> str:
    return ", ".join(map(_shape, x)) if type(x) is tuple else str(np.shape(x))
