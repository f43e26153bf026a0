"""`chainrule compile`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from chainrule.cli.calls import told
from chainrule.cli.functions import find_arguments, find_function
from chainrule.errors import UsageError

if TYPE_CHECKING:
    from chainrule.compiler.compiled import Compiled

SHOWN: dict[str, Callable[[Compiled], object]] = {
    "report": lambda compiled: compiled.report(),
    "graph": lambda compiled: compiled.graph,
    "loops": lambda compiled: compiled.loops,
    "llvm": lambda compiled: compiled.llvm,
    "cost": lambda compiled: compiled.cost,
    "asm": lambda compiled: compiled.asm,
}
"""What can be shown besides the graph after a pass."""


def compile(  # noqa: A001  the command's name
    function: Annotated[str, typer.Argument(help="MODULE:FUNCTION or FILE.py:FUNCTION.")],
    args: Annotated[
        Path | None, typer.Option(help="An .npz file of arrays named like the parameters.")
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(metavar="<shape>", help="A random argument of that shape; once per argument."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="<int>", help="Settles the random arguments.")
    ] = 0,
    show: Annotated[
        str,
        typer.Option(help=f"{', '.join(SHOWN)}, or the name of a pass: the graph after it."),
    ] = "report",
) -> None:
    """Compile a function, call it once, and show what became of it.

    Arguments come from --args, from --shape, or from the function's own defaults. The report says
    what is native, what NumPy computes inside the step, and what runs eagerly and why. The exit
    code is 1 if there is nothing else to show, as the function runs eagerly.
    """
    from chainrule.compiler.compiled import compile as compiled_from
    from chainrule.compiler.passes import PASSES

    names = list(dict.fromkeys([*SHOWN, *[p.__name__ for p in PASSES]]))
    if show not in names:
        raise UsageError.from_option("--show", show, f"one of {', '.join(names)}")
    found = find_function(function)
    rng = np.random.default_rng(seed)
    arguments = find_arguments(function, found, file=args, shapes=shape or (), rng=rng)
    compiled = compiled_from(found)
    told(function, found, lambda: compiled(*arguments))
    print(SHOWN[show](compiled) if show in SHOWN else _after(compiled, show))


def _after(compiled: Compiled, name: str) -> str:
    """Return the graph of the whole step after each run of a pass."""
    from chainrule.compiler.passes import PASSES, stages

    return "\n".join(
        f"after {name}, pass {place} of {len(PASSES)}\n{graph}"
        for place, (run, graph) in enumerate(stages(compiled.captured), 1)
        if run == name
    )
