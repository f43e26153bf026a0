"""Matrix products: in blocks where the work is worth it, as loops where not; BLAS multiplies complex matrices."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import numpy as np

from chainrule.compiler.emission.blocked_products import turned, write_blocked
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.values import real_dtype
from chainrule.compiler.loops.program import (
    Buffer,
    Fold,
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
)
from chainrule.records import record, replaced

_LETTERS = {"f": "s", "d": "d", "F": "c", "D": "z"}
_WORTH_A_CALL = 16 * 16 * 16
_LONGEST_SUM = 64
_ROWS_AT_ONCE = 4
"""So many rows of a matrix are read side by side; more push each other out of the cache where they lie a page apart."""
_WORTH_BLOCKS = 8 * 8 * 8
"""Multiplications from which on blocks beat loops, see `benchmarks/RESULTS.md`; fewer are much alike."""


def write_product(scope: Scope, product: Product) -> None:
    """Write a matrix product where the scope is."""
    if is_empty(product):
        return
    if is_blocked(product):
        write_blocked(scope, product)
    elif calls_library(product):
        _write_call(scope, product)
    else:
        scope.write(scope, as_loops(product))


def is_empty(product: Product) -> bool:
    """Say whether there is nothing to do."""
    return product.out.rows * product.out.columns == 0 or (product.add and product.a.columns == 0)


def is_blocked(product: Product) -> bool:
    """Say whether a product is worked through in blocks: all of real numbers that are neither tiny nor vectors.

    BLAS adds up deep sums in other parts on one thread than on two: what it returns depends on their number.
    """
    is_real = product.out.buffer.dtype.char in "fd"
    has_vector = 1 in {product.out.rows, product.out.columns}
    is_worth_it = _work(product) >= _WORTH_BLOCKS and not has_vector
    return is_real and is_worth_it and _is_readable(product)


def _work(product: Product) -> int:
    return product.out.rows * product.out.columns * product.a.columns


def _is_readable(product: Product) -> bool:
    return all(_layout(m) is not None for m in (product.out, product.a, product.b))


def calls_library(product: Product) -> bool:
    """Say whether a product is left to BLAS."""
    is_complex = product.out.buffer.dtype.char in "FD"
    return is_complex and _work(product) >= _WORTH_A_CALL and _is_readable(product)


@record
class _Layout:
    """How BLAS sees a matrix: its leading dimension, and whether it lies column by column for us."""

    step: int
    is_transposed: bool


def _layout(m: Matrix) -> _Layout | None:
    """Return how BLAS can take a matrix, or None."""
    if (m.column_stride == 1 or m.columns == 1) and (m.rows == 1 or m.row_stride >= m.columns):
        return _Layout(m.row_stride if m.rows > 1 else m.columns, is_transposed=False)
    if (m.row_stride == 1 or m.rows == 1) and (m.columns == 1 or m.column_stride >= m.rows):
        return _Layout(m.column_stride if m.columns > 1 else m.rows, is_transposed=True)
    return None


def _write_call(scope: Scope, product: Product) -> None:
    """Call BLAS, which sees every matrix transposed: `out.T = b.T @ a.T`."""
    out, a, b = product.out, product.a, product.b
    layouts = [_layout(m) for m in (out, a, b)]
    if layouts[0].is_transposed:  # type: ignore[union-attr]  # asked for before
        _write_call(scope, replaced(product, out=turned(out), a=turned(b), b=turned(a)))
        return
    dtype = out.buffer.dtype
    scale = ("1", "1" if product.add else "0")
    arguments = [
        _letter(scope, "T" if layouts[2].is_transposed else "N"),  # type: ignore[union-attr]
        _letter(scope, "T" if layouts[1].is_transposed else "N"),  # type: ignore[union-attr]
        *(_whole(scope, n) for n in (out.columns, out.rows, a.columns)),
        _float(scope, scale[0], dtype),
        _start(scope, b),
        _whole(scope, layouts[2].step),  # type: ignore[union-attr]
        _start(scope, a),
        _whole(scope, layouts[1].step),  # type: ignore[union-attr]
        _float(scope, scale[1], dtype),
        _start(scope, out),
        _whole(scope, layouts[0].step),  # type: ignore[union-attr]
    ]
    name = f"chainrule_{_LETTERS[dtype.char]}gemm"
    scope.emitter.declarations.external(name, "void", ["ptr"] * len(arguments))
    scope.function.write(f"call void @{name}({', '.join(f'ptr {a}' for a in arguments)})")


def _letter(scope: Scope, letter: str) -> str:
    return scope.emitter.declarations.constant(f"letter_{letter}", "i8", str(ord(letter)))  # type: ignore[no-any-return]


def _whole(scope: Scope, n: int) -> str:
    return scope.emitter.declarations.constant(f"whole_{n}", "i32", str(n))  # type: ignore[no-any-return]


def _float(scope: Scope, digit: str, dtype: np.dtype[Any]) -> str:
    part = "float" if real_dtype(dtype).itemsize == 4 else "double"
    if dtype.kind == "c":
        text = f"[{part} {digit}.0, {part} 0.0]"
        return scope.emitter.declarations.constant(  # type: ignore[no-any-return]
            f"complex_{part}_{digit}", f"[2 x {part}]", text
        )
    return scope.emitter.declarations.constant(f"{part}_{digit}", part, f"{digit}.0")  # type: ignore[no-any-return]


def _start(scope: Scope, m: Matrix) -> str:
    place = place_text(scope, m.index.offset, m.index.terms)
    return element_pointer(scope, scope.pointer(m.buffer), m.buffer.dtype, place)


def as_loops(product: Product) -> tuple[Statement, ...]:
    """Return a product as loops: over rows, over columns, and a sum."""
    if product.out.columns == 1 != product.out.rows:
        out, a, b = map(turned, (product.out, product.a, product.b))
        product = Product(out, b, a, product.add)
    out, a, b = product.out, product.a, product.b
    fresh = count(-1, -1)  # names of loops that are made here are negative, and so nobody else's
    if b.column_stride == 1 and out.column_stride == 1 and a.columns:
        if a.columns <= _LONGEST_SUM:
            return _by_columns(product, fresh)
        if out.rows == 1:
            return _by_parts(product, fresh)
    dtype = out.buffer.dtype
    i, j, k, x, y, xy, total = (next(fresh) for _ in range(7))
    is_straight = a.column_stride == 1 and b.row_stride == 1
    body = (
        Load(x, a.buffer, _moved(a.index, (i, a.row_stride), (k, a.column_stride))),
        Load(y, b.buffer, _moved(b.index, (k, b.row_stride), (j, b.column_stride))),
        Let(xy, lambda e, x, y: e.multiply(x, y), (x, y), dtype, "multiply"),
    )
    sums = (Fold(total, "add", Number(0, dtype), xy, dtype),)
    return (
        Loop(
            i,
            out.rows,
            (
                Loop(
                    j,
                    out.columns,
                    (
                        Loop(k, a.columns, body, folds=sums, vector=is_straight),
                        Store(
                            out.buffer,
                            _moved(out.index, (i, out.row_stride), (j, out.column_stride)),
                            total,
                            product.add,
                        ),
                    ),
                ),
            ),
        ),
    )


def _by_parts(product: Product, fresh: Iterator[int]) -> tuple[Statement, ...]:
    """Return a deep product of a vector as loops that go through the matrix once, a few rows at a time."""
    a, b = product.a, product.b
    parts, first = divmod(a.columns - 1, _ROWS_AT_ONCE)
    first += 1
    part = next(fresh)

    def of(rows: int, at: int, terms: tuple[tuple[int, int], ...], *, add: bool) -> Product:
        left, right = (
            Index(m.index.offset + at * s, (*m.index.terms, *((n, k * s) for n, k in terms)))
            for m, s in ((a, a.column_stride), (b, b.row_stride))
        )
        return Product(
            product.out,
            replaced(a, index=left, columns=rows),
            replaced(b, index=right, rows=rows),
            add,
        )

    body = of(_ROWS_AT_ONCE, first, ((part, _ROWS_AT_ONCE),), add=True)
    return (
        *_by_columns(of(first, 0, (), add=product.add), fresh),
        Loop(part, parts, _by_columns(body, fresh)),
    )


def _by_columns(product: Product, fresh: Iterator[int]) -> tuple[Statement, ...]:
    """Return a product as loops over rows and over vectors of columns, the sums written out and kept in registers."""
    out, a, b = product.out, product.a, product.b
    dtype = out.buffer.dtype
    i, j = next(fresh), next(fresh)
    body: list[Statement] = []
    total: Operand | None = None
    for k in range(a.columns):
        x, y, new = next(fresh), next(fresh), next(fresh)
        row = _moved(a.index, (i, a.row_stride))
        column = _moved(b.index, (j, 1))
        body += [
            Load(x, a.buffer, Index(row.offset + k * a.column_stride, row.terms)),
            Load(y, b.buffer, Index(column.offset + k * b.row_stride, column.terms)),
        ]
        if total is None:
            body.append(Let(new, _product, (x, y), dtype, "multiply"))
        else:
            body.append(Let(new, _product_and_sum, (x, y, total), dtype, "multiply, add"))
        total = new
    assert total is not None
    place = _moved(out.index, (i, out.row_stride), (j, 1))
    body.append(Store(out.buffer, place, total, product.add))
    return (Loop(i, out.rows, (Loop(j, out.columns, tuple(body), vector=True),)),)


def _product(e: Any, x: Any, y: Any) -> Any:
    return e.multiply(x, y)


def _product_and_sum(e: Any, x: Any, y: Any, z: Any) -> Any:
    return e.add(e.multiply(x, y), z)


def _moved(index: Index, *terms: tuple[int, int]) -> Index:
    return Index(index.offset, (*index.terms, *(t for t in terms if t[1])))


def pointers_of(product: Product) -> tuple[Buffer, ...]:
    """Return the buffers of a product."""
    return product.out.buffer, product.a.buffer, product.b.buffer
