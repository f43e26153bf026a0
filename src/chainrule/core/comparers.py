"""Which functions compare what faces stand for: those of modules that name a face, and what a trace can reach."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any
from weakref import ref

from chainrule.core.bytecode import with_inner_codes
from chainrule.core.comparisons import compare_originals, seeing_originals

_CONTAINERS = frozenset({list, tuple, set, frozenset, dict})
_LARGE = 1_000
"""A container of more holds data."""
_MADE_OF: dict[type, tuple[str, ...]] = {
    staticmethod: ("__func__",),
    classmethod: ("__func__",),
    MethodType: ("__func__", "__self__"),
    functools.partial: ("func", "args", "keywords"),
    property: ("fget", "fset", "fdel"),
    functools.cached_property: ("func",),
    type(functools.cache(len)): ("__wrapped__",),
}
_AT_MOST = 4096


class _Known:
    """Objects that live perhaps still. Nothing is called when one dies, since an interruption could come there."""

    def __init__(self) -> None:
        self.by_identity: dict[int, ref[Any]] = {}

    def __contains__(self, x: Any) -> bool:
        found = self.by_identity.get(id(x))
        return found is not None and found() is x

    def update(self, others: Iterable[Any]) -> None:
        if len(self.by_identity) >= _AT_MOST:
            self.by_identity.clear()
        self.by_identity.update([(id(x), ref(x)) for x in others])


class _Met:
    """What was looked at: functions, their codes, classes, and those of which an object was."""

    __slots__ = ("classes", "codes", "functions", "kinds")

    def __init__(self, kind: Callable[[], Any]) -> None:
        self.functions = kind()
        self.classes = kind()
        self.kinds = kind()
        self.codes: set[CodeType] = set()

    def add(self, others: _Met) -> None:
        for mine, other in (
            (self.functions, others.functions),
            (self.classes, others.classes),
            (self.kinds, others.kinds),
        ):
            if other:
                mine.update(other)
        if others.codes:
            if len(self.codes) >= _AT_MOST:
                self.codes.clear()
            self.codes.update(others.codes)


class Comparers:
    """The user's functions, made to compare what faces stand for as they are met."""

    def __init__(self, is_users: Callable[[str], bool]) -> None:
        """State of which modules, by name, the functions are changed."""
        self.is_users = is_users
        self.known = _Met(_Known)

    def look_into(self, names: Mapping[str, Any]) -> None:
        """Look at the functions and classes in the namespace of a module."""
        pending, seen = [*names.values()], set[int]()
        while pending:
            x = pending.pop()
            if type(x) is FunctionType:
                if id(x) not in seen and self.is_users(_module_of(x)):
                    compare_originals(x)
                    pending += _variables_of(x)
            elif isinstance(x, type):
                if id(x) not in seen and x.__module__ == names.get("__name__"):
                    pending += vars(x).values()
            elif id(x) not in seen:
                pending += _parts_of(x)
            seen.add(id(x))

    def look_at(self, f: Any) -> None:
        """Look at what is going to be traced, and at what it can reach by names, variables and objects."""
        if type(f) is FunctionType and self._is_known(f):
            return
        met = _Met(set)  # known only when all of it was looked at: an interruption may come
        pending, seen = [f], set[int]()
        while pending:
            x = pending.pop()
            if type(x) is FunctionType:
                pending += self._reached_by(x, met)
            elif found := _parts_of(x):
                if id(x) not in seen:  # it may hold itself
                    pending += found
                seen.add(id(x))
            else:
                pending += self._held_by(x, met)
        self.known.add(met)

    def _is_known(self, f: FunctionType) -> bool:
        if f in self.known.functions:
            return True
        if f.__closure__ or f.__defaults__ or f.__kwdefaults__:
            return False
        if f.__code__ in self.known.codes:
            return True
        code = seeing_originals(f, f.__code__)
        if code not in self.known.codes:
            return False
        f.__code__ = code  # made anew
        return True

    def _reached_by(self, f: FunctionType, met: _Met) -> Iterable[Any]:
        if f in self.known.functions or f in met.functions:
            return ()
        met.functions.add(f)
        outer = list(_variables_of(f))
        if not self.is_users(_module_of(f)):
            return outer
        compare_originals(f)
        if f.__code__ in self.known.codes:  # the same function again, with other variables
            return [x for x in outer if type(x) not in _CONTAINERS]
        met.codes.add(f.__code__)
        return [*outer, *self._named_by(f)]

    def _named_by(self, f: FunctionType) -> Iterator[Any]:
        """Yield what a function names of its module, and of modules of the user's."""
        names = {name for code in with_inner_codes(f.__code__) for name in code.co_names}
        for x in [f.__globals__[name] for name in names & f.__globals__.keys()]:
            yield x
            if isinstance(x, ModuleType) and self.is_users(x.__name__):
                yield from [vars(x)[name] for name in names & vars(x).keys()]

    def _held_by(self, x: Any, met: _Met) -> Iterator[Any]:
        """Yield what a class holds, or the first object that is met of one."""
        kind = x if isinstance(x, type) else type(x)
        if kind in self.known.kinds or (kind is x and kind in self.known.classes):
            return
        is_users = isinstance(kind.__module__, str) and self.is_users(kind.__module__)
        if kind not in self.known.classes and kind not in met.classes:
            met.classes.add(kind)
            if is_users:
                yield from (*kind.__mro__[1:], *list(vars(kind).values()))
        if kind is not x and kind not in self.known.kinds and kind not in met.kinds:
            met.kinds.add(kind)
            if is_users:
                yield from list(getattr(x, "__dict__", {}).values())


def _module_of(f: FunctionType) -> str:
    return f.__globals__.get("__name__") or ""


def _variables_of(f: FunctionType) -> Iterator[Any]:
    """Yield what a function holds by defaults and outer variables, and what it wraps."""
    yield from (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values())
    for cell in f.__closure__ or ():
        with contextlib.suppress(ValueError):  # not bound yet
            yield cell.cell_contents
    yield vars(f).get("__wrapped__")


def _parts_of(x: Any) -> Sequence[Any]:
    """Return what a container holds, or the functions that an object of Python's is made of."""
    kind = type(x)
    if kind in _CONTAINERS:
        return () if len(x) > _LARGE else [*x, *x.values()] if kind is dict else [*x]
    return [getattr(x, name) for name in _MADE_OF.get(kind, ())]
