"""Twins of ops that work on Python numbers as Python does: their results are Python numbers again."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.op import WEAK_FRONTS, Op, Rule, Ufunc
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, array_type
from chainrule.ops.refusals import (
    python_absolute,
    python_comparison,
    python_division,
    python_endless,
    python_left_shift,
    python_negative,
    python_power,
    python_product,
    python_right_shift,
)

PYTHON_OPERATORS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "floor_divide": operator.floordiv,
    "remainder": operator.mod,
    "power": operator.pow,
    "bitwise_and": operator.and_,
    "bitwise_or": operator.or_,
    "bitwise_xor": operator.xor,
    "left_shift": operator.lshift,
    "right_shift": operator.rshift,
    "negative": operator.neg,
    "positive": operator.pos,
    "absolute": operator.abs,
    "invert": operator.invert,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
_ORDERING = frozenset({"less", "less_equal", "greater", "greater_equal"})
_OF_TRUTH = (
    frozenset({"bitwise_and", "bitwise_or", "bitwise_xor", "equal", "not_equal"}) | _ORDERING
)
"""What Python computes of truth values as such; elsewhere they are integers."""

_INTEGER = array_type((), np.dtype(int), weak=True)
_REFUSES: dict[str, Rule] = {
    "add": python_endless(operator.add),
    "subtract": python_endless(operator.sub),
    "multiply": python_product,
    "divide": python_division,
    "floor_divide": python_division,
    "remainder": python_division,
    "power": python_power,
    "left_shift": python_left_shift,
    "right_shift": python_right_shift,
    "negative": python_negative,
    "absolute": python_absolute,
    **dict.fromkeys((*_ORDERING, "equal", "not_equal"), python_comparison),
}


def add_operator(op: Op) -> None:
    """Enter the twin of an op, if it is one of Python's operators."""
    python = PYTHON_OPERATORS.get(op.name)
    if python is not None:
        add_twin(op, python, _REFUSES.get(op.name))


def add_twin(
    op: Op,
    python: Callable[..., Any],
    refuses: Rule | None = None,
    infer: Callable[..., ArrayType] | None = None,
) -> None:
    """Enter the twin of an op.

    Args:
        op: the op.
        python: computes it on Python numbers, and raises where Python does.
        refuses: see `Op.refuses`.
        infer: the type rule; by default that of the op.
    """
    twin = Op(
        name=op.name,
        kind=op.kind,
        numpy=python,
        infer=infer or functools.partial(_weak_type, op),
        vjp=op.vjp,
        jvp=op.jvp,
        reads=op.reads,
        is_constant=op.is_constant,
        undefined=op.undefined,
        partials=op.partials,
        lower=op.lower,
        ufunc=_ufunc_of(op),
        refuses=refuses,
        notation=op.notation,
    )
    WEAK_FRONTS[op.name] = functools.partial(apply, twin)


def _weak_type(op: Op, *types: ArrayType, **params: Any) -> ArrayType:
    if op.name in _ORDERING and any(t.dtype.kind == "c" for t in types):
        message = "complex numbers have no order in Python"
        raise TypeError(message)
    if op.name not in _OF_TRUTH:
        types = tuple([_INTEGER if t.dtype.kind == "b" else t for t in types])
    t = op.infer(*types, **params)
    assert not isinstance(t, tuple)
    return array_type((), t.dtype, weak=True)


def _ufunc_of(op: Op) -> Ufunc | None:
    """Return the ufunc that computes an op's numbers."""
    if isinstance(op.numpy, np.ufunc):
        return Ufunc("numpy", op.numpy.__name__)
    return op.ufunc
