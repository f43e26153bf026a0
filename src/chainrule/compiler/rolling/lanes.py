"""Lanes: how each operand of a repeated block moves from turn to turn.

A lane is the values that one operand of one position of the body takes over the turns. It belongs to a class, and the
class gives back every value: `expanded` is compared with the tape for each loop that is made.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.rolling.constants import FIRST_CONSTANT
from chainrule.compiler.rolling.tape import ABSENT
from chainrule.records import mutable_record, record

MOST_GATHERED = 64
"""Turns up to which values from anywhere are copied together before the loop."""


@record
class Same:
    """The same constant, or the same earlier position, in every turn."""

    operand: int


@record
class Table:
    """A constant per turn."""

    operands: tuple[int, ...]


@record
class Own:
    """Position `position` of the body, `lag` turns back; in the first turns `starts`, from before the loop."""

    position: int
    lag: int
    starts: tuple[int, ...]


@record
class Saved:
    """Position `position` of the body of an earlier loop, in its turn `first + step · turn`."""

    loop: Rolled
    position: int
    first: int
    step: int


@record
class Gathered:
    """An earlier position per turn, without a rule."""

    operands: tuple[int, ...]


Lane = Same | Table | Own | Saved | Gathered


@record
class Line:
    """A place that moves by a step: `first + step · turn`."""

    first: int
    step: int


@record
class Listed:
    """A place per turn."""

    places: tuple[int, ...]


@mutable_record
class Rolled:
    """A stretch of a tape as a loop.

    Attributes:
        start: its first position.
        period: positions of the body.
        turns: how often it runs.
        lanes: per position of the body and operand; None where the action has no such operand.
        places: per position.
    """

    start: int
    period: int
    turns: int
    lanes: tuple[tuple[Lane | None, ...], ...]
    places: tuple[Line | Listed, ...]

    @property
    def end(self) -> int:
        """The position behind it."""
        return self.start + self.period * self.turns


def classified(
    operands: Any, places: Any, start: int, period: int, turns: int, loops: list[Rolled]
) -> Rolled | None:
    """Return a stretch as a loop, or None: a lane belongs to no class.

    Args:
        operands: of the whole tape.
        places: of the whole tape.
        start: the first position.
        period: positions of a turn.
        turns: the number of turns.
        loops: the loops before it.
    """
    end = start + period * turns
    block = operands[start:end].reshape(turns, period, -1)
    finder = _Finder(block, start, period, loops)
    lanes = finder.lanes()
    if lanes is None:
        return None
    moves = places[start:end].reshape(turns, period)
    steps = np.diff(moves, axis=0)
    in_line = (steps == steps[:1]).all(axis=0).tolist()
    made = [
        Line(int(moves[0, q]), int(steps[0, q]))
        if in_line[q]
        else Listed(tuple(moves[:, q].tolist()))
        for q in range(period)
    ]
    return Rolled(start, period, turns, lanes, tuple(made))


class _Finder:
    """Finds the class of every lane of one stretch."""

    def __init__(self, block: Any, start: int, period: int, loops: list[Rolled]) -> None:
        self.block = block
        self.start = start
        self.period = period
        self.loops = loops
        steps = np.diff(block, axis=0)
        self.is_same = (steps == 0).all(axis=0)
        self.step = steps[-1]
        self.in_line = (steps == steps[-1]).all(axis=0)
        self.low, self.high = block.min(axis=0), block.max(axis=0)

    def lanes(self) -> tuple[tuple[Lane | None, ...], ...] | None:
        rows: list[tuple[Lane | None, ...]] = []
        low = self.low.tolist()
        for q in range(self.period):
            row: list[Lane | None] = []
            for a, lowest in enumerate(low[q]):
                if lowest == ABSENT:
                    row.append(None)
                    continue
                lane = self._lane(q, a)
                if lane is None:
                    return None
                row.append(lane)
            rows.append(tuple(row))
        return tuple(rows)

    def _lane(self, q: int, a: int) -> Lane | None:
        high = int(self.high[q, a])
        if high <= FIRST_CONSTANT:
            values = self.block[:, q, a].tolist()
            return Same(values[0]) if self.is_same[q, a] else Table(tuple(values))
        if high < self.start:
            if self.is_same[q, a]:
                return Same(high)
            return self._earlier(self.block[:, q, a], in_line=bool(self.in_line[q, a]))
        return self._own(self.block[:, q, a])

    def _own(self, values: Any) -> Own | None:
        """A value of the loop itself, of this turn or of a fixed number of turns back."""
        turns = len(values)
        distance = int(values[-1]) - self.start
        lag, position = turns - 1 - distance // self.period, distance % self.period
        if distance < 0 or not 0 <= lag < turns:
            return None
        expected = self.start + position + self.period * np.arange(turns - lag)
        if not (values[lag:] == expected).all():
            return None
        starts = values[:lag]
        if (starts >= self.start).any():
            return None
        return Own(position, lag, tuple(starts.tolist()))

    def _earlier(self, values: Any, *, in_line: bool) -> Lane | None:
        """Different values from before the loop."""
        if in_line:
            lane = self._saved(int(values[0]), int(values[-1]), int(values[1] - values[0]))
            if lane is not None:
                return lane
        return Gathered(tuple(values.tolist())) if len(values) <= MOST_GATHERED else None

    def _saved(self, first: int, last: int, step: int) -> Saved | None:
        """One position of the body of one loop, in turns at a fixed distance."""
        for loop in self.loops:
            if loop.start <= first < loop.end and loop.start <= last < loop.end:
                if step % loop.period:
                    return None
                turn, position = divmod(first - loop.start, loop.period)
                return Saved(loop, position, turn, step // loop.period)
        return None


def expanded(loop: Rolled) -> Any:
    """Return the operands of every position of a loop as its lanes have them, one row per position."""
    width = max(len(row) for row in loop.lanes)
    out = np.full((loop.turns, loop.period, width), ABSENT, np.int64)
    for q, row in enumerate(loop.lanes):
        for a, lane in enumerate(row):
            if lane is not None:
                out[:, q, a] = _values(lane, loop)
    return out.reshape(-1, width)


def _values(lane: Lane, loop: Rolled) -> Any:
    turn = np.arange(loop.turns)
    match lane:
        case Same(operand):
            return operand
        case Table(operands) | Gathered(operands):
            return operands
        case Saved(source, position, first, step):
            return source.start + position + source.period * (first + step * turn)
        case Own(position, lag, starts):
            values = loop.start + position + loop.period * (turn - lag)
            values[:lag] = starts
            return values


def expanded_places(loop: Rolled) -> Any:
    """Return the place of every position of a loop as its lanes have them."""
    columns = [values_of_place(p, loop.turns) for p in loop.places]
    return np.stack(columns, axis=1).reshape(-1)


def values_of_place(place: Line | Listed, turns: int) -> Any:
    """Return a place in every turn."""
    if isinstance(place, Line):
        return place.first + place.step * np.arange(turns)
    return np.array(place.places)
