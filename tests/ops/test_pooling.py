"""Pooling against loops over places; ties, padding, and what is recorded."""

import numpy as np
import pytest
from tests.closeness import tolerance
from tests.ops import windows

import chainrule as cr
from chainrule.core.cells import type_of
from chainrule.core.graph import capture
from chainrule.errors import ArgumentError, DTypeError, ShapeError

F = cr.nn.functional
OPTIONS = [
    ((2, 2), None, "valid"),
    ((2, 3), None, "same"),
    ((3, 2), (2, 1), "same"),
    ((3, 3), (1, 2), "valid"),
    ((2, 3), (2, 2), [(1, 0), (2, 1)]),
    ((1, 1), None, "valid"),
    ((1, 2), (3, 2), "same"),
]


def pooled(x, size, strides, padding, choose):
    """Choose one number per window and channel; padding is NaN, which `choose` passes over."""
    places = windows.places(x, size, strides or size, padding, (1, 1), fill=np.nan)
    return windows.gathered({place: choose(met, axis=(1, 2)) for place, met in places})


@pytest.mark.parametrize(("f", "choose"), [(F.max_pool2d, np.nanmax), (F.avg_pool2d, np.nanmean)])
@pytest.mark.parametrize(("size", "strides", "padding"), OPTIONS)
def test_each_window_becomes_one_number(rng, f, choose, size, strides, padding):
    x = -1 - rng.random((2, 5, 6, 2))  # below the zeros that a wrong padding would bring
    expected = pooled(x, size, strides, padding, choose)
    np.testing.assert_allclose(f(x, size, strides, padding), expected, rtol=1e-14)


@pytest.mark.parametrize("f", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize(("size", "strides", "padding"), OPTIONS)
def test_gradients_are_central_differences(rng, f, size, strides, padding):
    x = rng.permutation(30).reshape(1, 5, 6, 1) / 10  # no two are close: no kinks
    report = cr.check_gradients(lambda x: np.sum(np.sin(f(x, size, strides, padding))), x)
    assert report.ok, str(report)


@pytest.mark.parametrize("strides", [2, 1])
def test_equal_winners_share_the_gradient_of_their_window(strides):
    x = np.array([[3.0, 3.0], [3.0, 1.0]]).reshape(1, 2, 2, 1)
    slopes = cr.grad(lambda x: np.sum(F.max_pool2d(x, 2, strides)))(x)
    np.testing.assert_allclose(slopes[0, :, :, 0], [[1 / 3, 1 / 3], [1 / 3, 0]], rtol=1e-15)


@pytest.mark.parametrize("dtype", ["f4", "f8", "i4", "u1", "?"])
def test_dtypes_are_those_of_max_and_mean(dtype):
    x = np.array([[0, 1, 250], [1, 3, 0], [255, 1, 0]]).astype(dtype).reshape(1, 3, 3, 1)
    top, mean = F.max_pool2d(x, 2, padding="same"), F.avg_pool2d(x, 2, padding="same")
    assert (top.dtype, mean.dtype) == (x.dtype, np.mean(x).dtype)
    assert mean.dtype == F.avg_pool2d(x, 3).dtype
    assert top[0, 0, 1, 0] == x[0, 0, 2, 0]
    assert mean[0, 1, 0, 0] == np.mean(x[0, 2, :2])


def test_the_mean_of_complex_images_is_complex(rng):
    x = rng.standard_normal((1, 4, 4, 1)) + 1j
    np.testing.assert_allclose(F.avg_pool2d(x, 4)[0, 0, 0, 0], np.mean(x), rtol=1e-14)
    with pytest.raises(DTypeError, match=r"max_pool2d: x has dtype complex128\. Expected real"):
        F.max_pool2d(x, 2)


@pytest.mark.parametrize("f", [F.max_pool2d, F.avg_pool2d])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_compiled_equals_eager(rng, f, dtype):
    x = rng.standard_normal((2, 5, 4, 3)).astype(dtype)
    step = cr.value_and_grad(lambda x: np.sum(f(x, 3, 2, "same") ** 2) + np.sum(f(x, 2) ** 2))
    value, slopes = step(x)
    got, got_slopes = cr.compile(step)(x)
    np.testing.assert_allclose(got, value, rtol=tolerance(dtype, 1))
    np.testing.assert_allclose(got_slopes, slopes, rtol=tolerance(dtype, 1))


@pytest.mark.parametrize("f", [F.max_pool2d, F.avg_pool2d])
def test_windows_side_by_side_are_cut_by_one_reshape(f):
    nodes = capture(lambda x: [f(x, 2)], type_of(np.ones((2, 4, 6, 3)))).nodes
    found = [node.op.name for node in nodes]
    assert found[0] == "reshape"
    assert {"getitem", "stack", "scatter"}.isdisjoint(found)


@pytest.mark.parametrize(
    ("size", "options", "error", "message"),
    [
        (5, {}, ShapeError, r"a window that spans \(5, 5\) does not fit into \(4, 4\)"),
        (0, {}, ArgumentError, r"max_pool2d: size=0\. Expected a positive integer, or 2"),
        (2, {"strides": -1}, ArgumentError, r"strides=-1\. Expected a positive integer"),
        (2, {"padding": [(2, 0), (0, 0)]}, ArgumentError, r"Expected less than the window's size"),
    ],
)
def test_an_option_that_does_not_fit_is_described(size, options, error, message):
    with pytest.raises(error, match=message):
        F.max_pool2d(np.ones((1, 4, 4, 1)), size, **options)
