"""From containers of arguments and results to what the call entry checks and makes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from chainrule import tree
from chainrule.compiler.entry.signature import Input, Mapping, Record
from chainrule.compiler.entry.signature import Sequence as Items
from chainrule.compiler.entry.signature import leaves as input_leaves
from chainrule.tree import Structure


class _Token(float):
    """Stands in a container in the place of a leaf; a float, so that containers take it for one."""

    __slots__ = ("number",)
    number: int


def described(
    structure: Structure, leaves: Sequence[Any], static: Callable[[Any], Any]
) -> tuple[Any, tuple[int, ...]] | None:
    """Describe a container for the call entry.

    Args:
        structure: of the container.
        leaves: the descriptions of its leaves, in the order of `tree.flatten`.
        static: describes what is no leaf: text, None, functions; it may be a container too.

    Returns:
        The description, and the numbers of the leaves in the order in which the entry meets them, -1 for what is
        static; None if there is a container of another kind than the entry knows.
    """
    tokens = []
    for i in range(len(leaves)):
        token = _Token()
        token.number = i
        tokens.append(token)
    order: list[int] = []
    try:
        return _walk(tree.unflatten(structure, tokens), leaves, static, order), tuple(order)
    except UnknownContainerError:
        return None


class UnknownContainerError(Exception):
    """There is a container that the entry cannot take apart; `described` turns it into None."""


def _walk(x: Any, leaves: Sequence[Any], static: Callable[[Any], Any], order: list[int]) -> Any:
    kind = type(x)
    if kind is _Token:
        order.append(x.number)
        return leaves[x.number]
    if kind in {list, tuple} or (isinstance(x, tuple) and hasattr(kind, "_fields")):
        return Items(kind, tuple([_walk(item, leaves, static, order) for item in x]))
    if kind is dict:
        children = tuple([_walk(item, leaves, static, order) for item in x.values()])
        return Mapping(tuple(x), children)
    if dataclasses.is_dataclass(x) and not isinstance(x, type):
        names = tuple(f.name for f in dataclasses.fields(x))
        children = tuple([_walk(getattr(x, n), leaves, static, order) for n in names])
        return Record(kind, names, children)
    if tree.flatten((x,))[0]:
        raise UnknownContainerError
    made = static(x)
    order += [-1 for _ in input_leaves(made)] if isinstance(made, Input) else [-1]
    return made
