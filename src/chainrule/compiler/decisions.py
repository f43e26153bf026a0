"""Nodes that decide whether a graph holds for a call. Not in the table: no user's call reaches them."""

from __future__ import annotations

from typing import Any

from chainrule.core.op import Op
from chainrule.core.types import ArrayType


def _never(*_: Any) -> Any:
    message = "a decision has no derivative: no sweep comes here"
    raise AssertionError(message)


GUARD = Op(
    "guard",
    "constant",
    lambda condition, expected: bool(condition) is expected,
    lambda condition, expected: condition,
    _never,
    _never,
    _never,
    acts=True,
)
"""Another path is run where the condition is not as expected."""

CHECK = Op(
    "check",
    "constant",
    lambda refused: refused,
    lambda refused: refused,
    _never,
    _never,
    _never,
    can_fail=lambda args, params: type(args[0]) is ArrayType or bool(args[0]),
)
"""Where it holds the call is run eagerly, which raises: the graph has no answer. Which came first does not matter."""

DECISIONS = (GUARD, CHECK)
