"""Attention: every query takes the mean of the values, weighed by how well it matches their keys."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import Value, broadcast_shapes
from chainrule.errors import DTypeError, ShapeError
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.softmax import softmax


def attention(q: Value, k: Value, v: Value, mask: Any = None, causal: bool = False) -> Value:
    """Return `softmax(q @ kᵀ / sqrt(D)) @ v`, along the last two axes; the axes in front broadcast.

    A query that may see no key at all gets 0, and so do the gradients through it.

    Args:
        q: queries, `(..., queries, D)`.
        k: keys, `(..., keys, D)`.
        v: values, `(..., keys, outputs)`.
        mask: broadcasts to `(..., queries, keys)`. Booleans say which keys a query sees, True for those it does.
            Floats are added to the scores, -inf for keys it does not see, and are differentiated.
        causal: a query sees the keys up to its own position alone; there are as many keys as queries then.

    Returns:
        `(..., queries, outputs)`.

    Raises:
        ShapeError: the shapes do not fit together.
        DTypeError: the arrays do not hold real numbers, or the mask neither booleans nor floats.

    Examples:
        >>> import numpy as np
        >>> x = np.array([[1.0, 0.0], [0.0, 1.0]])
        >>> attention(x, x, np.array([[1.0], [3.0]])).round(2)
        array([[1.66],
               [2.34]])
        >>> attention(x, x, np.array([[1.0], [3.0]]), causal=True).round(2)
        array([[1.  ],
               [2.34]])
    """
    q, k, v = (_real(name, x) for name, x in (("q", q), ("k", k), ("v", v)))
    queries, keys, features = _sizes(q, k, v)
    scores = (q * (1 / math.sqrt(features or 1))) @ k.mT
    if mask is not None:
        scores = _masked(scores, as_array(mask))
    if causal:
        if queries != keys:
            raise ShapeError.from_causal(queries, keys)
        scores = np.where(np.tri(queries, dtype=bool), scores, -np.inf)
    return softmax(scores) @ v


def _real(name: str, x: Any) -> Value:
    x = as_array(x)
    if type_of(x).dtype.kind not in "biuf":
        raise DTypeError.from_no_numbers("attention", name, type_of(x).dtype, "real numbers")
    return x


def _sizes(q: Value, k: Value, v: Value) -> tuple[int, int, int]:
    """Return how many queries, keys and features there are.

    Raises:
        ShapeError: the shapes do not fit together.
    """
    shapes = [type_of(x).shape for x in (q, k, v)]
    for name, shape, layout in zip(
        "qkv", shapes, ("queries, D", "keys, D", "keys, outputs"), strict=True
    ):
        if len(shape) < 2:
            raise ShapeError.from_attention(name, shape, f"(..., {layout})")
    queries, features = shapes[0][-2:]
    keys = shapes[1][-2]
    if shapes[1][-1] != features:
        expected = f"(..., keys, {features}), with as many features as q {shapes[0]}"
        raise ShapeError.from_attention("k", shapes[1], expected)
    if shapes[2][-2] != keys:
        expected = f"(..., {keys}, outputs), one value for each of the keys {shapes[1]}"
        raise ShapeError.from_attention("v", shapes[2], expected)
    broadcast_shapes("attention", *[shape[:-2] for shape in shapes])
    return queries, keys, features


def _masked(scores: Value, mask: Value) -> Value:
    """Take keys out of sight, or shift the scores."""
    got, shape = type_of(mask), type_of(scores).shape
    if broadcast_shapes("attention", shape, got.shape)[-2:] != shape[-2:]:
        expected = f"a shape that broadcasts to (..., {shape[-2]}, {shape[-1]})"
        raise ShapeError.from_attention("mask", got.shape, expected)
    if got.dtype.kind == "b":
        return np.where(mask, scores, -np.inf)
    if got.dtype.kind == "f":
        return scores + mask
    expected = "booleans, True for a key that is seen, or floats to add"
    raise DTypeError.from_no_numbers("attention", "mask", got.dtype, expected)


_HIDDEN = np.array([[True, False, True], [False, False, False]])
composite(
    "attention",
    attention,
    samples=(
        Sample((2, 3), (4, 3), (4, 2)),
        Sample((2, 1, 3, 2), (3, 3, 2), (3, 3, 2), causal=True),
        Sample((2, 2), (3, 2), (3, 1), mask=_HIDDEN),
        Sample((2, 2), (3, 2), (3, 1), (2, 3)),
        Sample((0, 3, 2), (0, 3, 2), (0, 3, 2), causal=True),
        Sample((2, 3), (0, 3), (0, 2)),
    ),
    rejects=(
        Sample((3,), (4, 3), (4, 2)),
        Sample((2, 3), (4, 2), (4, 2)),
        Sample((2, 3), (4, 3), (3, 2)),
        Sample((2, 2, 3), (3, 4, 3), (4, 2)),
        Sample((2, 3), (4, 3), (4, 2), causal=True),
        Sample((2, 3), (4, 3), (4, 2), (3, 4)),
        Sample((1, 3), (4, 3), (4, 2), (3, 4)),
    ),
)
