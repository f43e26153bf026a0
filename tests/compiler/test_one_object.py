"""Whether two names stand for one array is a question of each call: a step that asks it does what it does eagerly."""

import sys

import numpy as np
import pytest

import chainrule as cr

X = np.arange(3.0)
THIS = sys.modules[__name__]
one, other = X, X


def _is_other(x, y):
    return x * (2.0 if x is y else 3.0)


def _is_one(x, _):
    return x * (2.0 if THIS.one is x else 3.0)


def _are_one(x, _):
    return x * (2.0 if THIS.one is THIS.other else 3.0)


def _is_among(x, y):
    return x * (2.0 if any(x is z for z in (y, None)) else 3.0)


def _is_known(x, y):
    return x * (2.0 if id(y) in KNOWN else 3.0)


KNOWN = {id(X)}
OTHER = X + 1
NUMBER = 1.5


@pytest.mark.parametrize("step", [_is_other, _is_one, _are_one, _is_among, _is_known])
def test_which_arrays_are_one_object_is_asked_in_each_call(step, monkeypatch):
    compiled = cr.compile(step)
    for y in (OTHER, OTHER, X, OTHER, X, X):
        monkeypatch.setattr(THIS, "one", y)
        monkeypatch.setattr(THIS, "other", X)
        np.testing.assert_array_equal(compiled(X, y), step(X, y))


def test_a_default_number_is_known_by_itself():
    compiled = cr.compile(lambda x, rate: x * (0.0 if rate is NUMBER else rate))
    assert [compiled(2.0, 3.0), compiled(2.0, NUMBER), compiled(2.0, 3.0)] == [6.0, 0.0, 6.0]


def test_comparisons_with_what_is_no_array_are_compiled():
    def step(x, kind, default=None):
        is_usual = kind is np.sin and x is not kind and default is not x and type(x) is np.ndarray
        return x * (2.0 if is_usual and np.float64 is type(x[0]) else 3.0)

    compiled = cr.compile(step)
    np.testing.assert_array_equal(compiled(X, np.sin), 2.0 * X)
    np.testing.assert_array_equal(compiled(X, np.cos), 3.0 * X)
    assert "eagerly" not in compiled.report()
