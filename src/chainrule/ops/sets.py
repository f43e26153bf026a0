"""Arrays as sets. The elements of a result are elements of the arguments: of equal ones, the first."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value
from chainrule.ops.canonical import array_like, axis_of
from chainrule.ops.checking import as_array
from chainrule.ops.kinds import composite, constant
from chainrule.ops.layout import reshaped
from chainrule.ops.numbers import NeedsNumbers, by_numbers, numbers_of

_REPEATED = np.array([2.0, -1.0, 2.0, 0.5, -1.0])
_OTHERS = np.array([0.5, 3.0, 2.0])


def _prepared(x: Any) -> Value:
    return as_array(array_like(x))


def _flat(x: Any) -> Value:
    x = _prepared(x)
    return reshaped(x, (type_of(x).size,))


def _at(x: Value, positions: Value) -> Value:
    return FRONTS["getitem"](x, positions)


_OCCURRENCES = constant(
    "unique_occurrences",
    lambda x, axis, equal_nan: np.unique(x, True, True, True, axis, equal_nan=equal_nan)[1:],
    infer=NeedsNumbers("np.unique"),
    samples=(
        Sample(_REPEATED, axis=None, equal_nan=True),
        Sample(np.array([[1.0, 2.0], [1.0, 2.0]]), axis=0, equal_nan=False),
    ),
)
"""Where each value stands first, which value every element has, and how often each one occurs."""


def _unique(
    ar: Value,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    ar = _prepared(ar)
    axis = None if axis is None else axis_of(axis, type_of(ar).ndim)
    first, inverse, counts = apply(_OCCURRENCES, ar, axis=axis, equal_nan=bool(equal_nan))
    found = first, inverse if type_of(ar).shape else FRONTS["copy"](inverse), counts
    values = _at(_flat(ar), found[0]) if axis is None else FRONTS["take"](ar, found[0], axis)
    wanted = (return_index, return_inverse, return_counts)
    results = (values, *(part for part, is_wanted in zip(found, wanted, strict=True) if is_wanted))
    return results if any(wanted) else values


def _unique_all(x: Value) -> Any:
    return _named(np.unique_all, *_unique(x, True, True, True, equal_nan=False))


def _unique_counts(x: Value) -> Any:
    return _named(np.unique_counts, *_unique(x, return_counts=True, equal_nan=False))


def _unique_inverse(x: Value) -> Any:
    return _named(np.unique_inverse, *_unique(x, return_inverse=True, equal_nan=False))


def _named(function: Any, *parts: Value) -> Any:
    """Return the parts in the named tuple that NumPy's function returns."""
    return type(function(np.zeros(0)))(*parts)


def _unique_values(x: Value) -> Value:
    """NumPy leaves the order open here, so it is asked for its own."""
    values = _unique(x, equal_nan=False)
    wanted = np.unique_values(numbers_of("np.unique_values", x))
    return _at(values, np.searchsorted(numbers_of("np.unique_values", values), wanted))


_UNIQUE = (Sample((5,)), Sample((2, 3)), Sample(()), Sample((0,)))

composite(
    "unique",
    _unique,
    names=(np.unique,),
    samples=(
        *_UNIQUE,
        Sample((3, 2), axis=-1),
        Sample((2, 3), True, True, True),
        Sample((3, 2), axis=0, return_counts=True),
        Sample((4,), equal_nan=False, return_inverse=True),
        Sample((3,), prepare=lambda x: np.concatenate([x, x[:2]])),
    ),
)
composite("unique_all", _unique_all, names=(np.unique_all,), samples=_UNIQUE)
composite("unique_counts", _unique_counts, names=(np.unique_counts,), samples=_UNIQUE)
composite("unique_inverse", _unique_inverse, names=(np.unique_inverse,), samples=_UNIQUE)
composite(
    "unique_values",
    _unique_values,
    names=(np.unique_values,),
    samples=(Sample((1,), prepare=lambda x: np.concatenate([x, x])), Sample(()), Sample((0,))),
)

by_numbers(
    "isin",
    np.isin,
    samples=(
        Sample((2, 3), _OTHERS),
        Sample(np.array([1.0, 2.0]), [2.0], invert=True),
        Sample((3,), (2,), assume_unique=True, kind="sort"),
    ),
)


def _intersect1d(
    ar1: Value, ar2: Value, assume_unique: bool = False, return_indices: bool = False
) -> Any:
    """What both have, as it stands in the first."""
    name = "np.intersect1d"
    numbers = numbers_of(name, _flat(ar1)), numbers_of(name, _flat(ar2))
    _, first, second = np.intersect1d(*numbers, assume_unique, return_indices=True)
    values = astype_of_both(_at(_flat(ar1), first), _prepared(ar2))
    return (values, first, second) if return_indices else values


def astype_of_both(x: Value, other: Value) -> Value:
    """Cast `x` to the dtype that both have in common."""
    return FRONTS["astype"](x, np.result_type(type_of(x).dtype, type_of(other).dtype))


def _union1d(ar1: Value, ar2: Value) -> Value:
    return _unique(np.concatenate([_flat(ar1), _flat(ar2)]))


def _setdiff1d(ar1: Value, ar2: Value, assume_unique: bool = False) -> Value:
    left = _flat(ar1) if assume_unique else _unique(ar1)
    return _at(left, FRONTS["isin"](left, _prepared(ar2), assume_unique=True, invert=True))


def _setxor1d(ar1: Value, ar2: Value, assume_unique: bool = False) -> Value:
    left, right = (_flat(x) if assume_unique else _unique(x) for x in (ar1, ar2))
    both = np.sort(np.concatenate([left, right]))
    if type_of(both).size == 0:
        return both
    changes = numbers_of("np.setxor1d", both[1:] != both[:-1])
    edges = np.concatenate([[True], changes, [True]])
    return _at(both, edges[1:] & edges[:-1])


_PAIRS = (
    Sample((3,), _OTHERS),
    Sample((3,), (2, 2), prepare=lambda x, y: (x, np.concatenate([x[:2], y[0]]))),
    Sample((0,), (0,)),
)

composite(
    "intersect1d",
    _intersect1d,
    names=(np.intersect1d,),
    samples=(
        *_PAIRS,
        Sample((3,), (2,), True, True, prepare=lambda x, y: (x, np.concatenate([x[:2], y]))),
    ),
)
composite("union1d", _union1d, names=(np.union1d,), samples=_PAIRS)
composite(
    "setdiff1d",
    _setdiff1d,
    names=(np.setdiff1d,),
    samples=(*_PAIRS, Sample((3,), _OTHERS, assume_unique=True)),
)
composite(
    "setxor1d",
    _setxor1d,
    names=(np.setxor1d,),
    samples=(*_PAIRS, Sample((3,), (2,), assume_unique=True)),
)
