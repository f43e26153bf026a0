"""Tables in HTML for notebooks: plain, escaped, and no longer than a reader reads."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

MOST_ROWS = 200


def table(
    caption: str, head: Sequence[str], rows: Sequence[Sequence[str]], notes: Sequence[str] = ()
) -> str:
    """Return a table with a caption, and notes below it.

    >>> table("two", ["a"], [["1 < 2"]])
    '<table><caption>two</caption><tr><th>a</th></tr><tr><td>1 &lt; 2</td></tr></table>'
    """
    shown = [list(row) for row in rows[:MOST_ROWS]]
    if len(rows) > len(shown):
        shown.append([f"… {len(rows) - len(shown):,} more", *[""] * (len(head) - 1)])
    lines = [_row("th", head), *(_row("td", row) for row in shown)]
    below = "".join(f"<p>{escape(note)}</p>" for note in notes)
    return f"<table><caption>{escape(caption)}</caption>{''.join(lines)}</table>{below}"


def _row(cell: str, texts: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{cell}>{escape(t)}</{cell}>" for t in texts) + "</tr>"
