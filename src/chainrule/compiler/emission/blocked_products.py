"""Products in blocks that stay in the caches: operands packed as the tiles read them, then tile after tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from chainrule.compiler.emission.instructions import Function, close_loop, open_loop
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.tiles import (
    Kind,
    Tile,
    columns_packed,
    rows_packed,
    tile_function,
)
from chainrule.compiler.loops.program import Matrix, Product
from chainrule.compiler.machine_code.machine import Machine
from chainrule.records import record, replaced

RESIDENT = 1 << 19
"""Bytes of one operand that are packed at once and used again and again: half of a second-level cache."""
_NEAR = 1 << 17
"""Bytes within which an operand may be read where it lies."""
_LONG = 512
"""The depth that is summed up in one go: panels of this depth stay in the first two caches."""
_PAGE = 2048
"""Rows that lie a multiple of this many bytes apart share the few places that a cache has for them."""
_CROWDED_ROWS = 8
"""So many of such rows are read side by side where packing them does not pay: a cache has places for them."""
_TILES = {16: {1: 12, 2: 6}, 32: {1: 24, 2: 14}}
"""By the number of registers, and of the vectors in a row of the tile: how many rows it has at most."""


def write_blocked(scope: Scope, product: Product) -> None:
    """Write a product in which neither side is empty, where the scope is."""
    if product.out.column_stride != 1:
        out, a, b = (turned(m) for m in (product.out, product.a, product.b))
        product = replaced(product, out=out, a=b, b=a)
    _Writer(scope, product).write()


def turned(m: Matrix) -> Matrix:
    """Return the transpose of a matrix."""
    return Matrix(m.buffer, m.index, m.columns, m.rows, m.column_stride, m.row_stride)


def balanced(count: int, most: int) -> list[tuple[int, int, int]]:
    """Return nearly equal parts of at most `most`: the start of the first, the size, and the number of each size.

    >>> balanced(128, 14)
    [(0, 13, 8), (104, 12, 2)]
    """
    parts = -(-count // most)
    size, larger = divmod(count, parts)
    found = [(0, size + 1, larger), (larger * (size + 1), size, parts - larger)]
    return [part for part in found if part[2]]


@record
class _Slab:
    """A part of the depth.

    Attributes:
        start: the text of where it starts.
        depth: how deep it is.
        add: whether its sums are added to what is there.
    """

    start: str
    depth: int
    add: bool


@record
class _Strips:
    """Rows of equal tiles in a block: the first of them, their height, and how many strips stand before them."""

    start: int
    height: int
    count: int
    before: int


class _Writer:
    """A product in the making."""

    def __init__(self, scope: Scope, product: Product) -> None:
        self.scope, self.product = scope, product
        self.f: Function = scope.function
        self.declarations = scope.emitter.declarations
        machine: Machine = scope.emitter.machine
        out = product.out
        self.kind = Kind(out.buffer.dtype, machine)
        self.size = out.buffer.dtype.itemsize
        vectors = min(2, self.kind.vectors(out.columns))
        self.panel = vectors * self.kind.lanes
        self.most = _TILES[machine.registers][vectors]
        self.depth = balanced(product.a.columns, _LONG)[0][1]
        self.packs_left = self._packs_left()
        if self._is_crowded() and not self.packs_left:
            self.most = min(self.most, _CROWDED_ROWS)
        self.packs_right = self._packs_right()
        self.keeps_right = self.depth * self.kind.width(out.columns) * self.size <= RESIDENT
        self.block = out.rows
        if not self.keeps_right:
            most = max(self.most, RESIDENT // (self.size * self.depth))
            self.block = balanced(out.rows, most)[0][1]
        self.work, self.work_right = self._room()
        self.pointers = [
            element_pointer(scope, scope.pointer(m.buffer), m.buffer.dtype, _start(scope, m))
            for m in (out, product.a, product.b)
        ]

    def _packs_left(self) -> bool:
        """Say whether the left operand is packed: it is badly read where it lies, and often enough."""
        is_used_often = self.product.out.columns > 2 * self.panel
        is_far = self.product.a.column_stride * self.depth * self.size > _NEAR
        return is_used_often and (is_far or self._is_crowded())

    def _is_crowded(self) -> bool:
        """Say whether rows of the left operand, if they are long, lie where they push each other out of the cache."""
        a = self.product.a
        is_long = a.column_stride == 1 and self.depth > 2 * self.kind.lanes
        return is_long and a.row_stride * self.size % _PAGE == 0

    def _packs_right(self) -> bool:
        """Say whether the right operand is packed: its columns do not follow each other, or it is badly read."""
        b = self.product.b
        if b.column_stride != 1:
            return True
        if b.columns % self.kind.lanes and not self.kind.machine.has_masks:
            return True
        is_used_often = self.product.out.rows > self.most
        return is_used_often and b.row_stride * self.depth * self.size > _NEAR

    def _room(self) -> tuple[str, str]:
        """Return where the left and the right operand are packed."""
        left, right = self.kind.width(self.most) * self.depth, self.panel * self.depth
        if self.keeps_right:
            right *= -(-self.product.out.columns // self.panel)
        else:
            left *= sum(s.count for s in self._strips(self.block))
        left, right = left * self.packs_left, right * self.packs_right
        work = self.scope.scratch((left + right) * self.size)
        return work, self._at(work, str(left))

    def write(self) -> None:
        """Write the loops over the depth, the blocks of rows, the panels of columns and the tiles."""
        body = self._by_rows if self.keeps_right else self._by_blocks
        add = self.product.add
        for start, depth, count in balanced(self.product.a.columns, self.depth):
            first = 0
            if not add:
                body(_Slab(str(start), depth, add=False))
                first, add = 1, True
            if count > first:
                self._repeated(
                    start + first * depth,
                    depth,
                    count - first,
                    lambda k, depth=depth, body=body: body(_Slab(k, depth, add=True)),  # type: ignore[misc]
                )

    def _by_rows(self, slab: _Slab) -> None:
        """Pack all of the right operand, then go through the tiles row by row."""
        if self.packs_right:
            for start, columns, count in self._panels():
                pack = partial(self._pack_right, slab, columns)
                self._repeated(start, self.panel, count, pack)
        for start, rows, count in balanced(self.product.out.rows, self.most):
            self._repeated(start, rows, count, partial(self._row_of_tiles, slab, rows))

    def _row_of_tiles(self, slab: _Slab, rows: int, i: str) -> None:
        left = self._element(1, i, slab.start)
        if self.packs_left:
            self._pack(self.product.a, left, self.work, rows, slab.depth)
            left = self.work

        def tile(columns: int, j: str) -> None:
            self._tile(slab, (i, j), (rows, columns), left, self._right(slab, j))

        for start, columns, count in self._panels():
            self._repeated(start, self.panel, count, partial(tile, columns))

    def _by_blocks(self, slab: _Slab) -> None:
        """Pack blocks of rows of the left operand, then go through the tiles panel by panel."""
        for start, rows, count in balanced(self.product.out.rows, self.block):
            self._repeated(start, rows, count, partial(self._block, slab, rows))

    def _block(self, slab: _Slab, rows: int, top: str) -> None:
        strips = self._strips(rows)

        def pack(s: _Strips, i: str) -> None:
            start = self._element(1, self._sum(top, i), slab.start)
            self._pack(self.product.a, start, self._packed_strip(slab, s, i), s.height, slab.depth)

        def panel(columns: int, j: str) -> None:
            if self.packs_right:
                self._pack_right(slab, columns, j)
            right = self._right(slab, j)
            for s in strips:
                self._repeated(s.start, s.height, s.count, partial(tile, s, columns, j, right))

        def tile(s: _Strips, columns: int, j: str, right: str, i: str) -> None:
            row = self._sum(top, i)
            place = self._packed_strip(slab, s, i) if self.packs_left else None
            left = place or self._element(1, row, slab.start)
            self._tile(slab, (row, j), (s.height, columns), left, right)

        if self.packs_left:
            for s in strips:
                self._repeated(s.start, s.height, s.count, partial(pack, s))
        for start, columns, count in self._panels():
            self._repeated(start, self.panel, count, partial(panel, columns))

    def _strips(self, rows: int) -> list[_Strips]:
        found, before = [], 0
        for start, height, count in balanced(rows, self.most):
            found.append(_Strips(start, height, count, before))
            before += count
        return found

    def _panels(self) -> Iterator[tuple[int, int, int]]:
        """Yield the panels, whole ones and the rest: the first column, how many columns, and how many panels."""
        columns = self.product.out.columns
        whole, rest = divmod(columns, self.panel)
        if whole:
            yield 0, self.panel, whole
        if rest:
            yield columns - rest, rest, 1

    def _packed_strip(self, slab: _Slab, s: _Strips, i: str) -> str:
        """Return where the strip is packed that begins in row `i` of the block."""
        if i.isdigit():
            turn = str((int(i) - s.start) // s.height)
        else:
            turn = self.f.set(f"sub nsw i64 {i}, {s.start}") if s.start else i
            turn = self.f.set(f"udiv i64 {turn}, {s.height}")
        size = self.kind.width(self.most) * slab.depth
        return self._at(self.work, self._sum(self._times(turn, size), str(s.before * size)))

    def _right(self, slab: _Slab, j: str) -> str:
        """Return where tiles read the columns from `j` on of the right operand."""
        if not self.packs_right:
            return self._element(2, slab.start, j)
        if not self.keeps_right:
            return self.work_right
        return self._at(self.work_right, self._times(j, slab.depth))

    def _pack_right(self, slab: _Slab, columns: int, j: str) -> None:
        start = self._element(2, slab.start, j)
        self._pack(turned(self.product.b), start, self._right(slab, j), columns, slab.depth)

    def _pack(self, lines: Matrix, start: str, to: str, count: int, depth: int) -> None:
        """Pack the first `depth` elements of `count` lines, which are rows here, as the transpose."""
        if lines.row_stride == 1:
            name, stride = rows_packed(self.declarations, self.kind, count), lines.column_stride
        else:
            name = columns_packed(self.declarations, self.kind, count, depth)
            stride = lines.row_stride
        self.f.write(f"call void @{name}(ptr {start}, ptr {to}, i64 {depth}, i64 {stride})")

    def _tile(
        self, slab: _Slab, place: tuple[str, str], shape: tuple[int, int], left: str, right: str
    ) -> None:
        a, b = self.product.a, self.product.b
        row, step = a.row_stride, a.column_stride
        if self.packs_left:
            row, step = 1, self.kind.width(shape[0])
        pace = self.kind.width(shape[1]) if self.packs_right else b.row_stride
        tile = Tile(*shape, add=slab.add)
        name = tile_function(self.declarations, self.kind, tile)
        pointers = (left, right, self._element(0, *place))
        numbers = (slab.depth, self.product.out.row_stride, row, step, pace)
        given = (*(f"ptr {x}" for x in pointers), *(f"i64 {n}" for n in numbers))
        self.f.write(f"call void @{name}({', '.join(given)})")

    def _element(self, which: int, i: str, j: str) -> str:
        """Return the pointer to an element of `out`, `a` or `b`."""
        m = (self.product.out, self.product.a, self.product.b)[which]
        place = self._sum(self._times(i, m.row_stride), self._times(j, m.column_stride))
        return self._at(self.pointers[which], place)

    def _at(self, pointer: str, place: str) -> str:
        return element_pointer(self.scope, pointer, self.kind.dtype, place)

    def _times(self, text: str, factor: int) -> str:
        if text.isdigit():
            return str(int(text) * factor)
        return text if factor == 1 else self.f.set(f"mul nsw i64 {text}, {factor}")

    def _sum(self, x: str, y: str) -> str:
        if x.isdigit() and y.isdigit():
            return str(int(x) + int(y))
        if "0" in {x, y}:
            return y if x == "0" else x
        return self.f.set(f"add nsw i64 {x}, {y}")

    def _repeated(self, start: int, step: int, count: int, body: Callable[[str], object]) -> None:
        """Run `body(place)` for `count` places, `step` apart."""
        if count == 1:
            body(str(start))
            return
        loop = open_loop(self.f, str(start), str(start + step * count), step)
        body(loop.turn)
        close_loop(self.f, loop)


def _start(scope: Scope, m: Matrix) -> str:
    return place_text(scope, m.index.offset, m.index.terms)
