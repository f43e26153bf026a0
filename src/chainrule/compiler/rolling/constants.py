"""Constants by number: equal bits of one type are one operand."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.records import fresh, mutable_record

FIRST_CONSTANT = -2
"""The operand of constant number k is `FIRST_CONSTANT - k`; -1 stands for no operand."""

_LARGEST_COMPARED = 4096
"""Bytes up to which arrays are compared by their content."""


@mutable_record
class Constants:
    """The constants of a program under construction."""

    values: list[Any] = fresh(default_factory=list)
    known: dict[Any, int] = fresh(default_factory=dict)

    def enter(self, value: Any) -> int:
        """Return the operand that stands for a constant."""
        key: Any
        if isinstance(value, (float, int)):
            key = type(value), value or str(value)  # 0.0 and -0.0 are equal, and two constants
        elif isinstance(value, np.ndarray) and value.nbytes > _LARGEST_COMPARED:
            key = id(value)
        else:
            array = np.asarray(value)
            key = type(value), array.dtype, array.shape, array.tobytes()
        known = self.known.get(key)
        if known is None:
            known = self.known[key] = FIRST_CONSTANT - len(self.values)
            self.values.append(value)
        return known

    def value_of(self, operand: int) -> Any:
        """Return the constant that an operand stands for."""
        return self.values[FIRST_CONSTANT - operand]
