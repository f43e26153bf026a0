"""Losses. None of them averages: write `np.mean(...)` or `np.sum(...)` around the call.

Losses that compare element by element (`squared_error` and its like) have the shape of their
arguments; losses that compare whole rows of scores (`softmax_cross_entropy`, `hinge`) return one
number per example. Shapes are never broadcast: a target of shape (n,) against a prediction of
shape (n, 1) is an error, not an (n, n) table.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.types import Value
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ops.activations import log_softmax, softplus


def squared_error(prediction: Value, target: Value) -> Value:
    """Return `(prediction - target)²` for every element.

    Examples:
        >>> squared_error(np.array([1.0, 3.0]), np.array([0.0, 1.0]))
        array([1., 4.])
    """
    difference = _difference("squared_error", prediction, target)
    return difference * difference


def half_squared_error(prediction: Value, target: Value) -> Value:
    """Return `½ (prediction - target)²`, whose derivative is the difference itself.

    Examples:
        >>> half_squared_error(np.array([1.0, 3.0]), np.array([0.0, 1.0]))
        array([0.5, 2. ])
    """
    difference = _difference("half_squared_error", prediction, target)
    return 0.5 * difference * difference


def absolute_error(prediction: Value, target: Value) -> Value:
    """Return `|prediction - target|` for every element; its derivative at 0 is 0.

    Examples:
        >>> absolute_error(np.array([1.0, 3.0]), np.array([2.0, 1.0]))
        array([1., 2.])
    """
    return np.abs(_difference("absolute_error", prediction, target))


def huber(prediction: Value, target: Value, *, delta: float = 1.0) -> Value:
    """Return half the squared error up to a difference of `delta`, and a straight line beyond.

    Examples:
        >>> huber(np.array([0.5, 3.0]), np.array([0.0, 0.0]))
        array([0.125, 2.5  ])
    """
    if delta <= 0:
        raise ArgumentError.from_range("huber", "delta", delta, "a positive number")
    distance = np.abs(_difference("huber", prediction, target))
    inner = np.minimum(distance, delta)
    return 0.5 * inner * inner + delta * (distance - inner)


def softmax_cross_entropy(logits: Value, labels: Value) -> Value:
    """Return `-log softmax(logits)` at the right class, one number per example.

    Examples:
        >>> softmax_cross_entropy(np.zeros((2, 10)), np.array([3, 7])).round(6)
        array([2.302585, 2.302585])

    Args:
        logits: scores of shape (..., classes), before any softmax.
        labels: classes as integers, of shape (...), or a probability for each class, of shape
            (..., classes).
    """
    labels = _as_array(labels)
    if labels.shape == np.shape(logits):
        shares = _in_dtype_of(logits, labels)
        # A share of 0 counts nothing, even where the log-probability is -inf.
        return -np.sum(shares * np.where(shares == 0, 0, log_softmax(logits)), axis=-1)
    chosen = _chosen("softmax_cross_entropy", logits, labels)
    return -np.sum(np.where(chosen, log_softmax(logits), 0), axis=-1)


def sigmoid_binary_cross_entropy(logits: Value, targets: Value) -> Value:
    """Return `-targets log p - (1 - targets) log(1 - p)` with p = sigmoid(logits), elementwise.

    Examples:
        >>> sigmoid_binary_cross_entropy(np.array([0.0, 100.0]), np.array([1, 0])).round(6)
        array([  0.693147, 100.      ])
    """
    targets = _same_shape("sigmoid_binary_cross_entropy", logits, targets)
    return softplus(logits) - targets * logits


def binary_cross_entropy(probabilities: Value, targets: Value) -> Value:
    """Return `-targets log p - (1 - targets) log(1 - p)`, elementwise.

    It is infinite where a probability of 0 or 1 is wrong. `sigmoid_binary_cross_entropy` takes the
    values before the sigmoid and stays finite.

    Examples:
        >>> binary_cross_entropy(np.array([0.5, 0.25]), np.array([1, 0])).round(6)
        array([0.693147, 0.287682])
    """
    targets = _same_shape("binary_cross_entropy", probabilities, targets)
    return -_weighted_log(targets, probabilities) - _weighted_log(1 - targets, 1 - probabilities)


def hinge(scores: Value, labels: Value, *, margin: float = 1.0) -> Value:
    """Return `Σ max(0, score - right score + margin)` over the wrong classes, for every example.

    Examples:
        >>> hinge(np.array([[3.0, 2.5, -1.0]]), np.array([0]))
        array([0.5])

    Args:
        scores: shape (..., classes).
        labels: the right classes as integers, of shape (...).
        margin: how much higher than the others the right score has to be.
    """
    chosen = _chosen("hinge", scores, _as_array(labels))
    right = np.sum(np.where(chosen, scores, 0), axis=-1, keepdims=True)
    return np.sum(np.where(chosen, 0, np.maximum(scores - right + margin, 0)), axis=-1)


def _difference(where: str, prediction: Value, target: Value) -> Value:
    return prediction - _same_shape(where, prediction, target)


def _same_shape(where: str, prediction: Value, target: Value) -> Value:
    """Return the target as an array, integers in the prediction's dtype; shapes must be equal."""
    target = _as_array(target)
    if target.shape != np.shape(prediction):
        raise ShapeError.from_target(where, np.shape(prediction), target.shape)
    return _in_dtype_of(prediction, target)


def _in_dtype_of(x: Value, target: Value) -> Value:
    """Return integers in the dtype of `x`: as they are they would widen float32 to float64."""
    return target.astype(x.dtype) if target.dtype.kind in "biu" and hasattr(x, "dtype") else target


def _chosen(where: str, scores: Value, labels: Value) -> Value:
    """Return a table of shape (..., classes) that is true at every example's own class."""
    shape = np.shape(scores)
    if not shape or labels.shape != shape[:-1]:
        raise ShapeError.from_labels(where, shape, labels.shape)
    if labels.dtype.kind not in "iu":
        raise DTypeError.from_labels(where, "labels", labels.dtype)
    classes = shape[-1]
    if labels.size and (np.min(labels) < 0 or np.max(labels) >= classes):
        raise ArgumentError.from_label(where, int(np.min(labels)), int(np.max(labels)), classes)
    return labels[..., None] == np.arange(classes)


def _weighted_log(weight: Value, p: Value) -> Value:
    """Return `weight * log(p)`, and 0 where the weight is 0, whatever p is."""
    return weight * np.log(np.where(weight == 0, 1, p))


def _as_array(x: Any) -> Any:
    return x if hasattr(x, "dtype") else np.asarray(x)
