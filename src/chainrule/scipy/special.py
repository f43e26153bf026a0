"""`scipy.special`: softmax and its logarithms with SciPy's options, and the functions that are no ufuncs.

Ufuncs (`erf`, `gammaln`, `jv`, ...) need nothing of this: NumPy hands their calls over by itself.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy.special

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import follows, stand_ins

Axis = int | tuple[int, ...] | None


@follows(scipy.special.softmax)
def softmax(x: Value, axis: Axis = None) -> Value:
    """Turn scores into probabilities: `exp(x) / sum(exp(x))` along `axis`, or over all of them."""
    return FRONTS["softmax"](x, axis=axis)


@follows(scipy.special.log_softmax)
def log_softmax(x: Value, axis: Axis = None) -> Value:
    """Return the logarithm of `softmax`."""
    return FRONTS["log_softmax"](x, axis=axis)


@follows(scipy.special.logsumexp)
def logsumexp(
    a: Value,
    axis: Axis = None,
    b: Value | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
) -> Any:
    """Return `log(sum(b * exp(a)))` without overflow; with `return_sign` that of its absolute value, and the sign."""
    a = array_like(a)
    if b is None:
        out = FRONTS["logsumexp"](a, axis=axis, keepdims=keepdims)
        return (out, np.ones_like(FRONTS["stop_gradient"](out))) if return_sign else out
    b = array_like(b)
    is_absent = FRONTS["stop_gradient"](b) == 0
    highest = np.where(is_absent, -np.inf, FRONTS["stop_gradient"](a))
    top = np.max(highest, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    moved = np.where(is_absent & (FRONTS["stop_gradient"](a) > top), 0.0, a - top)
    total = np.sum(b * np.exp(moved), axis=axis, keepdims=True)
    sign = np.sign(total)
    out = np.log(np.abs(total) if return_sign else total) + top
    if not keepdims:
        out, sign = np.squeeze(out, axis=axis), np.squeeze(sign, axis=axis)
    return (out, sign) if return_sign else out


@follows(scipy.special.zeta)
def zeta(x: Value, q: Value | None = None, out: Any = None) -> Value:
    """Return the Riemann or Hurwitz zeta function; the order must not be traced."""
    return FRONTS["zeta"](x, 1.0 if q is None else q)


@follows(scipy.special.polygamma)
def polygamma(n: Value, x: Value) -> Value:
    """Return the n-th derivative of the digamma function."""
    return FRONTS["polygamma"](n, x)


@follows(scipy.special.spherical_jn)
def spherical_jn(n: Value, z: Value, derivative: bool = False) -> Value:
    """Return the spherical Bessel function of the first kind, or its derivative."""
    if not derivative:
        return FRONTS["spherical_jn"](n, z)
    below = n * FRONTS["spherical_jn"](np.maximum(np.asarray(n) - 1, 0), z)
    return (below - (n + 1) * FRONTS["spherical_jn"](np.asarray(n) + 1, z)) / (2 * n + 1)


@follows(scipy.special.multigammaln)
def multigammaln(a: Value, d: int) -> Value:
    """Return the logarithm of the multivariate gamma function of dimension `d`."""
    a = array_like(a)
    shifted = a[..., None] - np.arange(d) / 2 if type_of(a).shape else a - np.arange(d) / 2
    constant = d * (d - 1) * 0.25 * math.log(math.pi)
    return np.sum(scipy.special.gammaln(shifted), axis=-1) + constant


STAND_INS = stand_ins(
    scipy.special,
    softmax,
    log_softmax,
    logsumexp,
    zeta,
    polygamma,
    spherical_jn,
    multigammaln,
)
