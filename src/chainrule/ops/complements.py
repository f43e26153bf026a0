"""Orthonormal columns that complete a basis: what `full_matrices=True` and `mode="complete"` add.

Which basis of the rest they are is LAPACK's choice; one column is free but for its sign. They are differentiated as if
they turned no more than they must. That is the derivative of whatever does not depend on the choice, such as a
projection; a cotangent that does depend on it is refused in reverse mode.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value
from chainrule.errors import NotDifferentiableError
from chainrule.ops.checking import matrix_sizes
from chainrule.ops.kinds import constant, general
from chainrule.ops.matrices import adjoint, matrix_type


def _checked(g: Any, columns: Any) -> Any:
    """Return `g`, unless it changes when the columns are turned among themselves."""
    turned = np.swapaxes(g, -1, -2) @ columns
    skew = np.abs(turned - np.swapaxes(turned, -1, -2))
    if g.size and np.max(skew) > np.sqrt(np.finfo(g.dtype).eps) * max(
        1.0, float(np.max(np.abs(g)))
    ):
        reason = "the result depends on which basis of the rest its extra vectors are, and that has no derivative"
        raise NotDifferentiableError.from_reason(
            "np.linalg", reason, "leave full_matrices=True or mode='complete' out"
        )
    return g


_CHECKED: Op = general(
    "checked_cotangent",
    _checked,
    vjp=lambda g, out, x, columns: g,
    jvp=lambda tangents, out, x, columns: tangents[0],
    infer=lambda x, columns: x,
    samples=(Sample((3, 1), (3, 1)),),
)
_ANY_BASIS: Op = general(
    "any_basis",
    np.positive,
    names=(),
    vjp=lambda g, out, columns: apply(_CHECKED, g, out),
    jvp=lambda tangents, out, columns: tangents[0],
    infer=lambda columns: columns,
    samples=(Sample((3, 1)), Sample((2, 3, 1))),
)


def completed(name: str, columns: Value, rest: Value) -> Value:
    """Return orthonormal columns followed by the rest of a basis, whose numbers are given; of real ones only."""
    if type_of(columns).dtype.kind == "c":
        reason = "the vectors that complete a basis have any phase, and no derivative"
        raise NotDifferentiableError.from_reason(name, reason, "leave the completion out")
    away = rest - columns @ (adjoint(columns) @ rest)
    lower = np.linalg.cholesky(adjoint(away) @ away)
    turned = adjoint(np.linalg.solve(lower, adjoint(away)))
    return np.concatenate([columns, apply(_ANY_BASIS, turned)], axis=-1)


def numbers_of_rest(name: str, compute: Callable[[Any], Any], *, of_rows: bool = False) -> Op:
    """Declare the numbers of the columns that complete a basis; of the rows of a wide matrix if asked."""

    def infer(a: ArrayType) -> ArrayType:
        m, n = matrix_sizes(name, a.shape)
        m, n = (n, m) if of_rows else (m, n)
        return matrix_type(a, m, m - n)

    sample = Sample((2, 3) if of_rows else (3, 2))
    return constant(name, compute, infer=infer, names=(), samples=(sample,))
