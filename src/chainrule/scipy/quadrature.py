"""Integrals of functions: `quad` and its kind follow the integrand's parameters and the limits (Leibniz' rule).

d∫ₐᵇ f = f(b) db - f(a) da + ∫ₐᵇ ∂f/∂θ dθ, and the last integral is computed as adaptively as the first.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.integrate
import scipy.special

from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import NotDifferentiableError
from chainrule.scipy.calls import plain, refuse_traced
from chainrule.scipy.integrands import Integrand, moving_integral
from chainrule.scipy.levels import Plainly, flat, levels_of, lowered, moving_part, vector

Function = Callable[..., Any]
Rule = Callable[[Any, float, float], Any]
"""From a plain integrand with one axis and two plain limits to the integrals."""

_QUAD = scipy.integrate.quad
_QUAD_VEC = scipy.integrate.quad_vec
_NQUAD = scipy.integrate.nquad
_FIXED_QUAD = scipy.integrate.fixed_quad
_FEW = 3
"""Integrals that `quad` computes one by one: it copes with singular ends; `quad_vec` does more of them together."""


def _followed(f: Integrand, a: Any, b: Any, rule: Rule, value: Any = None) -> Value:
    """Return the integral of `f` as a function of the limits and of all that `f` depends on.

    Args:
        f: returns an array with one axis.
        a: the lower limit.
        b: the upper limit.
        rule: integrates plain functions.
        value: the integral as SciPy has computed it already, if it has.
    """
    called = Plainly(f)
    if value is None:
        value = rule(called, float(plain(a)), float(plain(b)))
    else:
        called(_inside(float(plain(a)), float(plain(b))))
    total: Value = value
    for level in sorted(called.levels | levels_of(a, b), key=lambda level: level.number):
        low, high = lowered(level, a), lowered(level, b)
        if level in called.levels:
            inner = functools.partial(_followed, a=low, b=high, rule=rule)
            total = total + moving_integral(level, f, inner)
        for limit, end, sign in ((b, high, 1.0), (a, low, -1.0)):
            if level in levels_of(limit):
                total = total + sign * lowered(level, f(end)) * moving_part(level, limit)
    return total


def _inside(a: float, b: float) -> float:
    """Return a point between the limits, which may be infinite."""
    if np.isfinite(a) and np.isfinite(b):
        return (a + b) / 2
    return a + 1.0 if np.isfinite(a) else b - 1.0 if np.isfinite(b) else 0.0


def _rule(**options: Any) -> Rule:
    """Return the rule that integrates with SciPy's options."""
    common = {k: options[k] for k in ("epsabs", "epsrel", "points") if k in options}

    def rule(f: Any, a: float, b: float) -> Any:
        count = len(f(_inside(a, b)))
        if count == 0:
            return np.zeros(0)
        if count > _FEW and options.get("weight") is None:
            return np.asarray(_QUAD_VEC(f, a, b, norm="max", **common)[0])
        parts = [_QUAD(lambda x, i=i: f(x)[i], a, b, **options)[0] for i in range(count)]
        return np.array(parts)

    return rule


def quad(
    func: Function,
    a: Any,
    b: Any,
    args: Any = (),
    full_output: Any = 0,
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
    limit: int = 50,
    points: Any = None,
    weight: str | None = None,
    wvar: Any = None,
    wopts: Any = None,
    maxp1: int = 50,
    limlst: int = 50,
    complex_func: bool = False,
) -> Any:
    """Return the integral of a function, which follows the limits and what `func` depends on, and the error's bound."""
    options = {
        "epsabs": epsabs,
        "epsrel": epsrel,
        "limit": limit,
        "points": plain(points),
        "weight": weight,
        "wvar": plain(wvar),
        "wopts": wopts,
        "maxp1": maxp1,
        "limlst": limlst,
    }
    if not callable(func):  # a compiled function: nothing in it can be traced
        refuse_traced("scipy.integrate.quad", args=args, a=a, b=b)
        return _QUAD(func, a, b, args, full_output, complex_func=complex_func, **options)
    rest = args if isinstance(args, tuple) else (args,)
    called = Plainly(lambda x: func(x, *rest))
    out = _QUAD(called, plain(a), plain(b), (), full_output, complex_func=complex_func, **options)
    if not (called.levels or levels_of(a, b)):
        return out
    refuse_traced("scipy.integrate.quad", points=points, wvar=wvar)
    if weight is not None and levels_of(a, b):
        raise NotDifferentiableError.from_option(
            "scipy.integrate.quad with traced limits", "weight", weight
        )
    rule = _rule(**options)
    if not complex_func:
        value = _followed(lambda x: flat(called.f(x)), a, b, rule, np.reshape(out[0], (1,)))
        return (value[0], *out[1:])
    real = _followed(lambda x: flat(np.real(called.f(x))), a, b, rule, np.array([out[0].real]))
    imag = _followed(lambda x: flat(np.imag(called.f(x))), a, b, rule, np.array([out[0].imag]))
    return (real[0] + 1j * imag[0], *out[1:])


def quad_vec(f: Function, a: Any, b: Any, *rest: Any, args: Any = (), **options: Any) -> Any:
    """Return the integral of a function of arrays, which follows the limits and what `f` depends on."""
    further = args if isinstance(args, tuple) else (args,)
    called = Plainly(lambda x: vector(f(x, *further)))
    out = _QUAD_VEC(called, plain(a), plain(b), *rest, **options)
    if not (called.levels or levels_of(a, b)):
        return out
    refuse_traced("scipy.integrate.quad_vec", points=options.get("points"))
    names = ("epsabs", "epsrel")
    chosen = {
        **dict(zip(names, rest, strict=False)),
        **{k: v for k, v in options.items() if k in {*names, "points"}},
    }
    value = np.asarray(out[0])
    total = _followed(lambda x: flat(called.f(x)), a, b, _rule(**chosen), value.ravel())
    return (FRONTS["reshape"](total, value.shape), *out[1:])


def nquad(
    func: Function, ranges: Any, args: Any = (), opts: Any = None, full_output: bool = False
) -> Any:
    """Return an integral over several variables, the first one innermost; limits may be functions of the later ones."""
    rest = args if isinstance(args, tuple) else (args,)
    called = Plainly(lambda *x: func(*x, *rest))
    limits = [_limits(r, rest) for r in ranges]
    plainly = [Plainly(r) for r in limits]
    out = _NQUAD(called, plainly, (), opts, full_output)
    levels = set().union(called.levels, *(r.levels for r in plainly))
    if not levels:
        return out
    if opts is not None and any(
        callable(o) for o in (opts if isinstance(opts, (list, tuple)) else [opts])
    ):
        raise NotDifferentiableError.from_option("scipy.integrate.nquad", "opts", opts)
    each = list(opts) if isinstance(opts, (list, tuple)) else [opts or {}] * len(limits)
    return (_nested(called.f, limits, each, ()), *out[1:])


def _limits(given: Any, rest: tuple[Any, ...]) -> Function:
    """Return a function of the outer variables that returns a pair of limits."""
    return (lambda *outer: given(*outer, *rest)) if callable(given) else (lambda *_: given)


def _nested(
    f: Function, limits: Sequence[Function], options: Sequence[Any], outer: tuple[Any, ...]
) -> Value:
    """Integrate over the variables that `outer` does not fix, the last of them outermost."""
    depth = len(limits) - len(outer) - 1
    a, b = limits[depth](*outer)

    def inside(x: float) -> Value:
        return f(x, *outer) if depth == 0 else _nested(f, limits, options, (x, *outer))

    return quad(inside, a, b, **options[depth])[0]


def dblquad(
    func: Function,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    args: Any = (),
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
) -> Any:
    """Return the integral of `func(y, x)` over x from `a` to `b` and y between functions of x."""
    inner = [lambda x, *_: (_at(gfun, x), _at(hfun, x)), (a, b)]
    return nquad(func, inner, args, {"epsabs": epsabs, "epsrel": epsrel})


def tplquad(
    func: Function,
    a: Any,
    b: Any,
    gfun: Any,
    hfun: Any,
    qfun: Any,
    rfun: Any,
    args: Any = (),
    epsabs: float = 1.49e-8,
    epsrel: float = 1.49e-8,
) -> Any:
    """Return the integral of `func(z, y, x)` over a body between surfaces."""
    ranges = [
        lambda y, x, *_: (_at(qfun, x, y), _at(rfun, x, y)),
        lambda x, *_: (_at(gfun, x), _at(hfun, x)),
        (a, b),
    ]
    return nquad(func, ranges, args, {"epsabs": epsabs, "epsrel": epsrel})


def _at(limit: Any, *outer: Any) -> Any:
    return limit(*outer) if callable(limit) else limit


def fixed_quad(func: Function, a: Any, b: Any, args: Any = (), n: int = 5) -> tuple[Value, None]:
    """Return the integral by Gauss and Legendre's rule of order `n`."""
    points, weights = scipy.special.roots_legendre(n)
    half = (b - a) / 2.0
    rest = args if isinstance(args, tuple) else (args,)
    return half * np.sum(
        np.real(weights) * func(half * (np.real(points) + 1) + a, *rest), axis=-1
    ), None
