"""One row of the lecture: a claim in two languages, the program that shows it, and the numbers it must give."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import linecache
import textwrap
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

PRELUDE = """\
import numpy as np
import chainrule as cr
from chainrule import nn, optim
from chainrule.lecture.programs.network import ORIGIN, PARAMETERS, TARGET, X
from chainrule.lecture.programs.network import bce, hse, outputs, sce, scores
"""


@dataclass(frozen=True)
class Order:
    """A number that is met in its order of magnitude: up to ten times smaller or larger."""

    value: float


@dataclass(frozen=True)
class Row:
    """A claim and what shows it.

    Attributes:
        id: its number, such as `0.2`.
        claim: what is claimed, in English.
        claim_zh: the same in Traditional Chinese.
        program: the lines to run after `PRELUDE`; the last one fills `found`.
        expected: by name the numbers, texts or arrays that must come out.
        tolerance: how far a number may be off, absolutely.
    """

    id: str
    claim: str
    claim_zh: str
    program: str
    expected: Mapping[str, Any]
    tolerance: float


@dataclass(frozen=True)
class Comparison:
    """One of the numbers of a row: what was expected, what came out, and whether that is near enough."""

    name: str
    expected: Any
    found: Any
    ok: bool


@dataclass(frozen=True)
class Outcome:
    """What a row printed and gave.

    Attributes:
        row: which row.
        output: what its program printed.
        comparisons: its numbers.
        picture: the SVG it drew; empty if it drew none.
    """

    row: Row
    output: str
    comparisons: tuple[Comparison, ...]
    picture: str

    @property
    def ok(self) -> bool:
        """Whether every number is as it should be."""
        return all(c.ok for c in self.comparisons)


def row(
    number: str, *, en: str, zh: str, expected: Mapping[str, Any], tolerance: float = 1e-9
) -> Callable[[Callable[[], Any]], Row]:
    """Make a row of a function: its body is the program, what it returns is compared."""

    def made(function: Callable[[], Any]) -> Row:
        return Row(number, en, zh, _program(function), expected, tolerance)

    return made


def run(found: Row) -> Outcome:
    """Run the program of a row as its page shows it."""
    file = f"row-{found.id}.py"
    namespace: dict[str, Any] = {"__name__": f"row {found.id}"}
    exec(PRELUDE, namespace)  # noqa: S102  our own text
    linecache.cache[file] = (
        len(found.program),
        None,
        found.program.splitlines(keepends=True),
        file,
    )
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(found.program, file, "exec"), namespace)  # noqa: S102  our own text
    results = namespace["found"]
    if set(results) != set(found.expected):
        message = f"row {found.id} gives {sorted(results)}, expected {sorted(found.expected)}"
        raise AssertionError(message)
    comparisons = tuple(
        Comparison(
            name, expected, results[name], _is_near(results[name], expected, found.tolerance)
        )
        for name, expected in found.expected.items()
    )
    return Outcome(found, printed.getvalue(), comparisons, namespace.get("picture", ""))


def _program(function: Callable[[], Any]) -> str:
    """Return the body of a function; its last line, which returns what was found, keeps it instead."""
    source = textwrap.dedent(inspect.getsource(function))
    (definition,) = ast.parse(source).body
    assert isinstance(definition, ast.FunctionDef)
    lines = source.splitlines()[definition.body[0].lineno - 1 :]
    body = textwrap.dedent("\n".join(lines)) + "\n"
    head, _, results = body.rpartition("\nreturn ")
    return f"{head}\nfound = {results}".lstrip("\n")


def _is_near(found: Any, expected: Any, tolerance: float) -> bool:
    """Compare texts and truths exactly, numbers within the tolerance, containers item by item."""
    if isinstance(expected, Order):
        return 0.1 <= abs(float(found)) / expected.value <= 10
    if isinstance(expected, (str, bool)):
        return bool(found == expected)
    if isinstance(expected, Mapping):
        return set(found) == set(expected) and all(
            _is_near(found[k], expected[k], tolerance) for k in expected
        )
    if isinstance(expected, (list, tuple)):
        return len(found) == len(expected) and all(
            _is_near(f, e, tolerance) for f, e in zip(found, expected, strict=True)
        )
    return np.shape(found) == () and bool(abs(found - expected) <= tolerance)
