"""SciPy refuses matrices that are not finite; traced and compiled, its functions do so too."""

import numpy as np
import pytest
import scipy.linalg as sl

import chainrule as cr

A = np.array([[3.0, 1.0], [0.5, 2.0]])
B = np.array([1.0, 2.0])

CALLS = {
    "inv": lambda a, **check: sl.inv(a, **check),
    "det": lambda a, **check: sl.det(a, **check),
    "solve": lambda a, **check: sl.solve(a, B, **check),
    "solve, right side": lambda a, **check: sl.solve(A, a[0], **check),
    "cholesky": lambda a, **check: sl.cholesky(a @ a.T, **check),
    "cho_solve": lambda a, **check: sl.cho_solve((a, True), B, **check),
    "lstsq": lambda a, **check: sl.lstsq(a, B, **check)[0],
    "eigh": lambda a, **check: sl.eigh(a + a.T, **check)[0],
    "qr": lambda a, **check: sl.qr(a, **check)[1],
    "svdvals": lambda a, **check: sl.svdvals(a, **check),
    "norm": lambda a, **check: sl.norm(a, **check),
}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", CALLS)
def test_what_is_not_finite_is_refused_in_every_way(name, bad):
    f = CALLS[name]
    broken = A.copy()
    broken[0, 0] = bad

    def total(a):
        return np.sum(f(a))

    for g in (total, cr.grad(total), cr.compile(total), cr.compile(cr.grad(total))):
        assert np.all(np.isfinite(g(A)))
        with pytest.raises(ValueError, match="infs or NaNs"):
            g(broken)


def test_what_is_not_to_be_checked_is_not():
    broken = np.array([[np.nan, 1.0], [0.0, 1.0]])
    for f in (lambda a: sl.inv(a, check_finite=False), lambda a: sl.inv(a, False, False)):
        assert np.isnan(cr.grad(lambda a, f=f: np.sum(f(a)))(broken)).any()
        assert np.isnan(cr.compile(f)(broken)).any()


def test_integers_are_finite():
    step = cr.compile(lambda n, b: sl.solve(n, b))
    np.testing.assert_allclose(step(np.array([[2, 0], [0, 4]]), B), [0.5, 0.5])
    assert "eagerly" not in step.report()
