"""Find out whether Python's and NumPy's objects lie in memory as the native entry expects them to."""

from __future__ import annotations

import ctypes
import functools
import sys
from collections.abc import Callable, Mapping

import numpy as np

from chainrule.compiler.entry.tables import CONTENT_OF_BYTES

_NUMPY_ABI = 0x02000000
_CAPSULE = "numpy._core._multiarray_umath", "_ARRAY_API"
_VERSION, _ARRAY_TYPE, _SCALAR, _NEW_FROM_DESCR, _EQUIV_TYPES = 0, 2, 60, 94, 182
"""Places in NumPy's table of functions, which are fixed for one number of its ABI."""
_FLOAT, _COMPLEX = 1.2345678, 2.5 - 3.75j


@functools.cache
def numpy_functions() -> Mapping[str, int] | None:
    """Return the addresses of the NumPy functions that the native entry calls; None if anything is unexpected."""
    if sys.implementation.name != "cpython" or sys.maxsize != 2**63 - 1:
        return None
    if object.__basicsize__ != 16:  # a build for debugging, or without the GIL
        return None
    if not all(check() for check in _CHECKS):
        return None
    table = _array_api()
    if table is None:
        return None
    return {
        "PyArray_Type": table[_ARRAY_TYPE],
        "PyArray_Scalar": table[_SCALAR],
        "PyArray_NewFromDescr": table[_NEW_FROM_DESCR],
        "PyArray_EquivTypes": table[_EQUIV_TYPES],
    }


def _array_api() -> list[int] | None:
    """Return NumPy's table of functions; None if it is of another ABI."""
    capsule = getattr(sys.modules.get(_CAPSULE[0]), _CAPSULE[1], None)
    if type(capsule).__name__ != "PyCapsule":
        return None
    get = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", ctypes.pythonapi)
    )
    start = get(capsule, None)
    table = [_word(start + 8 * i) for i in range(_EQUIV_TYPES + 1)]
    version = ctypes.PYFUNCTYPE(ctypes.c_uint)(table[_VERSION])()
    return table if version == _NUMPY_ABI and table[_ARRAY_TYPE] == id(np.ndarray) else None


def _word(address: int) -> int:
    return ctypes.c_int64.from_address(address).value


def _objects_have_their_type_at_8() -> bool:
    return all(_word(id(x) + 8) == id(type(x)) for x in (1.5, [], (), {}, np.zeros(1), object()))


def _sequences_have_their_size_at_16_and_items_at_24() -> bool:
    items = [object(), object(), object()]
    fixed = tuple(items)
    first = _word(id(items) + 24)
    expected = [id(x) for x in items]
    return (
        _word(id(items) + 16) == _word(id(fixed) + 16) == 3
        and [_word(first + 8 * i) for i in range(3)] == expected
        and [_word(id(fixed) + 24 + 8 * i) for i in range(3)] == expected
    )


def _bytes_have_their_content_at_32() -> bool:
    return ctypes.string_at(id(b"content") + CONTENT_OF_BYTES, 7) == b"content"


def _numbers_have_their_value_at_16() -> bool:
    values = ctypes.c_double * 2
    complex_number = values.from_address(id(_COMPLEX) + 16)
    return (
        ctypes.c_double.from_address(id(_FLOAT) + 16).value == _FLOAT
        and complex(*complex_number) == _COMPLEX
    )


def _scalars_have_their_value_at_16() -> bool:
    scalars = [np.dtype(c).type(3) for c in "?bBhHiIlLqQefdFD"]
    return all(ctypes.string_at(id(x) + 16, x.nbytes) == x.tobytes() for x in scalars)


def _arrays_have_their_fields_in_order() -> bool:
    base = np.arange(24.0).reshape(4, 6)
    array = base[1:, ::2]
    at = id(array)
    shape, strides = _word(at + 32), _word(at + 40)
    return (
        _word(at + 16) == array.ctypes.data
        and ctypes.c_int32.from_address(at + 24).value == 2
        and (_word(shape), _word(shape + 8)) == array.shape
        and (_word(strides), _word(strides + 8)) == array.strides
        and _word(at + 48) == id(base.base)
        and _word(at + 56) == id(array.dtype)
        and ctypes.c_int32.from_address(at + 64).value == array.flags.num
    )


_CHECKS: tuple[Callable[[], bool], ...] = (
    _objects_have_their_type_at_8,
    _sequences_have_their_size_at_16_and_items_at_24,
    _bytes_have_their_content_at_32,
    _numbers_have_their_value_at_16,
    _scalars_have_their_value_at_16,
    _arrays_have_their_fields_in_order,
)
