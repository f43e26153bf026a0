"""The ways through a step that were compiled, and from one to the other where a guard fails."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from types import CodeType
from typing import Any

from chainrule import tree
from chainrule.compiler.build import Built
from chainrule.compiler.capture.steps import Captured
from chainrule.compiler.decisions import GUARD
from chainrule.compiler.draws import Draw, drawing
from chainrule.compiler.entry.native import is_baseline as entries_are_baseline
from chainrule.compiler.entry.shell import improve
from chainrule.compiler.entry.signature import CHECKED, MISMATCH, Declined
from chainrule.compiler.error_settings import settings_now
from chainrule.compiler.tiers import BACKGROUND
from chainrule.position import Position

_VAIN_AT_MOST = 3
"""So many captures of calls of one kind may lead to no path, for what another thread did meanwhile."""


class Path:
    """One way through the branches of a step, compiled.

    Attributes:
        captured: what the step did.
        built: the native step.
        draws: what random numbers it takes besides, as its last argument.
        is_baseline: whether better code is still to be made for it, see `tiers.py`.
        fast: the entry that `fast_now` returned last; it sees to itself whether it serves a call.
        others: the paths to take where guards fail, by their places, as far as they were looked for.
    """

    def __init__(
        self, captured: Captured, built: Built, draws: Sequence[Draw], *, writes: bool
    ) -> None:
        self.captured = captured
        self.built = built
        self.draws = tuple(draws)
        self._writes = writes
        self.is_baseline = built.native.is_baseline or entries_are_baseline()
        self.fast: Callable[..., Any] | None = None
        self.others: dict[int, Path] = {}
        self._calls = 0
        self._settings: Any = None

    def call(self, args: tuple[Any, ...], options: dict[str, Any], leaves: Sequence[Any]) -> Any:
        """Run the native step; a `Declined` says that it did not, and nothing was written."""
        if self.draws:
            called = functools.partial(self._called, args, options, leaves)
            return drawing(self.draws, called, is_safe=not self._writes)()
        return self._called(args, options, leaves)

    def _called(
        self, args: tuple[Any, ...], options: dict[str, Any], leaves: Sequence[Any], *drawn: Any
    ) -> Any:
        built = self.built
        if not built.is_flat:
            return built.entry(*args, *drawn, *((options,) if options else ()))
        returned = built.entry(*leaves, *[x for values in drawn for x in values])
        if type(returned) is Declined:
            return returned
        return tree.unflatten(self.captured.structure, returned)

    def fast_now(self) -> Callable[..., Any] | None:
        """Return the entry that needs no more checks in this context; none as long as better code is to be expected."""
        if self.is_baseline:
            self._calls += 1
            if self._calls > 1:
                BACKGROUND.later(self._improve)
            return None
        if self.built.make_fast is None:
            return None
        now = settings_now()
        if self._settings is not now or self.fast is None:
            fast = self.built.make_fast()
            if self.draws:
                accepts = self.built.make_check()
                fast = drawing(self.draws, fast, accepts, is_safe=not self._writes)
            self._settings, self.fast = now, fast
        return self.fast

    def outcomes_but(self, place: int) -> tuple[bool, ...]:
        """Return the outcomes of the guards as far as the one at a place, which is otherwise."""
        outcomes = self.captured.outcomes
        return (*outcomes[:place], not outcomes[place])

    def _improve(self) -> None:
        """Put better code in the place of the baseline code."""
        if self.is_baseline:
            try:
                improve()
                self.built = self.built.improved()
            finally:
                self.is_baseline = False


class Specialization:
    """A step for arguments of certain types: one path for each combination of outcomes that was met.

    Attributes:
        paths: by the outcomes of their guards.
        newest: the one that ran last.
        eager: why calls run eagerly; None as long as they do not.
        questions: what its captures compare numbers with, see `StepLevel`.
        is_met: whether a call of this kind came before.
        sets_up: whether its call changed what the step reads.
        vain: how many captures led to no path.
    """

    def __init__(self) -> None:
        self.paths: dict[tuple[bool, ...], Path] = {}
        self.newest: Path | None = None
        self.eager: Exception | None = None
        self.questions: dict[tuple[bool, ...], Any] = {}
        self.is_met = False
        self.sets_up = False
        self.vain = 0

    def note_vain(self, error: Exception) -> None:
        """Note that a capture led to no path; calls run eagerly unless the next one may."""
        self.vain += 1
        if not getattr(error, "may_pass", False) or self.vain >= _VAIN_AT_MOST:
            self.eager = error

    def path_after(self, outcomes: tuple[bool, ...]) -> Path | None:
        """Return a path whose first guards have these outcomes."""
        n = len(outcomes)
        paths = list(self.paths.values())  # at once: another thread may add one
        return next((p for p in paths if p.captured.outcomes[:n] == outcomes), None)

    def route(self, *args: Any) -> Any:
        """Run a path whose guards hold, the one that ran last first: an entry for steps that take turns."""
        path = self.newest
        for _ in range(len(self.paths)):
            if path is None or path.fast is None:
                break
            returned = path.fast(*args)
            if type(returned) is not Declined:
                self.newest = path
                return returned
            place = returned.status - 1
            if place < 0 or place == CHECKED:
                return MISMATCH
            other = path.others.get(place)
            if other is None:
                other = self.path_after(path.outcomes_but(place))
                if other is not None:
                    path.others[place] = other
            path = other
        return MISMATCH

    def described(self, number: int) -> list[str]:
        """Say what was compiled; the specialization is called by a number."""
        lines = []
        for path in list(self.paths.values()):
            artifact = path.built.native.artifact
            guards = len(path.captured.outcomes)
            counts = [
                _counted(artifact.nodes, "node"),
                *([_counted(guards, "guard")] if guards else ()),
                _counted(artifact.statements, "statement"),
            ]
            lines.append(f"specialization {number}: {', '.join(counts)}")
            if path.draws:
                names = ", ".join(dict.fromkeys([d.name for d in path.draws]))
                lines.append(f"  random numbers are drawn before it: {names}")
            for (op, why), times in Counter(artifact.hosts).items():
                often = f" in {times} places" if times > 1 else ""
                lines.append(f"  {op} is computed by NumPy{often}: {why}")
        return lines


def most_guarded(paths: Iterable[Path], function: Any) -> Position | None:
    """Return where in a function most guards stand: the test of a loop that takes other numbers of turns."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    nodes = [node for path in paths for node in path.captured.graph.nodes if node.op is GUARD]
    places = Counter([n.place for n in nodes if n.place is not None and _is_of(n.place[0], code)])
    return Position(*places.most_common(1)[0][0]) if places else None


def _is_of(code: CodeType, other: Any) -> bool:
    """Say whether code is that of a function, or what it has had in its place for a capture."""
    names = ("co_filename", "co_firstlineno", "co_qualname")
    return all(getattr(code, name) == getattr(other, name, None) for name in names)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
