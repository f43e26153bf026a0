"""A tape in the making: the values of nodes so far, constants, memory, and which actions are known."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Buffer
from chainrule.compiler.planning.rules import elementwise_rule
from chainrule.compiler.rolling.constants import FIRST_CONSTANT
from chainrule.compiler.rolling.tape import WIDTH, Action, DType, Tape
from chainrule.compiler.rolling.taping.values import (
    IN_REGISTERS,
    Memory,
    NotScalarError,
    Part,
    Uniform,
)
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE, Op
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, array_type, type_of_plain

_AFTER_ALL = 1 << 62
"""In the place of the last use of what is returned."""


class Taper:
    """What the handlers of nodes work with.

    Attributes:
        tape: what is made.
        values: a number (`int`), an array of numbers, or what `values.py` has, per node.
        clean: positions whose result is never -0.0.
        kinds: numbers of actions by what they were made from.
        now: the number of the node that is being taken.
        guards: how many were met.
        whole: steps on whole large arrays.
        scattered: nodes whose one use is to be added to an array of their shape.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.tape = Tape()
        self.values: dict[Node, Any] = {}
        self.clean: set[int] = set()
        self.kinds: dict[Any, int] = {}
        self.now = 0
        self.guards = 0
        self.whole = 0
        self.last_uses: dict[Node, int] = {}
        self.scattered: set[Node] = set()
        self.slots = len(graph.inputs) + len(graph.outputs)
        self._note_uses()

    def _note_uses(self) -> None:
        """Note the last use of each array, and which arrays are only added to another one."""
        uses: dict[Node, int] = {}
        last_uses, added = self.last_uses, self.scattered
        for i, node in enumerate(self.graph.nodes):
            for parent in node.parents:
                if parent is None or type(parent.type) is tuple or not parent.type.shape:
                    continue
                last_uses[parent] = i
                uses[parent] = uses.get(parent, 0) + 1
                if node.op is not None and node.op.name == "add" and node.type == parent.type:
                    added.add(parent)
        last_uses.update({out: _AFTER_ALL for out in self.graph.outputs if type(out) is Node})
        self.scattered = {n for n in added if uses[n] == 1 and last_uses[n] < _AFTER_ALL}

    # Numbers

    def value(self, x: Any) -> Any:
        """Return the value of an operand, a node or a constant."""
        return self.values[x] if type(x) is Node else self.constant(x)

    def constant(self, a: Any) -> Any:
        """Return a constant as a number, numbers or memory."""
        if not isinstance(a, np.ndarray):
            return self.tape.constant(a)
        if not a.shape:
            return self.tape.constant(a[()])
        if a.size <= IN_REGISTERS:
            return numbers_like(a, [self.tape.constant(x) for x in a.ravel()])
        if a.tobytes() == a.ravel()[:1].tobytes() * a.size:
            return Uniform(self.tape.constant(a.ravel()[0]))
        buffer = Buffer(f"c{self.slots}", a.dtype, a.size, "constant", self.slots)
        self.slots += 1
        self.tape.contents[buffer] = np.ascontiguousarray(a)
        self.tape.buffers.append(buffer)
        return Memory(buffer, is_clean=not np.signbit(np.real(a[a == 0])).any())

    def is_zero(self, x: int) -> bool:
        """Say whether a number is the constant 0.0."""
        if x > FIRST_CONSTANT:
            return False
        value = self.tape.value_of(x)
        return bool(value == 0) and not np.signbit(np.real(value))

    def is_clean(self, x: int) -> bool:
        """Say whether a number is certainly not -0.0."""
        if x > FIRST_CONSTANT:
            return x in self.clean
        value = self.tape.value_of(x)
        return isinstance(value, (float, int)) and not (value == 0 and np.signbit(value))

    def act(self, action: Action, *numbers: int, place: int = 0) -> int:
        """Add an action; return its position."""
        return self.tape.append(self.tape.kind_of(action), numbers, place)

    def kind(
        self, op: Op, types: Sequence[ArrayType], given: Sequence[DType | None], t: Any
    ) -> int:
        """Return the number of the action that computes an element of type `t` from those of `types`.

        Raises:
            NotScalarError: there is no rule for it.
        """
        rule, casts, dtype = elementwise_rule(op, types, t, {})
        if rule is None or len(types) > WIDTH or dtype != t.dtype:
            raise NotScalarError
        return self.tape.kind_of(Action("let", op.name, tuple(given), casts, dtype, rule))

    def sum(self, kind: int, x: int, y: int) -> int:
        """Add; adding 0.0 changes nothing but -0.0, which a sum is only if both its terms are."""
        if self.is_zero(y) and x in self.clean:
            return x
        if self.is_zero(x) and y in self.clean:
            return y
        position = self.tape.append(kind, (x, y))
        if self.is_clean(x) or self.is_clean(y):
            self.clean.add(position)
        return position

    def add_kind(self, dtype: DType) -> int:
        """Return the number of the action that adds two numbers of a dtype."""
        key = "add to", dtype
        kind = self.kinds.get(key)
        if kind is None:
            t = array_type((), dtype)
            kind = self.kinds[key] = self.kind(TABLE["add"], (t, t), (dtype, dtype), t)
        return kind

    def cast(self, dtype: DType, value: Any) -> Any:
        """Return numbers in another dtype."""
        if type(value) is int:
            given = (self.tape.dtype_of(value),)
            return self.act(Action("cast", "astype", given, (), dtype), value)
        parts = elements(value)
        return numbers_like(parts, [self.cast(dtype, x) for x in parts.ravel().tolist()])

    # Memory

    def load(self, buffer: Buffer, place: int) -> int:
        """Read an element."""
        key = "load", buffer
        kind = self.kinds.get(key)
        if kind is None:
            action = Action("load", "load", (), (), buffer.dtype, buffer=buffer)
            kind = self.kinds[key] = self.tape.kind_of(action)
        return self.tape.append(kind, (), place)

    def write(self, what: Any, buffer: Buffer, place: int, number: int) -> None:
        """Write an element (`store`), or add to it (`add`)."""
        given = self.tape.dtype_of(number)
        key = what, buffer, given
        kind = self.kinds.get(key)
        if kind is None:
            action = Action(what, what, (given,), (buffer.dtype,), buffer.dtype, buffer=buffer)
            kind = self.kinds[key] = self.tape.kind_of(action)
        self.tape.append(kind, (number,), place)

    def new_memory(self, t: ArrayType) -> Memory:
        """Return memory whose content is not defined yet."""
        buffer = Buffer(f"t{len(self.tape.buffers)}", t.dtype, t.size, "temporary")
        self.tape.buffers.append(buffer)
        return Memory(buffer, is_own=True)

    def filled(self, t: ArrayType, number: int) -> Memory:
        """Return memory that holds one number in every element."""
        buffer = self.new_memory(t).buffer
        given = (self.tape.dtype_of(number),)
        self.act(Action("fill", "fill", given, (t.dtype,), t.dtype, buffer=buffer), number)
        return Memory(buffer, is_own=True, is_clean=self.is_clean(number))

    def zeros(self, t: ArrayType) -> Memory:
        """Return memory that holds zeros."""
        return self.filled(t, self.tape.constant(t.dtype.type(0)))

    def taken(self, x: Any) -> Memory:
        """Return memory with the content of an operand to write into: its own if this is its last use, else a copy."""
        value = self.value(x)
        if type(value) is Uniform:
            return self.filled(operand_type(x), value.number)
        if type(value) is Part:
            return self.with_parts(self.zeros(operand_type(x)), [value])
        if type(value) is not Memory:
            raise NotScalarError
        if value.is_own and type(x) is Node and self.last_uses.get(x, -1) <= self.now:
            return value
        return self.copied(value)

    def copied(self, memory: Memory, buffer: Buffer | None = None) -> Memory:
        """Return a copy, in a buffer that is given or a new one."""
        t = array_type((memory.buffer.size,), memory.buffer.dtype)
        buffer = buffer or self.new_memory(t).buffer
        sources = (memory.buffer,)
        self.act(Action("copy", "copy", (), (), t.dtype, buffer=buffer, sources=sources))
        return Memory(buffer, is_own=True, is_clean=memory.is_clean)

    def with_parts(self, memory: Memory, parts: Sequence[Part]) -> Memory:
        """Add parts into memory that may be written to."""
        buffer = memory.buffer
        if not memory.is_clean:
            self.act(Action("clean", "add 0.0", (), (), buffer.dtype, buffer=buffer))
        for part in parts:
            self.write("add", buffer, part.place, part.number)
        return Memory(buffer, is_own=True, is_clean=True)


def operand_type(x: Any) -> ArrayType:
    """Return the type of a node or a constant."""
    t: ArrayType = x.type if type(x) is Node else type_of_plain(x)
    return t


def scalar(value: Any) -> int:
    """Return a value that has to be one number.

    Raises:
        NotScalarError: it is not.
    """
    if type(value) is int:
        return value
    if type(value) is np.ndarray and value.size == 1:
        return int(value.reshape(-1)[0])
    raise NotScalarError


def elements(value: Any) -> Any:
    """Return a number or a small array as an array of numbers.

    Raises:
        NotScalarError: it is large.
    """
    if type(value) is np.ndarray:
        return value
    if type(value) is int:
        return np.array(value, np.int64)
    raise NotScalarError


def numbers_like(x: Any, numbers: Sequence[int]) -> Any:
    """Return numbers in the shape of an array or a type; of one without axes the number itself."""
    return np.array(numbers, np.int64).reshape(x.shape) if x.shape else numbers[0]
