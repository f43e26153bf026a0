"""The functions of `scipy.special` whose derivatives are known functions.

SciPy is imported by the first call that needs it. Sources: NIST Digital Library of Mathematical Functions (DLMF).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.core.cells import is_traced, type_of
from chainrule.core.dispatch import register_late
from chainrule.core.op import BY_NUMPY, FRONTS, TABLE, Rule, Sample, Ufunc
from chainrule.core.trace import apply
from chainrule.core.types import ArrayType, Value, array_type, broadcast_shapes
from chainrule.errors import NotDifferentiableError
from chainrule.forks import forks_wait
from chainrule.ops.broadcasting import astype
from chainrule.ops.canonical import array_like
from chainrule.ops.elementwise import Domain, broadcasts, elementwise, elementwise_type

_SAME_IN_NUMPY = {
    **{name: name for name in ("exp2", "expm1", "log1p", "i0", "sinc", "cbrt")},
    "round": "rint",
}
_NAMES: list[str] = []


def scipy_function(name: str) -> Any:
    """Return a function of `scipy.special`."""
    return getattr(_scipy_special(), name)


@functools.cache
def _scipy_special() -> Any:
    with forks_wait():
        import scipy.special

    return scipy.special


def special_ufunc(name: str, order: tuple[int, ...] = ()) -> Ufunc:
    """Say by which ufunc of `scipy.special` an op is computed; the compiler asks whether it is one."""
    return Ufunc("scipy.special", name, order)


def type_rule(name: str) -> Callable[..., ArrayType]:
    def infer(*types: ArrayType, **_: Any) -> ArrayType:
        return elementwise_type(scipy_function(name), name)(*types)

    return infer


def special(
    name: str,
    *partials: Rule | None,
    numpy: Callable[..., Any] | None = None,
    infer: Callable[..., ArrayType] | None = None,
    real: bool = False,
    domain: Domain = (-2.0, 2.0),
    samples: tuple[Sample, ...] | None = None,
    lower: Callable[..., Any] | None = None,
    ufunc: Ufunc | None = None,
) -> None:
    """Declare a function of `scipy.special`.

    Args:
        name: its name there.
        *partials: per argument `partial(out, *args)`; None for one that must not be traced, such as an order.
        numpy: computes it; by default SciPy's function.
        infer: the type rule; a ufunc brings its own.
        real: whether the rules are wrong for complex numbers, which are refused then.
        domain: where the samples' random numbers come from.
        samples: calls for the generated tests; by default every broadcast of the arguments.
        lower: how the compiler computes it, where its emitter has no method of this name: `lower(e, *args)`.
        ufunc: what computes the same, where it is not SciPy's function itself.
    """

    def front(*args: Value) -> Value:
        for x, partial in zip(args, partials, strict=True):
            if partial is None and is_traced(x):
                raise NotDifferentiableError.from_reason(
                    name, "its derivative with respect to the order is not known"
                )
            if real:
                refuse_complex(name, x)
        return apply(TABLE[name], *map(array_like, args))

    elementwise(
        name,
        numpy or (lambda *args: scipy_function(name)(*args)),
        partials=partials,
        infer=infer or type_rule(name),
        front=front,
        domain=domain,
        samples=samples,
        lower=lower,
        ufunc=ufunc or (special_ufunc(name) if numpy is None else None),
    )
    named(name)


def named(name: str) -> None:
    """Have SciPy's function of this name answer with the entry of this name."""
    _NAMES.append(name)


def refuse_complex(name: str, x: Value) -> None:
    """Refuse a complex number where the derivative is another function."""
    if type_of(array_like(x)).dtype.kind == "c":
        raise NotDifferentiableError.from_reason(
            name, "its derivative is known for real numbers only"
        )


def call(name: str, *args: Value) -> Value:
    """Apply one of these ops in a rule."""
    return apply(TABLE[name], *args)


_ROOT_PI = math.sqrt(math.pi)
_ROOT_2 = math.sqrt(2)
_POSITIVE = (0.4, 2.0)
_INSIDE = (0.1, 0.9)

# error functions and the normal distribution: DLMF 7.2, 7.10

special("erf", lambda out, x: 2 / _ROOT_PI * np.exp(-x * x))
special("erfc", lambda out, x: -2 / _ROOT_PI * np.exp(-x * x))
special("erfcx", lambda out, x: 2 * x * out - 2 / _ROOT_PI)
special("erfi", lambda out, x: 2 / _ROOT_PI * np.exp(x * x))
special("erfinv", lambda out, x: _ROOT_PI / 2 * np.exp(out * out), domain=(-0.8, 0.8))
special("erfcinv", lambda out, x: -_ROOT_PI / 2 * np.exp(out * out), domain=(0.2, 1.8))
special("dawsn", lambda out, x: 1 - 2 * x * out)
special("ndtr", lambda out, x: np.exp(-0.5 * x * x) / (_ROOT_2 * _ROOT_PI))
special("ndtri", lambda out, x: _ROOT_2 * _ROOT_PI * np.exp(0.5 * out * out), domain=_INSIDE)
# density / probability without underflow: the exponentials of both cancel
special("log_ndtr", lambda out, x: _ROOT_2 / _ROOT_PI / call("erfcx", -x / _ROOT_2))

# logistic functions

special("expit", lambda out, x: out * (1 - out))
special(
    "logit",
    lambda out, x: 1 / (x * (1 - x)),
    domain=_INSIDE,
    # about 1/2 the logarithm of a quotient close to 1 would lose digits
    lower=lambda e, x: e.where(
        e.fabs(x - 0.5) < 0.2, 2 * e.arctanh(2 * (x - 0.5)), e.log(x / (1 - x))
    ),
)
special(
    "log_expit",
    lambda out, x: call("expit", -x),
    lower=lambda e, x: -(e.maximum(-x, 0) + e.log1p(e.exp(-e.fabs(x)))),
)

# gamma and beta functions; the derivatives of psi are Hurwitz zeta functions: DLMF 5.15.1, 25.11.17


def _psi_slope(out: Value, x: Value) -> Value:
    refuse_complex("psi", x)  # it is reached from gamma(z) as well
    return call("zeta", 2.0, x)


def _rgamma_slope(out: Value, x: Value) -> Value:
    """-ψ / Γ, and left of 1/2 the slope of Γ(1 - x) sin(πx) / π: its poles are no part of it (DLMF 5.5.3)."""
    is_left = np.real(x) < 0.5
    left, right = np.where(is_left, x, 0.0), np.where(is_left, 1.0, x)
    whole = np.rint(np.real(left))
    angle = math.pi * (left - whole)
    turn = np.cos(angle) - np.sin(angle) / math.pi * call("psi", 1 - left)
    folded = (1 - 2 * np.remainder(whole, 2)) * call("gamma", 1 - left) * turn
    return np.where(is_left, folded, -out * call("psi", right))


special(
    "zeta",
    None,
    lambda out, s, x: -s * call("zeta", s + 1, x),
    infer=type_rule("jv"),  # a Python function around a ufunc of the same types
    ufunc=Ufunc("scipy.special._ufuncs", "_zeta"),
    samples=(
        Sample(2.0, (2, 3), domain=_POSITIVE),
        Sample(np.array([2.0, 3.0]), (2,), domain=_POSITIVE),
    ),
)
special(
    "polygamma",
    None,
    lambda out, n, x: call("polygamma", n + 1, x),
    infer=lambda n, x: array_type(
        broadcast_shapes("polygamma", n.shape, x.shape), np.dtype(np.float64)
    ),
    samples=(
        Sample(1, (2, 3), domain=_POSITIVE),
        Sample(np.array([0, 1, 2]), (2, 3), domain=_POSITIVE),
    ),
)
special("gamma", lambda out, x: out * call("psi", x), domain=_POSITIVE)
special("gammaln", lambda out, x: call("psi", x), domain=_POSITIVE)
special("loggamma", lambda out, x: call("psi", x), domain=_POSITIVE)
special("psi", _psi_slope, real=True, domain=_POSITIVE)
special(
    "rgamma",
    _rgamma_slope,
    samples=(*broadcasts(1, _POSITIVE), Sample((2, 3), domain=(-2.8, 0.4))),
)
special(
    "beta",
    lambda out, a, b: out * (call("psi", a) - call("psi", a + b)),
    lambda out, a, b: out * (call("psi", b) - call("psi", a + b)),
    domain=_POSITIVE,
)
special(
    "betaln",
    lambda out, a, b: call("psi", a) - call("psi", a + b),
    lambda out, a, b: call("psi", b) - call("psi", a + b),
    domain=_POSITIVE,
)

# x log y and the entropies made of it; where x is 0 the product is 0 whatever y is


def _lower_entropy(e: Any, x: Any, y: Any, at_0: Any) -> Any:
    """Return `x log(x / y)`, and `at_0` for `x = 0`; infinite where `x` or `y` is negative."""
    inside = (x > 0) & (y > 0)
    ratio = e.where(inside, x / y, 1)
    apart = (ratio < 1e-30) | (ratio > 1e30)  # the quotient may not be a number
    term = x * e.where(apart, e.log(x) - e.log(y), e.log(ratio))
    zero = e.where(e.equal(x, 0) & (y >= 0), at_0, np.inf)
    return e.where(e.isnan(x) | e.isnan(y), x + y, e.where(inside, term, zero))


special(
    "xlogy",
    lambda out, x, y: np.log(y),
    lambda out, x, y: x / np.where(x == 0, 1, y),
    domain=_POSITIVE,
    lower=lambda e, x, y: e.where(e.equal(x, 0) & ~e.isnan(y), 0, x * e.log(y)),
)
special(
    "xlog1py",
    lambda out, x, y: np.log1p(y),
    lambda out, x, y: x / np.where(x == 0, 1, 1 + y),
    domain=_POSITIVE,
    lower=lambda e, x, y: e.where(e.equal(x, 0) & ~e.isnan(y), 0, x * e.log1p(y)),
)
special(
    "entr",
    lambda out, x: -1 - np.log(x),
    domain=_POSITIVE,
    lower=lambda e, x: e.where(x < 0, -np.inf, e.where(e.equal(x, 0), 0, -x * e.log(x))),
)
special(
    "rel_entr",
    lambda out, x, y: 1 + np.log(x / y),
    lambda out, x, y: -x / np.where(x == 0, 1, y),
    domain=_POSITIVE,
    lower=lambda e, x, y: _lower_entropy(e, x, y, e.number(0, x)),
)
special(
    "kl_div",
    lambda out, x, y: np.log(x / y),
    lambda out, x, y: 1 - x / np.where(x == 0, 1, y),
    domain=_POSITIVE,
    lower=lambda e, x, y: _lower_entropy(e, x, y, y) - e.where((x > 0) & (y > 0), x - y, 0),
)

# exponentials and their integrals: DLMF 6.2; exprel(x) = 1F1(1, 2, x), whose derivatives are regular at 0: DLMF 13.3.15

special("exp10", lambda out, x: out * math.log(10))
special(
    "cosm1",
    lambda out, x: -np.sin(x),
    lower=lambda e, x: -2 * e.sin(x * 0.5) * e.sin(x * 0.5),
)
special("expi", lambda out, x: np.exp(x) / x, domain=_POSITIVE)
special("exp1", lambda out, x: -np.exp(-x) / x, domain=_POSITIVE)
special(
    "exprel",
    lambda out, x: call("hyp1f1", 2.0, 3.0, x) / 2,
    lower=lambda e, x: e.where(e.equal(x, 0), 1, e.where(e.equal(x, np.inf), x, e.expm1(x) / x)),
)
special(
    "hyp1f1",
    None,
    None,
    lambda out, a, b, x: a / b * call("hyp1f1", a + 1, b + 1, x),
    samples=(Sample(1.0, 2.0, (2, 3)), Sample(np.array([0.5, 1.5]), 2.0, (2,))),
)

# Bessel functions: DLMF 10.6, 10.29, 10.51. The forms with both neighbours are regular at 0.

_ORDERED = (
    Sample(1, (2, 3), domain=_POSITIVE),
    Sample(0.5, (2, 3), domain=_POSITIVE),
    Sample(np.array([0, 1, 2]), (2, 3), domain=_POSITIVE),
    Sample(2, (), domain=_POSITIVE),
)


def _half_difference(name: str) -> Rule:
    return lambda out, v, x: (call(name, v - 1, x) - call(name, v + 1, x)) / 2


def _half_sum(name: str) -> Rule:
    return lambda out, v, x: (call(name, v - 1, x) + call(name, v + 1, x)) / 2


special("j0", lambda out, x: -call("j1", x))
special("j1", lambda out, x: (call("j0", x) - call("jv", 2, x)) / 2)
special("y0", lambda out, x: -call("y1", x), domain=_POSITIVE)
special("y1", lambda out, x: (call("y0", x) - call("yv", 2, x)) / 2, domain=_POSITIVE)
special("i1", lambda out, x: (np.i0(x) + call("iv", 2, x)) / 2)
special("i0e", lambda out, x: call("i1e", x) - np.sign(x) * out)
special("i1e", lambda out, x: (call("i0e", x) + call("ive", 2, x)) / 2 - np.sign(x) * out)
special("k0", lambda out, x: -call("k1", x), domain=_POSITIVE)
special("k1", lambda out, x: -(call("k0", x) + call("kv", 2, x)) / 2, domain=_POSITIVE)
special("jv", None, _half_difference("jv"), samples=_ORDERED)
special("yv", None, _half_difference("yv"), samples=_ORDERED)
special("iv", None, _half_sum("iv"), samples=_ORDERED)
special(
    "ive",
    None,
    lambda out, v, x: _half_sum("ive")(out, v, x) - np.sign(x) * out,
    real=True,  # it is scaled by exp(-|Re x|)
    samples=_ORDERED,
)
special("kv", None, lambda out, v, x: -_half_sum("kv")(out, v, x), samples=_ORDERED)


def _spherical_slope(out: Value, n: Value, x: Value) -> Value:
    n = np.trunc(n)  # as SciPy takes it
    below = n * call("spherical_jn", np.maximum(n - 1, 0), x)
    return (below - (n + 1) * call("spherical_jn", n + 1, x)) / (2 * n + 1)


def _spherical_jn(n: Any, x: Any) -> Any:
    return scipy_function("spherical_jn")(n, x).astype(np.result_type(x))


special(
    "spherical_jn",
    None,
    _spherical_slope,
    numpy=_spherical_jn,
    infer=lambda n, x: array_type(broadcast_shapes("spherical_jn", n.shape, x.shape), x.dtype),
    samples=(Sample(0, (2, 3)), Sample(1, (2, 3)), Sample(2, ())),
)


def answer_for_scipy() -> None:
    """Let SciPy's functions answer with these entries."""
    for name, entry in {**{name: name for name in _NAMES}, **_SAME_IN_NUMPY}.items():
        function = scipy_function(name)
        if isinstance(function, np.ufunc):  # SciPy's Python functions do not ask anyone
            same = name in _SAME_IN_NUMPY
            BY_NUMPY.setdefault(function, _by_numpy(name, entry) if same else FRONTS[entry])


def _by_numpy(name: str, entry: str) -> Callable[[Value], Value]:
    """Return the front of a function of SciPy's that NumPy has too: NumPy takes half precision for bytes."""
    numpys = FRONTS[entry]

    def front(x: Value) -> Value:
        x = array_like(x)
        made = type_rule(name)(type_of(x))
        found = numpys(x if type_of(x).dtype.kind in "fc" else astype(x, made.dtype))
        # np.i0 of a number is an array, that of a ufunc a number
        return found if type_of(found).shape else FRONTS["getitem"](found, ())

    front.__name__ = entry  # by which the entry is found
    return front


register_late(answer_for_scipy)
