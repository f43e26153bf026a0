"""Solutions of equations as functions of what the equations depend on: the implicit function theorem.

If f(x, θ) = 0 then dx = -(∂f/∂x)⁻¹ ∂f/∂θ dθ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
from scipy.optimize import OptimizeResult

from chainrule.autodiff.transforms import grad, jacobian
from chainrule.core.cells import type_of
from chainrule.core.trace import Level
from chainrule.core.types import Value
from chainrule.errors import NotDifferentiableError
from chainrule.scipy.levels import flat, lowered, moving_part, number, ordered

Equations = Callable[[Value], Value]


def followed_root(solution: Any, f: Equations, levels: Iterable[Level]) -> Value:
    """Return the root `solution` of `f` as a function of all that `f` depends on at `levels`."""
    x: Value = np.asarray(solution)[()]
    shape = np.shape(x)

    def flattened(x: Value) -> Value:
        return flat(f(x)) if shape else number(f(x))

    for level in ordered(levels):
        error = moving_part(level, flattened(x))
        slope = lowered(level, jacobian(flattened)(x))
        if not shape:
            x = x - error / slope
            continue
        size = type_of(x).size
        x = x - np.reshape(np.linalg.solve(np.reshape(slope, (size, size)), error), shape)
    return x


def followed_minimum(
    solution: Any,
    f: Callable[[Value], Value],
    levels: Iterable[Level],
    bounds: tuple[Any, Any] = (-np.inf, np.inf),
    pinned: Any = None,
) -> Value:
    """Return the minimum `solution` of `f` as a function of all that `f` depends on: there its gradient is zero.

    Args:
        solution: where `f` is smallest.
        f: returns one number.
        levels: the levels that it depends on.
        bounds: lower and upper ones, which may be traced; a variable at its bound moves with that.
        pinned: -1, 0 or 1 per variable: at its lower bound, free, at its upper bound.
    """
    slope = grad(lambda x: number(f(x)))
    if pinned is None or not np.any(pinned):
        return followed_root(solution, slope, levels)
    at_bound = np.asarray(pinned) != 0
    bound = np.where(np.asarray(pinned) < 0, *bounds)
    return followed_root(
        solution, lambda x: np.where(at_bound, x - np.where(at_bound, bound, 0.0), slope(x)), levels
    )


class FollowedResult(OptimizeResult):  # type: ignore[misc]  # SciPy carries no types
    """SciPy's result where the solution follows the trace; asking for what does not follow it raises."""

    def __getattr__(self, name: str) -> Any:
        if name in self:
            return self[name]
        if name not in vars(self).get("left_out", ()):
            raise AttributeError(name)
        raise NotDifferentiableError.from_reason(
            f"the result's {name}",
            "it is not followed by the derivative",
            "compute it from x, or call SciPy's function with cr.stop_gradient of all that is traced.",
        )


def followed_result(result: Any, **followed: Any) -> FollowedResult:
    """Return SciPy's result with the parts in `followed`; of the others those that are no floats are kept."""
    kept = {k: v for k, v in result.items() if _is_no_float(v)} | followed
    out = FollowedResult(**kept)
    out.__dict__["left_out"] = frozenset(result) - frozenset(kept)
    return out


def _is_no_float(x: Any) -> bool:
    return (
        x is None
        or isinstance(x, (bool, int, str))
        or getattr(x, "dtype", np.dtype(float)).kind in "biuSU"
    )
