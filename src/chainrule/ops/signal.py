"""Signals on a line: `convolve` and `correlate`."""

from __future__ import annotations

import functools
import itertools
import operator
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, promoted
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.broadcasting import astype
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite, linear
from chainrule.ops.layout import laid_out

_MODES = ("full", "same", "valid")
_MOST_WINDOWS = 64
"""Longer signals are left to NumPy: each window is a part of the loop."""


def _cut(n: int, m: int, mode: str) -> tuple[int, int]:
    """Return where the result begins in the full one, and its size; n is the longer signal's length, m the other's."""
    if mode == "full":
        return 0, n + m - 1
    return ((m - 1) // 2, n) if mode == "same" else (m - 1, n - m + 1)


def _convolve_type(a: ArrayType, v: ArrayType, mode: str) -> ArrayType:
    n, m = max(a.shape[0], v.shape[0]), min(a.shape[0], v.shape[0])
    return array_type((_cut(n, m, mode)[1],), promoted(a, v))


def _cotangent(g: Value, x: Value, other: Value, mode: str) -> Value:
    """dxᵢ = Σₖ gₖ otherₖ₋ᵢ, the correlation with the other signal."""
    n, m = type_of(x).shape[0], type_of(other).shape[0]
    start, size = _cut(max(n, m), min(n, m), mode)
    full = np.pad(g, (start, n + m - 1 - start - size)) if mode != "full" else g
    return apply(_CONVOLVE, full, other[::-1], mode="valid")


def _by_windows(a: Value, v: Value, mode: str) -> Value:
    """The sum of windows of the longer signal, each times a value of the shorter one: one loop once it is compiled."""
    dtype = promoted(type_of(a), type_of(v))
    if type_of(a).shape[0] < type_of(v).shape[0]:
        a, v = v, a
    n, m = type_of(a).shape[0], type_of(v).shape[0]
    if m > _MOST_WINDOWS or dtype.char not in "fdFD":
        return NotImplemented
    start, size = _cut(n, m, mode)
    a, v = astype(a, dtype), astype(v, dtype)
    ends = (start, m - 1, n, start + size)  # in the middle the longer signal meets all of the other
    parts = [_between(a, v, i, j) for i, j in itertools.pairwise(ends) if i < j]
    return np.concatenate(parts) if len(parts) > 1 else parts[0]


def _between(a: Value, v: Value, start: int, stop: int) -> Value:
    """Return a part of the full result; zeros are put around products: around a signal they turn infinity into NaN."""
    products = []
    for i in range(type_of(v).shape[0]):
        first, last = max(i, start), min(i + type_of(a).shape[0], stop)
        if first < last:
            product, around = v[i] * a[first - i : last - i], (first - start, stop - last)
            products.append(np.pad(product, around) if any(around) else product)
    # From zero, as NumPy: a sum of negative zeros is zero.
    return functools.reduce(operator.add, products, 0.0)


_CONVOLVE = linear(
    "convolve",
    lambda a, v, mode: np.convolve(a, v, mode),
    infer=_convolve_type,
    transposes=(
        lambda g, a, v, mode: _cotangent(g, a, v, mode),
        lambda g, a, v, mode: _cotangent(g, v, a, mode),
    ),
    front=lambda a, v, mode="full": _convolve(a, v, mode),
    body=_by_windows,
    names=(np.convolve,),
    samples=(
        Sample((5,), (3,)),
        Sample((3,), (5,)),
        Sample((5,), (4,), mode="same"),
        Sample((2,), (5,), mode="same"),
        Sample((5,), (3,), mode="valid"),
        Sample((2,), (4,), "valid"),
        Sample((1,), (1,)),
        Sample((), (3,)),
    ),
    rejects=(Sample((0,), (3,)), Sample((2, 2), (3,))),
)


def _lines(name: str, mode: str, *signals: Any) -> list[Value]:
    """Return the signals with one axis each, a number as a signal of one value."""
    if mode not in _MODES:
        raise ArgumentError.from_choice(f"np.{name}", "mode", mode, _MODES)
    arrays = [as_array(x) for x in signals]
    shapes = tuple(type_of(x).shape for x in arrays)
    if any(len(s) > 1 or s == (0,) for s in shapes):
        raise ShapeError.from_numpy(name, shapes, "both need one axis with at least one value")
    return [x if s else np.reshape(x, (1,)) for x, s in zip(arrays, shapes, strict=True)]


def _convolve(a: Value, v: Value, mode: str) -> Value:
    return apply(_CONVOLVE, *_lines("convolve", mode, a, v), mode=mode)


def _correlate(a: Value, v: Value, mode: str = "valid") -> Value:
    shapes = tuple(type_of(as_array(x)).shape for x in (a, v))
    if () in shapes:
        raise ShapeError.from_numpy("correlate", shapes, "both need one axis")
    a, v = _lines("correlate", mode, a, v)
    if type_of(v).dtype.kind == "c":
        v = np.conjugate(v)
    if type_of(a).shape[0] < type_of(v).shape[0]:
        # NumPy counts the result of the shorter signal from the other end.
        return laid_out(apply(_CONVOLVE, a[::-1], v, mode=mode)[::-1])
    return apply(_CONVOLVE, a, v[::-1], mode=mode)


composite(
    "correlate",
    _correlate,
    names=(np.correlate,),
    samples=(
        Sample((5,), (3,)),
        Sample((3,), (4,), mode="same"),
        Sample((4,), (5,), mode="same"),
        Sample((5,), (2,), mode="same"),
        Sample((3,), (5,), mode="full"),
        Sample((2,), (4,), "valid"),
    ),
    rejects=(Sample((0,), (3,)),),
)
