"""Softmax and its logarithms: scores along axes become probabilities, without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Sample
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type
from chainrule.ops.canonical import Axes, array_like, axes_of, real_like, reduced_shape
from chainrule.ops.kinds import general

Axis = int | tuple[int, ...] | None


def _shifted(x: Any, axis: Axes) -> tuple[Any, Any, Any]:
    """Return `x` less its maximum, the sum of the exponentials of that, and the maximum.

    A sum is at least 1: the maximum contributes exp(0). Only a row of nothing but -inf adds up to 0; counted as 1, it
    has probabilities 0 and logarithms -inf instead of NaN.
    """
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    moved = x - np.where(np.isfinite(top), top, 0)
    total = np.sum(np.exp(moved), axis=axis, keepdims=True)
    return moved, np.maximum(total, 1), top


def _floats(x: Any) -> Any:
    """Return floats, also of traced values: the compiler traces this code."""
    x = array_like(x)
    t = type_of(x)
    return x if t.dtype.kind == "f" and not t.weak else np.astype(np.asarray(x), np.float64)


def _float_type(x: ArrayType) -> ArrayType:
    return array_type(x.shape, x.dtype if x.dtype.kind == "f" else np.dtype(np.float64))


def softmax(x: Value, axis: Axis = -1) -> Value:
    """Turn scores into probabilities along `axis`: `exp(x) / sum(exp(x))`.

    A score of -inf has probability 0, and so has every score of a row that holds nothing else.

    >>> import numpy as np
    >>> softmax(np.array([1000.0, 1000.0, -np.inf]))
    array([0.5, 0.5, 0. ])
    """
    x = real_like("softmax", "x", x)
    return apply(_SOFTMAX, x, axis=axes_of(axis, type_of(x).ndim))


def _softmax(x: Any, axis: Axes) -> Any:
    moved, total, _ = _shifted(_floats(x), axis)
    return np.exp(moved) / total


def _softmax_rule(g: Value, out: Value, axis: Axes) -> Value:
    return out * (g - np.sum(g * out, axis=axis, keepdims=True))


_ALONG_AXES = (
    Sample((2, 3)),
    Sample((2, 3), axis=0),
    Sample((2, 3), axis=None),
    Sample((2, 3, 2), axis=(0, -1)),
    Sample((0, 3)),
)
_SOFTMAX = general(
    "softmax",
    _softmax,
    vjp=lambda g, out, x, axis: _softmax_rule(g, out, axis),
    jvp=lambda tangents, out, x, axis: _softmax_rule(tangents[0], out, axis),
    infer=lambda x, axis: _float_type(x),
    front=softmax,
    samples=_ALONG_AXES,
)


def log_softmax(x: Value, axis: Axis = -1) -> Value:
    """Return the logarithms of the probabilities, finite where the probabilities round to 0.

    >>> import numpy as np
    >>> log_softmax(np.array([0.0, 1000.0]))
    array([-1000.,     0.])
    """
    x = real_like("log_softmax", "x", x)
    return apply(_LOG_SOFTMAX, x, axis=axes_of(axis, type_of(x).ndim))


def _log_softmax(x: Any, axis: Axes) -> Any:
    moved, total, _ = _shifted(_floats(x), axis)
    return moved - np.log(total)


_LOG_SOFTMAX = general(
    "log_softmax",
    _log_softmax,
    vjp=lambda g, out, x, axis: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True),
    jvp=lambda tangents, out, x, axis: (
        tangents[0] - np.sum(np.exp(out) * tangents[0], axis=axis, keepdims=True)
    ),
    infer=lambda x, axis: _float_type(x),
    front=log_softmax,
    samples=_ALONG_AXES,
)


def logsumexp(x: Value, axis: Axis = None, keepdims: bool = False) -> Value:
    """Return `log(sum(exp(x)))` without overflow; of nothing but -inf it is -inf, with gradient 0.

    >>> import numpy as np
    >>> logsumexp(np.array([1000.0, 1000.0])).round(3)
    np.float64(1000.693)
    """
    x = real_like("logsumexp", "x", x)
    return apply(_LOGSUMEXP, x, axis=axes_of(axis, type_of(x).ndim), keepdims=bool(keepdims))


def _logsumexp(x: Any, axis: Axes, keepdims: bool) -> Any:
    _, total, top = _shifted(_floats(x), axis)
    out = top + np.log(total)
    return out if keepdims else np.squeeze(out, axis)[()]


def _logsumexp_type(x: ArrayType, axis: Axes, keepdims: bool) -> ArrayType:
    return array_type(reduced_shape(x.shape, axis, keepdims=keepdims), _float_type(x).dtype)


def _logsumexp_vjp(g: Value, out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return (g if keepdims else np.expand_dims(g, axis)) * softmax(x, axis)


def _logsumexp_jvp(tangents: Any, out: Value, x: Value, axis: Axes, keepdims: bool) -> Value:
    return np.sum(tangents[0] * softmax(x, axis), axis=axis, keepdims=keepdims)


_LOGSUMEXP = general(
    "logsumexp",
    _logsumexp,
    vjp=_logsumexp_vjp,
    jvp=_logsumexp_jvp,
    infer=_logsumexp_type,
    front=logsumexp,
    samples=(
        Sample((2, 3)),
        Sample((2, 3), axis=-1),
        Sample((2, 3), axis=0, keepdims=True),
        Sample((2, 3, 2), axis=(0, 2)),
        Sample(()),
        Sample((0, 3), axis=-1),
    ),
)
