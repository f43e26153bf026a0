"""Learning rates that change."""

import math

import numpy as np
import pytest

from chainrule import optim
from chainrule.errors import ArgumentError


def rates(schedule, *counts):
    return [float(schedule(np.int64(count))) for count in counts]


def test_constant_stays():
    assert rates(optim.constant(0.3), 0, 7) == [0.3, 0.3]


def test_exponential_decay_falls_smoothly_or_in_stairs():
    smooth = optim.exponential_decay(1.0, rate=0.25, steps=2)
    stairs = optim.exponential_decay(1.0, rate=0.25, steps=2, staircase=True)
    assert rates(smooth, 0, 1, 2, 4) == [1.0, 0.5, 0.25, 0.0625]
    assert rates(stairs, 0, 1, 2, 3, 4) == [1.0, 1.0, 0.25, 0.25, 0.0625]


def test_cosine_falls_along_half_a_cosine_and_stays():
    schedule = optim.cosine(1.0, steps=3, final=0.1)
    expected = [1.0, 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi / 3)), 0.1, 0.1]
    np.testing.assert_allclose(rates(schedule, 0, 1, 3, 50), expected)


def test_warmup_cosine_rises_and_falls():
    schedule = optim.warmup_cosine(1.0, warmup_steps=4, steps=8, initial=0.2, final=0.1)
    np.testing.assert_allclose(rates(schedule, 0, 2, 4, 6, 8, 9), [0.2, 0.6, 1, 0.55, 0.1, 0.1])


def test_piecewise_changes_at_the_boundaries_exactly():
    schedule = optim.piecewise([0.1, 0.01, 0.001], [10, 20])
    assert rates(schedule, 0, 9, 10, 19, 20, 99) == [0.1, 0.1, 0.01, 0.01, 0.001, 0.001]
    assert rates(optim.piecewise([0.5], []), 0, 9) == [0.5, 0.5]


def test_an_optimizer_follows_its_schedule():
    optimizer = optim.sgd(optim.piecewise([1.0, 0.5], [2]))
    x = np.ones((), np.float32)
    state = optimizer.init(x)
    steps = []
    for _ in range(3):
        update, state = optimizer.update(x, state)
        assert update.dtype == np.float32
        steps.append(float(update))
    assert steps == [-1.0, -1.0, -0.5]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.exponential_decay(1, rate=0, steps=1), "rate=0. Expected a positive"),
        (lambda: optim.exponential_decay(1, rate=1, steps=0), "steps=0. Expected a positive"),
        (lambda: optim.cosine(1, steps=0), "cosine: steps=0. Expected a positive number"),
        (lambda: optim.warmup_cosine(1, warmup_steps=0, steps=5), "warmup_steps=0. Expected a pos"),
        (
            lambda: optim.warmup_cosine(1, warmup_steps=5, steps=5),
            "steps=5. Expected more than warmup_steps=5",
        ),
        (lambda: optim.piecewise([1.0], [5]), r"values=\[1.0\]. Expected one value more than"),
        (
            lambda: optim.piecewise([1, 2, 3], [5, 5]),
            r"=\[5, 5\]. Expected increasing step numbers",
        ),
    ],
)
def test_schedules_that_make_no_sense_are_rejected(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
