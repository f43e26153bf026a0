"""A step that is run in parts: native ones, and between them the statements that Python runs."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from types import FunctionType, MethodType, TracebackType
from typing import Any

from chainrule.compiler.splitting.names import bound_by
from chainrule.compiler.splitting.plan import Left, Made, Part, Piece, Plan
from chainrule.compiler.splitting.sharing import holds_truth_of_python, shared_output
from chainrule.compiler.splitting.source import Source, source_of
from chainrule.compiler.splitting.tracebacks import as_it_stands
from chainrule.compiler.splitting.writing import PartCode, Writer
from chainrule.core.graph import Graph
from chainrule.errors import NotCompiledError
from chainrule.forks import lock_of_threads
from chainrule.records import record

_LEAST_NODES = 3
"""A part that does less costs as much to call as Python takes for it."""
_COMPILED_AT_ONCE = 8
"""Kinds of calls of a part that are compiled when they are first met; others when they are met again."""
_COMPILED_AT_MOST = 16
"""Kinds of calls of a part that are compiled at all."""
_IN_VAIN = 32
"""How often in a row a part may run in Python before it is left to it."""

_WORTH_FINDING = 50.0
"""Microseconds of work in NumPy for which native code is worth to be looked for, call by call."""

MakePart = Callable[..., Any]
"""Compiles the function of a part, with the keywords `static`, numbers of arguments, and `rules`."""


class Rules:
    """What is different for a part from a step that is compiled as a whole.

    Attributes:
        verdict: why it was refused, and the name of what is to blame if that is known.
    """

    def __init__(self, split: Split, code: PartCode) -> None:
        self._split = split
        self._code = code
        every = [x for s in code.statements for x in ast.walk(s)]
        self._exits = sum(isinstance(x, ast.Return) for x in every) + code.goes_on
        self._kinds = 0
        self._compiled = 0
        self._in_vain = 0
        self._last: Any = None
        self._blamed: tuple[str, str] | None = None

    def examine(self, level: Any, given: Any, returned: Any) -> None:
        """Refuse a capture that a native part cannot stand for.

        Raises:
            NotCompiledError: it shares objects with other code, or does next to nothing.
        """
        code = self._code
        has_returned = not code.goes_on or (code.may_return and returned[0] is True)
        if not has_returned:
            outputs = returned[1] if code.may_return else returned
            name = shared_output(given, code.outputs, outputs)
            if name:
                error = NotCompiledError.from_shared(name)
                self._blamed = name, _reason_of(error)
                raise error
        elif holds_truth_of_python(returned):
            raise NotCompiledError.from_truth_of_python()
        may_be_early = has_returned and self._exits > 1
        if len(level.nodes) < _LEAST_NODES and not may_be_early:
            error = NotCompiledError.from_little(len(level.nodes))
            self._blamed = "", _reason_of(error)
            raise error

    def may_compile(self, kind: Any) -> bool:
        """Say whether a kind of call, a specialization, is compiled now; it then was met."""
        if not kind.is_met:
            kind.is_met = True
            self._kinds += 1
            may_compile = self._kinds <= _COMPILED_AT_ONCE
        else:
            may_compile = bool(kind.paths) or self._compiled < _COMPILED_AT_MOST
        self._compiled += may_compile and not kind.paths
        return may_compile

    def is_settled(self, path: Any) -> bool:
        """Say whether the native code that ran now may be entered without looking, as it is likely to fit again.

        Finding other code for each call costs more than little work takes in Python.
        """
        if path is self._last:
            self._in_vain = 0
            return True
        self._last = path
        if _work_of(path.captured.graph) < _WORTH_FINDING:
            self._count_in_vain(
                "it does little, and for arrays of other shapes in nearly every call"
            )
            return False
        return True

    def ran_in_python(self, error: Exception | None, function: Callable[..., Any]) -> None:
        """Note that a call was run by Python, and went well; `error` says why if it cannot be otherwise."""
        if error is not None:
            self._split.refuse(self._code, error, self._blamed, line_in(error, function))
            return
        self._last = None
        self._count_in_vain("its arrays have other shapes in nearly every call")

    def _count_in_vain(self, reason: str) -> None:
        self._in_vain += 1
        if self._in_vain >= _IN_VAIN:
            self._split.give_up(self._code, reason)


def _work_of(graph: Graph) -> float:
    """Return about how many microseconds NumPy takes for a graph."""
    work = 0.0
    for node in graph.nodes:
        types = node.type if type(node.type) is tuple else (node.type,)
        work += sum([1 + t.size / 1000 for t in types])
    return work


def line_in(error: BaseException, function: Callable[..., Any]) -> int | None:
    """Return the line of a function in which an error came up; None if it came up elsewhere."""
    line = None
    code = getattr(function, "__code__", None)
    trace: TracebackType | None = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code is code:
            line = trace.tb_lineno
        trace = trace.tb_next
    position = getattr(error, "position", None)
    if line is None and position is not None and position.code is code:
        return int(position.line)
    return line


def _reason_of(error: Exception) -> str:
    """Return one line that says why a part cannot be compiled."""
    message: str = getattr(error, "message", None) or f"{type(error).__name__}: {error}"
    return message.removeprefix("compile: ").partition("\n")[0]


@record
class _State:
    """The functions for one state of the plan."""

    step: Callable[..., Any]
    codes: tuple[PartCode, ...]
    parts: tuple[Any, ...]


class Split:
    """A step in parts; `holder` is the object that it is a bound method of.

    Attributes:
        function: runs the step; None where Python has to run all of it.
    """

    def __init__(
        self,
        source: Source,
        make_part: MakePart,
        static: Sequence[int],
        changed: Callable[[], None],
        holder: Any,
        why: Exception,
    ) -> None:
        self._source = source
        self._holder = holder
        self._plan = Plan(source)
        self._make_part = make_part
        positional = [a.arg for a in (*source.arguments.posonlyargs, *source.arguments.args)]
        named = {positional[i] for i in static if i < len(positional)}
        self._static = named - bound_by(source.body)
        self._changed = changed
        self._lock = lock_of_threads()
        self._known: dict[Any, Any] = {}
        self._state: _State | None = None
        self._plan.leave_at(_reason_of(why), line_in(why, source.function))
        self._write()

    @property
    def function(self) -> Callable[..., Any] | None:
        """The step in parts, as it is now."""
        state = self._state
        if state is None:
            return None
        return state.step if self._holder is None else MethodType(state.step, self._holder)

    def refuse(
        self, code: PartCode, error: Exception, blamed: tuple[str, str] | None, line: int | None
    ) -> None:
        """Note that a part cannot be compiled, and write the step anew."""
        reason = _reason_of(error)
        with self._lock:
            if self._state is None or code not in self._state.codes:
                return
            if blamed is None:
                self._plan.leave(code.statements, reason, line)
            elif blamed[0]:
                self._plan.leave_those_that_bind(code.statements, *blamed)
            else:
                self._plan.leave_all(code.statements, reason)
            self._write()

    def give_up(self, code: PartCode, reason: str) -> None:
        """Leave a part to Python."""
        with self._lock:
            if self._state is None or code not in self._state.codes:
                return
            self._plan.leave_all(code.statements, reason)
            self._write()

    def _write(self) -> None:
        writer = Writer(self._source, self._plan)
        if not writer.parts:
            self._state = None
        else:
            parts = [self._part(code) for code in writer.parts]
            step = _while_unchanged(self._source, writer.step(parts))
            self._state = _State(step, writer.parts, tuple(parts))
        self._changed()

    def _part(self, code: PartCode) -> Any:
        """Return a part, the same as before if it has not changed."""
        known = self._known.get(code)
        if known is None:
            function = code.function(self._source, self._plan.functions)
            static = tuple([i for i, name in enumerate(code.inputs) if name in self._static])
            known = self._known[code] = self._make_part(
                function, static=static, rules=Rules(self, code)
            )
        return known

    def report(self) -> list[str]:
        """Say where the step is split and why, and what each part became."""
        lines = []
        state = self._state
        codes = {} if state is None else dict(zip(state.codes, state.parts, strict=True))
        file = self._source.function.__code__.co_filename.rpartition("/")[2]
        by_statements = {code.statements: part for code, part in codes.items()}
        for piece in _flat(self._plan.pieces()):
            if isinstance(piece, Part):
                part = by_statements.get(piece.statements)
                last = piece.statements[-1].end_lineno
                lines.append(f"{file}:{_lines(piece.statements[0].lineno, last)}: a native part")
                lines += [f"  {line}" for line in part.report().splitlines()] if part else []
            else:
                reason = self._plan.reasons[piece.statement]
                lines.append(f"{file}:{piece.statement.lineno}: Python's: {reason}")
        return lines


def _while_unchanged(source: Source, step: FunctionType) -> Callable[..., Any]:
    """Return a function that runs the step in parts as long as the function it was written from is what it was."""
    f = source.function
    code, defaults, named = source.made_of

    def run(*args: Any, **options: Any) -> Any:
        if (
            f.__code__ is not code
            or f.__defaults__ is not defaults
            or f.__kwdefaults__ is not named
        ):
            return f(*args, **options)
        try:
            return step(*args, **options)
        except Exception as error:
            error.__traceback__ = as_it_stands(error, step.__code__)
            raise

    return run


def _flat(pieces: Sequence[Piece]) -> list[Part | Left]:
    found: list[Part | Left] = []
    for piece in pieces:
        if isinstance(piece, Made):
            continue
        found.append(piece)
        if isinstance(piece, Left):
            found += _flat(piece.body) + _flat(piece.orelse)
    return found


def _lines(first: int, last: int | None) -> str:
    return str(first) if last is None or last == first else f"{first}-{last}"


def split_of(
    f: Callable[..., Any],
    make_part: MakePart,
    static: Sequence[int],
    changed: Callable[[], None],
    why: Exception,
) -> Split | None:
    """Return a step that is to be run in parts; None where it cannot be taken apart.

    Args:
        f: the step.
        make_part: compiles a part.
        static: the numbers of the step's arguments that are compared as a whole.
        changed: is called when there are other parts than before.
        why: the reason why it cannot be compiled as a whole.
    """
    holder = f.__self__ if isinstance(f, MethodType) else None
    source = source_of(f.__func__ if isinstance(f, MethodType) else f)
    if source is None:
        return None
    given = static if holder is None else [i + 1 for i in static]
    return Split(source, make_part, given, changed, holder, why)
