"""Passes of loops, found in what was recorded: the same steps at the same places, one time after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

_MOST_PERIODS = 48
_FEWEST = 6


def repetitions(keys: Sequence[Any]) -> list[tuple[int, int, int]]:
    """Return repetitions: where each starts, how long one pass is, how many there are; those that cover most first.

    Two passes of at least four steps are one, or three of any length that are at least six steps together.

    >>> repetitions(list("abcdbcdbcde"))
    [(1, 3, 3)]
    """
    numbers: dict[Any, int] = {}
    codes = np.array([numbers.setdefault(key, len(numbers)) for key in keys])
    if len(numbers) == len(keys):
        return []
    found = []
    for period in _periods(codes):
        equal = np.concatenate([[0], codes[:-period] == codes[period:], [0]]).astype(np.int8)
        edges = np.flatnonzero(np.diff(equal))
        starts, lengths = edges[::2], edges[1::2] - edges[::2]
        if not len(starts):
            continue
        k = int(np.argmax(lengths))
        count = int(lengths[k]) // period + 1
        if (count >= 2 and period >= 4) or (count >= 3 and count * period >= _FEWEST):
            found.append((int(starts[k]), period, count))
    return sorted(found, key=lambda span: (-span[1] * span[2], span[1]))


def _periods(codes: Any) -> list[int]:
    """Return the distances at which the same step occurs again, the shortest of the most frequent first."""
    order = np.argsort(codes, kind="stable")
    same = codes[order][1:] == codes[order][:-1]
    distances = Counter((order[1:] - order[:-1])[same].tolist())
    return sorted(p for p, _ in distances.most_common(_MOST_PERIODS))
