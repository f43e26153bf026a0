"""Showing a program as text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

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
)
from chainrule.compiler.views import Factors


def program_text(program: Program) -> str:
    """Return a program as text: its buffers, then its statements, loops indented.

    >>> import numpy as np
    >>> from chainrule.compiler.loops.program import Buffer, Index, Load, Loop, Program, Store
    >>> x = Buffer("x", np.dtype(np.float32), 8, "input", 0)
    >>> y = Buffer("y", np.dtype(np.float32), 8, "output", 1)
    >>> body = (Load(1, x, Index(0, ((0, 1),))), Store(y, Index(0, ((0, 1),)), 1))
    >>> print(program_text(Program((x, y), (Loop(0, 8, body, vector=True),))))
    input x: float32[8] in slot 0
    output y: float32[8] in slot 1
    for %0 in 0..8, vector:
        %1 = x[%0]
        y[%0] = %1
    """
    lines = [_buffer(program, b) for b in program.buffers]
    return "\n".join([*lines, *_lines(program.body, "")])


def statement_text(statement: Statement) -> str:
    """Return a statement as one line; of a loop only its head."""
    return next(_lines((statement,), "")).rstrip(":")


def _buffer(program: Program, b: Buffer) -> str:
    if b.role == "temporary":
        where = f"at {program.offsets.get(b, '?')} of {program.arena} bytes"
    else:
        where = f"in slot {b.slot}"
    return f"{b.role} {b.name}: {b.dtype}[{b.size}] {where}"


def _lines(statements: Sequence[Statement], indent: str) -> Iterator[str]:
    for statement in statements:
        if isinstance(statement, Loop):
            yield from _loop(statement, indent)
        else:
            yield indent + _line(statement)


def _loop(loop: Loop, indent: str) -> Iterator[str]:
    words = [w for w, on in (("vector", loop.vector), ("parallel", loop.parallel)) if on]
    carried = [f"%{c.name}: {c.dtype} from {_operand(c.start)}" for c in loop.carried]
    head = ", ".join([f"%{loop.var} in 0..{loop.count}", *words, *carried])
    yield f"{indent}for {head}:"
    inner = indent + "    "
    yield from _lines(loop.body, inner)
    for c in loop.carried:
        yield f"{inner}next %{c.name} = {_operand(c.after)}"
    for f in loop.folds:
        start = "" if f.start is None else f" from {_operand(f.start)}"
        yield f"{inner}fold %{f.name}: {f.dtype} = {f.combine} of {_operand(f.value)}{start}"


def _line(statement: Statement) -> str:  # noqa: C901, PLR0911  one per kind
    match statement:
        case Load(name, buffer, index):
            return f"%{name} = {buffer.name}[{_index(index)}]"
        case Let(name, _, args, dtype, label):
            return f"%{name}: {dtype} = {label}({', '.join(map(_operand, args))})"
        case Cast(name, arg, dtype):
            return f"%{name} = {dtype}({_operand(arg)})"
        case Store(buffer, index, value, add):
            return f"{buffer.name}[{_index(index)}] {'+=' if add else '='} {_operand(value)}"
        case Product(out, a, b, add):
            return f"{_matrix(out)} {'+=' if add else '='} {_matrix(a)} @ {_matrix(b)}"
        case UnfoldedProduct(out, a, b, add):
            return f"{_unfolded(out)} {'+=' if add else '='} {_unfolded(a)} @ {_unfolded(b)}"
        case Call(name, ufunc, _, sizes, inputs, outputs):
            names = (", ".join(map(_block, part)) for part in (outputs, inputs))
            return f"{next(names)} = {ufunc.name}({next(names)}) {sizes[0]} times, %{name}: bool = failed"
        case Guard(condition, expected, place, terms):
            number = _index(Index(place, terms))
            return f"guard {number}: {_operand(condition)} is {expected}"
        case Host(inputs=inputs, outputs=outputs, label=label, reason=reason):
            names = (", ".join(b.name for b, _ in part) for part in (outputs, inputs))
            return f"{next(names)} = python {label}({next(names)})  # {reason}"
        case Loop():
            message = "a loop has several lines"
            raise AssertionError(message)


def _operand(operand: Operand) -> str:
    return str(operand.value) if isinstance(operand, Number) else f"%{operand}"


def _index(index: Index) -> str:
    terms = [f"%{name}" if s == 1 else f"{s}·%{name}" for name, s in index.terms]
    if index.offset or not terms:
        terms.insert(0, str(index.offset))
    return " + ".join(terms)


def _matrix(m: Matrix) -> str:
    strides = f"{m.row_stride}, {m.column_stride}"
    return f"{m.buffer.name}[{_index(m.index)}; {m.rows} x {m.columns} by {strides}]"


def _block(b: Block) -> str:
    return f"{b.buffer.name}[{_index(b.index)}; {' x '.join(map(str, (b.step, *b.strides)))}]"


def _unfolded(m: Unfolded) -> str:
    return f"{m.buffer.name}[{_index(m.index)}; {_factors(m.rows)}; {_factors(m.columns)}]"


def _factors(factors: Factors) -> str:
    return ", ".join(f"{n} by {stride}" for n, stride in factors)
