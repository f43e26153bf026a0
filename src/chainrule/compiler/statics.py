"""Static arguments: compared as a whole, and compiled for."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.describe import UnknownContainerError, described
from chainrule.compiler.entry.signature import StaticInput
from chainrule.nests import Nest
from chainrule.tree import Structure

_PLAIN = frozenset({float, list, tuple, dict, str, bool, type(None)})
"""Types of which nothing is to be known that may change."""


class Static:
    """Stands for a static argument: equal to one with the same contents, whatever becomes of the object later.

    Attributes:
        value: the argument.
        leaves: the numbers and arrays in it.
        structure: its container, and what else it holds.
    """

    __slots__ = ("_key", "leaves", "structure", "value")

    def __init__(self, value: Any) -> None:
        self.value = value
        self.leaves, self.structure = tree.flatten(value)
        self._key = (type(value), *map(_contents, self.leaves))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Static) or self._key != other._key:
            return False
        try:
            return self.structure == other.structure
        except Exception:  # noqa: BLE001  objects that do not compare: compiled for each of them
            return False

    def __hash__(self) -> int:
        return hash(self._key)


def _contents(leaf: Any) -> Any:
    """Return what is equal for equal numbers of the same type: zeros of the same sign, NaN and NaN."""
    if type(leaf) is int:
        return int, leaf
    array = np.asarray(leaf)
    return type(leaf), array.dtype, array.shape, array.tobytes()


def wrapped(args: tuple[Any, ...], places: Sequence[int]) -> tuple[Any, ...]:
    """Return positional arguments with the static ones wrapped."""
    return tuple([Static(x) if i in places else x for i, x in enumerate(args)])


def rebuilt(structure: Structure, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Put leaves back into positional and keyword arguments; static ones are there as they were given."""
    args, options = tree.unflatten(structure, leaves)
    return tuple([x.value if type(x) is Static else x for x in args]), options


def objects_in(structure: Structure) -> list[Any]:
    """Return what stands in a container besides numbers and arrays, in its static arguments, and in static fields.

    So do the classes of dataclasses and named tuples, whose methods the step may call.
    """
    objects = []
    for _, x in structure.static:
        objects += objects_in(x.structure) if type(x) is Static else [x]
    if structure.spec is not None and type(structure.spec) is not Nest:
        objects += _beside_leaves(tree.unflatten(structure, [0.0] * structure.count))
    return objects


def _beside_leaves(x: Any) -> list[Any]:
    """Return what the static fields of dataclasses in a container hold, and the classes that are no containers' own."""
    found: list[Any] = []
    kinds: set[type] = set()
    pending = [x]
    while pending:
        x = pending.pop()
        if type(x) not in _PLAIN:
            kinds.add(type(x))
        if dataclasses.is_dataclass(x) and not isinstance(x, type):
            for field in dataclasses.fields(x):
                is_static = field.metadata.get("static", False)
                (found if is_static else pending).append(getattr(x, field.name))
        elif isinstance(x, dict):
            pending += x.values()
        elif isinstance(x, (list, tuple)):
            pending += x
    return [*found, *sorted(kinds, key=id)]


def beside_fields(x: Any) -> frozenset[str]:
    """Return the names under which dataclasses and named tuples in a container hold what is none of their fields.

    It is lost where they are taken apart and put together.
    """
    found: set[str] = set()
    pending, seen = [x], set()
    while pending:
        x = pending.pop()
        if id(x) in seen:
            continue
        seen.add(id(x))
        fields: Any = getattr(type(x), "__dataclass_fields__", ())
        if fields or isinstance(x, tuple):
            found |= getattr(x, "__dict__", {}).keys() - fields
        if fields:
            pending += [getattr(x, name, None) for name in fields]
        elif isinstance(x, dict):
            pending += x.values()
        elif isinstance(x, (list, tuple, deque)):
            pending += x
    return frozenset(found)


def static_description(x: Any) -> Any:
    """Describe for the call entry what is no leaf.

    Raises:
        UnknownContainerError: there is an array in a static argument, whose contents the entry does not compare.
    """
    if type(x) is not Static:
        return StaticInput(x)
    if any(isinstance(leaf, np.ndarray) for leaf in x.leaves):
        raise UnknownContainerError
    known = described(x.structure, [StaticInput(leaf) for leaf in x.leaves], StaticInput)
    if known is None:
        raise UnknownContainerError
    return known[0]
