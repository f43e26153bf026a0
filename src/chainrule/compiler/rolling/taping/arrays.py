"""Nodes that make, cut, join and write arrays: small ones while compiling, large ones in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.passes.rewrite import operands
from chainrule.compiler.rolling.taping.computing import computed
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
    place_of,
)
from chainrule.core.trace import Node
from chainrule.ops.additions import terms_of


def same(t: Taper, node: Node) -> Any:
    """A copy is its original; memory is taken over, or copied if somebody uses it still."""
    (x,) = operands(node)
    value = t.value(x)
    return t.taken(x) if type(value) in {Memory, Part} else value


def made(t: Taper, node: Node) -> Any:
    """Zeros or ones."""
    assert node.op is not None
    number = t.tape.constant(node.type.dtype.type(node.op.name == "ones_like"))
    if node.type.size > IN_REGISTERS:
        return Uniform(number)
    return numbers_like(node.type, [number] * node.type.size)


def moved(t: Taper, node: Node) -> Any:
    """Parts, shapes and joins of small arrays: NumPy does them on the numbers of the elements."""
    assert node.op is not None
    large = _moved_large(t, node, node.op.name)
    if large is not None:
        return large
    first, *rest = operands(node)
    if node.op.name == "getitem":
        if any(type(x) is Node for x in rest):
            raise NotScalarError
        parts = [elements(t.value(first)), *rest]
    else:
        parts = [_in_dtype_of(t, node, x) for x in (first, *rest)]
    out = node.op.numpy(*parts, **node.params)
    return out if node.type.shape else int(out)


def _in_dtype_of(t: Taper, node: Node, x: Any) -> Any:
    """Return the numbers of an operand in the dtype of the array that they become a part of."""
    value = t.value(x)
    dtype = node.type.dtype
    return elements(value if operand_type(x).dtype == dtype else t.cast(dtype, value))


def _moved_large(t: Taper, node: Node, name: str) -> Any:
    """Do the same with large arrays where it is simple; None where only small ones take part."""
    x = operands(node)[0]
    value = t.value(x) if len(node.args) == 1 else None
    if name == "getitem" and type(value) in {Memory, Uniform}:
        return _element(t, node, value)
    if node.type.size <= IN_REGISTERS:
        return None
    if name == "stack":
        return _stacked(t, node)
    if name == "broadcast_to" and type(value) is int:
        return Uniform(value)
    if name == "reshape" and type(value) in {Memory, Uniform}:
        return value if type(value) is Uniform else t.taken(x)
    raise NotScalarError


def _element(t: Taper, node: Node, value: Any) -> int:
    place = place_of(node.params["index"], node.args[0].shape)
    return value.number if type(value) is Uniform else t.load(value.buffer, place)


def _stacked(t: Taper, node: Node) -> Memory:
    """Write numbers into a new large array."""
    if node.type.ndim != 1:
        raise NotScalarError
    memory = t.new_memory(node.type)
    for i, x in enumerate(operands(node)):
        t.write("store", memory.buffer, i, scalar(_in_dtype_of(t, node, x)))
    return memory


def written(t: Taper, node: Node) -> Any:
    """Write a number, or in a small array a part."""
    if len(node.args) > 2:
        raise NotScalarError
    base, value = operands(node)
    new = _in_dtype_of(t, node, value)
    if node.type.size <= IN_REGISTERS:
        parts = elements(t.value(base)).copy()
        parts[node.params["index"]] = new
        return parts
    place = place_of(node.params["index"], node.type.shape)
    memory, number = t.taken(base), scalar(new)
    t.write("store", memory.buffer, place, number)
    is_clean = memory.is_clean and t.is_clean(number)
    return Memory(memory.buffer, is_own=True, is_clean=is_clean)


def scattered(t: Taper, node: Node) -> Any:
    """An array that is zero but for a part, to which 0.0 is added as NumPy does it."""
    if len(node.args) > 1:
        raise NotScalarError
    value = t.value(operands(node)[0])
    if node.type.size > IN_REGISTERS:
        part = Part(place_of(node.params["index"], node.type.shape), scalar(value))
        return part if node in t.scattered else t.with_parts(t.zeros(node.type), [part])
    zero = t.tape.constant(node.type.dtype.type(0))
    add = t.add_kind(node.type.dtype)
    out = np.full(node.type.shape, zero, np.int64)
    numbers = elements(value)
    sums = [t.sum(add, zero, x) for x in numbers.ravel().tolist()]
    out[node.params["index"]] = np.array(sums, np.int64).reshape(numbers.shape)
    return out


def added(t: Taper, node: Node) -> Any:
    """Add; of large arrays a part of one into the memory of the other."""
    if not node.type.shape or node.type.size <= IN_REGISTERS:
        return computed(t, node)
    x, y = operands(node)
    if type(t.value(y)) is not Part:
        x, y = y, x
    first, part = t.value(x), t.value(y)
    if _is_zero(t, first):
        x, first, part = y, part, first
    if _is_zero(t, part) and type(first) in {Memory, Part}:
        return t.with_parts(t.taken(x), [])
    if type(part) is not Part:
        return computed(t, node)
    if type(first) is Part:
        return t.with_parts(t.zeros(node.type), [first, part])
    return t.with_parts(t.taken(x), [part])


def _is_zero(t: Taper, value: Any) -> bool:
    number = value.number if type(value) is Uniform else value
    return type(number) is int and t.is_zero(number)


def added_at(t: Taper, node: Node) -> Any:
    """Add parts into an array."""
    base, *terms = operands(node)
    parts = list(terms_of(terms, node.params["indices"]))
    if any(arrays for _, _, arrays in parts):
        raise NotScalarError
    if node.type.size > IN_REGISTERS:
        shape = node.type.shape
        each = [Part(place_of(index, shape), scalar(t.value(x))) for x, index, _ in parts]
        return t.with_parts(t.taken(base), each)
    add = t.add_kind(node.type.dtype)
    out = elements(t.value(base)).copy()
    for x, index, _ in parts:
        old = np.asarray(out[index])
        new = np.broadcast_to(elements(t.value(x)), old.shape)
        pairs = zip(old.ravel().tolist(), new.ravel().tolist(), strict=True)
        out[index] = np.array([t.sum(add, a, b) for a, b in pairs], np.int64).reshape(old.shape)
    return out
