"""Attention against its formula row by row: masks, rows that see nothing, large scores, derivatives."""

import math

import numpy as np
import pytest
from tests.closeness import tolerance

import chainrule as cr
from chainrule.errors import DTypeError, ShapeError

F = cr.nn.functional


@pytest.fixture
def qkv(rng):
    return [rng.standard_normal(shape) for shape in [(2, 3, 4), (2, 3, 4), (2, 3, 5)]]


def by_rows(q, k, v, sees):
    """Attend query by query, to the keys it sees."""
    out = np.zeros((*q.shape[:-1], v.shape[-1]))
    for i in np.ndindex(q.shape[:-1]):
        seen = np.flatnonzero(sees[i[-1]])
        if seen.size:
            scores = np.exp(k[i[0]][seen] @ q[i] / math.sqrt(q.shape[-1]))
            out[i] = scores @ v[i[0]][seen] / np.sum(scores)
    return out


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("mask", [None, np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]], bool)])
def test_each_query_takes_a_weighed_mean(qkv, mask, causal):
    sees = np.ones((3, 3), bool) if mask is None else mask
    expected = by_rows(*qkv, np.tril(sees) if causal else sees)
    got = F.attention(*qkv, mask=mask, causal=causal)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-15)


def test_floats_in_the_mask_are_added_and_differentiated(qkv):
    hidden = np.array([[True, False, True]] * 3)
    bias = np.where(hidden, 0.0, -np.inf)
    np.testing.assert_array_equal(F.attention(*qkv, mask=bias), F.attention(*qkv, mask=hidden))
    report = cr.check_gradients(
        lambda bias: np.sum(np.sin(F.attention(*qkv, mask=bias))), np.zeros((3, 3))
    )
    assert report.ok, str(report)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_query_that_sees_nothing_gets_zero_and_passes_no_gradient(qkv, dtype):
    qkv = [x.astype(dtype) for x in qkv]
    mask = np.array([[True, True, False], [False, False, False], [True, True, True]])
    out, pullback = cr.vjp(lambda *qkv: F.attention(*qkv, mask=mask), *qkv)
    assert out.dtype == dtype
    np.testing.assert_array_equal(out[:, 1], 0)
    slopes = pullback(np.ones_like(out))
    np.testing.assert_array_equal(slopes[0][:, 1], 0)
    assert all(np.all(np.isfinite(s)) and s.dtype == dtype for s in slopes)


def test_without_keys_the_result_is_zero():
    out, pullback = cr.vjp(F.attention, np.ones((2, 3)), np.ones((0, 3)), np.ones((0, 4)))
    np.testing.assert_array_equal(out, np.zeros((2, 4)))
    np.testing.assert_array_equal(pullback(out)[0], np.zeros((2, 3)))


def test_large_scores_do_not_overflow():
    q, v = np.full((1, 1), 1e4), np.array([[1.0], [2.0]])
    out, pullback = cr.vjp(F.attention, q, np.array([[1e4], [-1e4]]), v)
    assert out == 1.0
    assert all(np.all(np.isfinite(s)) for s in pullback(np.ones((1, 1))))


@pytest.mark.parametrize("causal", [False, True])
def test_gradients_are_central_differences(qkv, causal):
    report = cr.check_gradients(
        lambda q, k, v: np.sum(np.sin(F.attention(q, k, v, causal=causal))), *qkv
    )
    assert report.ok, str(report)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_equals_eager(qkv, dtype):
    qkv = [x.astype(dtype) for x in qkv]
    mask = np.array([[True, True, False], [False, False, False], [True, True, True]])

    def step(q, k, v):
        return cr.value_and_grad(
            lambda q, k, v: np.sum(F.attention(q, k, v, mask=mask, causal=True) ** 2),
            argnums=(0, 1, 2),
        )(q, k, v)

    value, slopes = step(*qkv)
    got, got_slopes = cr.compile(step)(*qkv)
    within = tolerance(dtype, 1)
    np.testing.assert_allclose(got, value, rtol=within)
    for ours, expected in zip(got_slopes, slopes, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=within, atol=within)


Q, K, V = np.ones((2, 3)), np.ones((4, 3)), np.ones((4, 5))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.attention(Q[0], K, V),
            r"attention: q has shape \(3,\)\. Expected \(\.\.\., queries, D\)",
        ),
        (
            lambda: F.attention(Q, K[:, :2], V),
            r"k has shape \(4, 2\)\. Expected \(\.\.\., keys, 3\)",
        ),
        (
            lambda: F.attention(Q, K, V[:3]),
            r"v has shape \(3, 5\)\. Expected \(\.\.\., 4, outputs\)",
        ),
        (lambda: F.attention(Q, K, V, causal=True), "causal=True with 2 queries and 4 keys"),
        (
            lambda: F.attention(Q[:1], K, V, mask=np.ones((3, 4), bool)),
            r"mask has shape \(3, 4\)\. Expected a shape that broadcasts to \(\.\.\., 1, 4\)",
        ),
        (lambda: F.attention(Q, K, V, mask=np.ones((3, 4))), "attention: .*do not broadcast"),
        (lambda: F.attention(np.ones((2, 2, 3)), np.ones((3, 4, 3)), V), "do not broadcast"),
    ],
)
def test_a_shape_that_does_not_fit_is_described(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.attention(Q, K, V, mask=np.ones((2, 4), int)),
            "mask has dtype int64. Expected bool",
        ),
        (lambda: F.attention(Q, K + 1j, V), r"k has dtype complex128\. Expected real numbers"),
    ],
)
def test_a_dtype_that_does_not_fit_is_described(call, message):
    with pytest.raises(DTypeError, match=message):
        call()
