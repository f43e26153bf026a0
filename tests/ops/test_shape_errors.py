"""Shapes and options that do not fit are refused in words of ours, whether or not NumPy would say the same."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.op import FRONTS
from chainrule.errors import ArgumentError, NotDifferentiableError, ShapeError

X = np.ones((2, 3))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda x: np.reshape(x, (4, 2)),
            r"reshape: cannot give an array of shape \(2, 3\) the shape \(4, 2\)",
        ),
        (
            lambda x: x.reshape(4, -1),
            r"the shape \(4, -1\)\. Expected a shape with the same number",
        ),
        (
            lambda x: np.transpose(x, (0, 0)),
            r"transpose: got axes=\(0, 0\) for shape \(2, 3\)\. Expected each of its 2 axes once",
        ),
        (lambda x: np.trace(x[0]), r"diagonal: got shape \(3,\)\. Expected at least two axes"),
        (lambda x: np.squeeze(x, 0), r"squeeze: got shape \(2, 3\) and axis=\(0,\)"),
        (
            lambda x: np.stack([x, x[0]]),
            r"stack: array 1 has shape \(3,\), array 0 has \(2, 3\)\. Expected equal shapes",
        ),
        (
            lambda x: np.concatenate([x, x.T]),
            r"array 1 has shape \(3, 2\), array 0 has \(2, 3\)\. Expected equal shapes but for axis 0",
        ),
        (lambda x: np.split(x, 2, axis=1), "split: cannot divide an axis of size 3 into 2 equal"),
        (
            lambda x: np.max(x[:, :0], axis=1),
            r"max: got shape \(2, 0\) and axis=\(1,\)\. Expected at least one element",
        ),
        (lambda x: np.argmin(x[:0]), r"argmin: got shape \(0, 3\) and axis=\(0, 1\)"),
        (lambda x: np.quantile(x[:0], 0.5), "quantile: got shape"),
    ],
)
def test_a_shape_that_does_not_fit_is_described(call, message):
    with pytest.raises(ShapeError, match=message):
        cr.vjp(call, X)


def test_joining_nothing_is_refused():
    with pytest.raises(ShapeError, match=r"stack: got no arrays\. Expected at least one"):
        FRONTS["stack"]([])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.max(x, where=x > 0), "max: where= without initial= is not supported"),
        (lambda x: np.pad(x, 1, "mirror"), r"pad: mode='mirror'\. Expected one of 'constant'"),
        (lambda x: np.pad(x, 1, "edge", end_values=1), "pad: end_values= with mode='edge'"),
        (lambda x: np.pad(x, -1), "pad: pad_width=-1. Expected no negative numbers"),
        (lambda x: np.quantile(x, 1.5), r"quantile: q=1.5\. Expected 0 to 1"),
        (lambda x: np.quantile(x, 0.5, method="middle"), r"quantile: method='middle'\. Expected"),
        (lambda x: np.var(x, ddof=1, correction=1), "var: ddof= together with correction="),
        (lambda x: np.moveaxis(x, (0, 1), 0), r"moveaxis: destination=0\. Expected as many axes"),
        (lambda x: np.rollaxis(x, 0, 4), r"rollaxis: start=4\. Expected -2 to 2"),
        (lambda x: np.rot90(x, axes=(0, -2)), r"rot90: axes=\(0, -2\)\. Expected two different"),
        (lambda x: np.meshgrid(x[0], x[0], indexing="yx"), "meshgrid: indexing='yx'"),
        (lambda x: np.diff(x, -1), r"diff: n=-1\. Expected a number that is not negative"),
        (lambda x: np.cumulative_sum(x), r"cumulative_sum: axis=None\. Expected one of the 2 axes"),
        (lambda x: x.reshape(6, order="Z"), r"reshape: order='Z'\. Expected one of 'C', 'F', 'A'"),
    ],
)
def test_an_option_out_of_its_range_is_described(call, message):
    with pytest.raises(ArgumentError, match=message):
        cr.vjp(call, X)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x: np.pad(x, 1, lambda *_: None), "pad: mode="),
    ],
)
def test_an_option_that_cannot_be_followed_is_refused(call, message):
    with pytest.raises(NotDifferentiableError, match=message):
        cr.vjp(call, X)


def test_an_axis_that_does_not_exist_raises_what_numpy_raises():
    with pytest.raises(np.exceptions.AxisError, match="axis 2 is out of bounds"):
        cr.vjp(lambda x: np.sum(x, axis=2), X)


def test_weights_that_cancel_raise_what_numpy_raises():
    with pytest.raises(ZeroDivisionError, match="sum to zero"):
        cr.vjp(lambda x: np.average(x, weights=[1, 0, -1], axis=1), X)


@pytest.mark.parametrize(
    ("shape", "index"),
    [
        ((5,), np.array([True, False, True])),
        ((1, 5), (..., np.array([True] * 4))),
        ((2, 3), (0, np.array([True, True]))),
        ((4,), np.ones((4, 1), bool)),
    ],
)
def test_a_mask_of_another_shape_is_refused_as_by_numpy(shape, index):
    x = np.ones(shape)
    with pytest.raises(IndexError):
        x[index]
    for f in (lambda x: np.sum(x[index]), lambda x: x.copy().__setitem__(index, 2.0)):
        with pytest.raises(IndexError, match=r"mask|boolean"):
            cr.value_and_grad(f)(x)
