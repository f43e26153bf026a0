"""`interp1d` at traced points and with traced values, in which every kind of it is linear."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.interpolate
from scipy.interpolate import BSpline, interp1d

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.scipy.calls import holds_traced, on_plain_values, plain, refuse_traced
from chainrule.scipy.curves import curve, placed
from chainrule.scipy.levels import vector

_INTERP1D_INIT = interp1d.__init__
_INTERP1D_CALL = interp1d.__call__
_BSPLINE_CALL = BSpline.__call__
_MAKE_INTERP_SPLINE = scipy.interpolate.make_interp_spline


def values_first(y: Any, axis: int) -> Value:
    """Return values with the axis along which they are interpolated in front."""
    return np.moveaxis(vector(y), axis, 0)


def interp1d_init(
    self: Any,
    x: Any,
    y: Any,
    kind: Any = "linear",
    axis: int = -1,
    copy: bool = True,
    bounds_error: Any = None,
    fill_value: Any = np.nan,
    assume_sorted: bool = False,
) -> None:
    """Make an interpolator of values that may be traced."""
    refuse_traced("scipy.interpolate.interp1d", x=x, fill_value=fill_value)
    _INTERP1D_INIT(
        self, plain(x), plain(y), kind, axis, copy, bounds_error, fill_value, assume_sorted
    )
    self.chainrule_values = None
    if holds_traced(y):
        values = values_first(y, axis)
        order = np.arange(len(self.x)) if assume_sorted else np.argsort(plain(x), kind="mergesort")
        self.chainrule_values = FRONTS["getitem"](values, order)
        self.y = np.moveaxis(self.chainrule_values, 0, axis)


def interp1d_call(self: Any, x: Any) -> Any:
    """Interpolate at points that may be traced; beyond the data, what SciPy fills in."""
    values = getattr(self, "chainrule_values", None)
    if not holds_traced(x, values):
        return on_plain_values(_INTERP1D_CALL, (self, x), {})
    x = vector(x)
    points = np.asarray(plain(x), float)
    filled = _INTERP1D_CALL(self, points)  # SciPy's checks of the range, too
    if values is None:
        values = values_first(self.y, self.axis)
    ndim = points.ndim
    out = placed(_interpolated(self, x, points, values), ndim, self.axis % self.y.ndim)
    is_filled = (points < self.x[0]) | (points > self.x[-1])
    if self.fill_value == "extrapolate" or not np.any(is_filled):
        return out
    rest = type_of(values).shape[1:]
    mask = np.broadcast_to(
        np.reshape(is_filled, (*points.shape, *(1,) * len(rest))), (*points.shape, *rest)
    )
    return np.where(placed(mask, ndim, self.axis % self.y.ndim), filled, out)


def _interpolated(self: Any, x: Value, points: Any, values: Value) -> Value:
    """Return the interpolant at points inside, of shape `x.shape + rest`."""
    at = FRONTS["getitem"]
    if self._kind == "linear":
        right = np.clip(np.searchsorted(self.x, points), 1, len(self.x) - 1)
        width = self.x[right] - self.x[right - 1]
        part = FRONTS["reshape"](
            (x - self.x[right - 1]) / width, (*points.shape, *(1,) * (type_of(values).ndim - 1))
        )
        return at(values, right - 1) + part * (at(values, right) - at(values, right - 1))
    degree = self._spline.k if self._kind == "spline" else 0
    if degree == 0:
        kind = "previous" if self._kind == "spline" else self._kind
        place = interp1d(self.x, np.arange(len(self.x)), kind=kind, fill_value="extrapolate")
        return at(values, np.clip(_INTERP1D_CALL(place, points), 0, len(self.x) - 1).astype(int))
    basis = _MAKE_INTERP_SPLINE(self.x, np.eye(len(self.x)), k=degree)
    weights = curve(lambda p, order: _BSPLINE_CALL(basis, p, order, True), 0)(x)
    return np.tensordot(weights, values, axes=1)
