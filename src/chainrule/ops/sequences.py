"""Evenly spaced numbers between two that may move, powers of a vector, and angles without jumps."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import array_like, axis_of, part_along
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped


def _dtype_of_all(*values: Value, dtype: Any = None) -> np.dtype[Any]:
    """Return the inexact dtype that NumPy computes in; Python numbers yield to it."""
    weak = [t.dtype.type(0).item() if t.weak else t.dtype for t in map(type_of, values)]
    found = np.result_type(*weak, *(() if dtype is None else (dtype,)))
    return found if found.kind in "fc" else np.result_type(found, np.float64)


def _linspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
    *,
    device: Any = None,
) -> Any:
    num = _count("np.linspace", num)
    start, stop = array_like(start), array_like(stop)
    inner = _dtype_of_all(start, stop)
    start, stop = FRONTS["astype"](start, inner), FRONTS["astype"](stop, inner)
    delta = stop - start
    gaps = num - 1 if endpoint else num
    column = (num,) + (1,) * type_of(delta).ndim
    places = np.arange(num, dtype=inner).reshape(column) / max(gaps, 1)
    # The last one is set rather than computed, so that it is exact.
    numbers = start + delta * places
    if endpoint and num > 1:
        numbers = np.concatenate(
            [numbers[:-1], FRONTS["broadcast_to"](stop, (1, *type_of(delta).shape))]
        )
    numbers = np.moveaxis(numbers, 0, axis) if axis else numbers
    if dtype is not None and np.dtype(dtype).kind in "iu":
        numbers = np.floor(numbers)
    numbers = FRONTS["astype"](numbers, inner if dtype is None else np.dtype(dtype))
    return (numbers, delta / gaps if gaps > 0 else np.nan) if retstep else numbers


def _count(name: str, num: Any) -> int:
    count = operator.index(settled(num))
    if count < 0:
        raise ArgumentError.from_range(name, "num", num, "a number of samples, 0 or more")
    return count


def _logspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    base: Value = 10.0,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    start, stop, base = array_like(start), array_like(stop), array_like(base)
    if type_of(base).ndim:
        ndim = max(type_of(x).ndim for x in (start, stop, base))
        start, stop, base = (_with_axes(x, ndim) for x in (start, stop, base))
        base = np.expand_dims(base, axis)
    numbers = base ** _linspace(start, stop, num, endpoint, axis=axis)
    return numbers if dtype is None else FRONTS["astype"](numbers, np.dtype(dtype))


def _with_axes(x: Value, ndim: int) -> Value:
    shape = type_of(x).shape
    return reshaped(x, (1,) * (ndim - len(shape)) + shape)


def _geomspace(
    start: Value,
    stop: Value,
    num: int = 50,
    endpoint: bool = True,
    dtype: Any = None,
    axis: int = 0,
) -> Value:
    start, stop = array_like(start), array_like(stop)
    if np.any(start == 0) or np.any(stop == 0):
        raise ArgumentError.from_range(
            "np.geomspace",
            "start, stop",
            "0",
            "numbers that are not zero: each is a multiple of the one before",
        )
    inner = _dtype_of_all(start, stop, dtype=np.dtype(dtype))  # None is float64 here
    start, stop = FRONTS["astype"](start, inner), FRONTS["astype"](stop, inner)
    sign = np.sign(start) if inner.kind == "f" else start / np.abs(start)
    # With the sign of the first taken out, a real sequence is positive, and a complex one starts on the real axis.
    low, high = start / sign, stop / sign
    places = _linspace(np.log10(low), np.log10(high), num, endpoint)
    numbers = FRONTS["astype"](10.0**places, inner)
    shape = type_of(places).shape[1:]
    if num > 0:
        ends = [FRONTS["broadcast_to"](x, (1, *shape)) for x in (low, high)]
        has_last = num > 1 and endpoint
        parts = [ends[0], numbers[1:-1], ends[1]] if has_last else [ends[0], numbers[1:]]
        numbers = np.concatenate(parts)
    numbers = np.moveaxis(numbers * sign, 0, axis) if axis else numbers * sign
    return FRONTS["astype"](numbers, inner if dtype is None else np.dtype(dtype))


_SPACED = (
    Sample((), ()),
    Sample((), (), 4),
    Sample((), 3.0, 3, endpoint=False),
    Sample((2,), (2,), 3, axis=-1),
    Sample((2,), (), 3, retstep=True),
    Sample((), (), 3, dtype=np.dtype(np.float32)),
    Sample((), (), 1),
    Sample((), (), 0),
)

composite("linspace", _linspace, names=(np.linspace,), samples=_SPACED)
composite(
    "logspace",
    _logspace,
    names=(np.logspace,),
    samples=(
        Sample((), ()),
        Sample((), 1.0, 4, base=2.0),
        Sample((), (), 3, True, (), domain=(0.5, 2.0)),
        Sample((2,), (2,), 3, endpoint=False, axis=1),
        Sample((), (), 3, True, (2,), domain=(0.5, 2.0)),
        Sample((), (), 3, dtype=np.dtype(np.float32)),
    ),
)
composite(
    "geomspace",
    _geomspace,
    names=(np.geomspace,),
    samples=(
        Sample((), (), domain=(0.5, 2.0)),
        Sample((), (), 4, domain=(-2.0, -0.5)),
        Sample((2,), (2,), 3, axis=-1, domain=(0.5, 2.0)),
        Sample((), 3.0, 3, endpoint=False, domain=(0.5, 2.0)),
        Sample((), (), 1, domain=(0.5, 2.0)),
        Sample((), (), 3, dtype=np.dtype(np.float32), domain=(0.5, 2.0)),
    ),
)


def _vander(x: Value, N: int | None = None, increasing: bool = False) -> Value:
    x = as_array(array_like(x))
    t = type_of(x)
    if t.ndim != 1:
        raise ShapeError.from_ndim("np.vander", t.shape, "one axis")
    count = t.size if N is None else operator.index(N)
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    x = FRONTS["astype"](x, np.promote_types(t.dtype, int))
    return reshaped(x, (t.size, 1)) ** powers


composite(
    "vander",
    _vander,
    names=(np.vander,),
    samples=(
        Sample((3,)),
        Sample((3,), 2),
        Sample((3,), N=4, increasing=True),
        Sample((2,), 0),
        Sample((0,), 3),
    ),
    rejects=(Sample((2, 2)),),
)


def _unwrap(
    p: Value, discont: Value | None = None, axis: int = -1, *, period: Value = 2 * np.pi
) -> Value:
    p = as_array(array_like(p))
    axis = axis_of(axis, type_of(p).ndim)
    steps = np.diff(p, axis=axis)
    half = period / 2
    limit = half if discont is None else discont
    wrapped = np.mod(steps + half, period) - half
    wrapped = np.where((wrapped == -half) & (steps > 0), half, wrapped)
    jumps = np.where(np.abs(steps) < limit, 0, wrapped - steps)
    rest = part_along(p, axis, 1, None) + np.cumsum(jumps, axis)
    first = FRONTS["astype"](part_along(p, axis, 0, 1), type_of(rest).dtype)
    return np.concatenate([first, rest], axis=axis)


composite(
    "unwrap",
    _unwrap,
    names=(np.unwrap,),
    samples=(
        Sample((5,), domain=(-6.0, 6.0)),
        Sample((2, 4), axis=0, domain=(-6.0, 6.0)),
        Sample((6,), domain=(-3.0, 3.0), period=2.5),
        Sample((5,), 4.0, domain=(-6.0, 6.0)),
        Sample((0,)),
    ),
)
