"""Layers: frozen dataclasses whose array fields are their parameters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import DTypeLike

from chainrule.core.types import Value
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.nn.initializers import Initializer, glorot_uniform, normal
from chainrule.nn.summary import summary_html


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear layer: `x @ weight + bias`, for one example or a batch of them.

    Examples:
        >>> layer = Linear(weight=np.array([[1.0, 0.0], [2.0, 1.0]]), bias=np.array([0.5, 0.0]))
        >>> layer(np.array([1.0, 1.0]))
        array([3.5, 1. ])

    Attributes:
        weight: shape (inputs, outputs).
        bias: shape (outputs,), or None for a layer without one.
    """

    weight: Value
    bias: Value | None = None

    def __post_init__(self) -> None:
        """Reject parameters that do not fit together: broadcasting would hide them."""
        shape = np.shape(self.weight)
        if len(shape) != 2:
            raise ShapeError.from_parameter("Linear", "weight", shape, "(inputs, outputs)")
        if self.bias is not None and np.shape(self.bias) != shape[1:]:
            raise ShapeError.from_parameter("Linear", "bias", np.shape(self.bias), str(shape[1:]))

    @classmethod
    def create(
        cls,
        inputs: int,
        outputs: int,
        *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = glorot_uniform,
        bias: bool = True,
    ) -> Self:
        """Draw a weight of shape (inputs, outputs); the bias starts at zero."""
        weight = initializer((inputs, outputs), rng=rng, dtype=dtype)
        return cls(weight, np.zeros(outputs, dtype) if bias else None)

    @property
    def inputs(self) -> int:
        """How many features an example has on the way in."""
        return int(self.weight.shape[0])

    @property
    def outputs(self) -> int:
        """How many features an example has on the way out."""
        return int(self.weight.shape[1])

    _repr_html_ = summary_html

    def __call__(self, x: Value) -> Value:
        """Return `x @ weight + bias`; the last axis of `x` holds the features."""
        _check_features(f"Linear({self.inputs}, {self.outputs})", x, self.inputs)
        z = x @ self.weight
        return z if self.bias is None else z + self.bias


@dataclass(frozen=True, eq=False)
class LayerNorm:
    """Shift and scale every example to mean 0 and variance 1, then by learned numbers.

    Examples:
        >>> LayerNorm.create(2, dtype=float)(np.array([1.0, 3.0])).round(3)
        array([-1.,  1.])

    Attributes:
        scale: shape (features,).
        offset: shape (features,).
        epsilon: is added to the variance, so that constant examples do not divide by zero.
    """

    scale: Value
    offset: Value
    epsilon: float = field(default=1e-5, metadata={"static": True})

    def __post_init__(self) -> None:
        """Reject parameters that do not fit together."""
        shape = np.shape(self.scale)
        if len(shape) != 1:
            raise ShapeError.from_parameter("LayerNorm", "scale", shape, "(features,)")
        if np.shape(self.offset) != shape:
            got = np.shape(self.offset)
            raise ShapeError.from_parameter("LayerNorm", "offset", got, str(shape))

    @classmethod
    def create(cls, features: int, *, dtype: DTypeLike = np.float32, epsilon: float = 1e-5) -> Self:
        """Start with scale 1 and offset 0."""
        return cls(np.ones(features, dtype), np.zeros(features, dtype), epsilon)

    _repr_html_ = summary_html

    def __call__(self, x: Value) -> Value:
        """Normalise over the last axis of `x`."""
        features = self.scale.shape[0]
        _check_features(f"LayerNorm({features})", x, features)
        centred = x - np.mean(x, axis=-1, keepdims=True)
        variance = np.mean(centred * centred, axis=-1, keepdims=True)
        return centred / np.sqrt(variance + self.epsilon) * self.scale + self.offset


@dataclass(frozen=True, eq=False)
class Embedding:
    """A learned row for each of a number of symbols.

    Examples:
        >>> Embedding(np.array([[1.0, 2.0], [3.0, 4.0]]))(np.array([1, 1, 0]))
        array([[3., 4.],
               [3., 4.],
               [1., 2.]])

    Attributes:
        table: shape (symbols, features).
    """

    table: Value

    def __post_init__(self) -> None:
        """Reject a table that has no rows."""
        shape = np.shape(self.table)
        if len(shape) != 2:
            raise ShapeError.from_parameter("Embedding", "table", shape, "(symbols, features)")

    @classmethod
    def create(
        cls,
        symbols: int,
        features: int,
        *,
        rng: np.random.Generator,
        dtype: DTypeLike = np.float32,
        initializer: Initializer = normal,
    ) -> Self:
        """Draw a table of shape (symbols, features)."""
        return cls(initializer((symbols, features), rng=rng, dtype=dtype))

    _repr_html_ = summary_html

    def __call__(self, indices: Value) -> Value:
        """Return the rows at `indices`: integers of any shape, which the result's begins with."""
        indices = indices if hasattr(indices, "dtype") else np.asarray(indices)
        if indices.dtype.kind not in "iu":
            raise DTypeError.from_labels("Embedding", "indices", indices.dtype)
        return self.table[indices]


@dataclass(frozen=True, eq=False)
class Dropout:
    """Set features to zero at random while training: pass `rng` then, and leave it out otherwise.

    With `inverted=True` the features that stay are divided by (1 - rate) while training, and
    nothing happens afterwards. With `inverted=False` they stay as they are while training, and
    everything is multiplied by (1 - rate) afterwards, as if the next layer's weights were. Either
    way the mean over all masks is what comes out afterwards.

    Examples:
        >>> dropout = Dropout(0.5)
        >>> dropout(np.array([1.0, 2.0]))
        array([1., 2.])
        >>> sorted({float(v) for v in dropout(np.ones(100), rng=np.random.default_rng(0))})
        [0.0, 2.0]

    Attributes:
        rate: the probability that a feature is set to zero.
        inverted: where the scale is made up for, see above.
    """

    rate: float = field(metadata={"static": True})
    inverted: bool = field(default=True, metadata={"static": True})
    takes_rng: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Reject what is no probability."""
        if not 0 <= self.rate < 1:
            raise ArgumentError.from_range("Dropout", "rate", self.rate, "0 <= rate < 1")

    _repr_html_ = summary_html

    def __call__(self, x: Value, *, rng: np.random.Generator | None = None) -> Value:
        """Drop features of `x` if `rng` is given."""
        stays = 1 - self.rate
        if rng is None:
            return x if self.inverted else x * stays
        kept = (rng.random(np.shape(x)) >= self.rate).astype(x.dtype)
        return x * kept / stays if self.inverted else x * kept


def _check_features(layer: str, x: Any, features: int) -> None:
    shape = np.shape(x)
    if not shape or shape[-1] != features:
        raise ShapeError.from_input(layer, shape, features)
