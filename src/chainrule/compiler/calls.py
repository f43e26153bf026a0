"""What decides about a call of a compiled function: the types of its arguments, and what the function reads besides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.comparing import repeats_among
from chainrule.compiler.counts import Counts
from chainrule.compiler.moving import Moving
from chainrule.compiler.statics import beside_fields, objects_in
from chainrule.compiler.surroundings import Surroundings
from chainrule.compiler.users import is_of_users_class
from chainrule.errors import NotCompiledError
from chainrule.nests import Nest
from chainrule.records import record
from chainrule.tree import Structure

_AT_MOST = 64
"""Combinations of objects among the arguments for which it is remembered what the function reads."""
_VALUES = (str, bytes, bool, type(None), np.dtype)
"""Static arguments that are compared by their values; of all others, classes too, the attributes are watched."""
_CHANGING = (set, bytearray, memoryview)
"""Static arguments whose contents may be others in the next call, and are not watched; iterators are such too."""

Key = tuple[Any, ...]


@record
class Call:
    """What decides about a call.

    Attributes:
        kind: all that must be equal for a specialization to fit, but the integers.
        key: that and the integers that are compiled for.
        surroundings: what the function reads besides.
        moving: the places among the leaves of integers that are numbers like any other.
    """

    kind: Key
    key: Key
    surroundings: Surroundings
    moving: frozenset[int]


class Calls:
    """Looks at the calls of a function."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self._function = f
        self._surroundings: dict[tuple[int, ...], Surroundings] = {}
        self._counts = Counts()
        self._moving = Moving()

    def key(self, leaves: Sequence[Any], structure: Structure, given: Any) -> Call:
        """Return what decides about a call.

        Raises:
            NotCompiledError: an argument is nothing that can be compiled for.
        """
        objects = [
            x for x in objects_in(structure) if not isinstance(x, _VALUES) or is_of_users_class(x)
        ]
        for x in objects:
            if isinstance(x, _CHANGING) or hasattr(type(x), "__next__"):
                raise NotCompiledError.from_argument(f"a {type(x).__name__}")
        surroundings = self._surroundings_of(objects)
        hidden = frozenset() if type(structure.spec) is Nest else beside_fields(given)
        if any(map(surroundings.asks_for, hidden)):
            raise NotCompiledError.from_attribute(min(hidden))
        types = tuple([type_key(x) for x in leaves])
        repeats = repeats_among([x for x in leaves if type(x) is np.ndarray])
        kind = (structure, types, repeats, surroundings.signature)
        moving = self._counts.moving(kind, leaves)
        integers = [(i, x) for i, x in enumerate(leaves) if type(x) is int and i not in moving]
        return Call(kind, (*kind, *integers), surroundings, moving)

    def fix(self, call: Call, *, is_refused: bool) -> bool:
        """Compile for the numbers of a call by value, which could not be captured, and say whether there are some."""
        if is_refused and call.surroundings.numbers:
            self._moving.fix(call.surroundings.numbers)
            self._surroundings.clear()
            return True
        if call.moving:
            self._counts.fix(call.kind)
            return True
        return False

    def looked_into(self, objects: Sequence[Any]) -> Surroundings:
        """Look into what the function reads besides these objects and the leaves of its arguments.

        Raises:
            NotCompiledError: an object of the user's raises an error where it is looked at.
        """
        try:
            return Surroundings(self._function, objects, self._moving.places)
        except NotCompiledError:
            raise
        except Exception as error:
            raise NotCompiledError.from_surroundings(error) from error

    def _surroundings_of(self, objects: list[Any]) -> Surroundings:
        """Return what the function reads besides these objects and the leaves of its arguments, as it is now."""
        key = tuple(map(id, objects))
        known = self._surroundings.get(key)
        if known is None or not known.is_unchanged():
            if len(self._surroundings) >= _AT_MOST:
                self._surroundings.clear()
            now = self.looked_into(objects)
            if known is not None and self._moving.note_changes(known.fixed, now.fixed):
                now = self.looked_into(objects)
            known = self._surroundings[key] = now
        return known

    def current(self, known: Surroundings) -> Surroundings:
        """Return what the function reads besides its arguments with the arrays that are there now."""
        if known.is_current():
            return known
        fresh = self.looked_into(known.objects)
        self._surroundings[tuple(map(id, fresh.objects))] = fresh
        return fresh

    def holds(self, known: Surroundings) -> bool:
        """Say whether the key of a call holds that may have waited for another thread's."""
        if known.is_unchanged():
            return True
        return known.signature == self.looked_into(known.objects).signature


def type_key(x: Any) -> Any:
    """Return what of a leaf decides which specialization serves it.

    Raises:
        NotCompiledError: no native code takes such a value.
    """
    kind = type(x)
    if kind is np.ndarray:
        if x.dtype.kind not in "biufc" or not x.dtype.isnative:
            raise NotCompiledError.from_argument(f"an array of dtype {x.dtype}")
        return x.dtype, x.shape, x.strides
    if kind is float or kind is complex:
        return kind
    if kind is int:
        return kind
    if isinstance(x, np.generic) and x.dtype.kind in "biufc":
        return x.dtype
    raise NotCompiledError.from_argument(f"a {kind.__name__}")
