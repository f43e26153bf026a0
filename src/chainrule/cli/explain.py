"""`chainrule explain`."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.cli.functions import find_arguments, find_function
from chainrule.cli.terminal import console
from chainrule.errors import ArgumentError, ChainruleError, UsageError

_FUNCTION = re.compile(r".+:[^\W\d]\w*")


def explain(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET", help='An expression such as "(x+y)*z", or MODULE:FUNCTION.'
        ),
    ],
    values: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME=NUMBER]...", help="The values of an expression's names."),
    ] = None,
    args: Annotated[
        Path | None, typer.Option(help="An .npz file of arrays named like the parameters.")
    ] = None,
    shape: Annotated[
        list[str] | None,
        typer.Option(metavar="<shape>", help="A random argument of that shape; once per argument."),
    ] = None,
    seed: Annotated[
        int, typer.Option(min=0, metavar="<int>", help="Settles random arguments.")
    ] = 0,
    wrt: Annotated[
        str | None, typer.Option(help="What to explain: a parameter, or an entry such as W1[0,0].")
    ] = None,
    entry: Annotated[
        str | None, typer.Option(help="Which entry of an array result, such as 0 or 1,2.")
    ] = None,
    digits: Annotated[
        int, typer.Option(min=1, max=17, metavar="<int>", help="Significant digits.")
    ] = 6,
    depth: Annotated[
        int | None, typer.Option(min=1, metavar="<int>", help="How deep the tree of an entry goes.")
    ] = None,
    path: Annotated[bool, typer.Option("--path", help="List the paths of an entry.")] = False,  # noqa: FBT002
    top: Annotated[int, typer.Option(min=1, metavar="<int>", help="How many paths.")] = 5,
    only_nonzero: Annotated[  # noqa: FBT002  typer reads flags so
        bool, typer.Option("--only-nonzero", help="Leave out steps that contribute nothing.")
    ] = False,
    tex: Annotated[Path | None, typer.Option(help="Also write a LaTeX document there.")] = None,
) -> None:
    """Show how a gradient comes about: every step, its local derivative, and the sums where paths meet."""
    function, arguments = _called(target, values or [], args, shape or [], seed)
    screen = console()
    width = screen.width if screen.is_terminal else None
    with np.errstate(all="ignore"):  # infinities and NaN stand in the text
        explanation = _explained(target, function, arguments, wrt, _entry(entry))
        text = explanation.text(
            digits=digits, depth=depth, paths=path, top=top, only_nonzero=only_nonzero, width=width
        )
    print(text)
    if tex is not None:
        try:
            tex.write_text(explanation.latex(digits=digits, standalone=True), encoding="utf-8")
        except OSError as error:
            raise UsageError.from_unwritable(str(tex), error.strerror or str(error)) from error


def _called(
    target: str, values: list[str], args: Path | None, shapes: list[str], seed: int
) -> tuple[Callable[..., Any], tuple[Any, ...]]:
    """Return what is explained and its arguments."""
    if _FUNCTION.fullmatch(target):
        if values:
            raise UsageError.from_option(
                "VALUES", values[0], "none: a function takes --args or --shape"
            )
        function = find_function(target)
        rng = np.random.default_rng(seed)
        return function, find_arguments(target, function, file=args, shapes=shapes, rng=rng)
    from chainrule.explanation.expression import assignments, parse

    if args is not None or shapes:
        raise UsageError.from_option("TARGET", target, "MODULE:FUNCTION with --args or --shape")
    expression = parse(target)
    given = assignments(expression, values)
    return expression.function(tuple(given)), tuple(given.values())


def _explained(
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    wrt: str | None,
    entry: tuple[int, ...] | None,
) -> Any:
    """Explain a function; its own failures are told with how far it came, without a traceback."""
    from chainrule.explanation.explanation import explain as explained

    try:
        return explained(function, *arguments, wrt=wrt, entry=entry)
    except (UsageError, ArgumentError):
        raise
    except ChainruleError as error:
        raise UsageError.from_function(name, error.message.rstrip("."), error.hint) from error
    except Exception as error:
        notes = "".join(f"\n{note}" for note in getattr(error, "__notes__", ()))
        raise UsageError.from_function(
            name,
            f"the call failed with {type(error).__name__}: {error}{notes}",
            "check the arguments.",
        ) from error


def _entry(text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.strip("[]() ,").split(","))
    except ValueError as error:
        raise UsageError.from_option("--entry", text, "an index such as 0 or 1,2") from error
