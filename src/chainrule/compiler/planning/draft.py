"""A plan in the making: the work so far, and operands made to fit what is to be computed with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.folds import neutral
from chainrule.compiler.planning.grouping import Grouping
from chainrule.compiler.planning.host import host_function, result_types
from chainrule.compiler.planning.lifetimes import Lifetimes
from chainrule.compiler.planning.loop_calls import batch_of
from chainrule.compiler.planning.operands import constant, is_matrix, part_of_constant
from chainrule.compiler.planning.patches import Patches, waiting
from chainrule.compiler.planning.plan import (
    Array,
    Check,
    DType,
    Fold,
    HostCall,
    LoopCall,
    MatrixProduct,
    Operand,
    Point,
    Read,
    Uniform,
)
from chainrule.compiler.views import View, whole
from chainrule.core.graph import Graph
from chainrule.core.op import Ufunc
from chainrule.core.trace import OUTPUT, Node
from chainrule.core.types import Shape

_BOOL = np.dtype(bool)


class Draft:
    """What is planned so far.

    Attributes:
        values: the operand of each node that was met.
        work: the items so far.
        inputs: the arrays of the inputs.
        position: the place of the node at hand.
        patches: joined parts that are read where they lie.
        waiting: nodes whose products may be added somewhere at once, by all that reads them.
        lifetimes: when values are read for the last time.
        products: those that are not planned yet.
    """

    def __init__(self, graph: Graph, input_views: Sequence[View]) -> None:
        self.graph = graph
        self.values: dict[Node, Operand] = {}
        self.patches: dict[Node, Patches] = {}
        self.work = Grouping()
        self.inputs: list[Array] = []
        self.position = 0
        self.waiting = waiting(graph)
        self.lifetimes = Lifetimes(graph, self.waiting)
        self.products: dict[Array, tuple[Read, Read]] = {}
        for i, (node, view) in enumerate(zip(graph.inputs, input_views, strict=True)):
            self.inputs.append(Array(node.type.shape, node.type.dtype, input=i))
            self.values.setdefault(node, Read(self.inputs[-1], view))

    def operand(self, node: Node, i: int) -> Operand:
        """Return argument `i` of a node."""
        parent = node.parents[i]
        if parent is None:
            return constant(node.args[i])
        known = self.values.get(parent)
        if known is None:
            known = self.values[parent] = self.written_out(self.patches[parent])
        return known

    def operands(self, node: Node, first: int = 0) -> list[Operand]:
        return [self.operand(node, i) for i in range(first, len(node.parents))]

    def computed(
        self,
        rule: Callable[..., Any] | None,
        label: str,
        operands: Sequence[Operand],
        casts: Sequence[DType],
        types: tuple[DType, Shape, DType],
    ) -> Read:
        """Plan elementwise work; `types` are the dtype of the rule's result, the shape and the dtype of the array."""
        dtype, shape, out_dtype = types
        out = Array(shape, out_dtype)
        piece = Point(rule, label, tuple(operands), tuple(casts), dtype, shape, out, whole(shape))
        out.maker = piece
        self.work.join(piece)
        return Read(out, whole(shape))

    def copied(self, x: Operand, dtype: DType | None = None) -> Read:
        """Plan a copy of an operand, row by row, cast if a dtype is given."""
        label = "copy" if dtype is None else "astype"
        return self.computed(None, label, [x], [x.dtype], (x.dtype, x.shape, dtype or x.dtype))

    def whole(self, x: Operand) -> Read:
        """Return an operand that lies row by row in memory of its own."""
        if isinstance(x, Read):
            if x.is_whole:
                return x
            if x.array.constant is not None:
                return part_of_constant(x)
        return self.copied(x)

    def written_out(self, patches: Patches) -> Read:
        """Plan a copy of patches, row by row."""
        factors = patches.unfolding.factors
        view = self.copied(Read(patches.array, factors))
        shaped = view.view.reshaped(patches.shape)
        assert shaped is not None
        return Read(view.array, shaped)

    def strided(self, x: Operand, dtype: DType) -> Read:
        """Return an operand that lies in memory, of a dtype."""
        if x.dtype != dtype:
            return self.copied(x, dtype)
        self.settle(x)
        return x if isinstance(x, Read) else self.copied(x)

    def matrix(self, x: Operand, dtype: DType) -> Read:
        """Return an operand of a product: in the product's dtype, with rows or columns that lie without gaps."""
        if x.dtype != dtype:
            return self.copied(x, dtype)
        return x if isinstance(x, Read) and is_matrix(x.view) else self.whole(x)

    def columns_in_a_row(self, x: Read) -> Read:
        return x if x.view.strides[-1] == 1 else self.copied(x)

    def settle(self, x: Operand) -> None:
        """Plan a product that waited, where its elements are needed."""
        if isinstance(x, Read) and x.array in self.products:
            a, b = self.products.pop(x.array)
            self.work.append(MatrixProduct(a, b, x.array))

    def folded(self, combine: str, x: Operand, axes: tuple[int, ...], dtype: DType) -> Read:
        """Plan a reduction; the axes it goes over are gone."""
        rest = tuple([n for k, n in enumerate(x.shape) if k not in axes])
        out = Array(rest, dtype)
        out.maker = Fold(combine, neutral(combine, dtype), x, dtype, axes, out)
        self.work.join(out.maker)
        return Read(out, whole(rest))

    def require_finite(self, x: Read) -> None:
        """Leave the step where a number is not finite."""
        types = (_BOOL, x.shape, _BOOL)
        finite = self.computed(_is_finite, "isfinite", [x], [x.dtype], types)
        axes = tuple(range(len(x.shape)))
        condition = self.folded("logical_and", finite, axes, _BOOL)
        self.work.append(Check(condition, expected=True, place=-1))

    def call_loop(
        self,
        ufunc: Ufunc,
        letters: str,
        operands: Sequence[Read],
        outs: Sequence[Read],
        *,
        changes: bool = False,
    ) -> None:
        """Plan the call of a loop."""
        batch = batch_of(ufunc, [x.shape for x in operands])
        item = LoopCall(ufunc, letters, batch, tuple(operands), tuple(outs), changes)
        self.work.append(item)

    def host(self, node: Node, reason: str) -> None:
        """Have NumPy compute a node."""
        assert node.op is not None
        given = [self.operand(node, i) for i, p in enumerate(node.parents) if p is not None]
        for x in given:
            self.settle(x)
        operands = tuple([self.whole(x) for x in given])
        outs = tuple([Array(t.shape, t.dtype) for t in result_types(node)])
        self.work.append(
            HostCall(host_function(node, node.op), operands, outs, node.op.name, reason)
        )
        self.hand_on(node, [Read(out, whole(out.shape)) for out in outs])

    def hand_on(self, node: Node, values: Sequence[Operand]) -> None:
        """Give a node its value, or the nodes that stand for its results theirs."""
        if type(node.type) is not tuple:
            self.values[node] = values[0]
            return
        for output in self.outputs(node):
            self.values[output] = values[output.params["index"]]

    def outputs(self, node: Node) -> list[Node]:
        """Return the nodes that stand for the results of a node with several."""
        rest = self.graph.nodes[self.position + 1 :]
        return [n for n in rest if n.op is OUTPUT and n.parents[0] is node]


def new(shape: Shape, dtype: DType) -> Read:
    """Return all of a new array."""
    return Read(Array(shape, dtype), whole(shape))


def zero(dtype: DType) -> Uniform:
    """Return the number zero."""
    return Uniform(Number(dtype.type(0), dtype), ())


def _is_finite(e: Any, x: Any) -> Any:
    return e.isfinite(x)
