"""A signature becomes tables of numbers and addresses, which the machine code of `native.ll` reads at each call.

The layout of each row stands there. Tables are bytes objects, whose content has an address that never changes.
"""

from __future__ import annotations

import ctypes
import itertools
import struct
import types
from typing import Any

import numpy as np

from chainrule.compiler.entry.fields import field_of_functions
from chainrule.compiler.entry.signature import (
    MISMATCH,
    ArrayInput,
    ConstantResult,
    Container,
    Declined,
    FreshArray,
    Input,
    Mapping,
    NumberInput,
    NumberResult,
    OwnArray,
    Record,
    Result,
    SameInput,
    ScalarInput,
    ScalarResult,
    Sequence,
    Signature,
    Stage,
    StaticInput,
    extent,
    is_comparable,
    is_same_static,
)
from chainrule.compiler.places import MISSING, Attribute, Cell, Context, Name, OfClass, Place
from chainrule.records import record

CONTENT_OF_BYTES = 32
"""Where the content of a bytes object begins."""
_MOST = 4_000
"""Rows of a table: one call keeps its numbers on the stack of the thread."""
(
    _ARGUMENT,
    _LIST_ITEM,
    _TUPLE_ITEM,
    _DICT_ITEM,
    _ATTRIBUTE,
    _NAME,
    _CELL,
    _CONTEXT,
    _KEY,
    _LOOKUP,
    _OWN_ATTRIBUTE,
    _FIELD,
) = range(12)
_ARRAY, _VALUE, _INTEGER, _STATIC, _ITEMS, _MAPPING, _ATTRIBUTES, _AGAIN = range(8)
_OUTPUT, _OWN, _CONSTANT, _SCALAR = range(4)
_NUMBERS = {float: 4, int: 5, bool: 6, complex: 7}
_TUPLE, _LIST, _DICT, _NAMED_TUPLE, _OBJECT, _KEPT = range(8, 14)
_PLAIN = {tuple: _TUPLE, list: _LIST}
_C_ORDER, _F_ORDER, _ALIGNED, _WRITEABLE = 0x1, 0x2, 0x100, 0x400
_HEAP_TYPE = 1 << 9


class NotNative(Exception):  # noqa: N818  a reason, not a mistake
    """A signature that the native entry does not serve; the plain one does."""


@record
class Tables:
    """The plan of an entry.

    Attributes:
        plan: the first table, from which the others are found.
        arenas: where the list of free arenas starts.
        kept: what the tables point to.
    """

    plan: bytes
    arenas: Any
    kept: list[Any]


def tabulate(signature: Signature, stages: tuple[Stage, ...]) -> Tables:
    """Make the tables of a signature.

    Raises:
        NotNative: it has a container that the native entry cannot take apart or make, or too many parts.
    """
    writer = _Writer(signature.slots)
    for number, argument in enumerate(signature.arguments):
        writer.take(argument, _ARGUMENT, number, 0)
    for hidden in signature.hidden:
        writer.take(hidden.node, *writer.place(hidden.place))
    writer.give(signature.result, 0)
    template = [0] * (signature.slots + 1)
    for slot, array in signature.constants:
        constant = writer.keep(np.ascontiguousarray(array))
        template[slot] = constant.ctypes.data
    ranges = writer.apart()
    arenas = ctypes.c_void_p(None)
    known = (ctypes.c_int64 * max(len(ranges), 1))(*([-1] * len(ranges)))
    parts: list[tuple[int, ...]] = [
        (0, id(writer.keep(stage))) if callable(stage) else (1, int(stage)) for stage in stages
    ]
    if max(len(writer.nodes), len(writer.steps), len(template)) > _MOST:
        raise NotNative
    plan = (
        len(signature.arguments),
        *writer.table(writer.nodes),
        *writer.table([(x,) for x in template]),
        *writer.table(ranges),
        ctypes.addressof(writer.keep(known)),
        *writer.table(writer.copies),
        *writer.table(writer.outputs),
        *writer.table(parts),
        *writer.table(writer.steps),
        writer.depth,
        signature.arena,
        ctypes.addressof(writer.keep(arenas)),
        int(signature.release_gil),
        id(writer.keep(MISMATCH)),
        id(writer.keep(Declined)),
        id(writer.keep(is_same_static)),
        id(writer.keep(MISSING)),
    )
    return Tables(_pack(plan), arenas, writer.kept)


def _pack(numbers: tuple[int, ...]) -> bytes:
    return struct.pack(f"{len(numbers)}q", *numbers)


class _Writer:
    """The rows of the tables, as they are written."""

    def __init__(self, slots: int) -> None:
        self.nodes: list[tuple[int, ...]] = []
        self.copies: list[tuple[int, ...]] = []
        self.outputs: list[tuple[int, ...]] = []
        self.steps: list[tuple[int, ...]] = []
        self.given: dict[tuple[int, ...], int] = {}
        self.leaves: list[int] = []
        self.arrays: list[tuple[int, ArrayInput]] = []
        self.depth = 1
        self.kept: list[Any] = []
        self._nowhere = (
            slots  # one pointer more than the function knows of, for what it does not want
        )

    def keep(self, x: Any) -> Any:
        """Keep an object alive with the tables."""
        self.kept.append(x)
        return x

    def table(self, rows: list[tuple[int, ...]]) -> tuple[int, int]:
        """Return how many rows there are, and the address of a table of them."""
        return len(rows), self._address(tuple(itertools.chain.from_iterable(rows)))

    def _address(self, numbers: tuple[int, ...]) -> int:
        return id(self.keep(_pack(numbers))) + CONTENT_OF_BYTES

    def take(
        self, node: Input, way: int, parent: int, place: int, *, any_key: bool = False
    ) -> None:
        """Write the rows of an argument: of a container first, then of what is in it."""
        number = len(self.nodes)
        self.nodes.append((way, parent, place, *self._wanted(node), int(any_key)))
        match node:
            case Mapping(keys, children, True):
                for key, child in zip(keys, children, strict=True):
                    self.take(child, _LOOKUP, number, id(self.keep(key)))
            case Mapping(keys, children):
                for key, child in zip(keys, children, strict=True):
                    equal_will_do = is_comparable(key)
                    self.take(child, _DICT_ITEM, number, id(self.keep(key)), any_key=equal_will_do)
            case Record(_, names, children):
                for name, child in zip(names, children, strict=True):
                    self.take(child, _ATTRIBUTE, number, id(self.keep(name)))
            case Sequence(kind, children):
                inside = _LIST_ITEM if issubclass(kind, list) else _TUPLE_ITEM
                for i, child in enumerate(children):
                    self.take(child, inside, number, i)
            case _:
                self.leaves.append(number)
                if isinstance(node, ArrayInput):
                    self.arrays.append((number, node))

    def place(self, place: Place) -> tuple[int, int, int]:
        """Return how an argument that is not passed is read: the way, and two objects."""
        match place:
            case Name(holder, key):
                way = _NAME if type(holder) is dict else _KEY
                return way, id(self.keep(holder)), id(self.keep(key))
            case OfClass(kind, key):
                return _KEY, id(self.keep(vars(kind))), id(self.keep(key))
            case Cell(cell):
                return _CELL, id(self.keep(cell)), 0
            case Context(variable):
                return _CONTEXT, id(self.keep(variable)), 0
            case Attribute(types.FunctionType() as holder, name) if field_of_functions(name):
                address = id(self.keep(holder)) + (field_of_functions(name) or 0)
                return _FIELD, address, id(None)
            case Attribute(holder, name):
                return _OWN_ATTRIBUTE, id(self.keep(holder)), id(self.keep(name))

    def _wanted(self, node: Input) -> tuple[int, int, int, int]:
        """Return what a node has to be: its kind, an address, a number, whether an equal value will do."""
        match node:
            case ArrayInput():
                wanted = _ARRAY, self._array(node), self._slot(node.slots), 0
            case NumberInput(kind):
                wanted = _INTEGER if kind is int else _VALUE, id(kind), self._slot(node.slots), 0
            case ScalarInput(dtype):
                wanted = _VALUE, id(self.keep(dtype.type)), self._slot(node.slots), 0
            case SameInput(leaf):
                wanted = _AGAIN, 0, self.leaves[leaf], 0
            case StaticInput(value):
                wanted = _STATIC, id(self.keep(value)), 0, int(is_comparable(value))
            case Mapping(keys, _, is_open):
                wanted = _ATTRIBUTES if is_open else _MAPPING, id(dict), len(keys), 0
            case Record(kind, names):
                _check_attributes(kind, names)
                wanted = _ATTRIBUTES, id(self.keep(kind)), 0, 0
            case Sequence(kind, children):
                if not issubclass(kind, list | tuple):
                    raise NotNative
                wanted = _ITEMS, id(self.keep(kind)), len(children), 0
        return wanted

    def _array(self, node: ArrayInput) -> int:
        """Return the address of a description of an array."""
        order = _order(node)
        flags = _ALIGNED | (_WRITEABLE if node.is_written else 0) | order
        matters = int(not order and 0 not in node.shape)
        return self._address(
            (id(self.keep(node.dtype)), flags, len(node.shape), matters, *node.shape, *node.strides)
        )

    def _slot(self, slots: tuple[int, ...]) -> int:
        """Return the first slot; the others are copied from it."""
        if not slots:
            return self._nowhere
        self.copies += [(slots[0], other) for other in slots[1:]]
        return slots[0]

    def apart(self) -> list[tuple[int, ...]]:
        """Return the rows of the arrays whose memory has to be compared: all, as soon as one is written to."""
        if not any(node.is_written for _, node in self.arrays):
            return []
        rows = [(number, *extent(node), int(node.is_written)) for number, node in self.arrays]
        return [row for row in rows if row[1] < row[2]]

    def give(self, node: Result, height: int) -> None:
        """Write the steps that make a result on a stack of this height."""
        self.depth = max(self.depth, height + 1)
        match node:
            case FreshArray(_, _, slots) if slots in self.given:
                before = self.given[slots]
                number = self.steps[before][1]
                self.steps[before] = (_KEPT, number, 0)
                self.given[slots] = len(self.steps)
                self.steps.append((_OUTPUT, number, 0))
            case FreshArray(dtype, shape, slots):
                self.given[slots] = len(self.steps)
                description = (id(self.keep(dtype)), len(shape), self._address(shape))
                self._output(slots, (1, *description), _OUTPUT, 0)
            case OwnArray(leaf):
                self.steps.append((_OWN, self.leaves[leaf], 0))
            case ConstantResult(value):
                self.steps.append((_CONSTANT, 0, id(self.keep(value))))
            case ScalarResult(dtype, slots):
                self._output(slots, (0, 0, 0, 0), _SCALAR, id(self.keep(dtype)))
            case NumberResult(kind, slots):
                self._output(slots, (0, 0, 0, 0), _NUMBERS[kind], 0)
            case _:
                for i, child in enumerate(node.children):
                    self.give(child, height + i)
                self.steps.append(self._container(node, len(node.children)))

    def _output(
        self, slots: tuple[int, ...], memory: tuple[int, ...], kind: int, dtype: int
    ) -> None:
        self.steps.append((kind, len(self.outputs), dtype))
        self.outputs.append((self._slot(slots), *memory))

    def _container(self, node: Container, count: int) -> tuple[int, int, int]:
        """Return the step that makes a container."""
        match node:
            case Mapping(keys):
                return _DICT, count, id(self.keep(tuple(keys)))
            case Record(kind, names):
                _check_makeable(kind)
                return _OBJECT, count, id(self.keep((kind, *names)))
        if node.kind in _PLAIN:
            return _PLAIN[node.kind], count, 0
        if not _is_plain_named_tuple(node.kind):
            raise NotNative
        return _NAMED_TUPLE, count, id(self.keep(node.kind))


def _order(node: ArrayInput) -> int:
    """Return the flag that says of an array of this shape that it has these strides; 0 if there is none."""
    if 0 in node.shape:
        return 0
    lengths = [(n, s) for n, s in zip(node.shape, node.strides, strict=True) if n != 1]
    for flag, axes in ((_C_ORDER, lengths[::-1]), (_F_ORDER, lengths)):
        sizes = itertools.accumulate([n for n, _ in axes], int.__mul__, initial=node.dtype.itemsize)
        if all(s == size for (_, s), size in zip(axes, sizes, strict=False)):
            return flag
    return 0


def _check_attributes(kind: type, names: tuple[str, ...]) -> None:
    """Let pass a class whose attributes are read without running a user's code."""
    reads: Any = kind.__getattribute__
    if reads is not object.__getattribute__:
        raise NotNative
    for name in names:
        found = next((vars(c)[name] for c in kind.__mro__ if name in vars(c)), None)
        is_plain = not hasattr(type(found), "__set__") or type(found) is types.MemberDescriptorType
        if not is_plain:
            raise NotNative


def _check_makeable(kind: type) -> None:
    """Let pass a class whose objects are made by object.__new__."""
    try:
        object.__new__(kind)
    except TypeError:
        raise NotNative from None
    if not kind.__flags__ & _HEAP_TYPE or kind.__itemsize__:
        raise NotNative


def _is_plain_named_tuple(kind: type) -> bool:
    return (
        issubclass(kind, tuple)
        and hasattr(kind, "_make")
        and bool(kind.__flags__ & _HEAP_TYPE)
        and kind.__basicsize__ == tuple.__basicsize__
        and not kind.__dictoffset__
    )
