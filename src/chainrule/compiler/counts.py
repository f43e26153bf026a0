"""Python integers among the arguments: compiled for, one by one, until one of them changes from call to call."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

_KINDS_AT_MOST = 256


class _Kind:
    """What is known of calls that differ in their integers at most.

    Attributes:
        values: the integers of the first call.
        moving: the places of those that have changed, and become numbers of the native step.
        is_fixed: whether they are shapes, indices or counts: each value needs a step of its own.
    """

    def __init__(self, values: tuple[int, ...]) -> None:
        self.values = values
        self.moving: frozenset[int] = frozenset()
        self.is_fixed = False


class Counts:
    """Decides which integers are part of what is compiled for, and which are numbers like any other.

    An integer is compiled for as long as it stays the same: it may be a shape, an index or a count. One that changes,
    such as the number of a training step, is a number of the native step from then on, unless that is impossible.
    """

    def __init__(self) -> None:
        self._kinds: dict[Hashable, _Kind] = {}

    def moving(self, kind: Hashable, leaves: Sequence[Any]) -> frozenset[int]:
        """Return the places among the leaves of the integers that are numbers like any other.

        Args:
            kind: of the call, its integers left out.
            leaves: of its arguments.
        """
        places = [i for i, x in enumerate(leaves) if type(x) is int]
        if not places:
            return frozenset()
        values = tuple([leaves[i] for i in places])
        known = self._kinds.get(kind)
        if known is None:
            if len(self._kinds) >= _KINDS_AT_MOST:
                self._kinds.clear()
            known = self._kinds[kind] = _Kind(values)
        if known.is_fixed:
            return frozenset()
        if known.values != values:
            changed = [i for i, a, b in zip(places, known.values, values, strict=True) if a != b]
            known.moving |= frozenset(changed)
        return frozenset([i for i in known.moving if abs(leaves[i]) < 1 << 63])

    def fix(self, kind: Hashable) -> None:
        """Note that the integers of these calls have to be compiled for."""
        self._kinds.setdefault(kind, _Kind(())).is_fixed = True
