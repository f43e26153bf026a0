"""Windows that go over images and signals, channels last: where they lie, and the numbers below them.

An image is `(batch, height, width, channels)`, a signal `(batch, length, channels)`; the axes between the first and the
last are called spatial here, and there may be any number of them.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable, Sequence
from typing import Any

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ops.checking import as_array
from chainrule.records import record

LAYOUTS = {1: ("length",), 2: ("height", "width")}
"""The names of the spatial axes, by their number."""

Pairs = tuple[tuple[int, int], ...]


@record
class Window:
    """How a window goes over an image; each field has one entry per spatial axis.

    Attributes:
        sizes: how many numbers it covers.
        strides: how far it moves at a time.
        dilation: how far apart the numbers are that it covers.
        padding: how many numbers are put before and behind the image.
        counts: how many places it comes to.
    """

    sizes: Shape
    strides: Shape
    dilation: Shape
    padding: Pairs
    counts: Shape

    @property
    def is_tile(self) -> bool:
        """Whether the windows lie side by side, each number in one of them at most."""
        return self.strides == self.sizes and all(d == 1 for d in self.dilation)


def window_over(
    name: str, image: Shape, sizes: Shape, strides: Any, padding: Any, dilation: Any = 1
) -> Window:
    """Return how a window of some sizes goes over an image whose spatial axes are `image`.

    Raises:
        ArgumentError: an option is out of its range.
        ShapeError: there is no place for the window.
    """
    steps = per_axis(name, "strides", strides, len(image))
    gaps = per_axis(name, "dilation", dilation, len(image))
    spans = spans_of(sizes, gaps)
    pairs = pairs_of(name, padding, image, spans, steps)
    padded = [n + before + behind for n, (before, behind) in zip(image, pairs, strict=True)]
    if min(image) < 1 or any(n < span for n, span in zip(padded, spans, strict=True)):
        raise ShapeError.from_window(name, spans, image, pairs)
    counts = [(n - span) // step + 1 for n, span, step in zip(padded, spans, steps, strict=True)]
    return Window(sizes, steps, gaps, pairs, tuple(counts))


def spans_of(sizes: Shape, dilation: Shape) -> Shape:
    """Return from the first to the last number below a window, both counted."""
    return tuple([gap * (size - 1) + 1 for size, gap in zip(sizes, dilation, strict=True)])


def per_axis(name: str, option: str, value: Any, count: int) -> Shape:
    """Return an option as one positive integer per spatial axis; a single one holds for all of them.

    Raises:
        ArgumentError: it is something else.
    """
    expected = f"a positive integer, or {count} of them"
    given = value if isinstance(value, Sequence) else (value,) * count
    numbers = _integers(name, option, given, value, expected)
    if len(numbers) != count or min(numbers) < 1:
        raise ArgumentError.from_range(name, option, value, expected)
    return numbers


def pairs_of(name: str, padding: Any, image: Shape, spans: Shape, strides: Shape) -> Pairs:
    """Return how many numbers go before and behind each spatial axis.

    Raises:
        ArgumentError: the padding is none of the forms it takes.
    """
    if isinstance(padding, str):
        if padding == "valid":
            return ((0, 0),) * len(image)
        if padding == "same":
            return tuple(map(_same, image, spans, strides))
        raise ArgumentError.from_choice(name, "padding", padding, ("same", "valid"))
    axes = len(image)
    expected = (
        f"'same', 'valid', or {axes} {'pair' if axes == 1 else 'pairs'} of numbers that are not negative, "
        "(before, behind)"
    )
    if not isinstance(padding, Sequence) or len(padding) != axes:
        raise ArgumentError.from_range(name, "padding", padding, expected)
    pairs = []
    for pair in padding:
        numbers = _integers(
            name, "padding", pair if isinstance(pair, Sequence) else (), padding, expected
        )
        if len(numbers) != 2 or min(numbers) < 0:
            raise ArgumentError.from_range(name, "padding", padding, expected)
        pairs.append((numbers[0], numbers[1]))
    return tuple(pairs)


def _same(n: int, span: int, step: int) -> tuple[int, int]:
    """Pad so that there are n / step places, rounded up; where the padding is odd, the end gets one more."""
    total = max((-(-n // step) - 1) * step + span - n, 0)
    return total // 2, total - total // 2


def _integers(name: str, option: str, numbers: Iterable[Any], value: Any, expected: str) -> Shape:
    try:
        return tuple([operator.index(n) for n in numbers])
    except TypeError:
        raise ArgumentError.from_range(name, option, value, expected) from None


def image_of(name: str, x: Any, axes: int, argument: str = "x") -> Value:
    """Return a batch of images, or of signals, as an array of numbers.

    Raises:
        ShapeError: it has another number of axes.
        DTypeError: it does not hold numbers.
    """
    x = numbers_of(name, argument, x)
    shape = type_of(x).shape
    if len(shape) != axes + 2:
        expected = f"({', '.join(('batch', *LAYOUTS[axes], 'channels'))})"
        raise ShapeError.from_image(name, argument, shape, expected)
    return x


def numbers_of(name: str, argument: str, x: Any, kinds: str = "biufc") -> Value:
    """Return an argument as an array of numbers.

    Raises:
        DTypeError: it holds something else.
    """
    x = as_array(x)
    dtype = type_of(x).dtype
    if dtype.kind not in kinds:
        expected = "numbers" if "c" in kinds else "real numbers"
        raise DTypeError.from_no_numbers(name, argument, dtype, expected)
    return x


def padded(x: Value, window: Window, fill: Any = 0) -> Value:
    """Return the image with its padding around it."""
    if not any(map(any, window.padding)):
        return x
    shape, ends = type_of(x).shape, ((0, 0), *window.padding, (0, 0))
    if fill:
        return FRONTS["pad"](x, ends, constant_values=fill)
    whole = tuple([n + before + behind for n, (before, behind) in zip(shape, ends, strict=True)])
    place = tuple([slice(b, b + n) for n, (b, _) in zip(shape, ends, strict=True)])
    return FRONTS["scatter"](x, index=place, shape=whole)


def shifted(x: Value, window: Window) -> list[Value]:
    """Return for each position in the window the numbers that it meets, row by row; `x` has its padding."""
    ranges = [_positions(window, axis) for axis in range(len(window.sizes))]
    shape = type_of(x).shape[-len(ranges) - 1 : -1]
    return [part_of(x, place, shape) for place in itertools.product(*ranges)]


def summed(x: Value, window: Window) -> Value:
    """Return the sum over each window, one spatial axis after the other; `x` has its padding."""
    count = len(window.sizes)
    for axis in range(count):
        whole = type_of(x).shape[-count - 1 : -1]
        total: Value = None
        for positions in _positions(window, axis):
            place = [slice(0, n) for n in whole]
            place[axis] = positions
            part = part_of(x, place, whole)
            total = part if total is None else total + part
        x = total
    return x


def tiles(x: Value, window: Window) -> Value:
    """Return windows that lie side by side with two axes for each spatial one: which window, and where in it."""
    axes = len(window.sizes)
    shape = type_of(x).shape
    kept = [slice(0, n * k) for n, k in zip(window.counts, window.sizes, strict=True)]
    x = part_of(x, kept, shape[-axes - 1 : -1])
    split = itertools.chain(*zip(window.counts, window.sizes, strict=True))
    return x.reshape((*shape[: -axes - 1], *split, shape[-1]))


def part_of(x: Value, place: Sequence[slice], shape: Shape) -> Value:
    """Return a part of the spatial axes, whose shape this is; `x` itself where that is all of it."""
    if all(s == slice(0, n) or s == slice(0, n, 1) for s, n in zip(place, shape, strict=True)):
        return x
    return x[(..., *place, slice(None))]


def _positions(window: Window, axis: int) -> list[slice]:
    """Return which numbers of an axis each position in the window meets."""
    step, gap = window.strides[axis], window.dilation[axis]
    reach = (window.counts[axis] - 1) * step + 1
    return [slice(i * gap, i * gap + reach, step) for i in range(window.sizes[axis])]
