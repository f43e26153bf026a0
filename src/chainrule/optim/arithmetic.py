"""Numbers and norms that transforms share."""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.core.types import PYTHON_NUMBERS, Value
from chainrule.errors import ArgumentError


def matched(factor: Value, x: Value) -> Value:
    """Return `factor` in the dtype of `x`, so that a float64 factor leaves float32 as it is."""
    if type(factor) in PYTHON_NUMBERS or type(x) in PYTHON_NUMBERS or factor.dtype == x.dtype:
        return factor
    return factor.astype(x.dtype)


def squared(g: Value) -> Value:
    """Return `|g|²`, which for a complex gradient is real."""
    return np.real(g * np.conj(g)) if np.iscomplexobj(g) else g * g


def conjugate(g: Value) -> Value:
    """Return the conjugate of a complex value, and a real one as it is."""
    return np.conj(g) if np.iscomplexobj(g) else g


def global_norm(gradients: Any) -> Value:
    """Return the Euclidean norm of all leaves together.

    Examples:
        >>> float(global_norm({"w": np.array([3.0]), "b": 4.0}))
        5.0
    """
    squares = [np.sum(squared(g)) for g in tree.leaves(gradients)]
    return np.sqrt(functools.reduce(operator.add, squares)) if squares else 0.0


def check_fraction(where: str, name: str, value: float) -> float:
    """Return an option as a Python number, which does not widen float32; it must be in [0, 1)."""
    if not 0 <= value < 1:
        raise ArgumentError.from_range(where, name, value, f"0 <= {name} < 1")
    return float(value)


def check_positive(where: str, name: str, value: float) -> float:
    """Return an option as a Python number, which does not widen float32; it must be above 0."""
    if not value > 0:
        raise ArgumentError.from_range(where, name, value, "a positive number")
    return float(value)
