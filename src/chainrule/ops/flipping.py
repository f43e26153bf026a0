"""Reversals: views that run through an array backwards, and turns by right angles."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.canonical import array_like, axes_of, axis_of
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite


def _flip(m: Value, axis: Any = None) -> Value:
    m = array_like(m)
    ndim = type_of(m).ndim
    axes = axes_of(axis, ndim)
    index = tuple([slice(None, None, -1) if i in axes else slice(None) for i in range(ndim)])
    return FRONTS["getitem"](as_array(m), index)


def _flip_matrix(name: str, m: Value, axis: int) -> Value:
    if type_of(m).ndim <= axis:
        raise ShapeError.from_ndim(name, type_of(m).shape, f"at least {axis + 1} axes")
    return _flip(m, axis)


def _rot90(m: Value, k: int = 1, axes: Any = (0, 1)) -> Value:
    ndim = type_of(m).ndim
    i, j = axis_of(axes[0], ndim), axis_of(axes[1], ndim)
    if i == j:
        raise ArgumentError.from_range("rot90", "axes", axes, "two different axes")
    turns = k % 4
    if turns == 0:
        return FRONTS["getitem"](m, ...)
    if turns == 2:
        return _flip(m, (i, j))
    return (
        FRONTS["swapaxes"](_flip(m, j), i, j)
        if turns == 1
        else _flip(FRONTS["swapaxes"](m, i, j), j)
    )


composite(
    "flip",
    _flip,
    names=(np.flip,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), axis=-1),
        Sample((2, 3, 2), axis=(0, 2)),
        Sample((0, 3)),
    ),
)
composite(
    "fliplr",
    lambda m: _flip_matrix("fliplr", m, 1),
    names=(np.fliplr,),
    samples=(Sample((2, 3)),),
    rejects=(Sample((3,)),),
)
composite(
    "flipud",
    lambda m: _flip_matrix("flipud", m, 0),
    names=(np.flipud,),
    samples=(Sample((2, 3)), Sample((3,))),
    rejects=(Sample(()),),
)
composite(
    "rot90",
    _rot90,
    names=(np.rot90,),
    samples=(
        Sample((2, 3)),
        Sample((2, 3), k=2),
        Sample((2, 3), k=-1),
        Sample((2, 3), k=4),
        Sample((2, 3, 4), axes=(2, 0)),
    ),
)
