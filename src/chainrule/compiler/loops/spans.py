"""Which places of a buffer an index may name, and whether those of two indices never meet."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Block, Index, Matrix, Unfolded
from chainrule.records import record

Ranges = Mapping[int, int]
"""How many values each loop variable takes, from 0."""

Tables = Mapping[int, tuple[int, Any]]
"""Names that were read from constant memory: the loop variable they were read by, and their values over its turns."""

_MOST_TURNS = 1 << 20
"""Turns of loops up to which the places in each of them are compared."""


@record
class Reach:
    """Places around an index: from `low` to `high`, counted from it."""

    index: Index
    low: int = 0
    high: int = 0


def reach_of(m: Matrix | Unfolded | Block, shape: tuple[int, ...] = ()) -> Reach:
    """Return the places of a matrix, or those of a block of this shape, its turns included."""
    factors: tuple[tuple[int, int], ...]
    if isinstance(m, Matrix):
        factors = (m.rows, m.row_stride), (m.columns, m.column_stride)
    elif isinstance(m, Unfolded):
        factors = m.rows + m.columns
    else:
        factors = tuple(zip(shape, (m.step, *m.strides), strict=True))
    steps = [(n - 1) * stride for n, stride in factors]
    return Reach(m.index, sum([min(s, 0) for s in steps]), sum([max(s, 0) for s in steps]))


def span_of(index: Index, ranges: Ranges) -> tuple[int, int] | None:
    """Return the first and the last place of an index, or None: it depends on numbers in memory."""
    low = high = index.offset
    for name, stride in index.terms:
        if name not in ranges:
            return None
        reach = (ranges[name] - 1) * stride
        low, high = low + min(reach, 0), high + max(reach, 0)
    return low, high


def never_meet(
    one: Reach, other: Reach, varying: Collection[int], ranges: Ranges, tables: Tables
) -> bool:
    """Say whether two indices certainly name different places whenever they are used.

    Args:
        one: places.
        other: other places.
        varying: the names that may have another value for one than for the other; all others have the same.
        ranges: of the loop variables.
        tables: what is known of names that were read from memory.
    """
    common = {t for t in one.index.terms if t in other.index.terms and t[0] not in varying}
    terms = [[t for t in x.index.terms if t not in common] for x in (one, other)]
    names = {name for name, _ in itertools.chain(*terms)}
    turns = {tables[n][0] if n in tables else n for n in names if n not in varying}
    if any(n not in ranges for n in turns | (names & set(varying))):
        return False
    sizes = [ranges[n] for n in sorted(turns)]
    if np.prod(sizes, dtype=float) > _MOST_TURNS:
        return False
    grid = dict(zip(sorted(turns), np.indices(sizes), strict=True))
    spans = [
        _spans(x, t, varying, ranges, tables, grid)
        for x, t in zip((one, other), terms, strict=True)
    ]
    (low, high), (low_other, high_other) = spans
    return bool(np.all((high < low_other) | (high_other < low)))


def _spans(
    x: Reach,
    terms: Sequence[tuple[int, int]],
    varying: Collection[int],
    ranges: Ranges,
    tables: Tables,
    grid: Mapping[int, Any],
) -> tuple[Any, Any]:
    """Return the first and the last place in each turn of the loops around."""
    low: Any = x.index.offset + x.low
    high: Any = x.index.offset + x.high
    for name, stride in terms:
        if name in varying:
            reach = (ranges[name] - 1) * stride
            low, high = low + min(reach, 0), high + max(reach, 0)
            continue
        values = tables[name][1][grid[tables[name][0]]] if name in tables else grid[name]
        low, high = low + values * stride, high + values * stride
    return low, high
