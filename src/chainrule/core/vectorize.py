"""`np.vectorize` while a trace runs: the function is called on traced elements, and its results are joined."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, settled, type_of
from chainrule.core.creation import converted_array
from chainrule.core.faces import Face, original_of
from chainrule.core.lists import holds_traced
from chainrule.core.op import FRONTS
from chainrule.core.trace import is_following
from chainrule.core.types import Shape
from chainrule.errors import ShapeError

_CORE_AXES = re.compile(r"\(([^)]*)\)")


_CALL = np.vectorize.__call__


class _Kind(Face, type):
    """The class of a class that is the face of another."""

    def __instancecheck__(cls, x: Any) -> bool:
        return (
            isinstance(x, original_of(cls))
            if original_of(cls) is not cls
            else super().__instancecheck__(x)
        )

    def __subclasscheck__(cls, other: type) -> bool:
        return (
            issubclass(other, original_of(cls))
            if original_of(cls) is not cls
            else super().__subclasscheck__(other)
        )


class Vectorize(np.vectorize, metaclass=_Kind):
    """What the user's modules see as `np.vectorize`: its results can be written to with traced values."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        function = self.pyfunc
        if not is_following() or not callable(function):
            return super().__call__(*args, **options)
        return _looped(self, function, args, options)


def call_vectorized(self: Any, *args: Any, **options: Any) -> Any:
    """Call what was made by the real `np.vectorize`, a decorated function perhaps: plain arrays stay plain."""
    if not callable(self.pyfunc):
        return _CALL(self, *args, **options)
    made = _looped(self, self.pyfunc, args, options)
    if type(made) is tuple:
        return tuple([x if holds_traced(x) else settled(x) for x in made])
    return made if holds_traced(made) else settled(made)


STAND_INS = ((np.vectorize, "__call__", call_vectorized),)
"""Objects that exist already are met by their class."""


def _looped(
    vectorized: Any, function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]
) -> Any:
    """Call the function for every element, and join what it returns."""
    excluded = vectorized.excluded
    by_place: dict[Any, Any] = {**dict(enumerate(args)), **options}
    places = [place for place in by_place if place not in excluded]
    looped = [_looped_over(by_place[place]) for place in places]
    shape, rows = _rows(looped, _core_axes(vectorized.signature, len(looped)))
    is_known = vectorized.otypes is not None or vectorized.signature is not None or vectorized.cache
    if (
        rows and not is_known
    ):  # NumPy calls it once more, to see what it gives: it may count its calls
        _call(function, args, options, places, rows[0])
    results = [_call(function, args, options, places, row) for row in rows]
    return _joined(results, shape, [np.dtype(kind) for kind in vectorized.otypes or ()])


def _joined(results: list[Any], shape: Shape, kinds: Sequence[np.dtype[Any]]) -> Any:
    """Return the results as an array, or a tuple of arrays where each is a tuple; of the dtypes asked for."""
    if not results:
        if not kinds:
            raise ShapeError.from_no_elements("np.vectorize without otypes", shape, ())
        made = [converted_array(np.empty(shape, kind)) for kind in kinds]
        return made[0] if len(made) == 1 else tuple(made)
    if not isinstance(results[0], tuple):
        return _as_array(results, shape, kinds[0] if kinds else None)
    columns = zip(
        zip(*results, strict=True), itertools.chain(kinds, itertools.repeat(None)), strict=False
    )
    return tuple([_as_array(list(column), shape, kind) for column, kind in columns])


def _looped_over(x: Any) -> Any:
    """Return an argument as an array; one number stays what it is, and so the function gets it."""
    return x if isinstance(x, np.generic) else converted_array(x)


def _core_axes(signature: str | None, count: int) -> Sequence[int]:
    """Return how many of the last axes of each argument the function gets as a whole."""
    if signature is None:
        return (0,) * count
    arguments = _CORE_AXES.findall(signature.partition("->")[0])
    return [len([name for name in names.split(",") if name.strip()]) for names in arguments]


def _rows(arrays: Sequence[Any], core_axes: Sequence[int]) -> tuple[Shape, list[tuple[Any, ...]]]:
    """Return the shape that is looped over, and the arguments of each call."""
    cuts = [a.ndim - n for a, n in zip(arrays, core_axes, strict=True)]
    shape = np.broadcast_shapes(*[a.shape[:cut] for a, cut in zip(arrays, cuts, strict=True)])
    spread = [
        a if isinstance(a, np.generic) else FRONTS["broadcast_to"](a, shape + a.shape[cut:])
        for a, cut in zip(arrays, cuts, strict=True)
    ]
    return shape, [tuple([_element(a, i) for a in spread]) for i in np.ndindex(shape)]


def _element(a: Any, i: Shape) -> Any:
    """Return an element as the function gets it: of plain arrays a Python number, as NumPy hands it over."""
    if isinstance(a, np.generic):
        return a
    x = settled(a[i])
    return x.item() if isinstance(x, np.generic) and type(x) not in HANDLES else x


def _call(
    function: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    places: Sequence[int | str],
    row: Sequence[Any],
) -> Any:
    """Call the function with the elements of a row in their places."""
    by_place: dict[Any, Any] = {**dict(enumerate(args)), **options}
    by_place.update(zip(places, row, strict=True))
    positional = [by_place.pop(i) for i in range(len(args))]
    return function(*positional, **by_place)


def _as_array(results: list[Any], shape: Shape, dtype: np.dtype[Any] | None) -> Any:
    """Return results as an array of a dtype, by default that of the first one."""
    joined = converted_array(results)
    joined = FRONTS["reshape"](joined, shape + joined.shape[1:])
    dtype = type_of(results[0]).dtype if dtype is None else dtype
    return joined if type_of(joined).dtype == dtype else FRONTS["astype"](joined, dtype)
