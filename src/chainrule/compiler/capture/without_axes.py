"""Array or number: what NumPy makes of results without axes. It is asked, once for arguments of the same kinds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.core.cells import HANDLES, TracedArray, type_of
from chainrule.core.op import Op
from chainrule.core.types import Value

_KNOWN: dict[Any, tuple[bool, ...]] = {}
_KNOWN_AT_MOST = 4096


def are_arrays(
    op: Op, args: Sequence[Value], params: Mapping[str, Any], compute: Callable[[], Value]
) -> tuple[bool, ...]:
    """Say of each result of an op whether it is an array, and no number, if it has no axes.

    Args:
        op: the op.
        args: its arguments.
        params: its parameters.
        compute: gives the results themselves, which takes long.
    """
    if isinstance(op.numpy, np.ufunc):
        return (False,) * op.numpy.nout
    key = (op.numpy, *map(_kind, args), *map(_kind, params.values()))
    known = _KNOWN.get(key)
    if known is None:
        if len(_KNOWN) >= _KNOWN_AT_MOST:
            _KNOWN.clear()
        results = _results(op, args, params, compute)
        results = results if type(results) is tuple else (results,)
        known = _KNOWN[key] = tuple([isinstance(r, np.ndarray) for r in results])
    return known


def _kind(x: Any) -> Any:
    """Return what of an argument or a parameter decides, but for its numbers."""
    if type(x) in HANDLES or isinstance(x, np.ndarray):
        return type_of(x), isinstance(x, (TracedArray, np.ndarray))
    if isinstance(x, (tuple, list)):
        return tuple(map(_kind, x))
    if x is None or x is Ellipsis or isinstance(x, (bool, str)):
        return x
    return type(x)


def _results(
    op: Op, args: Sequence[Value], params: Mapping[str, Any], compute: Callable[[], Value]
) -> Any:
    """Compute an op on samples: one element, else as many as there are without memory for them, else the arguments."""
    with np.errstate(all="ignore"):
        for is_small in (True, False):
            try:
                return op.numpy(*[_sample(a, is_small=is_small) for a in args], **params)
            except Exception:  # noqa: BLE001, S112  whatever NumPy raises for a sample says nothing
                continue
    return compute()


def _sample(a: Value, *, is_small: bool) -> Any:
    if type(a) not in HANDLES and not isinstance(a, np.ndarray):
        return a
    t = type_of(a)
    number = t.dtype.type(t.dtype.kind not in "iu")  # zero is an index
    if not t.shape:
        return np.array(number) if isinstance(a, (TracedArray, np.ndarray)) else number
    return np.full((1,) * t.ndim, number) if is_small else np.broadcast_to(number, t.shape)
