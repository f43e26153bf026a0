"""Pooling: each window of an image becomes its largest number, or its mean, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import ArrayType, Value
from chainrule.errors import ArgumentError
from chainrule.ops.kinds import composite
from chainrule.ops.windows import (
    Window,
    image_of,
    numbers_of,
    padded,
    per_axis,
    shifted,
    summed,
    tiles,
    window_over,
)


def max_pool2d(x: Value, size: Any, strides: Any = None, padding: Any = "valid") -> Value:
    """Return the largest number of each window, channel by channel.

    Equal winners of a window share its gradient evenly, as those of `np.max` do. Padding counts as
    -inf: it never wins, and ties with numbers that are -inf themselves.

    Args:
        x: images, `(batch, height, width, channels)`.
        size: of the window; a number, or one per axis.
        strides: how far the window moves at a time; by default its size, so that windows lie side by side.
        padding: `"valid"` for none, which leaves out what the last window does not reach; `"same"` for
            `ceil(size / stride)` windows; or a pair `(before, behind)` per axis, smaller than the window.

    Returns:
        `(batch, height, width, channels)`, with one pixel per window.

    Raises:
        ShapeError: these are no images, or the window does not fit into them.
        ArgumentError: an option is out of its range.

    Examples:
        >>> import numpy as np
        >>> max_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
        array([[ 5.,  7.],
               [13., 15.]])
    """
    x = numbers_of("max_pool2d", "x", image_of("max_pool2d", x, 2), "biuf")
    window = _window("max_pool2d", x, size, strides, padding)
    x = padded(x, window, _lowest(type_of(x).dtype))
    if window.is_tile:
        return np.max(tiles(x, window), axis=(2, 4))
    return np.max(np.stack(shifted(x, window)), axis=0)


def avg_pool2d(x: Value, size: Any, strides: Any = None, padding: Any = "valid") -> Value:
    """Return the mean of each window, channel by channel; padding does not count.

    Args:
        x: images, `(batch, height, width, channels)`.
        size: of the window; a number, or one per axis.
        strides: how far the window moves at a time; by default its size, so that windows lie side by side.
        padding: as in `max_pool2d`.

    Returns:
        `(batch, height, width, channels)`, with one pixel per window.

    Raises:
        ShapeError: these are no images, or the window does not fit into them.
        ArgumentError: an option is out of its range.

    Examples:
        >>> import numpy as np
        >>> avg_pool2d(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
        array([[ 2.5,  4.5],
               [10.5, 12.5]])
    """
    x = image_of("avg_pool2d", x, 2)
    window = _window("avg_pool2d", x, size, strides, padding)
    if window.is_tile and not any(map(any, window.padding)):
        return np.mean(tiles(x, window), axis=(2, 4))
    if not type_of(x).is_inexact:
        x = x.astype(np.float64)  # as np.mean does; small integers would overflow
    counts = summed(padded(_ones_like(type_of(x)), window), window)
    return summed(padded(x, window), window) / counts


def _window(name: str, x: Value, size: Any, strides: Any, padding: Any) -> Window:
    sizes = per_axis(name, "size", size, 2)
    steps = sizes if strides is None else strides
    window = window_over(name, type_of(x).shape[1:-1], sizes, steps, padding)
    if any(max(pair) >= n for pair, n in zip(window.padding, sizes, strict=True)):
        expected = f"less than the window's size {sizes}"
        raise ArgumentError.from_range(name, "padding", padding, expected)
    return window


def _lowest(dtype: np.dtype[Any]) -> Any:
    """Return what no number of this dtype is below."""
    if dtype.kind == "f":
        return -np.inf
    return np.iinfo(dtype).min if dtype.kind in "iu" else False


def _ones_like(image: ArrayType) -> Any:
    """Return one image of one channel: its sums say how many numbers each window meets."""
    return np.ones((1, *image.shape[1:-1], 1), image.dtype)


_IMAGES = (
    Sample((2, 4, 6, 2), 2),
    Sample((1, 5, 4, 1), size=(2, 3)),
    Sample((1, 5, 4, 2), 3, strides=2, padding="same"),
    Sample((1, 4, 5, 1), 2, strides=(1, 2), padding=[(0, 1), (1, 1)]),
    Sample((1, 4, 3, 1), 2, padding="same"),
    Sample((0, 4, 4, 2), 2),
    Sample((0, 4, 4, 2), 3, strides=1),
)
_NO_IMAGES = (
    Sample((4, 4, 2), 2),
    Sample((1, 2, 4, 2), 3),
    Sample((1, 0, 4, 2), 2, padding="same"),
)
composite("max_pool2d", max_pool2d, samples=_IMAGES, rejects=_NO_IMAGES)
composite("avg_pool2d", avg_pool2d, samples=_IMAGES, rejects=_NO_IMAGES)
