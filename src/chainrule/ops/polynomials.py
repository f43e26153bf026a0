"""Polynomials as vectors of coefficients, the highest power first: sums, products, quotients, roots, fits."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value, promoted
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import array_like
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.layout import laid_out
from chainrule.ops.numbers import numbers_of


def coefficients(p: Any) -> Value:
    """Return a polynomial's coefficients as an array with one axis."""
    if isinstance(p, np.poly1d):
        p = p.coeffs
    return FRONTS["atleast_1d"](as_array(array_like(p)))


def _like(result: Value, *polynomials: Any) -> Any:
    """Return a `poly1d` where one came in, as NumPy does."""
    is_object = any(isinstance(p, np.poly1d) for p in polynomials)
    return np.poly1d(result) if is_object else result


def _aligned(a1: Any, a2: Any) -> tuple[Value, Value]:
    """Bring two polynomials to the same length, with zeros in front."""
    left, right = coefficients(a1), coefficients(a2)
    size = max(type_of(left).size, type_of(right).size)
    return _padded(left, size), _padded(right, size)


def _padded(p: Value, size: int) -> Value:
    missing = size - type_of(p).size
    return np.concatenate([np.zeros(missing, type_of(p).dtype), p]) if missing else p


def _polyadd(a1: Any, a2: Any) -> Any:
    left, right = _aligned(a1, a2)
    return _like(left + right, a1, a2)


def _polysub(a1: Any, a2: Any) -> Any:
    left, right = _aligned(a1, a2)
    return _like(left - right, a1, a2)


def _polymul(a1: Any, a2: Any) -> Any:
    left, right = (_without_leading_zeros(coefficients(p)) for p in (a1, a2))
    return _like(np.convolve(left, right), a1, a2)


def _without_leading_zeros(p: Value) -> Value:
    """Drop leading zeros that are there for certain; a traced zero moves, but NumPy drops it too."""
    numbers = numbers_of("np.polymul", p)
    nonzero = np.flatnonzero(numbers)
    return p[nonzero[0] :] if nonzero.size else np.zeros(1, type_of(p).dtype)


def _polydiv(u: Any, v: Any) -> Any:
    """Long division: each quotient coefficient takes a multiple of the divisor from what is left."""
    left, right = coefficients(u) + 0.0, coefficients(v) + 0.0
    n = type_of(right).size
    dtype = promoted(type_of(left), type_of(right))
    scale = 1.0 / right[0]
    rest = FRONTS["astype"](left, dtype)
    quotient = []
    for k in range(type_of(left).size - n + 1):
        factor = scale * rest[k : k + 1]
        quotient.append(factor)
        rest = np.concatenate([rest[:k], rest[k : k + n] - factor * right, rest[k + n :]])
    zeros = _leading_zeros(numbers_of("np.polydiv", rest))
    result = np.concatenate(quotient) if quotient else np.zeros(1, dtype)
    return _like(result, u, v), _like(rest[zeros:], u, v)


def _leading_zeros(numbers: Any) -> int:
    """Count the zeros in front of a remainder, up to rounding; the last number stays."""
    zeros = 0
    while zeros < len(numbers) - 1 and np.allclose(numbers[zeros], 0, rtol=1e-14):
        zeros += 1
    return zeros


def _polyder(p: Any, m: int = 1) -> Any:
    order = _order("np.polyder", m)
    result = coefficients(p)
    for _ in range(order):
        size = type_of(result).size
        result = result[:-1] * np.arange(size - 1, 0, -1)
    return _like(result, p)


def _polyint(p: Any, m: int = 1, k: Any = None) -> Any:
    order = _order("np.polyint", m)
    constants = np.zeros(order) if k is None else FRONTS["atleast_1d"](as_array(array_like(k)))
    if type_of(constants).size == 1 and order > 1:
        constants = constants * np.ones(order)
    if type_of(constants).size < order:
        expected = f"one number, or one for each of the {order} integrations"
        raise ArgumentError.from_range("np.polyint", "k", k, expected)
    if not order and not isinstance(p, np.poly1d):
        return array_like(p)
    result = coefficients(p)
    for i in range(order):
        size = type_of(result).size
        result = np.concatenate([result / np.arange(size, 0, -1), constants[i : i + 1]])
    return _like(result, p)


def _order(name: str, m: Any) -> int:
    order = int(m)
    if order < 0:
        raise ArgumentError.from_range(name, "m", m, "0 or a positive number")
    return order


_PAIRS = (Sample((3,), (3,)), Sample((2,), (4,)), Sample((3,), ()), Sample([1.0, 2.0], (2,)))

composite("polyadd", _polyadd, names=(np.polyadd,), samples=_PAIRS)
composite("polysub", _polysub, names=(np.polysub,), samples=_PAIRS)
composite("polymul", _polymul, names=(np.polymul,), samples=_PAIRS)
composite(
    "polydiv",
    _polydiv,
    names=(np.polydiv,),
    samples=(
        Sample((5,), (3,), domain=(0.5, 2.0)),
        Sample((2,), (3,), domain=(0.5, 2.0)),
        Sample((3,), np.array([2.0])),
        Sample([1.0, -3.0, 2.0], (2,), domain=(0.5, 2.0)),
    ),
)
composite(
    "polyder",
    _polyder,
    names=(np.polyder,),
    samples=(Sample((4,)), Sample((4,), 2), Sample((3,), m=0), Sample((2,), 3)),
)
composite(
    "polyint",
    _polyint,
    names=(np.polyint,),
    samples=(
        Sample((3,)),
        Sample((3,), 2),
        Sample((3,), 2, (2,)),
        Sample((3,), 2, ()),
        Sample((3,), m=0),
    ),
)


def _roots(p: Any) -> Value:
    """The eigenvalues of the companion matrix, whose derivative is that of a simple root: -p'(z) dz = dp(z)."""
    p = coefficients(p)
    if type_of(p).ndim != 1:
        raise ShapeError.from_ndim("np.roots", type_of(p).shape, "one axis")
    nonzero = np.flatnonzero(numbers_of("np.roots", p))
    if not nonzero.size:
        return np.zeros(0)
    at_zero = type_of(p).size - nonzero[-1] - 1
    p = p[nonzero[0] : nonzero[-1] + 1]
    if not type_of(p).is_inexact:
        p = FRONTS["astype"](p, np.float64)
    n = type_of(p).size - 1
    if n == 0:
        return np.zeros(at_zero)
    first = np.reshape(-p[1:] / p[0], (1, n))
    roots = np.linalg.eigvals(np.concatenate([first, np.eye(n - 1, n, dtype=type_of(p).dtype)]))
    zeros = np.zeros(at_zero, type_of(roots).dtype)
    return np.concatenate([roots, zeros]) if at_zero else laid_out(roots)


def _poly(seq_of_zeros: Any) -> Value:
    zeros = FRONTS["atleast_1d"](as_array(array_like(seq_of_zeros)))
    t = type_of(zeros)
    if t.ndim == 2 and t.shape[0] == t.shape[1] != 0:
        zeros = np.linalg.eigvals(zeros)
    elif t.ndim != 1:
        raise ShapeError.from_ndim("np.poly", t.shape, "one axis, or a square matrix")
    elif not t.is_inexact or t.dtype == np.float16:
        zeros = FRONTS["astype"](zeros, np.float64)
    if not type_of(zeros).size:
        return 1.0
    one = np.ones(1, type_of(zeros).dtype)
    p = one
    for i in range(type_of(zeros).size):
        p = np.convolve(p, np.concatenate([one, -zeros[i : i + 1]]))
    return laid_out(np.real(p)) if _come_in_pairs(zeros) else p


def _come_in_pairs(zeros: Value) -> bool:
    """Say whether every complex number has its conjugate among them, so that their polynomial is real."""
    if type_of(zeros).dtype.kind != "c":
        return False
    numbers = numbers_of("np.poly", zeros)
    return bool(np.all(np.sort(numbers) == np.sort(numbers.conj())))


composite(
    "roots",
    _roots,
    names=(np.roots,),
    samples=(
        Sample((3,), prepare=lambda p: p + np.array([3.0, 12.0, 0.0])),
        Sample((3,), prepare=lambda p: p + np.array([9.0, 0.0, 9.0])),
        Sample((2,), prepare=lambda p: np.concatenate([[0.0], p + 3.0, [0.0]])),
        Sample((1,)),
    ),
    rejects=(Sample((2, 2)),),
)
composite(
    "poly",
    _poly,
    names=(np.poly,),
    samples=(
        Sample((3,)),
        Sample((1,)),
        Sample((0,)),
        Sample((2, 2), prepare=lambda a: a + np.array([[9.0, 0.0], [0.0, -9.0]])),
        Sample((2, 2), prepare=lambda a: a + np.array([[0.0, -9.0], [9.0, 0.0]])),
    ),
    rejects=(Sample((2, 3)),),
)


def _polyfit(
    x: Value,
    y: Value,
    deg: int,
    rcond: float | None = None,
    full: bool = False,
    w: Value | None = None,
    cov: Any = False,
) -> Any:
    count = int(deg) + 1
    if count < 1:
        raise ArgumentError.from_range("np.polyfit", "deg", deg, "0 or more")
    x, y = as_array(array_like(x)) + 0.0, as_array(array_like(y)) + 0.0
    _check_points(x, y)
    n = type_of(x).size
    rcond = n * np.finfo(type_of(x).dtype).eps if rcond is None else rcond
    left, right = np.vander(x, count), y
    if w is not None:
        column = np.reshape(as_array(array_like(w)) + 0.0, (n, 1))
        left = left * column
        right = right * (column if type_of(y).ndim == 2 else column[:, 0])
    scale = np.sqrt(np.sum(left * left, axis=0))
    left = left / scale
    found, residuals, rank, singular = np.linalg.lstsq(left, right, rcond)
    fit = (found.T / scale).T
    if full:
        return fit, residuals, rank, singular, rcond
    if rank != count:
        warnings.warn("Polyfit may be poorly conditioned", np.exceptions.RankWarning, stacklevel=2)
    if not cov:
        return fit
    base = np.linalg.inv(left.T @ left) / np.outer(scale, scale)
    if cov != "unscaled":
        if n <= count:
            expected = f"more than {count} points, to scale the covariance"
            raise ArgumentError.from_range("np.polyfit", "len(x)", n, expected)
        factor = residuals / (n - count)
        return fit, base * factor if type_of(y).ndim == 1 else base[:, :, None] * factor
    return fit, base if type_of(y).ndim == 1 else base[:, :, None]


def _check_points(x: Value, y: Value) -> None:
    shapes = type_of(x).shape, type_of(y).shape
    if (
        len(shapes[0]) != 1
        or not 1 <= len(shapes[1]) <= 2
        or shapes[0][0] != shapes[1][0]
        or 0 in shapes[0]
    ):
        reason = "x needs one axis, and y one value or one row for each of its elements"
        raise ShapeError.from_numpy("polyfit", shapes, reason)


_APART = np.array([-2.0, -0.7, 0.4, 1.1, 2.5])

composite(
    "polyfit",
    _polyfit,
    names=(np.polyfit,),
    samples=(
        Sample(_APART, (5,), 2),
        Sample((5,), (5,), 1, prepare=lambda x, y: (x + 5 * _APART, y)),
        Sample(_APART, (5, 2), 1),
        Sample(_APART, (5,), 1, None, False, (5,), domain=(0.5, 2.0)),
        Sample(_APART, (5,), 2, full=True),
        Sample(_APART, (5,), 1, cov=True),
        Sample(_APART, (5, 2), 1, cov="unscaled"),
    ),
    rejects=(Sample((3,), (4,), 1), Sample((2, 2), (2,), 1)),
)
