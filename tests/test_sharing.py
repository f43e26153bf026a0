"""A write to the result of a NumPy call reaches its argument exactly where NumPy's does, and the other way round."""

import numpy as np
import pytest
from tests.closeness import assert_close, difference, tolerance

import chainrule as cr
from chainrule.errors import ChainruleError

WEIGHTS = np.arange(1.0, 13).reshape(3, 4)

CALLS = (
    lambda x: x.astype(float),
    lambda x: x.astype(float, copy=False),
    lambda x: np.copy(x),
    lambda x: np.array(x),
    lambda x: np.asarray(x),
    lambda x: np.array(x, copy=False),
    lambda x: np.ascontiguousarray(x),
    lambda x: np.asfortranarray(x),
    lambda x: +x,
    lambda x: np.positive(x),
    lambda x: x.flatten(),
    lambda x: x.ravel(),
    lambda x: x.T.ravel(),
    lambda x: np.ravel(x.T),
    lambda x: x.ravel("F"),
    lambda x: x.reshape(-1),
    lambda x: x.T.reshape(-1),
    lambda x: x.reshape(3, 4),
    lambda x: x.T,
    lambda x: x.mT,
    lambda x: x.view(),
    lambda x: x.view(np.ndarray),
    lambda x: x.view(float),
    lambda x: np.swapaxes(x, 0, 0),
    lambda x: np.swapaxes(x, 0, 1),
    lambda x: np.moveaxis(x, 0, 1),
    lambda x: np.rollaxis(x, 1),
    lambda x: np.squeeze(x),
    lambda x: x.squeeze(),
    lambda x: np.expand_dims(x, 0),
    lambda x: x[None],
    lambda x: x[...],
    lambda x: x[:],
    lambda x: x[()],
    lambda x: x[1:],
    lambda x: x[[0, 1]],
    lambda x: x[x > 0],
    lambda x: x[0],
    lambda x: x[::-1],
    lambda x: np.flip(x),
    lambda x: np.flip(x, ()),
    lambda x: np.fliplr(x),
    lambda x: np.flipud(x),
    lambda x: np.rot90(x),
    lambda x: np.rot90(x, 0),
    lambda x: np.rot90(x, 4),
    lambda x: np.rot90(x, 2),
    lambda x: np.roll(x, 0),
    lambda x: np.tile(x, 1),
    lambda x: np.repeat(x, 1, 0),
    lambda x: np.pad(x, 0),
    lambda x: np.concatenate([x]),
    lambda x: np.concatenate([x, x[:0]]),
    lambda x: np.vstack([x]),
    lambda x: np.hstack([x]),
    lambda x: np.stack([x]),
    lambda x: np.column_stack([x]),
    lambda x: np.block(x),
    lambda x: np.block([[x]]),
    lambda x: np.atleast_1d(x),
    lambda x: np.atleast_2d(x),
    lambda x: np.atleast_3d(x),
    lambda x: np.real(x),
    lambda x: x.real,
    lambda x: np.real_if_close(x),
    lambda x: np.conj(x),
    lambda x: x.conj(),
    lambda x: x.conjugate(),
    lambda x: np.nan_to_num(x),
    lambda x: np.nan_to_num(x, copy=False),
    lambda x: np.clip(x, None, None),
    lambda x: np.clip(x, -9, 9),
    lambda x: x.clip(-9, 9),
    lambda x: np.triu(x, -9),
    lambda x: np.tril(x, 9),
    lambda x: np.delete(x, [], 0),
    lambda x: np.append(x, x[:0], 0),
    lambda x: np.insert(x, [], 0, 0),
    lambda x: np.diff(x, n=0),
    lambda x: np.take(x, range(3), 0),
    lambda x: np.compress([1, 1, 1], x, 0),
    lambda x: np.resize(x, x.shape),
    lambda x: np.sum(x, axis=()),
    lambda x: np.sum(x[None], axis=0),
    lambda x: np.max(x, axis=()),
    lambda x: np.mean(x, axis=()),
    lambda x: np.prod(x, axis=()),
    lambda x: np.cumsum(x[:1], 0),
    lambda x: np.sort(x, 0),
    lambda x: np.sort(x[:1], 0),
    lambda x: np.split(x, 1)[0],
    lambda x: np.split(x, 3)[1],
    lambda x: np.array_split(x, 2)[0],
    lambda x: np.hsplit(x, 2)[0],
    lambda x: np.vsplit(x, 3)[0],
    lambda x: np.unstack(x)[0],
    lambda x: np.meshgrid(x[0], copy=True)[0],
    lambda x: np.diagonal(x).copy(),
    lambda x: np.einsum("ij", x),
    lambda x: np.einsum("ij->ij", x),
    lambda x: np.einsum("ij->ji", x),
    lambda x: np.einsum("ii->i", x[:, :3]),
    lambda x: np.transpose(x),
    lambda x: np.permute_dims(x, (1, 0)),
    lambda x: np.matrix_transpose(x),
    lambda x: np.linalg.matrix_transpose(x),
    lambda x: np.linalg.matrix_power(x[:3, :3], 1),
    lambda x: np.linalg.multi_dot([x, np.eye(4)]),
    lambda x: np.unwrap(x),
    lambda x: np.fft.fftshift(x),
    lambda x: np.fft.ifftshift(x, axes=()),
    lambda x: np.asarray(x, dtype=float),
    lambda x: np.array(x, dtype=float),
    lambda x: np.asanyarray(x),
    lambda x: np.asarray_chkfinite(x),
    lambda x: np.ones_like(x) * x,
    lambda x: np.reshape(x, x.shape),
    lambda x: np.reshape(x, x.shape, copy=True),
    lambda x: x.reshape(x.shape),
    lambda x: x.swapaxes(0, 1),
    lambda x: x.transpose(0, 1),
    lambda x: x.take(range(3), 0),
    lambda x: x.repeat(1, 0),
    lambda x: x.diagonal().copy(),
    lambda x: x.flat[:],
    lambda x: np.apply_along_axis(lambda v: v, 0, x),
    lambda x: np.choose(np.zeros(x.shape, int), [x]),
    lambda x: np.select([x > -9], [x]),
    lambda x: np.piecewise(x, [x > -9], [lambda v: v]),
    lambda x: np.copysign(x, x),
    lambda x: np.maximum(x, -9),
    lambda x: np.add(x, 0),
    lambda x: x + 0,
    lambda x: x * 1,
    lambda x: x / 1,
    lambda x: x**1,
    lambda x: np.power(x, 1),
    lambda x: np.negative(np.negative(x)),
    lambda x: abs(x),
    lambda x: np.ravel(x, "K"),
    lambda x: np.ravel(x.T, "K"),
    lambda x: x.ravel("A"),
    lambda x: x[:, ::2].ravel(),
    lambda x: x[:, ::2].reshape(-1),
    lambda x: x[:, 1:3].reshape(3, 2),
    lambda x: x[:, 1:3].reshape(6),
    lambda x: x[1:].reshape(-1),
    lambda x: x.T[1:].reshape(-1),
    lambda x: x.copy("F").ravel(),
    lambda x: x.copy("F").ravel("F"),
    lambda x: np.array(x.T).ravel("K"),
    lambda x: x.imag.copy(),
    lambda x: np.sum(x, axis=0, keepdims=True),
    lambda x: np.max(x[:1], axis=0),
    lambda x: np.squeeze(x[:1]),
    lambda x: np.squeeze(x[:1], 0),
    lambda x: np.median(x[:1], 0),
    lambda x: np.outer(x[0], [1]),
    lambda x: np.kron(x, [[1]]),
    lambda x: np.kron(1, x),
    lambda x: np.dot(x, 1),
    lambda x: np.dot(1.0, x),
    lambda x: np.multiply(x, 1),
    lambda x: np.interp(x, [0, 1], [0, 1]),
    lambda x: np.gradient(x)[0],
    lambda x: np.vander(x[0], 1),
    lambda x: np.cross(x[:, :3], x[:, :3]),
    lambda x: np.ediff1d(x),
    lambda x: np.convolve(x[0], [1]),
    lambda x: np.partition(x, 0),
    lambda x: np.take_along_axis(x, np.zeros((3, 4), int), 0),
    lambda x: np.unique(x),
    lambda x: np.extract(x > 0, x),
    lambda x: np.nansum(x, axis=()),
    lambda x: np.quantile(x[:1], 0.5, axis=0),
    lambda x: np.average(x[:1], axis=0),
    lambda x: np.trapezoid(x),
    lambda x: np.float64(1) * x,
)

REFUSED = (
    lambda x: np.require(x),
    lambda x: np.ma.getdata(x),
    lambda x: np.lib.stride_tricks.as_strided(x),
    lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, axis=1, writeable=True),
)
"""Views that chainrule does not follow."""


def written_through(call, source):
    def program(s):
        x = source(s)
        y = call(x)
        y[...] = s * s
        return np.sum(x * WEIGHTS) + np.sum(y)

    return program


def updated_through(call, source):
    def program(s):
        x = source(s)
        y = call(x)
        y += s
        y *= 2
        return np.sum(x * WEIGHTS) + np.sum(y)

    return program


def written_below(call, source):
    def program(s):
        x = source(s)
        y = call(x)
        x[1:, ::2] = s * s
        x += 1
        return np.sum(x * WEIGHTS) + np.sum(y) + np.sum(s * y)

    return program


SOURCES = {
    "a traced array": lambda s: s * WEIGHTS**1.1,
    "an array made here": lambda s: np.arange(1.0, 13).reshape(3, 4) ** 1.1,
}


@pytest.fixture(params=SOURCES.values(), ids=SOURCES)
def source(request):
    return request.param


def name(call):
    """Return the names a lambda uses, for the test's own name."""
    return ".".join(call.__code__.co_names) or "item"


@pytest.mark.parametrize("write", [written_through, updated_through, written_below])
@pytest.mark.parametrize("call", CALLS, ids=name)
def test_writes_arrive_where_numpys_arrive(call, write, source):
    program = write(call, source)
    (expected,) = difference(lambda s: (program(s),), (1.3,), (1.0,))
    value, gradient = cr.value_and_grad(program)(1.3)
    assert_close((value,), (program(1.3),), tolerance(float, 0), "value")
    within = tolerance(float, 1, difference=True)
    assert_close((gradient,), (expected,), within, "reverse mode")
    assert_close((cr.jvp(program, (1.3,), (1.0,))[1],), (expected,), within, "forward mode")


@pytest.mark.parametrize("call", REFUSED, ids=name)
@pytest.mark.parametrize("write", [written_through, updated_through, written_below])
def test_views_that_cannot_be_followed_are_refused(call, write):
    with pytest.raises(ChainruleError):
        cr.grad(write(call, SOURCES["a traced array"]))(1.3)


@pytest.mark.parametrize("call", REFUSED, ids=name)
@pytest.mark.parametrize("write", [written_through, updated_through, written_below])
def test_views_of_an_array_made_here_are_refused_or_right(call, write):
    program = write(call, SOURCES["an array made here"])
    (expected,) = difference(lambda s: (program(s),), (1.3,), (1.0,))
    try:
        value, gradient = cr.value_and_grad(program)(1.3)
    except ChainruleError:
        return
    assert_close((value,), (program(1.3),), tolerance(float, 0), "value")
    assert_close((gradient,), (expected,), tolerance(float, 1, difference=True), "reverse mode")
