"""Compiled equals eager: value and rules of both modes of every sample of every entry of the table. Names no op."""

import warnings

import numpy as np
import pytest
from tests import calls
from tests.closeness import coarsest, tolerance

import chainrule as cr
from chainrule.compiler.compiled import compile as compiled
from chainrule.core.op import TABLE

SAMPLES = [pytest.param(op, op.samples[i], id=f"{op.name}-{i}") for op, i in calls.every_sample()]


@pytest.mark.parametrize(("op", "sample"), SAMPLES)
def test_compiled_equals_eager(op, sample):
    call = calls.draw(op, sample)

    def step(*arrays):
        values = calls.parts(call.function(*arrays))
        if op.is_constant or op.undefined:
            return values, (), ()
        out, pullback = cr.vjp(call.inexact, *arrays)
        tangents = tuple(np.sin(x + 0.3) for x in arrays)
        _, moved = cr.jvp(call.inexact, arrays, tangents)
        return values, pullback(tuple(o * 0.7 + 0.2 for o in out)), moved

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # samples at the border of a domain
        expected = step(*[x.copy() for x in call.arrays])
        got = compiled(step)(*[x.copy() for x in call.arrays])
    within = tolerance(coarsest(calls.REAL, expected[0]), 1)
    for some, others in zip(got, expected, strict=True):
        for x, y in zip(some, others, strict=True):
            assert_same(x, y, within)


def assert_same(got, expected, within):
    assert isinstance(got, np.ndarray) == isinstance(expected, np.ndarray)
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, expected)
        return
    within = max(within, tolerance(expected.dtype, 1))
    np.testing.assert_allclose(got, expected, rtol=within, atol=within)


def test_the_table_is_not_empty():
    assert len(SAMPLES) > 2_000
    assert len(TABLE) > 750
