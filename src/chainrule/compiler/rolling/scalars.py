"""Scalar programs: graphs whose values are numbers, small arrays, and memory of which single elements are used.

They become straight statements, with every value in a register; see `taping` for what counts as one.
"""

from __future__ import annotations

from chainrule.compiler.loops.program import Program
from chainrule.compiler.rolling.taped import program_of
from chainrule.compiler.rolling.taping import tape_of
from chainrule.core.graph import Graph


def lower(graph: Graph) -> Program | None:
    """Return the program of a graph, or None where it is no scalar program.

    Args:
        graph: as captured, or behind the passes.
    """
    tape = tape_of(graph)
    return None if tape is None else program_of(tape, ())
