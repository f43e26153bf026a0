"""Statements to instructions, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from chainrule.compiler.emission.inner_loops import LoopRule
from chainrule.compiler.emission.instructions import INT64
from chainrule.compiler.emission.matrix_calls import write_matrix_call
from chainrule.compiler.emission.memory import mask_text, write_load, write_store
from chainrule.compiler.emission.products import write_product
from chainrule.compiler.emission.repetition import neutral, repeat_in_blocks
from chainrule.compiler.emission.scope import Scope, place_text
from chainrule.compiler.emission.unfolded_products import write_unfolded_product
from chainrule.compiler.emission.values import AnyValue, Value
from chainrule.compiler.emission.vector_loops import write_vector_loop
from chainrule.compiler.loops.program import (
    Call,
    Cast,
    Fold,
    Guard,
    Host,
    Let,
    Load,
    Loop,
    Operand,
    Product,
    Statement,
    Store,
    UnfoldedProduct,
)
from chainrule.errors import GraphError
from chainrule.records import replaced


def write_statements(scope: Scope, statements: Sequence[Statement]) -> None:  # noqa: C901  one per kind
    """Write statements where the scope is."""
    for statement in statements:
        match statement:
            case Load():
                write_load(scope, statement)
            case Store():
                write_store(scope, statement)
            case Let(args=args):
                scope.set(statement.name, _let(scope, statement, args))
            case Cast(name, arg, dtype):
                copies = range(_copies(scope, (arg,)))
                scope.set(name, [scope.emitter.cast(scope.operand(arg, j), dtype) for j in copies])
            case Guard():
                write_guard(scope, statement)
            case Loop():
                write_loop(scope, statement)
            case Product():
                write_product(scope, statement)
            case UnfoldedProduct():
                write_unfolded_product(scope, statement)
            case Call():
                write_matrix_call(scope, statement)
            case Host(label=label):
                raise GraphError.from_rule(
                    "emit", f"a call of Python, {label}, is inside of a program"
                )


def _copies(scope: Scope, operands: Sequence[Operand]) -> int:
    """Return how many results there are: one if no operand differs from copy to copy."""
    return max([len(scope.copies_of(o)) if isinstance(o, int) else 1 for o in operands], default=1)


def _let(scope: Scope, let: Let, operands: Sequence[Operand]) -> list[AnyValue]:
    e = scope.emitter
    copies = [[scope.operand(o, j) for o in operands] for j in range(_copies(scope, operands))]
    if isinstance(let.rule, LoopRule):
        results = list(let.rule.of_copies(e, copies))
    else:
        results = [let.rule(e, *args) for args in copies]
    for result in results:
        if result.dtype != let.dtype:
            what = f"{let.label} made {result.dtype}, the program says {let.dtype}"
            raise GraphError.from_rule("emit", what)
    return results


def write_guard(scope: Scope, guard: Guard) -> None:
    """Leave the function unless the condition is as expected, in every turn that is run."""
    e, f = scope.emitter, scope.function
    for j in range(_copies(scope, (guard.condition,))):
        fails = scope.operand(guard.condition, j)
        if guard.expected:
            fails = ~fails
        if fails.lanes > 1 and scope.active is not None:
            mask = mask_text(scope.lanes, scope.active)
            fails = fails & Value(e, mask, fails.dtype, fails.lanes)
        leave, stay = f.new("leave"), f.new("stay")
        f.write(f"br i1 {e.in_any_lane(fails)}, label %{leave}, label %{stay}")
        f.begin(leave)
        f.write(f"ret i64 {place_text(scope, guard.place + 1, guard.terms)}")
        f.begin(stay)


def write_loop(scope: Scope, loop: Loop) -> None:
    """Write a loop and set what is visible behind it."""
    if loop.count == 0:
        for c in loop.carried:
            scope.set(c.name, [scope.operand(c.start, 0)])
        for fold in loop.folds:
            scope.set(fold.name, [_start(scope, fold)])
    elif loop.vector:
        write_vector_loop(scope, loop)
    else:
        _write_in_turn(scope, loop)


def _start(scope: Scope, fold: Fold) -> AnyValue:
    if fold.start is None:
        raise GraphError.from_rule("emit", f"fold {fold.name} of no turns has no start")
    return scope.operand(fold.start, 0)


def _write_in_turn(scope: Scope, loop: Loop) -> None:
    """Write a loop whose turns follow each other."""
    e = scope.emitter
    carried = len(loop.carried)
    first = [scope.operand(c.start, 0) for c in loop.carried]
    first += [neutral(scope, f.combine, f.dtype, 1) for f in loop.folds]
    inside = replaced(scope, values=dict(scope.values))

    def body(turn: str, before: list[AnyValue]) -> list[AnyValue]:
        inside.set(loop.var, [Value(e, turn, INT64)])
        for c, value in zip(loop.carried, before, strict=False):
            inside.set(c.name, [value])
        inside.write(inside, loop.body)
        after: list[Any] = [inside.operand(c.after, 0) for c in loop.carried]
        for fold, total in zip(loop.folds, before[carried:], strict=True):
            x = inside.operand(fold.value, 0)
            after.append(getattr(e, fold.combine)(total, x))
        return after

    is_sum = [False] * carried
    is_sum += [f.combine == "add" and f.dtype.kind in "fc" for f in loop.folds]
    after = repeat_in_blocks(scope, 0, loop.count, 1, first, body, is_sum)
    for c, value in zip(loop.carried, after, strict=False):
        scope.set(c.name, [value])
    for fold, total in zip(loop.folds, after[carried:], strict=True):
        result = total
        if fold.start is not None:
            result = getattr(e, fold.combine)(scope.operand(fold.start, 0), total)
        scope.set(fold.name, [result])
