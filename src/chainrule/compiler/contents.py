"""What lies in containers of all kinds, laid out in a row, so that a change of any of it is seen."""

from __future__ import annotations

from collections import ChainMap, UserDict, UserList, deque
from types import MappingProxyType
from typing import Any

from chainrule.compiler.entry.signature import MISSING, Place

_MAPPINGS = (dict, UserDict, ChainMap, MappingProxyType)
_OTHERS = (list, tuple, set, frozenset, deque, UserList)
_PLAIN = {dict, list, tuple}
HELD = "held"
"""The key under which a place finds what is laid out, or held fast."""


def is_container(x: Any) -> bool:
    """Say whether `x` is a container of Python's, of a class made of one, or a dataclass."""
    return isinstance(x, (*_MAPPINGS, *_OTHERS)) or _is_dataclass(x)


def contents_of(x: Any) -> list[Any]:
    """Return what lies in a container: the keys of a mapping, too."""
    if isinstance(x, _MAPPINGS):
        return [*x, *x.values()]
    if isinstance(x, _OTHERS):
        return list(x)
    return [getattr(x, name, MISSING) for name in type(x).__dataclass_fields__]


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


def _is_dataclass(x: Any) -> bool:
    return hasattr(type(x), "__dataclass_fields__")
