"""From a graph to a tape, where a value is a number, a small array of numbers, or memory of which elements are used.

- A number is an action's position, or a constant.
- An array of up to 16 elements is an array of such numbers: taking parts, stacking and reshaping are done on it while
  compiling and cost nothing.
- A larger array is memory. Reads and writes of single elements at fixed places are actions; a write goes into the
  memory of the array before it where nobody uses that any more, else into a copy. A few steps on whole arrays, such as
  the loss of a trajectory, are loops of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from chainrule.compiler.emission.values import is_supported
from chainrule.compiler.loops.program import Buffer
from chainrule.compiler.rolling.tape import Tape
from chainrule.compiler.rolling.taping.arrays import (
    added,
    added_at,
    made,
    moved,
    same,
    scattered,
    written,
)
from chainrule.compiler.rolling.taping.computing import (
    cast,
    checked,
    computed,
    decided,
    guarded,
    is_computed,
    powered,
    summed,
)
from chainrule.compiler.rolling.taping.taper import Taper, elements, numbers_like, operand_type
from chainrule.compiler.rolling.taping.values import (
    IN_REGISTERS,
    Memory,
    NotScalarError,
    Part,
    Uniform,
)
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType

_WHOLE_AT_MOST = 0.1
"""The part of the actions that may be steps on whole large arrays; beyond it a program is one of arrays."""


def tape_of(graph: Graph) -> Tape | None:
    """Return the tape of a graph, or None: something in it is no scalar program.

    Results are written at the end, behind every guard and every read: their memory may be that of inputs.
    """
    taper = Taper(graph)
    try:
        _run(taper)
    except NotScalarError:
        return None
    return taper.tape


def _run(t: Taper) -> None:
    for i, node in enumerate(t.graph.inputs):
        _enter_input(t, i, node)
    values = t.values
    for i, node in enumerate(t.graph.nodes):
        t.now = i
        op = node.op
        if op is None or type(node.type) is tuple or not is_supported(node.type.dtype):
            raise NotScalarError
        handler = _HANDLERS.get(op.name)
        if handler is None:
            if not is_computed(op):
                raise NotScalarError
            handler = computed
        values[node] = handler(t, node)
    results = [_result(t, out) for out in t.graph.outputs]
    for i, (out, value) in enumerate(zip(t.graph.outputs, results, strict=True)):
        _store_output(t, i, operand_type(out), value)
    if t.whole > _WHOLE_AT_MOST * len(t.tape):
        raise NotScalarError


def _enter_input(t: Taper, i: int, node: Node) -> None:
    """Read a number or a small array at once, so that turns of loops do not differ in who reads first."""
    if not is_supported(node.type.dtype):
        raise NotScalarError
    buffer = Buffer(f"in{i}", node.type.dtype, node.type.size, "input", i)
    t.tape.buffers.append(buffer)
    if node in t.values:
        return
    if node.type.size > IN_REGISTERS:
        t.values[node] = Memory(buffer)
        return
    numbers = [t.load(buffer, k) for k in range(node.type.size)]
    t.values[node] = numbers_like(node.type, numbers)


def _result(t: Taper, out: Any) -> Any:
    """Return the value of a result; the memory of an input is copied, for another result may be written there."""
    value = t.value(out)
    if type(value) in {Part, Uniform}:
        return t.taken(out)
    if type(value) is Memory and value.buffer.role == "input":
        return t.copied(value)
    return value


def _store_output(t: Taper, i: int, of: ArrayType, value: Any) -> None:
    buffer = Buffer(f"out{i}", of.dtype, of.size, "output", len(t.graph.inputs) + i)
    t.tape.buffers.append(buffer)
    if type(value) is Memory:
        t.copied(value, buffer)
        return
    for k, number in enumerate(elements(value).ravel().tolist()):
        t.write("store", buffer, k, number)


_HANDLERS: Mapping[str, Callable[[Taper, Node], Any]] = {
    "add": added,
    "add_at": added_at,
    "all": decided,
    "any": decided,
    "astype": cast,
    "cast_to_integer": cast,
    "copy": same,
    "stop_gradient": same,
    "guard": guarded,
    "check": checked,
    "power": powered,
    "scatter": scattered,
    "setitem": written,
    "sum": summed,
    "sum_to": summed,
    "zeros_like": made,
    "ones_like": made,
    **dict.fromkeys(
        ("getitem", "reshape", "transpose", "broadcast_to", "concatenate", "stack"), moved
    ),
}
