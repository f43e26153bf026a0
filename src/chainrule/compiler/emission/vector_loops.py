"""Loops whose turns are run several at once: whole vectors first, then the rest."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.compiler.emission.costs import cost_of
from chainrule.compiler.emission.inner_loops import LoopRule
from chainrule.compiler.emission.memory import mask_text, write_load
from chainrule.compiler.emission.repetition import across, neutral, repeat_in_blocks
from chainrule.compiler.emission.scope import Scope, element_pointer, place_text
from chainrule.compiler.emission.values import AnyValue, Value, real_dtype
from chainrule.compiler.loops.program import Cast, Fold, Let, Load, Loop, Statement, Store
from chainrule.compiler.machine_code.machine import Machine
from chainrule.records import record, replaced

_LIGHT, _MEDIUM = 12, 60
_IN_A_CALL = 8
"""Vectors that are handed to an inner loop of a ufunc at once: a call costs as much as some elements."""


@record
class Stretch:
    """Some turns of a loop, run in one way: `lanes * copies` of them at once, of the last vector `active` lanes."""

    start: int
    stop: int
    lanes: int
    copies: int
    active: int | None = None


def lanes_of(loop: Loop, machine: Machine) -> int:
    """Return how many turns fit into a vector: as many as elements of the widest dtype."""
    widest = max(map(_width, loop.body), default=1)
    lanes = machine.lanes(np.dtype(f"u{widest}"))
    while lanes // 2 >= loop.count:
        lanes //= 2
    return lanes


def _width(statement: Statement) -> int:
    match statement:
        case Load(buffer=buffer) | Store(buffer=buffer):
            return real_dtype(buffer.dtype).itemsize
        case Let(dtype=dtype) | Cast(dtype=dtype):
            return real_dtype(dtype).itemsize
        case _:
            return 1


def stretches_of(loop: Loop, machine: Machine) -> Iterator[Stretch]:
    """Yield how the turns of a loop are run, in order."""
    lanes = lanes_of(loop, machine)
    whole = loop.count // lanes
    copies = _copies(loop, whole)
    start = 0
    for n in (copies, 1) if copies > 1 else (1,):
        stop = start + (loop.count - start) // (lanes * n) * lanes * n
        if stop > start:
            yield Stretch(start, stop, lanes, n)
        start = stop
    if start < loop.count:
        if machine.has_masks:
            yield Stretch(start, loop.count, lanes, 1, loop.count - start)
        else:
            yield Stretch(start, loop.count, 1, 1)


def _copies(loop: Loop, whole: int) -> int:
    """Return how many vectors are worked on at once; more hide the wait for a sum, and need more registers."""
    cost = cost_of(loop.body)
    most = 4 if cost <= _LIGHT else 2 if cost <= _MEDIUM else 1
    if loop.folds and cost <= _MEDIUM:
        most = 4
    if any(isinstance(s, Let) and isinstance(s.rule, LoopRule) for s in loop.body):
        most = _IN_A_CALL
    while most > whole:
        most //= 2
    return max(most, 1)


def write_vector_loop(scope: Scope, loop: Loop) -> None:
    """Write a vector loop and set the results of its folds."""
    outside = replaced(scope, values=dict(scope.values), bases={})
    _prepare(outside, loop)
    sums: list[list[AnyValue]] = []
    for stretch in stretches_of(loop, scope.emitter.machine):
        sums = _fitted_sums(outside, loop, sums, stretch)
        sums = _write_stretch(outside, loop, sums, stretch)
    for fold, copies in zip(loop.folds, sums, strict=True):
        total = _joined(outside, fold, copies, 1)
        if fold.start is not None:
            start = scope.operand(fold.start, 0)
            total = getattr(scope.emitter, fold.combine)(start, total)
        scope.set(fold.name, [total])


def _prepare(outside: Scope, loop: Loop) -> None:
    """Compute before the loop what is the same in every turn: elements that are loaded, and pointers."""
    inside = {s.name for s in loop.body if isinstance(s, (Load, Let, Cast))}
    for statement in loop.body:
        if not isinstance(statement, (Load, Store)):
            continue
        names = {name for name, _ in statement.index.terms}
        if names & inside:
            continue
        if isinstance(statement, Load) and loop.var not in names:
            write_load(outside, statement)
            inside.discard(statement.name)
            outside.bases[id(statement)] = ""
            continue
        fixed = [(name, s) for name, s in statement.index.terms if name != loop.var]
        outside.bases[id(statement)] = element_pointer(
            outside,
            outside.pointer(statement.buffer),
            statement.buffer.dtype,
            place_text(outside, statement.index.offset, fixed),
        )


def _fitted_sums(
    scope: Scope, loop: Loop, sums: list[list[AnyValue]], stretch: Stretch
) -> list[list[AnyValue]]:
    """Return the accumulators for a stretch: those of the one before, or new ones."""
    if not sums:
        return [
            [neutral(scope, f.combine, f.dtype, stretch.lanes) for _ in range(stretch.copies)]
            for f in loop.folds
        ]
    if not loop.folds or sums[0][0].lanes == stretch.lanes:
        return sums
    return [
        [_joined(scope, f, copies, stretch.lanes)]
        for f, copies in zip(loop.folds, sums, strict=True)
    ]


def _joined(scope: Scope, fold: Fold, copies: list[AnyValue], lanes: int) -> AnyValue:
    """Combine accumulators, neighbours first, then their lanes."""
    combine = getattr(scope.emitter, fold.combine)
    while len(copies) > 1:
        pairs = zip(copies[::2], copies[1::2], strict=True)
        copies = [combine(x, y) for x, y in pairs]
    return copies[0] if copies[0].lanes == lanes else across(scope, fold.combine, copies[0])


def _write_stretch(
    outside: Scope, loop: Loop, sums: list[list[AnyValue]], stretch: Stretch
) -> list[list[AnyValue]]:
    """Write the turns of a stretch and return the accumulators behind it."""
    count = stretch.copies
    used = [x for copies in sums for x in copies[:count]]
    idle = [copies[count:] for copies in sums]

    def body(turn: str, before: list[AnyValue]) -> list[AnyValue]:
        scope = replaced(
            outside,
            values=dict(outside.values),
            lanes=stretch.lanes,
            copies=count,
            active=stretch.active,
            turn=(loop.var, turn),
        )
        scope.emitter.active = stretch.active
        scope.write(scope, loop.body)
        scope.emitter.active = None
        after = []
        for k, fold in enumerate(loop.folds):
            for j in range(count):
                x = scope.emitter.spread(scope.operand(fold.value, j), stretch.lanes)
                after.append(_folded(scope, fold, before[k * count + j], x))
        return after

    is_sum = [f.combine == "add" and f.dtype.kind in "fc" for f in loop.folds for _ in range(count)]
    after = repeat_in_blocks(
        outside, stretch.start, stretch.stop, stretch.lanes * count, used, body, is_sum
    )
    return [after[k * count : (k + 1) * count] + rest for k, rest in enumerate(idle)]


def _folded(scope: Scope, fold: Fold, total: AnyValue, x: AnyValue) -> AnyValue:
    e = scope.emitter
    result = getattr(e, fold.combine)(total, x)
    if scope.active is None:
        return result  # type: ignore[no-any-return]
    mask = Value(e, mask_text(scope.lanes, scope.active), np.dtype(np.bool_), scope.lanes)
    return e.chosen(mask, result, total)  # type: ignore[no-any-return]
