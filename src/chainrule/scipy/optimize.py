"""`scipy.optimize` with derivatives: a solution follows whatever its equations or its objective depend on.

The user's function may get it from `args=` or from around it. Where nothing is traced SciPy's results are returned as
they are. A starting point has no influence on a solution.
"""

from __future__ import annotations

from typing import Any

import scipy.optimize

from chainrule.core.types import Value
from chainrule.ops.canonical import array_like
from chainrule.scipy.calls import follows, plain, stand_ins
from chainrule.scipy.fits import curve_fit, least_squares, nnls
from chainrule.scipy.minima import minimize, minimize_scalar
from chainrule.scipy.roots import (
    bisect,
    brenth,
    brentq,
    fixed_point,
    fsolve,
    newton,
    ridder,
    root,
    root_scalar,
    toms748,
)

__all__ = [
    "bisect",
    "brenth",
    "brentq",
    "curve_fit",
    "fixed_point",
    "fsolve",
    "least_squares",
    "linear_sum_assignment",
    "minimize",
    "minimize_scalar",
    "newton",
    "nnls",
    "ridder",
    "root",
    "root_scalar",
    "toms748",
]


@follows(scipy.optimize.linear_sum_assignment)
def linear_sum_assignment(cost_matrix: Value, maximize: bool = False) -> Any:
    """Return the assignment, whose derivative is zero: it changes in steps."""
    return scipy.optimize.linear_sum_assignment(plain(array_like(cost_matrix)), maximize)


STAND_INS = stand_ins(
    scipy.optimize,
    *(root, fsolve, root_scalar, newton, fixed_point, brentq, brenth, bisect, ridder, toms748),
    *(minimize, minimize_scalar, least_squares, curve_fit, nnls, linear_sum_assignment),
)
