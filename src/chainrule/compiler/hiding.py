"""What a step reads besides its arguments, described for the call entry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule import tree
from chainrule.compiler.comparing import part_of
from chainrule.compiler.contents import HELD, Laid, is_of_numbers, is_plain, spread
from chainrule.compiler.describe import described
from chainrule.compiler.entry.signature import (
    ArrayInput,
    Container,
    Hidden,
    SameInput,
    StaticInput,
)
from chainrule.compiler.entry.signature import Sequence as Items
from chainrule.compiler.places import Name, Place
from chainrule.records import replaced


class Hiding:
    """The description of arrays that are read besides the arguments, and of what lies beside them.

    Attributes:
        inputs: what the call entry reads and checks.
        leaves: by the identities of arrays, which leaf among the inputs of the entry is one.
    """

    def __init__(self, slots: Mapping[int, tuple[int, ...]], count: int) -> None:
        self.inputs: tuple[Hidden, ...] = ()
        self.leaves: dict[int, int] = {}
        self._slots = slots
        self._count = count
        self._arrays: dict[int, tuple[Any, int]] = {}

    def leaf(self, x: Any) -> Any:
        """Describe an array, or what has to be as it is."""
        if not is_of_numbers(x):
            return StaticInput(x)
        described = ArrayInput.of(x, *self._slots.get(id(x), ()))
        self._arrays[id(described)] = described, id(x)
        return described

    def numbered(self, hidden: Hidden) -> Hidden:
        """Count the leaves in the order in which the entry meets them; an array that is met again is the same."""
        return Hidden(hidden.place, self._numbered(hidden.node))

    def _numbered(self, node: Any) -> Any:
        if isinstance(node, Container):
            return replaced(node, children=tuple(map(self._numbered, node.children)))
        number = self._count
        self._count += 1
        _, array = self._arrays.get(id(node), (None, None))
        if array is None:
            return node
        known = self.leaves.setdefault(array, number)
        return node if known == number else SameInput(known)


def described_container(
    place: Place, x: Any, keys: frozenset[str] | None, leaf: Callable[[Any], Any]
) -> Hidden:
    """Describe a container; what lies in one that the entry does not know is spread out for it."""
    part = part_of(x, keys)
    leaves, structure = tree.flatten(part) if is_plain(part) else ([], None)
    known = described(structure, [leaf(v) for v in leaves], StaticInput) if structure else None
    if known is None:
        children = tuple([leaf(v) for v in spread(x)])
        return Hidden(Name(Laid(place), HELD), Items(tuple, children))
    node = known[0] if keys is None else replaced(known[0], is_open=True)
    return Hidden(place, node)
