"""Tape: every op that one run of a function recorded, with all its values."""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.arguments import borrowed_array, enter, plain_result
from chainrule.core.cells import HANDLES, frozen, settled, type_of
from chainrule.core.op import Op
from chainrule.core.reroute import following
from chainrule.core.trace import OUTPUT, Node, ReverseLevel
from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.explanation.constants import Constants, named_constants
from chainrule.explanation.names import Place, assigned_names, unique
from chainrule.markup import table
from chainrule.position import Position, caller, stack

Stack = tuple[tuple[CodeType, int], ...]
_PART = re.compile(r"\['([^\W\d]\w*)'\]|\.([^\W\d]\w*)")
_SHOWN_ON_FAILURE = 8
_WIDEST = 60


class ListedLevel(ReverseLevel):
    """A reverse level that keeps every value, and lists its nodes for the case that the function fails.

    It also notes the calls that led to every node, and what was decided by a value: a comparison, a rounding.
    """

    __slots__ = ("decisions", "nodes", "stacks")

    def __init__(self) -> None:
        super().__init__(keep_all=True)
        self.nodes: list[Node] = []
        self.stacks: dict[Node, Stack] = {}
        self.decisions: list[tuple[Op, Place]] = []

    def record(self, op: Op, args: Sequence[Value], params: Mapping[str, Any]) -> Value:
        if op.is_constant:
            self.decisions.append((op, caller(2)))
        return super().record(op, args, params)

    def _recorded(
        self,
        op: Op,
        kept: Sequence[Value],
        params: Mapping[str, Any],
        parents: Sequence[Any],
        out: Value,
        reads: int,
    ) -> Value:
        result = super()._recorded(op, kept, params, parents, out, reads)
        if type(result) is tuple:
            outputs = [x.node for x in result if type(x) in HANDLES]
            nodes = [outputs[0].parents[0], *outputs] if outputs else []
        else:
            nodes = [result.node]
        self.nodes += nodes
        self.stacks.update(dict.fromkeys(nodes, stack(_RUN)))
        return result


@dataclass(frozen=True, eq=False)
class Tape:
    """One run of a function, every value kept.

    Attributes:
        function: the function's name.
        inputs: the input nodes, one per array or number among the arguments that can carry a derivative.
        nodes: what was recorded, in order.
        results: per array or number of the result its node; None for what depends on no input.
        values: the same results as plain values.
        names: what the user calls the values, where that is known; of an input in a container the last part of its
            path, if no other has it.
        paths: the full path of every input, such as `params['W1']`.
        outside: the place the trace was started from.
        stacks: per node the calls that led to it, as (code, instruction), the function's own frame first.
        decisions: the ops by which values decided something that has no derivative, such as a comparison, and where.
        constants: the names of the arguments that are no inputs.
    """

    function: str
    inputs: tuple[Node, ...]
    nodes: tuple[Node, ...]
    results: tuple[Node | None, ...]
    values: tuple[Any, ...]
    names: Mapping[Node, str]
    paths: Mapping[Node, str]
    outside: Place
    stacks: Mapping[Node, Stack] = field(default_factory=dict)
    decisions: Sequence[tuple[Op, Place]] = ()
    constants: Constants = field(default_factory=Constants)

    def name(self, node: Node) -> str:
        """Return what a node is called: the user's name, or its number on the tape."""
        return self.names[node] if node in self.names else f"v{node.number - self.first}"

    @functools.cached_property
    def first(self) -> int:
        """The number of the first node."""
        return min((n.number for n in (*self.inputs, *self.nodes)), default=0)

    def position(self, node: Node) -> Position | None:
        """Return the user's line that recorded a node."""
        return None if node.place == self.outside else node.position

    def __str__(self) -> str:
        """One line per value: name, call, value, source line."""
        return _aligned(self._rows())

    def _repr_html_(self) -> str:
        """Return the same as a table, for notebooks."""
        return table(self.function, ("name", "call", "value", "line"), self._rows())

    def _rows(self) -> list[tuple[str, str, str, str]]:
        rows = [(self.name(n), "input", _shown(n.out), "") for n in self.inputs]
        for node in self.nodes:
            place = self.position(node)
            rows.append(
                (
                    self.name(node),
                    self.call(node),
                    _shown(value_of(node)),
                    "" if place is None else str(place),
                )
            )
        return rows

    def call(self, node: Node) -> str:
        """Write the call that made a node."""
        if node.op is OUTPUT:
            return f"{self.name(node.parents[0])}[{node.params['index']}]"
        if node.op is None:
            return "input"
        arguments = [
            _shown(a) if p is None else self.name(p)
            for a, p in zip(node.args, node.parents, strict=True)
        ]
        return f"{node.op.name}({', '.join(arguments)})"


def trace(f: Callable[..., Any], *args: Any, **options: Any) -> Tape:
    """Run `f` and return the tape of what it did, with every value.

    Args:
        f: a function of arrays and numbers, or of containers of them.
        *args: its arguments. Floats and arrays of floats in them are the inputs of the tape.
        **options: passed to `f` as they are.

    Returns:
        A tape: print it, or read `tape.nodes`.

    If `f` raises, its error carries a note with the last ops before.

    Examples:
        >>> def f(x, y):
        ...     q = x * y
        ...     return q + 1
        >>> print(trace(f, 2.0, 3.0))
        x   input           2.0
        y   input           3.0
        q   multiply(x, y)  6.0 ...
        v3  add(q, 1)       7.0 ...
    """
    return recorded("explain", ListedLevel(), f, args, options, range(len(args)))


def recorded(
    where: str,
    level: ListedLevel,
    f: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    positions: Container[int],
) -> Tape:
    """Run `f` on a level with the arguments at `positions` traced, and return the tape."""
    outside = caller()
    paths: dict[Node, str] = {}
    called = argument_names(f, len(args))
    fixed = [i for i in range(len(args)) if i not in positions]
    constants = Constants(
        {k: _last_part(path) for i in fixed for k, path in named_constants(args[i], called[i])}
    )
    with level, following(f):
        given = [
            _traced(where, level, argument, called[i], paths if i in positions else None)
            for i, argument in enumerate(args)
        ]
        names = _short_names(paths)
        try:
            out = f(*given, **options)
        except Exception as error:
            _add_names(names, level.nodes, outside)
            error.add_note(
                _note(
                    Tape(
                        _name_of(f), tuple(paths), tuple(level.nodes), (), (), names, paths, outside
                    )
                )
            )
            raise
        found = [frozen(x) for x in tree.leaves(out)]
    if not found:
        raise ArgumentError.from_no_result(where, type(out).__name__)
    _add_names(names, level.nodes, outside)
    mine = [type(x) in HANDLES and x.level is level for x in found]
    return Tape(
        _name_of(f),
        tuple(paths),
        tuple(level.nodes),
        tuple(x.node if m else None for x, m in zip(found, mine, strict=True)),
        tuple(plain_result(x.out if m else x) for x, m in zip(found, mine, strict=True)),
        names,
        paths,
        outside,
        level.stacks,
        tuple(level.decisions),
        constants,
    )


_RUN = recorded.__code__
"""Where the user's frames end."""


def _traced(
    where: str, level: ReverseLevel, argument: Any, name: str, paths: dict[Node, str] | None
) -> Any:
    """Return an argument with its floats as inputs of the level, and note their paths; with None as constants."""
    leaves, structure = tree.flatten(argument)
    if not leaves:
        return argument
    handles = []
    for leaf, path in zip(leaves, tree.paths(argument, name), strict=True):
        if paths is None or not type_of(settled(leaf)).is_inexact:
            handles.append(borrowed_array(leaf))
            continue
        handle = level.input(enter(where, leaf, path).values[0])
        paths[handle.node] = path
        handles.append(handle)
    return tree.unflatten(structure, handles)


def _add_names(names: dict[Node, str], nodes: Sequence[Node], outside: Place) -> None:
    """Add the variables of the user's function to the names of the inputs."""
    taken = dict.fromkeys(names.values(), 1)
    for node, name in assigned_names(nodes, outside).items():
        names[node] = unique(name, taken)


def _short_names(paths: Mapping[Node, str]) -> dict[Node, str]:
    """Return `W1` for `params['W1']` and `layers[0].weight` for `model.layers[0].weight`, if no other path ends so."""
    counts = Counter(end for path in paths.values() for end in _ends(path))
    return {
        node: next((end for end in _ends(path) if counts[end] == 1), path)
        for node, path in paths.items()
    }


def _ends(path: str) -> list[str]:
    """Return the ends of a path that start with a name, the shortest first."""
    starts = [(m.start(), m[1] or m[2]) for m in _PART.finditer(path)]
    return [name + path[start + len(_quoted(path, start, name)) :] for start, name in starts[::-1]]


def _quoted(path: str, start: int, name: str) -> str:
    """Return how a name stands in a path: `['W1']` or `.weight`."""
    return f"['{name}']" if path[start] == "[" else path[start : start + len(name) + 1]


def _last_part(path: str) -> str:
    return _ends(path)[0] if _ends(path) else path


def value_of(node: Node) -> Any:
    """Return the value of a node of a tape."""
    return node.parents[0].out[node.params["index"]] if node.op is OUTPUT else node.out


def argument_names(f: Callable[..., Any], count: int) -> list[str]:
    """Return what a function calls its positional arguments."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        parameters = ()  # type: ignore[assignment]  # any iterable of none
    names = [p.name for p in parameters if p.kind in {p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD}]
    rest = [p.name for p in parameters if p.kind is p.VAR_POSITIONAL] or ["argument"]
    names += [f"{rest[0]}{i}" for i in range(len(names), count)]
    return names[:count]


def _name_of(f: Callable[..., Any]) -> str:
    return str(getattr(f, "__name__", type(f).__name__))


def _note(tape: Tape) -> str:
    """Say how far a run came."""
    count = len(tape.nodes)
    head = f"chainrule had recorded {count} ops of {tape.function}"
    if not count:
        return f"{head}."
    shown = str(tape).splitlines()[-min(count, _SHOWN_ON_FAILURE) :]
    return "\n".join([f"{head}; the last:", *(f"  {line}" for line in shown)])


def _shown(value: Any) -> str:
    """Write a value on one short line: small ones in full, of larger ones the type."""
    if type(value) is tuple:
        return ", ".join(map(_shown, value))
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, np.ndarray):
        text = " ".join(np.array2string(value, precision=6).split())
        return text if value.size <= 8 and len(text) <= _WIDEST else str(type_of(value))
    text = " ".join(repr(value).split())
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 1]}…"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )
