"""Parameters of least squares follow the data: `least_squares`, `curve_fit`, `nnls`."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.optimize

from chainrule.autodiff.transforms import jacobian
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.errors import NotDifferentiableError
from chainrule.ops.canonical import array_like
from chainrule.scipy.callbacks import Function, plain_callbacks, with_arguments
from chainrule.scipy.calls import follows, plain, refuse_traced
from chainrule.scipy.implicit import followed_minimum, followed_result
from chainrule.scipy.levels import Plainly, flat, levels_of
from chainrule.scipy.minima import pinned, plain_bounds

_LEAST_SQUARES = scipy.optimize.least_squares
_CURVE_FIT = scipy.optimize.curve_fit
_LOSSES: dict[str, Callable[[Value], Value]] = {
    "linear": lambda z: z,
    "soft_l1": lambda z: 2 * (np.sqrt(1 + z) - 1),
    "huber": lambda z: np.where(z <= 1, z, 2 * np.sqrt(np.where(z <= 1, 1.0, z)) - 1),
    "cauchy": np.log1p,
    "arctan": np.arctan,
}
"""SciPy's losses of squared residuals."""


def least_squares(
    fun: Function,
    x0: Any,
    jac: Any = "2-point",
    bounds: Any = (-np.inf, np.inf),
    method: str = "trf",
    *rest: Any,
    args: Any = (),
    kwargs: Any = None,
    loss: Any = "linear",
    f_scale: float = 1.0,
    **options: Any,
) -> Any:
    """Return the parameters of least squares; `x`, `fun` and `cost` follow what `fun` depends on."""
    further = kwargs or {}
    f = with_arguments(functools.partial(fun, **further) if further else fun, args)
    called = Plainly(f)
    given = plain_callbacks(
        args, jac=functools.partial(jac, **further) if callable(jac) and further else jac
    )
    low_high = (bounds.lb, bounds.ub) if isinstance(bounds, scipy.optimize.Bounds) else bounds
    others = {"loss": loss, "f_scale": f_scale, **options}
    result = _LEAST_SQUARES(
        called, plain(x0), given["jac"], plain_bounds(bounds), method, *rest, **others
    )
    levels = called.levels | levels_of(tuple(low_high))
    if not levels:
        return result
    if loss not in _LOSSES:
        refuse_loss("scipy.optimize.least_squares", loss)

    def cost(x: Value) -> Value:
        z = (flat(f(x)) / f_scale) ** 2
        return 0.5 * f_scale**2 * np.sum(_LOSSES[loss](z))

    x = followed_minimum(result.x, cost, levels, tuple(low_high), pinned(result.x, tuple(low_high)))
    return followed_result(result, x=x, fun=flat(f(x)), cost=cost(x))


def refuse_loss(name: str, loss: Any) -> None:
    """Refuse a loss of the user's own.

    Raises:
        NotDifferentiableError: always.
    """
    raise NotDifferentiableError.from_option(name, "loss", loss)


def curve_fit(
    f: Function,
    xdata: Any,
    ydata: Any,
    p0: Any = None,
    sigma: Any = None,
    absolute_sigma: bool = False,
    check_finite: bool | None = None,
    bounds: Any = (-np.inf, np.inf),
    method: Any = None,
    jac: Any = None,
    *,
    full_output: bool = False,
    nan_policy: Any = None,
    **options: Any,
) -> Any:
    """Return the parameters of the fitted curve and their covariance, which follow the data and the function."""
    called = Plainly(f)
    count = len(p0) if p0 is not None else None
    given = {"jac": Plainly(jac) if callable(jac) else jac}
    start = plain(p0) if count is not None else np.ones(_parameter_count(f))
    out = _CURVE_FIT(
        called,
        plain(xdata),
        plain(ydata),
        start,
        plain(sigma),
        absolute_sigma,
        bounds=bounds,
        method=method,
        full_output=full_output,
        nan_policy=nan_policy,
        **({} if check_finite is None else {"check_finite": check_finite}),
        **given,
        **options,
    )
    levels = called.levels | levels_of(xdata, ydata, sigma)
    if not levels:
        return out
    target, weights = array_like(ydata), 1.0 if sigma is None else array_like(sigma)

    def residuals(p: Value) -> Value:
        error = flat(f(xdata, *p)) - flat(target)
        if type_of(weights).ndim == 2:
            return np.linalg.solve(np.linalg.cholesky(weights), error)
        return error / weights

    popt = out[0]
    p = followed_minimum(
        popt, lambda p: 0.5 * np.sum(residuals(p) ** 2), levels, bounds, pinned(popt, bounds)
    )
    slopes = jacobian(residuals)(p)
    covariance = np.linalg.inv(slopes.T @ slopes)
    if not absolute_sigma:
        count = type_of(slopes).shape[0] - type_of(slopes).shape[1]
        covariance = covariance * (np.sum(residuals(p) ** 2) / count)
    return (p, covariance, followed_result(out[2]), *out[3:]) if full_output else (p, covariance)


def _parameter_count(f: Function) -> int:
    """Return how many parameters a curve has, as SciPy counts them: all but the first of its arguments."""
    return len(inspect.signature(f).parameters) - 1


@follows(scipy.optimize.nnls)
def nnls(A: Value, b: Value, *rest: Any, **options: Any) -> tuple[Value, Value]:
    """Return the least-squares solution without negative numbers; which of them are 0 is taken for constant."""
    A, b = array_like(A), array_like(b)
    refuse_traced("scipy.optimize.nnls", options=options)
    solution, _ = scipy.optimize.nnls(plain(A), plain(b), *rest, **options)
    used = np.flatnonzero(solution > 0)
    chosen = FRONTS["getitem"](A, (slice(None), used))
    spread = np.eye(len(solution))[:, used]
    x = spread @ np.linalg.solve(chosen.T @ chosen, chosen.T @ b)
    return x, np.linalg.norm(A @ x - b)
