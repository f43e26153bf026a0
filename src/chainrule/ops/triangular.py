"""Triangular systems, as `scipy.linalg.solve_triangular` solves them."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, promoted
from chainrule.errors import ShapeError
from chainrule.forks import forks_wait
from chainrule.ops.broadcasting import sum_to
from chainrule.ops.checking import square_size
from chainrule.ops.kinds import general
from chainrule.ops.matrices import inexact


def triangular_solution(
    a: Value, b: Value, *, trans: int, lower: bool, unit_diagonal: bool
) -> Value:
    """Solve `a @ x = b`, or with `trans` `a.mT @ x = b`, reading one triangle of `a`, (..., n, n); `b` has all axes."""
    return apply(_OP, a, b, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


def _solved(a: Any, b: Any, **how: Any) -> Any:
    return _scipy_linalg().solve_triangular(a, b, **how)


@functools.cache
def _scipy_linalg() -> Any:
    with forks_wait():
        import scipy.linalg

    return scipy.linalg


def _type(a: ArrayType, b: ArrayType, trans: int, lower: bool, unit_diagonal: bool) -> ArrayType:
    n = square_size("solve_triangular", a.shape)
    if len(b.shape) < 2 or b.shape[-2] != n:
        shapes = a.shape, b.shape
        raise ShapeError.from_numpy("solve_triangular", shapes, f"b needs {n} rows")
    return array_type(b.shape, inexact(promoted(a, b)))


def _moved(a: Value, lower: bool, unit_diagonal: bool) -> Value:
    """Return the triangle that is read, of a tangent or cotangent of the matrix."""
    if lower:
        return np.tril(a, -1 if unit_diagonal else 0)
    return np.triu(a, 1 if unit_diagonal else 0)


def _vjp(
    g: Value, out: Value, a: Value, b: Value, trans: int, lower: bool, unit_diagonal: bool
) -> tuple[Value, Value]:
    """With a z = b: db = a⁻ᵀ g, da = -db zᵀ on the triangle."""
    right = triangular_solution(a, g, trans=1 - trans, lower=lower, unit_diagonal=unit_diagonal)
    if type(out) is ArrayType:  # where only b is differentiated the result was not kept
        return None, right
    left = -(out @ right.mT if trans else right @ out.mT)
    return sum_to(_moved(left, lower, unit_diagonal), type_of(a).shape), right


def _jvp(
    tangents: Any, out: Value, a: Value, b: Value, trans: int, lower: bool, unit_diagonal: bool
) -> Value:
    moved = _moved(tangents[0], lower, unit_diagonal)
    right = tangents[1] - (moved.mT if trans else moved) @ out
    return triangular_solution(a, right, trans=trans, lower=lower, unit_diagonal=unit_diagonal)


def _regular(a: Value, b: Value) -> tuple[Value, Value]:
    """Keep a random diagonal away from zero: samples use it."""
    return a + 3 * np.eye(a.shape[-1], dtype=a.dtype), b


_HOW: dict[str, Any] = {"trans": 0, "lower": True, "unit_diagonal": False}

_OP: Op = general(
    "solve_triangular",
    _solved,
    vjp=_vjp,
    jvp=_jvp,
    infer=_type,
    front=triangular_solution,
    names=(),
    arity=2,
    samples=(
        Sample((3, 3), (3, 2), prepare=_regular, **_HOW),
        Sample((3, 3), (3, 1), prepare=_regular, **{**_HOW, "lower": False, "trans": 1}),
        Sample((2, 2, 2), (2, 2, 3), prepare=_regular, **{**_HOW, "unit_diagonal": True}),
        Sample((2, 2), (3, 2, 1), prepare=_regular, **{**_HOW, "trans": 1}),
    ),
    rejects=(Sample((2, 3), (2, 1), **_HOW), Sample((2, 2), (3, 1), **_HOW)),
)
