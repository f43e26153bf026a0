"""Lists with traced numbers in them, taken as the arrays that NumPy makes of lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.op import FRONTS
from chainrule.core.types import Value

_OF_ARRAYS = frozenset(
    {
        *(np.concatenate, np.stack, np.vstack, np.hstack, np.dstack, np.column_stack),
        *(np.select, np.choose, np.piecewise, np.lexsort, np.linalg.multi_dot, np.histogramdd),
        *(np.broadcast_arrays, np.ravel_multi_index, np.histogram2d),
    }
)
"""Functions whose lists hold arrays that may differ in shape, or functions."""


def is_handle(x: Any) -> bool:
    """Say whether `x` is a traced value, or a cell; known here by what it can do."""
    return hasattr(type(x), "is_running")


def is_sequence(x: Any) -> bool:
    """Say whether NumPy makes an array of the items of `x`."""
    kind = type(x)
    if kind is list or kind is tuple:
        return True
    return isinstance(x, (list, tuple)) or (
        isinstance(x, Sequence) and not isinstance(x, (str, bytes))
    )


def holds_traced(x: Any) -> bool:
    """Say whether `x`, or something in a nest of lists, carries a derivative."""
    return any(map(holds_traced, x)) if is_sequence(x) else is_handle(x) and x.is_running()


def nested(x: Any) -> Value:
    """Return the array that a nest of lists with traced values in it makes."""
    return FRONTS["stack"]([nested(i) for i in x]) if is_sequence(x) else x


def joined(x: Any) -> Any:
    """Return a list with a traced number in it as an array; everything else as it is."""
    return nested(x) if is_sequence(x) and holds_traced(x) else x


def has_lists(values: Iterable[Any]) -> bool:
    """Say whether a list or a tuple is among the values."""
    for x in values:  # noqa: SIM110  this runs for every call of a ufunc, and any() costs more
        if type(x) is list or type(x) is tuple:
            return True
    return False


def joined_arguments(
    function: Any, args: Sequence[Any], options: Mapping[str, Any]
) -> tuple[Sequence[Any], Mapping[str, Any]]:
    """Return the arguments of a call with arrays in the place of lists that have traced numbers in them."""
    if function is np.block or not (has_lists(args) or has_lists(options.values())):
        return args, options
    join = _with_joined_items if function in _OF_ARRAYS else joined
    return tuple(map(join, args)), {k: x if k == "out" else join(x) for k, x in options.items()}


def _with_joined_items(x: Any) -> Any:
    return list(map(joined, x)) if is_sequence(x) and holds_traced(x) else x
