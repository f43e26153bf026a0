"""From the graph to the plan: each node becomes an operand, and work that computes it."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.decisions import CHECK, GUARD
from chainrule.compiler.loops.program import Number
from chainrule.compiler.planning.diagonals import TRIANGLES, diagonal_of
from chainrule.compiler.planning.folds import COMBINE, axes_of, neutral, why_not
from chainrule.compiler.planning.grouping import Grouping, reads
from chainrule.compiler.planning.host import host_function, result_types, why_numpy
from chainrule.compiler.planning.indexing import normalized, selected
from chainrule.compiler.planning.lifetimes import VIEWS, Lifetimes
from chainrule.compiler.planning.loop_calls import PACK, UNPACK, batch_of, loop_of, solver
from chainrule.compiler.planning.operands import (
    constant,
    is_matrix,
    known_numbers,
    moved,
    part_of_constant,
)
from chainrule.compiler.planning.patches import (
    Patches,
    added,
    landing,
    multiplies,
    patches_of,
    product_of,
    waiting,
)
from chainrule.compiler.planning.plan import (
    Array,
    Check,
    DType,
    Fold,
    Group,
    HostCall,
    Lookup,
    LoopCall,
    MatrixProduct,
    Operand,
    Plan,
    Point,
    Read,
    Scan,
    Uniform,
)
from chainrule.compiler.planning.rules import called_rule, elementwise_rule, is_native
from chainrule.compiler.planning.scans import SCANS, rules_of
from chainrule.compiler.planning.transforms import TRANSFORMS, transform_of
from chainrule.compiler.records import replaced
from chainrule.compiler.views import View, whole
from chainrule.core.graph import Graph
from chainrule.core.op import Ufunc
from chainrule.core.trace import OUTPUT, Node
from chainrule.core.types import ArrayType, Shape, type_of_plain
from chainrule.ops.additions import terms_of

_BOOL = np.dtype(bool)
_INT = np.dtype(np.int64)
_FILLS = {"zeros_like": 0, "empty_like": 0, "ones_like": 1}
_PRODUCTS = frozenset("fdFD")
"""Dtypes for which there are products, by their letters."""


def plan(graph: Graph, input_views: Sequence[View]) -> Plan:
    """Plan the work of a graph.

    Args:
        graph: what to compute; every node behind its parents.
        input_views: where the elements of each input lie in its memory.
    """
    return _Planner(graph, input_views).plan()


class _Planner:
    """Walks through the nodes once.

    Attributes:
        values: the operand of each node that was met.
        work: the items so far.
        patches: joined parts that are read where they lie.
        products: those that are not planned yet, as all that reads them may add them somewhere at once.
    """

    def __init__(self, graph: Graph, input_views: Sequence[View]) -> None:
        self.graph = graph
        self.values: dict[Node, Operand] = {}
        self.patches: dict[Node, Patches] = {}
        self.work = Grouping()
        self.inputs: list[Array] = []
        self.guards = 0
        self.position = 0
        self.waiting = waiting(graph)
        self.lifetimes = Lifetimes(graph, self.waiting)
        self.products: dict[Array, tuple[Read, Read]] = {}
        self._methods = {
            "matmul": self._product,
            "getitem": self._taken,
            "scatter": self._scattered,
            "setitem": self._written,
            "add_at": self._added,
            "concatenate": self._joined,
            "stack": self._joined,
            "astype": self._cast,
            "cast_to_integer": self._cast,
            "copy": self._cast,
            "from_diagonal": self._on_diagonal,
            "qr": self._factored,
            "solve_triangular": self._triangular,
            **dict.fromkeys(TRANSFORMS, self._transformed),
            **dict.fromkeys(TRIANGLES, self._triangle),
            **dict.fromkeys(_FILLS, self._fill),
            **dict.fromkeys(SCANS, self._scanned),
        }
        for i, (node, view) in enumerate(zip(graph.inputs, input_views, strict=True)):
            self.inputs.append(Array(node.type.shape, node.type.dtype, input=i))
            self.values.setdefault(node, Read(self.inputs[-1], view))

    def plan(self) -> Plan:
        """Return the plan."""
        for position, node in enumerate(self.graph.nodes):
            self.position = position
            if node.op is not OUTPUT:
                self._place(node)
        assert not self.products, "whatever reads a product makes it be planned"
        self.position += 1
        results = self._results()
        return Plan(tuple(self.work.items), tuple(self.inputs), results)

    def _results(self) -> tuple[Read, ...]:
        """Return the outputs, each all of an array of its own."""
        results: list[Read] = []
        for o in self.graph.outputs:
            x = self._whole(self.values[o] if isinstance(o, Node) else constant(o))
            if x.array.constant is not None or any(x.array is r.array for r in results):
                x = self._copied(x)
            results.append(x)
        return tuple(results)

    def _place(self, node: Node) -> None:
        """Find the operand of a node."""
        assert node.op is not None
        name = node.op.name
        if node.op is GUARD:
            self._guard(node)
        elif node.op is CHECK:
            self.work.append(Check(self._operand(node, 0), expected=False, place=-1))
        elif _is_empty(node):
            self._host(node, "an array without elements")
        elif self._stays_patches(node, name):
            pass
        elif name in VIEWS or (name == "getitem" and len(node.parents) == 1):
            self.values[node] = self._viewed(node, name)
        elif name in COMBINE:
            self._fold(node, name)
        else:
            self._methods.get(name, self._elementwise)(node)

    # operands

    def _operand(self, node: Node, i: int) -> Operand:
        """Return argument `i` of a node."""
        parent = node.parents[i]
        if parent is None:
            return constant(node.args[i])
        known = self.values.get(parent)
        if known is None:
            known = self.values[parent] = self._written_out(self.patches[parent])
        return known

    def _operands(self, node: Node, first: int = 0) -> list[Operand]:
        return [self._operand(node, i) for i in range(first, len(node.parents))]

    def _computed(
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

    def _copied(self, x: Operand, dtype: DType | None = None) -> Read:
        """Plan a copy of an operand, row by row, cast if a dtype is given."""
        label = "copy" if dtype is None else "astype"
        return self._computed(None, label, [x], [x.dtype], (x.dtype, x.shape, dtype or x.dtype))

    def _whole(self, x: Operand) -> Read:
        """Return an operand that lies row by row in memory of its own."""
        if isinstance(x, Read):
            if x.is_whole:
                return x
            if x.array.constant is not None:
                return part_of_constant(x)
        return self._copied(x)

    def _viewed(self, node: Node, name: str) -> Operand:
        """Return the operand of an op that only moves elements."""
        shape = node.type.shape
        x = self._operand(node, 0)
        if isinstance(x, Uniform):
            return Uniform(x.number, shape)
        if name == "stop_gradient":
            return x
        if isinstance(x, Read):
            view = moved(x.view, name, node.params, shape)
            if view is not None:
                return Read(x.array, view)
        self._settle(x)
        x = self._whole(x)
        view = moved(x.view, name, node.params, shape)
        assert view is not None, "what lies row by row has every shape"
        return Read(x.array, view)

    def _stays_patches(self, node: Node, name: str) -> bool:
        """Keep what a node makes of patches as patches, if it does."""
        patches: Patches | None = None
        source = self.patches.get(node.parents[0]) if name in VIEWS and node.parents[0] else None
        if source is not None:
            patches = source.moved(name, node.params, node.type.shape)
        elif name in {"concatenate", "stack"} and node in self.waiting:
            axis = node.params["axis"] % len(node.type.shape)
            patches = patches_of(self._operands(node), axis, is_stack=name == "stack")
        if patches is None:
            return False
        self.patches[node] = patches
        return True

    def _written_out(self, patches: Patches) -> Read:
        """Plan a copy of patches, row by row."""
        factors = patches.unfolding.factors
        view = self._copied(Read(patches.array, factors))
        shaped = view.view.reshaped(patches.shape)
        assert shaped is not None
        return Read(view.array, shaped)

    # work

    def _elementwise(self, node: Node) -> None:
        assert node.op is not None
        types = [
            type_of_plain(a) if p is None else p.type
            for a, p in zip(node.args, node.parents, strict=True)
        ]
        if type(node.type) is tuple:
            self._several(node, types)
            return
        rule, casts, dtype = elementwise_rule(node.op, types, node.type, node.params)
        if rule is None:
            if not self._by_loop(node, types):
                self._host(node, why_numpy(node.op))
            return
        out = (dtype, node.type.shape, node.type.dtype)
        self.values[node] = self._computed(rule, node.op.name, self._operands(node), casts, out)

    def _several(self, node: Node, types: Sequence[ArrayType]) -> None:
        """Compute several results of one element."""
        assert node.op is not None
        if self._by_loop(node, types):
            return
        called = called_rule(node.op, types, node.params)
        if called is None:
            self._host(node, why_numpy(node.op, "several results"))
            return
        rule, casts, dtypes = called
        operands = self._operands(node)
        for output in self._outputs(node):
            i, t = output.params["index"], output.type
            self.values[output] = self._computed(
                replaced(rule, result=i),
                node.op.name,
                operands,
                casts,
                (dtypes[i], t.shape, t.dtype),
            )

    def _by_loop(self, node: Node, types: Sequence[ArrayType]) -> bool:
        """Compute a node by the loop of a generalized ufunc, if there is one."""
        found = loop_of(node, types)
        if found is None:
            return False
        ufunc, letters = found
        given, made = ([np.dtype(c) for c in part] for part in letters.split("->"))
        operands = [
            self._strided(x, dtype) for x, dtype in zip(self._operands(node), given, strict=True)
        ]
        if ufunc.is_finite:
            self._require_finite(operands[0])
        results = result_types(node)
        outs = [_new(t.shape, dtype) for t, dtype in zip(results, made, strict=True)]
        self._call_loop(ufunc, letters, operands, outs)
        values = [
            x if t.dtype == x.dtype else self._copied(x, t.dtype)
            for x, t in zip(outs, results, strict=True)
        ]
        self._hand_on(node, values)
        return True

    def _call_loop(
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

    def _strided(self, x: Operand, dtype: DType) -> Read:
        """Return an operand that lies in memory, of a dtype."""
        if x.dtype != dtype:
            return self._copied(x, dtype)
        self._settle(x)
        return x if isinstance(x, Read) else self._copied(x)

    def _require_finite(self, x: Read) -> None:
        """Leave the step where a number is not finite."""
        types = (_BOOL, x.shape, _BOOL)
        finite = self._computed(_is_finite, "isfinite", [x], [x.dtype], types)
        axes = tuple(range(len(x.shape)))
        condition = self._folded("logical_and", finite, axes, _BOOL)
        self.work.append(Check(condition, expected=True, place=-1))

    def _factored(self, node: Node) -> None:
        """Compute q and r, as `np.linalg.qr` does: the factors come packed, in the matrix itself."""
        x = self._operand(node, 0)
        m, n = x.shape[-2:]
        k = min(m, n)
        dtype = np.dtype(complex if x.dtype.kind == "c" else float)
        letter = dtype.char
        packed = self._copied(x, dtype)
        scales = _new((*x.shape[:-2], k), dtype)
        q = _new((*x.shape[:-1], k), dtype)
        self._call_loop(PACK, f"{letter}->{letter}", [packed], [scales], changes=True)
        self._call_loop(UNPACK, f"{letter}{letter}->{letter}", [packed, scales], [q])
        top = Read(packed.array, packed.view.cut((..., slice(0, k), slice(None))))
        r = self._computed(
            TRIANGLES["triu"],
            "triu",
            (constant(np.arange(k)[:, None]), constant(np.arange(n)), top, _zero(dtype)),
            (_INT, _INT, dtype, dtype),
            (dtype, top.shape, dtype),
        )
        values = [
            y if y.dtype == t.dtype else self._copied(y, t.dtype)
            for y, t in zip([q, r], node.type, strict=True)
        ]
        self._hand_on(node, values)

    def _triangular(self, node: Node) -> None:
        """Solve a triangular system, as SciPy does: the columns of the result lie in a row each."""
        dtype = node.type.dtype
        if dtype.char not in _PRODUCTS:
            self._host(node, f"numbers of dtype {dtype}")
            return
        a, b = (self._strided(x, x.dtype) for x in self._operands(node))
        for x in (a, b):
            self._require_finite(x)
        a = self._matrix(a, dtype)
        x = self._copied(Read(b.array, b.view.turned()), dtype)
        ufunc, view = solver(a.view, node.params)
        operands = (x, Read(a.array, view))
        self._call_loop(ufunc, f"{dtype.char * 2}->", operands, (), changes=True)
        self.values[node] = Read(x.array, x.view.turned())

    def _transformed(self, node: Node) -> None:
        """Transform along axes, as `numpy.fft` does, the last first."""
        assert node.op is not None
        dtype, params = node.type.dtype, node.params
        x = self._operand(node, 0)
        if dtype.char not in _PRODUCTS or not is_native(x.dtype):
            self._host(node, f"numbers of dtype {x.dtype}")
            return
        axes = params["axes"] if "axes" in params else (params["axis"],)
        for axis in reversed(axes):
            size = x.shape[axis]
            n = params.get("n", size)
            name, norm = node.op.name, params["norm"]
            how = transform_of(name, x.dtype, dtype, size=size, n=n, norm=norm)
            given = self._strided(x, how.loop[0])
            factor = Read(Array((), how.factor.dtype, constant=np.asarray(how.factor)), whole(()))
            shape = (*x.shape[:axis], how.size, *x.shape[axis + 1 :])
            made = _new(shape, how.loop[-1])
            order = (*[k for k in range(len(shape)) if k != axis], axis)
            source, target = (Read(y.array, y.view.transposed(order)) for y in (given, made))
            self._call_loop(how.ufunc, how.types, [source, factor], [target])
            x = made if made.dtype == how.made else self._copied(made, how.made)
        self.values[node] = x if axes else self._copied(x, dtype)

    def _hand_on(self, node: Node, values: Sequence[Operand]) -> None:
        """Give a node its value, or the nodes that stand for its results theirs."""
        if type(node.type) is not tuple:
            self.values[node] = values[0]
            return
        for output in self._outputs(node):
            self.values[output] = values[output.params["index"]]

    def _outputs(self, node: Node) -> list[Node]:
        """Return the nodes that stand for the results of a node with several."""
        rest = self.graph.nodes[self.position + 1 :]
        return [n for n in rest if n.op is OUTPUT and n.parents[0] is node]

    def _cast(self, node: Node) -> None:
        x = self._operand(node, 0)
        dtype = node.type.dtype
        # Values never change: a copy is the value itself.
        self.values[node] = x if x.dtype == dtype else self._copied(x, dtype)

    def _fill(self, node: Node) -> None:
        assert node.op is not None
        dtype = node.type.dtype
        number = Number(dtype.type(_FILLS[node.op.name]), dtype)
        self.values[node] = Uniform(number, node.type.shape)

    def _triangle(self, node: Node) -> None:
        """Keep the elements on one side of a diagonal; the others are zero, whatever they were."""
        assert node.op is not None
        dtype, shape = node.type.dtype, node.type.shape
        if not is_native(dtype):
            self._host(node, f"numbers of dtype {dtype}")
            return
        rows, columns = shape[-2:]
        row = constant(np.arange(rows)[:, None] + node.params["k"])
        operands = (row, constant(np.arange(columns)), self._operand(node, 0), _zero(dtype))
        self.values[node] = self._computed(
            TRIANGLES[node.op.name],
            node.op.name,
            operands,
            (_INT, _INT, dtype, dtype),
            (dtype, shape, dtype),
        )

    def _on_diagonal(self, node: Node) -> None:
        """Write a diagonal into zeros."""
        value = self._operand(node, 0)
        dtype, shape = node.type.dtype, node.type.shape
        target = self._copied(Uniform(Number(dtype.type(0), dtype), shape)).array
        params = node.params
        place = diagonal_of(whole(shape), params["offset"], params["axis1"], params["axis2"])
        piece = Point(None, "write", (value,), (dtype,), dtype, place.shape, target, place)
        target.ready = self.work.append(Group(place.shape, [piece]))
        self.values[node] = Read(target, whole(shape))

    def _guard(self, node: Node) -> None:
        condition = self._operand(node, 0)
        self.work.append(Check(condition, node.params["expected"], self.guards))
        self.guards += 1

    def _fold(self, node: Node, name: str) -> None:
        x = self._operand(node, 0)
        dtype = node.type.dtype
        reason = why_not(COMBINE[name], dtype)
        if reason:
            self._host(node, reason)
            return
        axes = axes_of(node, x.shape)
        rest = tuple([n for k, n in enumerate(x.shape) if k not in axes])
        read = self._folded(COMBINE[name], x, axes, dtype) if axes else self._copied(x, dtype)
        view = whole(rest).reshaped(node.type.shape)
        assert view is not None
        self.values[node] = Read(read.array, view)

    def _folded(self, combine: str, x: Operand, axes: tuple[int, ...], dtype: DType) -> Read:
        """Plan a reduction; the axes it goes over are gone."""
        rest = tuple([n for k, n in enumerate(x.shape) if k not in axes])
        out = Array(rest, dtype)
        out.maker = Fold(combine, neutral(combine, dtype), x, dtype, axes, out)
        self.work.join(out.maker)
        return Read(out, whole(rest))

    def _scanned(self, node: Node) -> None:
        """Plan running totals."""
        assert node.op is not None
        dtype, shape = node.type.dtype, node.type.shape
        if not is_native(dtype):
            self._host(node, f"numbers of dtype {dtype}")
            return
        operands = tuple(
            [self._copied(x) if isinstance(x, Lookup) else x for x in self._operands(node)]
        )
        rule, first = rules_of(node.op.name, node.params)
        out = Array(shape, dtype)
        axis = node.params["axis"] % len(shape)
        self.work.append(Scan(rule, first, node.op.name, operands, axis, out))
        self.values[node] = Read(out, whole(shape))

    def _product(self, node: Node) -> None:
        dtype = node.type.dtype
        if self._multiplied_patches(node, dtype):
            return
        a, b = self._operands(node)
        if dtype.char not in _PRODUCTS:
            self._host(node, "a product of these numbers")
            return
        left, right = self._matrix(a, dtype), self._matrix(b, dtype)
        if len(a.shape) == 1:
            left = Read(left.array, left.view.cut((None, ...)))
        if len(b.shape) == 1:
            right = Read(right.array, right.view.cut((..., None)))
        batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
        if batch and len(right.shape) == 2 and left.shape[:-2] == batch:
            # One product for the whole batch, if its rows follow each other evenly.
            rows = math.prod(batch) * left.shape[-2]
            folded = left.view.reshaped((rows, left.shape[-1]))
            if folded is not None:
                left, batch = Read(left.array, folded), ()
        rows, columns = left.shape[-2], right.shape[-1]
        left = Read(left.array, left.view.broadcast((*batch, *left.shape[-2:])))
        right = Read(right.array, right.view.broadcast((*batch, *right.shape[-2:])))
        out = Array((*batch, rows, columns), dtype)
        if node in self.waiting and not batch:
            self.products[out] = left, right
        else:
            self.work.append(MatrixProduct(left, right, out))
        view = whole(out.shape).reshaped(node.type.shape)
        assert view is not None
        self.values[node] = Read(out, view)

    def _multiplied_patches(self, node: Node, dtype: DType) -> bool:
        """Plan a product with patches, if it is one and worth it."""
        left, right = (self.patches.get(p) if p is not None else None for p in node.parents)
        patches = left or right
        if patches is None or (left and right):
            return False
        other = self._operand(node, 1 if left else 0)
        if not multiplies(patches, other):
            return False
        factor = other if isinstance(other, Read) else self._copied(other)
        if right:  # (x @ p).T = p.T @ x.T
            patches, factor = patches.turned(), Read(factor.array, factor.view.turned())
        made = product_of(patches, self._columns_in_a_row(factor))
        if made.add:
            zeros = self._copied(Uniform(Number(dtype.type(0), dtype), made.out.shape))
            made.out = zeros.array
        self.work.append(made)
        view = whole(made.out.shape)
        if right:
            view = view.turned()
        self.values[node] = Read(made.out, view)
        return True

    def _settle(self, x: Operand) -> None:
        """Plan a product that waited, where its elements are needed."""
        if isinstance(x, Read) and x.array in self.products:
            a, b = self.products.pop(x.array)
            self.work.append(MatrixProduct(a, b, x.array))

    def _matrix(self, x: Operand, dtype: DType) -> Read:
        """Return an operand of a product: in the product's dtype, with rows or columns that lie without gaps."""
        if x.dtype != dtype:
            return self._copied(x, dtype)
        return x if isinstance(x, Read) and is_matrix(x.view) else self._whole(x)

    def _host(self, node: Node, reason: str) -> None:
        """Have NumPy compute a node."""
        assert node.op is not None
        given = [self._operand(node, i) for i, p in enumerate(node.parents) if p is not None]
        for x in given:
            self._settle(x)
        operands = tuple([self._whole(x) for x in given])
        outs = tuple([Array(t.shape, t.dtype) for t in result_types(node)])
        self.work.append(
            HostCall(host_function(node, node.op), operands, outs, node.op.name, reason)
        )
        self._hand_on(node, [Read(out, whole(out.shape)) for out in outs])

    # indices

    def _taken(self, node: Node) -> None:
        """Read where index arrays say."""
        x, *arrays = self._operands(node)
        index = self._index(node, node.params["index"], x.shape, arrays)
        if index is None:
            return
        selection, positions = index
        base = x if isinstance(x, Read) else self._whole(x)
        picked = selected(base.array, base.view, selection, positions)
        self.values[node] = Read(base.array, picked) if isinstance(picked, View) else picked

    def _scattered(self, node: Node) -> None:
        """Add into zeros where an index says."""
        value, *arrays = self._operands(node)
        shape, dtype = node.type.shape, node.type.dtype
        index = self._index(node, node.params["index"], shape, arrays)
        if index is None:
            return
        target = self._copied(Uniform(Number(dtype.type(0), dtype), shape)).array
        self._write(target, shape, index, value, add=True)
        self.values[node] = Read(target, whole(shape))

    def _written(self, node: Node) -> None:
        """Write where an index says."""
        x, value, *arrays = self._operands(node)
        index = self._index(node, node.params["index"], x.shape, arrays)
        if index is None:
            return
        target = self._own(node, x, [value, *arrays])
        self._write(target, x.shape, index, value, add=False)
        self.values[node] = Read(target, whole(x.shape))

    def _added(self, node: Node) -> None:
        """Add parts into one array, one after the other."""
        base, *rest = self._operands(node)
        terms = list(terms_of(rest, node.params["indices"]))
        indices = [self._index(node, i, base.shape, arrays) for _, i, arrays in terms]
        if None in indices:
            return
        groups: dict[Any, list[tuple[Operand, Any]]] = defaultdict(list)
        for k, ((part, _, _), index) in enumerate(zip(terms, indices, strict=True)):
            array = getattr(part, "array", None)
            groups[array if array in self.products else k].append((part, index))
        factors = [x for array in groups if array in self.products for x in self.products[array]]
        target = self._own(node, base, [*rest, *factors])
        for parts in groups.values():
            if self._added_patches(target, base.shape, parts):
                continue
            for part, index in parts:
                self._settle(part)
                self._write(target, base.shape, index, part, add=True)
        self.values[node] = Read(target, whole(base.shape))

    def _added_patches(
        self, target: Array, shape: Shape, parts: Sequence[tuple[Operand, Any]]
    ) -> bool:
        """Plan a product whose parts are added to an array, if these are all of such a product's."""
        array = getattr(parts[0][0], "array", None)
        if array is None or array not in self.products:
            return False
        pairs = []
        for part, (selection, positions) in parts:
            place = selected(target, whole(shape), selection, positions)
            if (
                not isinstance(part, Read)
                or not isinstance(place, View)
                or part.shape != place.shape
            ):
                return False
            pairs.append((part.view, place))
        places = landing(array, target, pairs)
        if places is None:
            return False
        a, b = self.products.pop(array)
        self.work.append(added(a, self._columns_in_a_row(b), target, places))
        return True

    def _columns_in_a_row(self, x: Read) -> Read:
        return x if x.view.strides[-1] == 1 else self._copied(x)

    def _index(self, node: Node, index: Any, shape: Shape, arrays: Sequence[Operand]) -> Any:
        """Return an index in full, and its arrays counted from the front; None where NumPy computes the node."""
        selection = normalized(index, shape, [a.shape for a in arrays])
        if any(a.dtype.kind not in "iu" for a in arrays):
            self._host(node, "an index of this dtype")
            return None
        positions = [self._in_range(a, n) for a, n in zip(arrays, selection.sizes, strict=True)]
        return selection, positions

    def _in_range(self, index: Operand, size: int) -> Operand:
        """Return an index array whose elements count from the front; leave the step where one is out of range."""
        known = known_numbers(index)
        if known is not None and np.all((known >= -size) & (known < size)):
            if np.all(known >= 0):
                return index
            front = np.where(known < 0, known + size, known)
            if isinstance(index, Uniform):
                return Uniform(Number(np.int64(front), _INT), index.shape)
            assert isinstance(index, Read)
            return Read(Array(front.shape, front.dtype, constant=front), index.view)
        args = (index, Uniform(Number(np.int64(size), _INT), ()))
        shape = index.shape
        bad = self._computed(
            _is_out_of_range, "is_out_of_range", args, (_INT, _INT), (_BOOL, shape, _BOOL)
        )
        if shape:
            bad = self._folded("logical_or", bad, tuple(range(len(shape))), _BOOL)
        self.work.append(Check(bad, expected=False, place=-1))
        return self._computed(_from_front, "from_front", args, (_INT, _INT), (_INT, shape, _INT))

    def _own(self, node: Node, x: Operand, others: Sequence[Operand]) -> Array:
        """Return an array with the elements of `x` that may be written to: its own where nobody reads it later."""
        if (
            isinstance(x, Read)
            and x.is_whole
            and x.array.maker is not None
            and x.dtype == node.type.dtype
            and not any(reads(y, x.array) for y in others)
            and self.lifetimes.ends_at(node.parents[0], self.position)
        ):
            return x.array
        return self._copied(x, node.type.dtype).array

    def _write(
        self,
        target: Array,
        shape: Shape,
        index: tuple[Any, Sequence[Operand]],
        value: Operand,
        *,
        add: bool,
    ) -> None:
        """Write a value into a part of an array."""
        selection, positions = index
        place = selected(target, whole(shape), selection, positions)
        domain = place.shape
        if len(value.shape) > len(domain):
            value = _without_first_axes(self._whole(value), len(domain))
        piece = Point(
            None,
            "write",
            (value,),
            (target.dtype,),
            target.dtype,
            domain,
            target,
            place,
            add=add,
            in_turn=isinstance(place, Lookup),
        )
        target.ready = self.work.append(Group(domain, [piece]))

    def _joined(self, node: Node) -> None:
        """Copy parts one behind the other."""
        assert node.op is not None
        shape = node.type.shape
        axis = node.params["axis"] % len(shape)
        before = (slice(None),) * axis
        out = Array(shape, node.type.dtype)
        start = 0
        for part in self._operands(node):
            if node.op.name == "stack":
                cut: Any = start
                start += 1
            else:
                cut = slice(start, start + part.shape[axis])
                start += part.shape[axis]
            place = whole(shape).cut((*before, cut))
            piece = Point(None, "copy", (part,), (part.dtype,), part.dtype, place.shape, out, place)
            out.ready = self.work.append(Group(place.shape, [piece]))
        self.values[node] = Read(out, whole(shape))


def _is_empty(node: Node) -> bool:
    """Say whether an array without elements is involved: there is next to nothing to compute."""
    types = [*result_types(node)]
    for p in node.parents:
        if p is not None:
            types += result_types(p)
    return any(t.size == 0 for t in types)


def _without_first_axes(x: Read, count: int) -> Read:
    """Return an operand without its first axes, which have one element, so that `count` are left."""
    view = x.view.reshaped(x.shape[len(x.shape) - count :])
    assert view is not None
    return Read(x.array, view)


def _new(shape: Shape, dtype: DType) -> Read:
    """Return all of a new array."""
    return Read(Array(shape, dtype), whole(shape))


def _zero(dtype: DType) -> Uniform:
    return Uniform(Number(dtype.type(0), dtype), ())


def _is_finite(e: Any, x: Any) -> Any:
    return e.isfinite(x)


def _is_out_of_range(e: Any, index: Any, size: Any) -> Any:
    return e.logical_or(e.less(index, e.negative(size)), e.greater_equal(index, size))


def _from_front(e: Any, index: Any, size: Any) -> Any:
    return e.where(e.less(index, e.subtract(size, size)), e.add(index, size), index)
