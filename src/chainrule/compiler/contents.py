"""What lies in containers of all kinds, laid out in a row, so that a change of any of it is seen."""

from __future__ import annotations

import os
from collections import ChainMap, UserDict, UserList, deque
from collections.abc import Callable, Iterable
from threading import local
from types import MappingProxyType
from typing import Any
from weakref import ReferenceType, WeakKeyDictionary, WeakMethod, WeakValueDictionary

import numpy as np

from chainrule.compiler.places import MISSING, Place
from chainrule.core.cells import HANDLES

_MAPPINGS = (
    *(dict, UserDict, ChainMap, MappingProxyType, type(os.environ)),
    *(WeakKeyDictionary, WeakValueDictionary),
)
_VIEWS: tuple[type, ...] = (type({}.keys()), type({}.values()), type({}.items()))
_OTHERS = (list, tuple, set, frozenset, deque, UserList, *_VIEWS)
_ROWS = (bytearray, memoryview)
_OF_NUMBERS = "array"
_SPARSE = "scipy.sparse"
"""Modules of containers that are imported by who uses them."""
_KNOWN: tuple[Any, ...] = (*_MAPPINGS, *_OTHERS, *_ROWS, ReferenceType, local)
_PLAIN = {dict, list, tuple}
HELD = "held"
"""The key under which a place finds what is laid out, or held fast."""


def _contents_of_array(x: Any) -> list[Any]:
    """Return the objects in an array, or its bytes, and those of its mask, if it has one."""
    if x.dtype.hasobject:
        return [x.shape, x.dtype, *x.ravel().tolist()]
    mask = np.asarray(getattr(x, "mask", ()))
    return [x.shape, x.dtype, np.asarray(x).tobytes(), mask.shape, mask.tobytes()]


_CONTENTS: tuple[tuple[Any, Callable[[Any], list[Any]]], ...] = (
    (np.ndarray, _contents_of_array),
    (_MAPPINGS, lambda x: [*x, *x.values()]),
    (_OTHERS, list),
    (ReferenceType, lambda x: [x()]),
    (local, lambda x: [*vars(x), *vars(x).values()]),
)


def is_container(x: Any) -> bool:
    """Say whether `x` holds others: a container of Python's, of a class made of one, a dataclass, a row of bytes.

    So does an array of anything but numbers, which native code does not read. A reference to a method makes it anew
    whenever it is asked.
    """
    if isinstance(x, np.ndarray):
        return not is_of_numbers(x) and type(x) not in HANDLES
    if isinstance(x, WeakMethod):
        return False
    return isinstance(x, _KNOWN) or _is_dataclass(x) or is_row(x) or is_sparse_matrix(x)


def is_row(x: Any) -> bool:
    """Say whether `x` is a row of bytes, or of Python's numbers kept as bytes."""
    return isinstance(x, _ROWS) or _is_of(x, _OF_NUMBERS)


def is_of_numbers(x: Any) -> bool:
    """Say whether `x` is an array whose numbers are all there is to know of it: none is masked.

    A traced one that outlives its step is none, though it behaves as one.
    """
    is_array = isinstance(x, np.ndarray) and type(x) not in HANDLES
    return is_array and x.dtype.kind in "biufc" and not hasattr(x, "mask")


def contents_of(x: Any) -> list[Any]:
    """Return what lies in a container: the keys of a mapping, too."""
    for kinds, contents in _CONTENTS:
        if isinstance(x, kinds):
            return contents(x)
    if _is_dataclass(x):
        return [getattr(x, name, MISSING) for name in type(x).__dataclass_fields__]
    if is_sparse_matrix(x):  # a step has a copy of it
        parts = vars(x).values()
        return [v.tobytes() if isinstance(v, np.ndarray) else v for v in parts]
    return [bytes(x)]


def memory_in(containers: Iterable[Any]) -> list[np.ndarray[Any, Any]]:
    """Return new arrays over the memory that such containers, or some inside, have themselves: rows of bytes for one.

    Who keeps one keeps a row of bytes from growing.
    """
    found: list[np.ndarray[Any, Any]] = []
    pending, seen = list(containers), set()
    while pending:
        x = pending.pop()
        if is_container(x) and id(x) not in seen:
            seen.add(id(x))
            found += _memory_of(x)
            pending += contents_of(x)
    return found


def _memory_of(x: Any) -> list[np.ndarray[Any, Any]]:
    if is_row(x):
        return [np.asarray(memoryview(x))]
    if isinstance(x, np.ndarray):
        return [x.view(np.ndarray), np.asarray(getattr(x, "mask", ()))]
    parts = vars(x).values() if is_sparse_matrix(x) else ()
    return [v.view(np.ndarray) for v in parts if isinstance(v, np.ndarray)]


def spread(x: Any) -> list[Any]:
    """Lay out a container: of each in it the type and the length, then what lies there.

    >>> from collections import deque
    >>> [getattr(v, "__name__", v) for v in spread({"a": deque([1.0, "b"])})]
    ['dict', 2, 'a', 'deque', 2, 1.0, 'b']
    """
    found: list[Any] = []
    pending, seen = [x], set()
    while pending:
        v = pending.pop()
        if not is_container(v) or id(v) in seen:
            found.append(v)
            continue
        seen.add(id(v))
        inside = contents_of(v)
        found += (type(v), len(inside))
        pending += inside[::-1]
    return found


def is_plain(x: Any) -> bool:
    """Say whether all containers in `x`, itself included, are of the kinds that the call entry takes apart."""
    pending, seen = [x], set()
    while pending:
        v = pending.pop()
        if id(v) in seen or not is_container(v):
            continue
        if not (
            type(v) in _PLAIN
            or (isinstance(v, tuple) and hasattr(v, "_fields"))
            or _is_dataclass(v)
        ):
            return False
        seen.add(id(v))
        pending += contents_of(v)
    return True


class Laid:
    """A mapping of one key to what lies at a place, laid out: for a `Name` to read it."""

    __slots__ = ("place",)

    def __init__(self, place: Place) -> None:
        self.place = place

    def __getitem__(self, _: str) -> tuple[Any, ...]:
        return tuple(spread(self.place.read()))

    def get(self, key: str, _: Any = None) -> tuple[Any, ...]:
        """Return the same, as a dictionary does."""
        return self[key]


class Cleared:
    """A mapping of one key to how often a function's cache was seen to have been cleared: for a `Name` to read it."""

    __slots__ = ("cache",)

    def __init__(self, cache: Any) -> None:
        self.cache = cache

    def __getitem__(self, _: str) -> int:
        info = self.cache.cache_info()
        now: int = info.hits + info.misses
        before, times = _CLEARED.get(self.cache, (0, 0))
        times += int(now < before)
        _CLEARED[self.cache] = now, times
        return times

    def get(self, key: str, _: Any = None) -> int:
        """Return the same, as a dictionary does."""
        return self[key]


_CLEARED: WeakKeyDictionary[Any, tuple[int, int]] = WeakKeyDictionary()
"""Of a cache, how often it had been asked when it was looked at, and how often it had been cleared."""


def _is_of(x: Any, module: str) -> bool:
    """Say whether the class of an object is of a module or package, and has been imported therefore."""
    name: Any = type(x).__module__
    return type(name) is str and (name == module or name.startswith(f"{module}."))


def is_sparse_matrix(x: Any) -> bool:
    """Say whether `x` is a sparse matrix of SciPy's."""
    return _is_of(x, _SPARSE) and hasattr(x, "__dict__")


def _is_dataclass(x: Any) -> bool:
    return hasattr(type(x), "__dataclass_fields__")
