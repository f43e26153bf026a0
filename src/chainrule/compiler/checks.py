"""Verify what a stage made: it is legal, and on random numbers it computes what was computed before."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.checker import check_program
from chainrule.compiler.loops.interpreter import interpret
from chainrule.compiler.loops.program import Program
from chainrule.compiler.reproducer import save_reproducer
from chainrule.core.graph import Graph
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType
from chainrule.errors import ChainruleError, CompileError, NotCompiledError

_ROUNDING = 1e4
"""How many units of the dtype's precision, relative to the largest value, a pass may change a result by."""


@contextlib.contextmanager
def failures_named(name: str, graph: Graph) -> Iterator[None]:
    """Turn an error of a stage that works on a graph into one that names the stage and a file.

    Raises:
        CompileError: in the place of any error but one that says what cannot be compiled.
    """
    try:
        yield
    except (CompileError, NotCompiledError):
        raise
    except Exception as error:
        inputs = _numbers_for(graph)
        saved = save_reproducer(name, graph, inputs)
        reason = f"{type(error).__name__}: {error}"
        raise CompileError.from_failure(name, reason, saved) from error


def check_pass(name: str, before: Graph, after: Graph) -> None:
    """Verify the graph that a pass made.

    Raises:
        CompileError: it breaks a rule of graphs, or computes something else. It names the pass and
            the file that holds the graph and the numbers.
    """
    inputs = _numbers_for(before)
    reason = _illegal(after) or _difference(before, after, inputs)
    if reason:
        raise CompileError.from_pass(name, reason, save_reproducer(name, before, inputs))


def check_lowered(name: str, graph: Graph, program: Program) -> None:
    """Verify the program that a graph was lowered to, in the interpreter.

    Raises:
        CompileError: it breaks a rule of programs, or computes something else.
    """
    inputs = _numbers_for(graph)
    reason = _illegal_program(program) or _program_difference(graph, program, inputs)
    if reason:
        raise CompileError.from_pass(name, reason, save_reproducer(name, graph, inputs))


def _numbers_for(graph: Graph) -> list[Any]:
    """Return numbers for the inputs of a graph; an array that is passed twice is one input, and has one."""
    numbers = random_inputs([node.type for node in graph.inputs])
    first: dict[Node, Any] = {}
    return [first.setdefault(n, x) for n, x in zip(graph.inputs, numbers, strict=True)]


def random_inputs(types: Sequence[ArrayType]) -> list[Any]:
    """Return numbers of these types; the same on every run."""
    rng = np.random.default_rng(0)
    return [_random(rng, t) for t in types]


def _random(rng: np.random.Generator, t: ArrayType) -> Any:
    kind = t.dtype.kind
    if kind == "b":
        numbers: Any = rng.integers(0, 2, t.shape)
    elif kind in "iu":
        numbers = rng.integers(0, 3, t.shape)  # small: they may be indices
    else:
        numbers = rng.uniform(0.2, 1.2, t.shape)
        if kind == "c":
            numbers = numbers + 1j * rng.uniform(-1, 1, t.shape)
    array = np.asarray(numbers).astype(t.dtype)
    return array[()].item() if t.weak else array[()]


def _illegal(graph: Graph) -> str:
    try:
        graph.check()
    except ChainruleError as error:
        return error.message
    return ""


def _illegal_program(program: Program) -> str:
    try:
        check_program(program)
    except ChainruleError as error:
        return error.message
    return ""


def _difference(before: Graph, after: Graph, inputs: Sequence[Any]) -> str:
    """Return what differs between two graphs on these numbers."""
    wanted = _results(before, inputs)
    if wanted is None:
        return ""
    got = _results(after, inputs)
    return "it raises" if got is None else _first_difference(got, wanted)


def _program_difference(graph: Graph, program: Program, inputs: Sequence[Any]) -> str:
    """Return what differs between a graph and its program; nothing where a guard leaves the program."""
    wanted = _results(graph, inputs)
    if wanted is None:
        return ""
    slotted = [b for b in program.buffers if b.slot >= 0]
    outputs = [np.zeros(b.size, b.dtype) for b in slotted if b.role == "output"]
    constants = [None for b in slotted if b.role == "constant"]
    if interpret(program, [*[np.array(x) for x in inputs], *outputs, *constants]):
        return ""
    shaped = [a.reshape(np.shape(b)) for a, b in zip(outputs, wanted, strict=True)]
    return _first_difference(shaped, wanted)


def _results(graph: Graph, inputs: Sequence[Any]) -> tuple[Any, ...] | None:
    """Return what a graph computes; None where it cannot be run on these numbers."""
    try:
        with np.errstate(all="ignore"):
            return graph.run(*inputs)
    except (ArithmeticError, ValueError, IndexError, TypeError):
        return None


def _first_difference(got: Sequence[Any], wanted: Sequence[Any]) -> str:
    for i, (a, b) in enumerate(zip(got, wanted, strict=True)):
        if not is_close(a, b):
            return f"output {i} was {_short(b)} and became {_short(a)}"
    return ""


def is_close(a: Any, b: Any) -> bool:
    """Say whether two results have the same type and, within rounding, numbers; NaN equals NaN."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or a.dtype != b.dtype:
        return False
    if a.dtype.kind not in "fc":
        return bool(np.array_equal(a, b))
    finite = np.abs(b[np.isfinite(b)])
    within = _ROUNDING * np.finfo(a.dtype).eps * (1 + finite.max(initial=0))
    return bool(np.allclose(a, b, rtol=within, atol=within, equal_nan=True))


def _short(x: Any) -> str:
    return np.array2string(np.asarray(x), threshold=6, edgeitems=2)
