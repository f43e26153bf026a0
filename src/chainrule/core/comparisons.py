"""Which functions of NumPy's a module compares: `if reduce is np.mean` has to see NumPy's own function there.

What is only called may be another function of that name; what is compared, or is the key of a dictionary, may not.
"""

from __future__ import annotations

import dis
import sys
from collections.abc import Iterator
from types import CodeType, FunctionType
from typing import Any

_COMPARING = frozenset({"IS_OP", "CONTAINS_OP", "COMPARE_OP", "BUILD_MAP", "BUILD_SET"})
_ORDERING = frozenset({"<", "<=", ">", ">="})
_LOADING = frozenset({"LOAD_ATTR", "LOAD_GLOBAL", "LOAD_NAME", "LOAD_DEREF"})
_COMPARES_BY_CODE = bytes(dis.opmap[name] for name in sorted(_COMPARING))
_BEFORE = 12
"""Instructions before a comparison in which its operands are loaded."""

_known: dict[CodeType, frozenset[str]] = {}


def compared_names(names: dict[str, Any], wanted: frozenset[str]) -> frozenset[str]:
    """Return which of the wanted names the functions and classes of a module load to compare them."""
    found: set[str] = set()
    for x in list(names.values()):
        for code in _codes_of(x, names.get("__name__")):
            found |= compared_in(code, wanted)
    return frozenset(found)


def compared_in(code: CodeType, wanted: frozenset[str]) -> frozenset[str]:
    """Return which of the wanted names a function, or one inside it, loads to compare them."""
    known = _known.get(code)
    if known is None:
        known = frozenset(_found_in(code, wanted))
        for part in code.co_consts:
            if isinstance(part, CodeType):
                known |= compared_in(part, wanted)
        _known[code] = known
    return known


def _codes_of(x: Any, module: Any) -> Iterator[CodeType]:
    """Return the code of a function, or of a class of the module."""
    x = getattr(x, "__func__", x) if isinstance(x, (staticmethod, classmethod)) else x
    if isinstance(x, FunctionType):
        yield x.__code__
    elif isinstance(x, property) and isinstance(x.fget, FunctionType):
        yield x.fget.__code__
    elif isinstance(x, type) and x.__module__ == module:
        for part in list(vars(x).values()):
            if not isinstance(part, type):
                yield from _codes_of(part, module)


def _found_in(code: CodeType, wanted: frozenset[str]) -> set[str]:
    if wanted.isdisjoint(code.co_names) or not set(code.co_code[::2]) & {*_COMPARES_BY_CODE}:
        return set()
    instructions = list(dis.get_instructions(code))
    return {
        before.argval
        for i, instruction in enumerate(instructions)
        if instruction.opname in _COMPARING and instruction.argval not in _ORDERING
        for before in instructions[max(0, i - _BEFORE) : i]
        if before.opname in _LOADING and before.argval in wanted and not _is_called(before)
    }


def _is_called(load: dis.Instruction) -> bool:
    """Say whether a name is loaded for a call: the instruction's lowest bit says so, where it has one."""
    is_marked = load.opname == "LOAD_GLOBAL" or (load.opname == "LOAD_ATTR" and _ATTR_IS_MARKED)
    return is_marked and bool((load.arg or 0) & 1)


_ATTR_IS_MARKED = sys.version_info >= (3, 12)
"""From Python 3.12 on, where methods are loaded by LOAD_ATTR too."""
