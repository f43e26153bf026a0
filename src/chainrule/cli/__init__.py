"""The command `chainrule`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from chainrule.cli import check, evaluate, ops, predict, train
from chainrule.cli.failures import guarded

COMMANDS: tuple[Callable[..., None], ...] = (
    train.train,
    evaluate.evaluate,
    predict.predict,
    check.check,
    ops.ops,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    The codes: 0 done, 1 the answer is no (a gradient is wrong), 2 the command cannot be carried out
    as it stands, 3 the data cannot be used, 130 stopped by Ctrl-C.

    Args:
        argv: the words after `chainrule`; those of the process when None.

    Returns:
        The exit code.
    """
    import typer

    app = typer.Typer(
        help="Exact gradients for plain NumPy code: train, check, look up.",
        add_completion=False,
        pretty_exceptions_enable=False,
        no_args_is_help=True,
        rich_markup_mode=None,
    )
    for command in COMMANDS:
        app.command()(guarded(command))
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal that cannot show "²" shows "?"
    try:
        app(args=None if argv is None else list(argv), prog_name="chainrule")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        # The reader, `head` for example, has seen enough; nothing more may be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0
