"""Creation and conversion that follow the trace: which function is replaced by what while one runs.

`np.zeros(3)` inside a traced function returns a cell, so that `a[0] = traced` works; `np.array([x, y])` stacks.
`reroute.py` brings this table to the user's modules; NumPy, SciPy and other packages keep the real functions.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import (
    HANDLES,
    TracedArray,
    TracedScalar,
    TracedView,
    cell,
    is_traced,
    layout_of,
    settled,
    type_of,
)
from chainrule.core.dispatch import taking_lists
from chainrule.core.lists import holds_traced, is_sequence, nested
from chainrule.core.op import FRONTS
from chainrule.core.trace import is_following
from chainrule.core.types import Value
from chainrule.errors import EscapedValueError

REROUTED: dict[Any, Any] = {}
"""NumPy's function: ours, which is called only while a trace runs in this context."""

_CREATORS = (
    *(
        np.zeros,
        np.empty,
        np.ones,
        np.eye,
        np.identity,
        np.tri,
        np.arange,
        np.linspace,
        np.logspace,
    ),
    *(
        np.geomspace,
        np.indices,
        np.fromiter,
        np.fromfunction,
        np.fromstring,
    ),
    *(np.copy, np.diag, np.diagflat, np.outer, np.zeros_like, np.ones_like, np.empty_like),
    *(np.repeat, np.tile, np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack),
)


def _creates(original: Callable[..., Any]) -> Callable[..., Any]:
    """Have the arrays that `original` makes be cells."""
    call = taking_lists(original) if hasattr(original, "_implementation") else original

    @functools.wraps(original)
    def ours(*args: Any, **options: Any) -> Any:
        return _cell_of_numbers(call(*args, **options), args)

    return ours


def _cell_of_numbers(made: Any, given: Sequence[Any] = ()) -> Any:
    """Have an array of numbers be a cell.

    Arrays of text, of records and of objects stay plain, and so do parts of a plain array that was given: a write to a
    cell would not reach it.
    """
    if type(made) is not np.ndarray or made.dtype.kind not in "biufc":
        return made
    if made.base is not None and any(_share_memory(made, x) for x in given):
        return made
    return cell(made)


def _share_memory(made: Any, x: Any) -> bool:
    return isinstance(x, np.ndarray) and type(x) not in HANDLES and np.may_share_memory(made, x)


def converted_array(
    object: Any,  # noqa: A002  NumPy's name
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    ndmin: int = 0,
    **options: Any,
) -> Any:
    """Do what `np.array` does, with lists that have traced values in them too."""
    if not copy and _is_as_wanted(object, dtype, 0) and not _lies_in(object, order):
        if copy is False:
            np.array(layout_of(object), copy=False, order=order)  # raises NumPy's error
        object = FRONTS["copy"](object, order=order)  # noqa: A001  NumPy's name
    if not copy and type(object) in HANDLES and _is_as_wanted(object, dtype, ndmin):
        return object
    if not copy and type(object) in HANDLES and _is_as_wanted(object, dtype, 0):
        return FRONTS["reshape"](object, (1,) * (ndmin - object.ndim) + object.shape)
    if not holds_traced(object):
        plain = _without_cells(object)
        made = np.array(plain, dtype, copy=copy, order=order, ndmin=ndmin, **options)
        return made if made is plain else _cell_of_numbers(made, (plain,))
    out = nested(object) if is_sequence(object) else object
    if type(out) is TracedScalar:
        out = out[...]
    if dtype is not None:
        out = _converted(out, np.dtype(dtype))
    if copy and out is object:
        out = FRONTS["copy"](out, order=order)
    shape = type_of(out).shape
    return (
        FRONTS["reshape"](out, (1,) * (ndmin - len(shape)) + shape) if ndmin > len(shape) else out
    )


def _is_as_wanted(x: Any, dtype: Any, ndmin: int) -> bool:
    is_array = type(x) is TracedArray or type(x) is TracedView
    return is_array and x.ndim >= ndmin and (dtype is None or np.dtype(dtype) == x.dtype)


def _converted(x: Value, dtype: np.dtype[Any]) -> Value:
    """Cast `x` as a conversion does: to floats only, since the derivative would be lost unasked."""
    if dtype.kind not in "fc":
        raise EscapedValueError.from_conversion(
            f"a conversion to {dtype}", "x.astype(int) says that the derivative is not wanted"
        )
    return FRONTS["astype"](x, dtype)


def _without_cells(x: Any) -> Any:
    """Return a nest of lists with plain arrays in the place of cells."""
    return [_without_cells(i) for i in x] if is_sequence(x) else settled(x)


def _asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **options: Any
) -> Any:
    is_array = type(a) is np.ndarray or type(a) is TracedArray or type(a) is TracedView
    if is_array and not copy and (dtype is None or np.dtype(dtype) == a.dtype):
        if type(a) in HANDLES:
            return a if _lies_in(a, order) else FRONTS["copy"](a, order=order)
        return np.asarray(a, order=order, **options)
    return converted_array(a, dtype, copy=copy, order=order or "K", **options)


def _with_axes(a: Any, dtype: Any = None, *, order: str, **options: Any) -> Any:
    """Return an array laid out in an order, with one axis where there is none."""
    made = _asarray(a, dtype, order=order, **options)
    return made if type_of(made).shape else made.reshape(1)


def _lies_in(a: Any, order: str | None) -> bool:
    """Say whether NumPy's own `a` is laid out in `order` already."""
    if order not in {"C", "F"}:
        return True
    flags = layout_of(a).flags
    return bool(flags.c_contiguous if order == "C" else flags.f_contiguous)


def _full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    if not holds_traced(fill_value):
        return cell(np.full(shape, _without_cells(fill_value), dtype, order, **options))
    fill_value = nested(fill_value)
    empty: Any = np.empty
    out = cell(empty(shape, dtype or type_of(fill_value).dtype, order, **options))
    out[...] = fill_value
    return out


def _full_like(
    a: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    *_: Any,
    shape: Any = None,
    **__: Any,
) -> Any:
    t = type_of(a)
    order = "C" if order in {"K", "A"} else order
    return _full(t.shape if shape is None else shape, fill_value, dtype or t.dtype, order)


def _arange(*args: Any, **options: Any) -> Any:
    """Count in steps; the number of steps is a whole number and has no derivative."""
    if not holds_traced(args):
        return cell(np.arange(*map(settled, args), **options))
    start, stop, step = (0, *args, 1) if len(args) == 1 else (*args, 1)[:3]
    ends = [x.leaf() if type(x) in HANDLES else x for x in (start, stop, step)]
    return start + step * np.arange(np.arange(*ends, **options).size)


def _fromiter(iter: Any, dtype: Any, count: int = -1, **options: Any) -> Any:  # noqa: A002  NumPy's name
    items = list(iter) if count < 0 else list(itertools.islice(iter, count))
    if not holds_traced(items):
        return cell(np.fromiter(map(settled, items), dtype, count, **options))
    return converted_array(items, dtype)


def _ndenumerate(arr: Any) -> Iterator[tuple[tuple[int, ...], Any]]:
    if not is_traced(arr):
        return iter(np.ndenumerate(settled(arr)))
    return ((index, arr[index]) for index in np.ndindex(arr.shape))


class Join:
    """`np.r_` or `np.c_` with traced items."""

    def __init__(self, original: Any, join: Callable[[Sequence[Any]], Any]) -> None:
        self.original = original
        self.join = join

    def __getitem__(self, key: Any) -> Any:
        if not is_following():
            return self.original[key]
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(holds_traced, items)):
            made = self.original[key]
            return _cell_of_numbers(made)
        return self.join([self.original[i] if isinstance(i, slice) else i for i in items])


_CONVERTERS = (
    np.asarray,
    np.asanyarray,
    np.ascontiguousarray,
    np.asfortranarray,
    np.asarray_chkfinite,
)

REROUTED.update({original: _creates(original) for original in _CREATORS})
REROUTED.update(dict.fromkeys(_CONVERTERS, _asarray))
REROUTED[np.asfortranarray] = functools.partial(_with_axes, order="F")
REROUTED[np.ascontiguousarray] = functools.partial(_with_axes, order="C")
REROUTED[np.array] = converted_array
REROUTED[np.arange] = _arange
REROUTED[np.fromiter] = _fromiter
REROUTED[np.ndenumerate] = _ndenumerate
REROUTED[np.full] = _full
REROUTED[np.full_like] = _full_like

JOINS: dict[Any, Any] = {
    np.r_: Join(
        np.r_, lambda items: FRONTS["concatenate"]([FRONTS["atleast_1d"](i) for i in items])
    ),
    np.c_: Join(np.c_, lambda items: FRONTS["column_stack"](list(items))),
}
"""Objects that are indexed rather than called."""
