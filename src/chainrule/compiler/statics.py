"""Static arguments: compared as a whole, and compiled for."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.describe import UnknownContainerError, described
from chainrule.compiler.entry.signature import StaticInput
from chainrule.nests import Nest
from chainrule.tree import Structure


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
    """Return what stands in a container besides numbers and arrays, in its static arguments, and in static fields."""
    objects = []
    for _, x in structure.static:
        objects += objects_in(x.structure) if type(x) is Static else [x]
    if structure.spec is not None and type(structure.spec) is not Nest:
        objects += _in_static_fields(tree.unflatten(structure, [0.0] * structure.count))
    return objects


def _in_static_fields(x: Any) -> list[Any]:
    """Return what the static fields of dataclasses in a container hold."""
    found: list[Any] = []
    pending = [x]
    while pending:
        x = pending.pop()
        if dataclasses.is_dataclass(x) and not isinstance(x, type):
            for field in dataclasses.fields(x):
                is_static = field.metadata.get("static", False)
                (found if is_static else pending).append(getattr(x, field.name))
        elif isinstance(x, dict):
            pending += x.values()
        elif isinstance(x, (list, tuple)):
            pending += x
    return found


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
