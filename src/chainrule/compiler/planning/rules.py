"""Which ops are computed element by element, by what rule, and in which dtypes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.emitter import result_dtype, rule_of
from chainrule.compiler.emission.inner_loops import LoopRule
from chainrule.compiler.machine_code.inner_loops import loop_types
from chainrule.core.op import Op, Ufunc
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
    if rule is not None and all(map(is_native, casts)):
        dtype = result_dtype(op, casts, params)
        if dtype is not None:
            return functools.partial(rule, **params) if params else rule, casts, dtype
    called = called_rule(op, types, params)
    return (None, casts, out.dtype) if called is None else (called[0], called[1], called[2][0])


def called_rule(
    op: Op, types: Sequence[ArrayType], params: Mapping[str, Any]
) -> tuple[LoopRule, tuple[DType, ...], tuple[DType, ...]] | None:
    """Return how an element is computed by an inner loop of a ufunc, or None: it is not.

    The rule computes the first result. With it come the dtypes of the arguments and those of the results.
    """
    ufunc = _ufunc_of(op)
    if ufunc is None or params or not all(is_native(t.dtype) for t in types):
        return None
    function = ufunc.function
    order = ufunc.order or tuple(range(len(types)))
    if not isinstance(function, np.ufunc) or function.signature is not None:
        return None
    if len(order) != function.nin:
        return None
    try:
        dtypes = function.resolve_dtypes(
            (*_keys([types[i] for i in order]), *(None,) * function.nout)
        )
    except TypeError:
        return None
    given = dtypes[: function.nin]
    if not all(map(is_native, dtypes)) or loop_types(ufunc.module, ufunc.name, given) is None:
        return None
    casts = tuple([given[order.index(i)] for i in range(len(types))])
    return LoopRule(ufunc), casts, tuple(dtypes[function.nin :])


def _ufunc_of(op: Op) -> Ufunc | None:
    """Return the ufunc that computes an op, if there is one."""
    function = op.numpy
    if not isinstance(function, np.ufunc):
        return op.ufunc
    name = function.__name__
    return Ufunc("numpy", name) if getattr(np, name, None) is function else None


def is_native(dtype: DType) -> bool:
    """Say whether there are instructions for numbers of a dtype."""
    return dtype.kind in "biufc" and dtype.char not in "gGe"


def _loop_dtypes(op: Op, types: Sequence[ArrayType], out: ArrayType) -> tuple[DType, ...]:
    """Return the dtypes that NumPy's loop for these types works on."""
    ufunc = op.numpy
    if isinstance(ufunc, np.ufunc) and len(types) == ufunc.nin:
        return tuple(ufunc.resolve_dtypes((*_keys(types), *(None,) * ufunc.nout))[: ufunc.nin])
    if op.name == "where":
        return (np.dtype(bool), out.dtype, out.dtype)
    if op.name == "complex_of_parts":
        return (np.empty(0, out.dtype).real.dtype,) * 2
    asks = out.dtype.kind == "b" or (out.dtype.kind == "f" and types[0].dtype.kind == "c")
    # Parts and answers have another dtype.
    return (promoted(*types) if asks else out.dtype,) * len(types)


def _keys(types: Sequence[ArrayType]) -> list[Any]:
    """Return what NumPy is to find the loop for: dtypes, and classes for Python numbers beside arrays."""
    all_weak = all(t.weak for t in types)
    return [_WEAK.get(t.dtype.kind, t.dtype) if t.weak and not all_weak else t.dtype for t in types]
