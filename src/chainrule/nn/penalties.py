"""Penalties on the size of parameters, to be added to a loss: `loss + strength * l2(model)`.

They count every array of the container. To leave biases out, pass the weights alone.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.core.types import Value


def l2(params: Any) -> Value:
    """Return `½ Σ w²`, whose gradient is w.

    Examples:
        >>> float(l2({"w": np.array([3.0, 4.0])}))
        12.5
    """
    return 0.5 * _total([_sum_of_squares(w) for w in tree.leaves(params)])


def l1(params: Any) -> Value:
    """Return `Σ |w|`, whose gradient is the sign of w, and 0 at 0.

    Examples:
        >>> float(l1({"w": np.array([3.0, -4.0])}))
        7.0
    """
    return _total([np.sum(np.abs(w)) for w in tree.leaves(params)])


def _total(terms: list[Value]) -> Value:
    """Add up without a zero to start from, which would be one more operation to trace."""
    return functools.reduce(operator.add, terms) if terms else 0.0


def _sum_of_squares(w: Value) -> Value:
    return np.sum(np.real(w * np.conj(w))) if np.iscomplexobj(w) else np.sum(w * w)
