"""Functions in long doubles, for those that NumPy has none of: what native functions are measured by."""

import numpy as np

LONG = np.longdouble
IS_LONG = np.finfo(LONG).nmant >= 63
_ROOT_PI = np.sqrt(np.arctan(LONG(1)) * 4)
_SERIES, _FRACTION = 80, 300
_FROM = 2.0
"""From here on the continued fraction of erfc converges in so many steps, and below it `1 - erf` loses three digits."""


def _near(t):
    """Return `erf(t) exp(t²)`, by a series whose terms all have one sign: Σ 2ⁿ t²ⁿ⁺¹ / (2n + 1)!! · 2/√π."""
    term = total = t * 2 / _ROOT_PI
    for n in range(1, _SERIES):
        term = term * t * t * 2 / (2 * n + 1)
        total = total + term
    return total


def _far(t):
    """Return `erfc(t) exp(t²)` for large `t` by Laplace's continued fraction, from its end."""
    rest = np.zeros_like(t)
    for n in range(_FRACTION, 0, -1):
        rest = n / (t + rest) / 2
    return 1 / (_ROOT_PI * (t + rest))


def _tail(t, square):
    """Return `erfc(t)` and its logarithm for `t` of either sign, where `square` is `t²`."""
    size = np.abs(t)
    near, far = np.minimum(size, LONG(_FROM)), np.maximum(size, LONG(_FROM))
    small = 1 - np.sign(t) * _near(near) * np.exp(-square)
    scaled = _far(far)
    large = scaled * np.exp(-square)
    value = np.where(size < _FROM, small, np.where(t > 0, large, 2 - large))
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.where((size >= _FROM) & (t > 0), np.log(scaled) - square, np.log(value))
    return value, log


def erf(x):
    size = np.abs(x)
    near = _near(np.minimum(size, LONG(_FROM))) * np.exp(-(np.minimum(size, LONG(_FROM)) ** 2))
    return np.sign(x) * np.where(size < _FROM, near, 1 - _tail(size, x * x)[0])


def erfc(x):
    return _tail(x, x * x)[0]


def ndtr(x):
    return _tail(-x / np.sqrt(LONG(2)), x * x / 2)[0] / 2


def log_ndtr(x):
    # near 0 the tail on the other side says more
    other = np.log1p(-_tail(x / np.sqrt(LONG(2)), x * x / 2)[0] / 2)
    return np.where(x > 0, other, _tail(-x / np.sqrt(LONG(2)), x * x / 2)[1] - np.log(LONG(2)))


def expit(x):
    return 1 / (1 + np.exp(-x))


def exp10(x):
    return np.power(LONG(10), x)


def function(name):
    """Return the function of a name: one of these, or NumPy's."""
    return globals().get(name) or getattr(np, name)
