"""What is known of a place where numbers stop being finite: the op, its operands, the line, the way to the loss."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.position import Position

Entry = tuple[int, ...]
_LONGEST_PATH = 12


@dataclass(frozen=True)
class Operand:
    """What went into an op.

    Attributes:
        name: the user's name of the value, or its number on the tape.
        type: shape and dtype.
        at: its value at the entry in question; None where the op does not go element by element.
        lowest: of its finite entries; None where there is none.
        highest: likewise.
        nans: how many entries are NaN.
        infinities: how many are infinite.
    """

    name: str
    type: str
    at: Any
    lowest: float | None
    highest: float | None
    nans: int
    infinities: int

    @classmethod
    def of(cls, name: str, value: Any, at: Any = None) -> Operand:
        """Measure a value."""
        x = np.asarray(value)
        if x.dtype.kind not in "biufc":
            return cls(name, str(x.dtype), at, None, None, 0, 0)
        size = np.abs(x) if x.dtype.kind == "c" else x
        finite = size[np.isfinite(size)]
        return cls(
            name,
            str(type_of(x)),
            at,
            float(finite.min()) if finite.size else None,
            float(finite.max()) if finite.size else None,
            int(np.sum(np.isnan(size))),
            int(np.sum(np.isinf(size))),
        )

    def __str__(self) -> str:
        parts = [f"{self.name}: {self.type}"]
        if self.at is not None:
            parts.insert(0, f"{self.name} = {shown(self.at)}")
            parts[1] = self.type
        if self.lowest is not None and not self.type.endswith("[]"):
            parts.append(f"finite from {shown(self.lowest)} to {shown(self.highest)}")
        if self.nans:
            parts.append(f"{self.nans} NaN")
        if self.infinities:
            parts.append(f"{self.infinities} infinite")
        return ", ".join(parts)


@dataclass(frozen=True)
class Stop:
    """A step on the way to the loss: op, name and line."""

    op: str
    name: str
    position: Position | None


@dataclass(frozen=True, eq=False)
class Anomaly:
    """A place where finite numbers gave NaN or an infinity, or where one came in from outside.

    Attributes:
        phase: "forward", or "backward" for a derivative rule.
        op: the op's name; "input" for an argument, "constant" for a number that an op was given.
        name: what the result is called; backward what receives the cotangent.
        value: the first entry that is not finite.
        entry: where it is.
        count: how many entries are not finite.
        size: of how many.
        type: shape and dtype of what they are in.
        operands: what went into the op; backward also the cotangent from above, `g`.
        position: the user's line.
        inside: where the line calls a layer of this library, the line there.
        scope: the named part of the program, such as a layer.
        path: the steps from there to the loss.
        pattern: the known mistake that it is, if it is one.
        rewrite: what to write instead.
        source: where an infinity among the operands came from, if it was put there on purpose.
    """

    phase: str
    op: str
    name: str
    value: Any
    entry: Entry
    count: int
    size: int
    type: str
    operands: tuple[Operand, ...]
    position: Position | None
    inside: Position | None
    scope: str
    path: tuple[Stop, ...]
    pattern: str
    rewrite: str
    source: str = ""

    @property
    def place(self) -> str:
        """The line as `file:line`; empty where none is known."""
        return "" if self.position is None else str(self.position).split(": ", 1)[0]

    def lines(self) -> Iterator[str]:
        """Write the anomaly for a terminal, and what to write instead."""
        yield from self.facts()
        if self.pattern:
            yield f"  {self.pattern}: {self.rewrite}"

    def facts(self) -> Iterator[str]:
        """Write what was seen."""
        where = "" if self.position is None else f"  at {self.position}"
        yield f"{self._what()}{where}"
        if self.inside is not None and self.inside != self.position:
            yield f"  inside {self.inside}"
        if self.scope:
            yield f"  scope {self.scope}"
        for operand in self.operands:
            yield f"  {operand}"
        if self.source:
            yield f"  {self.source}"
        if self.path:
            yield f"  on to the result: {_joined(self.path)}"

    def _what(self) -> str:
        at = f" at [{', '.join(map(str, self.entry))}]" if self.entry else ""
        size = f" ({self.count} of {self.size} entries)" if self.size > 1 else ""
        value = f"{shown(self.value)}{at}{size}"
        if self.op == "input":
            return f"the argument {self.name} holds {value}"
        if self.op == "constant":
            return f"a number from outside, {value}, goes into {self.name}"
        if self.phase == "backward":
            return f"the derivative of {self.op} gives {self.name} the gradient {value}"
        return f"{self.op} gives {self.name} {value}"


def shown(value: Any) -> str:
    """Write one number with a sign of its own: `−inf`, `NaN`, `1.5e+308`.

    >>> shown(-np.inf), shown(np.nan), shown(0.25)
    ('−inf', 'NaN', '0.25')
    """
    plain = value.item() if isinstance(value, (np.generic, np.ndarray)) else value
    if isinstance(plain, float) and math.isnan(plain):
        return "NaN"
    text = f"{plain:.6g}" if isinstance(plain, (float, complex)) else str(plain)
    return text.replace("-", "−", 1) if text.startswith("-") else text


def first_bad(x: Any, among: Any = True) -> tuple[Entry, Any, int]:  # noqa: FBT002  a mask
    """Return where the first NaN is, or the first infinity, its value, and how many entries are not finite.

    Args:
        x: holds one at least.
        among: a mask of the entries to choose from.
    """
    array = np.asarray(x)
    bad = ~np.isfinite(array)
    nans = np.isnan(array) & among
    chosen = nans if nans.any() else bad & among
    entry = tuple(int(i) for i in np.unravel_index(int(np.argmax(chosen)), array.shape))
    return entry, array[entry], int(np.sum(bad))


def has_nan(x: Any) -> bool:
    """Say whether a value, or one of several, holds NaN."""
    if type(x) in {tuple, list}:
        return any(part is not None and has_nan(part) for part in x)
    return _is_number(x) and bool(np.isnan(x).any())


def is_finite(x: Any) -> bool:
    """Say whether every entry is finite; what is no number is."""
    if type(x) in {tuple, list}:
        return all(part is None or is_finite(part) for part in x)
    return not _is_number(x) or bool(np.isfinite(x).all())


def _is_number(x: Any) -> bool:
    return type(x) is float or (hasattr(x, "dtype") and x.dtype.kind in "fc") or type(x) is complex


def _joined(path: Sequence[Stop]) -> str:
    """Write a path; of a long one the beginning and the end."""
    steps = [stop.op + (f" (:{stop.position.line})" if stop.position else "") for stop in path]
    if len(steps) > _LONGEST_PATH:
        half = _LONGEST_PATH // 2
        left_out = len(steps) - 2 * half
        steps = [*steps[:half], f"… {left_out} more …", *steps[-half:]]
    return " → ".join(steps)
