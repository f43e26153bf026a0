"""How arguments enter a transform and how results leave it: containers, dtypes, copies."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.core.cells import (
    HANDLES,
    TracedArray,
    TracedScalar,
    TracedView,
    cell,
    frozen,
    settled,
    type_of,
)
from chainrule.core.copies import copied
from chainrule.core.methods import as_python
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import ArgumentError, ContainerError, DTypeError, ShapeError
from chainrule.forks import imported
from chainrule.records import record
from chainrule.tree import Structure

_PLAIN_ARRAYS = frozenset({np.ndarray, np.memmap})


@record
class Entered:
    """One differentiated argument: its leaves as the caller gave them, and as the trace may keep them."""

    given: list[Any]
    values: list[Value]
    structure: Structure


def check_tuples(where: str, args: Any, moves: Any) -> None:
    """Refuse anything but two sequences of equal length, the arguments and what belongs to each of them."""
    for what, given in (("the arguments", args), ("the tangents", moves)):
        if not isinstance(given, (tuple, list)):
            expected = "a tuple with one entry per argument, such as (x,)"
            raise ContainerError.from_mismatch(f"{where}: {what}", _described(given), expected)
    if len(args) != len(moves):
        got, expected = f"{len(moves)} tangents", f"{len(args)}, one per argument"
        raise ContainerError.from_mismatch(where, got, expected)


def normalized_argnums(where: str, argnums: int | Sequence[int], count: int) -> tuple[int, ...]:
    """Return `argnums` as a tuple of positions from 0; negative ones count from the end."""
    listed = (argnums,) if isinstance(argnums, (int, np.integer)) else argnums
    if not isinstance(listed, (tuple, list)) or not all(
        isinstance(i, (int, np.integer)) for i in listed
    ):
        raise ArgumentError.from_argnums(where, argnums, count)
    positions = tuple(int(i) + count if i < 0 else int(i) for i in listed)
    if (
        not listed
        or any(not 0 <= i < count for i in positions)
        or len(set(positions)) < len(positions)
    ):
        raise ArgumentError.from_argnums(where, argnums, count)
    return positions


def enter(where: str, argument: Any, name: str) -> Entered:
    """Flatten an argument that is to be differentiated, and copy its arrays: nobody can write to the trace's."""
    leaves, structure = tree.flatten(argument)
    if not leaves:
        raise ContainerError.from_leaf(where, name, _described(argument))
    values = []
    for i, x in enumerate(leaves):
        value = _copied(x)
        if value is None or not type_of(value).is_inexact:
            path = tree.paths(argument, name)[i]
            if value is None:
                raise ContainerError.from_leaf(where, path, _described(x))
            raise DTypeError.from_not_inexact(where, path, _described(x))
        values.append(value)
    return Entered(leaves, values, structure)


def _copied(x: Any) -> Value:
    """Return the value of a leaf that only the trace holds; None for what is no plain array."""
    x = settled(x)
    if type(x) in HANDLES:
        return frozen(x)
    if not isinstance(x, np.ndarray):
        return x
    if _is_special(x) or x.dtype.kind not in "biufc":
        return None
    return copied(x)


def _is_special(x: Any) -> bool:
    """Say whether something is an array of another kind, which computes otherwise.

    NumPy imports that of masked arrays where it is first named.
    """
    if type(x) is np.ndarray or not isinstance(x, np.ndarray):
        return False
    masked = imported("numpy.ma")
    return isinstance(x, np.matrix) or (masked is not None and isinstance(x, masked.MaskedArray))


def borrowed(args: Sequence[Any], options: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return arguments that are not differentiated: arrays as cells, which are copied before the first write.

    An array that is passed twice is one cell, as it is one array.
    """
    cells: dict[int, Any] = {}

    def one(x: Any) -> Any:
        if id(x) not in cells:
            cells[id(x)] = borrowed_array(x)
        return cells[id(x)]

    return [one(x) for x in args], {name: one(x) for name, x in options.items()}


def borrowed_array(x: Any) -> Any:
    """Return an array as a cell of its own, a traced one too; anything else as it is."""
    if isinstance(x, TracedArray):
        return frozen(x)
    return cell(np.asarray(x)) if type(x) in _PLAIN_ARRAYS and x.dtype.kind in "biufc" else x


def refuse_lost_writes(given: Sequence[Any], stood: Sequence[Any]) -> None:
    """Refuse that one of several arguments was written to if another one is the same memory.

    Args:
        given: what the caller passed; only arrays count.
        stood: what stood for each.
    """
    for x, cell_of_x in zip(given, stood, strict=True):
        if not _was_written(x, cell_of_x):
            continue
        for y, cell_of_y in zip(given, stood, strict=True):
            if cell_of_y is not cell_of_x and _is_array(y) and _share_memory(x, y):
                raise ArgumentError.from_overlap(x.shape, y.shape)


def _is_array(x: Any) -> bool:
    return type(x) in _PLAIN_ARRAYS or isinstance(x, TracedArray)


def _was_written(x: Any, stood: Any) -> bool:
    """Say whether a cell was written to; plain code that got hold of its memory may have left it as it was."""
    if not isinstance(stood, TracedArray) or not stood.version or not _is_array(x):
        return False
    out = settled(stood)
    return type(out) in HANDLES or not np.array_equal(out, settled(x), equal_nan=True)


def _share_memory(x: Any, y: Any) -> bool:
    if type(x) in HANDLES or type(y) in HANDLES:
        return _owner(x) is _owner(y)
    return bool(np.shares_memory(x, y))


def _owner(x: Any) -> Any:
    return x.base if type(x) is TracedView else x


def _described(x: Any) -> str:
    """Say what a leaf is, for an error."""
    x = settled(x)
    if _is_special(x):
        return f"a {type(x).__name__}"
    if isinstance(x, np.ndarray):
        return f"an array of dtype {x.dtype} and shape {x.shape}"
    return f"{type(x).__name__} {x!r:.60}"


def plain_result(x: Any) -> Any:
    """Return a result of the traced function for the caller, sharing memory with nothing the trace holds."""
    x = settled(x)
    if type(x) in HANDLES:
        return frozen(x)
    return x.copy() if type(x) is np.ndarray else x


def map_result(f: Callable[[Any], Any], result: Any) -> Any:
    """Apply `f` to the leaves of a result of any container; what is no container passes through `f` itself."""
    leaves, structure = tree.flatten(result)
    return tree.unflatten(structure, [f(x) for x in leaves])


def like_argument(g: Value, given: Any) -> Any:
    """Return a gradient in the form its argument had: array, NumPy scalar or Python number; dtype, byte order."""
    given = settled(given)
    if type(g) in HANDLES or type(given) in HANDLES:
        return _as_captured(frozen(g), given)
    if isinstance(given, np.ndarray):
        array = np.asarray(g, dtype=given.dtype)
        return array if array.shape == given.shape else array.reshape(given.shape)
    if isinstance(given, np.generic):
        return given.dtype.type(g)
    return type(given)(g)


def _as_captured(g: Value, given: Any) -> Value:
    """Return a gradient that is a number in the form of its argument, in a step that is compiled."""
    if not any(type(x) in HANDLES and x.is_followed() for x in (g, given)):
        return g
    t = type_of(given)
    if t.weak:
        return as_python(g, complex if t.dtype.kind == "c" else float)
    converted = FRONTS["astype"](g, t.dtype)
    is_number = type(given) is TracedScalar or isinstance(given, np.generic)
    if is_number or type(converted) is TracedArray or type_of(converted).shape:
        return converted
    return FRONTS["copy"](converted) if type(converted) in HANDLES else np.asarray(converted)


def matched_cotangent(where: str, g: Any, out: Any) -> Value:
    """Return the caller's cotangent `g` for the result `out`: its shape checked, its dtype made to fit."""
    got, expected = type_of(g), type_of(out)
    if got.shape != expected.shape:
        raise ShapeError.from_cotangent(where, got.shape, expected.shape)
    if got.dtype == expected.dtype and not got.weak:
        return g
    if got.dtype.kind == "c" and expected.dtype.kind == "f":
        raise DTypeError.from_complex_cotangent(where, got.dtype, expected.dtype)
    return FRONTS["astype"](g, expected.dtype)
