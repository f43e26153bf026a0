"""Functions of `scipy.special` where a closed form of their derivative divides zero by zero, and at odd orders."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import special

import chainrule as cr

REMOVABLE = [
    ("boxcox", lambda p: special.boxcox(1.7, p), 0.0),
    ("boxcox1p", lambda p: special.boxcox1p(0.7, p), 0.0),
    ("inv_boxcox", lambda p: special.inv_boxcox(0.7, p), 0.0),
    ("inv_boxcox1p", lambda p: special.inv_boxcox1p(0.7, p), 0.0),
    ("spence", special.spence, 1.0),
    ("exprel", special.exprel, 0.0),
    ("ellipkinc", lambda m: special.ellipkinc(1.2, m), 0.0),
    ("ellipkinc of many turns", lambda m: special.ellipkinc(-7.5, m), 0.0),
    ("ellipeinc", lambda m: special.ellipeinc(1.2, m), 0.0),
    ("nctdtr", lambda x: special.nctdtr(3.0, 0.5, x), 0.0),
    *((f"rgamma at {n}", special.rgamma, n) for n in (0.0, -1.0, -2.0, -5.0)),
    *((f"struve of order {v}", lambda x, v=v: special.struve(v, x), 0.0) for v in (0, 1.0, 2)),
    *((f"modstruve of order {v}", lambda x, v=v: special.modstruve(v, x), 0.0) for v in (0, 1)),
    *((name, getattr(special, name), 0.0) for name in ("ber", "bei", "berp", "beip")),
    *((name, getattr(special, name), 0.0) for name in ("itstruve0", "it2struve0")),
]
DEGREES = [0.5, 1.5, -0.5, -1, -2, -3, -2.5, 0, 1, 2, 3]
POLYNOMIALS = ["chebyt", "chebyu", "chebyc", "chebys", "sh_chebyt", "sh_chebyu"]
POLYNOMIALS += ["legendre", "sh_legendre"]


def difference(f, x, step=1e-4):
    """The central difference of fourth order."""
    near, far = (f(x + step) - f(x - step)) / 2, (f(x + 2 * step) - f(x - 2 * step)) / 4
    return (4 * near - far) / (3 * step)


@pytest.mark.parametrize(("f", "x"), [c[1:] for c in REMOVABLE], ids=[c[0] for c in REMOVABLE])
def test_derivatives_at_a_removable_singularity_are_the_limits(f, x) -> None:
    below = f
    for _ in range(3):
        above = cr.grad(below)
        assert_allclose(above(x), difference(below, x), rtol=1e-8, atol=1e-8)
        below = above


@pytest.mark.parametrize("name", POLYNOMIALS)
@pytest.mark.parametrize("degree", DEGREES)
def test_polynomials_of_any_degree_have_their_own_slope(name: str, degree: float) -> None:
    def f(x):
        return getattr(special, f"eval_{name}")(degree, x)

    expected = difference(f, 0.3)
    assert_allclose(cr.grad(f)(0.3), expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("name", ["kn", "yn"])
@pytest.mark.filterwarnings("ignore:floating point number truncated")
def test_an_order_that_scipy_truncates_is_truncated_in_the_slope_too(name: str) -> None:
    def f(x):
        return getattr(special, name)(1.5, x)

    assert_allclose(cr.grad(f)(0.8), difference(f, 0.8), rtol=1e-8)


def test_a_power_of_base_0_does_not_move_with_its_exponent() -> None:
    assert cr.grad(special.powm1, argnums=(0, 1))(0.0, 1.0) == (1.0, 0.0)
    with np.errstate(divide="ignore"):
        assert cr.grad(special.powm1, argnums=(0, 1))(0.0, 0.5) == (np.inf, 0.0)


def test_a_slope_that_grows_without_bound_is_infinite() -> None:
    """kei' behaves as -x log(x / 2) / 2 at 0."""
    assert cr.grad(special.keip)(0.0) == np.inf


def test_a_count_below_zero_has_no_slope() -> None:
    assert cr.grad(lambda p: special.bdtrc(-2.0, np.array(5), p))(0.5) == 0
