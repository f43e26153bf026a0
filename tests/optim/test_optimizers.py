"""One set of checks for every named optimiser."""

import copy
from dataclasses import dataclass, field

import numpy as np
import pytest

import chainrule as cr
from chainrule import optim, tree
from chainrule.errors import ArgumentError, ContainerError, ShapeError

RATES = {
    "sgd": 0.1,
    "momentum": 0.02,
    "nesterov": 0.02,
    "adagrad": 1.0,
    "rmsprop": optim.cosine(0.1, steps=300),
    "adam": 0.1,
    "adamw": 0.1,
}
OPTIONS = {"adamw": {"weight_decay": 0.0}}
NAMES = tuple(optim.OPTIMIZERS)


@dataclass(frozen=True, eq=False)
class Model:
    weights: list
    scale: float
    name: str = field(default="model", metadata={"static": True})


def some_parameters(dtype=np.float64):
    matrix = np.arange(6, dtype=dtype).reshape(2, 3) - 2
    return {"model": Model([matrix, np.ones(3, dtype)], 0.5), "pair": (np.ones((), dtype), None)}


def gradients_like(params, value):
    return tree.map(lambda p: np.full_like(p, value), params)


def make(name, **options):
    return optim.by_name(name, RATES[name], **OPTIONS.get(name, {}), **options)


def minimised(optimizer, params, targets, steps):
    state = optimizer.init(params)
    for _ in range(steps):
        gradients = tree.map(lambda p, t: p - t, params, targets)
        updates, state = optimizer.update(gradients, state, params)
        params = optim.apply_updates(params, updates)
    return params


def test_every_optimizer_is_under_test():
    assert set(RATES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_finds_the_bottom_of_a_bowl(name):
    params = some_parameters()
    targets = tree.map(lambda p: p * 0 + 3.0, params)
    found = minimised(make(name), params, targets, steps=300)
    for got, expected in zip(tree.leaves(found), tree.leaves(targets), strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-2)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_parameters_and_state_keep_their_dtype(name, dtype):
    params = [np.ones((2, 3), dtype), np.ones((), dtype)]
    optimizer = make(name)
    state = optimizer.init(params)
    before = [np.asarray(x).dtype for x in tree.leaves(state)]
    updates, state = optimizer.update(gradients_like(params, 0.1), state, params)
    assert [x.dtype for x in tree.leaves(optim.apply_updates(params, updates))] == [dtype] * 2
    assert [np.asarray(x).dtype for x in tree.leaves(state)] == before


@pytest.mark.parametrize("name", NAMES)
def test_options_that_are_numpy_numbers_do_not_widen_float32(name):
    params = np.ones(3, np.float32)
    optimizer = optim.by_name(name, np.float64(0.1))
    updates, state = optimizer.update(params, optimizer.init(params), params)
    assert updates.dtype == np.float32
    assert {x.dtype for x in tree.leaves(state)} <= {np.dtype(np.float32), np.dtype(np.int64)}


@pytest.mark.parametrize("name", NAMES)
def test_containers_keep_their_structure(name):
    params = some_parameters()
    optimizer = make(name)
    state = optimizer.init(params)
    updates, new_state = optimizer.update(gradients_like(params, 1.0), state, params)
    stepped = optim.apply_updates(params, updates)
    assert tree.flatten(updates)[1] == tree.flatten(params)[1]
    assert tree.flatten(stepped)[1] == tree.flatten(params)[1]
    assert tree.flatten(new_state)[1] == tree.flatten(state)[1]
    assert isinstance(stepped["model"], Model)


@pytest.mark.parametrize("name", NAMES)
def test_arguments_are_not_modified(name):
    params = some_parameters()
    gradients = gradients_like(params, 1.0)
    optimizer = make(name)
    _, state = optimizer.update(gradients, optimizer.init(params), params)
    arguments = (gradients, state, params)
    before = [np.array(x) for x in tree.leaves(arguments)]
    updates, _ = optimizer.update(*arguments)
    optim.apply_updates(params, updates)
    for x, kept in zip(tree.leaves(arguments), before, strict=True):
        np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize("name", NAMES)
def test_without_a_gradient_nothing_moves(name):
    params = some_parameters()
    optimizer = make(name)
    updates, _ = optimizer.update(gradients_like(params, 0.0), optimizer.init(params), params)
    stepped = optim.apply_updates(params, updates)
    for got, expected in zip(tree.leaves(stepped), tree.leaves(params), strict=True):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_taken_apart_and_put_together_continues_alike(name):
    params = some_parameters()
    gradients = gradients_like(params, 1.0)
    optimizer = make(name)
    _, state = optimizer.update(gradients, optimizer.init(params), params)
    leaves, structure = tree.flatten(state)
    again = tree.unflatten(structure, [np.array(x) for x in leaves])
    expected, _ = optimizer.update(gradients, copy.deepcopy(state), params)
    got, _ = optimizer.update(gradients, again, params)
    for x, y in zip(tree.leaves(got), tree.leaves(expected), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("name", NAMES)
def test_complex_parameters_go_downhill(name):
    z = np.array([1.0 + 2.0j, -1.0 - 0.5j])
    optimizer = make(name)
    state = optimizer.init(z)
    for _ in range(300):
        gradient = np.conj(z - 1j)  # of ½ |z - i|², as df/dRe - i df/dIm
        updates, state = optimizer.update(gradient, state, z)
        z = optim.apply_updates(z, updates)
    np.testing.assert_allclose(z, 1j, atol=1e-2)


def after_two_steps(name, learning_rate, x):
    """Return how far from 3 two steps lead."""
    optimizer = optim.by_name(name, learning_rate)
    state = optimizer.init(x)
    for _ in range(2):
        updates, state = optimizer.update(x - 3.0, state, x)
        x = optim.apply_updates(x, updates)
    return np.sum((x - 3.0) ** 2)


@pytest.mark.parametrize("name", NAMES)
def test_steps_can_be_differentiated(name):
    rate, x, step = 0.05, np.array([1.0, -2.0]), 1e-6
    by_rate, by_x = cr.grad(lambda *a: after_two_steps(name, *a), argnums=(0, 1))(rate, x)
    slope = after_two_steps(name, rate + step, x) - after_two_steps(name, rate - step, x)
    np.testing.assert_allclose(by_rate, slope / (2 * step), rtol=1e-6)
    for i, unit in enumerate(np.eye(2)):
        up, down = (after_two_steps(name, rate, x + h * unit) for h in (step, -step))
        np.testing.assert_allclose(by_x[i], (up - down) / (2 * step), rtol=1e-6)


def test_adamw_shrinks_parameters_beside_the_gradient():
    params = np.array([2.0, -4.0])
    optimizer = optim.adamw(0.1, weight_decay=0.5)
    updates, _ = optimizer.update(np.zeros(2), optimizer.init(params), params)
    np.testing.assert_allclose(optim.apply_updates(params, updates), params * (1 - 0.1 * 0.5))


def test_adam_corrects_its_start_with_float64_numbers():
    params = np.ones(1, np.float32)
    optimizer = optim.adam(1.0, beta2=1 - 1e-6)
    updates, _ = optimizer.update(params, optimizer.init(params), params)
    np.testing.assert_allclose(updates, -1, rtol=1e-6)


def test_an_unknown_name_lists_the_known():
    with pytest.raises(ArgumentError, match=r"name='adm'\. Expected one of 'sgd', .*'adamw'"):
        optim.by_name("adm")


def test_an_update_of_another_shape_names_the_parameter():
    params, updates = {"w": np.ones(2)}, {"w": np.ones((2, 2))}
    expected = r"the update of \['w'\] has shape \(2, 2\)\. Expected \(2,\), the shape of the param"
    with pytest.raises(ShapeError, match=expected):
        optim.apply_updates(params, updates)


def test_updates_of_another_structure_are_rejected():
    with pytest.raises(ContainerError, match="the containers differ"):
        optim.apply_updates({"w": 1.0}, [1.0])


def test_weight_decay_needs_the_parameters():
    optimizer = optim.adamw()
    params = np.ones(2)
    with pytest.raises(ArgumentError, match="add_decayed_weights: update was called without"):
        optimizer.update(params, optimizer.init(params))
