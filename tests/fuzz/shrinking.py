"""Make a program that shows a mistake short: leave out lines as long as it still shows it."""

from __future__ import annotations

from tests.fuzz.judging import judge
from tests.fuzz.program import Program, compiled

_KEPT = 1
"""Lines at the end that close the expression returned."""


def shrunk(program: Program, *, second_order: bool = False) -> Program:
    """Return a program with fewer lines that is still wrong."""
    lines = program.source.splitlines()
    is_shorter = True
    while is_shorter:
        is_shorter = False
        for i in range(len(lines) - _KEPT - 1, -1, -1):
            fewer = lines[:i] + lines[i + 1 :]
            if _is_wrong("\n".join(fewer), second_order=second_order):
                lines, is_shorter = fewer, True
    return compiled("\n".join(lines), program.features)


def _is_wrong(source: str, *, second_order: bool) -> bool:
    try:
        program = compiled(source)
        program.function()
    except (SyntaxError, NameError, KeyError):
        return False
    return judge(program, second_order=second_order).outcome == "wrong"
