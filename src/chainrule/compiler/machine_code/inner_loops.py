"""Find the inner loops of ufuncs: the C functions by which NumPy and SciPy compute, for compiled code to call.

A ufunc has a loop for each combination of dtypes, `void loop(char **args, const intptr *sizes, const intptr *steps,
void *data)`; a generalized one, such as those of `numpy.linalg`, has the sizes and strides of its matrices behind.
They are a part of NumPy's C API (`PyUFuncObject` in `numpy/ufuncobject.h`), and what they compute is by construction
what the ufunc does, to the last bit. What is read of a ufunc's memory is compared with what it says in Python.
"""

from __future__ import annotations

import ctypes
import functools
import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.errors import NativeCodeError
from chainrule.forks import forks_wait

LOOP = "loop."
"""What the names of inner loops begin with, behind the prefix of all outside names."""

DType = np.dtype[Any]
_CHARACTERS = {np.dtype(c).num: c for c in "?bBhHiIlLqQefdgFDGSUVOMm"}
_tables: dict[str, Any] = {}


class _Ufunc(ctypes.Structure):
    """The fields of a `PyUFuncObject` behind its head."""

    _fields_ = (
        ("nin", ctypes.c_int),
        ("nout", ctypes.c_int),
        ("nargs", ctypes.c_int),
        ("identity", ctypes.c_int),
        ("functions", ctypes.POINTER(ctypes.c_void_p)),
        ("data", ctypes.POINTER(ctypes.c_void_p)),
        ("ntypes", ctypes.c_int),
        ("reserved", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("types", ctypes.POINTER(ctypes.c_ubyte)),
    )


def loop_types(module: str, name: str, inputs: Sequence[DType]) -> str | None:
    """Return the types of the loop that works on these dtypes, as in `ufunc.types`; None if there is none to call."""
    ufunc = _ufunc(module, name)
    if ufunc is None or not _is_readable(ufunc):
        return None
    for types in ufunc.types:
        given = types.partition("->")[0]
        if len(given) == len(inputs) and all(map(_is_dtype, given, inputs)):
            return str(types)
    return None


def loop_name(module: str, name: str, types: str) -> str:
    """Return the outside name under which compiled code finds a loop: the address of its function and its data."""
    return f"{LOOP}{module}.{name}.{types.replace('->', '-')}"


def loop_address(name: str) -> int:
    """Return the address of two pointers: to a loop's function, and to the data that it is given.

    Args:
        name: what `loop_name` returned.
    """
    table = _tables.get(name)
    if table is None:
        module, ufunc_name, types = name.removeprefix(LOOP).rsplit(".", 2)
        ufunc = _ufunc(module, ufunc_name)
        wanted = types.replace("-", "->")
        if ufunc is None or not _is_readable(ufunc) or wanted not in ufunc.types:
            raise NativeCodeError.from_symbol(name)
        fields, i = _fields(ufunc), ufunc.types.index(wanted)
        table = (ctypes.c_void_p * 2)(fields.functions[i], fields.data[i] if fields.data else None)
        table = _tables.setdefault(name, table)
    return ctypes.addressof(table)


def _is_dtype(character: str, dtype: DType) -> bool:
    return character != "O" and np.dtype(character) == dtype


@functools.cache
def _ufunc(module: str, name: str) -> Any:
    """Return a ufunc, or None where the module has no ufunc of this name."""
    with forks_wait():
        found = getattr(importlib.import_module(module), name, None)
    return found if isinstance(found, np.ufunc) else None


def _fields(ufunc: np.ufunc) -> _Ufunc:
    return _Ufunc.from_address(id(ufunc) + object.__basicsize__)


@functools.cache
def _is_readable(ufunc: np.ufunc) -> bool:
    """Say whether a ufunc lies in memory as it is read here."""
    fields = _fields(ufunc)
    counts = fields.nin, fields.nout, fields.nargs, fields.ntypes
    if counts != (ufunc.nin, ufunc.nout, ufunc.nargs, ufunc.ntypes):
        return False
    if not fields.name or fields.name.decode() != ufunc.__name__:
        return False
    letters = [_CHARACTERS.get(n) for n in fields.types[: fields.ntypes * fields.nargs]]
    return letters == [c for types in ufunc.types for c in types.replace("->", "")]
