"""Loops of instructions, with the values that they carry, and the reductions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.emission.instructions import close_loop, open_loop
from chainrule.compiler.emission.scope import Scope, texts_of, with_texts
from chainrule.compiler.emission.values import AnyValue, Pair, Value, real_dtype

Body = Callable[[str, list[AnyValue]], list[AnyValue]]

BLOCK = 64
"""How many floats are added up in a row, before that is added to the sum of blocks: rounding errors stay small."""


def repeat(
    scope: Scope,
    start: str,
    stop: str,
    step: int,
    first: Sequence[AnyValue],
    body: Body,
) -> list[AnyValue]:
    """Run `body(turn, values)`, which returns the values of the next turn; it runs at least once."""
    f = scope.function
    parts = [texts_of(value) for value in first]
    loop = open_loop(f, start, stop, step, [part for p in parts for part in p])
    after = body(loop.turn, _grouped(first, parts, loop.kept))
    texts = [text for value in after for _, text in texts_of(value)]
    close_loop(f, loop, texts)
    return after


def repeat_in_blocks(
    scope: Scope,
    start: int,
    stop: int,
    step: int,
    first: Sequence[AnyValue],
    body: Body,
    sums: Sequence[bool],
) -> list[AnyValue]:
    """Run a body from `start` to below `stop`; long sums of floats are sums of blocks, of blocks of blocks.

    Args:
        scope: where it is written.
        start: the first turn.
        stop: the end; at least one turn lies before it.
        step: from turn to turn.
        first: the values carried into the first turn.
        body: see `repeat`.
        sums: which of the values are sums of floats.
    """
    turns = -(-(stop - start) // step)
    if turns == 1:
        return body(str(start), list(first))
    depth = 0
    while any(sums) and turns > 2 * BLOCK ** (depth + 1):
        depth += 1
    f, e = scope.function, scope.emitter

    def nest(depth: int, start: str, stop: str, first: Sequence[AnyValue]) -> list[AnyValue]:
        if not depth:
            return repeat(scope, start, stop, step, first, body)
        size = step * BLOCK**depth

        def block(turn: str, totals: list[AnyValue]) -> list[AnyValue]:
            end = f.set(f"add nsw i64 {turn}, {size}")
            below = f.set(f"icmp slt i64 {end}, {stop}")
            end = f.set(f"select i1 {below}, i64 {end}, i64 {stop}")
            begun = [
                neutral(scope, "add", t.dtype, t.lanes) if is_sum else t
                for t, is_sum in zip(totals, sums, strict=True)
            ]
            after = nest(depth - 1, turn, end, begun)
            with e.exactly():
                return [
                    t + a if is_sum else a for t, a, is_sum in zip(totals, after, sums, strict=True)
                ]

        return repeat(scope, start, stop, size, first, block)

    return nest(depth, str(start), str(stop), first)


def _grouped(
    like: Sequence[AnyValue], parts: Sequence[list[tuple[str, str]]], texts: Sequence[str]
) -> list[AnyValue]:
    """Return values like others, of the texts of their parts."""
    result, at = [], 0
    for value, p in zip(like, parts, strict=True):
        result.append(with_texts(value, texts[at : at + len(p)]))
        at += len(p)
    return result


def neutral(scope: Scope, combine: str, dtype: np.dtype[Any], lanes: int) -> AnyValue:
    """Return the number that `combine` does not change anything by."""
    e = scope.emitter
    if dtype.kind == "c":
        real = neutral(scope, combine, real_dtype(dtype), lanes)
        part = 0.0 if combine == "multiply" else -0.0
        imag = e.spread(e.number(part, real_dtype(dtype)), lanes)
        return Pair(e, real, imag, dtype)  # type: ignore[arg-type]  # a real dtype's value is no pair
    return e.spread(e.number(_neutral_number(combine, dtype), dtype), lanes)  # type: ignore[no-any-return]


def _neutral_number(combine: str, dtype: np.dtype[Any]) -> Any:
    if combine in {"add", "logical_or", "bitwise_or", "bitwise_xor"}:
        return -0.0 if dtype.kind == "f" else 0
    if combine in {"multiply", "logical_and"}:
        return 1
    if combine == "bitwise_and":
        return -1
    if combine in {"fmax", "fmin"} and dtype.kind == "f":
        return np.nan
    return _least(dtype) if combine in {"maximum", "fmax"} else _largest(dtype)


def _least(dtype: np.dtype[Any]) -> Any:
    return {"f": -np.inf, "b": False}[dtype.kind] if dtype.kind in "fb" else np.iinfo(dtype).min


def _largest(dtype: np.dtype[Any]) -> Any:
    return {"f": np.inf, "b": True}[dtype.kind] if dtype.kind in "fb" else np.iinfo(dtype).max


def across(scope: Scope, combine: str, value: AnyValue) -> AnyValue:
    """Combine the lanes of a vector, halves at a time."""
    e = scope.emitter
    while value.lanes > 1:
        half = value.lanes // 2
        value = getattr(e, combine)(*(_half(scope, value, first, half) for first in (0, half)))
    return value


def _half(scope: Scope, value: AnyValue, first: int, half: int) -> AnyValue:
    if isinstance(value, Pair):
        real: Any = _half(scope, value.real, first, half)
        imag: Any = _half(scope, value.imag, first, half)
        return Pair(scope.emitter, real, imag, value.dtype)
    if half == 1:
        text = scope.function.set(f"extractelement {value.typed}, i64 {first}")
    else:
        order = ", ".join(f"i32 {first + k}" for k in range(half))
        text = scope.function.set(
            f"shufflevector {value.typed}, {value.type} poison, <{half} x i32> <{order}>"
        )
    return Value(scope.emitter, text, value.dtype, half)
