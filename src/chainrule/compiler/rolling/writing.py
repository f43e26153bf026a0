"""From actions of a tape to statements of a program: names for values, casts where dtypes differ, memory by index."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import (
    Cast,
    Fold,
    Guard,
    Index,
    Let,
    Load,
    Loop,
    Number,
    Operand,
    Statement,
    Store,
)
from chainrule.compiler.rolling.tape import Action, DType
from chainrule.records import fresh, mutable_record, record


@record
class Constant:
    """An operand whose number is known; it takes the dtype that it is used in."""

    value: Any


Source = int | Constant
"""The name of a value, or a number."""


@mutable_record
class Names:
    """Names of one program, and the dtype of each."""

    unused: Iterator[int] = fresh(default_factory=itertools.count)
    dtypes: dict[int, DType] = fresh(default_factory=dict)

    def new(self, dtype: DType) -> int:
        """Return a name that was not used yet."""
        name = next(self.unused)
        self.dtypes[name] = dtype
        return name


_INDEX = np.dtype(np.int64)


@mutable_record
class Block:
    """Statements in a row: the body of a program or of a loop."""

    names: Names
    statements: list[Statement] = fresh(default_factory=list)
    casts: dict[tuple[int, DType], int] = fresh(default_factory=dict)

    def inner(self) -> Block:
        """Return an empty block inside of this one; it sees what was set here."""
        return Block(self.names, [], dict(self.casts))

    def operand(self, source: Source, dtype: DType) -> Operand:
        """Return an operand in a dtype."""
        if isinstance(source, Constant):
            return Number(np.asarray(source.value).astype(dtype)[()], dtype)
        if self.names.dtypes[source] == dtype:
            return source
        known = self.casts.get((source, dtype))
        if known is None:
            known = self.casts[source, dtype] = self.names.new(dtype)
            self.statements.append(Cast(known, source, dtype))
        return known

    def load(self, buffer: Any, index: Index) -> int:
        """Read an element."""
        name = self.names.new(buffer.dtype)
        self.statements.append(Load(name, buffer, index))
        return name

    def store(self, buffer: Any, index: Index, source: Source, *, add: bool = False) -> None:
        """Write an element, or add to it."""
        value = self.operand(source, buffer.dtype)
        self.statements.append(Store(buffer, index, value, add))

    def act(self, action: Action, sources: list[Source], index: Index) -> int | None:
        """Carry out an action; return the name of its result, None if it has none."""
        match action.what:
            case "let":
                return self.let(action, sources)
            case "cast":
                return self._cast(action, sources[0])
            case "load":
                return self.load(action.buffer, index)
            case "store" | "add":
                self.store(action.buffer, index, sources[0], add=action.what == "add")
            case "guard":
                condition = self.operand(sources[0], action.dtype)
                self.statements.append(Guard(condition, action.expected, index.offset, index.terms))
            case "total":
                return self._total(action)
            case _:
                self._sweep(action, sources)
        return None

    def let(self, action: Action, sources: list[Source]) -> int:
        """Compute an element."""
        assert action.rule is not None
        args = tuple([self.operand(s, t) for s, t in zip(sources, action.casts, strict=True)])
        name = self.names.new(action.dtype)
        self.statements.append(Let(name, action.rule, args, action.dtype, action.label))
        return name

    def _cast(self, action: Action, source: Source) -> int:
        """A cast to the dtype it has, of a Python number, still gives a value a name."""
        value = self.operand(source, action.dtype)
        if isinstance(value, int):
            return value
        name = self.names.new(action.dtype)
        self.statements.append(Cast(name, value, action.dtype))
        return name

    def _total(self, action: Action) -> int:
        """Add all elements of a buffer."""
        (buffer,) = action.sources
        assert buffer is not None
        var, name = self.names.new(_INDEX), self.names.new(action.dtype)
        inner = self.inner()
        value = inner.load(buffer, Index(0, ((var, 1),)))
        fold = Fold(name, "add", Number(action.dtype.type(0), action.dtype), value, action.dtype)
        body = tuple(inner.statements)
        self.statements.append(Loop(var, buffer.size, body, folds=(fold,), vector=True))
        return name

    def _sweep(self, action: Action, sources: list[Source]) -> None:
        """Write all elements of a buffer."""
        assert action.buffer is not None
        var = self.names.new(_INDEX)
        inner, index = self.inner(), Index(0, ((var, 1),))
        if action.what == "copy":
            inner.store(action.buffer, index, inner.load(action.sources[0], index))
        elif action.what == "map":
            rest = iter(sources)
            elements = [next(rest) if b is None else inner.load(b, index) for b in action.sources]
            inner.store(action.buffer, index, inner.let(action, elements))
        elif action.what == "fill":
            inner.store(action.buffer, index, sources[0])
        else:
            inner.store(action.buffer, index, Constant(0.0), add=True)
        self.statements.append(Loop(var, action.buffer.size, tuple(inner.statements), vector=True))
