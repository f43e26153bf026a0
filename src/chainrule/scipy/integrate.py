"""`scipy.integrate` with derivatives, under its names."""

from __future__ import annotations

import scipy.integrate

from chainrule.scipy.calls import stand_ins
from chainrule.scipy.ode import odeint, solve_ivp
from chainrule.scipy.quadrature import dblquad, fixed_quad, nquad, quad, quad_vec, tplquad
from chainrule.scipy.sampled import cumulative_trapezoid, romb, simpson, trapezoid

__all__ = [
    "cumulative_trapezoid",
    "dblquad",
    "fixed_quad",
    "nquad",
    "odeint",
    "quad",
    "quad_vec",
    "romb",
    "simpson",
    "solve_ivp",
    "tplquad",
    "trapezoid",
]

STAND_INS = stand_ins(
    scipy.integrate,
    *(quad, quad_vec, nquad, dblquad, tplquad, fixed_quad),
    *(solve_ivp, odeint),
    *(trapezoid, cumulative_trapezoid, simpson, romb),
)
