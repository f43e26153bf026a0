"""Fit the polynomials of `compiler/maths` and write them to `coefficients.py` there.

Every one is a minimax fit by Remez' exchange, in 60 digits: of all polynomials of its degree the one whose largest
error, times a weight, is smallest. Needs mpmath, which the library does not: `pip install mpmath`.

Usage: python tools/fit_coefficients.py
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import mpmath as mp

mp.mp.dps = 60
PATH = Path(__file__).parents[1] / "src/chainrule/compiler/maths/coefficients.py"
HEADER = '''"""The coefficients of the polynomials, lowest power first; made by `tools/fit_coefficients.py`."""

'''
Function = Callable[[Any], Any]


def remez(f: Function, weight: Function, low: Any, high: Any, degree: int) -> tuple[list[Any], Any]:
    """Return the polynomial `p` of least `max |weight · (f - p)|` on an interval, and that maximum."""
    low, high = mp.mpf(low), mp.mpf(high)
    count = degree + 2
    middle, half = (low + high) / 2, (high - low) / 2
    points = [middle - half * mp.cos(mp.pi * i / (count - 1)) for i in range(count)]
    grid = [middle - half * mp.cos(mp.pi * i / (40 * count)) for i in range(40 * count + 1)]
    values = [(f(x), weight(x)) for x in grid]
    error = mp.mpf(0)
    for _ in range(12):
        system, right = mp.matrix(count, count), mp.matrix(count, 1)
        for i, x in enumerate(points):
            u = (x - middle) / half
            for j in range(degree + 1):
                system[i, j] = u**j
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = mp.lu_solve(system, right)
        centred = list(solution)[: degree + 1]
        errors = [
            w * (v - mp.polyval(centred[::-1], (x - middle) / half))
            for x, (v, w) in zip(grid, values, strict=True)
        ]
        points, error = exchanged(grid, errors, count), max(map(abs, errors))
        if error < abs(solution[degree + 1]) * mp.mpf("1.001"):
            break
    return recentred(centred, middle, half), error


def exchanged(grid: list[Any], errors: list[Any], count: int) -> list[Any]:
    """Return the places where the error is largest, its signs alternating."""
    best: list[int] = []
    for i, e in enumerate(errors):
        if best and (errors[best[-1]] > 0) == (e > 0):
            if abs(e) > abs(errors[best[-1]]):
                best[-1] = i
        else:
            best.append(i)
    while len(best) > count:
        drop = 0 if abs(errors[best[0]]) < abs(errors[best[-1]]) else -1
        best.pop(drop)
    if len(best) < count:
        message = f"the error alternates at {len(best)} places, not {count}"
        raise ValueError(message)
    return [grid[i] for i in best]


def recentred(coefficients: list[Any], middle: Any, half: Any) -> list[Any]:
    """Return the coefficients in `x`, of a polynomial in `(x - middle) / half`."""
    result = [mp.mpf(0)]
    for c in reversed(coefficients):  # Horner's scheme on polynomials
        shifted = [mp.mpf(0), *(r / half for r in result)]
        for i, r in enumerate(result):
            shifted[i] -= r * middle / half
        shifted[0] += c
        result = shifted
    return result[: len(coefficients)]


HALF_LOG_2 = mp.log(2) / 2 * mp.mpf("1.0005")


def exponential(x: Any) -> Any:
    """`(exp(x) - 1 - x) / x²`, by its series near 0."""
    if abs(x) < mp.mpf("0.05"):
        return mp.nsum(lambda k: x**k / mp.factorial(k + 2), [0, 30])
    return (mp.exp(x) - 1 - x) / x**2


# name: (function, weight, interval, degree)
FITS: dict[str, tuple[Function, Function, tuple[Any, Any], int]] = {
    "EXP_FLOAT32": (exponential, lambda x: x**2 * mp.exp(-x) + 1e-9, (-HALF_LOG_2, HALF_LOG_2), 4),
    "EXP_FLOAT64": (exponential, lambda x: x**2 * mp.exp(-x) + 1e-9, (-HALF_LOG_2, HALF_LOG_2), 9),
}


def main() -> None:
    """Fit all and write the file."""
    parts = [HEADER]
    for name, (f, weight, (low, high), degree) in FITS.items():
        coefficients, error = remez(f, weight, low, high, degree)
        print(f"{name:24} degree {degree:2}  error 2^{float(mp.log(error, 2)):.1f}")
        lines = "".join(f"    {float(c)!r},\n" for c in coefficients)
        parts.append(f"{name} = (\n{lines})\n")
    PATH.write_text("".join(parts))


if __name__ == "__main__":
    main()
