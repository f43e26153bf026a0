"""The functions that blocked products are made of: a tile of the result in registers, and packed operands.

A tile is a few rows by one or two vectors of columns. Its sums stay in registers while the products of one column of
the left and one row of the right operand are added, one after the other: each element is one sum in the order of the
depth, whatever the size of the tile.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import Declarations, Function, close_loop, open_loop
from chainrule.compiler.emission.memory import mask_text
from chainrule.compiler.machine_code.machine import Machine
from chainrule.records import record

_ATTRIBUTES = "noinline #0"
_NUMBERS = [("i64", "%n"), ("i64", "%line"), ("i64", "%row"), ("i64", "%step"), ("i64", "%pace")]
_TILE = [("ptr", "%a"), ("ptr", "%b"), ("ptr", "%out"), *_NUMBERS]
_PACKING = [("ptr", "%a"), ("ptr", "%out"), ("i64", "%n"), ("i64", "%row")]


@record
class Tile:
    """A tile of the result, and how it finds its operands.

    Attributes:
        rows: its rows.
        columns: its columns.
        add: whether the sums are added to what is there.
    """

    rows: int
    columns: int
    add: bool


@record
class Kind:
    """What numbers are multiplied, and how many are in a vector."""

    dtype: np.dtype[Any]
    machine: Machine

    @property
    def lanes(self) -> int:
        """How many elements a vector has."""
        return self.machine.lanes(self.dtype)

    @property
    def element(self) -> str:
        """LLVM's name of an element."""
        return "float" if self.dtype.itemsize == 4 else "double"

    @property
    def vector(self) -> str:
        """LLVM's name of a vector."""
        return f"<{self.lanes} x {self.element}>"

    @property
    def suffix(self) -> str:
        """How intrinsics name the vector."""
        return f"v{self.lanes}f{8 * self.dtype.itemsize}"

    def vectors(self, count: int) -> int:
        """Return how many vectors hold `count` elements."""
        return -(-count // self.lanes)

    def width(self, count: int) -> int:
        """Return how many elements whole vectors have that hold `count`."""
        return self.vectors(count) * self.lanes

    def parts(self, count: int) -> list[int]:
        """Return how many of `count` elements are in each vector."""
        return [min(self.lanes, count - start) for start in range(0, count, self.lanes)]


def tile_function(declarations: Declarations, kind: Kind, tile: Tile) -> str:
    """Return the name of `void f(a, b, out, depth, out's row stride, row, step, pace)` that computes a tile.

    The left operand's elements of two rows lie `row` apart, those of two turns of the sum `step`; the right operand's
    rows lie `pace` apart, and its columns follow each other. No stride is part of the function: products of all sizes
    share it.
    """
    word = "add" if tile.add else "set"
    name = f"tile_{kind.element}_{word}_{tile.rows}x{tile.columns}"
    return _shared(declarations, name, _TILE, lambda f: _write_tile(f, declarations, kind, tile))


def _shared(
    declarations: Declarations,
    name: str,
    parameters: Sequence[tuple[str, str]],
    write: Callable[[Function], None],
) -> str:
    """Return the name of a function, which is written if there is none yet."""
    if name not in declarations.lines:
        f = Function(name, parameters, result="void")
        write(f)
        f.write("ret void")
        declarations.lines[name] = f.text(_ATTRIBUTES, "internal ")
    return name


def _write_tile(f: Function, declarations: Declarations, kind: Kind, tile: Tile) -> None:
    parts = kind.parts(tile.columns)
    cells = [(i, j) for i in range(tile.rows) for j in range(len(parts))]
    sums_and_places = [(kind.vector, "zeroinitializer")] * len(cells)
    rows = _Rows(f, kind, tile.rows)
    sums_and_places += [("ptr", x) for x in (*rows.firsts, "%b")]
    loop = open_loop(f, "0", "%n", 1, sums_and_places)
    *lefts, right = loop.kept[len(cells) :]
    rows.begin_turn(lefts)
    columns = [
        _load(f, declarations, kind, _at(f, kind, right, str(kind.lanes * j)), n)
        for j, n in enumerate(parts)
    ]
    after: list[str] = []
    for i in range(tile.rows):
        x = _spread(f, kind, rows.place(i))
        after += [
            _multiplied_and_added(
                f, declarations, kind, x, columns[j], loop.kept[i * len(parts) + j]
            )
            for j in range(len(parts))
        ]
    after += [_at(f, kind, x, "%step") for x in lefts]
    after += [_at(f, kind, right, "%pace")]
    sums = close_loop(f, loop, after)
    for i in range(tile.rows):
        row = _at(f, kind, "%out", _times(f, "%line", i))
        for j, n in enumerate(parts):
            place, total = _at(f, kind, row, str(kind.lanes * j)), sums[i * len(parts) + j]
            if tile.add:
                before = _load(f, declarations, kind, place, n)
                total = f.set(f"fadd {kind.vector} {before}, {total}")
            _store(f, declarations, kind, place, total, n)


class _Rows:
    """Where the elements of the left operand's rows lie in a turn of the sum.

    Nine rows are reached from one pointer: a processor adds 1, 2, 4 or 8 times a number to it, and the numbers are one,
    three, five and seven strides. LLVM would rather add the stride to the pointer row after row, each addition waiting
    for the one before, so it is not shown what the pointers of a turn stem from.

    Attributes:
        firsts: the pointers in the first turn.
    """

    _REACH = 9

    def __init__(self, f: Function, kind: Kind, rows: int) -> None:
        self.f = f
        row = f.set(f"mul nsw i64 %row, {kind.dtype.itemsize}")
        starts = [_times(f, row, i) for i in range(0, rows, self._REACH)]
        self.firsts = [_moved(f, "%a", start) for start in starts]
        self.strides = {n: _times(f, row, n) for n in range(1, min(rows, self._REACH), 2)}
        self.pointers = self.firsts

    def begin_turn(self, pointers: list[str]) -> None:
        """Take what `firsts` have become."""
        self.pointers = [self.f.set(f'call ptr asm "", "=r,0"(ptr {x})') for x in pointers]

    def place(self, i: int) -> str:
        """Return the pointer to the element of row `i`."""
        number, further = divmod(i, self._REACH)
        twos = further & -further or 1
        stride = self.strides.get(further // twos, "0")
        return _moved(self.f, self.pointers[number], _times(self.f, stride, twos))


def rows_packed(declarations: Declarations, kind: Kind, count: int) -> str:
    """Return the name of `void f(from, to, rows, row stride)`: rows of `count` elements, in whole vectors, in a row."""
    name = f"pack_rows_{kind.element}_{count}"

    def write(f: Function) -> None:
        loop = open_loop(f, "0", "%n", 1)
        start = _at(f, kind, "%a", f.set(f"mul nsw i64 {loop.turn}, %row"))
        end = _at(f, kind, "%out", _times(f, loop.turn, kind.width(count)))
        for j, n in enumerate(kind.parts(count)):
            place = str(kind.lanes * j)
            x = _load(f, declarations, kind, _at(f, kind, start, place), n)
            f.write(f"store {kind.vector} {x}, ptr {_at(f, kind, end, place)}, align 4")
        close_loop(f, loop)

    return _shared(declarations, name, _PACKING, write)


def columns_packed(declarations: Declarations, kind: Kind, count: int, depth: int) -> str:
    """Return the name of a function like that of `rows_packed`, of the transpose of what is read.

    It reads `count` rows of `depth` elements, a stride apart, and writes `depth` rows of `count`. Depths that leave the
    same rest behind whole vectors share it.
    """
    rest = depth % kind.lanes
    name = f"pack_columns_{kind.element}_{count}x{'n' * (depth > rest)}{rest}"

    def square(f: Function, start: str, turns: int, first: str, n: int) -> None:
        """Transpose a square of lanes by lanes: `turns` columns of `n` rows from the row `first` on."""
        top = _at(f, kind, "%a", f.set(f"mul nsw i64 {first}, %row"))
        end = _at(f, kind, "%out", _times(f, start, kind.width(count)))
        end = _at(f, kind, end, first)
        rows = ["zeroinitializer"] * kind.lanes
        for i in range(n):
            row = _at(f, kind, top, _times(f, "%row", i))
            rows[i] = _load(f, declarations, kind, _at(f, kind, row, start), turns)
        for i, x in enumerate(_transposed(f, kind, rows)[:turns]):
            place = _at(f, kind, end, str(i * kind.width(count)))
            f.write(f"store {kind.vector} {x}, ptr {place}, align 4")

    def band(f: Function, start: str, turns: int) -> None:
        """Transpose `turns` columns, square by square: a loop, for LLVM is slow with so many shuffles."""
        full = count // kind.lanes * kind.lanes
        if full:
            loop = open_loop(f, "0", str(full), kind.lanes)
            square(f, start, turns, loop.turn, kind.lanes)
            close_loop(f, loop)
        if count > full:
            square(f, start, turns, str(full), count - full)

    def write(f: Function) -> None:
        whole = f.set(f"sub nsw i64 %n, {rest}") if depth > rest else "0"
        if depth > rest:
            loop = open_loop(f, "0", whole, kind.lanes)
            band(f, loop.turn, kind.lanes)
            close_loop(f, loop)
        if rest:
            band(f, whole, rest)

    return _shared(declarations, name, _PACKING, write)


def _transposed(f: Function, kind: Kind, rows: list[str]) -> list[str]:
    """Return the columns of a square of vectors: pairs of rows exchange ever larger parts."""
    size, t = 1, kind.vector
    while size < kind.lanes:
        low, high = [], []
        for k in range(kind.lanes):
            is_first = k // size % 2 == 0
            low.append(k if is_first else kind.lanes + k - size)
            high.append(k + size if is_first else kind.lanes + k)
        done = list(rows)
        for k in range(kind.lanes):
            if k // size % 2 == 0:
                pair = f"{t} {rows[k]}, {t} {rows[k + size]}"
                done[k] = f.set(f"shufflevector {pair}, {_order(low)}")
                done[k + size] = f.set(f"shufflevector {pair}, {_order(high)}")
        rows, size = done, 2 * size
    return rows


def _order(places: list[int]) -> str:
    return f"<{len(places)} x i32> <{', '.join(f'i32 {k}' for k in places)}>"


def _at(f: Function, kind: Kind, pointer: str, place: str) -> str:
    if place == "0":
        return pointer
    return f.set(f"getelementptr {kind.element}, ptr {pointer}, i64 {place}")


def _moved(f: Function, pointer: str, bytes_: str) -> str:
    return pointer if bytes_ == "0" else f.set(f"getelementptr i8, ptr {pointer}, i64 {bytes_}")


def _times(f: Function, text: str, factor: int) -> str:
    if text.isdigit():
        return str(int(text) * factor)
    if factor <= 1:
        return text if factor else "0"
    return f.set(f"mul nsw i64 {text}, {factor}")


def _load(f: Function, declarations: Declarations, kind: Kind, pointer: str, count: int) -> str:
    """Load the first `count` elements of a vector; the others are zero."""
    t, align = kind.vector, kind.dtype.itemsize
    if count == kind.lanes:
        return f.set(f"load {t}, ptr {pointer}, align {align}")
    name, mask = f"llvm.masked.load.{kind.suffix}.p0", f"<{kind.lanes} x i1>"
    declarations.declare(name, t, ["ptr", "i32", mask, t])
    chosen = f"{mask} {mask_text(kind.lanes, count)}"
    return f.set(f"call {t} @{name}(ptr {pointer}, i32 {align}, {chosen}, {t} zeroinitializer)")


def _store(
    f: Function, declarations: Declarations, kind: Kind, pointer: str, value: str, count: int
) -> None:
    """Store the first `count` elements of a vector."""
    t, align = kind.vector, kind.dtype.itemsize
    if count == kind.lanes:
        f.write(f"store {t} {value}, ptr {pointer}, align {align}")
        return
    name, mask = f"llvm.masked.store.{kind.suffix}.p0", f"<{kind.lanes} x i1>"
    declarations.declare(name, "void", [t, "ptr", "i32", mask])
    chosen = f"{mask} {mask_text(kind.lanes, count)}"
    f.write(f"call void @{name}({t} {value}, ptr {pointer}, i32 {align}, {chosen})")


def _spread(f: Function, kind: Kind, pointer: str) -> str:
    """Load an element into every lane."""
    t = kind.vector
    x = f.set(f"load {kind.element}, ptr {pointer}, align {kind.dtype.itemsize}")
    first = f.set(f"insertelement {t} poison, {kind.element} {x}, i64 0")
    return f.set(f"shufflevector {t} {first}, {t} poison, <{kind.lanes} x i32> zeroinitializer")


def _multiplied_and_added(
    f: Function, declarations: Declarations, kind: Kind, x: str, y: str, total: str
) -> str:
    t = kind.vector
    if not kind.machine.has_fma:
        return f.set(f"fadd {t} {total}, {f.set(f'fmul {t} {x}, {y}')}")
    name = f"llvm.fma.{kind.suffix}"
    declarations.declare(name, t, [t, t, t])
    return f.set(f"call {t} @{name}({t} {x}, {t} {y}, {t} {total})")
