"""Statements moved into another program: buffers become places in other buffers, names become new ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Carried,
    Cast,
    Fold,
    Guard,
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
from chainrule.records import record, replaced

M = TypeVar("M", Matrix, Unfolded, Block)
Terms = tuple[tuple[int, int], ...]


@record
class Place:
    """Where the first element of a buffer lies in another one."""

    buffer: Buffer
    index: Index = Index()


@record
class Relocation:
    """How statements are moved.

    Attributes:
        places: of the buffers that are moved; others stay.
        rename: gives the new name of a name, always the same.
        guard: gives the place and terms of a guard by its place.
    """

    places: Mapping[Buffer, Place]
    rename: Callable[[int], int]
    guard: Callable[[int], tuple[int, Terms]]

    def block(self, statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
        """Return statements as they are there."""
        return tuple([self.statement(s) for s in statements])

    def statement(self, s: Statement) -> Statement:  # noqa: PLR0911  one per kind
        """Return one statement as it is there."""
        match s:
            case Load(name, buffer, index):
                return Load(self.rename(name), *self._element(buffer, index))
            case Let(name, rule, args, dtype, label):
                moved = tuple([self._operand(a) for a in args])
                return Let(self.rename(name), rule, moved, dtype, label)
            case Cast(name, arg, dtype):
                return Cast(self.rename(name), self._operand(arg), dtype)
            case Store(buffer, index, value, add):
                return Store(*self._element(buffer, index), self._operand(value), add)
            case Guard(condition, expected, place, _):
                return Guard(self._operand(condition), expected, *self.guard(place))
            case Loop():
                return self._loop(s)
            case Product(out, a, b, add):
                return Product(self._matrix(out), self._matrix(a), self._matrix(b), add)
            case UnfoldedProduct(out, a, b, add):
                return UnfoldedProduct(self._matrix(out), self._matrix(a), self._matrix(b), add)
            case Call(name=name, inputs=inputs, outputs=outputs):
                blocks = [tuple(map(self._matrix, part)) for part in (inputs, outputs)]
                return replaced(s, name=self.rename(name), inputs=blocks[0], outputs=blocks[1])
        message = f"a {type(s).__name__} cannot be moved"
        raise TypeError(message)

    def _operand(self, x: Operand) -> Operand:
        return x if isinstance(x, Number) else self.rename(x)

    def _index(self, index: Index) -> Index:
        return Index(index.offset, tuple([(self.rename(n), s) for n, s in index.terms]))

    def _element(self, buffer: Buffer, index: Index) -> tuple[Buffer, Index]:
        index = self._index(index)
        place = self.places.get(buffer)
        if place is None:
            return buffer, index
        shift = place.index
        return place.buffer, Index(index.offset + shift.offset, (*index.terms, *shift.terms))

    def _matrix(self, m: M) -> M:
        buffer, index = self._element(m.buffer, m.index)
        return replaced(m, buffer=buffer, index=index)

    def _loop(self, loop: Loop) -> Loop:
        carried = tuple(
            [
                Carried(
                    self.rename(c.name), self._operand(c.start), self._operand(c.after), c.dtype
                )
                for c in loop.carried
            ]
        )
        folds = tuple(
            [
                Fold(self.rename(f.name), f.combine, f.start, self._operand(f.value), f.dtype)
                for f in loop.folds
            ]
        )
        return replaced(
            loop,
            var=self.rename(loop.var),
            body=self.block(loop.body),
            carried=carried,
            folds=folds,
        )
