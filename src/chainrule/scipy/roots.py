"""Roots of equations follow what the equations depend on: `root`, `root_scalar`, `brentq`, `newton` and their kind."""

from __future__ import annotations

import functools
from typing import Any

import scipy.optimize

from chainrule.scipy.callbacks import Function, plain_callbacks, with_arguments, without_derivative
from chainrule.scipy.calls import plain
from chainrule.scipy.implicit import followed_result, followed_root
from chainrule.scipy.levels import Plainly, vector

_ROOT = scipy.optimize.root
_FSOLVE = scipy.optimize.fsolve
_ROOT_SCALAR = scipy.optimize.root_scalar
_NEWTON = scipy.optimize.newton
_FIXED_POINT = scipy.optimize.fixed_point


def root(
    fun: Function,
    x0: Any,
    args: Any = (),
    method: str = "hybr",
    jac: Any = None,
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """Return a root of a system of equations; its `x` follows what `fun` depends on."""
    f = with_arguments(fun, args)
    called = Plainly(f)
    given = plain_callbacks(args, jac=jac)
    result = _ROOT(
        called,
        plain(x0),
        method=method,
        tol=tol,
        callback=callback,
        options=plain(options),
        **given,
    )
    if not called.levels:
        return result
    f = without_derivative(f, is_pair=jac is True)
    x = followed_root(result.x, f, called.levels)
    return followed_result(result, x=x, fun=vector(f(x)))


def fsolve(
    func: Function,
    x0: Any,
    args: Any = (),
    fprime: Any = None,
    full_output: Any = 0,
    *rest: Any,
    **options: Any,
) -> Any:
    """Return a root of a system of equations, which follows what `func` depends on."""
    called = Plainly(with_arguments(func, args))
    given = plain_callbacks(args, fprime=fprime)
    out = _FSOLVE(called, plain(x0), (), given["fprime"], full_output, *rest, **options)
    if not called.levels:
        return out
    if not full_output:
        return followed_root(out, called.f, called.levels)
    x, info, *others = out
    return (followed_root(x, called.f, called.levels), followed_result(info), *others)


def root_scalar(f: Function, args: Any = (), *rest: Any, **options: Any) -> Any:
    """Return a root of one equation; its `root` follows what `f` depends on."""
    called = Plainly(with_arguments(f, args))
    given = {k: v for k, v in options.items() if k in {"fprime", "fprime2"}}
    others = {k: plain(v) for k, v in options.items() if k not in given}
    result = _ROOT_SCALAR(called, (), *map(plain, rest), **plain_callbacks(args, **given), **others)
    if not called.levels:
        return result
    g = without_derivative(called.f, is_pair=options.get("fprime") is True)
    return followed_result(result, root=followed_root(result.root, g, called.levels))


def _bracketed(original: Function) -> Function:
    """Return the stand-in for a solver of one equation within a bracket."""

    @functools.wraps(original)
    def solver(f: Function, a: Any, b: Any, args: Any = (), *rest: Any, **options: Any) -> Any:
        called = Plainly(with_arguments(f, args))
        out = original(called, plain(a), plain(b), (), *rest, **options)
        return _with_root(out, called)

    return solver


def _with_root(out: Any, called: Plainly) -> Any:
    """Let the root in what a solver returned, alone or with a report, follow the trace."""
    if not called.levels:
        return out
    if not isinstance(out, tuple):
        return followed_root(out, called.f, called.levels)
    x, report, *others = out
    followed = followed_root(x, called.f, called.levels)
    if hasattr(report, "items"):
        report = followed_result(report, root=followed)
    return (followed, report, *others)


def newton(
    func: Function,
    x0: Any,
    fprime: Any = None,
    args: Any = (),
    tol: float = 1.48e-8,
    maxiter: int = 50,
    fprime2: Any = None,
    *rest: Any,
    **options: Any,
) -> Any:
    """Return a root near `x0`, or one per element of it; roots follow what `func` depends on."""
    called = Plainly(with_arguments(func, args))
    given = plain_callbacks(args, fprime=fprime, fprime2=fprime2)
    limits = {"tol": tol, "maxiter": maxiter}
    if rest:
        limits["x1"] = rest[0]
        options |= dict(zip(("rtol", "full_output", "disp"), rest[1:], strict=False))
    return _with_root(_NEWTON(called, plain(x0), **given, **limits, **options), called)


def fixed_point(
    func: Function,
    x0: Any,
    args: Any = (),
    xtol: float = 1e-8,
    maxiter: int = 500,
    method: str = "del2",
) -> Any:
    """Return a point that `func` maps to itself, which follows what `func` depends on."""
    f = with_arguments(func, args)
    called = Plainly(f)
    out = _FIXED_POINT(called, plain(x0), (), xtol, maxiter, method)
    return followed_root(out, lambda x: vector(f(x)) - x, called.levels) if called.levels else out


brentq = _bracketed(scipy.optimize.brentq)
brenth = _bracketed(scipy.optimize.brenth)
bisect = _bracketed(scipy.optimize.bisect)
ridder = _bracketed(scipy.optimize.ridder)
toms748 = _bracketed(scipy.optimize.toms748)
