"""About how many instructions statements become."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import Declarations, Function
from chainrule.compiler.emission.llvm_emitter import LlvmEmitter
from chainrule.compiler.emission.values import AnyValue, Pair, Value, real_dtype
from chainrule.compiler.loops.program import (
    Call,
    Cast,
    Guard,
    Let,
    Loop,
    Product,
    Statement,
    UnfoldedProduct,
)
from chainrule.compiler.loops.structure import walk
from chainrule.compiler.machine_code.machine import Machine
from chainrule.errors import LoweringError

DType = np.dtype[Any]
_KNOWN: dict[tuple[str, DType, int], int] = {}


def cost_of(statements: Sequence[Statement]) -> int:
    """Return about how many instructions statements become, where each is written once."""
    return sum(map(_cost, walk(statements)))


def _cost(statement: Statement) -> int:
    match statement:
        case Let(rule=rule, args=args, dtype=dtype, label=label):
            key = label, dtype, len(args)
            known = _KNOWN.get(key)
            if known is None:
                tried = written(rule, (dtype,) * len(args))
                known = _KNOWN[key] = len(tried[1]) if tried else 1
            return known
        case Cast() | Guard():
            return 3
        case Loop() | Product() | UnfoldedProduct() | Call():
            return 10
        case _:
            return 2


def written(rule: Callable[..., Any], dtypes: Sequence[DType]) -> tuple[DType, list[str]] | None:
    """Return the dtype of what a rule computes, and the instructions, or None: it has none for these dtypes."""
    f = Function("tried", (), result="void")
    emitter = LlvmEmitter(f, Declarations(), Machine.named("avx2"))
    try:
        result = rule(emitter, *(_argument(emitter, t) for t in dtypes))
    except LoweringError:
        return None
    return result.dtype, f.lines


def _argument(emitter: Any, dtype: DType) -> AnyValue:
    if dtype.kind == "c":
        part = real_dtype(dtype)
        return Pair(emitter, Value(emitter, "%r", part), Value(emitter, "%i", part), dtype)
    return Value(emitter, "%x", dtype)
