"""The methods of ufuncs: `np.add.reduce`, `np.maximum.accumulate`, `np.multiply.outer`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value
from chainrule.errors import NotDifferentiableError
from chainrule.ops.canonical import (
    along,
    array_like,
    axis_of,
    given,
    is_set,
    part_along,
    refuse_out,
)
from chainrule.ops.checking import as_array
from chainrule.ops.cumulative import running_extreme
from chainrule.ops.kinds import composite
from chainrule.ops.layout import reshaped

_TOTALS = (("add", "sum", "cumsum"), ("multiply", "prod", "cumprod"))
_EXTREMES = (("maximum", "max"), ("minimum", "min"))
_REST = (("subtract", "sum", "subtract"), ("divide", "prod", "divide"))
_OUTER = (
    "add",
    "subtract",
    "multiply",
    "divide",
    "power",
    "maximum",
    "minimum",
    "hypot",
    "arctan2",
    "logaddexp",
    "fmax",
    "fmin",
)


def _reduce_total(name: str) -> Callable[..., Value]:
    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        return FRONTS[name](array, axis, dtype, out, keepdims, initial, where)

    return front


def _reduce_extreme(name: str) -> Callable[..., Value]:
    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        array = array_like(array)
        if dtype is not None:
            array = FRONTS["astype"](array, dtype)
        return FRONTS[name](array, axis, out, keepdims, initial, where)

    return front


def _reduce_question(name: str) -> Callable[..., Value]:
    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        _refuse(f"np.logical_{name}.reduce", dtype=dtype, initial=given(initial))
        return FRONTS[name](array, axis, out, keepdims, where=where)

    return front


def _reduce_rest(total: str, operator: str) -> Callable[..., Value]:
    """Reduce by an operator that is not associative: the first element, and all the others at once."""

    def front(
        array: Value,
        axis: int = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        name = f"np.{operator}.reduce"
        refuse_out(name, out)
        _refuse(name, dtype=dtype, initial=given(initial), where=None if where is True else where)
        array = array_like(array)
        axis = axis_of(axis, type_of(array).ndim)
        keep = is_set(keepdims)
        first = FRONTS["getitem"](array, along(axis, slice(1) if keep else 0))
        others = part_along(array, axis, 1, None)
        return FRONTS[operator](first, FRONTS[total](others, axis, None, None, keep))

    return front


def _reduce_logaddexp(
    array: Value,
    axis: Any = 0,
    dtype: Any = None,
    out: Any = None,
    keepdims: Any = False,
    **options: Any,
) -> Value:
    refuse_out("np.logaddexp.reduce", out)
    _refuse("np.logaddexp.reduce", dtype=dtype, **options)
    return FRONTS["logsumexp"](array, axis=axis, keepdims=is_set(keepdims))


def _refuse(name: str, **options: Any) -> None:
    for option, value in options.items():
        if value is not None:
            raise NotDifferentiableError.from_option(name, option, value)


def _accumulate_total(name: str) -> Callable[..., Value]:
    def front(array: Value, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
        return FRONTS[name](array, axis, dtype, out)

    return front


def _accumulate_extreme(ufunc: np.ufunc) -> Callable[..., Value]:
    def front(array: Value, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
        refuse_out(f"np.{ufunc.__name__}.accumulate", out)
        array = array_like(array)
        if dtype is not None:
            array = FRONTS["astype"](array, dtype)
        return running_extreme(ufunc, array, axis_of(axis, type_of(array).ndim))

    return front


def _outer(name: str) -> Callable[..., Value]:
    def front(A: Value, B: Value) -> Value:
        x, y = as_array(array_like(A)), as_array(array_like(B))
        column = type_of(x).shape + (1,) * type_of(y).ndim
        return FRONTS[name](reshaped(x, column), y)

    return front


_REDUCE_SAMPLES = (
    Sample((3,)),
    Sample((2, 3)),
    Sample((2, 3), axis=-1, keepdims=True),
)
_OUTER_SAMPLES = (
    Sample((2,), (3,), domain=(0.5, 2.0)),
    Sample((2, 2), (), domain=(0.5, 2.0)),
)
_RUNNING_SAMPLES = (Sample((4,)), Sample((2, 3), axis=-1))


def _enter(
    ufunc: np.ufunc, method: str, front: Callable[..., Value], samples: tuple[Sample, ...]
) -> None:
    composite(f"{ufunc.__name__}.{method}", front, names=((ufunc, method),), samples=samples)


for _name, _total, _running in _TOTALS:
    _ufunc = getattr(np, _name)
    _enter(_ufunc, "reduce", _reduce_total(_total), (*_REDUCE_SAMPLES, Sample((2, 3), axis=None)))
    _enter(_ufunc, "accumulate", _accumulate_total(_running), _RUNNING_SAMPLES)
for _name, _extreme in _EXTREMES:
    _ufunc = getattr(np, _name)
    _enter(
        _ufunc, "reduce", _reduce_extreme(_extreme), (*_REDUCE_SAMPLES, Sample((2, 3), axis=None))
    )
    _enter(_ufunc, "accumulate", _accumulate_extreme(_ufunc), _RUNNING_SAMPLES)
for _name, _total, _operator in _REST:
    _enter(getattr(np, _name), "reduce", _reduce_rest(_total, _operator), _REDUCE_SAMPLES)
_enter(np.logaddexp, "reduce", _reduce_logaddexp, _REDUCE_SAMPLES)
_enter(np.logical_and, "reduce", _reduce_question("all"), _REDUCE_SAMPLES)
_enter(np.logical_or, "reduce", _reduce_question("any"), _REDUCE_SAMPLES)
for _name in _OUTER:
    _enter(getattr(np, _name), "outer", _outer(_name), _OUTER_SAMPLES)
