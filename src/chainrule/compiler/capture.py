"""Capture: run a step on types instead of arrays, which gives the graph of what it did.

Where Python asks for the truth of a traced value, the numbers of this call decide and the outcome is recorded as a
guard:
the graph then holds for every call in which all guards have the same outcomes.
"""

from __future__ import annotations

import gc
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from copy import copy
from types import FunctionType
from typing import Any, Protocol, cast

import numpy as np

from chainrule import tree
from chainrule.compiler.decisions import CHECK, GUARD
from chainrule.compiler.effects import must_stay
from chainrule.compiler.error_settings import keeping_settings, warns_as_usual
from chainrule.compiler.python_calls import following_python
from chainrule.compiler.strides import laid_out, lying_as
from chainrule.compiler.without_axes import are_arrays
from chainrule.core.cells import HANDLES, TracedArray, TracedScalar, frozen, settled, type_of
from chainrule.core.graph import CaptureLevel, Graph
from chainrule.core.op import FRONTS, TABLE, Op
from chainrule.core.reroute import following
from chainrule.core.trace import CURRENT, OUTPUT, Node, same_elements, wrap
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import EscapedValueError, NotCompiledError, ShapeError
from chainrule.ops.numbers import NeedsNumbers
from chainrule.records import record, replaced
from chainrule.tree import Structure

_NUMBERS_AT_MOST = 64
"""How many numbers of one value may decide about a shape."""
_ANSWERS_AT_MOST = 8
"""How many different numbers one decision is compiled for."""
_SHAPES_AT_MOST = 2
"""How many counts a selection is compiled for where nothing is differentiated: NumPy is quicker than more trials."""
_NOTHING_LOST = (str, bytes, bool, type(None), type, np.dtype)
"""What a result may hold besides arrays and numbers: nothing traced can hide in it."""

_BESIDE_INDEX = {"setitem": 2, "scatter": 1, "getitem": 1}
"""Arguments that are values; those behind them are positions."""

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


Examine = Callable[["StepLevel", Any, Any], None]
"""Called with the level, what the step was given and what it returned."""


def _never(*_: Any) -> Any:
    message = "a measure has no derivative: no sweep comes here"
    raise AssertionError(message)


class StepLevel(CaptureLevel):
    """Records a step in the order it ran.

    Attributes:
        nodes: every node but the inputs, in recording order.
        arrays: plain arrays that the step used without getting them as arguments, by identity: the array, its
        content when it
            was first used, its node.
        older: what such an array held before the step changed it, in recording order, by identity: contents and nodes.
        outcomes: what Python was told about each guard, in order.
        forced: outcomes that are known already, for the first guards.
        questions: what a value is compared with where its numbers decide, by the outcomes before; shared by all
            captures of a step for arguments of the same types, so that they ask the same questions.
        known: the numbers of nodes, computed where a guard asks.
        layouts: of nodes that were asked for, see `laid_out`.
        moves: whether some of them are traced.
    """

    __slots__ = (
        "arrays",
        "forced",
        "known",
        "layouts",
        "moves",
        "nodes",
        "older",
        "outcomes",
        "questions",
    )

    follows_python = True

    def __init__(
        self,
        forced: Sequence[bool] = (),
        questions: dict[tuple[bool, ...], Value] | None = None,
        *,
        moves: bool = False,
    ) -> None:
        super().__init__()
        self.moves = moves
        self.questions = {} if questions is None else questions
        self.nodes: list[Node] = []
        self.arrays: dict[int, tuple[Any, Any, Node]] = {}
        self.older: dict[int, list[tuple[Any, Node]]] = {}
        self.outcomes: list[bool] = []
        self.forced = forced
        self.known: dict[Node, Value] = {}
        self.layouts: dict[Node, Any] = {}

    def enter_input(self, value: Value) -> Any:
        """Return a traced input; its number serves the guards."""
        handle = self.input(type_of(value))
        self.known[handle.node] = value
        return _writable(handle) if isinstance(value, np.ndarray) else handle

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        if not warns_as_usual():  # the step itself asked for it
            raise NotCompiledError.from_error_settings()
        kept: list[Value] = []
        parents: list[Node | None] = []
        for a in args:
            if type(a) in HANDLES and a.level is self:
                parents.append(a.node)
                kept.append(a.type)
            else:
                parent, value = self._plain(a)
                parents.append(parent)
                kept.append(value)
        if type(op.infer) is NeedsNumbers:
            op = self._counted(op, args) or self._measured(op, kept, parents, params)
        out: Any = op.infer(*map(type_of, args), **params)
        node = Node(op, kept, params, parents, out, out)
        self.nodes.append(node)
        if type(out) is not tuple:
            handle = self._handle(out, node, node, 0, args)
            if op.refuses is not None:
                self._check(op.refuses(handle, *args, **params), op.name)
            self._check_ranges(op, args, params, out)
            return handle
        outputs = [Node(OUTPUT, (o,), {"index": i}, (node,), o, o) for i, o in enumerate(out)]
        self.nodes += outputs
        pairs = zip(out, outputs, strict=True)
        return tuple([self._handle(o, n, node, i, args) for i, (o, n) in enumerate(pairs)])

    def _handle(
        self, out: ArrayType, made: Node, node: Node, index: int, args: Sequence[Value]
    ) -> Any:
        """Return the handle of a result: one of those of `node`, which may be an array also if it has no axes."""
        handle = wrap(self, out, made)
        if out.shape or out.weak:
            return handle
        op = cast("Op", node.op)
        kinds = are_arrays(op, args, node.params, lambda: self.number_of(node))
        return _writable(handle) if kinds[index] else handle

    def _plain(self, a: Value) -> tuple[Node | None, Value]:
        """Return the node, if it has one, and the value of an operand that is not traced here."""
        x = settled(a)
        if type(x) in HANDLES:
            raise NotCompiledError.from_outer_trace()
        if isinstance(x, list):
            x = np.array(x)
        if not isinstance(x, np.ndarray):
            return None, x
        known = self.arrays.get(id(x))
        if known is not None and not same_elements(known[1], x):
            self.older.setdefault(id(x), []).append(known[1:])
            known = None
        if known is None:
            t = array_type(x.shape, x.dtype)
            node = Node(None, (), {}, (), t, t)
            known = self.arrays[id(x)] = (x, x.copy(), node)
            self.known[node] = known[1]
        return known[2], known[2].type

    def constants(self, is_shared: Callable[[Any], bool]) -> Iterator[Value]:
        """Yield every value that is part of the graph, but for arrays that are read at each call."""
        for node in self.nodes:
            yield from (
                a for a, parent in zip(node.args, node.parents, strict=True) if parent is None
            )
        yield from (x for x, _, _ in self.arrays.values() if not is_shared(x))

    def decide(self, x: Any) -> bool:
        """Say whether a value holds, and record that the graph depends on it."""
        t = x.type
        if t.size != 1:
            raise EscapedValueError.from_unknown_numbers()
        if t.dtype.kind != "b":
            x = FRONTS["not_equal"](x, 0)
        met = len(self.outcomes)
        outcome = self.forced[met] if met < len(self.forced) else bool(self.number_of(x.node))
        self.outcomes.append(outcome)
        self.nodes.append(Node(GUARD, (x.type,), {"expected": outcome}, (x.node,), x.type, x.type))
        return outcome

    def layout(self, x: Any) -> Any:
        """Return an array that lies in memory as NumPy's for a value would."""
        try:
            found = self.laid_out(x.node)
        except Exception as error:  # the step may catch it, and take a way of its own
            raise NotCompiledError.from_layout() from error
        if found.shape != x.type.shape:
            raise NotCompiledError.from_layout()
        return found

    def laid_out(self, node: Node) -> Any:
        """Return an array that lies in memory as NumPy's for a node would; its numbers mean nothing."""
        for x, _, plain in self.arrays.values():
            if plain not in self.layouts:
                self.layouts[plain] = lying_as(x)
        return laid_out(node, self.known, self.layouts)

    def shown(self, x: Any) -> Value:
        """Refuse to write a value while the step runs: the text is of one call, and every call has its own."""
        if self.alive:
            raise EscapedValueError.from_text()
        return x.out

    def doubt(self, name: str, error: Exception) -> None:
        """Leave the step to Python: NumPy raises an error for samples of the arguments of a call."""
        raise NotCompiledError.from_rehearsal(name, error)

    def _check(self, refused: Any, name: str) -> None:
        """Record that calls for which something holds are run eagerly.

        Raises:
            NotCompiledError: it holds for every call.
        """
        if type(refused) in HANDLES:
            if refused.type.shape:
                refused = FRONTS["any"](refused)
            t = refused.type
            self.nodes.append(Node(CHECK, (t,), {}, (refused.node,), t, t))
        elif np.any(refused):
            raise NotCompiledError.from_refusal(name)

    def _check_ranges(
        self, op: Op, args: Sequence[Value], params: Mapping[str, Any], out: ArrayType
    ) -> None:
        """Record that Python's integers fit in the dtypes of the integers that they meet: NumPy has rules if not."""
        values = args[: _BESIDE_INDEX.get(op.name, 0)] if "index" in params else args
        numbers = [x for x in values if type(x) is int or _is_python_integer(x)]
        if not numbers:
            return
        types = (out, *map(type_of, values))
        for dtype in dict.fromkeys([t.dtype for t in types if _is_narrow(t)]):
            limits = np.iinfo(dtype)
            for x in numbers:
                self._check(FRONTS["less"](x, int(limits.min)), op.name)
                if limits.max < np.iinfo(np.int64).max:
                    self._check(FRONTS["greater"](x, int(limits.max)), op.name)

    def numbers_of(self, x: Any, name: str) -> Value:
        """Return the numbers of a value in this call; the graph is for those, and a guard holds it to them.

        Raises:
            ShapeError: there are too many, or numbers that cannot be compared.
            NotCompiledError: they were others too often.
        """
        if x.type.size > _NUMBERS_AT_MOST or x.type.dtype.kind not in "biufc":
            raise ShapeError.from_unknown(name)
        return self._agreed(x, name)

    def count_of(self, x: Any) -> int:
        """Return the integer that a value is in this call: the graph is for that one.

        Raises:
            EscapedValueError: an integer among the arguments is traced, and may be the one to be compiled for.
        """
        if self.moves:
            raise EscapedValueError.from_unknown_numbers()
        return int(self.numbers_of(x, "an integer that Python counts by"))

    def hold(self, arrays: Sequence[Any]) -> None:
        """Hold the graph to what these arrays contain now: plain code may have computed constants of it.

        Raises:
            NotCompiledError: they held something else too often.
        """
        for x in arrays:
            if x.size and x.dtype.kind in "biufc":
                node, t = self._plain(x)
                self._agreed(wrap(self, t, node), "an array that is read besides the arguments")

    def _agreed(self, x: Any, name: str, most: int = _ANSWERS_AT_MOST) -> Value:
        """Return the numbers of a value in this call, or equal ones of an earlier capture; record that it has those."""
        number = self.number_of(x.node)
        for _ in range(most):
            asked = self.questions.setdefault(tuple(self.outcomes), copy(number))
            # A copy that nobody else holds is a constant of the graph; large ones are read where they lie.
            held = copy(asked) if x.type.size <= _NUMBERS_AT_MOST else asked
            if self.decide(_has_numbers(x, held)):
                return copy(asked)
        raise NotCompiledError.from_many_answers(name, most)

    def _counted(self, op: Op, args: Sequence[Value]) -> Op | None:
        """Return an op for as many elements that are not zero as there are in this call; None if more decides."""
        x = args[0]
        of_count = cast("NeedsNumbers", op.infer).of_count
        if of_count is None or type(x) not in HANDLES or not x.type.shape:
            return None
        most = _SHAPES_AT_MOST if CURRENT.get() is self else _ANSWERS_AT_MOST
        count = int(self._agreed(FRONTS["count_nonzero"](x), op.name, most))
        types = of_count(x.type, count)
        return replaced(op, infer=lambda *_, **__: types)

    def _measured(
        self,
        op: Op,
        args: Sequence[Value],
        parents: Sequence[Node | None],
        params: Mapping[str, Any],
    ) -> Op:
        """Return an op for results of the shapes that they have in this call; a guard holds the graph to them.

        Raises:
            ShapeError: the op does not give arrays of numbers.
        """
        measure = _measure(op)
        unknown = array_type((), np.dtype(np.int64))
        sizes = self.number_of(Node(measure, args, params, parents, unknown, unknown))
        if sizes is None:
            raise ShapeError.from_unknown(op.name)
        fixed = array_type(sizes.shape, sizes.dtype)
        node = Node(
            replaced(measure, infer=lambda *_, **__: fixed), args, params, parents, fixed, fixed
        )
        self.nodes.append(node)
        asked = self.numbers_of(wrap(self, fixed, node), op.name)
        types = _types_from(asked)
        return replaced(op, infer=lambda *_, **__: types)

    def number_of(self, node: Node) -> Value:
        """Compute the number of a node from this call's arguments: only what it depends on, and once."""
        known = self.known
        stack = [node]
        while stack:
            top = stack[-1]
            if top in known:
                stack.pop()
                continue
            missing = [p for p in top.parents if p is not None and p not in known]
            if missing:
                stack += missing
                continue
            stack.pop()
            known[top] = _number(top, known)
        return known[node]


def _is_python_integer(x: Value) -> bool:
    return type(x) in HANDLES and x.type.weak and x.type.dtype.kind == "i"


def _is_narrow(t: ArrayType) -> bool:
    """Say whether some of Python's integers of 64 bits are none of this type."""
    return not t.weak and (t.dtype.kind == "u" or (t.dtype.kind == "i" and t.dtype.itemsize < 8))


def _has_numbers(x: Any, asked: Value) -> Any:
    """Compare a value with numbers: equal elements, zeros of the same sign, NaN where NaN is."""
    kind = x.type.dtype.kind
    if kind == "c":
        parts = [(FRONTS[part](x), getattr(np, part)(asked)) for part in ("real", "imag")]
        return FRONTS["logical_and"](*[_has_numbers(*part) for part in parts])
    same = FRONTS["equal"](x, asked)
    if kind == "f":
        signs = FRONTS["equal"](FRONTS["signbit"](x), np.signbit(asked))
        both = FRONTS["logical_and"](FRONTS["isnan"](x), np.isnan(asked))
        same = FRONTS["logical_or"](FRONTS["logical_and"](same, signs), both)
    return FRONTS["all"](same)


def _measure(op: Op) -> Op:
    """Return the op that tells the types of another one's results, as integers; None where they are no numbers."""

    def types(*args: Any, **params: Any) -> Any:
        results = op.numpy(*args, **params)
        parts = results if isinstance(results, tuple) else (results,)
        arrays = [np.asarray(r) for r in parts if isinstance(r, (np.ndarray, np.generic))]
        if len(arrays) < len(parts) or any(a.dtype.kind not in "biufc" for a in arrays):
            return None
        rows = [(a.dtype.num, a.ndim, *a.shape) for a in arrays]
        is_tuple = isinstance(results, tuple)
        return np.array([is_tuple, len(rows), *[n for row in rows for n in row]], np.int64)

    return Op(
        f"types of {op.name}",
        "constant",
        types,
        _never,
        _never,
        _never,
        _never,
        left_to_numpy=NeedsNumbers.reason,
    )


def _types_from(numbers: Any) -> Any:
    """Return the types that the op of `_measure` has told."""
    is_tuple, count, *rest = (int(n) for n in numbers)
    types = []
    for _ in range(count):
        number, ndim = rest[:2]
        shape = tuple(rest[2 : 2 + ndim])
        rest = rest[2 + ndim :]
        types.append(array_type(shape, _DTYPES[number]))
    return tuple(types) if is_tuple else types[0]


_DTYPES: dict[int, np.dtype[Any]] = {
    np.dtype(c).num: np.dtype(c) for c in np.typecodes["All"] if c not in "SUVOMm"
}


def _number(node: Node, known: Mapping[Node, Value]) -> Value:
    """Compute one node, though Python raises: a check says so in the graph, which is for calls where Python does not.

    Raises:
        NotCompiledError: NumPy raises. The step would catch the error here, but not where the graph is run.
    """
    op = cast("Op", node.op)
    try:
        return evaluated(node, known)
    except Exception as error:
        if op.refuses is None or op.name not in TABLE:
            raise NotCompiledError.from_failure(op.name, error) from error
    with np.errstate(all="ignore"):
        return np.asarray(evaluated(node, known, TABLE[op.name].numpy)).item()


def evaluated(
    node: Node, known: Mapping[Node, Value], numpy: Callable[..., Value] | None = None
) -> Value:
    """Compute one node from the values of its parents, by another function than its op's if one is given."""
    if node.op is OUTPUT:
        return known[node.parents[0]][node.params["index"]]
    args = [
        a if parent is None else known[parent]
        for a, parent in zip(node.args, node.parents, strict=True)
    ]
    return (numpy or cast("Op", node.op).numpy)(*args, **node.params)


@record
class Result:
    """One leaf of what the step returned.

    Attributes:
        node: what computes it; None for an argument or a constant.
        argument: the number of the input that is returned itself, as the caller's own object; -1 for none.
        constant: the value, if it depends on nothing.
        is_array: whether it is an array, also if it has no axes.
        same: the number of the result before that is the very same array; -1 for none.
    """

    node: Node | None
    argument: int = -1
    constant: Any = None
    is_array: bool = False
    same: int = -1


@record
class Captured:
    """What one run of a step on types has told.

    Attributes:
        graph: its inputs are the arguments' leaves, what was drawn, and then the arrays of the step's surroundings; its
        outputs are the results
            with a node and then the new contents of arguments that were written to.
        results: the leaves of what was returned.
        structure: their container.
        surroundings: arrays that the step used without getting them as arguments, in the order of the inputs.
        written: the numbers of the inputs that the step wrote into.
        outcomes: of the guards, in order.
        survivors: why this capture serves one call only: traced values outlive it.
    """

    graph: Graph
    results: tuple[Result, ...]
    structure: Structure
    surroundings: tuple[Any, ...]
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
    watched: Sequence[Any] = (),
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
        watched: the arrays that the step's surroundings hold.
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
        run = _run(level, f, leaves, rebuild, moving, watched, is_shared, examine, functions)
    finally:
        if drawn is not None:
            drawn.enter = None
    random = () if drawn is None else tuple(drawn.nodes)
    survivors = None
    if sys.getrefcount(level) > _ONE_HOLDER:
        gc.collect()  # what only refers to itself is gone
    if sys.getrefcount(level) > _ONE_HOLDER:
        survivors = NotCompiledError.from_survivor()
        _give_numbers(level)
    results = _made_anew(level, run.results, is_shared)
    run = replaced(run, results=results)
    surroundings, fixed = _surroundings(level, is_shared)
    outputs = (*[r.node for r in run.results if r.node is not None], *run.contents)
    nodes = _needed(level.nodes, outputs, fixed)
    return Captured(
        Graph((*run.inputs, *random, *[node for _, node in surroundings]), nodes, outputs),
        run.results,
        run.structure,
        tuple([x for x, _ in surroundings]),
        run.written,
        tuple(level.outcomes),
        survivors,
    )


def _give_numbers(level: StepLevel) -> None:
    """Give the traced values that outlive the step the numbers of this call: they behave as those from now on."""
    for x in gc.get_referrers(level):
        if type(x) in HANDLES and type(x.out) is ArrayType:
            x.out = level.number_of(x.node)


def outcome_of(captured: Captured, leaves: Sequence[Value]) -> tuple[list[Value], Structure]:
    """Compute what the captured call returns, node by node, and write what it wrote into its arguments."""
    known = dict(zip(captured.graph.inputs, (*leaves, *captured.surroundings), strict=True))
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
        leaves[i][...] = known[node]
    own: list[Any] = []
    for r, x in zip(captured.results, results, strict=True):
        is_kept = type(x) is not np.ndarray or _is_among(x, leaves)
        own.append(own[r.same] if r.same >= 0 else x if is_kept else x.copy())
    return own, captured.structure


def _is_among(x: Any, leaves: Sequence[Value]) -> bool:
    return any(x is leaf for leaf in leaves)


@record
class _Run:
    """What is left of a run when its traced values are gone."""

    inputs: tuple[Node, ...]
    results: tuple[Result, ...]
    structure: Structure
    written: tuple[int, ...]
    contents: tuple[Node, ...]


def _run(
    level: StepLevel,
    f: Callable[..., Any],
    leaves: Sequence[Value],
    rebuild: Rebuild,
    moving: Collection[int],
    watched: Sequence[Any],
    is_shared: Callable[[Any], bool],
    examine: Examine | None,
    functions: Sequence[FunctionType],
) -> _Run:
    same: dict[int, Any] = {}
    with keeping_settings(), level, following(f), following_python(f, functions):
        handles = [_entered(level, x, same) for x in leaves]
        inputs = [h.node for h in handles]
        for i, x in enumerate(leaves):
            if type(x) is int and i not in moving:
                handles[i] = x
        given = rebuild(handles)
        entered = tree.leaves(given)  # the handles, and what static arguments hold
        returned = f(*given[0], **given[1])
        if examine is not None:
            examine(level, given, returned)
        flat, structure = tree.flatten(returned)
        del returned
        _check_containers(given, entered)
        places = {id(h): i for i, h in enumerate(handles) if type(h) in HANDLES}
        results = tuple(_results(level, flat, places, inputs))
        contents = {i: _content(h) for i, h in enumerate(handles) if type(h) in HANDLES}
        written = tuple([i for i, node in contents.items() if node is not inputs[i]])
        constants = [r.constant for r in results if not _is_read(r.constant, is_shared)]
        if any(map(_is_computed, (*level.constants(is_shared), *constants))):
            level.hold(watched)
    for _, x in structure.static:
        if not isinstance(x, _NOTHING_LOST) and not callable(x):
            raise NotCompiledError.from_result(type(x).__name__)
    return _Run(tuple(inputs), results, structure, written, tuple([contents[i] for i in written]))


def _is_computed(constant: Any) -> bool:
    """Say whether NumPy may have computed a constant: of what, nobody knows. Python's numbers stand in the code."""
    return isinstance(constant, (np.ndarray, np.generic))


def _is_read(constant: Any, is_shared: Callable[[Any], bool]) -> bool:
    """Say whether a constant is an array that each call reads where it lies."""
    return isinstance(constant, np.ndarray) and is_shared(constant)


def _check_containers(given: tuple[Any, ...], entered: Sequence[Any]) -> None:
    """See that the step did not change the lists and dictionaries among its arguments: they are not the caller's."""
    now = tree.leaves(given)
    if len(now) != len(entered) or any(x is not y for x, y in zip(now, entered, strict=True)):
        raise NotCompiledError.from_changed_container()


def _writable(handle: Any) -> Any:
    """Return the handle of an array, which can be written to, also for one without axes."""
    return TracedArray(handle.level, handle.out, handle.node, handle.type)


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


def _results(
    level: StepLevel, leaves: Sequence[Any], places: Mapping[int, int], inputs: Sequence[Node]
) -> Iterator[Result]:
    """Say where the leaves of the result come from; what is one array stays one."""
    met: dict[int, int] = {}
    for i, x in enumerate(leaves):
        first = met.setdefault(id(x), i)
        is_met = first < i and isinstance(x, np.ndarray)
        yield Result(None, same=first) if is_met else _result(level, x, places, inputs)


def _result(level: StepLevel, x: Any, places: Mapping[int, int], inputs: Sequence[Node]) -> Result:
    """Say where a leaf of the result comes from."""
    if id(x) in places:
        return Result(None, argument=places[id(x)])
    x = settled(frozen(x))
    if type(x) not in HANDLES:
        return Result(None, constant=x)
    if x.level is not level:
        raise NotCompiledError.from_outer_trace()
    if x.node in inputs and type(x) is TracedScalar:
        return Result(None, argument=inputs.index(x.node))
    return Result(x.node, is_array=type(x) is TracedArray)


def _made_anew(
    level: StepLevel, results: Sequence[Result], is_shared: Callable[[Any], bool]
) -> tuple[Result, ...]:
    """Have each call make the arrays that depend on nothing and that nobody but the caller gets.

    Raises:
        NotCompiledError: there is no native code for such an array.
    """
    times = Counter([id(r.constant) for r in results])
    made = []
    for r in results:
        x = r.constant
        if isinstance(x, np.ndarray) and not is_shared(x) and _is_alone(level, x, times[id(x)]):
            if type(x) is not np.ndarray or x.dtype.kind not in "biufc":
                raise NotCompiledError.from_result(f"{type(x).__name__} of dtype {x.dtype}")
            copied: Any = level.record(TABLE["copy"], (x,), {"order": "K"})
            made.append(Result(copied.node, is_array=True))
        else:
            made.append(r)
        del x, r
    return tuple(made)


def _is_alone(level: StepLevel, x: Any, results: int) -> bool:
    """Say whether so many results, and the graph, hold all references to an array and to its memory."""
    if _references_to(x) - _REFERENCES_OF_ONE > results - 1 + (id(x) in level.arrays):
        return False
    base = x.base
    return base is None or (
        isinstance(base, np.ndarray) and _references_to(base) < _REFERENCES_OF_ONE
    )


def _references_to(x: Any) -> int:
    return sys.getrefcount(x)


def _references_of_result() -> int:
    """Return what `_references_to` says in `_is_alone` of an array that one result holds."""
    r = Result(None, constant=np.zeros(1))
    x = r.constant

    def asked(x: Any) -> int:
        return _references_to(x)

    return asked(x)


_REFERENCES_OF_ONE = _references_of_result()


def _surroundings(
    level: StepLevel, is_shared: Callable[[Any], bool]
) -> tuple[list[tuple[Any, Node]], dict[Node, Any]]:
    """Split the plain arrays that were used into those to read at each call and those that the step made for itself.

    Raises:
        NotCompiledError: one was changed while the step ran.
    """
    read: list[tuple[Any, Node]] = []
    fixed: dict[Node, Any] = {}
    alone = _references_of_one()
    arrays = list(level.arrays.values())
    level.arrays.clear()
    while arrays:
        x, first, node = arrays.pop()
        older = level.older.get(id(x), ())
        if not is_shared(x) and sys.getrefcount(x) <= alone:
            fixed.update({n: content for content, n in older})
            fixed[node] = first
        elif older or not same_elements(x, first):
            raise NotCompiledError.from_changed_array()
        else:
            read.append((x, node))
    return read[::-1], fixed


def _references_of_one() -> int:
    """Return what `sys.getrefcount` says of an array that only the loop of `_surroundings` knows."""
    arrays = [(np.zeros(1), None, None)]
    x, _, _ = arrays.pop()
    return sys.getrefcount(x)


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
