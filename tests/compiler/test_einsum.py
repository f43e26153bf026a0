"""Sums of products become matrix products and loops: any labels, repeated ones and axes of one element included."""

import numpy as np
import pytest

import chainrule as cr

SHAPES = {
    "ij,jk->ik": [(2, 3), (3, 4)],
    "ij,kl,jk->il": [(2, 3), (4, 5), (3, 4)],
    "bhqd,bhkd->bhqk": [(2, 2, 3, 4), (2, 2, 5, 4)],
    "abij,bcjk->acik": [(2, 3, 2, 2), (3, 2, 2, 3)],
    "...ij,...j->...i": [(2, 2, 3), (3,)],
    "iji->j": [(2, 3, 2)],
    "iii->i": [(3, 3, 3)],
    "iij,jk->k": [(2, 2, 3), (3, 2)],
    "i,i,i->": [(3,), (3,), (3,)],
    "i,j->ji": [(2,), (3,)],
    ",ij->ji": [(), (2, 3)],
    "ij,ij->": [(2, 1), (1, 3)],
    "ij,ij->ij": [(2, 1), (2, 3)],
    "ijk,ilm,njm,nlk,abc->": [(2, 3, 2), (2, 2, 3), (2, 3, 3), (2, 2, 2), (2, 1, 2)],
}


def drawn(rng, shapes, dtype):
    arrays = [rng.normal(size=s) * 3 for s in shapes]
    if np.dtype(dtype).kind == "c":
        arrays = [x + 1j * rng.normal(size=x.shape) for x in arrays]
    return [np.asarray(x, dtype) for x in arrays]


def random_call(rng):
    sizes = dict(zip("abcd", rng.integers(1, 4, 4), strict=True))
    count = rng.integers(1, 4)
    terms = ["".join(rng.choice(list("abcd"), rng.integers(0, 4))) for _ in range(count)]
    used = [label for label in "abcd" if label in "".join(terms)]
    output = "".join(rng.permutation([label for label in used if rng.random() < 0.5]))
    ones = [{label for label in term if rng.random() < 0.1} for term in terms]
    shapes = [
        tuple(1 if label in one else sizes[label] for label in term)
        for term, one in zip(terms, ones, strict=True)
    ]
    return f"{','.join(terms)}->{output}", shapes


def assert_equal(got, expected, dtype):
    assert (np.shape(got), np.asarray(got).dtype) == (np.shape(expected), expected.dtype)
    within = 1e-4 if np.dtype(dtype).itemsize // (1 + (np.dtype(dtype).kind == "c")) == 4 else 1e-12
    np.testing.assert_allclose(got, expected, rtol=within, atol=within)


@pytest.mark.parametrize("dtype", "fdFDi")
@pytest.mark.parametrize("subscripts", SHAPES)
def test_sums_of_products_are_native_and_equal_numpys(subscripts, dtype, rng):
    arrays = drawn(rng, SHAPES[subscripts], dtype)
    compiled = cr.compile(lambda *xs: np.einsum(subscripts, *xs))
    assert_equal(compiled(*arrays), np.asarray(np.einsum(subscripts, *arrays)), dtype)
    assert "NumPy" not in str(compiled.report())


@pytest.mark.parametrize("subscripts", SHAPES)
def test_their_gradients_are_native_too(subscripts, rng):
    arrays = drawn(rng, SHAPES[subscripts], float)

    def gradient(*xs):
        places = tuple(range(len(xs)))
        return cr.grad(lambda *xs: np.sum(np.sin(np.einsum(subscripts, *xs))), places)(*xs)

    compiled = cr.compile(gradient)
    for got, expected in zip(compiled(*arrays), gradient(*arrays), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-11, atol=1e-11)
    assert "NumPy" not in str(compiled.report())


def test_random_labels_equal_numpys(rng):
    tried = 0
    while tried < 60:
        subscripts, shapes = random_call(rng)
        arrays = drawn(rng, shapes, float)
        try:
            expected = np.asarray(np.einsum(subscripts, *arrays))
        except ValueError:  # one label, two sizes in one array
            continue
        tried += 1
        compiled = cr.compile(lambda *xs, s=subscripts: np.einsum(s, *xs))
        assert_equal(compiled(*arrays), expected, float)


def test_a_product_of_matrices_is_one():
    compiled = cr.compile(lambda x, y: np.einsum("ij,kj->ik", x, y))
    compiled(np.ones((20, 30)), np.ones((40, 30)))
    assert compiled.cost.products == 1
