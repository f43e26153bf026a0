"""Running totals along an axis: what combines the elements, and the loops that go from each to the next."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.loops.program import (
    Buffer,
    Carried,
    Cast,
    Index,
    Let,
    Load,
    Loop,
    Number,
    Statement,
    Store,
)
from chainrule.compiler.loops.program import (
    Operand as Value,
)
from chainrule.compiler.planning.plan import Array, DType, Read, Scan, Uniform
from chainrule.compiler.views import merged, over, whole

Rule = Callable[..., Any]
_TOTALS = {"cumsum": "add", "cumprod": "multiply"}
SCANS = frozenset({*_TOTALS, "running_extreme", "recurrence"})
"""Ops whose every element is computed from the one before it."""


def rules_of(name: str, params: Mapping[str, Any]) -> tuple[Rule, Rule]:
    """Return what computes an element of a scan from the one before it, and what computes the first."""
    if name == "recurrence":
        return _next_of_recurrence, _last
    return _combining(_TOTALS.get(name) or params["ufunc"].__name__), _last


@functools.cache
def _combining(method: str) -> Rule:
    def rule(e: Any, before: Any, x: Any) -> Any:
        with e.exactly():
            return getattr(e, method)(before, x)

    return rule


def _next_of_recurrence(e: Any, before: Any, factor: Any, term: Any) -> Any:
    return e.add(e.multiply(factor, before), term)


def _last(_: Any, *operands: Any) -> Any:
    return operands[-1]


def scan_statements(
    scan: Scan, buffer_of: Callable[[Array], Buffer], names: Iterator[int]
) -> list[Statement]:
    """Return the loops of a scan: from element to element, or from row to row if whole rows lie side by side."""
    if 0 in scan.out.shape:
        return []
    return _Writer(scan, buffer_of, names).statements()


class _Writer:
    """Writes one scan.

    Attributes:
        sizes: of the axes beside the one that is scanned, merged as far as all accesses allow.
        steps: per access, the one of the result first, its strides along those axes.
        pace: per access, its stride along the axis that is scanned.
        indices: per access, its place in the first turn.
    """

    def __init__(
        self, scan: Scan, buffer_of: Callable[[Array], Buffer], names: Iterator[int]
    ) -> None:
        self.scan = scan
        self.names = names
        shape, axis = scan.out.shape, scan.axis
        reads = [x for x in scan.operands if isinstance(x, Read)]
        strides = [whole(shape).strides, *[over(x.view, shape) for x in reads]]
        self.count = shape[axis]
        self.pace = [s[axis] for s in strides]
        self.sizes, self.steps = merged(_without(shape, axis), [_without(s, axis) for s in strides])
        self.offsets = [0, *[x.view.offset for x in reads]]
        self.buffers = [buffer_of(scan.out), *[buffer_of(x.array) for x in reads]]
        self.is_by_rows = bool(self.sizes) and self.steps[0][-1] == 1

    def statements(self) -> list[Statement]:
        self.outer = [next(self.names) for _ in self.sizes]
        depth = len(self.sizes) - self.is_by_rows
        body = self._by_rows() if self.is_by_rows else self._in_turn()
        for var, count in zip(self.outer[:depth][::-1], self.sizes[:depth][::-1], strict=True):
            body = [Loop(var, count, tuple(body), parallel=True)]
        return body

    def _in_turn(self) -> list[Statement]:
        """Hand the element over from turn to turn."""
        statements, first = self._first()
        if self.count == 1:
            return statements
        var, before = next(self.names), next(self.names)
        body, value = self._next(before, var)
        carried = (Carried(before, first, value, self.scan.out.dtype),)
        return [*statements, Loop(var, self.count - 1, tuple(body), carried)]

    def _by_rows(self) -> list[Statement]:
        """Go from row to row; in each, the elements do not depend on each other."""
        column, columns = self.outer[-1], self.sizes[-1]
        first, _ = self._first()
        statements: list[Statement] = [Loop(column, columns, tuple(first), vector=True)]
        if self.count == 1:
            return statements
        column = self.outer[-1] = next(self.names)
        var, before = next(self.names), next(self.names)
        load = Load(before, self.buffers[0], self._index(0, var))
        body, _ = self._next(before, var)
        row = Loop(column, columns, (load, *body), vector=True)
        return [*statements, Loop(var, self.count - 1, (row,))]

    def _first(self) -> tuple[list[Statement], Value]:
        return self._element(self.scan.first, (), None)

    def _next(self, before: int, var: int) -> tuple[list[Statement], Value]:
        return self._element(self.scan.rule, (before,), var)

    def _element(
        self, rule: Rule, before: tuple[int, ...], var: int | None
    ) -> tuple[list[Statement], Value]:
        """Return what computes and stores an element: the first, or the one behind that of turn `var`."""
        statements: list[Statement] = []
        args: list[Value] = [*before]
        dtype = self.scan.out.dtype
        access = 0
        for x in self.scan.operands:
            if isinstance(x, Uniform):
                args.append(Number(np.asarray(x.number.value).astype(dtype)[()], dtype))
                continue
            access += 1
            name = next(self.names)
            statements.append(Load(name, self.buffers[access], self._index(access, var, ahead=1)))
            args.append(self._cast(name, x.dtype, dtype, statements))
        value = next(self.names)
        statements.append(Let(value, rule, tuple(args), dtype, self.scan.label))
        statements.append(Store(self.buffers[0], self._index(0, var, ahead=1), value))
        return statements, value

    def _cast(self, name: int, have: DType, want: DType, statements: list[Statement]) -> int:
        if have == want:
            return name
        cast = next(self.names)
        statements.append(Cast(cast, name, want))
        return cast

    def _index(self, access: int, var: int | None, ahead: int = 0) -> Index:
        """Return a place in turn `var`, or the first; `ahead` is counted in turns."""
        terms = list(zip(self.outer, self.steps[access], strict=True))
        offset = self.offsets[access]
        if var is not None:
            terms.append((var, self.pace[access]))
            offset += ahead * self.pace[access]
        return Index(offset, tuple([(n, s) for n, s in terms if s]))


def _without(items: Sequence[int], axis: int) -> tuple[int, ...]:
    return (*items[:axis], *items[axis + 1 :])
