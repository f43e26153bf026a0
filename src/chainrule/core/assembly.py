"""Code objects put together again, with other instructions at some places: jumps, handlers and positions follow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dis import EXTENDED_ARG, Bytecode, hasjrel, opname
from types import CodeType
from typing import Any

from chainrule.core.bytecode import instructions

Unit = tuple[int, int, int]
"""An opcode, its number, and how many places Python keeps behind it for itself."""

_JUMPS = frozenset(hasjrel)
_MOST_UNITS = 8
"""What one entry of the table of positions speaks of, at most."""
_NOWHERE, _ON_A_LINE, _FROM_TO = 15, 13, 14
"""The kinds of entries of that table: no position, a line alone, lines and columns."""

_Position = tuple[int | None, int | None, int | None, int | None]


def reassembled(
    code: CodeType, others: Mapping[int, list[Unit]], constants: tuple[Any, ...]
) -> CodeType:
    """Return code in which other instructions stand at some places, by their offsets; all else does what it did."""
    kept = [(start, end, unit_at(code, start, end)) for start, end, *_ in instructions(code)]
    offsets = [*[start for start, *_ in kept], len(code.co_code)]
    places = dict.fromkeys(offsets, 0)
    while True:  # a jump that gets longer may need more room itself
        pieces = [
            _encoded(others[start]) if start in others else _encoded([_jumping(end, unit, places)])
            for start, end, unit in kept
        ]
        moved = itertools.accumulate(map(len, pieces), initial=0)
        before, places = places, dict(zip(offsets, moved, strict=True))
        if before == places:
            break
    return code.replace(
        co_code=b"".join(pieces),
        co_consts=constants,
        co_exceptiontable=_handlers(code, places),
        co_linetable=_positions(
            code, [(start, len(p)) for (start, *_), p in zip(kept, pieces, strict=True)]
        ),
    )


def targets(code: CodeType) -> frozenset[int]:
    """Return where jumps of code lead."""
    return frozenset(
        [
            _target(end, what, number)
            for _, end, what, number in instructions(code)
            if what in _JUMPS
        ]
    )


def unit_at(code: CodeType, start: int, end: int) -> Unit:
    """Return the instruction that stands between two offsets."""
    raw = code.co_code
    number = 0
    while raw[start] == EXTENDED_ARG:
        number = (number | raw[start + 1]) << 8
        start += 2
    return raw[start], number | raw[start + 1], (end - start) // 2 - 1


def _target(end: int, what: int, number: int) -> int:
    return end - 2 * number if "JUMP_BACKWARD" in opname[what] else end + 2 * number


def _jumping(end: int, unit: Unit, places: Mapping[int, int]) -> Unit:
    """Return an instruction with the distance that it has to jump now."""
    what, number, room = unit
    if what not in _JUMPS:
        return unit
    distance = places[_target(end, what, number)] - places[end]
    return what, abs(distance) // 2, room


def _encoded(units: list[Unit]) -> bytes:
    made = bytearray()
    for what, number, room in units:
        parts = number.to_bytes(4, "big").lstrip(b"\0") or b"\0"
        for part in parts[:-1]:
            made += bytes([EXTENDED_ARG, part])
        made += bytes([what, parts[-1]]) + bytes(2 * room)
    return bytes(made)


# tables


def _handlers(code: CodeType, places: Mapping[int, int]) -> bytes:
    """Return the table of the places whose exceptions are caught, and where."""
    found: Any = Bytecode(code)
    made = bytearray()
    for entry in found.exception_entries:
        start, end, target = [places[x] // 2 for x in (entry.start, entry.end, entry.target)]
        numbers = (start, end - start, target, entry.depth << 1 | entry.lasti)
        encoded = [list(_sixes(n))[::-1] for n in numbers]
        for i, parts in enumerate(encoded):
            marked = [part | 64 for part in parts[:-1]] + parts[-1:]
            marked[0] |= 128 * (i == 0)
            made += bytes(marked)
    return bytes(made)


def _positions(code: CodeType, pieces: list[tuple[int, int]]) -> bytes:
    """Return the table of what stands where in the source; what is new stands where it was put."""
    old = list(code.co_positions())
    made, line = bytearray(), code.co_firstlineno
    for start, size in pieces:
        where = old[start // 2]
        for count in _counts(size // 2):
            made += _entry(where, line, count)
            line = line if where[0] is None else where[0]
    return bytes(made)


def _counts(units: int) -> Iterator[int]:
    for first in range(0, units, _MOST_UNITS):
        yield min(_MOST_UNITS, units - first)


def _entry(where: _Position, line_before: int, count: int) -> bytes:
    line, end_line, column, end_column = where
    if line is None:
        return _head(_NOWHERE, count)
    delta = line - line_before
    signed = _marked(-delta << 1 | 1 if delta < 0 else delta << 1)
    if end_line is None or column is None or end_column is None:
        return _head(_ON_A_LINE, count) + signed
    numbers = (end_line - line, column + 1, end_column + 1)
    return _head(_FROM_TO, count) + signed + b"".join(map(_marked, numbers))


def _head(kind: int, count: int) -> bytes:
    return bytes([128 | kind << 3 | count - 1])


def _marked(number: int) -> bytes:
    """Return a number in parts of six bits, the lowest first; a mark says that more follow."""
    *parts, last = _sixes(number)
    return bytes([*[part | 64 for part in parts], last])


def _sixes(number: int) -> Iterator[int]:
    yield number & 63
    while number := number >> 6:
        yield number & 63
