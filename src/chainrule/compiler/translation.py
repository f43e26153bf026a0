"""From a captured graph to machine code: passes, plan, program, LLVM. Not loaded where the cache has the result."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from chainrule.compiler.artifact import Artifact
from chainrule.compiler.emission.emit import emit
from chainrule.compiler.loops.program import (
    Buffer,
    Call,
    Host,
    Product,
    Program,
    Statement,
    UnfoldedProduct,
)
from chainrule.compiler.lowering import program_of
from chainrule.compiler.machine_code.jit import kept_object_code, object_code
from chainrule.compiler.machine_code.machine import Machine
from chainrule.compiler.views import View
from chainrule.core.graph import Graph

_LONG = 200_000
"""Elements of work from which on other Python threads may run in the meantime."""


_SHORT = 1_000
"""Lines of LLVM's text that better code is made of so fast, in some 20 ms, that nobody need wait for it."""
_WORK_OF_A_LINE = 5_000
"""Elements of work that take baseline code as much longer as LLVM takes for a line of better code: some 0.02 ms."""


class Translation(NamedTuple):
    """A graph on its way to machine code.

    Attributes:
        graph: after the passes.
        program: its loops.
        texts: LLVM's text of each native part.
        arena: the bytes of scratch memory that all of them ask for.
    """

    graph: Graph
    program: Program
    texts: tuple[str, ...]
    arena: int


def translate(graph: Graph, views: Sequence[View], in_place: Mapping[int, int]) -> Translation:
    """Translate a captured graph to LLVM's text.

    Args:
        graph: as captured.
        views: where the elements of each input lie in its memory.
        in_place: outputs whose memory is that of an input, by their numbers.
    """
    graph, program = program_of(graph, views, in_place)
    modules = [
        emit(_piece(part, program), f"step{i}", Machine.host())
        for i, part in enumerate(_parts(program))
        if not isinstance(part, Host)
    ]
    arena = max([program.arena, *(m.arena for m in modules)])
    return Translation(graph, program, tuple([m.text for m in modules]), arena)


def artifact_of(translation: Translation, *, is_kept: bool, is_baseline: bool = False) -> Artifact:
    """Have LLVM make machine code.

    Args:
        translation: what of.
        is_kept: whether the whole artifact goes to the cache; if not, or if it cannot, its parts do.
        is_baseline: whether the code is made in haste, see `tiers.py`.
    """
    graph, program, texts, arena = translation
    hosts = tuple([(s.label, s.reason) for s in program.body if isinstance(s, Host)])
    make = object_code if is_kept and not hosts else kept_object_code
    effort = 0 if is_baseline else 2
    rest = iter(texts)
    stages = [
        _host_stage(part, program) if isinstance(part, Host) else make(next(rest), effort=effort)
        for part in _parts(program)
    ]
    return Artifact(
        tuple(stages),
        max([b.slot + 1 for b in program.buffers if b.slot >= 0], default=0),
        tuple([(b.slot, array) for b, array in program.constants.items()]),
        arena,
        _work(program.body) > _LONG,
        len(graph.nodes),
        len(program.body),
        hosts,
        texts if is_baseline else (),
    )


def is_worth_baseline(translation: Translation) -> bool:
    """Say whether a first call ends sooner with baseline code: LLVM takes longer for better code than that saves."""
    lines = sum(text.count("\n") for text in translation.texts)
    return lines > _SHORT and _work(translation.program.body) < lines * _WORK_OF_A_LINE


def _parts(program: Program) -> list[list[Statement] | Host]:
    """Split the statements: native parts, and between them the calls of Python."""
    parts: list[list[Statement] | Host] = []
    for statement in program.body:
        if isinstance(statement, Host):
            parts.append(statement)
        elif parts and isinstance(parts[-1], list):
            parts[-1].append(statement)
        else:
            parts.append([statement])
    return parts


def _piece(part: Sequence[Statement], program: Program) -> Program:
    return Program(program.buffers, tuple(part), program.offsets, program.arena, program.constants)


def _work(body: Sequence[Any]) -> int:
    """Return about how many elements are worked on."""
    total = 0
    for statement in body:
        count = getattr(statement, "count", None)
        if count is not None:
            total += count * max(_work(statement.body), 1)
        elif isinstance(statement, (Product, UnfoldedProduct)):
            total += math.prod(statement.sizes) // 16
        elif isinstance(statement, Call):
            total += statement.sizes[0] * math.prod(map(max, filter(None, statement.shapes)))
        elif isinstance(statement, Host):
            total += _LONG
    return total


def _host_stage(call: Host, program: Program) -> Callable[[int, int], None]:
    """Return a stage that calls a Python function on the memory of its buffers."""

    def stage(pointers: int, arena: int) -> None:
        arrays = [_array(b, shape, pointers, arena) for b, shape in call.inputs]
        results = call.function(*arrays)
        for (b, shape), result in zip(call.outputs, results, strict=True):
            _array(b, shape, pointers, arena)[...] = result

    def _array(buffer: Buffer, shape: tuple[int, ...], pointers: int, arena: int) -> Any:
        if buffer.size == 0:
            return np.empty(shape, buffer.dtype)
        if buffer.slot >= 0:
            address = ctypes.c_void_p.from_address(pointers + 8 * buffer.slot).value
            assert address is not None
        else:
            address = arena + program.offsets[buffer]
        memory: Any = (ctypes.c_char * (buffer.size * buffer.dtype.itemsize)).from_address(address)
        return np.frombuffer(memory, buffer.dtype).reshape(shape)

    return stage
