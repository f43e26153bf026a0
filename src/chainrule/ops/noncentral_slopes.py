"""Slopes of the noncentral chi-squared distribution by its degrees of freedom n, which neither NumPy nor SciPy has.

With noncentrality c it is a mixture of central ones: the sum over j of P(n / 2 + j, x / 2) by the probabilities of
Poisson's distribution of mean c / 2, and so are its slopes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.core.op import Sample
from chainrule.core.types import ArrayType
from chainrule.ops.elementwise import elementwise
from chainrule.ops.incomplete_gamma import density_jet, shape_slope
from chainrule.ops.special import call, scipy_function, type_rule
from chainrule.ops.tail_integrals import Jet, Order, on_arrays, product

_TERMS = 100_000
"""So many are computed at a time, where one element does not need more."""


def _central_slope(times: int, steps: int, a: Any, x: Any) -> Any:
    """Return the derivative of P by a and x, taken so many times."""
    if not steps:
        return shape_slope((times,), a, x)
    before: Jet = {}
    jet = density_jet((times,), a, x)
    for m in range(steps - 1):  # from x f' = (a - 1 - x) f
        rise = {(0,): a - 1 - x - m, (1,): 1.0}
        above = {i: (product(rise, jet, i) - m * before.get(i, 0.0)) / x for i in jet}
        before, jet = jet, above
    return jet[times,]


def _blocks(counts: Any) -> Iterator[Any]:
    """Yield the elements in groups that need few terms together."""
    if counts.size:
        ends = np.flatnonzero(np.diff(np.cumsum(counts) // _TERMS)) + 1
        yield from np.split(np.arange(counts.size), ends)


def _slope(order: Order, x: Any, n: Any, c: Any) -> Any:
    """Return a derivative by n and x of a positive order."""
    times, steps = order
    out = np.where((x >= 0) & (n > 0) & (c >= 0), 0.0, np.nan)
    inside = (x > 0) & (n > 0) & (c >= 0) & np.isfinite(x) & np.isfinite(n) & np.isfinite(c)
    x, n, mean = x[inside] / 2, n[inside] / 2, c[inside] / 2
    counts = np.ceil(mean + 9 * np.sqrt(mean) + 40).astype(int)  # what follows adds nothing
    total = np.zeros_like(x)
    for which in _blocks(counts):
        starts = np.cumsum(counts[which]) - counts[which]
        each = np.repeat(which, counts[which])
        j = np.arange(each.size) - np.repeat(starts, counts[which])
        log = scipy_function("xlogy")(j, mean[each]) - mean[each] - scipy_function("gammaln")(j + 1)
        terms = np.exp(log) * _central_slope(times, steps, n[each] + j, x[each])
        total[which] = np.add.reduceat(terms, starts)
    out[inside] = total / 2 ** (times + steps)
    return out


def _type(*types: ArrayType) -> ArrayType:
    return type_rule("chndtr")(*types[2:])


elementwise(
    "chndtr_slope",
    on_arrays(_slope, 2, _type),
    names=(),
    infer=_type,
    partials=(
        None,
        None,
        lambda out, i, j, x, n, c: call("chndtr_slope", i, j + 1, x, n, c),
        lambda out, i, j, x, n, c: call("chndtr_slope", i + 1, j, x, n, c),
        lambda out, i, j, x, n, c: 0.5 * (call("chndtr_slope", i, j, x, n + 2, c) - out),
    ),
    samples=(
        Sample(1, 0, (2, 3), (3,), (2, 1), domain=(0.5, 2.0)),
        Sample(1, 2, (), (), (), domain=(0.5, 2.0)),
        Sample(1, 0, (0, 3), (3,), (3,), domain=(0.5, 2.0)),
    ),
)
