"""Put an object file into memory where it can be executed: a linker of some hundred lines.

It spares loading LLVM, some 40 ms, when the machine code comes from the cache. The code is position independent
(relocation model `pic`, code model `small`): few kinds of relocation occur, and any other is refused.
"""

from __future__ import annotations

import ctypes
import functools
import mmap
import os
import platform
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.machine_code.elf import ABSOLUTE, ObjectFile, read_object
from chainrule.records import record

IS_AVAILABLE = (
    sys.platform == "linux" and platform.machine() in {"x86_64", "AMD64"} and sys.maxsize > 2**32
)
"""Whether object files of this machine can be linked here; elsewhere LLVM's own loader does it."""

_ABSOLUTE_64, _RELATIVE_64 = 1, 24
_CALLS = (2, 4)  # PC32 and PLT32
_FROM_TABLE = (9, 41, 42, 43)  # GOTPCREL and its relaxable forms
_JUMP = b"\xff\x25\x00\x00\x00\x00"  # jmp *[rip + 0], the address follows
_STUB = 16
_ENTRY = 8
_READ, _EXECUTE = 1, 4


@record
class Image:
    """Machine code in memory, which lives as long as this object.

    Attributes:
        addresses: of every global name that the object file defines.
        memory: the mapping; freed with the image.
    """

    addresses: dict[str, int]
    memory: Any


def link(data: bytes, resolve: Callable[[str], int]) -> Image:
    """Load an object file; `resolve` knows the addresses of the names that it leaves open."""
    file = read_object(data)
    layout = _arrange(file)
    memory = mmap.mmap(
        -1,
        max(layout.size, 1),
        flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS,
        prot=mmap.PROT_READ | mmap.PROT_WRITE,
    )
    base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    for number, section in file.sections.items():
        place = layout.sections[number]
        memory[place : place + len(section.data)] = section.data
    targets = _targets(file, layout, base, resolve)
    _write_tables(layout, memory, targets)
    for number, patches in file.relocations.items():
        _relocate(file, layout, memory, base, number, patches, targets)
    for start, end, protection in layout.protections:
        _protect(base + start, end - start, protection)
    sections = file.symbols["section"]
    addresses = {
        name: int(targets[i])
        for i, name in file.names.items()
        if int(sections[i]) in layout.sections
    }
    return Image(addresses, memory)


@record
class _Layout:
    """Where things go, in bytes from the start of the memory."""

    sections: dict[int, int]
    stubs: dict[int, int]
    entries: dict[int, int]
    size: int
    protections: tuple[tuple[int, int, int], ...]


def _arrange(file: ObjectFile) -> _Layout:
    """Give code, constants and variables pages of their own."""
    places: dict[int, int] = {}
    at = _place(file, places, 0, lambda s: s.is_code)
    called = _symbols_of(file, _CALLS) & file.undefined.keys()
    stubs = {symbol: at + i * _STUB for i, symbol in enumerate(sorted(called))}
    end_of_code = _page(at + len(stubs) * _STUB)
    at = _place(file, places, end_of_code, lambda s: not s.is_code and not s.is_writable)
    at = -(-at // _ENTRY) * _ENTRY
    looked_up = _symbols_of(file, _FROM_TABLE)
    entries = {symbol: at + i * _ENTRY for i, symbol in enumerate(sorted(looked_up))}
    end_of_constants = _page(at + len(entries) * _ENTRY)
    size = _page(_place(file, places, end_of_constants, lambda s: s.is_writable))
    protections = ((0, end_of_code, _READ | _EXECUTE), (end_of_code, end_of_constants, _READ))
    return _Layout(places, stubs, entries, size, tuple(p for p in protections if p[0] < p[1]))


def _place(
    file: ObjectFile, places: dict[int, int], at: int, belongs: Callable[[Any], bool]
) -> int:
    for number, section in file.sections.items():
        if belongs(section):
            at = -(-at // section.alignment) * section.alignment
            places[number] = at
            at += section.size
    return -(-at // _STUB) * _STUB


def _page(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def _symbols_of(file: ObjectFile, kinds: tuple[int, ...]) -> set[int]:
    """Return the numbers of the symbols that relocations of some kinds name."""
    return {
        symbol
        for patches in file.relocations.values()
        for symbol in patches["symbol"][_is_of(patches, kinds)].tolist()
    }


def _is_of(patches: Any, kinds: tuple[int, ...]) -> Any:
    return (patches["kind"][:, None] == kinds).any(1)


def _targets(file: ObjectFile, layout: _Layout, base: int, resolve: Callable[[str], int]) -> Any:
    """Return the address of each symbol; 0 of those that are in no memory."""
    sections, values = file.symbols["section"], file.symbols["value"]
    targets = np.where(sections == ABSOLUTE, values, 0)
    for number, place in layout.sections.items():
        targets += (sections == number) * (values + (base + place))
    for symbol, name in file.undefined.items():
        targets[symbol] = resolve(name)
    return targets


def _write_tables(layout: _Layout, memory: Any, targets: Any) -> None:
    """Write the jumps to outside functions, and the table of addresses."""
    for symbol, place in layout.stubs.items():
        memory[place : place + 14] = _JUMP + targets[symbol].tobytes()
    for symbol, place in layout.entries.items():
        memory[place : place + 8] = targets[symbol].tobytes()


def _relocate(
    file: ObjectFile,
    layout: _Layout,
    memory: Any,
    base: int,
    section: int,
    patches: Any,
    targets: Any,
) -> None:
    """Write the addresses in a section: the formulas are those of the x86-64 psABI, section 4.4."""
    kinds, symbols = patches["kind"], patches["symbol"]
    places = patches["offset"] + layout.sections[section]
    is_wide = _is_of(patches, (_ABSOLUTE_64, _RELATIVE_64))
    is_known = is_wide | _is_of(patches, (*_CALLS, *_FROM_TABLE))
    ends = patches["offset"] + np.where(is_wide, 8, 4)
    if not is_known.all():
        message = (
            f"relocations of kinds that are not known: {sorted(set(kinds[~is_known].tolist()))}"
        )
        raise ValueError(message)
    if (patches["offset"] < 0).any() or (ends > file.sections[section].size).any():
        message = f"an address behind the end of section {section}"
        raise ValueError(message)
    reached = np.where(
        _is_of(patches, _FROM_TABLE),
        _redirected(targets, layout.entries, base)[symbols],
        np.where(
            kinds == _ABSOLUTE_64,
            targets[symbols],
            _redirected(targets, layout.stubs, base)[symbols],
        ),
    )
    if not reached.all():
        message = f"the address of symbol {symbols[reached == 0][0]}, which is in no memory"
        raise ValueError(message)
    values = reached + patches["addend"]
    values[kinds != _ABSOLUTE_64] -= base + places[kinds != _ABSOLUTE_64]
    narrow = values[~is_wide].astype(np.int32)
    if (narrow != values[~is_wide]).any():
        message = "an address is too far away"
        raise ValueError(message)
    everything = np.frombuffer(memory, np.uint8)
    for rows, numbers in ((is_wide, values[is_wide]), (~is_wide, narrow)):
        width = numbers.itemsize
        at = places[rows][:, None] + np.arange(width)
        everything[at] = numbers.view(np.uint8).reshape(-1, width)


def _redirected(targets: Any, places: dict[int, int], base: int) -> Any:
    """Return the addresses of symbols with those of places in our tables instead of some."""
    redirected = targets.copy()
    redirected[list(places)] = base + np.array(list(places.values()), np.int64)
    return redirected


def _protect(address: int, size: int, protection: int) -> None:
    if _libc().mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), protection):
        code = ctypes.get_errno()
        raise OSError(code, f"mprotect: {os.strerror(code)}")


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
