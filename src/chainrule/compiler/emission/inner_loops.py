"""Calls of the inner loops of ufuncs: elements go to memory, the loop works on them there, the results come back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import Declarations, Function
from chainrule.compiler.emission.memory import put, read
from chainrule.compiler.emission.scope import Scope, element_pointer
from chainrule.compiler.emission.values import AnyValue
from chainrule.compiler.machine_code.inner_loops import loop_name, loop_types
from chainrule.compiler.machine_code.symbols import PREFIX
from chainrule.core.op import Ufunc
from chainrule.records import record

DType = np.dtype[Any]


@record
class LoopRule:
    """The rule of an op that a ufunc computes: `rule(e, *args)` is one of the results.

    Attributes:
        ufunc: computes the op.
        result: the number of the result.
    """

    ufunc: Ufunc
    result: int = 0

    def __call__(self, e: Any, *args: Any) -> Any:
        """Compute an element with an emitter."""
        return self.of_copies(e, [args])[0]

    def of_copies(self, e: Any, copies: Sequence[Sequence[Any]]) -> Sequence[Any]:
        """Compute the elements of several vectors by one call; `copies` are the arguments of each."""
        order = self.ufunc.order
        given = [[args[i] for i in order or range(len(args))] for args in copies]
        return e.call_ufunc(self.ufunc, self.result, given)  # type: ignore[no-any-return]


def write_elements(
    e: Any, ufunc: Ufunc, result: int, copies: Sequence[Sequence[AnyValue]]
) -> Sequence[AnyValue]:
    """Write the call of a loop for the elements of vectors, and return those of one result.

    All results of a call are read, and found again by whoever asks for another one of the same arguments.
    """
    types = loop_types(ufunc.module, ufunc.name, [x.dtype for x in copies[0]])
    if types is None:
        raise e.unsupported(ufunc.name, *copies[0])
    f = e.function
    name = loop_name(ufunc.module, ufunc.name, types)
    key = f.label, name, tuple([_texts(x) for args in copies for x in args])
    known = f.results.get(key)
    if known is None:
        known = f.results[key] = _called(e, name, types, copies)
    return known[result]  # type: ignore[no-any-return]


def _texts(x: Any) -> tuple[str, ...]:
    return (x.real.text, x.imag.text) if x.dtype.kind == "c" else (x.text,)


def _called(
    e: Any, name: str, types: str, copies: Sequence[Sequence[AnyValue]]
) -> list[list[AnyValue]]:
    """Return, for each result of a loop, its elements in every copy."""
    inputs, lanes = len(copies[0]), copies[0][0].lanes
    count = lanes * len(copies) if e.active is None else min(lanes, e.active)
    dtypes = [np.dtype(c) for c in types.replace("->", "")]
    scope = Scope(e, _nothing, _nothing, _nothing)
    rows = [_slot(e.function, i, len(copies) * lanes * t.itemsize) for i, t in enumerate(dtypes)]
    places = [
        [element_pointer(scope, row, t, str(j * lanes)) for j in range(len(copies))]
        for row, t in zip(rows, dtypes, strict=True)
    ]
    for i in range(inputs):
        for place, args in zip(places[i], copies, strict=True):
            put(scope, place, args[i])
    write_call(e.function, e.declarations, name, rows, (count,), [t.itemsize for t in dtypes])
    return [
        [read(scope, place, t, lanes) for place in out]
        for out, t in zip(places[inputs:], dtypes[inputs:], strict=True)
    ]


def _slot(f: Function, i: int, size: int) -> str:
    """Return the function's memory for an operand; every call uses the same."""
    key = i, size
    place = f.slots.get(key)
    if place is None:
        place = f.slots[key] = f.reserve(size)
    return place


def _nothing(*_: Any) -> Any:
    message = "a call of an inner loop touches no buffer"
    raise AssertionError(message)


def write_call(
    f: Function,
    declarations: Declarations,
    name: str,
    places: Sequence[str],
    sizes: Sequence[int],
    steps: Sequence[int],
) -> None:
    """Write the call of an inner loop.

    Args:
        f: where.
        declarations: of its module.
        name: what `loop_name` returned.
        places: the pointers to the operands.
        sizes: how many elements, or for matrices how many of them, and then their sizes.
        steps: the strides of the operands, in bytes, and then those inside of matrices.
    """
    table = declarations.external_pointers(PREFIX + name)
    given = _slot(f, -1, 8 * len(places))
    for i, place in enumerate(places):
        at = f.set(f"getelementptr ptr, ptr {given}, i64 {i}")
        f.write(f"store ptr {place}, ptr {at}, align 8")
    function = f.set(f"load ptr, ptr {table}, align 8")
    at = f.set(f"getelementptr ptr, ptr {table}, i64 1")
    data = f.set(f"load ptr, ptr {at}, align 8")
    numbers = [_whole_numbers(declarations, n) for n in (sizes, steps)]
    f.write(f"call void {function}(ptr {given}, ptr {numbers[0]}, ptr {numbers[1]}, ptr {data})")


def _whole_numbers(declarations: Declarations, numbers: Sequence[int]) -> str:
    name = "numbers_" + "_".join(map(str, numbers)).replace("-", "m")
    text = ", ".join(f"i64 {n}" for n in numbers)
    return declarations.constant(name, f"[{len(numbers)} x i64]", f"[{text}]")
