"""Code objects taken apart, once for all who read them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dis import EXTENDED_ARG, opmap
from types import CodeType

_CACHE = opmap["CACHE"]

Instruction = tuple[int, int, int, int]
"""Where an instruction starts and ends, with what Python keeps behind it for itself, its opcode and its number."""


@functools.lru_cache(maxsize=4096)
def instructions(code: CodeType) -> tuple[Instruction, ...]:
    """Return the instructions of code; what only extends the number of the next one is part of that.

    `dis` says more, and takes ten times as long.
    """
    raw = code.co_code
    found = []
    start, high = 0, 0
    what, low = EXTENDED_ARG, 0
    for place in range(0, len(raw), 2):
        opcode = raw[place]
        if opcode == _CACHE:
            continue
        if what != EXTENDED_ARG:
            found.append((start, place, what, high | low))
            start, high = place, 0
        else:
            high = (high | low) << 8
        what, low = opcode, raw[place + 1]
    if raw:
        found.append((start, len(raw), what, high | low))
    return tuple(found)


def inner_codes(code: CodeType) -> list[CodeType]:
    """Return the code of functions and classes that stand right inside of code."""
    return [x for x in code.co_consts if isinstance(x, CodeType)]


def with_inner_codes(code: CodeType) -> Iterator[CodeType]:
    """Yield code, and all code inside of it."""
    yield code
    for inside in inner_codes(code):
        yield from with_inner_codes(inside)
