"""The pair every broadcast rests on, `sum_to` and `broadcast_to`, and the changes of dtype every rule may need."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import Step, TracedArray, TracedView, type_of
from chainrule.core.op import FRONTS, TABLE, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Shape, Value, array_type, broadcast_shapes
from chainrule.errors import ArgumentError, ShapeError
from chainrule.ops.kinds import constant, linear
from chainrule.ops.refusals import python_integer
from chainrule.ops.twins import add_twin


def _sum_to(x: Any, shape: Shape) -> Any:
    extra = x.ndim - len(shape)
    stretched = tuple(i + extra for i, n in enumerate(shape) if n == 1 != x.shape[i + extra])
    total = np.add.reduce(x, axis=(*range(extra), *stretched), keepdims=True)
    return total.reshape(shape) if shape else total.reshape(shape)[()]


def _broadcast_to(x: Any, shape: Shape) -> Any:
    return np.broadcast_to(x, shape) if shape else x


_SUM_TO = linear(
    "sum_to",
    _sum_to,
    infer=lambda x, shape: array_type(shape, x.dtype),
    transposes=(lambda g, x, shape: broadcast_to(g, type_of(x).shape),),
    front=lambda x, shape: sum_to(x, shape),
    samples=(Sample((2, 3), shape=(3,)), Sample((2, 3), shape=(2, 1)), Sample((2, 3), shape=())),
)


def _broadcast_to_front(array: Value, shape: Shape | int, subok: bool = False) -> Value:
    target = (int(shape),) if isinstance(shape, (int, np.integer)) else tuple(int(n) for n in shape)
    got = type_of(array).shape
    if broadcast_shapes("broadcast_to", got, target) != target:
        raise ShapeError.from_numpy(
            "broadcast_to", (got, target), "the first does not broadcast to the second"
        )
    if type(array) not in {TracedArray, TracedView}:
        return broadcast_to(array, target) if target else FRONTS["copy"](array)
    return array.part(
        Step(lambda base: broadcast_to(base, target), _refuse, ("broadcast_to", target))
    )


def _refuse(base: Value, new: Value) -> Value:
    """A broadcast array follows writes to what it was made of, and refuses to be written to, as NumPy's does."""
    raise ArgumentError.from_read_only("broadcast_to")


_BROADCAST_TO = linear(
    "broadcast_to",
    _broadcast_to,
    infer=lambda x, shape: array_type(shape, x.dtype),
    transposes=(lambda g, x, shape: sum_to(g, type_of(x).shape),),
    front=_broadcast_to_front,
    names=(np.broadcast_to,),
    samples=(Sample((3,), shape=(2, 3)), Sample((), shape=(2, 2)), Sample((2, 1), shape=(2, 3))),
    rejects=(Sample((3,), shape=(2, 4)),),
)


def sum_to(x: Value, shape: Shape) -> Value:
    """Sum `x` over the axes along which `shape` was broadcast: the transpose of `broadcast_to`."""
    return x if type_of(x).shape == shape else apply(_SUM_TO, x, shape=shape)


def broadcast_to(x: Value, shape: Shape) -> Value:
    """Repeat `x` along new and stretched axes."""
    return x if type_of(x).shape == shape else apply(_BROADCAST_TO, x, shape=shape)


def _astype(x: Any, dtype: np.dtype[Any]) -> Any:
    return np.asarray(x).astype(dtype)[()] if not isinstance(x, np.ndarray) else x.astype(dtype)


_ASTYPE = linear(
    "astype",
    _astype,
    infer=lambda x, dtype: array_type(x.shape, dtype),
    transposes=(lambda g, x, dtype: g,),
    front=lambda x, dtype, **options: astype(x, dtype, **options),
    samples=(Sample((2, 3), dtype=np.dtype(np.float64)), Sample((), dtype=np.dtype(np.float64))),
)
_CAST_TO_INTEGER = constant(
    "cast_to_integer",
    _astype,
    infer=lambda x, dtype: array_type(x.shape, dtype),
    front=lambda x, dtype, **options: astype(x, dtype, **options),
    samples=(Sample((2, 3), dtype=np.dtype(np.int64)), Sample((2, 3), dtype=np.dtype(np.bool_))),
)


def _python_number(x: Any, dtype: np.dtype[Any]) -> Any:
    return _PYTHON[dtype.kind](x)


_PYTHON = {"f": float, "c": complex, "i": int, "b": bool}
add_twin(_ASTYPE, _python_number)
add_twin(_CAST_TO_INTEGER, _python_number, python_integer)


def astype(x: Value, dtype: Any, **_: Any) -> Value:
    """Cast `x`; to integers and booleans the derivative is zero."""
    dtype = np.dtype(dtype)
    t = type_of(x)
    if t.dtype == dtype and not t.weak:
        return x
    if dtype.kind not in "fc":
        return apply(_CAST_TO_INTEGER, x, dtype=dtype)
    if t.dtype.kind == "c" and dtype.kind == "f":
        return apply(_ASTYPE, apply(TABLE["real"], x), dtype=dtype)
    return apply(_ASTYPE, x, dtype=dtype)
