"""The call entry in machine code: a builtin function around the plan of a signature."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from typing import Any

from chainrule.compiler.entry.abi import numpy_functions
from chainrule.compiler.entry.signature import Declined, Signature, Stage
from chainrule.compiler.entry.tables import Tables, tabulate
from chainrule.compiler.machine_code import linker
from chainrule.compiler.machine_code.cache import cached, get, is_on, key_of
from chainrule.compiler.machine_code.jit import Library, load_object, object_code
from chainrule.compiler.settings import has_tiers
from chainrule.forks import lock_of_threads
from chainrule.records import record

LOCK = lock_of_threads()
"""Held while the machine code that serves all signatures is looked for."""
_FASTCALL = 0x80
ENTRY_OFFSET = 64
"""Where an object that holds an entry has it; see `shell.py`."""
_RAW_BLOCK = -56  # where native.ll writes what to free, from an arena
_NEXT = -64


class _MethodDef(ctypes.Structure):
    """Python's description of a builtin function."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("function", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Owner:
    """What has to live as long as a builtin function; it frees the arenas."""

    def __init__(self, *kept: Any, tables: Tables) -> None:
        self.kept = kept
        self.tables = tables

    def __del__(self) -> None:
        arena = self.tables.arenas.value
        while arena:
            following = ctypes.c_void_p.from_address(arena + _NEXT).value
            ctypes.pythonapi.PyMem_RawFree(ctypes.c_void_p.from_address(arena + _RAW_BLOCK))
            arena = following


def is_native_possible() -> bool:
    """Say whether this Python and this NumPy are as the native entry expects them."""
    return numpy_functions() is not None


def make_native_entry(
    signature: Signature, stages: tuple[Stage, ...], owner: Any
) -> Callable[..., Any]:
    """Return a builtin function that takes the arguments of the signature and runs the stages on them.

    Args:
        signature: what it takes and gives.
        stages: what it runs, in order.
        owner: what has to live as long as the function: the library of the stages.

    Raises:
        NotNative: the signature has a part that only the plain entry serves.
    """
    tables = tabulate(signature, stages)
    library = native_library()
    method = _MethodDef(b"compiled", library.address("chainrule_entry"), _FASTCALL, None)
    kept = _Owner(owner, library, method, signature, tables=tables)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)(
        ("PyCFunction_NewEx", ctypes.pythonapi)
    )
    function: Callable[..., Any] = make(ctypes.addressof(method), tables.plan, kept)
    return function


def native_library() -> Library:
    """Load the machine code that serves all signatures; one thread loads it, others wait."""
    with LOCK:
        if not _tiers:
            _tiers.append(_load())
        return _tiers[-1].library


def is_baseline() -> bool:
    """Say whether better code can be made for the entries, see `tiers.py`."""
    return bool(_tiers) and _tiers[-1].is_baseline


def improve() -> None:
    """Have better code serve the entries that are made from now on."""
    if is_baseline():
        better = _best()
        with LOCK:
            _tiers.append(better)


@record
class _Tier:
    """The machine code that serves all signatures, and whether there is better."""

    library: Library
    is_baseline: bool


_tiers: list[_Tier] = []
"""The last is the best. The one before lives as long as the process: objects may go on being called by it."""


def _load() -> _Tier:
    """Take the better code if the cache has it. Making it takes 30 ms more than baseline code."""
    if not has_tiers():
        return _best()
    kept = get(key_of(*_parts(effort=2))) if is_on() else None
    if kept is not None:
        return _Tier(_linked(kept), is_baseline=False)
    code = cached(_parts(effort=0), lambda: object_code(_text(), effort=0))
    return _Tier(_linked(code), is_baseline=True)


def _best() -> _Tier:
    code = cached(_parts(effort=2), lambda: object_code(_text()))
    return _Tier(_linked(code), is_baseline=False)


def _linked(code: bytes) -> Library:
    known = numpy_functions()
    assert known is not None
    return load_object(
        code,
        ["chainrule_entry", "chainrule_call"],
        {**known, "chainrule_declined": id(Declined), "chainrule_offset": ENTRY_OFFSET},
    )


def _parts(effort: int) -> tuple[str, ...]:
    """Return what the cache has the machine code under."""
    return "entry", str(linker.IS_AVAILABLE), str(effort), _text()


@functools.cache
def _text() -> str:
    with open(os.path.join(os.path.dirname(__file__), "native.ll"), encoding="utf-8") as file:
        return file.read()
