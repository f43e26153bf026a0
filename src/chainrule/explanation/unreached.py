"""Why a parameter gets no gradient: read from what was done with it."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.trace import OUTPUT, Node
from chainrule.explanation.anomalies import has_nan, is_finite
from chainrule.explanation.run import Run
from chainrule.explanation.tape import value_of
from chainrule.position import Position

_FLAT = {
    "relu": "every unit on the way is 0 with slope 0",
    "maximum": "the other side of the maximum wins everywhere",
    "minimum": "the other side of the minimum wins everywhere",
    "where": "np.where takes the other branch everywhere",
    "clip": "everything is outside the limits",
    "multiply": "it is multiplied by 0",
    "matmul": "it is multiplied by 0",
    "sigmoid": "the sigmoid is saturated: its slope rounds to 0",
    "tanh": "tanh is saturated: its slope rounds to 0",
    "getitem": "other entries are picked",
    "p_norm": "the norm is 0, and so is its gradient",
}


def why_none(run: Run, node: Node) -> str:
    """Say why an input has no gradient, or one that is 0 in every entry or not finite; empty where it has one."""
    if node not in run.readers and node not in run.outputs:
        return _never_arrives(run, node)
    if not run.totals:
        return "the reverse sweep broke off"
    g = run.totals.get(node)
    if g is not None and not is_finite(g):
        return "the gradient is NaN" if has_nan(g) else "the gradient is infinite"
    if np.size(node.out) and not _is_felt(g):
        return _becomes_zero(run, node)
    return ""


def _never_arrives(run: Run, node: Node) -> str:
    """Say where the way of an input ends."""
    recording = run.recording
    seen = {node}
    for later in recording.tape.nodes:
        if any(p in seen for p in later.parents if p is not None):
            seen.add(later)
    cuts = [cut for cut in recording.cuts if any(p in seen for p in cut.parents)]
    stops = [cut for cut in cuts if cut.op == "stop_gradient"] or cuts
    if stops:
        cut = stops[-1]
        at = _at(recording.position_of(cut))
        if cut.op == "stop_gradient":
            return f"it is behind stop_gradient{at}"
        return f"it is behind {cut.op}, whose derivative is 0 everywhere{at}"
    if len(seen) == 1:
        return "the function does not use it"
    last = max(seen, key=lambda n: n.number)
    end = f"{_named(last)}{_at(recording.position(last))}"
    return f"what is computed with it does not reach the result; the last is {end}"


def _becomes_zero(run: Run, node: Node) -> str:
    """Say where the cotangents on the way to an input become 0."""
    seen, stack, borders = {node}, [node], []
    while stack:
        for reader in run.readers.get(stack.pop(), ()):
            if reader in seen:
                continue
            seen.add(reader)
            if _is_felt(run.totals.get(reader)):
                borders.append(reader)
            else:
                stack.append(reader)
    borders = [b for b in borders if b.op is not OUTPUT]
    if not borders:
        return "the gradient of the result is 0"
    border = min(borders, key=lambda n: n.number)
    name = _named(border)
    at = _at(run.recording.position(border))
    handed = zip(border.parents, run.terms(border), strict=False)
    if any(p in seen and not _is_felt(run.totals.get(p)) and _is_felt(t) for p, t in handed):
        return f"what several paths bring back cancels, after {name}{at}"
    if not np.any(value_of(border)) and name in {"maximum", "where"}:
        return f"{_FLAT['relu']}, in {name}{at}"
    return f"{_FLAT.get(name, 'its derivative is 0 here')}, in {name}{at}"


def _is_felt(g: Any) -> bool:
    if type(g) is list:
        return any(map(_is_felt, g))
    return g is not None and bool(np.any(g))


def _named(node: Node) -> str:
    while node.op is OUTPUT:
        node = node.parents[0]
    return "input" if node.op is None else node.op.name


def _at(position: Position | None) -> str:
    return "" if position is None else f", at {position}"
