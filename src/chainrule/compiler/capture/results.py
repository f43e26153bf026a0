"""Where the leaves of what a step returned come from."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import reduce
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np

from chainrule.compiler.capture.level import StepLevel
from chainrule.core.cells import HANDLES, TracedArray, TracedScalar, frozen, settled
from chainrule.core.faces import original_of
from chainrule.core.trace import Node
from chainrule.errors import NotCompiledError
from chainrule.records import record
from chainrule.tree import Structure


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


def lasting(structure: Structure, is_known: Callable[[Any], bool]) -> Structure:
    """Return the container of a result, with what faces stand for; every call is to return the functions in it.

    Args:
        structure: the container.
        is_known: says of an object whether it was there before the step ran.

    Raises:
        NotCompiledError: the step made a function, a class, or an object that is called; each call makes another.
    """
    static = tuple([(i, original_of(x)) for i, x in structure.static])
    for _, x in static:
        if callable(x) and not (is_known(x) or _is_bound_to_known(x, is_known) or _is_named(x)):
            raise NotCompiledError.from_made_function(type(x).__name__)
    return Structure(structure.spec, static)


def _is_bound_to_known(x: Any, is_known: Callable[[Any], bool]) -> bool:
    """Say whether a method, or a function in C, is bound to what was there before, or to nothing."""
    if not isinstance(x, (MethodType, BuiltinFunctionType)):
        return False
    holder = x.__self__
    return holder is None or isinstance(holder, ModuleType) or is_known(holder) or _is_named(holder)


def _is_named(x: Any) -> bool:
    """Say whether a function or a class stands in a module, under its name."""
    if isinstance(x, np.ufunc):
        return True
    if not isinstance(x, (type, FunctionType, type(np.sum))):
        return False
    module = sys.modules.get(x.__module__)
    names = x.__qualname__.split(".")
    return reduce(lambda holder, name: getattr(holder, name, None), names, module) is x
