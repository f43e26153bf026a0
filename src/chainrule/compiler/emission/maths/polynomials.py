"""Polynomials in Horner's form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def polynomial(e: Any, x: Any, coefficients: Sequence[float]) -> Any:
    """Return `Σ c_k · x**k`, from the highest power down."""
    numbers = e.constants(coefficients, x)
    total = numbers[-1]
    for c in reversed(numbers[:-1]):
        total = e.multiply_add(total, x, c)
    return total
