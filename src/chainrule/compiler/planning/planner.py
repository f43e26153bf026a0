"""From the graph to the plan: each node becomes an operand, and work that computes it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from chainrule.compiler.decisions import CHECK, GUARD
from chainrule.compiler.planning.calls import factored, transformed, triangular
from chainrule.compiler.planning.diagonals import TRIANGLES
from chainrule.compiler.planning.draft import Draft
from chainrule.compiler.planning.elementwise import (
    FILLS,
    by_element,
    cast,
    filled,
    on_diagonal,
    triangle,
)
from chainrule.compiler.planning.folds import COMBINE
from chainrule.compiler.planning.host import result_types
from chainrule.compiler.planning.lifetimes import VIEWS
from chainrule.compiler.planning.multiplication import product
from chainrule.compiler.planning.operands import constant, moved
from chainrule.compiler.planning.parts import added_at, joined, scattered, taken, written
from chainrule.compiler.planning.patches import Patches, patches_of
from chainrule.compiler.planning.plan import Check, Operand, Plan, Read, Uniform
from chainrule.compiler.planning.reductions import folded, scanned
from chainrule.compiler.planning.scans import SCANS
from chainrule.compiler.planning.transforms import TRANSFORMS
from chainrule.compiler.views import View
from chainrule.core.graph import Graph
from chainrule.core.trace import OUTPUT, Node

_WAYS: dict[str, Callable[[Draft, Node], None]] = {
    "matmul": product,
    "getitem": taken,
    "scatter": scattered,
    "setitem": written,
    "add_at": added_at,
    "concatenate": joined,
    "stack": joined,
    "astype": cast,
    "cast_to_integer": cast,
    "copy": cast,
    "from_diagonal": on_diagonal,
    "qr": factored,
    "solve_triangular": triangular,
    **dict.fromkeys(TRANSFORMS, transformed),
    **dict.fromkeys(TRIANGLES, triangle),
    **dict.fromkeys(FILLS, filled),
    **dict.fromkeys(SCANS, scanned),
    **dict.fromkeys(COMBINE, folded),
}
"""How ops are planned, by their names; all others compute element by element."""


def plan(graph: Graph, input_views: Sequence[View]) -> Plan:
    """Plan the work of a graph.

    Args:
        graph: what to compute; every node behind its parents.
        input_views: where the elements of each input lie in its memory.
    """
    draft = Draft(graph, input_views)
    guards = 0
    for position, node in enumerate(graph.nodes):
        draft.position = position
        if node.op is GUARD:
            draft.work.append(Check(draft.operand(node, 0), node.params["expected"], guards))
            guards += 1
        elif node.op is not OUTPUT:
            _place(draft, node)
    assert not draft.products, "whatever reads a product makes it be planned"
    draft.position += 1
    results = _results(draft)
    return Plan(tuple(draft.work.items), tuple(draft.inputs), results)


def _results(draft: Draft) -> tuple[Read, ...]:
    """Return the outputs, each all of an array of its own."""
    results: list[Read] = []
    for o in draft.graph.outputs:
        x = draft.whole(draft.values[o] if isinstance(o, Node) else constant(o))
        if x.array.constant is not None or any(x.array is r.array for r in results):
            x = draft.copied(x)
        results.append(x)
    return tuple(results)


def _place(draft: Draft, node: Node) -> None:
    """Find the operand of a node."""
    assert node.op is not None
    name = node.op.name
    if node.op is CHECK:
        draft.work.append(Check(draft.operand(node, 0), expected=False, place=-1))
    elif _is_empty(node):
        draft.host(node, "an array without elements")
    elif _stays_patches(draft, node, name):
        pass
    elif name in VIEWS or (name == "getitem" and len(node.parents) == 1):
        draft.values[node] = _viewed(draft, node, name)
    else:
        _WAYS.get(name, by_element)(draft, node)


def _viewed(draft: Draft, node: Node, name: str) -> Operand:
    """Return the operand of an op that only moves elements."""
    shape = node.type.shape
    x = draft.operand(node, 0)
    if isinstance(x, Uniform):
        return Uniform(x.number, shape)
    if name == "stop_gradient":
        return x
    if isinstance(x, Read):
        view = moved(x.view, name, node.params, shape)
        if view is not None:
            return Read(x.array, view)
    draft.settle(x)
    x = draft.whole(x)
    view = moved(x.view, name, node.params, shape)
    assert view is not None, "what lies row by row has every shape"
    return Read(x.array, view)


def _stays_patches(draft: Draft, node: Node, name: str) -> bool:
    """Keep what a node makes of patches as patches, if it does."""
    patches: Patches | None = None
    source = draft.patches.get(node.parents[0]) if name in VIEWS and node.parents[0] else None
    if source is not None:
        patches = source.moved(name, node.params, node.type.shape)
    elif name in {"concatenate", "stack"} and node in draft.waiting:
        axis = node.params["axis"] % len(node.type.shape)
        patches = patches_of(draft.operands(node), axis, is_stack=name == "stack")
    if patches is None:
        return False
    draft.patches[node] = patches
    return True


def _is_empty(node: Node) -> bool:
    """Say whether an array without elements is involved: there is next to nothing to compute."""
    types = [*result_types(node)]
    for p in node.parents:
        if p is not None:
            types += result_types(p)
    return any(t.size == 0 for t in types)
