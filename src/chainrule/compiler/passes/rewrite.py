"""Making new graphs of old ones: nodes in the place of nodes, and algebraic rules as pairs of functions.

Nodes are shared between graphs and never written to. A node that a pass makes takes the number, the
user's place and the scope of the node it stands for.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.graph import Graph, capture
from chainrule.core.op import TABLE, WEAK_FRONTS, Op
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, Shape, array_type
from chainrule.records import computed_once, mutable_record

Operand = Any
"""A node, or a plain value that depends on no input."""

COMMUTATIVE = frozenset({"add", "multiply", "maximum", "minimum", "logical_and", "logical_or"})
"""Ops whose two arguments may change places: the same bits, up to which NaN comes out of two."""

_LARGEST_COMPARED = 4096
"""Elements of a constant array up to which it is compared with a number in a rule."""


def derived(
    origin: Node,
    op: Op | None,
    args: Sequence[Any],
    params: Mapping[str, Any],
    parents: Sequence[Any],
    type: Any,  # noqa: A002  the vocabulary's word
) -> Node:
    """Return a new node that stands for `origin`; it is much cheaper than recording one."""
    node = Node.__new__(Node)
    node.op, node.args, node.params, node.parents = op, args, params, parents
    node.out = node.type = type
    node.number, node.place, node.scope = origin.number, origin.place, origin.scope
    return node


def operands(node: Node) -> list[Operand]:
    """Return what a node is computed from: nodes and constants."""
    return [a if p is None else p for a, p in zip(node.args, node.parents, strict=True)]


def operand_type(x: Operand) -> Any:
    """Return the type of a node or of a constant."""
    return x.type if type(x) is Node else type_of(x)


class Builder:
    """Makes the nodes of a new graph while an old one is walked.

    Attributes:
        made: all of them so far, in order.
        origin: the node of the old graph that is being replaced.
        replaced: what stands for nodes of the old graph.
    """

    __slots__ = ("made", "origin", "replaced")
    origin: Node

    def __init__(self) -> None:
        self.made: list[Node] = []
        self.replaced: dict[Node, Operand] = {}

    def apply(self, op: Op, arguments: Sequence[Operand], **params: Any) -> Node:
        """Add the node that applies `op`; its type is what the op infers."""
        types = [operand_type(x) for x in arguments]
        parents = tuple([x if type(x) is Node else None for x in arguments])
        args = tuple([t if type(x) is Node else x for x, t in zip(arguments, types, strict=True)])
        node = derived(self.origin, op, args, params, parents, op.infer(*types, **params))
        self.made.append(node)
        return node

    def now(self, x: Operand) -> Operand:
        """Return what stands for an operand of the old graph."""
        return self.replaced.get(x, x) if type(x) is Node else x


def recorded(f: Callable[..., Any], *shapes: Shape) -> Graph:
    """Return the graph of a function of float64 arrays, by default scalars; an argument named `condition` is a boolean.

    >>> print(recorded(lambda x: np.exp(-x), (3,)))
    input x0: float64[3]
    v0 = negative(x0)  : float64[3]
    v1 = exp(v0)  : float64[3]
    return v1
    """
    names = inspect.signature(f).parameters
    types = [
        array_type(shape, np.dtype(bool if name == "condition" else np.float64))
        for name, shape in zip(names, shapes or ((),) * len(names), strict=True)
    ]
    return capture(f, *types)


NodeRule = Callable[[Node, Builder], Operand]
"""What stands for a node: an operand of the same type, whose new nodes are added to the builder; None to leave it."""


def rewritten(graph: Graph, rule: NodeRule) -> Graph:
    """Return the graph in which `rule` has replaced nodes, parents first; what is unused then stays."""
    build = Builder()
    made, replaced = build.made, build.replaced
    for node in graph.nodes:
        build.origin = current = node
        for parent in node.parents:
            if parent in replaced:
                current = replaced[node] = with_operands(node, replaced)
                break
        before = len(made)
        result = rule(current, build)
        if result is not None and operand_type(result) == node.type:
            replaced[node] = result
        else:  # the rule does not hold, or not for these types
            del made[before:]
            made.append(current)
    return Graph(graph.inputs, tuple(made), tuple([build.now(o) for o in graph.outputs]))


def with_operands(node: Node, replaced: Mapping[Node, Operand]) -> Node:
    """Return `node` with what stands in `replaced` in the place of its parents."""
    args, parents = list(node.args), list(node.parents)
    for i, parent in enumerate(parents):
        if parent in replaced:
            new = replaced[parent]
            if type(new) is Node:
                parents[i] = new
            else:
                parents[i], args[i] = None, new
    return derived(node, node.op, tuple(args), node.params, tuple(parents), node.type)


@mutable_record
class Rewrite:
    """An algebraic rule: wherever `before` stands, `after` may stand.

    Both are functions of the same arguments, written with operators and NumPy; an argument named
    `condition` is a boolean, the others are numbers. A number in `before` stands for any constant
    equal to it, array or scalar.

    Attributes:
        before: one expression.
        after: what stands for it.
        kinds: the dtype kinds for which both sides are the same, NaN, infinities and signed zeros included.
        is_exact: the same bits; else equal within rounding.
    """

    before: Callable[..., Any]
    after: Callable[..., Any]
    kinds: str = "f"
    is_exact: bool = True

    @computed_once
    def pattern(self) -> Graph:
        """The left side, recorded."""
        return recorded(self.before)

    @computed_once
    def replacement(self) -> Graph:
        """The right side, recorded."""
        return recorded(self.after)

    @property
    def root(self) -> Node:
        """The last op of the left side."""
        root: Node = self.pattern.outputs[0]
        return root

    def may_match(self, outline: tuple[str, ...]) -> bool:
        """Say whether a node of this outline may match; an input of the pattern takes anything."""
        wanted = _outline(self.root)
        if wanted[0] != outline[0] or len(wanted) != len(outline):
            return False
        orders = [outline[1:]]
        if outline[0] in COMMUTATIVE:
            orders.append(outline[:0:-1])
        return any(
            all(w in {"", g} for w, g in zip(wanted[1:], got, strict=True)) for got in orders
        )

    def apply(self, node: Node, build: Builder) -> Operand:
        """Return what stands for `node`, or None where the rule does not match."""
        t = node.type
        if type(t) is not ArrayType or t.dtype.kind not in self.kinds:
            return None
        bound: dict[Node, Operand] = {}
        if not _match(self.root, node, bound):
            return None
        inputs = zip(self.pattern.inputs, self.replacement.inputs, strict=True)
        known = {right: bound[left] for left, right in inputs}
        for step in self.replacement.nodes:
            arguments = [known[x] if type(x) is Node else x for x in operands(step)]
            op = _fitting_op(step, arguments)
            if op is None:
                return None
            known[step] = build.apply(op, arguments, **step.params)
        return known[self.replacement.outputs[0]]


def first_of(rules: Sequence[Rewrite]) -> NodeRule:
    """Return the rule that tries `rules` in order."""
    plausible: dict[tuple[str, ...], list[Rewrite]] = {}

    def apply_first(node: Node, build: Builder) -> Operand:
        outline = _outline(node)
        found = plausible.get(outline)
        if found is None:
            found = plausible[outline] = [rule for rule in rules if rule.may_match(outline)]
        for rule in found:
            result = rule.apply(node, build)
            if result is not None:
                return result
        return None

    return apply_first


def _outline(node: Node) -> tuple[str, ...]:
    """Return the name of the op and of the ops of its arguments; those decide for most nodes that no rule matches."""
    return (
        _name(node),
        *["constant" if p is None else p.op.name if p.op is not None else "" for p in node.parents],
    )


def _name(node: Node) -> str:
    return node.op.name if node.op is not None else ""


def _fitting_op(step: Node, arguments: Sequence[Operand]) -> Op | None:
    """Return the op of a step of the right side, or its twin for Python numbers where all arguments are such."""
    name = _name(step)
    if not all(operand_type(x).weak for x in arguments):
        return TABLE[name]
    front: Any = WEAK_FRONTS.get(name)
    return None if front is None else front.args[0]


def _match(pattern: Node, node: Node, bound: dict[Node, Operand]) -> bool:
    """Match one op and what it is made of; rules are small, so recursion ends soon."""
    if pattern.op is None or node.op is None or pattern.op.name != node.op.name:
        return False
    if len(pattern.args) != len(node.args) or pattern.params != node.params:
        return False
    wanted, got = operands(pattern), operands(node)
    trial = dict(bound)
    if _match_all(wanted, got, trial):
        bound.update(trial)
        return True
    return pattern.op.name in COMMUTATIVE and _match_all(wanted, got[::-1], bound)


def _match_all(
    wanted: Sequence[Operand], got: Sequence[Operand], bound: dict[Node, Operand]
) -> bool:
    return all(_match_operand(w, g, bound) for w, g in zip(wanted, got, strict=True))


def _match_operand(wanted: Operand, got: Operand, bound: dict[Node, Operand]) -> bool:
    if type(wanted) is not Node:
        return type(got) is not Node and is_constant_equal(got, wanted)
    if wanted.op is not None:
        return type(got) is Node and _match(wanted, got, bound)
    return bound.setdefault(wanted, got) is got


def is_constant_equal(x: Any, number: float) -> bool:
    """Say whether every element of a constant is this number; 0.0 and -0.0 are two numbers."""
    if isinstance(x, (float, int)):
        return bool(x == number) and math.copysign(1, x) == math.copysign(1, number)
    if not isinstance(x, (np.ndarray, np.generic)) or not 0 < x.size <= _LARGEST_COMPARED:
        return False
    if x.dtype.kind not in "fiu" or not (x == number).all():
        return False
    return bool((np.signbit(x) == (math.copysign(1, number) < 0)).all())
