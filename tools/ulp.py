"""Print how far the functions of `compiler/emission/maths` are off, in units in the last place.

For each function, dtype and interval: the largest error among random and evenly spaced arguments, against NumPy's long
doubles (64 digits of base 2 on x86) and those of `tests/compiler/longer.py`. Needs the repository beside it:
`python tools/ulp.py`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.compiler import longer
from tests.compiler.longer import LONG
from tests.compiler.test_complex_maths import FUNCTIONS, SCALES, drawn, relative_error
from tests.compiler.test_maths import CASES, CASES_OF_TWO, natively, units_off

RANDOM, EVEN = 200_000, 20_001


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    print(
        f"{RANDOM} random and {EVEN} evenly spaced arguments in each interval, of two only random ones"
    )
    for name, intervals in CASES.items():
        for dtype in ("f4", "f8"):
            report(name, dtype, [(ends, arguments(ends, rng, dtype)) for ends in intervals])
    for name, pairs in CASES_OF_TWO.items():
        for dtype in ("f4", "f8"):
            drawn = [[rng.uniform(*e, RANDOM).astype(dtype) for e in ends] for ends in pairs]
            report(name, dtype, list(zip(pairs, drawn, strict=True)))
    print(
        "complex numbers, normally distributed and scaled; units of the precision times the size of the result"
    )
    for name in FUNCTIONS:
        for dtype in "FD":
            row = [f"{scale}: {worst_of_complex(name, dtype, scale, rng):.2f}" for scale in SCALES]
            print(f"{name:8} {np.dtype(dtype)}  {'  '.join(row)}")


def worst_of_complex(name: str, dtype: str, scale: float, rng: np.random.Generator) -> float:
    """Return the largest error of a complex function."""
    z = drawn(rng, dtype, scale, RANDOM)
    exact = getattr(np, name)(z.astype(np.clongdouble))
    return float(relative_error(natively(name, [z]), exact))


def arguments(ends: tuple[float, float], rng: np.random.Generator, dtype: str) -> list[Any]:
    """Return the arguments of an interval."""
    x = np.concatenate([rng.uniform(*ends, RANDOM), np.linspace(*ends, EVEN)])
    return [x.astype(dtype)]


def report(name: str, dtype: str, cases: Sequence[tuple[Any, Sequence[Any]]]) -> None:
    """Print a function's largest error in each case."""
    row = [f"{ends}: {worst(name, arrays):.2f}" for ends, arrays in cases]
    print(f"{name:8} {np.dtype(dtype)}  {'  '.join(row)}")


def worst(name: str, arrays: Sequence[Any]) -> float:
    """Return the largest error."""
    with np.errstate(all="ignore"):
        exact = longer.function(name)(*(x.astype(LONG) for x in arrays))
    return float(units_off(natively(name, arrays), exact).max())


if __name__ == "__main__":
    main()
