"""The call entry in machine code: a builtin function around the plan of a signature."""

from __future__ import annotations

import atexit
import ctypes
import functools
import os
import threading
from collections.abc import Callable
from typing import Any

from chainrule.compiler.entry.abi import numpy_functions
from chainrule.compiler.entry.signature import Declined, Signature, Stage
from chainrule.compiler.entry.tables import Tables, tabulate
from chainrule.compiler.machine_code import linker
from chainrule.compiler.machine_code.cache import get, is_on, key_of, put
from chainrule.compiler.machine_code.jit import Library, load_object, object_code

_lock = threading.Lock()
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
    with _lock:
        return _load()


@functools.cache
def _load() -> Library:
    known = numpy_functions()
    assert known is not None
    with open(os.path.join(os.path.dirname(__file__), "native.ll"), encoding="utf-8") as file:
        text = file.read()
    return load_object(
        _code(text),
        ["chainrule_entry", "chainrule_call"],
        {**known, "chainrule_declined": id(Declined), "chainrule_offset": ENTRY_OFFSET},
    )


def _code(text: str) -> bytes:
    """Take the machine code from the cache. A first process makes do with worse code, and leaves better when it ends.

    Good code takes 30 ms more to make, which whoever compiles a first step would wait for.
    """
    key = key_of("entry", str(linker.IS_AVAILABLE), text)
    code = get(key)
    if code is None:
        code = object_code(text, effort=0)
        if is_on():
            atexit.register(_keep_better, key, text, os.getpid())
    return code


def _keep_better(key: str, text: str, process: int) -> None:
    if (
        os.getpid() == process and get(key) is None
    ):  # a child may have been forked while a lock was held
        put(key, object_code(text))
