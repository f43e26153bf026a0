"""Integrals of samples: `simpson`, `cumulative_trapezoid`, `romb`; `trapezoid` is NumPy's."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.integrate

from chainrule.core.cells import type_of
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import follows


@follows(scipy.integrate.trapezoid)
def trapezoid(y: Value, x: Value | None = None, dx: Any = 1.0, axis: int = -1) -> Value:
    """Return the integral of samples by the trapezoidal rule."""
    return np.trapezoid(array_like(y), None if x is None else array_like(x), dx, axis)


def _gaps(name: str, x: Value | None, dx: Any, count: int, axis: int, ndim: int) -> Value:
    """Return the distances between samples, broadcast against samples whose `axis` was moved to the end."""
    if x is None:
        return dx
    x = array_like(x)
    if type_of(x).ndim > 1:
        x = np.moveaxis(x, axis, -1)
    if type_of(x).shape[-1] != count or type_of(x).ndim not in {1, ndim}:
        raise ShapeError.from_numpy(
            name, (type_of(x).shape, (count,)), "x needs one value per sample"
        )
    return np.diff(x)


@follows(scipy.integrate.cumulative_trapezoid)
def cumulative_trapezoid(
    y: Value, x: Value | None = None, dx: Any = 1.0, axis: int = -1, initial: Any = None
) -> Value:
    """Return the integrals up to each sample by the trapezoidal rule."""
    y = np.moveaxis(array_like(y), axis, -1)
    t = type_of(y)
    gaps = _gaps("cumulative_trapezoid", x, dx, t.shape[-1], axis, t.ndim)
    out = np.cumsum(gaps * (y[..., 1:] + y[..., :-1]) / 2.0, axis=-1)
    if initial is not None:
        if initial != 0:
            raise ArgumentError.from_range("cumulative_trapezoid", "initial", initial, "0 or None")
        out = np.concatenate([np.zeros((*t.shape[:-1], 1)), out], axis=-1)
    return np.moveaxis(out, -1, axis)


@follows(scipy.integrate.simpson)
def simpson(y: Value, x: Value | None = None, *, dx: Any = 1.0, axis: int = -1) -> Value:
    """Return the integral of samples by Simpson's rule, with Cartwright's correction for an even number of them."""
    y = np.moveaxis(array_like(y), axis, -1)
    t = type_of(y)
    count = t.shape[-1]
    gaps = _gaps("simpson", x, dx, count, axis, t.ndim)
    gaps = np.broadcast_to(gaps, (*type_of(gaps).shape[:-1], max(count - 1, 0)))
    if count == 2:
        return np.sum(gaps * (y[..., 1:] + y[..., :-1]), axis=-1) / 2.0
    pairs = count - 1 - (count - 1) % 2
    total = _simpson_pairs(y[..., : pairs + 1], gaps[..., :pairs])
    return total + _last_gap(y, gaps) if pairs < count - 1 else total


def _simpson_pairs(y: Value, gaps: Value) -> Value:
    """Sum the parabolas over pairs of gaps of any widths."""
    h, k = gaps[..., ::2], gaps[..., 1::2]
    width = h + k
    first, middle, last = y[..., :-2:2], y[..., 1:-1:2], y[..., 2::2]
    inner = first * (2 - k / h) + middle * width**2 / (h * k) + last * (2 - h / k)
    return np.sum(width / 6.0 * inner, axis=-1)


def _last_gap(y: Value, gaps: Value) -> Value:
    """Integrate over the last gap the parabola through the last three samples."""
    h, k = gaps[..., -2], gaps[..., -1]
    last = (2 * k**2 + 3 * h * k) / (6 * (h + k))
    middle = (k**2 + 3 * h * k) / (6 * h)
    first = k**3 / (6 * h * (h + k))
    return last * y[..., -1] + middle * y[..., -2] - first * y[..., -3]


@follows(scipy.integrate.romb)
def romb(y: Value, dx: Any = 1.0, axis: int = -1, show: bool = False) -> Value:
    """Return the integral of 2ᵏ + 1 samples by Romberg's rule."""
    y = np.moveaxis(array_like(y), axis, -1)
    count = type_of(y).shape[-1]
    weights = scipy.integrate.romb(np.eye(count), axis=0)
    return np.sum(y * weights, axis=-1) * dx
