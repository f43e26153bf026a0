"""Curves at traced points: those that know their own derivatives, as splines do, and piecewise polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.autodiff.custom import custom_rule
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.scipy.calls import plain

Evaluate = Callable[[Any, int], Any]
"""From plain points and an order of differentiation to values of shape `x.shape + rest`."""


def curve(evaluate: Evaluate, order: int = 0) -> Callable[[Value], Value]:
    """Return the derivative of this order of a curve, as a function that can be traced."""

    def slope_times(t: Value, x: Value, out: Value) -> Value:
        slope = curve(evaluate, order + 1)(x)
        extra = type_of(out).ndim - type_of(x).ndim
        return FRONTS["reshape"](t, (*type_of(x).shape, *(1,) * extra)) * slope

    def vjp(g: Value, out: Value, x: Value) -> Value:
        rest = tuple(range(type_of(x).ndim, type_of(out).ndim))
        product = g * curve(evaluate, order + 1)(x)
        return np.sum(product, axis=rest) if rest else product

    @custom_rule(vjp=vjp, jvp=lambda tangents, out, x: slope_times(tangents[0], x, out))
    def value(x: Any) -> Any:
        return evaluate(np.asarray(x), order)

    return value


def placed(out: Value, ndim: int, axis: int) -> Value:
    """Put the `ndim` axes of the points, which come first, where SciPy's object has its `axis`."""
    if axis == 0 or ndim == type_of(out).ndim:
        return out
    count = type_of(out).ndim
    order = (*range(ndim, ndim + axis), *range(ndim), *range(ndim + axis, count))
    return np.transpose(out, order)


def piecewise(c: Value, breaks: Any, x: Value, order: int, extrapolate: Any) -> Value:
    """Evaluate a piecewise polynomial whose coefficients `c` are traced, as `scipy.interpolate.PPoly` does.

    Args:
        c: of shape (degree + 1, pieces, ...), the highest power first.
        breaks: the ends of the pieces.
        x: points.
        order: of the derivative.
        extrapolate: whether the first and last piece go on; "periodic" to repeat all of them.
    """
    if extrapolate == "periodic":
        x = breaks[0] + np.remainder(x - breaks[0], breaks[-1] - breaks[0])
    points = np.asarray(plain(x))
    sign = 1.0 if breaks[-1] >= breaks[0] else -1.0
    found = np.searchsorted(sign * breaks, sign * points, side="right") - 1
    piece = np.clip(found, 0, len(breaks) - 2)
    shape, degree = type_of(c).shape, type_of(c).shape[0] - 1
    s = FRONTS["reshape"](x - breaks[piece], (*points.shape, *(1,) * (len(shape) - 2)))
    out: Value = np.zeros((*points.shape, *shape[2:])) * s
    at = FRONTS["getitem"]
    for i in range(degree + 1 - order):
        out = out * s + math.perm(degree - i, order) * at(c, (i, piece))
    if extrapolate:
        return out
    outside = ~((points >= min(breaks[0], breaks[-1])) & (points <= max(breaks[0], breaks[-1])))
    return np.where(np.reshape(outside, type_of(s).shape), np.nan, out)


def antiderivative(c: Value, breaks: Any) -> Value:
    """Return the coefficients of an integral that is 0 at the first of the breaks and continuous."""
    degree = type_of(c).shape[0]
    rest = (1,) * (type_of(c).ndim - 2)
    powers = np.reshape(1.0 / np.arange(degree, 0, -1), (degree, 1, *rest))
    raised = c * powers
    width = np.reshape(np.diff(breaks), (-1, *rest))
    ends = sum(raised[i] * width ** (degree - i) for i in range(degree))
    starts = np.cumsum(ends, axis=0) - ends
    return np.concatenate([raised, starts[None]], axis=0)


def hermite(x: Any, y: Value, slopes: Value) -> Value:
    """Return the coefficients of the cubic pieces with these values and slopes at the plain points `x`."""
    width = np.reshape(np.diff(x), (-1, *(1,) * (type_of(y).ndim - 1)))
    rise = (y[1:] - y[:-1]) / width
    bend = (slopes[:-1] + slopes[1:] - 2 * rise) / width
    parts = [bend / width, (rise - slopes[:-1]) / width - bend, slopes[:-1], y[:-1]]
    return FRONTS["stack"](parts)


def monotone_slopes(x: Any, y: Value) -> Value:
    """Return the slopes of PCHIP, which keep an interpolant monotone (Fritsch and Butland 1984)."""
    width = np.reshape(np.diff(x), (-1, *(1,) * (type_of(y).ndim - 1)))
    rise = (y[1:] - y[:-1]) / width
    if len(width) == 1:
        return np.concatenate([rise, rise], axis=0)
    before, after = rise[:-1], rise[1:]
    is_flat = before * after <= 0
    v, w = 2 * width[1:] + width[:-1], width[1:] + 2 * width[:-1]
    harmonic = (v + w) / (v / np.where(is_flat, 1.0, before) + w / np.where(is_flat, 1.0, after))
    inner = np.where(is_flat, 0.0, harmonic)
    first = _end_slope(width[0], width[1], rise[0], rise[1])
    last = _end_slope(width[-1], width[-2], rise[-1], rise[-2])
    return np.concatenate([first[None], inner, last[None]], axis=0)


def _end_slope(h: Any, k: Any, rise: Value, following: Value) -> Value:
    """The slope of the parabola through three points, kept from overshooting."""
    slope = ((2 * h + k) * rise - h * following) / (h + k)
    overshoots = (np.sign(rise) != np.sign(following)) & (np.abs(slope) > 3 * np.abs(rise))
    slope = np.where(overshoots, 3 * rise, slope)
    return np.where(np.sign(slope) != np.sign(rise), 0.0, slope)
