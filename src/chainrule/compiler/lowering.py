"""From a captured graph to its program: with loops where Python's loops repeated, else by a plan of the whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from chainrule.compiler import passes, rolling
from chainrule.compiler.loops.buffers import assigned
from chainrule.compiler.loops.program import (
    Block,
    Buffer,
    Call,
    Host,
    Index,
    Load,
    Loop,
    Matrix,
    Product,
    Program,
    Statement,
    Store,
    Unfolded,
    UnfoldedProduct,
)
from chainrule.compiler.planning.lower import lower
from chainrule.compiler.planning.planner import plan
from chainrule.compiler.planning.rules import is_native
from chainrule.compiler.reporting import asking, highest_name
from chainrule.compiler.settings import is_checking
from chainrule.compiler.views import View
from chainrule.core.graph import Graph
from chainrule.errors import NotCompiledError
from chainrule.forks import forks_wait
from chainrule.position import Position
from chainrule.records import replaced

_BLOCKS = ("inputs", "outputs")


def program_of(
    graph: Graph, views: Sequence[View], in_place: Mapping[int, int]
) -> tuple[Graph, Program]:
    """Return what is compiled of a graph as it was captured, and its program.

    Args:
        graph: as captured.
        views: where the elements of each input lie in its memory.
        in_place: outputs whose memory is that of an input, by their numbers.

    Raises:
        NotCompiledError: there are numbers of a dtype for which processors have no instructions.
    """
    _see_that_all_are_native(graph)
    if all(v.is_contiguous for v in views):
        program = rolling.lower(graph, lower_section)
        if program is not None:
            return graph, asking(_written_last(program, len(graph.inputs), in_place))
    simplified = passes.run(graph)
    places = {output: (i, views[i]) for output, i in in_place.items()}
    program = asking(lower(plan(simplified, views), places))
    if is_checking() and all(v.is_contiguous for v in views):
        with forks_wait():
            from chainrule.compiler.checks import check_lowered

        check_lowered("planning", simplified, program)
    return simplified, program


def _see_that_all_are_native(graph: Graph) -> None:
    for node in (*graph.inputs, *graph.nodes):
        for t in node.type if isinstance(node.type, tuple) else (node.type,):
            if not is_native(t.dtype):
                position = None if node.place is None else Position(*node.place)
                raise NotCompiledError.from_dtype(t.dtype, position)


def lower_section(graph: Graph, views: Sequence[View], in_place: Mapping[int, int]) -> Program:
    """Lower a part of a graph, or the body of a loop; see `program_of`."""
    simplified = passes.run(graph)
    places = {output: (i, views[i]) for output, i in in_place.items()}
    return lower(plan(simplified, views), places)


def _written_last(program: Program, inputs: int, in_place: Mapping[int, int]) -> Program:
    """Have outputs that lie where inputs do be computed elsewhere, and copied when nothing is read any more."""
    slots = {inputs + output for output in in_place}
    moved = {
        b: Buffer(f"{b.name}_new", b.dtype, b.size, "temporary")
        for b in program.buffers
        if b.slot in slots
    }
    if not moved:
        return program
    body = [_moved(s, moved) for s in program.body]
    fresh = highest_name(program) + 1
    for target, source in moved.items():
        var, name = fresh, fresh + 1
        fresh += 2
        index = Index(0, ((var, 1),))
        copy = (Load(name, source, index), Store(target, index, name))
        body.append(Loop(var, target.size, copy, vector=True))
    known = [*program.buffers, *moved.values()]
    return assigned(known, tuple(body), program.constants)


def _moved(statement: Any, moved: Mapping[Buffer, Buffer]) -> Statement:
    """Return a statement that works on other buffers."""
    if isinstance(statement, (Load, Store, Matrix, Unfolded, Block)):
        buffer = moved.get(statement.buffer, statement.buffer)
        result: Any = replaced(statement, buffer=buffer)
        return result  # type: ignore[no-any-return]
    if isinstance(statement, Loop):
        return replaced(statement, body=tuple([_moved(s, moved) for s in statement.body]))
    if isinstance(statement, (Product, UnfoldedProduct)):
        parts: Any = {k: _moved(getattr(statement, k), moved) for k in ("out", "a", "b")}
        return replaced(statement, **parts)
    if isinstance(statement, Call):
        blocks: Any = {k: tuple([_moved(b, moved) for b in getattr(statement, k)]) for k in _BLOCKS}
        return replaced(statement, **blocks)
    if isinstance(statement, Host):
        return replaced(
            statement,
            inputs=tuple([(moved.get(b, b), shape) for b, shape in statement.inputs]),
            outputs=tuple([(moved.get(b, b), shape) for b, shape in statement.outputs]),
        )
    return statement  # type: ignore[no-any-return]
