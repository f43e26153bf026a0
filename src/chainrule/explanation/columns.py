"""Rows in columns, coloured or not, as wide as the page allows."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

Row = Sequence[str]

_CODES = {"head": "1", "name": "36", "quiet": "2", "value": "1", "good": "32", "bad": "31;1"}


@dataclass(frozen=True)
class Paint:
    """Colours for a terminal; none where `is_on` is False."""

    is_on: bool = False

    def __call__(self, text: str, style: str) -> str:
        """Return a text in a style."""
        code = _CODES.get(style)
        return f"\x1b[{code}m{text}\x1b[0m" if self.is_on and code and text.strip() else text


def columns(
    rows: Sequence[Row], styles: Sequence[str], paint: Paint, *, indent: int = 2
) -> list[str]:
    """Lay rows out in aligned columns; a style of `""` leaves a column as it is."""
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    kept = [i for i, w in enumerate(widths) if w]
    lines = []
    for row in rows:
        last = max((i for i in kept if row[i]), default=-1)
        cells = [
            paint(row[i], styles[i]) + " " * (widths[i] - width_of(row[i]) if i < last else 0)
            for i in kept
            if i <= last
        ]
        lines.append(" " * indent + "  ".join(cells))
    return lines


def total_width(rows: Sequence[Row], indent: int = 2) -> int:
    """Return how wide rows in columns are."""
    if not rows:
        return 0
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    return indent + sum(w + 2 for w in widths if w) - 2


def wrapped(text: str, width: int | None, hang: int) -> list[str]:
    """Break a line at blanks; the lines after the first hang `hang` columns in."""
    if width is None or width_of(text) <= width:
        return [text]
    indent = " " * min(hang, max(0, width // 2))
    return textwrap.wrap(
        text,
        max(width, 20),
        subsequent_indent=indent,
        break_on_hyphens=False,
        break_long_words=True,
        drop_whitespace=True,
    )


def shortened(text: str, width: int | None) -> str:
    """Cut a text to a width, with a `…` at its end."""
    if width is None or width_of(text) <= width:
        return text
    while text and width_of(text) >= max(width, 1):
        text = text[:-1]
    return f"{text}…"


def width_of(text: str) -> int:
    """Return how many columns a text takes on a terminal.

    >>> width_of("σ(z)"), width_of("損失")
    (4, 4)
    """
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1
        for c in text
    )
