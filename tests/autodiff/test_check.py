"""Gradient checking: the difference table, the error formula, the verdicts, kinks, names."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.autodiff.differences import relative_error
from chainrule.errors import ArgumentError

SIGMOID_SLOPE = 0.196611933241


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def relu(x):
    return np.maximum(x, 0)


def network(w, x, y):
    hidden = sigmoid(x @ w["W1"] + w["b1"])
    return np.mean((hidden @ w["W2"] - y) ** 2)


@pytest.fixture
def case(rng):
    w = {"W1": rng.normal(size=(3, 4)), "b1": rng.normal(size=4), "W2": rng.normal(size=(4, 1))}
    return w, rng.normal(size=(5, 3)), rng.normal(size=(5, 1))


def only_row(f, x, **options):
    (row,) = cr.check_gradients(f, x, **options).rows
    return row


@pytest.mark.parametrize(
    ("step", "forward", "centred"),
    [(1e-1, 4.597e-03, 5.892e-05), (1e-2, 4.549e-04, 5.888e-07), (1e-3, 4.543e-05, 5.888e-09)],
)
def test_a_centred_difference_beats_a_forward_difference(step, forward, centred):
    one_sided = (sigmoid(1 + step) - sigmoid(1)) / step
    assert abs(one_sided - SIGMOID_SLOPE) == pytest.approx(forward, rel=1e-3)
    row = only_row(sigmoid, 1.0, step=step)
    assert abs(row.numeric - SIGMOID_SLOPE) == pytest.approx(centred, rel=1e-3)
    assert row.analytic == pytest.approx(SIGMOID_SLOPE, rel=1e-11)


@pytest.mark.parametrize(
    ("step", "error"), [(1e-5, 2e-12), (1e-8, 1e-9), (1e-10, 3e-7), (1e-12, 9e-6)]
)
def test_too_small_a_step_is_bad(step, error):
    row = only_row(sigmoid, 1.0, step=step)
    assert error / 10 < abs(row.numeric - row.analytic) < error * 10


def test_a_difference_that_is_all_rounding_is_called_so():
    report = cr.check_gradients(sigmoid, 1.0, step=1e-12)
    assert report.rows[0].verdict == "lost in rounding"
    assert "use a larger step" in str(report)


@pytest.mark.parametrize(
    ("analytic", "numeric", "error"),
    [(1.0, 1.0001, 9.9990001e-5), (1e-5, 1.1e-4, 0.909090909), (0.0, 0.0, 0.0)],
)
def test_the_relative_error_is_the_difference_over_the_larger(analytic, numeric, error):
    assert relative_error(analytic, numeric) == pytest.approx(error, rel=1e-8)


def test_a_gradient_that_is_zero_passes():
    report = cr.check_gradients(lambda x: 0 * x, 3.0)
    assert report.ok
    assert report.rows[0].error == 0


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [
        (1 + 1e-9, "good"),
        (1 + 1e-5, "fine with kinks"),
        (1 + 1e-3, "uneasy"),
        (1.1, "probably wrong"),
    ],
)
def test_the_verdict_follows_the_relative_error(factor, verdict):
    wrong = cr.custom_rule(vjp=lambda g, out, x: factor * g * np.cos(x))(np.sin)
    report = cr.check_gradients(wrong, 0.5)
    assert report.rows[0].verdict == verdict
    assert report.ok is (factor < 1.0001)


def test_a_tolerance_of_ones_own_decides():
    wrong = cr.custom_rule(vjp=lambda g, out, x: (1 + 1e-5) * g * np.cos(x))(np.sin)
    assert not cr.check_gradients(wrong, 0.5, tolerance=1e-6).ok
    assert cr.check_gradients(wrong, 0.5, tolerance=1e-4).ok


def test_single_precision_is_coarser_and_the_report_says_so():
    single = cr.check_gradients(sigmoid, np.float32(1), step=1e-5)
    assert 1e-3 < single.rows[0].error < 1e-1
    assert 1e-4 < only_row(sigmoid, np.float32(1), step=1e-4).error < 1e-2
    assert only_row(sigmoid, 1.0, step=1e-5).error < 1e-10
    assert "Check in float64" in str(single)


def test_single_precision_passes_with_the_usual_step():
    assert cr.check_gradients(sigmoid, np.float32(1)).ok


def test_a_step_across_a_kink_gives_a_wrong_difference_and_is_reported():
    report = cr.check_gradients(relu, -1e-6, step=1e-5)
    row = report.rows[0]
    assert row.numeric == pytest.approx(0.45)
    assert (row.analytic, row.error, row.kinks) == (0, 1, 1)
    assert "a kink between x - h and x + h at 1 of 1 entries" in str(report)


def test_a_smaller_step_stays_on_one_side_of_the_kink():
    row = only_row(relu, -1e-6, step=1e-7)
    assert (row.numeric, row.error, row.kinks) == (0, 0, 0)


def test_without_a_step_the_checker_finds_one_that_avoids_the_kink():
    report = cr.check_gradients(relu, -1e-6)
    assert report.ok
    assert report.rows[0].kinks == 1
    assert report.rows[0].step < 1e-6


def test_a_gradient_exactly_at_a_kink_is_one_of_those_allowed():
    report = cr.check_gradients(lambda x: x * (x > 0), 0.0)
    assert report.ok
    assert (report.rows[0].analytic, report.rows[0].numeric) == (0, pytest.approx(0.5))
    assert report.rows[0].verdict == "at a kink"


def test_a_wrong_gradient_at_a_kink_is_not_excused():
    wrong = cr.custom_rule(vjp=lambda g, out, x: 5 * g)(np.abs)
    assert not cr.check_gradients(wrong, 0.0).ok


@pytest.mark.parametrize("x", [0.0, 1.0, -1.0, 1e-3, 300.0])
def test_a_smooth_function_has_no_kinks(x):
    assert only_row(lambda x: x**4 - 2 * x**2 + np.sin(3 * x), x).kinks == 0


def test_each_named_parameter_has_a_row(case):
    report = cr.check_gradients(network, *case, argnums=0)
    assert [row.parameter for row in report.rows] == ["w['W1']", "w['W2']", "w['b1']"]
    assert [(row.checked, row.size) for row in report.rows] == [(5, 12), (4, 4), (4, 4)]
    assert report.ok


def test_the_report_is_an_aligned_table(case):
    header, *rest = str(cr.check_gradients(network, *case, argnums=0)).splitlines()
    column = header.index("verdict")
    assert [line[column:] for line in rest[:3]] == ["good"] * 3
    assert rest[3].startswith("error = |analytic - numeric| / max(|analytic|, |numeric|)")


def test_every_entry_can_be_checked(case):
    report = cr.check_gradients(network, *case, argnums=0, entries=None)
    assert [row.checked for row in report.rows] == [12, 4, 4]


def test_the_largest_gradient_is_among_the_entries():
    def wrong_where_large(x):
        return np.sum(
            cr.custom_rule(vjp=lambda g, out, x: 2 * g * x * (1 + (x == 100)))(np.square)(x)
        )

    x = np.ones(1000)
    x[567] = 100
    (row,) = cr.check_gradients(wrong_where_large, x, entries=1).rows
    assert (row.index, row.verdict) == ((567,), "probably wrong")


def test_arguments_without_floats_are_left_out_unless_asked_for():
    report = cr.check_gradients(lambda x, n, mode: x**n, 2.0, 3, "fast")
    assert [row.parameter for row in report.rows] == ["x"]


def test_options_are_passed_on():
    assert cr.check_gradients(lambda x, power: x**power, 2.0, power=3).ok


def test_a_function_that_writes_to_its_argument_is_checked_on_copies():
    def f(x):
        x *= 2
        return np.sum(x * x)

    x = np.array([1.0, 2.0])
    assert cr.check_gradients(f, x).ok
    np.testing.assert_array_equal(x, [1, 2])


def test_complex_arguments_are_checked_in_both_directions():
    report = cr.check_gradients(lambda z: np.sum(np.abs(z) ** 2), np.array([1 + 2j, 0.5 - 1j]))
    assert report.ok
    assert report.rows[0].analytic.imag != 0


def test_a_function_that_is_not_deterministic_is_noticed():
    source = np.random.default_rng(0)
    report = cr.check_gradients(lambda x: x * source.normal(), 2.0)
    assert not report.ok
    assert "not deterministic: two calls gave different numbers" in str(report)


@pytest.mark.parametrize(
    ("options", "text"), [({"entries": 0}, "entries=0"), ({"step": -1.0}, "step=-1.0")]
)
def test_options_out_of_range_are_refused(options, text):
    with pytest.raises(ArgumentError, match=f"check_gradients: {text}. Expected a positive number"):
        cr.check_gradients(np.sin, 1.0, **options)


@pytest.mark.parametrize(
    ("f", "x"),
    [(lambda x: np.log(x) * 0, -1.0), (lambda x: 1 / x, 0.0), (lambda x: x * np.inf, 1.0)],
)
def test_what_is_not_finite_is_no_good_gradient(f, x):
    with np.errstate(all="ignore"):
        report = cr.check_gradients(f, np.float64(x))
    assert report.rows[0].verdict == "not finite"
    assert not report.ok
    assert "not finite: the gradient or the function beside it" in str(report)


def test_arguments_that_the_function_does_not_name_are_counted():
    x = np.array([1.0, 2.0])
    report = cr.check_gradients(lambda x, *rest: np.sum(x * rest[0] * rest[1]), x, x, x)
    assert report.ok
    assert [row.parameter for row in report.rows] == ["x", "argument 1", "argument 2"]
