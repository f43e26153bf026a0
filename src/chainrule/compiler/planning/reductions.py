"""Ops that combine the elements along axes: at once, or one after the other."""

from __future__ import annotations

from chainrule.compiler.planning.draft import Draft
from chainrule.compiler.planning.folds import COMBINE, axes_of, why_not
from chainrule.compiler.planning.plan import Array, Lookup, Read, Scan
from chainrule.compiler.planning.rules import is_native
from chainrule.compiler.planning.scans import rules_of
from chainrule.compiler.views import whole
from chainrule.core.trace import Node


def folded(draft: Draft, node: Node) -> None:
    """Plan a sum, a product, an extreme or a question about all or any."""
    assert node.op is not None
    combine = COMBINE[node.op.name]
    x = draft.operand(node, 0)
    dtype = node.type.dtype
    reason = why_not(combine, dtype)
    if reason:
        draft.host(node, reason)
        return
    axes = axes_of(node, x.shape)
    rest = tuple([n for k, n in enumerate(x.shape) if k not in axes])
    read = draft.folded(combine, x, axes, dtype) if axes else draft.copied(x, dtype)
    view = whole(rest).reshaped(node.type.shape)
    assert view is not None
    draft.values[node] = Read(read.array, view)


def scanned(draft: Draft, node: Node) -> None:
    """Plan running totals."""
    assert node.op is not None
    dtype, shape = node.type.dtype, node.type.shape
    if not is_native(dtype):
        draft.host(node, f"numbers of dtype {dtype}")
        return
    operands = tuple(
        [draft.copied(x) if isinstance(x, Lookup) else x for x in draft.operands(node)]
    )
    rule, first = rules_of(node.op.name, node.params)
    out = Array(shape, dtype)
    axis = node.params["axis"] % len(shape)
    draft.work.append(Scan(rule, first, node.op.name, operands, axis, out))
    draft.values[node] = Read(out, whole(shape))
