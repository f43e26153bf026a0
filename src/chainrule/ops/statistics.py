"""Statistics made of sums: means, variances, averages, covariances."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import settled, type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import PYTHON_NUMBERS, Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import (
    Axes,
    array_like,
    axes_of,
    count_along,
    given,
    is_set,
    refuse_out,
)
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped, transposed

_FLOAT64 = np.dtype(np.float64)


def _is_integer(x: Value) -> bool:
    return not type_of(x).is_inexact


def _count(x: Value, axes: Axes, where: Any, *, keepdims: bool) -> Value:
    """Return how many elements are chosen, in the dtype that sums are divided in."""
    t = type_of(x)
    if where is True or given(where) is None:
        return count_along(t.shape, axes)
    chosen = FRONTS["broadcast_to"](settled(where), t.shape)
    return astype(FRONTS["sum"](chosen, axes, keepdims=keepdims), t.dtype)


def _mean(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    *,
    where: Any = True,
) -> Value:
    refuse_out("mean", out)
    a = array_like(a)
    t = type_of(a)
    axes = axes_of(axis, t.ndim)
    keep = is_set(keepdims)
    if dtype is not None or _is_integer(a):
        a = astype(a, dtype or _FLOAT64)
    elif t.dtype == np.float16:
        # NumPy adds halves up in single precision.
        return astype(_mean(a, axes, np.float32, keepdims=keep, where=where), t.dtype)
    return FRONTS["sum"](a, axes, None, None, keep, None, where) / _count(
        a, axes, where, keepdims=keep
    )


def _var(
    a: Value,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: Any = None,
) -> Value:
    refuse_out("var", out)
    ddof = _degrees(ddof, given(correction))
    a = array_like(a)
    axes = axes_of(axis, type_of(a).ndim)
    keep = is_set(keepdims)
    if dtype is not None or _is_integer(a):
        a = astype(a, dtype or _FLOAT64)
    center = given(mean)
    if center is None:
        center = _mean(a, axes, keepdims=True, where=where)
    squares = _squared(a - center)
    total = FRONTS["sum"](squares, axes, None, None, keep, None, where)
    freedom = _count(squares, axes, where, keepdims=keep) - ddof
    if type(freedom) in PYTHON_NUMBERS:
        return total / max(freedom, 0)
    return total / astype(np.maximum(freedom, 0), type_of(total).dtype)


def _degrees(ddof: float, correction: float | None) -> float:
    if correction is None:
        return ddof
    if ddof:
        raise ArgumentError.from_unsupported("var", "ddof= together with correction=")
    return correction


def _squared(x: Value) -> Value:
    return np.real(x * np.conj(x)) if type_of(x).dtype.kind == "c" else x * x


def _std(a: Value, *args: Any, **options: Any) -> Value:
    """The root of the variance. Where it is zero, so is its gradient, as a norm's."""
    variance = _var(a, *args, **options)
    return np.sqrt(variance + (variance == 0)) * (variance != 0)


def _ptp(a: Value, axis: Any = None, out: Any = None, keepdims: Any = False) -> Value:
    refuse_out("ptp", out)
    return FRONTS["subtract"](
        FRONTS["max"](a, axis, None, keepdims), FRONTS["min"](a, axis, None, keepdims)
    )


def _average(
    a: Value,
    axis: Any = None,
    weights: Any = None,
    returned: bool = False,
    *,
    keepdims: Any = False,
) -> Value:
    a = array_like(a)
    t = type_of(a)
    axes = axes_of(axis, t.ndim)
    keep = is_set(keepdims)
    if weights is None:
        mean = _mean(a, axes, keepdims=keep)
        total: Value = type_of(mean).dtype.type(count_along(t.shape, axes))
    else:
        w = _aligned_weights(a, array_like(weights), axis)
        if _is_integer(a):
            a = astype(a, _FLOAT64)
        dtype = np.result_type(type_of(a).dtype, type_of(w).dtype)
        total = FRONTS["sum"](w, axes, dtype, None, keep)
        if np.any(settled(total) == 0):
            message = "Weights sum to zero, can't be normalized"
            raise ZeroDivisionError(message)
        mean = FRONTS["sum"](FRONTS["multiply"](a, w), axes, dtype, None, keep) / total
    if not returned:
        return mean
    shape = type_of(mean).shape
    return mean, FRONTS["copy"](FRONTS["broadcast_to"](total, shape)) if shape else total


def _aligned_weights(a: Value, weights: Value, axis: Any) -> Value:
    """Return weights of the shape of `a`, or one that broadcasts to it, from weights along `axis`."""
    shape, got = type_of(a).shape, type_of(weights).shape
    if got == shape:
        return weights
    along = () if axis is None else tuple(np.atleast_1d(axis).tolist())
    along = tuple(i % len(shape) for i in along)
    if got != tuple(shape[i] for i in along):
        expected = "the shape of the array, or of its axes that are averaged"
        raise ShapeError.from_join("average", 1, got, shape, expected)
    order = tuple(sorted(range(len(along)), key=along.__getitem__))
    column = tuple(n if i in along else 1 for i, n in enumerate(shape))
    # All weights are repeated, so that their sum counts each as often as it is used.
    return broadcast_to(reshaped(transposed(weights, order), column), shape)


def _observations(x: Value, *, rowvar: bool, dtype: Any, name: str) -> Value:
    """Return a table with one variable in each row."""
    t = type_of(x)
    if t.ndim > 2:
        raise ShapeError.from_ndim(name, t.shape, "at most two axes")
    table = astype(reshaped(x, (1, t.size)) if t.ndim < 2 else x, dtype)
    return table if rowvar or t.ndim < 2 else transposed(table, (1, 0))


def _cov(
    m: Value,
    y: Value = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Value:
    parts = [array_like(x) for x in (m, y) if x is not None]
    if dtype is None:
        dtype = np.result_type(np.float64, *(type_of(x).dtype for x in parts))
    tables = [_observations(x, rowvar=rowvar, dtype=dtype, name="cov") for x in parts]
    x = tables[0] if y is None else FRONTS["concatenate"](tables)
    if ddof is None:
        ddof = 0 if bias else 1
    weights = _observation_weights(fweights, aweights)
    n = type_of(x).shape[1]
    if weights is None:
        centered = x - _mean(x, 1, keepdims=True)
        scaled, freedom = centered, max(n - ddof, 0)
    else:
        total = np.sum(weights)
        centered = x - np.sum(x * weights, axis=1, keepdims=True) / total
        scaled = centered * weights
        lost = ddof if aweights is None else ddof * np.sum(weights * array_like(aweights)) / total
        freedom = np.maximum(total - lost, 0)
    products = np.matmul(centered, transposed(np.conj(scaled), (1, 0)))
    return np.squeeze(products / freedom)


def _observation_weights(fweights: Any, aweights: Any) -> Value:
    given_weights = [array_like(w) for w in (fweights, aweights) if w is not None]
    if not given_weights:
        return None
    weights = given_weights[0] if len(given_weights) == 1 else np.multiply(*given_weights)
    if type_of(weights).ndim != 1:
        raise ShapeError.from_ndim("cov", type_of(weights).shape, "weights with one axis")
    return astype(weights, _FLOAT64)


def _corrcoef(x: Value, y: Value = None, rowvar: bool = True, *, dtype: Any = None) -> Value:
    c = _cov(x, y, rowvar, dtype=dtype)
    if type_of(c).ndim == 0:
        return c / c
    spread = np.sqrt(np.real(np.diagonal(c)))
    return c / spread[:, None] / spread


_MOMENT_SAMPLES = (
    Sample((2, 3)),
    Sample((2, 3, 2), axis=-1),
    Sample((2, 3, 2), axis=(2, 0), keepdims=True),
    Sample((2, 3), axis=1, where=np.array([True, False, True])),
    Sample((2, 3), dtype=np.float64),
)
composite(
    "mean", _mean, names=(np.mean,), samples=(*_MOMENT_SAMPLES, Sample(()), Sample((3, 0), axis=0))
)
composite(
    "var",
    _var,
    names=(np.var,),
    samples=(
        *_MOMENT_SAMPLES,
        Sample((2, 3), ddof=1),
        Sample((2, 3), axis=0, correction=1),
        Sample((2, 3), axis=1, mean=np.array([[0.5], [-0.5]])),
    ),
)
composite(
    "std",
    _std,
    names=(np.std,),
    samples=(*_MOMENT_SAMPLES, Sample((2, 3), ddof=1), Sample((2, 3), axis=0, correction=1)),
)
composite(
    "ptp",
    _ptp,
    names=(np.ptp,),
    samples=(Sample((5,)), Sample((2, 3), axis=-1), Sample((2, 3), axis=0, keepdims=True)),
    rejects=(Sample((0, 3), axis=0),),
)
composite(
    "average",
    _average,
    names=(np.average,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), axis=-1, weights=np.array([1.0, 2.0, 3.0])),
        Sample((2, 3), weights=np.array([[1.0, 2, 3], [4, 5, 6]]), keepdims=True),
        Sample((2, 3), axis=0, returned=True),
    ),
    rejects=(Sample((2, 3), axis=0, weights=np.ones(3)),),
)
composite(
    "cov",
    _cov,
    names=(np.cov,),
    samples=(
        Sample((3, 5)),
        Sample((5,), (5,)),
        Sample((5, 2), rowvar=False, bias=True),
        Sample((2, 4), ddof=0, fweights=np.array([1, 2, 1, 1])),
        Sample((2, 4), aweights=np.array([0.5, 1.0, 2.0, 1.0])),
        Sample((5,)),
    ),
    rejects=(Sample((2, 2, 2)),),
)
composite(
    "corrcoef",
    _corrcoef,
    names=(np.corrcoef,),
    samples=(Sample((3, 5)), Sample((5,), (5,)), Sample((5, 2), rowvar=False)),
)
