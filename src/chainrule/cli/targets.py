"""What a command is to explain: an expression, a function, or an example of a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.cli.functions import find_arguments, find_function
from chainrule.errors import UsageError

_FUNCTION = re.compile(r".+:[^\W\d]\w*")


@dataclass(frozen=True, eq=False)
class Target:
    """A function and its arguments.

    Attributes:
        title: what a reader should know of it; may be empty.
        function: what is explained.
        arguments: what it is called with.
        argnums: which arguments are differentiated; None for all.
    """

    title: str
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    argnums: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Given:
    """What the command line says about the target."""

    target: str
    values: Sequence[str]
    file: Path | None
    shapes: Sequence[str]
    seed: int
    sample: int | None


def find_target(given: Given) -> Target:
    """Return what is explained: a run folder, `MODULE:FUNCTION`, or else an expression.

    Raises:
        UsageError: it is none of the three, or the options are those of another.
        DataError: the run or its data cannot be used.
    """
    if given.sample is not None or _is_folder(given.target):
        return _example(given)
    if _FUNCTION.fullmatch(given.target):
        return _function(given)
    return _expression(given)


def _is_folder(text: str) -> bool:
    try:
        return Path(text).is_dir()
    except (OSError, ValueError):  # no file system has such a name
        return False


def _example(given: Given) -> Target:
    from chainrule.train.runs import load_run
    from chainrule.train.sample import sample_of

    _refuse(given, "a run folder takes --sample", values=True, file=True)
    found = sample_of(load_run(given.target), given.sample or 0)
    return Target(found.title, found.loss, found.arguments, (0, 1))


def _function(given: Given) -> Target:
    _refuse(given, "a function takes --args or --shape", values=True)
    function = find_function(given.target)
    rng = np.random.default_rng(given.seed)
    arguments = find_arguments(
        given.target, function, file=given.file, shapes=given.shapes, rng=rng
    )
    return Target("", function, arguments)


def _expression(given: Given) -> Target:
    from chainrule.explanation.expression import assignments, parse

    if given.file is not None or given.shapes:
        raise UsageError.from_option(
            "TARGET", given.target, "MODULE:FUNCTION with --args or --shape"
        )
    expression = parse(given.target)
    values = assignments(expression, list(given.values))
    return Target("", expression.function(tuple(values)), tuple(values.values()))


def _refuse(given: Given, what: str, *, values: bool = False, file: bool = False) -> None:
    """Refuse options that belong to another kind of target."""
    if values and given.values:
        raise UsageError.from_option("VALUES", given.values[0], f"none: {what}")
    if file and given.file is not None:
        raise UsageError.from_option("--args", str(given.file), f"none: {what}")
    if file and given.shapes:
        raise UsageError.from_option("--shape", given.shapes[0], f"none: {what}")
