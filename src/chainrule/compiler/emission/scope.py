"""What is known at the place that is being written: the values, the pointers, and how many turns are run at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import INT64, Function
from chainrule.compiler.emission.values import AnyValue, Pair, Value, memory_type, real_dtype
from chainrule.compiler.loops.program import Buffer, Index, Number, Operand, Statement
from chainrule.records import fresh, mutable_record


@mutable_record
class Scope:
    """A function in the making, at some place.

    Attributes:
        emitter: writes instructions there.
        pointer: returns the pointer to a buffer's memory.
        values: what each name stands for: one value, or one for each copy of the body that is written.
        write: writes statements.
        lanes: how many turns of the vector loop that is open are in a vector.
        copies: how many such vectors are in flight.
        active: how many lanes are run, the first ones, where not all are.
        turn: the variable of the vector loop that is open, and the text of its value in lane 0 of copy 0.
        bases: the pointers that were computed before the loop, by the address of the statement.
        scratch: returns the pointer to so many bytes that are free while a statement runs.
    """

    emitter: Any
    pointer: Callable[[Buffer], str]
    write: Callable[[Scope, Sequence[Statement]], None]
    scratch: Callable[[int], str]
    values: dict[int, list[AnyValue]] = fresh(default_factory=dict)
    lanes: int = 1
    copies: int = 1
    active: int | None = None
    turn: tuple[int, str] | None = None
    bases: dict[int, str] = fresh(default_factory=dict)
    defined: Callable[[Scope, int], None] | None = None
    missing: Callable[[Scope, int], list[AnyValue]] | None = None

    @property
    def function(self) -> Function:
        """The function that is being written."""
        return self.emitter.function  # type: ignore[no-any-return]

    def copies_of(self, name: int) -> list[AnyValue]:
        """Return the value of a name, in each copy or once for all."""
        found = self.values.get(name)
        if found is not None:
            return found
        if self.turn is not None and self.turn[0] == name:
            found = self.values[name] = self._turns()
            return found
        assert self.missing is not None, f"{name} is used before it is set"
        found = self.values[name] = self.missing(self, name)
        return found

    def _turns(self) -> list[AnyValue]:
        """Return the vectors of the turns that are run."""
        assert self.turn is not None
        first = Value(self.emitter, self.turn[1], INT64)
        if self.lanes == 1:
            return [first + j if j else first for j in range(self.copies)]
        turns = self.emitter.spread(first, self.lanes)
        steps = [
            ", ".join(f"i64 {j * self.lanes + k}" for k in range(self.lanes))
            for j in range(self.copies)
        ]
        return [turns + Value(self.emitter, f"<{s}>", INT64, self.lanes) for s in steps]

    def operand(self, operand: Operand, copy: int) -> AnyValue:
        """Return the value of an operand in a copy."""
        if isinstance(operand, Number):
            return self.emitter.number(operand.value, operand.dtype)  # type: ignore[no-any-return]
        copies = self.copies_of(operand)
        return copies[copy if len(copies) > 1 else 0]

    def set(self, name: int, copies: list[AnyValue]) -> None:
        """Set a name."""
        self.values[name] = copies
        if self.defined is not None:
            self.defined(self, name)

    def varies(self, name: int) -> bool:
        """Say whether a name differs from turn to turn of the vector loop that is open."""
        if self.turn is not None and self.turn[0] == name:
            return self.lanes * self.copies > 1
        copies = self.copies_of(name)
        return len(copies) > 1 or copies[0].lanes > 1


def element_type(dtype: np.dtype[Any]) -> str:
    """Return LLVM's name of the type of an element in memory."""
    if dtype.kind == "c":
        return f"[2 x {memory_type(real_dtype(dtype))}]"
    return memory_type(dtype)


def alignment(dtype: np.dtype[Any]) -> int:
    """Return the alignment in bytes that elements have at least."""
    return real_dtype(dtype).itemsize


def place_text(scope: Scope, offset: int, terms: Sequence[tuple[int, int]]) -> str:
    """Return the text of `offset + Σ stride · name` for names that do not vary."""
    f = scope.function
    total = ""
    for name, stride in terms:
        value = scope.operand(name, 0)
        if scope.turn is not None and scope.turn[0] == name:
            text = scope.turn[1]
        else:
            assert isinstance(value, Value)
            text = value.text
        if stride != 1:
            text = f.set(f"mul nsw i64 {text}, {stride}")
        total = f.set(f"add nsw i64 {total}, {text}") if total else text
    if not total:
        return str(offset)
    return f.set(f"add nsw i64 {total}, {offset}") if offset else total


def element_pointer(scope: Scope, base: str, dtype: np.dtype[Any], place: str) -> str:
    """Return the pointer to an element behind another."""
    if place == "0":
        return base
    return scope.function.set(f"getelementptr {element_type(dtype)}, ptr {base}, i64 {place}")


def split_terms(
    scope: Scope, index: Index
) -> tuple[list[tuple[int, int]], int, list[tuple[int, int]]]:
    """Return an index's terms that do not vary, the stride from turn to turn, and those of names that vary."""
    fixed, stride, varying = [], 0, []
    for name, s in index.terms:
        if scope.turn is not None and scope.turn[0] == name:
            stride += s
        elif scope.varies(name):
            varying.append((name, s))
        else:
            fixed.append((name, s))
    return fixed, stride, varying


def texts_of(value: AnyValue) -> list[tuple[str, str]]:
    """Return type and text of a value's parts."""
    parts = (value.real, value.imag) if isinstance(value, Pair) else (value,)
    return [(p.type, p.text) for p in parts]


def with_texts(value: AnyValue, texts: Sequence[str]) -> AnyValue:
    """Return a value like another, of other texts."""
    if isinstance(value, Pair):
        real = Value(value.emitter, texts[0], value.real.dtype, value.lanes)
        imag = Value(value.emitter, texts[1], value.imag.dtype, value.lanes)
        return Pair(value.emitter, real, imag, value.dtype)
    return Value(value.emitter, texts[0], value.dtype, value.lanes)
