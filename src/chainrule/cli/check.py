"""`chainrule check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.cli.failures import ANSWER_IS_NO
from chainrule.cli.functions import find_arguments, find_function
from chainrule.errors import ChainruleError, UsageError
from chainrule.position import Position, is_user_file


def check(
    function: Annotated[str, typer.Argument(help="MODULE:FUNCTION or FILE.py:FUNCTION.")],
    args: Annotated[
        Path | None, typer.Option(help="An .npz file of arrays named like the parameters.")
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(
            metavar="<shape>",
            help="A random argument of that shape: 3,4 or scalar; once per argument.",
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="<int>", help="Settles the random arguments.")
    ] = 0,
) -> None:
    """Compare a gradient with finite differences.

    Arguments come from --args, from --shape, or from the function's own defaults. The exit code is
    1 if the two differ.
    """
    found = find_function(function)
    rng = np.random.default_rng(seed)
    arguments = find_arguments(function, found, file=args, shapes=shape or (), rng=rng)
    report = _checked(function, found, arguments)
    print(report)
    if not report.ok:
        raise typer.Exit(ANSWER_IS_NO)


def _checked(name: str, function: Any, arguments: tuple[Any, ...]) -> Any:
    """Check a function; its own failures are told by their line, without a traceback."""
    from chainrule.autodiff.check import check_gradients

    try:
        return check_gradients(function, *arguments)
    except ChainruleError as error:
        reason = f"{error.message.rstrip('.')} (at {_place(function, error)})"
        raise UsageError.from_function(name, reason, error.hint) from error
    except Exception as error:
        raise UsageError.from_function(
            name,
            f"the call failed with {type(error).__name__}: {error} (at {_place(function, error)})",
            "check the arguments; --args and --shape set them.",
        ) from error


def _place(function: Any, error: Exception) -> str:
    """Return the innermost line of the user's code that an error came from, or the function's first."""
    code = getattr(function, "__code__", None)
    place = None if code is None else Position(code, 0)
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if is_user_file(code.co_filename):
            place = Position(code, step.tb_lasti)
        step = step.tb_next
    return str(place or "the call")
