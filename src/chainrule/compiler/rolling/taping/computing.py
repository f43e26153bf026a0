"""Nodes that compute: element by element, casts, powers, sums, guards."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.entry.signature import CHECKED
from chainrule.compiler.loops.program import Buffer
from chainrule.compiler.passes.rewrite import operands
from chainrule.compiler.planning.rules import elementwise_rule
from chainrule.compiler.rolling.tape import WIDTH, Action
from chainrule.compiler.rolling.taping.taper import (
    Taper,
    elements,
    numbers_like,
    operand_type,
    scalar,
)
from chainrule.compiler.rolling.taping.values import (
    IN_REGISTERS,
    Memory,
    NotScalarError,
    Part,
    Uniform,
)
from chainrule.core.op import TABLE, Op
from chainrule.core.trace import Node
from chainrule.core.types import type_of_plain
from chainrule.records import replaced


def computed(t: Taper, node: Node) -> Any:
    """Apply an op element by element. This runs for nearly every node of a long program."""
    op = node.op
    numbers: list[Any] = []
    outline: list[Any] = [op]
    values = t.values
    for a, p in zip(node.args, node.parents, strict=True):
        if p is None:
            numbers.append(t.constant(a))
            outline.append(a.dtype if isinstance(a, (np.ndarray, np.generic)) else type(a))
        else:
            numbers.append(values[p])
            outline.append(id(a))  # equal types are mostly one object, and the nodes keep it
    if node.params:
        outline += [repr(v) for v in node.params.values()]
    key = tuple(outline)
    kind = t.kinds.get(key)
    if kind is None:
        kind = t.kinds[key] = _kind(t, node)
    if node.type.shape:
        return _each(t, node, kind, numbers)
    if any([type(x) is not int for x in numbers]):  # noqa: C419  a list is faster here
        numbers = [scalar(x) for x in numbers]
    if op is _ADD:
        return t.sum(kind, *numbers)
    return t.tape.append(kind, tuple(numbers))


_ADD = TABLE["add"]
_BOOL = np.dtype(bool)


def _kind(t: Taper, node: Node) -> int:
    types = [type_of_plain(a) for a in node.args]
    assert node.op is not None
    rule, casts, dtype = elementwise_rule(node.op, types, node.type, node.params)
    if rule is None or len(types) > WIDTH or dtype != node.type.dtype:
        raise NotScalarError
    pairs = zip(types, node.parents, strict=True)
    given = tuple([x.dtype if p is not None else None for x, p in pairs])
    return t.tape.kind_of(Action("let", node.op.name, given, casts, dtype, rule))


def _each(t: Taper, node: Node, kind: int, values: Sequence[Any]) -> Any:
    """Compute an array: a small one number by number."""
    if node.type.size > IN_REGISTERS:
        return _mapped(t, node, kind, values)
    parts = [np.broadcast_to(elements(x), node.type.shape).ravel().tolist() for x in values]
    if node.op is _ADD:
        return numbers_like(node.type, [t.sum(kind, *row) for row in zip(*parts, strict=True)])
    return numbers_like(node.type, [t.tape.append(kind, row) for row in zip(*parts, strict=True)])


def _mapped(t: Taper, node: Node, kind: int, values: Sequence[Any]) -> Memory:
    """Compute a large array in a loop of its own, of the values for the node's first arguments."""
    sources: list[Buffer | None] = []
    numbers: list[int] = []
    for a, value in zip(node.args[: len(values)], values, strict=True):
        if type(value) is Memory:
            if type_of_plain(a).shape != node.type.shape:
                raise NotScalarError
            sources.append(value.buffer)
            continue
        sources.append(None)
        numbers.append(value.number if type(value) is Uniform else scalar(value))
    memory = t.new_memory(node.type)
    mapped = replaced(
        t.tape.actions[kind],
        what="map",
        given=tuple([t.tape.dtype_of(x) for x in numbers]),
        buffer=memory.buffer,
        sources=tuple(sources),
    )
    t.act(mapped, *numbers)
    t.whole += 1
    return memory


def powered(t: Taper, node: Node) -> Any:
    """A square is a product, which is exact to the last bit where a power is not."""
    base, exponent = operands(node)
    if type(exponent) not in {int, float} or exponent != 2 or node.type.dtype.kind != "f":
        return computed(t, node)
    x = operand_type(base)
    kind = t.kind(TABLE["square"], (x,), (x.dtype if type(base) is Node else None,), node.type)
    return _each_or_one(t, node, kind, [t.value(base)])


def _each_or_one(t: Taper, node: Node, kind: int, values: Sequence[Any]) -> Any:
    if node.type.shape:
        return _each(t, node, kind, values)
    return t.tape.append(kind, tuple([scalar(x) for x in values]))


def cast(t: Taper, node: Node) -> Any:
    """Change the dtype."""
    (x,) = operands(node)
    dtype = node.params["dtype"]
    return t.value(x) if operand_type(x).dtype == dtype else t.cast(dtype, t.value(x))


def guarded(t: Taper, node: Node) -> int:
    """Leave unless a condition is as expected."""
    number = _guarded(t, node, expected=node.params["expected"], place=t.guards)
    t.guards += 1
    return number


def checked(t: Taper, node: Node) -> int:
    """Leave, to be run eagerly, where a condition holds."""
    return _guarded(t, node, expected=False, place=CHECKED)


def _guarded(t: Taper, node: Node, *, expected: bool, place: int) -> int:
    number = scalar(t.value(operands(node)[0]))
    given = (t.tape.dtype_of(number),)
    t.act(Action("guard", "guard", given, (), _BOOL, expected=expected), number, place=place)
    return number


def summed(t: Taper, node: Node) -> Any:
    """Add elements along axes, in order; of a large array all of them."""
    (x,) = operands(node)
    dtype = operand_type(x).dtype
    if dtype != node.type.dtype or dtype.kind not in "fc":
        raise NotScalarError
    value = t.value(x)
    if type(value) in {Memory, Uniform, Part}:
        return _total(t, node, t.taken(x) if type(value) is not Memory else value)
    parts = elements(value)
    axes = _axes(node, parts.shape)
    kept = [i for i in range(parts.ndim) if i not in axes]
    count = math.prod([parts.shape[i] for i in axes])
    if not count:
        zero = t.tape.constant(dtype.type(0))
        return numbers_like(node.type, [zero] * node.type.size)
    rows = parts.transpose(*kept, *axes).reshape(-1, count).tolist()
    return numbers_like(node.type, [_sum(t, t.add_kind(dtype), row) for row in rows])


def decided(t: Taper, node: Node) -> Any:
    """Say of a small array whether all its elements hold, or any."""
    (x,) = operands(node)
    assert node.op is not None
    if operand_type(x).dtype.kind != "b":
        raise NotScalarError
    parts = elements(t.value(x))
    if not parts.size or node.type.shape:
        raise NotScalarError
    both, b = TABLE[_PAIRWISE[node.op.name]], node.type
    kind = t.kind(both, (b, b), (b.dtype, b.dtype), b)
    return functools.reduce(lambda p, q: t.tape.append(kind, (p, q)), parts.ravel().tolist())


_PAIRWISE = {"all": "logical_and", "any": "logical_or"}


def _axes(node: Node, shape: Sequence[int]) -> Sequence[int]:
    """Return the axes that a sum goes over; `sum_to` says only what is left."""
    axes: Sequence[int] | None = node.params.get("axis")
    if axes is not None:
        return axes
    extra = len(shape) - node.type.ndim
    left = enumerate(node.type.shape)
    return (*range(extra), *[i + extra for i, n in left if n == 1 != shape[i + extra]])


def _sum(t: Taper, kind: int, row: Sequence[int]) -> int:
    total = row[0]
    for term in row[1:]:
        total = t.sum(kind, total, term)
    return total


def _total(t: Taper, node: Node, memory: Memory) -> int:
    if node.type.shape:
        raise NotScalarError
    t.whole += 1
    dtype = memory.buffer.dtype
    return t.act(Action("total", "sum", (), (), dtype, sources=(memory.buffer,)))


def is_computed(op: Op) -> bool:
    """Say whether an op may be one that works element by element; its rule decides."""
    is_stated = op.lower is not None or op.ufunc is not None or isinstance(op.numpy, np.ufunc)
    return op.kind == "elementwise" or is_stated or op.name == "where"
