"""The command `chainrule`."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Annotated, Any

import typer

from chainrule.cli import (
    check,
    compile,  # noqa: A004  the module is named after its command
    evaluate,
    explain,
    lecture,
    ops,
    predict,
    train,
)
from chainrule.cli.failures import USAGE, guarded, report
from chainrule.errors import UsageError

COMMANDS: tuple[Callable[..., None], ...] = (
    train.train,
    evaluate.evaluate,
    predict.predict,
    check.check,
    explain.explain,
    compile.compile,
    lecture.lecture,
    ops.ops,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The codes: 0 done, 1 the answer is no (a gradient is wrong), 2 the command cannot be carried out
    as it stands, 3 the data cannot be used or `--diagnose` found NaN, 130 stopped by Ctrl-C.

    Args:
        argv: the words after `chainrule`; those of the process when None.

    Returns:
        The exit code.
    """
    app = typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    app.callback()(_chainrule)
    for command in COMMANDS:
        app.command()(guarded(command))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show "²" shows "?"
    try:
        return _run(app, argv)
    except BrokenPipeError:  # the reader, `head` for example, has seen enough
        _silence()
        return 1
    except OSError as error:  # commands report those of their files themselves
        _silence()
        report(UsageError.from_output(error.strerror or str(error)))
        return USAGE


def _show_versions(is_asked: bool) -> None:  # noqa: FBT001  typer passes the flag
    if is_asked:
        print(f"chainrule {version('chainrule')}")
        print(f"NumPy {version('numpy')}")
        print(f"Python {platform.python_version()}, {platform.platform()}")
        raise SystemExit(0)


def _chainrule(
    version: Annotated[  # noqa: FBT002  typer makes a flag of it
        bool,
        typer.Option(
            "--version",
            is_eager=True,
            callback=_show_versions,
            help="Show the versions that a report of a bug needs.",
        ),
    ] = False,
) -> None:
    """Exact gradients for plain NumPy code: train, check, look up."""


def _run(app: Any, argv: Sequence[str] | None) -> int:
    try:
        app(args=None if argv is None else list(argv), prog_name="chainrule")
    except SystemExit as end:
        sys.stdout.flush()
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


def _silence() -> None:
    """Write nothing more, not even what is left to be written at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
