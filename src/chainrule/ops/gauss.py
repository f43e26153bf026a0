"""Gauss's rule between 0 and 1. It is computed where it is first used: it takes longer than importing some files."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np


@functools.cache
def gauss_rule(count: int) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return so many nodes and weights, which integrate polynomials up to degree 2 count - 1 exactly (DLMF 3.5.15)."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    return (nodes + 1) / 2, weights / 2
