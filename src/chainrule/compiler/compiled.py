"""`compile` and what it returns: a function of the same signature that runs as one native step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule import tree
from chainrule.collector import without_collector
from chainrule.compiler.build import build
from chainrule.compiler.by_python import donated_results, python_entry
from chainrule.compiler.capture.results import lasting
from chainrule.compiler.capture.steps import capture_step, outcome_of
from chainrule.compiler.comparing import repeats_among
from chainrule.compiler.counts import Counts
from chainrule.compiler.draws import Drawn
from chainrule.compiler.entry.shell import arm, make_shell_class
from chainrule.compiler.entry.signature import CHECKED, Declined
from chainrule.compiler.error_settings import warns_as_usual
from chainrule.compiler.moving import Moving
from chainrule.compiler.paths import Path, Specialization, most_guarded
from chainrule.compiler.snapshot import Snapshot, leave_plain_values
from chainrule.compiler.statics import beside_fields, objects_in, rebuilt, wrapped
from chainrule.compiler.surroundings import Surroundings
from chainrule.compiler.users import is_of_users_class
from chainrule.core.graph import Graph
from chainrule.core.trace import is_following
from chainrule.errors import ArgumentError, CompileError, NotCompiledError
from chainrule.forks import forks_wait, lock_of_threads
from chainrule.nests import Nest
from chainrule.records import record, replaced
from chainrule.tree import Structure

if TYPE_CHECKING:
    from chainrule.compiler.loops.cost import Cost
    from chainrule.compiler.splitting.split import Rules, Split

_SPECIALIZATIONS_AT_MOST = 64
_COMPILED_AT_ONCE = 16
"""Kinds of calls that are compiled when they are first met; others when they are met again."""
_PATHS_AT_MOST = 32
_GENERATORS_AT_MOST = 8
_VALUES = (str, bytes, bool, type(None), np.dtype)
"""Static arguments that are compared by their values; of all others, classes too, the attributes are watched."""
_CHANGING = (set, bytearray, memoryview)
"""Static arguments whose contents may be others in the next call, and are not watched; iterators are such too."""

_EAGERLY = object()
_AGAIN = object()
_Key = tuple[Any, ...]
_Outcome = tuple[list[Any], Structure]
"""What a call returns, in pieces."""


@record
class _Call:
    """What decides about a call.

    Attributes:
        kind: all that must be equal for a specialization to fit, but the integers.
        key: that and the integers that are compiled for.
        surroundings: what the function reads besides.
        moving: the places among the leaves of integers that are numbers like any other.
    """

    kind: _Key
    key: _Key
    surroundings: Surroundings
    moving: frozenset[int]


class Compiled:
    """A compiled function. Call it as the function it was made of.

    What runs for a call is decided by the types of the arguments: their containers, shapes, dtypes and strides, and the
    values of texts, truth values and Python integers. The first call of a kind captures the function and compiles it.

    Attributes:
        function: the function it was made of.
    """

    def __init__(
        self,
        f: Callable[..., Any],
        donate: Sequence[int] = (),
        static: Sequence[int] = (),
        rules: Rules | None = None,
    ) -> None:
        functools.update_wrapper(self, f, updated=())
        self.function = f
        self._donate = _numbers("donate", donate)
        self._static = _numbers("static", static)
        # in the order of their use; an OrderedDict breaks where equal keys become others
        self._known: dict[_Key, Specialization] = {}
        self._surroundings: dict[tuple[int, ...], Surroundings] = {}
        self._counts = Counts()
        self._moving = Moving()
        self._kinds = 0
        self._newest: Specialization | None = None
        self._rules = rules
        self._split: Split | None = None
        self._is_whole = rules is not None
        self._why_in_parts: Exception | None = None
        self._has_changed = False
        self._generators: dict[int, Any] = {}
        self._lock = lock_of_threads()
        arm(self, self._call)

    if TYPE_CHECKING:

        def __call__(self, *args: Any, **options: Any) -> Any:
            """Call the function; `make_shell_class` gives the class this method."""

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def __reduce__(self) -> Any:
        """Pickle what it was made of: machine code is made again where it is needed."""
        return compile, (self.function, self._donate, self._static)

    def __repr__(self) -> str:
        name = getattr(self.function, "__qualname__", repr(self.function))
        return f"<compiled {name}: {len(self._known)} specializations>"

    def _call(self, *args: Any, **options: Any) -> Any:
        """Find what fits these arguments, or make it: what a call comes to if the newest entry does not take it."""
        if is_following() or not warns_as_usual():
            return self._run_eagerly(args, options)
        given = wrapped(args, self._static)
        leaves, structure = tree.flatten((given, options))
        try:
            # No capture is under way, which shows values of its own in lists and attributes.
            with self._lock:
                call = self._key(leaves, structure, (given, options))
        except NotCompiledError:
            returned = self._run_eagerly(args, options)
            self._note_python(None)
            return returned
        returned = self._run(call, leaves, structure, args, options)
        if returned is _AGAIN:
            return self._call(*args, **options)
        return self._run_eagerly(args, options) if returned is _EAGERLY else returned

    def _run(
        self,
        call: _Call,
        leaves: list[Any],
        structure: Structure,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        """Run the path that fits, compiled if it is new; say `_EAGERLY` if none can, `_AGAIN` if the key was wrong."""
        specialization = self._specialization(call.key)
        returned: Any = _EAGERLY
        path = specialization.newest
        if path is None and specialization.eager is None and self._split is not None:
            specialization.eager = self._why_in_parts
        forced: tuple[bool, ...] = ()
        tried: set[Path] = set()
        while specialization.eager is None:
            if path is None:
                with self._lock, without_collector():
                    path = specialization.path_after(forced)
                    outcome = None
                    if path is None and specialization.eager is None:
                        if not self._holds(call.surroundings):
                            return _AGAIN
                        path, outcome = self._compiled(
                            specialization, call, leaves, structure, forced
                        )
                if path is None:
                    returned = self._without_path(specialization, outcome, call, args)
                    break
            returned = path.call(args, options, leaves)
            if type(returned) is not Declined:
                self._enter(specialization, path)
                return returned
            place = returned.status - 1
            if place < 0 or place == CHECKED or path in tried:  # two that send it to each other
                return _EAGERLY
            tried.add(path)
            forced = path.outcomes_but(place)
            path = specialization.path_after(forced)
        if returned is not _AGAIN:
            returned = self._run_by_python(specialization, returned, args, options)
        return returned

    def _enter(self, specialization: Specialization, path: Path) -> None:
        """Have the next calls enter a path that ran, or one of several that take turns."""
        is_other = specialization.newest not in {None, path}
        specialization.newest, self._newest = path, specialization
        fast = path.fast_now()
        if fast is not None and is_other:
            fast = specialization.route
        is_settled = self._rules is None or self._rules.is_settled(path)
        self._entry = fast if is_settled else None

    def _run_by_python(
        self,
        specialization: Specialization,
        returned: Any,
        args: tuple[Any, ...],
        options: dict[str, Any],
    ) -> Any:
        """Run a call without native code, in parts if there are any, unless its capture has told what it returns."""
        function = self._in_parts()
        if returned is _EAGERLY or type(returned) is Declined:
            returned = self._run_eagerly(args, options, function)
        if specialization.sets_up and not self._has_changed and self._rules is None:
            self._has_changed = True  # what was missing is there now; else the next call says so
            return returned
        if function is None:
            self._note_python(specialization.eager)
        self._leave_to_python(args, options)
        return returned

    def _in_parts(self) -> Callable[..., Any] | None:
        """Return the function that runs the step in parts, if there is one."""
        return None if self._split is None else self._split.function

    def _leave_to_python(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        """Have calls like this one go to Python at once, in parts or not, if no call is served otherwise."""
        if options or self._rules is not None:
            return
        if any(s.eager is None for s in self._specializations()):
            return
        function = self._in_parts()
        if function is None:
            self._entry = None if self._donate else python_entry(self.function, args)
        elif self._donate:
            self._entry = lambda *given: self._run_eagerly(given, {}, function)
        else:
            self._entry = function

    def _note_python(self, error: Exception | None) -> None:
        """Note that a call was run by Python and went well; `error` is why it has no native code, if it never will."""
        if self._rules is not None:
            self._rules.ran_in_python(error, self.function)
        elif not self._is_whole and error is not None:
            self._take_apart(error)

    def _take_apart(self, why: Exception) -> None:
        """Have calls run in parts, if the function's source can be had."""
        with forks_wait():
            from chainrule.compiler.splitting.split import split_of

        with self._lock:
            if not self._is_whole:
                make = functools.partial(_callable_class(), donate=())
                self._why_in_parts = why
                self._split = split_of(self.function, make, self._static, self._look_again, why)
                self._is_whole = True

    def _look_again(self) -> None:
        """Have the next call look at what there is."""
        self._entry = None

    def _without_path(
        self,
        specialization: Specialization,
        outcome: _Outcome | None,
        call: _Call,
        args: tuple[Any, ...],
    ) -> Any:
        """Say what becomes of a call that could not be compiled."""
        if outcome is not None:
            leaves, structure = outcome
            return donated_results(self._donate, args, leaves, structure)
        if call.surroundings.numbers and specialization.eager is not None:
            with self._lock:
                self._moving.fix(call.surroundings.numbers)
                self._surroundings.clear()
                self._known.pop(call.key, None)
            return _AGAIN
        if call.moving:
            with self._lock:
                self._counts.fix(call.kind)
                self._known.pop(call.key, None)
            return _AGAIN
        return _EAGERLY

    # what fits a call

    def _key(self, leaves: Sequence[Any], structure: Structure, given: Any) -> _Call:
        """Return what decides about a call.

        Raises:
            NotCompiledError: an argument is nothing that can be compiled for.
        """
        objects = [
            x for x in objects_in(structure) if not isinstance(x, _VALUES) or is_of_users_class(x)
        ]
        for x in objects:
            if isinstance(x, _CHANGING) or hasattr(type(x), "__next__"):
                raise NotCompiledError.from_argument(f"a {type(x).__name__}")
        surroundings = self._surroundings_of(objects)
        hidden = frozenset() if type(structure.spec) is Nest else beside_fields(given)
        if any(map(surroundings.asks_for, hidden)):
            raise NotCompiledError.from_attribute(min(hidden))
        types = tuple([type_key(x) for x in leaves])
        repeats = repeats_among([x for x in leaves if type(x) is np.ndarray])
        kind = (structure, types, repeats, surroundings.signature)
        moving = self._counts.moving(kind, leaves)
        integers = [(i, x) for i, x in enumerate(leaves) if type(x) is int and i not in moving]
        return _Call(kind, (*kind, *integers), surroundings, moving)

    def _looked_into(self, objects: Sequence[Any]) -> Surroundings:
        """Look into what the function reads besides these objects and the leaves of its arguments.

        Raises:
            NotCompiledError: an object of the user's raises an error where it is looked at.
        """
        try:
            return Surroundings(self.function, objects, self._moving.places)
        except NotCompiledError:
            raise
        except Exception as error:
            raise NotCompiledError.from_surroundings(error) from error

    def _surroundings_of(self, objects: list[Any]) -> Surroundings:
        """Return what the function reads besides these objects and the leaves of its arguments, as it is now."""
        key = tuple(map(id, objects))
        known = self._surroundings.get(key)
        if known is None or not known.is_unchanged():
            if len(self._surroundings) >= _SPECIALIZATIONS_AT_MOST:
                self._surroundings.clear()
            now = self._looked_into(objects)
            if known is not None and self._moving.note_changes(known.fixed, now.fixed):
                now = self._looked_into(objects)
            known = self._surroundings[key] = now
        return known

    def _current(self, known: Surroundings) -> Surroundings:
        """Return what the function reads besides its arguments with the arrays that are there now."""
        if known.is_current():
            return known
        fresh = self._looked_into(known.objects)
        self._surroundings[tuple(map(id, fresh.objects))] = fresh
        return fresh

    def _holds(self, known: Surroundings) -> bool:
        """Say whether the key of a call holds that may have waited for another thread's."""
        if known.is_unchanged():
            return True
        return known.signature == self._looked_into(known.objects).signature

    def _specialization(self, key: _Key) -> Specialization:
        with self._lock:
            known = self._known.pop(key, None) or Specialization()
            self._known[key] = known  # the last in their order is the one that was used last
            if len(self._known) > _SPECIALIZATIONS_AT_MOST:
                self._known.pop(next(iter(self._known)), None)
            return known

    def _specializations(self) -> list[Specialization]:
        with self._lock:  # keys are hashed in Python, where other threads may come in
            return list(self._known.values())

    def _compiled(
        self,
        specialization: Specialization,
        call: _Call,
        leaves: list[Any],
        structure: Structure,
        forced: tuple[bool, ...],
    ) -> tuple[Path | None, _Outcome | None]:
        """Capture and compile the path that these arguments take.

        Where there is none the step has to run eagerly, unless the capture has told what this call returns.
        """
        if not self._may_compile(specialization):
            return None, None
        surroundings = self._current(call.surroundings)
        if len(specialization.paths) >= _PATHS_AT_MOST:
            error = NotCompiledError.from_many_paths(_PATHS_AT_MOST)
            error.position = most_guarded(specialization.paths.values(), self.function)
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
        call: _Call,
        surroundings: Surroundings,
        leaves: list[Any],
        structure: Structure,
        forced: tuple[bool, ...],
    ) -> tuple[Path | None, _Outcome | None]:
        """Capture and compile a path, with the numbers besides the arguments set apart."""
        snapshot = Snapshot(surroundings)
        drawn = Drawn(surroundings)
        seen = Structure(
            structure.spec, tuple([(i, drawn.stand_in(x)) for i, x in structure.static])
        )
        try:
            with drawn.followed():
                captured = capture_step(
                    _captured_by(self.function, surroundings),
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
                leave_plain_values(self._looked_into(surroundings.objects))
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

    # without compiled code

    def _run_eagerly(
        self,
        args: tuple[Any, ...],
        options: dict[str, Any],
        function: Callable[..., Any] | None = None,
    ) -> Any:
        """Call the function itself, or its parts; donated arrays come back updated all the same."""
        returned = (function or self.function)(*args, **options)
        if not self._donate or is_following():
            return returned
        leaves, structure = tree.flatten(returned)
        return donated_results(self._donate, args, leaves, structure)

    # to see what was compiled

    def _path(self) -> Path:
        path = None if self._newest is None else self._newest.newest
        if path is None:
            raise NotCompiledError.from_no_call(self.report())
        return path

    @property
    def captured(self) -> Graph:
        """The graph of the call that ran last as it was captured, before any pass."""
        return self._path().captured.graph

    @property
    def graph(self) -> Any:
        """The graph of the call that ran last: whole arrays."""
        return self._path().built.native.translation.graph

    @property
    def loops(self) -> str:
        """The loops of the call that ran last."""
        with forks_wait():
            from chainrule.compiler.loops.printer import program_text

        return program_text(self._path().built.native.translation.program)

    @property
    def llvm(self) -> str:
        """LLVM's text of the call that ran last."""
        return "\n".join(self._path().built.native.translation.texts)

    @property
    def asm(self) -> str:
        """The machine code of the call that ran last, as text."""
        with forks_wait():
            from chainrule.compiler.machine_code.jit import assembly

        return "\n".join([assembly(text) for text in self._path().built.native.translation.texts])

    @property
    def cost(self) -> Cost:
        """What the call that ran last computes, reads and writes; print it for a table."""
        with forks_wait():
            from chainrule.compiler.loops.cost import cost_of

        return cost_of(self._path().built.native.translation.program)

    def report(self) -> str:
        """Say, for each kind of call, what was compiled, and what runs eagerly and why."""
        lines = []
        in_parts = self._in_parts()
        for i, s in enumerate(self._specializations()):
            lines += s.described(i)
            if not s.paths and s.eager is None:
                lines.append(f"specialization {i}: met once, and compiled when it is met again")
            if s.eager is not None and in_parts is None:
                lines.append(f"specialization {i}: runs eagerly: {s.eager}")
        if self._split is not None and in_parts is not None:
            lines.append(f"runs in parts: {self._why_in_parts}")
            lines += [f"  {line}" for line in self._split.report()]
        return "\n".join(lines) or "not called yet"


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


def _numbers(where: str, given: Sequence[int] | int) -> tuple[int, ...]:
    numbers = (given,) if isinstance(given, int) else tuple(given)
    if any(not isinstance(i, int) or i < 0 for i in numbers):
        raise ArgumentError.from_range(
            "compile", where, given, "the numbers of positional arguments, from 0"
        )
    return numbers


def type_key(x: Any) -> Any:
    """Return what of a leaf decides which specialization serves it.

    Raises:
        NotCompiledError: no native code takes such a value.
    """
    kind = type(x)
    if kind is np.ndarray:
        if x.dtype.kind not in "biufc" or not x.dtype.isnative:
            raise NotCompiledError.from_argument(f"an array of dtype {x.dtype}")
        return x.dtype, x.shape, x.strides
    if kind is float or kind is complex:
        return kind
    if kind is int:
        return kind
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return x.dtype
    raise NotCompiledError.from_argument(f"a {kind.__name__}")


@functools.cache
def _callable_class() -> Any:
    """Return the class whose objects are called in machine code, made at the first use."""
    return make_shell_class(Compiled)


def compile(  # noqa: A001  the fixed public name
    f: Callable[..., Any], donate: Sequence[int] = (), static: Sequence[int] = ()
) -> Compiled:
    """Return a function that does what `f` does, as one native function.

    Args:
        f: takes and returns arrays, numbers, and containers of them. It may compute gradients, write into its
            arguments and branch on values. It is run on types to see what it does, once for each kind of call, and
            must not rely on being run at every call.
        donate: the numbers of positional arguments whose arrays may be reused: a result of the same shape and dtype
            comes back as the caller's own array, updated.
        static: the numbers of positional arguments that are compared as a whole, and compiled for.

    Returns:
        A `Compiled`, called as `f` is. What cannot be compiled runs eagerly, with the same results; its `report()`
        says so.

    Raises:
        ArgumentError: `donate` or `static` are no numbers of positional arguments.

    Examples:
        >>> import numpy as np
        >>> step = compile(lambda w, x: w - 0.1 * np.sum(x))
        >>> step(1.0, np.ones(3))
        np.float64(0.7)
    """
    compiled: Compiled = _callable_class()(f, donate, static)
    return compiled
