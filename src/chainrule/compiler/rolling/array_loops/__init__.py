"""Programs of arrays with loops: what Python's loops repeated is lowered once and runs in a loop.

A graph is cut into stretches that are straight and loops. Each stretch, and each body, is a graph of its own, which the
caller lowers as any other; its statements are then moved into one program. Values that pass from one to another lie in
memory: what later turns read has a row per turn.
"""

from __future__ import annotations

from chainrule.compiler.loops.program import Program
from chainrule.compiler.rolling.array_loops.choosing import chosen
from chainrule.compiler.rolling.array_loops.memory import LowerSection, NotRolledError
from chainrule.compiler.rolling.array_loops.writer import Writer
from chainrule.compiler.rolling.outline import outline_of
from chainrule.core.graph import Graph

__all__ = ["LowerSection", "lower"]


def lower(graph: Graph, lower_section: LowerSection) -> Program | None:
    """Return the program of a graph, or None: it has no loops that are worth it, or a part cannot be lowered.

    Args:
        graph: as captured; its inputs lie row by row.
        lower_section: lowers a part.
    """
    outline = outline_of(graph)
    try:
        loops = chosen(graph, outline)
        return Writer(graph, outline, loops, lower_section).program() if loops else None
    except NotRolledError:
        return None
