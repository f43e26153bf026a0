"""Which nodes do more than compute a value: a pass may not drop, merge or fold them as it likes."""

from __future__ import annotations

from chainrule.core.trace import Node


def is_impure(node: Node) -> bool:
    """Say whether the op acts, so that its turn and their number matter."""
    return node.op is not None and node.op.acts


def must_stay(node: Node) -> bool:
    """Say whether the node stays although nothing depends on it: it acts, or raises for some numbers."""
    op = node.op
    return op is not None and (op.acts or op.can_fail(node.args, node.params))
