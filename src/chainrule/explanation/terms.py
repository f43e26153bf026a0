"""What formulas are made of: numbers, symbols, and ops applied to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chainrule.core.op import Notation


@dataclass(frozen=True, eq=False)
class Number:
    """A number or a plain array in a formula."""

    value: Any


@dataclass(frozen=True, eq=False)
class Symbol:
    """A value with a name.

    Attributes:
        name: what it is called.
        value: what it is worth; None if that is not known.
        formula: the name as a formula, where it has parts: `∂C/∂z1[0]`; None if it is a plain name.
    """

    name: str
    value: Any = None
    formula: Call | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """An op applied to formulas."""

    name: str
    notation: Notation
    arguments: tuple[Expression, ...]


Expression = Number | Symbol | Call
