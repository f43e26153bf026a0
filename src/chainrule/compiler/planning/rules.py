"""Which ops are computed element by element, by what rule, and in which dtypes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.emitter import result_dtype, rule_of
from chainrule.core.op import Op
from chainrule.core.types import ArrayType, promoted

DType = np.dtype[Any]
_WEAK: dict[str, type] = {"f": float, "i": int, "c": complex}


def elementwise_rule(
    op: Op, types: Sequence[ArrayType], out: ArrayType, params: Mapping[str, Any]
) -> tuple[Callable[..., Any] | None, tuple[DType, ...], DType]:
    """Return the rule that computes an element, the dtypes its arguments are cast to, and that of its result.

    The rule is None where there is none for these dtypes.
    """
    casts = _loop_dtypes(op, types, out)
    rule = rule_of(op)
    if rule is None or any(not is_native(d) for d in casts):
        return None, casts, out.dtype
    dtype = result_dtype(op, casts, params)
    if dtype is None:
        return None, casts, out.dtype
    return functools.partial(rule, **params) if params else rule, casts, dtype


def is_native(dtype: DType) -> bool:
    """Say whether there are instructions for numbers of a dtype."""
    return dtype.kind in "biufc" and dtype.char not in "gGe"


def _loop_dtypes(op: Op, types: Sequence[ArrayType], out: ArrayType) -> tuple[DType, ...]:
    """Return the dtypes that NumPy's loop for these types works on."""
    ufunc = op.numpy
    if isinstance(ufunc, np.ufunc) and len(types) == ufunc.nin:
        all_weak = all(t.weak for t in types)
        keys = [
            _WEAK.get(t.dtype.kind, t.dtype) if t.weak and not all_weak else t.dtype for t in types
        ]
        return tuple(ufunc.resolve_dtypes((*keys, *(None,) * ufunc.nout))[: ufunc.nin])
    if op.name == "where":
        return (np.dtype(bool), out.dtype, out.dtype)
    asks = out.dtype.kind == "b" or (out.dtype.kind == "f" and types[0].dtype.kind == "c")
    return (promoted(*types) if asks else out.dtype,) * len(
        types
    )  # parts and answers have another dtype
