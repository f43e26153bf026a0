"""The page of conventions, claim by claim; what it says of writes is tested in core/ and ops/test_views.py."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import special
from tests import calls

import chainrule as cr
from chainrule.core.op import TABLE

PAGE = (Path(__file__).parent.parent / "docs" / "conventions.md").read_text(encoding="utf-8")
KINKS = {
    "np.abs(x)": [(np.abs, 0.0, 0)],
    "np.sign(x), np.floor(x), np.round(x)": [
        (f, x, 0) for f in (np.sign, np.floor, np.round) for x in (0.0, 0.5, 1.3)
    ],
    "np.maximum(x, y), np.minimum(x, y)": [
        (lambda x: np.maximum(x, 2.0), 2.0, 0.5),
        (lambda x: np.minimum(2.0, x), 2.0, 0.5),
    ],
    "np.max(x), np.min(x)": [
        (np.max, [3.0, 1.0, 3.0, 3.0], [1 / 3, 0, 1 / 3, 1 / 3]),
        (np.min, [1.0, 1.0, 2.0], [0.5, 0.5, 0]),
    ],
    "max_pool2d(x, 2)": [
        (
            lambda x: cr.nn.functional.max_pool2d(x[None, :, :, None], 2),
            [[3.0, 3.0], [1.0, 3.0]],
            [[1 / 3, 1 / 3], [0, 1 / 3]],
        )
    ],
    "np.sort(x)": [(np.sort, [2.0, 1.0, 1.0], [1, 1, 1])],
    "np.maximum.accumulate(x)": [(np.maximum.accumulate, [1.0, 1.0, 0.0], [3, 0, 0])],
    "np.median(x)": [(np.median, [4.0, 1.0, 2.0, 3.0], [0, 0, 0.5, 0.5])],
    "np.prod(x)": [(np.prod, [0.0, 2.0, 3.0], [6, 0, 0]), (np.prod, [0.0, 0.0, 3.0], [0, 0, 0])],
    "relu(x)": [(cr.nn.relu, 0.0, 0)],
    "np.clip(x, low, high)": [(lambda x: np.clip(x, 0, 1), [-1.0, 0.0, 1.0, 2.0], [0, 1, 1, 0])],
    "np.sqrt(x)": [(np.sqrt, 0.0, np.inf)],
    "np.linalg.slogdet(x)": [
        (lambda x: np.linalg.slogdet(x)[1], [[1.0, 2.0], [2.0, 4.0]], np.full((2, 2), np.nan)),
    ],
    "np.linalg.norm(x)": [(np.linalg.norm, [0.0, 0.0], [0, 0])],
    "np.power(x, y), scipy.special.powm1(x, y)": [
        (lambda y, f=f: f(0.0, y), 1.5, 0) for f in (np.power, special.powm1)
    ],
    "scipy.special.keip(x)": [(special.keip, 0.0, np.inf)],
    "scipy.special.gammainc(a, x), scipy.special.betainc(a, b, x)": [
        (lambda a: special.gammainc(a, 2.0), 0.0, -special.exp1(2.0)),
        (lambda a: special.betainc(a, 1.0, 0.5), 0.0, np.log(0.5)),
    ],
    "scipy.special.pdtrik(p, m)": [(lambda p: special.pdtrik(p, 3.0), 0.01, 0)],
}


@pytest.mark.parametrize(
    ("f", "x", "expected"), [case for cases in KINKS.values() for case in cases]
)
def test_the_gradient_at_a_kink_is_the_one_stated(f, x, expected):
    x = np.array(x) if isinstance(x, list) else x
    with np.errstate(divide="ignore"):
        gradient = cr.grad(lambda x: np.sum(f(x)))(x)
    np.testing.assert_allclose(gradient, expected, rtol=1e-13)


def test_every_row_about_a_kink_has_a_case():
    table = PAGE.partition("| at | the gradient is |")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    code = [", ".join(re.findall(r"`(\w[^`]*\([^`]*\))`", row)) for row in rows]
    assert code == list(KINKS)


def test_a_query_that_sees_no_key_gets_zero_and_passes_no_gradient():
    def f(q):
        return np.sum(cr.nn.functional.attention(q, q, q, mask=np.zeros((2, 2), bool)))

    value, gradient = cr.value_and_grad(f)(np.ones((2, 3)))
    assert (value, gradient.tolist()) == (0.0, np.zeros((2, 3)).tolist())


def test_a_maximum_with_zero_is_a_tie_and_relu_is_off():
    assert cr.grad(lambda x: np.maximum(x, 0))(0.0) == 0.5
    assert cr.grad(cr.nn.relu)(0.0) == 0.0


def test_a_comparison_an_argmax_and_a_rounded_value_are_plain():
    def f(x):
        is_large, best, whole = x > 1, np.argmax(x), np.round(x)
        assert [type(v) for v in (is_large, best, whole)] == [np.ndarray, np.int64, np.ndarray]
        assert int(whole[0]) == 2
        return x[best] * np.count_nonzero(is_large) + np.sum(x[is_large])

    assert cr.grad(f)(np.array([2.0, 0.5, 3.0])).tolist() == [1, 0, 3]


def test_a_branch_is_decided_by_the_numbers_at_hand():
    f = lambda x: x**2 if x > 1 else 5 * x
    assert (cr.grad(f)(2.0), cr.grad(f)(0.5)) == (4, 5)


def test_a_real_result_of_a_complex_argument():
    z, step = 0.3 + 0.7j, 1e-6
    f = lambda z: np.abs(np.sin(z)) + z.real
    by_real = (f(z + step) - f(z - step)) / (2 * step)
    by_imaginary = (f(z + 1j * step) - f(z - 1j * step)) / (2 * step)
    np.testing.assert_allclose(cr.grad(f)(z), by_real - 1j * by_imaginary, rtol=1e-8)


def test_the_pullback_of_one_is_the_derivative_of_a_holomorphic_function():
    z = 0.3 + 0.7j
    _, pullback = cr.vjp(np.sin, z)
    _, tangent = cr.jvp(np.sin, (z,), (1.0 + 0j,))
    np.testing.assert_allclose(pullback(1.0), [np.cos(z)], rtol=1e-15)
    np.testing.assert_allclose(tangent, np.cos(z), rtol=1e-15)


def test_a_real_argument_has_a_real_gradient_through_complex_numbers():
    gradient = cr.grad(lambda x: np.sum(np.abs(np.exp(1j * x) + x)))(np.ones(3))
    assert gradient.dtype == np.float64


def test_python_numbers_are_weak_and_numpys_are_not():
    x = np.ones(2, np.float32)
    seen = []

    def f(x):
        seen.extend([(x * 2.0).dtype, (x * np.float64(2)).dtype])
        return np.sum(x * np.float64(2))

    assert cr.grad(f)(x).dtype == np.float32
    assert seen == [np.float32, np.float64]


def test_a_python_float_has_a_python_float_for_gradient():
    assert type(cr.grad(np.sin)(1.0)) is float
    assert type(cr.grad(lambda x: x * np.ones(2) @ np.ones(2))(1.0)) is float


@dataclass(frozen=True)
class Layer:
    weight: Any
    name: str = "first"
    width: float = field(default=2.0, metadata={"static": True})


def test_text_flags_none_functions_and_static_fields_belong_to_the_structure():
    arguments = {"layer": Layer(3.0), "flag": True, "none": None, "f": np.sin}
    gradient = cr.grad(lambda p: p["f"](p["layer"].weight * p["layer"].width))(arguments)
    assert gradient == {**arguments, "layer": Layer(2.0 * np.cos(6.0))}


def test_a_division_by_pythons_zero_is_numpys():
    with np.errstate(divide="ignore", invalid="ignore"):
        assert cr.grad(lambda x: np.divide(x, 0.0))(2.0) == np.inf
        assert cr.grad(lambda x: np.sum(np.mean(np.zeros((0, 3)) * x, axis=0)))(
            np.ones(3)
        ).shape == (3,)


@pytest.mark.parametrize("x", [0.0, 1.0, -1.0])
def test_rules_on_numbers_of_pythons_are_those_on_numpys(x):
    """At poles and borders Python's own arithmetic would raise, or turn complex."""
    checked = 0
    for op in TABLE.values():
        if op.kind != "elementwise" or len(op.partials) != 1:
            continue
        f = calls.targets(op)[0]
        with np.errstate(all="ignore"):
            try:
                expected = cr.grad(f)(np.float64(x))
            except (cr.errors.ChainruleError, TypeError):
                continue  # no result of real numbers
            for got in (cr.grad(f)(x), cr.jvp(f, (x,), (1.0,))[1]):
                np.testing.assert_allclose(got, expected, rtol=1e-12, err_msg=op.name)
        checked += 1
    assert checked > 90


@pytest.mark.parametrize(("x", "power", "expected"), [(0.0, 0.5, np.inf), (-2.0, 0.5, np.nan)])
def test_powers_of_pythons_numbers_have_numpys_slopes(x, power, expected):
    with np.errstate(all="ignore"):
        assert np.isclose(cr.grad(lambda x: np.power(x, power))(x), expected, equal_nan=True)


def test_a_pole_at_a_number_of_pythons_is_explained():
    with np.errstate(all="ignore"):
        assert "= inf" in str(cr.explain(lambda x: np.log(x), 0.0))
