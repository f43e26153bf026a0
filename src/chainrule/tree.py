"""Nested containers of arrays: flatten, unflatten, map. A thin face over `nests` and optree, in our own namespace.

Leaves are arrays and numbers. Text, booleans, None and functions belong to the structure. Dataclasses are registered
the first time one is seen.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Sequence
from contextvars import ContextVar
from typing import Any

import numpy as np

from chainrule.errors import ContainerError
from chainrule.forks import forks_wait, held_by_forks
from chainrule.nests import take_apart
from chainrule.records import record

_NAMESPACE = "chainrule"
_LEAVES = (np.ndarray, np.generic, float, complex, int)
_registered: set[type] = set()
_REGISTERING = held_by_forks()

READER: ContextVar[Callable[[Any], Any] | None] = ContextVar("reader of leaves", default=None)
"""What is handed every leaf that lies in a container, and returns what is read instead; see `core/loads.py`."""


class Structure:
    """The shape of a container: everything but its leaves."""

    __slots__ = ("spec", "static")

    def __init__(self, spec: Any, static: tuple[tuple[int, Any], ...]) -> None:
        self.spec = spec
        self.static = static

    @property
    def count(self) -> int:
        """The number of leaves."""
        return 1 if self.spec is None else self.spec.num_leaves - len(self.static)

    @property
    def is_leaf(self) -> bool:
        """Whether the container was a leaf all by itself."""
        return self.spec is None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Structure):
            return NotImplemented
        try:
            return bool(self.spec == other.spec) and self.static == other.static
        except Exception:  # noqa: BLE001  what does not compare is another
            return False

    def __hash__(self) -> int:
        return hash((self.spec, len(self.static)))

    def __repr__(self) -> str:
        return (
            "*"
            if self.spec is None
            else str(self.spec).removeprefix("PyTreeSpec(").removesuffix(", NoneIsLeaf)")
        )


_LEAF = Structure(None, ())


def is_leaf(x: Any) -> bool:
    """Say whether `x` is an array or a number (bool is not: it is a static option)."""
    return isinstance(x, _LEAVES) and type(x) is not bool  # a traced bool is its class only


def flatten(tree: Any) -> tuple[list[Any], Structure]:
    """Return the leaves of `tree` in a stable order, and the structure that rebuilds it."""
    if is_leaf(tree):
        return [tree], _LEAF
    everything, spec = _flatten_all(tree)
    reader = READER.get()
    if reader is not None:
        everything = [reader(x) for x in everything]
    if all(is_leaf(x) for x in everything):
        return everything, Structure(spec, ())
    static = tuple((i, x) for i, x in enumerate(everything) if not is_leaf(x))
    return [x for x in everything if is_leaf(x)], Structure(spec, static)


def unflatten(structure: Structure, leaves: Iterable[Any]) -> Any:
    """Rebuild a container of `structure` around `leaves`."""
    if structure.spec is None:
        (leaf,) = leaves
        return leaf
    everything = list(leaves)
    for i, x in structure.static:
        everything.insert(i, x)
    return structure.spec.unflatten(everything)


def map(f: Callable[..., Any], tree: Any, *others: Any) -> Any:  # noqa: A001  the field's name for it
    """Apply `f` to the leaves of containers of one structure, and keep the structure.

    >>> map(lambda x, y: x + y, {"a": 1.0, "b": [2.0]}, {"a": 10.0, "b": [20.0]})
    {'a': 11.0, 'b': [22.0]}
    """
    leaves, structure = flatten(tree)
    columns: list[Sequence[Any]] = [leaves]
    for other in others:
        other_leaves, other_structure = flatten(other)
        if other_structure != structure:
            raise ContainerError.from_mismatch("tree.map", repr(other_structure), repr(structure))
        columns.append(other_leaves)
    return unflatten(structure, [f(*row) for row in zip(*columns, strict=True)])


def leaves(tree: Any) -> list[Any]:
    """Return the leaves of `tree` in a stable order."""
    return flatten(tree)[0]


def paths(tree: Any, root: str = "") -> list[str]:
    """Return a readable name for each leaf, in the order of `flatten`.

    >>> paths({"layers": [1.0, 2.0]}, "model")
    ["model['layers'][0]", "model['layers'][1]"]
    """
    if is_leaf(tree):
        return [root or "value"]
    accessors, everything, _ = _optree().tree_flatten_with_accessor(
        tree, _is_leaf_or_registers, none_is_leaf=True, namespace=_NAMESPACE
    )
    return [
        accessor.codify(root) if root else accessor.codify("").lstrip(".") or "value"
        for accessor, x in zip(accessors, everything, strict=True)
        if is_leaf(x)
    ]


@functools.cache
def _optree() -> Any:
    """Import optree when a container is met that `nests` does not know."""
    with forks_wait():
        import optree

    return optree


def _is_leaf_or_registers(x: Any) -> bool:
    """Stop at leaves; on the way down register each dataclass type before optree looks it up."""
    kind = type(x)
    if kind not in _registered and dataclasses.is_dataclass(kind):
        _register_dataclass(kind)
    return is_leaf(x)


def _register_dataclass(kind: type) -> None:
    """Tell optree how a dataclass is taken apart; of threads that meet one at once the first does."""
    optree = _optree()
    with _REGISTERING:
        if kind not in _registered:
            _register(optree, kind)
            _registered.add(kind)


def _register(optree: Any, kind: type) -> None:
    fields = dataclasses.fields(kind)
    dynamic = tuple(f.name for f in fields if not f.metadata.get("static", False))
    static = tuple(f.name for f in fields if f.metadata.get("static", False))

    def take_apart(x: Any) -> tuple[tuple[Any, ...], _Fields, tuple[Any, ...]]:
        values = tuple(getattr(x, name) for name in static)
        return tuple(getattr(x, name) for name in dynamic), _Fields(values), entries

    def put_together(fields: _Fields, children: Sequence[Any]) -> Any:
        x: Any = object.__new__(kind)
        for name, value in (
            *zip(dynamic, children, strict=True),
            *zip(static, fields.values, strict=True),
        ):
            object.__setattr__(x, name, value)
        return x

    entries = dynamic
    optree.register_pytree_node(
        kind,
        take_apart,
        put_together,
        path_entry_type=optree.GetAttrEntry,
        namespace=_NAMESPACE,
    )


@record
class _Fields:
    """The static fields of a dataclass, compared when two structures are."""

    values: tuple[Any, ...]


def _flatten_all(tree: Any) -> tuple[list[Any], Any]:
    known = take_apart(tree, is_leaf)
    if known is not None:
        return known
    leaves, spec = _optree().tree_flatten(
        tree, _is_leaf_or_registers, none_is_leaf=True, namespace=_NAMESPACE
    )
    return leaves, spec
