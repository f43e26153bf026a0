"""Hyperbolic functions and their inverses, made of `expm1` and `log1p`, which keep the digits of small arguments."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.maths import coefficients
from chainrule.compiler.emission.maths.doubled import (
    ordered_sum_parts,
    product_parts,
    square_parts,
    sum_parts,
)
from chainrule.compiler.emission.maths.exponentials import exp, expm1_parts, half_exp
from chainrule.compiler.emission.maths.logarithms import log, log1p
from chainrule.compiler.emission.maths.polynomials import polynomial

_ONE_FROM = {4: 10.0, 8: 22.0}
_ALL_EXPONENTIAL = {4: 12.0, 8: 24.0}
_SINH = {4: coefficients.SINH_FLOAT32, 8: coefficients.SINH_FLOAT64}
_NEAR = 0.55  # for the polynomial of tanh
_TINY = {4: 2.0**-14, 8: 2.0**-28}
_HUGE = {4: 2.0**14, 8: 2.0**28}
_LOG_2 = 0.6931471805599453


def tanh(e: Any, x: Any) -> Any:
    """Return `tanh(x) = t / (t + 2)` with `t = exp(2x) - 1`."""
    one_from = _ONE_FROM[x.dtype.itemsize]
    size = e.fabs(x)
    size = e.chosen(size > one_from, one_from, size)
    if x.dtype.itemsize == 4:
        z = size * size
        near = e.multiply_add(size * z, polynomial(e, z, coefficients.TANH_FLOAT32), size)
        far = 1.0 - 2.0 / (exp(e, size + size) + 1.0)
        return e.copysign(e.chosen(size < _NEAR, near, far), x)
    t, low = expm1_parts(e, size + size)
    bottom, lost = sum_parts(t, 2.0)
    share = 1.0 / bottom
    y = t * share
    product, error = product_parts(e, y, bottom)
    y = y + share * (((t - product) - error) + low - y * (lost + low))
    return e.copysign(e.chosen(size < _TINY[8], size, y), x)


def sinh(e: Any, x: Any) -> Any:
    """Return `sinh(x)`."""
    kind = x.dtype.itemsize
    size = e.fabs(x)
    largest = _ALL_EXPONENTIAL[kind]
    near = e.chosen(size > 1.0, 1.0, size)
    z = near * near
    near = e.multiply_add(near * z, polynomial(e, z, _SINH[kind]), near)
    half = half_exp(e, size)
    y = e.chosen(size > largest, half, half - 0.25 / half)
    return e.copysign(e.chosen(size < 1.0, near, y), x)


def cosh(e: Any, x: Any) -> Any:
    """Return `cosh(x)`."""
    half = half_exp(e, e.fabs(x))
    return half + 0.25 / half


def arcsinh(e: Any, x: Any) -> Any:
    """Return `arcsinh(x) = log1p(a + a² / (1 + sqrt(1 + a²)))` of the size `a`, with the sign."""
    size = e.fabs(x)
    huge = _HUGE[x.dtype.itemsize]
    near = e.chosen(size > huge, 1.0, size)
    square = near * near
    y = log1p(e, near + square / (e.sqrt(square + 1.0) + 1.0))
    y = e.chosen(size > huge, log(e, size) + _LOG_2, y)
    return e.copysign(e.chosen(size < _TINY[x.dtype.itemsize], size, y), x)


def arccosh(e: Any, x: Any) -> Any:
    """Return `arccosh(x) = log1p(t + sqrt(2t + t²))` with `t = x - 1`."""
    huge = _HUGE[x.dtype.itemsize]
    t = e.chosen(x > huge, 1.0, x) - 1.0
    square = t * 2.0 + t * t
    root = e.sqrt(square)
    product, error = square_parts(e, root)
    root_low = e.chosen(root > 0.0, ((square - product) - error) / (root + root), 0.0)
    total, lost = sum_parts(t, root)
    y = log1p(e, total, lost + root_low)
    y = e.chosen(x > huge, log(e, x) + _LOG_2, y)
    return e.chosen(x < 1.0, e.number(np.nan, x), y)


def arctanh(e: Any, x: Any) -> Any:
    """Return `arctanh(x) = log1p(2a / (1 - a)) / 2` of the size `a`, with the sign."""
    size = e.fabs(x)
    y = log1p(e, (size + size) / (1.0 - size)) * 0.5
    y = e.chosen(size > 1.0, e.number(np.nan, x), y)
    return e.copysign(e.chosen(size < _TINY[x.dtype.itemsize], size, y), x)


def expit(e: Any, x: Any) -> Any:
    """Return `1 / (1 + exp(-x))`, below 0 as `exp(x) / (1 + exp(x))`."""
    part = exp(e, -e.fabs(x))
    bottom, lost = ordered_sum_parts(1.0, part)
    y = 1.0 / bottom
    product, error = product_parts(e, y, bottom)
    y = y + y * (((1.0 - product) - error) - lost)
    return e.chosen(x < 0.0, part * y, y)
