"""Minima follow what the objective and the bounds depend on: `minimize` and `minimize_scalar`."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.optimize

from chainrule.errors import NotDifferentiableError
from chainrule.scipy.callbacks import Function, plain_callbacks, with_arguments, without_derivative
from chainrule.scipy.calls import plain
from chainrule.scipy.implicit import followed_minimum, followed_result
from chainrule.scipy.levels import Plainly, levels_of, number, vector

_MINIMIZE = scipy.optimize.minimize
_MINIMIZE_SCALAR = scipy.optimize.minimize_scalar
_AT_BOUND = 1e-10
"""Distance from a bound, relative to its size, at which a variable is taken to be at the bound."""


def minimize(
    fun: Function,
    x0: Any,
    args: Any = (),
    method: Any = None,
    jac: Any = None,
    hess: Any = None,
    hessp: Any = None,
    bounds: Any = None,
    constraints: Any = (),
    tol: float | None = None,
    callback: Any = None,
    options: Any = None,
) -> Any:
    """Return a minimum; its `x` and `fun` follow what `fun` and the bounds depend on.

    A variable at its bound moves with the bound. A minimum that constraints decide upon is refused.
    """
    called = Plainly(with_arguments(fun, args))
    rest = args if isinstance(args, tuple) else (args,)
    given = plain_callbacks(args, jac=jac, hess=hess)
    given["hessp"] = Plainly(lambda x, p: hessp(x, p, *rest)) if callable(hessp) else hessp
    low_high = _bounds_of(bounds)
    result = _MINIMIZE(
        called,
        plain(x0),
        method=method,
        bounds=plain_bounds(bounds),
        constraints=constraints,
        tol=tol,
        callback=callback,
        options=plain(options),
        **given,
    )
    levels = called.levels | levels_of(low_high)
    if not levels:
        return result
    if not isinstance(constraints, (tuple, list)) or len(constraints) > 0:
        refuse_constraints("scipy.optimize.minimize")
    f = without_derivative(called.f, is_pair=jac is True)
    x = followed_minimum(result.x, f, levels, low_high, pinned(result.x, low_high))
    return followed_result(result, x=x, fun=number(f(x)))


def refuse_constraints(name: str) -> None:
    """Refuse a minimum under constraints.

    Raises:
        NotDifferentiableError: always.
    """
    raise NotDifferentiableError.from_reason(
        name,
        "a minimum under constraints has no rule here",
        "solve the equations of its Lagrange function with scipy.optimize.root.",
    )


def _bounds_of(bounds: Any) -> tuple[Any, Any]:
    """Return lower and upper bounds as arrays, or as infinities."""
    if bounds is None:
        return -np.inf, np.inf
    if isinstance(bounds, scipy.optimize.Bounds):
        return bounds.lb, bounds.ub
    low = [-np.inf if pair[0] is None else pair[0] for pair in bounds]
    high = [np.inf if pair[1] is None else pair[1] for pair in bounds]
    return vector(low), vector(high)


def plain_bounds(bounds: Any) -> Any:
    """Return bounds as SciPy may see them."""
    return bounds if isinstance(bounds, scipy.optimize.Bounds) else plain(bounds)


def pinned(x: Any, bounds: tuple[Any, Any]) -> Any:
    """Return -1, 0 or 1 per variable: at its lower bound, free, at its upper one."""
    low, high = (np.asarray(plain(bound), float) for bound in bounds)
    near = _AT_BOUND * (1 + np.abs(x))
    return np.where(x <= low + near, -1, np.where(x >= high - near, 1, 0))


def minimize_scalar(
    fun: Function,
    bracket: Any = None,
    bounds: Any = None,
    args: Any = (),
    method: Any = None,
    tol: float | None = None,
    options: Any = None,
) -> Any:
    """Return a minimum of a function of one number; its `x` and `fun` follow what `fun` depends on."""
    called = Plainly(with_arguments(fun, args))
    result = _MINIMIZE_SCALAR(
        called, plain(bracket), plain(bounds), (), method, tol, plain(options)
    )
    if not (called.levels or levels_of(bounds)):
        return result
    low_high = (-np.inf, np.inf) if bounds is None else tuple(bounds)
    levels = called.levels | levels_of(bounds)
    x = followed_minimum(result.x, called.f, levels, low_high, _pinned_scalar(result.x, low_high))
    return followed_result(result, x=x, fun=number(called.f(x)))


def _pinned_scalar(x: float, bounds: tuple[Any, Any]) -> Any:
    """The search within bounds comes near a bound, never to it."""
    low, high = (float(plain(bound)) for bound in bounds)
    near = 1e-5 * (high - low) if np.isfinite(high - low) else 0.0
    return np.where(x <= low + near, -1, np.where(x >= high - near, 1, 0))
