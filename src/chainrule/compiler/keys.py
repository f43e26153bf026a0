"""Which keys of a dictionary a function's code reads, where that is all it does with it: `settings["rate"]`."""

from __future__ import annotations

import functools
from itertools import islice
from opcode import opname
from types import CodeType, FunctionType

from chainrule.core.bytecode import inner_codes, instructions

_Instruction = tuple[str, int]
_PASSED_ON = {"LOAD_CLOSURE", "MAKE_CELL"}
"""What hands a variable to a function inside, whose code is looked at too."""
_OF_ATTRIBUTES = ("_ATTR", "_METHOD", "IMPORT_FROM")
_BY_TEXT = frozenset(
    {
        "getattr",
        "hasattr",
        "globals",
        "vars",
        "locals",
        "eval",
        "exec",
        "__dict__",
        "attrgetter",
        "import_module",
    }
)
"""What finds a variable or an attribute by a text."""


def texts_looked_up(code: CodeType) -> frozenset[str]:
    """Return the texts in code that may be names: where it looks up anything by a text, all of them.

    >>> sorted(texts_looked_up((lambda module: getattr(module, "settings")).__code__))
    ['settings']
    """
    if _BY_TEXT.isdisjoint(code.co_names):
        return frozenset()
    return frozenset([x for x in code.co_consts if type(x) is str and x.isidentifier()])


@functools.cache
def keys_read(code: CodeType, name: str) -> frozenset[str] | None:
    """Return the keys under which code, or code inside it, looks into what a variable of a closure or a global holds.

    Returns:
        The keys; None where the code may do anything else with the variable.

    >>> settings = {"rate": 0.1, "steps": 3}
    >>> sorted(keys_read((lambda x: settings["rate"] * x).__code__, "settings"))
    ['rate']
    >>> keys_read((lambda: settings).__code__, "settings") is None
    True
    """
    if name in texts_looked_up(code):
        return None
    keys: set[str] = set()
    found = _named(code)
    for i, (what, number) in enumerate(found):
        if what.endswith(_OF_ATTRIBUTES) and name in _attributes(code, number):
            return None  # it may be the module's own: sys.modules[__name__].settings
        if what in _PASSED_ON or _name_of(code, what, number) != name:
            continue
        key = _key_after(code, what, found[i + 1 : i + 3])
        if key is None:
            return None
        keys.add(key)
    for inside in inner_codes(code):
        more = keys_read(inside, name)
        if more is None:
            return None
        keys |= more
    return frozenset(keys)


def _key_after(code: CodeType, what: str, follow: list[_Instruction]) -> str | None:
    """Return the constant text that a variable is subscripted with as soon as it is read."""
    if what not in {"LOAD_DEREF", "LOAD_GLOBAL"} or len(follow) < len(_SUBSCRIPT):
        return None
    (constant, number), subscript = follow
    if (constant, subscript) != _SUBSCRIPT:
        return None
    key = code.co_consts[number]
    return key if type(key) is str else None


def _named(code: CodeType) -> list[_Instruction]:
    """Return the names and numbers of instructions."""
    return [(opname[what], number) for _, _, what, number in instructions(code)]


def _name_of(code: CodeType, what: str, number: int) -> str | None:
    """Return the name of the variable that an instruction reads, writes or deletes."""
    if what.endswith(("_DEREF", "_CLASSDEREF")):
        local = (*code.co_varnames, *[x for x in code.co_cellvars if x not in code.co_varnames])
        return (*local, *code.co_freevars)[number]
    if what == "LOAD_GLOBAL":
        return code.co_names[number >> 1]
    if what.endswith(("_GLOBAL", "_NAME")) or what == "LOAD_FROM_DICT_OR_GLOBALS":
        return code.co_names[number]
    return None


def _attributes(code: CodeType, number: int) -> set[str]:
    """Return what an instruction may name as an attribute: Pythons keep up to two bits below the number of the name."""
    places = {number, number >> 1, number >> 2}
    return {code.co_names[i] for i in places if i < len(code.co_names)}


def _subscript() -> tuple[str, _Instruction]:
    """Return how this Python writes `x["key"]` after it has read `x`."""
    read: FunctionType = lambda x: x["key"]  # type: ignore[assignment]  # noqa: E731
    pairs = _named(read.__code__)
    start = next(i for i, (what, _) in enumerate(pairs) if what == "LOAD_CONST")
    (constant, _), subscript = islice(pairs, start, start + 2)
    return constant, subscript


_SUBSCRIPT = _subscript()
