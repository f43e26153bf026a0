"""Ops that compute element by element, or say what an array holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.calls import by_loop
from chainrule.compiler.planning.diagonals import TRIANGLES, diagonal_of
from chainrule.compiler.planning.draft import Draft, zero
from chainrule.compiler.planning.host import why_numpy
from chainrule.compiler.planning.operands import constant
from chainrule.compiler.planning.plan import Group, Point, Read, Uniform
from chainrule.compiler.planning.rules import called_rule, elementwise_rule, is_native
from chainrule.compiler.views import whole
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, type_of_plain
from chainrule.records import replaced

_INT = np.dtype(np.int64)
FILLS = {"zeros_like": 0, "empty_like": 0, "ones_like": 1}
"""What arrays of one number hold, by the names of the ops that make them."""


def by_element(draft: Draft, node: Node) -> None:
    """Plan a piece that follows the op's rule; where it has none, a loop of NumPy's or NumPy itself computes it."""
    assert node.op is not None
    types = [
        type_of_plain(a) if p is None else p.type
        for a, p in zip(node.args, node.parents, strict=True)
    ]
    if type(node.type) is tuple:
        _several(draft, node, types)
        return
    rule, casts, dtype = elementwise_rule(node.op, types, node.type, node.params)
    if rule is None:
        if not by_loop(draft, node, types):
            draft.host(node, why_numpy(node.op))
        return
    out = (dtype, node.type.shape, node.type.dtype)
    draft.values[node] = draft.computed(rule, node.op.name, draft.operands(node), casts, out)


def _several(draft: Draft, node: Node, types: Sequence[ArrayType]) -> None:
    """Compute several results of one element."""
    assert node.op is not None
    if by_loop(draft, node, types):
        return
    called = called_rule(node.op, types, node.params)
    if called is None:
        draft.host(node, why_numpy(node.op, "several results"))
        return
    rule, casts, dtypes = called
    operands = draft.operands(node)
    for output in draft.outputs(node):
        i, t = output.params["index"], output.type
        draft.values[output] = draft.computed(
            replaced(rule, result=i),
            node.op.name,
            operands,
            casts,
            (dtypes[i], t.shape, t.dtype),
        )


def cast(draft: Draft, node: Node) -> None:
    """Plan a copy in another dtype; in the same it is the value itself, as values never change."""
    x = draft.operand(node, 0)
    dtype = node.type.dtype
    draft.values[node] = x if x.dtype == dtype else draft.copied(x, dtype)


def filled(draft: Draft, node: Node) -> None:
    """Note the one number that an array is filled with: no memory holds it."""
    assert node.op is not None
    dtype = node.type.dtype
    number = Number(dtype.type(FILLS[node.op.name]), dtype)
    draft.values[node] = Uniform(number, node.type.shape)


def triangle(draft: Draft, node: Node) -> None:
    """Keep the elements on one side of a diagonal; the others are zero, whatever they were."""
    assert node.op is not None
    dtype, shape = node.type.dtype, node.type.shape
    if not is_native(dtype):
        draft.host(node, f"numbers of dtype {dtype}")
        return
    rows, columns = shape[-2:]
    row = constant(np.arange(rows)[:, None] + node.params["k"])
    operands = (row, constant(np.arange(columns)), draft.operand(node, 0), zero(dtype))
    draft.values[node] = draft.computed(
        TRIANGLES[node.op.name],
        node.op.name,
        operands,
        (_INT, _INT, dtype, dtype),
        (dtype, shape, dtype),
    )


def on_diagonal(draft: Draft, node: Node) -> None:
    """Write a diagonal into zeros."""
    value = draft.operand(node, 0)
    dtype, shape = node.type.dtype, node.type.shape
    target = draft.copied(Uniform(Number(dtype.type(0), dtype), shape)).array
    params = node.params
    place = diagonal_of(whole(shape), params["offset"], params["axis1"], params["axis2"])
    piece = Point(None, "write", (value,), (dtype,), dtype, place.shape, target, place)
    target.ready = draft.work.append(Group(place.shape, [piece]))
    draft.values[node] = Read(target, whole(shape))
