"""Modules of NumPy that are written in Python over its public functions: rebuilt over the face, they follow a trace.

`np.polynomial` creates, converts and slices as a user's module does. `np.testing` only looks: it gets the numbers.
NumPy imports both where they are first named, which takes long.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES
from chainrule.core.faces import FunctionFace, ModuleFace, face_of_module

_SERIES = ("polyutils", "polynomial", "chebyshev", "legendre", "hermite", "hermite_e", "laguerre")


def _faces_of_polynomial(module: ModuleType, face: ModuleFace) -> dict[int, Any]:
    rebuilt: dict[int, Any] = {id(np): face}
    for name in _SERIES:
        series = importlib.import_module(f"numpy.polynomial.{name}")
        rebuilt[id(series)] = _rebuilt(series, rebuilt)
    del rebuilt[id(np)]
    return {**rebuilt, id(module): face_of_module(module, rebuilt)}


def _faces_of_testing(module: ModuleType, _: ModuleFace) -> dict[int, Any]:
    looking: dict[int, Any] = {
        id(x): FunctionFace(x, _looking(x))
        for name, x in vars(module).items()
        if name.startswith("assert_") and isinstance(x, FunctionType)
    }
    return {**looking, id(module): face_of_module(module, looking)}


def _rebuilt(module: ModuleType, known: dict[int, Any]) -> ModuleType:
    """Return a module whose functions see the faces of what they use; classes stay NumPy's."""
    copied = face_of_module(module, known)
    names = vars(copied)
    for name, x in vars(module).items():
        f = getattr(x, "_implementation", x)  # where an array type may intercept it
        if isinstance(f, FunctionType) and f.__module__ == module.__name__:
            function = FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)
            function.__kwdefaults__ = f.__kwdefaults__
            names[name] = known[id(x)] = FunctionFace(x, function)
    return copied


def _looking(check: Callable[..., Any]) -> Callable[..., Any]:
    def ours(*args: Any, **options: Any) -> Any:
        return check(*map(_numbers, args), **options)

    return ours


def _numbers(x: Any) -> Any:
    """Return the numbers of traced values in a nest of lists; nothing is computed from them."""
    if type(x) in {list, tuple}:
        return type(x)(map(_numbers, x))
    return x.leaf() if type(x) in HANDLES else x


PYTHON_MODULES: Mapping[str, Callable[[ModuleType, ModuleFace], dict[int, Any]]] = {
    "polynomial": _faces_of_polynomial,
    "testing": _faces_of_testing,
}
"""Modules by their names in NumPy, and what makes the faces of one and of its functions, by identity, over NumPy's."""
