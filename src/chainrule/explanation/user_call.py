"""The function that is explained with its arguments, so that it can be run again with one number moved."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.core.cells import type_of
from chainrule.core.trace import Node
from chainrule.errors import ArgumentError, ShapeError
from chainrule.explanation.tape import Tape


class UserCall:
    """The function and its arguments, for finite differences."""

    def __init__(
        self,
        f: Callable[..., Any],
        args: Sequence[Any],
        options: Mapping[str, Any],
        entry: tuple[int, ...] | None,
        positions: Sequence[int],
        seed: float,
    ) -> None:
        self.f, self.args, self.options, self.entry = f, args, options, entry
        self.positions, self.seed = positions, seed

    def flat_entry(self, out: Any) -> int:
        """Return which entry of the result is explained."""
        shape = np.shape(out)
        if not shape:
            return 0
        if self.entry is None:
            raise ShapeError.from_no_entry("explain", shape)
        if len(self.entry) != len(shape) or not all(
            -n <= i < n for i, n in zip(self.entry, shape, strict=True)
        ):
            raise ArgumentError.from_index("explain", f"entry={self.entry}", shape)
        wrapped = tuple(i % n for i, n in zip(self.entry, shape, strict=True))
        return int(np.ravel_multi_index(wrapped, shape))

    def moved(self, tape: Tape, node: Node) -> Callable[[Any], float]:
        """Return the function of one input, times the seed, all else as it was given."""

        def f(value: Any) -> float:
            inputs = iter(tape.inputs)
            given = []
            for i, argument in enumerate(self.args):
                leaves, structure = tree.flatten(argument)
                is_input = i in self.positions
                new = [
                    value
                    if is_input and type_of(x).is_inexact and next(inputs) is node
                    else _copied(x)
                    for x in leaves
                ]
                given.append(tree.unflatten(structure, new) if leaves else argument)
            (out,) = tree.leaves(self.f(*given, **self.options))
            return self.seed * float(np.ravel(out)[self.flat_entry(out)])

        return f


def _copied(x: Any) -> Any:
    return np.array(x) if isinstance(x, np.ndarray) else x
