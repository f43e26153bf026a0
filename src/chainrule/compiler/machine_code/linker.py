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

from chainrule.compiler.machine_code.elf import ObjectFile, read_object
from chainrule.compiler.records import record

IS_AVAILABLE = (
    sys.platform == "linux" and platform.machine() in {"x86_64", "AMD64"} and sys.maxsize > 2**32
)
"""Whether object files of this machine can be linked here; elsewhere LLVM's own loader does it."""

_ABSOLUTE_64, _RELATIVE_32, _RELATIVE_64 = 1, 2, 24
_CALL = 4
_FROM_TABLE = frozenset({9, 41, 42, 43})  # GOTPCREL and its relaxable forms
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
    outside = {name: resolve(name) for name in file.undefined}
    _write_tables(file, layout, memory, base, outside)
    for patch in file.relocations:
        _relocate(file, layout, memory, base, patch, outside)
    for start, end, protection in layout.protections:
        _protect(base + start, end - start, protection)
    addresses = {
        s.name: base + layout.sections[s.section] + s.value
        for s in file.symbols
        if s.section and not s.is_local and s.section in layout.sections
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
    called = {
        r.symbol
        for r in file.relocations
        if r.kind in {_CALL, _RELATIVE_32} and _is_open(file, r.symbol)
    }
    stubs = {symbol: at + i * _STUB for i, symbol in enumerate(sorted(called))}
    end_of_code = _page(at + len(stubs) * _STUB)
    at = _place(file, places, end_of_code, lambda s: not s.is_code and not s.is_writable)
    at = -(-at // _ENTRY) * _ENTRY
    looked_up = {r.symbol for r in file.relocations if r.kind in _FROM_TABLE}
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


def _is_open(file: ObjectFile, symbol: int) -> bool:
    return file.symbols[symbol].section == 0


def _write_tables(
    file: ObjectFile, layout: _Layout, memory: Any, base: int, outside: dict[str, int]
) -> None:
    """Write the jumps to outside functions, and the table of addresses."""
    for symbol, place in layout.stubs.items():
        target = _address(file, layout, base, symbol, outside)
        memory[place : place + 14] = _JUMP + target.to_bytes(8, "little")
    for symbol, place in layout.entries.items():
        target = _address(file, layout, base, symbol, outside)
        memory[place : place + 8] = target.to_bytes(8, "little")


def _address(
    file: ObjectFile, layout: _Layout, base: int, number: int, outside: dict[str, int]
) -> int:
    symbol = file.symbols[number]
    if symbol.section is None:
        return symbol.value
    if symbol.section == 0:
        return outside[symbol.name]
    return base + layout.sections[symbol.section] + symbol.value


def _relocate(
    file: ObjectFile, layout: _Layout, memory: Any, base: int, patch: Any, outside: dict[str, int]
) -> None:
    """Write one address: the formulas are those of the x86-64 psABI, section 4.4."""
    place = layout.sections[patch.section] + patch.offset
    if patch.kind in _FROM_TABLE:
        target = base + layout.entries[patch.symbol]
    elif patch.symbol in layout.stubs and patch.kind != _ABSOLUTE_64:
        target = base + layout.stubs[patch.symbol]
    else:
        target = _address(file, layout, base, patch.symbol, outside)
    if patch.kind == _ABSOLUTE_64:
        memory[place : place + 8] = (target + patch.addend).to_bytes(8, "little", signed=False)
        return
    distance = target + patch.addend - (base + place)
    if patch.kind == _RELATIVE_64:
        memory[place : place + 8] = distance.to_bytes(8, "little", signed=True)
        return
    if patch.kind not in _FROM_TABLE | {_CALL, _RELATIVE_32}:
        message = f"relocation {patch.kind} of {file.symbols[patch.symbol].name!r} is not known"
        raise ValueError(message)
    memory[place : place + 4] = distance.to_bytes(4, "little", signed=True)


def _protect(address: int, size: int, protection: int) -> None:
    if _libc().mprotect(ctypes.c_void_p(address), ctypes.c_size_t(size), protection):
        code = ctypes.get_errno()
        raise OSError(code, f"mprotect: {os.strerror(code)}")


@functools.cache
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)
