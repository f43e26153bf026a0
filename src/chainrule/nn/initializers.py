"""How parameters start: functions `(shape, *, rng, dtype)` that return an array.

Weights have their inputs on the axis before the last and their outputs on the last; axes before
these two (the window of a convolution) count towards both. Numbers are drawn in float64 and then
cast, so that one seed gives the same weights in every precision.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from chainrule.errors import ArgumentError

Shape = Sequence[int]


class Initializer(Protocol):
    """Anything that makes an array of a shape from a random generator."""

    def __call__(self, shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = ...) -> Any:
        """Return the array."""


def zeros(
    shape: Shape,
    *,
    rng: np.random.Generator | None = None,  # noqa: ARG001  the signature every initializer has
    dtype: DTypeLike = np.float32,
) -> Any:
    """Return zeros, the usual start of a bias."""
    return np.zeros(tuple(shape), dtype)


def normal(
    shape: Shape,
    *,
    rng: np.random.Generator,
    dtype: DTypeLike = np.float32,
    scale: float = 0.01,
) -> Any:
    """Draw from the normal distribution with mean 0 and standard deviation `scale`."""
    return (scale * rng.standard_normal(tuple(shape))).astype(dtype)


def glorot_uniform(shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Any:
    """Draw uniformly from ±√(6 / (inputs + outputs)), for tanh and sigmoid.

    Examples:
        >>> glorot_uniform((2, 4), rng=np.random.default_rng(0)).shape
        (2, 4)
    """
    inputs, outputs = _fans("glorot_uniform", shape)
    limit = math.sqrt(6 / (inputs + outputs))
    return rng.uniform(-limit, limit, tuple(shape)).astype(dtype)


def glorot_normal(shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Any:
    """Draw with standard deviation √(2 / (inputs + outputs)), for tanh and sigmoid."""
    inputs, outputs = _fans("glorot_normal", shape)
    return normal(shape, rng=rng, dtype=dtype, scale=math.sqrt(2 / (inputs + outputs)))


def he_uniform(shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Any:
    """Draw uniformly from ±√(6 / inputs), for relu and its relatives."""
    limit = math.sqrt(6 / _fans("he_uniform", shape)[0])
    return rng.uniform(-limit, limit, tuple(shape)).astype(dtype)


def he_normal(shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Any:
    """Draw with standard deviation √(2 / inputs), for relu and its relatives."""
    return normal(shape, rng=rng, dtype=dtype, scale=math.sqrt(2 / _fans("he_normal", shape)[0]))


def lecun_normal(shape: Shape, *, rng: np.random.Generator, dtype: DTypeLike = np.float32) -> Any:
    """Draw with standard deviation √(1 / inputs), which keeps the variance of a linear layer."""
    return normal(shape, rng=rng, dtype=dtype, scale=math.sqrt(1 / _fans("lecun_normal", shape)[0]))


def orthogonal(
    shape: Shape,
    *,
    rng: np.random.Generator,
    dtype: DTypeLike = np.float32,
    scale: float = 1.0,
) -> Any:
    """Draw a matrix with orthonormal rows or columns, whichever are fewer, times `scale`.

    Examples:
        >>> w = orthogonal((3, 5), rng=np.random.default_rng(0), dtype=float)
        >>> np.allclose(w @ w.T, np.eye(3))
        True
    """
    _fans("orthogonal", shape)
    rows, columns = math.prod(shape[:-1]), shape[-1]
    draw = rng.standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(draw)
    q = q * np.sign(np.diag(r))  # without it the signs follow the factorisation, not the draw
    return (scale * (q if rows >= columns else q.T)).reshape(tuple(shape)).astype(dtype)


def _fans(where: str, shape: Shape) -> tuple[int, int]:
    """Return how many inputs and outputs a weight of `shape` connects."""
    if len(shape) < 2 or min(shape) < 1:
        raise ArgumentError.from_range(
            where, "shape", tuple(shape), "two or more positive sizes, ending in (inputs, outputs)"
        )
    window = math.prod(shape[:-2])
    return window * shape[-2], window * shape[-1]
