"""What may ask the world outside: clocks, files, settings of the process, other threads, which answer anew each time.

Every function of the standard library is taken for one that does, but for those of a few modules that only compute of
what they are given; so is a function in C of a package that is not known. Whether a step calls one is seen while it is
captured, see `asking.py`; here it is told whether that has to be looked for, by what a step names and can reach.
"""

from __future__ import annotations

import functools
import itertools
import sys
from contextvars import ContextVar
from opcode import opmap
from types import (
    BuiltinFunctionType,
    ClassMethodDescriptorType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from chainrule.compiler.contents import is_container
from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.core.creation import JOINS, REROUTED
from chainrule.core.op import BY_NUMPY

VALUES_ONLY = frozenset(
    {
        *("builtins", "types", "typing", "abc", "_abc", "enum", "numbers", "dataclasses", "copy"),
        *("copyreg", "contextlib", "warnings", "keyword", "reprlib"),
        *("math", "cmath", "operator", "_operator", "functools", "_functools", "itertools"),
        *(
            "collections",
            "_collections",
            "_collections_abc",
            "heapq",
            "_heapq",
            "bisect",
            "_bisect",
        ),
        *("fractions", "statistics", "_statistics", "array", "struct", "_struct"),
        *("string", "re", "_sre", "textwrap", "json", "_json"),
    }
)
"""Modules of the standard library whose functions compute of what they are given and do nothing else."""

USERS, LIBRARY, OWN, VALUES, OUTSIDE, APART = range(6)
"""Kinds of modules: the user's or of some package, NumPy and the like, ours, and three of the standard library's.

What is apart runs when Python comes to it: imports, and what is called when an object goes.
"""

_LIBRARIES = frozenset({"numpy", "scipy", "optree"})
_OWN = __name__.partition(".")[0]
_FOR_USERS = tuple(
    [
        f"{_OWN}.{name}"
        for name in ("data", "train", "cli", "compiler.capture.python_calls", "core.creation")
    ]
)
"""Packages of ours that read files, and modules that go through the user's iterators: what they call is the user's."""
_APART = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external", "weakref"})

_ASKING = frozenset({"open", "input", "breakpoint", "eval", "exec", "__import__"})
"""Builtins that ask, or lead to what does."""
_WRITING = frozenset(
    {
        *("str", "repr", "ascii", "format", "format_map", "vformat"),
        *("__str__", "__repr__", "__format__", "__mod__"),
    }
)
"""Names of what makes texts: that of an array is made by NumPy's settings."""
_WRITTEN = frozenset(
    [opmap[name] for name in ("FORMAT_VALUE", "FORMAT_SIMPLE", "CONVERT_VALUE") if name in opmap]
)
"""What makes texts of values in the code of a text with braces."""
_BINARY, _REMAINDERS = opmap["BINARY_OP"], (6, 19)
"""An operator of two values, and its numbers where it is `%` or `%=`, which make texts, too."""
_PLAIN = (np.ndarray, np.dtype, np.errstate, np.finfo, np.iinfo, np.vectorize, np.nditer)
_BY_SETTINGS = "decimal"
"""A module whose numbers are computed by settings of the thread."""
_METHODS = (MethodDescriptorType, ClassMethodDescriptorType, BuiltinFunctionType, staticmethod)
"""What methods are in a class that is written in C."""
_TELLING = (GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType)
"""What attributes and operators are in a class that is written in C."""
_SILENT = vars(object).keys() | {"__dict__", "__weakref__", "__del__"}
_IMPORT = opmap["IMPORT_NAME"]
_LOAD_GLOBAL, _LOAD_ATTR, _PUSH_NULL = [
    opmap[name] for name in ("LOAD_GLOBAL", "LOAD_ATTR", "PUSH_NULL")
]
_HAS_METHODS = sys.version_info >= (3, 12)
"""Whether an attribute that is called is loaded by `LOAD_ATTR`, too, whose number says so in its lowest bit."""


@functools.lru_cache(maxsize=4096)
def kind_of_module(name: Any) -> int:
    """Return the kind of a module.

    >>> [kind_of_module(name) for name in ("math", "os.path", "numpy.linalg", "__main__")] == [
    ...     VALUES,
    ...     OUTSIDE,
    ...     LIBRARY,
    ...     USERS,
    ... ]
    True
    """
    package = name.partition(".")[0] if isinstance(name, str) else ""
    if package == _OWN:
        return USERS if name.startswith(_FOR_USERS) else OWN
    if package in _LIBRARIES:
        return LIBRARY
    if package not in sys.stdlib_module_names:
        return USERS
    return VALUES if package in VALUES_ONLY else APART if package in _APART else OUTSIDE


def module_of_builtin(f: Any) -> Any:
    """Return the name of the module of a function in C, or of the class whose method it is.

    >>> class Settings(dict):
    ...     "A class of the user's that inherits its methods."
    >>> module_of_builtin(Settings(rate=1).get)
    'builtins'
    """
    owner = f.__self__
    kind = owner if isinstance(owner, type) else type(owner)
    return f.__module__ or _module_of_method(kind, f.__name__)


@functools.lru_cache(maxsize=4096)
def _module_of_method(kind: Any, name: str) -> Any:
    """Return the name of the module of the class that has a method in C, which one of the user's may inherit."""
    for base in (*kind.__mro__, *type(kind).__mro__):
        if isinstance(vars(base).get(name), _METHODS):
            return base.__module__
    return kind.__module__


def may_ask(x: Any) -> bool:
    """Say whether something that a step can reach may ask the world outside when it, or what is in it, is called.

    >>> import os, time
    >>> [may_ask(x) for x in (time, os.getcwd, np.loadtxt, np.sum, len)]
    [True, True, True, False, False]
    """
    if isinstance(x, ModuleType):
        return has_settings(x)
    if isinstance(x, BuiltinFunctionType):
        kind = kind_of_module(module_of_builtin(x))
        return kind in {OUTSIDE, USERS} or (kind == LIBRARY and not _is_known(x))
    if isinstance(x, FunctionType):
        kind = kind_of_module(x.__module__)
        return kind == OUTSIDE or (kind == LIBRARY and not _is_known(x))
    if is_container(x) or isinstance(x, ContextVar):
        return False
    return OUTSIDE in _kinds_of_class(x if isinstance(x, type) else type(x))


def is_of_outside(x: Any) -> bool:
    """Say whether something is an object of a class of the standard library's with attributes that may change."""
    kind: Any = type(x)
    is_other = isinstance(x, (ModuleType, type, BuiltinFunctionType, FunctionType))
    return not is_other and bool(kind.__dictoffset__) and may_ask(x)


def has_settings(module: ModuleType) -> bool:
    """Say whether what stands in a module of the standard library may be something else later."""
    return kind_of_module(module.__name__) == OUTSIDE or module.__name__ == "warnings"


def may_ask_by_name(module: ModuleType, names: frozenset[str]) -> bool:
    """Say whether one of these names is a function of NumPy's, or such a package's, that may ask the world outside."""
    if kind_of_module(module.__name__) != LIBRARY:
        return False
    held = vars(module)
    return not all(_is_known(held[name]) for name in names & held.keys())


def submodules(module: ModuleType, names: frozenset[str]) -> list[ModuleType]:
    """Return the modules of NumPy's, or such a package's, that stand in one under these names."""
    if kind_of_module(module.__name__) != LIBRARY:
        return []
    held = vars(module)
    return [held[name] for name in names & held.keys() if isinstance(held[name], ModuleType)]


def _is_known(x: Any) -> bool:
    """Say whether something of NumPy's, or of a package like it, is known to compute of what it is given."""
    if not callable(x) or isinstance(x, (np.ufunc, MethodType)):
        return True
    if isinstance(x, type):
        return issubclass(x, np.generic) or x in _PLAIN
    if type(x).__hash__ is None:
        return False
    return x in BY_NUMPY or x in REROUTED or any(x is join for join in JOINS)


@functools.lru_cache(maxsize=4096)
def _kinds_of_class(kind: Any) -> frozenset[int]:
    return frozenset([kind_of_module(base.__module__) for base in kind.__mro__])


def names_what_asks(code: CodeType, names: frozenset[str]) -> bool:
    """Say whether code imports anything, makes texts, or calls builtins that ask; `names` are those it looks up.

    >>> names_what_asks((lambda x: f"{x}").__code__, frozenset())
    True
    """
    return not names.isdisjoint(_ASKING | _WRITING) or _imports(code) or _writes(code)


@functools.lru_cache(maxsize=4096)
def _imports(code: CodeType) -> bool:
    return any(_IMPORT in c.co_code[::2] for c in with_inner_codes(code))


@functools.lru_cache(maxsize=4096)
def _writes(code: CodeType) -> bool:
    return any(
        what in _WRITTEN or (what == _BINARY and number in _REMAINDERS)
        for c in with_inner_codes(code)
        for _, _, what, number in instructions(c)
    )


def is_unseen(x: Any) -> bool:
    """Say whether something tells what is so now without a call that would be seen: by what is written in C alone.

    >>> import decimal, mmap, threading
    >>> is_unseen(decimal.Decimal(1)), is_unseen(mmap.mmap(-1, 1)), is_unseen(threading.Lock())
    (True, True, False)
    """
    if isinstance(x, ModuleType):
        return x.__name__ == _BY_SETTINGS
    if isinstance(x, type):
        return x.__module__ == _BY_SETTINGS
    if isinstance(x, functools.partial):
        return isinstance(x.func, BuiltinFunctionType) and may_ask(x.func)
    if isinstance(x, (BuiltinFunctionType, FunctionType)) or is_container(x):
        return False
    kind: Any = type(x)
    return kind.__module__ == _BY_SETTINGS or (
        may_ask(x) and _tells_in_c(kind) and not _is_value(x)
    )


def name_of(x: Any) -> str:
    """Return what a report calls something that is unseen."""
    if isinstance(x, ModuleType):
        return x.__name__
    if isinstance(x, type):
        return f"{x.__module__}.{x.__qualname__}"
    if isinstance(x, functools.partial):
        return f"a partial object of {x.func.__qualname__}()"
    return f"a {type(x).__name__}"


@functools.lru_cache(maxsize=4096)
def _tells_in_c(kind: Any) -> bool:
    """Say whether a class of the standard library, or one made of it, is written in C, and its objects tell of a state.

    They do by attributes and operators; methods are calls.
    """
    outside = [base for base in kind.__mro__ if kind_of_module(base.__module__) == OUTSIDE]
    held = [(name, x) for base in outside for name, x in vars(base).items()]
    if any(isinstance(x, FunctionType) for _, x in held):
        return False
    return any(isinstance(x, _TELLING) and name not in _SILENT for name, x in held)


def _is_value(x: Any) -> bool:
    """Say whether something has a hash of its own: it does not change."""
    try:
        hash(x)
    except TypeError:
        return False
    own: Any = type(x).__hash__
    return own is not object.__hash__


def hands_on_what_asks(f: FunctionType, names: frozenset[str]) -> str:
    """Return the name of a function in C that asks, and that a function of the user's loads but does not call itself.

    What calls it then may be in C, too, as `map` is. `names` are those that the function looks up.

    >>> import os
    >>> names = frozenset({"os"})
    >>> hands_on_what_asks(lambda files: map(os.stat, files), names)
    'stat'
    >>> hands_on_what_asks(lambda: os.getcwd(), names)
    ''
    """
    held = f.__globals__
    if not any(may_ask(held[name]) for name in names & held.keys()):
        return ""
    for code in with_inner_codes(f.__code__):
        found = instructions(code)
        x: Any = None
        is_called = False
        for (_, _, what, number), (*_, follow, _) in itertools.pairwise(found):
            if what == _LOAD_GLOBAL:
                x = held.get(code.co_names[number >> 1])
                is_called = bool(number & 1)
            elif what == _LOAD_ATTR and isinstance(x, ModuleType):
                x = vars(x).get(code.co_names[number >> _HAS_METHODS])
                is_called = is_called or bool(_HAS_METHODS and number & 1)
            else:
                x = None
            is_kept = isinstance(x, BuiltinFunctionType) and not is_called and follow != _PUSH_NULL
            if is_kept and may_ask(x):
                return str(x.__name__)
    return ""


def asks_for_modules(f: FunctionType, names: frozenset[str]) -> bool:
    """Say whether a function may look into `sys.modules`, which changes with every import."""
    return "modules" in names and any(f.__globals__.get(name) is sys for name in names)
