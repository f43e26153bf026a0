"""A network of layers read off a tape: for one example the weights, values and gradients of every neuron."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.trace import Node
from chainrule.errors import ArgumentError
from chainrule.explanation.derive import Flow
from chainrule.explanation.facts import activation_name
from chainrule.explanation.tape import Tape, value_of
from chainrule.ops.elementwise import slope

_PRODUCTS = frozenset({"matmul", "dot"})
_SHAPING = frozenset({"transpose", "astype", "reshape", "ravel"})
_SUMS = frozenset({"add", "subtract"})


@dataclass(frozen=True, eq=False)
class Layer:
    """The neurons of one layer, for one example.

    Attributes:
        name: what the weights are called.
        activation: what is applied to `z`; empty where nothing is.
        weights: one row per neuron, one column per input.
        bias: one number per neuron; None without one.
        z: the weighted sums.
        a: what the activation made of them.
        slope: its derivative at `z`: the gains of the amplifiers of the backward pass.
        gradient_a: the gradient of the result with respect to `a`.
        gradient_z: that with respect to `z`: the former times the slope.
    """

    name: str
    activation: str
    weights: Any
    bias: Any
    z: Any
    a: Any
    slope: Any
    gradient_a: Any
    gradient_z: Any


@dataclass(frozen=True, eq=False)
class Network:
    """Layers, first to last, with what goes in and the gradient that comes out there.

    Attributes:
        x: the inputs of the first layer.
        gradient_x: the gradient with respect to them.
        layers: the layers.
        examples: how many examples the pass had, of which one is shown.
        example: which one.
    """

    x: Any
    gradient_x: Any
    layers: tuple[Layer, ...]
    examples: int
    example: int


@dataclass(frozen=True, eq=False)
class _Step:
    """A product with a weight matrix, the sum that follows, and the activation after that."""

    product: Node
    data: Node | None
    x: Any
    matrix: Node
    is_left: bool
    z: Node
    bias: Any


def network(tape: Tape, flow: Flow, example: int = 0) -> Network:
    """Read the layers off a tape.

    Raises:
        ArgumentError: the tape is no chain of products with weight matrices and elementwise activations.
    """
    steps = [s for node in flow.order if (s := _step(tape, flow, node)) is not None]
    if not steps:
        raise ArgumentError.from_no_network("no product with a matrix of weights was found")
    by_z = {s.z: s for s in steps}
    chain = [_last(steps, by_z)]
    while (before := _before(chain[0], by_z)) is not None:
        chain.insert(0, before)
    if len(chain) < len(steps):
        raise ArgumentError.from_no_network("its layers are no single chain")
    examples = _examples(chain[0])
    if not 0 <= example < examples:
        raise ArgumentError.from_range("svg", "example", example, f"0 to {examples - 1}")
    layers = []
    for step, following in zip(chain, [*chain[1:], None], strict=True):
        end = _activated(tape, flow, step) if following is None else following.data
        assert end is not None
        layers.append(_layer(tape, flow, step, end, example))
    first = chain[0]
    delta = layers[0].gradient_z
    return Network(
        _row(first.x, example),
        np.asarray(layers[0].weights).T @ delta,
        tuple(layers),
        examples,
        example,
    )


def _step(tape: Tape, flow: Flow, node: Node) -> _Step | None:
    """Recognise a product of data with a matrix that comes straight from an input."""
    if node.op is None or node.op.name not in _PRODUCTS or len(node.args) != 2:
        return None
    for place in (1, 0):
        matrix, data = node.parents[place], node.parents[1 - place]
        if matrix is None or not _is_weight(tape, matrix) or len(matrix.type.shape) != 2:
            continue
        x = node.args[1 - place] if data is None else value_of(data)
        if place == 0 and np.ndim(x) != 1:
            continue
        if np.ndim(x) in {1, 2} and node.type.dtype.kind == "f":
            z, bias = _sum(tape, flow, node)
            return _Step(node, data, x, matrix, place == 0, z, bias)
    return None


def _is_weight(tape: Tape, node: Node) -> bool:
    """Say whether a matrix is an input of the function, as it is or transposed."""
    while node.op is not None and node.op.name in _SHAPING and node.parents[0] is not None:
        node = node.parents[0]
    return node in tape.paths


def _sum(tape: Tape, flow: Flow, node: Node) -> tuple[Node, Any]:
    """Follow a product through the sums that take a bias to it; return `z` and the bias."""
    bias: Any = None
    while True:
        readers = flow.children.get(node, [])
        if len(readers) != 1:
            return node, bias
        reader, place = readers[0]
        if reader.op is None or reader.op.name not in _SUMS or reader.type.shape != node.type.shape:
            return node, bias
        other = reader.parents[1 - place]
        if other is not None and not _is_weight(tape, other):
            return node, bias
        term = np.asarray(reader.args[1 - place] if other is None else value_of(other))
        if other is None and np.any(term):  # a target, not a bias
            return node, bias
        if other is not None:
            if term.ndim > 1 or bias is not None:
                return node, bias
            bias = np.broadcast_to(
                -term if reader.op.name == "subtract" else term, node.type.shape[-1:]
            )
        node = reader


def _before(step: _Step, by_z: dict[Node, _Step]) -> _Step | None:
    """Return the layer whose activations a layer reads; between them is nothing but elementwise ops."""
    if step.data is None:
        return None
    found: dict[_Step, None] = {}
    stack, seen = [step.data], {step.data}
    while stack:
        node = stack.pop()
        if node in by_z:
            found.setdefault(by_z[node])
            continue
        for p in node.parents:
            if p is not None and p not in seen:
                seen.add(p)
                stack.append(p)
    if not found:
        return None
    if len(found) > 1:
        raise ArgumentError.from_no_network("a layer reads more than one other layer")
    (only,) = found
    if any(
        n.op is not None and n.op.kind != "elementwise" and n.number > only.z.number for n in seen
    ):
        raise ArgumentError.from_no_network("between two layers is more than an activation")
    return only


def _last(steps: Sequence[_Step], by_z: dict[Node, _Step]) -> _Step:
    """Return the layer that no other layer reads."""
    read = {before for s in steps if (before := _before(s, by_z)) is not None}
    ends = [s for s in steps if s not in read]
    if len(ends) != 1:
        raise ArgumentError.from_no_network("its layers are no single chain")
    return ends[0]


def _activated(tape: Tape, flow: Flow, step: _Step) -> Node:
    """Return where the activation of the last layer ends and the loss begins.

    It is the last value on the way that is a known activation or has a name, as long as nothing but numbers comes in.
    """
    node = end = step.z
    inside = {node}
    while True:
        readers = [r for r, _ in flow.children.get(node, [])]
        following = next((r for r in reversed(readers) if _goes_on(r, inside)), None)
        if following is None or not _is_all(flow, node, following, inside):
            return end
        node = following
        inside.add(node)
        if node in tape.names or activation_name(node):
            end = node


def _goes_on(reader: Node, inside: set[Node]) -> bool:
    if reader.op is None or reader.op.kind != "elementwise":
        return False
    return all(
        p in inside if p is not None else not np.ndim(a) or not np.any(a)
        for a, p in zip(reader.args, reader.parents, strict=True)
    )


def _is_all(flow: Flow, node: Node, following: Node, inside: set[Node]) -> bool:
    """Say whether what reads a value reads it on the way to the one that follows."""
    return all(r is following or r in inside for r, _ in flow.children.get(node, []))


def _layer(tape: Tape, flow: Flow, step: _Step, end: Node, example: int) -> Layer:
    weights = np.asarray(value_of(step.matrix))
    slope, names = _slope(step.z, end)
    return Layer(
        name=_weight_name(tape, step.matrix),
        activation=names,
        weights=weights if step.is_left else weights.T,
        bias=step.bias,
        z=_row(value_of(step.z), example),
        a=_row(value_of(end), example),
        slope=_row(slope, example),
        gradient_a=_row(flow.totals[end], example),
        gradient_z=_row(flow.totals[step.z], example),
    )


def _slope(z: Node, end: Node) -> tuple[Any, str]:
    """Carry a derivative of one forward from `z` to the activation: the elementwise ops multiply and add."""
    moved: dict[Node, Any] = {z: np.ones(z.type.shape)}
    region = _between(z, end)
    for node in region:
        assert node.op is not None
        moved[node] = sum(
            slope(rule, node.out, node.args) * moved[p]
            for rule, p in zip(node.op.partials, node.parents, strict=True)
            if p in moved and rule is not None
        )
    named = [name for n in region if (name := activation_name(n))]
    return moved[end], named[-1] if named else " ".join(_op_names(region))


def _op_names(region: Sequence[Node]) -> list[str]:
    return [n.op.name for n in region if n.op is not None and n.op.name not in _SUMS]


def _between(z: Node, end: Node) -> list[Node]:
    """Return the nodes between two, the second included, in order."""
    found, stack = {}, [end]
    while stack:
        node = stack.pop()
        if node is z or node in found or node.number < z.number:
            continue
        found[node] = node.number
        stack += [p for p in node.parents if p is not None]
    return sorted(found, key=lambda n: found[n])


def _weight_name(tape: Tape, node: Node) -> str:
    while node.op is not None and node.parents[0] is not None:
        node = node.parents[0]
    return tape.name(node)


def _examples(step: _Step) -> int:
    return np.shape(step.x)[0] if np.ndim(step.x) == 2 else 1


def _row(x: Any, example: int) -> Any:
    x = np.asarray(x)
    return x[example] if x.ndim == 2 else x
