"""What a step reads besides its arguments is shown to it as inputs: arrays, and containers that hold some.

Nothing is written where it lies, so that other threads and contexts see it as it is: the code of the step's functions
hands what it reads to `read`, see `core/loads.py`, and containers are copied. What was written to an input or a copy
would be lost, and is found at the end.
"""

from __future__ import annotations

import copy
import dataclasses
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import zip_longest
from sys import getrefcount
from typing import Any
from weakref import ref

import numpy as np

from chainrule import tree
from chainrule.compiler.capture.level import StepLevel
from chainrule.core.cells import TracedView
from chainrule.core.loads import can_hand_through
from chainrule.errors import NotCompiledError


class Outside:
    """The arrays that lie outside of a step, and the containers of which it may read some.

    Attributes:
        arrays: by identity.
        containers: those that hold some, directly or in another one, by identity.
        held: those arrays that plain code may read where nobody sees it: a guard holds the step to their numbers.
        is_needed: whether the step may read any, these or those of an object that nobody looks into.
    """

    def __init__(
        self,
        arrays: Iterable[Any] = (),
        containers: Iterable[Any] = (),
        held: Iterable[Any] = (),
        *,
        has_unknown: bool = False,
    ) -> None:
        everything = {id(x): x for x in arrays}
        self.arrays = {i: x for i, x in everything.items() if type(x) is np.ndarray}
        self.containers: dict[int, Any] = {}
        self.held = {id(x): x for x in held}
        self.held |= {i: x for i, x in everything.items() if i not in self.arrays}
        if not can_hand_through():
            self.held = everything
        self.is_needed = bool(self.arrays) or has_unknown
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
        arrays = [v for v in inside if id(v) in self.arrays]
        holds = [self._enter(v, seen) for v in inside if not isinstance(v, np.ndarray)]
        if arrays or any(holds):
            self.containers[id(x)] = x
            _KINDS.add(type(x))
        return id(x) in self.containers


class Reading:
    """What one capture has been shown of it.

    Attributes:
        reader: what the code of the step has to hand through what it reads; None where there is nothing to show.
    """

    def __init__(self, level: StepLevel, outside: Outside) -> None:
        self._level = level
        self._outside = outside
        self.reader = read if outside.is_needed else None
        self._handles: dict[int, tuple[Any, Any]] = {}
        self._copies: dict[int, tuple[Any, Any, list[Any]]] = {}
        self._of_handle: dict[int, Any] = {}
        self._own: dict[int, Any] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        """Show inputs in this context."""
        tokens = _READING.set(self), tree.READER.set(self.reader)
        try:
            yield
        finally:
            _READING.reset(tokens[0])
            tree.READER.reset(tokens[1])

    def shown(self, x: Any) -> Any:
        """Return what stands for something that was read; most things do so themselves."""
        made = self._stand_in(x)
        if made is not x:
            return made
        if type(x) is tuple and any(id(v) in self._outside.arrays for v in x):
            return tuple(map(self._stand_in, x))  # that of a call: its arguments or results
        if type(x) is np.ndarray and id(x) not in self._own:
            self._note(x)
        return x

    def _stand_in(self, x: Any) -> Any:
        known = self._handles.get(id(x)) or self._copies.get(id(x))
        if known is not None:
            return known[1]
        if id(x) in self._outside.arrays:
            return self._handle(x)
        return self._copy(x) if id(x) in self._outside.containers else x

    def _note(self, x: np.ndarray[Any, Any]) -> None:
        """Take an array that only the step can hold for its own; others are read as they are, and held to that."""
        is_fresh = x.base is None and getrefcount(x) <= _FRESH
        is_own = is_fresh or id(x.base) in self._own
        (self._own if is_own else self._level.held)[id(x)] = x

    def _handle(self, x: np.ndarray[Any, Any]) -> Any:
        handle = self._level.read_input(x)
        self._handles[id(x)] = x, handle
        self._of_handle[id(handle)] = x
        return handle

    def _copy(self, x: Any) -> Any:
        contents = _contents(x)
        if isinstance(x, tuple):
            made: Any = map(self._stand_in, contents)
            made = x._make(made) if hasattr(x, "_make") else tuple(made)
            self._copies[id(x)] = x, made, contents
        else:
            made = copy.copy(x)
            self._copies[id(x)] = x, made, contents  # it may lie in itself
            _refill(made, list(map(self._stand_in, contents)))
        return made

    def original(self, x: Any) -> Any:
        """Return the array that a handle stands for, or the part of one; everything else as it is."""
        array = self._of_handle.get(id(x))
        if array is not None:
            return array
        if type(x) is not TracedView or id(x.base) not in self._of_handle:
            return x
        array = self._of_handle[id(x.base)]
        part = x.part_of(array)
        if part is None:
            return x
        self._level.held[id(array)] = array
        return part

    def hold(self) -> None:
        """Hold the step to the numbers of those arrays of which plain code may know some."""
        self._level.hold((self._level.held | self._outside.held).values())
        self._level.held.clear()
        self._own.clear()

    def end(self) -> list[ref[Any]]:
        """See that nothing has been written to, and return references to the handles, which nobody may hold now.

        Raises:
            NotCompiledError: something has been.
        """
        if any(handle.version for _, handle in self._handles.values()):
            raise NotCompiledError.from_changed_array()
        for x, made, contents in list(self._copies.values()):
            if not (
                _are(_contents(x), contents)
                and _are(_contents(made), map(self._stand_in, contents))
            ):
                raise NotCompiledError.from_changed_surroundings()
        return [ref(handle) for _, handle in self._handles.values()]


_READING: ContextVar[Reading | None] = ContextVar("reading", default=None)
_KINDS: set[type] = {np.ndarray, tuple}
"""The classes of what may stand for something else."""


def read(x: Any) -> Any:
    """Return what a capture that runs in this context is shown of what was read."""
    if type(x) in _KINDS:
        reading = _READING.get()
        if reading is not None:
            return reading.shown(x)
    return x


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

_KINDS_OF_C = (dict, list, deque)
"""Containers that C takes apart; others have theirs under names."""
_OWN = __name__.partition(".")[0]


def is_copied(x: Any) -> bool:
    """Say whether a step is shown a copy of a container: of what C, Python or this library may read as a whole."""
    if isinstance(x, tuple):
        return type(x) is tuple or hasattr(x, "_make")
    return isinstance(x, (*_KINDS_OF_C, UserDict, UserList, ChainMap)) or _is_own_dataclass(x)


def _is_own_dataclass(x: Any) -> bool:
    kind: Any = type(x)
    if not dataclasses.is_dataclass(kind) or not hasattr(x, "__dict__"):
        return False
    return str(kind.__module__).partition(".")[0] == _OWN


def _contents(x: Any) -> list[Any]:
    """Return what lies in a container that is copied; the keys of a dictionary come first."""
    if isinstance(x, dict):
        return [*x, *x.values()]
    return list(x if isinstance(x, (tuple, list, deque)) else vars(x).values())


def _refill(x: Any, contents: list[Any]) -> None:
    """Put something else into a container, in the order of `_contents`; what its class does then is passed by."""
    if isinstance(x, (list, deque)):
        kind: Any = list if isinstance(x, list) else deque
        for i, v in enumerate(contents):
            kind.__setitem__(x, i, v)
        return
    memory = x if isinstance(x, dict) else vars(x)
    dict.update(memory, zip(list(memory), contents[-len(memory) :], strict=True))


def _are(some: Iterable[Any], others: Iterable[Any]) -> bool:
    """Say whether these are the same objects in the same order."""
    return all(x is y for x, y in zip_longest(some, others, fillvalue=_NOTHING))


_NOTHING = object()
