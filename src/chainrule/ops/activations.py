"""The functions between the layers of a network, usable on plain and on traced arrays.

Each is one op with a stable evaluation. Those that look along an axis are in `softmax`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS, Sample
from chainrule.core.trace import apply
from chainrule.core.types import Value
from chainrule.errors import ArgumentError
from chainrule.ops.canonical import array_like, real_like
from chainrule.ops.elementwise import elementwise, elementwise_type
from chainrule.ops.softmax import log_softmax, logsumexp, softmax

__all__ = [
    "elu",
    "gelu",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "logsumexp",
    "relu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
]


def _inexact(x: Value) -> Value:
    """Return truth values and integers in the dtype that `np.exp` gives for them: there all of them have a negative."""
    dtype = type_of(x).dtype
    if dtype.kind not in "bui":
        return x
    out = np.exp.resolve_dtypes((dtype, None))[1]
    return FRONTS["astype"](x, out)


def _sigmoid(x: Any) -> Any:
    with np.errstate(over="ignore"):  # exp(-x) = inf gives the right limit, 0
        return 1 / (1 + np.exp(np.negative(x)))


def _lower_sigmoid(e: Any, x: Any) -> Any:
    return 1 / (1 + e.exp(e.negative(x)))


def sigmoid(x: Value) -> Value:
    """Squash `x` into (0, 1): `1 / (1 + exp(-x))`.

    >>> import numpy as np
    >>> sigmoid(np.array([-1000.0, 0.0, 1000.0]))
    array([0. , 0.5, 1. ])
    """
    return apply(_SIGMOID, _inexact(array_like(x)))


_SIGMOID = elementwise(
    "sigmoid",
    _sigmoid,
    partials=(lambda out, x: out * (1 - out),),
    infer=elementwise_type(np.exp, "sigmoid"),
    lower=_lower_sigmoid,
    front=sigmoid,
)


def relu(x: Value) -> Value:
    """Cut off what is negative: `max(x, 0)`. The derivative at 0 is 0.

    >>> import numpy as np
    >>> relu(np.array([-2.0, 0.0, 3.0]))
    array([0., 0., 3.])
    """
    return apply(_RELU, real_like("relu", "x", x))


_RELU = elementwise(
    "relu",
    lambda x: np.maximum(x, 0),
    partials=(lambda out, x: x > 0,),
    infer=elementwise_type(np.positive, "relu"),
    lower=lambda e, x: e.maximum(x, e.number(0, x)),
    front=relu,
)


def _chosen(condition: Any, x: Any, y: Any) -> Any:
    """`np.where`, with a number where the arguments are numbers."""
    return np.where(condition, x, y)[()]


def leaky_relu(x: Value, slope: Value = 0.01) -> Value:
    """Scale what is negative by `slope`, a number or a parameter. The derivative at 0 is `slope`.

    >>> import numpy as np
    >>> leaky_relu(np.array([-2.0, 3.0]), slope=0.5)
    array([-1.,  3.])
    """
    return apply(
        _LEAKY_RELU, real_like("leaky_relu", "x", x), real_like("leaky_relu", "slope", slope)
    )


_LEAKY_RELU = elementwise(
    "leaky_relu",
    lambda x, slope: _chosen(np.greater(x, 0), x, np.multiply(x, slope)),
    partials=(
        lambda out, x, slope: np.where(x > 0, np.ones_like(out), slope),
        lambda out, x, slope: np.where(x > 0, 0, x),
    ),
    infer=elementwise_type(np.multiply, "leaky_relu"),
    lower=lambda e, x, slope: e.where(x > 0, x, x * slope),
    front=leaky_relu,
    samples=(
        Sample((2, 3)),
        Sample((2, 3), slope=0.2),
        Sample((2, 3), (3,)),
        Sample((), 0.1),
        Sample((0, 3)),
    ),
)


def elu(x: Value, alpha: Value = 1.0) -> Value:
    """Bend what is negative towards `-alpha`: `alpha * (exp(x) - 1)` there.

    >>> import numpy as np
    >>> elu(np.array([-1000.0, 3.0]))
    array([-1.,  3.])
    """
    return apply(_ELU, _inexact(real_like("elu", "x", x)), real_like("elu", "alpha", alpha))


def _lower_elu(e: Any, x: Any, alpha: Any) -> Any:
    return e.where(x > 0, x, alpha * e.expm1(e.minimum(x, e.number(0, x))))


_ELU = elementwise(
    "elu",
    lambda x, alpha: _chosen(np.greater(x, 0), x, np.multiply(alpha, np.expm1(np.minimum(x, 0)))),
    partials=(
        lambda out, x, alpha: np.where(x > 0, 1, out + alpha),
        lambda out, x, alpha: np.expm1(np.where(x > 0, 0, x)),
    ),
    infer=elementwise_type(np.divide, "elu"),
    lower=_lower_elu,
    front=elu,
    samples=(
        Sample((2, 3)),
        Sample((2, 3), alpha=0.5),
        Sample((2, 3), (3,), domain=(0.3, 2.0)),
        Sample((2, 3), (3,), domain=(-2.0, -0.3)),
        Sample(()),
        Sample((0, 3)),
    ),
)


def silu(x: Value) -> Value:
    """Weigh `x` by its sigmoid: `x * sigmoid(x)`, also known as swish.

    >>> silu(0.0)
    np.float64(0.0)
    """
    return apply(_SILU, _inexact(array_like(x)))


def _silu_slope(out: Value, x: Value) -> Value:
    s = sigmoid(x)
    return s + out * (1 - s)


_SILU = elementwise(
    "silu",
    lambda x: np.multiply(x, _sigmoid(x)),
    partials=(_silu_slope,),
    infer=elementwise_type(np.exp, "silu"),
    lower=lambda e, x: x * _lower_sigmoid(e, x),
    front=silu,
)


def gelu(x: Value, approximate: str = "none") -> Value:
    """Weigh `x` by the normal distribution function: `x * P(Z <= x)`.

    Args:
        x: an array or number.
        approximate: `"none"`, or `"tanh"` for the formula by that name, which many published weights were made with.

    Raises:
        ArgumentError: `approximate` is something else.

    Examples:
        >>> import numpy as np
        >>> gelu(np.array([-1.0, 0.0, 1.0])).round(6)
        array([-0.158655,  0.      ,  0.841345])
    """
    if approximate == "none":
        return apply(_GELU, _inexact(array_like(x)))
    if approximate == "tanh":
        return apply(_GELU_TANH, _inexact(array_like(x)))
    raise ArgumentError.from_choice("gelu", "approximate", approximate, ("none", "tanh"))


def _gelu_slope(out: Value, x: Value) -> Value:
    density = np.exp(-0.5 * x * x) / math.sqrt(2 * math.pi)
    return FRONTS["ndtr"](x) + x * density


_GELU = elementwise(
    "gelu",
    # ndtr is accurate far below 0, where 1 + erf is not.
    lambda x: np.multiply(x, FRONTS["ndtr"](x)),
    partials=(_gelu_slope,),
    infer=elementwise_type(np.exp, "gelu"),
    lower=lambda e, x: x * e.ndtr(x),
    front=gelu,
)

# x/2 (1 + tanh u) = x sigmoid(2u), which keeps its digits where tanh is close to -1
_TWICE = 2 * math.sqrt(2 / math.pi)
_CUBIC = 0.044715


def _gelu_tanh(x: Any) -> Any:
    x = np.asarray(x)[()]
    return x * _sigmoid(_TWICE * (x + _CUBIC * x**3))


def _gelu_tanh_slope(out: Value, x: Value) -> Value:
    s = sigmoid(_TWICE * (x + _CUBIC * x**3))
    return s + out * (1 - s) * (_TWICE * (1 + 3 * _CUBIC * x**2))


_GELU_TANH = elementwise(
    "gelu_tanh",
    _gelu_tanh,
    lower=lambda e, x: x * _lower_sigmoid(e, _TWICE * (x + _CUBIC * x * x * x)),
    partials=(_gelu_tanh_slope,),
    infer=elementwise_type(np.exp, "gelu_tanh"),
    front=lambda x: gelu(x, approximate="tanh"),
)


def softplus(x: Value) -> Value:
    """Return `log(1 + exp(x))`, a smooth `relu`.

    >>> import numpy as np
    >>> softplus(np.array([-1000.0, 1000.0]))
    array([   0., 1000.])
    """
    return apply(_SOFTPLUS, _inexact(real_like("softplus", "x", x)))


_SOFTPLUS = elementwise(
    "softplus",
    lambda x: np.logaddexp(x, 0),
    partials=(lambda out, x: sigmoid(x),),
    infer=elementwise_type(np.exp, "softplus"),
    lower=lambda e, x: e.logaddexp(x, e.number(0, x)),
    front=softplus,
)


def log_sigmoid(x: Value) -> Value:
    """Return the logarithm of the sigmoid, finite where the sigmoid rounds to 0.

    >>> import numpy as np
    >>> log_sigmoid(np.array([-1000.0, 1000.0]))
    array([-1000.,    -0.])
    """
    return apply(_LOG_SIGMOID, _inexact(real_like("log_sigmoid", "x", x)))


_LOG_SIGMOID = elementwise(
    "log_sigmoid",
    lambda x: -np.logaddexp(np.negative(x), 0),
    partials=(lambda out, x: sigmoid(-x),),
    infer=elementwise_type(np.exp, "log_sigmoid"),
    lower=lambda e, x: e.negative(e.logaddexp(e.negative(x), e.number(0, x))),
    front=log_sigmoid,
)
