"""Sums and products with their rounding errors: numbers in two parts, twice as precise.

T. J. Dekker, "A floating-point technique for extending the available precision", 1971.
"""

from __future__ import annotations

from typing import Any

Parts = tuple[Any, Any]


def sum_parts(x: Any, y: Any) -> Parts:
    """Return `x + y` rounded, and what was lost."""
    total = x + y
    part = total - x
    return total, (x - (total - part)) + (y - part)


def ordered_sum_parts(large: Any, small: Any) -> Parts:
    """Return `large + small` rounded and what was lost, where the first is not the smaller one."""
    total = large + small
    return total, small - (total - large)


def product_parts(e: Any, x: Any, y: Any) -> Parts:
    """Return `x * y` rounded, and what was lost."""
    x, y = e.matched(x, y)
    product = x * y
    return product, e.product_error(x, y, product)


def square_parts(e: Any, x: Any) -> Parts:
    """Return `x * x` rounded, and what was lost."""
    return product_parts(e, x, x)


def quotient_parts(e: Any, x: Any, y: Any) -> Parts:
    """Return `x / y` rounded, and what was lost."""
    x, y = e.matched(x, y)
    quotient = x / y
    product, error = product_parts(e, quotient, y)
    return quotient, ((x - product) - error) / y
