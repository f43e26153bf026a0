"""What a statement uses and sets, what it costs, and a key by which equal ones are found."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence

import numpy as np

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
    Statement,
    Store,
    Unfolded,
    UnfoldedProduct,
)
from chainrule.records import fresh, mutable_record


@mutable_record
class Structure:
    """A statement seen as a function: what comes in, and what it does with that.

    Attributes:
        buffers: those that it touches, in order.
        free: names that it uses and does not set, in order.
        results: names that it sets for those behind it.
        key: equal for two statements that do the same to what comes in.
    """

    buffers: dict[Buffer, int] = fresh(default_factory=dict)
    free: dict[int, int] = fresh(default_factory=dict)
    results: dict[int, None] = fresh(default_factory=dict)
    key: Hashable = ()
    names: dict[int, int] = fresh(default_factory=dict)
    has_guard: bool = False

    def set(self, name: int) -> int:
        """Give a name that is set its number."""
        return self.names.setdefault(name, len(self.names))

    def use(self, operand: Operand) -> Hashable:
        """Return what stands for an operand in the key."""
        if isinstance(operand, Number):
            return np.asarray(operand.value, operand.dtype).tobytes(), operand.dtype.char
        if operand not in self.names:
            self.free.setdefault(operand, len(self.free))
            return -1 - self.free[operand]
        return self.names[operand]

    def touch(self, buffer: Buffer) -> Hashable:
        """Return what stands for a buffer in the key."""
        return self.buffers.setdefault(buffer, len(self.buffers)), buffer.dtype.char

    def place(self, index: Index) -> Hashable:
        """Return what stands for an index in the key."""
        return index.offset, tuple((self.use(name), stride) for name, stride in index.terms)


def structure_of(statements: Sequence[Statement]) -> Structure:
    """Return the structure of statements in a row."""
    s = Structure()
    s.key = tuple(_key(s, statement) for statement in statements)
    for statement in statements:
        s.results.update(dict.fromkeys(results_of(statement)))
    return s


def results_of(statement: Statement) -> tuple[int, ...]:
    """Return the names that a statement sets for those behind it."""
    if isinstance(statement, (Load, Let, Cast, Call)):
        return (statement.name,)
    if isinstance(statement, Loop):
        return (*(c.name for c in statement.carried), *(f.name for f in statement.folds))
    return ()


def _key(s: Structure, statement: Statement) -> Hashable:  # noqa: C901, PLR0911  one per kind
    match statement:
        case Load(name, buffer, index):
            return "load", s.touch(buffer), s.place(index), s.set(name)
        case Let(name, rule, args, dtype, label):
            used = tuple(map(s.use, args))
            return "let", label, rule, used, dtype.char, s.set(name)
        case Cast(name, arg, dtype):
            return "cast", s.use(arg), dtype.char, s.set(name)
        case Store(buffer, index, value, add):
            return "store", s.touch(buffer), s.place(index), s.use(value), add
        case Guard(condition, expected, place, terms):
            s.has_guard = True
            return "guard", s.use(condition), expected, s.place(Index(place, terms))
        case Loop():
            return _loop_key(s, statement)
        case Product(out, a, b, add):
            return "product", _matrix(s, out), _matrix(s, a), _matrix(s, b), add
        case UnfoldedProduct(out, a, b, add):
            return "unfolded", _unfolded(s, out), _unfolded(s, a), _unfolded(s, b), add
        case Call(name, ufunc, types, sizes):
            blocks = tuple([_block(s, b) for b in statement.blocks])
            return "call", ufunc, types, sizes, blocks, s.set(name)
        case Host():
            return "host", id(statement)


def _loop_key(s: Structure, loop: Loop) -> Hashable:
    starts = tuple((s.use(c.start), c.dtype.char) for c in loop.carried)
    s.set(loop.var)
    for c in loop.carried:
        s.set(c.name)
    body = tuple(_key(s, inner) for inner in loop.body)
    after = tuple(s.use(c.after) for c in loop.carried)
    folds = tuple(
        (
            f.combine,
            None if f.start is None else s.use(f.start),
            s.use(f.value),
            f.dtype.char,
            s.set(f.name),
        )
        for f in loop.folds
    )
    return "loop", loop.count, loop.vector, loop.parallel, starts, body, after, folds


def _matrix(s: Structure, m: Matrix) -> Hashable:
    shape = (m.rows, m.columns, m.row_stride, m.column_stride)
    return s.touch(m.buffer), s.place(m.index), shape


def _block(s: Structure, b: Block) -> Hashable:
    return s.touch(b.buffer), s.place(b.index), b.step, b.strides


def _unfolded(s: Structure, m: Unfolded) -> Hashable:
    return s.touch(m.buffer), s.place(m.index), m.rows, m.columns


def walk(statements: Sequence[Statement]) -> Iterator[Statement]:
    """Yield statements and those inside of them."""
    for statement in statements:
        yield statement
        if isinstance(statement, Loop):
            yield from walk(statement.body)
