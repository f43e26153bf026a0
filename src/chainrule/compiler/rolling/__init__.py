"""Programs with loops: what Python's loops repeated is one loop again, forward and in the gradient."""

from __future__ import annotations

from chainrule.collector import without_collector
from chainrule.compiler import passes
from chainrule.compiler.loops.program import Program
from chainrule.compiler.rolling import array_loops, scalars
from chainrule.compiler.rolling.array_loops import LowerSection
from chainrule.compiler.rolling.finding import loops_of
from chainrule.compiler.rolling.taped import program_of
from chainrule.compiler.rolling.taping import tape_of
from chainrule.compiler.settings import is_checking
from chainrule.core.graph import Graph
from chainrule.forks import forks_wait

_SMALL = 128
"""Nodes up to which no loops are looked for."""


def lower(graph: Graph, lower_section: LowerSection | None = None) -> Program | None:
    """Return the program of a graph that is one of scalars or has loops over arrays, else None.

    Loops are found in the graph as it was captured: a pass that drops a node in one turn only would hide them. What has
    no loops is simplified by the passes. Results are written at the end, behind every guard and every read: their
    memory may be that of inputs.

    Args:
        graph: as captured; its inputs and results lie row by row.
        lower_section: lowers parts of a graph that is no scalar program: what lies between loops, and their bodies.
    """
    with without_collector():
        program = _lowered(graph, lower_section)
    if program is not None and is_checking():
        with forks_wait():
            from chainrule.compiler.checks import check_lowered

        check_lowered("rolling", graph, program)
    return program


def _lowered(graph: Graph, lower_section: LowerSection | None) -> Program | None:
    if len(graph.nodes) <= _SMALL:
        return scalars.lower(passes.run(graph))
    tape = tape_of(graph)
    if tape is not None:
        loops = loops_of(tape)
        return program_of(tape, loops) if loops else scalars.lower(passes.run(graph))
    return None if lower_section is None else array_loops.lower(graph, lower_section)
