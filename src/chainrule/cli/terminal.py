"""What commands print with: a console, and tables that look right on a terminal and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

_WIDTH_OF_FILES = 200


def console() -> Console:
    """Return a console for stdout; in a file or a pipe its lines are not folded.

    It prints text as it is: a column may well be called `height [cm]`.
    """
    found = Console(highlight=False, markup=False)
    if not found.is_terminal:
        found.width = _WIDTH_OF_FILES
    return found


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    right: Sequence[str] = (),
) -> Table:
    """Lay out rows of plain or styled text; the columns named in `right` hold numbers."""
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        found.add_column(Text(header), justify="right" if header in right else "left")
    for row in rows:
        found.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return found


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "row"), counted(1797, "row"), counted(2, "class")
    ('1 row', '1,797 rows', '2 classes')
    """
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"
