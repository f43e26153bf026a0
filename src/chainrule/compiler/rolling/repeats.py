"""Stretches of a tape that repeat: candidates for the period, and the runs of each.

A token says what a position does and which of its operands are constants, not which values it takes: two turns of a
loop have the same tokens. Everything here is vector code over the tokens of the whole tape.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.rolling.tape import ABSENT
from chainrule.records import record

MIN_TURNS = 4
MIN_SAVED = 64
"""Positions that a loop has to save, and turns it has to have."""

_GRAMS = (4, 16, 64)
"""Lengths of the stretches that are looked up to guess periods; powers of two."""

_CANDIDATES = 6
"""Periods that are tried per length."""

_NEARLY = 0.98
"""A longer period has to save more than a shorter one, by this factor."""


@record
class Run:
    """Positions `start` to `end` in which every token equals the one a period before."""

    start: int
    end: int
    period: int

    @property
    def turns(self) -> int:
        """Whole periods."""
        return (self.end - self.start) // self.period

    @property
    def saved(self) -> int:
        """Positions that need not be written out."""
        return (self.turns - 1) * self.period


def tokens_of(kinds: Sequence[int], operands: Any) -> Any:
    """Return one small integer per position."""
    tokens = np.array(kinds, np.int64)
    for i in range(operands.shape[1]):
        column = operands[:, i]
        tokens = tokens * 3 + np.where(column >= 0, 2, np.where(column == ABSENT, 0, 1))
    return np.unique(tokens, return_inverse=True)[1].astype(np.int64)


def best_runs(tokens: Any, *, is_outer_first: bool) -> list[list[Run]]:
    """Return the runs of each candidate period, the best period first.

    Args:
        tokens: of a stretch of the tape.
        is_outer_first: judge a period by its longest run, which favours outer loops, instead of by all its runs
            together, which favours inner ones.
    """
    found: list[tuple[int, list[Run]]] = []
    for period in sorted(_candidate_periods(tokens)):
        runs = _runs(tokens, period)
        if is_outer_first:
            runs = sorted(runs, key=lambda run: -run.saved)[:1]
        if runs:
            found.append((sum(run.saved for run in runs), runs))
    found.sort(key=lambda pair: (-pair[0], pair[1][0].period))
    while len(found) > 1 and _is_as_good(found[1], found[0]):
        found.pop(0)
    return [runs for _, runs in found]


def _is_as_good(shorter: tuple[int, list[Run]], longer: tuple[int, list[Run]]) -> bool:
    return shorter[0] > _NEARLY * longer[0] and shorter[1][0].period < longer[1][0].period


def _candidate_periods(tokens: Any) -> set[int]:
    """Return the distances at which equal stretches follow each other most often."""
    periods: set[int] = set()
    for length in _GRAMS:
        if len(tokens) < 2 * length:
            break
        hashes = _hashes(tokens, length)
        order = np.argsort(hashes, kind="stable")
        distances = np.diff(order)[hashes[order[1:]] == hashes[order[:-1]]]
        if len(distances) == 0:
            break
        count = np.bincount(distances)
        top = np.argsort(-count, kind="stable")[:_CANDIDATES]
        periods.update(int(p) for p in top if count[p])
    return periods


def _hashes(tokens: Any, length: int) -> Any:
    """Return a hash of the `length` tokens from each position on, by doubling."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(1, 1 << 63, int(tokens.max()) + 1, dtype=np.uint64)[tokens]
    factor, width = 0x9E3779B97F4A7C15, 1  # odd: the golden ratio, as Fibonacci hashing has it
    while width < length:
        hashes = hashes[:-width] * np.uint64(factor) + hashes[width:]
        factor = factor * factor % (1 << 64)
        width *= 2
    return hashes


def _runs(tokens: Any, period: int) -> list[Run]:
    """Return the stretches in which the period holds, long enough to pay, none into another."""
    holds = np.zeros(len(tokens) - period + 2, np.int8)
    holds[1:-1] = tokens[period:] == tokens[:-period]
    edges = np.flatnonzero(np.diff(holds))
    starts, ends = edges[::2], edges[1::2] + period
    turns = (ends - starts) // period
    pays = (turns >= MIN_TURNS) & ((turns - 1) * period >= MIN_SAVED)
    runs: list[Run] = []
    for start, end in zip(starts[pays].tolist(), ends[pays].tolist(), strict=True):
        if not runs or start >= runs[-1].end:
            runs.append(Run(start, end, period))
    return runs


def quietest_shift(operands: Any, run: Run) -> int:
    """Return by how much to shift the turns so that fewest values go from one to the next.

    That is where the user's loop begins. Judged by one turn in the middle, which reads from itself and the turn before.
    """
    period = run.period
    middle = run.start + (run.turns // 2) * period
    last = min(middle + 2 * period, run.end)
    reads = operands[middle:last]
    readers = np.broadcast_to(np.arange(middle, last)[:, None], reads.shape)
    near = (reads >= middle - period) & (reads >= run.start)
    sources, readers = reads[near] - (middle - period), readers[near] - (middle - period)
    last_read = np.zeros(3 * period, np.int64)
    np.maximum.at(last_read, sources, readers)
    places = np.arange(3 * period)
    is_read = last_read > places
    change = np.zeros(3 * period + 2, np.int64)
    np.add.at(change, places[is_read] + 1, 1)
    np.add.at(change, last_read[is_read] + 1, -1)
    crossing = np.cumsum(change)[period : 2 * period]
    return int(np.argmin(crossing))
