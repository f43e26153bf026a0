"""Which arrays nobody but the step holds, so that each call makes them anew: by the count of references to them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.capture.level import StepLevel
from chainrule.compiler.capture.results import Result
from chainrule.core.op import TABLE
from chainrule.core.trace import Node, same_elements
from chainrule.errors import NotCompiledError


def made_anew(
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
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
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


def split_arrays(
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


def check_apart(changed: Sequence[Any], arrays: Sequence[Any]) -> None:
    """See that what a step writes to shares no memory with another array that it reads, and no element with another.

    Raises:
        NotCompiledError: it may.
    """
    pairs = [(x, y) for x in changed for y in arrays if x is not y]
    if any(map(_overlaps_itself, changed)) or any(np.may_share_memory(x, y) for x, y in pairs):
        raise NotCompiledError.from_shared_array()


def _overlaps_itself(x: Any) -> bool:
    """Say whether two elements of an array may lie in the same bytes."""
    reach = x.itemsize
    for stride, count in sorted(zip(map(abs, x.strides), x.shape, strict=True)):
        if count > 1 and stride < reach:
            return bool(x.size)
        reach += (count - 1) * stride
    return False


def _references_of_one() -> int:
    """Return what `sys.getrefcount` says of an array that only the loop of `split_arrays` knows."""
    arrays = [(np.zeros(1), None, None)]
    x, _, _ = arrays.pop()
    return sys.getrefcount(x)
