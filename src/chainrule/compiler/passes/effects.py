"""Which nodes do more than compute a value: a pass may not drop, merge or fold them as it likes."""

from __future__ import annotations

from chainrule.core.trace import Node

IMPURE = frozenset({"guard"})
"""Ops that decide or act: never dropped, merged or computed ahead. Draws and calls of Python belong here."""

CAN_FAIL = frozenset(
    {"solve", "inv", "cholesky", "eigh", "eigvalsh", "eig", "svd", "svdvals", "qr", "pinv"}
)
"""Ops that raise for some numbers. One that nobody uses raises all the same, so it is not dropped."""


def is_impure(node: Node) -> bool:
    """Say whether the op acts, so that its turn and their number matter."""
    return node.op is not None and node.op.name in IMPURE


def must_stay(node: Node) -> bool:
    """Say whether the node stays although nothing depends on it."""
    return node.op is not None and (node.op.name in IMPURE or node.op.name in CAN_FAIL)
