"""An object that is called like the entry it holds: the fastest way from a call in Python to native code.

A class in Python with `__call__` costs more than the entry itself. Where that is possible, calls of the object go to
machine code at once (Python's vectorcall protocol); elsewhere a method in Python does the same.
"""

from __future__ import annotations

import contextlib
import ctypes
import weakref
from typing import Any

from chainrule.compiler.entry import native
from chainrule.compiler.entry.native import ENTRY_OFFSET, is_native_possible
from chainrule.compiler.entry.signature import Declined

_VECTORCALL_OFFSET = ENTRY_OFFSET - 8
_SIZE = ENTRY_OFFSET + 16
_BASE_TYPE, _HAVE_VECTORCALL = 1 << 10, 1 << 11
_TP_CALL, _TP_MEMBERS = 50, 72
_OBJECT, _SIZE_T, _READ_ONLY = 16, 19, 1


def make_shell_class(base: type) -> type:
    """Return a subclass of `base` whose objects are called by their entry.

    Each object has an `_entry`, which a call runs if it is not None and there are no keyword arguments; if it declines,
    or otherwise, `_otherwise` is called with all arguments. An object has to be passed to `arm` once.

    Args:
        base: a class in Python.
    """
    if is_native_possible() and base.__basicsize__ <= _VECTORCALL_OFFSET and not base.__itemsize__:
        return _native_class(base)
    return _plain_class(base)


def arm(x: Any, otherwise: Any) -> None:
    """Make an object of such a class ready to be called: without an entry yet."""
    x._entry, x._otherwise = None, otherwise  # noqa: SLF001  make_shell_class gave it these
    if not _native_classes.isdisjoint(type(x).__mro__):
        _aim(x)
        if native.is_baseline():
            _to_improve.add(x)


def _aim(x: Any) -> None:
    place = ctypes.c_void_p.from_address(id(x) + _VECTORCALL_OFFSET)
    place.value = native.native_library().address("chainrule_call")


def improve() -> None:
    """Have better code serve calls and entries, if there is any; it takes its time."""
    native.improve()
    with contextlib.suppress(KeyError):  # there is none any more: the last may go while one looks
        while True:
            _aim(_to_improve.pop())


_to_improve: weakref.WeakSet[Any] = weakref.WeakSet()
"""The objects that are called by baseline code."""


def _plain_class(base: type) -> type:
    def call(self: Any, /, *args: Any, **options: Any) -> Any:
        entry = self._entry
        if entry is not None and not options:
            returned = entry(*args)
            if type(returned) is not Declined:
                return returned
        return self._otherwise(*args, **options)

    return type(base.__name__, (base,), {"__call__": call, **_names(base)})


class _Member(ctypes.Structure):
    """Python's description of an attribute of an object."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Slot(ctypes.Structure):
    """A part of Python's description of a class."""

    _fields_ = (("number", ctypes.c_int), ("content", ctypes.c_void_p))


class _Spec(ctypes.Structure):
    """Python's description of a class."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("size", ctypes.c_int),
        ("item_size", ctypes.c_int),
        ("flags", ctypes.c_uint),
        ("slots", ctypes.POINTER(_Slot)),
    )


_native_classes: set[type] = set()
_kept: list[Any] = []
"""Python refers to the names of a class's members for as long as the class lives."""


def _native_class(base: type) -> type:
    members = (_Member * 4)(
        _Member(b"__vectorcalloffset__", _SIZE_T, _VECTORCALL_OFFSET, _READ_ONLY, None),
        _Member(b"_entry", _OBJECT, ENTRY_OFFSET, 0, None),
        _Member(b"_otherwise", _OBJECT, ENTRY_OFFSET + 8, 0, None),
    )
    call = ctypes.cast(ctypes.pythonapi.PyVectorcall_Call, ctypes.c_void_p)
    slots = (_Slot * 3)(_Slot(_TP_CALL, call.value), _Slot(_TP_MEMBERS, ctypes.addressof(members)))
    name = f"{base.__module__}.{base.__qualname__}".encode()
    spec = _Spec(name, _SIZE, 0, _BASE_TYPE | _HAVE_VECTORCALL, slots)
    make = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object)(
        ("PyType_FromSpecWithBases", ctypes.pythonapi)
    )
    _kept.append((members, slots, name, spec))
    made: type = make(ctypes.addressof(spec), (base,))
    _native_classes.add(made)
    return made


def _names(base: type) -> dict[str, Any]:
    return {"__module__": base.__module__, "__qualname__": base.__qualname__}
