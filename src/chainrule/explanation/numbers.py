"""Numbers for a reader: so many digits, and `≈` where that is not the whole number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.explanation.formula import PRETTY_SIGNS, Style, written
from chainrule.explanation.terms import Symbol

_SMALL_ARRAY = 6


@dataclass(frozen=True)
class Digits:
    """How numbers are shown: with so many significant digits."""

    count: int = 6

    def number(self, value: Any) -> str:
        """Write a number, a small array in full, of a larger one the type.

        >>> Digits(3).number(-0.20184692), Digits(3).number(2.0), Digits(3).number(-12.0)
        ('−0.202', '2', '−12')
        """
        if type(value) is tuple:
            return f"({', '.join(map(self.number, value))})"
        if np.ndim(value):
            array = np.asarray(value)
            if array.size > _SMALL_ARRAY or array.dtype.kind not in "fiub":
                return str(type_of(value))
            return self._nested(array)
        plain = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
        text = f"{plain:.{self.count}g}" if isinstance(plain, (float, complex)) else str(plain)
        return (
            ("0" if text == "-0" else text).replace("-", "−", 1) if text.startswith("-") else text
        )

    def is_exact(self, *values: Any) -> bool:
        """Say whether every number is shown with all its digits."""
        return all(self._is_exact(v) for v in values)

    def equals(self, *values: Any) -> str:
        """Return `=` where all the numbers are whole as shown, else `≈`."""
        return "=" if self.is_exact(*values) else "≈"

    def relation(self, value: Any) -> str:
        """Return `=` or `≈`; nothing for an array of which only the type is shown."""
        if type(value) is not tuple and np.ndim(value) and not self.number(value).startswith("["):
            return ""
        return self.equals(value)

    @property
    def names(self) -> Style:
        """Formulas with names."""

        def name(symbol: Symbol) -> str:
            return symbol.name if symbol.formula is None else written(symbol.formula, style)

        style = Style(self.number, name, PRETTY_SIGNS)
        return style

    @property
    def values(self) -> Style:
        """Formulas with values in the place of names."""
        names = self.names

        def value(symbol: Symbol) -> str:
            return names.write_symbol(symbol) if symbol.value is None else self.number(symbol.value)

        return Style(self.number, value, PRETTY_SIGNS)

    def _is_exact(self, value: Any) -> bool:
        if type(value) is tuple or np.ndim(value):
            parts = value if type(value) is tuple else np.ravel(value)
            return len(parts) <= _SMALL_ARRAY and all(self._is_exact(v) for v in parts)
        try:
            return bool(float(f"{value:.{self.count}g}") == value or value != value)  # noqa: PLR0124  NaN
        except (TypeError, ValueError):
            return False

    def _nested(self, array: Any) -> str:
        if array.ndim == 0:
            return self.number(array[()])
        return f"[{', '.join(self._nested(part) for part in array)}]"
