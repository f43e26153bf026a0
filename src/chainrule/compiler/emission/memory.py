"""Loads and stores: single elements, vectors of neighbours, and vectors of elements that lie apart."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.compiler.emission.scope import (
    Scope,
    alignment,
    element_pointer,
    place_text,
    split_terms,
)
from chainrule.compiler.emission.values import AnyValue, Pair, Value, memory_type, real_dtype
from chainrule.compiler.loops.program import Buffer, Load, Store

BYTE = np.dtype(np.uint8)
BOOL = np.dtype(np.bool_)


def write_load(scope: Scope, load: Load) -> None:
    """Set the name of a load."""
    fixed, stride, varying = split_terms(scope, load.index)
    if scope.lanes * scope.copies == 1 or not (stride or varying):
        if scope.bases.get(id(load)) == "":  # loaded before the loop
            return
        pointer = element_pointer(
            scope,
            scope.pointer(load.buffer),
            load.buffer.dtype,
            place_text(scope, load.index.offset, load.index.terms),
        )
        scope.set(load.name, [read(scope, pointer, load.buffer.dtype)])
        return
    base = base_pointer(scope, load, load.buffer, load.index.offset, fixed)
    copies = [
        _read_lanes(scope, load.buffer.dtype, base, stride, varying, j) for j in range(scope.copies)
    ]
    scope.set(load.name, copies)


def write_store(scope: Scope, store: Store) -> None:
    """Write the elements of a store, in each copy."""
    dtype = store.buffer.dtype
    fixed, stride, varying = split_terms(scope, store.index)
    if scope.lanes * scope.copies == 1 or not (stride or varying):
        place = place_text(scope, store.index.offset, store.index.terms)
        pointer = element_pointer(scope, scope.pointer(store.buffer), dtype, place)
        value = scope.operand(store.value, 0)
        if store.add:
            value = scope.emitter.add(read(scope, pointer, dtype), value)
        put(scope, pointer, value)
        return
    base = base_pointer(scope, store, store.buffer, store.index.offset, fixed)
    for j in range(scope.copies):
        value = scope.emitter.spread(scope.operand(store.value, j), scope.lanes)
        if stride == 1 and not varying:
            pointer = _turn_pointer(scope, base, dtype, 1, j)
            if store.add:
                value = scope.emitter.add(read(scope, pointer, dtype, scope.lanes), value)
            put(scope, pointer, value)
        else:
            _put_apart(scope, dtype, base, stride, varying, j, value, add=store.add)


def base_pointer(
    scope: Scope, statement: Load | Store, buffer: Buffer, offset: int, fixed: Any
) -> str:
    """Return the pointer to the element of turn 0."""
    known = scope.bases.get(id(statement))
    if known is not None:
        return known
    return element_pointer(
        scope, scope.pointer(buffer), buffer.dtype, place_text(scope, offset, fixed)
    )


def _turn_pointer(
    scope: Scope, base: str, dtype: np.dtype[Any], stride: int, copy: int, lane: int = 0
) -> str:
    """Return the pointer to the element of a lane, for an index that moves evenly."""
    assert scope.turn is not None
    turn = scope.turn[1]
    if stride != 1 and turn != "0":
        turn = scope.function.set(f"mul nsw i64 {turn}, {stride}")
    pointer = element_pointer(scope, base, dtype, turn)
    return element_pointer(scope, pointer, dtype, str((copy * scope.lanes + lane) * stride))


def _read_lanes(
    scope: Scope,
    dtype: np.dtype[Any],
    base: str,
    stride: int,
    varying: list[tuple[int, int]],
    copy: int,
) -> AnyValue:
    if stride == 1 and not varying:
        return read(scope, _turn_pointer(scope, base, dtype, 1, copy), dtype, scope.lanes)
    pointers = _lane_pointers(scope, dtype, base, stride, varying, copy)
    return joined(scope, [read(scope, p, dtype) for p in pointers])


def _lane_pointers(
    scope: Scope,
    dtype: np.dtype[Any],
    base: str,
    stride: int,
    varying: list[tuple[int, int]],
    copy: int,
) -> list[str]:
    """Return the pointers of the lanes that are run."""
    lanes = scope.lanes if scope.active is None else scope.active
    first = _turn_pointer(scope, base, dtype, stride, copy)
    steps = [
        element_pointer(scope, first, dtype, str(lane * stride)) if stride else base
        for lane in range(lanes)
    ]
    if not varying:
        return steps
    total: Any = None
    for name, s in varying:
        term = scope.emitter.multiply(scope.operand(name, copy), s)
        total = term if total is None else total + term
    places = [extracted(scope, total, lane) for lane in range(lanes)]
    return [element_pointer(scope, p, dtype, x.text) for p, x in zip(steps, places, strict=True)]


def _put_apart(
    scope: Scope,
    dtype: np.dtype[Any],
    base: str,
    stride: int,
    varying: list[tuple[int, int]],
    copy: int,
    value: AnyValue,
    *,
    add: bool,
) -> None:
    for lane, pointer in enumerate(_lane_pointers(scope, dtype, base, stride, varying, copy)):
        element = extracted(scope, value, lane)
        if add:
            element = scope.emitter.add(read(scope, pointer, dtype), element)
        put(scope, pointer, element)


def extracted(scope: Scope, value: AnyValue, lane: int) -> Any:
    """Return the number in a lane."""
    if value.lanes == 1:
        return value
    if isinstance(value, Pair):
        parts = extracted(scope, value.real, lane), extracted(scope, value.imag, lane)
        return Pair(scope.emitter, *parts, value.dtype)
    text = scope.function.set(f"extractelement {value.typed}, i64 {lane}")
    return Value(scope.emitter, text, value.dtype)


def joined(scope: Scope, elements: list[Any]) -> AnyValue:
    """Return a vector of numbers; the lanes that are not run hold anything."""
    if scope.lanes == 1:
        return elements[0]  # type: ignore[no-any-return]
    if isinstance(elements[0], Pair):
        parts = (
            joined(scope, [x.real for x in elements]),
            joined(scope, [x.imag for x in elements]),
        )
        return Pair(scope.emitter, *parts, elements[0].dtype)  # type: ignore[arg-type]  # real parts are values
    vector = Value(scope.emitter, "zeroinitializer", elements[0].dtype, scope.lanes)
    for lane, x in enumerate(elements):
        text = scope.function.set(f"insertelement {vector.typed}, {x.typed}, i64 {lane}")
        vector = Value(scope.emitter, text, x.dtype, scope.lanes)
    return vector


def mask_text(lanes: int, active: int) -> str:
    """Return the mask of the first lanes."""
    return f"<{', '.join('i1 true' if k < active else 'i1 false' for k in range(lanes))}>"


def read(scope: Scope, pointer: str, dtype: np.dtype[Any], lanes: int = 1) -> AnyValue:
    """Load elements that lie in a row; of a vector only the lanes that are run."""
    e, f = scope.emitter, scope.function
    if dtype.kind == "c":
        part = real_dtype(dtype)
        both = _read_row(scope, pointer, part, 2 * lanes, 2)
        if lanes == 1:
            real, imag = (
                Value(e, f.set(f"extractelement {both.typed}, i64 {k}"), part) for k in (0, 1)
            )
            return Pair(e, real, imag, dtype)
        real, imag = (
            Value(e, _shuffled(scope, both, both, range(k, 2 * lanes, 2)), part, lanes)
            for k in (0, 1)
        )
        return Pair(e, real, imag, dtype)
    if dtype.kind == "b":
        byte = _read_row(scope, pointer, BYTE, lanes, 1)
        return e.not_equal(byte, 0)  # type: ignore[no-any-return]
    return _read_row(scope, pointer, dtype, lanes, 1)


def _read_row(scope: Scope, pointer: str, dtype: np.dtype[Any], lanes: int, parts: int) -> Value:
    e, f = scope.emitter, scope.function
    t, align = memory_type(dtype, lanes), alignment(dtype)
    if lanes == parts or scope.active is None:
        return Value(e, f.set(f"load {t}, ptr {pointer}, align {align}"), dtype, lanes)
    name = f"llvm.masked.load.v{lanes}{dtype.kind.replace('u', 'i')}{8 * dtype.itemsize}.p0"
    mask = f"<{lanes} x i1>"
    e.declarations.declare(name, t, ["ptr", "i32", mask, t])
    chosen = f"{mask} {mask_text(lanes, scope.active * parts)}"
    text = f.set(f"call {t} @{name}(ptr {pointer}, i32 {align}, {chosen}, {t} zeroinitializer)")
    return Value(e, text, dtype, lanes)


def put(scope: Scope, pointer: str, value: AnyValue) -> None:
    """Store elements that lie in a row; of a vector only the lanes that are run."""
    e = scope.emitter
    if isinstance(value, Pair):
        lanes = value.lanes
        order = [k // 2 + lanes * (k % 2) for k in range(2 * lanes)]
        both = _shuffled(scope, *_as_vectors(scope, value), order)
        _put_row(scope, pointer, Value(e, both, value.real.dtype, 2 * lanes), 2)
        return
    if value.dtype.kind == "b":
        value = e.converted("zext", value, BYTE)
    _put_row(scope, pointer, value, 1)  # type: ignore[arg-type]  # pairs have returned


def _as_vectors(scope: Scope, value: Pair) -> tuple[Value, Value]:
    if value.lanes > 1:
        return value.real, value.imag
    e, f = scope.emitter, scope.function
    parts = [
        Value(e, f.set(f"insertelement <1 x {p.type}> poison, {p.typed}, i64 0"), p.dtype, 1)
        for p in (value.real, value.imag)
    ]
    return parts[0], parts[1]


def _put_row(scope: Scope, pointer: str, value: Value, parts: int) -> None:
    t, align = memory_type(value.dtype, value.lanes), alignment(value.dtype)
    if value.lanes == parts or scope.active is None:
        scope.function.write(f"store {t} {value.text}, ptr {pointer}, align {align}")
        return
    lanes = value.lanes
    kind = value.dtype.kind.replace("u", "i")
    name = f"llvm.masked.store.v{lanes}{kind}{8 * value.dtype.itemsize}.p0"
    mask = f"<{lanes} x i1>"
    scope.emitter.declarations.declare(name, "void", [t, "ptr", "i32", mask])
    chosen = f"{mask} {mask_text(lanes, scope.active * parts)}"
    scope.function.write(
        f"call void @{name}({t} {value.text}, ptr {pointer}, i32 {align}, {chosen})"
    )


def _shuffled(scope: Scope, x: Value, y: Value, order: Any) -> str:
    indices = ", ".join(f"i32 {k}" for k in order)
    t = f"<{x.lanes} x {memory_type(x.dtype)}>"
    return scope.function.set(
        f"shufflevector {t} {x.text}, {t} {y.text}, <{len(order)} x i32> <{indices}>"
    )
