"""Models in plain NumPy: layers are frozen dataclasses whose array fields are the parameters."""

from __future__ import annotations

from numpy import tanh

from chainrule.nn import functional
from chainrule.nn.initializers import (
    Initializer,
    glorot_normal,
    glorot_uniform,
    he_normal,
    he_uniform,
    lecun_normal,
    normal,
    orthogonal,
    zeros,
)
from chainrule.nn.layers import Dropout, Embedding, LayerNorm, Linear
from chainrule.nn.models import MLP, Sequential
from chainrule.ops.activations import (
    elu,
    gelu,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    logsumexp,
    relu,
    sigmoid,
    silu,
    softmax,
    softplus,
)

__all__ = [
    "MLP",
    "Dropout",
    "Embedding",
    "Initializer",
    "LayerNorm",
    "Linear",
    "Sequential",
    "elu",
    "functional",
    "gelu",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "leaky_relu",
    "lecun_normal",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "normal",
    "orthogonal",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
    "zeros",
]
