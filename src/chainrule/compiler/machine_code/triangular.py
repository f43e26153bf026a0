"""LAPACK's triangular solver as a loop of matrices, in the form of the generalized ufuncs of `numpy.linalg`.

`trtrs_LNN` and the like: of a lower or upper triangle, as it is or transposed, with its own diagonal or with ones. The
letters are LAPACK's. Each works in place on the columns of `x`, which lie in its rows: `x`, (k, n), and `a`, (n, n).
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np

from chainrule.forks import forks_wait
from chainrule.records import record

_PREFIX = "trtrs_"


@record
class TriangularSolver:
    """A solver; the attributes are those of a ufunc that are asked for.

    Attributes:
        letters: whether the triangle is the lower or the upper one, is transposed, and has a diagonal of ones.
    """

    letters: str
    signature: str = "(k,n),(n,n)->"
    types: tuple[str, ...] = ("dd->", "ff->", "DD->", "FF->")

    def __call__(self, x: Any, a: Any, **_: Any) -> tuple[()]:
        """Solve as compiled code does; a failure is an invalid operation, as in NumPy's loops."""
        with forks_wait():
            import scipy.linalg.lapack

        (solve,) = scipy.linalg.lapack.get_lapack_funcs(("trtrs",), (x, a))
        is_lower, is_turned, has_ones = map(str.__eq__, self.letters, "LTU")
        how = {"lower": is_lower, "trans": is_turned, "unitdiag": has_ones}
        for rows, matrix in zip(x, a, strict=True):
            solution, info = solve(np.asfortranarray(matrix), rows.T, **how)
            if info:
                np.divide(0.0, 0.0)
            rows.T[...] = solution
        return ()


@functools.cache
def __getattr__(name: str) -> TriangularSolver:
    letters = name.removeprefix(_PREFIX)
    if name.startswith(_PREFIX) and tuple(letters) in set(itertools.product("LU", "NT", "NU")):
        return TriangularSolver(letters)
    raise AttributeError(name)


def solver_name(*, lower: bool, transposed: bool, unit_diagonal: bool) -> str:
    """Return the name of a solver in this module."""
    letters = ("UL"[lower], "NT"[transposed], "NU"[unit_diagonal])
    return _PREFIX + "".join(letters)
