"""Models made of layers: `Sequential` and `MLP`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from chainrule.core.trace import scope
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.nn.initializers import Initializer, he_normal
from chainrule.nn.layers import Linear
from chainrule.nn.summary import summary_html
from chainrule.ops.activations import relu


@dataclass(frozen=True, eq=False)
class Sequential:
    """Layers and functions, one after the other.

    A layer whose class says `takes_rng = True`, such as `Dropout`, is handed `rng`.

    Examples:
        >>> double = Linear(np.array([[2.0]]))
        >>> Sequential((double, np.sqrt, double))(np.array([8.0]))
        array([8.])

    Attributes:
        layers: called in order, each on what the one before returned.
    """

    layers: tuple[Any, ...]
    takes_rng: ClassVar[bool] = True

    _repr_html_ = summary_html

    def __call__(self, x: Value, *, rng: np.random.Generator | None = None) -> Value:
        """Return what the last layer returns."""
        for i, layer in enumerate(self.layers):
            with scope(f"layers[{i}]"):
                x = layer(x, rng=rng) if getattr(layer, "takes_rng", False) else layer(x)
        return x


@dataclass(frozen=True, eq=False)
class MLP:
    """Linear layers with an activation between them, and none after the last.

    Examples:
        >>> model = MLP.create((4, 8, 3), rng=np.random.default_rng(0))
        >>> model(np.ones((5, 4), np.float32)).shape
        (5, 3)

    Attributes:
        layers: from the input to the output.
        activation: applied to what every layer but the last returns.
    """

    layers: tuple[Linear, ...]
    activation: Callable[[Value], Value] = field(default=relu, metadata={"static": True})

    def __post_init__(self) -> None:
        """Reject layers that do not fit together, and name the two."""
        if not self.layers:
            raise ArgumentError.from_range("MLP", "layers", self.layers, "one layer or more")
        for i, (first, second) in enumerate(pairwise(self.layers)):
            if first.outputs != second.inputs:
                raise ShapeError.from_layers("MLP", i, first.weight.shape, second.weight.shape)

    @classmethod
    def create(
        cls,
        sizes: Sequence[int],
        activation: Callable[[Value], Value] = relu,
        *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = he_normal,
    ) -> Self:
        """Draw a model.

        Args:
            sizes: the number of features of the input, of every hidden layer and of the output.
            activation: a function of one array, such as `nn.relu` or `np.tanh`.
            rng: where the weights are drawn from.
            dtype: of all parameters.
            initializer: draws the weights; biases start at zero.
        """
        if len(sizes) < 2 or min(sizes) < 1:
            expected = "two or more positive sizes"
            raise ArgumentError.from_range("MLP.create", "sizes", tuple(sizes), expected)
        layers = tuple(
            Linear.create(n, m, rng=rng, dtype=dtype, initializer=initializer)
            for n, m in pairwise(sizes)
        )
        return cls(layers, activation)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The number of features of the input, of every hidden layer and of the output."""
        return (self.layers[0].inputs, *(layer.outputs for layer in self.layers))

    _repr_html_ = summary_html

    def __call__(self, x: Value) -> Value:
        """Return the output of the last layer for one example or a batch of them."""
        last = len(self.layers) - 1
        for i, layer in enumerate(self.layers):
            with scope(f"layers[{i}]"):
                x = layer(x) if i == last else self.activation(layer(x))
        return x
