"""`chainrule check`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from chainrule.cli.calls import told
from chainrule.cli.failures import ANSWER_IS_NO
from chainrule.cli.functions import find_arguments, find_function


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
    from chainrule.autodiff.check import check_gradients

    report = told(function, found, lambda: check_gradients(found, *arguments))
    print(report)
    if not report.ok:
        raise typer.Exit(ANSWER_IS_NO)
