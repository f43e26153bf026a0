"""Matrices put together from vectors and blocks: `toeplitz`, `circulant`, `hankel`, `block_diag`."""

from __future__ import annotations

import numpy as np
import scipy.linalg

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.ops.matrices import conjugated
from chainrule.scipy.calls import follows


@follows(scipy.linalg.toeplitz)
def toeplitz(c: Value, r: Value | None = None) -> Value:
    """Return the matrix with constant diagonals, of this first column and row."""
    c = array_like(c)
    r = conjugated(c) if r is None else array_like(r)
    m, n = type_of(c).shape[-1], type_of(r).shape[-1]
    values = np.concatenate([c[..., ::-1], r[..., 1:]], axis=-1)
    return FRONTS["getitem"](values, (..., m - 1 - np.arange(m)[:, None] + np.arange(n)))


@follows(scipy.linalg.circulant)
def circulant(c: Value) -> Value:
    """Return the circulant matrix of this first column."""
    c = array_like(c)
    n = type_of(c).shape[-1]
    return FRONTS["getitem"](c, (..., (np.arange(n)[:, None] - np.arange(n)) % n))


@follows(scipy.linalg.hankel)
def hankel(c: Value, r: Value | None = None) -> Value:
    """Return the matrix with constant antidiagonals, of this first column and last row."""
    c = FRONTS["ravel"](array_like(c))
    r = FRONTS["zeros_like"](c) if r is None else FRONTS["ravel"](array_like(r))
    m, n = type_of(c).shape[0], type_of(r).shape[0]
    values = np.concatenate([c, r[1:]])
    return FRONTS["getitem"](values, np.arange(m)[:, None] + np.arange(n))


@follows(scipy.linalg.block_diag)
def block_diag(*arrs: Value) -> Value:
    """Return a matrix with these blocks on its diagonal."""
    blocks = [b if type_of(b).ndim == 2 else np.atleast_2d(b) for b in map(array_like, arrs)]
    widths = [type_of(b).shape[1] for b in blocks]
    rows = [
        np.pad(block, ((0, 0), (sum(widths[:i]), sum(widths[i + 1 :]))))
        for i, block in enumerate(blocks)
    ]
    return np.concatenate(rows, axis=0)
