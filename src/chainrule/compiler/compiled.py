"""`compile` and what it returns: a function of the same signature that runs as one native step."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import MethodType
from typing import TYPE_CHECKING, Any

from chainrule import tree
from chainrule.collector import without_collector
from chainrule.compiler.by_python import donated_results, python_entry
from chainrule.compiler.calls import Call, Calls, Key
from chainrule.compiler.entry.shell import arm, make_shell_class
from chainrule.compiler.entry.signature import CHECKED, Declined
from chainrule.compiler.error_settings import warns_as_usual
from chainrule.compiler.making import Maker, Outcome
from chainrule.compiler.paths import Path, Specialization
from chainrule.compiler.statics import wrapped
from chainrule.core.graph import Graph
from chainrule.core.trace import is_following
from chainrule.errors import ArgumentError, NotCompiledError
from chainrule.forks import forks_wait, lock_of_threads
from chainrule.tree import Structure

if TYPE_CHECKING:
    from chainrule.compiler.loops.cost import Cost
    from chainrule.compiler.splitting.split import Rules, Split

_SPECIALIZATIONS_AT_MOST = 64
_EAGERLY = object()
_AGAIN = object()


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
        self._known: dict[Key, Specialization] = {}
        self._calls = Calls(f)
        self._maker = Maker(f, self._donate, rules, self._calls)
        self._newest: Specialization | None = None
        self._rules = rules
        self._split: Split | None = None
        self._is_whole = rules is not None
        self._why_in_parts: Exception | None = None
        self._has_changed = False
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
                call = self._calls.key(leaves, structure, (given, options))
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
        call: Call,
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
                        if not self._calls.holds(call.surroundings):
                            return _AGAIN
                        path, outcome = self._maker.path(
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
        outcome: Outcome | None,
        call: Call,
        args: tuple[Any, ...],
    ) -> Any:
        """Say what becomes of a call that could not be compiled."""
        if outcome is not None:
            leaves, structure = outcome
            return donated_results(self._donate, args, leaves, structure)
        with self._lock:
            if self._calls.fix(call, is_refused=specialization.eager is not None):
                self._known.pop(call.key, None)
                return _AGAIN
        return _EAGERLY

    # what fits a call

    def _specialization(self, key: Key) -> Specialization:
        with self._lock:
            known = self._known.pop(key, None) or Specialization()
            self._known[key] = known  # the last in their order is the one that was used last
            if len(self._known) > _SPECIALIZATIONS_AT_MOST:
                self._known.pop(next(iter(self._known)), None)
            return known

    def _specializations(self) -> list[Specialization]:
        with self._lock:  # keys are hashed in Python, where other threads may come in
            return list(self._known.values())

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


def _numbers(where: str, given: Sequence[int] | int) -> tuple[int, ...]:
    numbers = (given,) if isinstance(given, int) else tuple(given)
    if any(not isinstance(i, int) or i < 0 for i in numbers):
        raise ArgumentError.from_range(
            "compile", where, given, "the numbers of positional arguments, from 0"
        )
    return numbers


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
