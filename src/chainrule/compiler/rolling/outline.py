"""A graph as rows of numbers, in which repeated stretches are found as they are on a tape.

Ids are positions: the inputs first, then the nodes in recording order. Where the part of an array begins that an index
names, `x[t]`, is a place, which may move from turn to turn; everything else about an op is its kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.passes.rewrite import operands
from chainrule.compiler.passes.share import param_key
from chainrule.compiler.rolling.blocks import block_of
from chainrule.compiler.rolling.constants import Constants
from chainrule.compiler.rolling.tape import ABSENT
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType
from chainrule.records import fresh, mutable_record

WIDTH = 6
"""Operands of a node that may be in a loop at most."""


@mutable_record
class Outline:
    """What is needed of a graph to find its loops.

    Attributes:
        nodes: inputs and nodes, by id.
        kinds: equal for two nodes that do the same to operands of the same types.
        operands: ids, or constants as on a tape.
        places: the element of its array at which a block begins; the number of a guard; else 0.
        constants: values of constants.
    """

    nodes: list[Node] = fresh(default_factory=list)
    kinds: list[int] = fresh(default_factory=list)
    operands: list[tuple[int, ...]] = fresh(default_factory=list)
    places: list[int] = fresh(default_factory=list)
    constants: Constants = fresh(default_factory=Constants)

    def __len__(self) -> int:
        return len(self.kinds)

    def operand_matrix(self) -> Any:
        """Return the operands, one row per id, `ABSENT` where there is none; long rows are cut: they never repeat."""
        out = np.full((len(self), WIDTH), ABSENT, np.int64)
        for i, row in enumerate(self.operands):
            out[i, : len(row)] = row[:WIDTH]
        return out


def outline_of(graph: Graph) -> Outline:
    """Return the outline of a graph."""
    outline = Outline()
    ids: dict[Node, int] = {}
    kinds: dict[Any, int] = {}
    guards = 0
    for node in graph.inputs:
        ids[node] = len(outline)
        _append(outline, node, kinds.setdefault(("input", len(outline)), len(kinds)), (), 0)
    for node in graph.nodes:
        row = tuple([_operand(outline, x, ids) for x in operands(node)])
        key, place = _kind(node)
        if len(row) > WIDTH:
            key = (*key, "alone", len(outline))
        if node.op is not None and node.op.name == "guard":
            place, guards = guards, guards + 1
        ids[node] = len(outline)
        _append(outline, node, kinds.setdefault(key, len(kinds)), row, place)
    return outline


def _append(outline: Outline, node: Node, kind: int, row: tuple[int, ...], place: int) -> None:
    outline.nodes.append(node)
    outline.kinds.append(kind)
    outline.operands.append(row)
    outline.places.append(place)


def _operand(outline: Outline, x: Any, ids: dict[Node, int]) -> int:
    if type(x) is Node:
        return ids[x]
    return outline.constants.enter(x)


def _kind(node: Node) -> tuple[Any, int]:
    """Return what is equal for nodes that do the same, and the place."""
    place = 0
    values: list[Any] = []
    if node.params:
        block = block_of(node)
        if block is None:
            values = [param_key(v) for v in node.params.values()]
        else:
            place = block.view.offset
            rest = param_key(block.rest) if block.rest else ()
            whole = node.params.get("shape")
            values = ["block", block.view.shape, block.view.strides, rest, whole]
    types = [
        _type_key(a) if p is not None else _constant_key(a)
        for a, p in zip(node.args, node.parents, strict=True)
    ]
    return (node.op, *types, *values), place


def _type_key(t: Any) -> Any:
    return t if isinstance(t, ArrayType) else tuple(t)


def _constant_key(a: Any) -> Any:
    """Tell kinds of constants apart: numbers may differ from turn to turn, arrays may not."""
    if isinstance(a, np.ndarray) and a.shape:
        return a.dtype, a.shape, a.tobytes()
    return "number", type(a), getattr(a, "dtype", None)
