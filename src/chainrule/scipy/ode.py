"""`solve_ivp` and `odeint`: solutions follow initial values, times and whatever the right-hand side depends on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.integrate

from chainrule.autodiff.transforms import jacobian
from chainrule.core.cells import type_of
from chainrule.core.types import Value
from chainrule.scipy.calls import plain, refuse_traced
from chainrule.scipy.implicit import followed_result, followed_root
from chainrule.scipy.levels import Plainly, flat, levels_of, number, vector
from chainrule.scipy.steps import Slope, Steps

_SOLVE_IVP = scipy.integrate.solve_ivp
_ODEINT = scipy.integrate.odeint
_EXPLICIT_LENGTH = 0.5
"""A step for an explicit method, in units of the fastest process: one of order 8 is as accurate as LSODA then."""
_MOST_PARTS = 8
"""Into how many of those a step of LSODA's may be divided; where it is longer the equation is stiff."""
_SAMPLED = 20


def solve_ivp(
    fun: Callable[..., Any],
    t_span: Any,
    y0: Any,
    method: Any = "RK45",
    t_eval: Any = None,
    dense_output: bool = False,
    events: Any = None,
    vectorized: bool = False,
    args: Any = None,
    **options: Any,
) -> Any:
    """Return the solution of an initial value problem; `t`, `y`, `sol` and the events follow the trace.

    The derivative goes through the steps that SciPy accepted, for LSODA, BDF and Radau through steps of Radau IIA.
    """
    rest = () if args is None else tuple(args)
    called = Plainly(lambda t, y: fun(t, y, *rest))
    checked = [_Event(e, rest) for e in _listed(events)]
    given = {
        k: Plainly(_with_rest(v, rest)) if callable(v) else plain(v) for k, v in options.items()
    }

    def run(*, dense: bool) -> Any:
        return _SOLVE_IVP(
            called,
            plain(t_span),
            plain(y0),
            method,
            plain(t_eval),
            dense,
            checked or None,
            vectorized,
            **given,
        )

    result = run(dense=dense_output)
    levels = called.levels.union(levels_of(y0, t_span, t_eval), *(e.levels for e in checked))
    if not levels:
        return result
    refuse_traced("scipy.integrate.solve_ivp", options=options)
    sol = result.sol if dense_output else run(dense=True).sol

    def slope(t: Any, y: Value) -> Value:
        return flat(called.f(t, y[:, None] if vectorized else y))

    name, ends = _replayed(method if isinstance(method, str) else method.__name__, slope, sol)
    path = _Path(Steps(slope, name, sol), ends, t_span[0], vector(y0))
    times = list(t_eval) if t_eval is not None else [t_span[0], *result.t[1:-1], t_span[1]]
    if result.t[-1] != plain(times[-1]):  # it ended before that time, or at an event
        times = [*times[: len(result.t) - 1], *result.t[min(len(times), len(result.t)) - 1 :]]
    return _followed_solution(path, result, times, checked, dense_output=dense_output)


def _with_rest(f: Callable[..., Any], rest: tuple[Any, ...]) -> Callable[..., Any]:
    return lambda *given: f(*given, *rest)


def _listed(events: Any) -> list[Any]:
    return [] if events is None else [events] if callable(events) else list(events)


class _Event(Plainly):
    """An event as SciPy calls it."""

    def __init__(self, event: Callable[..., Any], rest: tuple[Any, ...]) -> None:
        super().__init__(lambda t, y: event(t, y, *rest))
        for name in ("terminal", "direction"):
            if hasattr(event, name):
                setattr(self, name, getattr(event, name))


def _replayed(name: str, slope: Slope, sol: Any) -> tuple[str, Any]:
    """Return the method to take the steps with, and the times where they end.

    LSODA's steps are taken by an explicit method, divided where they are long for it, unless the equation is stiff.
    """
    ends = np.asarray(sol.ts)
    if name != "LSODA" or len(ends) < 2:
        return name, ends
    sample = np.unique(np.linspace(0, len(ends) - 2, _SAMPLED).astype(int))
    lengths = [
        abs(ends[i + 1] - ends[i]) * _fastest(slope, float(ends[i]), np.asarray(sol(ends[i])))
        for i in sample
    ]
    parts = int(np.ceil(max(lengths) / _EXPLICIT_LENGTH))
    if parts > _MOST_PARTS:
        return name, ends
    between = [np.linspace(a, b, max(parts, 1), endpoint=False) for a, b in pairwise(ends)]
    return "DOP853", np.concatenate([*between, ends[-1:]])


def _fastest(slope: Slope, t: float, y: Any) -> float:
    """Return the rate of the fastest process at this state: the largest eigenvalue of the Jacobian."""
    matrix = plain(jacobian(lambda y: slope(t, y))(y))
    return float(np.max(np.abs(np.linalg.eigvals(matrix)), initial=0.0))


class _Path:
    """A solution on traced values, from the initial state through all the times that are asked for."""

    def __init__(self, steps: Steps, ends: Any, start: Any, y0: Value) -> None:
        self.steps = steps
        self.direction = 1.0 if ends[-1] >= ends[0] else -1.0
        self.ends = ends
        y = y0 * 1.0 if type_of(y0).dtype.kind in "biu" else y0
        self.states = {float(ends[0]): steps.move(start, float(ends[0]), y)}

    def pass_through(self, times: Any) -> None:
        """Compute the states at these plain times and at the ends of all steps."""
        every = np.unique(np.concatenate([self.ends, times]))[:: int(self.direction)]
        y = self.states[float(self.ends[0])]
        for t, end in pairwise(every):
            y = self.states[float(end)] = self.steps.take(float(t), float(end), y)

    def state(self, time: Any) -> Value:
        """Return the state at a time, traced or plain."""
        t = float(plain(time))
        if t not in self.states:
            i = int(np.searchsorted(self.direction * self.ends, self.direction * t)) - 1
            before = float(self.ends[min(max(i, 0), len(self.ends) - 1)])
            self.states[t] = self.steps.take(before, t, self.states[before])
        return self.steps.move(t, time, self.states[t])


def _followed_solution(
    path: _Path, result: Any, times: Sequence[Any], checked: Sequence[_Event], *, dense_output: bool
) -> Any:
    """Return SciPy's result with everything that follows the trace."""
    found = result.t_events if checked else []
    path.pass_through(np.concatenate([result.t, *found]))
    followed: dict[str, Any] = {"t_events": None, "y_events": None}
    if checked:
        known = [
            [_event_time(path, event, float(t)) for t in at]
            for event, at in zip(checked, found, strict=True)
        ]
        followed["t_events"] = [vector(at) if at else np.zeros(0) for at in known]
        followed["y_events"] = [
            np.stack([path.state(t) for t in at]) if at else np.zeros((0,)) for at in known
        ]
        if result.status == 1:
            last = [t for at in known for t in at if float(plain(t)) == result.t[-1]]
            times = [*times[:-1], *(last[:1] or times[-1:])]
    columns = [path.state(t) for t in times]
    followed["t"] = vector(list(times))
    followed["y"] = np.stack(columns, axis=-1)
    followed["sol"] = FollowedCurve(path) if dense_output else None
    return followed_result(result, **followed)


def _event_time(path: _Path, event: _Event, t: float) -> Value:
    """Return the time where the event's function is zero along the solution."""
    y = path.state(t)
    levels = levels_of(y, event.f(t, y))
    return followed_root(t, lambda s: number(event.f(s, path.steps.move(t, s, y))), levels)


class FollowedCurve:
    """A solution that can be evaluated at any time; what `dense_output` gives where the trace is followed."""

    def __init__(self, path: _Path) -> None:
        self._path = path
        self.t_min, self.t_max = sorted((float(path.ends[0]), float(path.ends[-1])))

    def __call__(self, t: Value) -> Value:
        """Return the state at `t`, or the states in columns at several times."""
        t = vector(t)
        if not type_of(t).shape:
            return self._path.state(t)
        return np.stack([self._path.state(x) for x in t], axis=-1)


def odeint(
    func: Callable[..., Any],
    y0: Any,
    t: Any,
    args: Any = (),
    Dfun: Any = None,
    col_deriv: Any = 0,
    full_output: Any = 0,
    *rest: Any,
    tfirst: bool = False,
    **options: Any,
) -> Any:
    """Return the states at the times `t`, in rows; they follow initial values, times and the right-hand side."""
    further = args if isinstance(args, tuple) else (args,)

    def in_order(t: Any, y: Any) -> Any:
        return func(t, y, *further) if tfirst else func(y, t, *further)

    called = Plainly(in_order)
    given = None
    if callable(Dfun):
        given = Plainly(lambda t, y: Dfun(t, y, *further) if tfirst else Dfun(y, t, *further))
    times, start = plain(t), plain(y0)
    out = _ODEINT(
        called, start, times, (), given, col_deriv, full_output, *rest, tfirst=True, **options
    )
    levels = called.levels | levels_of(y0, t)
    if not levels:
        return out
    values = out[0] if full_output else out

    def slope(t: Any, y: Value) -> Value:
        return flat(in_order(t, y))

    grid = np.asarray(times, float)
    tolerances = {k: options.get(k) or 1.49012e-8 for k in ("rtol", "atol")}
    sol = _SOLVE_IVP(
        called, (grid[0], grid[-1]), np.atleast_1d(start), "LSODA", dense_output=True, **tolerances
    ).sol
    name, ends = _replayed("LSODA", slope, sol)
    path = _Path(Steps(slope, name, sol), ends, t[0], flat(y0))
    path.pass_through(grid)
    rows = [path.state(x) for x in (t if levels_of(t) else grid)]
    followed = np.stack(rows)
    followed = followed + (values - plain(followed))
    return (followed, out[1]) if full_output else followed
