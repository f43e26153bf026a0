"""Does a program keep the rules of `loops/program.py`? Asked after every stage in tests, and with CHAINRULE_CHECK=1."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from chainrule.compiler.loops.printer import statement_text
from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Cast,
    Guard,
    Host,
    Index,
    Let,
    Load,
    Loop,
    Matrix,
    Number,
    Operand,
    Product,
    Program,
    Statement,
    Store,
    Unfolded,
    UnfoldedProduct,
    core_dimensions,
)
from chainrule.compiler.loops.spans import Ranges, Reach, never_meet, reach_of, span_of
from chainrule.compiler.loops.structure import walk
from chainrule.compiler.views import Factors
from chainrule.errors import GraphError
from chainrule.records import fresh, mutable_record

DType = np.dtype[Any]
_BOOL, _INT64 = np.dtype(np.bool_), np.dtype(np.int64)
_ALIGNMENT = 64
_COMBINES = frozenset(
    {"add", "multiply", "maximum", "minimum", "fmax", "fmin", "logical_and", "logical_or"}
    | {"bitwise_and", "bitwise_or", "bitwise_xor"}
)
_OF_BOOLS = frozenset({"logical_and", "logical_or"})


def check_program(program: Program) -> None:
    """Verify a program.

    Raises:
        GraphError: it breaks a rule; the message names the statement.
    """
    _check_buffers(program)
    _Check(frozenset(program.buffers), program.constants).block(program.body, {}, {}, is_top=True)


def _fail(what: str, statement: Statement | None = None) -> NoReturn:
    where = "" if statement is None else f" in `{statement_text(statement)}`"
    raise GraphError.from_rule("loops", what + where)


def _check_buffers(program: Program) -> None:
    slots = [b.slot for b in program.buffers if b.role != "temporary"]
    if slots != list(range(len(slots))) or any(
        b.role == "temporary" for b in program.buffers[: len(slots)]
    ):
        _fail(f"buffers with slots stand first, in the order of their slots, not {slots}")
    for b in program.buffers:
        if b.size < 0:
            _fail(f"buffer {b.name} has {b.size} elements")
        if b.role == "temporary":
            _check_temporary(program, b)
        elif b in program.offsets:
            _fail(f"buffer {b.name} has a slot and a place in the arena")
        if b.role == "constant":
            _check_constant(program, b)


def _check_temporary(program: Program, b: Buffer) -> None:
    if b.slot != -1:
        _fail(f"temporary {b.name} has slot {b.slot}")
    offset = program.offsets.get(b)
    if offset is None:
        _fail(f"temporary {b.name} has no place in the arena")
    if offset < 0 or offset % _ALIGNMENT:
        _fail(f"temporary {b.name} lies at {offset}, no multiple of {_ALIGNMENT}")
    if offset + b.size * b.dtype.itemsize > program.arena:
        _fail(f"temporary {b.name} reaches beyond the arena of {program.arena} bytes")


def _check_constant(program: Program, b: Buffer) -> None:
    content = program.constants.get(b)
    if content is None:
        _fail(f"constant {b.name} has no content")
    array = np.asarray(content)
    if array.dtype != b.dtype or array.size != b.size:
        _fail(f"constant {b.name} is {b.dtype}[{b.size}], its content {array.dtype}[{array.size}]")


Types = dict[int, DType]


@mutable_record
class _Check:
    """A walk over a program: which names have been set, how many values loop variables take, and tables of numbers."""

    buffers: frozenset[Buffer]
    contents: Mapping[Buffer, Any]
    set_before: set[int] = fresh(default_factory=set)
    tables: dict[int, tuple[int, Any]] = fresh(default_factory=dict)

    def block(
        self, statements: Sequence[Statement], types: Types, ranges: Ranges, *, is_top: bool
    ) -> None:
        for statement in statements:
            if isinstance(statement, Host) and not is_top:
                _fail("a call of Python is inside of a loop", statement)
            self.statement(statement, types, ranges)

    def statement(self, statement: Statement, types: Types, ranges: Ranges) -> None:  # noqa: C901, PLR0912  one per kind
        match statement:
            case Load(name, buffer, index):
                self.index(statement, buffer, index, types, ranges)
                self.set(statement, name, buffer.dtype, types)
                if buffer.role == "constant" and len(index.terms) == 1 and not index.offset:
                    (var, stride), content = index.terms[0], np.ravel(self.contents[buffer])
                    self.tables[name] = var, content[::stride] if stride else content
            case Let(name, rule, args, dtype):
                for a in args:
                    self.operand(statement, a, types)
                if not callable(rule):
                    _fail("the rule is no function", statement)
                self.set(statement, name, dtype, types)
            case Cast(name, arg, dtype):
                self.operand(statement, arg, types)
                self.set(statement, name, dtype, types)
            case Store(buffer, index, value):
                self.written(statement, buffer)
                self.index(statement, buffer, index, types, ranges)
                self.expect(statement, value, buffer.dtype, types)
            case Guard(condition, _, place, terms):
                self.expect(statement, condition, _BOOL, types)
                for name, _ in terms:
                    self.expect(statement, name, _INT64, types)
                if place < 0:
                    _fail(f"place {place} is negative", statement)
            case Loop():
                self.loop(statement, types, ranges)
            case Product():
                self.product(statement, types, ranges)
            case UnfoldedProduct():
                self.unfolded_product(statement, types, ranges)
            case Call(name=name):
                self.call(statement, types, ranges)
                self.set(statement, name, _BOOL, types)
            case Host(inputs=inputs, outputs=outputs):
                self.host(statement, inputs, outputs)

    def set(self, statement: Statement, name: int, dtype: DType, types: Types) -> None:
        if name in self.set_before:
            _fail(f"%{name} is set twice", statement)
        self.set_before.add(name)
        types[name] = dtype

    def operand(self, statement: Statement, operand: Operand, types: Types) -> DType:
        if isinstance(operand, Number):
            return operand.dtype
        if operand not in types:
            _fail(f"%{operand} is not set, or not visible,", statement)
        return types[operand]

    def expect(self, statement: Statement, operand: Operand, dtype: DType, types: Types) -> None:
        got = self.operand(statement, operand, types)
        if got != dtype:
            shown = operand.value if isinstance(operand, Number) else f"%{operand}"
            _fail(f"{shown} is {got}, not {dtype},", statement)

    def index(
        self, statement: Statement, buffer: Buffer, index: Index, types: Types, ranges: Ranges
    ) -> None:
        self.known(statement, buffer)
        for name, _ in index.terms:
            self.expect(statement, name, _INT64, types)
        span = span_of(index, ranges)
        if span is not None and not 0 <= span[0] <= span[1] < buffer.size:
            _fail(f"{buffer.name} has no elements {span[0]} to {span[1]}", statement)

    def known(self, statement: Statement, buffer: Buffer) -> None:
        if buffer not in self.buffers:
            _fail(f"{buffer.name} is no buffer of the program", statement)

    def written(self, statement: Statement, buffer: Buffer) -> None:
        if buffer.role in {"input", "constant"}:
            _fail(f"the {buffer.role} {buffer.name} is written to", statement)

    def loop(self, loop: Loop, types: Types, ranges: Ranges) -> None:
        if loop.count < 0:
            _fail(f"{loop.count} turns", loop)
        if loop.vector:
            self.vector(loop, {**ranges, loop.var: loop.count})
        for c in loop.carried:
            self.expect(loop, c.start, c.dtype, types)
        inside, spans = dict(types), {**ranges, loop.var: loop.count}
        self.set(loop, loop.var, _INT64, inside)
        for c in loop.carried:
            self.set(loop, c.name, c.dtype, inside)
        if loop.count:
            self.block(loop.body, inside, spans, is_top=False)
        else:
            self.never_run(loop.body, inside)
        for c in loop.carried:
            self.expect(loop, c.after, c.dtype, inside)
            types[c.name] = c.dtype
        for f in loop.folds:
            self.fold(loop, f, inside, types)

    def vector(self, loop: Loop, ranges: Ranges) -> None:
        """Verify that the turns can be run at once."""
        if loop.carried:
            _fail("values are carried through a vector loop", loop)
        stores = [s for s in walk(loop.body) if isinstance(s, Store)]
        inner = {s.name for s in loop.body if isinstance(s, (Load, Let, Cast))}
        for statement in loop.body:
            if isinstance(statement, (Loop, Product, UnfoldedProduct, Call, Host)):
                _fail("a loop or a call is inside of a vector loop", loop)
            if isinstance(statement, Store) and loop.count > 1:
                names = {name for name, stride in statement.index.terms if stride}
                if not names & (inner | {loop.var}):
                    _fail(f"every turn writes {statement.buffer.name} at the same place", loop)
            if isinstance(statement, Load):
                for store in stores:
                    self.turns_apart(loop, statement, store, inner, ranges)

    def turns_apart(
        self, loop: Loop, load: Load, store: Store, inner: Collection[int], ranges: Ranges
    ) -> None:
        """Verify that a turn does not read what another one writes."""
        if load.buffer is not store.buffer or load.index == store.index or loop.count <= 1:
            return
        if load.index.terms == store.index.terms:
            strides = [abs(s) for name, s in load.index.terms if name == loop.var]
            distance = abs(load.index.offset - store.index.offset)
            if strides and (distance % strides[0] or distance >= strides[0] * loop.count):
                return
        places = Reach(load.index), Reach(store.index)
        if not never_meet(*places, {*inner, loop.var}, ranges, self.tables):
            what = f"turns of a vector loop read and write {load.buffer.name} at different places"
            _fail(what, loop)

    def never_run(self, body: Sequence[Statement], types: Types) -> None:
        """Set the names of a body that is not run."""
        for statement in body:
            if isinstance(statement, Load):
                types[statement.name] = statement.buffer.dtype
            elif isinstance(statement, (Let, Cast)):
                types[statement.name] = statement.dtype
            elif isinstance(statement, Loop):
                types.update((c.name, c.dtype) for c in statement.carried)
                types.update((f.name, f.dtype) for f in statement.folds)

    def fold(self, loop: Loop, f: Any, inside: Types, types: Types) -> None:
        if f.combine not in _COMBINES:
            _fail(f"nothing is folded by {f.combine}", loop)
        if f.combine in _OF_BOOLS and f.dtype != _BOOL:
            _fail(f"{f.combine} folds bools, not {f.dtype},", loop)
        if f.start is None:
            if not loop.count:
                _fail("a fold of no turns has no start", loop)
        else:
            self.expect(loop, f.start, f.dtype, types)
        self.expect(loop, f.value, f.dtype, inside)
        self.set(loop, f.name, f.dtype, types)

    def product(self, product: Product, types: Types, ranges: Ranges) -> None:
        out, a, b = product.out, product.a, product.b
        self.written(product, out.buffer)
        for m in (out, a, b):
            self.matrix(product, m, types, ranges)
        if (out.rows, out.columns, a.columns) != (a.rows, b.columns, b.rows):
            shapes = " ".join(f"{m.rows}x{m.columns}" for m in (out, a, b))
            _fail(f"the shapes {shapes} do not fit", product)
        dtypes = {m.buffer.dtype for m in (out, a, b)}
        if len(dtypes) > 1:
            _fail(f"the dtypes {', '.join(sorted(map(str, dtypes)))} differ", product)
        for m in (a, b):
            if m.buffer is out.buffer:
                self.apart(product, (reach_of(m), reach_of(out)), out.buffer.name, ranges)

    def apart(
        self, statement: Statement, reaches: tuple[Reach, Reach], name: str, ranges: Ranges
    ) -> None:
        """Verify that what is read of a buffer is not what is written, in any turn of the loops around."""
        if not never_meet(*reaches, (), ranges, self.tables):
            _fail(f"{name} is read and written", statement)

    def matrix(self, product: Product, m: Matrix, types: Types, ranges: Ranges) -> None:
        if m.rows and m.columns:
            self.index(product, m.buffer, m.index, types, ranges)
            self.reached(product, reach_of(m), m.buffer, ranges)

    def reached(self, statement: Statement, reach: Reach, buffer: Buffer, ranges: Ranges) -> None:
        """Verify that places are places of a buffer, as far as that is known."""
        low, high = span_of(reach.index, ranges) or (0, 0)
        low, high = low + reach.low, high + reach.high
        if not 0 <= low <= high < buffer.size:
            _fail(f"{buffer.name} has no elements {low} to {high}", statement)

    def unfolded_product(self, product: UnfoldedProduct, types: Types, ranges: Ranges) -> None:
        out, a, b = product.out, product.a, product.b
        self.written(product, out.buffer)
        for m in (out, a, b):
            self.unfolded(product, m, types, ranges)
        rows, columns, sums = (_sizes(f) for f in (out.rows, out.columns, a.columns))
        if (rows, columns, sums) != (_sizes(a.rows), _sizes(b.columns), _sizes(b.rows)):
            _fail("the factors do not fit", product)
        dtypes = {m.buffer.dtype for m in (out, a, b)}
        if len(dtypes) > 1:
            _fail(f"the dtypes {', '.join(sorted(map(str, dtypes)))} differ", product)
        for m in (a, b):
            if m.buffer is out.buffer:
                self.apart(product, (reach_of(m), reach_of(out)), out.buffer.name, ranges)
        if any(not m.columns or m.columns[-1][1] != 1 for m in (out, b)):
            _fail("the last factor of the columns does not lie in a row", product)
        for factors in (out.rows, out.columns[-1:]) if product.add else (out.rows + out.columns,):
            if not _is_apart(factors):
                _fail(f"places of {out.buffer.name} are written twice", product)

    def unfolded(self, product: UnfoldedProduct, m: Unfolded, types: Types, ranges: Ranges) -> None:
        factors = m.rows + m.columns
        if any(n < 1 for n, _ in factors):
            _fail("a factor has no elements", product)
        self.index(product, m.buffer, m.index, types, ranges)
        self.reached(product, reach_of(m), m.buffer, ranges)

    def call(self, call: Call, types: Types, ranges: Ranges) -> None:
        letters = call.types.replace("->", "")
        if call.types not in call.ufunc.function.types or len(letters) != len(call.blocks):
            _fail(
                f"{call.ufunc.name} has no loop {call.types} for {len(call.blocks)} operands", call
            )
        if len(call.sizes) - 1 != len({d for dims in core_dimensions(call.ufunc) for d in dims}):
            _fail(f"{len(call.sizes) - 1} sizes are not those of {call.ufunc.name}", call)
        if any(n < 1 for n in call.sizes):
            _fail("a size is not positive", call)
        for block, letter, shape in zip(call.blocks, letters, call.shapes, strict=True):
            if block.buffer.dtype != np.dtype(letter):
                _fail(
                    f"{block.buffer.name} is {block.buffer.dtype}, the loop's is {np.dtype(letter)},",
                    call,
                )
            self.block_of(call, block, (call.sizes[0], *shape), types, ranges)
        if call.changes:
            self.written(call, call.inputs[0].buffer)
        for block, shape in zip(call.outputs, call.shapes[len(call.inputs) :], strict=True):
            self.written(call, block.buffer)
            for b, other in zip(call.inputs, call.shapes, strict=False):
                if b.buffer is block.buffer:
                    reaches = (
                        reach_of(b, (call.sizes[0], *other)),
                        reach_of(block, (call.sizes[0], *shape)),
                    )
                    self.apart(call, reaches, b.buffer.name, ranges)

    def block_of(
        self, call: Call, b: Block, shape: tuple[int, ...], types: Types, ranges: Ranges
    ) -> None:
        self.index(call, b.buffer, b.index, types, ranges)
        self.reached(call, reach_of(b, shape), b.buffer, ranges)

    def host(self, host: Host, inputs: Any, outputs: Any) -> None:
        for buffer, shape in (*inputs, *outputs):
            self.known(host, buffer)
            if int(np.prod(shape)) != buffer.size:
                _fail(f"{buffer.name} of {buffer.size} elements has no shape {shape}", host)
        for buffer, _ in outputs:
            self.written(host, buffer)


def _sizes(factors: Factors) -> list[int]:
    return [n for n, _ in factors]


def _is_apart(factors: Factors) -> bool:
    """Say whether each turn of some indices has a place of its own, as every stride reaches beyond the finer ones."""
    reach = 0
    for n, stride in sorted(factors, key=lambda f: abs(f[1])):
        if n > 1 and abs(stride) <= reach:
            return False
        reach += (n - 1) * abs(stride)
    return True
