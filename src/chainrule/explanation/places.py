"""From a node at which numbers stopped being finite to a record of the place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.trace import OUTPUT, Node
from chainrule.explanation.anomalies import (
    Anomaly,
    Entry,
    Operand,
    Stop,
    first_bad,
    is_finite,
    shown,
)
from chainrule.explanation.patterns import Case, pattern_of
from chainrule.explanation.run import Run, at_entry, bad_constant, born, in_order, upstream
from chainrule.explanation.tape import value_of
from chainrule.explanation.watching import Recording
from chainrule.ops.elementwise import slope

_STEPS_BACK = 3
"""How far back from an op the ops are looked at that made its operands."""


def input_anomaly(run: Run, node: Node) -> Anomaly:
    """Describe an argument that is not finite; its place is where it is first used."""
    entry, number, _ = first_bad(node.out)
    uses = run.readers.get(node, ())
    place = next((n for n in uses if n in run.bad), uses[0] if uses else node)
    path = [place, *run.path(place, run.bad.__contains__)]
    case = Case("forward", "input", value=number)
    return _anomaly(run, case, place, node, node.out, entry, (), path)


def forward_anomaly(run: Run, node: Node) -> Anomaly:
    """Describe an op that gave NaN or an infinity, or was given one as a constant."""
    assert node.op is not None
    path = run.path(node, run.bad.__contains__)
    constant = bad_constant(node)
    if constant is not None and not run.is_birth(node):
        entry, number, _ = first_bad(constant)
        case = Case("forward", "constant", value=number)
        return _anomaly(run, case, node, node, constant, entry, _operands(run, node, ()), path)
    part = _bad_part(value_of(node))
    mask = born(node)
    entry, number, _ = first_bad(part, mask if mask is not None and mask.any() else True)
    args = at_entry(node, entry)
    case = Case(
        "forward",
        node.op.name,
        args,
        out=number,
        value=number,
        before=_makers(node),
        after=_names(path),
        has_finite_operands=all(map(is_finite, node.args)),
    )
    operands = _operands(run, node, args)
    return _anomaly(run, case, node, node, part, entry, operands, path, _put_in(run, node))


def backward_anomaly(run: Run, node: Node, which: int, term: Any) -> Anomaly:
    """Describe an op whose derivative made a cotangent, `term` for the argument `which`, that is not finite."""
    assert node.op is not None
    g, parent = run.totals[node], node.parents[which]
    part = _bad_part(term)
    entry, number, _ = first_bad(part)
    place, upstream_there, local = _meeting(node, which, g, part)
    args = () if place is None else at_entry(node, place)
    path = run.path(node, lambda n: True)
    case = Case(
        "backward",
        node.op.name,
        args,
        out=None if place is None else np.asarray(value_of(node))[place],
        upstream=upstream_there,
        local=local,
        value=number,
        before=_makers(node),
        after=_names(path),
        has_finite_operands=all(map(is_finite, node.args)),
    )
    given = [p for p in g if p is not None] if type(g) is list else [g]
    above = [Operand.of("g, from above", x, upstream_there) for x in given]
    operands = (*_operands(run, node, args), *above)
    return _anomaly(run, case, node, parent, part, entry, operands, path)


def sum_anomaly(run: Run, node: Node) -> Anomaly:
    """Describe paths whose finite contributions to the cotangent of `node` add up to an infinity."""
    g = run.totals[node]
    entry, number, _ = first_bad(g)
    path = run.path(node, lambda n: True)
    case = Case("backward", "the sum of paths", value=number, after=_names(path))
    return _anomaly(run, case, node, node, g, entry, (), path)


def rule_anomaly(run: Run, node: Node, source: Node) -> Anomaly:
    """Describe the derivative rule of `source`, of which `node` is a part, where the function takes a gradient."""
    assert source.op is not None
    recording, value = run.recording, value_of(node)
    entry, number, _ = first_bad(value)
    fits = np.shape(value) == np.shape(value_of(source))
    args = at_entry(source, entry) if fits else ()
    upstream_there, local = _factors(run, node, entry) if fits else (None, None)
    case = Case(
        "backward",
        source.op.name,
        args,
        out=np.asarray(value_of(source))[entry] if fits else None,
        upstream=upstream_there,
        local=number if local is None else local,
        value=number,
        before=_makers(source),
        after=_names(_ahead(recording, source)),
        has_finite_operands=all(map(is_finite, source.args)),
    )
    argument = next((p for p in source.parents if p is not None), source)
    operands = _operands(run, source, args)
    path = run.path(node, run.bad.__contains__)
    return _anomaly(run, case, source, argument, value, entry, operands, path)


def _anomaly(
    run: Run,
    case: Case,
    place: Node,
    named: Node,
    part: Any,
    entry: Entry,
    operands: Sequence[Operand],
    path: Sequence[Node],
    source: str = "",
) -> Anomaly:
    """Put a record together: the line is that of `place`, the name that of `named`."""
    recording = run.recording
    pattern = pattern_of(case)
    return Anomaly(
        phase=case.phase,
        op=case.op,
        name=recording.tape.name(named),
        value=case.value,
        entry=entry,
        count=int(np.sum(~np.isfinite(part))),
        size=int(np.size(part)),
        type=str(type_of(part)),
        operands=tuple(operands),
        position=recording.position(place),
        inside=recording.inside(place),
        scope=place.scope,
        path=tuple(
            Stop(n.op.name, recording.tape.name(n), recording.position(n))
            for n in path
            if n.op is not None and n.op is not OUTPUT
        ),
        pattern="" if pattern is None else pattern.name,
        rewrite="" if pattern is None else pattern.rewrite,
        source=source,
    )


def _bad_part(value: Any) -> Any:
    """Return a value; of several the first that is not finite."""
    return next(p for p in value if not is_finite(p)) if type(value) is tuple else value


def _factors(run: Run, node: Node, entry: Entry) -> tuple[Any, Any]:
    """Find the product of upstream and local derivative in which a factor was used; a rule writes `g * partial`."""
    swept = run.recording.swept
    for reader in (node, *run.readers.get(node, ())):
        if reader.op is None or reader.op.name != "multiply":
            continue
        factors = at_entry(reader, entry)
        if factors and swept.get(reader) is swept.get(node):
            return factors[0], factors[1]
    return None, None


def _ahead(recording: Recording, source: Node) -> list[Node]:
    """Return what reads a forward node on, one reader after the other, in the forward pass."""
    following: dict[Node, Node] = {}
    for reader in recording.tape.nodes:
        if reader not in recording.swept:
            for parent in reader.parents:
                if parent is not None:
                    following.setdefault(parent, reader)
    way, node = [], source
    while node in following:
        node = following[node]
        way.append(node)
    return way


def _meeting(node: Node, which: int, g: Any, term: Any) -> tuple[Entry | None, Any, Any]:
    """Return at which entry of the result a product went wrong, and its two factors there."""
    assert node.op is not None
    partial = node.op.partials[which] if which < len(node.op.partials) else None
    if partial is not None:
        shape = np.shape(node.out)
        upstream_all, local = (
            np.broadcast_to(x, shape) for x in (g, slope(partial, node.out, node.args))
        )
        product = upstream_all * local
        if not is_finite(product):
            entry = first_bad(product)[0]
            return entry, upstream_all[entry], local[entry]
    if type(g) is not list and np.shape(g) == np.shape(term):
        entry = first_bad(term)[0]
        return entry, np.asarray(g)[entry], None
    return None, None, None


def _operands(run: Run, node: Node, args: Sequence[Any]) -> tuple[Operand, ...]:
    known = [*args, *[None] * len(node.args)]
    name = run.recording.tape.name
    return tuple(
        Operand.of("a constant" if parent is None else name(parent), value, at)
        for value, parent, at in zip(node.args, node.parents, known, strict=False)
    )


def _put_in(run: Run, node: Node) -> str:
    """Say where an infinity among the operands was put in, if a constant or an argument held it."""
    bad_parents = [p for p in node.parents if p is not None and p in run.bad]
    for found in in_order(upstream(run.bad, bad_parents)):
        if found.op is None:
            return f"the infinity was in the argument {run.recording.tape.name(found)}"
        constant = bad_constant(found)
        if constant is not None:
            position = run.recording.position(found)
            where = "by a constant" if position is None else f"at {position}"
            return f"{shown(first_bad(constant)[1])} was put in {where}"
    return ""


def _makers(node: Node) -> tuple[str, ...]:
    """Return the ops that made the operands, and those that made theirs, a few steps back."""
    found: list[str] = []
    last = [node]
    for _ in range(_STEPS_BACK):
        last = [p for n in last for p in n.parents if p is not None and p.op is not None]
        found += _names(last)
    return tuple(found)


def _names(nodes: Iterable[Node]) -> tuple[str, ...]:
    return tuple(n.op.name for n in nodes if n.op is not None and n.op is not OUTPUT)
