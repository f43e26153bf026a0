"""`scipy.sparse`: products of plain sparse matrices with traced arrays, by `@`, `dot` and `*` of the matrix classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import scipy.sparse

from chainrule.autodiff.custom import custom_rule
from chainrule.core.cells import type_of
from chainrule.core.types import Value
from chainrule.scipy.calls import holds_traced, on_plain_values

__all__ = ["linalg", "product"]


def product(matrix: Any, x: Value) -> Value:
    """Return `matrix @ x` for a plain sparse matrix and a vector or a matrix that may be traced.

    >>> import numpy as np
    >>> product(scipy.sparse.csr_array(np.diag([2.0, 3.0])), np.array([1.0, 1.0]))
    array([2., 3.])
    """
    return linear(lambda x: matrix @ x, lambda g: matrix.T @ g, x)


def linear(forward: Callable[[Any], Any], backward: Callable[[Any], Any], x: Value) -> Value:
    """Apply a linear map that is known by itself and by its transpose, on plain arrays."""

    @custom_rule(
        vjp=lambda g, out, x: linear(backward, forward, g),
        jvp=lambda tangents, out, x: linear(forward, backward, tangents[0]),
    )
    def mapped(x: Any) -> Any:
        return forward(x)

    return mapped(x)


def _owner(name: str, sparse_class: type) -> type:
    """Return the class that defines a method of this class; SciPy's base classes have changed their names."""
    return next(cls for cls in sparse_class.__mro__ if name in vars(cls))


def _product_method(owner: type, name: str) -> tuple[type, str, Callable[..., Any]]:
    original = vars(owner)[name]

    def method(self: Any, other: Any) -> Any:
        if not holds_traced(other):
            return on_plain_values(original, (self, other), {})
        # SciPy's own complaint, or its scaling of a matrix, which has no rule.
        if type_of(other).ndim == 0:
            return original(self, other)
        return product(self.copy(), other)

    return owner, name, method


def _reflected_method(owner: type, name: str) -> tuple[type, str, Callable[..., Any]]:
    original = vars(owner)[name]

    def method(self: Any, other: Any) -> Any:
        if not holds_traced(other):
            return on_plain_values(original, (self, other), {})
        if type_of(other).ndim == 0:
            return original(self, other)
        matrix = self.T.copy()
        return product(matrix, other) if type_of(other).ndim == 1 else product(matrix, other.T).T

    return owner, name, method


_ARRAY, _MATRIX = scipy.sparse.csr_array, scipy.sparse.csr_matrix
STAND_INS = (
    _product_method(_owner("__matmul__", _ARRAY), "__matmul__"),
    _product_method(_owner("dot", _ARRAY), "dot"),
    _product_method(_owner("__mul__", _MATRIX), "__mul__"),
    _reflected_method(_owner("__rmatmul__", _ARRAY), "__rmatmul__"),
    _reflected_method(_owner("__rmul__", _MATRIX), "__rmul__"),
)
