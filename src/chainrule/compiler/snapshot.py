"""What a step may change besides its arguments, kept before it runs on types and put back if that was in vain.

A step that cannot be compiled runs a second time, eagerly: what the first run did to arrays, lists, attributes,
variables and random generators in its surroundings must not be done twice. What it printed or sent stays twice.
"""

from __future__ import annotations

from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Iterator
from threading import local
from types import CodeType
from typing import Any
from weakref import WeakKeyDictionary, WeakValueDictionary

import numpy as np

from chainrule.compiler.contents import is_row, is_sparse_matrix
from chainrule.compiler.generators import rewinding
from chainrule.compiler.places import MISSING
from chainrule.compiler.surroundings import Surroundings
from chainrule.core.cells import HANDLES, TracedView
from chainrule.core.faces import original_of
from chainrule.errors import NotCompiledError

_REFILLED = (list, dict, set, deque)
"""Containers whose contents are put back."""
_MADE_OF_OTHERS = (UserDict, UserList, ChainMap, WeakKeyDictionary, WeakValueDictionary)
"""Containers that keep theirs in others, under names."""


class Snapshot:
    """The state of all that a step is known to read besides its arguments."""

    def __init__(self, surroundings: Surroundings) -> None:
        numbers = [(place, place.read()) for place, _ in surroundings.numbers]
        places = [*surroundings.arrays, *surroundings.containers, *surroundings.fixed, *numbers]
        self._surroundings = surroundings
        self._drawn = surroundings.drawn()
        self._places = places
        self._absent = surroundings.absent
        seen = [*surroundings.arrays, *surroundings.fixed]
        reached = list(_inside([*[x for _, x in seen], *surroundings.parts]))
        self._arrays = [(x, x.copy()) for x in reached if isinstance(x, np.ndarray)]
        self._containers = [(x, x.copy()) for x in reached if isinstance(x, _REFILLED)]
        self._rows = [(x, x[:]) for x in reached if is_row(x) and not isinstance(x, memoryview)]
        self._caches = [x for x in surroundings.caches if not x.cache_info().currsize]
        self._rewind = rewinding(surroundings.every_generator)

    def check(self) -> None:
        """See that the step neither drew random numbers nor changed an array: compiled, it would not do it again.

        Raises:
            NotCompiledError: it did.
        """
        drawn = self._surroundings.drawn()
        if drawn != self._drawn:
            # These are the first; behind them come those of modules.
            named = len(self._surroundings.generators)
            is_named = drawn[:named] != self._drawn[:named]
            raise (
                NotCompiledError.from_random()
                if is_named
                else NotCompiledError.from_draws_of_others()
            )
        if any(
            not np.array_equal(x, held, equal_nan=x.dtype.kind in "fcmM")
            for x, held in self._arrays
        ):
            raise NotCompiledError.from_changed_array()

    def has_changed(self) -> bool:
        """Say whether the step changed anything of what it reads besides its arguments."""
        is_same = all(_stands_for_same(place.read(), x) for place, x in self._places)
        if not is_same or any(place.read() is not MISSING for place in self._absent):
            return True
        is_same = all(_is_as_before(x, held) for x, held in self._containers)
        return not (is_same and all(x == held for x, held in self._rows))

    def restore(self) -> None:
        """Put everything back."""
        for place, x in self._places:
            if not _stands_for_same(place.read(), x):
                place.write(x)
        for place in self._absent:
            if place.read() is not MISSING:
                place.remove()
        for container, contents in self._containers:
            _refill(container, contents)
        for row, numbers in self._rows:
            row[:] = numbers
        for x, numbers in self._arrays:
            if x.flags.writeable:
                x[...] = numbers
        for cache in self._caches:
            cache.cache_clear()
        self._rewind()


def leave_plain_values(surroundings: Surroundings) -> None:
    """Put plain values where a step has left traced ones: whoever writes to those would change what is compared."""
    for place, x in surroundings.fixed:
        if _is_left(x):
            place.write(_plain(x))
    for x in list(_inside(surroundings.parts)):
        if isinstance(x, dict):
            x.update([(key, _plain(v)) for key, v in x.items() if _is_left(v)])
        elif isinstance(x, (list, deque)):
            for i, v in enumerate(x):
                if _is_left(v):
                    x[i] = _plain(v)


def _is_left(x: Any) -> bool:
    return type(x) in HANDLES and not x.is_running()


def _plain(x: Any) -> Any:
    """Return the array or number that a traced value has become, always the same one; of a part of an array, a part."""
    part = x.part_of(_plain(x.base)) if type(x) is TracedView else None
    return x.leaf() if part is None else part


def _stands_for_same(x: Any, y: Any) -> bool:
    """Say whether two are the same, or one is what a trace, or a capture, has put in its place for a time.

    That may be another thread's, which has ended since or begun.
    """
    if isinstance(x, CodeType) and isinstance(y, CodeType):
        return _place_of(x) == _place_of(y)
    return original_of(x) is original_of(y)


def _place_of(code: CodeType) -> tuple[str, int, str]:
    return code.co_filename, code.co_firstlineno, code.co_qualname


def _inside(roots: list[Any]) -> Iterator[Any]:
    """Yield these objects and what lies in the containers among them whose contents are put back, each once."""
    seen: set[int] = set()
    pending = list(roots)
    while pending:
        x = pending.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        yield x
        if isinstance(x, dict):
            pending += x.values()
        elif isinstance(x, (list, tuple, set, deque)):
            pending += x
        elif isinstance(x, _MADE_OF_OTHERS) or is_sparse_matrix(x):
            pending += vars(x).values()
        elif isinstance(x, local):
            pending.append(vars(x))
        elif isinstance(x, memoryview):
            pending.append(x.obj)


def _is_as_before(container: Any, held: Any) -> bool:
    """Say whether a container has the same objects in the same order as one that was copied from it."""
    now = list(container.items()) if isinstance(container, dict) else list(container)
    then = list(held.items()) if isinstance(held, dict) else list(held)
    if isinstance(container, dict):
        now, then = [y for x in now for y in x], [y for x in then for y in x]
    return len(now) == len(then) and all(x is y for x, y in zip(now, then, strict=True))


def _refill(container: Any, held: Any) -> None:
    """Give a container its contents back, if they are not the same objects in the same order."""
    if _is_as_before(container, held):
        return
    container.clear()
    (container.extend if isinstance(container, (list, deque)) else container.update)(held)
