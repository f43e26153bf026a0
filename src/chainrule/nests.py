"""Lists, tuples and dictionaries, taken apart and put together as optree does it, without importing optree.

That import takes as long as all else that a compiled step from the cache loads. What holds containers of other kinds is
left to optree: named tuples, dataclasses, those of `collections`, and what somebody has registered with it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

from chainrule.forks import imported

_STATIC = frozenset(
    {str, bytes, bool, type(None), type, FunctionType, BuiltinFunctionType, MethodType, ModuleType}
)
"""Types that are no containers to anybody, the most usual ones."""


class Nest:
    """The shape of nested lists, tuples and dictionaries. Equal ones have equal keys, in whatever order."""

    __slots__ = ("node", "num_leaves")

    def __init__(self, node: Any, num_leaves: int) -> None:
        self.node = node
        self.num_leaves = num_leaves

    def unflatten(self, leaves: Sequence[Any]) -> Any:
        """Put leaves into a new container of this shape."""
        if len(leaves) != self.num_leaves:
            message = f"{len(leaves)} leaves for a container of {self.num_leaves}"
            raise ValueError(message)
        return _put_together(self.node, iter(leaves))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Nest) and bool(self.node == other.node)

    def __hash__(self) -> int:
        return hash(self.node)

    def __str__(self) -> str:
        return _text(self.node)


class _Order:
    """The keys of a dictionary as they came: kept, but not compared."""

    __slots__ = ("keys",)

    def __init__(self, keys: tuple[Any, ...]) -> None:
        self.keys = keys

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Order)

    def __hash__(self) -> int:
        return 0


def take_apart(x: Any, is_leaf: Callable[[Any], bool]) -> tuple[list[Any], Nest] | None:
    """Return the leaves, and what is no container, in order, and the shape; None if it takes optree to tell."""
    leaves: list[Any] = []
    try:
        node = _node(x, is_leaf, leaves)
    except _UnknownError:
        return None
    return leaves, Nest(node, len(leaves))


class _UnknownError(Exception):
    """It never leaves this file."""


def _node(x: Any, is_leaf: Callable[[Any], bool], leaves: list[Any]) -> Any:
    """Describe a container: its type, its children, and a dictionary's keys, sorted and as they came."""
    kind = type(x)
    if kind is list or kind is tuple:
        return kind, tuple([_node(item, is_leaf, leaves) for item in x])
    if kind is dict:
        if len({type(key) for key in x}) > 1 or not all(type(key) in {str, int} for key in x):
            raise _UnknownError
        keys = tuple(sorted(x))
        return kind, tuple([_node(x[key], is_leaf, leaves) for key in keys]), keys, _Order(tuple(x))
    if kind not in _STATIC and not is_leaf(x) and _may_be_container(x):
        raise _UnknownError
    leaves.append(x)
    return None


def _may_be_container(x: Any) -> bool:
    """Say whether optree may take something apart. Who has not imported it has registered nothing with it."""
    if isinstance(x, (list, tuple, dict, deque)) or hasattr(type(x), "__dataclass_fields__"):
        return True
    optree = imported("optree")
    return optree is not None and not optree.tree_is_leaf(x, none_is_leaf=True)


def _put_together(node: Any, leaves: Iterator[Any]) -> Any:
    if node is None:
        return next(leaves)
    children = [_put_together(child, leaves) for child in node[1]]
    if node[0] is list:
        return children
    if node[0] is tuple:
        return tuple(children)
    by_key = dict(zip(node[2], children, strict=True))
    return {key: by_key[key] for key in node[3].keys}


def _text(node: Any) -> str:
    if node is None:
        return "*"
    children = [_text(child) for child in node[1]]
    if node[0] is list:
        return f"[{', '.join(children)}]"
    if node[0] is tuple:
        return f"({', '.join(children)}{',' * (len(children) == 1)})"
    pairs = [f"{key!r}: {child}" for key, child in zip(node[2], children, strict=True)]
    return f"{{{', '.join(pairs)}}}"
