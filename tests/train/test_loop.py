"""Steps, epochs and early stopping."""

import numpy as np
import pytest

from chainrule import nn, optim, tree
from chainrule.data import Batch
from chainrule.errors import ArgumentError
from chainrule.train import (
    State,
    classification,
    fit,
    initial_state,
    iterate,
    make_step,
    measure,
    regression,
)


@pytest.fixture
def two_clouds(rng):
    """Points around (-1, -1) and (1, 1)."""
    y = np.arange(60) % 2
    x = rng.normal(0, 0.3, size=(60, 2)) + np.where(y, 1, -1)[:, None]
    return Batch(x.astype(np.float32), y)


def small_model(rng):
    return nn.MLP.create((2, 4, 2), rng=rng)


def scripted(losses):
    """A measure that answers with one loss after the other."""
    answers = iter(losses)
    return lambda params: {"loss": next(answers)}


def counting_step(state, batch):
    return State(state.params + 1, state.optimizer), {"loss": 1.0}


def run_script(losses, **options):
    examples = Batch(np.zeros((4, 1)), np.zeros(4))
    start = State(np.zeros(()), None)
    return list(
        iterate(
            counting_step,
            start,
            examples,
            measure=scripted(losses),
            rng=np.random.default_rng(0),
            batch_size=4,
            **options,
        )
    )


def test_a_step_lowers_the_loss_and_changes_nothing_in_place(rng, two_clouds):
    optimizer = optim.sgd(0.1)
    state = initial_state(small_model(rng), optimizer)
    before = [leaf.copy() for leaf in tree.leaves(state)]
    after, metrics = make_step(classification, optimizer)(state, two_clouds)
    for leaf, kept in zip(tree.leaves(state), before, strict=True):
        np.testing.assert_array_equal(leaf, kept)
    assert set(metrics) == {"loss", "gradient_norm", "accuracy"}
    assert measure(classification, after.params, two_clouds)["loss"] < float(metrics["loss"])


def test_a_step_follows_the_gradient(two_clouds):
    model = nn.MLP((nn.Linear(np.array([[1.0], [2.0]]), np.zeros(1)),))
    batch = Batch(np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([0.0, 0.0]))
    step = make_step(regression, optim.sgd(0.5))
    after, metrics = step(initial_state(model, optim.sgd(0.5)), batch)
    # loss = (w1² + w2²) / 2 with b = 0: dw = (w1, w2), db = w1 + w2
    assert float(metrics["loss"]) == 2.5
    np.testing.assert_allclose(after.params.layers[0].weight, [[0.5], [1.0]])
    np.testing.assert_allclose(after.params.layers[0].bias, [-1.5])


def test_two_clouds_are_told_apart(rng, two_clouds):
    result = fit(
        classification,
        small_model(rng),
        two_clouds,
        optimizer=optim.adam(0.05),
        rng=rng,
        epochs=20,
    )
    assert measure(classification, result.params, two_clouds)["accuracy"] == 1
    assert len(result.history) <= 20
    assert result.history[-1].training["loss"] < result.history[0].training["loss"]
    assert result.history[0].validation == {}


def test_one_seed_gives_the_same_weights(two_clouds):
    first, again = (
        fit(
            classification,
            small_model(np.random.default_rng(1)),
            two_clouds,
            two_clouds,
            optimizer=optim.adam(),
            rng=np.random.default_rng(2),
            epochs=2,
        )
        for _ in range(2)
    )
    for one, other in zip(tree.leaves(first.params), tree.leaves(again.params), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_best_epoch_is_kept_and_patience_ends_the_training():
    epochs = run_script([3, 2, 4, 1, 5, 5, 5, 0], patience=3)
    assert [epoch.number for epoch in epochs] == [1, 2, 3, 4, 5, 6, 7]
    assert [epoch.best for epoch in epochs] == [1, 2, 2, 4, 4, 4, 4]
    assert [epoch.is_best for epoch in epochs] == [True, True, False, True, False, False, False]
    assert float(epochs[-1].best_params) == 4
    assert float(epochs[-1].state.params) == 7


def test_epochs_are_a_bound():
    assert len(run_script([3, 2, 1, 0], epochs=2)) == 2


def test_metrics_are_means_over_examples():
    model = lambda x: x
    batch = Batch(np.arange(10_000.0)[:, None], np.zeros(10_000))
    expected = np.mean(np.arange(10_000.0) ** 2)
    assert measure(regression, model, batch)["loss"] == pytest.approx(expected, rel=1e-12)


def test_batches_can_be_watched():
    seen = []

    def watch(batches):
        for batch in batches:
            seen.append(batch.size)
            yield batch

    examples = Batch(np.zeros((5, 1)), np.zeros(5))
    start = State(np.zeros(()), None)
    epochs = iterate(
        counting_step,
        start,
        examples,
        measure=None,
        rng=np.random.default_rng(0),
        epochs=2,
        batch_size=2,
        watch=watch,
    )
    assert len(list(epochs)) == 2
    assert seen == [2, 2, 1, 2, 2, 1]


def test_a_loss_that_is_not_finite_ends_the_training():
    with pytest.raises(ArgumentError, match="the loss is nan after epoch 2") as caught:
        run_script([1, float("nan")])
    assert "smaller learning rate" in caught.value.hint


def test_a_rate_that_is_too_high_is_told_without_warnings(rng, two_clouds):
    model = nn.MLP.create((2, 8, 1), rng=rng)
    with pytest.raises(ArgumentError, match=r"training: the loss is (inf|nan) after epoch"):
        fit(regression, model, two_clouds, optimizer=optim.sgd(1e6), rng=rng)


@pytest.mark.parametrize("option", ["epochs", "patience"])
def test_options_out_of_range_are_refused(option):
    with pytest.raises(ArgumentError, match=f"training: {option}=0. Expected at least 1"):
        run_script([1], **{option: 0})
