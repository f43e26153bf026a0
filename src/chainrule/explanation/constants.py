"""Names of arrays that are arguments but are not differentiated: recognised on the tape by what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.core.cells import settled
from chainrule.explanation.terms import Number, Symbol

Key = tuple[tuple[int, ...], str, bytes]
_MOST_BYTES = 1 << 24


class Constants:
    """What the arrays are called that a function was given as constants.

    The tape keeps values, not the objects the user holds, so an array is known by its shape, dtype and entries. Single
    numbers are not named: too many different things are worth 1.
    """

    def __init__(self, names: Mapping[Key, str] | None = None) -> None:
        self._names = names or {}
        self._kinds = {(shape, dtype) for shape, dtype, _ in self._names}

    def array(self, value: Any) -> Number | Symbol:
        """Return the symbol of an array, or the array as it is."""
        name = self._name(value)
        return Number(value) if name is None else Symbol(name, value)

    def entry(self, value: Any, entry: int) -> Number | Symbol:
        """Return the symbol of one entry of an array, or its number."""
        if not np.ndim(value):
            return Number(value)
        number = np.ravel(value)[entry].item()
        name = self._name(value)
        if name is None:
            return Number(number)
        index = ",".join(str(int(i)) for i in np.unravel_index(entry, np.shape(value)))
        return Symbol(f"{name}[{index}]", number)

    def _name(self, value: Any) -> str | None:
        if not isinstance(value, np.ndarray) or (value.shape, value.dtype.str) not in self._kinds:
            return None
        return self._names.get(key_of(value))


def named_constants(argument: Any, name: str) -> Iterator[tuple[Key, str]]:
    """Yield the arrays of an argument with their paths."""
    leaves, _ = tree.flatten(argument)
    for leaf, path in zip(leaves, tree.paths(argument, name), strict=True):
        value = settled(leaf)
        if isinstance(value, np.ndarray) and value.ndim and value.nbytes <= _MOST_BYTES:
            yield key_of(value), path


def key_of(value: Any) -> Key:
    """Return what two equal arrays have in common."""
    array = np.asarray(value)
    return array.shape, array.dtype.str, array.tobytes() if not array.dtype.hasobject else b""
