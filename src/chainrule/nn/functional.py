"""Functions of arrays that models are made of: activations, convolutions, pooling, attention, losses, penalties."""

from __future__ import annotations

from numpy import tanh

from chainrule.nn.losses import (
    absolute_error,
    binary_cross_entropy,
    half_squared_error,
    hinge,
    huber,
    sigmoid_binary_cross_entropy,
    softmax_cross_entropy,
    squared_error,
)
from chainrule.nn.penalties import l1, l2
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
from chainrule.ops.attention import attention
from chainrule.ops.convolution import conv1d, conv2d
from chainrule.ops.pooling import avg_pool2d, max_pool2d
from chainrule.ops.transposed_convolution import conv_transpose2d

__all__ = [
    "absolute_error",
    "attention",
    "avg_pool2d",
    "binary_cross_entropy",
    "conv1d",
    "conv2d",
    "conv_transpose2d",
    "elu",
    "gelu",
    "half_squared_error",
    "hinge",
    "huber",
    "l1",
    "l2",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "max_pool2d",
    "relu",
    "sigmoid",
    "sigmoid_binary_cross_entropy",
    "silu",
    "softmax",
    "softmax_cross_entropy",
    "softplus",
    "squared_error",
    "tanh",
]
