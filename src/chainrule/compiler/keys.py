"""Which keys of a dictionary a function's code reads, where that is all it does with it: `settings["rate"]`."""

from __future__ import annotations

import functools
import sys
from opcode import hasname, opmap, opname
from types import CodeType, FunctionType
from typing import Any

from chainrule.core.bytecode import Instruction, inner_codes, instructions, with_inner_codes

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
        "methodcaller",
        "import_module",
    }
)
"""What finds a variable or an attribute by a text."""
_OF_ALL = frozenset({"vars", "dir", "__dict__", "__getattribute__", "attrgetter", "methodcaller"})
"""What finds all attributes of an object, or any."""
_SIMPLE = frozenset({"LOAD_CONST", "LOAD_FAST", "LOAD_GLOBAL", "LOAD_DEREF"})
_MATCH = opmap["MATCH_CLASS"]
_NAMING = frozenset(hasname)
_SHIFTS = {
    opmap["LOAD_GLOBAL"]: 1,
    opmap["LOAD_ATTR"]: 1 if sys.version_info >= (3, 12) else 0,
    opmap.get("LOAD_SUPER_ATTR", -1): 2,
}
"""How many of the lowest bits of a number say something else than which name is meant."""
_STORE_ATTR = opmap["STORE_ATTR"]
_LOAD_ONE = frozenset(opmap[n] for n in ("LOAD_FAST", "LOAD_FAST_CHECK") if n in opmap)
_LOAD_TWO = opmap.get("LOAD_FAST_LOAD_FAST", -1)
_STORES = frozenset(
    number for name, number in opmap.items() if name.startswith(("STORE_FAST", "DELETE_FAST"))
)
_LOADING = ("LOAD_", "PUSH_NULL")


def texts_looked_up(code: CodeType) -> frozenset[str]:
    """Return the texts in code that may be names: where it looks up anything by a text, all of them.

    Those of a pattern of a class stand in a tuple.

    >>> sorted(texts_looked_up((lambda module: getattr(module, "settings")).__code__))
    ['settings']
    """
    found: list[Any] = [] if _BY_TEXT.isdisjoint(code.co_names) else [*code.co_consts]
    if _MATCH in code.co_code[::2]:
        found += [text for x in code.co_consts if type(x) is tuple for text in x]
    return frozenset([x for x in found if type(x) is str and x.isidentifier()])


def only_set(code: CodeType) -> frozenset[str]:
    """Return the attributes that code sets of its first argument, and names nowhere else: they tell it nothing.

    >>> def made(self, rate):
    ...     self.rate = rate
    ...     self.turns = 0
    ...     self.turns += 1
    >>> sorted(only_set(made.__code__))
    ['rate']
    """
    found: set[str] = set()
    named: set[str] = set()
    loaded = -1
    for _, _, what, number in instructions(code):
        name = code.co_names[number >> _SHIFTS.get(what, 0)] if what in _NAMING else ""
        (found if what == _STORE_ATTR and loaded == 0 else named).add(name)
        loaded = number & 15 if what == _LOAD_TWO else number if what in _LOAD_ONE else -1
    inside = [name for c in inner_codes(code) for name in all_names(c)]
    is_kept = code.co_argcount > 0 and _sets_no_first(code)
    return frozenset(found - named - {*inside}) if is_kept else frozenset()


def all_names(code: CodeType) -> list[str]:
    """Return the names in code, and in all code inside of it."""
    return [name for c in with_inner_codes(code) for name in c.co_names]


def _sets_no_first(code: CodeType) -> bool:
    """Say whether the first argument is what it was given, all along."""
    return not any(what in _STORES and number == 0 for _, _, what, number in instructions(code))


def looks_up_any(code: CodeType) -> bool:
    """Say whether code looks up attributes by texts that it makes or is handed: it may be any of an object's.

    >>> looks_up_any((lambda x, i: getattr(x, f"w{i}")).__code__)
    True
    >>> looks_up_any((lambda x: getattr(x, "w", 0.0)).__code__)
    False
    """
    if not _OF_ALL.isdisjoint(code.co_names):
        return True
    if "getattr" not in code.co_names:
        return False
    found = [(opname[what], n) for _, _, what, n in instructions(code) if opname[what] != "PRECALL"]
    calls = [
        found[i + 1 :]
        for i, (what, n) in enumerate(found)
        if what == "LOAD_GLOBAL" and code.co_names[n >> 1] == "getattr"
    ]
    return not all(_has_constant_name(code, follow) for follow in calls)


def _has_constant_name(code: CodeType, follow: list[tuple[str, int]]) -> bool:
    """Say whether all that a call of `getattr` is given is simply loaded, and its text a constant."""
    place = next((i for i, (what, _) in enumerate(follow) if not what.startswith(_LOADING)), 0)
    what, count = follow[place]
    before = place - count + 1
    if what != "CALL" or count not in {2, 3} or before < 1:
        return False
    what, number = follow[before]
    return what == "LOAD_CONST" and type(code.co_consts[number]) is str


def makes_names_of_globals(code: CodeType) -> bool:
    """Say whether code, or code inside it, looks into `globals()` for anything but constant texts.

    >>> makes_names_of_globals((lambda name: globals()[name]).__code__)
    True
    >>> makes_names_of_globals((lambda: globals()["rate"] * globals().get("step", 1)).__code__)
    False
    """
    found = [(opname[what], n) for _, _, what, n in instructions(code)]
    found = [x for x in found if x[0] not in {"PRECALL", "PUSH_NULL"}] + [("", 0)] * 5
    follows = [
        found[i + 1 : i + 6]
        for i, (what, n) in enumerate(found)
        if what == "LOAD_GLOBAL" and code.co_names[n >> 1] == "globals"
    ]
    return not all(_takes_constant(code, *follow) for follow in follows) or any(
        map(makes_names_of_globals, inner_codes(code))
    )


def _takes_constant(code: CodeType, *follow: tuple[str, int]) -> bool:
    """Say whether what is loaded is called, and then of its items one is taken whose key is a constant text."""
    names = [what for what, _ in follow]
    is_got = names[1] in {"LOAD_METHOD", "LOAD_ATTR"} and "get" in _attributes(code, follow[1][1])
    what, number = follow[1 + is_got]
    if names[0] != "CALL" or what != "LOAD_CONST" or type(code.co_consts[number]) is not str:
        return False
    if is_got:  # with something for a key that is missing, or without
        return "CALL" in {names[3], names[4] if names[3] in _SIMPLE else ""}
    return names[2].startswith("BINARY_")


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
    attributes, keys_of = _looked_up(code)
    keys = keys_of.get(name, frozenset())
    # An attribute may be the module's: sys.modules[__name__].settings.
    if name in attributes or keys is None:
        return None
    for inside in inner_codes(code):
        more = keys_read(inside, name)
        if more is None:
            return None
        keys |= more
    return keys


@functools.cache
def _looked_up(code: CodeType) -> tuple[frozenset[str], dict[str, frozenset[str] | None]]:
    """Return the attributes that code names, and of variables that are not local the keys, or None, as `keys_read`."""
    found = instructions(code)
    local = (*code.co_varnames, *[x for x in code.co_cellvars if x not in code.co_varnames])
    variables = (*local, *code.co_freevars)
    attributes: set[str] = set()
    keys_of: dict[str, frozenset[str] | None] = {}
    for i, (_, _, what, number) in enumerate(found):
        kind = _kind_of(what)
        if kind is None:
            continue
        if kind == "attribute":
            attributes |= _attributes(code, number)
            continue
        name = (
            variables[number] if kind == "variable" else code.co_names[number >> (kind == "global")]
        )
        key = _key_after(code, what, found[i + 1 : i + 3])
        known = keys_of.get(name, frozenset())
        keys_of[name] = None if key is None or known is None else known | {key}
    return frozenset(attributes), keys_of


@functools.cache
def _kind_of(what: int) -> str | None:
    """Say what an instruction reads, writes or deletes: an attribute, or a variable, which its number says in one way.

    What hands a variable to a function inside does neither: the code of that is looked at too.
    """
    name = opname[what]
    if name.endswith(("_ATTR", "_METHOD", "IMPORT_FROM")):
        return "attribute"
    if name.endswith(("_DEREF", "_CLASSDEREF")):
        return "variable"
    if name == "LOAD_GLOBAL":
        return "global"
    if name.endswith(("_GLOBAL", "_NAME")) or name == "LOAD_FROM_DICT_OR_GLOBALS":
        return "name"
    return None


def _key_after(code: CodeType, what: int, follow: tuple[Instruction, ...]) -> str | None:
    """Return the constant text that a variable is subscripted with as soon as it is read."""
    if opname[what] not in {"LOAD_DEREF", "LOAD_GLOBAL"} or len(follow) < 2:
        return None
    (_, _, constant, number), (_, _, *subscript) = follow
    if (constant, *subscript) != _SUBSCRIPT:
        return None
    key = code.co_consts[number]
    return key if type(key) is str else None


def _attributes(code: CodeType, number: int) -> set[str]:
    """Return what an instruction may name as an attribute: Pythons keep up to two bits below the number of the name."""
    places = {number, number >> 1, number >> 2}
    return {code.co_names[i] for i in places if i < len(code.co_names)}


def _subscript() -> tuple[int, ...]:
    """Return how this Python writes `x["key"]` after it has read `x`: the opcodes, and the last one's number."""
    read: FunctionType = lambda x: x["key"]  # type: ignore[assignment]  # noqa: E731
    found = instructions(read.__code__)
    start = next(i for i, (_, _, what, _) in enumerate(found) if opname[what] == "LOAD_CONST")
    (_, _, constant, _), (_, _, *subscript) = found[start : start + 2]
    return constant, *subscript


_SUBSCRIPT = _subscript()
