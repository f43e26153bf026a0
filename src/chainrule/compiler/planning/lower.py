"""From the plan to a program: what lives in memory, and the statements of every piece of work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from chainrule.compiler.entry.signature import CHECKED
from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Guard,
    Host,
    Index,
    Load,
    Loop,
    Matrix,
    Product,
    Program,
    Statement,
    Store,
    Unfolded,
    core_dimensions,
)
from chainrule.compiler.loops.program import (
    UnfoldedProduct as LoopProduct,
)
from chainrule.compiler.planning.loop_calls import sizes_of
from chainrule.compiler.planning.nests import Nest, numbering, phases
from chainrule.compiler.planning.plan import (
    Array,
    Check,
    Group,
    HostCall,
    Item,
    Lookup,
    LoopCall,
    MatrixProduct,
    Operand,
    Plan,
    Point,
    Read,
    Scan,
    UnfoldedProduct,
    Uniform,
)
from chainrule.compiler.planning.scans import scan_statements
from chainrule.compiler.reporting import may_report
from chainrule.compiler.views import View, merged, row_by_row, whole


def lower(plan: Plan, in_place: Mapping[int, tuple[int, View]] | None = None) -> Program:
    """Return the program of a plan.

    Args:
        plan: the work.
        in_place: outputs whose memory is that of an input, by their numbers: which input, and how it lies there.
    """
    return _Lowering(plan, in_place or {}).program()


class _Lowering:
    def __init__(self, plan: Plan, in_place: Mapping[int, tuple[int, View]]) -> None:
        self.plan = plan
        self.names = numbering()
        self.buffers: dict[Array, Buffer] = {}
        self.constants: dict[Buffer, Any] = {}
        self.late: list[Statement] = []
        for array in plan.inputs:
            self.buffers[array] = Buffer(
                f"in{array.input}", array.dtype, _count(array), "input", array.input
            )
        self.slots = len(plan.inputs)
        self.outputs = [
            self._output(i, read.array, *in_place.get(i, (None, whole(read.array.shape))))
            for i, read in enumerate(plan.outputs)
        ]
        self.memory = _in_memory(plan)

    def _output(self, i: int, array: Array, source: int | None, view: View) -> Buffer:
        """Return the buffer of an output; one that cannot be written at once is copied at the end.

        So is one that lies otherwise than row by row in the memory of an input.
        """
        buffer = Buffer(f"out{i}", array.dtype, _count(array), "output", self.slots)
        self.slots += 1
        if source is None or (
            view.is_contiguous and may_overwrite(self.plan, array, self.plan.inputs[source])
        ):
            self.buffers[array] = buffer
        elif buffer.size:
            self.late += self._copy(array, buffer, view)
        return buffer

    def _copy(self, array: Array, target: Buffer, view: View) -> list[Statement]:
        """Return the loops that copy an array, which lies row by row, to where a view says."""
        sizes, (reads, writes) = merged(view.shape, [row_by_row(view.shape), view.strides])
        name = next(self.names)
        turns = [next(self.names) for _ in sizes]
        source, place = (Index(0, tuple(zip(turns, s, strict=True))) for s in (reads, writes))
        body: tuple[Statement, ...] = (
            Load(name, self._buffer(array), source),
            Store(target, place, name),
        )
        is_even = bool(writes) and writes[-1] == 1
        for turn, size in zip(turns[::-1], sizes[::-1], strict=True):
            body = (Loop(turn, size, body, vector=is_even and turn == turns[-1]),)
        return list(body)

    def program(self) -> Program:
        body: list[Statement] = []
        for item in self.plan.items:
            body += self._statements(item)
        body += self.late
        known = [*self.buffers.values(), *self.outputs]
        return assigned(tuple(dict.fromkeys(known)), tuple(body), self.constants)

    def _buffer(self, array: Array) -> Buffer:
        known = self.buffers.get(array)
        if known is None:
            size = _count(array)
            if array.constant is not None:
                known = Buffer(f"c{self.slots}", array.dtype, size, "constant", self.slots)
                self.slots += 1
                self.constants[known] = array.constant
            else:
                known = Buffer(f"t{len(self.buffers)}", array.dtype, size, "temporary")
            self.buffers[array] = known
        return known

    def _statements(self, item: Item) -> Sequence[Statement]:  # noqa: PLR0911  one per kind
        if isinstance(item, Group):
            if 0 in item.domain:
                return ()
            return Nest(item, self._buffer, self._is_in_memory, self.names).statements()
        if isinstance(item, Scan):
            return scan_statements(item, self._buffer, self.names)
        if isinstance(item, MatrixProduct):
            return (self._product(item),)
        if isinstance(item, UnfoldedProduct):
            return (self._unfolded_product(item),)
        if isinstance(item, Check):
            return self._check(item)
        if isinstance(item, LoopCall):
            return self._loop_call(item)
        return (self._host(item),)

    def _is_in_memory(self, array: Array) -> bool:
        return array in self.memory

    def _check(self, item: Check) -> Sequence[Statement]:
        place = item.place if item.place >= 0 else CHECKED
        if isinstance(item.condition, Uniform):
            return (Guard(item.condition.number, item.expected, place),)
        assert isinstance(item.condition, Read)
        name = next(self.names)
        read = item.condition
        return (
            Load(name, self._buffer(read.array), Index(read.view.offset)),
            Guard(name, item.expected, place),
        )

    def _loop_call(self, item: LoopCall) -> Sequence[Statement]:
        """Return a call for the last axis of the batch, in loops over the others; and the guard that it asks for."""
        reads = [*item.operands, *item.outs]
        shapes = [x.shape for x in reads]
        fronts = [
            x.view.broadcast((*item.batch, *x.shape[len(x.shape) - len(core) :]))
            for x, core in zip(reads, core_dimensions(item.ufunc), strict=True)
        ]
        count = len(item.batch)
        sizes, steps = merged(item.batch, [v.strides[:count] for v in fronts])
        variables = [next(self.names) for _ in sizes[:-1]]
        blocks = []
        for x, view, step in zip(reads, fronts, steps, strict=True):
            terms = tuple([(n, s) for n, s in zip(variables, step, strict=False) if s])
            last = step[-1] if step else 0
            index = Index(view.offset, terms)
            blocks.append(Block(self._buffer(x.array), index, last, view.strides[count:]))
        k, name = len(item.operands), next(self.names)
        turns = sizes[-1] if sizes else 1
        body: tuple[Statement, ...] = (
            Call(
                name,
                item.ufunc,
                item.types,
                (turns, *sizes_of(item.ufunc, shapes)),
                tuple(blocks[:k]),
                tuple(blocks[k:]),
                changes=item.changes,
            ),
        )
        if item.ufunc.raises:
            body = (*body, Guard(name, expected=False, place=CHECKED))
        for var, size in zip(reversed(variables), reversed(sizes[:-1]), strict=True):
            body = (Loop(var, size, body),)
        return body

    def _host(self, item: HostCall) -> Host:
        return Host(
            item.function,
            tuple([(self._buffer(r.array), r.shape) for r in item.operands]),
            tuple([(self._buffer(out), out.shape) for out in item.outs]),
            item.label,
            item.reason,
        )

    def _product(self, item: MatrixProduct) -> Statement:
        operands = (Read(item.out, whole(item.out.shape)), item.a, item.b)
        batch = item.out.shape[:-2]
        sizes, steps = merged(batch, [x.view.strides[: len(batch)] for x in operands])
        variables = [next(self.names) for _ in sizes]
        out, a, b = (
            _matrix(self._buffer(x.array), x.view, tuple(zip(variables, step, strict=True)))
            for x, step in zip(operands, steps, strict=True)
        )
        statement: Statement = Product(out, a, b)
        for var, size in zip(reversed(variables), reversed(sizes), strict=True):
            statement = Loop(var, size, (statement,), parallel=True)
        return statement

    def _unfolded_product(self, item: UnfoldedProduct) -> Statement:
        """Return a product with patches, in loops over the batch and over its images."""
        stack, rows, columns, sums = item.axes
        a, b, out = item.a.view, item.b.view, item.target
        left, right, to = (list(zip(v.shape, v.strides, strict=True)) for v in (a, b, out))
        loops = [(left.pop(0), right.pop(0)[1], to.pop(0)[1]) for _ in range(stack)]
        i = rows
        if item.add and sums > 1 and columns == 1:
            loops.append((left.pop(i), right.pop(0)[1], 0))
            sums -= 1
        elif rows > 1:
            loops.append((left.pop(0), 0, to.pop(0)[1]))
            i -= 1
        names = [next(self.names) for _ in loops]
        indices = (
            Index(v.offset, tuple([(n, s) for n, s in zip(names, steps, strict=True) if s]))
            for v, steps in (
                (a, [x[0][1] for x in loops]),
                (b, [x[1] for x in loops]),
                (out, [x[2] for x in loops]),
            )
        )
        at_a, at_b, at_out = indices
        statement: Statement = LoopProduct(
            Unfolded(self._buffer(item.out), at_out, tuple(to[:i]), tuple(to[i:])),
            Unfolded(self._buffer(item.a.array), at_a, tuple(left[:i]), tuple(left[i:])),
            Unfolded(self._buffer(item.b.array), at_b, tuple(right[:sums]), tuple(right[sums:])),
            item.add,
        )
        for var, ((size, _), _, _) in zip(reversed(names), reversed(loops), strict=True):
            statement = Loop(var, size, (statement,), parallel=not item.add)
        return statement


def _matrix(buffer: Buffer, view: View, terms: tuple[tuple[int, int], ...]) -> Matrix:
    rows, columns = view.shape[-2:]
    down, right = view.strides[-2:]
    # The stride along an axis of one element is of no consequence; libraries want one that could be.
    if rows == 1:
        down = max(columns, 1) * max(abs(right), 1)
    if columns == 1:
        right = 1 if rows == 1 or down != 1 else rows
    index = Index(view.offset, tuple([(n, s) for n, s in terms if s]))
    return Matrix(buffer, index, rows, columns, down, right)


def _count(array: Array) -> int:
    count = 1
    for n in array.shape:
        count *= n
    return count


def _reads_of(item: Item) -> Iterator[tuple[Operand, Any]]:
    """Yield every operand that an item reads, with the piece that reads it."""
    if isinstance(item, Group):
        for piece in item.pieces:
            for x in piece.operands:
                yield from _all(x, piece)
            if isinstance(piece, Point) and isinstance(piece.target, Lookup):
                for p in piece.target.positions:
                    yield from _all(p.index, piece)
    else:
        for x in item.operands:
            yield x, None


def _all(x: Operand, piece: Any) -> Iterator[tuple[Operand, Any]]:
    yield x, piece
    if isinstance(x, Lookup):
        for p in x.positions:
            yield from _all(p.index, piece)


def _in_memory(plan: Plan) -> set[Array]:
    """Return the arrays that somebody reads, or writes a part of, where they lie in memory."""
    memory = {read.array for read in plan.outputs}
    for item in plan.items:
        members = set(item.pieces) if isinstance(item, Group) else set()
        for x, piece in _reads_of(item):
            if isinstance(x, Lookup) or (isinstance(x, Read) and x.array.maker not in members):
                memory.add(x.array)
            del piece
        if isinstance(item, (Scan, UnfoldedProduct)):
            memory.add(item.out)
        if isinstance(item, Group):
            memory.update(p.out for p in item.pieces if isinstance(p, Point) and not p.is_plain)
    return memory


def may_overwrite(plan: Plan, output: Array, source: Array) -> bool:
    """Say whether an output may be written where an input lies: behind everything that reads the input or may fail."""
    first = next((i for i, item in enumerate(plan.items) if _writes(item, output)), -1)
    for i, item in enumerate(plan.items):
        if i > first and isinstance(item, Check):
            return False
        if i < first:
            continue
        if _may_fail(item):
            return False
        reads = [
            (x, piece)
            for x, piece in _reads_of(item)
            if not isinstance(x, Uniform) and x.array is source
        ]
        if reads and (i > first or not _in_step(item, output, reads)):
            return False
    return True


def _may_fail(item: Item) -> bool:
    """Say whether work may turn out to have failed when it is done."""
    if isinstance(item, Group):
        return any(isinstance(p, Point) and may_report(p.rule) for p in item.pieces)
    return isinstance(item, LoopCall)


def _writes(item: Item, array: Array) -> bool:
    if isinstance(item, Group):
        return any(p.out is array for p in item.pieces)
    if isinstance(item, (Scan, MatrixProduct, UnfoldedProduct)):
        return item.out is array
    if isinstance(item, LoopCall):
        return any(out.array is array for out in item.outs)
    return isinstance(item, HostCall) and array in item.outs


def _in_step(item: Item, output: Array, reads: Sequence[tuple[Any, Any]]) -> bool:
    """Say whether a group reads each element of an array just where, and before, it writes that of the output.

    The first read counts: what was loaded stays known to the pieces behind it.
    """
    if not isinstance(item, Group) or item.rows or output.maker not in item.pieces:
        return False
    if max(phases(item).values(), default=0) > 0 or not isinstance(output.maker, Point):
        return False
    in_order = View(item.domain, row_by_row(item.domain))
    if any(isinstance(x, Lookup) or x.view != in_order for x, _ in reads):
        return False
    return item.pieces.index(reads[0][1]) <= item.pieces.index(output.maker)
