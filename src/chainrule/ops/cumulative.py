"""Running sums, products and extremes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Op, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value, array_type
from chainrule.errors import ArgumentError
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import array_like, axis_of, part_along, refuse_out
from chainrule.ops.kinds import composite, constant, general, linear
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
            x, axis = reshaped(x, (t.size,)), 0
        if dtype is not None:
            x = astype(x, dtype)
        return apply(op(), x, axis=axis_of(axis, max(t.ndim, 1)))

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


def _recurrence(factor: Value, term: Value, axis: int) -> Value:
    """Return h with h[k] = factor[k] * h[k - 1] + term[k], where h[-1] = 0.

    After each turn `factor` and `term` span twice as many elements: log2(n) turns of whole-array arithmetic (Hillis
    and Steele, "Data parallel algorithms", 1986). The first turn is always taken, so that what a rule reads does not
    depend on the length.
    """
    n = type_of(term).shape[axis]
    span = 1
    while True:
        rest = part_along(factor, axis, span, None)
        reached = rest * part_along(term, axis, None, -span) + part_along(term, axis, span, None)
        term = _joined(axis, part_along(term, axis, None, span), reached)
        if 2 * span >= n:
            return term
        longer = rest * part_along(factor, axis, None, -span)
        factor = _joined(axis, part_along(factor, axis, None, span), longer)
        span *= 2


def _before(out: Value, axis: int) -> Value:
    """Return the product of all elements before each one, from the running products."""
    t = type_of(out)
    one = np.ones((*t.shape[:axis], min(t.shape[axis], 1), *t.shape[axis + 1 :]), t.dtype)
    return _joined(axis, one, part_along(out, axis, None, -1))


def _cumprod_jvp(t: tuple[Value], out: Value, x: Value, axis: int) -> Value:
    return _recurrence(x, t[0] * _before(out, axis), axis)


def _cumprod_vjp(g: Value, out: Value, x: Value, axis: int) -> Value:
    # dx[i] = before[i] * h[i], h[i] = g[i] + x[i + 1] * h[i + 1]: the recurrence runs backwards. No division, so
    # zeros are no exception.
    following = _joined(axis, part_along(x, axis, 1, None), part_along(x, axis, None, 1))
    h = _recurrence(_backwards(following, axis), _backwards(g, axis), axis)
    return _backwards(h, axis) * _before(out, axis)


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


def _running_extreme_positions(x: Any, axis: int, ufunc: np.ufunc) -> Any:
    """Return where the running extreme was met first; a NaN stays."""
    extreme = np.moveaxis(ufunc.accumulate(x, axis=axis), axis, -1)
    is_new = np.ones(extreme.shape, bool)
    before = extreme[..., :-1]
    is_new[..., 1:] = (extreme[..., 1:] != before) & (before == before)  # noqa: PLR0124  NaN is not equal to itself
    found = np.maximum.accumulate(np.where(is_new, np.arange(extreme.shape[-1]), 0), axis=-1)
    return np.moveaxis(found, -1, axis)


_RUNNING_EXTREME_POSITIONS = constant(
    "running_extreme_positions",
    _running_extreme_positions,
    infer=lambda x, axis, ufunc: array_type(x.shape, np.dtype(np.intp)),
    samples=(Sample((5,), axis=0, ufunc=np.maximum), Sample((2, 3), axis=1, ufunc=np.minimum)),
)


def running_extreme(ufunc: np.ufunc, x: Value, axis: int) -> Value:
    """Return the running maximum or minimum; the element that set it first has the derivative."""
    positions = apply(_RUNNING_EXTREME_POSITIONS, x, axis=axis, ufunc=ufunc)
    return FRONTS["take_along_axis"](x, positions, axis=axis)


def _cumulative(
    name: str, x: Value, axis: int | None, dtype: Any, include_initial: bool, start: int
) -> Value:
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
