"""Copies that lie in memory as their original does: on that hangs whether a reshaped array is a view of it."""

from __future__ import annotations

from typing import Any

import numpy as np


class Spread(np.ndarray[Any, Any]):
    """The memory of one copy with gaps in it, which alone refers to it."""


def copied(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a copy of a plain array, in the machine's byte order, in whose memory axes follow on each other as in its.

    Gaps between elements, and between rows, are one element wide, however wide they are in the original.
    """
    out = np.array(x, dtype=x.dtype.newbyteorder("="), order="K", subok=False)
    if out.strides == x.strides or out.size <= 1:
        return out
    strides = _strides(x)
    if strides == out.strides:
        return out
    ends = [s * (n - 1) for s, n in zip(strides, x.shape, strict=True)]
    memory: Any = Spread(sum(map(abs, ends)) // x.itemsize + 1, out.dtype)
    first = -sum([end for end in ends if end < 0])
    spread: Any = np.ndarray(x.shape, out.dtype, memory, first, strides)
    spread[...] = x
    return spread  # type: ignore[no-any-return]  # the class of a view is not told


def own_copy(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return such a copy to write to: elements that are one in the memory of the original are not in its."""
    return x.copy(order="K") if is_repeated(x) else copied(x)


def is_repeated(x: np.ndarray[Any, Any]) -> bool:
    """Say whether elements along an axis are one in memory."""
    return any(s == 0 and n > 1 for s, n in zip(x.strides, x.shape, strict=True))


def has_gaps(x: np.ndarray[Any, Any]) -> bool:
    """Say whether an array is such a copy with gaps, or a view of one."""
    return type(x.base) is Spread or type(getattr(x.base, "base", None)) is Spread


def _strides(x: np.ndarray[Any, Any]) -> tuple[int, ...]:
    """Return the least strides with which the same axes follow on each other, and none overlaps another."""
    strides = [0] * x.ndim
    axes = [i for i in reversed(range(x.ndim)) if x.strides[i] and x.shape[i] > 1]
    before, now = x.itemsize, x.itemsize
    for i in sorted(axes, key=lambda i: abs(x.strides[i])):
        step = abs(x.strides[i])
        wide = now if step == before else now + x.itemsize
        strides[i] = wide if x.strides[i] > 0 else -wide
        before, now = step * x.shape[i], wide * x.shape[i]
    return tuple(strides)
