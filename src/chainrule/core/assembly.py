"""Code objects put together again, with other instructions at some places: jumps, handlers and positions follow."""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dis import EXTENDED_ARG, Bytecode, hasjrel, opname
from types import CodeType
from typing import Any

from chainrule.core.bytecode import instructions

Unit = tuple[int, int, int]
"""An opcode, its number, and how many places Python keeps behind it for itself."""

_JUMPS = frozenset(hasjrel)
_MOST_UNITS = 8
"""What one entry of the table of positions speaks of, at most."""
_NO_LINE_ON, _TWO_LINES_ON, _ON_A_LINE, _FROM_TO = 10, 12, 13, 14
"""The kinds of entries of that table that tell of lines: so many behind the last, from 10 to 12, or by a number."""
_ENTRY, _NUMBER = rb"[\x80-\xff][\x00-\x7f]*", rb"[\x40-\x7f]*[\x00-\x3f]"
"""Patterns of bytes: of an entry of that table, and of a number in one."""


def reassembled(
    code: CodeType, others: Mapping[int, bytes], constants: tuple[Any, ...]
) -> CodeType:
    """Return code in which other instructions stand at some places, by their offsets; all else does what it did."""
    raw = code.co_code
    found = instructions(code)
    pieces = [others.get(start) or raw[start:end] for start, end, *_ in found]
    offsets = [*[start for start, *_ in found], len(raw)]
    jumps = [
        (i, end, unit_at(code, start, end), _target(end, what, number))
        for i, (start, end, what, number) in enumerate(found)
        if what in _JUMPS and start not in others
    ]
    places: dict[int, int] = {}
    while True:  # a jump that gets longer may need more room itself
        moved = itertools.accumulate(map(len, pieces), initial=0)
        before, places = places, dict(zip(offsets, moved, strict=True))
        if before == places:
            break
        for i, end, (what, _, room), target in jumps:
            distance = abs(places[target] - places[end]) // 2
            pieces[i] = encoded([(what, distance, room)])
    return code.replace(
        co_code=b"".join(pieces),
        co_consts=constants,
        co_exceptiontable=_handlers(code, places),
        co_linetable=_positions(code, offsets, places),
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


def encoded(units: Iterable[Unit]) -> bytes:
    """Return instructions as they stand in code."""
    made = bytearray()
    for what, number, room in units:
        parts = number.to_bytes(4, "big").lstrip(b"\0") or b"\0"
        for part in parts[:-1]:
            made += bytes([EXTENDED_ARG, part])
        made += bytes([what, parts[-1]]) + bytes(2 * room)
    return bytes(made)


def _target(end: int, what: int, number: int) -> int:
    return end - 2 * number if "JUMP_BACKWARD" in opname[what] else end + 2 * number


# tables


def _handlers(code: CodeType, places: Mapping[int, int]) -> bytes:
    """Return the table of the places whose exceptions are caught, and where."""
    if not code.co_exceptiontable:
        return b""
    found: Any = Bytecode(code)
    made = bytearray()
    for entry in found.exception_entries:
        start, end, target = [places[x] // 2 for x in (entry.start, entry.end, entry.target)]
        numbers = (start, end - start, target, entry.depth << 1 | entry.lasti)
        encoded_numbers = [list(_sixes(n))[::-1] for n in numbers]
        for i, parts in enumerate(encoded_numbers):
            marked = [part | 64 for part in parts[:-1]] + parts[-1:]
            marked[0] |= 128 * (i == 0)
            made += bytes(marked)
    return bytes(made)


def _sixes(number: int) -> Iterator[int]:
    yield number & 63
    while number := number >> 6:
        yield number & 63


def _positions(code: CodeType, offsets: list[int], places: Mapping[int, int]) -> bytes:
    """Return the table of what stands where in the source; what is new stands where it was put.

    The entries stay, and speak of more units where there are more. Python describes them in `Objects/locations.md`.
    """
    more = [0] * (
        len(code.co_code) // 2 + 1
    )  # units that an instruction has more, at its first one
    for start, end in itertools.pairwise(offsets):
        more[start // 2] = (places[end] - places[start] - (end - start)) // 2
    made = []
    unit = 0
    for entry in re.findall(_ENTRY, code.co_linetable):
        count = (entry[0] & 7) + 1
        total = count + sum(more[unit : unit + count])
        unit += count
        made.append(entry if total == count else _of_units(entry, total))
    return b"".join(made)


@functools.lru_cache(maxsize=4096)
def _of_units(entry: bytes, total: int) -> bytes:
    """Return what says the same of so many units as an entry says of its own."""
    made, head, body = b"", entry[0] & ~7, entry[1:]
    while total:
        count = min(_MOST_UNITS, total)
        made += bytes([head | count - 1]) + body
        head, body = _on_the_same_line(head, body)
        total -= count
    return made


def _on_the_same_line(head: int, body: bytes) -> tuple[int, bytes]:
    """Return the entry for what stands behind another one at the same position."""
    kind = head >> 3 & 15
    if _NO_LINE_ON <= kind <= _TWO_LINES_ON:
        return 128 | _NO_LINE_ON << 3, body
    if kind in {_ON_A_LINE, _FROM_TO}:
        found = re.match(_NUMBER, body)
        assert found is not None  # the distance of the line
        return head, b"\0" + body[found.end() :]
    return head, body
