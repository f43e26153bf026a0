"""How a command ends when it cannot do what it was asked for: a message and an exit code."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from typing import Any

import typer

from chainrule.errors import (
    ArgumentError,
    ChainruleError,
    DataError,
    NotFiniteError,
    UsageError,
)

ANSWER_IS_NO = 1
USAGE = 2
DATA = 3
INTERRUPTED = 130


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command that reports our errors without a traceback and ends with their codes."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> None:
        try:
            command(*args, **options)
        except ChainruleError as error:
            report(error)
            raise typer.Exit(code_of(error)) from error
        except MemoryError as error:
            report(UsageError.from_memory(command.__name__, str(error)))
            raise typer.Exit(USAGE) from error
        except KeyboardInterrupt as error:
            raise typer.Exit(INTERRUPTED) from error

    return run


def report(error: ChainruleError) -> None:
    """Print an error to stderr."""
    print(f"Error: {error.message}", file=sys.stderr)
    hint = error.hint or "chainrule COMMAND --help shows what each option takes."
    print(f"Hint: {hint}", file=sys.stderr)


def code_of(error: ChainruleError) -> int:
    """Return the exit code for an error."""
    if isinstance(error, (DataError, NotFiniteError)):
        return DATA
    return USAGE if isinstance(error, (UsageError, ArgumentError)) else ANSWER_IS_NO
