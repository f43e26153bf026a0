"""What NumPy makes of values of some types, told by calling it with samples of them.

Whether a result without axes is an array or a number, and what is refused, follows from the types alone, and in ways
that differ from function to function: NumPy knows them. What a call has told is kept.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.lists import is_handle
from chainrule.core.types import PYTHON_NUMBERS
from chainrule.forks import held_by_forks

_KNOWN: dict[Any, Any] = {}
_KNOWN_AT_MOST = 4096
_ALONE = held_by_forks()
"""Held while samples are computed: the filters of warnings are the process's, and are put back in the right order."""
_ELEMENTS_AT_MOST = 64
"""Elements of a sample: what holds for an array is asked of a small one."""
_FILLINGS = (0, 1)
"""What samples are made of, in turn: no call is refused for its numbers alone as long as one of them is taken."""

ARRAY, NUMBER, OTHER = "array", "number", ""
"""Kinds of results: an array without axes, a number, and anything else."""


def is_bare(x: Any) -> bool:
    """Say whether a value, or one in a list, is traced and has no axes or no elements."""
    if type(x) is list or type(x) is tuple:
        return any(map(is_bare, x))
    return is_handle(x) and (not x.type.shape or 0 in x.type.shape)


def rehearsed(function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Return the kinds of the results of a call, nested as they are, or the error that NumPy raises for such arguments.

    It is OTHER where nobody knows without calling what the user wrote, or with more numbers than a sample has.
    """
    items = [(k, options[k]) for k in options]
    try:
        key = (function, _key(args), _key(items))
        known = _KNOWN.get(key)
    except (_Unknown, TypeError):
        return OTHER
    if known is None:
        if len(_KNOWN) >= _KNOWN_AT_MOST:
            _KNOWN.clear()
        known = _KNOWN[key] = _asked(function, args, dict(items))
    return known


class _Unknown(Exception):  # noqa: N818  no error: it says that nobody is asked
    pass


def _key(x: Any) -> Any:
    """Return something hashable that is equal for values of which NumPy says the same."""
    kind = type(x)
    if is_handle(x):
        if x.type.size > _ELEMENTS_AT_MOST:
            raise _Unknown
        return x.type, x.__class__ is np.ndarray
    if kind is list or kind is tuple:
        return (kind, *map(_key, x))
    if isinstance(x, np.ndarray):
        if x.size > _ELEMENTS_AT_MOST or x.dtype.hasobject:
            raise _Unknown
        return kind, x.dtype, x.shape, x.tobytes()
    if (callable(x) and not isinstance(x, type)) or hasattr(x, "__next__"):
        raise _Unknown
    return kind, x


def _asked(function: Callable[..., Any], args: Sequence[Any], options: Mapping[str, Any]) -> Any:
    error: Any = OTHER
    for filling in _FILLINGS:
        try:
            with _ALONE, np.errstate(all="ignore"), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return _kinds(function(*_samples(args, filling), **_samples(options, filling)))
        except Exception as raised:  # noqa: BLE001  whatever NumPy raises
            error = raised.with_traceback(None)
    return error


def _samples(x: Any, filling: int) -> Any:
    """Return samples in the place of traced values, and copies of arrays, which may be written to."""
    if is_handle(x):
        return _sample_of(x, filling)
    if isinstance(x, dict):
        return {k: _samples(i, filling) for k, i in x.items()}
    if type(x) is list or type(x) is tuple:
        return type(x)([_samples(i, filling) for i in x])
    return x.copy() if isinstance(x, np.ndarray) else x


def _sample_of(x: Any, filling: int) -> Any:
    sample = np.full(x.type.shape, filling, x.type.dtype)
    if x.__class__ is np.ndarray:
        return sample
    return sample.item() if x.type.weak else sample[()]


def as_rehearsed(result: Any, kinds: Any) -> Any:
    """Return the results of a call in the kinds that NumPy gives them."""
    if type(kinds) is tuple:
        if not isinstance(result, (tuple, list)) or len(kinds) != len(result):
            return result
        items = [as_rehearsed(r, k) for r, k in zip(result, kinds, strict=True)]
        if all(x is y for x, y in zip(items, result, strict=True)):
            return result
        return result._make(items) if hasattr(result, "_make") else type(result)(items)
    if kinds is OTHER or np.shape(result) or isinstance(result, np.ndarray) == (kinds is ARRAY):
        return result
    if not is_handle(result):
        return np.asarray(result) if kinds is ARRAY else result[()]
    return result.in_array() if kinds is ARRAY else result[()]


def _kinds(result: Any) -> Any:
    if isinstance(result, (tuple, list)):
        return tuple(map(_kinds, result))
    if isinstance(result, np.ndarray):
        return OTHER if result.ndim else ARRAY
    return NUMBER if isinstance(result, np.generic) or type(result) in PYTHON_NUMBERS else OTHER
