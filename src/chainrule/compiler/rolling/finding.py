"""Find the loops of a tape: runs of repeated tokens, cut where a lane leaves its line.

Every loop is verified: expanded, it gives the actions of the tape back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.compiler.rolling.lanes import (
    MOST_GATHERED,
    Rolled,
    classified,
    expanded,
    expanded_places,
)
from chainrule.compiler.rolling.repeats import (
    MIN_SAVED,
    MIN_TURNS,
    Run,
    best_runs,
    quietest_shift,
    tokens_of,
)
from chainrule.errors import GraphError
from chainrule.records import mutable_record

_ROUNDS = 4
"""How often what is left is searched again."""

_FIRST_TURNS = 3
"""Turns before a stretch that may join it, their strays being the first values of carried ones."""

GOOD_ENOUGH = 500
"""Positions of a tape left up to which nothing else is tried."""


_ENDS = ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1))
"""Turns left out at the beginning and at the end, where values need not be in line."""

_MULTIPLES = (1, 2, 3, 4, 6, 8)
"""How many stretches with equal tokens a turn may consist of."""

_NEARLY_ALL = 0.6
"""The part of a run that loops have to cover for no other multiple to be tried."""


class Recorded(Protocol):
    """What loops are found in: a tape, or the outline of a graph."""

    kinds: list[int]
    places: list[int]

    def operand_matrix(self) -> Any:
        """Return the operands, one row per position."""

    def __len__(self) -> int: ...


def loops_of(tape: Recorded, good_enough: int = GOOD_ENOUGH) -> list[Rolled]:
    """Return loops that cover as much of a tape as they can, in order; what lies between them is straight.

    Args:
        tape: what is recorded.
        good_enough: positions left up to which nothing else is tried.

    Raises:
        GraphError: a loop does not give back what it stands for: a mistake of ours.
    """
    operands = tape.operand_matrix()
    search = _Search(tokens_of(tape.kinds, operands), operands, np.array(tape.places, np.int64))
    loops = search.loops(is_outer_first=False)
    if _left(loops, len(tape)) > good_enough:
        others = search.loops(is_outer_first=True)
        loops = min(loops, others, key=lambda found: _left(found, len(tape)))
    for loop in loops:
        _verify(loop, search)
    return loops


def _left(loops: Sequence[Rolled], size: int) -> int:
    """Return how many positions have to be written."""
    return size - _saved(loops)


def _verify(loop: Rolled, search: _Search) -> None:
    stretch = slice(loop.start, loop.end)
    is_same = np.array_equal(expanded(loop), search.operands[stretch])
    if not is_same or not np.array_equal(expanded_places(loop), search.places[stretch]):
        raise GraphError.from_rule(
            f"rolling: the loop at {loop.start} of {loop.turns} turns of {loop.period}",
            "does not give back the actions it was made of",
        )


@mutable_record
class _Search:
    tokens: Any
    operands: Any
    places: Any

    def loops(self, *, is_outer_first: bool) -> list[Rolled]:
        """Search the whole tape, then again what is left of it, without the runs that came to nothing."""
        refused: set[Run] = set()
        loops: list[Rolled] = []
        for _ in range(_ROUNDS):
            runs = [
                run
                for start, end in _gaps(loops, len(self.tokens))
                for run in self._runs(start, end, refused, is_outer_first=is_outer_first)
            ]
            if not runs:
                break
            loops = self._fitted(loops, runs, refused)
        return loops

    def _runs(self, start: int, end: int, refused: set[Run], *, is_outer_first: bool) -> list[Run]:
        """Return runs of a stretch, none into another: those of the best period, then those between them."""
        found: list[Run] = []
        stretches = [(start, end)]
        while stretches:
            start, end = stretches.pop()
            if end - start < MIN_SAVED:
                continue
            for candidates in best_runs(self.tokens[start:end], is_outer_first=is_outer_first):
                moved = [Run(r.start + start, r.end + start, r.period) for r in candidates]
                runs = [run for run in moved if run not in refused]
                if runs:
                    found += runs
                    borders = [start, *[x for run in runs for x in (run.start, run.end)], end]
                    stretches += zip(borders[::2], borders[1::2], strict=True)
                    break
        return found

    def _fitted(
        self, loops: Sequence[Rolled], runs: Sequence[Run], refused: set[Run]
    ) -> list[Rolled]:
        """Make loops of runs, in order, so that each knows those before it; loops known already are made again."""
        made: list[Rolled] = []
        both: list[Rolled | Run] = [*loops, *runs]
        for item in sorted(both, key=lambda x: x.start):
            if isinstance(item, Run):
                new = self._loops_of_run(item, made)
                if not new:
                    refused.add(item)
                made += new
            else:
                again = self._classified(item.start, item.period, item.turns, made)
                made += [again] if again is not None else []
        return made

    def _classified(
        self, start: int, period: int, turns: int, loops: list[Rolled]
    ) -> Rolled | None:
        return classified(self.operands, self.places, start, period, turns, loops)

    def _loops_of_run(self, run: Run, loops: Sequence[Rolled]) -> list[Rolled]:
        """Return the loops that a run can be, with its own period or with several of it in a turn.

        Stages of a turn that do the same to different values have equal tokens: the period is a part of the turn then.
        """
        best: list[Rolled] = []
        for multiple in _MULTIPLES:
            several = Run(run.start, run.end, run.period * multiple)
            if several.turns < MIN_TURNS:
                break
            made = self._loops_of_period(several, loops)
            best = max(best, made, key=_saved)
            if _saved(best) > _NEARLY_ALL * run.saved:
                break
        return best

    def _loops_of_period(self, run: Run, loops: Sequence[Rolled]) -> list[Rolled]:
        """Return the loops with the period of a run: one, or several where lanes leave their lines."""
        period = run.period
        first = run.start + quietest_shift(self.operands, run)
        turns = (run.end - first) // period
        floor = max([run.start, *[loop.end for loop in loops[-1:]]])
        known = list(loops)
        if turns <= MOST_GATHERED:
            for begin, end in _ENDS:
                loop = self._longest(
                    first + begin * period, period, turns - begin - end, floor, known
                )
                if loop is not None:
                    return [loop]
        made: list[Rolled] = []
        for begin, end in _stretches(self.operands, first, period, turns, known):
            if end - begin < max(MIN_TURNS - 1, 2):
                continue
            loop = self._longest(first + begin * period, period, end - begin, floor, known)
            if loop is not None:
                made.append(loop)
                known.append(loop)
                floor = loop.end
        return made

    def _longest(
        self, start: int, period: int, turns: int, floor: int, loops: list[Rolled]
    ) -> Rolled | None:
        """Return a loop over a stretch, and turns before it that may join, if that pays."""
        for before in range(_FIRST_TURNS, -1, -1):
            begin, count = start - before * period, turns + before
            if begin < floor or count < MIN_TURNS or (count - 1) * period < MIN_SAVED:
                continue
            loop = self._classified(begin, period, count, loops)
            if loop is not None:
                return loop
        return None


def _saved(loops: Sequence[Rolled]) -> int:
    return sum([loop.period * (loop.turns - 1) for loop in loops])


def _gaps(loops: Sequence[Rolled], size: int) -> list[tuple[int, int]]:
    borders = [0, *[x for loop in loops for x in (loop.start, loop.end)], size]
    return list(zip(borders[::2], borders[1::2], strict=True))


def _stretches(
    operands: Any, start: int, period: int, turns: int, loops: Sequence[Rolled]
) -> list[tuple[int, int]]:
    """Return the stretches of turns in which every lane moves by one step and within one source, in order.

    Two stretches may meet in a turn; the longer one has it.
    """
    block = operands[start : start + period * turns].reshape(turns, -1)
    steps = np.diff(block, axis=0)
    is_node = block >= 0
    bends = ((steps[1:] != steps[:-1]) & is_node[2:] & is_node[:-2]).any(axis=1)
    sources = _sources(block, start, loops)
    leaps = ((sources[1:] != sources[:-1]) & (steps != 0)).any(axis=1)
    group = np.zeros(turns - 1, np.int64)
    group[1:] = np.cumsum(bends | leaps[1:] | leaps[:-1])
    edges = np.flatnonzero(np.diff(group, prepend=-1, append=group[-1] + 1))
    lines = [(int(a), int(b) + 1) for a, b in itertools.pairwise(edges) if not leaps[a]]
    taken = np.zeros(turns, bool)
    kept: list[tuple[int, int]] = []
    for begin, end in sorted(lines, key=lambda line: line[0] - line[1]):
        free_begin = begin + int(taken[begin])
        free_end = end - int(taken[end - 1])
        if free_end > free_begin:
            kept.append((free_begin, free_end))
            taken[free_begin:free_end] = True
    return sorted(kept)


def _sources(block: Any, start: int, loops: Sequence[Rolled]) -> Any:
    """Return for each operand from before the stretch which loop it lies in; all others have one number."""
    borders = np.array([x for loop in loops for x in (loop.start, loop.end)], np.int64)
    places = np.searchsorted(borders, block, side="right")
    return np.where((block < 0) | (block >= start), -1, places)
