"""Graph: a frozen program of ops without numbers, captured by running a function on types.

Print it, check it, run it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, frozen, settled, type_of
from chainrule.core.op import READS_OUT, Op, reads_argument
from chainrule.core.trace import OUTPUT, Level, Node, topological, wrap
from chainrule.core.types import ArrayType, Value
from chainrule.errors import EscapedValueError, GraphError, ShapeError
from chainrule.markup import table
from chainrule.records import record

_LONGEST = 60
"""Characters of a constant that are shown."""


class CaptureLevel(Level):
    """Records every op on types alone: the bottom of a value is an `ArrayType`."""

    __slots__ = ()
    hands_on_errors = False  # a rule that refuses symbols has lost nobody's derivative
    takes_derivatives = False
    has_numbers = False

    def input(self, type: ArrayType) -> Any:  # noqa: A002  the vocabulary's word
        """Return a traced input of which only the type is known."""
        return wrap(self, type, Node(None, (), {}, (), type, type))

    def decide(self, x: Any) -> bool:
        """Say whether a value holds, for Python's branches. On types alone nobody knows."""
        raise EscapedValueError.from_unknown_numbers()

    def layout(self, x: Any) -> Any:
        """Return an array that lies in memory as that of a value: on types alone, row by row."""
        return np.empty(x.type.shape, np.int8)

    def shown(self, x: Any) -> Value:
        """Return what stands for a value in a text: its type."""
        return x.out

    def numbers_of(self, x: Any, name: str) -> Value:
        """Return the numbers of a value, on which a shape depends. On types alone nobody knows."""
        raise ShapeError.from_unknown(name)

    def doubt(self, name: str, error: Exception) -> None:
        """Take note that NumPy raises an error for samples of the arguments of a call: rules are not asked."""

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        mine = [type(a) in HANDLES and a.level is self for a in args]
        parents = tuple([a.node if own else None for a, own in zip(args, mine, strict=True)])
        kept = tuple(
            [
                type_of(a) if own else self.snapshot(settled(a))
                for a, own in zip(args, mine, strict=True)
            ]
        )
        out = op.infer(*map(type_of, args), **params)
        node = Node(op, kept, params, parents, out, out)
        if type(out) is tuple:
            return tuple(
                wrap(self, o, Node(OUTPUT, (o,), {"index": i}, (node,), o, o))
                for i, o in enumerate(out)
            )
        return wrap(self, out, node)


@record
class Graph:
    """A program: its inputs, every node in order, its results (nodes, or plain values that depend on no input)."""

    inputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    outputs: tuple[Any, ...]

    def __str__(self) -> str:
        """One line per node: name, call, type."""
        names = _names(self)
        lines = [f"input {names[n]}: {n.type}" for n in self.inputs]
        width = max((len(names[n]) for n in self.nodes), default=0)
        lines += [
            f"{names[n]:<{width}} = {_written(n, names)}  : {_type_text(n.type)}"
            for n in self.nodes
        ]
        results = [names[o] if isinstance(o, Node) else _shown(o) for o in self.outputs]
        return "\n".join([*lines, f"return {', '.join(results)}"])

    def _repr_html_(self) -> str:
        """Return the nodes as a table, for notebooks."""
        names = _names(self)
        rows = [(names[n], "input", _type_text(n.type)) for n in self.inputs]
        rows += [(names[n], _written(n, names), _type_text(n.type)) for n in self.nodes]
        return table(f"{len(self.nodes)} nodes", ("name", "call", "type"), rows)

    def check(self) -> None:
        """Verify that every node follows its parents and has the type its op infers.

        Raises:
            GraphError: the first node that breaks a rule.
        """
        known: set[Node] = set(self.inputs)
        for node in self.nodes:
            where = f"graph node {node!r}"
            if any(p is not None and p not in known for p in node.parents):
                raise GraphError.from_rule(where, "comes before one of its arguments")
            op = _op_of(node)
            if op is not OUTPUT:
                inferred = op.infer(*map(type_of, node.args), **node.params)
                if inferred != node.type:
                    raise GraphError.from_rule(
                        where, f"has type {node.type}, its op infers {inferred}"
                    )
            known.add(node)
        for o in self.outputs:
            if isinstance(o, Node) and o not in known:
                raise GraphError.from_rule(f"graph output {o!r}", "is not a node of the graph")

    def run(self, *values: Value) -> tuple[Value, ...]:
        """Evaluate the program on plain values, one per input."""
        known: dict[Node, Value] = dict(zip(self.inputs, values, strict=True))
        for node in self.nodes:
            if node.op is OUTPUT:
                known[node] = known[node.parents[0]][node.params["index"]]
                continue
            args = [
                a if parent is None else known[parent]
                for a, parent in zip(node.args, node.parents, strict=True)
            ]
            known[node] = _op_of(node).numpy(*args, **node.params)
        return tuple(known[o] if isinstance(o, Node) else o for o in self.outputs)


def capture(f: Callable[..., Any], *types: ArrayType) -> Graph:
    """Run `f` on types and return the graph of what it did.

    Args:
        f: takes one array per type; returns an array or a tuple or list of arrays.
        *types: the types of the arguments.

    Returns:
        A graph with one input per type.
    """
    with CaptureLevel() as level:
        handles = [level.input(t) for t in types]
        inputs = tuple([h.node for h in handles])  # before `f` writes to its arguments
        out = f(*handles)
        results = out if isinstance(out, (tuple, list)) else (out,)
        settled_results = [settled(frozen(r)) for r in results]
        outputs = tuple([r.node if type(r) in HANDLES else r for r in settled_results])
    ends = [o for o in outputs if isinstance(o, Node)]
    nodes = tuple(n for n in topological(ends) if n.op is not None)
    return Graph(inputs, nodes, outputs)


def reads_by_symbols(
    op: Op, traced: int, types: Sequence[ArrayType], params: Mapping[str, Any]
) -> int:
    """Run the reverse rule of `op` once on symbols, and see which of them its results depend on."""
    with CaptureLevel() as level:
        args = [level.input(t) for t in types]
        out_type: Any = op.infer(*types, **params)
        if type(out_type) is tuple:
            out: Any = tuple(level.input(t) for t in out_type)
            g: Any = tuple(level.input(t) for t in out_type)
        else:
            out, g = level.input(out_type), level.input(out_type)
        needs = [traced >> i & 1 for i in range(len(types))]
        terms = op.vjp(needs, g, out, args, params)
    used = set(topological(t.node for t in terms if type(t) in HANDLES))
    outs = out if type(out) is tuple else (out,)
    from_arguments = sum(reads_argument(i) for i, a in enumerate(args) if a.node in used)
    return from_arguments + (READS_OUT if any(o.node in used for o in outs) else 0)


def _op_of(node: Node) -> Op:
    if node.op is None:
        raise GraphError.from_rule(f"graph node {node!r}", "is an input among the nodes")
    return node.op


def _names(graph: Graph) -> dict[Node, str]:
    names = {node: f"x{i}" for i, node in enumerate(graph.inputs)}
    names.update({node: f"v{i}" for i, node in enumerate(graph.nodes)})
    return names


def _written(node: Node, names: Mapping[Node, str]) -> str:
    if node.op is OUTPUT:
        return f"{names[node.parents[0]]}[{node.params['index']}]"
    args = [
        _shown(a) if p is None else names[p] for a, p in zip(node.args, node.parents, strict=True)
    ]
    options = [f"{k}={_shown(v)}" for k, v in node.params.items()]
    return f"{_op_of(node).name}({', '.join([*args, *options])})"


def _shown(constant: Any) -> str:
    """Write a constant on one line."""
    text = " ".join(repr(constant).split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _type_text(t: ArrayType | tuple[ArrayType, ...]) -> str:
    return ", ".join(map(str, t)) if isinstance(t, tuple) else str(t)
