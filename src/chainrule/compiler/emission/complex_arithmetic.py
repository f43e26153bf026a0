"""Complex numbers as pairs of real ones, by NumPy's formulas."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.values import AnyValue, Pair, Value, real_dtype


def product(x: Pair, y: Pair) -> Pair:
    """Return `x * y`."""
    return Pair(
        x.emitter,
        x.real * y.real - x.imag * y.imag,
        x.real * y.imag + x.imag * y.real,
        x.dtype,
    )


def quotient(e: Any, x: Pair, y: Pair) -> Pair:
    """Return `x / y` by Smith's algorithm, which does not overflow; by 0 each part is divided by 0."""
    real_size, imag_size = e.fabs(y.real), e.fabs(y.imag)
    by_real = real_size >= imag_size
    large = e.chosen(by_real, y.real, y.imag)
    small = e.chosen(by_real, y.imag, y.real)
    is_zero = e.equal(real_size, 0.0) & e.equal(imag_size, 0.0)
    ratio = small / large
    scale = 1.0 / (large + small * ratio)
    first, second = e.chosen(by_real, x.real, x.imag), e.chosen(by_real, x.imag, x.real)
    real = (first + second * ratio) * scale
    product = first * ratio
    imag = e.chosen(by_real, second - product, product - second) * scale
    return Pair(
        e,
        e.chosen(is_zero, x.real / real_size, real),
        e.chosen(is_zero, x.imag / imag_size, imag),
        x.dtype,
    )


def reciprocal(e: Any, x: Pair) -> Pair:
    """Return `1 / x` by NumPy's formula."""
    by_real = e.fabs(x.imag) <= e.fabs(x.real)
    large = e.chosen(by_real, x.real, x.imag)
    small = e.chosen(by_real, x.imag, x.real)
    ratio = small / large
    scale = large + small * ratio
    one, share = 1.0 / scale, ratio / scale
    return Pair(e, e.chosen(by_real, one, share), -e.chosen(by_real, share, one), x.dtype)


def in_order(e: Any, order: str, x: Pair, y: Pair) -> Value:
    """Compare by the real parts, and by the imaginary parts where those are equal."""
    strict = {"ole": "olt", "oge": "ogt"}.get(order, order)
    first = e.compared(f"fcmp {strict}", x.real, y.real)
    unless_nan = ~(e.isnan(x.imag) | e.isnan(y.imag))
    second = e.compared(f"fcmp {order}", x.imag, y.imag)
    return (first & unless_nan) | (e.equal(x.real, y.real) & second)  # type: ignore[no-any-return]


def extreme(e: Any, order: str, x: Pair, y: Pair, *, keeps_nan: bool) -> Any:
    """Return the one of two that comes first or last in NumPy's order."""
    better = e.chosen(in_order(e, order.replace("t", "e"), x, y), x, y)
    return e.chosen(e.isnan(x if keeps_nan else y), x, better)


def cast(e: Any, x: AnyValue, dtype: np.dtype[Any]) -> Pair:
    """Return a value as a complex number."""
    part = real_dtype(dtype)
    if isinstance(x, Pair):
        return Pair(e, e.cast(x.real, part), e.cast(x.imag, part), dtype)
    real = e.cast(x, part)
    return Pair(e, real, e.spread(e.number(0.0, part), real.lanes), dtype)
