"""What one run of a program does: operations on floats, and elements that are read and written, counted exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass

from chainrule.compiler.loops.printer import statement_text
from chainrule.compiler.loops.program import (
    Buffer,
    Call,
    Cast,
    Guard,
    Host,
    Let,
    Load,
    Loop,
    Product,
    Program,
    Statement,
    Store,
    UnfoldedProduct,
)
from chainrule.compiler.loops.structure import walk

_HEAD = ("flops", "bytes read", "bytes written")
_WIDEST = 76
_PARTS = {"f": 1, "c": 2}


@dataclass(frozen=True)
class Work:
    """What statements do in one run.

    Attributes:
        flops: operations on floats. An operation of the emitter counts as one, `exp` and `+` alike, and a product of an
            m × k with a k × n matrix as 2·m·k·n; where the numbers are complex, as one for each of their parts, and a
            product as 8·m·k·n. Integers, comparisons and casts count nothing.
        read: bytes of the elements that are loaded; an element that is loaded in every turn counts every time.
        written: bytes of the elements that are stored.
    """

    flops: int = 0
    read: int = 0
    written: int = 0

    def __add__(self, other: Work) -> Work:
        return Work(self.flops + other.flops, self.read + other.read, self.written + other.written)

    def __mul__(self, times: int) -> Work:
        return Work(self.flops * times, self.read * times, self.written * times)


@dataclass(frozen=True)
class Cost:
    """What one call of a compiled step does; its text is a table.

    Attributes:
        statements: the text of each statement of the program, of a loop its head, and what it does.
        arena: bytes of scratch memory.
        loops: how many there are, those inside of others included.
        products: how many matrix products.
        hosts: how many calls of NumPy. What happens inside of them is not counted.
    """

    statements: tuple[tuple[str, Work], ...]
    arena: int
    loops: int
    products: int
    hosts: int

    @property
    def total(self) -> Work:
        """What all statements do."""
        return sum((work for _, work in self.statements), Work())

    def __str__(self) -> str:
        rows = [*((_short(text), work) for text, work in self.statements), ("in all", self.total)]
        cells = [("", *_HEAD), *((t, *map(_grouped, _numbers(w))) for t, w in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                (
                    row[0].ljust(widths[0]),
                    *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True)),
                )
            )
            for row in cells
        ]
        counts = (
            _counted(self.loops, "loop"),
            _counted(self.products, "matrix product"),
            _counted(self.hosts, "call", " of NumPy"),
        )
        return "\n".join([*lines, f"{', '.join(counts)}; {self.arena:,} bytes of scratch memory"])


def cost_of(program: Program) -> Cost:
    """Count what a program does.

    >>> import numpy as np
    >>> from chainrule.compiler.loops.program import Buffer, Matrix, Index
    >>> x = Buffer("x", np.dtype(np.float32), 6, "input", 0)
    >>> y = Buffer("y", np.dtype(np.float32), 4, "output", 1)
    >>> a, b = Matrix(x, Index(), 2, 3, 3, 1), Matrix(x, Index(), 3, 2, 1, 3)
    >>> cost_of(Program((x, y), (Product(Matrix(y, Index(), 2, 2, 2, 1), a, b),))).total
    Work(flops=24, read=48, written=16)
    """
    every = list(walk(program.body))
    return Cost(
        tuple([(statement_text(s), _work(s)) for s in program.body]),
        program.arena,
        sum(isinstance(s, Loop) for s in every),
        sum(isinstance(s, (Product, UnfoldedProduct)) for s in every),
        sum(isinstance(s, Host) for s in every),
    )


def _work(statement: Statement) -> Work:  # noqa: PLR0911  one per kind
    match statement:
        case Load(buffer=buffer):
            return Work(read=_bytes(buffer))
        case Store(buffer=buffer, add=add):
            parts = _PARTS.get(buffer.dtype.kind, 0)
            return Work(add * parts, add * _bytes(buffer), _bytes(buffer))
        case Let(dtype=dtype):
            return Work(_PARTS.get(dtype.kind, 0))
        case Loop(count=count, body=body, folds=folds):
            turn = sum((_work(s) for s in body), Work())
            return (turn + Work(sum(_PARTS.get(f.dtype.kind, 0) for f in folds))) * count
        case Product() | UnfoldedProduct():
            return _product(statement)
        case Call(shapes=shapes, sizes=sizes, inputs=inputs):
            moved = [
                sizes[0] * math.prod(shape) * _bytes(b.buffer)
                for shape, b in zip(shapes, statement.blocks, strict=True)
            ]
            return Work(0, sum(moved[: len(inputs)]), sum(moved[len(inputs) :]))
        case Host(inputs=inputs, outputs=outputs):
            return Work(
                0, *(sum(b.size * _bytes(b) for b, _ in part) for part in (inputs, outputs))
            )
        case Cast() | Guard():
            return Work()


def _product(product: Product | UnfoldedProduct) -> Work:
    m, n, k = product.sizes
    out = product.out.buffer
    each = 8 if out.dtype.kind == "c" else 2
    read = m * k + k * n + product.add * m * n
    return Work(each * m * n * k, read * _bytes(out), m * n * _bytes(out))


def _bytes(buffer: Buffer) -> int:
    return buffer.dtype.itemsize


def _numbers(work: Work) -> tuple[int, int, int]:
    return work.flops, work.read, work.written


def _grouped(n: int) -> str:
    return f"{n:,}"


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else text[: _WIDEST - 1] + "…"


def _counted(n: int, what: str, behind: str = "") -> str:
    return f"{n} {what}{'' if n == 1 else 's'}{behind}"
