"""Results put together from several arrays: `select`, `choose`, `piecewise`, and what is left of one: `trim_zeros`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.types import Value, broadcast_shapes, promoted
from chainrule.errors import ArgumentError, DTypeError
from chainrule.ops.canonical import array_like, axes_of, refuse_out
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite
from chainrule.ops.numbers import numbers_of

_MASK = np.array([[True, False, True], [False, False, True]])
_OTHER = np.array([True, True, False])


def _select(condlist: Sequence[Value], choicelist: Sequence[Value], default: Value = 0) -> Value:
    if len(condlist) != len(choicelist) or not len(condlist):
        got = (len(condlist), len(choicelist))
        expected = "as many choices as conditions, and at least one"
        raise ArgumentError.from_range("np.select", "condlist, choicelist", got, expected)
    conditions = [as_array(array_like(c)) for c in condlist]
    for c in conditions:
        if type_of(c).dtype.kind != "b":
            raise DTypeError.from_unsafe_cast("np.select", type_of(c).dtype, np.dtype(bool))
    choices = [array_like(c) for c in (*choicelist, default)]
    dtype = promoted(*map(type_of, choices))
    shapes = [type_of(x).shape for x in (*conditions, *choices)]
    shape = broadcast_shapes("select", *shapes)
    result = FRONTS["broadcast_to"](FRONTS["astype"](choices[-1], dtype), shape)
    for condition, choice in zip(conditions[::-1], choices[-2::-1], strict=True):
        result = FRONTS["where"](condition, FRONTS["astype"](choice, dtype), result)
    return result if shape else FRONTS["reshape"](result, ())


composite(
    "select",
    _select,
    names=(np.select,),
    samples=(
        Sample([_MASK, _OTHER], [(2, 3), (3,)]),
        Sample([_MASK], [(2, 3)], (2, 1)),
        Sample([_MASK, ~_MASK], [(2, 3), ()], 5.0),
        Sample([_OTHER[:0]], [(0,)]),
    ),
    rejects=(Sample([_MASK], [(2, 4)]),),
)


def _choose(a: Value, choices: Any, out: Any = None, mode: str = "raise") -> Value:
    refuse_out("choose", out)
    which = numbers_of("np.choose", array_like(a))
    options = [array_like(c) for c in choices]
    dtype = promoted(*map(type_of, options))
    last = len(options) - 1
    if mode == "wrap":
        which = np.mod(which, len(options))
    elif mode == "clip":
        which = np.clip(which, 0, last)
    elif mode != "raise":
        raise ArgumentError.from_choice("np.choose", "mode", mode, ("raise", "wrap", "clip"))
    elif np.any(np.less(which, 0) | np.greater(which, last)):
        raise ArgumentError.from_range("np.choose", "a", a, f"numbers from 0 to {last}")
    shapes = [np.shape(which), *(type_of(c).shape for c in options)]
    shape = broadcast_shapes("choose", *shapes)
    stacked = np.stack([FRONTS["broadcast_to"](FRONTS["astype"](c, dtype), shape) for c in options])
    rows = np.broadcast_to(which, shape)[None]
    return FRONTS["take_along_axis"](stacked, rows, axis=0)[0]


_WHICH = np.array([[0, 1, 1], [1, 0, 0]])

composite(
    "choose",
    _choose,
    names=(np.choose,),
    samples=(
        Sample(_WHICH, [(2, 3), (2, 3)]),
        Sample(_WHICH, [(3,), ()]),
        Sample(_WHICH, (2, 3)),
        Sample(np.array([2, -1, 5]), [(3,), (3,)], mode="wrap"),
        Sample(np.array([2, -1, 5]), [(3,), (3,)], mode="clip"),
        Sample([0, 1, 0], [(3,), (3,)]),
    ),
    rejects=(Sample(_WHICH, [(2,), (3,)]),),
)


def _piecewise(x: Value, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> Value:
    """Each function meets only the elements that are its own, and so cannot make infinities elsewhere."""
    x = as_array(array_like(x))
    masks = _masks(type_of(x).ndim, condlist)
    if len(masks) == len(funclist) - 1:
        masks = np.concatenate([masks, ~np.any(masks, axis=0, keepdims=True)])
    if len(masks) != len(funclist):
        expected = (
            f"{len(masks)} or {len(masks) + 1} functions, as there are {len(masks)} conditions"
        )
        raise ArgumentError.from_range("np.piecewise", "funclist", funclist, expected)
    result = FRONTS["zeros_like"](x)
    for mask, function in zip(masks, funclist, strict=True):
        value = function
        if callable(function):
            if not np.any(np.broadcast_to(False, type_of(x).shape)[mask]) and not np.any(mask):
                continue
            value = function(
                FRONTS["getitem"](FRONTS["atleast_1d"](x), np.atleast_1d(mask)), *args, **kw
            )
        result = _with_part(result, mask, value)
    return result


def _masks(ndim: int, condlist: Any) -> Any:
    """Return the conditions as one array of booleans; a single condition may stand alone."""
    conditions = numbers_of("np.piecewise", condlist)
    is_single = np.isscalar(conditions) or (
        not isinstance(conditions[0], (list, np.ndarray)) and ndim != 0
    )
    return np.asarray([conditions] if is_single else conditions, dtype=bool)


def _with_part(x: Value, mask: Any, value: Value) -> Value:
    """Return `x` with `value` where the mask holds."""
    if np.ndim(mask):
        return FRONTS["setitem"](x, value, mask)
    written = FRONTS["setitem"](
        FRONTS["reshape"](x, (1,)), value, slice(None) if mask else slice(0)
    )
    return FRONTS["reshape"](written, ())


composite(
    "piecewise",
    _piecewise,
    names=(np.piecewise,),
    samples=(
        Sample((2, 3), [_MASK, ~_MASK], [np.sin, np.exp]),
        Sample((2, 3), [_MASK], [lambda v: v * v, 2.0]),
        Sample((3,), _OTHER, [np.sin]),
        Sample((3,), [_OTHER], [lambda v, k: v * k, lambda v, k: v + k], 3.0),
        Sample((), True, [np.sin, np.cos]),
        Sample((0,), [np.zeros(0, bool)], [np.sin]),
    ),
)


def _trim_zeros(filt: Value, trim: str = "fb", axis: Any = None) -> Value:
    sides = trim.lower()
    if sides not in {"fb", "bf", "f", "b"}:
        raise ArgumentError.from_choice("np.trim_zeros", "trim", trim, ("fb", "f", "b"))
    x = array_like(filt)
    t = type_of(x)
    if not t.shape and axis is None:
        return filt
    places = np.argwhere(numbers_of("np.trim_zeros", x))
    if places.size:
        start, stop = places.min(axis=0), places.max(axis=0) + 1
    else:
        start = stop = np.zeros(t.ndim, int)
        sides = "fb"
    kept = tuple(
        slice(start[i] if "f" in sides else None, stop[i] if "b" in sides else None)
        if i in axes_of(axis, t.ndim)
        else slice(None)
        for i in range(t.ndim)
    )
    return filt[kept[0]] if len(kept) == 1 else FRONTS["getitem"](x, kept)


_SPARSE = np.array([0.0, 0.0, 1.5, 0.0, -2.0, 0.0])

composite(
    "trim_zeros",
    _trim_zeros,
    names=(np.trim_zeros,),
    samples=(
        Sample((3,), prepare=lambda x: np.concatenate([np.zeros(2), x, np.zeros(1)])),
        Sample((3,), "f", prepare=lambda x: np.concatenate([np.zeros(2), x, np.zeros(1)])),
        Sample((3,), trim="b", prepare=lambda x: np.concatenate([np.zeros(2), x, np.zeros(1)])),
        Sample((0,)),
    ),
)
