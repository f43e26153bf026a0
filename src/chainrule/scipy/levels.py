"""Values level by level: what a compiled solver sees, and how its result follows what the user's function closes over.

A solver runs once, on plain numbers: `Plainly` strips the user's function and remembers which levels its results
belong to. The solution is then lifted through these levels, the outermost first, by expressions that have the value 0
and the right derivative: `x - J⁻¹ (f(x) - lowered f(x))` for a root. Since the factors of such an expression follow
the levels further out, derivatives of any order come of it, in either mode.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, cell, frozen, settled, type_of
from chainrule.core.op import FRONTS
from chainrule.core.trace import Level
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import plain


def levels_of(*values: Any) -> set[Level]:
    """Return the running levels that `values`, or what is in their containers, belong to."""
    found: set[Level] = set()
    for leaf in _leaves(values):
        x = settled(leaf)
        while type(x) in HANDLES:
            if x.level.alive:
                found.add(x.level)
            x = settled(x.out)
    return found


def _leaves(x: Any) -> Iterator[Any]:
    if isinstance(x, (list, tuple)):
        for part in x:
            yield from _leaves(part)
    elif isinstance(x, dict):
        yield from _leaves(tuple(x.values()))
    else:
        yield x


def ordered(levels: Iterable[Level]) -> list[Level]:
    """Return the levels from the outermost to the innermost."""
    return sorted(levels, key=lambda level: level.number)


def up_to(level: Level, x: Any) -> Any:
    """Return `x` as it is at this level, without levels further in."""
    return _stripped(x, level.number)


def lowered(level: Level, x: Any) -> Any:
    """Return `x` one level below this one: a constant for it, still traced by those further out."""
    return _stripped(x, level.number - 1)


def _stripped(x: Any, number: int) -> Any:
    if type(x) in {list, tuple}:
        return type(x)(_stripped(part, number) for part in x)
    x = settled(x)
    while type(x) in HANDLES and x.level.number > number:
        x = settled(frozen(x).out)
    return x


def moving_part(level: Level, x: Any) -> Value:
    """Return 0 with the derivative that `x` has at this level."""
    x = up_to(level, x)
    return x - lowered(level, x)


class Plainly:
    """The user's function as a compiled solver calls it: plain numbers in, plain numbers out.

    Attributes:
        levels: the running levels that its results have belonged to so far.
    """

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.levels: set[Level] = set()

    def __call__(self, *args: Any, **options: Any) -> Any:
        out = self.f(*map(own, args), **options)
        self.levels |= levels_of(out)
        return plain(out)


def own(x: Any) -> Any:
    """Return a copy of the solver's array, which it may use again; traced values can be written to the copy."""
    return cell(x.copy()) if type(x) is np.ndarray and x.dtype.kind in "fc" else x


def vector(x: Any) -> Value:
    """Return what a user's function returned, a number, a list or an array, as an array that may be traced."""
    x = array_like(x)
    return x if type(x) in HANDLES else np.asarray(x)


def flat(x: Any) -> Value:
    """Return it with one axis."""
    return FRONTS["ravel"](vector(x))


def number(x: Any) -> Value:
    """Return what a user's function returned as one number, also if it is in an array of one element."""
    x = vector(x)
    return FRONTS["reshape"](x, ()) if type_of(x).shape else x
