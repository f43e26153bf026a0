"""A training that is diagnosed names the place, whichever way its step was run."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, optim, tree
from chainrule.data import Batch
from chainrule.errors import ArgumentError, NotFiniteError
from chainrule.optim.transform import stateless
from chainrule.train import (
    State,
    classification,
    diagnosed,
    fit,
    initial_state,
    make_step,
)


@pytest.fixture
def examples(rng):
    return Batch(rng.normal(size=(20, 3)), rng.normal(size=20))


def root(w, batch):
    distance = np.abs(batch.x @ w)
    return np.mean(np.sqrt(distance)), {}


def options(rng, rate=0.1):
    return {"optimizer": optim.sgd(rate), "rng": rng, "epochs": 2, "batch_size": 5}


def reusing(step):
    """A step that puts its results where its arguments were, as a compiled one may."""

    def reused(state, batch):
        new, metrics = step(state, batch)
        state.params[...] = new.params
        batch.x[...] = 7.0
        return State(state.params, new.optimizer), metrics

    return reused


def test_the_place_in_the_objective_is_named(examples, rng):
    with pytest.raises(NotFiniteError) as caught:
        fit(root, np.zeros(3), examples, diagnose=True, **options(rng))
    error = caught.value
    assert error.position.text == "return np.mean(np.sqrt(distance)), {}"
    assert error.message.startswith("training: step 1 gave NaN or an infinity.")
    assert "the derivative of sqrt gives distance the gradient inf at [0] (5 of 5" in error.message
    assert error.hint.startswith("square root at 0: its slope is infinite at 0")
    assert error.diagnosis.backward.op == "sqrt"
    assert isinstance(error, ArithmeticError)


def test_without_a_diagnosis_the_message_says_how_to_get_one(examples, rng):
    with pytest.raises(ArgumentError, match=r"--diagnose names? the place"):
        fit(root, np.zeros(3), examples, **options(rng))


def test_a_step_that_reuses_its_arguments_memory_is_run_again_on_what_it_was_given(examples):
    optimizer = optim.sgd(0.1)
    step = diagnosed(reusing(make_step(root, optimizer)), root, optimizer)
    with pytest.raises(NotFiniteError) as caught:
        step(initial_state(np.zeros(3), optimizer), examples)
    assert caught.value.diagnosis.backward.op == "sqrt"


def test_a_step_that_stays_finite_is_as_it_was(examples):
    optimizer = optim.adam(0.1)
    plain = make_step(root, optimizer)
    start = initial_state(np.ones(3), optimizer)
    got, metrics = diagnosed(plain, root, optimizer)(start, examples)
    expected, _ = plain(start, examples)
    np.testing.assert_array_equal(got.params, expected.params)
    assert metrics["gradient_norm"] > 0


def test_nan_in_the_data_is_named(examples, rng):
    examples.x[13, 1] = np.nan
    with pytest.raises(NotFiniteError, match=r"the argument x holds NaN at \[\d, 1\]"):
        fit(root, np.ones(3), examples, diagnose=True, **options(rng))


def test_nan_in_the_validation_alone_is_named(examples, rng):
    held_out = Batch(examples.x.copy(), examples.y)
    held_out.x[4, 0] = np.nan
    with pytest.raises(NotFiniteError, match=r"the validation gave NaN") as caught:
        fit(root, np.ones(3), examples, held_out, diagnose=True, **options(rng))
    assert caught.value.diagnosis.forward.entry == (4, 0)


def test_an_update_that_overflows_is_found_in_the_optimiser(rng):
    def objective(w, batch):
        return np.mean(w**2) * 1e30, {}

    start = np.ones(3, np.float32)
    batch = Batch(np.ones((2, 3)), np.ones(2))
    with pytest.raises(NotFiniteError) as caught:
        fit(objective, start, batch, diagnose=True, **options(rng, rate=1e30))
    error = caught.value
    assert error.diagnosis.forward.op == "multiply"
    assert error.diagnosis.forward.phase == "forward"
    assert error.position.file.endswith(".py")


def test_an_infinity_that_an_optimiser_hides_is_found_by_the_norm(examples, rng):
    clipped = optim.chain(stateless(lambda g, params: np.clip(g, -1.0, 1.0)), optim.sgd(0.1))
    with pytest.raises(NotFiniteError):
        fit(root, np.zeros(3), examples, diagnose=True, **{**options(rng), "optimizer": clipped})


def test_a_failure_that_does_not_come_again_says_so(examples):
    def broken(state, batch):
        return state, {"loss": np.float64(np.nan)}

    step = diagnosed(broken, root, optim.sgd(0.1))
    with pytest.raises(NotFiniteError, match="run again op by op on the same numbers it does not"):
        step(initial_state(np.ones(3), optim.sgd(0.1)), examples)


def test_a_metric_alone_does_not_stop_the_training(examples):
    def objective(w, batch):
        return np.mean((batch.x @ w) ** 2), {"r_squared": np.float64(np.nan)}

    optimizer = optim.sgd(0.1)
    step = diagnosed(make_step(objective, optimizer), objective, optimizer)
    _, metrics = step(initial_state(np.ones(3), optimizer), examples)
    assert np.isnan(metrics["r_squared"])


def test_where_all_is_the_librarys_the_layer_and_its_line_are_named(rng):
    model = tree.map(lambda p: p * np.float32(1e38), nn.MLP.create((3, 4, 2), rng=rng))
    batch = Batch(np.full((6, 3), 10, np.float32), np.arange(6) % 2)
    with pytest.raises(NotFiniteError) as caught:
        fit(classification, model, batch, diagnose=True, **options(rng))
    origin = caught.value.diagnosis.origin
    assert (origin.scope, origin.inside.text) == ("layers[0]", "z = x @ self.weight")


@pytest.mark.parametrize("donate", [(), (0,)])
def test_a_compiled_step_is_run_again_op_by_op(examples, donate):
    optimizer = optim.sgd(0.1)
    compiled = cr.compile(make_step(root, optimizer), donate=donate)
    step = diagnosed(compiled, root, optimizer)
    state, _ = step(initial_state(np.ones(3), optimizer), examples)
    with pytest.raises(NotFiniteError) as caught:
        step(State(np.zeros(3), state.optimizer), examples)
    found = caught.value.diagnosis.backward
    assert (found.op, found.position.text) == ("sqrt", "return np.mean(np.sqrt(distance)), {}")
    assert caught.value.message.startswith("training: step 2 gave NaN")
