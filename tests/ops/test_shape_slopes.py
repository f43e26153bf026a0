"""Slopes by a shape: of the incomplete gamma and beta functions, of Student's distribution, and of inverses in a shape.

The published numbers were computed by mpmath 1.3 with 60 digits (mp.dps = 60): central differences, of a relative step
of 1e-20, of the smaller tail of mp.gammainc, of I written by mp.hyp2f1 (DLMF 8.17.8), and of mp.betainc for Student's.
"""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import special
from tests.closeness import tolerance

import chainrule as cr

GAMMA = [
    (1e-10, 1e-300, -690.19826459610729),
    (1e-10, 0.5, -0.55977359483483677),
    (0.001, 1e-10, -21.951897545291591),
    (0.1, 0.5, -0.60909197721112181),
    (0.1, 30.0, -6.2031784963056315e-15),
    (0.5, 1e-05, -0.041211059712823384),
    (0.5, 0.5, -0.64720035237775388),
    (1.0, 1.0, -0.4317297106348987),
    (1.5, 0.01, -0.0039705272099872773),
    (1.5, 60.0, -3.1441163671093408e-25),
    (3.0, 1e-20, -7.8846365880521177e-60),
    (3.0, 2.5, -0.24711735748326824),
    (10.0, 1.0, -2.6303312759158043e-7),
    (10.0, 9.5, -0.12882764167930821),
    (10.0, 10.6, -0.1214245873885623),
    (10.0, 100.0, -2.6606205964966802e-31),
    (100.0, 20.0, -5.6410075197682542e-37),
    (100.0, 99.0, -0.039926993171104207),
    (100.0, 101.0, -0.03953233929273042),
    (100.0, 400.0, -1.5262225159317535e-72),
    (1000.0, 800.0, -1.251364571083481e-12),
    (1000.0, 1000.0, -0.012616713994069625),
    (1000.0, 1300.0, -4.9858275831497202e-19),
]
"""a, x, ∂P/∂a."""

BETA = [
    (1e-10, 1e-10, 0.3, -2500000000.2118244, 2499999999.7881754),
    (1e-10, 3.0, 1e-300, -689.27548038826501, 3.9493403961868296e-11),
    (1e-10, 30.0, 0.2, -0.00018467653574211317, 4.6786128458879605e-15),
    (0.1, 1e-10, 0.999, -1.0143229818021969e-8, 16.7533940886697),
    (0.1, 0.1, 1e-10, -1.4147423746585163, 0.26045188636108279),
    (0.5, 0.5, 0.5, -0.58312180806163756, 0.58312180806163756),
    (0.5, 0.5, 0.9999999999990905, -8.4165802060179439e-7, 1.7205758243884363e-5),
    (1.5, 0.001, 0.9, -0.0008330472643975394, 1.7371128205280622),
    (1.0, 1.0, 0.3, -0.3611918412977808, 0.24967246075711266),
    (1.5, 2.5, 1e-10, -7.6302325614285924e-14, 1.8774715923612929e-15),
    (1.5, 2.5, 0.6, -0.15359963395476587, 0.13664551695793531),
    (3.0, 100.0, 0.001, -0.00056445223692305679, 4.6170580807990433e-6),
    (3.0, 100.0, 0.05, -0.10164735092520182, 0.0038725447956336922),
    (3.0, 100.0, 0.5, -3.1333013630041628e-27, 6.9800292092015211e-28),
    (10.0, 10.0, 0.01, -3.3927107490721849e-15, 6.0384428616776701e-16),
    (10.0, 10.0, 0.45, -0.086758859020367711, 0.078551692404866779),
    (10.0, 10.0, 0.99, -6.038442861677722e-16, 3.3927107490722133e-15),
    (100.0, 3.0, 0.99, -0.0018763152048854835, 0.10807805520709296),
    (1000.0, 0.5, 0.999, -0.00020757965343020769, 0.3896315147679691),
    (1000.0, 1000.0, 0.45, -4.0584118313086888e-7, 3.6713107969920651e-7),
    (1000.0, 1000.0, 0.5, -0.0089224793360001417, 0.0089224793360001417),
    (1000.0, 1000.0, 0.52, -0.001764063004894656, 0.0018360790569215043),
    (1000.0, 30.0, 0.99, -7.4424107843599033e-9, 4.0992406753381335e-7),
]
"""a, b, x, ∂I/∂a, ∂I/∂b."""

STUDENT = [
    (0.1, -5.0, -1.023933956178952),
    (0.5, 1e-05, 1.5393024181308179e-6),
    (1.0, -1.0, -0.066202980469461722),
    (3.0, -100.0, -4.0742961646540767e-6),
    (3.0, 0.5, 0.0052990927300301798),
    (3.0, 2.0, 0.015255481525655007),
    (10.0, -3.0, -0.00070912956060480308),
    (30.0, 1e-10, 1.0983690982849652e-14),
    (30.0, 2.5, 0.00010115451261221625),
    (100.0, -6.0, -3.5995689743672204e-10),
]
"""n, x, the derivative by n."""

NONCENTRAL = [
    (2.0, 3.0, 0.5, -0.16415718928843373),
    (0.01, 3.0, 20.0, -3.690513097533264e-08),
    (40.0, 0.1, 10.0, -0.0002160645220530526),
    (100.0, 5.0, 90.0, -0.019563126697722723),
    (60.0, 5.0, 200.0, -7.231846145276376e-12),
    (0.001, 0.5, 0.0, -0.608187540708344),
]
"""x, n, c, the derivative by n of the noncentral chi-squared distribution, by the sum of its central ones."""

WITHIN = tolerance(np.float64, 0)


def column(table, i):
    return np.array([row[i] for row in table])


def test_the_incomplete_gamma_function_has_its_slope_by_the_shape_in_both_tails() -> None:
    a, x, expected = (column(GAMMA, i) for i in range(3))
    both = [
        cr.grad(lambda a, f=f: np.sum(f(a, x)))(a) for f in (special.gammainc, special.gammaincc)
    ]
    assert_allclose(both[0], expected, rtol=WITHIN)
    assert_allclose(both[1], -expected, rtol=WITHIN)


def test_the_incomplete_beta_function_has_its_slopes_by_the_shapes_in_both_tails() -> None:
    a, b, x = (column(BETA, i) for i in range(3))
    by_a, by_b = cr.grad(lambda a, b: np.sum(special.betainc(a, b, x)), argnums=(0, 1))(a, b)
    assert_allclose(by_a, column(BETA, 3), rtol=WITHIN)
    assert_allclose(by_b, column(BETA, 4), rtol=WITHIN)


def test_students_distribution_has_its_slope_by_the_degrees_of_freedom() -> None:
    n, x, expected = (column(STUDENT, i) for i in range(3))
    found = cr.grad(lambda n: np.sum(special.stdtr(n, x)))(n)
    assert_allclose(found, expected, rtol=WITHIN * np.max(n))  # what cancels grows with n


def test_the_noncentral_chi_squared_distribution_has_its_slope_by_the_degrees_of_freedom() -> None:
    x, n, c, expected = (column(NONCENTRAL, i) for i in range(4))
    found = cr.grad(lambda n: np.sum(special.chndtr(x, n, c)))(n)
    assert_allclose(found, expected, rtol=WITHIN)


def test_a_mixture_of_many_terms_is_computed_in_blocks(rng) -> None:
    x, c = rng.uniform(500.0, 1500.0, size=(2, 300))
    found = cr.grad(lambda n: np.sum(special.chndtr(x, n, c)))(np.full(300, 2.0))
    alone = [cr.grad(special.chndtr, argnums=1)(x[i], 2.0, c[i]) for i in (0, 150, 299)]
    assert_allclose(found[[0, 150, 299]], alone, rtol=WITHIN)


def test_many_elements_have_the_slopes_that_each_has_alone(rng) -> None:
    """They are computed in blocks, and in each block by as many panels as one of them needs."""
    a, b = rng.gamma(1.0, size=(2, 5000)) ** 3
    x = rng.beta(a, b)
    found = cr.grad(lambda a: np.sum(special.betainc(a, b, x)))(a)
    some = rng.choice(5000, 20)
    alone = [cr.grad(special.betainc)(a[i], b[i], x[i]) for i in some]
    assert_allclose(found[some], alone, rtol=WITHIN)


@pytest.mark.parametrize("x", [0.0, np.inf])
def test_nothing_is_left_of_a_slope_where_the_gamma_functions_end(x: float) -> None:
    assert cr.grad(special.gammainc)(1.5, x) == 0


def test_at_shape_0_the_slope_is_the_one_from_above() -> None:
    assert_allclose(cr.grad(special.gammainc)(0.0, 2.0), -special.exp1(2.0), rtol=WITHIN)
    assert_allclose(
        cr.grad(special.betainc)(0.0, 2.0, 0.3),
        cr.grad(special.betainc)(1e-14, 2.0, 0.3),
        rtol=WITHIN,
    )


def test_small_shapes_share_the_ends_between_them() -> None:
    """I is b / (a + b) between the ends then."""
    found = cr.grad(special.betainc, argnums=(0, 1))(1e-300, 3e-300, 0.5)
    assert_allclose(found, (-3 / 16 * 1e300, 1 / 16 * 1e300), rtol=WITHIN)
    assert np.isnan(cr.grad(special.betainc)(0.0, 0.0, 0.5))


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_nothing_is_left_of_a_slope_where_the_beta_function_ends(x: float) -> None:
    assert cr.grad(special.betainc, argnums=(0, 1))(1.5, 2.5, x) == (0, 0)


@pytest.mark.parametrize("arguments", [(-1.0, 2.0), (np.nan, 2.0), (1.0, np.nan)])
def test_where_there_is_no_value_there_is_no_slope(arguments: tuple[float, float]) -> None:
    assert np.isnan(cr.grad(special.gammainc)(*arguments))
    assert np.isnan(cr.grad(special.betainc)(*arguments, 0.5))


def test_single_precision_stays_single() -> None:
    a, x = np.float32([0.5, 30.0]), np.float32([2.0, 25.0])
    found = cr.grad(lambda a: np.sum(special.gammainc(a, x)))(a)
    assert found.dtype == np.float32
    exact = cr.grad(lambda a: np.sum(special.gammainc(a, np.float64(x))))(np.float64(a))
    assert_allclose(found, exact, rtol=tolerance(np.float32, 0))


def test_students_slopes_are_smooth_at_0() -> None:
    """The beta function's share is flat and its power steep there, which is 0 times infinity."""

    def by_freedom(x):
        return cr.grad(special.stdtr)(3.0, x)

    assert by_freedom(0.0) == 0
    step = 1e-4
    expected = (by_freedom(step) - by_freedom(-step)) / (2 * step)
    assert_allclose(cr.grad(by_freedom)(0.0), expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("name", "arguments", "moved"),
    [
        ("pdtrik", (0.01, 3.0), (0.01, 3.001)),
        ("bdtrik", (0.05, 5.0, 0.4), (0.05, 5.001, 0.4)),
        ("nbdtrik", (0.01, 3.0, 0.4), (0.0101, 3.0, 0.4)),
        ("fdtridfd", (3.0, 0.99, 1.5), (3.0, 0.991, 1.5)),
        ("stdtridf", (0.3, 2.0), (0.301, 2.0)),
    ],
)
def test_where_scipys_search_ends_without_a_solution_the_result_does_not_move(
    name, arguments, moved
) -> None:
    f = getattr(special, name)
    assert f(*arguments) == f(*moved)
    every = tuple(range(len(arguments)))
    assert_array_equal(cr.grad(f, argnums=every)(*arguments), 0.0)


def test_an_inverse_in_a_shape_moves_as_its_equation_says() -> None:
    p, a, x = 0.3, 2.5, 1.2
    b = special.gdtrib(a, p, x)
    by_rate, by_shape = cr.grad(special.gdtr, argnums=(0, 1))(a, b, x)
    assert_allclose(
        cr.grad(special.gdtrib, argnums=(0, 1))(a, p, x),
        (-by_rate / by_shape, 1 / by_shape),
        rtol=WITHIN,
    )
