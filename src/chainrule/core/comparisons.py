"""Comparisons by `is` in the user's functions see what faces stand for: `if xp is np` takes its usual branch.

Default values, attributes and containers hold NumPy's own module, and a global name its face while a trace runs. A
function that compares by `is` gets other code for good, in which the two are looked up in `SAME` instead; all else does
what it did. A comparison with a constant, `x is None`, stays, and so do functions that have no other.
"""

from __future__ import annotations

import functools
import operator
import sys
from collections.abc import Callable
from contextvars import ContextVar
from dis import opmap
from types import CodeType, FunctionType
from typing import Any

import numpy as np

from chainrule.core.assembly import encoded, reassembled, targets
from chainrule.core.builtin_calls import builtins_of, with_stand_ins
from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.core.cells import HANDLES
from chainrule.core.faces import original_of
from chainrule.errors import NotCompiledError

_IS, _IN, _CONSTANT, _TUPLE = [
    opmap[name] for name in ("IS_OP", "CONTAINS_OP", "LOAD_CONST", "BUILD_TUPLE")
]


IS_CAPTURE = ContextVar("whether later calls are to do what is done now", default=False)
_VARYING = (np.ndarray, np.generic, float, complex, int)


class _Same:
    """Contains the pairs of which both are the same, or stand for it."""

    def __contains__(self, pair: tuple[Any, Any]) -> bool:
        one, other = map(original_of, pair)
        if IS_CAPTURE.get() and all(map(_varies, pair)) and any(map(_is_array, pair)):
            raise NotCompiledError.from_comparison()
        return one is other

    def __reduce__(self) -> str:
        return "SAME"


SAME = _Same()


COMPARING: dict[Any, Callable[[Any, Any], bool]] = {
    operator.is_: lambda x, y: (x, y) in SAME,
    operator.is_not: lambda x, y: (x, y) not in SAME,
}
"""Functions that compare as `is` does, and what has to be called instead."""


def compare_originals(f: FunctionType) -> None:
    """Have a function, and those that it makes, compare what faces and traced values stand for."""
    code = seeing_originals(f, f.__code__)
    if code is not f.__code__:
        f.__code__ = code


def seeing_originals(f: FunctionType, code: CodeType) -> CodeType:
    """Return code of a function that compares what faces stand for, and asks it for its class."""
    return with_stand_ins(comparing_originals(code), builtins_of(f, _ASKING))


def _class_of(*args: Any, **options: Any) -> Any:
    """Do what `type` does: tell the class of what something stands for, or make a class in the caller's module."""
    if len(args) == 1 and not options:
        x = original_of(args[0])
        return x.__class__ if type(x) in HANDLES else type(x)
    if len(args) == 3:
        name, bases, names = args
        module = sys._getframe(1).f_globals.get("__name__")  # noqa: SLF001  where `type` itself looks
        args = name, bases, {"__module__": module, **names}
    return type(*args, **options)


def _has(*args: Any) -> bool:
    """Do what `hasattr` does; a traced value has the special methods of what it stands for, and no others."""
    if len(args) == 2 and type(args[0]) in HANDLES and isinstance(args[1], str):
        x, name = args
        if not any(name in vars(kind) for kind in x.__class__.__mro__):
            return False
        return name.startswith("__") or hasattr(x, name)
    return hasattr(*args)


def _number_of(x: Any) -> int:
    """Do what `id` does."""
    if IS_CAPTURE.get() and _is_array(x):
        raise NotCompiledError.from_comparison()
    return id(original_of(x))


def _varies(x: Any) -> bool:
    """Say whether something may be another array or number in the next call."""
    return type(x) in HANDLES or (isinstance(x, _VARYING) and type(x) is not bool)


def _is_array(x: Any) -> bool:
    """Say whether something is an array, or a traced number."""
    return type(x) in HANDLES or isinstance(x, np.ndarray)


_ASKING: dict[str, Callable[..., Any]] = {"type": _class_of, "id": _number_of, "hasattr": _has}


def comparing_originals(code: CodeType) -> CodeType:
    """Return code that compares what faces stand for, itself and inside of it; the same if it compares nothing."""
    return _comparing(code, code.co_filename)


@functools.lru_cache(maxsize=4096)  # equal codes may be of two files
def _comparing(code: CodeType, _: str) -> CodeType:
    if not any(_comparisons(c) for c in with_inner_codes(code)):
        return code
    constants = [comparing_originals(c) if isinstance(c, CodeType) else c for c in code.co_consts]
    others = {
        start: encoded([(_TUPLE, 2, 0), (_CONSTANT, len(constants), 0), (_IN, number, _ROOM)])
        for start, number in _comparisons(code)
    }
    if not others:
        return code.replace(co_consts=tuple(constants))
    return reassembled(code, others, (*constants, SAME))


def _comparisons(code: CodeType) -> list[tuple[int, int]]:
    """Return where code compares by `is`, or with a one by `is not`."""
    if _IS not in code.co_code[::2]:
        return []
    found = []
    reached, before = targets(code), None
    for start, _, what, number in instructions(code):
        if what == _IS and (before != _CONSTANT or start in reached):
            found.append((start, number))
        before = what
    return found


def _room() -> int:
    """Return how many places this Python keeps behind an `in` for itself."""

    def contains(x: Any, y: Any) -> bool:
        return x in y

    return next(
        (end - start) // 2 - 1
        for start, end, what, _ in instructions(contains.__code__)
        if what == _IN
    )


_ROOM = _room()
