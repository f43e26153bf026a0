"""Read a relocatable ELF object file, as LLVM writes it for Linux on x86-64. Nothing is executed here."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from chainrule.records import record

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = np.dtype(
    [
        ("name", "<u4"),
        ("info", "u1"),
        ("other", "u1"),
        ("section", "<u2"),
        ("value", "<i8"),
        ("size", "<u8"),
    ]
)
_RELOCATION = np.dtype([("offset", "<i8"), ("kind", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])
_MAGIC = b"\x7fELF\x02\x01\x01"
_X86_64 = 62
_RELOCATABLE = 1
_NO_BITS = 8
_SYMBOL_TABLE = 2
_WITH_ADDENDS = 4
_WRITE, _ALLOCATE, _EXECUTE = 1, 2, 4
_GLOBAL = 16
_COMMON = 0xFFF2
UNDEFINED, ABSOLUTE = 0, 0xFFF1
"""The sections of symbols that others define, and of those that are a number."""

_Head = tuple[int, ...]


@record
class Section:
    """A part of the file that is to be in memory."""

    data: bytes
    size: int
    alignment: int
    is_code: bool
    is_writable: bool


@record
class ObjectFile:
    """What the linker needs of an object file.

    Attributes:
        sections: by their numbers.
        symbols: rows of a `section` by its number, or one of the two above, and a `value` there.
        names: of the symbols that others define or may use, by their numbers.
        relocations: rows of an `offset` in a section, whose number they are under, where an address is to be written:
            its `kind`, the number of a `symbol`, and an `addend`.
    """

    sections: dict[int, Section]
    symbols: Any
    names: dict[int, str]
    relocations: dict[int, Any]

    @property
    def undefined(self) -> dict[int, str]:
        """The names that others have to define, by the numbers of the symbols."""
        sections = self.symbols["section"]
        return {i: name for i, name in self.names.items() if sections[i] == UNDEFINED}


def read_object(data: bytes) -> ObjectFile:
    """Read an object file; ValueError says what is not as it should be."""
    try:
        return _read(data)
    except (struct.error, IndexError) as error:
        message = f"a truncated object file: {error}"
        raise ValueError(message) from error


def _read(data: bytes) -> ObjectFile:
    magic, kind, machine, *_, table, _, _, _, _, width, count, names_at = _HEADER.unpack_from(data)
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
    tables = [head for head in heads if head[1] == _SYMBOL_TABLE]
    symbols = _rows(data, tables[0], _SYMBOL) if tables else np.empty(0, _SYMBOL)
    relocations = {
        head[7]: _rows(data, head, _RELOCATION)
        for head in heads
        if head[1] == _WITH_ADDENDS and head[7] in sections
    }
    if any(len(rows) and rows["symbol"].max() >= len(symbols) for rows in relocations.values()):
        message = f"an address of a symbol behind the last of {len(symbols)}"
        raise IndexError(message)
    known = _names(symbols, _content(data, heads[tables[0][6]])) if tables else {}
    return ObjectFile(sections, symbols, known, relocations)


def _rows(data: bytes, head: _Head, dtype: Any) -> Any:
    content = _content(data, head)
    return np.frombuffer(content, dtype, len(content) // dtype.itemsize)


def _names(symbols: Any, texts: bytes) -> dict[int, str]:
    """Return the names of symbols that others define or may use, which are few; all others are of no interest."""
    if (symbols["section"] == _COMMON).any():
        message = "a common symbol has no place"
        raise ValueError(message)
    is_seen = (symbols["section"] == UNDEFINED) | (symbols["info"] >= _GLOBAL)
    numbers = (is_seen & (symbols["name"] > 0)).nonzero()[0].tolist()
    return {
        i: _text(texts, start)
        for i, start in zip(numbers, symbols["name"][numbers].tolist(), strict=True)
    }


def _content(data: bytes, head: _Head) -> bytes:
    offset, size = head[4], head[5]
    if offset + size > len(data):
        message = f"a section ends at {offset + size}, the file at {len(data)}"
        raise IndexError(message)
    return data[offset : offset + size]


def _text(names: bytes, start: int) -> str:
    return names[start : names.index(b"\0", start)].decode()
