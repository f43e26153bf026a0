"""What is the user's, modules, classes, objects and functions, and the names that his code looks up."""

from __future__ import annotations

import dataclasses
import functools
import gc
from collections.abc import Iterator, Mapping
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any

import numpy as np

from chainrule.compiler.keys import looks_up_any, only_set, texts_looked_up
from chainrule.compiler.outside import asks_in_c, is_of_outside
from chainrule.compiler.places import OfClass
from chainrule.core.reroute import is_users_module

_CALLED = (ModuleType, type, FunctionType, BuiltinFunctionType, MethodType)
"""What tells something by calls alone, which are seen."""
_CATCHING = frozenset({"AttributeError", "NameError", "Exception"})
"""What code catches that does without an attribute or a variable."""
_INITIALIZERS = frozenset({"__init__", "__post_init__"})
"""What is called with objects that nobody else knows yet, as long as no other code names it."""
_ASKED_FOR = frozenset({*dir(np.ndarray), "matvec", "matmat", "rmatvec", "rmatmat"})
"""Methods that NumPy calls of any object, as `np.sum` does, and SciPy of what it takes for an operator."""
ANY = "*"
"""Stands among names for those of all attributes."""


def is_watched(module: Any) -> bool:
    """Say whether what a module holds may change: the user's may, NumPy's and SciPy's own does not.

    What Cython makes has a descriptor for the name of its module.
    """
    return (
        isinstance(module, str)
        and is_users_module(module)
        and module.partition(".")[0] not in {"numpy", "scipy"}
    )


def namespaces(x: Any) -> list[Any]:
    """Return the dictionaries and classes in which names are looked up as attributes of something."""
    if isinstance(x, ModuleType):
        return [vars(x)] if is_watched(x.__name__) else []
    if isinstance(x, type):
        return _watched_bases(x)
    if isinstance(x, FunctionType):
        return [vars(x)] if is_watched(x.__module__ or "") else []
    is_open = isinstance(x, SimpleNamespace) or (is_users_object(x) and has_names(x))
    return [vars(x)] if is_open else []


def names_in(holder: Any) -> Mapping[str, Any]:
    """Return what a dictionary, or a class itself, has under names."""
    names: Mapping[str, Any] = vars(holder) if isinstance(holder, type) else holder
    return names


def shadowed(kind: Any, names: frozenset[str]) -> list[OfClass]:
    """Return where a user's class has none of these names, but a class behind it in the order of inheritance has."""
    held: frozenset[str] = frozenset()
    found: list[OfClass] = []
    for base in reversed(kind.__mro__):
        own = vars(base).keys()
        if held and is_watched(base.__module__):
            found += [OfClass(base, name) for name in held - own]
        held |= names & own
    return found


def namespaces_outside(x: Any) -> list[Any]:
    """Return what names are looked up in as attributes of an object of the standard library's."""
    return [vars(holder) for holder in (x, *type(x).__mro__)] if is_of_outside(x) else []


def is_called(x: Any) -> bool:
    """Say whether what stands in a module or a class tells something by calls alone, or is a part of its objects."""
    return isinstance(x, _CALLED) or hasattr(type(x), "__get__")


def values_of(held: Mapping[str, Any]) -> list[str]:
    """Return the names under which a class keeps no functions."""
    return [n for n, x in held.items() if n[:2] != "__" and not hasattr(type(x), "__get__")]


def is_users_object(x: Any) -> bool:
    """Say whether something is an object of a user's class that keeps attributes."""
    return is_of_users_class(x) and (has_names(x) or bool(slots_of(class_of(x))))


def is_of_users_class(x: Any) -> bool:
    """Say whether something is an object of a user's class, which may have methods: also a number or a text."""
    is_other = isinstance(x, (ModuleType, type, FunctionType, MethodType, functools.partial))
    return not is_other and _is_users_class(class_of(x))


@functools.cache
def _is_users_class(kind: Any) -> bool:
    return is_watched(kind.__module__)


def has_names(x: Any) -> bool:
    """Say whether something has a dictionary of attributes; what a user's own `__getattr__` says does not count."""
    return bool(class_of(x).__dictoffset__)


def is_found_by_class(x: Any, name: str) -> bool:
    """Say whether the class of an object tells what it does not have: by an attribute of its own, or `__getattr__`."""
    return hasattr(type(x), name) or (name[:2] != "__" and hasattr(type(x), "__getattr__"))


def wrapped_by(x: Any) -> Any:
    """Return what `functools.wraps` says is inside of something, or None."""
    return vars(x).get("__wrapped__") if has_names(x) else None


def class_of(x: Any) -> Any:
    """Return the class of something; type checkers know nothing of it."""
    return type(x)


@functools.cache
def slots_of(kind: Any) -> frozenset[str]:
    """Return the names of the attributes that objects of a user's class keep in slots."""
    return frozenset(
        [
            name
            for base in kind.__mro__
            if is_watched(base.__module__)
            for name, value in vars(base).items()
            if isinstance(value, MemberDescriptorType)
        ]
    )


# functions


def functions_of(x: Any) -> list[FunctionType]:
    """Return the functions of what stands in a class: a method, or what makes an attribute of one.

    What `dataclasses` itself has put there, `__replace__`, names no fields but reads those alone.
    """
    if isinstance(x, property):
        found = [x.fget, x.fset]
    elif isinstance(x, (functools.cached_property, functools.partialmethod)):
        found = [x.func]
    elif isinstance(x, functools.singledispatchmethod):
        found = [x.func, x.dispatcher]
    elif isinstance(x, np.vectorize):
        found = [x.pyfunc]
    else:
        found = [x.__func__ if isinstance(x, (staticmethod, classmethod)) else x]
    functions = [f for f in found if isinstance(f, FunctionType)]
    return [f for f in functions if f.__module__ != dataclasses.__name__]


def functions_of_class(kind: Any) -> list[FunctionType]:
    """Return the functions of a user's class, also those that read nothing but their arguments."""
    return [
        f for base in _watched_bases(kind) for x in vars(base).values() for f in functions_of(x)
    ]


def functions_held_by(x: Any) -> list[Any]:
    """Return the functions that an object of another's class holds, and may call: a key of `cmp_to_key`."""
    names = vars(x) if has_names(x) else {}
    held = [*gc.get_referents(x), *names.values()]
    return [v for v in held if isinstance(v, (FunctionType, MethodType, functools.partial))]


def _watched_bases(kind: Any) -> list[Any]:
    """Return a class and what it inherits from, as far as that is the user's."""
    return [base for base in kind.__mro__ if is_watched(base.__module__)]


def implied_functions(kind: Any) -> list[OfClass]:
    """Return where a user's class has functions that are called without being named."""
    return [
        OfClass(base, name)
        for base in _watched_bases(kind)
        for name, value in vars(base).items()
        if _is_special(name)
        and (asks_in_c(value) or not all(map(_is_of_dataclass, functions_of(value))))
    ]


def _is_of_dataclass(f: FunctionType) -> bool:
    """Say whether this is the text that dataclasses have: it notes what it writes for the time of the call."""
    return f.__globals__.get("__name__") in {"dataclasses", "reprlib"}


# names


def asked(name: str) -> str:
    """Mark the name of what code does without where there is none."""
    return f"?{name}"


@functools.cache
def names_of_code(code: CodeType) -> frozenset[str]:
    """Return every name that a code object, or one inside it, looks up."""
    return frozenset(_every_name(code))


def _every_name(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    texts = texts_looked_up(code)
    yield from texts
    yield from map(asked, texts)
    if looks_up_any(code):
        yield ANY
    if not _CATCHING.isdisjoint(code.co_names):
        yield from map(asked, code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _every_name(constant)


def names_of(f: Any) -> frozenset[str]:
    """Return every name that a function looks up, whatever is wrapped around it."""
    while not isinstance(f, FunctionType):
        inner = getattr(f, "func", None) or getattr(f, "__func__", None)
        inner = inner or getattr(f, "__wrapped__", None)
        if inner is None:
            return frozenset()
        f = inner
    return names_of_code(f.__code__)


def names_of_class(kind: Any, names: frozenset[str]) -> frozenset[str]:
    """Return the names that a user's class looks up in those methods that are named, or may be called without it."""
    is_any = ANY in names or _inherits_callers(kind)
    found = [
        inside
        for name, inside in _names_by_method(kind)
        if is_any or name in names or name in _ASKED_FOR or _is_special(name)
    ]
    if not _INITIALIZERS.isdisjoint(names):
        found += [names_of_code(f.__code__) for f in functions_of_class(kind)]
    return frozenset().union(*found)


@functools.cache
def _names_by_method(kind: Any) -> list[tuple[str, frozenset[str]]]:
    """Return what the methods of a user's class look up, each with its name; the class may say what a setting does."""
    bases = _watched_bases(kind)
    known = frozenset().union(*map(vars, bases))
    return [
        (name, names_read(f.__code__) | (only_set(f.__code__) & known))
        for base in bases
        for name, value in vars(base).items()
        for f in functions_of(value)
    ]


@functools.cache
def _inherits_callers(kind: Any) -> bool:
    """Say whether a user's class inherits functions that nobody reads: they may call any of its methods."""
    return any(
        isinstance(value, FunctionType) and not _is_special(name)
        for base in kind.__mro__
        if not is_watched(base.__module__)
        for name, value in vars(base).items()
    )


def names_read(code: CodeType) -> frozenset[str]:
    """Return the names that code of a function looks up: what sets up an object reads nothing of what it only sets."""
    names = names_of_code(code)
    return names - _INITIALIZERS - only_set(code) if code.co_name in _INITIALIZERS else names


def _is_special(name: str) -> bool:
    return name.startswith("__") and name.endswith("__")
