"""What a reader must know to compare numbers: reduction, output activation, rules for ties."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.core.trace import Node, topological
from chainrule.explanation.tape import Tape

_REDUCTIONS = frozenset(
    {"sum", "max", "min", "prod", "vdot", "dot", "matmul", "einsum", "norm", "logsumexp"}
)
_ACTIVATIONS = frozenset(
    {
        "sigmoid",
        "tanh",
        "softmax",
        "log_softmax",
        "logsumexp",
        "relu",
        "leaky_relu",
        "elu",
        "silu",
        "gelu",
        "softplus",
    }
)
_SCALINGS = frozenset({"multiply", "divide", "negative", "add", "subtract", "astype"})
_TIE_RULES = {
    "max": "equal largest entries share the gradient evenly",
    "min": "equal smallest entries share the gradient evenly",
    "maximum": "of two equal values each receives half",
    "minimum": "of two equal values each receives half",
    "fmax": "of two equal values each receives half",
    "fmin": "of two equal values each receives half",
    "absolute": "the derivative at 0 is 0",
    "relu": "the derivative at 0 is 0",
    "clip": "a value on a limit passes its gradient on",
}


def facts(tape: Tape, output: Node, order: Sequence[Node]) -> tuple[tuple[str, str], ...]:
    """Return the facts of a program: pairs of a heading and what it says."""
    reduction, before = _reduction(output)
    found = [("reduction", reduction), ("output activation", _activation(tape, before or output))]
    return (*found, *(("tie rule", text) for text in _ties(tape, order)))


def _reduction(output: Node) -> tuple[str, Node | None]:
    """Find what made one number of many, and what it was multiplied by since."""
    node, factor = output, 1.0
    while node.op is not None and not node.type.shape and node.op.name in _SCALINGS:
        traced = [(i, p) for i, p in enumerate(node.parents) if p is not None and p.op is not None]
        if len(traced) != 1:
            break
        place, parent = traced[0]
        factor *= _scale(node, place)
        node = parent
    if node.op is None or node.op.name not in _REDUCTIONS:
        return "none", None
    first = next((p for p in node.parents if p is not None), None)
    entries = first.type.size if first is not None and type(first.type) is not tuple else 0
    count = entries // max(1, node.type.size)
    text = f"{node.op.name} over {count} {'entry' if count == 1 else 'entries'}"
    if node.op.name == "sum" and count > 2 and np.isclose(abs(factor) * count, 1):
        text = f"mean over {count} entries"
        factor = np.copysign(1.0, factor)
    return text + ("" if factor == 1 else f", times {factor:.6g}"), node


def _scale(node: Node, place: int) -> float:
    """Return the constant that a step multiplies by."""
    assert node.op is not None
    if node.op.name == "negative" or (node.op.name == "subtract" and place == 1):
        return -1.0
    if node.op.name in {"multiply", "divide"} and len(node.args) == 2:
        other = float(node.args[1 - place])
        return other if node.op.name == "multiply" else 1 / other if place == 0 else 1.0
    return 1.0


def _activation(tape: Tape, start: Node) -> str:
    """Find the activation that is met first on the way back from the result."""
    for node in reversed(topological([start])):
        if node.op is None:
            continue
        if node.op.name in _ACTIVATIONS:
            return f"{node.op.name} ({tape.name(node)})"
        if _is_logistic(node):
            return f"sigmoid, written as 1 / (1 + exp(−z)) ({tape.name(node)})"
    return "none"


def activation_name(node: Node) -> str:
    """Return the name of the activation that ends at a node; empty where none does."""
    if node.op is not None and node.op.name in _ACTIVATIONS:
        return node.op.name
    return "sigmoid" if _is_logistic(node) else ""


def _is_logistic(node: Node) -> bool:
    """Recognise `1 / (1 + exp(-z))`, written out."""
    for name, place in (("divide", 1), ("add", None), ("exp", 0)):
        if node is None or node.op is None or node.op.name != name:
            return False
        parents = [p for p in node.parents if p is not None]
        if place == 1 and node.parents[0] is not None:
            return False
        if len(parents) != 1:
            return False
        node = parents[0]
    return node.op is not None and node.op.name in {"negative", "multiply"}


def _ties(tape: Tape, order: Sequence[Node]) -> Iterator[str]:
    """Name every rule that matters here, and say where values are tied indeed."""
    for name, rule in _TIE_RULES.items():
        nodes = [n for n in order if n.op is not None and n.op.name == name]
        if nodes:
            tied = [tape.name(n) for n in nodes if _is_tied(n)]
            where = f"; tied here: {', '.join(tied)}" if tied else "; no tie here"
            yield f"{name}: {rule}{where}"


def _is_tied(node: Node) -> bool:
    assert node.op is not None
    name, x = node.op.name, np.asarray(node.args[0])
    if name in {"absolute", "relu"}:
        return bool(np.any(x == 0))
    if name in {"max", "min"}:
        hits = sum(int(np.sum(x == v)) for v in np.unique(node.out))
        return hits > np.size(node.out)
    others = [np.asarray(a) for a in node.args[1:] if a is not None]
    return any(bool(np.any(x == a)) for a in others)
