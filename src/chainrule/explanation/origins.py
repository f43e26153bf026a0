"""Where numbers stopped being finite: the first place forward and the first place backward that the loss feels."""

from __future__ import annotations

import numpy as np

from chainrule.core.trace import Node
from chainrule.explanation.anomalies import Anomaly, has_nan, is_finite
from chainrule.explanation.places import (
    backward_anomaly,
    forward_anomaly,
    input_anomaly,
    rule_anomaly,
    sum_anomaly,
)
from chainrule.explanation.run import Run, bad_constant, in_order


def forward_origin(run: Run) -> Anomaly | None:
    """Return the first place in forward order from where NaN or an infinity went into a result.

    An infinity that was put in on purpose counts only if nothing else does.
    """
    on_purpose = None
    for node in in_order(run.felt - run.unfelt if run.recording.swept else run.felt):
        if _is_source(run, node):
            if not _is_on_purpose(run, node):
                return _described(run, node)
            on_purpose = on_purpose or node
    return None if on_purpose is None else _described(run, on_purpose)


def harmless_origins(run: Run, most: int) -> list[Anomaly]:
    """Return the places of infinities and NaN that no result feels, in forward order, at most so many."""
    sources = [n for n in in_order(run.bad - run.felt) if _is_source(run, n)]
    return [_described(run, n) for n in sources[:most]]


def backward_origin(run: Run) -> Anomaly | None:
    """Return the first place in backward order from where NaN or an infinity went into a gradient."""
    bad = {n for n, g in run.totals.items() if not is_finite(g)}
    stack = [n for n in run.wanted if n in bad]
    seen = set(stack)
    givers: set[Node] = set()
    while stack:
        for reader in run.readers.get(stack.pop(), ()):
            if reader not in bad:
                givers.add(reader)
            elif reader not in seen:
                seen.add(reader)
                stack.append(reader)
    for node in reversed(in_order(givers)):
        for which, (parent, term) in enumerate(zip(node.parents, run.terms(node), strict=False)):
            if parent in seen and term is not None and not is_finite(term):
                return backward_anomaly(run, node, which, term)
    sums = [n for n in in_order(seen) if type(run.totals[n]) is not list]
    return sum_anomaly(run, sums[-1]) if sums else None


def _is_source(run: Run, node: Node) -> bool:
    return node.op is None or bad_constant(node) is not None or run.is_birth(node)


def _is_on_purpose(run: Run, node: Node) -> bool:
    """Say whether an infinity is a mask: −inf in an argument, any infinity among an op's constants."""
    if node.op is None:
        return not has_nan(node.out) and not np.any(np.asarray(node.out) == np.inf)
    constants = [a for p, a in zip(node.parents, node.args, strict=False) if p is None]
    return not any(map(has_nan, constants)) and not run.is_birth(node)


def _described(run: Run, node: Node) -> Anomaly:
    if node.op is None:
        return input_anomaly(run, node)
    source = run.recording.source(node)
    return forward_anomaly(run, node) if source is node else rule_anomaly(run, node, source)
