"""Numbers besides the arguments that change from call to call: compiled for, until one changes, then inputs.

A learning rate in an attribute is such a number. A step that reads it is shown an input instead: it is known by its
identity, as an object of its own, which no other place holds, lies there as long as the step is captured.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.places import Cell, Name, Place, exchange, place_key

_AT_MOST = 64
"""Places that are remembered: objects go, and others come, whose numbers change as well."""
_TRIES = 8


class Moving:
    """Decides which numbers are part of what is compiled for, and which are inputs like an argument.

    Attributes:
        places: of the numbers that are inputs, by `place_key`.
    """

    def __init__(self) -> None:
        self.places: frozenset[Any] = frozenset()
        self._fixed: frozenset[Any] = frozenset()

    def note_changes(
        self, before: Sequence[tuple[Place, Any]], now: Sequence[tuple[Place, Any]]
    ) -> bool:
        """Look for numbers that have changed since a step was compiled for them; say whether there are some."""
        known = {place_key(place): x for place, x in before if may_move(place, x)}
        changed = [
            place_key(place)
            for place, x in now
            if may_move(place, x) and _is_other(known.get(place_key(place)), x)
        ]
        more = frozenset(changed) - self._fixed - self.places
        self.places = _with_more(self.places, more)
        return bool(more)

    def fix(self, numbers: Iterable[tuple[Place, Any]]) -> None:
        """Note that these numbers have to be compiled for."""
        keys = frozenset([place_key(place) for place, _ in numbers])
        self._fixed = _with_more(self._fixed, keys)
        self.places -= keys


def _with_more(keys: frozenset[Any], more: frozenset[Any]) -> frozenset[Any]:
    """Return both, or without the former if they are too many: who needs one of those is found anew."""
    return keys | more if len(keys) + len(more) <= _AT_MOST else more


def may_move(place: Place, x: Any) -> bool:
    """Say whether something is a number that may be an input: in a variable, or an attribute of an object."""
    is_held = isinstance(place, Cell) or (isinstance(place, Name) and type(place.holder) is dict)
    return is_held and (type(x) in {float, complex} or _is_scalar(x))


def _is_scalar(x: Any) -> bool:
    return isinstance(x, np.generic) and x.dtype.kind in "fc"


def _is_other(x: Any, y: Any) -> bool:
    """Say whether a number is another one than before, of the same type."""
    return type(x) is type(y) and x != y


def set_apart(place: Place, kind: type) -> tuple[Any, Any] | None:
    """Put an object that lies nowhere else where a number lies, and return both; None if its type is another by now."""
    for _ in range(_TRIES):  # another thread may put others there
        x = place.read()
        if type(x) is not kind:
            break
        other = _copied(x)
        if exchange(place, x, other):
            return x, other
    return None


def _copied(x: Any) -> Any:
    """Return another object that is the same number, also if it is no number, or a zero with a sign."""
    if type(x) is float:
        return x * 1.0
    return complex(x.real, x.imag) if type(x) is complex else x.copy()
