"""Diagonals as views, and the rules that keep one triangle of a matrix."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.compiler.views import View


def diagonal_of(view: View, offset: int, axis1: int, axis2: int) -> View:
    """Return the view of a diagonal: its axis is the last, and a step along it is one along both axes.

    >>> from chainrule.compiler.views import whole
    >>> diagonal_of(whole((3, 4)), offset=1, axis1=0, axis2=1)
    View(shape=(3,), strides=(5,), offset=1)
    """
    below, right = max(-offset, 0), max(offset, 0)
    count = max(min(view.shape[axis1] - below, view.shape[axis2] - right), 0)
    down, across = view.strides[axis1], view.strides[axis2]
    kept = [k for k in range(len(view.shape)) if k not in {axis1, axis2}]
    start = view.offset + (below * down + right * across if count else 0)
    return View(
        (*[view.shape[k] for k in kept], count),
        (*[view.strides[k] for k in kept], down + across),
        start,
    )


def _lower_triangle(e: Any, row: Any, column: Any, x: Any, zero: Any) -> Any:
    return e.where(e.less_equal(column, row), x, zero)


def _upper_triangle(e: Any, row: Any, column: Any, x: Any, zero: Any) -> Any:
    return e.where(e.greater_equal(column, row), x, zero)


TRIANGLES: Mapping[str, Callable[..., Any]] = {"tril": _lower_triangle, "triu": _upper_triangle}
"""By op: an element from the column on the diagonal in its row, its own column, the matrix's element, and zero."""
