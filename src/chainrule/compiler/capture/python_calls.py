"""What Python computes itself is followed while a step is captured: the functions of `math` and `cmath`, conversions.

Faces of these functions stand in the globals of the user's modules meanwhile, as those of NumPy's do; calls of `float`
and the like are followed in the functions that the step can reach. A value that has a derivative is never followed, so
that what loses it raises here, too.
"""

from __future__ import annotations

import builtins
import cmath
import math
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FunctionType
from typing import Any

import numpy as np

from chainrule.core.builtin_calls import standing_in
from chainrule.core.cells import HANDLES, settled
from chainrule.core.comparisons import IS_CAPTURE
from chainrule.core.dispatch import OF_NO_ARRAY
from chainrule.core.faces import FunctionFace, face_of_module
from chainrule.core.methods import as_python
from chainrule.core.reroute import Rerouting
from chainrule.ops.python_functions import FOLLOWED, OF_ITERABLES, compensated_sum, complex_of

_OF_MODULE = {math: "biuf", cmath: "biufc"}
"""The kinds of numbers that the functions of a module take."""


class _Face(FunctionFace):
    """A function of Python's that follows the numbers a step has traced."""

    def __init__(self, python: Callable[..., Any], ours: Callable[..., Any], kinds: str) -> None:
        super().__init__(python, ours)
        self.kinds = kinds

    def __call__(self, *args: Any, **options: Any) -> Any:
        if self.original in OF_ITERABLES:
            args = tuple([_items(x) for x in args])
        if _are_followed((*args, *options.values()), self.kinds):
            return self.ours(*args, **options)
        _note_plain(args)
        return self.original(*args, **options)


class Plain:
    """What became of NumPy's plain values while a step is captured.

    Attributes:
        is_converted: whether Python has made numbers of some that NumPy may have computed of an array.
    """

    def __init__(self) -> None:
        self.is_converted = False
        self._of_no_array: list[Any] = []

    def is_computed(self, x: Any) -> bool:
        """Say whether NumPy may have computed a value of an array: of which one, nobody knows."""
        if isinstance(x, np.generic):
            return not any(x is known for known in self._of_no_array)
        return isinstance(x, np.ndarray)

    def note(self, args: Iterable[Any]) -> None:
        """Note of what Python makes numbers."""
        self.is_converted = self.is_converted or any(map(self.is_computed, args))

    @contextmanager
    def noted(self) -> Iterator[None]:
        """Note it as long as a step runs."""
        tokens = _PLAIN.set(self), OF_NO_ARRAY.set(self._of_no_array)
        try:
            yield
        finally:
            _PLAIN.reset(tokens[0])
            OF_NO_ARRAY.reset(tokens[1])


_PLAIN: ContextVar[Plain | None] = ContextVar("_PLAIN", default=None)


def _note_plain(args: Iterable[Any]) -> None:
    plain = _PLAIN.get()
    if plain is not None:
        plain.note(args)


def _items(x: Any) -> Any:
    """Return what can be looked through only once as a list, and a traced array, too."""
    is_array = type(x) in HANDLES and x.ndim
    return list(x) if is_array or isinstance(x, Iterator) else x


def _are_followed(values: Iterable[Any], kinds: str) -> bool:
    """Say whether there are traced numbers among values, and all of them are followed."""
    found = False
    for value in values:
        for x in value if isinstance(value, (list, tuple)) else (value,):
            if type(x) in HANDLES and type(settled(x)) in HANDLES:
                found = True
                if not x.is_followed() or x.dtype.kind not in kinds:
                    return False
    return found


def _make_faces() -> dict[int, Any]:
    faces: dict[int, Any] = {}
    for module, kinds in _OF_MODULE.items():
        followed = [x for x in vars(module).values() if callable(x) and x in FOLLOWED]
        faces |= {id(x): _Face(x, FOLLOWED[x], kinds) for x in followed}
        faces[id(module)] = face_of_module(module, faces)
    return faces


_REROUTING = Rerouting(_make_faces, {"numpy.random": "chainrule.compiler.module_draws"})


def _converting(kind: type, kinds: str) -> Callable[..., Any]:
    """Return what is called instead of a class of numbers."""

    def converted(*args: Any, **options: Any) -> Any:
        if len(args) == 1 and not options and _are_followed(args, kinds):
            return as_python(args[0], kind)
        _note_plain(args)
        return kind(*args, **options)

    return converted


def _to_complex(*args: Any, **options: Any) -> Any:
    if len(args) == 2 and not options and _are_followed(args, "biuf"):
        return complex_of(*args)
    return _ONE_TO_COMPLEX(*args, **options)


def _map_over(function: Any, *iterables: Any, **options: Any) -> Any:
    return map(_CLASSES.get(id(function), function), *iterables, **options)


def _sum_of(iterable: Any, /, *args: Any, **options: Any) -> Any:
    items = (
        list(iterable) if isinstance(iterable, Iterator) or type(iterable) in HANDLES else iterable
    )
    if isinstance(items, (list, tuple)) and any(type(x) in HANDLES for x in items):
        return compensated_sum(items, *args, **options)
    return sum(items, *args, **options)


_ONE_TO_COMPLEX = _converting(complex, "biufc")
_CONVERTING = {
    "float": _converting(float, "biuf"),
    "int": _converting(int, "biuf"),
    "complex": _to_complex,
}
_CLASSES = {id(getattr(builtins, name)): ours for name, ours in _CONVERTING.items()}
_STAND_INS = {
    **_CONVERTING,
    "map": _map_over,
}
if sys.version_info >= (3, 12):
    _STAND_INS["sum"] = _sum_of


@contextmanager
def following_python(f: Any, functions: Sequence[FunctionType]) -> Iterator[Plain]:
    """Follow what Python computes while `f` runs inside; calls of builtins are followed in `functions`."""
    token = IS_CAPTURE.set(True)
    plain = Plain()
    try:
        with plain.noted(), _REROUTING.running_in(f), standing_in(functions, _STAND_INS):
            yield plain
    finally:
        IS_CAPTURE.reset(token)
