"""Convolutions, channels last, each one matrix product: the numbers below every place of the kernel make a row.

As everywhere in the field the kernel is not flipped: it is laid on the image as it is.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.kinds import composite
from chainrule.ops.windows import (
    LAYOUTS,
    Window,
    image_of,
    numbers_of,
    padded,
    per_axis,
    shifted,
    tiles,
    window_over,
)

_FEW = 2
"""To so many outputs per channel a sum over the kernel is quicker than a product of matrices per channel."""


def conv2d(
    x: Value,
    kernel: Value,
    strides: Any = 1,
    padding: Any = "same",
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    """Lay a kernel on every place of a batch of images and add up the products, channels last.

    Args:
        x: images, `(batch, height, width, channels)`.
        kernel: `(height, width, channels // groups, outputs)`; it is not flipped.
        strides: how far the kernel moves at a time; a number, or one per axis.
        padding: the zeros around the images: `"same"` for `ceil(size / stride)` places, with one more zero at the end
            where they are odd; `"valid"` for none; or a pair `(before, behind)` per axis.
        dilation: how far apart the numbers are that the kernel meets; a number, or one per axis.
        groups: the channels and the outputs are cut into so many parts, and each part of the outputs sees its part
            of the channels alone.

    Returns:
        `(batch, height, width, outputs)`.

    Raises:
        ShapeError: the shapes do not fit together, or the kernel fits nowhere.
        ArgumentError: an option is out of its range.

    Examples:
        >>> import numpy as np
        >>> image = np.arange(9.0).reshape(1, 3, 3, 1)
        >>> conv2d(image, np.ones((2, 2, 1, 1)), padding="valid")[0, :, :, 0]
        array([[ 8., 12.],
               [20., 24.]])
    """
    return _convolved("conv2d", x, kernel, strides, padding, dilation, groups, axes=2)


def conv1d(
    x: Value,
    kernel: Value,
    strides: Any = 1,
    padding: Any = "same",
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    """Lay a kernel on every place of a batch of signals and add up the products, channels last.

    Args:
        x: signals, `(batch, length, channels)`.
        kernel: `(length, channels // groups, outputs)`; it is not flipped.
        strides: how far the kernel moves at a time.
        padding: as in `conv2d`; zeros before and behind are `[(before, behind)]`.
        dilation: how far apart the numbers are that the kernel meets.
        groups: as in `conv2d`.

    Returns:
        `(batch, length, outputs)`.

    Raises:
        ShapeError: the shapes do not fit together, or the kernel fits nowhere.
        ArgumentError: an option is out of its range.

    Examples:
        >>> import numpy as np
        >>> signal = np.array([1.0, 4.0, 9.0, 16.0]).reshape(1, 4, 1)
        >>> conv1d(signal, np.array([-1.0, 1.0]).reshape(2, 1, 1), padding="valid").ravel()
        array([3., 5., 7.])
    """
    return _convolved("conv1d", x, kernel, strides, padding, dilation, groups, axes=1)


def _convolved(
    name: str,
    x: Value,
    kernel: Value,
    strides: Any,
    padding: Any,
    dilation: Any,
    groups: int,
    axes: int,
) -> Value:
    x, kernel = image_of(name, x, axes), numbers_of(name, "kernel", kernel)
    count = groups_of(name, groups, x, kernel, axes)
    image, sizes = type_of(x).shape[1:-1], type_of(kernel).shape[:axes]
    return product(x, kernel, window_over(name, image, sizes, strides, padding, dilation), count)


def product(x: Value, kernel: Value, window: Window, groups: int) -> Value:
    """Multiply the rows of numbers below the kernel with the kernel's matrix, group by group.

    Groups of one channel are not: their matrices have few columns, and the channels lie side by side for vectors.
    """
    batch, channels = type_of(x).shape[0], type_of(x).shape[-1] // groups
    *sizes, _, outputs = type_of(kernel).shape
    places = (batch, *window.counts)
    x = padded(x, window)
    if channels == 1 and groups > 1 and outputs <= _FEW * groups:
        return _channel_by_channel(x, kernel, window)
    if groups > 1:
        x = np.moveaxis(x.reshape((*type_of(x).shape[:-1], groups, channels)), -2, 0)
        kernel = kernel.reshape((*sizes, channels, groups, outputs // groups))
        kernel = np.moveaxis(kernel, -2, 0)
    stack = (groups,) if groups > 1 else ()
    width = math.prod(sizes) * channels
    rows = _rows(x, window).reshape((*stack, math.prod(places), width))
    product = rows @ kernel.reshape((*stack, width, outputs // groups))
    if groups > 1:
        product = np.moveaxis(product, 0, 1)
    return product.reshape((*places, outputs))


def _channel_by_channel(x: Value, kernel: Value, window: Window) -> Value:
    """Add up, per number of the kernel, what it meets times that number; each channel has numbers of its own."""
    *sizes, _, outputs = type_of(kernel).shape
    channels = type_of(x).shape[-1]
    if outputs > channels:
        x = np.repeat(x, outputs // channels, axis=-1)
    numbers = kernel.reshape((math.prod(sizes), outputs))
    total, *others = [met * numbers[i] for i, met in enumerate(shifted(x, window))]
    for other in others:
        total = total + other
    return total


def _rows(x: Value, window: Window) -> Value:
    """Return what each place of the kernel meets along the last axis: position by position, all channels of each."""
    if math.prod(window.sizes) > 1 and window.is_tile:
        return _tile_rows(tiles(x, window), len(window.sizes))
    met = shifted(x, window)
    return np.concatenate(met, axis=-1) if len(met) > 1 else met[0]


def _tile_rows(x: Value, axes: int) -> Value:
    """Bring the axes within windows side by side behind those of the windows."""
    lead = type_of(x).ndim - 2 * axes - 1
    counted, within = range(lead, lead + 2 * axes, 2), range(lead + 1, lead + 2 * axes, 2)
    return np.transpose(x, (*range(lead), *counted, *within, lead + 2 * axes))


def groups_of(name: str, groups: Any, x: Value, kernel: Value, axes: int) -> int:
    """Return the number of groups.

    Raises:
        ArgumentError: it does not divide the channels or the outputs.
        ShapeError: the kernel does not fit to the image and the groups.
    """
    channels, got = type_of(x).shape[-1], type_of(kernel).shape
    (count,) = per_axis(name, "groups", groups, 1)
    if channels % count:
        expected = f"a divisor of the {channels} channels"
        raise ArgumentError.from_range(name, "groups", count, expected)
    if len(got) != axes + 2 or got[-2] * count != channels or min(got[:axes]) < 1:
        layout = ", ".join((*LAYOUTS[axes], str(channels // count), "outputs"))
        raise ShapeError.from_kernel(name, got, f"({layout})", channels, count)
    if got[-1] % count:
        expected = f"a divisor of the {got[-1]} outputs"
        raise ArgumentError.from_range(name, "groups", count, expected)
    return count


CONVOLUTIONS = (
    Sample((2, 4, 3, 2), (3, 3, 2, 3)),
    Sample((1, 5, 4, 1), (2, 3, 1, 2), padding="valid"),
    Sample((1, 5, 4, 2), (3, 2, 2, 2), strides=2),
    Sample((1, 4, 5, 1), (2, 2, 1, 1), strides=(1, 2), padding=[(0, 1), (2, 0)]),
    Sample((1, 5, 5, 1), (2, 3, 1, 1), dilation=(2, 1)),
    Sample((1, 3, 3, 4), (2, 2, 2, 2), groups=2),
    Sample((1, 5, 3, 3), (3, 2, 1, 3), strides=2, groups=3),
    Sample((1, 4, 3, 2), (2, 2, 1, 4), dilation=2, padding=[(2, 1), (0, 2)], groups=2),
    Sample((1, 3, 3, 2), (2, 2, 1, 6), groups=2),
    Sample((2, 2, 3, 2), (1, 1, 2, 3)),
    Sample((1, 5, 4, 2), (2, 2, 2, 1), strides=2, padding="valid"),
    Sample((0, 3, 3, 2), (2, 2, 2, 1)),
)
MISFITS = (
    Sample((4, 3, 2), (3, 3, 2, 3)),
    Sample((2, 4, 3, 2), (3, 3, 3, 3)),
    Sample((2, 4, 3, 2), (3, 3, 2)),
    Sample((1, 0, 3, 2), (3, 3, 2, 3)),
)
composite(
    "conv2d",
    conv2d,
    samples=CONVOLUTIONS,
    rejects=(*MISFITS, Sample((1, 2, 2, 1), (3, 3, 1, 1), padding="valid")),
)
composite(
    "conv1d",
    conv1d,
    samples=(
        Sample((2, 4, 2), (3, 2, 3)),
        Sample((1, 5, 1), (2, 1, 1), strides=2, padding="valid", dilation=2),
        Sample((1, 4, 2), (2, 1, 4), padding=[(1, 0)], groups=2),
        Sample((1, 6, 1), (3, 1, 2), strides=3, padding="valid"),
    ),
    rejects=(
        Sample((4, 2), (3, 2, 3)),
        Sample((2, 4, 2), (3, 1, 3)),
        Sample((1, 2, 1), (3, 1, 1), padding="valid"),
    ),
)
