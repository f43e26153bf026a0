"""Slopes of a function of one number by differences: centred, on both sides, and whether a kink lies between."""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

Function = Callable[[Any], float]


@dataclass(frozen=True)
class Slopes:
    """Differences at one entry: the centred one, those on both sides, and how much of them may be rounding."""

    central: complex
    ahead: complex
    behind: complex
    noise: float
    has_kink: bool

    def allow(self, gradient: complex) -> bool:
        """Say whether a gradient lies between the slopes on both sides, as one at a kink does."""
        return all(
            min(a, b) - self.noise <= x <= max(a, b) + self.noise
            for x, a, b in zip(
                *map(_real_and_imaginary, (gradient, self.ahead, self.behind)), strict=True
            )
        )


def relative_error(analytic: complex, numeric: complex) -> float:
    """Return `|a - n| / max(|a|, |n|)`, 0 where both are zero, NaN where one is.

    >>> round(relative_error(1.0, 1.0001), 12), relative_error(0.0, float("nan"))
    (9.9990001e-05, nan)
    """
    if cmath.isnan(analytic) or cmath.isnan(numeric):  # max() would not let a NaN through
        return math.nan
    scale = max(abs(analytic), abs(numeric))
    return abs(analytic - numeric) / scale if scale else 0.0


def slopes_at(
    f: Function, x: np.ndarray[Any, Any], index: tuple[int, ...], step: float, precision: float
) -> Slopes:
    """Return the slopes of `f` at `x` when the entry at `index` moves.

    Args:
        f: takes an array like `x` and returns a number.
        x: where.
        index: which entry moves.
        step: how far.
        precision: the relative precision of the values of `f`.
    """
    directions = [step, step * 1j] if x.dtype.kind == "c" else [step]
    sides = [_sides(f, x, index, h) for h in directions]
    noise = 4 * precision * max(s.size for s in sides) / step
    has_kink = any(
        s.gap > 100 * noise and not _shrinks_in_proportion(s, _sides(f, x, index, h / 10))
        for s, h in zip(sides, directions, strict=True)
    )
    return Slopes(
        _joined([s.central for s in sides]),
        _joined([s.ahead for s in sides]),
        _joined([s.behind for s in sides]),
        noise,
        has_kink,
    )


@dataclass(frozen=True)
class _Sides:
    """The slopes along one direction, and the size of the function's values there."""

    central: float
    ahead: float
    behind: float
    size: float

    @property
    def gap(self) -> float:
        return abs(self.ahead - self.behind)


def _shrinks_in_proportion(wide: _Sides, near: _Sides) -> bool:
    """Say whether the two slopes of a ten times smaller step are ten times closer, as a smooth function's are."""
    return 0.05 * wide.gap < near.gap < 0.2 * wide.gap


def _sides(f: Function, x: np.ndarray[Any, Any], index: tuple[int, ...], h: complex) -> _Sides:
    def value(offset: complex) -> tuple[float, float]:
        changed = x.copy()
        changed[index] += offset
        return f(changed[()]), float(abs(changed[index] - x[index]))

    (ahead, right), (behind, left), (here, _) = value(h), value(-h), value(0)
    return _Sides(
        (ahead - behind) / (right + left),
        (ahead - here) / right,
        (here - behind) / left,
        max(abs(ahead), abs(behind), abs(here)),
    )


def _joined(slopes: Sequence[float]) -> complex:
    """Return the derivative by a real number, or ∂f/∂Re − i·∂f/∂Im."""
    return slopes[0] if len(slopes) == 1 else complex(slopes[0], -slopes[1])


def _real_and_imaginary(x: complex) -> tuple[float, float]:
    return x.real, x.imag
