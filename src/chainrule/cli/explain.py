"""`chainrule explain`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from chainrule.cli.targets import Given, Target, find_target
from chainrule.cli.terminal import console, write_text
from chainrule.errors import ArgumentError, ChainruleError, UsageError

_IN_PICTURES = 4


def explain(
    target: Annotated[
        str,
        typer.Argument(
            metavar="TARGET",
            help='An expression such as "(x+y)*z", MODULE:FUNCTION, or a run folder.',
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
    sample: Annotated[
        int | None,
        typer.Option(metavar="<int>", help="Which example of a run's test part; the first is 0."),
    ] = None,
    tex: Annotated[Path | None, typer.Option(help="Also write a LaTeX document there.")] = None,
    svg: Annotated[Path | None, typer.Option(help="Also write a picture there.")] = None,
    view: Annotated[
        str, typer.Option(help="What the picture shows: graph, network or reverse.")
    ] = "graph",
    html: Annotated[
        Path | None, typer.Option(help="Also write a page to step through both passes there.")
    ] = None,
) -> None:
    """Show how a gradient comes about: every step, its local derivative, and the sums where paths meet."""
    found = find_target(Given(target, values or [], args, shape or [], seed, sample))
    screen = console()
    with np.errstate(all="ignore"):  # infinities and NaN stand in the text
        explanation = _explained(target, found, wrt, _entry(entry))
        text = explanation.text(
            digits=digits,
            depth=depth,
            paths=path,
            top=top,
            only_nonzero=only_nonzero,
            width=screen.width if screen.is_terminal else None,
            colour=screen.is_terminal and not screen.no_color,
        )
        contents: dict[Path, str] = {}
        if tex is not None:
            contents[tex] = explanation.latex(digits=digits, standalone=True)
        if svg is not None:
            contents[svg] = explanation.svg(view, digits=min(digits, _IN_PICTURES))
        if html is not None:
            contents[html] = explanation.html()
    if found.title:
        screen.print(f"{found.title}\n")
    print(text)
    for file, content in contents.items():
        write_text(file, content)


def _explained(name: str, target: Target, wrt: str | None, entry: tuple[int, ...] | None) -> Any:
    """Explain a function; its own failures are told with how far it came, without a traceback."""
    from chainrule.explanation.explanation import explain as explained

    try:
        return explained(
            target.function, *target.arguments, wrt=wrt, entry=entry, argnums=target.argnums
        )
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
