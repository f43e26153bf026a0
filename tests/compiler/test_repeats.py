"""Repeated stretches and lanes: which periods are tried, where runs lie, and what a lane may be."""

import numpy as np
import pytest

from chainrule.compiler.rolling.lanes import (
    Gathered,
    Line,
    Listed,
    Own,
    Same,
    Saved,
    Table,
    classified,
    expanded,
    expanded_places,
)
from chainrule.compiler.rolling.repeats import Run, best_runs, quietest_shift, tokens_of
from chainrule.compiler.rolling.tape import ABSENT

START = 100


def tokens(*parts):
    """Join stretches, each a list that stands so many times."""
    return np.array([x for stretch, times in parts for x in stretch * times])


def test_a_run_is_found_between_other_things():
    row = tokens((list(range(50, 83)), 1), ([1, 2, 3, 4, 5, 6, 7], 30), (list(range(90, 110)), 1))
    (best, *_) = best_runs(row, is_outer_first=False)
    assert best == [Run(33, 243, 7)]
    assert (best[0].turns, best[0].saved) == (30, 203)


def test_of_two_periods_that_save_alike_the_shorter_is_taken():
    row = tokens(([1, 2, 3], 100))
    assert best_runs(row, is_outer_first=False)[0][0].period == 3


def test_inner_loops_come_first_or_the_outer_one():
    row = tokens(([9, 8, 7, *[1, 2] * 40], 12))
    inner, outer = (best_runs(row, is_outer_first=flag)[0] for flag in (False, True))
    assert {run.period for run in inner} == {2}
    assert len(inner) == 12
    assert [(run.period, run.turns) for run in outer] == [(83, 12)]


def test_what_repeats_too_little_is_no_run():
    assert best_runs(tokens((list(range(30)), 3)), is_outer_first=False) == []
    assert best_runs(np.arange(200), is_outer_first=False) == []


def test_tokens_tell_constants_from_values_and_both_from_nothing():
    operands = np.array([[3, ABSENT], [-2, ABSENT], [ABSENT, ABSENT], [5, ABSENT], [-9, ABSENT]])
    found = tokens_of([7, 7, 7, 7, 7], operands).tolist()
    assert found[0] == found[3]
    assert found[1] == found[4]
    assert len(set(found)) == 3


def test_a_turn_begins_where_fewest_values_cross():
    # Per turn: a from the turn before, b of a, c of both; only c goes on. Shifted by one position.
    rows = []
    for t in range(20):
        base = 1 + 3 * t
        rows += [[base - 1, ABSENT], [base, ABSENT], [base, base + 1]]
    operands = np.array([[ABSENT, ABSENT], *rows])
    run = Run(3, 3 + 3 * 18, 3)
    assert (run.start + quietest_shift(operands, run)) % 3 == 1


def classify(columns, loops=(), places=None):
    """Classify a body of as many positions as there are columns; each is its one operand over the turns."""
    block = np.array(columns).T
    turns, period = block.shape
    operands = np.full((START + turns * period, 1), ABSENT)
    operands[START:, 0] = block.ravel()
    moves = np.zeros(len(operands), np.int64)
    if places is not None:
        moves[START:] = np.array(places).T.ravel()
    loop = classified(operands, moves, START, period, turns, list(loops))
    if loop is not None:
        np.testing.assert_array_equal(expanded(loop), operands[START:])
        np.testing.assert_array_equal(expanded_places(loop), moves[START:])
    return loop


TURN = np.arange(10)


def lane_of(column, loops=()):
    loop = classify([column], loops)
    return None if loop is None else loop.lanes[0][0]


def test_one_value_or_constant_for_all_turns():
    assert lane_of([7] * 10) == Same(7)
    assert lane_of([-5] * 10) == Same(-5)


def test_a_constant_per_turn_is_a_table():
    assert lane_of(-2 - TURN) == Table(tuple((-2 - TURN).tolist()))


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_a_value_of_turns_back(lag):
    column = START + TURN - lag
    column[:lag] = [40, 41, 42][:lag]
    assert lane_of(column) == Own(0, lag, (40, 41, 42)[:lag])


def test_a_value_of_the_same_turn():
    loop = classify([[5] * 10, START + 2 * TURN])
    assert loop.lanes[1][0] == Own(0, 0, ())


def test_the_turns_of_an_earlier_loop_in_either_direction():
    earlier = classified(np.full((60, 1), -2), np.zeros(60, int), 20, 4, 10, [])
    assert lane_of(23 + 4 * TURN, [earlier]) == Saved(earlier, 3, 0, 1)
    assert lane_of(56 - 4 * TURN, [earlier]) == Saved(earlier, 0, 9, -1)


def test_what_crosses_the_border_of_a_loop_is_gathered():
    earlier = classified(np.full((60, 1), -2), np.zeros(60, int), 24, 4, 9, [])
    assert isinstance(lane_of(23 + 4 * TURN, [earlier]), Gathered)
    assert isinstance(lane_of(23 + 3 * TURN, [earlier]), Gathered)


def test_a_value_of_a_later_turn_or_of_no_order_within_the_loop_is_no_lane():
    assert lane_of(START + TURN[::-1]) is None
    assert lane_of(np.where(TURN == 5, 7, START + TURN - 1)) is None


def test_many_values_in_no_order_are_no_lane():
    column = np.random.default_rng(0).integers(0, 90, 80)
    assert lane_of(column) is None


def test_places_are_lines_or_lists():
    loop = classify([[7] * 10] * 2, places=[3 + 2 * TURN, TURN * TURN])
    assert loop.places == (Line(3, 2), Listed(tuple((TURN * TURN).tolist())))
