"""Print how far the functions of `compiler/emission/maths` are off, in units in the last place.

For each function, dtype and interval: the largest error among random and evenly spaced arguments, against NumPy's long
doubles (64 digits of base 2 on x86). Needs the repository beside it: `python tools/ulp.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.compiler.test_maths import CASES, LONG, natively, units_off

RANDOM, EVEN = 200_000, 20_001


def main() -> None:
    """Print the table."""
    rng = np.random.default_rng(0)
    print(f"{RANDOM} random and {EVEN} evenly spaced arguments in each interval")
    for name, intervals in CASES.items():
        for dtype in ("f4", "f8"):
            row = [f"{ends}: {worst(name, dtype, ends, rng):.2f}" for ends in intervals]
            print(f"{name:8} {np.dtype(dtype)}  {'  '.join(row)}")


def worst(name: str, dtype: str, ends: tuple[float, float], rng: np.random.Generator) -> float:
    """Return the largest error in an interval."""
    x = np.concatenate([rng.uniform(*ends, RANDOM), np.linspace(*ends, EVEN)]).astype(dtype)
    with np.errstate(all="ignore"):
        exact = getattr(np, name)(x.astype(LONG))
    return float(units_off(natively(name, [x]), exact).max())


if __name__ == "__main__":
    main()
