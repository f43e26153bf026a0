"""A captured graph as bytes that no other graph has: what its machine code is kept under.

Every value is written with its exact type, arrays and floating-point numbers bit by bit. What cannot be written so, a
function among the parameters for one, makes the whole graph one that is not kept.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.compiler.decisions import DECISIONS
from chainrule.core.graph import Graph
from chainrule.core.op import TABLE, WEAK_FRONTS, Op
from chainrule.core.trace import OUTPUT, Node
from chainrule.core.types import ArrayType

if TYPE_CHECKING:
    from chainrule.compiler.views import View

_NUMBERS = "biufc"
_CLASSES = {kind: kind.__name__ for kind in (bool, int, float, complex)}
_CLASSES |= {np.dtype(char).type: char for char in "?bhilqBHILQefdgFDG"}


def identity_of(graph: Graph, views: Sequence[View], in_place: Mapping[int, int]) -> bytes | None:
    """Return what tells this graph, with its arrays' layouts, from every other; None if it cannot be told.

    Args:
        graph: as captured.
        views: where the elements of each input lie in its memory.
        in_place: outputs whose memory is that of an input, by their numbers.
    """
    writer = _Writer(graph.inputs)
    try:
        inputs = [writer.value(node.type) for node in graph.inputs]
        nodes = [writer.node(node) for node in graph.nodes]
        outputs = [writer.result(o) for o in graph.outputs]
    except _NotExactError:
        return None
    layouts = [(v.shape, v.strides, v.offset) for v in views]
    # The text of nested tuples of numbers, texts and bytes is read back in one way only.
    return repr(
        (inputs, nodes, outputs, writer.types, writer.arrays, layouts, sorted(in_place.items()))
    ).encode()


class _NotExactError(Exception):
    """It never leaves this file."""


class _Writer:
    """Writes the parts of a graph as nested tuples; types and arrays are numbered, and written once."""

    def __init__(self, inputs: Sequence[Node]) -> None:
        self.numbers: dict[Node, int] = {node: i for i, node in enumerate(inputs)}
        self.types: list[Any] = []
        self.arrays: list[Any] = []
        self._types: dict[int, int] = {}
        self._by_type: dict[ArrayType, int] = {}
        self._arrays: dict[int, int] = {}
        self._kept: list[Any] = []  # an identity is free again when its object is gone

    def node(self, node: Node) -> Any:
        """Write a node, and number it."""
        name = _name_of(node.op)
        args = [
            self.value(a) if p is None else (self.numbers[p], self.number_of(a))
            for a, p in zip(node.args, node.parents, strict=True)
        ]
        params = [(self.value(k), self.value(x)) for k, x in node.params.items()]
        self.numbers[node] = len(self.numbers)
        return name, args, params, self.number_of(node.type)

    def result(self, x: Any) -> Any:
        """Write an output."""
        return ("node", self.numbers[x]) if isinstance(x, Node) else self.value(x)

    def value(self, x: Any) -> Any:
        """Write a value."""
        write = _BY_KIND.get(type(x))
        if write is not None:
            return write(self, x)
        if isinstance(x, np.generic):
            if x.dtype.kind not in _NUMBERS:
                raise _NotExactError
            return "scalar", self.dtype(x.dtype), x.tobytes()
        if isinstance(x, np.dtype):
            return "dtype", self.dtype(x)
        if isinstance(x, type) and x in _CLASSES:
            return "class", _CLASSES[x]
        raise _NotExactError

    def number_of(self, t: Any) -> Any:
        """Return the number of a type, or of each type of several results."""
        known = self._types.get(id(t))
        if known is not None:
            return known
        if type(t) is tuple:
            return [self.number_of(part) for part in t]
        if type(t) is not ArrayType:
            raise _NotExactError  # a value that is known, of a node that is not
        number = self._by_type.setdefault(t, len(self.types))
        if number == len(self.types):
            self.types.append((t.shape, self.dtype(t.dtype), t.weak))
        self._types[id(t)] = number
        self._kept.append(t)
        return number

    def array_type(self, t: ArrayType) -> Any:
        """Write a shape and a dtype."""
        return "type", self.number_of(t)

    def array(self, x: Any) -> Any:
        """Write an array; one that is met again is the same, which passes may rely on."""
        number = self._arrays.get(id(x))
        if number is None:
            if x.dtype.kind not in _NUMBERS:
                raise _NotExactError
            number = self._arrays[id(x)] = len(self.arrays)
            self._kept.append(x)
            self.arrays.append((x.shape, x.strides, self.dtype(x.dtype), x.tobytes()))
        return "array", number

    def items(self, x: Sequence[Any]) -> Any:
        """Write a tuple or a list."""
        return type(x).__name__, [self.value(item) for item in x]

    def mapping(self, x: Mapping[Any, Any]) -> Any:
        """Write a dictionary."""
        return "dict", [(self.value(k), self.value(item)) for k, item in x.items()]

    def span(self, x: Any) -> Any:
        """Write a slice or a range."""
        return type(x).__name__, [self.value(v) for v in (x.start, x.stop, x.step)]

    def dtype(self, dtype: np.dtype[Any]) -> Any:
        """Write a dtype; several of one size have names of their own."""
        if dtype.fields is not None or dtype.subdtype is not None:
            raise _NotExactError
        return dtype.str, dtype.char


def _name_of(op: Op | None) -> str:
    """Return a name that this op alone has: a user's own op may be called as one of the table is."""
    if op is OUTPUT or op in DECISIONS or (op is not None and TABLE.get(op.name) is op):
        return op.name
    if op is not None and op.name in WEAK_FRONTS and op in WEAK_FRONTS[op.name].args:
        return f"{op.name} of Python numbers"
    raise _NotExactError


def _itself(_: _Writer, x: Any) -> Any:
    return x


_BY_KIND: dict[type, Callable[[_Writer, Any], Any]] = {
    type(None): _itself,
    bool: _itself,
    int: _itself,
    str: _itself,
    bytes: _itself,
    type(Ellipsis): _itself,
    float: lambda _, x: ("float", struct.pack("<d", x)),
    complex: lambda _, x: ("complex", struct.pack("<dd", x.real, x.imag)),
    ArrayType: _Writer.array_type,
    np.ndarray: _Writer.array,
    tuple: _Writer.items,
    list: _Writer.items,
    dict: _Writer.mapping,
    slice: _Writer.span,
    range: _Writer.span,
}
