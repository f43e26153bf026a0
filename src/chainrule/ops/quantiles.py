"""Medians, quantiles and percentiles: sorted elements, and what lies between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import is_traced, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Shape, Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import (
    Axes,
    array_like,
    axes_of,
    count_along,
    is_set,
    real_like,
    reduced_shape,
    refuse_out,
)
from chainrule.ops.kinds import composite
from chainrule.ops.layout import laid_out, reshaped, transposed
from chainrule.ops.numbers import numbers_of

Share = tuple[Value, Value]
"""A position in the sorted elements, counted from 0, and how far beyond it towards the next one, 0 to 1."""


def _between(position: Value) -> Share:
    if not type_of(position).is_inexact:
        return position, 0.0
    below = np.floor(position)
    return below, position - below


def _weighted(alpha: float, beta: float) -> Callable[[Value, Value], Share]:
    """Return the plotting positions of Hyndman and Fan, "Sample quantiles in statistical packages", 1996."""
    return lambda n, q: _between(n * q + (alpha + q * (1 - alpha - beta)) - 1)


def _rounded(rounding: Callable[[Value], Value]) -> Callable[[Value, Value], Share]:
    return lambda n, q: (rounding((n - 1) * q), 0.0)


def _chosen(beyond: Value, at: float, past: float) -> Value:
    """Return one share at an element, another past it."""
    return astype(np.where(beyond == 0, at, past), type_of(beyond).dtype)


def _averaged_inverted_cdf(n: Value, q: Value) -> Share:
    below, beyond = _between(n * q - 1)
    return below, _chosen(beyond, 0.5, 1.0)


def _closest_observation(n: Value, q: Value) -> Share:
    # A tie goes to the even order statistic, counted from 1.
    below, beyond = _between(n * q - 1.5)
    is_tie_kept = (beyond == 0) & (below % 2 == 1)
    return np.maximum(np.where(is_tie_kept, below, below + 1), 0), 0.0


def _midpoint(n: Value, q: Value) -> Share:
    below, beyond = _between((n - 1) * q)
    return below, _chosen(beyond, 0.0, 0.5)


_METHODS: dict[str, Callable[[Value, Value], Share]] = {
    "linear": lambda n, q: _between((n - 1) * q),
    "lower": _rounded(np.floor),
    "higher": _rounded(np.ceil),
    "nearest": _rounded(np.rint),
    "midpoint": _midpoint,
    "inverted_cdf": lambda n, q: (np.maximum(np.ceil(n * q) - 1, 0), 0.0),
    "averaged_inverted_cdf": _averaged_inverted_cdf,
    "closest_observation": _closest_observation,
    "interpolated_inverted_cdf": _weighted(0.0, 1.0),
    "hazen": _weighted(0.5, 0.5),
    "weibull": _weighted(0.0, 0.0),
    "median_unbiased": _weighted(1 / 3, 1 / 3),
    "normal_unbiased": _weighted(3 / 8, 3 / 8),
}


def _row_wise(x: Value, axes: Axes) -> Value:
    """Return the array with the axes to reduce as one last axis."""
    shape = type_of(x).shape
    rest = tuple([i for i in range(len(shape)) if i not in axes])
    lead = tuple([shape[i] for i in rest])
    return reshaped(transposed(x, (*rest, *axes)), (*lead, count_along(shape, axes)))


def _picked(rows: Value, position: Value, last: Value) -> Value:
    """Take from each sorted row the elements at `position`, moved into the row where it lies outside."""
    inside = np.minimum(np.maximum(position, 0), np.maximum(last, 0))
    shape = (*type_of(rows).shape[:-1], type_of(inside).shape[-1])
    return FRONTS["take_along_axis"](rows, broadcast_to(astype(inside, np.intp), shape), axis=-1)


def _interpolated(rows: Value, count: Value, q: Value, method: str) -> Value:
    """Return quantiles `q`, a vector, of rows whose first `count` elements are numbers."""
    below, beyond = _METHODS[method](count, q)
    low = _picked(rows, below, count - 1)
    if type(beyond) is float:
        return low
    high = _picked(rows, below + 1, count - 1)
    # From the nearer of the two, as NumPy does: so q = 1 gives the largest element exactly.
    step = high - low
    return np.where(beyond >= 0.5, high - step * (1 - beyond), low + step * beyond)


def _checked(name: str, q: Value, method: str) -> None:
    if method not in _METHODS:
        raise ArgumentError.from_choice(name, "method", method, tuple(_METHODS))
    if not is_traced(q) and not np.all((np.asarray(q) >= 0) & (np.asarray(q) <= 1)):
        expected = "0 to 1 for a quantile, 0 to 100 for a percentile"
        raise ArgumentError.from_range(name, "q", q, expected)


def _sorted_rows(name: str, x: Value, axes: Axes) -> Value:
    shape = type_of(x).shape
    if count_along(shape, axes) == 0:
        raise ShapeError.from_no_elements(name, shape, axes)
    return FRONTS["sort"](_row_wise(x, axes), axis=-1)


def _precision(rows: Value) -> np.dtype[Any]:
    """Return the dtype of means of elements."""
    t = type_of(rows)
    return t.dtype if t.is_inexact else np.dtype(np.float64)


def _count_of(rows: Value, *, skip: bool) -> Value:
    """Return how many elements of each row count. Sorted, NaNs come last: that is enough to leave them out."""
    if skip:
        return np.sum(~np.isnan(rows), axis=-1, keepdims=True)
    return np.array([type_of(rows).shape[-1]])


def _spoilt(rows: Value, found: Value, *, skip: bool) -> Value:
    """Return NaN for every row that has one, unless they are left out."""
    if skip or not type_of(rows).is_inexact:
        return found
    last = FRONTS["getitem"](rows, (..., slice(-1, None)))
    return np.where(np.isnan(last), last, found)


def _shaped(found: Value, q_shape: Shape, shape: Shape, axes: Axes, keepdims: Any) -> Value:
    """Move the axis of the quantiles to the front, where NumPy has it."""
    ndim = type_of(found).ndim
    front = transposed(found, (ndim - 1, *range(ndim - 1)))
    target = (*q_shape, *reduced_shape(shape, axes, keepdims=is_set(keepdims)))
    return reshaped(front, target) if target else FRONTS["getitem"](front, (0,))


def _quantile_of(
    name: str,
    a: Value,
    q: Value,
    axis: Any,
    method: str,
    keepdims: Any,
    weights: Any,
    *,
    skip: bool,
) -> Value:
    if weights is not None:
        return _picked_by_weight(name, a, q, axis, method, keepdims, weights)
    _checked(name, q, method)
    a, t = real_like(name, "a", a), type_of(q)
    shape = type_of(a).shape
    axes = axes_of(axis, len(shape))
    if skip and 0 in shape:
        return np.nanmean(a, axis=axes, keepdims=is_set(keepdims))
    rows = _sorted_rows(name, a, axes)
    # As in NumPy, a Python number q leaves the dtype of the array alone.
    vector = reshaped(q if is_traced(q) else np.asarray(q), (t.size,))
    vector = astype(vector, _precision(rows)) if t.weak else vector
    count = astype(_count_of(rows, skip=skip), type_of(vector).dtype)
    found = _interpolated(rows, count, vector, method)
    result = _shaped(_spoilt(rows, found, skip=skip), t.shape, shape, axes, keepdims)
    return result if skip else laid_out(result)


def _picked_by_weight(
    name: str, a: Value, q: Value, axis: Any, method: str, keepdims: Any, weights: Any
) -> Value:
    """Return the elements that NumPy picks by the sums of their weights: those have a derivative."""
    a = array_like(a)
    shape, axes = type_of(a).shape, axes_of(axis, type_of(a).ndim)
    share = np.asarray(numbers_of(name, q))
    numpy: Any = np.nanquantile if name.startswith("nan") else np.quantile
    picked = numpy(
        numbers_of(name, a),
        share,
        axis=axis,
        method=method,
        keepdims=True,
        weights=numbers_of(name, weights),
    )
    rows = _row_wise(a, axes)
    wanted = np.reshape(picked, (share.size, *picked.shape[share.ndim :]))
    wanted = np.moveaxis(wanted, 0, -1).reshape((*type_of(rows).shape[:-1], share.size))
    numbers = np.asarray(numbers_of(name, rows))
    places = np.argmax(numbers[..., None, :] == wanted[..., None], axis=-1)
    found = np.take_along_axis(rows, places, axis=-1)
    if type_of(a).is_inexact:
        found = np.where(np.isnan(wanted), np.nan, found)
    result = _shaped(found, share.shape, shape, axes, keepdims)
    # With weights NumPy returns an array of no axes where it else returns a number.
    return result if np.shape(result) else FRONTS["getitem"](result, ...)


def _quantile_front(name: str, scale: float, *, skip: bool) -> Callable[..., Value]:
    def front(
        a: Value,
        q: Value,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: Any = False,
        *,
        weights: Any = None,
    ) -> Value:
        refuse_out(name, out)
        share = array_like(q) if scale == 1 else array_like(q) / scale
        return _quantile_of(name, a, share, axis, method, keepdims, weights, skip=skip)

    return front


def _median_front(name: str, *, skip: bool) -> Callable[..., Value]:
    def front(
        a: Value,
        axis: Any = None,
        out: Any = None,
        overwrite_input: bool = False,
        keepdims: Any = False,
    ) -> Value:
        refuse_out(name, out)
        a = array_like(a)
        shape = type_of(a).shape
        axes = axes_of(axis, len(shape))
        if 0 in shape:
            mean = np.nanmean if skip else np.mean
            return mean(a, axis=axes, keepdims=is_set(keepdims))
        rows = _sorted_rows(name, a, axes)
        n = _count_of(rows, skip=skip)
        rows = astype(rows, _precision(rows))
        middle = (_picked(rows, (n - 1) // 2, n - 1) + _picked(rows, n // 2, n - 1)) / 2
        return _shaped(_spoilt(rows, middle, skip=skip), (), shape, axes, keepdims)

    return front


_ROW = [0.5, 1.0, 2.0]
_SAMPLES = (
    Sample((5,)),
    Sample((2, 4), axis=-1),
    Sample((2, 3, 4), axis=(0, 2), keepdims=True),
    Sample((4, 2), axis=0),
)
composite("median", _median_front("median", skip=False), names=(np.median,), samples=_SAMPLES)
composite(
    "nanmedian", _median_front("nanmedian", skip=True), names=(np.nanmedian,), samples=_SAMPLES
)
for _name, _numpy, _scale, _skip in (
    ("quantile", np.quantile, 1.0, False),
    ("percentile", np.percentile, 100.0, False),
    ("nanquantile", np.nanquantile, 1.0, True),
    ("nanpercentile", np.nanpercentile, 100.0, True),
):
    composite(
        _name,
        _quantile_front(_name, _scale, skip=_skip),
        names=(_numpy,),
        samples=(
            Sample((5,), 0.3 * _scale),
            Sample((2, 3), [0.1 * _scale, 0.9 * _scale], axis=-1),
            Sample((2, 3, 4), 0.7 * _scale, axis=(0, 2), keepdims=True),
            *(Sample((7,), 0.4 * _scale, method=method) for method in _METHODS),
            Sample((2, 3), 0.6 * _scale, method="inverted_cdf", weights=[_ROW, _ROW]),
            Sample(
                (2, 3), [0.3 * _scale, 0.6 * _scale], method="inverted_cdf", weights=[_ROW, _ROW]
            ),
        ),
    )
