"""Statements of the chain rule as lines of text, and the gradient of one value as an indented tree of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanation.columns import Paint, width_of, wrapped
from chainrule.explanation.formula import written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.records import Extent
from chainrule.explanation.statements import (
    Statement,
    gradient_statement,
    gradient_symbol,
    shown_numbers,
)
from chainrule.explanation.terms import Number
from chainrule.explanation.wires import Graph, Wire

MOST_ROWS = 200
_ENDLESS = 1_000_000


@dataclass(frozen=True)
class Options:
    """How much is shown, and how."""

    digits: int = 6
    depth: int | None = None
    paths: bool = False
    top: int = 5
    only_nonzero: bool = False
    width: int | None = None
    colour: bool = False

    @property
    def paint(self) -> Paint:
        """The colours."""
        return Paint(self.colour)

    @property
    def shown(self) -> Digits:
        """The digits."""
        return Digits(self.digits)


def tree_lines(outcome: str, graph: Graph, start: Wire, options: Options) -> list[str]:
    """Write the gradient with respect to a wire as a sum over its readers, and those below it, indented."""
    lines: list[str] = []
    seen: set[Wire] = set()
    stack: list[tuple[Wire, int]] = [(start, 0)]
    deepest = 30 if options.width is None else options.width // 5
    while stack and len(lines) < MOST_ROWS:
        wire, level = stack.pop()
        indent = "  " * (min(level, deepest) + 1)
        if wire in seen:
            name = written(gradient_symbol(outcome, wire, graph), options.shown.names)
            lines += wrapped(f"{indent}{name}, as above", options.width, len(indent) + 2)
            continue
        seen.add(wire)
        lines += stated(gradient_statement(outcome, wire, graph), indent, options)
        if options.depth is None or level + 1 < options.depth:
            readers = wire.readers
            if options.only_nonzero:
                readers = [e for e in readers if e.contribution]
            targets = dict.fromkeys(e.target for e in readers if e.target is not graph.output)
            stack += [(t, level + 1) for t in reversed(targets)]
    if stack:
        lines.append("  … and more below; a smaller depth folds the tree")
    return lines


def stated(statement: Statement, indent: str, options: Options) -> list[str]:
    """Write a statement on one line if it fits, else names, numbers and result below each other."""
    digits = options.shown
    name = written(statement.name, digits.names)
    painted = f"{indent}{options.paint(name, 'name')}"
    hang = len(indent) + len(name) + 1
    width = options.width or _ENDLESS
    for is_brief in (False, True):
        parts = _news(name, statement, digits, is_brief=is_brief)
        parts = [p if p.startswith(("=", "≈")) else f" {p}" for p in parts]
        if hang + width_of(" ".join(parts)) <= width:
            return [f"{painted} {' '.join(parts)}"]
    parts = [p.strip() for p in parts]
    is_beside = hang <= width // 3
    hang = hang if is_beside else len(indent) + 4
    below = [line for p in parts for line in wrapped(" " * hang + p, width, hang + 2)]
    if is_beside:
        return [f"{painted} {below[0].lstrip()}", *below[1:]]
    return [*name_lines(name, indent, options), *below]


def name_lines(name: str, indent: str, options: Options) -> list[str]:
    """Write a name on lines of its own."""
    lines = wrapped(indent + name, options.width, len(indent) + 2)
    return [options.paint(line, "name") for line in lines]


def _news(name: str, statement: Statement, digits: Digits, *, is_brief: bool) -> list[str]:
    """Leave out the formula where it is the name, or an input's value."""
    parts = equations(statement, digits, is_brief=is_brief)
    is_said = parts[0][2:] == name or isinstance(statement.formula, Number)
    return parts[1:] if is_said and len(parts) > 1 else parts


def equations(statement: Statement, digits: Digits, *, is_brief: bool = False) -> list[str]:
    """Return `= formula`, `= formula with numbers`, `≈ result`; what says nothing new is left out."""
    more = f" + … {statement.left_out} more" if statement.left_out else ""
    parts = [f"= {written(statement.formula, digits.names)}{more}"]
    if statement.factors is not None:
        sign = digits.equals(*shown_numbers(statement.factors))
        parts.append(f"{sign} {written(statement.factors, digits.names)}{more}")
    elif statement.is_numeric:
        sign = digits.equals(*shown_numbers(statement.formula))
        parts.append(f"{sign} {written(statement.formula, digits.values)}{more}")
    parts.append(related(statement.value, digits, is_brief=is_brief))
    return [p for i, p in enumerate(parts) if not i or p[1:] != parts[i - 1][1:]]


def related(x: Any, digits: Digits, *, is_brief: bool = False) -> str:
    """Write `= 2`, `≈ 0.333`, or what a larger array measures."""
    return f"{digits.relation(x)} {measured(x, digits, is_brief=is_brief)}".strip()


def measured(x: Any, digits: Digits, *, is_brief: bool = False) -> str:
    """Write a number; of a larger array its type and norm, and if there is room its extremes and largest entry."""
    shown = digits.number(x)
    if type(x) is tuple or not np.ndim(x) or shown.startswith("["):
        return shown
    extent = Extent.of(x)
    lowest, highest, norm = map(digits.number, (extent.lowest, extent.highest, extent.norm))
    if is_brief:
        return f"{shown} norm {norm}"
    at = ",".join(map(str, extent.largest_at))
    return f"{shown} norm {norm}, {lowest} to {highest}, largest at [{at}]"


def is_felt(x: Any) -> bool:
    """Say whether a contribution is anywhere other than zero."""
    return any(map(is_felt, x)) if type(x) is tuple else bool(np.any(x))
