"""Losses and penalties: values against the textbook's formulas, gradients against differences."""

import math

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.nn import functional

SCORES = np.array([[2.0, -1.0, 0.5], [0.3, 0.2, 4.0]])
LABELS = np.array([0, 1])
ELEMENTWISE = [
    functional.squared_error,
    functional.half_squared_error,
    functional.absolute_error,
    functional.huber,
    functional.sigmoid_binary_cross_entropy,
    functional.binary_cross_entropy,
]


def probabilities(scores):
    return np.exp(scores) / np.sum(np.exp(scores), axis=-1, keepdims=True)


def assert_gradient_is_right(loss, x, step=1e-6):
    gradient = cr.grad(lambda x: np.sum(loss(x)))(x)
    for index in np.ndindex(x.shape):
        bump = np.zeros_like(x)
        bump[index] = step
        slope = np.sum(loss(x + bump) - loss(x - bump)) / (2 * step)
        np.testing.assert_allclose(gradient[index], slope, rtol=1e-6, atol=1e-8)


# Values


def test_errors_of_predictions():
    prediction, target = np.array([1.0, -2.0, 0.5]), np.array([0.0, 1.0, 0.5])
    assert functional.squared_error(prediction, target).tolist() == [1.0, 9.0, 0.0]
    assert functional.half_squared_error(prediction, target).tolist() == [0.5, 4.5, 0.0]
    assert functional.absolute_error(prediction, target).tolist() == [1.0, 3.0, 0.0]
    assert functional.huber(prediction, target, delta=2.0).tolist() == [0.5, 4.0, 0.0]


def test_softmax_cross_entropy_of_classes_and_of_shares():
    p = probabilities(SCORES)
    by_class = functional.softmax_cross_entropy(SCORES, LABELS)
    np.testing.assert_allclose(by_class, -np.log([p[0, 0], p[1, 1]]))
    np.testing.assert_allclose(
        functional.softmax_cross_entropy(SCORES, np.eye(3)[LABELS]), by_class
    )
    shares = np.array([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]])
    np.testing.assert_allclose(
        functional.softmax_cross_entropy(SCORES, shares), -np.sum(shares * np.log(p), axis=-1)
    )


def test_softmax_cross_entropy_of_one_example_and_of_lists():
    expected = functional.softmax_cross_entropy(SCORES, LABELS)
    assert functional.softmax_cross_entropy(SCORES[0], 0) == expected[0]
    np.testing.assert_array_equal(functional.softmax_cross_entropy(SCORES, [0, 1]), expected)


@pytest.mark.parametrize("classes", [3, 10])
def test_the_loss_at_chance(classes):
    loss = functional.softmax_cross_entropy(np.zeros(classes), 1)
    np.testing.assert_allclose(loss, math.log(classes), rtol=1e-15)
    assert functional.hinge(np.zeros(classes), 1) == classes - 1


def test_binary_cross_entropies_agree():
    logits, targets = np.array([0.3, -2.0, 1.5, 0.0]), np.array([1.0, 0.0, 0.25, 1.0])
    p = 1 / (1 + np.exp(-logits))
    expected = -targets * np.log(p) - (1 - targets) * np.log(1 - p)
    np.testing.assert_allclose(functional.binary_cross_entropy(p, targets), expected)
    np.testing.assert_allclose(functional.sigmoid_binary_cross_entropy(logits, targets), expected)


def test_hinge_sums_over_the_wrong_classes():
    np.testing.assert_allclose(functional.hinge(SCORES, LABELS), [0.0, 1.1 + 4.8])
    np.testing.assert_allclose(functional.hinge(SCORES, LABELS, margin=2.0), [0.5, 2.1 + 5.8])


# Numerical range


def test_losses_from_large_logits_are_finite():
    logits = np.array([[1000.0, 0.0], [-1000.0, 0.0]])
    assert functional.softmax_cross_entropy(logits, np.array([1, 0])).tolist() == [1000.0] * 2
    assert functional.softmax_cross_entropy(logits, np.array([0, 1])).tolist() == [0.0] * 2
    binary = functional.sigmoid_binary_cross_entropy(np.array([1000.0, -1000.0]), np.array([0, 1]))
    assert binary.tolist() == [1000.0, 1000.0]


def test_a_class_that_is_ruled_out_counts_nothing():
    logits = np.array([0.0, 0.0, -np.inf])
    expected = math.log(2)
    for labels in (0, np.array([1.0, 0.0, 0.0])):
        np.testing.assert_allclose(functional.softmax_cross_entropy(logits, labels), expected)


def test_certain_and_right_probabilities_cost_nothing():
    p = np.array([0.0, 1.0])
    assert functional.binary_cross_entropy(p, np.array([0, 1])).tolist() == [0.0, 0.0]
    slopes = cr.grad(lambda p: np.sum(functional.binary_cross_entropy(p, np.array([0, 1]))))(p)
    assert slopes.tolist() == [1.0, -1.0]


# Gradients


@pytest.mark.parametrize(
    "loss",
    [
        lambda x: functional.squared_error(x, np.ones((2, 3))),
        lambda x: functional.half_squared_error(x, np.ones((2, 3))),
        lambda x: functional.absolute_error(x, np.ones((2, 3))),
        lambda x: functional.huber(x, np.ones((2, 3))),
        lambda x: functional.softmax_cross_entropy(x, LABELS),
        lambda x: functional.softmax_cross_entropy(x, probabilities(SCORES[::-1])),
        lambda x: functional.sigmoid_binary_cross_entropy(x, probabilities(SCORES)),
        lambda x: functional.binary_cross_entropy(np.exp(x - 5), probabilities(SCORES)),
        lambda x: functional.hinge(x, LABELS),
        functional.l2,
        functional.l1,
    ],
)
def test_gradients_are_those_of_centred_differences(loss):
    assert_gradient_is_right(loss, SCORES + 0.01)


def test_the_gradient_of_softmax_cross_entropy_is_the_difference_of_probabilities():
    gradient = cr.grad(lambda x: np.sum(functional.softmax_cross_entropy(x, LABELS)))(SCORES)
    np.testing.assert_allclose(gradient, probabilities(SCORES) - np.eye(3)[LABELS], atol=1e-15)


# Dtypes


@pytest.mark.parametrize("loss", ELEMENTWISE)
@pytest.mark.parametrize("target", [np.array([0, 1]), np.array([False, True]), [0, 1]])
def test_integer_targets_leave_float32_as_it_is(loss, target):
    assert loss(np.array([0.25, 0.5], np.float32), target).dtype == np.float32


@pytest.mark.parametrize("labels", [LABELS, np.eye(3, dtype=int)[LABELS], np.eye(3)[LABELS] > 0])
def test_labels_leave_float32_as_it_is(labels):
    scores = SCORES.astype(np.float32)
    assert functional.softmax_cross_entropy(scores, labels).dtype == np.float32
    assert functional.hinge(scores, LABELS).dtype == np.float32


# What is rejected


@pytest.mark.parametrize("loss", ELEMENTWISE)
def test_nothing_is_broadcast(loss):
    expected = (
        rf"{loss.__name__}: the prediction has shape \(4, 1\), the target \(4,\)\. "
        "Expected equal shapes; nothing is broadcast"
    )
    with pytest.raises(ShapeError, match=expected):
        loss(np.full((4, 1), 0.5), np.zeros(4))


@pytest.mark.parametrize("loss", [functional.softmax_cross_entropy, functional.hinge])
@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        (np.array([0]), ShapeError, r"scores have shape \(2, 3\), the labels \(1,\).*shape \(2,\)"),
        (np.array([0.0, 1.0]), DTypeError, r"labels are float64\. Expected integers"),
        (np.array([0, 3]), ArgumentError, "labels go from 0 to 3. Expected 0 to 2 for 3 scores"),
        (np.array([-1, 0]), ArgumentError, "labels go from -1 to 0. Expected 0 to 2"),
    ],
)
def test_labels_that_name_no_class_are_rejected(loss, labels, error, message):
    with pytest.raises(error, match=f"{loss.__name__}: .*{message}"):
        loss(SCORES, labels)


@pytest.mark.parametrize(
    "name",
    ["relu", "leaky_relu", "elu", "softplus", "log_sigmoid", "softmax", "log_softmax", "logsumexp"],
)
def test_what_compares_numbers_takes_no_complex_ones(name):
    expected = rf"{name}: x has dtype complex128\. Expected real numbers"
    with pytest.raises(DTypeError, match=expected):
        getattr(functional, name)(np.ones(2) + 1j)
    with pytest.raises(DTypeError, match=expected):
        cr.vjp(getattr(functional, name), np.ones(2) + 1j)


def test_the_parameter_of_an_activation_is_not_complex_either():
    with pytest.raises(DTypeError, match="leaky_relu: slope has dtype complex128"):
        functional.leaky_relu(1.0, slope=1j)
    with pytest.raises(DTypeError, match="elu: alpha has dtype complex128"):
        functional.elu(1.0, alpha=1j)


def test_huber_rejects_a_delta_that_is_not_positive():
    with pytest.raises(ArgumentError, match=r"huber: delta=0\. Expected a positive number"):
        functional.huber(np.ones(1), np.ones(1), delta=0)


# Penalties


def test_penalties_count_every_array():
    model = nn.Sequential((nn.Linear(np.array([[3.0], [-4.0]]), np.array([1.0])),))
    assert functional.l2(model) == 13.0
    assert functional.l1(model) == 8.0
    assert functional.l2(np.array([3 + 4j])) == 12.5
    assert functional.l2({}) == functional.l1({}) == 0.0


def test_the_gradient_of_a_penalty_is_the_weight_or_its_sign():
    weights = {"a": np.array([3.0, -4.0]), "b": 0.0}
    gradient = cr.grad(functional.l2)(weights)
    assert gradient["a"].tolist() == [3.0, -4.0]
    gradient = cr.grad(functional.l1)(weights)
    assert gradient["a"].tolist() == [1.0, -1.0]
    assert gradient["b"] == 0.0
