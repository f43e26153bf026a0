"""An explanation as text for a terminal: header, values forward, gradients backward, sums at forks, checks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from chainrule.explanation.branches import (
    MOST_ROWS,
    Options,
    equations,
    name_lines,
    related,
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
from chainrule.explanation.step_rows import (
    backward_lines,
    head_lines,
    more_lines,
)

if TYPE_CHECKING:
    from chainrule.explanation.explanation import Explanation


def explanation_text(explanation: Explanation, options: Options) -> str:
    """Return the whole text."""
    sections = [
        _header(explanation, options),
        _forward(explanation, options),
        backward_lines(explanation, options),
        _forks(explanation, options),
    ]
    if explanation.is_by_entry and len(explanation.starts) == 1:
        graph, start = explanation.graph, explanation.graph.wires[0]
        rule = tree_lines(explanation.outcome, graph, start, options)
        sections.append([*head_lines("the chain rule", options), *rule])
        if options.paths:
            found = explanation.paths(top=options.top)
            lines = found.lines(options.shown, options.width)
            sections.append([*head_lines("paths", options), *(f"  {line}" for line in lines)])
    sections.append(_checks(explanation, options))
    return "\n\n".join("\n".join(lines) for lines in sections if lines)


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
    for is_brief in (False, True):
        rows = [
            _value_row(x, digits, is_input=w.node.op is None, is_brief=is_brief)
            for w, x in zip(wires, statements, strict=True)
        ]
        if options.width is None or total_width(rows, 4) <= options.width:
            styles = ("name", "", "", "value")
            shown = [[line] for line in columns(rows, styles, options.paint, indent=4)]
            break
    else:
        shown = [stated(x, "    ", options) for x in statements]
    lines = head_lines("forward", options)
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
    return lines + more_lines(len(explanation.graph.wires) - len(wires), "values")


def _value_row(statement: Statement, digits: Digits, *, is_input: bool, is_brief: bool) -> Row:
    name = written(statement.name, digits.names)
    value = related(statement.value, digits, is_brief=is_brief)
    if is_input:
        return (name, "input", "", value)
    formula, *rest = equations(statement, digits)
    numbers = rest[0] if len(rest) > 1 else ""
    return (name, "" if name == formula[2:] else formula, numbers, value)


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
    lines = head_lines("where paths meet, contributions add up", options)
    if options.width is None or total_width(rows) <= options.width:
        lines += columns(rows, ("name", "", "value"), options.paint)
    else:
        for name, text, total in rows:
            lines += [
                *name_lines(name, "  ", options),
                *wrapped(f"      {text}", options.width, 8),
                f"      {total}",
            ]
    return lines + more_lines(len(joins) - len(rows), "sums")


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
    head = head_lines("gradient, beside a centred difference", options)
    shown = rows[:MOST_ROWS]
    if options.width is None or total_width(shown) <= options.width:
        lines = columns(shown, ("name", "value", "", "quiet"), options.paint)
    else:
        lines = [
            line
            for name, *rest in shown
            for line in (
                *name_lines(name, "  ", options),
                *wrapped(f"    {'  '.join(rest)}", options.width, 6),
            )
        ]
    return [*head, *lines, *more_lines(len(rows) - len(shown), "gradients")]
