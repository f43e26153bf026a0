"""Products of matrices, and those with patches of an image, which are read where they lie."""

from __future__ import annotations

import math

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.draft import Draft
from chainrule.compiler.planning.operands import PRODUCTS
from chainrule.compiler.planning.patches import multiplies, product_of
from chainrule.compiler.planning.plan import Array, DType, MatrixProduct, Read, Uniform
from chainrule.compiler.views import whole
from chainrule.core.trace import Node


def product(draft: Draft, node: Node) -> None:
    """Plan a product; it waits if all that reads it may add it somewhere at once."""
    dtype = node.type.dtype
    if _multiplied_patches(draft, node, dtype):
        return
    a, b = draft.operands(node)
    if dtype.char not in PRODUCTS:
        draft.host(node, "a product of these numbers")
        return
    left, right = draft.matrix(a, dtype), draft.matrix(b, dtype)
    if len(a.shape) == 1:
        left = Read(left.array, left.view.cut((None, ...)))
    if len(b.shape) == 1:
        right = Read(right.array, right.view.cut((..., None)))
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    if batch and len(right.shape) == 2 and left.shape[:-2] == batch:
        # One product for the whole batch, if its rows follow each other evenly.
        rows = math.prod(batch) * left.shape[-2]
        folded = left.view.reshaped((rows, left.shape[-1]))
        if folded is not None:
            left, batch = Read(left.array, folded), ()
    rows, columns = left.shape[-2], right.shape[-1]
    left = Read(left.array, left.view.broadcast((*batch, *left.shape[-2:])))
    right = Read(right.array, right.view.broadcast((*batch, *right.shape[-2:])))
    out = Array((*batch, rows, columns), dtype)
    if node in draft.waiting and not batch:
        draft.products[out] = left, right
    else:
        draft.work.append(MatrixProduct(left, right, out))
    view = whole(out.shape).reshaped(node.type.shape)
    assert view is not None
    draft.values[node] = Read(out, view)


def _multiplied_patches(draft: Draft, node: Node, dtype: DType) -> bool:
    """Plan a product with patches, if it is one and worth it."""
    left, right = (draft.patches.get(p) if p is not None else None for p in node.parents)
    patches = left or right
    if patches is None or (left and right):
        return False
    other = draft.operand(node, 1 if left else 0)
    if not multiplies(patches, other):
        return False
    factor = other if isinstance(other, Read) else draft.copied(other)
    if right:  # (x @ p).T = p.T @ x.T
        patches, factor = patches.turned(), Read(factor.array, factor.view.turned())
    made = product_of(patches, draft.columns_in_a_row(factor))
    if made.add:
        zeros = draft.copied(Uniform(Number(dtype.type(0), dtype), made.out.shape))
        made.out = zeros.array
    draft.work.append(made)
    view = whole(made.out.shape)
    if right:
        view = view.turned()
    draft.values[node] = Read(made.out, view)
    return True
