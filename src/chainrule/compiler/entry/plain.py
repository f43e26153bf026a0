"""The call entry in Python: for interpreters whose memory layout is not known, and to compare the native one with."""

from __future__ import annotations

import contextlib
import ctypes
import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.compiler.entry.signature import (
    MISMATCH,
    NUMBERS,
    ArrayInput,
    ConstantResult,
    Container,
    Declined,
    FreshArray,
    Input,
    Leaf,
    Mapping,
    NumberInput,
    NumberResult,
    OwnArray,
    Record,
    SameInput,
    ScalarInput,
    ScalarResult,
    Sequence,
    Signature,
    Stage,
    StaticInput,
    assemble,
    extent,
    fits_strides,
    is_same_static,
    leaves,
)
from chainrule.compiler.places import MISSING
from chainrule.records import record

_ALIGNMENT = 64


class _Mismatch(Exception):  # noqa: N818  it never leaves this file
    """The arguments are not those of the signature."""


def make_plain_entry(
    signature: Signature, stages: tuple[Stage, ...], owner: Any
) -> Callable[..., Any]:
    """Return a function that takes the arguments of the signature and runs the stages on them.

    Args:
        signature: what it takes and gives.
        stages: what it runs, in order.
        owner: what has to live as long as the function: the library of the stages.
    """
    inputs = tuple([leaf for node in _nodes(signature) for leaf in leaves(node)])
    plan = _Plan(
        signature,
        inputs,
        _extents(inputs),
        tuple(_callable(stage, release_gil=signature.release_gil) for stage in stages),
        tuple((slot, np.ascontiguousarray(array)) for slot, array in signature.constants),
        _Arenas(signature.arena),
        owner,
    )
    return functools.partial(_call, plan)


@record
class _Plan:
    """What is the same at every call."""

    signature: Signature
    inputs: tuple[Leaf, ...]
    extents: tuple[tuple[int, int, int, bool], ...]
    stages: tuple[Callable[[int, int], int | None], ...]
    constants: tuple[tuple[int, Any], ...]
    arenas: _Arenas
    owner: Any


def _call(plan: _Plan, /, *arguments: Any) -> Any:
    signature = plan.signature
    try:
        values = _take_apart(signature, arguments)
        cells = [_cell(leaf, x, values) for leaf, x in zip(plan.inputs, values, strict=True)]
    except _Mismatch:
        return MISMATCH
    if _overlap(plan.extents, cells):
        return MISMATCH
    pointers = (ctypes.c_void_p * max(signature.slots, 1))()
    for slot, array in plan.constants:
        pointers[slot] = _data(array)
    for leaf, (_, address) in zip(plan.inputs, cells, strict=True):
        if not isinstance(leaf, (StaticInput, SameInput)):
            for slot in leaf.slots:
                pointers[slot] = address
    outputs: list[Any] = []
    _make_outputs(signature.result, pointers, outputs, {})
    with plan.arenas.borrow() as arena:
        for stage in plan.stages:
            status = stage(ctypes.addressof(pointers), arena)
            if status:
                return Declined(status)
    return _put_together(signature.result, values, iter(outputs))


def _callable(stage: Stage, *, release_gil: bool) -> Callable[[int, int], int | None]:
    if callable(stage):
        return stage
    prototype = ctypes.CFUNCTYPE if release_gil else ctypes.PYFUNCTYPE
    return prototype(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(stage)


def _nodes(signature: Signature) -> tuple[Input, ...]:
    return (*signature.arguments, *(hidden.node for hidden in signature.hidden))


def _take_apart(signature: Signature, arguments: tuple[Any, ...]) -> list[Any]:
    """Return the leaves, or raise if the structure differs."""
    if len(arguments) != len(signature.arguments):
        raise _Mismatch
    found: list[Any] = []
    values = (*arguments, *(hidden.place.read() for hidden in signature.hidden))
    for node, value in zip(_nodes(signature), values, strict=True):
        _walk(node, value, found)
    return found


def _walk(node: Any, value: Any, found: list[Any]) -> None:
    if not isinstance(node, Container):
        found.append(value)
        return
    if not _is_exactly(value, dict if isinstance(node, Mapping) else node.kind):
        raise _Mismatch
    for child, part in zip(node.children, _parts(node, value), strict=True):
        _walk(child, part, found)


def _parts(node: Container, value: Any) -> tuple[Any, ...]:
    """Return what lies in a container of the right type, or raise if it is not as many, or under other names."""
    match node:
        case Mapping(keys, _, True):
            return tuple([value.get(key, MISSING) for key in keys])
        case Mapping(keys):
            # Taken at once: other threads may change it while keys are compared.
            items = tuple(value.items())
            if len(items) != len(keys) or not all(
                is_same_static(k, key) for (k, _), key in zip(items, keys, strict=True)
            ):
                raise _Mismatch
            parts = tuple([part for _, part in items])
        case Record(_, names):
            parts = tuple([getattr(value, name, MISSING) for name in names])
            if any(part is MISSING for part in parts):
                raise _Mismatch
        case Sequence():
            parts = tuple(value)
            if len(parts) != len(node.children):
                raise _Mismatch
    return parts


def _is_exactly(value: Any, kind: type) -> bool:
    return type(value) is kind


def _cell(leaf: Leaf, value: Any, values: list[Any]) -> tuple[Any, int]:
    """Return what holds a leaf's memory, and its address; raise if the leaf is not what it should be."""
    if isinstance(leaf, (StaticInput, SameInput)):
        is_right = (
            is_same_static(value, leaf.value)
            if isinstance(leaf, StaticInput)
            else value is values[leaf.leaf]
        )
        if not is_right:
            raise _Mismatch
        return None, 0
    holder = _holder(leaf, value)
    return holder, _data(holder)


def _holder(leaf: ArrayInput | NumberInput | ScalarInput, value: Any) -> Any:
    """Return what holds the memory of an array or a number, or raise if it is none of the right type."""
    match leaf:
        case ArrayInput():
            if type(value) is not np.ndarray or not _fits(leaf, value):
                raise _Mismatch
            return value
        case NumberInput(kind):
            if type(value) is not kind:
                raise _Mismatch
            try:
                return np.array(value, NUMBERS[kind])
            except OverflowError:
                raise _Mismatch from None
        case ScalarInput(dtype):
            if type(value) is not dtype.type or value.dtype != dtype:
                raise _Mismatch
            return np.array(value)


def _fits(leaf: ArrayInput, array: Any) -> bool:
    return (
        array.shape == leaf.shape
        and array.dtype == leaf.dtype
        and (array.strides == leaf.strides or fits_strides(leaf, array.strides))
        and array.flags.aligned
        and (not leaf.is_written or array.flags.writeable)
    )


def _overlap(extents: tuple[tuple[int, int, int, bool], ...], cells: list[tuple[Any, int]]) -> bool:
    """Say whether an array that may be written to shares a range of addresses with another."""
    ranges = [
        (cells[i][1] + low, cells[i][1] + high, is_written) for i, low, high, is_written in extents
    ]
    end = end_of_written = 0
    for low, high, is_written in sorted(ranges):
        if low < (end if is_written else end_of_written):
            return True
        end = max(end, high)
        if is_written:
            end_of_written = max(end_of_written, high)
    return False


def _extents(inputs: tuple[Leaf, ...]) -> tuple[tuple[int, int, int, bool], ...]:
    """Return the arrays whose memory has to be compared: all that have any, as soon as one is written to."""
    arrays = [(i, leaf) for i, leaf in enumerate(inputs) if isinstance(leaf, ArrayInput)]
    if not any(leaf.is_written for _, leaf in arrays):
        return ()
    rows = [(i, *extent(leaf), leaf.is_written) for i, leaf in arrays]
    return tuple([row for row in rows if row[1] < row[2]])


def _data(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _make_outputs(
    node: Any, pointers: Any, outputs: list[Any], arrays: dict[tuple[int, ...], Any]
) -> None:
    """Make the memory of the results, in their order, and point to it; `arrays` are those made before, by slots."""
    match node:
        case FreshArray(dtype, shape, slots):
            cell = arrays[slots] if slots in arrays else np.empty(shape, dtype)
            arrays[slots] = cell
        case ScalarResult(dtype, slots):
            cell = np.empty((), dtype)
        case NumberResult(kind, slots):
            cell = np.empty((), NUMBERS[kind])
        case Sequence() | Mapping() | Record():
            for child in node.children:
                _make_outputs(child, pointers, outputs, arrays)
            return
        case _:
            return
    for slot in slots:
        pointers[slot] = _data(cell)
    outputs.append(cell)


def _put_together(node: Any, values: list[Any], outputs: Any) -> Any:
    match node:
        case FreshArray():
            made = next(outputs)
        case ScalarResult():
            made = next(outputs)[()]
        case NumberResult(kind):
            made = kind(next(outputs).item())
        case OwnArray(leaf):
            made = values[leaf]
        case ConstantResult(value):
            made = value
        case _:
            children = tuple(_put_together(child, values, outputs) for child in node.children)
            made = assemble(node, children)
    return made


class _Arenas:
    """Scratch memory: a block for each call that is under way, kept for the next."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.free: list[Any] = []

    @contextlib.contextmanager
    def borrow(self) -> Iterator[int]:
        """Lend the address of a block."""
        try:
            block = self.free.pop()  # one step, whatever other threads do
        except IndexError:
            block = np.empty(self.size + _ALIGNMENT, np.uint8)
        yield -(-_data(block) // _ALIGNMENT) * _ALIGNMENT
        self.free.append(block)
