"""Creation and conversion that follow the trace: which function is replaced by what while one runs.

`np.zeros(3)` inside a traced function returns a cell, so that `a[0] = traced` works; `np.array([x, y])` stacks.
`reroute.py` brings this table to the user's modules; NumPy, SciPy and other packages keep the real functions.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import (
    HANDLES,
    TracedArray,
    TracedView,
    cell,
    is_traced,
    settled,
    type_of,
)
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
    *(np.geomspace, np.indices, np.fromiter, np.fromfunction, np.frombuffer, np.fromstring),
    *(np.copy, np.diag, np.diagflat, np.outer, np.zeros_like, np.ones_like, np.empty_like),
    *(np.repeat, np.tile, np.concatenate, np.stack, np.vstack, np.hstack, np.column_stack),
)


def holds_traced(x: Any) -> bool:
    """Say whether `x`, or something in a nest of lists, carries a derivative."""
    if isinstance(x, (list, tuple)):
        return any(map(holds_traced, x))
    return is_traced(x)


def _creates(original: Callable[..., Any]) -> Callable[..., Any]:
    """Have the arrays that `original` makes be cells."""

    @functools.wraps(original)
    def ours(*args: Any, **options: Any) -> Any:
        made = original(*args, **options)
        return cell(made) if type(made) is np.ndarray and made.dtype != object else made

    return ours


def _array(
    object: Any,  # noqa: A002  NumPy's name
    dtype: Any = None,
    *,
    copy: bool | None = True,
    order: Any = "K",
    ndmin: int = 0,
    **options: Any,
) -> Any:
    if not holds_traced(object):
        plain = _without_cells(object)
        made = np.array(plain, dtype, copy=copy, order=order, ndmin=ndmin, **options)
        is_new = type(made) is np.ndarray and made.dtype != np.object_ and made is not plain
        return cell(made) if is_new else made
    out = nested(object) if isinstance(object, (list, tuple)) else object
    if dtype is not None:
        out = _converted(out, np.dtype(dtype))
    if copy and out is object:
        out = FRONTS["copy"](out)
    shape = type_of(out).shape
    return (
        FRONTS["reshape"](out, (1,) * (ndmin - len(shape)) + shape) if ndmin > len(shape) else out
    )


def _converted(x: Value, dtype: np.dtype[Any]) -> Value:
    """Cast `x` as a conversion does: to floats only, since the derivative would be lost unasked."""
    if dtype.kind not in "fc":
        raise EscapedValueError.from_conversion(
            f"a conversion to {dtype}", "x.astype(int) says that the derivative is not wanted"
        )
    return FRONTS["astype"](x, dtype)


def _without_cells(x: Any) -> Any:
    """Return a nest of lists with plain arrays in the place of cells."""
    return [_without_cells(i) for i in x] if isinstance(x, (list, tuple)) else settled(x)


def nested(x: Any) -> Value:
    """Return the array that a nest of lists with traced values in it makes."""
    return FRONTS["stack"]([nested(i) for i in x]) if isinstance(x, (list, tuple)) else x


def _asarray(
    a: Any, dtype: Any = None, order: Any = None, *, copy: bool | None = None, **options: Any
) -> Any:
    is_array = type(a) is np.ndarray or type(a) is TracedArray or type(a) is TracedView
    if is_array and not copy and (dtype is None or np.dtype(dtype) == a.dtype):
        return a if type(a) in HANDLES else np.asarray(a, order=order, **options)
    return _array(a, dtype, copy=copy, order=order or "K", **options)


def _full(shape: Any, fill_value: Any, dtype: Any = None, order: Any = "C", **options: Any) -> Any:
    if not holds_traced(fill_value):
        return cell(np.full(shape, settled(fill_value), dtype, order, **options))
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


class _Vectorize(np.vectorize):
    """`np.vectorize` whose function is called on traced elements."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        if options or not any(map(holds_traced, args)) or self.signature is not None:
            return super().__call__(*args, **options)
        shape = np.broadcast_shapes(*(type_of(a).shape for a in args))
        columns = [FRONTS["ravel"](FRONTS["broadcast_to"](a, shape)) for a in args]
        results = [self.pyfunc(*(c[i] for c in columns)) for i in range(len(columns[0]))]
        return FRONTS["reshape"](_array(results), shape)


class _Join:
    """`np.r_` or `np.c_` with traced items."""

    def __init__(self, original: Any, join: Callable[[Sequence[Any]], Any]) -> None:
        self.original = original
        self.join = join

    def __getitem__(self, key: Any) -> Any:
        items = key if isinstance(key, tuple) else (key,)
        if not any(map(holds_traced, items)):
            made = self.original[key]
            return cell(made) if is_following() and type(made) is np.ndarray else made
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
REROUTED[np.array] = _array
REROUTED[np.full] = _full
REROUTED[np.full_like] = _full_like
REROUTED[np.vectorize] = _Vectorize

JOINS: dict[Any, Any] = {
    np.r_: _Join(
        np.r_, lambda items: FRONTS["concatenate"]([FRONTS["atleast_1d"](i) for i in items])
    ),
    np.c_: _Join(np.c_, lambda items: FRONTS["column_stack"](list(items))),
}
"""Objects that are indexed rather than called."""
