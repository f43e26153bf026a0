"""Convolutions against loops over places, against SciPy, and against each other; derivatives against differences."""

import itertools

import numpy as np
import pytest
import scipy.signal
from tests.closeness import tolerance
from tests.ops import windows

import chainrule as cr
from chainrule.core.cells import type_of
from chainrule.core.graph import capture
from chainrule.errors import ArgumentError, DTypeError, ShapeError

F = cr.nn.functional
OPTIONS = [
    pytest.param(*case, id="-".join(map(str, case)))
    for case in itertools.product(
        ("same", "valid", [(1, 0), (0, 2)]), ((1, 1), (2, 3)), ((1, 1), (2, 1)), (1, 2)
    )
]


def drawn(rng, *shapes, dtype=np.float64):
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def operations(f, *arrays):
    return [node.op.name for node in capture(lambda *xs: [f(*xs)], *map(type_of, arrays)).nodes]


# Values


@pytest.mark.parametrize(("padding", "strides", "dilation", "groups"), OPTIONS)
def test_conv2d_is_the_sum_over_each_place(rng, padding, strides, dilation, groups):
    x, kernel = drawn(rng, (2, 6, 5, 4), (3, 2, 4 // groups, 6))
    got = F.conv2d(x, kernel, strides, padding, dilation, groups)
    expected = windows.convolved(x, kernel, strides, padding, dilation, groups)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid", [(3, 1)]])
@pytest.mark.parametrize(("strides", "dilation", "groups"), [(1, 1, 1), (2, 1, 2), (1, 3, 1)])
def test_conv1d_is_the_sum_over_each_place(rng, padding, strides, dilation, groups):
    x, kernel = drawn(rng, (2, 9, 2), (3, 2 // groups, 4))
    got = F.conv1d(x, kernel, strides, padding, dilation, groups)
    expected = windows.convolved(x, kernel, (strides,), padding, (dilation,), groups)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("per_channel", [1, 2, 3])
@pytest.mark.parametrize(("padding", "strides", "dilation", "groups"), OPTIONS[1::2])
def test_a_depthwise_convolution_and_its_gradients_are_the_sum_over_each_place(
    rng, per_channel, padding, strides, dilation, groups
):
    channels = groups + 1
    x, kernel = drawn(rng, (2, 6, 5, channels), (3, 2, 1, channels * per_channel))

    def f(x, kernel):
        return F.conv2d(x, kernel, strides, padding, dilation, channels)

    def reference(x, kernel):
        return windows.convolved(x, kernel, strides, padding, dilation, channels)

    def gradients(x, kernel, g):
        y, pull = cr.vjp(f, x, kernel)
        return (y, *pull(g))

    expected = reference(x, kernel)
    np.testing.assert_allclose(f(x, kernel), expected, rtol=1e-12, atol=1e-12)
    assert ("matmul" in operations(f, x, kernel)) is (per_channel > 2)
    g, t, u = drawn(rng, expected.shape, x.shape, kernel.shape)
    _, along_x, along_kernel = gradients(x, kernel, g)
    np.testing.assert_allclose(np.sum(along_x * t), np.sum(reference(t, kernel) * g), rtol=1e-10)
    np.testing.assert_allclose(np.sum(along_kernel * u), np.sum(reference(x, u) * g), rtol=1e-10)
    for compiled, eager in zip(
        cr.compile(gradients)(x, kernel, g), gradients(x, kernel, g), strict=True
    ):
        np.testing.assert_allclose(compiled, eager, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid"])
def test_conv2d_is_scipys_correlation(rng, padding):
    x, kernel = drawn(rng, (7, 6), (3, 5))
    got = F.conv2d(x[None, ..., None], kernel[..., None, None], padding=padding)[0, ..., 0]
    np.testing.assert_allclose(got, scipy.signal.correlate(x, kernel, padding), rtol=1e-12)


def test_where_the_padding_is_odd_the_end_gets_one_more():
    x, kernel = np.ones((1, 4, 1)), np.array([1.0, 10.0]).reshape(2, 1, 1)
    assert F.conv1d(x, kernel).ravel().tolist() == [11, 11, 11, 1]
    assert F.conv1d(x, np.ones((3, 1, 1)), strides=2).ravel().tolist() == [3, 2]


def test_a_stride_as_large_as_the_kernel_cuts_an_image_into_patches(rng):
    x, kernel = drawn(rng, (2, 5, 7, 2), (2, 3, 2, 4))
    expected = windows.convolved(x, kernel, (2, 3), "valid", (1, 1), 1)
    np.testing.assert_allclose(F.conv2d(x, kernel, (2, 3), "valid"), expected, rtol=1e-12)


@pytest.mark.parametrize(("padding", "strides", "dilation", "groups"), OPTIONS)
def test_conv_transpose2d_paints_the_kernel(rng, padding, strides, dilation, groups):
    x, kernel = drawn(rng, (2, 3, 4, 4), (3, 2, 4 // groups, 2))
    got = F.conv_transpose2d(x, kernel, strides, padding, dilation, groups)
    whole = windows.painted(x, kernel, strides, dilation, groups)
    image = (3 * strides[0], 4 * strides[1])
    pairs = windows.sides(padding, image, (3, 2), strides, dilation)
    shape = image if padding == "same" else np.array(whole.shape[1:3]) - np.sum(pairs, axis=1)
    expected = np.zeros((2, *shape, 2))
    part = whole[:, pairs[0][0] :, pairs[1][0] :][:, : shape[0], : shape[1]]
    expected[:, : part.shape[1], : part.shape[2]] = part
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("padding", ["same", "valid", [(1, 0), (0, 1)]])
def test_conv_transpose2d_is_the_gradient_of_conv2d(rng, padding):
    image, kernel = drawn(rng, (2, 6, 7, 3), (2, 3, 3, 4))
    out, pullback = cr.vjp(lambda x: F.conv2d(x, kernel, (2, 1), padding), image)
    g = rng.standard_normal(out.shape)
    got = F.conv_transpose2d(g, np.swapaxes(kernel, 2, 3), (2, 1), padding)
    expected = pullback(g)[0]
    np.testing.assert_allclose(got, expected[:, : got.shape[1]], rtol=1e-12, atol=1e-12)


# Derivatives


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
@pytest.mark.parametrize(("padding", "strides", "dilation", "groups"), OPTIONS)
def test_gradients_are_central_differences(rng, f, padding, strides, dilation, groups):
    x, kernel = drawn(rng, (1, 5, 4, 2), (3, 2, 2 // groups, 2))

    def loss(x, kernel):
        return np.sum(np.sin(f(x, kernel, strides, padding, dilation, groups)))

    report = cr.check_gradients(loss, x, kernel, entries=2)
    assert report.ok, str(report)


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex128])
def test_forward_and_reverse_mode_agree(rng, f, dtype):
    x, kernel, dx, dkernel = drawn(rng, *[(2, 4, 3, 2), (2, 2, 2, 3)] * 2, dtype=dtype)
    out, moved = cr.jvp(lambda *a: f(*a, strides=2), (x, kernel), (dx, dkernel))
    _, pullback = cr.vjp(lambda *a: f(*a, strides=2), x, kernel)
    g = np.ones_like(out)
    slopes = pullback(g)
    assert [s.dtype for s in slopes] == [dtype, dtype]
    np.testing.assert_allclose(
        np.sum(g * moved),
        np.sum(slopes[0] * dx) + np.sum(slopes[1] * dkernel),
        rtol=tolerance(dtype, 1),
    )


# Kinds of numbers, empty batches, compiled


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
def test_dtypes_are_those_of_products(f):
    x, kernel = np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1))
    for left, right in [("f4", "f4"), ("f4", "f8"), ("i4", "i4"), ("i8", "f4"), ("f2", "f2")]:
        out = f(x.astype(left), kernel.astype(right))
        assert out.dtype == np.result_type(left, right)


@pytest.mark.parametrize("f", [F.conv2d, F.conv_transpose2d])
def test_a_batch_of_no_images_has_a_gradient_of_zero(f):
    x, kernel = np.zeros((0, 4, 4, 2)), np.ones((2, 2, 2, 3))
    out, pullback = cr.vjp(lambda x, kernel: f(x, kernel, strides=2), x, kernel)
    assert out.shape[0] == 0
    dx, dkernel = pullback(out)
    assert dx.shape == x.shape
    np.testing.assert_array_equal(dkernel, np.zeros_like(kernel))


def test_images_without_channels_give_zeros():
    out = F.conv2d(np.ones((1, 3, 3, 0)), np.ones((2, 2, 0, 2)))
    np.testing.assert_array_equal(out, np.zeros((1, 3, 3, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_compiled_network_of_convolutions_equals_the_eager_one(rng, dtype):
    x, first, second, fine = drawn(
        rng, (3, 6, 6, 2), (3, 3, 2, 4), (2, 2, 2, 4), (2, 2, 4, 2), dtype=dtype
    )

    def loss(kernels, x):
        h = F.max_pool2d(np.maximum(F.conv2d(x, kernels[0]), 0), 2)
        h = np.tanh(F.conv2d(h, kernels[1], padding="valid", groups=2))
        return np.mean(F.avg_pool2d(F.conv_transpose2d(h, kernels[2], 2), 2) ** 2)

    step = cr.value_and_grad(loss)
    value, slopes = step([first, second, fine], x)
    got, got_slopes = cr.compile(step)([first, second, fine], x)
    within = tolerance(dtype, 1)
    np.testing.assert_allclose(got, value, rtol=within)
    for ours, expected in zip(got_slopes, slopes, strict=True):
        assert ours.dtype == expected.dtype == dtype
        np.testing.assert_allclose(ours, expected, rtol=within, atol=within)


# What is recorded


def test_a_kernel_of_one_pixel_is_a_plain_product():
    found = operations(F.conv2d, np.ones((2, 3, 3, 4)), np.ones((1, 1, 4, 5)))
    assert found == ["reshape", "reshape", "matmul", "reshape"]


def test_every_position_of_the_kernel_is_one_slice():
    found = operations(F.conv2d, np.ones((2, 3, 3, 4)), np.ones((2, 3, 4, 5)))
    assert found.count("getitem") == 6
    assert found.count("concatenate") == found.count("matmul") == found.count("scatter") == 1


def test_patches_are_cut_by_one_transpose():
    def patches(x, kernel):
        return F.conv2d(x, kernel, strides=2, padding="valid")

    found = operations(patches, np.ones((2, 4, 4, 3)), np.ones((2, 2, 3, 5)))
    assert found == ["reshape", "transpose", "reshape", "reshape", "matmul", "reshape"]


def test_the_result_shares_no_memory_with_the_image():
    x = np.ones((1, 2, 2, 1))

    def f(x):
        out = F.conv2d(x, np.ones((1, 1, 1, 1)))
        out[...] = 0.0
        return np.sum(x * x) + np.sum(out)

    np.testing.assert_array_equal(cr.grad(f)(x), 2 * x)


# Errors

X, K = np.ones((1, 4, 4, 6)), np.ones((3, 3, 6, 4))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: F.conv2d(X[0], K),
            r"conv2d: x has shape \(4, 4, 6\)\. Expected \(batch, height, width, channels\)",
        ),
        (
            lambda: F.conv1d(X, K),
            r"conv1d: x has shape \(1, 4, 4, 6\)\. Expected \(batch, length, channels\)",
        ),
        (
            lambda: F.conv2d(X, K[:, :, :5]),
            r"kernel has shape \(3, 3, 5, 4\), and x has 6 channels\. Expected \(height, width, 6, outputs\)",
        ),
        (
            lambda: F.conv_transpose2d(X, K, groups=2),
            r"conv_transpose2d: kernel has shape .*6 channels in 2 groups\. Expected \(height, width, 3, out",
        ),
        (
            lambda: F.conv2d(X, K, padding="valid", dilation=2),
            r"a window that spans \(5, 5\) does not fit into \(4, 4\) with padding \(\(0, 0\), \(0, 0\)\)",
        ),
        (lambda: F.conv2d(X[:, :0], K), r"does not fit into \(0, 4\)"),
        (lambda: F.conv2d(X, K[:0]), r"kernel has shape \(0, 3, 6, 4\)"),
    ],
)
def test_a_shape_that_does_not_fit_is_described(call, message):
    with pytest.raises(ShapeError, match=message):
        call()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"strides": 0}, r"conv2d: strides=0\. Expected a positive integer, or 2 of them"),
        ({"strides": (1, 2, 3)}, r"strides=\(1, 2, 3\)\. Expected a positive integer, or 2"),
        ({"strides": 1.5}, r"strides=1\.5\. Expected a positive integer"),
        ({"dilation": (1, -1)}, r"dilation=\(1, -1\)\. Expected a positive"),
        ({"padding": "full"}, r"padding='full'\. Expected one of 'same', 'valid'"),
        ({"padding": 1}, r"padding=1\. Expected 'same', 'valid', or 2 pairs of numbers"),
        ({"padding": [(1, 1)]}, r"padding=\[\(1, 1\)\]\. Expected 'same', 'valid', or 2 pairs"),
        ({"padding": [(1, 1), (0, -1)]}, "Expected 'same', 'valid', or 2 pairs"),
        ({"padding": (1, 1)}, "Expected 'same', 'valid', or 2 pairs"),
        ({"padding": [(1, 1), (0.5, 1)]}, "Expected 'same', 'valid', or 2 pairs"),
        ({"groups": 4}, r"groups=4\. Expected a divisor of the 6 channels"),
        ({"groups": 0}, r"groups=0\. Expected a positive integer"),
    ],
)
def test_an_option_out_of_its_range_is_described(options, message):
    with pytest.raises(ArgumentError, match=message):
        F.conv2d(X, K, **options)


def test_groups_divide_the_outputs():
    with pytest.raises(ArgumentError, match=r"groups=3\. Expected a divisor of the 4 outputs"):
        F.conv2d(X, K[:, :, :2], groups=3)


def test_padding_that_cuts_all_off_is_described():
    with pytest.raises(ArgumentError, match=r"leave something of the \(6, 6\) numbers"):
        F.conv_transpose2d(X, K, padding=[(3, 3), (0, 0)])


def test_what_holds_no_numbers_is_refused():
    with pytest.raises(DTypeError, match=r"conv2d: kernel has dtype <U1\. Expected numbers"):
        F.conv2d(X, K.astype("U1"))
