"""Capture: run a step on types instead of arrays, which gives the graph of what it did."""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from types import FunctionType
from typing import Any, Protocol

import numpy as np

from chainrule import tree
from chainrule.compiler.capture.level import StepLevel
from chainrule.compiler.capture.numbers import evaluated
from chainrule.compiler.capture.ownership import check_apart, made_anew, split_arrays
from chainrule.compiler.capture.python_calls import following_python
from chainrule.compiler.capture.reading import Outside, Reading
from chainrule.compiler.capture.results import Result, results_of
from chainrule.compiler.decisions import GUARD
from chainrule.compiler.effects import must_stay
from chainrule.compiler.error_settings import keeping_settings
from chainrule.compiler.places import Place
from chainrule.core.cells import HANDLES, TracedArray
from chainrule.core.graph import Graph
from chainrule.core.reroute import following
from chainrule.core.trace import Node
from chainrule.core.types import ArrayType, Value
from chainrule.errors import NotCompiledError
from chainrule.forks import Runs
from chainrule.records import record, replaced
from chainrule.tree import Structure

_NOTHING_LOST = (str, bytes, bool, type(None), type, np.dtype)
"""What a result may hold besides arrays and numbers: nothing traced can hide in it."""

Rebuild = Callable[[Sequence[Any]], tuple[tuple[Any, ...], dict[str, Any]]]
"""Puts leaves back into positional and keyword arguments."""


class Drawn(Protocol):
    """Notes what random numbers a step draws, see `draws.py`.

    Attributes:
        enter: makes an input for what is drawn, as long as the step runs.
        nodes: these inputs.
    """

    enter: Callable[[Any], Any] | None
    nodes: list[Any]


Examine = Callable[[StepLevel, Any, Any], None]
"""Called with the level, what the step was given and what it returned."""


@record
class Captured:
    """What one run of a step on types has told.

    Attributes:
        graph: its inputs are the arguments' leaves, what was drawn, the arrays of the step's surroundings, and numbers;
            its outputs are the results with a node and then the new contents of inputs that were written to.
        results: the leaves of what was returned.
        structure: their container.
        surroundings: arrays that the step used without getting them as arguments, in the order of the inputs.
        numbers: such numbers, and where they lie, in that order.
        identical: those of the arrays of which results are parts: another one in its place has other parts.
        written: the numbers of the inputs that the step wrote into.
        outcomes: of the guards, in order.
        survivors: why this capture serves one call only: traced values outlive it.
    """

    graph: Graph
    results: tuple[Result, ...]
    structure: Structure
    surroundings: tuple[Any, ...]
    numbers: tuple[tuple[Place, Any], ...]
    identical: tuple[Any, ...]
    written: tuple[int, ...]
    outcomes: tuple[bool, ...]
    survivors: NotCompiledError | None = None


def capture_step(
    f: Callable[..., Any],
    leaves: Sequence[Value],
    rebuild: Rebuild,
    *,
    is_shared: Callable[[Any], bool],
    forced: Sequence[bool] = (),
    questions: dict[tuple[bool, ...], Value] | None = None,
    moving: Collection[int] = (),
    outside: Outside | None = None,
    examine: Examine | None = None,
    functions: Sequence[FunctionType] = (),
    drawn: Drawn | None = None,
) -> Captured:
    """Run `f` on the types of `leaves`.

    Args:
        f: the step.
        leaves: the dynamic leaves of this call's arguments: arrays and numbers.
        rebuild: puts leaves back into positional and keyword arguments.
        is_shared: says of an array whether the step's surroundings hold it, so that it is read at each call.
        forced: outcomes of the first guards that are known already.
        questions: see `StepLevel`.
        moving: the numbers of the leaves that are Python integers but traced; others are handed on as they are.
        outside: the arrays that the step's surroundings hold, which it is shown as inputs.
        examine: looks at what was given and returned, and raises if that cannot be compiled.
        functions: the user's functions that the step may call, in which calls of `float` and the like are followed.
        drawn: notes what random numbers are drawn.

    Raises:
        NotCompiledError: the step cannot be captured; the reason says why. So may any error of ours or of the step's.
    """
    level = StepLevel(forced, questions, moves=bool(moving))
    if drawn is not None:
        drawn.enter = level.enter_input
    try:
        with _RUNNING.lock:
            _RUNNING.begin(level)
        reading = Reading(level, outside or Outside())
        run = _run(level, f, leaves, rebuild, moving, reading, examine, functions)
        numbers = reading.numbers()
        parts = reading.parts
        shown = reading.end()
        del reading
    finally:
        with _RUNNING.lock:
            _RUNNING.end(level)
        if drawn is not None:
            drawn.enter = None
    random = () if drawn is None else tuple(drawn.nodes)
    survivors = None
    if sys.getrefcount(level) > _ONE_HOLDER:
        gc.collect()  # what only refers to itself is gone
    if sys.getrefcount(level) > _ONE_HOLDER:
        survivors = NotCompiledError.from_survivor()
        _give_numbers(level)
    if any(handle() is not None for handle in shown):
        raise NotCompiledError.from_changed_surroundings()
    results = made_anew(level, run.results, lambda x: is_shared(x) or id(x) in parts)
    run = replaced(run, results=results)
    surroundings, fixed = split_arrays(level, is_shared)
    outputs = (*[r.node for r in run.results if r.node is not None], *run.contents)
    nodes = _needed(level.nodes, outputs, fixed)
    used = {*outputs, *[level.read[id(x)][1] for x in run.changed]}
    used |= {p for node in nodes for p in node.parents}
    surroundings += [(x, node) for x, node in level.read.values() if node in used]
    around = [x for x, _ in surroundings]
    inputs = (*run.inputs, *random)
    places = {id(x): len(inputs) + k for k, x in enumerate(around)}
    outside_of_it = (*[node for _, node in surroundings], *[node for _, _, node in numbers])
    return Captured(
        Graph((*inputs, *outside_of_it), nodes, outputs),
        run.results,
        run.structure,
        tuple(around),
        tuple([(place, x) for place, x, _ in numbers]),
        tuple({id(x): x for _, x in parts.values()}.values()),
        (*run.written, *[places[id(x)] for x in run.changed]),
        tuple(level.outcomes),
        survivors,
    )


def _give_numbers(level: StepLevel) -> None:
    """Give the traced values that outlive the step the numbers of this call: they behave as those from now on."""
    for x in gc.get_referrers(level):
        if type(x) in HANDLES and type(x.out) is ArrayType:
            x.out = level.number_of(x.node)


def _end_in_child(level: StepLevel) -> None:
    """End what another thread was capturing: what it has put into lists and attributes is what Python would have."""
    level.alive = False
    with contextlib.suppress(Exception):  # no number: nothing was put there
        _give_numbers(level)
    _RUNNING.end(level)


_RUNNING = Runs(_end_in_child)


def outcome_of(captured: Captured, leaves: Sequence[Value]) -> tuple[list[Value], Structure]:
    """Compute what the captured call returns, node by node, and write what it wrote into its inputs."""
    given = (*leaves, *captured.surroundings, *[x for _, x in captured.numbers])
    known = dict(zip(captured.graph.inputs, given, strict=True))
    for node in captured.graph.nodes:
        if node.op is not GUARD:
            known[node] = evaluated(node, known)
    results: list[Any] = []
    for r in captured.results:
        if r.same >= 0:
            results.append(results[r.same])
        elif r.argument >= 0:
            results.append(leaves[r.argument])
        else:
            results.append(r.constant if r.node is None else known[r.node])
    contents = captured.graph.outputs[len(captured.graph.outputs) - len(captured.written) :]
    for i, node in zip(captured.written, contents, strict=True):
        given[i][...] = known[node]
    own: list[Any] = []
    for r, x in zip(captured.results, results, strict=True):
        is_kept = type(x) is not np.ndarray or _is_among(x, leaves)
        own.append(own[r.same] if r.same >= 0 else x if is_kept else x.copy())
    return own, captured.structure


def _is_among(x: Any, leaves: Sequence[Value]) -> bool:
    return any(x is leaf for leaf in leaves)


@record
class _Run:
    """What is left of a run when its traced values are gone.

    Attributes:
        inputs: of the arguments' leaves.
        results: the leaves of what was returned.
        structure: their container.
        written: the numbers of the leaves that were written to.
        changed: the arrays outside that were.
        contents: what is in all of these now.
    """

    inputs: tuple[Node, ...]
    results: tuple[Result, ...]
    structure: Structure
    written: tuple[int, ...]
    changed: tuple[Any, ...]
    contents: tuple[Node, ...]


def _run(
    level: StepLevel,
    f: Callable[..., Any],
    leaves: Sequence[Value],
    rebuild: Rebuild,
    moving: Collection[int],
    reading: Reading,
    examine: Examine | None,
    functions: Sequence[FunctionType],
) -> _Run:
    same: dict[int, Any] = {}
    with keeping_settings(), level, following(f), following_python(f, functions, reading.hands):
        handles = [_entered(level, x, same) for x in leaves]
        inputs = [h.node for h in handles]
        for i, x in enumerate(leaves):
            if type(x) is int and i not in moving:
                handles[i] = x
        given = rebuild(handles)
        entered = tree.leaves(given)  # the handles, and what static arguments hold
        with reading.running():
            returned = f(*given[0], **given[1])
        level.check_handed()
        if examine is not None:
            examine(level, given, returned)
        flat, structure = tree.flatten(returned)
        del returned
        _check_containers(given, entered)
        places = {id(h): i for i, h in enumerate(handles) if type(h) in HANDLES}
        flat = [reading.original(x) for x in flat]
        results = tuple(results_of(level, flat, places, inputs))
        contents = {i: _content(h) for i, h in enumerate(handles) if type(h) in HANDLES}
        written = tuple([i for i, node in contents.items() if node is not inputs[i]])
        check_apart([leaves[i] for i in written], ())
        outside = reading.written()
    for _, x in structure.static:
        if not isinstance(x, _NOTHING_LOST) and not callable(x):
            raise NotCompiledError.from_result(type(x).__name__)
    changed = tuple([x for x, _ in outside])
    now = (*[contents[i] for i in written], *[node for _, node in outside])
    return _Run(tuple(inputs), results, structure, written, changed, now)


def _check_containers(given: tuple[Any, ...], entered: Sequence[Any]) -> None:
    """See that the step did not change the lists and dictionaries among its arguments: they are not the caller's."""
    now = tree.leaves(given)
    if len(now) != len(entered) or any(x is not y for x, y in zip(now, entered, strict=True)):
        raise NotCompiledError.from_changed_container()


class _Holder:
    """Counts the references to an object that two local names hold, as `capture_step` sees its level."""


def _one_holder() -> int:
    level = _Holder()
    return sys.getrefcount(level)


_ONE_HOLDER = _one_holder()


def _entered(level: StepLevel, x: Value, same: dict[int, Any]) -> Any:
    """Return the input for a leaf; an array that is passed twice is one, as it is one array."""
    if not isinstance(x, np.ndarray):
        return level.enter_input(x)
    if id(x) not in same:
        same[id(x)] = level.enter_input(x)
    return same[id(x)]


def _content(handle: Any) -> Node:
    """Return the node of what a handle holds now; a write by a plain value makes it a constant."""
    if type(handle) is TracedArray and type(handle.node) is not Node:
        raise NotCompiledError.from_overwritten()
    node: Node = handle.node
    return node


def _needed(
    nodes: Sequence[Node], outputs: Sequence[Any], fixed: Mapping[Node, Any]
) -> tuple[Node, ...]:
    """Return the nodes that decide or may fail, and those that they and the outputs depend on, in order.

    Fixed arrays become constants of theirs.
    """
    needed = {n for n in outputs if n is not None}
    kept = []
    for node in reversed(nodes):
        if node in needed or must_stay(node):
            kept.append(node)
            needed.update([p for p in node.parents if p is not None])
            if fixed and any(p in fixed for p in node.parents):
                pairs = list(zip(node.args, node.parents, strict=True))
                node.args = tuple([fixed.get(p, a) if p is not None else a for a, p in pairs])
                node.parents = tuple([None if p in fixed else p for _, p in pairs])
    return tuple(kept[::-1])
