"""The transpose of a convolution, as one convolution of stride 1 whose outputs are then put side by side."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError
from chainrule.ops.convolution import CONVOLUTIONS, MISFITS, groups_of, product
from chainrule.ops.kinds import composite
from chainrule.ops.windows import (
    image_of,
    numbers_of,
    pairs_of,
    part_of,
    per_axis,
    spans_of,
    window_over,
)


def conv_transpose2d(
    x: Value,
    kernel: Value,
    strides: Any = 1,
    padding: Any = "same",
    dilation: Any = 1,
    groups: int = 1,
) -> Value:
    """Paint the kernel, times the number there, for every pixel of a batch of images, `strides` apart, and add it up.

    It is the transpose of `conv2d`: it goes from the shape of that one's result to the shape of its images, as that
    one's gradient does with the same strides, padding and dilation and with channels and outputs exchanged.

    Args:
        x: images, `(batch, height, width, channels)`.
        kernel: `(height, width, channels // groups, outputs)`; it is not flipped.
        strides: how far apart the pixels are painted; a number, or one per axis.
        padding: what is cut off: `"same"` for results `strides` times as large, `"valid"` for nothing, or a pair
            `(before, behind)` per axis.
        dilation: how far apart the numbers of the kernel are painted.
        groups: as in `conv2d`.

    Returns:
        `(batch, height, width, outputs)`.

    Raises:
        ShapeError: the shapes do not fit together, or nothing is left.
        ArgumentError: an option is out of its range.

    Examples:
        >>> import numpy as np
        >>> image = np.array([1.0, 2.0]).reshape(1, 1, 2, 1)
        >>> conv_transpose2d(image, np.ones((2, 2, 1, 1)), strides=2)[0, :, :, 0]
        array([[1., 1., 2., 2.],
               [1., 1., 2., 2.]])
    """
    name, axes = "conv_transpose2d", 2
    x, kernel = image_of(name, x, axes), numbers_of(name, "kernel", kernel)
    count = groups_of(name, groups, x, kernel, axes)
    image = type_of(x).shape[1:-1]
    steps = per_axis(name, "strides", strides, axes)
    gaps = per_axis(name, "dilation", dilation, axes)
    spans = spans_of(type_of(kernel).shape[:axes], gaps)
    fine = _fine_kernel(kernel, steps, gaps, spans, count)
    sizes = type_of(fine).shape[:axes]
    window = window_over(name, image, sizes, 1, tuple([(n - 1, n - 1) for n in sizes]))
    kept = _kept(name, image, spans, steps, padding)
    painted = _interleaved(product(x, fine, window, count), steps, count)
    return part_of(painted, kept, type_of(painted).shape[1:-1])


def _fine_kernel(kernel: Value, steps: Shape, gaps: Shape, spans: Shape, groups: int) -> Value:
    """Return the kernel that computes all that is painted between one pixel and the next at once.

    Output `steps * q + r` gets `x[q - m]` times number `steps * m + r` of the kernel. So a kernel of the numbers m,
    flipped, with outputs of its own for every r, moves over the image one pixel at a time, and nothing is multiplied
    that a stride left out. Where the kernel is dilated the zeros between its numbers are multiplied as well.
    """
    sizes, (channels, outputs) = type_of(kernel).shape[:2], type_of(kernel).shape[2:]
    blocks = tuple([-(-span // step) for span, step in zip(spans, steps, strict=True)])
    whole = tuple([n * step for n, step in zip(blocks, steps, strict=True)])
    if whole != sizes:
        place = tuple([slice(0, span, gap) for span, gap in zip(spans, gaps, strict=True)])
        kernel = FRONTS["scatter"](kernel, index=place, shape=(*whole, channels, outputs))
    each = outputs // groups
    split = (blocks[0], steps[0], blocks[1], steps[1], channels, groups, each)
    flipped = np.flip(kernel.reshape(split), axis=(0, 2))
    fine = np.transpose(flipped, (0, 2, 4, 5, 1, 3, 6))
    return fine.reshape((*blocks, channels, steps[0] * steps[1] * outputs))


def _interleaved(x: Value, steps: Shape, groups: int) -> Value:
    """Put what was painted between one pixel and the next, which lies among the outputs, into its places."""
    batch, height, width, outputs = type_of(x).shape
    each = outputs // (groups * steps[0] * steps[1])
    between = x.reshape((batch, height, width, groups, *steps, each))
    placed = np.transpose(between, (0, 1, 4, 2, 5, 3, 6))
    return placed.reshape((batch, height * steps[0], width * steps[1], groups * each))


def _kept(name: str, image: Shape, spans: Shape, steps: Shape, padding: Any) -> list[slice]:
    """Return which part of what was painted is the result."""
    if padding == "same":  # what conv2d pads an image with that is `steps` times as large
        starts = [max(span - step, 0) // 2 for span, step in zip(spans, steps, strict=True)]
        return [slice(a, a + n * step) for a, n, step in zip(starts, image, steps, strict=True)]
    painted = [(n - 1) * step + span for n, step, span in zip(image, steps, spans, strict=True)]
    pairs = pairs_of(name, padding, image, spans, steps)
    kept = [slice(a, n - b) for n, (a, b) in zip(painted, pairs, strict=True)]
    if any(s.start >= s.stop for s in kept):
        expected = f"to leave something of the {tuple(painted)} numbers that are painted"
        raise ArgumentError.from_range(name, "padding", padding, expected)
    return kept


composite(
    "conv_transpose2d",
    conv_transpose2d,
    samples=(
        *CONVOLUTIONS[:6],
        Sample((1, 2, 3, 2), (2, 2, 2, 1), strides=2),
        Sample((1, 2, 3, 1), (3, 2, 1, 2), strides=(2, 3), padding="valid"),
        Sample((0, 3, 3, 2), (2, 2, 2, 1)),
    ),
    rejects=MISFITS,
)
