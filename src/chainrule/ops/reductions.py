"""Ops that reduce axes to one element: sums, products and extremes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Shape, Value, array_type
from chainrule.errors import ArgumentError
from chainrule.ops.broadcasting import astype, broadcast_to
from chainrule.ops.canonical import (
    Axes,
    array_like,
    axes_of,
    check_not_empty,
    count_along,
    given,
    is_set,
    reduced_shape,
    refuse_out,
)
from chainrule.ops.kinds import general, linear
from chainrule.ops.layout import reshaped, transposed


@functools.cache
def _reduced_dtype(ufunc: np.ufunc, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.asarray(ufunc.reduce(np.ones(1, dtype))).dtype


def _reduced_type(ufunc: np.ufunc) -> Callable[..., ArrayType]:
    def infer(x: ArrayType, axis: Axes, keepdims: bool) -> ArrayType:
        shape = reduced_shape(x.shape, axis, keepdims=keepdims)
        return array_type(shape, _reduced_dtype(ufunc, x.dtype))

    return infer


def spread(g: Value, shape: Shape, axis: Axes, keepdims: bool) -> Value:
    """Repeat what a reduction left along the axes it reduced."""
    if not keepdims and axis != tuple(range(len(axis))):
        g = reshaped(g, reduced_shape(shape, axis, keepdims=True))
    return broadcast_to(g, shape)


def _total_front(op: Callable[[], Op], neutral: int, combine: str) -> Callable[..., Value]:
    """Return the front of a sum or a product, which take the same options."""

    def front(
        a: Value,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        a = array_like(a)
        axes = axes_of(axis, type_of(a).ndim)
        keep = keepdims if type(keepdims) is bool else is_set(keepdims)
        if dtype is None and initial is None and where is True and out is None:
            return apply(op(), a, axis=axes, keepdims=keep)
        refuse_out(op().name, out)
        if dtype is not None:
            a = astype(a, dtype)
        if given(where) is not None and where is not True:
            a = FRONTS["where"](where, a, neutral)
        total = apply(op(), a, axis=axes, keepdims=keep)
        if given(initial) is not None:
            total = astype(FRONTS[combine](total, initial), type_of(total).dtype)
        # what large integers say of small ones is cut, as small ones would be
        return total if dtype is None else astype(total, np.dtype(dtype))

    return front


SUM: Op = linear(
    "sum",
    lambda x, axis, keepdims: np.add.reduce(x, axis=axis, keepdims=keepdims),
    infer=_reduced_type(np.add),
    transposes=(lambda g, x, axis, keepdims: spread(g, type_of(x).shape, axis, keepdims),),
    front=_total_front(lambda: SUM, 0, "add"),
    names=(np.sum,),
    samples=(
        Sample((2, 3)),
        Sample(()),
        Sample((2, 3, 2), axis=-1),
        Sample((2, 3, 2), axis=(2, 0), keepdims=True),
        Sample((2, 3), axis=()),
        Sample((0, 3), axis=0),
        Sample((2, 3), axis=0, initial=2.0, where=np.array([True, False, True])),
        Sample((2, 3), dtype=np.float64),
    ),
)


def _others(x: Value, axis: Axes) -> Value:
    """Return for each element the product of the others. Nothing is divided, so zeros are no exception."""
    shape = type_of(x).shape
    rest = tuple([i for i in range(len(shape)) if i not in axis])
    order = (*rest, *axis)
    lead = tuple([shape[i] for i in rest])
    row = reshaped(transposed(x, order), (*lead, count_along(shape, axis)))
    before = _products_before(row)
    after = FRONTS["flip"](_products_before(FRONTS["flip"](row, -1)), -1)
    back = tuple(sorted(range(len(order)), key=order.__getitem__))
    return transposed(reshaped(before * after, tuple([shape[i] for i in order])), back)


def _products_before(row: Value) -> Value:
    """Return for each element the product of those before it on the last axis."""
    t = type_of(row)
    one = np.ones((*t.shape[:-1], min(t.shape[-1], 1)), t.dtype)
    shorter = FRONTS["getitem"](row, (..., slice(None, -1)))
    return FRONTS["concatenate"]([one, FRONTS["cumprod"](shorter, -1)], axis=-1)


def _prod_vjp(g: Value, out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return spread(g, type_of(x).shape, axis, keepdims) * _others(x, axis)


def _prod_jvp(t: tuple[Value], out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return apply(SUM, t[0] * _others(x, axis), axis=axis, keepdims=keepdims)


PROD: Op = general(
    "prod",
    lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
    infer=_reduced_type(np.multiply),
    vjp=_prod_vjp,
    jvp=_prod_jvp,
    front=_total_front(lambda: PROD, 1, "multiply"),
    names=(np.prod,),
    samples=(
        Sample((2, 3)),
        Sample(()),
        Sample((2, 3, 2), axis=1),
        Sample((2, 3, 2), axis=(0, -1), keepdims=True),
        Sample((0, 3), axis=0),
        Sample((1, 3), axis=0),
        Sample((2, 3), axis=0, initial=2.0, where=np.array([True, False, True])),
        Sample((2, 3), prepare=lambda x: x * np.array([[0.0, 1, 1], [0, 1, 0]])),
    ),
)


def _extreme_front(op: Callable[[], Op], combine: str) -> Callable[..., Value]:
    """Return the front of a maximum or a minimum."""

    def front(
        a: Value,
        axis: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Value:
        name = op().name
        a = array_like(a)
        t = type_of(a)
        axes = axes_of(axis, t.ndim)
        keep = is_set(keepdims)
        refuse_out(name, out)
        start = given(initial)
        if given(where) is not None and where is not True:
            if start is None:
                hint = "pass initial=, the result where nothing is chosen"
                raise ArgumentError.from_unsupported(name, "where= without initial=", hint)
            a = FRONTS["where"](where, a, start)
        if start is None:
            check_not_empty(name, t.shape, axes)
            return apply(op(), a, axis=axes, keepdims=keep)
        if count_along(t.shape, axes) == 0:
            return astype(apply(SUM, a, axis=axes, keepdims=keep) + start, t.dtype)
        return astype(FRONTS[combine](apply(op(), a, axis=axes, keepdims=keep), start), t.dtype)

    return front


def _shares(out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    """Return how the derivative of an extreme is shared: evenly among the elements that are equal to it."""
    t = type_of(x)
    is_extreme = astype(FRONTS["equal"](x, spread(out, t.shape, axis, keepdims)), t.dtype)
    return is_extreme / apply(SUM, is_extreme, axis=axis, keepdims=True)


def _extreme_vjp(g: Value, out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return spread(g, type_of(x).shape, axis, keepdims) * _shares(out, x, axis, keepdims)


def _extreme_jvp(t: tuple[Value], out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return apply(SUM, t[0] * _shares(out, x, axis, keepdims), axis=axis, keepdims=keepdims)


_EXTREME_SAMPLES = (
    Sample((2, 3)),
    Sample(()),
    Sample((2, 3, 2), axis=-2),
    Sample((2, 3, 2), axis=(2, 0), keepdims=True),
    Sample((3, 0), axis=0),
    Sample((0, 3), axis=0, initial=1.0),
    Sample((2, 3), axis=0, initial=0.1, where=np.array([True, False, True])),
)
MAX: Op = general(
    "max",
    lambda x, axis, keepdims: np.maximum.reduce(x, axis=axis, keepdims=keepdims),
    infer=_reduced_type(np.maximum),
    vjp=_extreme_vjp,
    jvp=_extreme_jvp,
    front=_extreme_front(lambda: MAX, "maximum"),
    names=(np.max, np.amax),
    samples=_EXTREME_SAMPLES,
    rejects=(Sample((0, 3), axis=0),),
)
MIN: Op = general(
    "min",
    lambda x, axis, keepdims: np.minimum.reduce(x, axis=axis, keepdims=keepdims),
    infer=_reduced_type(np.minimum),
    vjp=_extreme_vjp,
    jvp=_extreme_jvp,
    front=_extreme_front(lambda: MIN, "minimum"),
    names=(np.min, np.amin),
    samples=_EXTREME_SAMPLES,
    rejects=(Sample((0, 3), axis=0),),
)
