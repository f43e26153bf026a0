"""What a training may be asked for."""

import math

import numpy as np
import pytest

from chainrule import optim
from chainrule.errors import ArgumentError
from chainrule.train import r_squared
from chainrule.train.experiment import prepare
from chainrule.train.predictor import QuantityScores
from chainrule.train.settings import ACTIVATIONS, Settings


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "train: epochs=0. Expected at least 1"),
        ({"batch_size": -1}, "train: batch_size=-1. Expected at least 1"),
        ({"patience": 0}, "train: patience=0. Expected at least 1"),
        ({"learning_rate": 0.0}, "train: learning_rate=0.0. Expected more than 0"),
        ({"learning_rate": math.nan}, "train: learning_rate=nan. Expected more than 0"),
        ({"hidden": (8, 0)}, r"train: hidden=\(8, 0\). Expected sizes of at least 1"),
        ({"seed": -1}, "train: seed=-1. Expected 0 or more"),
        ({"test": 1.5}, "train: test=1.5. Expected a fraction"),
        ({"validation": -0.5}, "train: validation=-0.5. Expected a fraction"),
        ({"optimizer": "eve"}, "train: optimizer='eve'. Expected one of 'sgd', 'momentum'"),
        ({"activation": "step"}, "train: activation='step'. Expected one of 'relu', 'tanh'"),
        ({"task": "ranking"}, "train: task='ranking'. Expected one of 'classification', 'regr"),
    ],
)
def test_options_out_of_range_are_refused(options, message):
    with pytest.raises(ArgumentError, match=message):
        Settings("digits", **options)


@pytest.mark.parametrize("name", optim.OPTIMIZERS)
def test_every_optimiser_has_a_rate_of_its_own(name):
    assert 0 < Settings("digits", optimizer=name).rate < 1
    assert Settings("digits", optimizer=name, learning_rate=0.5).rate == 0.5


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_makes_a_model(name):
    experiment = prepare(Settings("digits", activation=name, hidden=(3,)))
    assert experiment.predictor.outputs(np.zeros((2, 64)), "here", (1, 2)).shape == (2, 10)


def test_no_hidden_layer_makes_a_linear_model():
    assert prepare(Settings("digits", hidden=())).predictor.sizes == (64, 10)


def test_one_seed_gives_one_experiment():
    first, again, other = (prepare(Settings("digits", seed=seed)) for seed in (5, 5, 6))
    assert first.parts.test.rows == again.parts.test.rows != other.parts.test.rows
    weights = [e.predictor.model.layers[0].weight for e in (first, again, other)]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.any(weights[0] != weights[2])


def test_a_score_that_does_not_exist_is_null_in_json():
    scores = QuantityScores(0.0, r_squared([1.0], [1.0]))
    assert scores.to_config() == {"root_mean_squared_error": 0.0, "r_squared": None}
