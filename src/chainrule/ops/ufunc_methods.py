"""The methods of ufuncs. Where one has a function of its own it is that: `np.add.reduce` is `np.sum`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import BY_NUMPY, FRONTS, TABLE, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value
from chainrule.ops.canonical import (
    NO_VALUE,
    along,
    array_like,
    axis_of,
    given,
    is_set,
    part_along,
    refuse_out,
)
from chainrule.ops.cumulative import RUNNING_EXTREME
from chainrule.ops.kinds import composite
from chainrule.ops.numbers import by_numbers
from chainrule.ops.ufunc_loops import (
    accumulated_in_turn,
    in_loops_dtype,
    outer,
    reduced_at,
    reduced_in_turn,
    written_at,
)
from chainrule.ops.writing import writes

_TOTALS = (("add", "sum", "cumsum"), ("multiply", "prod", "cumprod"))
_EXTREMES = (("maximum", "max"), ("minimum", "min"))
_REST = (("subtract", "sum", "subtract"), ("divide", "prod", "divide"))
_MASK = np.array([[True, False, True], [False, True, True]])


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


def _reduce_question(name: str, in_turn: Callable[..., Value]) -> Callable[..., Value]:
    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
    ) -> Value:
        if dtype is not None or given(initial) is not None:
            return in_turn(array, axis, dtype, out, keepdims, initial, where)
        return FRONTS[name](array, axis, out, keepdims, where=where)

    return front


def _reduce_rest(total: str, operator: str, in_turn: Callable[..., Value]) -> Callable[..., Value]:
    """Reduce by an operator that is not associative: the first element, and all the others at once."""

    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
    ) -> Value:
        array = array_like(array)
        shape = type_of(array).shape
        is_simple = type(axis) is int and dtype is None and given(initial) is None
        if not is_simple or where is not True or 0 in shape or not shape:
            return in_turn(array, axis, dtype, out, keepdims, initial, where)
        refuse_out(f"np.{operator}.reduce", out)
        array = in_loops_dtype(getattr(np, operator), array)
        axis = axis_of(axis, len(shape))
        keep = is_set(keepdims)
        first = FRONTS["getitem"](array, along(axis, slice(1) if keep else 0))
        others = part_along(array, axis, 1, None)
        return FRONTS[operator](
            first, FRONTS[total](others, axis, type_of(array).dtype, None, keep)
        )

    return front


def _reduce_logaddexp(in_turn: Callable[..., Value]) -> Callable[..., Value]:
    def front(
        array: Value,
        axis: Any = 0,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = NO_VALUE,
        where: Any = True,
    ) -> Value:
        if dtype is not None or given(initial) is not None or where is not True:
            return in_turn(array, axis, dtype, out, keepdims, initial, where)
        refuse_out("np.logaddexp.reduce", out)
        array = in_loops_dtype(np.logaddexp, array_like(array))
        return FRONTS["logsumexp"](array, axis=axis, keepdims=is_set(keepdims))

    return front


def _accumulate_total(name: str) -> Callable[..., Value]:
    def front(array: Value, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
        array = array_like(array)
        return FRONTS[name](array, axis_of(axis, type_of(array).ndim), dtype, out)

    return front


def _accumulate_extreme(ufunc: np.ufunc) -> Callable[..., Value]:
    def front(array: Value, axis: int = 0, dtype: Any = None, out: Any = None) -> Value:
        refuse_out(f"np.{ufunc.__name__}.accumulate", out)
        array = array_like(array)
        if dtype is not None:
            array = FRONTS["astype"](array, dtype)
        return apply(RUNNING_EXTREME, array, axis=axis_of(axis, type_of(array).ndim), ufunc=ufunc)

    return front


_REDUCE_SAMPLES = (
    Sample((3,)),
    Sample((2, 3)),
    Sample((2, 3), axis=-1, keepdims=True),
)
_RUNNING_SAMPLES = (Sample((4,)), Sample((2, 3), axis=-1))


def _enter(
    ufunc: np.ufunc, method: str, front: Callable[..., Value], samples: tuple[Sample, ...]
) -> None:
    """Declare a method, unless it has a better form already."""
    if (ufunc, method) not in BY_NUMPY:
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
    _ufunc = getattr(np, _name)
    _front = _reduce_rest(_total, _operator, reduced_in_turn(_ufunc))
    _options = (Sample((2, 3), initial=2.0), Sample((2, 3), where=_MASK, initial=2.0, axis=1))
    _enter(_ufunc, "reduce", _front, (*_REDUCE_SAMPLES, *_options))
_enter(
    np.logaddexp,
    "reduce",
    _reduce_logaddexp(reduced_in_turn(np.logaddexp)),
    (*_REDUCE_SAMPLES, Sample((2, 3), axis=(0, 1)), Sample((2, 3), initial=0.5, where=_MASK)),
)
for _name, _question in (("logical_and", "all"), ("logical_or", "any")):
    _ufunc = getattr(np, _name)
    _front = _reduce_question(_question, reduced_in_turn(_ufunc))
    _enter(_ufunc, "reduce", _front, (*_REDUCE_SAMPLES, Sample((2, 3), initial=True)))


# and every other ufunc

_INTEGERS = np.array([[4, 6, 9], [1, 3, 5]])
_MAKERS = (
    ("reduce", reduced_in_turn),
    ("accumulate", accumulated_in_turn),
    ("outer", outer),
    ("reduceat", reduced_at),
)


def _every_method_of_floats(ufunc: np.ufunc) -> None:
    for method, make in _MAKERS:
        _enter(ufunc, method, make(ufunc), _samples(method, (3,), (2, 3), _domain_of(ufunc)))
    samples = (
        Sample((2, 3), np.array([1, 0, 1]), (3, 3), domain=_domain_of(ufunc)),
        Sample((2, 3), (0, slice(1, None)), (), domain=_domain_of(ufunc)),
        Sample((3,), [0, 1, 0, 0], (), domain=_domain_of(ufunc)),
    )
    writes(f"{ufunc.__name__}.at", (ufunc, "at"), written_at(ufunc), samples)


def _every_method_of_numbers(ufunc: np.ufunc, undefined: str, vector: Any, matrix: Any) -> None:
    """Declare methods without derivative: of integers, or of a ufunc that has none."""
    for method, _ in _MAKERS:
        called = getattr(ufunc, method)
        by_numbers(
            f"{ufunc.__name__}.{method}",
            called,
            names=((ufunc, method),),
            undefined=undefined,
            samples=_samples(method, vector, matrix, _domain_of(ufunc)),
        )
    if undefined:
        samples = (Sample(vector, [0, 1], 1.0),)
        by_numbers(
            f"{ufunc.__name__}.at",
            ufunc.at,
            names=((ufunc, "at"),),
            undefined=undefined,
            effect="it writes into its argument",
            samples=samples,
        )


def _samples(
    method: str, vector: Any, matrix: Any, domain: tuple[float, float]
) -> tuple[Sample, ...]:
    if method == "outer":
        return Sample(vector, vector, domain=domain), Sample(matrix, vector, domain=domain)
    if method == "reduceat":
        return (
            Sample(matrix, [0, 1, 0], domain=domain),
            Sample(matrix, np.array([2, 1]), domain=domain, axis=-1),
        )
    if method == "reduce" and type(vector) is tuple:
        # Of two elements: of three NumPy 2.4 makes x[0] ** x[2] of power.reduce, and the same of arctan2.
        return Sample((2,), domain=domain), Sample((2, 3), domain=domain, keepdims=True)
    return Sample(vector, domain=domain), Sample(matrix, domain=domain, axis=-1)


def _domain_of(ufunc: np.ufunc) -> tuple[float, float]:
    """Return where the entry of the ufunc itself is tested, if that leaves room to apply it twice."""
    domain = TABLE[ufunc.__name__].samples[0].domain if ufunc.__name__ in TABLE else None
    return (0.5, 2.0) if ufunc.nin == 2 else domain or (-2.0, 2.0)


def _has_loop(ufunc: np.ufunc, *types: str) -> bool:
    return not {*types}.isdisjoint(ufunc.types)


def _declare_methods(ufunc: np.ufunc) -> None:
    undefined = TABLE[ufunc.__name__].undefined if ufunc.__name__ in TABLE else ""
    if undefined:
        _every_method_of_numbers(ufunc, undefined, (3,), (2, 3))
    elif _has_loop(ufunc, "dd->d"):
        _every_method_of_floats(ufunc)
    elif _has_loop(ufunc, "ll->l", "qq->q"):
        _every_method_of_numbers(ufunc, "", _INTEGERS[1], _INTEGERS)
        samples = (Sample(_INTEGERS[0], [0, 1, 0], 2), Sample(_INTEGERS, (0, [1, 1]), 1))
        writes(f"{ufunc.__name__}.at", (ufunc, "at"), written_at(ufunc), samples, of_integers=True)
    elif _has_loop(ufunc, "dd->?", "dd->dd"):
        _enter(ufunc, "outer", outer(ufunc), _samples("outer", (3,), (2, 3), (0.5, 2.0)))
    elif _has_loop(ufunc, "d->d"):
        samples = (
            Sample((4,), np.array([0, 2]), domain=_domain_of(ufunc)),
            Sample((2, 3), (slice(None), 1), domain=_domain_of(ufunc)),
        )
        writes(f"{ufunc.__name__}.at", (ufunc, "at"), written_at(ufunc), samples)


_UFUNCS = {x for x in vars(np).values() if isinstance(x, np.ufunc) and x.signature is None}
for _ufunc in sorted(_UFUNCS & {*BY_NUMPY}, key=lambda ufunc: ufunc.__name__):
    _declare_methods(_ufunc)
_enter(np.logical_xor, "reduce", reduced_in_turn(np.logical_xor), _REDUCE_SAMPLES)
