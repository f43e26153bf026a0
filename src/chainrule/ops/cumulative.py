"""Running sums, products and extremes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value, array_type, promoted
from chainrule.errors import ArgumentError
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import along, array_like, axis_of, part_along, refuse_out
from chainrule.ops.kinds import composite, general, linear
from chainrule.ops.layout import reshaped


@functools.cache
def _running_dtype(ufunc: np.ufunc, dtype: np.dtype[Any]) -> np.dtype[Any]:
    return ufunc.accumulate(np.ones(1, dtype)).dtype


def _running_front(op: Callable[[], Op]) -> Callable[..., Value]:
    def front(a: Value, axis: int | None = None, dtype: Any = None, out: Any = None) -> Value:
        refuse_out(op().name, out)
        x = array_like(a)
        t = type_of(x)
        if axis is None or t.ndim == 0:
            x, axis = reshaped(x, (t.size,)), 0 if axis is None else axis_of(axis, 1)
        if dtype is not None:
            x = astype(x, dtype)
        totals = apply(op(), x, axis=axis_of(axis, max(t.ndim, 1)))
        # what large integers say of small ones is cut, as small ones would be
        return totals if dtype is None else astype(totals, np.dtype(dtype))

    return front


def _joined(axis: int, *parts: Value) -> Value:
    return FRONTS["concatenate"](parts, axis=axis)


def _backwards(x: Value, axis: int) -> Value:
    return FRONTS["flip"](x, axis)


_RUNNING_SAMPLES = (
    Sample((5,)),
    Sample((2, 3)),
    Sample((2, 3), axis=-1),
    Sample((2, 3, 2), axis=1),
    Sample((), axis=None),
    Sample((0, 2), axis=0),
    Sample((1, 2), axis=0),
    Sample((2, 3), axis=0, dtype=np.float64),
)
CUMSUM: Op = linear(
    "cumsum",
    lambda x, axis: np.add.accumulate(x, axis=axis),
    infer=lambda x, axis: array_type(x.shape, _running_dtype(np.add, x.dtype)),
    transposes=(
        lambda g, x, axis: _backwards(apply(CUMSUM, _backwards(g, axis), axis=axis), axis),
    ),
    front=_running_front(lambda: CUMSUM),
    names=(np.cumsum,),
    samples=_RUNNING_SAMPLES,
)


def _doubled(factor: Any, term: Any, axis: int) -> Any:
    """Return h with h[k] = factor[k] * h[k - 1] + term[k], where h[-1] = 0.

    After each turn `factor` and `term` span twice as many elements: log2(n) turns of whole-array arithmetic (Hillis
    and Steele, "Data parallel algorithms", 1986).
    """
    n = term.shape[axis]
    span = 1
    while span < n:
        rest = factor[along(axis, slice(span, None))]
        ahead, behind = along(axis, slice(None, -span)), along(axis, slice(span, None))
        first = along(axis, slice(None, span))
        reached = rest * term[ahead] + term[behind]
        term = np.concatenate((term[first], reached), axis)
        if 2 * span < n:
            factor = np.concatenate((factor[first], rest * factor[ahead]), axis)
        span *= 2
    return term


def _recurrence(factor: Any, term: Any, axis: int) -> Any:
    with np.errstate(over="ignore", invalid="ignore"):
        h = _doubled(factor, term, axis)
    if np.isfinite(h).all():
        return h
    # A product of factors may overflow where no element does.
    h = np.array(term, h.dtype)
    for k in range(1, h.shape[axis]):
        here, before = along(axis, k), along(axis, k - 1)
        h[here] = factor[here] * h[before] + term[here]
    return h


def _recurrence_jvp(
    t: tuple[Value, Value], out: Value, factor: Value, term: Value, axis: int
) -> Value:
    return apply(RECURRENCE, factor, t[0] * _shifted(out, axis, 0) + t[1], axis=axis)


def _recurrence_vjp(
    g: Value, out: Value, factor: Value, term: Value, axis: int
) -> tuple[Value, Value]:
    # dterm[k] = h[k] = g[k] + factor[k + 1] * h[k + 1], dfactor[k] = h[k] * out[k - 1]
    following = _joined(axis, part_along(factor, axis, 1, None), part_along(factor, axis, None, 1))
    h = _backwards(
        apply(RECURRENCE, _backwards(following, axis), _backwards(g, axis), axis=axis), axis
    )
    products = part_along(h, axis, 1, None) * part_along(out, axis, None, -1)
    return _joined(axis, _edge(g, axis, 0), products), h


def _edge(x: Value, axis: int, value: int) -> Value:
    """Return an array as long as the first element of an axis, if there is one."""
    t = type_of(x)
    return np.full((*t.shape[:axis], min(t.shape[axis], 1), *t.shape[axis + 1 :]), value, t.dtype)


def _shifted(x: Value, axis: int, first: int) -> Value:
    """Return the element before each one; `first` stands before the first."""
    return _joined(axis, _edge(x, axis, first), part_along(x, axis, None, -1))


RECURRENCE: Op = general(
    "recurrence",
    _recurrence,
    infer=lambda factor, term, axis: array_type(term.shape, promoted(factor, term)),
    vjp=_recurrence_vjp,
    jvp=_recurrence_jvp,
    arity=2,
    samples=(
        Sample((5,), (5,), axis=0),
        Sample((2, 3), (2, 3), axis=1),
        Sample((3, 2), (3, 2), axis=0),
        Sample((0,), (0,), axis=0),
    ),
)


def _cumprod_jvp(t: tuple[Value], out: Value, x: Value, axis: int) -> Value:
    return apply(RECURRENCE, x, t[0] * _shifted(out, axis, 1), axis=axis)


def _cumprod_vjp(g: Value, out: Value, x: Value, axis: int) -> Value:
    # dx[i] = before[i] * h[i], h[i] = g[i] + x[i + 1] * h[i + 1]: the recurrence runs backwards. No division, so
    # zeros are no exception.
    following = _joined(axis, part_along(x, axis, 1, None), part_along(x, axis, None, 1))
    h = apply(RECURRENCE, _backwards(following, axis), _backwards(g, axis), axis=axis)
    return _backwards(h, axis) * _shifted(out, axis, 1)


CUMPROD: Op = general(
    "cumprod",
    lambda x, axis: np.multiply.accumulate(x, axis=axis),
    infer=lambda x, axis: array_type(x.shape, _running_dtype(np.multiply, x.dtype)),
    vjp=_cumprod_vjp,
    jvp=_cumprod_jvp,
    front=_running_front(lambda: CUMPROD),
    names=(np.cumprod,),
    samples=(*_RUNNING_SAMPLES, Sample((5,), prepare=lambda x: x * np.array([1.0, 0, 1, 0, 1]))),
)


def _positions(x: Value, extreme: Value, axis: int) -> Value:
    """Return where each running extreme was met first; a NaN stays."""
    before = part_along(extreme, axis, None, -1)
    is_new = (part_along(extreme, axis, 1, None) != before) & (before == before)  # noqa: PLR0124  NaN is not equal to itself
    t = type_of(x)
    numbers = np.arange(t.shape[axis]).reshape((-1, *(1,) * (t.ndim - axis - 1)))
    places = np.where(is_new, numbers[1:], 0)
    first = np.zeros((*t.shape[:axis], min(t.shape[axis], 1), *t.shape[axis + 1 :]), np.intp)
    return apply(RUNNING_EXTREME, _joined(axis, first, places), axis=axis, ufunc=np.maximum)


def _extreme_vjp(g: Value, out: Value, x: Value, axis: int, ufunc: np.ufunc) -> Value:
    shape = type_of(x).shape
    places = [np.arange(n).reshape((-1, *(1,) * (len(shape) - k - 1))) for k, n in enumerate(shape)]
    places[axis] = _positions(x, out, axis)
    return FRONTS["scatter"](g, *places, index=("array",) * len(shape), shape=shape)


def _extreme_jvp(t: tuple[Value], out: Value, x: Value, axis: int, ufunc: np.ufunc) -> Value:
    return FRONTS["take_along_axis"](t[0], _positions(x, out, axis), axis=axis)


RUNNING_EXTREME: Op = general(
    "running_extreme",
    lambda x, axis, ufunc: ufunc.accumulate(x, axis=axis),
    infer=lambda x, axis, ufunc: x,
    vjp=_extreme_vjp,
    jvp=_extreme_jvp,
    samples=(
        Sample((5,), axis=0, ufunc=np.maximum),
        Sample((2, 3), axis=0, ufunc=np.minimum),
        Sample((2, 3, 2), axis=1, ufunc=np.maximum),
        Sample((2, 0), axis=1, ufunc=np.maximum),
    ),
)
"""A running maximum or minimum; the element that set it first has the derivative."""


def _cumulative(
    name: str, x: Value, axis: int | None, dtype: Any, include_initial: bool, start: int
) -> Value:
    x = FRONTS["atleast_1d"](x)
    t = type_of(x)
    if axis is None:
        if t.ndim != 1:
            raise ArgumentError.from_range(name, "axis", axis, f"one of the {t.ndim} axes")
        axis = 0
    axis = axis_of(axis, t.ndim)
    out = FRONTS["cumsum" if start == 0 else "cumprod"](x, axis, dtype)
    if not include_initial:
        return out
    first = np.full((*t.shape[:axis], 1, *t.shape[axis + 1 :]), start, type_of(out).dtype)
    return _joined(axis, first, out)


def _cumulative_sum(
    x: Value,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: Any = False,
) -> Value:
    refuse_out("cumulative_sum", out)
    return _cumulative("cumulative_sum", x, axis, dtype, include_initial, 0)


def _cumulative_prod(
    x: Value,
    /,
    *,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    include_initial: Any = False,
) -> Value:
    refuse_out("cumulative_prod", out)
    return _cumulative("cumulative_prod", x, axis, dtype, include_initial, 1)


composite(
    "cumulative_sum",
    _cumulative_sum,
    names=(np.cumulative_sum,),
    samples=(Sample((4,)), Sample((2, 3), axis=-1, include_initial=True)),
)
composite(
    "cumulative_prod",
    _cumulative_prod,
    names=(np.cumulative_prod,),
    samples=(Sample((4,)), Sample((2, 3), axis=0, include_initial=True)),
)
