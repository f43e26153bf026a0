"""Modules of NumPy that are written in Python over its public functions: rebuilt over the face, they follow a trace.

`np.polynomial` creates, converts and slices as a user's module does. `np.testing` only looks: it gets the numbers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES
from chainrule.core.faces import FunctionFace, ModuleFace, face_of_module

_SERIES = ("polyutils", "polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")


def python_modules(face: ModuleFace) -> dict[int, Any]:
    """Return what stands in for these modules and their functions, by identity; `face` is that of NumPy."""
    rebuilt: dict[int, Any] = {id(np): face}
    for name in _SERIES:
        module = importlib.import_module(f"numpy.polynomial.{name}")
        rebuilt[id(module)] = _rebuilt(module, rebuilt)
    del rebuilt[id(np)]
    for name in ("numpy.polynomial", "numpy.testing"):
        if name in sys.modules:  # numpy.testing takes long to import
            module = importlib.import_module(name)  # another thread may be at it
            rebuilt[id(module)] = _copied(module, rebuilt)
    return rebuilt


def _rebuilt(module: ModuleType, known: dict[int, Any]) -> ModuleType:
    """Return a module whose functions see the faces of what they use; classes stay NumPy's."""
    copied = face_of_module(module, known)
    names = vars(copied)
    for name, x in vars(module).items():
        if isinstance(x, FunctionType) and x.__module__ == module.__name__:
            function = FunctionType(x.__code__, names, x.__name__, x.__defaults__, x.__closure__)
            function.__kwdefaults__ = x.__kwdefaults__
            names[name] = known[id(x)] = FunctionFace(x, function)
    return copied


def _copied(module: ModuleType, known: dict[int, Any]) -> ModuleType:
    """Return a module with faces in it, whose checks look at the numbers."""
    for name, x in vars(module).items():
        if name.startswith("assert_") and isinstance(x, FunctionType):
            known[id(x)] = FunctionFace(x, _looking(x))
    return face_of_module(module, known)


def _looking(check: Callable[..., Any]) -> Callable[..., Any]:
    def ours(*args: Any, **options: Any) -> Any:
        return check(*map(_numbers, args), **options)

    return ours


def _numbers(x: Any) -> Any:
    """Return the numbers of traced values in a nest of lists; nothing is computed from them."""
    if type(x) in {list, tuple}:
        return type(x)(map(_numbers, x))
    return x.leaf() if type(x) in HANDLES else x
