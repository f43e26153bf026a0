"""Fit the polynomials of `compiler/emission/maths` and write them to `coefficients.py` there.

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
PATH = Path(__file__).parents[1] / "src/chainrule/compiler/emission/maths/coefficients.py"
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


def inverse_tangent(z: Any) -> Any:
    """`(atan(t) / t - 1) / z` for `z = t²`."""
    if z < SMALL:
        return series(z, lambda k: (-1) ** (k + 1) / mp.mpf(2 * k + 3))
    return (mp.atan(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def inverse_sine(z: Any) -> Any:
    """`(asin(s) / s - 1) / z` for `z = s²`."""
    if z < SMALL:
        return series(
            z, lambda k: mp.binomial(2 * k + 2, k + 1) / mp.mpf(4) ** (k + 1) / (2 * k + 3)
        )
    return (mp.asin(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def inverse_hyperbolic_tangent(z: Any) -> Any:
    """`2 (atanh(s) / s - 1) / z` for `z = s²`."""
    if z < SMALL:
        return series(z, lambda k: mp.mpf(2) / (2 * k + 3))
    return 2 * (mp.atanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def inverse_hyperbolic_tangent_rest(z: Any) -> Any:
    """What follows the first term, 2/3, divided by `z`."""
    return series(z, lambda k: mp.mpf(2) / (2 * k + 5))


def logarithm(f: Any) -> Any:
    """`(log(1 + f) - f + f²/2) / f³`."""
    if abs(f) < SMALL:
        return series(f, lambda k: (-1) ** k / mp.mpf(k + 3))
    return (mp.log(1 + f) - f + f * f / 2) / f**3


def sine(z: Any) -> Any:
    """`(sin(r) / r - 1) / z` for `z = r²`."""
    return series(z, lambda k: (-1) ** (k + 1) / mp.factorial(2 * k + 3))


def cosine(z: Any) -> Any:
    """`(cos(r) - 1 + z/2) / z²` for `z = r²`."""
    return series(z, lambda k: (-1) ** k / mp.factorial(2 * k + 4))


def hyperbolic_sine(z: Any) -> Any:
    """`(sinh(x) / x - 1) / z` for `z = x²`."""
    return series(z, lambda k: 1 / mp.factorial(2 * k + 3))


def hyperbolic_tangent(z: Any) -> Any:
    """`(tanh(x) / x - 1) / z` for `z = x²`."""
    if z < mp.mpf(10) ** -20:
        return -mp.mpf(1) / 3
    return (mp.tanh(mp.sqrt(z)) / mp.sqrt(z) - 1) / z


def error_function(z: Any) -> Any:
    """`erf(x) / x - 1` for `z = x²`."""
    return 2 / mp.sqrt(mp.pi) * series(z, lambda k: (-1) ** k / (mp.factorial(k) * (2 * k + 1))) - 1


CENTRE = mp.mpf("3.75")


def scaled_tail(t: Any) -> Any:
    """`(1 + 2x) exp(x²) erfc(x)` for `t = (x - k) / (x + k)`."""
    if t >= 1 - mp.mpf(10) ** -30:
        return 2 / mp.sqrt(mp.pi)
    x = CENTRE * (1 + t) / (1 - t)
    if x > 60:
        tail = mp.nsum(lambda k: (-1) ** k * mp.fac2(2 * k - 1) / (2 * x * x) ** k, [0, 12])
        return (1 + 2 * x) * tail / (x * mp.sqrt(mp.pi))
    return (1 + 2 * x) * mp.exp(x * x) * mp.erfc(x)


SMALL = mp.mpf("0.02")


def series(x: Any, term: Function) -> Any:
    """`Σ term(k) x^k`."""
    return mp.fsum(term(k) * x**k for k in range(60))


TAN_EIGHTH = mp.tan(mp.pi / 8) ** 2 * mp.mpf("1.0001")
ATANH_TO = ((mp.sqrt(2) - 1) / (mp.sqrt(2) + 1)) ** 2 * mp.mpf("1.0001")
LOG_FROM, LOG_TO = mp.sqrt(2) / 2 - 1 - mp.mpf("0.0001"), mp.sqrt(2) - 1 + mp.mpf("0.0001")
QUARTER = (mp.pi / 4) ** 2 * mp.mpf("1.0005")


def relative(x: Any) -> Any:
    """A weight for what is small beside 1."""
    return x + mp.mpf("1e-9")


# name: (function, weight, interval, degree)
FITS: dict[str, tuple[Function, Function, tuple[Any, Any], int]] = {
    "EXP_FLOAT32": (exponential, lambda x: x**2 * mp.exp(-x) + 1e-9, (-HALF_LOG_2, HALF_LOG_2), 4),
    "EXP_FLOAT64": (exponential, lambda x: x**2 * mp.exp(-x) + 1e-9, (-HALF_LOG_2, HALF_LOG_2), 9),
    "LOG_FLOAT32": (logarithm, lambda f: f**2 + 1e-9, (LOG_FROM, LOG_TO), 8),
    "ATANH_FLOAT64": (inverse_hyperbolic_tangent, relative, (0, ATANH_TO), 6),
    "ATANH_REST": (inverse_hyperbolic_tangent_rest, relative, (0, ATANH_TO), 7),
    "SIN_FLOAT32": (sine, relative, (0, QUARTER), 2),
    "SIN_FLOAT64": (sine, relative, (0, QUARTER), 5),
    "COS_FLOAT32": (cosine, lambda z: z**2 + 1e-9, (0, QUARTER), 2),
    "COS_FLOAT64": (cosine, lambda z: z**2 + 1e-9, (0, QUARTER), 5),
    "ATAN_FLOAT32": (inverse_tangent, relative, (0, TAN_EIGHTH), 4),
    "ATAN_FLOAT64": (inverse_tangent, relative, (0, TAN_EIGHTH), 10),
    "ASIN_FLOAT32": (inverse_sine, relative, (0, 0.25), 4),
    "ASIN_FLOAT64": (inverse_sine, relative, (0, 0.25), 12),
    "SINH_FLOAT32": (hyperbolic_sine, relative, (0, 1), 3),
    "SINH_FLOAT64": (hyperbolic_sine, relative, (0, 1), 6),
    "TANH_FLOAT32": (hyperbolic_tangent, relative, (0, 0.3026), 4),
    "CBRT": (mp.cbrt, lambda m: 1 / mp.cbrt(m), (1, 2), 5),
    "ERF_FLOAT32": (error_function, lambda z: mp.mpf(1), (0, 0.82), 6),
    "ERF_FLOAT64": (error_function, lambda z: mp.mpf(1), (0, 0.82), 11),
    "ERF_LOG_FLOAT32": (lambda x: -mp.log(mp.erfc(x)), mp.erfc, (0.89, 4), 7),
    "ERFCX": (scaled_tail, lambda t: 1 / scaled_tail(t), (-1, 1), 24),
}


def numbers(name: str, values: list[Any]) -> str:
    """Return the text of a tuple."""
    lines = "".join(f"    {v!r},\n" for v in values)
    return f"{name} = (\n{lines})\n"


def parts_of_half_pi() -> list[float]:
    """Return π/2 in three parts of 33 digits and the rest."""
    rest, parts = mp.pi / 2, []
    for _ in range(3):
        scale = mp.mpf(2) ** (32 - int(mp.floor(mp.log(rest, 2))))
        parts.append(mp.floor(rest * scale) / scale)
        rest -= parts[-1]
    return [float(p) for p in (*parts, rest)]


def words_of_two_over_pi() -> list[int]:
    """Return 64 zeros and the digits of 2/π in words of 32 bits, signed as LLVM writes them."""
    with mp.workprec(1600):
        digits = int(mp.floor(2 / mp.pi * mp.mpf(2) ** 1280))
    words = [0, 0, *(digits >> (1280 - 32 * (i + 1)) & 0xFFFFFFFF for i in range(40))]
    return [w - 2**32 if w >> 31 else w for w in words]


def main() -> None:
    """Fit all and write the file."""
    parts = [HEADER]
    for name, (f, weight, (low, high), degree) in FITS.items():
        coefficients, error = remez(f, weight, low, high, degree)
        print(f"{name:24} degree {degree:2}  error 2^{float(mp.log(error, 2)):.1f}")
        parts.append(numbers(name, [float(c) for c in coefficients]))
    parts.append(f"ERFCX_CENTRE = {float(CENTRE)!r}\n")
    parts.append(numbers("HALF_PI_PARTS", parts_of_half_pi()))
    parts.append(numbers("TWO_OVER_PI", words_of_two_over_pi()))
    PATH.write_text("".join(parts))


if __name__ == "__main__":
    main()
