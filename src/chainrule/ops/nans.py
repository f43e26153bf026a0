"""Reductions that leave NaNs out: what is left out is replaced by what does not matter, and not counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import array_like, axes_of, given, is_set
from chainrule.ops.kinds import composite


def _without_nans(a: Value, instead: float) -> Value:
    a = array_like(a)
    if not type_of(a).is_inexact:
        return a
    return FRONTS["where"](np.isnan(a), instead, a)


def _replaced(name: str, instead: float) -> Callable[..., Value]:
    """Return NumPy's function for arrays in which `instead` stands for every NaN."""
    return lambda a, *args, **options: FRONTS[name](_without_nans(a, instead), *args, **options)


def _chosen(a: Value, where: Any) -> Value:
    """Return the mask of the elements that count."""
    is_number = ~np.isnan(a)
    return is_number if where is True or given(where) is None else is_number & where


def _counting(name: str) -> Callable[..., Value]:
    """Return a mean or a variance over what is not NaN."""

    def front(a: Value, *args: Any, where: Any = True, **options: Any) -> Value:
        a = array_like(a)
        if not type_of(a).is_inexact:
            return FRONTS[name](a, *args, where=where, **options)
        clean = _without_nans(a, 0)
        return FRONTS[name](clean, *args, where=_chosen(a, where), **options)

    return front


def _extreme(name: str, instead: float) -> Callable[..., Value]:
    def front(
        a: Value,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        a = array_like(a)
        extreme = FRONTS[name](_without_nans(a, instead), axis, out, keepdims, initial, where)
        if given(initial) is not None or not type_of(a).is_inexact:
            return extreme
        axes = axes_of(axis, type_of(a).ndim)
        is_lost = np.all(np.isnan(a), axis=axes, keepdims=is_set(keepdims))
        lost = astype(np.nan, type_of(extreme).dtype)
        return FRONTS["getitem"](FRONTS["where"](is_lost, lost, extreme), ())

    return front


def _with_nan(x: Value) -> Value:
    """Put a NaN into a sample."""
    return np.where(np.arange(type_of(x).size).reshape(type_of(x).shape) == 1, np.nan, x)


_SAMPLES = (
    Sample((2, 3), prepare=_with_nan),
    Sample((2, 3), axis=-1, prepare=_with_nan),
    Sample((2, 3, 2), axis=(2, 0), keepdims=True, prepare=_with_nan),
)
_RUNNING_SAMPLES = (Sample((4,), prepare=_with_nan), Sample((2, 3), axis=0, prepare=_with_nan))
_ENTRIES: tuple[tuple[Any, Callable[..., Value], tuple[Sample, ...]], ...] = (
    (np.nansum, _replaced("sum", 0), _SAMPLES),
    (np.nanprod, _replaced("prod", 1), _SAMPLES),
    (np.nanmean, _counting("mean"), _SAMPLES),
    (np.nanvar, _counting("var"), _SAMPLES),
    (np.nanstd, _counting("std"), _SAMPLES),
    (np.nanmax, _extreme("max", -np.inf), _SAMPLES),
    (np.nanmin, _extreme("min", np.inf), _SAMPLES),
    (np.nancumsum, _replaced("cumsum", 0), _RUNNING_SAMPLES),
    (np.nancumprod, _replaced("cumprod", 1), _RUNNING_SAMPLES),
)
for _numpy, _function, _samples in _ENTRIES:
    composite(_numpy.__name__, _function, names=(_numpy,), samples=_samples)
