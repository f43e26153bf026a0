"""From a group of the plan to its loop nest.

The axes of the domain but the last are the outer loops; the last is the inner loop, which becomes vectors. A group that
folds its last axis and goes on with the result, as softmax does, has several inner loops in a row, its phases.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import (
    Buffer,
    Cast,
    Index,
    Let,
    Load,
    Loop,
    Number,
    Statement,
    Store,
)
from chainrule.compiler.loops.program import (
    Fold as LoopFold,
)
from chainrule.compiler.loops.program import (
    Operand as Value,
)
from chainrule.compiler.planning.plan import (
    Array,
    Fold,
    Group,
    Lookup,
    Operand,
    Piece,
    Point,
    Read,
    Uniform,
)
from chainrule.compiler.views import View, merged, over, row_by_row
from chainrule.records import fresh, mutable_record

BufferOf = Callable[[Array], Buffer]


def phases(group: Group) -> dict[Piece, int]:
    """Return the inner loop that each piece belongs to; for one of the rows, the loop it comes behind."""
    phase: dict[Piece, int] = {}
    members = set(group.pieces)
    for piece in group.pieces:
        at = -1 if piece in group.rows else 0
        for maker in _makers(piece, members):
            behind = maker in group.rows or isinstance(maker, Fold)
            at = max(at, phase[maker] + (behind and piece not in group.rows))
        phase[piece] = at
    return phase


def _makers(piece: Piece, members: Collection[Piece]) -> Iterator[Piece]:
    """Yield the pieces of the same group whose results a piece reads."""
    for x in piece.operands:
        reads = [p.index for p in x.positions] if isinstance(x, Lookup) else [x]
        for read in reads:
            maker = read.array.maker if isinstance(read, Read) else None
            if maker is not None and maker in members:
                yield maker


@mutable_record
class _Block:
    """Statements under way, and the loads among them by what they load."""

    statements: list[Statement] = fresh(default_factory=list)
    loads: dict[Any, int] = fresh(default_factory=dict)


class Nest:
    """Writes the statements of one group."""

    def __init__(
        self,
        group: Group,
        buffer_of: BufferOf,
        in_memory: Callable[[Array], bool],
        names: Iterator[int],
    ) -> None:
        self.group = group
        self.members = set(group.pieces)
        self.buffer_of = buffer_of
        self.in_memory = in_memory
        self.names = names
        self.phase = phases(group)
        self.last_phase = max(self.phase.values(), default=0)
        self.spilled = self._spilled()
        self.has_rows = bool(group.rows) or self.last_phase > 0
        self.values: dict[Piece, Value] = {}
        self._layout()

    # places in memory

    def _layout(self) -> None:
        """Merge the axes of the domain as far as all accesses allow."""
        accesses = list(self._accesses())
        domain = self.group.domain
        keys = [k for k, _, _ in accesses]
        strides = [s for _, s, _ in accesses]
        offsets = {k: o for k, _, o in accesses}
        if self.has_rows and domain:
            sizes, steps = merged(domain[:-1], [s[:-1] for s in strides])
            self.outer, self.inner = sizes, domain[-1]
            steps = [(*s, full[-1]) for s, full in zip(steps, strides, strict=True)]
        else:
            sizes, steps = merged(domain, strides)
            self.outer, self.inner = (sizes[:-1], sizes[-1]) if sizes else ((), -1)
        self.steps = dict(zip(keys, steps, strict=True))
        self.offsets = offsets

    def _accesses(self) -> Iterator[tuple[Any, tuple[int, ...], int]]:
        """Yield every access to memory: its key, its stride per axis of the domain, its offset."""
        seen: set[Any] = set()

        def once(key: Any, piece: Piece, view: View) -> Iterator[tuple[Any, tuple[int, ...], int]]:
            if key not in seen:
                seen.add(key)
                yield key, self._over(view, piece), view.offset

        for piece in self.group.pieces:
            for x in piece.operands:
                for y in _parts(x):
                    yield from once(self._key(y, piece), piece, y.view)
            if isinstance(piece, Point) and isinstance(piece.target, Lookup):
                for p in piece.target.positions:
                    for y in _parts(p.index):
                        yield from once(self._key(y, piece), piece, y.view)
            yield from once(_out_key(piece), piece, self._out_view(piece))

    def _key(self, x: Read | Lookup, piece: Piece) -> Any:
        """Return what tells accesses apart: what is read, and whether once per row."""
        return (x.array, x.view, piece in self.group.rows)

    def _over(self, view: View, piece: Piece) -> tuple[int, ...]:
        """Return the strides of a view along the axes of the domain; work on rows does not move along the last."""
        domain = self.group.domain
        if piece not in self.group.rows:
            return over(view, domain)
        strides = over(view, piece.domain)
        return (*strides[: len(domain) - 1], 0)

    def _out_view(self, piece: Piece) -> View:
        """Return where a piece writes, over its domain."""
        if isinstance(piece, Point):
            target = piece.target
            return target.view if isinstance(target, Lookup) else target
        shape = piece.domain
        kept = [n for k, n in enumerate(shape) if k not in piece.axes]
        rest = iter(row_by_row(tuple(kept)))
        strides = tuple([0 if k in piece.axes else next(rest) for k in range(len(shape))])
        return View(shape, strides)

    def _spilled(self) -> set[Piece]:
        """Return the pieces whose elements a later phase reads."""
        spilled: set[Piece] = set()
        for piece in self.group.pieces:
            for maker in _makers(piece, self.members):
                is_full = maker not in self.group.rows and isinstance(maker, Point)
                if is_full and self.phase[piece] > self.phase[maker]:
                    spilled.add(maker)
        return spilled

    # statements

    def statements(self) -> list[Statement]:
        """Return the loop nest."""
        self.outer_vars = [next(self.names) for _ in self.outer]
        self.blocks = [_Block() for _ in range(len(self.outer) + 1)]
        before = list(self._initial())
        row = self.blocks[-1]
        if self.inner < 0:
            for piece in self.group.pieces:
                self._piece(piece, row, None)
        else:
            self._rows(-1, row)
            for phase in range(self.last_phase + 1):
                self._inner_loop(phase, row)
                self._rows(phase, row)
        body = tuple(row.statements)
        for var, count, block in zip(
            reversed(self.outer_vars), reversed(self.outer), reversed(self.blocks[:-1]), strict=True
        ):
            body = (*block.statements, Loop(var, count, body, parallel=not self._adds()))
        return [*before, *body]

    def _adds(self) -> bool:
        return any(isinstance(p, Fold) or p.add or p.in_turn for p in self.group.pieces)

    def _initial(self) -> Iterator[Statement]:
        """Yield what fills the memory that reductions add to."""
        for piece in self.group.pieces:
            if isinstance(piece, Fold) and self._accumulates(piece):
                assert piece.start is not None
                out = self.buffer_of(piece.out)
                var = next(self.names)
                yield Loop(
                    var,
                    max(out.size, 1),
                    (Store(out, Index(0, ((var, 1),)), piece.start),),
                    vector=True,
                )

    def _accumulates(self, piece: Fold) -> bool:
        """Say whether a fold goes over an outer loop, so that its result is put together in memory."""
        steps = self.steps[_out_key(piece)]
        outer = steps[: len(self.outer)]
        if any(s == 0 for s, n in zip(outer, self.outer, strict=True) if n != 1):
            return True
        return piece not in self.group.rows and self.inner >= 0 and steps[-1] != 0

    def _rows(self, phase: int, block: _Block) -> None:
        for piece in self.group.pieces:
            if piece in self.group.rows and self.phase[piece] == phase:
                self._piece(piece, block, None)

    def _inner_loop(self, phase: int, row: _Block) -> None:
        var = next(self.names)
        block = _Block()
        folds: list[tuple[Fold, LoopFold]] = []
        in_turn = False
        for piece in self.group.pieces:
            if piece in self.group.rows or self.phase[piece] != phase:
                continue
            in_turn = in_turn or (
                isinstance(piece, Point) and (piece.in_turn or isinstance(piece.target, Lookup))
            )
            made = self._piece(piece, block, var)
            if made is not None:
                assert isinstance(piece, Fold)
                folds.append((piece, made))
        if not block.statements and not folds:
            return
        row.statements.append(
            Loop(
                var,
                self.inner,
                tuple(block.statements),
                folds=tuple([f for _, f in folds]),
                vector=not in_turn,
            )
        )
        for piece, made in folds:
            self.values[piece] = made.name
            self._finish(piece, made.name, row)

    def _finish(self, piece: Fold, value: Value, row: _Block) -> None:
        """Put the result of a fold over the inner loop into memory, if anybody reads it there."""
        if self._accumulates(piece):
            self._accumulate(piece, value, row, None)
        elif self.in_memory(piece.out):
            index = self._index(_out_key(piece), None)
            row.statements.append(Store(self.buffer_of(piece.out), index, value))

    def _accumulate(self, piece: Fold, value: Value, block: _Block, var: int | None) -> None:
        buffer = self.buffer_of(piece.out)
        index = self._index(_out_key(piece), var)
        if piece.combine == "add":
            block.statements.append(Store(buffer, index, value, add=True))
            return
        known, joined = next(self.names), next(self.names)
        dtype = piece.out.dtype
        block.statements += [
            Load(known, buffer, index),
            Let(joined, _combining(piece.combine), (known, value), dtype, piece.combine),
            Store(buffer, index, joined),
        ]

    def _piece(self, piece: Piece, block: _Block, var: int | None) -> LoopFold | None:
        """Write one piece; return the fold of the inner loop that it is, if it is one."""
        args = [self._value(x, piece, block, var) for x in piece.operands]
        if isinstance(piece, Fold):
            value = self._cast(args[0], piece.operand.dtype, piece.cast, block)
            if piece in self.group.rows or var is None:
                if self._accumulates(piece):
                    self._accumulate(piece, value, block, None)
                else:
                    self.values[piece] = value
                    if self.in_memory(piece.out):
                        index = self._index(_out_key(piece), None)
                        block.statements.append(Store(self.buffer_of(piece.out), index, value))
                return None
            if self.steps[_out_key(piece)][-1] != 0:
                self._accumulate(piece, value, block, var)
                return None
            return LoopFold(next(self.names), piece.combine, piece.start, value, piece.out.dtype)
        cast = [
            self._cast(a, x.dtype, dtype, block)
            for a, x, dtype in zip(args, piece.operands, piece.casts, strict=True)
        ]
        value = cast[0]
        if piece.rule is not None:
            name = next(self.names)
            block.statements.append(Let(name, piece.rule, tuple(cast), piece.dtype, piece.label))
            value = name
        value = self._cast(value, piece.dtype, piece.out.dtype, block)
        self.values[piece] = value
        if not piece.is_plain or self.in_memory(piece.out):
            index = self._target(piece, block, var)
            block.statements.append(Store(self.buffer_of(piece.out), index, value, add=piece.add))
        elif piece in self.spilled:
            index = Index(0, ((var, 1),)) if var is not None else Index()
            block.statements.append(Store(self.buffer_of(piece.out), index, value))
        return None

    def _target(self, piece: Point, block: _Block, var: int | None) -> Index:
        index = self._index(_out_key(piece), var)
        if isinstance(piece.target, Lookup):
            return self._looked_up(index, piece.target, piece, block, var)
        return index

    def _looked_up(
        self, index: Index, x: Lookup, piece: Piece, block: _Block, var: int | None
    ) -> Index:
        terms = list(index.terms)
        offset = index.offset
        for p in x.positions:
            value = self._value(p.index, piece, block, var)
            if isinstance(value, Number):
                offset += int(value.value) * p.stride
                continue
            value = self._cast(value, p.index.dtype, np.dtype(np.int64), block)
            assert isinstance(value, int)
            terms.append((value, p.stride))
        return Index(offset, tuple(terms))

    def _value(self, x: Operand, piece: Piece, block: _Block, var: int | None) -> Value:
        """Return the name of an operand's element, loaded if it is not known."""
        if isinstance(x, Uniform):
            return x.number
        maker = x.array.maker
        if isinstance(x, Read) and maker in self.members and maker is not None:
            return self._made(maker, piece, block, var)
        index = self._index(self._key(x, piece), var)
        if isinstance(x, Lookup):
            index = self._looked_up(index, x, piece, block, var)
            home = block
        else:
            home = self._home(index, block, var)
        return self._loaded(self.buffer_of(x.array), index, home)

    def _made(self, maker: Piece, piece: Piece, block: _Block, var: int | None) -> Value:
        if maker in self.spilled and self.phase[maker] < self.phase[piece] and var is not None:
            is_kept = self.in_memory(maker.out)
            index = self._index(_out_key(maker), var) if is_kept else Index(0, ((var, 1),))
            return self._loaded(self.buffer_of(maker.out), index, block)
        return self.values[maker]

    def _loaded(self, buffer: Buffer, index: Index, block: _Block) -> int:
        key = (buffer, index)
        if key not in block.loads:
            block.loads[key] = next(self.names)
            block.statements.append(Load(block.loads[key], buffer, index))
        return block.loads[key]

    def _home(self, index: Index, block: _Block, var: int | None) -> _Block:
        """Return the outermost block in which an index is known."""
        used = {name for name, _ in index.terms}
        if var is not None and var in used:
            return block
        for k in range(len(self.outer_vars) - 1, -1, -1):
            if self.outer_vars[k] in used:
                return self.blocks[k + 1]
        return self.blocks[0]

    def _index(self, key: Any, var: int | None) -> Index:
        steps = self.steps[key]
        names: Sequence[int] = self.outer_vars if var is None else [*self.outer_vars, var]
        terms = tuple([(n, s) for n, s in zip(names, steps, strict=False) if s])
        return Index(self.offsets[key], terms)

    def _cast(self, value: Value, have: Any, want: Any, block: _Block) -> Value:
        if have == want:
            return value
        if isinstance(value, Number):
            return Number(np.asarray(value.value).astype(want)[()], want)
        name = next(self.names)
        block.statements.append(Cast(name, value, want))
        return name


def _combining(name: str) -> Callable[..., Any]:
    return lambda e, x, y: getattr(e, name)(x, y)


def _parts(x: Operand) -> Iterator[Any]:
    """Yield what an operand reads from memory: itself, and the arrays of positions."""
    if isinstance(x, Uniform):
        return
    yield x
    if isinstance(x, Lookup):
        for p in x.positions:
            yield from _parts(p.index)


def _out_key(piece: Piece) -> Any:
    return (piece, "out")


def numbering() -> Iterator[int]:
    """Return fresh names."""
    return itertools.count()
