"""What may ask the world outside: clocks, files, settings of the process, other threads, which answer anew each time.

Every function of the standard library is taken for one that does, but for those of a few modules that only compute of
what they are given; so is a function in C of a package that is not known. Whether a step calls one is seen while it is
captured, see `asking.py`; here it is told whether that has to be looked for, by what a step names and can reach.
"""

from __future__ import annotations

import functools
import itertools
import operator
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
    MethodWrapperType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np

from chainrule.compiler.contents import is_container
from chainrule.compiler.keys import makes_names_of_globals
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
_CYTHON = "_cython_"
"""How the name of the module begins that Cython's functions are of."""
_OWN = __name__.partition(".")[0]
_FOR_USERS = tuple(
    [
        f"{_OWN}.{name}"
        for name in (
            *("data", "train", "cli", "compiler.capture.python_calls"),
            *("core.creation", "core.vectorize"),
        )
    ]
)
"""Packages of ours that read files, and modules that call what the user hands them: what they call is the user's."""
_OUTER = frozenset({OUTSIDE, APART})
"""Kinds of modules that may tell something else in each call."""
_APART = frozenset({"importlib", "_frozen_importlib", "_frozen_importlib_external", "weakref"})

_ASKING = frozenset({"open", "input", "breakpoint", "eval", "exec", "__import__"})
"""Builtins that ask, or lead to what does."""
_WRITING = frozenset(
    {
        *("str", "repr", "ascii", "format", "format_map", "vformat"),
        *("__str__", "__repr__", "__format__", "__mod__", "methodcaller"),
        *("substitute", "safe_substitute"),
    }
)
"""Names of what makes texts: that of an array is made by NumPy's settings."""
_WRITTEN = frozenset(
    [opmap[name] for name in ("FORMAT_VALUE", "FORMAT_SIMPLE", "CONVERT_VALUE") if name in opmap]
)
"""What makes texts of values in the code of a text with braces."""
_BINARY, _REMAINDERS = opmap["BINARY_OP"], (6, 19)
"""An operator of two values, and its numbers where it is `%` or `%=`, which make texts, too."""
OF_LIBRARIES = frozenset({"fromfile", "_load_from_filelike", "_get_extobj_dict"})
"""Functions in C of NumPy's that read files and settings."""
_BY_TEXTS = frozenset({"eval", "exec", "__import__"})
"""Builtins whose answers tell of what no code names."""
_NOT_SEEN = frozenset(
    {
        *("__subclasses__", "__mro__", "mro", "__bases__", "__base__"),
        *("array2string", "array_repr", "array_str"),
    }
)
"""Names of what tells how classes hang together, and of functions of ours that ask NumPy for its settings."""
_PLAIN = (np.ndarray, np.dtype, np.errstate, np.finfo, np.iinfo, np.vectorize, np.nditer)
_BY_SETTINGS = "decimal"
"""A module whose numbers are computed by settings of the thread."""
_METHODS = (MethodDescriptorType, ClassMethodDescriptorType, BuiltinFunctionType, staticmethod)
"""What methods are in a class that is written in C."""
_DESCRIBING = (MethodDescriptorType, ClassMethodDescriptorType, WrapperDescriptorType)
"""What methods and operators are in a class that is written in C, as they are read from it."""
_TELLING = (GetSetDescriptorType, MemberDescriptorType, WrapperDescriptorType)
"""What attributes and operators are in a class that is written in C."""
_GETTERS = (operator.attrgetter, operator.methodcaller)
"""What reads by names that no code has, where it was made before."""
_WRAPPING = (
    *(functools.partial, functools.partialmethod, functools.cached_property),
    *(property, staticmethod, classmethod, MethodType),
)
_UNKNOWN = frozenset({OUTSIDE, USERS})
"""Kinds of modules whose functions in C may ask anything."""
_VECTORIZED = " (vectorized)"
_SILENT = vars(object).keys() | {"__dict__", "__weakref__", "__del__"}
_IMPORT = opmap["IMPORT_NAME"]


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
    if package in _LIBRARIES or package.startswith(_CYTHON):
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
    if isinstance(x, (BuiltinFunctionType, FunctionType)):
        return _is_asking_function(x)
    if is_container(x) or isinstance(x, ContextVar):
        return False
    kind: Any = x if isinstance(x, type) else type(x)
    return x is str or asks_in_c(x) or not _OUTER.isdisjoint(_kinds_of_class(kind))


def _is_asking_function(f: Any) -> bool:
    is_python = isinstance(f, FunctionType)
    kind = kind_of_module(f.__module__ if is_python else module_of_builtin(f))
    if kind == LIBRARY:
        return not _is_known(f)
    return kind in _OUTER or (not is_python and (f.__name__ in _WRITING or asks_in_c(f)))


def is_of_outside(x: Any) -> bool:
    """Say whether something is an object of a class of the standard library's with attributes that may change."""
    kind: Any = type(x)
    is_other = isinstance(x, (ModuleType, type, BuiltinFunctionType, FunctionType))
    return not is_other and bool(kind.__dictoffset__) and may_ask(x)


def has_settings(module: ModuleType) -> bool:
    """Say whether what stands in a module of the standard library may be something else later."""
    return is_outer(module.__name__)


def is_outer(name: str) -> bool:
    """Say the same of a module by its name."""
    return kind_of_module(name) in _OUTER or name == "warnings"


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
        return asks_in_c(x)
    kind: Any = type(x)
    if isinstance(x, _GETTERS) or _is_of_weakref(kind) or _is_of_python(x):
        return True
    if isinstance(x, (BuiltinFunctionType, FunctionType)) or is_container(x):
        return False
    return kind.__module__ == _BY_SETTINGS or (
        may_ask(x) and _tells_in_c(kind) and not _is_value(x)
    )


def _is_of_python(x: Any) -> bool:
    """Say whether something is a ufunc that `np.frompyfunc` made of a function, which it does not tell."""
    return isinstance(x, np.ufunc) and x.__name__.endswith(_VECTORIZED)


def _is_of_weakref(kind: Any) -> bool:
    """Say whether a class is of those whose objects tell whether others live, and are no containers."""
    return kind.__module__ == "weakref" and kind.__name__ in {"finalize", "WeakMethod"}


def name_of(x: Any) -> str:
    """Return what a report calls something that is unseen."""
    if isinstance(x, (staticmethod, classmethod)):
        x = x.__func__
    if isinstance(x, ModuleType):
        return x.__name__
    if isinstance(x, type):
        return f"{public_module(x.__module__)}.{x.__qualname__}"
    if isinstance(x, functools.partial):
        return f"a partial object of {name_of(x.func)}"
    if isinstance(x, (FunctionType, BuiltinFunctionType, MethodWrapperType, *_DESCRIBING)):
        return f"{x.__name__}()"
    if isinstance(x, np.ufunc):
        return x.__name__
    return f"a {type(x).__name__}"


def public_module(name: Any) -> str:
    """Return the module that users import where a class or a function stands in a private one below it.

    >>> public_module("pathlib._local")  # where Python 3.13 has it
    'pathlib'
    """
    package, *below = str(name).split(".")
    return ".".join([package, *itertools.takewhile(lambda part: not part.startswith("_"), below)])


@functools.lru_cache(maxsize=4096)
def _tells_in_c(kind: Any) -> bool:
    """Say whether a class of the standard library, or one made of it, is written in C, and its objects tell of a state.

    They do by attributes and operators; methods are calls.
    """
    held = [(name, x) for base in _outer_bases(kind) for name, x in vars(base).items()]
    is_telling = any(isinstance(x, _TELLING) and name not in _SILENT for name, x in held)
    return is_telling and not _has_python(kind)


@functools.lru_cache(maxsize=4096)
def _has_python(kind: Any) -> bool:
    """Say whether what a class has of the standard library is written in Python."""
    return any(
        isinstance(x, FunctionType) for base in _outer_bases(kind) for x in vars(base).values()
    )


def _outer_bases(kind: Any) -> list[Any]:
    return [base for base in kind.__mro__ if kind_of_module(base.__module__) in _OUTER]


def _is_value(x: Any) -> bool:
    """Say whether something has a hash of its own: it does not change."""
    try:
        hash(x)
    except TypeError:
        return False
    own: Any = type(x).__hash__
    return own is not object.__hash__


def asks_in_c(x: Any) -> bool:
    """Say whether something is written in C and asks when it is called, or calls what does.

    >>> import os, time
    >>> [asks_in_c(x) for x in (os.getcwd, open, dict.get, os.path.exists)]
    [True, True, False, False]
    """
    while isinstance(x, _WRAPPING):
        x = getattr(x, "fget", None) or getattr(x, "func", None) or getattr(x, "__func__", None)
    if isinstance(x, BuiltinFunctionType):
        kind = kind_of_module(module_of_builtin(x))
        is_asking = x.__name__ in (OF_LIBRARIES if kind == LIBRARY else _ASKING)
        return kind in _UNKNOWN or (is_asking and isinstance(x.__self__, ModuleType))
    if isinstance(x, _DESCRIBING):
        return kind_of_module(x.__objclass__.__module__) in _UNKNOWN
    if isinstance(x, MethodWrapperType):
        f = x.__self__
        return asks_in_c(f) or (not isinstance(f, FunctionType) and may_ask(f))
    return isinstance(x, _GETTERS) or (isinstance(x, type) and _is_asking_class(x))


@functools.lru_cache(maxsize=4096)
def _is_asking_class(kind: Any) -> bool:
    """Say whether a class of the standard library is written in C, and its objects may change or give other things."""
    if kind_of_module(kind.__module__) != OUTSIDE or issubclass(kind, BaseException):
        return False
    return not _has_python(kind) and kind.__hash__ in {None, object.__hash__}


def asks_by_texts(x: Any) -> bool:
    """Say whether something reads what no code names: it runs a text, or imports by one.

    >>> import importlib
    >>> [asks_by_texts(x) for x in (eval, importlib.import_module, len)]
    [True, True, False]
    """
    if isinstance(x, BuiltinFunctionType):
        return x.__name__ in _BY_TEXTS and x.__module__ == "builtins"
    return isinstance(x, FunctionType) and (x.__module__ or "").partition(".")[0] == "importlib"


def tells_by_names(x: Any) -> bool:
    """Say whether something is an object of a class of the standard library's whose attributes tell what is so now."""
    is_other = isinstance(x, (type, FunctionType, BuiltinFunctionType, MethodType, ModuleType))
    kind: Any = type(x)
    if is_other or is_container(x) or kind_of_module(kind.__module__) == USERS or not may_ask(x):
        return False
    return not _is_value(x) or not _has_python(kind)


def modules_imported(code: CodeType) -> list[str]:
    """Return the names of the modules that code imports, and of the packages they are in.

    >>> def path():
    ...     import os.path as where
    ...
    ...     return where
    >>> modules_imported(path.__code__)
    ['os', 'os.path']
    """
    found: list[str] = []
    for c in with_inner_codes(code) if _imports(code) else ():
        names = [c.co_names[number] for _, _, what, number in instructions(c) if what == _IMPORT]
        for parts in [name.split(".") for name in names]:
            found += [".".join(parts[: i + 1]) for i in range(len(parts))]
    return found


def not_seen_by_name(f: FunctionType, names: frozenset[str]) -> str:
    """Return what a function asks for by the names it looks up, if that is not watched, and no call that is seen."""
    if "modules" in names and any(f.__globals__.get(name) is sys for name in names):
        return "sys.modules"
    if "globals" in names and makes_names_of_globals(f.__code__):
        return "globals()"
    return next(iter(sorted(names & _NOT_SEEN)), "")
