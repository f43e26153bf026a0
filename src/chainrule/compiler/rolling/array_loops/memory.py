"""The program in the making: its buffers, its names, and statements that are moved into it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from chainrule.compiler.loops.program import (
    Buffer,
    Host,
    Index,
    Load,
    Loop,
    Program,
    Statement,
    Store,
)
from chainrule.compiler.loops.relocation import Place, Relocation, Terms
from chainrule.compiler.passes.rewrite import derived
from chainrule.compiler.views import View
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, type_of_plain

GuardPlace = Callable[[int], tuple[int, Terms]]
"""Gives the place and the terms of a guard by its number in a part."""


class NotRolledError(Exception):
    """Something cannot be moved into a loop."""


class LowerSection(Protocol):
    """Lowers a part of a graph.

    Args:
        graph: the part.
        views: where the elements of each input lie.
        in_place: outputs that lie where an input does, by their numbers.
    """

    def __call__(
        self, graph: Graph, views: Sequence[View], in_place: Mapping[int, int]
    ) -> Program | None: ...


def type_of_node(node: Node) -> ArrayType:
    """Return the type of a node with one result."""
    if type(node.type) is not ArrayType:
        raise NotRolledError
    return node.type


def input_like(node: Node, t: ArrayType) -> Node:
    """Return an input that stands where a node does."""
    return derived(node, None, (), {}, (), t)


class Memory:
    """Buffers, constants and names.

    Attributes:
        buffers: all of them.
        contents: of the constants.
    """

    def __init__(self) -> None:
        self.buffers: list[Buffer] = []
        self.contents: dict[Buffer, Any] = {}
        self._names = 0
        self._slots = 0

    def slotted(self, name: str, t: ArrayType, role: Any) -> Buffer:
        """Return memory that a call of the program is given."""
        buffer = Buffer(name, t.dtype, t.size, role, self._slots)
        self._slots += 1
        self.buffers.append(buffer)
        return buffer

    def temporary(self, name: str, t: ArrayType, rows: int = 1) -> Buffer:
        """Return new memory, with a row per turn."""
        buffer = Buffer(f"{name}_{len(self.buffers)}", t.dtype, t.size * rows, "temporary")
        self.buffers.append(buffer)
        return buffer

    def constant(self, value: Any) -> Place:
        """Return where a constant lies."""
        array = np.asarray(value)
        buffer = self.slotted(f"c{self._slots}", type_of_plain(array), "constant")
        self.contents[buffer] = np.ascontiguousarray(array)
        return Place(buffer)

    def name(self) -> int:
        """Return a name that was not used yet."""
        self._names += 1
        return self._names - 1

    def copy(self, target: Place, source: Place, size: int) -> Loop:
        """Copy an array that lies row by row."""
        var, name = self.name(), self.name()
        load, store = (Index(p.index.offset, (*p.index.terms, (var, 1))) for p in (source, target))
        body = (Load(name, source.buffer, load), Store(target.buffer, store, name))
        return Loop(var, size, body, vector=True)

    def lowered(
        self,
        lower_section: LowerSection,
        graph: Graph,
        inputs: Sequence[tuple[Place, View]],
        outputs: Sequence[Place],
        in_place: Mapping[int, int],
        guard: GuardPlace,
    ) -> tuple[Statement, ...]:
        """Lower a graph and move its statements here.

        Args:
            lower_section: does it.
            graph: a part.
            inputs: where each lies.
            outputs: where each goes, row by row, or in place as the input lies.
            in_place: outputs that lie where an input does, by their numbers.
            guard: the places of its guards.

        Raises:
            NotRolledError: it cannot be lowered, or has calls of Python.
        """
        program = lower_section(graph, [view for _, view in inputs], in_place)
        if program is None or any(isinstance(s, Host) for s in program.body):
            raise NotRolledError
        targets = [*[place for place, _ in inputs], *outputs]
        places = dict(zip(program.buffers, targets, strict=False))
        for buffer in program.buffers[len(places) :]:
            if buffer.role == "constant":
                places[buffer] = self.constant(program.constants[buffer])
            else:
                self.buffers.append(buffer)
        renamed: dict[int, int] = {}

        def rename(name: int) -> int:
            if name not in renamed:
                renamed[name] = self.name()
            return renamed[name]

        return Relocation(places, rename, guard).block(program.body)
