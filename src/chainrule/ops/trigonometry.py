"""Circular and hyperbolic functions, their inverses, and what is made of them."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Ufunc
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.ops.elementwise import elementwise

elementwise("sin", np.sin, partials=(lambda out, x: np.cos(x),))
elementwise("cos", np.cos, partials=(lambda out, x: -np.sin(x),))
elementwise("tan", np.tan, partials=(lambda out, x: 1 + out * out,), domain=(-1.2, 1.2))
elementwise("sinh", np.sinh, partials=(lambda out, x: np.cosh(x),))
elementwise("cosh", np.cosh, partials=(lambda out, x: np.sinh(x),))
elementwise("tanh", np.tanh, partials=(lambda out, x: 1 - out * out,))


def _leg(x: Value) -> Value:
    """Return sqrt(1 - x²); of complex numbers in a form that stays on NumPy's side of the cuts beyond -1 and 1."""
    # (1 - x)(1 + x) keeps the digits that 1 - x*x loses near 1
    if type_of(x).dtype.kind == "c":
        return np.sqrt(-(x - 1)) * np.sqrt(x + 1)
    return np.sqrt((1 - x) * (1 + x))


elementwise(
    "arcsin",
    np.arcsin,
    partials=(lambda out, x: 1 / _leg(x),),
    domain=(-0.8, 0.8),
)
elementwise(
    "arccos",
    np.arccos,
    partials=(lambda out, x: -1 / _leg(x),),
    domain=(-0.8, 0.8),
)
elementwise("arctan", np.arctan, partials=(lambda out, x: 1 / (1 + x * x),))
elementwise("arcsinh", np.arcsinh, partials=(lambda out, x: 1 / np.sqrt(1 + x * x),))
elementwise(
    "arccosh",
    np.arccosh,
    partials=(lambda out, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    domain=(1.4, 3.0),
)
elementwise(
    "arctanh", np.arctanh, partials=(lambda out, x: 1 / ((1 - x) * (1 + x)),), domain=(-0.8, 0.8)
)

elementwise(
    "arctan2",
    np.arctan2,
    partials=(lambda out, y, x: x / (x * x + y * y), lambda out, y, x: -y / (x * x + y * y)),
    domain=(0.4, 2.0),
)


def _share_of_length(part: Value, out: Value) -> Value:
    """Return `part / out`; the gradient of a length at the origin is 0."""
    return part / np.where(out == 0, 1, out)


elementwise(
    "hypot",
    np.hypot,
    partials=(
        lambda out, x, y: _share_of_length(x, out),
        lambda out, x, y: _share_of_length(y, out),
    ),
    domain=(0.4, 2.0),
)

elementwise(
    "deg2rad",
    np.deg2rad,
    partials=(lambda out, x: math.pi / 180,),
    lower=lambda e, x: x * (math.pi / 180),
    names=(np.deg2rad, np.radians),
)
elementwise(
    "rad2deg",
    np.rad2deg,
    partials=(lambda out, x: 180 / math.pi,),
    lower=lambda e, x: x * (180 / math.pi),
    names=(np.rad2deg, np.degrees),
)


def _at_least_double(x: ArrayType) -> ArrayType:
    """Return the type of what NumPy computes in Python: all but floats and complex numbers become float64."""
    return array_type(x.shape, x.dtype if x.dtype.kind in "fc" else np.dtype(np.float64))


def _lower_sinc(e: Any, x: Any) -> Any:
    angle = math.pi * e.where(e.equal(x, 0), 1e-20, x)
    return e.sin(angle) / angle


# sinc(x) is the spherical Bessel function j0(πx), and j0' = -j1, also at 0: DLMF 10.51.3
elementwise(
    "sinc",
    np.sinc,
    partials=(lambda out, x: -math.pi * FRONTS["spherical_jn"](1, math.pi * x),),
    infer=_at_least_double,
    lower=_lower_sinc,
    names=(np.sinc,),
)
_NUMPYS = vars(importlib.import_module("numpy.lib._function_base_impl"))
"""Where NumPy has `i0`, and the coefficients of its series: `_i0A` up to 8, `_i0B` beyond."""


def _i0_type(x: ArrayType) -> ArrayType:
    if x.dtype.kind == "c":
        message = "i0 not supported for complex values"
        raise TypeError(message)
    return _at_least_double(x)


def _lower_i0(e: Any, x: Any) -> Any:
    x = e.fabs(x)
    with e.exactly():
        (exp,) = e.call_ufunc(Ufunc("numpy", "exp"), 0, [[x]])
        near = exp * _series(x / 2.0 - 2.0, _NUMPYS["_i0A"])
        far = exp * _series(32.0 / x - 2.0, _NUMPYS["_i0B"]) / e.sqrt(x)
        return e.where(x <= 8.0, near, far)


def _series(x: Any, coefficients: Sequence[float]) -> Any:
    """Return a series of Chebyshev polynomials by Clenshaw's recurrence, rounded as NumPy's."""
    before, last, now = 0.0, 0.0, coefficients[0]
    for c in coefficients[1:]:
        before, last = last, now
        now = x * last - before + c
    return (now - before) * 0.5


elementwise(
    "i0",
    np.i0,
    partials=(lambda out, x: FRONTS["i1"](x),),
    infer=_i0_type,
    lower=_lower_i0,
    names=(np.i0,),
)
