"""What commands print with: a console, and tables that look right on a terminal and in a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from chainrule.errors import UsageError

_WIDTH_OF_FILES = 200
_UNBOUNDED = 1_000_000


def console() -> Console:
    """Return a console for stdout; in a file or a pipe its lines are not folded.

    It prints text as it is: a column may well be called `height [cm]`.
    """
    found = Console(highlight=False, markup=False)
    if not found.is_terminal:
        found.width = _WIDTH_OF_FILES
    return found


def fits(screen: Console, headers: Sequence[str], rows: Iterable[Sequence[str | Text]]) -> bool:
    """Say whether a table of such rows can be shown without cutting a cell."""
    unbounded = screen.options.update(width=_UNBOUNDED)
    table = _table(headers, rows, right=headers)
    return screen.measure(table, options=unbounded).maximum <= screen.width


def show_table(
    screen: Console,
    headers: Sequence[str],
    rows: Iterable[Sequence[str | Text]],
    *,
    right: Sequence[str] = (),
) -> None:
    """Print rows of plain or styled text; the columns named in `right` hold numbers."""
    found = _table(headers, rows, right)
    if screen.is_terminal:
        screen.print(found)
        return
    with screen.capture() as shown:
        screen.print(found)
    # the last column is filled up with blanks; a file or a pipe has no use for them
    screen.out("\n".join(line.rstrip() for line in shown.get().splitlines()))


def write_text(path: Path, content: str) -> None:
    """Write a file that the command line asked for.

    Raises:
        UsageError: it cannot be written.
    """
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError.from_unwritable(str(path), error.strerror or str(error)) from error


def counted(count: int, noun: str) -> str:
    """Write a number of things.

    >>> counted(1, "row"), counted(1797, "row"), counted(2, "class")
    ('1 row', '1,797 rows', '2 classes')
    """
    ending = "" if count == 1 else "es" if noun.endswith("s") else "s"
    return f"{count:,} {noun}{ending}"


def _table(
    headers: Sequence[str], rows: Iterable[Sequence[str | Text]], right: Sequence[str]
) -> Table:
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for header in headers:
        is_number = header in right
        found.add_column(Text(header), justify="right" if is_number else "left", no_wrap=is_number)
    for row in rows:
        found.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    return found
