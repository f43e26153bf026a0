"""Making the native code for a call: the step is captured, and what it did is compiled, or it is said why not."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from chainrule import tree
from chainrule.compiler.build import build
from chainrule.compiler.calls import Call, Calls
from chainrule.compiler.capture.results import lasting
from chainrule.compiler.capture.steps import capture_step, outcome_of
from chainrule.compiler.draws import Drawn
from chainrule.compiler.paths import Path, Specialization, most_guarded
from chainrule.compiler.snapshot import Snapshot, leave_plain_values
from chainrule.compiler.statics import beside_fields, rebuilt
from chainrule.compiler.surroundings import Surroundings
from chainrule.errors import CompileError, NotCompiledError
from chainrule.forks import forks_wait
from chainrule.records import replaced
from chainrule.tree import Structure

if TYPE_CHECKING:
    from chainrule.compiler.splitting.split import Rules

_COMPILED_AT_ONCE = 16
"""Kinds of calls that are compiled when they are first met; others when they are met again."""
_PATHS_AT_MOST = 32
_GENERATORS_AT_MOST = 8

Outcome = tuple[list[Any], Structure]
"""What a call returns, in pieces."""


class Maker:
    """Makes paths of a function.

    Args:
        f: the function.
        donate: the numbers of the arguments whose memory may be reused.
        rules: what is different for a part of a step.
        calls: looks at its calls.
    """

    def __init__(
        self, f: Callable[..., Any], donate: Sequence[int], rules: Rules | None, calls: Calls
    ) -> None:
        self._function = f
        self._donate = donate
        self._rules = rules
        self._calls = calls
        self._kinds = 0
        self._generators: dict[int, Any] = {}

    def path(
        self,
        specialization: Specialization,
        call: Call,
        leaves: list[Any],
        structure: Structure,
        forced: tuple[bool, ...],
    ) -> tuple[Path | None, Outcome | None]:
        """Capture and compile the path that these arguments take.

        Where there is none the step has to run eagerly, unless the capture has told what this call returns.
        """
        if not self._may_compile(specialization):
            return None, None
        surroundings = self._calls.current(call.surroundings)
        if len(specialization.paths) >= _PATHS_AT_MOST:
            error = NotCompiledError.from_many_paths(_PATHS_AT_MOST)
            error.position = most_guarded(specialization.paths.values(), self._function)
            specialization.eager = error
            return None, None
        try:
            specialization.eager = surroundings.refusal() or surroundings.set_apart()
            if specialization.eager is not None:
                return None, None
            return self._captured(specialization, call, surroundings, leaves, structure, forced)
        finally:
            surroundings.put_back()

    def _captured(
        self,
        specialization: Specialization,
        call: Call,
        surroundings: Surroundings,
        leaves: list[Any],
        structure: Structure,
        forced: tuple[bool, ...],
    ) -> tuple[Path | None, Outcome | None]:
        """Capture and compile a path, with the numbers besides the arguments set apart."""
        snapshot = Snapshot(surroundings)
        drawn = Drawn(surroundings)
        seen = Structure(
            structure.spec, tuple([(i, drawn.stand_in(x)) for i, x in structure.static])
        )
        try:
            with drawn.followed():
                captured = capture_step(
                    _captured_by(self._function, surroundings),
                    leaves,
                    functools.partial(rebuilt, seen),
                    is_shared=surroundings.holds,
                    forced=forced,
                    questions=specialization.questions,
                    moving=call.moving,
                    outside=surroundings.outside(),
                    examine=self._examine,
                    functions=surroundings.functions,
                    drawn=drawn,
                )
            if captured.survivors is not None:
                specialization.eager = captured.survivors
                outcome = outcome_of(captured, [*leaves, *drawn.values])
                leave_plain_values(self._calls.looked_into(surroundings.objects))
                return None, outcome
            captured = replaced(
                captured, structure=lasting(captured.structure, surroundings.has_met)
            )
            if drawn.is_in(captured.structure):
                raise NotCompiledError.from_result("generator")  # noqa: TRY301  it is handled as the others
            drawn.rewind()
            self._note_generators(drawn)
            snapshot.check()
            if snapshot.has_changed():
                specialization.sets_up = True
                raise NotCompiledError.from_changed_surroundings()  # noqa: TRY301  it is handled as the others
            given, whole = leaves, structure
            if drawn.draws:
                given, whole = _with_drawn(leaves, structure, drawn.values)
            donated = self._donated(structure)
            built = build(captured, given, whole, donated, call.moving, surroundings)
        except CompileError:  # only who asked for checks gets one, and to be told
            snapshot.restore()
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, the eager run meets it again
            snapshot.restore()
            specialization.note_vain(error)
            return None, None
        writes = bool(captured.written or donated)
        path = Path(captured, built, drawn.draws, writes=writes)
        specialization.paths[captured.outcomes] = path
        return path, None

    def _examine(self, level: Any, given: Any, returned: Any) -> None:
        """Look at what a step got and returned when it was captured.

        Raises:
            NotCompiledError: it cannot be compiled.
        """
        names = beside_fields((given, returned))
        if names:
            raise NotCompiledError.from_attribute(min(names))
        if self._rules is not None:
            self._rules.examine(level, given, returned)

    def _may_compile(self, specialization: Specialization) -> bool:
        """Say whether a kind of call is compiled now: after many others if it is met again."""
        if self._rules is not None:
            return self._rules.may_compile(specialization)
        if specialization.is_met:
            return True
        specialization.is_met = True
        self._kinds += 1
        return self._kinds <= _COMPILED_AT_ONCE

    def _note_generators(self, drawn: Drawn) -> None:
        """Note from which generators native steps draw, each of which is compiled for.

        Raises:
            NotCompiledError: there is another one in nearly every call.
        """
        self._generators |= {id(draw.generator): draw.generator for draw in drawn.draws}
        if len(self._generators) > _GENERATORS_AT_MOST:
            raise NotCompiledError.from_many_generators(_GENERATORS_AT_MOST)

    def _donated(self, structure: Structure) -> frozenset[int]:
        """Return the numbers of the leaves of the donated arguments."""
        if not self._donate:
            return frozenset()
        args, _ = rebuilt(structure, [float(i) for i in range(structure.count)])
        return frozenset(
            [int(x) for i in self._donate if i < len(args) for x in tree.leaves(args[i])]
        )


def _captured_by(f: Callable[..., Any], surroundings: Surroundings) -> Callable[..., Any]:
    """Return what is run to capture a step: the step, which raises where it asks the world outside."""
    if not surroundings.may_ask:
        return f
    with forks_wait():
        from chainrule.compiler.asking import refusing_to_ask

    return refusing_to_ask(f)


def _with_drawn(
    leaves: list[Any], structure: Structure, drawn: Sequence[Any]
) -> tuple[list[Any], Structure]:
    """Return a call's arguments with what was drawn behind them.

    Raises:
        NotCompiledError: numbers and arrays come behind it, as keyword arguments.
    """
    args, options = tree.unflatten(structure, leaves)
    if tree.leaves(options):
        raise NotCompiledError.from_random()
    return tree.flatten(((*args, tuple(drawn)), options))
