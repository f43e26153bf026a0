"""Distribution functions of `scipy.special`, their complements, and their inverses in each argument.

Each is declared by the slopes of the distribution function; those of an inverse follow from the equation it solves.
Numbers of trials and failures are whole: where SciPy rounds an argument it must not be traced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from chainrule.core.cells import type_of
from chainrule.core.op import Rule, Sample
from chainrule.core.types import Value
from chainrule.ops.densities import (
    beta_density,
    beta_per_first,
    beta_per_second,
    f_density,
    f_per_denominator,
    f_per_numerator,
    gamma_density,
    gamma_per_shape,
    t_density,
    t_per_freedom,
)
from chainrule.ops.special import call, special

_INSIDE = (0.2, 0.8)
_POSITIVE = (0.5, 2.0)
Slopes = Sequence[Rule | None]
"""Of a distribution function by each of its arguments, None where it must not be traced."""


def _poisson(k: Value, m: Value) -> Value:
    return gamma_density(np.floor(k) + 1, m)


def _binomial(k: Value, n: Value, p: Value) -> Value:
    k, n = np.floor(k), np.trunc(n)  # as SciPy takes them
    return np.where(k < 0, 0.0, beta_density(np.maximum(k, 0) + 1, n - k, p))


def _negative_binomial(k: Value, n: Value, p: Value) -> Value:
    return beta_density(np.trunc(n * 1.0), np.trunc(k) + 1.0, p)


def _times(factor: float, slopes: Slopes) -> Slopes:
    def scaled(slope: Rule) -> Rule:
        return lambda *args: factor * slope(*args)

    return [slope and scaled(slope) for slope in slopes]


def _distribution(name: str, slopes: Slopes, samples: tuple[Sample, ...]) -> None:
    def of(slope: Rule) -> Rule:
        return lambda out, *args: slope(*args)

    rules = [slope and of(slope) for slope in slopes]
    special(name, *rules, real=True, samples=samples)


def _inverse(
    name: str,
    slopes: Slopes,
    samples: tuple[Sample, ...],
    *,
    place: int = -1,
    equation: Callable[..., Value] | None = None,
) -> None:
    """Declare an inverse of a distribution function.

    Args:
        name: its name in `scipy.special`.
        slopes: those of the distribution function.
        samples: calls for the generated tests.
        place: which argument of the distribution function is the result; the probability stands there.
        equation: the distribution function, where SciPy's search may end without a solution: the result stays there.
    """
    place %= len(slopes)
    by_result = slopes[place]
    assert by_result is not None

    def rule(i: int, slope: Rule) -> Rule:
        def partial(out: Value, *args: Value) -> Value:
            if equation is None:
                return by_equation(i, slope, out, args)
            value = equation(*args[:place], out, *args[place + 1 :])
            is_end = (out == out) & ~_is_close(value, args[place])  # noqa: PLR0124  NaN stays NaN
            return np.where(is_end, 0.0, by_equation(i, slope, np.where(is_end, 1.0, out), args))

        return partial

    def by_equation(i: int, slope: Rule, out: Value, args: Sequence[Value]) -> Value:
        at = (*args[:place], out, *args[place + 1 :])
        return 1 / by_result(*at) if i == place else -slope(*at) / by_result(*at)

    rules = [slope and rule(i, slope) for i, slope in enumerate(slopes)]
    special(name, *rules, real=True, samples=samples)


def _is_close(value: Value, probability: Value) -> Value:
    within = float(np.finfo(type_of(value).dtype).eps) ** 0.5
    return np.abs(value / probability - 1) <= within


def _inside(samples: tuple[Sample, ...]) -> tuple[Sample, ...]:
    """The same calls with probabilities in the place of points."""
    return tuple(Sample(*s.arguments, domain=_INSIDE) for s in samples)


def _family(
    slopes: Slopes,
    samples: tuple[Sample, ...],
    cdf: str,
    rest: str,
    inverse: str,
    *,
    of_rest: bool = False,
    inverse_samples: tuple[Sample, ...] = (),
) -> None:
    """Declare a distribution function, its complement, and the inverse of the one or the other."""
    of_complement = _times(-1.0, slopes)
    _distribution(cdf, slopes, samples)
    if rest:
        _distribution(rest, of_complement, samples)
    _inverse(inverse, of_complement if of_rest else slopes, inverse_samples or _inside(samples))


# the gamma distribution, with the scale of SciPy's gdtr: rate a and shape b; chi-squared; Poisson

_GAMMA: Slopes = (gamma_per_shape, gamma_density)
_ONE_SHAPE = (
    Sample((2, 3), (3,), domain=_POSITIVE),
    Sample((), (), domain=_POSITIVE),
    Sample((0, 3), (3,), domain=_POSITIVE),
)
_family(_GAMMA, _ONE_SHAPE, "gammainc", "gammaincc", "gammaincinv")
_inverse("gammainccinv", _times(-1.0, _GAMMA), _inside(_ONE_SHAPE))

_RATE: Slopes = (
    lambda a, b, x: x * gamma_density(b, a * x),
    lambda a, b, x: gamma_per_shape(b, a * x),
    lambda a, b, x: a * gamma_density(b, a * x),
)
_RATES = (Sample((2, 3), (3,), (3,), domain=_POSITIVE), Sample((), (), (), domain=_POSITIVE))
_family(_RATE, _RATES, "gdtr", "gdtrc", "gdtrix", inverse_samples=_inside(_RATES))
_inverse("gdtria", _RATE, _inside(_RATES), place=0)
_inverse("gdtrib", _RATE, _inside(_RATES), place=1)

_CHI: Slopes = (
    lambda v, x: 0.5 * gamma_per_shape(v / 2, x / 2),
    lambda v, x: 0.5 * gamma_density(v / 2, x / 2),
)
_family(_CHI, _ONE_SHAPE, "chdtr", "chdtrc", "chdtri", of_rest=True)
_inverse("chdtriv", _CHI, _inside(_ONE_SHAPE), place=0)

_family(
    (None, lambda k, m: -_poisson(k, m)),
    (
        Sample(2.0, (2, 3), domain=_POSITIVE),
        Sample(np.array([2.0, 3.0]), (2,), domain=_POSITIVE),
        Sample(2.0, (), domain=_POSITIVE),
    ),
    "pdtr",
    "pdtrc",
    "pdtri",
)
_inverse(
    "pdtrik",
    (lambda k, m: -gamma_per_shape(k + 1, m), lambda k, m: -gamma_density(k + 1, m)),
    _inside(_ONE_SHAPE),
    place=0,
    equation=lambda k, m: call("gammaincc", k + 1, m),
)

# the beta distribution; F and Student's t; the binomial ones

_BETA: Slopes = (beta_per_first, beta_per_second, beta_density)
_TWO_SHAPES = (
    Sample((2, 3), (3,), (2, 1), domain=_INSIDE),
    Sample((), (), (), domain=_INSIDE),
    Sample((0, 3), (3,), (3,), domain=_INSIDE),
)
_PROBABLE = _TWO_SHAPES[:1]  # each call of an inverse takes many of the slopes
_family(_BETA, _TWO_SHAPES, "betainc", "betaincc", "betaincinv", inverse_samples=_TWO_SHAPES[::2])
_inverse("betainccinv", _times(-1.0, _BETA), _PROBABLE)
_inverse("btdtria", _BETA, _PROBABLE, place=0)
_inverse("btdtrib", _BETA, _PROBABLE, place=1)

_F: Slopes = (f_per_numerator, f_per_denominator, f_density)
_FREEDOMS = (
    Sample((2, 3), (3,), (3,), domain=(1.5, 3.0)),
    Sample((), (), (), domain=(0.5, 2.0)),
)
_DEGREES = (Sample((2, 3), (3,), (3,), domain=_INSIDE, prepare=lambda n, d, p: (n + 2, d + 3, p)),)
_family(_F, _FREEDOMS, "fdtr", "fdtrc", "fdtri", inverse_samples=_DEGREES)
_inverse(
    "fdtridfd",
    _F,
    (Sample((2, 3), (3,), (3,), domain=(0.7, 0.8), prepare=lambda n, p, x: (n + 2, p, x + 0.8)),),
    place=1,
    equation=lambda n, d, x: call("fdtr", n, d, x),
)

_T: Slopes = (t_per_freedom, t_density)
_SIGNED = (
    Sample((2, 3), (3,), domain=(-1.5, 1.5), prepare=lambda n, x: (n + 3, x)),
    Sample((), (), domain=_POSITIVE),
)
_family(_T, _SIGNED, "stdtr", "", "stdtrit", inverse_samples=_inside(_ONE_SHAPE))
_inverse(
    "stdtridf",
    _T,
    (
        Sample((2, 3), (3,), domain=(0.8, 0.85), prepare=lambda p, x: (p, x + 0.7)),
        Sample((), (), domain=(0.8, 0.85), prepare=lambda p, x: (1 - p, -x - 0.7)),
    ),
    place=0,
    equation=lambda n, x: call("stdtr", n, x),
)

_TRIALS = np.array(5)  # of an integer dtype, as SciPy wants
_family(
    (None, None, lambda k, n, p: -_binomial(k, n, p)),
    (Sample(2.0, _TRIALS, (2, 3), domain=_INSIDE), Sample(2.0, _TRIALS, (), domain=_INSIDE)),
    "bdtr",
    "bdtrc",
    "bdtri",
)
_family(
    (None, None, _negative_binomial),
    (Sample(2, 3, (2, 3), domain=_INSIDE), Sample(2, 3, (), domain=_INSIDE)),
    "nbdtr",
    "nbdtrc",
    "nbdtri",
)
# their inverses in a count, which is any real number there

_BINOMIAL: Slopes = (
    lambda k, n, p: beta_per_second(k + 1, n - k, p) - beta_per_first(k + 1, n - k, p),
    lambda k, n, p: -beta_per_second(k + 1, n - k, p),
    lambda k, n, p: -beta_density(k + 1, n - k, p),
)
_NEGATIVE_BINOMIAL: Slopes = (
    lambda k, n, p: beta_per_second(n, k + 1, p),
    lambda k, n, p: beta_per_first(n, k + 1, p),
    lambda k, n, p: beta_density(n, k + 1, p),
)


def _successes(k: Value, n: Value, p: Value) -> Value:
    return call("betaincc", k + 1, n - k, p)


def _failures(k: Value, n: Value, p: Value) -> Value:
    return call("betainc", n, k + 1, p)


def _counted(*moves: float) -> tuple[Sample, ...]:
    """A call of three arguments, each moved by so much from a number between 0.5 and 0.7."""

    def prepare(*args: Value) -> tuple[Value, ...]:
        return tuple(map(np.add, args, moves))

    return (Sample((2, 3), (3,), (2, 1), domain=(0.5, 0.7), prepare=prepare),)


_inverse("bdtrik", _BINOMIAL, _counted(0.0, 5.0, -0.2), place=0, equation=_successes)
_inverse("bdtrin", _BINOMIAL, _counted(1.0, 0.0, -0.2), place=1, equation=_successes)
_inverse("nbdtrik", _NEGATIVE_BINOMIAL, _counted(0.0, 2.0, -0.2), place=0, equation=_failures)
_inverse("nbdtrin", _NEGATIVE_BINOMIAL, _counted(1.0, 0.0, -0.2), place=1, equation=_failures)
