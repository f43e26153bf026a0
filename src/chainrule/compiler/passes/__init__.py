"""The passes: pure functions from graphs to graphs that keep what they compute. `run` runs all of them, in order."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chainrule.collector import without_collector
from chainrule.compiler.passes.collect_additions import collect_additions
from chainrule.compiler.passes.decide_first import decide_first
from chainrule.compiler.passes.drop_unused import drop_unused
from chainrule.compiler.passes.fold_constants import fold_constants
from chainrule.compiler.passes.inline import inline
from chainrule.compiler.passes.merge_layouts import merge_layouts
from chainrule.compiler.passes.read_through import read_through
from chainrule.compiler.passes.reduce_strength import reduce_strength
from chainrule.compiler.passes.share import share
from chainrule.compiler.passes.simplify import simplify
from chainrule.compiler.passes.take_roots import take_roots
from chainrule.compiler.settings import is_checking
from chainrule.core.graph import Graph
from chainrule.forks import forks_wait

Pass = Callable[[Graph], Graph]

PASSES: tuple[Pass, ...] = (
    drop_unused,
    inline,
    take_roots,
    read_through,
    merge_layouts,
    fold_constants,
    simplify,
    reduce_strength,
    share,
    drop_unused,
    collect_additions,
    drop_unused,
    decide_first,
)


def run(graph: Graph) -> Graph:
    """Run every pass. With `CHAINRULE_CHECK=1` each result is verified, see `checks.check_pass`."""
    with without_collector():
        for _, after in stages(graph):
            graph = after
    return graph


def stages(graph: Graph) -> Iterator[tuple[str, Graph]]:
    """Run every pass, and yield its name and what it made, in order."""
    is_checked = is_checking()
    for transform in PASSES:
        before, name = graph, transform.__name__
        if is_checked:
            with forks_wait():
                from chainrule.compiler.checks import check_pass, failures_named

            with failures_named(name, before):
                graph = transform(before)
            check_pass(name, before, graph)
        else:
            graph = transform(before)
        yield name, graph
