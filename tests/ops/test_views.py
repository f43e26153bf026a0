"""A view is a view exactly where NumPy's is: writes through it reach the array, writes to the array reach it."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.graph import capture
from chainrule.core.types import array_type
from chainrule.errors import ArgumentError

VIEWS = {
    "reshape": lambda a: a.reshape(3, 2, 2),
    "reshape -1": lambda a: np.reshape(a, -1),
    "reshape column by column": lambda a: np.reshape(a, (4, 3), order="F"),
    "reshape copy": lambda a: np.reshape(a, (4, 3), copy=True),
    "reshape copy to the same shape": lambda a: np.reshape(a, (3, 4), copy=True),
    "reshape to the same shape": lambda a: np.reshape(a, (3, 4)),
    "reshape of transposed": lambda a: a.T.reshape(12),
    "reshape of transposed column by column": lambda a: a.T.reshape(12, order="F"),
    "reshape of transposed, order A": lambda a: a.T.reshape(12, order="A"),
    "reshape of a small part": lambda a: a[:, :1].reshape(3),
    "reshape of a part": lambda a: a[:, :2].reshape(6),
    "reshape of a small block": lambda a: a[:2, :2].reshape(4),
    "reshape of rows": lambda a: a[1:].reshape(8),
    "reshape of a reversed row": lambda a: a[1, ::-1].reshape(2, 2),
    "ravel": lambda a: a.ravel(),
    "ravel column by column": lambda a: a.ravel(order="F"),
    "ravel of transposed column by column": lambda a: a.T.ravel(order="F"),
    "ravel of transposed, order A": lambda a: a.T.ravel(order="A"),
    "ravel of transposed, order K": lambda a: a.T.ravel(order="K"),
    "ravel of a reversed row": lambda a: a[1, ::-1].ravel(),
    "flatten": lambda a: a.flatten(),
    "transpose": lambda a: a.T,
    "transpose with axes": lambda a: np.transpose(a, (1, 0)),
    "transpose to itself": lambda a: np.transpose(a, (0, 1)),
    "matrix_transpose": lambda a: np.matrix_transpose(a),
    "swapaxes": lambda a: a.swapaxes(0, 1),
    "moveaxis": lambda a: np.moveaxis(a, 0, -1),
    "rollaxis": lambda a: np.rollaxis(a, 1),
    "expand_dims": lambda a: np.expand_dims(a, (0, -1)),
    "squeeze": lambda a: np.squeeze(a[:, None, 1:2]),
    "atleast_3d": lambda a: np.atleast_3d(a),
    "atleast_1d": lambda a: np.atleast_1d(a),
    "flip": lambda a: np.flip(a),
    "flip along an axis": lambda a: np.flip(a, 1),
    "fliplr": lambda a: np.fliplr(a),
    "flipud": lambda a: np.flipud(a),
    "rot90": lambda a: np.rot90(a),
    "rot90 twice": lambda a: np.rot90(a, 2),
    "rot90 back": lambda a: np.rot90(a, -1),
    "rot90 not at all": lambda a: np.rot90(a, 0),
    "split": lambda a: np.split(a, 2, axis=1)[1],
    "array_split": lambda a: np.array_split(a, 2)[0],
    "hsplit": lambda a: np.hsplit(a, [1])[1],
    "vsplit": lambda a: np.vsplit(a, 3)[2],
    "unstack": lambda a: np.unstack(a)[1],
    "transposed twice": lambda a: a.T[1:].T,
    "reshape of a reshape": lambda a: a.reshape(2, 6).reshape(4, 3)[1],
    "roll": lambda a: np.roll(a, 1),
    "roll along no axis": lambda a: np.roll(a, (), ()),
    "meshgrid": lambda a: np.meshgrid(a[0], a[1])[0],
    "meshgrid, sparse": lambda a: np.meshgrid(a[0], a[1], sparse=True)[1],
    "meshgrid, sparse and not copied": lambda a: np.meshgrid(a[0], a[1], sparse=True, copy=False)[
        1
    ],
    "repeat": lambda a: np.repeat(a, 2, 0),
    "tile once": lambda a: np.tile(a, 1),
    "tril": lambda a: np.tril(a),
    "concatenate": lambda a: np.concatenate([a]),
    "pad by nothing": lambda a: np.pad(a, 0),
}
SOURCES = {
    "row by row": lambda x: x * 1.0,
    "column by column": lambda x: (x.T * 1.0).T,
    "a view": lambda x: np.concatenate([x, x])[1:4],
}


def write_through(view, source):
    def program(x):
        a = source(x)
        v = view(a)
        v *= 3.0
        return a * 1.0, v * 1.0

    return program


def write_below(view, source):
    def program(x):
        a = source(x)
        v = view(a)
        a[1:, ::2] = a[1:, ::2] * 3.0
        return a * 1.0, v * 1.0

    return program


@pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)
@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("write", [write_through, write_below])
def test_writes_are_seen_where_numpy_sees_them(write, view, source, rng):
    program = write(view, source)
    x, t = rng.normal(size=(2, 3, 4))
    expected = program(x)
    out, pullback = cr.vjp(program, x)
    for got, value in zip(out, expected, strict=True):
        np.testing.assert_array_equal(got, value)
    weights = tuple(rng.normal(size=np.shape(value)) for value in expected)
    # The program is linear, so its derivative along t is its value at t.
    along = sum(np.sum(w * value) for w, value in zip(weights, program(t), strict=True))
    np.testing.assert_allclose(np.sum(pullback(weights)[0] * t), along)


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
@pytest.mark.parametrize("write", [write_through, write_below])
def test_a_captured_program_writes_where_numpy_writes(write, view, rng):
    program = write(view, SOURCES["row by row"])
    x = rng.normal(size=(3, 4))
    graph = capture(program, array_type((3, 4), x.dtype))
    for got, value in zip(graph.run(x), program(x), strict=True):
        np.testing.assert_array_equal(got, value)


READ_ONLY = {
    "diagonal": lambda a: np.diagonal(a),
    "diagonal of batches": lambda a: np.linalg.diagonal(a),
    "diag": lambda a: np.diag(a, 1),
    "broadcast_arrays": lambda a: np.broadcast_arrays(a, np.zeros((2, 3, 4)))[0],
}


@pytest.mark.parametrize("view", READ_ONLY.values(), ids=READ_ONLY)
def test_a_read_only_view_follows_its_array(view, rng):
    x = rng.normal(size=(3, 4))
    out, _ = cr.vjp(write_below(view, SOURCES["row by row"]), x)
    for got, value in zip(out, write_below(view, SOURCES["row by row"])(x), strict=True):
        np.testing.assert_array_equal(got, value)


@pytest.mark.parametrize("view", READ_ONLY.values(), ids=READ_ONLY)
def test_a_read_only_view_cannot_be_written_to(view):
    def program(x):
        v = view(x * 1.0)
        v[0] = 1.0
        return v

    with pytest.raises(ArgumentError, match=r"its result is read-only, as NumPy's is") as caught:
        cr.vjp(program, np.ones((3, 4)))
    assert "or to a copy" in caught.value.hint


def test_a_reshape_that_must_not_copy_raises_where_it_would():
    with pytest.raises(ValueError, match="copy"):
        cr.vjp(lambda x: np.reshape(x.T, 12, copy=False), np.ones((3, 4)))


def test_a_reshape_that_must_not_copy_is_a_view():
    def program(x):
        a = x * 1.0
        np.reshape(a, 12, copy=False)[0] = 5.0
        return a

    out, _ = cr.vjp(program, np.ones((3, 4)))
    assert out[0, 0] == 5.0


def test_views_of_a_value_whose_trace_has_ended_are_plain():
    kept = []
    cr.vjp(lambda x: kept.append(x) or x, np.arange(6.0))
    np.testing.assert_array_equal(kept[0].reshape(2, 3).T, np.arange(6.0).reshape(2, 3).T)
