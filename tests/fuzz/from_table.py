"""Random programs of the whole table: any samples of any entries, one after the other, with writes and branches.

What an operation gives moves what the next ones get, by little, so that every argument stays in its domain.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from tests.calls import Call, draw, every_sample, parts

import chainrule as cr
from chainrule.core.cells import type_of
from chainrule.core.op import Op

_WIDTH = 4
_UNITS = 4
"""Units in the last place by which results are moved where rounding is tried out."""
_PLAIN, _REVERSE, _FORWARD = "plain", "reverse", "forward"


@dataclass(frozen=True)
class Work:
    """One statement.

    Attributes:
        op: whose sample it is.
        call: the sample with its numbers.
        place: where in the program's memory the result is kept.
        how: `write`, `view`, `branch` or `early`: what happens besides.
        border: what a branch compares with.
    """

    op: Op
    call: Call
    place: int
    how: str
    border: float


@dataclass(frozen=True)
class TableProgram:
    """Some operations of the table in a row.

    Attributes:
        works: the operations.
        mode: `plain`, or which mode differentiates it.
        rounding: a number for rounding of its own of every result, in the result's precision; None for none.
    """

    works: tuple[Work, ...]
    mode: str
    rounding: int | None = None

    def __str__(self) -> str:
        lines = [f"{w.op.name}: {w.how} at {w.place}, {w.border:.3f}" for w in self.works]
        return "\n".join((self.mode, *lines))

    def function(self) -> Callable[..., Any]:
        """Return the program: it takes a vector of four numbers and the arrays of all its operations."""
        if self.mode == _PLAIN:
            return self._run
        moved = [i for i, x in enumerate(self.arguments(0)) if type_of(x).is_inexact]
        if self.mode == _REVERSE:
            return cr.value_and_grad(self._run, argnums=tuple(moved))

        def forward(*args: Any) -> Any:
            def of_moved(*some: Any) -> Any:
                given = list(args)
                for i, x in zip(moved, some, strict=True):
                    given[i] = x
                return self._run(*given)

            some = tuple(args[i] for i in moved)
            return cr.jvp(of_moved, some, tuple(np.cos(np.real(x)).astype(x.dtype) for x in some))

        return forward

    def arguments(self, number: int) -> tuple[Any, ...]:
        """Return the arguments of a call: equal in types, other in the numbers of the vector."""
        start = np.sin(1.7 * number + np.arange(_WIDTH))
        return (start, *(a.copy() for w in self.works for a in w.call.arrays))

    def _run(self, state: Any, *arrays: Any) -> Any:
        memory = np.zeros((_WIDTH, _WIDTH))
        rest = iter(arrays)
        for work in self.works:
            given = [_moved(next(rest), state) for _ in work.call.arrays]
            result = _summary(rounded(parts(work.call.function(*given)), self.rounding))
            if work.how == "write":
                memory[work.place] = result * state
                memory[:, work.place] += result
            elif work.how == "view":
                row = memory.T[work.place, ::-1]
                row[1:] = result + state[:3]
                memory[0] *= 0.5
            elif work.how == "early" and result > work.border:
                state[work.place] = 0.25
                break
            elif result > work.border:
                result = np.sin(3.0 * result)
            state[work.place] = np.tanh(state[work.place] + result)
        return np.sum(state) + np.mean(memory)


def _moved(x: Any, state: Any) -> Any:
    """Move an array of numbers with derivatives by little."""
    t = type_of(x)
    if not t.is_inexact:
        return x
    step = state[np.arange(x.size) % _WIDTH].reshape(x.shape)
    return x * (1.0 + 1e-3 * step).astype(t.dtype)


def rounded(results: Sequence[Any], number: int | None) -> Sequence[Any]:
    """Return results moved by some units in the last place, as another order of operations might have them."""
    if number is None:
        return results
    rng = np.random.default_rng(number)
    moved = []
    for x in results:
        t = type_of(x)
        if t.is_inexact:
            some = 1 + _UNITS * np.finfo(t.dtype).eps * rng.uniform(-1, 1, t.shape)
            x = x * np.asarray(some, np.real(np.zeros((), t.dtype)).dtype)[()]  # noqa: PLW2901  it is the same value, rounded
        moved.append(x)
    return moved


def _summary(results: Sequence[Any]) -> Any:
    """Return one moderate number of everything an operation gave."""
    total = 0.0
    for i, x in enumerate(results):
        t = type_of(x)
        if t.dtype.kind not in "biufc":
            continue
        flat = np.ravel(np.real(x) + np.imag(x) if t.dtype.kind == "c" else x * 1.0)
        total = total + np.sum(np.tanh(0.1 * flat) * np.cos(np.arange(flat.size) + i))
    return np.tanh(total)


_SAMPLES = [(op, i) for op, i in every_sample() if op.kind != "creation"]


def numbered_table_program(seed: object, number: int) -> TableProgram:
    """Return the program of a number: always the same."""
    random = Random(f"table/{seed}/{number}")  # noqa: S311  nothing secret
    mode = random.choice((_PLAIN, _REVERSE, _REVERSE, _FORWARD))
    works = []
    for _ in range(random.randrange(2, 7)):
        op, i = random.choice(_SAMPLES)
        while mode != _PLAIN and op.undefined:
            op, i = random.choice(_SAMPLES)
        how = random.choice(("write", "view", "branch", "early"))
        border = random.uniform(-0.9, 0.9)
        works.append(Work(op, draw(op, op.samples[i]), random.randrange(_WIDTH), how, border))
    return TableProgram(tuple(works), mode)
