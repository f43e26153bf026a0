"""The pass `reduce_strength`, and its rules."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.passes.rewrite import (
    Builder,
    Operand,
    Rewrite,
    first_of,
    operand_type,
    operands,
    rewritten,
)
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE
from chainrule.core.trace import Node

RULES = (
    Rewrite(lambda x: x**2, lambda x: np.square(x), kinds="fiu", is_exact=False),
    Rewrite(lambda x: x**3, lambda x: np.square(x) * x, kinds="fiu", is_exact=False),
    Rewrite(lambda x: x**4, lambda x: np.square(np.square(x)), kinds="fiu", is_exact=False),
    Rewrite(lambda x: x**-1, lambda x: 1 / x, is_exact=False),
    Rewrite(lambda x: x**-2, lambda x: 1 / np.square(x), is_exact=False),
)
"""Powers by products: special values are the same, other values within rounding."""

_LARGEST_COMPARED = 4096


def reduce_strength(graph: Graph) -> Graph:
    """Replace powers with small exponents by products, and quotients by products where both give the same bits.

        a = power(x, 2)         a = square(x)
        b = divide(a, 8)        b = multiply(a, 0.125)
        return b         ->     return b

    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> print(reduce_strength(recorded(lambda x: x**2 / 8 + x / 3)))
    input x0: float64[]
    v0 = square(x0)  : float64[]
    v1 = multiply(v0, 0.125)  : float64[]
    v2 = divide(x0, 3)  : float64[]
    v3 = add(v1, v2)  : float64[]
    return v3
    """
    return rewritten(graph, _reduced)


_POWERS = first_of(RULES)


def _reduced(node: Node, build: Builder) -> Operand:
    if node.op is None or node.op.name not in {"divide", "power"}:
        return None
    return _POWERS(node, build) if node.op.name == "power" else _product(node, build)


def _product(node: Node, build: Builder) -> Operand:
    """A quotient by powers of two is a product: both are the exact result, rounded once."""
    x, c = operands(node)
    if type(c) is Node or node.type.weak or operand_type(x).dtype.kind != "f":
        return None
    inverse = _inverse_of_powers_of_two(c)
    return None if inverse is None else build.apply(TABLE["multiply"], (x, inverse))


def _inverse_of_powers_of_two(c: Any) -> Any:
    """Return `1 / c` in the type of `c` if each element is a power of two whose inverse is finite, else None."""
    if type(c) is int:
        c = float(c)
    t = operand_type(c)
    if t.dtype.kind != "f" or not 0 < t.size <= _LARGEST_COMPARED:
        return None
    mantissa, _ = np.frexp(c)
    if not np.all(np.abs(mantissa) == 0.5):
        return None
    inverse = 1 / c
    return inverse if np.all(np.isfinite(inverse)) else None
