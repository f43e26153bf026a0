"""Every known mistake is recognised in the smallest program that makes it, and its rewrite cures it."""

import numpy as np
import pytest
from scipy import special

import chainrule as cr
from chainrule import nn
from chainrule.explanation.patterns import PATTERNS

INF, NAN = np.inf, np.nan
MISTAKES = [
    # pattern, phase, program, its argument
    ("NaN in an argument", "forward", lambda x: x * 2, [NAN]),
    ("NaN in an argument", "forward", lambda x: x * np.array([NAN]), [1.0]),
    ("infinity in an argument", "forward", lambda x: x * 2, [INF]),
    ("infinity in an argument", "forward", lambda x: x * 2, [-INF]),
    ("where with a bad branch not taken", "backward", lambda x: np.where(x > 0, 1 / x, 0.0), [0.0]),
    ("log of 0", "forward", np.log, [0.0]),
    ("log of 0", "forward", np.log2, [0.0]),
    ("log of a negative number", "forward", np.log10, [-1.0]),
    ("log1p at −1 or below", "forward", np.log1p, [-1.0]),
    ("square root of a negative number", "forward", np.sqrt, [-1.0]),
    ("norm at 0", "backward", lambda x: np.sqrt(np.sum(x**2)), [0.0, 0.0]),
    ("norm at 0", "backward", lambda x: np.sqrt(np.mean(x * x)), [0.0, 0.0]),
    ("square root at 0", "backward", np.sqrt, [0.0]),
    ("square root at 0", "backward", np.cbrt, [0.0]),
    ("0 divided by 0", "forward", lambda x: x / (2 * x), [0.0]),
    ("0 divided by 0", "forward", lambda x: np.sum(x) / np.sum(x > 9), [0.0]),
    ("division by 0", "forward", lambda x: 1 / x, [0.0]),
    ("division by 0", "forward", np.reciprocal, [0.0]),
    ("infinity divided by infinity", "forward", lambda x: np.array(INF) / (x * INF), [1.0]),
    (
        "overflow of exp in a sigmoid that is written out",
        "backward",
        lambda x: 1 / (1 + np.exp(-x)),
        [-1000.0],
    ),
    ("softmax without its maximum", "forward", lambda x: np.exp(x) / np.sum(np.exp(x)), [1e3, 1.0]),
    ("softmax without its maximum", "forward", lambda x: np.log(np.sum(np.exp(x))), [1e3, 1.0]),
    ("overflow of exp", "forward", np.exp, [1e3]),
    ("overflow of exp", "forward", np.cosh, [1e3]),
    ("0 · inf", "forward", lambda x: x * INF, [0.0]),
    ("0 · inf", "forward", lambda x: np.array([0.0, 1.0]) @ (x * np.array([INF, 1.0])), [1.0, 1.0]),
    (
        "a row in which everything is masked",
        "forward",
        lambda x: np.where(x > 9, x, -INF) - np.max(np.where(x > 9, x, -INF)),
        [1.0],
    ),
    ("inf − inf", "forward", lambda x: np.where(x > 0, INF, x) - np.where(x > 0, INF, x), [1.0]),
    ("0 to a negative power", "forward", lambda x: x**-2.0, [0.0]),
    ("a negative number to a fractional power", "forward", lambda x: x**0.5, [-1.0]),
    ("power with an exponent below 1 at 0", "backward", lambda x: x**0.5, [0.0]),
    ("inverse sine or cosine outside −1 to 1", "forward", np.arccos, [1.1]),
    ("inverse sine or cosine at the border", "backward", np.arcsin, [1.0]),
    ("arctanh at the border or beyond", "forward", np.arctanh, [1.0]),
    ("arccosh at 1 or below", "backward", np.arccosh, [1.0]),
    ("the angle of the origin", "backward", lambda x: np.arctan2(x, x), [0.0]),
    (
        "logit or logarithm of a probability of 0 or 1",
        "forward",
        special.logit,
        [1.0],
    ),
    (
        "equal eigenvalues or singular values",
        "backward",
        lambda x: np.linalg.eigh(np.diag(x))[1],
        [1.0, 1.0],
    ),
    (
        "a matrix that is singular",
        "forward",
        lambda x: np.linalg.slogdet(np.diag(x))[1],
        [0.0, 1.0],
    ),
    ("0 · inf", "backward", lambda x: 0.0 * special.boxcox(x, 0.5), [0.0]),
    ("overflow of the gradient", "backward", lambda x: x * 1e200 * 1e200, [1e-300]),
    ("overflow", "forward", lambda x: x * 1e300, [1e300]),
    ("overflow", "forward", lambda x: np.cumsum(x * 1e308)[-1], [1.5, 1.5, -1.5, -1.5]),
    (
        "overflow",
        "forward",
        lambda x: np.sum(np.vecdot(x, np.array([1e300, 1e300, -1e300, -1e300]))),
        [1e10] * 4,
    ),
    ("outside the domain", "forward", special.erfinv, [2.5]),
    ("no finite derivative", "backward", lambda x: special.boxcox(x, 0.5), [0.0]),
]


@pytest.mark.parametrize(
    ("name", "phase", "f", "x"),
    MISTAKES,
    ids=[f"{name}-{i}" for i, (name, *_) in enumerate(MISTAKES)],
)
def test_a_mistake_is_recognised(name, phase, f, x):
    found = cr.diagnose(lambda x: np.sum(f(x)), np.array(x)).origin
    assert (found.pattern, found.phase) == (name, phase)


def test_there_is_a_program_for_every_pattern():
    assert {name for name, *_ in MISTAKES} == {pattern.name for pattern in PATTERNS}


CURES = [
    # the mistake, what its rewrite makes of it, the argument
    (np.log, lambda x: np.log(np.maximum(x, 1e-12)), [0.0]),
    (np.sqrt, lambda x: np.sqrt(x + 1e-12), [0.0]),
    (lambda x: np.sqrt(np.sum(x**2)), np.linalg.norm, [0.0, 0.0]),
    (lambda x: np.sqrt(np.sum(x**2)), lambda x: np.sqrt(np.sum(x**2) + 1e-12), [0.0, 0.0]),
    (lambda x: 1 / x, lambda x: 1 / np.maximum(x, 1e-12), [0.0]),
    (lambda x: 1 / (1 + np.exp(-x)), nn.sigmoid, [-1000.0]),
    (lambda x: np.exp(x) / np.sum(np.exp(x)), nn.softmax, [1e3, 1.0]),
    (np.exp, lambda x: np.exp(np.minimum(x, 80.0)), [1e3]),
    (
        lambda x: nn.softmax(x) - np.where(x > 9, x, -INF) + np.max(np.where(x > 9, x, -INF)),
        lambda x: nn.softmax(np.where(x > 9, x, -INF)),
        [1.0, 2.0],
    ),
    (lambda x: x**0.5, lambda x: np.maximum(x, 1e-12) ** 0.5, [0.0]),
    (lambda x: x**0.5, lambda x: np.sign(x) * np.abs(x) ** 0.5, [-1.0]),
    (np.arccos, lambda x: np.arccos(np.clip(x, -1 + 1e-7, 1 - 1e-7)), [1.0]),
    (np.arctanh, lambda x: np.arctanh(np.clip(x, -1 + 1e-7, 1 - 1e-7)), [1.0]),
    (
        lambda x: np.where(x > 0, 1 / x, 0.0),
        lambda x: np.where(x > 0, 1 / np.where(x > 0, x, 1.0), 0.0),
        [0.0],
    ),
]


@pytest.mark.parametrize(("wrong", "right", "x"), CURES)
def test_a_rewrite_cures_its_mistake(wrong, right, x):
    assert not cr.diagnose(lambda x: np.sum(wrong(x)), np.array(x)).is_finite
    assert cr.diagnose(lambda x: np.sum(right(x)), np.array(x)).is_finite


def test_of_several_places_the_first_in_each_order_is_named():
    def f(x):
        y = np.sqrt(x)
        z = np.cbrt(x)
        return np.sum(y) + np.sum(z)

    assert cr.diagnose(f, np.array([0.0])).backward.op == "cbrt"

    def g(x):
        y = np.log(x)
        z = np.log2(x)
        return np.sum(y) + np.sum(z)

    assert cr.diagnose(g, np.array([0.0])).forward.op == "log"
