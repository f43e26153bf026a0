"""Loops: the second representation, of indices and scalars over memory, between the graph and LLVM.

A program is a list of statements over buffers. Values are scalars in static single assignment: each `name`, an
integer, is set once, before it is used, and is visible in the block that sets it and in the blocks inside.
`checker.py` verifies a program, `printer.py` shows it, `interpreter.py` runs it, `emit.py` makes LLVM of it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal

import numpy as np

from chainrule.compiler.views import Factors
from chainrule.core.op import Ufunc
from chainrule.records import mutable_record, record

DType = np.dtype[Any]


@mutable_record
class Buffer:
    """Memory: `size` elements of one dtype in a row.

    Attributes:
        name: for people.
        dtype: of its elements; a complex number is its real and its imaginary part in a row.
        size: the number of elements.
        role: an `input` is only read and an `output` only written before the commit, both are memory of the caller's
            or of the call entry; a `temporary` is a part of the arena; a `constant` is memory of the compiled
            function's own.
        slot: the number of its pointer among those that the native function is given; -1 for a temporary.
    """

    name: str
    dtype: DType
    size: int
    role: Literal["input", "output", "temporary", "constant"]
    slot: int = -1


@record
class Number:
    """A number known while compiling."""

    value: Any
    dtype: DType


Operand = int | Number
"""The name of a value, or a number."""


@record
class Index:
    """A place in a buffer, counted in elements: `offset + Σ stride · name`.

    Attributes:
        offset: the place where every name is zero.
        terms: (name, stride) with the names of loop variables, or of int64 values that were read from memory (a gather;
            whoever makes the program has a Guard or a Wrap keep those in range).
    """

    offset: int = 0
    terms: tuple[tuple[int, int], ...] = ()


@record
class Load:
    """Set `name` to an element of a buffer."""

    name: int
    buffer: Buffer
    index: Index


@record
class Let:
    """Set `name` to `rule(e, *args)`, computed by the emitter `e`, see `emitter.py`.

    Attributes:
        name: what is set.
        rule: an op's `lower`; `label` is its name, for people and for keys.
        args: the operands, cast already to the dtypes that the rule works on.
        dtype: of the result.
    """

    name: int
    rule: Callable[..., Any]
    args: tuple[Operand, ...]
    dtype: DType
    label: str


@record
class Cast:
    """Set `name` to an operand in another dtype, as NumPy's astype does."""

    name: int
    arg: Operand
    dtype: DType


@record
class Store:
    """Write an operand, of the buffer's dtype, into a buffer. With `add` it is added to what is there."""

    buffer: Buffer
    index: Index
    value: Operand
    add: bool = False


@record
class Carried:
    """A value that a sequential loop hands from turn to turn.

    Attributes:
        name: inside the loop, the value in this turn; behind the loop, the value after the last.
        start: the value in the first turn.
        after: the name, inside the loop, of the value for the next turn.
    """

    name: int
    start: Operand
    after: Operand
    dtype: DType


@record
class Fold:
    """A reduction over the turns of a loop: `result = combine(start, value of turn 0, value of turn 1, …)`.

    The order is free but fixed: several accumulators, each a vector, joined in one order, so that the same program
    gives the same bits on every run. `combine` is associative up to rounding: add, multiply, maximum, minimum, fmax,
    fmin, logical_and, logical_or (of bool).

    Attributes:
        name: the result, visible behind the loop only.
        combine: the name of the emitter's method.
        start: the neutral element, or None: the value of turn 0 starts then, and the loop has at least one turn.
        value: a name set inside the loop.
    """

    name: int
    combine: str
    start: Number | None
    value: Operand
    dtype: DType


@record
class Loop:
    """Run `body` `count` times; `var` is the turn, from 0, an int64 value.

    Attributes:
        vector: the turns do not depend on each other, but for `folds`, and may be run several at once: `emit` makes
            vectors of them, with a rest that is run one by one. The body of such a loop holds no further loop and no
            call.
        carried: values handed from turn to turn; never in a vector loop.
        folds: reductions.
        parallel: the turns write to different places and may be run on different threads.
    """

    var: int
    count: int
    body: tuple[Statement, ...]
    carried: tuple[Carried, ...] = ()
    folds: tuple[Fold, ...] = ()
    vector: bool = False
    parallel: bool = False


@record
class Matrix:
    """A matrix in a buffer: the element in row i, column j lies at `index + i · row_stride + j · column_stride`."""

    buffer: Buffer
    index: Index
    rows: int
    columns: int
    row_stride: int
    column_stride: int


@record
class Product:
    """`out = a @ b`, with `add` `out += a @ b`.

    One stride of each matrix is 1, or the size along it is; `out` lies row by row.
    """

    out: Matrix
    a: Matrix
    b: Matrix
    add: bool = False

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many rows and columns there are, and how many numbers are summed up for each."""
        return self.out.rows, self.out.columns, self.a.columns


@record
class Unfolded:
    """A matrix whose rows and columns are counted by several indices each, as the patches of an image are.

    The element lies at `index + Σ i · stride` over the factors of its row and of its column.
    """

    buffer: Buffer
    index: Index
    rows: Factors
    columns: Factors


@record
class UnfoldedProduct:
    """`out = a @ b`, with `add` `out += a @ b`, where one place of `a` may stand in several rows.

    The last factor of the columns of `out` and of `b` has stride 1. With `add` columns of `out` may share
    places too: all that belongs there is added, in a fixed order. The rows of one column do not share places.
    """

    out: Unfolded
    a: Unfolded
    b: Unfolded
    add: bool = False

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many rows and columns there are, and how many numbers are summed up for each."""
        rows, columns, sums = (
            math.prod(n for n, _ in factors)
            for factors in (self.out.rows, self.out.columns, self.a.columns)
        )
        return rows, columns, sums


@record
class Guard:
    """Leave the program with status `1 + place + Σ stride · name` unless `condition`, a bool value, is `expected`.

    Attributes:
        condition: a bool value.
        expected: what it has to be.
        place: the number of the guard, in the order in which the step met them.
        terms: (name, stride) as in an `Index`: in a loop each turn has a guard of its own.
    """

    condition: Operand
    expected: bool
    place: int
    terms: tuple[tuple[int, int], ...] = ()


@record
class Block:
    """A matrix for each turn of a call, in a buffer; or a vector, or a number.

    The element lies at `index + turn · step + Σ i · stride` over the axes of the matrix.
    """

    buffer: Buffer
    index: Index
    step: int
    strides: tuple[int, ...]


@record
class Call:
    """Call the inner loop of a generalized ufunc, one of `numpy.linalg`'s, and set `name` to whether it failed.

    Attributes:
        name: a bool value: NumPy would raise, as a matrix is singular.
        ufunc: whose loop it is.
        types: which of its loops, as in `ufunc.types`.
        sizes: the number of turns, then the sizes that the ufunc's signature names, in its order.
        inputs: what is read, in the order of the ufunc.
        outputs: what is written.
        changes: whether the first of the inputs is written to as well.
    """

    name: int
    ufunc: Ufunc
    types: str
    sizes: tuple[int, ...]
    inputs: tuple[Block, ...]
    outputs: tuple[Block, ...]
    changes: bool = False

    @property
    def blocks(self) -> tuple[Block, ...]:
        """What is read and what is written."""
        return *self.inputs, *self.outputs

    @property
    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """The sizes of each block, without that of the turns."""
        letters = core_dimensions(self.ufunc)
        known = dict(
            zip(dict.fromkeys(d for dims in letters for d in dims), self.sizes[1:], strict=True)
        )
        return tuple([tuple([known[d] for d in dims]) for dims in letters])


def core_dimensions(ufunc: Ufunc) -> tuple[tuple[str, ...], ...]:
    """Return the names of the sizes of each operand of a generalized ufunc."""
    signature = ufunc.function.signature.replace(" ", "")
    return tuple(
        [tuple(filter(None, part.split(","))) for part in re.findall(r"\((.*?)\)", signature)]
    )


@record
class Host:
    """Call a Python function on arrays; what it returns is copied to the buffers of the outputs.

    Only at the top level of a program: what lies between two of them is one native function.

    Attributes:
        function: takes and returns NumPy arrays.
        inputs: buffers that lie row by row, with the shapes to view them in.
        outputs: likewise.
        label: the op.
        reason: why it is not compiled.
    """

    function: Callable[..., Any]
    inputs: tuple[tuple[Buffer, tuple[int, ...]], ...]
    outputs: tuple[tuple[Buffer, tuple[int, ...]], ...]
    label: str
    reason: str


Statement = Load | Let | Cast | Store | Loop | Product | UnfoldedProduct | Call | Guard | Host


@record
class Program:
    """A whole step.

    Attributes:
        buffers: every buffer, those with slots first, in the order of their slots.
        body: the statements.
        offsets: the place of each temporary in the arena, in bytes; two whose lives do not meet may share one.
        arena: the size of the arena in bytes.
        constants: the content of the constant buffers.
    """

    buffers: tuple[Buffer, ...]
    body: tuple[Statement, ...]
    offsets: Mapping[Buffer, int] = MappingProxyType({})
    arena: int = 0
    constants: Mapping[Buffer, Any] = MappingProxyType({})
