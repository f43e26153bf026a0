"""Products with patches of arrays: tiles of the result are summed up in registers, patches are read where they lie.

A tile is some rows by some vectors of columns. For each number of the sum a vector of `b` is loaded per vector of
columns, and a number of `a` per row, which goes into every lane: as many multiplications and additions as the tile has
vectors. No patch is written down anywhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import numpy as np

from chainrule.compiler.emission.memory import put, read
from chainrule.compiler.emission.repetition import repeat, repeat_in_blocks
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.values import AnyValue
from chainrule.compiler.loops.program import Unfolded, UnfoldedProduct
from chainrule.compiler.machine_code.machine import Machine
from chainrule.compiler.views import Factors
from chainrule.records import record, replaced

DType = np.dtype[np.generic]

_WRITTEN_OUT = 9
"""Sums of so many numbers at most are written out."""
_AT_A_TIME = 4
"""How many numbers of longer sums are added in a turn."""
_NEAR = 1 << 18
"""How many bytes of `b` stay near the processor while all rows are gone through."""


@record
class Span:
    """Some columns of the last factor: `vectors` times `lanes` of them; of the last vector `active` lanes."""

    start: int
    lanes: int
    vectors: int
    active: int | None = None


@record
class Band:
    """Some turns of the loops over rows, each a tile's rows: the loops, and the rows from there.

    Attributes:
        loops: (turns, stride in `out`, stride in `a`) of each loop.
        start: the place of the first row in `out` and in `a`.
        rows: the places of a tile's rows from there.
    """

    loops: tuple[tuple[int, int, int], ...]
    start: tuple[int, int]
    rows: tuple[tuple[int, int], ...]


def write_unfolded_product(scope: Scope, product: UnfoldedProduct) -> None:
    """Write a product with patches where the scope is."""
    out, a, b = product.out, product.a, product.b
    machine = scope.emitter.machine
    outer = tuple(zip(_sizes(out.columns), _strides(out.columns), _strides(b.columns), strict=True))
    spans = list(spans_of(out.columns[-1][0], out.buffer.dtype, machine))
    pointers = tuple([_pointer(scope, m) for m in (out, a, b)])

    def columns(inside: Callable[[int, Span, tuple[str, ...]], None], at: tuple[str, ...]) -> None:
        def body(at: tuple[str, ...]) -> None:
            for span in spans:
                shifts = (span.start, 0, span.start)
                inside(span.vectors, span, _shifted(scope, product, at, shifts))

        _nest(scope, product, [(n, o, 0, s) for n, o, s in outer[:-1]], at, body)

    def rows(vectors: int, at: tuple[str, ...], inside: Callable[..., None]) -> None:
        for band in bands_of(out.rows, a.rows, tile_rows(vectors, machine)):
            first = _shifted(scope, product, at, (*band.start, 0))
            loops = [(n, o, x, 0) for n, o, x in band.loops]
            _nest(scope, product, loops, first, partial(inside, band))

    is_far = math.prod(_sizes(b.rows + b.columns)) * b.buffer.dtype.itemsize > _NEAR
    if is_far:
        columns(
            lambda vectors, span, at: rows(
                vectors, at, lambda band, at: _write_tile(scope, product, span, band, at)
            ),
            pointers,
        )
        return
    most = max(span.vectors for span in spans)
    rows(
        most,
        pointers,
        lambda band, at: columns(
            lambda _, span, at: _write_tile(scope, product, span, band, at), at
        ),
    )


def spans_of(count: int, dtype: DType, machine: Machine) -> Iterator[Span]:
    """Yield which columns a tile has, in order."""
    lanes = machine.lanes(dtype)
    while lanes // 2 >= count:
        lanes //= 2
    whole, rest = divmod(count, lanes)
    if rest and machine.has_masks:
        whole += 1
    start = 0
    while whole:
        vectors = 2 if whole == 4 else min(whole, 3)
        whole -= vectors
        is_cut = rest > 0 and machine.has_masks and not whole
        yield Span(start, lanes, vectors, rest if is_cut else None)
        start += vectors * lanes
    while start < count:
        lanes //= 2
        if start + lanes <= count:
            yield Span(start, lanes, 1)
            start += lanes


def tile_rows(vectors: int, machine: Machine) -> int:
    """Return how many rows of so many vectors fit into registers, beside a row of `b` and a number of `a`."""
    return max((machine.registers - 2 - vectors) // vectors, 1)


def bands_of(out: Factors, a: Factors, most: int) -> Iterator[Band]:
    """Yield tiles of `most` rows at most, of about the same size, that cover all rows."""
    sizes = _sizes(out)
    inner = len(sizes)
    while inner and math.prod(sizes[inner - 1 :]) <= most:
        inner -= 1
    strides = list(zip(_strides(out), _strides(a), strict=True))
    full = [
        (sum(i * s for i, (s, _) in pairs), sum(i * s for i, (_, s) in pairs))
        for turn in itertools.product(*map(range, sizes[inner:]))
        for pairs in [list(zip(turn, strides[inner:], strict=True))]
    ]
    if not inner:
        yield Band((), (0, 0), tuple(full))
        return
    loops = [(n, o, x) for n, (o, x) in zip(sizes, strides, strict=True)][: inner - 1]
    count, (down, across) = sizes[inner - 1], strides[inner - 1]
    tiles = -(-count // (most // len(full)))
    size = -(-count // tiles)
    start = 0
    for turns, n in ((count // size, size), (1, count % size)):
        if n:
            rows = [(i * down + o, i * across + x) for i in range(n) for o, x in full]
            band = (*loops, (turns, n * down, n * across))
            yield Band(band, (start * down, start * across), tuple(rows))
        start += turns * n


def _write_tile(
    scope: Scope, product: UnfoldedProduct, span: Span, band: Band, at: tuple[str, ...]
) -> None:
    """Write the sum of a tile, and put it into memory or add it to what is there."""
    out, a, b = product.out, product.a, product.b
    e = scope.emitter
    dtype = out.buffer.dtype
    inside = replaced(scope, lanes=span.lanes, copies=1, active=None)
    cut = replaced(inside, active=span.active)
    each = [(k * span.lanes, cut if k == span.vectors - 1 else inside) for k in range(span.vectors)]
    zero = e.spread(e.number(0, dtype), span.lanes)

    def added(totals: list[AnyValue], places: tuple[str, str]) -> list[AnyValue]:
        row = [
            read(s, element_pointer(s, places[1], dtype, str(k)), dtype, span.lanes)
            for k, s in each
        ]
        after = []
        for i, (_, offset) in enumerate(band.rows):
            x = read(scope, element_pointer(scope, places[0], dtype, str(offset)), dtype)
            x = e.spread(x, span.lanes)
            after += [
                e.add(e.multiply(x, y), t)
                for y, t in zip(row, totals[i * len(row) :], strict=False)
            ]
        return after

    sums = list(zip(_sizes(a.columns), _strides(a.columns), _strides(b.rows), strict=True))
    totals = _summed(
        inside, sums, dtype, (at[1], at[2]), [zero] * len(band.rows) * len(each), added
    )
    rest = iter(totals)
    for offset, _ in band.rows:
        for k, s in each:
            pointer = element_pointer(s, at[0], dtype, str(offset + k))
            total = next(rest)
            if product.add:
                total = e.add(read(s, pointer, dtype, span.lanes), total)
            put(s, pointer, total)


def _summed(
    scope: Scope,
    sums: Sequence[tuple[int, int, int]],
    dtype: DType,
    places: tuple[str, str],
    totals: list[AnyValue],
    added: Callable[[list[AnyValue], tuple[str, str]], list[AnyValue]],
) -> list[AnyValue]:
    """Return totals with everything added that the indices of the sum count."""
    if not sums:
        return added(totals, places)
    (count, x, y), rest = sums[0], sums[1:]

    def at(turn: str) -> tuple[str, str]:
        steps = [_times(scope, turn, s) for s in (x, y)]
        return (
            element_pointer(scope, places[0], dtype, steps[0]),
            element_pointer(scope, places[1], dtype, steps[1]),
        )

    def several(turn: str, totals: list[AnyValue], n: int) -> list[AnyValue]:
        first = at(turn)
        for k in range(n):
            here = (
                element_pointer(scope, first[0], dtype, str(k * x)),
                element_pointer(scope, first[1], dtype, str(k * y)),
            )
            totals = _summed(scope, rest, dtype, here, totals, added)
        return totals

    inside = math.prod(n for n, _, _ in rest)
    if inside * count <= _WRITTEN_OUT:
        return several("0", totals, count)
    if rest:
        flags = [True] * len(totals)
        return repeat_in_blocks(
            scope, 0, count, 1, totals, lambda turn, t: several(turn, t, 1), flags
        )
    whole = count - count % _AT_A_TIME
    flags = [True] * len(totals)
    totals = repeat_in_blocks(
        scope, 0, whole, _AT_A_TIME, totals, lambda turn, t: several(turn, t, _AT_A_TIME), flags
    )
    return several(str(whole), totals, count - whole)


def _nest(
    scope: Scope,
    product: UnfoldedProduct,
    loops: Sequence[tuple[int, int, int, int]],
    at: tuple[str, ...],
    body: Callable[[tuple[str, ...]], None],
) -> None:
    """Write loops around a body, which is given the places in `out`, `a` and `b`."""
    if not loops:
        body(at)
        return
    (count, *strides), rest = loops[0], loops[1:]
    if count == 1:
        _nest(scope, product, rest, at, body)
        return

    def turn(turn: str, _: list[AnyValue]) -> list[AnyValue]:
        steps = [_times(scope, turn, s) for s in strides]
        _nest(scope, product, rest, _shifted(scope, product, at, steps), body)
        return []

    repeat(scope, "0", str(count), 1, [], turn)


def _times(scope: Scope, turn: str, stride: int) -> str:
    if stride == 1 or turn == "0" or not stride:
        return turn if stride else "0"
    if turn.isdigit():
        return str(int(turn) * stride)
    return scope.function.set(f"mul nsw i64 {turn}, {stride}")


def _shifted(
    scope: Scope, product: UnfoldedProduct, at: tuple[str, ...], steps: Sequence[int | str]
) -> tuple[str, ...]:
    dtype = product.out.buffer.dtype
    return tuple([element_pointer(scope, p, dtype, str(s)) for p, s in zip(at, steps, strict=True)])


def _pointer(scope: Scope, m: Unfolded) -> str:
    place = place_text(scope, m.index.offset, m.index.terms)
    return element_pointer(scope, scope.pointer(m.buffer), m.buffer.dtype, place)


def _sizes(factors: Factors) -> list[int]:
    return [n for n, _ in factors]


def _strides(factors: Factors) -> list[int]:
    return [s for _, s in factors]
