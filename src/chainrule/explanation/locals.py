"""Local derivatives as formulas: the derivative rule of an op, run on symbols."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, type_of
from chainrule.core.graph import CaptureLevel
from chainrule.core.op import Op, called
from chainrule.core.trace import OUTPUT, Node
from chainrule.core.types import PYTHON_NUMBERS, ArrayType, array_type
from chainrule.errors import ChainruleError
from chainrule.explanation.formula import (
    Call,
    Expression,
    Number,
    Symbol,
    simplified,
    substituted,
)
from chainrule.explanation.notations import notation_of

_DEEPEST = 200
"""Nodes of a rule that are written out."""


def partial_formula(node: Node, i: int, arguments: Sequence[Expression]) -> Expression:
    """Return the partial derivative of an elementwise op by argument `i`, for arguments given as formulas.

    The result itself stands in it as the op's call: sigmoid(z) * (1 - sigmoid(z)).
    """
    op = node.op
    assert op is not None
    fixed = tuple(
        a if parent is None and type(a) in PYTHON_NUMBERS else None
        for a, parent in zip(node.args, node.parents, strict=True)
    )
    dtypes = tuple(_dtype(a) for a in node.args)
    formula = _partial(op, i, fixed, dtypes, node.type.dtype)
    names = {f"#{k}": a for k, a in enumerate(arguments)}
    names["#out"] = simplified(op.name, notation_of(node), tuple(arguments))
    return substituted(formula, names)


def product_formula(node: Node, i: int, arguments: Sequence[Expression]) -> Expression:
    """Return what the reverse rule of an op computes for argument `i`; the upstream gradient is `g`."""
    op = node.op
    assert op is not None
    if op is OUTPUT:
        return Symbol("g")
    try:
        formula = _product(node, i)
    except (ChainruleError, TypeError, ValueError, AttributeError):  # a rule that looks at values
        formula = Call(f"{op.name}_vjp", called(f"{op.name}_vjp", 1), (Symbol("g"),))
    names = {f"#{k}": a for k, a in enumerate(arguments)}
    names["#out"] = simplified(op.name, notation_of(node), tuple(arguments))
    return substituted(formula, names)


@functools.lru_cache(maxsize=1024)
def _partial(
    op: Op, i: int, fixed: tuple[Any, ...], dtypes: tuple[Any, ...], out: Any
) -> Expression:
    with CaptureLevel() as level:
        handles = [
            level.input(array_type((), t)) if x is None else x
            for x, t in zip(fixed, dtypes, strict=True)
        ]
        result = level.input(array_type((), out))
        rule = op.partials[i]
        assert rule is not None
        found = rule(result, *handles)
    symbols = {h.node: f"#{k}" for k, h in enumerate(handles) if type(h) in HANDLES}
    return _expression(found, {**symbols, result.node: "#out"})


def _product(node: Node, i: int) -> Expression:
    op = node.op
    assert op is not None
    with CaptureLevel() as level:
        handles = [
            a if parent is None and not type_of(a).shape else level.input(_strong(a))
            for a, parent in zip(node.args, node.parents, strict=True)
        ]
        types = node.type if type(node.type) is tuple else (node.type,)
        outs, gs = [[level.input(t) for t in types] for _ in range(2)]
        several = type(node.type) is tuple
        needs = [k == i for k in range(len(handles))]
        found = op.vjp(
            needs,
            tuple(gs) if several else gs[0],
            tuple(outs) if several else outs[0],
            handles,
            node.params,
        )[i]
    symbols = {h.node: f"#{k}" for k, h in enumerate(handles) if type(h) in HANDLES}
    symbols |= {h.node: f"g{k}" if several else "g" for k, h in enumerate(gs)}
    symbols |= {h.node: f"#out{k}" if several else "#out" for k, h in enumerate(outs)}
    return _expression(found, symbols)


def _expression(found: Any, symbols: Mapping[Node, str]) -> Expression:
    """Turn what a rule returned into a formula."""
    if type(found) not in HANDLES:
        return Number(found)
    return _of_node(found.node, symbols, [_DEEPEST])


def _of_node(node: Node, symbols: Mapping[Node, str], budget: list[int]) -> Expression:
    if node in symbols:
        return Symbol(symbols[node])
    budget[0] -= 1
    if budget[0] < 0:
        return Symbol("…")
    if node.op is OUTPUT:
        return _of_node(node.parents[0], symbols, budget)
    if node.op is None:
        return Number(node.out)
    arguments = tuple(
        Number(a) if p is None else _of_node(p, symbols, budget)
        for a, p in zip(node.args, node.parents, strict=True)
    )
    return _plainer(node, arguments) or simplified(node.op.name, notation_of(node), arguments)


def _plainer(node: Node, arguments: tuple[Expression, ...]) -> Expression | None:
    """Write what a rule does for NumPy's sake as mathematics does: broadcasting, and vectors dressed as matrices."""
    assert node.op is not None
    if node.op.name == "real" and type_of(node.args[0]).dtype.kind != "c":
        return arguments[0]
    is_whole = node.op.name == "sum_to" and node.type == type_of(node.args[0])
    if is_whole or node.op.name == "broadcast_to":  # NumPy broadcasts where it is read
        return arguments[0]
    if _is_outer(node):
        return Call("outer", called("outer", 2), tuple(map(_unexpanded, arguments)))
    if _is_matrix_times_vector(node):
        (product,) = arguments
        assert isinstance(product, Call)
        matrix, vector = product.arguments
        return simplified("matmul", product.notation, (matrix, _unexpanded(vector)))
    return None


def _is_outer(node: Node) -> bool:
    """Say whether a product is that of every entry of one vector with every entry of another: `x[:, None] * g`."""
    if node.op is None or node.op.name != "multiply" or len(node.type.shape) != 2:
        return False
    n, m = node.type.shape
    return _shapes_of(node) in {((n, 1), (m,)), ((n, 1), (1, m))} and all(
        _is_vector(p) or _is_expanded(p) for p in node.parents
    )


def _is_matrix_times_vector(node: Node) -> bool:
    """Say whether a value is a matrix product whose vector was but dressed as a matrix: `(W @ g[:, None])[:, 0]`."""
    product = node.parents[0] if node.parents else None
    is_column = node.op is not None and node.op.name == "getitem" and len(node.type.shape) == 1
    if not is_column or product is None or product.op is None or product.op.name != "matmul":
        return False
    vector = product.parents[1]
    return product.type.shape == (*node.type.shape, 1) and _is_expanded(vector)


def _is_vector(node: Node | None) -> bool:
    return node is not None and len(node.type.shape) == 1


def _is_expanded(node: Node | None) -> bool:
    """Say whether a value is a vector that was given another axis."""
    is_part = node is not None and node.op is not None and node.op.name == "getitem"
    return (
        is_part
        and node is not None
        and node.type.size == type_of(node.args[0]).size
        and (_is_vector(node.parents[0]))
    )


def _unexpanded(formula: Expression) -> Expression:
    return (
        formula.arguments[0] if isinstance(formula, Call) and formula.name == "getitem" else formula
    )


def _shapes_of(node: Node) -> tuple[Any, ...]:
    return tuple(type_of(a).shape for a in node.args)


def _strong(x: Any) -> ArrayType:
    return array_type(type_of(x).shape, type_of(x).dtype)


def _dtype(x: Any) -> np.dtype[Any]:
    return type_of(x).dtype
