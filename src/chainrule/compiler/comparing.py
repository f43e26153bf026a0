"""Whether what a step reads besides its arguments is what it was: what is compared, and how to look at much at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter, itemgetter
from types import CellType
from typing import Any

import numpy as np

from chainrule.compiler.contents import is_of_numbers, spread
from chainrule.compiler.places import MISSING, Attribute, Cell, Context, Name, OfClass, Place

NUMBERS = (bool, int, float, complex, str, bytes, type(None), np.generic)


def lookups_of(
    fixed: list[tuple[Place, Any]],
) -> list[tuple[Callable[[Any], Iterable[Any]], Any, list[Any]]]:
    """Return how to look at many places at once: a function, what it is applied to, and all that it has to give."""
    cells = [place.cell for place, _ in fixed if isinstance(place, Cell)]
    contexts = [place for place, _ in fixed if isinstance(place, Context)]
    by_holder: dict[tuple[int, Any], tuple[Any, list[str], list[Any]]] = {}
    for place, x in fixed:
        get: Callable[..., Any] = itemgetter
        if isinstance(place, Name):
            holder, names, key = place.holder, place.holder, place.key
        elif isinstance(place, OfClass):
            holder, names, key = place.kind, vars(place.kind), place.name
        elif isinstance(place, Attribute):
            holder, names, key, get = place.holder, place.holder, place.name, attrgetter
        else:
            continue
        _, keys, values = by_holder.setdefault((id(holder), get), (names, [], []))
        keys.append(key)
        values.append(x)
    watched: list[tuple[Callable[[Any], Iterable[Any]], Any, list[Any]]] = [
        (get(*keys, keys[0]), holder, [*values, values[0]])
        for (_, get), (holder, keys, values) in by_holder.items()
    ]
    if contexts:
        watched.append((_read, contexts, [x for place, x in fixed if isinstance(place, Context)]))
    if cells:
        watched.append((_contents, cells, [x for place, x in fixed if isinstance(place, Cell)]))
    return watched


def _contents(cells: list[CellType]) -> list[Any]:
    return [cell.cell_contents for cell in cells]


def _read(places: list[Context]) -> list[Any]:
    return [place.read() for place in places]


def is_as_compared(x: Any, y: Any) -> bool:
    """Say whether one stands for the same as the other in a signature."""
    return x is y or (isinstance(y, NUMBERS) and bool(compared(x) == compared(y)))


def part_of(x: Any, keys: frozenset[str] | None) -> Any:
    """Return what lies under these keys of a dictionary; all of it, and of anything else, for None."""
    if keys is None or type(x) is not dict:
        return x
    return {key: x.get(key, MISSING) for key in sorted(keys)}


def laid_out(arrays: Sequence[Any], containers: Sequence[Any]) -> list[Any]:
    """Return arrays, and what lies in containers, in a row."""
    return [*arrays, *[leaf for x in containers for leaf in spread(x)]]


def compared(x: Any) -> Any:
    """Return what stands for a value in a signature."""
    if is_of_numbers(x):
        # A dtype alone is equal to a class of numbers.
        return (
            "array",
            x.dtype,
            x.shape,
            x.strides,
        )
    if isinstance(x, NUMBERS):
        return (type(x), x if x == x else "nan")  # noqa: PLR0124  so NaN is found
    return id(x)


def compared_all(read: Sequence[Any]) -> tuple[Any, ...]:
    """Return what stands for all that is read in a signature: of each its own, and which of the arrays are one."""
    return (*map(compared, read), repeats_among(filter(is_of_numbers, read)))


def repeats_among(arrays: Iterable[Any]) -> tuple[int, ...]:
    """Return which arrays are one: empty if none are."""
    names = list(map(id, arrays))
    return () if len(set(names)) == len(names) else tuple(map(names.index, names))
