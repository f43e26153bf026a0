"""Slopes that have no function in SciPy, as functions of their order: of eigenvalues, and of Smirnov's statistic.

Characteristic values of Mathieu's and the spheroidal wave equation are eigenvalues of a matrix A + pB. In a basis of
cosines, sines or Legendre functions it has three diagonals (DLMF 28.4, 30.8), and perturbation theory gives every
derivative of an eigenvalue by p. The one-sided statistic of Smirnov is the sum of Birnbaum and Tingey (1951).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import ArrayType, array_type, broadcast_shapes
from chainrule.ops.elementwise import elementwise
from chainrule.ops.special import call, special

Band = tuple[Any, Any, Any, int]
"""The diagonal of A; the diagonal of B and the one beside it; which eigenvalue."""

_COSINES, _SINES, _LEGENDRE = 0, 1, 2


def _band(basis: int, m: int, n: int, size: int) -> Band:
    """Return the matrices of one equation in a basis of so many functions."""
    r = np.arange(size)
    beside = np.ones(size - 1)
    if basis == _LEGENDRE:
        return _legendre(size, m, n)
    if m % 2:
        sign = 1.0 if basis == _COSINES else -1.0
        return (2.0 * r + 1) ** 2, sign * np.eye(1, size)[0], beside, m // 2
    if basis == _SINES:
        return (2.0 * r + 2) ** 2, np.zeros(size), beside, m // 2 - 1
    beside[0] = math.sqrt(2)
    return (2.0 * r) ** 2, np.zeros(size), beside, m // 2


def _legendre(size: int, m: int, n: int) -> Band:
    """Normalised Legendre functions of order m, whose degrees are even or odd as n - m is; B is x²."""
    parity = (n - m) % 2
    k = m + parity + 2.0 * np.arange(size)
    on = (2 * k * (k + 1) - 2 * m * m - 1) / ((2 * k - 1) * (2 * k + 3))
    squares = ((k + 1) ** 2 - m * m) * ((k + 2) ** 2 - m * m)
    beside = np.sqrt(squares / ((2 * k + 1) * (2 * k + 5))) / (2 * k + 3)
    return k * (k + 1), on, beside[:-1], (n - m - parity) // 2


def _eigenvalue_slope(basis: Any, times: Any, m: Any, n: Any, p: Any) -> Any:
    """Return the derivative of an eigenvalue by p, taken so many times."""
    dtype = np.asarray(p).dtype
    one = np.vectorize(_one_slope, otypes=[float])
    return one(basis, times, m, n, p).astype(dtype if dtype.kind == "f" else float)[()]


def _one_slope(basis: float, times: float, m: float, n: float, p: float) -> float:
    """Expand the eigenvalue and its vector in powers of the step in p, which is orthogonal to what it steps from."""
    if not math.isfinite(p):
        return math.nan
    size = 24 + int(max(m, n)) + int(2 * math.sqrt(abs(p)))
    still, on, beside, place = _band(int(basis), int(m), int(n), size)
    moving = np.diag(on) + np.diag(beside, 1) + np.diag(beside, -1)
    values, vectors = np.linalg.eigh(np.diag(still) + p * moving)
    gaps = values - values[place]
    gaps[place] = np.inf
    moved = vectors.T @ moving @ vectors
    steps = [np.eye(1, size, place)[0]]
    slopes = [values[place]]
    for k in range(1, int(times) + 1):
        pushed = moved @ steps[-1]
        slopes.append(pushed[place])
        rest = sum(slopes[i] * steps[k - i] for i in range(1, k)) - pushed
        steps.append(rest / gaps)
    return float(slopes[-1]) * math.factorial(int(times))


def _smirnov_slope(times: Any, n: Any, d: Any) -> Any:
    """Return the derivative of Smirnov's survival function by d, taken so many times."""
    dtype = np.asarray(d).dtype
    one = np.vectorize(_one_smirnov_slope, otypes=[float])
    return one(times, n, d).astype(dtype if dtype.kind == "f" else float)[()]


def _one_smirnov_slope(times: float, n: float, d: float) -> float:
    """D Σ C(n, j) u^(j-1) w^(n-j) with u = d + j/n and w = 1 - d - j/n, by Leibniz' rule."""
    if not 0 < d < 1:
        return 0.0 if d == d else math.nan  # noqa: PLR0124  NaN stays NaN
    k = int(times)
    j = np.arange(math.floor(n * (1 - d)) + 1)
    u, w = d + j / n, 1 - d - j / n
    j, u, w = j[w > 0], u[w > 0], w[w > 0]
    log_choose = np.array(
        [math.lgamma(n + 1) - math.lgamma(i + 1) - math.lgamma(n - i + 1) for i in j]
    )

    def power_slope(times: int) -> Any:
        total = np.zeros(len(j))
        for i in range(times + 1):
            factor = _falling(j - 1, i) * _falling(n - j, times - i) * (-1.0) ** (times - i)
            logs = log_choose + (j - 1 - i) * np.log(u) + (n - j - times + i) * np.log(w)
            total += math.comb(times, i) * factor * np.exp(logs)
        return total

    return float(np.sum(d * power_slope(k) + (k * power_slope(k - 1) if k else 0.0)))


def _falling(x: Any, times: int) -> Any:
    """X (x - 1) … of so many factors."""
    return np.prod([x - i for i in range(times)], axis=0) if times else np.ones(np.shape(x))


def _type_of_last(*types: ArrayType) -> ArrayType:
    dtype = types[-1].dtype if types[-1].is_inexact else np.dtype(float)
    return array_type(broadcast_shapes("slope", *(t.shape for t in types)), dtype)


elementwise(
    "eigenvalue_slope",
    _eigenvalue_slope,
    names=(),
    infer=_type_of_last,
    partials=(
        *(None, None, None, None),
        lambda out, basis, times, m, n, p: call("eigenvalue_slope", basis, times + 1, m, n, p),
    ),
    samples=(Sample(_COSINES, 1, 2, 0, (2,)), Sample(_LEGENDRE, 2, 1, 2, ())),
)
elementwise(
    "smirnov_slope",
    _smirnov_slope,
    names=(),
    infer=_type_of_last,
    partials=(None, None, lambda out, times, n, d: call("smirnov_slope", times + 1, n, d)),
    samples=(Sample(1, 5, (2, 3), domain=(0.22, 0.38)), Sample(2, 6, (), domain=(0.36, 0.48))),
)

_ORDERS = (
    Sample(2, (2, 3)),
    Sample(np.array([1, 4]), (2,), domain=(2.0, 6.0)),
    Sample(3, (), domain=(-6.0, -2.0)),
)
special(
    "mathieu_a",
    None,
    lambda out, m, q: call("eigenvalue_slope", _COSINES, 1, m, 0, q),
    real=True,
    samples=_ORDERS,
)
special(
    "mathieu_b",
    None,
    lambda out, m, q: call("eigenvalue_slope", _SINES, 1, m, 0, q),
    real=True,
    samples=_ORDERS,
)
_SPHEROIDAL = tuple(
    Sample(m, n, shape, domain=(0.5, 3.0), prepare=lambda c: np.astype(c, np.float64))
    for m, n, shape in ((1.0, 2.0, (2,)), (0.0, np.array([0.0, 3.0]), (2,)), (0.0, 1.0, (1,)))
)
"""In single precision SciPy's functions do not return."""

special(
    "pro_cv",
    None,
    None,
    lambda out, m, n, c: 2 * c * call("eigenvalue_slope", _LEGENDRE, 1, m, n, c * c),
    real=True,
    samples=_SPHEROIDAL,
)
special(
    "obl_cv",
    None,
    None,
    lambda out, m, n, c: -2 * c * call("eigenvalue_slope", _LEGENDRE, 1, m, n, -c * c),
    real=True,
    samples=_SPHEROIDAL,
)

_COUNTS = (
    Sample(5, (2, 3), domain=(0.22, 0.38)),
    Sample(np.array([3, 4]), (2,), domain=(0.35, 0.48)),
    Sample(5, (), domain=(0.22, 0.38)),
)
special(
    "smirnov",
    None,
    lambda out, n, d: call("smirnov_slope", 1, n, d),
    real=True,
    samples=_COUNTS,
)
special(
    "smirnovi",
    None,
    lambda out, n, p: 1 / call("smirnov_slope", 1, n, out),
    real=True,
    samples=(Sample(5, (2, 3), domain=(0.15, 0.3)), Sample(5, (), domain=(0.15, 0.3))),
)
