"""Statements of the chain rule as lines of text, and the gradient of one value as an indented tree of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanation.columns import Paint, wrapped
from chainrule.explanation.formula import written
from chainrule.explanation.numbers import Digits
from chainrule.explanation.records import Extent
from chainrule.explanation.statements import (
    Statement,
    gradient_statement,
    gradient_symbol,
    shown_numbers,
)
from chainrule.explanation.wires import Graph, Wire

MOST_ROWS = 200


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
    while stack and len(lines) < MOST_ROWS:
        wire, level = stack.pop()
        indent = "  " * (min(level, 30) + 1)
        if wire in seen:
            name = written(gradient_symbol(outcome, wire, graph), options.shown.names)
            lines.append(f"{indent}{options.paint(name, 'name')}, as above")
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
        lines.append(f"  … {len(stack)} more branches; a smaller depth= folds the tree")
    return lines


def stated(statement: Statement, indent: str, options: Options) -> list[str]:
    """Write a statement on one line if it fits, else names, numbers and result below each other."""
    digits = options.shown
    name = written(statement.name, digits.names)
    parts = equations(statement, digits)
    if len(parts) > 1 and parts[0][2:] == name:
        parts = parts[1:]
    painted = f"{indent}{options.paint(name, 'name')}"
    if options.width is None or len(indent) + len(name) + len(" ".join(parts)) < options.width:
        return [f"{painted} {' '.join(parts)}"]
    hang = len(indent) + len(name) + 1
    is_beside = hang <= options.width // 3
    hang = hang if is_beside else len(indent) + 4
    below = [line for p in parts for line in wrapped(" " * hang + p, options.width, hang + 2)]
    return [f"{painted} {below[0].lstrip()}", *below[1:]] if is_beside else [painted, *below]


def equations(statement: Statement, digits: Digits) -> list[str]:
    """Return `= formula`, `= formula with numbers`, `≈ result`; what says nothing new is left out."""
    more = f" + … {statement.left_out} more" if statement.left_out else ""
    parts = [f"= {written(statement.formula, digits.names)}{more}"]
    if statement.factors is not None:
        sign = digits.equals(*shown_numbers(statement.factors))
        parts.append(f"{sign} {written(statement.factors, digits.names)}{more}")
    elif statement.is_numeric:
        sign = digits.equals(*shown_numbers(statement.formula))
        parts.append(f"{sign} {written(statement.formula, digits.values)}{more}")
    parts.append(f"{digits.equals(statement.value)} {measured(statement.value, digits)}")
    return [p for i, p in enumerate(parts) if not i or p[1:] != parts[i - 1][1:]]


def measured(x: Any, digits: Digits) -> str:
    """Write a number; of a larger array its type, norm, extremes and largest entry."""
    shown = digits.number(x)
    if type(x) is tuple or not np.ndim(x) or shown.startswith("["):
        return shown
    extent = Extent.of(x)
    at = ",".join(map(str, extent.largest_at))
    lowest, highest, norm = map(digits.number, (extent.lowest, extent.highest, extent.norm))
    return f"{shown} norm {norm}, {lowest} to {highest}, largest at [{at}]"


def is_felt(x: Any) -> bool:
    """Say whether a contribution is anywhere other than zero."""
    return any(map(is_felt, x)) if type(x) is tuple else bool(np.any(x))
