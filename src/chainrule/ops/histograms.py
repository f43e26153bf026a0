"""Counting in bins: what moves is the weights, and the edges where they follow the data. Counts do not."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, TABLE, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value, array_type
from chainrule.errors import ArgumentError, DTypeError, ShapeError
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite, constant
from chainrule.ops.layout import reshaped
from chainrule.ops.numbers import numbers_of

_FLOAT = np.dtype(np.float64)
_COUNT = np.dtype(np.intp)
_range = range
_DATA = np.array([0.1, 0.4, 0.4, 0.9, 1.0, 1.7])
_EDGES = np.array([0.0, 0.4, 1.0, 2.0])


def _flat(x: Any) -> Value:
    x = as_array(array_like(x))
    return reshaped(x, (type_of(x).size,))


def _summed(weights: Value, positions: Value, size: int) -> Value:
    """Return for every position the sum of its weights."""
    return FRONTS["scatter"](weights, positions, index=("array",), shape=(size,))


def _ones(n: int) -> Any:
    return np.broadcast_to(np.ones((), _COUNT), (n,))


# bincount and digitize


def _bincount(x: Value, weights: Value | None = None, minlength: int = 0) -> Value:
    positions = numbers_of("np.bincount", array_like(x))
    if weights is None or np.size(positions) == 0:
        return np.bincount(positions, None, minlength)
    weights = as_array(array_like(weights))
    t = type_of(weights)
    if t.dtype.kind == "c":
        raise DTypeError.from_unsafe_cast("np.bincount", t.dtype, _FLOAT)
    size = len(np.bincount(positions, None, minlength))
    if t.shape != np.shape(positions):
        shapes = np.shape(positions), t.shape
        raise ShapeError.from_numpy("bincount", shapes, "every element needs one weight")
    return _summed(FRONTS["astype"](weights, _FLOAT), np.asarray(positions, np.intp), size)


def _digitize(x: Value, bins: Value, right: bool = False) -> Value:
    return apply(_DIGITIZE, array_like(x), array_like(bins), right=bool(right))


composite(
    "bincount",
    _bincount,
    names=(np.bincount,),
    samples=(
        Sample(np.array([0, 2, 2, 1]), (4,)),
        Sample(np.array([3, 1]), (2,), minlength=6),
        Sample(np.array([], dtype=int), (0,), minlength=2),
        Sample([0, 1, 1], weights=np.array([1, 2, 3])),
    ),
    rejects=(Sample(np.array([0, 1]), (3,)),),
)
_DIGITIZE = constant(
    "digitize",
    lambda x, bins, right: np.digitize(x, bins, right),
    infer=lambda x, bins, right: array_type(x.shape, _COUNT),
    left_to_numpy="it searches",
    front=_digitize,
    names=(np.digitize,),
    arity=2,
    samples=(
        Sample((2, 3), _EDGES),
        Sample((), _EDGES, right=True),
        Sample((0, 3), _EDGES),
        Sample((3,), _EDGES[::-1]),
    ),
)


# histograms


def _outer_edges(name: str, a: Value, limits: Any) -> tuple[Value, Value]:
    """Return the lowest and the highest edge: the limits, or else the least and the greatest element.

    Raises:
        ValueError: the elements are not finite.
    """
    if limits is not None:
        low, high = limits
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise ArgumentError.from_range(name, "range", limits, "two finite numbers in order")
    elif type_of(a).size == 0:
        low, high = 0, 1
    else:
        apply(TABLE["require_finite"], a)
        return _apart(FRONTS["min"](a), FRONTS["max"](a))
    return (low - 0.5, high + 0.5) if low == high else (low, high)


def _apart(low: Value, high: Value) -> tuple[Value, Value]:
    """Move two equal numbers apart by one; chosen without a branch, so that it works on types alone."""
    dtype = type_of(low).dtype
    half = FRONTS["where"](low == high, 0.5, 0.0)
    half = FRONTS["astype"](half, dtype if dtype.kind in "fc" else _FLOAT)
    return low - half, high + half


def _increasing(name: str, bins: Any) -> Value:
    """Return edges that the caller gave."""
    edges = as_array(array_like(bins))
    if np.any(edges[:-1] > edges[1:]):
        raise ArgumentError.from_range(name, "bins", bins, "edges that increase")
    return edges


def _bin_edges(
    a: Value,
    bins: Any = 10,
    range: Any = None,  # NumPy's name
    weights: Value | None = None,
) -> Value:
    return _edges("np.histogram_bin_edges", _flat(a), bins, range, weights)


def _edges(name: str, a: Value, bins: Any, limits: Any, weights: Value | None) -> Value:
    if isinstance(bins, str):
        numbers = [numbers_of(name, x) for x in (a, limits, weights)]
        bins = len(np.histogram_bin_edges(numbers[0], bins, numbers[1], numbers[2])) - 1
    if type_of(array_like(bins)).ndim == 1:
        return _increasing(name, bins)
    low, high = _outer_edges(name, a, limits)
    strong = [t.dtype for t in map(type_of, (low, high, a)) if not t.weak]
    dtype = np.result_type(*strong)
    if dtype.kind not in "fc":
        dtype = np.result_type(dtype, _FLOAT)
    return FRONTS["linspace"](low, high, _bin_count(name, bins) + 1, dtype=dtype)


def _bin_count(name: str, bins: Any) -> int:
    count = operator.index(settled(bins))
    if count < 1:
        raise ArgumentError.from_range(name, "bins", bins, "a positive number, or the edges")
    return count


def _positions(a: Value, edges: Value) -> tuple[Value, Value]:
    """Return the bin of every element, and whether it is in one; the last bin has both its edges."""
    n = type_of(edges).shape[0] - 1
    inside = (a >= edges[0]) & (a <= edges[-1])
    found = np.searchsorted(edges, a, side="right") - 1
    return np.minimum(np.maximum(found, 0), n - 1), inside


def _weights_of(name: str, a: Value, weights: Value | None) -> Value:
    shape = type_of(a).shape
    if weights is None:
        return _ones(type_of(a).size)
    weights = as_array(array_like(weights))
    if type_of(weights).shape != shape:
        reason = "every element needs one weight"
        raise ShapeError.from_numpy(name, (shape, type_of(weights).shape), reason)
    return reshaped(weights, (type_of(a).size,))


def _histogram(
    a: Value,
    bins: Any = 10,
    range: Any = None,  # NumPy's name
    density: bool | None = None,
    weights: Value | None = None,
) -> tuple[Value, Value]:
    a = as_array(array_like(a))
    heavy = _weights_of("histogram", a, weights)
    a = _flat(a)
    edges = _edges("np.histogram", a, bins, range, weights)
    positions, inside = _positions(a, edges)
    counts = _summed(FRONTS["where"](inside, heavy, 0), positions, type_of(edges).shape[0] - 1)
    if type_of(heavy).dtype.kind == "b":  # NumPy counts in the dtype of the weights
        if type_of(array_like(bins)).ndim == 1:
            raise DTypeError.from_unsafe_cast("np.histogram", _COUNT, np.dtype(np.bool_))
        counts = FRONTS["astype"](counts, np.bool_)
    if not density:
        return counts, edges
    widths = FRONTS["astype"](edges[1:] - edges[:-1], _FLOAT)
    return counts / widths / np.sum(counts), edges


def _histogramdd(
    sample: Any,
    bins: Any = 10,
    range: Any = None,  # NumPy's name
    density: bool | None = None,
    weights: Value | None = None,
) -> tuple[Value, list[Value]]:
    return _in_many_dimensions("histogramdd", _columns(sample), bins, range, density, weights)


def _columns(sample: Any) -> list[Value]:
    """Return the coordinates of all points, axis by axis: an array has a row per point, a list a row per axis."""
    if type(sample) in (list, tuple):
        return [_flat(x) for x in sample]
    if type_of(sample).ndim != 2:
        return [_flat(x) for x in np.atleast_2d(sample)]
    return [sample[:, i] for i in _range(type_of(sample).shape[1])]


def _in_many_dimensions(
    name: str, columns: Sequence[Value], bins: Any, limits: Any, density: Any, weights: Value | None
) -> tuple[Value, list[Value]]:
    each = bins if hasattr(bins, "__len__") else [bins] * len(columns)
    limits = [None] * len(columns) if limits is None else limits
    if len(each) != len(columns) or len(limits) != len(columns):
        expected = f"one entry for each of the {len(columns)} dimensions"
        raise ArgumentError.from_range(f"np.{name}", "bins, range", (bins, limits), expected)
    edges = [_edges_along(name, x, b, r) for x, b, r in zip(columns, each, limits, strict=True)]
    shape = tuple(type_of(e).shape[0] - 1 for e in edges)
    found = [_positions(x, e) for x, e in zip(columns, edges, strict=True)]
    inside = functools.reduce(operator.and_, [i for _, i in found])
    heavy = _weights_of(name, columns[0], weights)
    dtype = type_of(heavy).dtype
    if not np.can_cast(dtype, _FLOAT):
        raise DTypeError.from_no_numbers(f"np.{name}", "weights", dtype, "real numbers")
    heavy = FRONTS["astype"](heavy, _FLOAT)
    flat = functools.reduce(
        lambda above, here: above * here[1] + here[0],
        zip([p for p, _ in found], shape, strict=True),
        0,
    )
    counts = _summed(FRONTS["where"](inside, heavy, 0), flat, math.prod(shape))
    counts = reshaped(counts, shape)
    return (_density(counts, edges) if density else counts), edges


def _edges_along(name: str, x: Value, bins: Any, limits: Any) -> Value:
    if type_of(array_like(bins)).ndim == 1:
        return _increasing(f"np.{name}", bins)
    low, high = _outer_edges(f"np.{name}", x, limits)
    return FRONTS["linspace"](low, high, _bin_count(f"np.{name}", bins) + 1)


def _density(counts: Value, edges: Sequence[Value]) -> Value:
    """Divide by the bins' volumes and by the total."""
    total = np.sum(counts)
    for i, e in enumerate(edges):
        column = (-1,) + (1,) * (len(edges) - 1 - i)
        counts = counts / np.reshape(e[1:] - e[:-1], column)
    return counts / total


def _histogram2d(
    x: Value,
    y: Value,
    bins: Any = 10,
    range: Any = None,  # NumPy's name
    density: bool | None = None,
    weights: Value | None = None,
) -> tuple[Value, Value, Value]:
    columns = [_flat(x), _flat(y)]
    shapes = tuple(type_of(c).shape for c in columns)
    if shapes[0] != shapes[1]:
        raise ShapeError.from_numpy("histogram2d", shapes, "every point needs both coordinates")
    if hasattr(bins, "__len__") and len(bins) not in {1, 2}:
        bins = [bins, bins]
    counts, edges = _in_many_dimensions("histogram2d", columns, bins, range, density, weights)
    return counts, *edges


_PLANE = np.array([[0.1, 0.4], [0.4, 0.2], [0.4, 1.2], [0.9, 0.7], [1.7, 0.1]])

composite(
    "histogram_bin_edges",
    _bin_edges,
    names=(np.histogram_bin_edges,),
    samples=(
        Sample((7,)),
        Sample((2, 3), 4),
        Sample((6,), "sturges"),
        Sample((5,), 3, (-1.0, 1.0)),
        Sample(_DATA, (3,), prepare=np.sort),
        Sample((0,), 2),
    ),
)
composite(
    "histogram",
    _histogram,
    names=(np.histogram,),
    samples=(
        Sample((7,)),
        Sample((7,), 3, density=True),
        Sample(_DATA, _EDGES, None, None, (6,)),
        Sample(_DATA, 4, (0.0, 1.9), True, (6,), domain=(0.5, 1.0)),
        Sample((6,), _EDGES, density=True, domain=(0.1, 1.9)),
        Sample((2, 3), "sturges"),
    ),
    rejects=(Sample((3,), 2, None, None, (4,)),),
)
composite(
    "histogramdd",
    _histogramdd,
    names=(np.histogramdd,),
    samples=(
        Sample((6, 2), 3),
        Sample([(5,), (5,)], [2, 3], density=True),
        Sample(_PLANE, 2, None, None, (5,)),
        Sample((5, 1), [_EDGES], domain=(0.1, 1.9)),
        Sample(_PLANE, [_EDGES, 2], ((0, 2), (0.0, 1.5)), True, (5,), domain=(0.5, 1.0)),
    ),
)
composite(
    "histogram2d",
    _histogram2d,
    names=(np.histogram2d,),
    samples=(
        Sample((6,), (6,), 3),
        Sample((5,), (5,), [2, 3], density=True),
        Sample((5,), (5,), _EDGES, domain=(0.1, 1.9)),
        Sample(_PLANE[:, 0], _PLANE[:, 1], 2, None, None, (5,)),
    ),
    rejects=(Sample((3,), (4,)),),
)
