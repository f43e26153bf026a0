"""A large graph made small: values fold by loop, scope, function, source line and chain, each fold within another.

The values of a fold follow each other on the tape. So no way leads out of a fold and back into it, and the folded graph
has no cycle either.
"""

from __future__ import annotations

import itertools
import linecache
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import Any, Literal

from chainrule.explanation.glyphs import gate_symbol, label_of
from chainrule.explanation.numbers import Digits
from chainrule.explanation.repetitions import repetitions
from chainrule.explanation.tape import Stack, Tape
from chainrule.explanation.wires import Graph, Wire
from chainrule.position import range_at

Kind = Literal["all", "repeat", "pass", "scope", "call", "line", "chain", "entries", "part"]
_MOST_ITEMS = 40
_PART = 25
_SHORT = 6
"""Steps that need no folding by line."""
_LONGEST_TITLE = 34
_MERE = frozenset({"chain", "line", "call"})
"""What says less about a single item than what is around it."""


@dataclass(frozen=True, eq=False)
class Fold:
    """Values that are shown as one, until they are unfolded.

    Attributes:
        kind: what holds them together.
        title: what they are called.
        items: values and folds, in forward order.
    """

    kind: Kind
    title: str
    items: tuple[Wire | Fold, ...]

    def wires(self) -> Iterator[Wire]:
        """Yield all values inside, in order."""
        stack: list[Wire | Fold] = [self]
        while stack:
            item = stack.pop()
            if isinstance(item, Wire):
                yield item
            else:
                stack += reversed(item.items)

    def folds(self) -> Iterator[Fold]:
        """Yield this fold and all inside, outer ones first."""
        stack: list[Fold] = [self]
        while stack:
            fold = stack.pop()
            yield fold
            stack += [item for item in reversed(fold.items) if isinstance(item, Fold)]


_Unit = tuple[Wire, ...]
"""The entries of one node: one value, or several where a graph follows single entries."""


def folded(graph: Graph, tape: Tape) -> Fold:
    """Fold a graph; inputs go where they are read."""
    computed = [w for w in graph.wires if w.node.op is not None]
    units = [tuple(run) for _, run in itertools.groupby(computed, key=lambda w: w.node)]
    root = Fold("all", tape.function, tuple(_Folder(tape).by_repetition(units, 0, 0)))
    return _in_parts(_with_inputs(root, [w for w in graph.wires if w.node.op is None]))


class _Folder:
    """Folds by what is outermost; `frame` counts the calls and `part` the names of scopes that are folded already."""

    def __init__(self, tape: Tape) -> None:
        self.tape = tape

    def by_repetition(self, units: Sequence[_Unit], frame: int, part: int) -> list[Wire | Fold]:
        """Fold what a loop did: the same steps at the same places, again and again."""
        found = [
            span
            for span in repetitions([self.key(u) for u in units])
            if self.is_whole(units, span, frame)
        ]
        if not found:
            return self.by_scope(units, frame, part)
        start, period, count = found[0]
        end = start + period * count
        passes: list[Wire | Fold] = []
        for i in range(count):
            block = units[start + i * period : start + (i + 1) * period]
            inside = self.by_repetition(block, frame, part)
            passes += _fold("pass", f"pass {i + 1} of {count}", inside)
        return [
            *(self.by_repetition(units[:start], frame, part) if start else []),
            *_fold("repeat", f"{self.where(block, frame)} × {count}", passes),
            *(self.by_repetition(units[end:], frame, part) if end < len(units) else []),
        ]

    def by_scope(self, units: Sequence[_Unit], frame: int, part: int) -> list[Wire | Fold]:
        """Fold the parts of the program that have a name."""
        items: list[Wire | Fold] = []
        for name, run in _runs(units, lambda u: _scope(u, part)):
            if name:
                items += _fold("scope", name, self.by_repetition(run, frame, part + 1))
            else:
                items += self.by_line(run, frame, part)
        return items

    def by_line(self, units: Sequence[_Unit], frame: int, part: int) -> list[Wire | Fold]:
        """Fold what one line did, where there are many steps or calls."""
        runs = _runs(units, lambda u: self.place(u, frame)[:2])
        if len(runs) == 1 or (
            len(units) <= _SHORT and not any(self.is_call(u, frame) for u in units)
        ):
            return self.by_call(units, frame, part)
        items: list[Wire | Fold] = []
        for (file, line), run in runs:
            inside = self.by_call(run, frame, part)
            text = linecache.getline(file, line).strip()
            items += _fold("line", _short(text), inside) if text else inside
        return items

    def by_call(self, units: Sequence[_Unit], frame: int, part: int) -> list[Wire | Fold]:
        """Fold what a function did that was called."""
        items: list[Wire | Fold] = []
        for site, run in _runs(units, lambda u: self.site(u, frame)):
            if site is None:
                items += self.by_chain(run)
            else:
                inside = self.by_repetition(run, frame + 1, part)
                items += _fold("call", f"{site[1].co_name}()", inside)
        return items

    def by_chain(self, units: Sequence[_Unit]) -> list[Wire | Fold]:
        """Fold elementwise steps that follow each other, with no other way in or out."""
        items: list[Wire | Fold] = []
        chain: list[_Unit] = []
        for unit in units:
            if chain and not _follows(unit, chain[-1]):
                items += _chain(chain)
                chain = []
            chain.append(unit)
        return items + _chain(chain)

    def is_whole(self, units: Sequence[_Unit], span: tuple[int, int, int], frame: int) -> bool:
        """Say whether a repetition is no mere part of a call: then it belongs to the function that was called."""
        start, period, count = span
        end = start + period * count
        for inside, outside in ((start, start - 1), (end - 1, end)):
            if 0 <= outside < len(units):
                site = self.site(units[inside], frame)
                if site is not None and site == self.site(units[outside], frame):
                    return False
        return True

    def stack(self, unit: _Unit) -> Stack:
        return self.tape.stacks.get(unit[0].node, ())

    def place(self, unit: _Unit, frame: int) -> tuple[str, int]:
        """Return file and line in a frame."""
        stack = self.stack(unit)
        if frame >= len(stack):
            return "", 0
        return stack[frame][0].co_filename, range_at(stack[frame])[0] or 0

    def is_call(self, unit: _Unit, frame: int) -> bool:
        return len(self.stack(unit)) > frame + 1

    def site(self, unit: _Unit, frame: int) -> tuple[Any, CodeType] | None:
        """Return where in a frame a function was called, and which; comprehensions are part of their function."""
        stack = self.stack(unit)
        for called in stack[frame + 1 :]:
            if not called[0].co_name.startswith("<") or called[0].co_name == "<lambda>":
                return range_at(stack[frame]), called[0]
        return None

    def key(self, unit: _Unit) -> Any:
        """Return what is the same when a loop comes round again."""
        node = unit[0].node
        places = tuple((code, range_at((code, at))) for code, at in self.stack(unit))
        return (places, getattr(node.op, "name", ""), node.scope, len(unit))

    def where(self, units: Sequence[_Unit], frame: int) -> str:
        """Return the lines that some steps took."""
        lines = sorted({self.place(u, frame)[1] for u in units} - {0})
        if not lines:
            return "steps"
        return f"line {lines[0]}" if len(lines) == 1 else f"lines {lines[0]}–{lines[-1]}"


def _runs(units: Sequence[_Unit], key: Callable[[_Unit], Any]) -> list[tuple[Any, list[_Unit]]]:
    return [(k, list(run)) for k, run in itertools.groupby(units, key=key)]


def _fold(kind: Kind, title: str, items: Sequence[Wire | Fold]) -> list[Wire | Fold]:
    """Return the items as one fold; a single one needs none, but takes the title if it is a mere part."""
    if len(items) == 1:
        (only,) = items
        if isinstance(only, Fold) and (only.kind in _MERE or kind == "line"):
            return [Fold(kind, title, only.items)]
        return [only]
    return [Fold(kind, title, tuple(items))]


def _scope(unit: _Unit, depth: int) -> str:
    parts: list[str] = unit[0].node.scope.split(".")
    return parts[depth] if depth < len(parts) else ""


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_TITLE else f"{text[: _LONGEST_TITLE - 1]}…"


def _follows(unit: _Unit, before: _Unit) -> bool:
    """Say whether a step is elementwise and the only one that reads the step before, which is all it reads."""
    if len(unit) > 1 or len(before) > 1:
        return False
    (wire,), (other,) = unit, before
    ops = (wire.node.op, other.node.op)
    return (
        all(op is not None and op.kind == "elementwise" for op in ops)
        and {e.source for e in wire.edges} == {other}
        and {e.target for e in other.readers} == {wire}
    )


def _chain(units: Sequence[_Unit]) -> list[Wire | Fold]:
    items: list[Wire | Fold] = []
    for unit in units:
        name = label_of(unit[0]).partition("[")[0]
        items += _fold("entries", f"{name}: {len(unit)} entries", unit)
    if len(units) < 3:
        return items
    symbols = [gate_symbol(u[0], Digits(3)) for u in units]
    return _fold("chain", _short(" → ".join(symbols)), items)


def _with_inputs(root: Fold, inputs: Sequence[Wire]) -> Fold:
    """Put every input into the innermost fold in which all its readers are; a chain stays a chain."""
    inside: dict[Wire, tuple[Fold, ...]] = {}
    stack: list[tuple[Fold, tuple[Fold, ...]]] = [(root, (root,))]
    while stack:
        fold, around = stack.pop()
        for item in fold.items:
            if isinstance(item, Wire):
                inside[item] = around
            else:
                stack.append((item, (*around, item)))
    added: dict[Fold, list[Wire]] = {}
    for wire in inputs:
        home: tuple[Fold, ...] = (root,)
        places = [inside[e.target] for e in wire.readers if e.target in inside]
        if places:
            shared = [f for f, *rest in zip(*places, strict=False) if all(r is f for r in rest)]
            home = tuple(f for f in shared if f.kind not in {"chain", "entries"}) or (root,)
        added.setdefault(home[-1], []).append(wire)

    def rebuilt(fold: Fold) -> Fold:
        items = [rebuilt(i) if isinstance(i, Fold) else i for i in fold.items]
        return Fold(fold.kind, fold.title, (*added.get(fold, ()), *items))

    return rebuilt(root)


def _in_parts(fold: Fold) -> Fold:
    """Cut folds of very many items into parts, and those into larger parts."""
    items: list[Wire | Fold] = [_in_parts(i) if isinstance(i, Fold) else i for i in fold.items]
    counts = [1] * len(items)
    noun = "passes" if fold.kind == "repeat" else "items"
    while len(items) > _MOST_ITEMS:
        parts: list[Wire | Fold] = []
        first = 1
        for start in range(0, len(items), _PART):
            end = first + sum(counts[start : start + _PART])
            cut = tuple(items[start : start + _PART])
            parts.append(Fold("part", f"{noun} {first}–{end - 1}", cut))
            first = end
        counts = [sum(counts[i : i + _PART]) for i in range(0, len(items), _PART)]
        items = parts
    return Fold(fold.kind, fold.title, tuple(items))
