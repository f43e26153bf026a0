"""Convolution and pooling as loops over places, written from their definition: what the tests compare with."""

import itertools

import numpy as np


def sides(padding, image, sizes, strides, dilation):
    """Return (before, behind) per spatial axis."""
    if padding == "valid":
        return [(0, 0)] * len(image)
    if padding != "same":
        return padding
    pairs = []
    for n, size, stride, gap in zip(image, sizes, strides, dilation, strict=True):
        places = int(np.ceil(n / stride))
        missing = max(0, (places - 1) * stride + (size - 1) * gap + 1 - n)
        pairs.append((missing // 2, missing - missing // 2))
    return pairs


def places(x, sizes, strides, padding, dilation, fill=0.0):
    """Yield each place of a window and what it meets: (batch, *sizes, channels)."""
    image = x.shape[1:-1]
    pairs = sides(padding, image, sizes, strides, dilation)
    x = np.pad(x, [(0, 0), *pairs, (0, 0)], constant_values=fill)
    spans = [(size - 1) * gap + 1 for size, gap in zip(sizes, dilation, strict=True)]
    starts = [
        range(0, n - span + 1, stride)
        for n, span, stride in zip(x.shape[1:-1], spans, strides, strict=True)
    ]
    for place in itertools.product(*map(enumerate, starts)):
        cut = [
            slice(start, start + span, gap)
            for (_, start), span, gap in zip(place, spans, dilation, strict=True)
        ]
        yield tuple(i for i, _ in place), x[(slice(None), *cut)]


def gathered(found):
    """Return an array (batch, *counts, channels) from what was found at each place."""
    counts = tuple(max(i) + 1 for i in zip(*found, strict=True))
    first = next(iter(found.values()))
    out = np.zeros((first.shape[0], *counts, first.shape[-1]), first.dtype)
    for place, value in found.items():
        out[(slice(None), *place)] = value
    return out


def convolved(x, kernel, strides, padding, dilation, groups):
    """Convolve place by place."""
    channels, outputs = kernel.shape[-2], kernel.shape[-1] // groups
    found = {}
    for place, met in places(x, kernel.shape[:-2], strides, padding, dilation):
        parts = [
            np.tensordot(
                met[..., i * channels : (i + 1) * channels],
                kernel[..., i * outputs : (i + 1) * outputs],
                axes=kernel.ndim - 1,
            )
            for i in range(groups)
        ]
        found[place] = np.concatenate(parts, axis=-1)
    return gathered(found)


def painted(x, kernel, strides, dilation, groups):
    """Paint the kernel for every pixel; nothing is cut off."""
    batch, height, width, _ = x.shape
    channels, outputs = kernel.shape[2], kernel.shape[3] // groups
    spans = [(k - 1) * gap + 1 for k, gap in zip(kernel.shape[:2], dilation, strict=True)]
    size = [(n - 1) * s + span for n, s, span in zip((height, width), strides, spans, strict=True)]
    out = np.zeros((batch, *size, kernel.shape[3]))
    for b, i, j, k, m, c, o in np.ndindex(
        batch, height, width, *kernel.shape[:2], groups * channels, outputs
    ):
        o += c // channels * outputs  # noqa: PLW2901  among all outputs
        at = i * strides[0] + k * dilation[0], j * strides[1] + m * dilation[1]
        out[b, *at, o] += x[b, i, j, c] * kernel[k, m, c % channels, o]
    return out
