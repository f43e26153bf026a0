"""`chainrule lecture`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.failures import ANSWER_IS_NO
from chainrule.cli.terminal import console, show_table, write_text
from chainrule.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console

    from chainrule.lecture.row import Outcome, Row

_SHORT = 12


def lecture(
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROW]...", help="Rows to run, such as 0.2 or B.4."),
    ] = None,
    every: Annotated[  # noqa: FBT002  typer reads flags so
        bool, typer.Option("--all", help="Run all rows, and say which numbers are not met.")
    ] = False,
    chinese: Annotated[  # noqa: FBT002  typer reads flags so
        bool, typer.Option("--zh", help="Claims in Traditional Chinese.")
    ] = False,
    picture: Annotated[
        Path | None, typer.Option(help="Write the picture of a row there, as SVG.")
    ] = None,
) -> None:
    """Run the lecture on backpropagation: list its rows, or run some and compare their numbers."""
    from chainrule.lecture.rows import all_rows

    known = {row.id: row for row in all_rows()}
    screen = console()
    if picture is not None and (every or len(rows or []) != 1):
        raise UsageError.from_option("--picture", picture, "one row that draws a picture")
    if every:
        _run_all(screen, list(known.values()))
    elif rows:
        _run_some(screen, _found(known, rows), picture, is_chinese=chinese)
    else:
        listed = [(row.id, row.claim_zh if chinese else row.claim) for row in known.values()]
        show_table(screen, ("row", "claim"), listed)
        print("\nchainrule lecture 0.2 runs a row, chainrule lecture --all every one.")


def _found(known: dict[str, Row], names: Sequence[str]) -> list[Row]:
    for name in names:
        if name not in known:
            near = [k for k in known if k.startswith(name.split(".")[0].upper())] or list(known)
            listed = ", ".join(near[:_SHORT]) + (", …" if len(near) > _SHORT else "")
            raise UsageError.from_option("ROW", name, f"one of the rows: {listed}")
    return [known[name] for name in names]


def _run_some(
    screen: Console, rows: Sequence[Row], picture: Path | None, *, is_chinese: bool
) -> None:
    from chainrule.lecture.row import run

    outcomes = []
    for i, row in enumerate(rows):
        if i:
            print()
        outcomes.append(run(row))
        _show(screen, outcomes[-1], is_chinese=is_chinese)
    if picture is not None:
        if not outcomes[0].picture:
            raise UsageError.from_option("--picture", picture, "a row that draws a picture")
        write_text(picture, outcomes[0].picture)
    if not all(outcome.ok for outcome in outcomes):
        raise typer.Exit(ANSWER_IS_NO)


def _show(screen: Console, outcome: Outcome, *, is_chinese: bool) -> None:
    """Print the claim, the program, its output and its numbers."""
    from rich.syntax import Syntax

    from chainrule.lecture.page import shown

    row = outcome.row
    screen.print(f"{row.id}  {row.claim_zh if is_chinese else row.claim}", style="bold")
    print()
    if screen.is_terminal:
        screen.print(Syntax(row.program.rstrip(), "python", background_color="default"))
    else:
        print(row.program.rstrip())
    print()
    if outcome.output:
        print(outcome.output)
    table = [
        (c.name, shown(c.expected), shown(c.found), "as expected" if c.ok else "NOT as expected")
        for c in outcome.comparisons
    ]
    show_table(screen, ("number", "expected", "found", ""), table)
    if outcome.picture:
        print(f"\nIt draws a picture: chainrule lecture {row.id} --picture picture.svg")


def _run_all(screen: Console, rows: Sequence[Row]) -> None:
    from chainrule.lecture.page import shown
    from chainrule.lecture.row import run

    wrong = []
    for row in rows:
        outcome = run(row)
        numbers = f"{len(outcome.comparisons)} as expected"
        for c in outcome.comparisons:
            if not c.ok:
                numbers = f"{c.name}: expected {shown(c.expected)}, found {shown(c.found)}"
                wrong.append(row.id)
        screen.print(f"{row.id:5} {numbers}", style="red" if row.id in wrong[-1:] else "")
    met = len(rows) - len(set(wrong))
    print(f"\n{met} of {len(rows)} rows give the numbers of the lecture.")
    if wrong:
        raise typer.Exit(ANSWER_IS_NO)
