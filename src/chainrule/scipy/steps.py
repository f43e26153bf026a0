"""The steps of an ODE solver, taken again on traced values: the derivative goes through the accepted steps.

SciPy solves the equation on plain numbers and chooses the steps, which then count as constants. Explicit methods are
repeated with SciPy's own tableaus. For implicit methods and multistep methods the equation linearised along SciPy's
solution is solved by Radau IIA of order 5 over the same steps, which is stable where they are.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate

from chainrule.autodiff.transforms import jacobian
from chainrule.core.cells import type_of
from chainrule.core.op import FRONTS
from chainrule.core.types import Value
from chainrule.scipy.calls import plain
from chainrule.scipy.levels import levels_of, lowered, moving_part, ordered

Slope = Callable[[Any, Value], Value]
"""The right-hand side: from a time and a state with one axis to its slope."""

EXPLICIT = {
    "RK23": scipy.integrate.RK23,
    "RK45": scipy.integrate.RK45,
    "DOP853": scipy.integrate.DOP853,
}


@dataclass(frozen=True)
class Steps:
    """How to get from one time to the next on traced values.

    Attributes:
        f: the right-hand side.
        method: the name of an explicit method, or of another one.
        solution: SciPy's solution at any time, plain.
    """

    f: Slope
    method: str
    solution: Callable[[float], Any]

    def take(self, t: float, end: float, y: Value) -> Value:
        """Return the state at `end`: SciPy's number, and a derivative that comes from the state at `t`."""
        if t == end:
            return y
        solver = EXPLICIT.get(self.method)
        moved = (
            self._implicit(t, end - t, y)
            if solver is None
            else self._explicit(solver, t, end - t, y)
        )
        return moved + (np.asarray(self.solution(end)) - plain(moved))

    def move(self, t: Any, end: Any, y: Value) -> Value:
        """Return the state at `end`, a time that has the same number as `t` and moves otherwise.

        A step of length 0 is the Taylor series of the solution: this one is right in derivatives of up to five orders.
        """
        return self._explicit(scipy.integrate.RK45, t, end - t, y) if levels_of(t, end) else y

    def _explicit(self, solver: Any, t: Any, h: Any, y: Value) -> Value:
        """Runge and Kutta's scheme with the solver's tableau."""
        slopes: list[Value] = []
        for a, c in zip(solver.A[: solver.n_stages], solver.C[: solver.n_stages], strict=True):
            slopes.append(self.f(t + c * h, _along(y, h, a, slopes)))
        return _along(y, h, solver.B, slopes)

    def _implicit(self, t: float, h: float, y: Value) -> Value:
        """Radau IIA: kᵢ = f(t + cᵢ h, y + h Σⱼ aᵢⱼ kⱼ), linearised at SciPy's solution."""
        times = t + _RADAU_C * h
        states = [np.asarray(self.solution(s)) for s in times]
        k: Value = np.concatenate(
            [np.asarray(plain(self.f(s, z))) for s, z in zip(times, states, strict=True)]
        )
        n = type_of(y).size
        for level in ordered(
            levels_of(y, *(self.f(s, z) for s, z in zip(times, states, strict=True)))
        ):
            low = lowered(level, y)
            inner = [low + h * (_RADAU_A[i] @ FRONTS["reshape"](k, (3, n))) for i in range(3)]
            offsets = [z - plain(x) for z, x in zip(states, inner, strict=True)]
            moves = [
                self.f(s, x + o + moving_part(level, y))
                for s, x, o in zip(times, inner, offsets, strict=True)
            ]
            error = np.concatenate([moving_part(level, m) for m in moves])
            slopes = [
                lowered(level, jacobian(lambda z, s=s: self.f(s, z))(x + o))
                for s, x, o in zip(times, inner, offsets, strict=True)
            ]
            k = k + np.linalg.solve(_system(h, slopes, n), error)
        return y + h * (_RADAU_A[-1] @ FRONTS["reshape"](k, (3, n)))


_ROOT_6 = 6**0.5
_RADAU_C = np.array([(4 - _ROOT_6) / 10, (4 + _ROOT_6) / 10, 1.0])
_RADAU_A = np.array(
    [
        [(88 - 7 * _ROOT_6) / 360, (296 - 169 * _ROOT_6) / 1800, (-2 + 3 * _ROOT_6) / 225],
        [(296 + 169 * _ROOT_6) / 1800, (88 + 7 * _ROOT_6) / 360, (-2 - 3 * _ROOT_6) / 225],
        [(16 - _ROOT_6) / 36, (16 + _ROOT_6) / 36, 1 / 9],
    ]
)
"""Hairer and Wanner 1996, table IV.5.6; the last row holds the weights."""


def _system(h: float, slopes: list[Value], n: int) -> Value:
    """1 - h A ⊗ J, with the Jacobian of each stage in its rows."""
    rows = [np.kron(h * _RADAU_A[i : i + 1], slope) for i, slope in enumerate(slopes)]
    return np.eye(3 * n) - np.concatenate(rows, axis=0)


def _along(y: Value, h: Any, weights: Any, slopes: list[Value]) -> Value:
    for weight, slope in zip(weights, slopes, strict=False):
        if weight != 0:
            y = y + (h * weight) * slope
    return y
