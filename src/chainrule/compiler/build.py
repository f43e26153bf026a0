"""From a captured step to an entry that can be called: passes, plan, program, machine code."""

from __future__ import annotations

import ctypes
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.capture import Captured, Result
from chainrule.compiler.describe import described
from chainrule.compiler.emission.emit import emit
from chainrule.compiler.entry import make_entry
from chainrule.compiler.entry.signature import (
    ArrayInput,
    ConstantResult,
    FreshArray,
    Hidden,
    Name,
    NumberInput,
    NumberResult,
    OwnArray,
    ScalarInput,
    ScalarResult,
    Signature,
    StaticInput,
)
from chainrule.compiler.entry.signature import Sequence as Items
from chainrule.compiler.loops.program import Buffer, Host, Program, Statement
from chainrule.compiler.lowering import program_of
from chainrule.compiler.machine_code.jit import load
from chainrule.compiler.machine_code.machine import Machine
from chainrule.compiler.numerics import contexts_now
from chainrule.compiler.surroundings import Surroundings
from chainrule.compiler.views import View, whole
from chainrule.core.graph import Graph
from chainrule.tree import Structure

_LONG = 200_000
"""Elements of work from which on other Python threads may run in the meantime."""


@dataclass(frozen=True)
class Built:
    """A step, compiled.

    Attributes:
        entry: takes the arguments, then the keyword arguments as a dict if there are any.
        make_fast: makes the same for calls outside of a trace and with NumPy's error settings as they are now, which it
            sees to itself; None where calls need more than an entry does.
        graph: what it computes.
        program: its statements.
        texts: LLVM's text of each native part.
        is_flat: whether the entry takes and gives the leaves of the containers instead.
        hosts: the ops that Python computes, with the reason.
    """

    entry: Callable[..., Any]
    make_fast: Callable[[], Callable[..., Any]] | None
    graph: Graph
    program: Program
    texts: tuple[str, ...]
    is_flat: bool
    hosts: tuple[tuple[str, str], ...]


def build(
    captured: Captured,
    leaves: Sequence[Any],
    structure: Structure,
    donated: frozenset[int],
    moving: frozenset[int],
    surroundings: Surroundings,
) -> Built:
    """Compile a captured step.

    Args:
        captured: what was captured.
        leaves: the arguments' leaves in that call, whose types it is compiled for.
        structure: the container of `(args, options)`.
        donated: the numbers of the leaves whose memory may be reused for results.
        moving: the numbers of the leaves that are Python integers but no part of what is compiled for.
        surroundings: what the step reads besides.
    """
    values = [*leaves, *captured.surroundings]
    own = _own_memory(captured, leaves, donated)
    graph, program = program_of(captured.graph, [view_of(x) for x in values], own)
    stages, texts, libraries = _stages(program)
    signature, is_flat = _signature(captured, values, structure, own, program, moving)
    slots = {id(x): (len(leaves) + k,) for k, x in enumerate(captured.surroundings)}
    conditions = surroundings.described(slots)
    kept = [
        Hidden(Name({"array": x}, "array"), ArrayInput.of(x, len(leaves) + k))
        for k, x in enumerate(captured.surroundings)
        if not surroundings.holds(x)
    ]
    signature = dataclasses.replace(signature, hidden=(*conditions, *kept))

    def make_fast() -> Callable[..., Any]:
        hidden = (*contexts_now(), *signature.hidden)
        return make_entry(dataclasses.replace(signature, hidden=hidden), stages, libraries)

    is_fast = not is_flat and len(signature.arguments) == _positional(structure)
    return Built(
        make_entry(signature, stages, libraries),
        make_fast if is_fast else None,
        graph,
        program,
        texts,
        is_flat,
        tuple([(s.label, s.reason) for s in program.body if isinstance(s, Host)]),
    )


def _positional(structure: Structure) -> int:
    """Return how many positional arguments a call has."""
    args, _ = tree.unflatten(structure, [0.0] * structure.count)
    return len(args)


def view_of(x: Any) -> View:
    """Return where the elements of an argument lie."""
    if not isinstance(x, np.ndarray):
        return whole(())
    return View(x.shape, tuple([s // x.itemsize for s in x.strides]))


def _own_memory(
    captured: Captured, leaves: Sequence[Any], donated: frozenset[int]
) -> dict[int, int]:
    """Return, by the number of an output, the leaf whose memory takes it: a written argument, or a donated one."""
    own: dict[int, int] = {}
    results = [r for r in captured.results if r.node is not None]
    for k, leaf in enumerate(captured.written):
        own[len(results) + k] = leaf
    free = [i for i in sorted(donated) if i not in captured.written]
    for k, r in enumerate(results):
        assert r.node is not None
        t = r.node.type
        fit = next(
            (
                i
                for i in free
                if isinstance(leaves[i], np.ndarray)
                and leaves[i].shape == t.shape
                and leaves[i].dtype == t.dtype
                and t.shape
            ),
            None,
        )
        if fit is not None:
            own[k] = fit
            free.remove(fit)
    return own


def _signature(
    captured: Captured,
    values: Sequence[Any],
    structure: Structure,
    own: dict[int, int],
    program: Program,
    moving: frozenset[int],
) -> tuple[Signature, bool]:
    """Return what the entry checks and makes, and whether it works on leaves."""
    count = len(values)
    slots: dict[int, list[int]] = {i: [i] for i in range(count)}
    for output, leaf in own.items():
        slots[leaf].append(count + output)
    inputs = [
        StaticInput(x)
        if type(x) is int and i not in moving
        else _input(x, tuple(slots[i]), is_written=len(slots[i]) > 1)
        for i, x in enumerate(values)
    ]
    held = len(values) - len(captured.surroundings)
    arguments = described(structure, inputs[:held], StaticInput)
    results = _results(captured, own, count)
    returned = described(captured.structure, results, ConstantResult)
    is_flat = arguments is None or returned is None
    order: Sequence[int] = range(held)
    if arguments is not None and returned is not None:
        description, order = arguments
        positional, options = description.children
        given = (*positional.children, *((options,) if options.children else ()))
        result = _renumbered(returned[0], {n: k for k, n in enumerate(order) if n >= 0})
    else:
        given = tuple(inputs[:held])
        result = _renumbered(Items(tuple, tuple(results)), {n: n for n in range(held)})
    constants = tuple([(b.slot, array) for b, array in program.constants.items()])
    signature = Signature(
        given,
        result,
        max([b.slot + 1 for b in program.buffers if b.slot >= 0], default=0),
        constants,
        program.arena,
        release_gil=_work(program.body) > _LONG,
    )
    return signature, is_flat


def _renumbered(node: Any, places: dict[int, int]) -> Any:
    """Number own arrays as the entry counts its inputs."""
    if isinstance(node, OwnArray):
        return OwnArray(places[node.leaf])
    if hasattr(node, "children"):
        return dataclasses.replace(
            node, children=tuple([_renumbered(c, places) for c in node.children])
        )
    return node


def _input(x: Any, slots: tuple[int, ...], *, is_written: bool) -> Any:
    if isinstance(x, np.ndarray):
        return ArrayInput.of(x, *slots, is_written=is_written)
    if isinstance(x, np.generic):
        return ScalarInput(x.dtype, slots)
    return NumberInput(type(x), slots)


def _results(captured: Captured, own: dict[int, int], first: int) -> list[Any]:
    """Describe each leaf of the result."""
    described_results = []
    output = 0
    for r in captured.results:
        if r.node is None:
            described_results.append(
                OwnArray(r.argument) if r.argument >= 0 else ConstantResult(r.constant)
            )
            continue
        described_results.append(_result(r, output, own, first + output))
        output += 1
    return described_results


def _result(r: Result, output: int, own: dict[int, int], slot: int) -> Any:
    assert r.node is not None
    t = r.node.type
    if output in own:
        return OwnArray(own[output])
    if t.shape:
        return FreshArray(t.dtype, t.shape, (slot,))
    if t.weak:
        return NumberResult(type(t.dtype.type(0).item()), (slot,))
    return ScalarResult(t.dtype, (slot,))


def _work(body: Sequence[Any]) -> int:
    """Return about how many elements are worked on."""
    total = 0
    for statement in body:
        count = getattr(statement, "count", None)
        if count is not None:
            total += count * max(_work(statement.body), 1)
        elif hasattr(statement, "a"):
            total += statement.out.rows * statement.out.columns * statement.a.columns // 16
        elif isinstance(statement, Host):
            total += _LONG
    return total


def _stages(program: Program) -> tuple[tuple[Any, ...], tuple[str, ...], tuple[Any, ...]]:
    """Compile the native parts; between them stand the calls of Python."""
    parts: list[list[Statement] | Host] = []
    for statement in program.body:
        if isinstance(statement, Host):
            parts.append(statement)
        elif parts and isinstance(parts[-1], list):
            parts[-1].append(statement)
        else:
            parts.append([statement])
    stages: list[Any] = []
    texts: list[str] = []
    libraries: list[Any] = []
    for i, part in enumerate(parts):
        if isinstance(part, Host):
            stages.append(_host_stage(part, program))
            continue
        name = f"step{i}"
        piece = Program(
            program.buffers, tuple(part), program.offsets, program.arena, program.constants
        )
        module = emit(piece, name, Machine.host())
        library = load(module.text, [name])
        texts.append(module.text)
        libraries.append(library)
        stages.append(library.address(name))
    return tuple(stages), tuple(texts), tuple(libraries)


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
