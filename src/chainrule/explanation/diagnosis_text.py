"""A diagnosis as text for a terminal, and as HTML for a notebook."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.explanation.anomalies import shown
from chainrule.explanation.numbers import Digits
from chainrule.explanation.units import by_line

if TYPE_CHECKING:
    from chainrule.explanation.diagnose import Diagnosis

_MOST_ROWS = 100
_NORM_ROWS = 4
_A_ROW = 8
_NUMBERS = frozenset(
    {"weight", "gradient", "update/weight", "sigmoids after", "bound", "units", "saturated", "dead"}
)


def diagnosis_text(diagnosis: Diagnosis, digits: int, width: int | None) -> str:
    """Return the whole text."""
    numbers = Digits(digits)
    parts = [_header(diagnosis, numbers)]
    if diagnosis.forward is not None:
        parts.append("\n".join(["the first in forward order", *_indented(diagnosis.forward)]))
    if diagnosis.backward is not None:
        parts.append("\n".join(["the first in backward order", *_indented(diagnosis.backward)]))
    findings = list(_findings(diagnosis))
    if findings:
        parts.append("\n".join(["findings", *findings]))
    for head, rows in _tables(diagnosis, numbers):
        parts.append("\n".join([head, *_table(rows)]))
    text = "\n\n".join(parts)
    return text if width is None else "\n".join(_cut(line, width) for line in text.splitlines())


def diagnosis_html(diagnosis: Diagnosis) -> str:
    """Return the places, the findings and the tables as plain HTML."""
    numbers = Digits(6)
    parts = [f"<p><b>{html.escape(_header(diagnosis, numbers))}</b></p>"]
    for title, anomaly in (("forward", diagnosis.forward), ("backward", diagnosis.backward)):
        if anomaly is not None:
            lines = html.escape("\n".join(anomaly.lines()))
            parts.append(f"<p>the first in {title} order</p><pre>{lines}</pre>")
    if diagnosis.findings:
        items = "".join(
            f"<li><b>{html.escape(f.subject)}</b> {html.escape(f.text)} <i>{html.escape(f.hint)}</i></li>"
            for f in diagnosis.findings
        )
        parts.append(f"<ul>{items}</ul>")
    for head, rows in _tables(diagnosis, numbers):
        cells = "".join(
            "<tr>" + "".join(f"<{tag}>{html.escape(c)}</{tag}>" for c in row) + "</tr>"
            for tag, row in zip(("th", *["td"] * len(rows)), rows, strict=False)
        )
        parts.append(f"<table><caption>{html.escape(head)}</caption>{cells}</table>")
    return "".join(parts)


def _header(diagnosis: Diagnosis, numbers: Digits) -> str:
    """Say what the result is, and whether all is finite."""
    value = diagnosis.value
    if type(value) is tuple:
        what = f"{diagnosis.function}: {len(value)} results"
    elif np.ndim(value):
        what = f"{diagnosis.function} = {type_of(value)}, of which the sum is differentiated"
    else:
        single = np.asarray(value)[()]
        what = f"{diagnosis.function} = {numbers.number(single) if np.isfinite(single) else shown(single)}"
    if diagnosis.is_finite:
        return (
            f"{what}; everything that reaches {'them' if type(value) is tuple else 'it'} is finite"
        )
    return what


def _indented(anomaly: Any) -> list[str]:
    return [f"  {line}" for line in anomaly.lines()]


def _findings(diagnosis: Diagnosis) -> Iterator[str]:
    found = diagnosis.findings
    widest = max((len(f.subject) for f in found), default=0)
    for finding in found:
        yield f"  {finding.subject.ljust(widest)}  {finding.text}"
        if finding.hint:
            yield f"  {' ' * widest}  → {finding.hint}"


def _tables(diagnosis: Diagnosis, numbers: Digits) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    if diagnosis.parameters:
        yield "gradients, parameter by parameter", list(_parameters(diagnosis, numbers))
    if len(diagnosis.layers) > 1 and len(diagnosis.layers) < len(diagnosis.parameters):
        yield "gradients, layer by layer", list(_layers(diagnosis, numbers))
    if diagnosis.units:
        yield "activations", list(_units(diagnosis, numbers))
    if diagnosis.growth is not None:
        growth = diagnosis.growth
        title = (
            f"on the way back, per layer ×{numbers.number(growth.rate)}, over all ×{numbers.number(growth.total)} "
            f"(norms at {growth.steps}, from the result)"
        )
        norms = [numbers.number(n) for n in growth.norms]
        rows = [tuple(norms[i : i + _A_ROW]) for i in range(0, len(norms), _A_ROW)]
        if len(rows) > _NORM_ROWS:
            rows = [*rows[: _NORM_ROWS // 2], ("…",), tuple(norms[-_A_ROW:])]
        yield title, rows


def _parameters(diagnosis: Diagnosis, numbers: Digits) -> Iterator[tuple[str, ...]]:
    has_updates = any(p.update is not None for p in diagnosis.parameters)
    has_sigmoids = any(p.sigmoids for p in diagnosis.parameters)
    yield (
        "parameter",
        "shape",
        "weight",
        "gradient",
        *(("update/weight",) if has_updates else ()),
        *(("sigmoids after", "bound") if has_sigmoids else ()),
    )
    for p in diagnosis.parameters:
        ratio = p.ratio
        yield (
            p.name,
            str(p.shape),
            numbers.number(p.weight),
            "none" if p.gradient is None else numbers.number(p.gradient),
            *(("" if ratio is None else numbers.number(ratio),) if has_updates else ()),
            *((str(p.sigmoids), numbers.number(p.bound)) if has_sigmoids else ()),
        )


def _layers(diagnosis: Diagnosis, numbers: Digits) -> Iterator[tuple[str, ...]]:
    has_sigmoids = any(p.sigmoids for p in diagnosis.parameters)
    yield ("layer", "gradient", *(("sigmoids after", "bound") if has_sigmoids else ()))
    for layer in diagnosis.layers:
        yield (
            layer.name,
            numbers.number(layer.gradient),
            *((str(layer.sigmoids), numbers.number(layer.bound)) if has_sigmoids else ()),
        )


def _units(diagnosis: Diagnosis, numbers: Digits) -> Iterator[tuple[str, ...]]:
    yield ("activation", "units", "slopes", "saturated", "dead", "scope", "line")
    for u in by_line(diagnosis.units):
        low, mean, high = map(numbers.number, u.slopes)
        is_flat = u.kind == "relu"
        yield (
            f"{u.kind} {u.name}" + (f" and {u.calls - 1} more" if u.calls > 1 else ""),
            str(u.count),
            f"{low} to {high}, mean {mean}",
            "" if is_flat else f"{u.saturated:.1%}",
            f"{u.dead}" if is_flat and u.is_judged else "",
            u.scope,
            "" if u.position is None else str(u.position),
        )


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Align columns: numbers to the right."""
    left_out = len(rows) - 1 - _MOST_ROWS
    rows = rows[: _MOST_ROWS + 1]
    columns = max(map(len, rows))
    rows = [(*row, *[""] * (columns - len(row))) for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (
            cell.rjust(w) if name in _NUMBERS else cell.ljust(w)
            for cell, w, name in zip(row, widths, rows[0], strict=True)
        )
        yield "  " + "  ".join(cells).rstrip()
    if left_out > 0:
        yield f"  … {left_out} more"


def _cut(line: str, width: int) -> str:
    return line if len(line) <= width else line[: max(width - 1, 1)] + "…"
