"""Which functions of NumPy's a module compares: `if reduce is np.mean` has to see NumPy's own function there.

What is only called may be another function of that name; what is compared, or is the key of a dictionary, may not.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.core.bytecode import with_inner_codes
from chainrule.core.following import KEYED, NOTHING, NUMPY, Names, Uses, uses_of_names

_CONTAINERS = (list, tuple, set, frozenset)
Held = frozenset[tuple[str, Names]]
_IS_NUMPY: Names = frozenset({NUMPY})


@dataclass(frozen=True)
class Meanings:
    """What names stand for in a module: which functions, by their own names.

    Attributes:
        functions: the names of the functions in question, by identity.
        globals: what the module's names stand for: a function, or what holds it.
        attributes: what attributes may stand for.
    """

    functions: Mapping[int, str]
    globals: Mapping[str, Names]
    attributes: Mapping[str, Names]


def meanings_in(names: Mapping[str, Any], functions: Mapping[int, str]) -> Meanings:
    """Return what the names of a module stand for, those of attributes of its classes included."""
    meant: dict[str, Names] = {}
    attributes = dict(_own_attributes(frozenset(functions.values())))
    for name, x in list(names.items()):
        held = _held(x, functions)
        if held:
            meant[name] = held
        if isinstance(x, type) and x.__module__ == names.get("__name__"):
            for attribute, part in list(vars(x).items()):
                held = _held(getattr(part, "__func__", part), functions)
                if held:
                    attributes[attribute] = attributes.get(attribute, NOTHING) | held
    return Meanings(functions, meant, attributes)


@functools.cache
def _own_attributes(names: Names) -> dict[str, Names]:
    """Return what attributes of the functions' names stand for; of any array's `x.size`, only if `x` is NumPy."""
    return {
        f"numpy.{name}" if not callable(getattr(np.ndarray, name, len)) else name: frozenset({name})
        for name in names
    }


def _held(x: Any, functions: Mapping[int, str]) -> Names:
    """Return the functions that a value is, or that a container holds."""
    if id(x) in functions:
        return frozenset({functions[id(x)]})
    if isinstance(x, ModuleType):
        return _IS_NUMPY if x.__name__.partition(".")[0] == "numpy" else NOTHING
    if type(x) is dict:
        keys = _named(x, functions)
        return keys | _named(x.values(), functions) | ({KEYED} if keys else set())
    return _named(x, functions) if type(x) in _CONTAINERS else NOTHING


def _named(x: Iterable[Any], functions: Mapping[int, str]) -> Names:
    return frozenset([functions[i] for i in map(id, list(x)) if i in functions])


def uses_in(names: Mapping[str, Any], meanings: Meanings) -> Uses:
    """Return what the functions and classes of a module do with the functions in question."""
    found = Uses()
    for x in list(names.values()):
        for function in _functions_of(x, names.get("__name__")):
            found |= uses_by(function, meanings)
    return found


def uses_by(function: FunctionType, meanings: Meanings) -> Uses:
    """Return what a function, or one inside it, does with the functions in question."""
    return uses_with(function.__code__, held_by_variables(function, meanings), meanings)


def uses_with(code: CodeType, variables: Held, meanings: Meanings) -> Uses:
    """Return what code does with the functions in question, some of which variables hold before it runs."""
    used = _names_used(code)
    globals_ = frozenset([(name, held) for name, held in meanings.globals.items() if name in used])
    attributes = frozenset(
        [(a, x) for a, x in meanings.attributes.items() if a.removeprefix("numpy.") in used]
    )
    if not (globals_ or attributes or variables):
        return Uses()
    return _uses(code, globals_, attributes, variables)


@functools.lru_cache(maxsize=4096)
def _uses(
    code: CodeType,
    globals_: Held,
    attributes: Held,
    variables: Held,
) -> Uses:
    return uses_of_names(code, dict(globals_), dict(attributes), dict(variables))


@functools.lru_cache(maxsize=4096)
def _names_used(code: CodeType) -> frozenset[str]:
    """Return the names of globals and attributes that code, or code inside it, uses."""
    return frozenset().union(*[c.co_names for c in with_inner_codes(code)])


def held_by_variables(function: FunctionType, meanings: Meanings) -> Held:
    """Return the variables that hold one of the functions before the function runs: by a default, or from outside."""
    code = function.__code__
    defaults = function.__defaults__ or ()
    last = code.co_varnames[code.co_argcount - len(defaults) : code.co_argcount]
    if not defaults and not function.__kwdefaults__ and not function.__closure__:
        return frozenset()
    values = [*zip(last, defaults, strict=True), *(function.__kwdefaults__ or {}).items()]
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            values.append((name, cell.cell_contents))
        except ValueError:  # not bound yet
            continue
    return frozenset([(name, held) for name, x in values if (held := _held(x, meanings.functions))])


def _functions_of(x: Any, module: Any) -> Iterator[FunctionType]:
    """Return a function, or those of a class of the module."""
    x = getattr(x, "__func__", x) if isinstance(x, (staticmethod, classmethod)) else x
    x = getattr(x, "func", x) if isinstance(x, functools.partial) else x
    x = getattr(x, "__wrapped__", x) if isinstance(x, FunctionType) else x
    if isinstance(x, FunctionType):
        yield x
    elif isinstance(x, property) and isinstance(x.fget, FunctionType):
        yield x.fget
    elif isinstance(x, type) and x.__module__ == module:
        for part in list(vars(x).values()):
            if not isinstance(part, type):
                yield from _functions_of(part, module)
