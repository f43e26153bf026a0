"""Tape: a scalar program as a sequence of actions on numbers and memory, in recording order, held in arrays.

It lies between a graph and the statements of a program: flat, so that repeated stretches are found by vector code. An
action is what is done, its operands are the positions of earlier actions or constants, and its place is an integer that
may move from turn to turn of a loop: an element of a buffer.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any, Literal

import numpy as np

from chainrule.compiler.loops.program import Buffer
from chainrule.compiler.rolling.constants import Constants
from chainrule.records import fresh, mutable_record, record

DType = np.dtype[Any]

What = Literal[
    "let", "cast", "load", "store", "add", "guard", "fill", "copy", "clean", "map", "total"
]

ABSENT = -1
"""In the place of an operand that the action does not have."""

WIDTH = 3
"""Operands an action has at most."""


@record
class Action:
    """What is done at a position of a tape.

    Attributes:
        what: `let` computes, `cast` changes the dtype, `load` reads and `store` writes an element, `add` adds to one;
            `guard` leaves unless a condition is as expected. On whole buffers: `fill` writes a number, `copy` another
            buffer, `clean` adds 0.0 to each element, `map` writes what a rule computes of numbers and of the elements
            of buffers, `total` is the sum.
        label: the op, for people.
        rule: what `let` computes.
        given: the dtypes of the operands, None for a constant; equal actions take equal operands.
        casts: the dtypes that the operands are cast to.
        dtype: of the result, or of what is written.
        buffer: the memory.
        sources: the memory that `copy`, `map` and `total` read; of `map` per argument, None where that is a number.
        expected: of a guard.
    """

    what: Literal[
        "let", "cast", "load", "store", "add", "guard", "fill", "copy", "clean", "map", "total"
    ]
    label: str
    given: tuple[DType | None, ...]
    casts: tuple[DType, ...]
    dtype: DType
    rule: Callable[..., Any] | None = None
    buffer: Buffer | None = None
    sources: tuple[Buffer | None, ...] = ()
    expected: bool = True


@mutable_record
class Tape:
    """A program under construction, or finished.

    Attributes:
        actions: each different action once.
        kinds: per position the number of its action.
        operands: per position those that its action has.
        places: per position an element of a buffer, or the number of a guard.
        constants: values of constants.
        contents: of the constant buffers.
        buffers: inputs, outputs and temporaries.
    """

    actions: list[Action] = fresh(default_factory=list)
    kinds: list[int] = fresh(default_factory=list)
    operands: list[tuple[int, ...]] = fresh(default_factory=list)
    places: list[int] = fresh(default_factory=list)
    constants: Constants = fresh(default_factory=Constants)
    contents: dict[Buffer, Any] = fresh(default_factory=dict)
    buffers: list[Buffer] = fresh(default_factory=list)
    known_actions: dict[Action, int] = fresh(default_factory=dict)

    def __len__(self) -> int:
        return len(self.kinds)

    def kind_of(self, action: Action) -> int:
        """Return the number of an action, entering it if it is new."""
        known = self.known_actions.get(action)
        if known is None:
            known = self.known_actions[action] = len(self.actions)
            self.actions.append(action)
        return known

    def append(self, kind: int, operands: tuple[int, ...] = (), place: int = 0) -> int:
        """Add an action and return its position."""
        self.operands.append(operands)
        self.places.append(place)
        kinds = self.kinds
        kinds.append(kind)
        return len(kinds) - 1

    def constant(self, value: Any) -> int:
        """Return the operand that stands for a number."""
        return self.constants.enter(value)

    def value_of(self, operand: int) -> Any:
        """Return the number that a constant operand stands for."""
        return self.constants.value_of(operand)

    def dtype_of(self, operand: int) -> DType | None:
        """Return the dtype of an operand, None for a constant."""
        return None if operand < 0 else self.actions[self.kinds[operand]].dtype

    def operand_matrix(self) -> Any:
        """Return the operands, one row per position, `ABSENT` where there is none."""
        counts = np.fromiter(map(len, self.operands), np.int64, len(self))
        out = np.full((len(self), WIDTH), ABSENT, np.int64)
        is_there = np.arange(WIDTH) < counts[:, None]
        out[is_there] = np.fromiter(chain.from_iterable(self.operands), np.int64)
        return out
