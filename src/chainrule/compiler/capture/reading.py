"""What a step reads besides its arguments is shown to it as inputs: arrays, and containers that hold some.

Nothing is written where it lies, so that other threads and contexts see it as it is: the code of the step's functions
hands what it reads to `read`, see `core/loads.py`, and containers are copied. What was written to an input is another
result of the step; what was written to a copy would be lost, and is found at the end.
"""

from __future__ import annotations

import copy
import dataclasses
import functools
from collections import ChainMap, Counter, OrderedDict, UserDict, UserList, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from sys import getrefcount
from types import MethodType
from typing import Any
from weakref import getweakrefcount, ref

import numpy as np

from chainrule import tree
from chainrule.compiler.capture.level import StepLevel
from chainrule.compiler.capture.ownership import check_apart
from chainrule.compiler.places import Place
from chainrule.core.cells import HANDLES, TracedView
from chainrule.core.loads import Hands, can_hand_through
from chainrule.core.trace import Node
from chainrule.errors import NotCompiledError


class Outside:
    """The arrays that lie outside of a step, and the containers of which it may read some.

    Attributes:
        arrays: by identity.
        containers: those that hold some, directly or in another one, by identity.
        held: those arrays that plain code may read where nobody sees it: a guard holds the step to their numbers.
        numbers: those that are inputs, by identity, with their places; each lies there alone.
        memory: returns what else the step may read that is memory: of rows of bytes, masked arrays and the like.
        is_needed: whether the step may read any, these or those of an object that nobody looks into.
    """

    def __init__(
        self,
        arrays: Iterable[Any] = (),
        containers: Iterable[Any] = (),
        held: Iterable[Any] = (),
        numbers: Iterable[tuple[Place, Any]] = (),
        memory: Callable[[], Sequence[Any]] = tuple,
        *,
        has_unknown: bool = False,
    ) -> None:
        everything = {id(x): x for x in arrays}
        self.arrays = {i: x for i, x in everything.items() if type(x) is np.ndarray}
        self.containers: dict[int, Any] = {}
        self.held = {id(x): x for x in held}
        self.held |= {i: x for i, x in everything.items() if i not in self.arrays}
        self.memory = memory
        if not can_hand_through():
            self.held = everything
        self.numbers = {id(x): (x, place) for place, x in numbers}
        self.is_needed = bool(self.arrays or self.numbers) or has_unknown
        seen: set[int] = set()
        for x in containers:
            self._enter(x, seen)

    def _enter(self, x: Any, seen: set[int]) -> bool:
        """Note a container if it holds arrays, and say whether it does."""
        if id(x) in seen:
            return id(x) in self.containers
        seen.add(id(x))
        if not is_copied(x):
            return False
        inside = _contents(x)
        arrays = [v for v in inside if id(v) in self.arrays or id(v) in self.numbers]
        holds = [self._enter(v, seen) for v in inside if not isinstance(v, np.ndarray)]
        if arrays or any(holds):
            self.containers[id(x)] = x
        return id(x) in self.containers


class Reading:
    """What one capture has been shown of it.

    Attributes:
        hands: what the code of the step has to hand through what it reads and keeps; None where nothing is to be shown.
        kinds: the classes of what may stand for something else.
        parts: results that are parts of arrays, by identity, with those arrays.
    """

    def __init__(self, level: StepLevel, outside: Outside) -> None:
        self._level = level
        self._outside = outside
        self.hands = Hands(read, kept) if outside.is_needed else None
        self.kinds = {
            np.ndarray,
            tuple,
            MethodType,
            _KEEPING,
            *map(type, outside.containers.values()),
            *[type(x) for x, _ in outside.numbers.values()],
        }
        self.parts: dict[int, tuple[Any, Any]] = {}
        self._handles: dict[int, tuple[Any, Any]] = {}
        self._arrays: dict[int, Any] = {}  # by the identities of the handles
        self._copies: dict[int, tuple[Any, Any, list[Any]]] = {}
        self._own: dict[int, Any] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show inputs in this context, and hold the step to the arrays that plain code may read."""
        with _shown_by(self):
            self._level.hold(self._outside.held.values())
            yield

    def shown(self, x: Any) -> Any:
        """Return what stands for something that was read; most things do so themselves."""
        if _keeps_results(x):
            return functools.partial(_called_unseen, x)
        made = self._stand_in(x)
        if made is not x:
            return made
        if type(x) is tuple and any(self._is_shown(v) for v in x):
            # Python made it, of arguments or results: it lies nowhere
            return tuple(map(self._stand_in, x))
        if type(x) is np.ndarray and id(x) not in self._own:
            self._note(x)
        return x

    def _stand_in(self, x: Any) -> Any:
        known = self._handles.get(id(x)) or self._copies.get(id(x))
        if known is not None:
            return known[1]
        if self._is_shown(x):
            return self._handle(x)
        return self._copy(x) if id(x) in self._outside.containers else x

    def _is_shown(self, x: Any) -> bool:
        return id(x) in self._outside.arrays or id(x) in self._outside.numbers

    def _note(self, x: np.ndarray[Any, Any]) -> None:
        """Take an array that nobody holds yet for the step's own; others are read as they are, and held to that.

        NumPy has just made it if no more refers to it than to an array that is handed to `read` at once.
        """
        is_fresh = x.base is None and getrefcount(x) <= _FRESH
        if is_fresh or id(x.base) in self._own:
            self._own[id(x)] = x
        else:
            self._level.hold([x])

    def _handle(self, x: Any) -> Any:
        is_array = id(x) in self._outside.arrays
        handle = self._level.read_input(x) if is_array else self._level.enter_input(x)
        self._handles[id(x)] = x, handle
        if is_array:
            self._arrays[id(handle)] = x
        return handle

    def numbers(self) -> tuple[tuple[Place, Any, Node], ...]:
        """Return the numbers that were read, with their places and nodes."""
        shown = [(self._outside.numbers.get(i), h) for i, (_, h) in self._handles.items()]
        return tuple([(known[1], known[0], h.node) for known, h in shown if known is not None])

    def _copy(self, x: Any) -> Any:
        contents = _contents(x)
        if isinstance(x, tuple):
            made: Any = tuple.__new__(type(x), map(self._stand_in, contents))
            self._copies[id(x)] = x, made, contents
        else:
            made = _empty_like(x)
            self._copies[id(x)] = x, made, contents  # it may lie in itself
            _fill(made, x, list(map(self._stand_in, contents)))
        return made

    def itself(self, x: Any) -> Any:
        """Return the array or number that a handle stands for; everything else as it is."""
        return next((y for y, handle in self._handles.values() if handle is x), x)

    def original(self, x: Any) -> Any:
        """Return the array that a handle stands for, or the part of one; everything else as it is."""
        array = self._arrays.get(id(x))
        if array is not None:
            return array
        if type(x) is not TracedView or id(x.base) not in self._arrays:
            return x
        array = self._arrays[id(x.base)]
        part = x.part_of(array)
        if part is None:
            return x
        self.parts[id(part)] = part, array
        return part

    def changed(self) -> list[tuple[Any, Node]]:
        """Return the arrays that the step has written to so far, with what is in them."""
        handles = [(x, h) for x, h in self._handles.values() if id(h) in self._arrays]
        return [(x, h.node) for x, h in handles if h.version]

    def written(self) -> tuple[tuple[Any, Node], ...]:
        """Return the same in the end, when all that was read is known.

        Raises:
            NotCompiledError: plain code has read one of them, or something has that lies in the same memory: they
                hold what they did.
        """
        changed = self.changed()
        if not changed:
            return ()
        level = self._level
        if any(id(x) in level.held | level.unshown for x, _ in changed):
            raise NotCompiledError.from_shared_array()
        read = [found[0] for found in (*level.arrays.values(), *level.read.values())]
        check_apart([x for x, _ in changed], [*read, *self._outside.memory()])
        return tuple(changed)

    def end(self) -> list[ref[Any]]:
        """See that no copy has been written to, and return references to the handles, which nobody may hold now.

        Raises:
            NotCompiledError: one has been, or something waits for the end of a handle.
        """
        self._own.clear()
        handles = [handle for _, handle in self._handles.values()]
        if any(map(getweakrefcount, handles)):
            raise NotCompiledError.from_changed_surroundings()
        for x, made, contents in list(self._copies.values()):
            is_as_it_was = _are(_contents(x), contents) and not _state_of(made)
            if not (is_as_it_was and _are(_contents(made), map(self._stand_in, contents))):
                raise NotCompiledError.from_changed_surroundings()
        return list(map(ref, handles))


_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def _shown_by(reading: Reading | None) -> Iterator[None]:
    """Have a capture show what is read in this context; None for nobody."""
    before = _READING.get(), tree.READER.get()
    try:
        _READING.set(reading)
        tree.READER.set(None if reading is None or reading.hands is None else read)
        yield
    finally:
        _READING.set(before[0])
        tree.READER.set(before[1])


def read(x: Any) -> Any:
    """Return what a capture that runs in this context is shown of what was read."""
    reading = _READING.get()
    if reading is not None and type(x) in reading.kinds:
        return reading.shown(x)
    return x


def kept(x: Any) -> Any:
    """Return what code puts under a name of an object, a module or a closure: a thing itself, not what stands for it.

    `self.w -= x` puts there what it has read.
    """
    reading = _READING.get()
    return x if reading is None or type(x) not in HANDLES else reading.itself(x)


_KEEPING = type(functools.lru_cache(len))


def _keeps_results(x: Any) -> bool:
    """Say whether a function keeps what it returns: it must not get hold of what stands for something."""
    return type(x.__func__ if type(x) is MethodType else x) is _KEEPING


def _called_unseen(f: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a function that is shown nothing: it reads what the step has written only after its end."""
    reading = _READING.get()
    if reading is not None and reading.changed():
        raise NotCompiledError.from_shared_array()
    with _shown_by(None):
        return f(*args, **options)


class _Counting(Reading):
    """Counts the references to an array that has just been made, as `Reading` sees it."""

    def _note(self, x: np.ndarray[Any, Any]) -> None:
        self.count = getrefcount(x)


def _references_of_fresh() -> int:
    counting = _Counting(StepLevel(), Outside(has_unknown=True))
    with counting.running():
        read(np.empty(1))
    return counting.count


_FRESH = _references_of_fresh()

# containers

_EXACT = frozenset({dict, list, deque, OrderedDict, defaultdict, Counter})
"""Containers of Python's that are copied by it."""
_OF_NAMES = (UserDict, UserList, ChainMap)
"""Containers that hold what they do under names."""
_OWN = __name__.partition(".")[0]


def is_copied(x: Any) -> bool:
    """Say whether a step is shown a copy of a container: of what C, Python or this library may read as a whole.

    Of what has other attributes, or a class of its own kind, it is not: nobody knows what they are to each other.
    """
    kind = type(x)
    if kind in _EXACT or kind is tuple:
        return True
    if isinstance(x, _OF_NAMES) or _is_own_dataclass(x):
        return True
    is_known = isinstance(x, tuple) or _kind_of(x) is not None
    return is_known and not _has_slots(kind) and not _state_of(x)


def _kind_of(x: Any) -> Any:
    """Return the class of Python's that makes a user's class a container; None if it is none that is copied."""
    if isinstance(x, (defaultdict, OrderedDict)):
        return None
    return next((kind for kind in (dict, list) if isinstance(x, kind)), None)


def _is_own_dataclass(x: Any) -> bool:
    kind: Any = type(x)
    is_own = str(kind.__module__).partition(".")[0] == _OWN
    return is_own and dataclasses.is_dataclass(kind) and hasattr(x, "__dict__")


def _has_slots(kind: type) -> bool:
    return any(vars(base).get("__slots__") for base in kind.__mro__)


def _state_of(x: Any) -> Mapping[str, Any]:
    """Return what a container has under names besides what it holds."""
    if isinstance(x, (dict, list, tuple, deque)):
        found: Mapping[str, Any] = getattr(x, "__dict__", {})
        return found
    return {}


def _contents(x: Any) -> list[Any]:
    """Return what lies in a container that is copied; the keys of a dictionary come first."""
    if type(x) is OrderedDict:
        return [*x, *x.values()]
    if isinstance(x, dict):
        return [*dict.keys(x), *dict.values(x)]
    return list(x if isinstance(x, (tuple, list, deque)) else vars(x).values())


def _empty_like(x: Any) -> Any:
    """Return another container of this class, without a call of its methods; one of Python's own is a copy."""
    kind: Any = type(x)
    return copy.copy(x) if kind in _EXACT else kind.__new__(kind)


def _fill(made: Any, x: Any, contents: list[Any]) -> None:
    """Give a copy of a container other contents, in the order of `_contents`."""
    if isinstance(x, dict):
        keys = contents[: len(contents) // 2]
        dict.update(made, zip(keys, contents[len(keys) :], strict=True))
    elif isinstance(x, list):
        list.__setitem__(made, slice(None), contents)
    elif isinstance(x, deque):
        for i, v in enumerate(contents):
            made[i] = v
    else:
        vars(made).update(zip(vars(x), contents, strict=True))


def _are(some: Iterable[Any], others: Iterable[Any]) -> bool:
    """Say whether these are the same objects in the same order."""
    return all(x is y for x, y in zip_longest(some, others, fillvalue=_NOTHING))


_NOTHING = object()
