"""What the slopes of incomplete gamma and beta functions by their shape are computed with, on plain numbers.

A tail integral is written as the integrand at its end times an integral over the distance s from there, whose integrand
is 1 at s = 0 and falls as exp(-d(s)) with a convex depth d. A derivative by the shape multiplies it by a logarithm of
one sign, so that nothing cancels in the tail. Gauss's rule on panels integrates it for many elements at once.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import add
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.types import ArrayType
from chainrule.ops.gauss import gauss_rule
from chainrule.ops.special import scipy_function

Order = tuple[int, ...]
"""How often a derivative by each of the shapes was taken."""

Jet = Mapping[Any, Any]
"""A function's value and its derivatives by its shapes, by their order."""

_NODES = 40
_DEPTH = 45.0
"""From here on exp(-depth) adds nothing to a float."""

_DEEP_ENOUGH = 60.0
"""Up to here there are nodes enough where the integrand is something."""

_STEPS = 10
_PANEL = 8.0
"""The longest distance that one panel spans where the integrand has poles at a distance of π."""

_BLOCK = 2048
FAR = 10.0
"""From here on Stirling's series are exact to the last digits."""

# Functions that vanish of second order, without the cancellation of their definitions


def exp_rest(s: Any) -> Any:
    """Return exp(s) - 1 - s = 2 sinh²(s / 2) + (sinh s - s), the latter by its series."""
    is_near = np.abs(s) < 1
    z = np.where(is_near, s, 0.0)
    series, square = np.ones_like(z), z * z
    for n in range(18, 2, -2):
        series = 1 + series * square / (n * (n + 1))
    far = np.where(is_near, 0.0, s)
    near = 2 * np.sinh(z / 2) ** 2 + z * square / 6 * series
    return np.where(is_near, near, np.expm1(far) - far)


def log_rest(u: Any, ratio: Any = None) -> Any:
    """Return u - log(1 + u); `ratio` is 1 + u where that is known better."""
    is_near = np.abs(u) < 0.3
    z = np.where(is_near, u, 0.0)
    r = z / (2 + z)
    series = np.zeros_like(z)
    for n in range(23, 1, -2):
        series = 1 / n + series * r * r
    far = np.where(is_near, 0.0, u)
    log = np.log1p(far) if ratio is None else np.log(np.where(is_near, 1.0, ratio))
    return np.where(is_near, z * r - 2 * r * r * r * series, far - log)


def log_ratio(u: Any, ratio: Any) -> Any:
    """Return log(1 + u), of whichever of u and `ratio` = 1 + u is the exacter."""
    is_near = np.abs(u) < 0.5
    return np.where(is_near, np.log1p(np.where(is_near, u, 0.0)), np.log(ratio))


def stirling_rest(z: Any) -> Any:
    """Return log Γ(z) - (z - 1/2) log z + z - log(2π)/2: DLMF 5.11.1."""
    is_far = z >= FAR
    far, near = np.where(is_far, z, FAR), np.where(is_far, 1.0, z)
    series, q = np.zeros_like(far), 1 / (far * far)
    for c in (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12):
        series = c + series * q
    exact = scipy_function("gammaln")(near) - (near - 0.5) * np.log(near) + near
    return np.where(is_far, series / far, exact - 0.5 * math.log(2 * math.pi))


def log_minus_psi(z: Any) -> Any:
    """Return log z - ψ(z + 1): DLMF 5.11.2."""
    is_far = z >= FAR
    far, near = np.where(is_far, z, FAR), np.where(is_far, 1.0, z)
    series, q = np.zeros_like(far), 1 / (far * far)
    for c in (-691 / 32760, 1 / 132, -1 / 240, 1 / 252, -1 / 120, 1 / 12):
        series = c + series * q
    exact = np.log(near) - scipy_function("psi")(near + 1)
    return np.where(is_far, series * q - 1 / (2 * far), exact)


def log_slope(times: int, z: Any) -> Any:
    """Return the derivative of log z, taken so many times."""
    if not times:
        return np.log(z)
    return -math.factorial(times - 1) * (-1.0) ** times / z**times


# Derivatives of products and exponentials, by Leibniz' rule


def _below(order: Order) -> Iterator[tuple[Order, Order, int]]:
    """Yield every way to hand an order's derivatives to two factors, and how many times it comes up."""
    for first in itertools.product(*(range(n + 1) for n in order)):
        rest = tuple(n - i for n, i in zip(order, first, strict=True))
        yield first, rest, math.prod(map(math.comb, order, first))


def product(f: Jet, g: Jet, order: Order) -> Any:
    """Return one derivative of f g; a derivative that a factor does not name is 0."""
    return sum(n * f[i] * g[j] for i, j, n in _below(order) if i in f and j in g)


def exponential(value: Any, slopes: Jet, order: Order) -> dict[Order, Any]:
    """Return the derivatives of exp(l) up to an order, of its value and the derivatives of l."""
    jet = {(0,) * len(order): value}
    for above, *_ in itertools.islice(_below(order), 1, None):
        axis = next(i for i, n in enumerate(above) if n)
        once = tuple(int(i == axis) for i in range(len(above)))
        rest = tuple(n - i for n, i in zip(above, once, strict=True))
        moved = {i: slopes[tuple(map(add, i, once))] for i, *_ in _below(rest)}
        jet[above] = product(moved, jet, rest)
    return jet


def orders(order: Order) -> list[Order]:
    """Return all orders of derivatives up to this one."""
    return [i for i, *_ in _below(order)]


# Integrals over what is left of a tail


def reach(depth: Callable[[Any], Any], slope: Callable[[Any], Any], start: Any) -> Any:
    """Return where a convex depth that is 0 at 0 is about what exp can hold.

    Newton's steps from above never step over it; from below they are between logarithms, which is exact for powers.
    """
    s = start
    for _ in range(_STEPS):
        d = depth(s)
        if np.all((d >= _DEPTH) & (d < _DEEP_ENOUGH)):
            break
        rise = slope(s)
        from_above = s - (d - _DEPTH) / rise
        s = np.where(d > _DEPTH, from_above, s * np.exp(np.log(_DEPTH / d) * d / (s * rise)))
    return s


def integral(f: Callable[[Any, Any], Sequence[Any]], end: Any, *, longest: float = _PANEL) -> Any:
    """Integrate from 0 to `end`, an array with one end per element.

    Args:
        f: `f(s, which)` returns functions at the distances `s`, of shape (elements, nodes), of the elements `which`.
        end: where the integrals end.
        longest: the longest distance that one panel spans.

    Returns:
        The integrals, of shape (functions, elements).
    """
    end = np.where(np.isfinite(end), end, 0.0)
    nodes, weights = gauss_rule(_NODES)
    panels = np.maximum(np.ceil(end / longest), 1)
    total: Any = None
    for block in np.array_split(np.argsort(panels), max(1, -(-end.size // _BLOCK))):
        for i in range(int(np.max(panels[block], initial=1))):
            which = block[panels[block] > i]
            width = (end / panels)[which, None]
            parts = [np.sum(p * width * weights, axis=-1) for p in f(width * (i + nodes), which)]
            total = np.zeros((len(parts), end.size)) if total is None else total
            total[:, which] += parts
    return total


def on_arrays(
    slope: Callable[..., Any], count: int, infer: Callable[..., ArrayType]
) -> Callable[..., Any]:
    """Return an op's function of `count` orders and its arguments, of `slope(order, *arrays)` in one dimension."""

    def numpy(*args: Any) -> Any:
        order = tuple(int(np.max(n)) for n in args[:count])
        arrays = np.broadcast_arrays(*(np.asarray(x, float) for x in args[count:]))
        dtype = infer(*map(type_of, args)).dtype
        with np.errstate(all="ignore"):
            out = slope(order, *(x.ravel() for x in arrays)).reshape(arrays[0].shape)
            return np.asarray(out, dtype)[()]

    return numpy
