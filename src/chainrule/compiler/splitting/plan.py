"""Which statements of a step are native parts and which are Python's: found by trying, from as few parts as can be.

A statement is Python's if its syntax shows an effect, or once a part that held it could not be compiled because of it.
Of an `if`, a loop or a `with` Python then runs the header only, and the statements inside are looked at one by one.
"""

from __future__ import annotations

import ast
import contextlib
import warnings
from collections.abc import Sequence

import numpy as np

from chainrule.compiler.splitting.closures import outliving_of
from chainrule.compiler.splitting.definitions import functions_in
from chainrule.compiler.splitting.effects import effect_of
from chainrule.compiler.splitting.names import bound_by, is_left_by
from chainrule.compiler.splitting.source import Source
from chainrule.records import record

_OPENED = (ast.If, ast.For, ast.While, ast.With)
_ONLY_AROUND = (
    *(np.errstate, np.printoptions, warnings.catch_warnings, open),
    *(contextlib.nullcontext, contextlib.redirect_stdout, contextlib.redirect_stderr),
)
"""Contexts that let every error pass."""
Opened = ast.If | ast.For | ast.While | ast.With


@record
class Part:
    """Statements in a row that are to be native."""

    statements: tuple[ast.stmt, ...]


@record
class Left:
    """A statement that Python runs, or of whose blocks it runs the header: its blocks are planned themselves."""

    statement: ast.stmt
    body: tuple[Part | Left | Made, ...] = ()
    orelse: tuple[Part | Left | Made, ...] = ()

    @property
    def is_opened(self) -> bool:
        """Whether its blocks are planned themselves."""
        return any(not isinstance(piece, Made) for piece in self.body)


@record
class Made:
    """A statement that only makes a function: Python runs it if another statement of Python's names the function."""

    statement: ast.stmt


Piece = Part | Left | Made


class Plan:
    """What was found out about the statements of a step.

    Attributes:
        reasons: why Python runs a statement, in a few words, for those of which that is known.
        functions: by name, the statements that only define a function: parts make it anew where they call it.
    """

    def __init__(self, source: Source) -> None:
        self.reasons: dict[ast.stmt, str] = {}
        self._source = source
        self._cuts: set[ast.stmt] = set()
        self.functions = functions_in(source)

    def pieces(self) -> tuple[Piece, ...]:
        """Return the whole step as parts and statements that are left to Python."""
        return self._pieces(self._source.body)

    def _pieces(self, statements: Sequence[ast.stmt]) -> tuple[Piece, ...]:
        functions = set(self.functions.values())
        pieces: list[Piece] = []
        together: list[ast.stmt] = []

        def end() -> None:
            if together:
                pieces.append(Part(tuple(together)))
                together.clear()

        for statement in statements:
            if _is_nothing(statement):
                continue
            if statement in functions:
                pieces.append(Made(statement))  # ahead of the part that is being put together
                continue
            if statement in self._cuts:
                end()
            if self._is_left(statement):
                end()
                pieces.append(self._left(statement))
            else:
                together.append(statement)
        end()
        return tuple(pieces)

    def _is_left(self, statement: ast.stmt) -> bool:
        if statement in self.reasons:
            return True
        effect = effect_of(statement, self._source)
        if not effect and is_left_by([statement]):
            effect = "it leaves a loop around it"
        if isinstance(statement, ast.FunctionDef):
            effect = "it defines a function"
        if not effect and (name := outliving_of(statement, self._source, self.functions)):
            effect = f"it makes what reads {name} later"
        if effect:
            self.reasons[statement] = effect
        return bool(effect)

    def _left(self, statement: ast.stmt) -> Left:
        if not isinstance(statement, _OPENED):
            return Left(statement)
        if isinstance(statement, ast.With) and not _lets_errors_pass(statement, self._source):
            return Left(statement)
        orelse = () if isinstance(statement, ast.With) else self._pieces(statement.orelse)
        return Left(statement, self._pieces(statement.body), orelse)

    def leave(self, part: Sequence[ast.stmt], reason: str, line: int | None) -> None:
        """Note that a part cannot be compiled, for what happens in a line of it if that is known."""
        at = [s for s in part if line is not None and s.lineno <= line <= (s.end_lineno or 0)]
        if len(part) == 1 or len(at) == 1:
            self._cuts.clear()
            self.reasons[at[0] if at else part[0]] = reason
        elif at and at[-1] is not part[0]:  # items of one tuple, for example
            self._cuts.add(at[-1])
        else:
            self._cuts.add(part[len(part) // 2])

    def leave_at(self, reason: str, line: int | None) -> None:
        """Note that the step cannot be compiled as it stands, for what happens in a line of it if that is known."""
        pieces = [piece for piece in self.pieces() if not isinstance(piece, Made)]
        parts = [piece.statements for piece in pieces if isinstance(piece, Part)]
        for part in parts:
            first, last = part[0].lineno, part[-1].end_lineno or 0
            if len(pieces) == 1 or (line is not None and first <= line <= last):
                self.leave(part, reason, line)
                return

    def leave_those_that_bind(self, part: Sequence[ast.stmt], name: str, reason: str) -> None:
        """Note that Python runs the statements of a part that bind a name."""
        self.leave_all([s for s in part if name in bound_by([s])], reason)

    def leave_all(self, part: Sequence[ast.stmt], reason: str) -> None:
        """Note that Python runs every statement of a part, as it stands."""
        self.reasons.update(dict.fromkeys(part, reason))


def _lets_errors_pass(statement: ast.With, source: Source) -> bool:
    """Say whether an error in a `with` ends the step. Else it goes on, with what a part had bound until then."""
    made = [x.context_expr.func for x in statement.items if isinstance(x.context_expr, ast.Call)]
    known = [any(source.resolved(f) is k for k in _ONLY_AROUND) for f in made]
    return len(known) == len(statement.items) and all(known)


def _is_nothing(statement: ast.stmt) -> bool:
    """Say whether a statement is `pass`, or a text that documents."""
    is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return is_text or isinstance(statement, ast.Pass)
