"""Learning rates that change: functions from the number of updates made so far to a rate."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.optim.arithmetic import check_positive
from chainrule.optim.transforms import Schedule


def constant(value: float) -> Schedule:
    """Return the same rate for every step."""
    return lambda count: value


def exponential_decay(
    initial: float, *, rate: float, steps: float, staircase: bool = False
) -> Schedule:
    """Multiply by `rate` every `steps` steps, smoothly or, with `staircase`, all at once.

    Examples:
        >>> [float(exponential_decay(1.0, rate=0.25, steps=2)(count)) for count in (0, 1, 2)]
        [1.0, 0.5, 0.25]
    """
    check_positive("exponential_decay", "rate", rate)
    check_positive("exponential_decay", "steps", steps)

    def schedule(count: Value) -> Value:
        periods = count / steps
        return initial * rate ** (np.floor(periods) if staircase else periods)

    return schedule


def cosine(initial: float, *, steps: float, final: float = 0.0) -> Schedule:
    """Go from `initial` to `final` along half a cosine in `steps` steps, and stay there.

    Examples:
        >>> [round(float(cosine(1.0, steps=4)(count)), 3) for count in (0, 2, 4, 9)]
        [1.0, 0.5, 0.0, 0.0]
    """
    check_positive("cosine", "steps", steps)

    def schedule(count: Value) -> Value:
        part = np.minimum(count / steps, 1.0)
        return final + (initial - final) * 0.5 * (1 + np.cos(np.pi * part))

    return schedule


def warmup_cosine(
    peak: float, *, warmup_steps: int, steps: int, initial: float = 0.0, final: float = 0.0
) -> Schedule:
    """Rise in a line to `peak` in `warmup_steps` steps, then fall to `final` at step `steps`.

    Examples:
        >>> schedule = warmup_cosine(1.0, warmup_steps=2, steps=6)
        >>> [round(float(schedule(count)), 3) for count in (0, 1, 2, 4, 6)]
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    check_positive("warmup_cosine", "warmup_steps", warmup_steps)
    if steps <= warmup_steps:
        expected = f"more than warmup_steps={warmup_steps}"
        raise ArgumentError.from_range("warmup_cosine", "steps", steps, expected)
    fall = cosine(peak, steps=steps - warmup_steps, final=final)

    def schedule(count: Value) -> Value:
        rise = initial + (peak - initial) * count / warmup_steps
        return np.where(count < warmup_steps, rise, fall(count - warmup_steps))

    return schedule


def piecewise(values: Sequence[float], boundaries: Sequence[int]) -> Schedule:
    """Return `values[0]` before step `boundaries[0]`, then `values[1]`, and so on.

    Examples:
        >>> [float(piecewise([0.1, 0.01], [100])(count)) for count in (99, 100)]
        [0.1, 0.01]
    """
    if len(values) != len(boundaries) + 1:
        expected = "one value more than boundaries"
        raise ArgumentError.from_range("piecewise", "values", values, expected)
    if list(boundaries) != sorted(set(boundaries)):
        expected = "increasing step numbers"
        raise ArgumentError.from_range("piecewise", "boundaries", boundaries, expected)

    def schedule(count: Value) -> Value:
        value: Value = np.float64(values[0])
        for boundary, later in zip(boundaries, values[1:], strict=True):
            value = np.where(count >= boundary, later, value)
        return value

    return schedule
