"""Nodes, the levels that record them, and `apply`: the one place where an op is applied.

A traced value (`cells.py`) holds what it is one level down and the node that made it. Levels nest:
the gradient of a gradient records the same program twice, the inner level on top of the outer one.
What a user holds may be written to, so nodes refer to nodes and values, never to the user's object.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar, Token
from operator import attrgetter
from types import CodeType, TracebackType
from typing import Any, Self

import numpy as np

from chainrule.core.cells import (
    HANDLES,
    PLAIN,
    TracedArray,
    TracedScalar,
    TracedView,
    cell,
    frozen,
    settled,
    type_of,
)
from chainrule.core.op import READS_ALL, READS_OUT, Op
from chainrule.core.types import PYTHON_NUMBERS, ArrayType, Value, array_type
from chainrule.errors import OBSERVERS, ChainruleError, NotDifferentiableError
from chainrule.position import Position, caller

_level_numbers = itertools.count(1)
_node_numbers = itertools.count()
_LIBRARY_FRAMES = 5
"""Frames between `caller` and the first that may be the user's: Node, what makes it, `record`, `apply`."""

_READS_AT_MOST = 1024
"""Entries an op remembers of what its rule reads; parameters may take any number of values."""

_SMALL = 4096
"""Bytes up to which a plain operand is simply copied; larger ones share one copy per trace."""

SCOPE: ContextVar[str] = ContextVar("scope", default="")
"""The named part of the program that runs now, such as a layer; nodes record it."""


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Name the part of the program that runs inside, such as a layer; its nodes carry the name.

    >>> with scope("encoder"), scope("layers[0]"):
    ...     SCOPE.get()
    'encoder.layers[0]'
    """
    outer = SCOPE.get()
    token = SCOPE.set(f"{outer}.{name}" if outer else name)
    try:
        yield
    finally:
        SCOPE.reset(token)


CURRENT: ContextVar[Level | None] = ContextVar("level", default=None)
"""The innermost level of this context; it may have ended in a task that outlived it."""


def _remember(error: ChainruleError) -> None:
    """Remember an error in the running level, so that it is raised at the end even if it is swallowed on the way."""
    level = CURRENT.get()
    if level is not None and level.alive and level.escaped is None:
        level.escaped = error


OBSERVERS.append(_remember)


def is_following() -> bool:
    """Say whether a trace runs in this context, so that new arrays have to be cells."""
    level = CURRENT.get()
    return level is not None and level.alive


class Node:
    """One application of an op at one level, or, with no op, one input.

    Attributes:
        args: per argument the value its rule reads (one level down), else only its type; constants
            likewise.
        parents: per argument the node it came from, None for a constant.
        out: the value of the result if a rule reads it, else its type; a tuple for several outputs.
        type: the type of the result, an ArrayType; a tuple of them for several outputs.
        number: nodes are numbered in the order they were recorded, so parents have smaller numbers.
        place: the user's code and instruction, see `position`.
    """

    __slots__ = ("args", "number", "op", "out", "params", "parents", "place", "scope", "type")

    def __init__(
        self,
        op: Op | None,
        args: Sequence[Value],
        params: Mapping[str, Any],
        parents: Sequence[Any],
        out: Value,
        type: Any,  # noqa: A002  the vocabulary's word
    ) -> None:
        self.op = op
        self.args = args
        self.params = params
        self.parents = parents
        self.out = out
        self.type = type
        self.number = next(_node_numbers)
        self.place: tuple[CodeType, int] | None = caller(_LIBRARY_FRAMES)
        self.scope = SCOPE.get()

    @property
    def position(self) -> Position | None:
        """Where in the user's code this node was recorded."""
        return None if self.place is None else Position(*self.place)

    def release(self) -> None:
        """Let go of everything kept for the reverse sweep."""
        self.args = self.parents = ()
        self.out = None

    def __repr__(self) -> str:
        return f"<node {self.number} {self.op.name if self.op else 'input'} {self.type}>"


class Level:
    """One transform while it runs. When it has ended, its values behave as their numbers.

    Leaving the context raises an escape that NumPy or the user's code swallowed.
    """

    __slots__ = ("alive", "escaped", "number", "outer", "snapshots")
    hands_on_errors = True
    takes_derivatives = True
    has_numbers = True
    """Whether the values below are numbers in the end; they may be types alone."""
    follows_python = False
    """Whether its numbers stay traced where Python itself converts them, by `float(x)` for example."""

    def __init__(self) -> None:
        self.number = next(_level_numbers)
        self.alive = False
        self.escaped: ChainruleError | None = None
        self.snapshots: dict[int, tuple[Any, Any]] = {}
        self.outer: Token[Level | None] | None = None

    def __enter__(self) -> Self:
        self.alive = True
        self.outer = CURRENT.set(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.alive = False
        self.snapshots = {}
        if self.outer is not None:
            CURRENT.reset(self.outer)
            self.outer = None
        escaped, self.escaped = self.escaped, None
        if isinstance(error, ChainruleError) and error.is_remembered:
            if self.hands_on_errors:
                _remember(error)  # the outer trace's code may swallow it
        elif escaped is not None and (error is None or isinstance(error, Exception)):
            raise escaped from error

    def constant_of(self, x: Any) -> Value | None:
        """Return the plain value of what depends on nothing that is followed; None if it may: who asks loses that."""
        return None

    def lifted(self, x: Any) -> None:
        """Take note that a value has been written into an array of this level that an inner one follows."""

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        """Apply `op` one level down and record it here."""
        raise NotImplementedError  # pragma: no cover  levels are ReverseLevel, ForwardLevel and CaptureLevel

    def snapshot(self, x: Any) -> Any:
        """Return a plain operand that nobody can change later: what the tape keeps of it."""
        if type(x) is not np.ndarray:
            if type(x) in HANDLES:
                return frozen(x)
            return np.array(x) if isinstance(x, list) else x
        if x.nbytes <= _SMALL:
            return x.__copy__()
        if not x.flags.writeable and x.base is None:
            return x
        known = self.snapshots.get(id(x))
        if known is None or known[0] is not x or not same_elements(known[1], x):
            known = self.snapshots[id(x)] = (x, x.__copy__())
        return known[1]


def same_elements(x: Any, y: Any) -> bool:
    """Say whether two arrays have the same elements; NaN equals NaN."""
    return x.shape == y.shape and bool(np.array_equal(x, y, equal_nan=x.dtype.kind in "fc"))


class ReverseLevel(Level):
    """Records nodes for a reverse sweep. With `keep_all` every value is kept, not only what rules read."""

    __slots__ = ("keep_all",)

    def __init__(self, *, keep_all: bool = False) -> None:
        super().__init__()
        self.keep_all = keep_all

    def input(self, value: Value) -> Any:
        """Return a traced input whose content is `value`, which nobody else may write to."""
        return wrap(self, value, Node(None, (), {}, (), value, type_of(value)))

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        # This and what it calls run for every op of every program that is differentiated.
        if len(args) != 1:
            return self._record_several(op, args, params)
        a = args[0]
        below = a.out
        if type(below) in HANDLES:
            out = apply(op, below, **params)
        else:
            try:
                out = op.numpy(below, **params)
            except ValueError:
                op.infer(type_of(below), **params)
                raise
        if op.is_constant:
            return out
        reads = op.known_reads.get(_reads_key(1, (below,), params) if op.reads_vary else 1)
        if reads is None or self.keep_all:
            reads = self._reads_of(op, 1, (below,), params, out)
        return self._recorded(op, (below if reads & 2 else a.type,), params, (a.node,), out, reads)

    def _record_several(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        inner: list[Value] = []
        parents: list[Any] = []
        is_plain = True
        traced, bit = 0, 1
        for a in args:
            below, parent = a, None
            if type(a) in HANDLES:
                if a.level is self:
                    below, parent = a.out, a.node
                    traced += bit
                else:
                    below = settled(a)
                is_plain = is_plain and type(below) not in HANDLES
            inner.append(below)
            parents.append(parent)
            bit += bit
        if is_plain:
            try:
                out = op.numpy(*inner, **params)
            except ValueError:
                # says better than NumPy which shapes do not fit
                op.infer(*map(type_of, inner), **params)
                raise
        else:
            out = apply(op, *inner, **params)
        if op.is_constant:
            return out
        reads = op.known_reads.get(_reads_key(traced, inner, params) if op.reads_vary else traced)
        if reads is None or self.keep_all:
            reads = self._reads_of(op, traced, inner, params, out)
        kept = self._kept(args, inner, parents, reads)
        return self._recorded(op, kept, params, parents, out, reads)

    def _kept(
        self, args: Sequence[Value], inner: Sequence[Value], parents: Sequence[Any], reads: int
    ) -> list[Value]:
        """Return the values that the rule reads, and of the others the types; numbers are kept in any case."""
        kept = []
        bit = 1
        for a, below, parent in zip(args, inner, parents):  # noqa: B905  strict= costs, and all are as long as args
            bit += bit
            if type(below) in PYTHON_NUMBERS and parent is None:
                kept.append(below)
            elif reads & bit:
                kept.append(below if parent is not None else self.snapshot(below))
            else:
                kept.append(a.type if parent is not None else type_of(below))
        return kept

    def _recorded(
        self,
        op: Op,
        kept: Sequence[Value],
        params: Mapping[str, Any],
        parents: Sequence[Any],
        out: Value,
        reads: int,
    ) -> Value:
        """Return the handle, or the tuple of handles, for a result and its new node."""
        kind = type(out)
        if kind is np.ndarray:
            out_type = array_type(out.shape, out.dtype)
            node = Node(op, kept, params, parents, out if reads & READS_OUT else out_type, out_type)
            return TracedArray(self, out, node, out_type)
        if kind is tuple:
            types = tuple([type_of(o) for o in out])
            node = Node(op, kept, params, parents, out if reads & READS_OUT else types, types)
            return tuple([project(self, node, i, o) for i, o in enumerate(out)])
        out_type = type_of(out)
        node = Node(op, kept, params, parents, out if reads & READS_OUT else out_type, out_type)
        if kind is TracedArray or kind is TracedView or (kind is ArrayType and out.shape):
            return TracedArray(self, out, node, out_type)
        return TracedScalar(self, out, node, out_type)

    def _reads_of(
        self, op: Op, traced: int, inner: Sequence[Value], params: Mapping[str, Any], out: Value
    ) -> int:
        """Return which values the reverse rule reads, derived once; all where all are kept, or are types alone."""
        one = out[0] if type(out) is tuple and out else out
        if self.keep_all or (type(one) in HANDLES and not one.level.has_numbers):
            return READS_ALL
        reads = op.reads(traced, [type_of(a) for a in inner], params)
        if len(op.known_reads) >= _READS_AT_MOST:
            op.known_reads.clear()
        op.known_reads[_reads_key(traced, inner, params) if op.reads_vary else traced] = reads
        return reads


def _reads_key(traced: int, values: Sequence[Value], params: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return what the reads of a rule may depend on: real or complex, and the parameters."""
    return (traced, *[type_of(x).dtype.kind for x in values], *params.items())


class ForwardLevel(Level):
    """Carries tangents: a value's `node` is its tangent. Nothing is recorded, memory stays that of the function."""

    __slots__ = ()

    def input(self, value: Value, tangent: Value) -> Any:
        """Return a traced input that moves along `tangent`."""
        return wrap(self, value, tangent)

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        inner: list[Value] = []
        tangents: list[Value] = []
        for a in args:
            if type(a) in HANDLES and a.level is self:
                inner.append(a.out)
                tangents.append(a.node)
            else:
                inner.append(settled(a))
                tangents.append(None)
        out = apply(op, *inner, **params)
        if op.is_constant:
            return out
        tangent = op.jvp(tangents, out, inner, params)
        if type(out) is tuple:
            pairs = zip(out, tangent, strict=True)
            return tuple([wrap(self, o, t) if type_of(o).is_inexact else o for o, t in pairs])
        return wrap(self, out, tangent)


def apply(op: Op, *args: Value, **params: Any) -> Value:
    """Apply `op`: record it at the innermost running level among `args`, then apply it one level down.

    Args:
        op: the op.
        *args: arrays, numbers and traced values.
        **params: the op's parameters in canonical form.

    Returns:
        A traced value if an argument is one and the op has a derivative, else a plain value.
    """
    level = None
    for a in args:
        if type(a) in HANDLES:
            if type(a) is TracedView:
                a.refresh()
            if level is None or a.level.number > level.number:
                level = a.level
    if level is None:
        try:
            return op.numpy(*args, **params)
        except ValueError:
            op.infer(*map(type_of, args), **params)
            raise
    if not level.alive:
        out = apply(op, *map(settled, args), **params)
        return cell(out) if level is PLAIN and type(out) is np.ndarray and is_following() else out
    if op.undefined and level.takes_derivatives:
        raise NotDifferentiableError.from_reason(op.name, op.undefined)
    return level.record(op, args, params)


def wrap(level: Level, out: Value, node: Any) -> Any:
    """Return the handle for a new value: an array for an array, a scalar for anything else."""
    kind = type(out)
    if kind is np.ndarray:
        return TracedArray(level, out, node, array_type(out.shape, out.dtype))
    if kind is TracedArray or kind is TracedView:
        return TracedArray(level, out, node, out.type)
    if kind is ArrayType and out.shape:
        return TracedArray(level, out, node, out)
    return TracedScalar(level, out, node, type_of(out))


def project(level: Level, node: Node, index: int, out: Value) -> Any:
    """Return the handle for one output of a node with several."""
    output_type = node.type[index]
    if not output_type.is_inexact:
        return out
    return wrap(level, out, Node(OUTPUT, (), {"index": index}, (node,), output_type, output_type))


def _never(*_: Any) -> Any:
    message = "the sweeps treat outputs themselves"
    raise AssertionError(message)


OUTPUT = Op("output", "linear", _never, _never, _never, _never, _never)
"""Stands in nodes that are one output of their parent. Not in the table: no user's call reaches it."""


def topological(ends: Iterable[Node]) -> list[Node]:
    """Return every node that `ends` depend on, parents first. Iterative: depth has no limit."""
    seen = set(ends)
    stack = list(seen)
    while stack:
        for parent in stack.pop().parents:
            if parent is not None and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(seen, key=attrgetter("number"))
