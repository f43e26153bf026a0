"""Local derivatives entry by entry: which entries of its arguments an entry of a result was computed from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.trace import OUTPUT, Node
from chainrule.ops.elementwise import slope

_NONE = -1


@dataclass(frozen=True, eq=False)
class Slope:
    """The derivative of one entry of a result by one entry of an argument.

    Attributes:
        argument: which argument.
        entry: which of its entries, in a flat count.
        value: the derivative.
        factor: where the derivative is itself an entry of another argument, which: (argument, entry).
    """

    argument: int
    entry: int
    value: float
    factor: tuple[int, int] | None = None


class Jacobians:
    """The local derivatives of the nodes of one tape, computed where they are asked for."""

    def __init__(self) -> None:
        self._rng = np.random.default_rng(0)
        self._partials: dict[Node, list[tuple[Any, Any] | None]] = {}
        self._routes: dict[Node, Any] = {}
        self._probes: dict[Node, tuple[list[Any], dict[float, tuple[int, int]]]] = {}

    def row(self, node: Node, entry: int) -> list[Slope]:
        """Return the derivatives of one entry of a node's result, those left out that are zero by structure."""
        assert node.op is not None
        if node.op.kind == "elementwise":
            return list(self._elementwise(node, entry))
        return list(self._by_unit_seed(node, entry))

    def route(self, node: Node, entry: int) -> tuple[Node, int] | None:
        """Return the entry of the argument that this entry is nothing but a copy of."""
        if node.op is None or node.op.kind != "linear" or node.op is OUTPUT:
            return None
        traced = [i for i, p in enumerate(node.parents) if p is not None]
        if len(traced) != 1:
            return None
        if node not in self._routes:
            self._routes[node] = self._routed(node, traced[0])
        source = int(self._routes[node][entry])
        return None if source == _NONE else (node.parents[traced[0]], source)

    def _routed(self, node: Node, i: int) -> Any:
        """Push two kinds of numbers through a linear op, and see which come out as they went in."""
        assert node.op is not None
        argument = np.asarray(node.args[i])
        size = argument.size
        if argument.dtype.kind != "f" or type(node.type) is tuple:
            return np.full(np.size(node.out), _NONE)
        counted = np.arange(1.0, size + 1).reshape(argument.shape)
        random = self._rng.random(argument.shape) + 2 * size
        places, values = (
            np.asarray(node.op.numpy(*node.args[:i], x[()], *node.args[i + 1 :], **node.params))
            for x in (counted, random)
        )
        sources = np.full(places.size, _NONE)
        whole = (places == np.rint(places)) & (places >= 1) & (places <= size)
        index = np.where(whole, places, 1).astype(int).ravel() - 1
        if size:
            copied = whole.ravel() & (values.ravel() == random.ravel()[index])
            sources[copied] = index[copied]
        return sources

    def _elementwise(self, node: Node, entry: int) -> Iterator[Slope]:
        if node not in self._partials:
            self._partials[node] = [self._partial(node, i) for i in range(len(node.parents))]
        for i, known in enumerate(self._partials[node]):
            if known is not None:
                places, values = known
                yield Slope(i, int(places[entry]), float(values[entry]))

    def _partial(self, node: Node, i: int) -> tuple[Any, Any] | None:
        """Return, per entry of the result, where the argument's entry is and the derivative by it."""
        assert node.op is not None
        rule = node.op.partials[i]
        if node.parents[i] is None or rule is None:
            return None
        shape = node.type.shape
        values = np.broadcast_to(slope(rule, node.out, node.args), shape).ravel()
        own = type_of(node.args[i])
        places = np.broadcast_to(np.arange(own.size).reshape(own.shape), shape).ravel()
        return places, values

    def _by_unit_seed(self, node: Node, entry: int) -> Iterator[Slope]:
        seed: Any = _unit(node.type, entry)
        if node.op is OUTPUT:
            index, node = node.params["index"], node.parents[0]
            seed = tuple(
                seed if k == index else np.zeros(t.shape, t.dtype)[()]
                for k, t in enumerate(node.type)
            )
        assert node.op is not None
        terms = node.op.vjp(node.parents, seed, node.out, node.args, node.params)
        patterns = terms
        factors: dict[float, tuple[int, int]] = {}
        if node.op.kind == "linear":
            if node not in self._probes:
                self._probes[node] = self._probe(node)
            probes, factors = self._probes[node]
            patterns = node.op.vjp(node.parents, seed, node.out, probes, node.params)
        for i, (parent, term, pattern) in enumerate(
            zip(node.parents, terms, patterns, strict=True)
        ):
            if parent is None or term is None:
                continue
            values, shown = np.ravel(term), np.ravel(pattern)
            for j in np.flatnonzero((values != 0) | (shown != 0)):
                yield Slope(i, int(j), float(values[j]), factors.get(float(shown[j])))

    def _probe(self, node: Node) -> tuple[list[Any], dict[float, tuple[int, int]]]:
        """Return random arguments in place of a linear op's, and where each of their numbers stands."""
        probes, where = [], {}
        for i, x in enumerate(node.args):
            t = type_of(x)
            if t.dtype.kind != "f":
                probes.append(x)
                continue
            random = (self._rng.random(t.shape) + 1.5).astype(t.dtype)
            where.update({float(r): (i, j) for j, r in enumerate(np.ravel(random))})
            probes.append(random if t.shape else random[()])
        return probes, where


def _unit(t: Any, entry: int) -> Any:
    seed = np.zeros(t.size, t.dtype)
    seed[entry] = 1
    return seed.reshape(t.shape)[()]
