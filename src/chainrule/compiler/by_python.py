"""Calls that Python runs in the place of a compiled step: donated arrays are updated all the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.compiler.entry.signature import MISMATCH
from chainrule.tree import Structure

_VARYING = (np.ndarray, np.generic, float, complex, list, tuple, dict)
"""Arguments of which others of their kind are served alike where Python runs the step."""


def donated_results(
    donate: Sequence[int], args: Sequence[Any], leaves: Sequence[Any], structure: Structure
) -> Any:
    """Put results into the donated arrays that they fit, as the compiled step does; not into parts of other arguments.

    Args:
        donate: the numbers of the arguments that are donated.
        args: the arguments of the call.
        leaves: its results, in pieces.
        structure: what they are pieces of.
    """
    free = [
        x
        for i in donate
        if i < len(args)
        for x in tree.leaves(args[i])
        if type(x) is np.ndarray and x.flags.writeable
    ]
    distinct = {id(x): x for x in leaves}
    own = {id(x) for x in free}
    arrays = [x for x in tree.leaves(tuple(args)) if type(x) is np.ndarray]
    given = {id(x) for x in arrays}
    results = [x.copy() if id(x) not in own and _shares(x, free) else x for x in distinct.values()]
    unfit = distinct.keys() | _entangled(arrays)
    free = [x for x in free if id(x) not in unfit]
    for k, x in enumerate(results):
        if type(x) is not np.ndarray or not x.shape or id(x) in given:
            continue
        fit = next((d for d in free if d.shape == x.shape and d.dtype == x.dtype), None)
        if fit is not None:
            free = [d for d in free if d is not fit]
            fit[...] = x
            results[k] = fit
    made = dict(zip(distinct, results, strict=True))
    return tree.unflatten(structure, [made[id(x)] for x in leaves])


def python_entry(function: Callable[..., Any], args: Sequence[Any]) -> Callable[..., Any]:
    """Return an entry that has Python run calls like one with `args`, of any numbers and shapes."""
    count = len(args)
    fixed = [(i, x) for i, x in enumerate(args) if not isinstance(x, _VARYING)]

    def entry(*given: Any) -> Any:
        if len(given) != count:
            return MISMATCH
        for i, x in fixed:
            if given[i] is not x:
                return MISMATCH
        return function(*given)

    return entry


def _shares(x: Any, arrays: Sequence[Any]) -> bool:
    """Say whether an array may share memory with others."""
    if type(x) is not np.ndarray:
        return False
    owner = _owner(x)
    return any(
        (owner is None or (other := _owner(a)) is None or other is owner)
        and np.may_share_memory(x, a)
        for a in arrays
    )


def _entangled(arrays: Sequence[Any]) -> set[int]:
    """Return the identities of arrays that may share memory with others among them."""
    groups: dict[int, list[Any]] = {}
    for x in {id(x): x for x in arrays}.values():
        groups.setdefault(id(_owner(x)), []).append(x)
    if id(None) in groups:
        groups = {0: [x for group in groups.values() for x in group]}
    return {
        id(x)
        for group in groups.values()
        if len(group) > 1
        for x in group
        if any(y is not x and np.may_share_memory(x, y) for y in group)
    }


def _owner(x: Any) -> Any:
    """Return the array whose memory a view shows; None where it is not an array's."""
    while isinstance(x.base, np.ndarray):
        x = x.base
    return x if x.base is None else None
