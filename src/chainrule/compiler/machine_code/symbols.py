"""Find the addresses of what compiled code calls: BLAS, LAPACK, loops of ufuncs, the C library, Python.

`chainrule_dgemm` is SciPy's BLAS routine dgemm, `chainrule_dgesv` its LAPACK routine dgesv, with Fortran's calling
convention: every argument is a pointer, integers have 32 bits. The functions that return a number return it by value.
`chainrule_loop.…` are the inner loops of ufuncs, see `inner_loops.py`. `Py…` is Python's C API. Everything else is
looked up in the process: memcpy, pow.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.machinery
import importlib.util
import os
import sys
from typing import Any

from chainrule.errors import NativeCodeError
from chainrule.forks import forks_wait

PREFIX = "chainrule_"
# Compilers differ; SciPy knows.
_RETURNING_COMPLEX = frozenset({"cdotc", "cdotu", "zdotc", "zdotu"})
_MODULES = ("cython_blas", "cython_lapack")


def address_of(name: str) -> int:
    """Return the address of an outside name that compiled code uses."""
    if name.startswith(PREFIX):
        return _own_address(name.removeprefix(PREFIX))
    for library in _libraries():
        try:
            return _address(getattr(library, name))
        except AttributeError:
            continue
    raise NativeCodeError.from_symbol(name)


def _own_address(name: str) -> int:
    """Return the address of what has a name of ours; most steps need routines at most."""
    if name.isalnum():
        return routine_address(name)
    with forks_wait():
        from chainrule.compiler.machine_code import inner_loops, special_errors

    if name == special_errors.ASKED:
        return special_errors.address()
    if name.startswith(inner_loops.LOOP):
        return inner_loops.loop_address(name)
    raise NativeCodeError.from_symbol(PREFIX + name)


@functools.cache
def routine_address(name: str) -> int:
    """Return the address of a BLAS or LAPACK routine of SciPy's."""
    if name not in _RETURNING_COMPLEX:
        library = _wheel_library()
        address = library and getattr(library, f"scipy_{name}_", None)
        if address:
            return _address(address)
    for module in _MODULES:
        capsule = _capsules(module).get(name)
        if capsule is not None:
            return _pointer(capsule)
    raise NativeCodeError.from_symbol(PREFIX + name)


@functools.cache
def _wheel_library() -> Any:
    """Return the OpenBLAS that SciPy's wheels carry, without importing SciPy, which takes some 15 ms; None elsewhere.

    It is the library that SciPy's modules are linked with: the same routines, and one pool of threads.
    """
    spec = importlib.util.find_spec("scipy")
    if spec is None or spec.origin is None:
        return None
    package = os.path.dirname(spec.origin)
    for folder in (
        os.path.join(os.path.dirname(package), "scipy.libs"),
        os.path.join(package, ".dylibs"),
    ):
        try:
            found = [name for name in os.listdir(folder) if name.startswith("libscipy_openblas")]
        except OSError:
            continue
        if len(found) == 1:
            return ctypes.CDLL(os.path.join(folder, found[0]))
    return None


@functools.cache
def _capsules(name: str) -> dict[str, Any]:
    """Return what a Cython module of scipy.linalg exports to C, without importing all of scipy.linalg.

    That package takes some 0.1 s. Its extension modules need none of it, and a later import of the package meets the
    same module: Cython makes each once in a process.
    """
    full = f"scipy.linalg.{name}"
    with forks_wait():
        module = sys.modules.get(full) or _load_alone(full, name) or importlib.import_module(full)
    return dict(module.__pyx_capi__)


def _load_alone(full: str, name: str) -> Any:
    scipy = importlib.import_module("scipy")
    stem = os.path.join(scipy.__path__[0], "linalg", name)
    paths = [stem + suffix for suffix in importlib.machinery.EXTENSION_SUFFIXES]
    path = next(filter(os.path.exists, paths), None)
    if path is None:
        return None
    loader = importlib.machinery.ExtensionFileLoader(full, path)
    spec = importlib.util.spec_from_file_location(full, path, loader=loader)
    if spec is None:
        return None
    try:
        module = importlib.util.module_from_spec(spec)
        loader.exec_module(module)
    except ImportError:
        return None
    finally:
        # A module without its package would confuse whoever asks for `scipy.linalg.cython_blas` later.
        sys.modules.pop(full, None)
    return module


def _pointer(capsule: Any) -> int:
    """Return what a capsule holds; its name is the C type of the function."""
    api = ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", api)
    )
    return int(pointer_of(capsule, name_of(capsule)))


@functools.cache
def _libraries() -> tuple[Any, ...]:
    """Return where names are looked for, in order."""
    if sys.platform == "win32":
        return ctypes.pythonapi, ctypes.CDLL("ucrtbase")
    mathematics = "libm.dylib" if sys.platform == "darwin" else "libm.so.6"
    try:
        return ctypes.pythonapi, ctypes.CDLL(None), ctypes.CDLL(mathematics)
    except OSError:
        return ctypes.pythonapi, ctypes.CDLL(None)


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address, "a symbol that was found has an address"
    return address
