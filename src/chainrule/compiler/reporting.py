"""SciPy's special functions may report errors, which is up to Python: steps that call their loops ask before and after.

Before anything is computed, whether errors are ignored, as is usual: if not (`scipy.special.errstate`), the step runs
eagerly. Behind the last loop, and before anything of the caller's is written, whether one raised an exception: by a
warning that is turned into an error. Then the step runs eagerly as well, and raises.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.compiler.emission.inner_loops import LoopRule
from chainrule.compiler.entry.signature import CHECKED
from chainrule.compiler.loops.program import Call, Guard, Let, Loop, Program, Statement
from chainrule.compiler.loops.structure import results_of, walk
from chainrule.records import replaced

_BOOL = np.dtype(bool)
_REPORTING = "scipy."


def may_report(rule: Callable[..., Any] | None) -> bool:
    """Say whether a rule calls what may report errors by Python's means."""
    return isinstance(rule, LoopRule) and rule.ufunc.module.startswith(_REPORTING)


def asking(program: Program) -> Program:
    """Return a program that asks before and behind the loops that may report errors."""
    every = [list(walk((s,))) for s in program.body]
    places = [i for i, inner in enumerate(every) if any(map(_reports, inner))]
    if not places:
        return program
    fresh = highest_name(program) + 1
    behind = places[-1] + 1
    asked = any(isinstance(s, Let) and _reports(s) for inner in every for s in inner)
    body = (
        *(_question(_are_ignored, fresh) if asked else ()),
        *program.body[:behind],
        *_question(_is_quiet, fresh + 1),
        *program.body[behind:],
    )
    return replaced(program, body=body)


def highest_name(program: Program) -> int:
    """Return the highest name that is set in a program."""
    return max(_names(program), default=0)


def _names(program: Program) -> Iterator[int]:
    for s in walk(program.body):
        yield from results_of(s)
        if isinstance(s, Loop):
            yield s.var


def _reports(statement: Statement) -> bool:
    if isinstance(statement, Call):
        return True  # memory may be missing
    return isinstance(statement, Let) and may_report(statement.rule)


def _question(rule: Callable[..., Any], name: int) -> tuple[Statement, ...]:
    label = rule.__name__.removeprefix("_")
    return Let(name, rule, (), _BOOL, label), Guard(name, expected=True, place=CHECKED)


def _are_ignored(e: Any) -> Any:
    return e.special_errors_are_ignored()


def _is_quiet(e: Any) -> Any:
    return e.has_no_exception()
