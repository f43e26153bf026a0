"""Compiled equals eager: value and rules of both modes of every sample of every entry of the table. Names no op."""

import warnings

import numpy as np
import pytest
from tests import calls
from tests.closeness import coarsest, tolerance
from tests.compiler.together import compiled_together

import chainrule as cr
from chainrule.core.op import TABLE


@pytest.mark.parametrize("op", TABLE.values(), ids=TABLE)
def test_compiled_equals_eager(op):
    drawn = [calls.draw(op, sample) for sample in op.samples]
    steps = [_with_derivatives(op, call) for call in drawn]
    given, others = ([[x.copy() for x in call.arrays] for call in drawn] for _ in range(2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # samples at the border of a domain
        expected = [step(*xs) for step, xs in zip(steps, given, strict=True)]
        got = compiled_together(steps, others)
    for sample, result, wanted in zip(op.samples, got, expected, strict=True):
        within = tolerance(coarsest(calls.REAL, wanted[0]), 1)
        for some, others in zip(result, wanted, strict=True):
            for x, y in zip(some, others, strict=True):
                assert_same(x, y, within, sample)


def _with_derivatives(op, call):
    function, inexact = call.function, call.inexact
    is_smooth = not (op.is_constant or op.undefined)

    def step(*arrays):
        values = calls.parts(function(*arrays))
        if not is_smooth:
            return values, (), ()
        out, pullback = cr.vjp(inexact, *arrays)
        tangents = tuple(x * 0.3 + 0.7 for x in arrays)
        _, moved = cr.jvp(inexact, arrays, tangents)
        return values, pullback(tuple(o * 0.7 + 0.2 for o in out)), moved

    return step


def assert_same(got, expected, within, sample):
    assert isinstance(got, np.ndarray) == isinstance(expected, np.ndarray), sample
    got, expected = np.asarray(got), np.asarray(expected)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype), sample
    if expected.dtype.kind not in "fc":
        np.testing.assert_array_equal(got, expected, err_msg=str(sample))
        return
    within = max(within, tolerance(expected.dtype, 1))
    np.testing.assert_allclose(got, expected, rtol=within, atol=within, err_msg=str(sample))


def test_the_table_is_not_empty():
    assert sum(len(op.samples) for op in TABLE.values()) > 2_000
    assert len(TABLE) > 750
