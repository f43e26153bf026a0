"""The pass `inline`."""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any

from chainrule.compiler.passes.rewrite import (
    Builder,
    Operand,
    derived,
    operand_type,
    operands,
    rewritten,
)
from chainrule.core.graph import Graph, capture
from chainrule.core.op import Op
from chainrule.core.trace import OUTPUT, Node

_REMEMBERED = 1024


def inline(graph: Graph) -> Graph:
    """Put the ops that an op's own NumPy code is made of in its place, where that code is traceable.

        a = softmax(x)      m = max(x)
                            e = exp(x - m)
        return a       ->   return e / sum(e)

    Only ops that state a body, and ops of kind general: those have no loop of their own. What cannot be captured stays
    and is called as it is.

    >>> from chainrule.compiler.passes.rewrite import recorded
    >>> from chainrule.ops.softmax import softmax
    >>> names = [node.op.name for node in inline(recorded(lambda x: softmax(x), (3,))).nodes]
    >>> "softmax" in names, "exp" in names
    (False, True)
    """
    if not any(_is_candidate(node) for node in graph.nodes):
        return graph
    return rewritten(graph, _inlined)


def _is_candidate(node: Node) -> bool:
    op = node.op
    return (
        op is not None
        and op is not OUTPUT
        and type(node.type) is not tuple
        and (
            op.body is not None
            or (op.kind == "general" and isinstance(op.numpy, types.FunctionType))
        )
    )


def _inlined(node: Node, build: Builder) -> Operand:
    if not _is_candidate(node):
        return None
    assert node.op is not None
    given = operands(node)
    body = _body(node.op, tuple(map(operand_type, given)), _frozen(node.params))
    if body is None:
        return None
    known: dict[Node, Operand] = dict(zip(body.inputs, given, strict=True))
    for inner in body.nodes:
        inputs = [known.get(x, x) if type(x) is Node else x for x in operands(inner)]
        parents = tuple([x if type(x) is Node else None for x in inputs])
        args = tuple([x.type if type(x) is Node else x for x in inputs])
        made = derived(node, inner.op, args, inner.params, parents, inner.type)
        build.made.append(made)
        known[inner] = made
    (result,) = body.outputs
    return known[result] if type(result) is Node else None


def _frozen(params: Any) -> tuple[tuple[str, Any], ...] | None:
    items = tuple(params.items())
    try:
        hash(items)
    except TypeError:
        return None
    return items


def _body(
    op: Op, given: tuple[Any, ...], params: tuple[tuple[str, Any], ...] | None
) -> Graph | None:
    return None if params is None else _captured(op, op.body or op.numpy, given, params)


@functools.lru_cache(_REMEMBERED)
def _captured(
    op: Op, code: Callable[..., Any], given: tuple[Any, ...], params: tuple[tuple[str, Any], ...]
) -> Graph | None:
    """Capture the op's NumPy code on types; None where it is not made of other ops."""
    try:
        graph = capture(lambda *arrays: code(*arrays, **dict(params)), *given)
    except Exception:  # noqa: BLE001  whatever it needs, it is not types alone
        return None
    is_other = all(node.op is not op for node in graph.nodes)
    is_one = len(graph.outputs) == 1 and isinstance(graph.outputs[0], Node)
    return graph if is_other and graph.nodes and is_one else None
