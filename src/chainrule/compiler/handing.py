"""What of the world outside a step hands on instead of calling it: C may call that, and nobody sees it.

`map(os.stat, files)` calls `os.stat` in C, and Python tells of calls only that its own code makes. So a function in C
that asks has to be called where it is loaded: by its name, or as an attribute of a module. What becomes of one
otherwise is not followed, nor what is called that lies in a container. Modules and objects may be handed on as long as
code names what it reads of them.
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from opcode import opmap
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    FunctionType,
    MemberDescriptorType,
    MethodDescriptorType,
    ModuleType,
)
from typing import Any

from chainrule.compiler.contents import contents_of, is_container
from chainrule.compiler.keys import looks_up_any, texts_looked_up
from chainrule.compiler.outside import (
    USERS,
    asks_by_texts,
    asks_in_c,
    has_settings,
    kind_of_module,
    modules_imported,
    name_of,
    tells_by_names,
)
from chainrule.compiler.places import Context
from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.records import record

_GLOBAL, _ATTRIBUTE, _NULL, _IMPORTED = [
    opmap[name] for name in ("LOAD_GLOBAL", "LOAD_ATTR", "PUSH_NULL", "IMPORT_FROM")
]
_METHOD, _SUPER, _ENTERED = [
    opmap.get(name, -1) for name in ("LOAD_METHOD", "LOAD_SUPER_ATTR", "BEFORE_WITH")
]
_VARIABLES = {_GLOBAL, opmap["LOAD_NAME"], opmap.get("LOAD_FROM_DICT_OR_GLOBALS", _GLOBAL)}
_OF_CLOSURES = {
    opmap.get(name, -1) for name in ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")
}
_SAYS_METHOD = sys.version_info >= (3, 12)
"""Whether an attribute that is called is loaded by `LOAD_ATTR`, too, whose number says so in its lowest bit."""
_SHIFTS = {_METHOD: 0, _SUPER: 2, _ATTRIBUTE: int(_SAYS_METHOD)}
"""How many bits the number of an instruction has below that of a name."""
_NULL_FIRST = sys.version_info < (3, 13)
"""Whether what marks a call stands before what is called."""
_PLAIN = (bool, int, float, complex, str, bytes, type(None))
_TOLD_OF = (BuiltinFunctionType, MethodDescriptorType, FunctionType)
"""What Python tells of where its code calls it."""
_SLOT = MemberDescriptorType
_UNKNOWN = object()


@record
class _Load:
    """What code loads: a variable, and at once attributes of it.

    Attributes:
        variable: its name, None for anything else.
        attributes: their names, in order.
        is_called: whether it is called where it stands.
    """

    variable: str | None
    attributes: tuple[str, ...]
    is_called: bool


def handed_on(
    functions: Sequence[FunctionType], reached: Iterable[Any], given: Sequence[Any] = ()
) -> str:
    """Return the name of something that may ask in a way that nobody sees; empty if there is none.

    Args:
        functions: the user's functions that a step can reach.
        reached: everything that it can reach.
        given: what it is given besides arrays and numbers: variables of its own stand for it.

    >>> import os
    >>> handed_on([lambda files: map(os.stat, files)], [])
    'stat()'
    >>> handed_on([lambda files: [os.stat(file) for file in files]], [])
    ''
    """
    found = _Handed([f.__code__ for f in functions], given)
    for f in functions:
        found.look_at(f)
    everything = list(reached)
    attributes = {id(vars(x)) for x in everything if _has_names(x)}
    for x in everything:
        if id(x) not in attributes:
            found.look_into(x)
    return found.first()


class _Handed:
    """What is handed on.

    Attributes:
        names: of the attributes that are handed on, of whatever it may be.
        is_any: whether code reads attributes by names that it makes: it may be any.
    """

    def __init__(self, codes: Iterable[CodeType], given: Sequence[Any]) -> None:
        every = [c for code in codes for c in with_inner_codes(code)]
        self.is_any = any(map(looks_up_any, every))
        self.names = set().union(*map(texts_looked_up, every))
        self._values: list[Any] = [*given]

    def first(self) -> str:
        """Return the name of the first thing that asks."""
        return next(filter(None, map(self._asking, self._values)), "")

    def look_at(self, f: FunctionType) -> None:
        """Note what the code of a function hands on, and what it has besides."""
        cells = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True))
        for code in with_inner_codes(f.__code__):
            for load in _loads(code):
                x = _UNKNOWN if load.variable is None else _variable(load.variable, f, cells)
                self._note(x, load)
        self._values += map(sys.modules.get, modules_imported(f.__code__))
        self._values += (*(f.__defaults__ or ()), *(f.__kwdefaults__ or {}).values())

    def _note(self, x: Any, load: _Load) -> None:
        """Note what is loaded, unless it is called where it stands in a way that Python tells of."""
        for name in load.attributes:
            if name == "__dict__" or asks_in_c(x):
                self._values.append(x)
            x = _attribute(x, name)
        if x is _UNKNOWN:
            self.names.update(() if load.is_called else load.attributes[-1:])
        elif not load.is_called or not isinstance(x, _TOLD_OF) or asks_by_texts(x):
            self._values.append(x)

    def look_into(self, x: Any) -> None:
        """Note what lies in something that can be reached."""
        if is_container(x):
            inside = (*contents_of(x), getattr(x, "default_factory", None))
            self._values += [v for v in inside if not isinstance(v, _PLAIN)]
        elif isinstance(x, functools.partial):
            self._values += (x, *x.args, *x.keywords.values())
        elif isinstance(x, ContextVar):
            self._values.append(Context(x).read())
        elif isinstance(x, type):
            self._look_into_class(x)
        elif not isinstance(x, ModuleType):
            self._look_into_object(x)

    def _look_into_class(self, kind: type) -> None:
        """Note what a class hands on; what has a name of Python's is called by Python."""
        for base in kind.__mro__:
            if not _is_others(base):
                self._look_under(vars(base), _is_pythons)

    def _look_into_object(self, x: Any) -> None:
        kind: Any = type(x)
        is_users = not _is_others(kind)
        if _has_names(x):
            self._look_under(vars(x))
        for held in map(vars, kind.__mro__):
            for name in held if is_users and self.is_any else self.names & held.keys():
                v = held[name]
                self._values.append(getattr(x, name, None) if isinstance(v, _SLOT) else v)

    def _look_under(
        self, held: Mapping[str, Any], also: Callable[[str], bool] | None = None
    ) -> None:
        """Note what lies under names that are handed on."""
        for name, x in held.items():
            is_handed = name in self.names or (self.is_any and asks_in_c(x))
            if is_handed or (also is not None and also(name)):
                self._values.append(x)

    def _asking(self, x: Any) -> str:
        """Return the name of something that asks, or of what in it code asks that names it by texts."""
        if asks_in_c(x) or asks_by_texts(x):
            return name_of(x)
        if isinstance(x, ModuleType):
            return self._asking_in(x)
        return name_of(x) if self.is_any and tells_by_names(x) else ""

    def _asking_in(self, module: ModuleType) -> str:
        if kind_of_module(module.__name__) != USERS and not has_settings(module):
            return ""
        if self.is_any:
            return module.__name__
        held = [vars(module)[name] for name in self.names & vars(module).keys()]
        return next((name_of(x) for x in held if asks_in_c(x)), "")


def _has_names(x: Any) -> bool:
    """Say whether something has a dictionary of attributes."""
    kind: Any = type(x)
    return bool(kind.__dictoffset__)


def _is_others(kind: type) -> bool:
    """Say whether a class is none of the user's."""
    return kind_of_module(kind.__module__) != USERS


def _is_pythons(name: str) -> bool:
    """Say whether a name is one by which Python itself calls something."""
    return name.startswith("__") and name.endswith("__")


def _variable(name: str, f: FunctionType, cells: Mapping[str, CellType]) -> Any:
    """Return what a variable of a function holds that is not its own."""
    if name in cells:
        try:
            return cells[name].cell_contents
        except ValueError:
            return _UNKNOWN
    return f.__globals__.get(name, vars(builtins).get(name, _UNKNOWN))


def _attribute(x: Any, name: str) -> Any:
    """Return an attribute of a module, or of a class that is none of the user's: others are looked into."""
    if isinstance(x, ModuleType):
        return vars(x).get(name, _UNKNOWN)
    is_read = isinstance(x, type) and _is_others(x)
    return getattr(x, name, _UNKNOWN) if is_read else _UNKNOWN


@functools.lru_cache(maxsize=4096)
def _loads(code: CodeType) -> tuple[_Load, ...]:
    """Return what code loads besides local variables."""
    found: list[_Load] = []
    is_marked = is_open = False  # a call is begun; what was loaded last may be read an attribute of
    for _, _, what, number in instructions(code):
        if what in {_ATTRIBUTE, _METHOD, _SUPER}:
            name = code.co_names[number >> _SHIFTS[what]]
            is_method = what == _METHOD or (_SAYS_METHOD and bool(number & 1))
            last = found.pop() if is_open else _Load(None, (), is_marked)
            attributes = (*last.attributes, name)
            found.append(_Load(last.variable, attributes, last.is_called or is_method))
            is_open = True
        elif what == _IMPORTED:
            found.append(_Load(None, (code.co_names[number],), is_called=False))
            is_open = False
        elif what in _VARIABLES or what in _OF_CLOSURES:
            is_called = what == _GLOBAL and bool(number & 1)
            found.append(_Load(_name_of(code, what, number), (), is_called or is_marked))
            is_open = True
        elif is_open and (what == _ENTERED or (what == _NULL and not _NULL_FIRST)):
            last = found.pop()
            is_open = False
            if what == _NULL:  # what is entered is no more than that
                found.append(_Load(last.variable, last.attributes, is_called=True))
        else:
            is_open = False
        is_marked = _NULL_FIRST and what == _NULL
    return tuple(found)


def _name_of(code: CodeType, what: int, number: int) -> str:
    """Return the name of a variable that an instruction loads."""
    if what in _VARIABLES:
        return code.co_names[number >> (what == _GLOBAL)]
    outer = [x for x in code.co_cellvars if x not in code.co_varnames]
    return (*code.co_varnames, *outer, *code.co_freevars)[number]
