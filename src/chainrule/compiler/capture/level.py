"""The level that records a step, in the order it ran.

Where Python asks for the truth of a traced value, the numbers of this call decide and the outcome is recorded as a
guard: the graph then holds for every call in which all guards have the same outcomes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from typing import Any, cast

import numpy as np

from chainrule.compiler.capture.numbers import has_numbers, measure, number, types_from
from chainrule.compiler.capture.strides import laid_out, lying_as
from chainrule.compiler.capture.without_axes import are_arrays
from chainrule.compiler.decisions import CHECK, GUARD
from chainrule.compiler.error_settings import warns_as_usual
from chainrule.core.cells import HANDLES, TracedArray, TracedView, settled, type_of
from chainrule.core.graph import CaptureLevel
from chainrule.core.op import FRONTS, Op
from chainrule.core.trace import CURRENT, OUTPUT, Node, same_elements, wrap
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.errors import EscapedValueError, NotCompiledError, ShapeError
from chainrule.ops.numbers import NeedsNumbers
from chainrule.records import replaced

_NUMBERS_AT_MOST = 64
"""How many numbers of one value may decide about a shape."""
_ANSWERS_AT_MOST = 8
"""How many different numbers one decision is compiled for."""
_SHAPES_AT_MOST = 2
"""How many counts a selection is compiled for where nothing is differentiated: NumPy is quicker than more trials."""

_BESIDE_INDEX = {"setitem": 2, "scatter": 1, "getitem": 1}
"""Arguments that are values; those behind them are positions."""


class StepLevel(CaptureLevel):
    """Records a step in the order it ran.

    Attributes:
        nodes: every node but the inputs, in recording order.
        arrays: plain arrays that the step used without getting them as arguments, by identity: the array, its content
            when it was first used, its node.
        read: arrays that are read at each call, by identity, with their nodes: those that the step was shown as inputs.
        sources: those arrays, by their nodes.
        handed: what plain code has got for arrays of the step's, by their nodes: the array, its version, the plain one
            and a copy of that.
        unshown: the identities of those that code has used to which they were not shown.
        given: the identities of the handles of arrays that are not the step's own: plain ones outside of it.
        held: the identities of the arrays to whose numbers the graph is held.
        older: what an array of `arrays` held before the step changed it, by identity: contents and nodes, in order.
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
        "given",
        "handed",
        "held",
        "known",
        "layouts",
        "moves",
        "nodes",
        "older",
        "outcomes",
        "questions",
        "read",
        "sources",
        "unshown",
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
        self.read: dict[int, tuple[Any, Node]] = {}
        self.sources: dict[Node, Any] = {}
        self.unshown: set[int] = set()
        self.given: set[int] = set()
        self.handed: dict[Node, tuple[Any, int, Any, Any]] = {}
        self.held: set[int] = set()
        self.older: dict[int, list[tuple[Any, Node]]] = {}
        self.outcomes: list[bool] = []
        self.forced = forced
        self.known: dict[Node, Value] = {}
        self.layouts: dict[Node, Any] = {}

    def enter_input(self, value: Value) -> Any:
        """Return a traced input; its number serves the guards."""
        handle = self.input(type_of(value))
        self.known[handle.node] = value
        return self._given(handle) if isinstance(value, np.ndarray) else handle

    def read_input(self, x: np.ndarray[Any, Any]) -> Any:
        """Return a traced input for an array that is read at each call."""
        if id(x) in self.arrays:  # code that nobody shows anything has used it before
            _, _, node = self.arrays.pop(id(x))
        else:
            node = self.input(_in_order(array_type(x.shape, x.dtype))).node
        self.read[id(x)] = x, node
        self.sources[node] = x
        self.known[node] = x
        return self._given(wrap(self, node.type, node))

    def _given(self, handle: Any) -> Any:
        made = _writable(handle)
        self.given.add(id(made))
        return made

    def lifted(self, x: Any) -> None:
        """Leave the step to Python where its gradient writes traced values into a plain array, which is refused."""
        if id(x) in self.given:
            self.escaped = NotCompiledError.from_overwritten()

    def constant_of(self, x: Any) -> Value | None:
        """Return the plain value of what depends on arrays alone that are read at each call, and hold them to it."""
        if type(x.out) is not ArrayType:
            return None
        found = self._sources_of(x.node)
        if found is None:
            return None
        self.hold(found)
        value = self.number_of(x.node)
        is_plain = not isinstance(value, np.ndarray) or x.node in self.sources
        return value if is_plain else self._handed_out(x, value)

    def _handed_out(self, x: Any, value: np.ndarray[Any, Any]) -> Value:
        if x.node not in self.handed:
            array = x.base if type(x) is TracedView else x
            self.handed[x.node] = array, array.version, value.copy(order="K"), value.copy()
        return self.handed[x.node][2]

    def check_handed(self) -> None:
        """See that nobody wrote to an array of which plain code has got another: NumPy's would have been one.

        Raises:
            NotCompiledError: somebody did.
        """
        handed = list(self.handed.values())
        self.handed.clear()
        if any(x.version > v or not same_elements(y, first) for x, v, y, first in handed):
            raise NotCompiledError.from_shared_array()

    def _sources_of(self, node: Node) -> list[Any] | None:
        """Return the arrays read at each call that a node depends on; None if it depends on an argument, too."""
        seen, pending, found = {node}, [node], []
        while pending:
            top = pending.pop()
            if top.op is None and top not in self.sources:
                return None
            if top.op is None:
                found.append(self.sources[top])
            more = {p for p in top.parents if p is not None} - seen
            seen |= more
            pending += more
        return found

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
        handle = wrap(self, _in_order(out), made)
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
        if id(x) in self.read:
            self.unshown.add(id(x))
            node = self.read[id(x)][1]
            return node, node.type
        known = self.arrays.get(id(x))
        if known is not None and not same_elements(known[1], x):
            self.older.setdefault(id(x), []).append(known[1:])
            known = None
        if known is None:
            t = _in_order(array_type(x.shape, x.dtype))
            node = Node(None, (), {}, (), t, t)
            known = self.arrays[id(x)] = (x, x.copy(), node)
            self.known[node] = known[1]
        return known[2], known[2].type

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
        plain = [(x, n) for x, _, n in self.arrays.values()]
        for x, n in (*plain, *self.read.values()):
            if n not in self.layouts:
                self.layouts[n] = lying_as(x)
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
        if x.type.size <= _NUMBERS_AT_MOST and x.type.dtype.kind in "biufc":
            return self._agreed(x, name)
        known = self.constant_of(x)
        if known is None:
            raise ShapeError.from_unknown(name)
        return known

    def count_of(self, x: Any) -> int:
        """Return the integer that a value is in this call: the graph is for that one.

        Raises:
            EscapedValueError: an integer among the arguments is traced, and may be the one to be compiled for.
        """
        if self.moves:
            raise EscapedValueError.from_unknown_numbers()
        return int(self.numbers_of(x, "an integer that Python counts by"))

    def hold(self, arrays: Iterable[Any]) -> None:
        """Hold the graph to what these arrays contain now: plain code may have computed constants of it.

        Raises:
            NotCompiledError: they held something else too often.
        """
        for x in arrays:
            if id(x) not in self.held and x.size and x.dtype.kind in "biufc":
                self.held.add(id(x))  # at once: decisions that follow are made of these numbers
                node, t = self._plain(x)
                self._agreed(wrap(self, t, node), "an array that is read besides the arguments")

    def _agreed(self, x: Any, name: str, most: int = _ANSWERS_AT_MOST) -> Value:
        """Return the numbers of a value in this call, or equal ones of an earlier capture; record that it has those."""
        number = self.number_of(x.node)
        for _ in range(most):
            asked = self.questions.setdefault(tuple(self.outcomes), copy(number))
            # A copy that nobody else holds is a constant of the graph; large ones are read where they lie.
            held = copy(asked) if x.type.size <= _NUMBERS_AT_MOST else asked
            if self.decide(has_numbers(x, held)):
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
        measuring = measure(op)
        unknown = array_type((), np.dtype(np.int64))
        sizes = self.number_of(Node(measuring, args, params, parents, unknown, unknown))
        if sizes is None:
            raise ShapeError.from_unknown(op.name)
        fixed = array_type(sizes.shape, sizes.dtype)
        node = Node(
            replaced(measuring, infer=lambda *_, **__: fixed), args, params, parents, fixed, fixed
        )
        self.nodes.append(node)
        asked = self.numbers_of(wrap(self, fixed, node), op.name)
        types = types_from(asked)
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
            known[top] = number(top, known)
        return known[node]


def _is_python_integer(x: Value) -> bool:
    return type(x) in HANDLES and x.type.weak and x.type.dtype.kind == "i"


def _is_narrow(t: ArrayType) -> bool:
    """Say whether some of Python's integers of 64 bits are none of this type."""
    return not t.weak and (t.dtype.kind == "u" or (t.dtype.kind == "i" and t.dtype.itemsize < 8))


def _in_order(t: ArrayType) -> ArrayType:
    """Return a type of numbers whose bytes lie in the machine's order.

    Raises:
        NotCompiledError: they lie in the other one, which native code does not know.
    """
    if not t.dtype.isnative:
        raise NotCompiledError.from_byte_order(t.dtype)
    return t


def _writable(handle: Any) -> Any:
    """Return the handle of an array, which can be written to, also for one without axes."""
    return TracedArray(handle.level, handle.out, handle.node, handle.type)
