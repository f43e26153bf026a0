"""The plan between the graph and the loops: which pieces of work there are, and which of them share a loop nest."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import Number
from chainrule.compiler.views import View, whole
from chainrule.core.op import Ufunc
from chainrule.core.types import Shape
from chainrule.records import fresh, mutable_record, record

DType = np.dtype[Any]


@mutable_record
class Array:
    """An array of the plan.

    Attributes:
        shape: its shape.
        dtype: of its elements.
        input: the number of the input it is, or -1.
        constant: its content where it is known.
        ready: the number of the item that wrote it last; -1 for inputs and constants.
        maker: the piece that computes it.
    """

    shape: Shape
    dtype: DType
    input: int = -1
    constant: Any = None
    ready: int = -1
    maker: Point | Fold | None = None


@record
class Read:
    """An operand: the elements of an array that a view picks."""

    array: Array
    view: View

    @property
    def shape(self) -> Shape:
        """The shape of the operand."""
        return self.view.shape

    @property
    def dtype(self) -> DType:
        """The dtype of the operand."""
        return self.array.dtype

    @property
    def is_whole(self) -> bool:
        """Whether it is all of its array, row by row, though perhaps in another shape."""
        return (
            self.view == whole(self.view.shape)
            and self.array.input < 0
            and math.prod(self.view.shape) == math.prod(self.array.shape)
        )


@record
class Uniform:
    """An operand that has the same value everywhere."""

    number: Number
    shape: Shape

    @property
    def dtype(self) -> DType:
        """The dtype of the operand."""
        return self.number.dtype


@record
class Position:
    """One index array of a lookup.

    Attributes:
        index: its operand over the domain.
        size: of the axis that it goes through.
        stride: of that axis.
    """

    index: Operand
    size: int
    stride: int


@record
class Lookup:
    """An operand whose elements lie where index arrays say: a view over the domain, plus what each position adds."""

    array: Array
    view: View
    positions: tuple[Position, ...]

    @property
    def shape(self) -> Shape:
        """The shape of the operand."""
        return self.view.shape

    @property
    def dtype(self) -> DType:
        """The dtype of the operand."""
        return self.array.dtype


Operand = Read | Uniform | Lookup


@mutable_record
class Point:
    """Elementwise work: `out[target] = rule(e, *operands)`.

    Attributes:
        rule: computes an element; None hands on the one operand.
        label: the op.
        operands: each broadcasts to the domain.
        casts: the dtype that each is cast to first.
        dtype: of the result of the rule, which is then cast to that of `out`.
        domain: the shape that is worked through.
        out: what is written.
        target: the places of `out`; a Lookup where index arrays say which.
        add: add to what is there.
        in_turn: whether the elements have to be written one after the other, as places may repeat.
    """

    rule: Callable[..., Any] | None
    label: str
    operands: tuple[Operand, ...]
    casts: tuple[DType, ...]
    dtype: DType
    domain: Shape
    out: Array
    target: View | Lookup
    add: bool = False
    in_turn: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it makes a whole new array, so that others may join its loops."""
        return type(self.target) is View and self.out.maker is self


@mutable_record
class Fold:
    """A reduction of an operand over axes; `out` has the shape of the other axes."""

    combine: str
    start: Number | None
    operand: Operand
    cast: DType
    axes: tuple[int, ...]
    out: Array

    @property
    def domain(self) -> Shape:
        """The shape that is worked through."""
        return self.operand.shape

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The one operand."""
        return (self.operand,)


Piece = Point | Fold
"""What may share a loop nest with others."""


@mutable_record
class Group:
    """Pieces that share a loop nest over a domain.

    Attributes:
        domain: the sizes of its axes.
        pieces: in the order they were planned.
        rows: those that work once per row, behind a fold of the last axis.
    """

    domain: Shape
    pieces: list[Piece] = fresh(default_factory=list)
    rows: set[Piece] = fresh(default_factory=set)


@mutable_record
class Scan:
    """Running totals: `out[0] = first(e, *x[0])`, `out[k] = rule(e, out[k - 1], *x[k])` along an axis.

    Attributes:
        rule: computes an element from the one before it and those of the operands.
        first: computes the first element from those of the operands.
        label: the op.
        operands: each broadcasts to the shape of `out`, and is cast to its dtype first.
        axis: counted from the front.
        out: what is written.
    """

    rule: Callable[..., Any]
    first: Callable[..., Any]
    label: str
    operands: tuple[Operand, ...]
    axis: int
    out: Array


@mutable_record
class MatrixProduct:
    """`out = a @ b` over the last two axes of both, for each index of the axes before."""

    a: Read
    b: Read
    out: Array

    @property
    def operands(self) -> tuple[Read, ...]:
        """The factors."""
        return self.a, self.b


@mutable_record
class UnfoldedProduct:
    """`out[target] = a @ b`, or `+=`, where rows, columns and the indices of the sum have several axes each.

    Attributes:
        a: over the axes of the batch, of the rows, and of the sum.
        b: over those of the batch, of the sum, and of the columns; the last has stride 1.
        out: what is written.
        target: its places over the axes of the batch, the rows and the columns; the last has stride 1.
        axes: how many there are of the batch, of rows, of columns, and of the sum.
        add: whether the product is added to what is there.
    """

    a: Read
    b: Read
    out: Array
    target: View
    axes: tuple[int, int, int, int]
    add: bool

    @property
    def operands(self) -> tuple[Read, ...]:
        """The factors."""
        return self.a, self.b


@mutable_record
class Check:
    """Leave unless a bool operand of one element is as expected; `place` is its number among the guards."""

    condition: Operand
    expected: bool
    place: int

    @property
    def operands(self) -> tuple[Operand, ...]:
        """The condition."""
        return (self.condition,)


@mutable_record
class LoopCall:
    """The inner loop of a generalized ufunc over the last axes of its operands, for each index of the axes before.

    Attributes:
        ufunc: whose loop it is.
        types: which of its loops, as in `ufunc.types`.
        batch: the shape of the axes before.
        operands: what is read, of the loop's dtypes.
        outs: what is written, each all of an array of its own, with the axes in any order.
        changes: whether the first operand is written to as well.
    """

    ufunc: Ufunc
    types: str
    batch: Shape
    operands: tuple[Read, ...]
    outs: tuple[Read, ...]
    changes: bool = False


@mutable_record
class HostCall:
    """A Python function on whole arrays."""

    function: Callable[..., Any]
    operands: tuple[Read, ...]
    outs: tuple[Array, ...]
    label: str
    reason: str


Item = Group | Scan | MatrixProduct | UnfoldedProduct | Check | LoopCall | HostCall


@record
class Plan:
    """All work in order, the arrays of the inputs, and the results, each all of an array of its own."""

    items: tuple[Item, ...]
    inputs: tuple[Array, ...]
    outputs: tuple[Read, ...]
