"""`np.pad` in all its modes: one axis after the other, each by what goes before it and after it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, NotDifferentiableError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import along, array_like, part_along
from chainrule.ops.kinds import composite
from chainrule.ops.layout import laid_out
from chainrule.ops.numbers import carries

_BY_POSITION = ("edge", "reflect", "symmetric", "wrap")
_OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {"constant_values": 0},
    "linear_ramp": {"end_values": 0},
    "mean": {"stat_length": None},
    "median": {"stat_length": None},
    "maximum": {"stat_length": None},
    "minimum": {"stat_length": None},
    "reflect": {"reflect_type": "even"},
    "symmetric": {"reflect_type": "even"},
    "edge": {},
    "wrap": {},
    "empty": {},
}


def _pad(array: Value, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Value:
    if callable(mode):
        raise NotDifferentiableError.from_option("pad", "mode", mode)
    if mode not in _OPTIONS:
        raise ArgumentError.from_choice("pad", "mode", mode, tuple(_OPTIONS))
    for option in kwargs:
        if option not in _OPTIONS[mode]:
            raise ArgumentError.from_unsupported("pad", f"{option}= with mode={mode!r}")
    x = array_like(array)
    ndim = type_of(x).ndim
    widths = _pairs(pad_width, ndim)
    options = {**_OPTIONS[mode], **kwargs}
    for axis, (before, after) in enumerate(widths):
        if before < 0 or after < 0:
            raise ArgumentError.from_range("pad", "pad_width", pad_width, "no negative numbers")
        if before or after:
            x = _pad_axis(x, axis, (int(before), int(after)), mode, options)
    if not any(before or after for before, after in widths):
        return FRONTS["copy"](x)
    return laid_out(x, like=array)


def _pairs(value: Any, ndim: int) -> Any:
    """Return one pair (before, after) per axis, from any of the forms NumPy takes."""
    if isinstance(value, dict):
        pairs: list[Any] = [(0, 0)] * ndim
        for axis, pair in value.items():
            pairs[axis] = (pair, pair) if np.ndim(pair) == 0 else tuple(pair)
        return pairs
    if carries(value):
        spread = broadcast_to(array_like(value), (ndim, 2))
        return [(spread[axis, 0], spread[axis, 1]) for axis in range(ndim)]
    plain = settled(value)
    return [tuple(pair) for pair in np.broadcast_to(np.asarray(plain), (ndim, 2)).tolist()]


def _pad_axis(
    x: Value, axis: int, widths: tuple[int, int], mode: Any, options: dict[str, Any]
) -> Value:
    if mode in _BY_POSITION and options.get("reflect_type") != "odd":
        n = type_of(x).shape[axis]
        return FRONTS["take"](x, np.pad(np.arange(n), widths, mode), axis=axis)
    if mode in _BY_POSITION:
        return _pad_odd(x, axis, widths, mode)
    edges = _EDGES[mode](
        x,
        axis,
        widths,
        *[_pairs(v, type_of(x).ndim)[axis] if v is not None else None for v in options.values()],
    )
    before, after = [astype(e, type_of(x).dtype) for e in edges]
    return FRONTS["concatenate"]([before, x, after], axis=axis)


def _pad_odd(x: Value, axis: int, widths: tuple[int, int], mode: Any) -> Value:
    """Pad by `2 * edge - reflected`: NumPy's own answer for the unit vectors says what is added to what."""
    n = type_of(x).shape[axis]
    unit = np.eye(n, dtype=type_of(x).dtype)
    weights = np.pad(unit, (widths, (0, 0)), mode, reflect_type="odd")
    return np.moveaxis(np.tensordot(weights, x, axes=(1, axis)), 0, axis)


def _strip(x: Value, axis: int, width: int) -> tuple[int, ...]:
    shape = type_of(x).shape
    return (*shape[:axis], width, *shape[axis + 1 :])


def _constant_edges(
    x: Value, axis: int, widths: tuple[int, int], values: Any = (0, 0)
) -> list[Value]:
    return [
        broadcast_to(array_like(v), _strip(x, axis, w)) for v, w in zip(values, widths, strict=True)
    ]


def _ramp_edges(x: Value, axis: int, widths: tuple[int, int], ends: Any) -> list[Value]:
    def ramp(end: Any, edge: slice, width: int, step: int) -> Value:
        column = (-1,) + (1,) * (type_of(x).ndim - 1 - axis)
        places = np.arange(width)[::step].reshape(column)
        near = FRONTS["getitem"](x, along(axis, edge))
        dtype = type_of(x).dtype
        if type_of(x).is_inexact:
            return end + (near - end) * (places / max(width, 1)).astype(dtype)
        line = end + places * ((astype(near, np.float64) - end) / max(width, 1))
        return np.floor(line) if dtype.kind in "iu" else line

    return [ramp(ends[0], slice(1), widths[0], 1), ramp(ends[1], slice(-1, None), widths[1], -1)]


def _statistic(name: str) -> Callable[..., list[Value]]:
    """Pad with a statistic of the nearest elements, or of all; of integers it is rounded."""

    def whole(x: Value, found: Value) -> Value:
        is_rounded = type_of(x).dtype.kind in "iu" and type_of(found).is_inexact
        return FRONTS["rint"](found) if is_rounded else found

    def edges(x: Value, axis: int, widths: tuple[int, int], lengths: Any) -> list[Value]:
        n = type_of(x).shape[axis]
        first, last = (n, n) if lengths is None else (min(k, n) for k in lengths)
        nearest = part_along(x, axis, None, first), part_along(x, axis, n - last, None)
        return [
            broadcast_to(
                whole(x, FRONTS[name](part, axis=axis, keepdims=True)), _strip(x, axis, width)
            )
            for part, width in zip(nearest, widths, strict=True)
        ]

    return edges


_EDGES: dict[str, Callable[..., list[Value]]] = {
    "constant": _constant_edges,
    "empty": _constant_edges,
    "linear_ramp": _ramp_edges,
    "mean": _statistic("mean"),
    "median": _statistic("median"),
    "maximum": _statistic("max"),
    "minimum": _statistic("min"),
}

composite(
    "pad",
    _pad,
    names=(np.pad,),
    samples=(
        Sample((2, 3), 1),
        Sample((2, 3), pad_width=((1, 2), (0, 3)), constant_values=((1.0, 2.0), (3.0, 4.0))),
        Sample((4,), pad_width=(2, 1), mode="edge"),
        Sample((2, 3), pad_width=(2, 3), mode="reflect"),
        Sample((2, 3), pad_width=((0, 0), (5, 4)), mode="symmetric"),
        Sample((3,), pad_width=(4, 2), mode="reflect", reflect_type="odd"),
        Sample((2, 3), pad_width=(1, 4), mode="symmetric", reflect_type="odd"),
        Sample((2, 3), pad_width=(1, 4), mode="wrap"),
        Sample((2, 3), pad_width=(2, 3), mode="linear_ramp", end_values=(1.0, -1.0)),
        Sample((2, 3), pad_width=(1, 2), mode="mean", stat_length=2),
        Sample((2, 3), pad_width=2, mode="maximum"),
        Sample((2, 3), pad_width=1, mode="minimum", stat_length=(2, 1)),
        Sample((2, 3), pad_width=1, mode="median"),
        Sample((2, 3), pad_width={-1: (1, 2)}),
        Sample((2, 3), 0),
    ),
)
