"""`scipy.interpolate` with derivatives: SciPy's own classes, whose curves follow their points and their values.

A curve that was made of plain data can be evaluated at traced points; `CubicSpline`, `CubicHermiteSpline`, `interp1d`,
`PchipInterpolator`, `PPoly` and `make_interp_spline` take traced values. The abscissae of the data are plain.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.interpolate
from scipy.interpolate import (
    BSpline,
    CubicHermiteSpline,
    CubicSpline,
    PchipInterpolator,
    PPoly,
    UnivariateSpline,
    interp1d,
)

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import NotDifferentiableError
from chainrule.scipy.calls import holds_traced, on_plain_values, plain, refuse_traced
from chainrule.scipy.curves import (
    antiderivative,
    curve,
    hermite,
    monotone_slopes,
    piecewise,
    placed,
)
from chainrule.scipy.interpolators import interp1d_call, interp1d_init, values_first
from chainrule.scipy.levels import vector

__all__ = [
    "BSpline",
    "CubicHermiteSpline",
    "CubicSpline",
    "PPoly",
    "PchipInterpolator",
    "UnivariateSpline",
    "interp1d",
    "make_interp_spline",
    "splev",
]

_PPOLY_INIT = PPoly.__init__
_PPOLY_CALL = PPoly.__call__
_PPOLY_ANTIDERIVATIVE = PPoly.antiderivative
_PPOLY_DERIVATIVE = PPoly.derivative
_PPOLY_INTEGRATE = PPoly.integrate
_CUBIC_INIT = CubicSpline.__init__
_HERMITE_INIT = CubicHermiteSpline.__init__
_PCHIP_INIT = PchipInterpolator.__init__
_BSPLINE_CALL = BSpline.__call__
_UNIVARIATE_CALL = UnivariateSpline.__call__
_MAKE_INTERP_SPLINE = scipy.interpolate.make_interp_spline
_SPLEV = scipy.interpolate.splev


def _moves(y: Value) -> Value:
    """Return 0 with the derivatives of `y`: for what is linear in it, and known for its numbers already."""
    return y - np.asarray(plain(y))


def _slot(curve: Any) -> str:
    """Return where a curve has its coefficients; newer versions of SciPy make plain arrays of what is given as `c`."""
    return "_c" if isinstance(getattr(type(curve), "c", None), property) else "c"


@functools.cache
def _followed(kind: Any, slot: str) -> type:
    """Return the class of curves with traced coefficients; after the trace they are of their own kind again."""

    def coefficients(self: Any) -> Any:
        c = vars(self)["chainrule_c"]
        return c if holds_traced(c) else getattr(restored(self), slot)

    def restored(self: Any) -> Any:
        self.__class__ = kind
        setattr(self, slot, np.asarray(plain(vars(self).pop("chainrule_c"))))
        return self

    def reduced(self: Any, protocol: int) -> Any:
        if holds_traced(vars(self)["chainrule_c"]):
            # It meets the traced values, and raises.
            return super(kind, self).__reduce_ex__(protocol)
        return restored(self).__reduce_ex__(protocol)

    def keep(self: Any, c: Any) -> None:
        vars(self)["chainrule_c"] = c

    return type(
        kind.__name__, (kind,), {slot: property(coefficients, keep), "__reduce_ex__": reduced}
    )


def _keep(curve: Any, c: Value) -> Any:
    """Give a curve its coefficients, which may be traced."""
    slot: str = _slot(curve)
    kind: Any = type(curve)
    if not holds_traced(c):
        setattr(curve, slot, c)
        return curve
    if "chainrule_c" not in vars(curve):
        curve.__class__ = _followed(kind, slot)
    setattr(curve, slot, c)
    return curve


def _kept(curve: Any) -> Any:
    """Return the coefficients of a curve, which may be traced."""
    return getattr(curve, _slot(curve))


def _ppoly_init(self: Any, c: Any, x: Any, extrapolate: Any = None, axis: int = 0) -> None:
    """Make a piecewise polynomial; its coefficients may be traced."""
    refuse_traced("scipy.interpolate.PPoly", x=x)
    _PPOLY_INIT(self, plain(c), plain(x), extrapolate, axis)
    if holds_traced(c):
        c = vector(c)
        _keep(self, c if axis == 0 else np.moveaxis(np.moveaxis(c, axis + 1, 0), axis + 1, 0))


def _ppoly_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a piecewise polynomial, or a derivative of it, where points or coefficients may be traced."""
    if not holds_traced(x, _kept(self)):
        return on_plain_values(
            _PPOLY_CALL, (_settled(self), x), {"nu": nu, "extrapolate": extrapolate}
        )
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    x = vector(x)
    ndim = type_of(x).ndim
    if holds_traced(_kept(self)):
        return placed(piecewise(_kept(self), self.x, x, nu, extrapolate), ndim, self.axis)
    flat = PPoly.construct_fast(_kept(_settled(self)), self.x, extrapolate, 0)
    value = curve(lambda points, order: _PPOLY_CALL(flat, points, order, extrapolate), nu)
    return placed(value(x), ndim, self.axis)


def _settled(self: Any) -> Any:
    """Return the object with a plain array of coefficients, if it was made in a trace that has ended."""
    if type(_kept(self)) is not np.ndarray:
        _keep(self, np.asarray(plain(_kept(self))))
    return self


def _ppoly_antiderivative(self: Any, nu: int = 1) -> Any:
    """Return an integral of the curve, whose coefficients may be traced."""
    if not holds_traced(_kept(self)):
        return _PPOLY_ANTIDERIVATIVE(_settled(self), nu)
    if nu <= 0:
        return self.derivative(-nu)
    c = _kept(self)
    for _ in range(nu):
        c = antiderivative(c, self.x)
    extrapolate = False if self.extrapolate == "periodic" else self.extrapolate
    return _of_coefficients(c, self.x, extrapolate, self.axis)


def _of_coefficients(c: Value, breaks: Any, extrapolate: Any, axis: int) -> Any:
    """Make a piecewise polynomial of traced coefficients, whose first two axes are powers and pieces."""
    empty = np.zeros(type_of(c).shape)
    return _keep(PPoly.construct_fast(empty, breaks, extrapolate, axis), c)


def _ppoly_derivative(self: Any, nu: int = 1) -> Any:
    """Return a derivative of the curve, whose coefficients may be traced."""
    if not holds_traced(_kept(self)):
        return _PPOLY_DERIVATIVE(_settled(self), nu)
    if nu < 0:
        return self.antiderivative(-nu)
    degree = type_of(_kept(self)).shape[0] - 1
    kept = [math.perm(degree - i, nu) * _kept(self)[i] for i in range(degree + 1 - nu)]
    c = FRONTS["stack"](kept or [0 * _kept(self)[0]])
    return _of_coefficients(c, self.x, self.extrapolate, self.axis)


def _ppoly_integrate(self: Any, a: Any, b: Any, extrapolate: Any = None) -> Any:
    """Return the integral of the curve between two points, which may be traced."""
    if not holds_traced(a, b, _kept(self)):
        return _PPOLY_INTEGRATE(_settled(self), plain(a), plain(b), extrapolate)
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    if extrapolate == "periodic":
        raise NotDifferentiableError.from_option("PPoly.integrate", "extrapolate", extrapolate)
    whole = self.antiderivative()
    return whole(b, extrapolate=extrapolate) - whole(a, extrapolate=extrapolate)


def _cubic_init(
    self: Any,
    x: Any,
    y: Any,
    axis: int = 0,
    bc_type: Any = "not-a-knot",
    extrapolate: Any = None,
) -> None:
    """Make a cubic spline through values that may be traced: its coefficients are linear in them."""
    refuse_traced("scipy.interpolate.CubicSpline", x=x, bc_type=bc_type)
    x = plain(x)
    _CUBIC_INIT(self, x, plain(y), axis, bc_type, extrapolate)
    if not holds_traced(y):
        return
    moves = _moves(values_first(y, axis))
    units = np.eye(type_of(moves).shape[0])
    if bc_type == "periodic":  # the last value is the first
        units, moves = units[:, :-1] + np.outer(units[:, -1], units[0, :-1]), moves[:-1]
    basis = CubicSpline(x, units, bc_type=_without_values(bc_type, len(units))).c
    _keep(self, _kept(self) + np.tensordot(basis, moves, axes=([2], [0])))


def _without_values(bc_type: Any, count: int) -> Any:
    """Return boundary conditions of the same kind, with 0 on their right-hand sides, for this many curves."""
    if isinstance(bc_type, str):
        return bc_type
    return tuple(side if isinstance(side, str) else (side[0], np.zeros(count)) for side in bc_type)


def _hermite_init(
    self: Any, x: Any, y: Any, dydx: Any, axis: int = 0, extrapolate: Any = None
) -> None:
    """Make the cubic pieces with values and slopes that may be traced."""
    refuse_traced("scipy.interpolate.CubicHermiteSpline", x=x)
    _HERMITE_INIT(self, plain(x), plain(y), plain(dydx), axis, extrapolate)
    if holds_traced(y, dydx):
        points = np.asarray(plain(x), float)
        _keep(self, hermite(points, values_first(y, axis), values_first(dydx, axis)))


def _pchip_init(self: Any, x: Any, y: Any, axis: int = 0, extrapolate: Any = None) -> None:
    """Make the monotone cubic interpolant through values that may be traced."""
    refuse_traced("scipy.interpolate.PchipInterpolator", x=x)
    _PCHIP_INIT(self, plain(x), plain(y), axis, extrapolate)
    if holds_traced(y):
        points, values = np.asarray(plain(x), float), values_first(y, axis)
        _keep(self, hermite(points, values, monotone_slopes(points, values)))


def _bspline_call(self: Any, x: Any, nu: int = 0, extrapolate: Any = None) -> Any:
    """Evaluate a spline, or a derivative of it, where points or coefficients may be traced."""
    if not holds_traced(x, _kept(self)):
        return on_plain_values(
            _BSPLINE_CALL, (_settled(self), x), {"nu": nu, "extrapolate": extrapolate}
        )
    extrapolate = self.extrapolate if extrapolate is None else extrapolate
    x = vector(x)
    ndim = type_of(x).ndim
    is_linear = holds_traced(_kept(self))
    c = np.eye(type_of(_kept(self)).shape[0]) if is_linear else _kept(_settled(self))
    basis = BSpline.construct_fast(self.t, c, self.k, extrapolate, 0)
    value = curve(lambda points, order: _BSPLINE_CALL(basis, points, order, extrapolate), nu)(x)
    if is_linear:
        value = np.tensordot(value, _kept(self), axes=1)
    return placed(value, ndim, self.axis)


def make_interp_spline(x: Any, y: Any, *rest: Any, **options: Any) -> Any:
    """Return the spline through values that may be traced: its coefficients are linear in them."""
    if not holds_traced(x, y, rest, options):
        return on_plain_values(_MAKE_INTERP_SPLINE, (x, y, *rest), options)
    refuse_traced("scipy.interpolate.make_interp_spline", x=x, options=(rest, options))
    made = _MAKE_INTERP_SPLINE(plain(x), plain(y), *rest, **options)
    given = dict(zip(("k", "t", "bc_type", "axis", "check_finite"), rest, strict=False)) | options
    if given.get("bc_type") not in {None, "not-a-knot", "natural", "clamped"}:
        raise NotDifferentiableError.from_option(
            "scipy.interpolate.make_interp_spline", "bc_type", given["bc_type"]
        )
    moves = _moves(values_first(y, given.pop("axis", 0)))
    basis = _MAKE_INTERP_SPLINE(plain(x), np.eye(type_of(moves).shape[0]), **given).c
    return _keep(made, _kept(made) + np.tensordot(basis, moves, axes=1))


def splev(x: Any, tck: Any, der: int = 0, ext: int = 0) -> Any:
    """Evaluate a spline given by knots, coefficients and degree at points that may be traced."""
    if not holds_traced(x, tck):
        return on_plain_values(_SPLEV, (x, tck), {"der": der, "ext": ext})
    refuse_traced("scipy.interpolate.splev", tck=tck)
    return curve(lambda points, order: np.asarray(_SPLEV(points, tck, order, ext)), der)(vector(x))


def _univariate_call(self: Any, x: Any, nu: int = 0, ext: Any = None) -> Any:
    """Evaluate a smoothing spline at points that may be traced."""
    if not holds_traced(x):
        return on_plain_values(_UNIVARIATE_CALL, (self, x), {"nu": nu, "ext": ext})
    return curve(lambda points, order: np.asarray(_UNIVARIATE_CALL(self, points, order, ext)), nu)(
        vector(x)
    )


_Method = Callable[..., Any]
_METHODS: tuple[tuple[type, str, _Method], ...] = (
    (PPoly, "__init__", _ppoly_init),
    (PPoly, "__call__", _ppoly_call),
    (PPoly, "antiderivative", _ppoly_antiderivative),
    (PPoly, "derivative", _ppoly_derivative),
    (PPoly, "integrate", _ppoly_integrate),
    (CubicSpline, "__init__", _cubic_init),
    (CubicHermiteSpline, "__init__", _hermite_init),
    (PchipInterpolator, "__init__", _pchip_init),
    (BSpline, "__call__", _bspline_call),
    (UnivariateSpline, "__call__", _univariate_call),
    (interp1d, "__init__", interp1d_init),
    (interp1d, "__call__", interp1d_call),
)
STAND_INS = (
    *_METHODS,
    (scipy.interpolate, "make_interp_spline", make_interp_spline),
    (scipy.interpolate, "splev", splev),
)
