"""Faces: what the user's code sees in the place of modules and functions of NumPy's, or Python's, while a trace runs.

A face is equal to what it stands for, and is the same key of a dictionary. That it is the same to `is`, too, is seen to
by `comparisons.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

_KNOWN: dict[int, tuple[Any, Any]] = {}
"""Faces and what they stand for, by the identity of the face."""


def original_of(x: Any) -> Any:
    """Return what a face stands for; anything else itself."""
    known = _KNOWN.get(id(x))
    return x if known is None else known[1]


def note_face(face: Any, original: Any) -> None:
    """Have a face be taken for what it stands for, for good: user's code may keep it."""
    _KNOWN[id(face)] = face, original


class Face:
    """What is equal to another object."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return original_of(self) is original_of(other) or NotImplemented

    def __hash__(self) -> int:
        original = original_of(self)
        return object.__hash__(self) if original is self else hash(original)


class FunctionFace(Face):
    """The face of a function, with its attributes. No class binds it, as most of NumPy's and Python's functions."""

    def __init__(self, original: Callable[..., Any], ours: Callable[..., Any]) -> None:
        self.original = self.__wrapped__ = original
        self.ours = ours
        self.__doc__, self.__module__ = original.__doc__, original.__module__  # a class has its own
        note_face(self, original)

    def __getattr__(self, name: str) -> Any:
        if name == "original":  # asked of one that is not made yet
            raise AttributeError(name)
        return getattr(self.original, name)

    def __call__(self, *args: Any, **options: Any) -> Any:
        return self.ours(*args, **options)

    def __repr__(self) -> str:
        return repr(self.original)

    def __reduce__(self) -> Any:
        return original_of, (self.original,)


class ModuleFace(Face, ModuleType):
    """The face of a module."""

    def __init__(self, original: ModuleType) -> None:
        super().__init__(original.__name__, original.__doc__)
        note_face(self, original)


def face_of_module(module: ModuleType, faces: Mapping[int, Any]) -> ModuleFace:
    """Return the face of a module in which the faces stand, by the identity of what they stand for."""
    face = ModuleFace(module)
    vars(face).update({name: faces.get(id(x), x) for name, x in vars(module).items()})
    return face
