"""Reductions: what combines the elements, what it starts with, which axes it goes over."""

from __future__ import annotations

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.plan import DType
from chainrule.core.trace import Node
from chainrule.core.types import Shape

COMBINE = {
    "sum": "add",
    "sum_to": "add",
    "prod": "multiply",
    "max": "maximum",
    "min": "minimum",
    "all": "logical_and",
    "any": "logical_or",
}
"""By op: the emitter's method that joins two elements."""

_BOOL = np.dtype(bool)


def axes_of(node: Node, shape: Shape) -> tuple[int, ...]:
    """Return the axes that a reduction goes over, counted from the front."""
    assert node.op is not None
    if node.op.name != "sum_to":
        return tuple([k % len(shape) for k in node.params["axis"]]) if shape else ()
    target = node.type.shape
    extra = len(shape) - len(target)
    return tuple([k for k, n in enumerate(shape) if k < extra or target[k - extra] == 1 != n])


def neutral(combine: str, dtype: DType) -> Number:
    """Return what changes nothing when it is joined to other elements."""
    if combine == "add":
        return Number(dtype.type(0), dtype)
    if combine == "multiply":
        return Number(dtype.type(1), dtype)
    if combine in {"logical_and", "logical_or"} or dtype == _BOOL:
        return Number(np.bool_(combine in {"logical_and", "minimum"}), dtype)
    if dtype.kind == "f":
        return Number(dtype.type(-np.inf if combine == "maximum" else np.inf), dtype)
    bounds = np.iinfo(dtype)
    return Number(dtype.type(bounds.min if combine == "maximum" else bounds.max), dtype)


def why_not(combine: str, dtype: DType) -> str:
    """Return why a reduction is left to NumPy; empty where it is not."""
    if combine in {"maximum", "minimum"} and dtype.kind == "c":
        return "the order of complex numbers"
    return f"numbers of dtype {dtype}" if dtype.char in "egG" else ""
