"""Optimisers, penalties and dropout give the numbers of the lectures, to 1e-9."""

import itertools

import numpy as np
import pytest
from tests.lecture import assert_printed

import chainrule as cr
from chainrule import nn, optim
from chainrule.nn import functional


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        (optim.sgd(0.1), (0.8, 0.64, 0.512)),  # C.13
        (optim.momentum(0.1, decay=0.9), (0.8, 0.46, 0.062)),  # C.14
        (optim.nesterov(0.1, decay=0.9), (0.62, 0.2224, -0.108352)),  # C.15
        (optim.adagrad(0.1), (0.9, 0.833103528, 0.780456182)),  # C.16
        (optim.rmsprop(0.1), (0.683772239, 0.498870614, 0.369180560)),  # C.17
        (
            optim.rmsprop(0.1, initial="gradient", epsilon=1e-16),  # the lecture has no epsilon
            (0.9, 0.809132620, 0.726046035),
        ),  # C.17
        (optim.adam(0.1), (0.9, 0.800412229, 0.701586273)),  # C.18
    ],
    ids=["sgd", "momentum", "nesterov", "adagrad", "rmsprop", "rmsprop-gradient", "adam"],
)
def test_three_steps_on_a_parabola(optimizer, expected):
    x, state = 1.0, optimizer.init(1.0)
    path = []
    for _ in expected:
        updates, state = optimizer.update(cr.grad(lambda x: x**2)(x), state, x)
        x = optim.apply_updates(x, updates)
        path.append(x)
    assert_printed(path, expected)


@pytest.mark.parametrize(
    ("penalty", "expected"), [(functional.l2, (0.475, -1.9)), (functional.l1, (0.45, -1.95))]
)
def test_one_step_of_a_penalty_alone(penalty, expected):  # C.19
    w = np.array([0.5, -2.0])
    gradient = cr.grad(lambda w: 0.5 * penalty(w))(w)
    optimizer = optim.sgd(0.1)
    updates, _ = optimizer.update(gradient, optimizer.init(w))
    assert_printed(optim.apply_updates(w, updates), expected)


def test_decayed_weights_are_the_l2_penalty():  # C.19
    w = np.array([0.5, -2.0])
    optimizer = optim.chain(optim.add_decayed_weights(0.5), optim.scale_by_learning_rate(0.1))
    updates, _ = optimizer.update(np.zeros(2), optimizer.init(w), w)
    assert_printed(optim.apply_updates(w, updates), (0.475, -1.9))


class Draws:
    """A generator whose draws are chosen: it keeps the features that are marked with 1."""

    def __init__(self, mask):
        self.mask = mask

    def random(self, shape):
        return np.reshape(np.asarray(self.mask, float), shape) * 0.99


@pytest.mark.parametrize(("inverted", "expected"), [(False, 7.0), (True, 14.0)])
def test_the_mean_over_all_masks_is_what_dropout_gives_afterwards(inverted, expected):  # C.20
    w, x = np.array([2.0, 3.0]), np.array([1.0, 4.0])
    dropout = nn.Dropout(0.5, inverted=inverted)
    masks = itertools.product((0, 1), repeat=2)
    while_training = [w @ dropout(x, rng=Draws(mask)) for mask in masks]
    assert np.mean(while_training) == expected
    assert w @ dropout(x) == expected


def test_scaling_the_weights_is_scaling_what_enters_them():  # C.20
    w, x = np.array([2.0, 3.0]), np.array([1.0, 4.0])
    assert (1 - 0.5) * w @ x == w @ nn.Dropout(0.5, inverted=False)(x) == 7.0
