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
from types import FunctionType
from typing import Any

from chainrule.core.builtin_calls import standing_in
from chainrule.core.cells import HANDLES, settled
from chainrule.core.comparisons import IS_CAPTURE
from chainrule.core.faces import FunctionFace, face_of_module
from chainrule.core.loads import Hands
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
        return self.original(*args, **options)


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
def following_python(
    f: Any, functions: Sequence[FunctionType], hands: Hands | None = None
) -> Iterator[None]:
    """Follow what Python computes while `f` runs inside.

    In `functions` calls of builtins are followed, and what they read and keep goes through `hands`.
    """
    token = IS_CAPTURE.set(True)
    try:
        with _REROUTING.running_in(f), standing_in(functions, _STAND_INS, hands):
            yield
    finally:
        IS_CAPTURE.reset(token)
