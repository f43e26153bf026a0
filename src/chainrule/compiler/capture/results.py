"""Where the leaves of what a step returned come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.compiler.capture.level import StepLevel
from chainrule.core.cells import HANDLES, TracedArray, TracedScalar, frozen, settled
from chainrule.core.trace import Node
from chainrule.errors import NotCompiledError
from chainrule.records import record


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


def results_of(
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
