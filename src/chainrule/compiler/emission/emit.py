"""A program to the text of an LLVM module with one function that runs it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.fusing import fuse
from chainrule.compiler.emission.instructions import Declarations, Function
from chainrule.compiler.emission.llvm_emitter import LlvmEmitter
from chainrule.compiler.emission.memory import put, read
from chainrule.compiler.emission.products import calls_library, is_empty
from chainrule.compiler.emission.scope import Scope
from chainrule.compiler.emission.statements import write_statements
from chainrule.compiler.emission.values import AnyValue, Pair, Value, real_dtype, type_text
from chainrule.compiler.loops.program import (
    Buffer,
    Host,
    Loop,
    Product,
    Program,
    Statement,
    UnfoldedProduct,
)
from chainrule.compiler.loops.structure import Structure, structure_of
from chainrule.compiler.machine_code.machine import Machine
from chainrule.errors import GraphError
from chainrule.records import fresh, mutable_record, record

_ALIGNMENT = 64
_MOST_IN_ONE = 512
"""Statements of one function: the time LLVM takes grows faster than a function's length."""
_FEW = 16
"""Fewer parts of a turn are written out one after the other."""


@record
class Module:
    """What there is to compile.

    Attributes:
        name: of the function `i64 name(ptr pointers, ptr arena)`: `pointers` are those of the buffers with slots, in
            the order of the slots. It returns 0, or 1 + the place of the first guard that failed.
        text: LLVM's text.
        symbols: the external functions that must be bound.
        arena: the bytes that the arena has to have: what the program asks for, and room to pack operands in.
    """

    name: str
    text: str
    symbols: tuple[str, ...]
    arena: int


def emit(program: Program, name: str, machine: Machine) -> Module:
    """Return the native function of a program as text.

    Args:
        program: without calls of Python; see `loops.Host`.
        name: of the function.
        machine: what it is written for.

    Raises:
        GraphError: the program breaks a rule.
    """
    writer = _Writer(program, machine)
    writer.write_main(name)
    symbols = tuple(writer.declarations.symbols)
    return Module(name, writer.text(), symbols, writer.scratch_place + writer.scratch_size)


@mutable_record
class _Kernel:
    """A function that runs one statement: its name, and what it has to be given."""

    name: str
    results: list[AnyValue]
    has_guard: bool
    has_scratch: bool


@mutable_record
class _Writer:
    """A module in the making."""

    program: Program
    machine: Machine
    declarations: Declarations = fresh(default_factory=Declarations)
    functions: list[str] = fresh(default_factory=list)
    by_key: dict[Hashable, _Kernel] = fresh(default_factory=dict)
    by_text: dict[str, str] = fresh(default_factory=dict)
    scratch_size: int = 0

    @property
    def scratch_place(self) -> int:
        """Where in the arena, in bytes, the room behind the program's own begins."""
        return -(-self.program.arena // _ALIGNMENT) * _ALIGNMENT

    def text(self) -> str:
        """Return the module's text."""
        lines = (*self.declarations.lines.values(), *self.functions, self._attributes())
        return "\n".join((f'target triple = "{self.machine.triple}"', *lines)) + "\n"

    def _attributes(self) -> str:
        machine = self.machine
        features = f' "target-features"="{machine.features}"' if machine.features else ""
        return (
            f'attributes #0 = {{ nounwind "prefer-vector-width"="{machine.vector_bits}" '
            f'"target-cpu"="{machine.cpu}"{features} }}'
        )

    def write_main(self, name: str) -> None:
        """Write the function that runs the whole program."""
        f = Function(name, [("ptr", "%pointers"), ("ptr", "%arena")], result="i64")
        self._write_parts(self._scope(f), self.program.body)
        f.write("ret i64 0")
        fuse(f, self.declarations, self.machine)
        self.functions.append(f.text("#0"))

    def _scope(self, f: Function) -> Scope:
        """Return what statements are written with in a function that is given `%pointers` and `%arena`."""

        def pointer(buffer: Buffer) -> str:
            return self._pointer(f, buffer)

        def scratch(size: int) -> str:
            self.scratch_size = max(self.scratch_size, size)
            return f.set(f"getelementptr i8, ptr %arena, i64 {self.scratch_place}")

        emitter = LlvmEmitter(f, self.declarations, self.machine)
        return Scope(emitter, pointer, self._write_top, scratch)

    def _write_parts(self, scope: Scope, statements: Sequence[Statement]) -> None:
        """Write statements; a long row of them is cut, and the parts become functions."""
        if len(statements) <= _MOST_IN_ONE:
            self._write_top(scope, statements)
            return
        starts = range(0, len(statements), _MOST_IN_ONE)
        parts = [statements[i : i + _MOST_IN_ONE] for i in starts]
        structures = [structure_of(part) for part in parts]
        read: set[int] = set()
        wanted = []
        for structure in reversed(structures):
            wanted.append([name for name in structure.results if name in read])
            read.update(structure.free)
        for part, structure, results in zip(parts, structures, reversed(wanted), strict=True):
            self._call_part(scope, part, structure, results)

    def _call_part(
        self,
        scope: Scope,
        statements: Sequence[Statement],
        structure: Structure,
        results: Sequence[int],
    ) -> None:
        """Write a part of the program as a function, and its call."""
        inputs = [scope.operand(name, 0) for name in structure.free]
        first = [("ptr", "%pointers"), ("ptr", "%arena")]
        parameters = [*first, *_parameters(inputs, len(results))]
        f = Function(f"part_{len(self.functions)}", parameters, result="i64")
        inner = self._scope(f)
        _enter(inner, structure, inputs)
        self._write_top(inner, statements)
        values = _leave(inner, results)
        f.write("ret i64 0")
        fuse(f, self.declarations, self.machine)
        self.functions.append(f.text("noinline #0", "internal "))
        caller = scope.function
        places = [caller.reserve(16) for _ in results]
        given = ["ptr %pointers", "ptr %arena", *_arguments(inputs, places)]
        _leave_on_failure(caller, caller.set(f"call i64 @{f.name}({', '.join(given)})"))
        for name, place, value in zip(results, places, values, strict=True):
            scope.set(name, [read(scope, place, value.dtype)])

    def _pointer(self, f: Function, buffer: Buffer) -> str:
        """Write how to come by a buffer's memory."""
        if buffer.role == "temporary":
            place = self.program.offsets[buffer]
            return f.set(f"getelementptr i8, ptr %arena, i64 {place}")
        at = f.set(f"getelementptr ptr, ptr %pointers, i64 {buffer.slot}")
        return f.set(f"load ptr, ptr {at}, align 8")

    def _write_top(self, scope: Scope, statements: Sequence[Statement]) -> None:
        """Write statements; loops and products become calls of functions, one for all that do the same."""
        for statement in statements:
            if isinstance(statement, Host):
                what = f"a call of Python, {statement.label}, is inside of a program"
                raise GraphError.from_rule("emit", what)
            is_kernel = (
                isinstance(statement, Loop) and statement.count > 0 and not _repeats(statement)
            )
            if isinstance(statement, UnfoldedProduct):
                is_kernel = True
            elif isinstance(statement, Product):
                is_kernel = not is_empty(statement) and not calls_library(statement)
            if is_kernel:
                self._call_kernel(scope, statement)
            else:
                write_statements(scope, (statement,))

    def _call_kernel(self, scope: Scope, statement: Statement) -> None:
        structure = structure_of((statement,))
        inputs = [scope.operand(name, 0) for name in structure.free]
        kernel = self.by_key.get(structure.key)
        if kernel is None:
            kernel = self.by_key[structure.key] = self._kernel(statement, structure, inputs)
        f = scope.function
        places = [f.reserve(16) for _ in kernel.results]
        arguments = [f"ptr {scope.pointer(b)}" for b in structure.buffers]
        arguments += _arguments(inputs, places)
        if kernel.has_scratch:
            arguments.append(f"ptr {scope.scratch(0)}")
        call = f"@{kernel.name}({', '.join(arguments)})"
        if kernel.has_guard:
            _leave_on_failure(f, f.set(f"call i64 {call}"))
        else:
            f.write(f"call void {call}")
        for name, place, result in zip(structure.results, places, kernel.results, strict=True):
            scope.set(name, [read(scope, place, result.dtype)])

    def _kernel(
        self, statement: Statement, structure: Structure, inputs: Sequence[AnyValue]
    ) -> _Kernel:
        """Write the function of a statement."""
        parameters = [("ptr", f"%b{i}") for i in range(len(structure.buffers))]
        parameters += _parameters(inputs, len(structure.results))
        result = "i64" if structure.has_guard else "void"
        f = Function("kernel", parameters, result=result)
        emitter = LlvmEmitter(f, self.declarations, self.machine)
        pointers = {b: f"%b{i}" for b, i in structure.buffers.items()}
        asked: list[int] = []

        def scratch(size: int) -> str:
            asked.append(size)
            return "%scratch"

        scope = Scope(emitter, pointers.__getitem__, write_statements, scratch)
        _enter(scope, structure, inputs)
        write_statements(scope, (statement,))
        results = _leave(scope, tuple(structure.results))
        f.write("ret i64 0" if structure.has_guard else "ret void")
        if asked:
            f.parameters.append(("ptr", "%scratch"))
            self.scratch_size = max(self.scratch_size, *asked)
        return _Kernel(self._shared(f), results, structure.has_guard, bool(asked))

    def _shared(self, f: Function) -> str:
        """Return the name of a function with this text, which is written if there is none yet."""
        fuse(f, self.declarations, self.machine)
        text = f.text("noinline #0", "internal ")
        name = self.by_text.get(text)
        if name is None:
            name = self.by_text[text] = f"kernel_{len(self.by_text)}"
            f.name = name
            self.functions.append(f.text("noinline #0", "internal "))
        return name


def _repeats(loop: Loop) -> bool:
    """Say whether most of what a turn does it does several times: its parts become functions of their own then."""
    if loop.vector or len(loop.body) < _FEW:
        return False
    parts = [s for s in loop.body if isinstance(s, (Loop, Product, UnfoldedProduct))]
    return len(parts) >= _FEW and 2 * len({structure_of((s,)).key for s in parts}) <= len(parts)


def _parameters(inputs: Sequence[AnyValue], results: int) -> list[tuple[str, str]]:
    """Return the parameters that take values, and where results go."""
    taken = [
        (part.type, f"%x{i}_{j}") for i, x in enumerate(inputs) for j, part in enumerate(_parts(x))
    ]
    return [*taken, *[("ptr", f"%r{i}") for i in range(results)]]


def _arguments(inputs: Sequence[AnyValue], places: Sequence[str]) -> list[str]:
    """Return what is given for these parameters."""
    return [*[part.typed for x in inputs for part in _parts(x)], *[f"ptr {p}" for p in places]]


def _enter(scope: Scope, structure: Structure, inputs: Sequence[AnyValue]) -> None:
    """Name the values that a function is given as its statements do."""
    for i, (name, x) in enumerate(zip(structure.free, inputs, strict=True)):
        scope.values[name] = [_parameter(scope.emitter, x.dtype, f"%x{i}")]


def _leave(scope: Scope, results: Sequence[int]) -> list[AnyValue]:
    """Write the results to where they go, and return them."""
    values = [scope.operand(name, 0) for name in results]
    for i, value in enumerate(values):
        put(scope, f"%r{i}", value)
    return values


def _leave_on_failure(f: Function, status: str) -> None:
    failed = f.set(f"icmp ne i64 {status}, 0")
    leave, stay = f.new("leave"), f.new("stay")
    f.write(f"br i1 {failed}, label %{leave}, label %{stay}")
    f.begin(leave)
    f.write(f"ret i64 {status}")
    f.begin(stay)


def _parts(x: AnyValue) -> tuple[Value, ...]:
    return (x.real, x.imag) if isinstance(x, Pair) else (x,)


def _parameter(emitter: Any, dtype: np.dtype[Any], name: str) -> AnyValue:
    if dtype.kind == "c":
        part = real_dtype(dtype)
        real, imag = (Value(emitter, f"{name}_{k}", part) for k in (0, 1))
        return Pair(emitter, real, imag, dtype)
    return Value(emitter, f"{name}_0", dtype)


__all__ = ["Module", "emit", "type_text"]
