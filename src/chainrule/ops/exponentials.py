"""Exponentials and logarithms."""

from __future__ import annotations

import math

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.types import Value
from chainrule.ops.broadcasting import sum_to
from chainrule.ops.elementwise import elementwise, elementwise_type
from chainrule.ops.kinds import linear

_LOG_2 = math.log(2)
_LOG_10 = math.log(10)


def _share(x: Value, out: Value) -> Value:
    """Return `x - out`, the logarithm of a share of a sum; where the whole sum is 0 every share is."""
    return x - np.where(out == -np.inf, 0, out)


elementwise("exp", np.exp, partials=(lambda out, x: out,))
elementwise("exp2", np.exp2, partials=(lambda out, x: out * _LOG_2,))
elementwise("expm1", np.expm1, partials=(lambda out, x: out + 1,))
elementwise("log", np.log, partials=(lambda out, x: 1 / x,), domain=(0.2, 2.0))
elementwise("log2", np.log2, partials=(lambda out, x: 1 / (x * _LOG_2),), domain=(0.2, 2.0))
elementwise("log10", np.log10, partials=(lambda out, x: 1 / (x * _LOG_10),), domain=(0.2, 2.0))
elementwise("log1p", np.log1p, partials=(lambda out, x: 1 / (1 + x),), domain=(-0.7, 2.0))
elementwise(
    "logaddexp",
    np.logaddexp,
    partials=(lambda out, x, y: np.exp(_share(x, out)), lambda out, x, y: np.exp(_share(y, out))),
)
elementwise(
    "logaddexp2",
    np.logaddexp2,
    partials=(lambda out, x, y: np.exp2(_share(x, out)), lambda out, x, y: np.exp2(_share(y, out))),
)
linear(
    "ldexp",
    np.ldexp,
    infer=elementwise_type(np.ldexp, "ldexp"),
    transposes=(lambda g, x, i: sum_to(np.ldexp(g, i), type_of(x).shape),),
    samples=(Sample((2, 3), 3), Sample((2, 3), np.array([-1, 0, 2])), Sample((), np.array([1, 2]))),
)
