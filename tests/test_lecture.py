"""The network of the lecture gives the numbers of the lecture, to 1e-9."""

import numpy as np
import pytest
from tests import lecture
from tests.lecture import LOSSES, ORIGIN, PARAMETERS, SHIFTS, TARGET, X, assert_printed

import chainrule as cr
from chainrule import nn, optim, tree
from chainrule.nn import functional


@pytest.mark.parametrize(("name", "at_x", "at_origin"), lecture.FORWARD)
def test_forward_table(name, at_x, at_origin):
    assert_printed(lecture.network(PARAMETERS, X)[name], at_x)
    assert_printed(lecture.network(PARAMETERS, ORIGIN)[name], at_origin)


@pytest.mark.parametrize(("name", "printed"), lecture.SLIDE)
def test_activations_round_to_the_slide(name, printed):
    assert tuple(lecture.network(PARAMETERS, X)[name].round(2)) == printed


@pytest.mark.parametrize(("layer", "at_x", "at_origin"), lecture.SLOPES)
def test_amplifier_is_the_derivative_of_the_activation(layer, at_x, at_origin):
    for x, expected in ((X, at_x), (ORIGIN, at_origin)):
        z = lecture.network(PARAMETERS, x)[f"z{layer}"]
        assert_printed(cr.grad(lambda z: np.sum(lecture.sigmoid(z)))(z), expected)


@pytest.mark.parametrize("loss", LOSSES)
def test_loss(loss):
    assert_printed(LOSSES[loss](PARAMETERS), lecture.LOSS[loss])


@pytest.mark.parametrize(("loss", "name", "expected"), lecture.BACKWARD)
def test_backward_table(loss, name, expected):
    gradients = cr.grad(LOSSES[loss], argnums=3)(PARAMETERS, X, TARGET, SHIFTS)
    assert_printed(gradients[name], expected)


@pytest.mark.parametrize(("loss", "expected"), lecture.INPUT)
def test_gradient_at_the_input(loss, expected):
    assert_printed(cr.grad(LOSSES[loss], argnums=1)(PARAMETERS, X, TARGET), expected)


@pytest.mark.parametrize(("loss", "name", "expected"), lecture.WEIGHTS)
def test_gradient_of_weights(loss, name, expected):
    assert_printed(cr.grad(LOSSES[loss])(PARAMETERS)[name], expected)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("layer", [1, 2, 3])
def test_a_bias_gets_the_gradient_at_its_neuron(loss, layer):
    parameters, shifts = cr.grad(LOSSES[loss], argnums=(0, 3))(PARAMETERS, X, TARGET, SHIFTS)
    assert_printed(parameters[f"b{layer}"], shifts[f"z{layer}"])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize(("layer", "source"), [(2, "a1"), (3, "a2")])
def test_a_weight_gets_what_enters_it_times_the_gradient_at_its_neuron(loss, layer, source):
    parameters, shifts = cr.grad(LOSSES[loss], argnums=(0, 3))(PARAMETERS, X, TARGET, SHIFTS)
    entering = lecture.network(PARAMETERS, X)[source]
    assert_printed(parameters[f"W{layer}"], np.outer(shifts[f"z{layer}"], entering))


@pytest.mark.parametrize("loss", LOSSES)
def test_norm_of_the_gradient(loss):
    gradients = cr.grad(LOSSES[loss])(PARAMETERS)
    assert sum(np.size(g) for g in tree.leaves(gradients)) == 18
    assert_printed(optim.global_norm(gradients), lecture.NORM[loss])


@pytest.mark.parametrize("loss", LOSSES)
def test_centred_differences_of_all_eighteen_parameters_agree(loss):
    step = 1e-5
    gradients = cr.grad(LOSSES[loss])(PARAMETERS)
    for name, values in PARAMETERS.items():
        for index in np.ndindex(values.shape):
            bump = np.zeros_like(values)
            bump[index] = step
            up, down = PARAMETERS | {name: values + bump}, PARAMETERS | {name: values - bump}
            slope = (LOSSES[loss](up) - LOSSES[loss](down)) / (2 * step)
            np.testing.assert_allclose(gradients[name][index], slope, rtol=1e-7)


def test_the_gradient_of_a_batch_is_the_sum_over_its_examples():
    gradient = cr.grad(LOSSES["BCE"])
    batch = np.stack([X, ORIGIN])
    together = gradient(PARAMETERS, batch, np.stack([TARGET, TARGET]))
    alone = tree.map(np.add, gradient(PARAMETERS, X), gradient(PARAMETERS, ORIGIN))
    for name, got in together.items():
        np.testing.assert_allclose(got, alone[name], rtol=0, atol=5e-16)
    assert_printed(LOSSES["BCE"](PARAMETERS, batch), 4.84507205)
    assert_printed(together["W3"], [[-0.683319556, -0.1024934], [1.334149366, 0.197107724]])
    assert_printed(together["b1"], (-0.369428225, -0.003336394))
    np.testing.assert_array_equal(gradient(PARAMETERS, ORIGIN)["W1"], np.zeros((2, 2)))


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_descent(loss):
    gradient = cr.grad(LOSSES[loss])
    optimizer = optim.sgd(0.1)
    parameters, state = PARAMETERS, optimizer.init(PARAMETERS)
    losses = []
    for _ in range(max(lecture.STEPS) + 1):
        losses.append(LOSSES[loss](parameters))
        updates, state = optimizer.update(gradient(parameters), state, parameters)
        parameters = optim.apply_updates(parameters, updates)
    assert_printed([losses[step] for step in lecture.STEPS], lecture.DESCENT[loss])


def test_one_step_moves_the_weight_four():
    gradient = cr.grad(LOSSES["BCE"])(PARAMETERS)
    updates, _ = optim.sgd(0.1).update(gradient, optim.sgd(0.1).init(PARAMETERS))
    assert_printed(optim.apply_updates(PARAMETERS, updates)["W3"][1, 1], 3.990818493)


def test_the_backward_network_is_linear_in_its_input():
    def output(z1):
        return lecture.network(PARAMETERS, X, SHIFTS | {"z1": z1})["y"]

    _, pullback = cr.vjp(output, np.zeros(2))
    (once,) = pullback(np.array([1.0, 0.0]))
    (twice,) = pullback(np.array([2.0, 0.0]))
    np.testing.assert_allclose(once, (0.003771, -0.006325), rtol=0, atol=5e-7)
    np.testing.assert_array_equal(twice, 2 * once)


@pytest.mark.parametrize(
    ("loss", "ours"),
    [
        ("HSE", lambda values: functional.half_squared_error(values["y"], TARGET)),
        ("BCE", lambda values: functional.binary_cross_entropy(values["y"], TARGET)),
        ("BCE", lambda values: functional.sigmoid_binary_cross_entropy(values["z3"], TARGET)),
        ("SCE", lambda values: functional.softmax_cross_entropy(values["z3"], TARGET)),
        ("SCE", lambda values: functional.softmax_cross_entropy(values["z3"], np.array(0))),
    ],
)
def test_the_losses_of_the_library_are_those_of_the_lecture(loss, ours):
    value, gradient = cr.value_and_grad(lambda p: np.sum(ours(lecture.network(p, X))))(PARAMETERS)
    assert_printed(value, lecture.LOSS[loss])
    for _, name, expected in (row for row in lecture.WEIGHTS if row[0] == loss):
        assert_printed(gradient[name], expected)


def test_the_network_as_a_model_has_the_same_gradients():
    layers = tuple(nn.Linear(PARAMETERS[f"W{i}"].T, PARAMETERS[f"b{i}"]) for i in (1, 2, 3))
    model = nn.MLP(layers, nn.sigmoid)

    def loss(model):
        return functional.softmax_cross_entropy(model(X), np.array(0))

    gradient = cr.grad(loss)(model)
    assert isinstance(gradient, nn.MLP)
    for layer, (_, _, expected) in zip(gradient.layers, lecture.WEIGHTS[6:], strict=True):
        assert_printed(layer.weight.T, expected)


@pytest.mark.parametrize(
    ("activation", "expected"),
    [
        (nn.sigmoid, (0.017662706, 0.104993585)),
        (nn.tanh, (0.001340951, 0.070650825)),
        (nn.relu, (1, 0)),
        (nn.leaky_relu, (1, 0.01)),
        (nn.softplus, (0.982013790, 0.119202922)),
    ],
)
def test_amplifiers_of_other_activations(activation, expected):
    slopes = cr.grad(lambda z: np.sum(activation(z)))(np.array([4.0, -2.0]))
    assert_printed(slopes, expected)
