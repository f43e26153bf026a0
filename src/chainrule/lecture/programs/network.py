"""The network of the lecture: two inputs, three layers of two neurons, a sigmoid after each."""

import numpy as np

from chainrule import nn

PARAMETERS = {
    "W1": np.array([[1.0, -2.0], [-1.0, 1.0]]),  # a row of W holds the weights of one neuron
    "b1": np.array([1.0, 0.0]),
    "W2": np.array([[2.0, -1.0], [-2.0, -1.0]]),
    "b2": np.array([0.0, 0.0]),
    "W3": np.array([[3.0, -1.0], [-1.0, 4.0]]),
    "b3": np.array([-2.0, 2.0]),
}
X = np.array([1.0, -1.0])
ORIGIN = np.array([0.0, 0.0])
TARGET = np.array([1.0, 0.0])


def scores(p, x):
    """Return z of the last layer."""
    z1 = p["W1"] @ x + p["b1"]
    a1 = nn.sigmoid(z1)
    z2 = p["W2"] @ a1 + p["b2"]
    a2 = nn.sigmoid(z2)
    z3 = p["W3"] @ a2 + p["b3"]
    return z3


def outputs(p, x):
    """Return y."""
    y = nn.sigmoid(scores(p, x))
    return y


def hse(p, x, target):
    """Half the squared error."""
    y = outputs(p, x)
    C = 0.5 * np.sum((y - target) ** 2)
    return C


def bce(p, x, target):
    """Binary cross-entropy."""
    y = outputs(p, x)
    C = -np.sum(target * np.log(y) + (1 - target) * np.log(1 - y))
    return C


def sce(p, x, target):
    """Cross-entropy of the softmax, which takes the place of the last sigmoid."""
    z3 = scores(p, x)
    C = -np.sum(target * nn.log_softmax(z3))
    return C
