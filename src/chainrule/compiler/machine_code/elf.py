"""Read a relocatable ELF object file, as LLVM writes it for Linux on x86-64. Nothing is executed here."""

from __future__ import annotations

import struct

from chainrule.compiler.records import record

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
_RELOCATION = struct.Struct("<QQq")
_MAGIC = b"\x7fELF\x02\x01\x01"
_X86_64 = 62
_RELOCATABLE = 1
_NO_BITS = 8
_SYMBOL_TABLE = 2
_WITH_ADDENDS = 4
_WRITE, _ALLOCATE, _EXECUTE = 1, 2, 4
_ABSOLUTE, _COMMON = 0xFFF1, 0xFFF2


@record
class Section:
    """A part of the file that is to be in memory."""

    data: bytes
    size: int
    alignment: int
    is_code: bool
    is_writable: bool


@record
class Symbol:
    """A name: `section` is its section's number, None for an absolute value, 0 for a name that others define."""

    name: str
    section: int | None
    value: int
    is_local: bool


@record
class Relocation:
    """A place, `offset` in the section `section`, that holds an address."""

    section: int
    offset: int
    kind: int
    symbol: int
    addend: int


@record
class ObjectFile:
    """What the linker needs of an object file."""

    sections: dict[int, Section]
    symbols: tuple[Symbol, ...]
    relocations: tuple[Relocation, ...]

    @property
    def undefined(self) -> tuple[str, ...]:
        """The names that others have to define."""
        return tuple(s.name for s in self.symbols if s.section == 0 and s.name)


def read_object(data: bytes) -> ObjectFile:
    """Read an object file; ValueError says what is not as it should be."""
    try:
        return _read(data)
    except (struct.error, IndexError) as error:
        message = f"a truncated object file: {error}"
        raise ValueError(message) from error


def _read(data: bytes) -> ObjectFile:
    magic, kind, machine, *_, table, _, _, _, _, width, count, names_at = (
        _HEADER.unpack_from(data)[i] for i in range(14)
    )
    if not magic.startswith(_MAGIC) or (kind, machine) != (_RELOCATABLE, _X86_64):
        message = "not a relocatable object file for x86-64"
        raise ValueError(message)
    heads = [_SECTION.unpack_from(data, table + i * width) for i in range(count)]
    names = _content(data, heads[names_at])
    sections: dict[int, Section] = {}
    for i, head in enumerate(heads):
        name, kind, flags, _, _, size, _, _, alignment, _ = head
        # Code that calls no unwinder needs no tables for it.
        if flags & _ALLOCATE and not _text(names, name).startswith(".eh_frame"):
            content = b"" if kind == _NO_BITS else _content(data, head)
            sections[i] = Section(
                content, size, max(alignment, 1), bool(flags & _EXECUTE), bool(flags & _WRITE)
            )
    symbols = tuple(
        symbol
        for head in heads
        if head[1] == _SYMBOL_TABLE
        for symbol in _symbols(data, head, heads)
    )
    relocations = tuple(
        Relocation(head[7], offset, info & 0xFFFFFFFF, info >> 32, addend)
        for head in heads
        if head[1] == _WITH_ADDENDS and head[7] in sections
        for offset, info, addend in _RELOCATION.iter_unpack(_content(data, head))
    )
    return ObjectFile(sections, symbols, relocations)


def _content(data: bytes, head: tuple[int, ...]) -> bytes:
    offset, size = head[4], head[5]
    if offset + size > len(data):
        message = f"a section ends at {offset + size}, the file at {len(data)}"
        raise IndexError(message)
    return data[offset : offset + size]


def _symbols(data: bytes, head: tuple[int, ...], heads: list[tuple[int, ...]]) -> list[Symbol]:
    names = _content(data, heads[head[6]])
    found = []
    for name, info, _, section, value, _ in _SYMBOL.iter_unpack(_content(data, head)):
        if section == _COMMON:
            message = f"{_text(names, name)}: a common symbol has no place"
            raise ValueError(message)
        found.append(
            Symbol(_text(names, name), None if section == _ABSOLUTE else section, value, info < 16)
        )
    return found


def _text(names: bytes, start: int) -> str:
    return names[start : names.index(b"\0", start)].decode()
