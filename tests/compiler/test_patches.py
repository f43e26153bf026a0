"""Convolutions compile to products that read patches where they lie, and joined parts in any product stay right."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chainrule as cr
from chainrule import tree
from chainrule.compiler.loops.program import Product, UnfoldedProduct
from chainrule.compiler.loops.structure import walk
from chainrule.compiler.unfoldings import Unfolding, evenly_spaced, joined
from chainrule.compiler.views import whole
from chainrule.nn import functional

TOLERANCE = {"f4": 2e-5, "f8": 1e-12}


def places(unfolding):
    """Return the places of an unfolding's elements."""
    flat = unfolding.factors
    grids = np.indices(flat.shape).reshape(len(flat.shape), int(np.prod(flat.shape)))
    strides = np.array(flat.strides, int).reshape(-1, 1)
    return (unfolding.offset + (grids * strides).sum(axis=0)).reshape(unfolding.shape)


@given(st.lists(st.integers(1, 4), min_size=1, max_size=4), st.data())
def test_reshape_and_transpose_of_unfoldings_are_numpys(sizes, data):
    steps = data.draw(st.lists(st.integers(0, 9), min_size=len(sizes), max_size=len(sizes)))
    x = Unfolding(tuple(((n, s),) for n, s in zip(sizes, steps, strict=True)), 3)
    order = data.draw(st.permutations(range(len(sizes))))
    turned = x.transposed(order)
    np.testing.assert_array_equal(places(turned), places(x).transpose(order))
    total = int(np.prod(sizes))
    first = data.draw(st.sampled_from([n for n in range(1, total + 1) if total % n == 0]))
    for shape in ((total,), (first, total // first), (1, first, 1, total // first)):
        made = turned.reshaped(shape)
        if made is None:
            assert shape != (total,)
        else:
            np.testing.assert_array_equal(places(made), places(turned).reshape(shape))


@given(st.lists(st.tuples(st.integers(2, 4), st.integers(-9, 50)), max_size=3))
def test_even_spaces_are_found(factors):
    at = [sum(p) for p in itertools.product(*([i * s for i in range(n)] for n, s in factors))]
    found = evenly_spaced([7 + p for p in at])
    if found is not None:
        again = [sum(p) for p in itertools.product(*([i * s for i in range(n)] for n, s in found))]
        assert again == at
    far = all(abs(s) > 4 * abs(t) > 0 for (_, s), (_, t) in itertools.pairwise(factors))
    assert found == tuple(factors) or not far


def test_uneven_parts_are_not_joined():
    x = whole((3, 8))
    parts = [x.cut((slice(None), slice(i, i + 2))) for i in (0, 1, 3)]
    assert evenly_spaced([0, 1, 3]) is None
    assert joined(parts, 1, is_stack=False) is None
    uneven = [x.cut((slice(None), slice(0, n))) for n in (2, 3)]
    assert joined(uneven, 1, is_stack=False) is None
    made = joined(parts[:2], 1, is_stack=True)
    assert made is not None
    assert made.shape == (3, 2, 2)


def products(compiled):
    """Count the products of matrices, and those with patches."""
    program = compiled._path().built.native.translation.program
    every = list(walk(program.body))
    return tuple(sum(isinstance(s, kind) for s in every) for kind in (Product, UnfoldedProduct))


def gradients(f):
    def step(x, k, g):
        y, pull = cr.vjp(f, x, k)
        return y, *pull(g)

    return step


CASES = {
    "same": ((3, 7, 6, 8), (3, 3, 8, 16), {}),
    "five": ((2, 9, 8, 16), (5, 5, 16, 8), {"padding": "valid"}),
    "one channel": ((4, 13, 12, 1), (3, 3, 1, 16), {}),
    "three channels": ((2, 6, 7, 3), (3, 4, 3, 5), {}),
    "odd columns": ((2, 5, 6, 9), (3, 2, 9, 11), {}),
    "strides": ((2, 9, 8, 8), (3, 3, 8, 8), {"strides": 2}),
    "far strides": ((2, 9, 8, 8), (3, 2, 8, 8), {"strides": (2, 3), "padding": [(2, 0), (0, 1)]}),
    "dilation": ((2, 9, 10, 8), (3, 3, 8, 8), {"dilation": (2, 3)}),
    "groups": ((2, 6, 5, 16), (3, 3, 8, 16), {"groups": 2}),
    "few columns": ((2, 6, 5, 4), (3, 3, 4, 2), {}),
    "a single place": ((1, 3, 3, 8), (3, 3, 8, 8), {"padding": "valid"}),
    "tiles": ((2, 6, 6, 8), (2, 2, 8, 8), {"strides": 2, "padding": "valid"}),
    "pixels": ((2, 6, 6, 8), (1, 1, 8, 8), {}),
    "a long sum": ((6, 20, 20, 8), (3, 3, 8, 8), {}),
}


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("case", CASES)
def test_a_compiled_convolution_and_its_gradients_are_the_eager_ones(case, dtype, rng):
    shape, kernel, options = CASES[case]
    x, k = (rng.normal(size=s).astype(dtype) for s in (shape, kernel))
    g = rng.normal(size=functional.conv2d(x, k, **options).shape).astype(dtype)
    step = gradients(lambda x, k: functional.conv2d(x, k, **options))
    compiled = cr.compile(step)
    for got, wanted in zip(compiled(x, k, g), step(x, k, g), strict=True):
        scale = TOLERANCE[dtype] * np.abs(wanted).max()
        np.testing.assert_allclose(got, wanted, rtol=TOLERANCE[dtype], atol=scale)
    again = cr.compile(step)(x, k, g)
    assert [a.tobytes() for a in compiled(x, k, g)] == [a.tobytes() for a in again]


@pytest.mark.parametrize(
    ("case", "wanted"),
    [
        ("same", (0, 3)),
        ("five", (0, 3)),
        ("strides", (0, 3)),
        ("dilation", (0, 3)),
        ("one channel", (1, 2)),
        ("three channels", (0, 3)),
        ("few columns", (1, 2)),
        ("pixels", (3, 0)),
    ],
)
def test_which_products_read_patches(case, wanted, rng):
    shape, kernel, options = CASES[case]
    x, k = rng.normal(size=shape), rng.normal(size=kernel)
    step = cr.compile(gradients(lambda x, k: functional.conv2d(x, k, **options)))
    step(x, k, np.ones(functional.conv2d(x, k, **options).shape))
    assert products(step) == wanted


def test_a_convolution_writes_down_no_patches(rng):
    x, k = rng.normal(size=(8, 16, 16, 8)), rng.normal(size=(3, 3, 8, 8))
    compiled = cr.compile(lambda x, k: functional.conv2d(x, k))
    compiled(x, k)
    assert compiled.cost.arena < 2 * x.nbytes


def test_signals_work_as_images_do(rng):
    x, k = rng.normal(size=(3, 11, 8)), rng.normal(size=(3, 8, 8))
    step = gradients(lambda x, k: functional.conv1d(x, k, strides=2))
    compiled = cr.compile(step)
    g = rng.normal(size=functional.conv1d(x, k, strides=2).shape)
    for got, wanted in zip(compiled(x, k, g), step(x, k, g), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
    assert products(compiled) == (0, 3)


def parts(x):
    return [x[:, i : i + 4] for i in range(3)]


PROGRAMS = {
    "joined in front": lambda x, k: np.concatenate(parts(x), axis=1) @ np.tile(k, (3, 1)),
    "on the right": lambda x, k: k[:, :1].T @ np.concatenate(parts(x.T), axis=1)[:4],
    "on the right of a vector": lambda x, k: k[:, 0] @ np.concatenate(parts(x.T), axis=1)[:4],
    "on the right of rows": lambda x, k: k.T @ np.concatenate(parts(x.T)[:2], axis=1)[:4],
    "by looked up numbers": lambda x, k: np.concatenate(parts(x), 1) @ k[[0, 1, 2, 3] * 3],
    "stacked": lambda x, k: np.stack(parts(x), axis=1).reshape(6, 12) @ np.tile(k, (3, 1)),
    "stacked behind": lambda x, k: np.stack(parts(x), axis=-1).reshape(6, 12) @ np.tile(k, (3, 1)),
    "read twice": lambda x, k: (
        np.concatenate(parts(x), axis=0) @ k + np.concatenate(parts(x), axis=0)[:, :1]
    ),
    "a batch": lambda x, k: np.stack(parts(x)) @ k,
    "a batch of both": lambda x, k: np.stack(parts(x)) @ np.stack([k, 2 * k, 3 * k]),
    "a vector": lambda x, k: np.concatenate(parts(x), axis=1) @ np.tile(k[:, 0], 3),
    "both joined": lambda x, k: (
        np.concatenate(parts(x), axis=1) @ np.concatenate([k, k, k], axis=0)
    ),
    "patches by patches": lambda x, k: (
        np.concatenate(parts(x), axis=1).T @ np.concatenate(parts(x), axis=1)
    ),
    "unevenly": lambda x, k: (
        np.concatenate([x[:, :4], x[:, 1:5], x[:, 0:4]], 1) @ np.tile(k, (3, 1))
    ),
    "of several arrays": lambda x, k: (
        np.concatenate([x[:, :4], 2 * x[:, :4]], axis=1) @ np.tile(k, (2, 1))
    ),
    "reversed": lambda x, k: (
        np.concatenate([x[::-1, i : i + 4] for i in range(3)], axis=1) @ np.tile(k, (3, 1))
    ),
    "cast": lambda x, k: np.concatenate(parts(x), 1) @ np.tile(k.astype(np.float32), (3, 1)),
    "broadcast": lambda x, k: np.concatenate(parts(x), axis=1) @ np.ones((12, 9)),
    "by a batch of one": lambda x, k: np.stack(parts(x)) @ k[None],
    "one by a batch": lambda x, k: (
        np.concatenate([x[None, :, i : i + 4] for i in range(3)], 2)
        @ np.stack([np.tile(k, (3, 1)), np.ones((12, 9))])
    ),
    "a batch on the right of one": lambda x, k: k.T[None] @ np.stack([p[:4] for p in parts(x)]),
    "a vector by a vector": lambda x, k: np.concatenate([x[0, :4], x[0, 1:5]]) @ k[0, :8],
    "by nothing": lambda x, k: np.concatenate(parts(x), axis=1) @ np.zeros((12, 0)),
    "of a number": lambda x, k: np.einsum("i,j->ij", np.stack([x[0, 0], 1.0]), x[0]),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_joined_parts_in_products_are_right(name, rng):
    f = PROGRAMS[name]
    x, k = rng.normal(size=(6, 6)), rng.normal(size=(4, 9))
    g = rng.normal(size=f(x, k).shape)
    step = gradients(f)
    compiled = cr.compile(step)
    for got, wanted in zip(compiled(x, k, g), step(x, k, g), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-12)
    assert "runs" not in compiled.report()


def test_parts_are_read_before_their_array_is_written_to(rng):
    def step(x, k):
        image = 2 * x
        rows = np.concatenate(parts(image), axis=1)
        image[1] = 5
        product = rows @ np.tile(k, (3, 1))
        image[2] = 7
        return product, image

    x, k = rng.normal(size=(6, 6)), rng.normal(size=(4, 9))
    for got, wanted in zip(cr.compile(step)(x, k), step(x, k), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_a_product_is_made_where_other_parts_of_it_are_read(rng):
    def f(x, k):
        product = x @ k  # (6, 9)
        image = np.zeros((6, 14))
        image[:, 0:3] += product[:, 0:3]
        image[:, 2:5] += product[:, 3:6]
        return image, product[0]

    def uneven(x, k):
        def read(y):
            return sum(np.sum(y[:, i : i + 8] * (i + 1)) for i in (0, 1, 3))

        return cr.grad(lambda x: read(x @ k))(x)

    x, k = rng.normal(size=(6, 4)), rng.normal(size=(4, 16))
    for got, wanted in zip(cr.compile(f)(x, k[:, :9]), f(x, k[:, :9]), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-12)
    np.testing.assert_allclose(cr.compile(uneven)(x, k), uneven(x, k), rtol=1e-12)


def rows(x, apart):
    """Return what a window of three numbers, some apart, meets in signals (batch, places, 8)."""
    count = x.shape[1] - 2 * apart
    met = np.concatenate([x[:, i * apart : i * apart + count] for i in range(3)], axis=-1)
    return met.reshape(-1, 24)


def two_signals(x, k, g):
    return cr.grad(
        lambda x, z: np.sum(g * (rows(x, 1) @ k + rows(z, 2) @ k)),
        argnums=(0, 1),
    )(x[:, :9], x)


def one_signal(x, k, g):
    return cr.grad(lambda x: np.sum(g * (rows(x[:, :9], 1) @ k + rows(x, 2) @ k)))(x)


def a_part_without_elements(x, k, g):
    def read(x):
        return np.sum(g * (rows(x, 2) @ k)) + np.sum(x[:, 3:3] * x[:, 4:4])

    return cr.grad(read)(x)


def what_is_added_to(x, k, g):
    """Take the gradient through two layers, that of the second of which the first one multiplies and adds to."""

    def read(x):
        y = x + np.concatenate([(rows(x, 1) @ k).reshape(1, 9, 8), np.zeros((1, 2, 8))], axis=1)
        return np.sum(g * (rows(y, 2) @ k))

    return cr.grad(read)(x)


@pytest.mark.parametrize(
    "step", [two_signals, one_signal, a_part_without_elements, what_is_added_to]
)
def test_a_product_that_waits_is_there_for_all_that_read_it(step, rng):
    x, k, g = (rng.normal(size=s) for s in ((1, 11, 8), (24, 8), (7, 8)))
    compiled = cr.compile(step)
    got, wanted = compiled(x, k, g), step(x, k, g)
    assert "runs" not in compiled.report()
    for a, b in zip(tree.leaves(got), tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
