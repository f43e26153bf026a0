"""What the user's code reads is handed through a function first: variables, attributes, items, results of calls.

For that a function gets other code, in which a call stands behind each instruction that reads; its handlers, jumps and
positions follow. So a place can look different to one thread, or in one context, without anybody writing to it. What
code puts under a name that others see is handed through another function before.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from dis import opmap
from types import CodeType
from typing import Any

from chainrule.core.assembly import Unit, encoded, reassembled, unit_at
from chainrule.core.bytecode import instructions, with_inner_codes
from chainrule.records import record


@record
class Hands:
    """What code hands things through; each function returns what the code goes on with.

    Attributes:
        read: is given what was read.
        kept: is given what is to be put under a name of an object, a module or a closure.
    """

    read: Callable[[Any], Any]
    kept: Callable[[Any], Any]


_LOAD_CONST, _LOAD_FAST = opmap["LOAD_CONST"], opmap["LOAD_FAST"]
_READING = frozenset(
    [
        opmap[name]
        for name in (
            *("LOAD_FAST", "LOAD_FAST_CHECK", "STORE_FAST_LOAD_FAST", "LOAD_NAME", "LOAD_DEREF"),
            *(
                "LOAD_GLOBAL",
                "LOAD_ATTR",
                "LOAD_CLASSDEREF",
                "LOAD_FROM_DICT_OR_DEREF",
                "LOAD_FROM_DICT_OR_GLOBALS",
            ),
            *("BINARY_SUBSCR", "CALL", "CALL_KW", "CALL_FUNCTION_EX"),
        )
        if name in opmap
    ]
)
"""What reads one thing and leaves it on top of the stack."""
_LOAD_GLOBAL, _LOAD_ATTR, _LOAD_METHOD = [
    opmap.get(name, -1) for name in ("LOAD_GLOBAL", "LOAD_ATTR", "LOAD_METHOD")
]
_MARKED = {_LOAD_GLOBAL} if sys.version_info < (3, 12) else {_LOAD_GLOBAL, _LOAD_ATTR}
"""What leaves a place for what a call needs beside what it reads, if the lowest bit of its number says so."""
_SUPER = opmap.get("LOAD_SUPER_ATTR")
"""What reads an attribute of `super()`, unless the lowest bit says that it is called."""
_TWO = opmap.get("LOAD_FAST_LOAD_FAST")
"""What reads two variables, each by four bits of its number."""
_KEEPING = frozenset({opmap["STORE_GLOBAL"], opmap["STORE_DEREF"]})
"""What puts the top of the stack under a name."""
_STORE_ATTR = opmap["STORE_ATTR"]
"""What puts what lies below the top of the stack under a name of the object on top."""
_NEEDED = ("BINARY_SUBSCR", "CALL", "SWAP")
_LEAST_STACK = 2
"""How much more of the stack the calls take."""


def can_hand_through() -> bool:
    """Say whether this Python's code is known here."""
    return opmap.keys() >= {*_NEEDED}


def handing_through(code: CodeType, hands: Hands) -> CodeType:
    """Return code that hands on what it reads and keeps, and goes on with what is returned; so does code inside it.

    Code that does so already is returned as it is.
    """
    if any(x is hands.read for c in with_inner_codes(code) for x in c.co_consts):
        return code
    return _handing(code, code.co_filename, hands.read, hands.kept)


@functools.lru_cache(maxsize=4096)  # equal codes may be of two files
def _handing(
    code: CodeType, _: str, read: Callable[[Any], Any], kept: Callable[[Any], Any]
) -> CodeType:
    constants = [
        _handing(c, c.co_filename, read, kept) if isinstance(c, CodeType) else c
        for c in code.co_consts
    ]
    others = _with_calls(code, *[encoded(_calling(len(constants) + i)) for i in range(2)])
    made = reassembled(code, others, (*constants, read, kept))
    return made.replace(co_stacksize=code.co_stacksize + _LEAST_STACK)


def _with_calls(code: CodeType, asking: bytes, keeping: bytes) -> dict[int, bytes]:
    """Return, by their offsets, what stands for instructions: with a call behind what reads, and before what keeps."""
    others: dict[int, bytes] = {}
    for start, end, what, number in instructions(code):
        if what == _TWO:
            first, second = [encoded([(_LOAD_FAST, i, 0)]) for i in (number >> 4, number & 15)]
            others[start] = first + asking + second + asking
        elif what == _LOAD_METHOD:
            others[start] = encoded([(_LOAD_ATTR, number, _ROOM)]) + asking + _FOR_CALL
        elif what in _MARKED and number & 1:
            room = unit_at(code, start, end)[2]
            others[start] = encoded([(what, number - 1, room)]) + asking + _FOR_CALL
        elif what in _READING or (what == _SUPER and not number & 1):
            others[start] = code.co_code[start:end] + asking
        elif what in _KEEPING:
            others[start] = keeping + code.co_code[start:end]
        elif what == _STORE_ATTR:
            others[start] = _SWAP + keeping + _SWAP + code.co_code[start:end]
    return others


def _room_of_attributes() -> int:
    """Return how many places this Python keeps behind the reading of an attribute."""

    def reading(x: Any) -> Any:
        return x.item

    found = instructions(reading.__code__)
    return next((end - start) // 2 - 1 for start, end, what, _ in found if what == _LOAD_ATTR)


_ROOM = _room_of_attributes()
_SWAP = encoded([(opmap["SWAP"], 2, 0)])
_BELOW = [(opmap["SWAP"], 2, 0)] if sys.version_info < (3, 13) else []
_FOR_CALL = encoded([(opmap["PUSH_NULL"], 0, 0), *_BELOW])
"""What leaves the place for what a call needs, above or below what is called."""


def _calling(number: int) -> list[Unit]:
    """Return what calls a constant with the top of the stack, which takes the place of a method's object."""
    calls = [(what, 0, room) for what, room in _CALLS]
    return [(_LOAD_CONST, number, 0), (opmap["SWAP"], 2, 0), *calls]


def _how_to_call() -> list[tuple[int, int]]:
    """Return how this Python calls: the opcodes, and how many places it keeps behind each for itself."""

    def calling(f: Any) -> Any:
        return f()

    return [
        (what, (end - start) // 2 - 1)
        for start, end, what, _ in instructions(calling.__code__)
        if what in {opmap.get("PRECALL"), opmap.get("CALL")}
    ]


_CALLS = _how_to_call()
