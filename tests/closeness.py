"""Random directions, central differences, and what counts as equal: the one tolerance of the generated tests."""

import numpy as np
from tests.calls import SINGLE

from chainrule.core.cells import type_of

STEP = 6e-6
"""Of central differences: the cube root of float64's precision, where rounding and truncation balance."""


def tolerance(dtype, order, *, difference=False):
    """Return the largest error relative to the values' scale; every generated test uses this function.

    Args:
        dtype: what the numbers were computed in.
        order: how many derivatives were taken.
        difference: whether one side is a central difference.
    """
    precision = np.finfo(dtype).eps
    return (20 * precision**0.5 if difference else 2_000 * precision) * 10**order


def directions(arrays, seed):
    """Return a random direction for each array, of its shape, dtype and realness."""
    rng = np.random.default_rng(seed)
    moves = []
    for x in arrays:
        t = type_of(x)
        move = rng.uniform(0.3, 1.0, t.shape) * rng.choice([-1.0, 1.0], t.shape)
        if t.dtype.kind == "c":
            move = move + 1j * rng.uniform(-1.0, 1.0, t.shape)
        moves.append(np.asarray(move, t.dtype))
    return tuple(moves)


def coarsest(dtype, values):
    """Return single precision if one of the values has no more, else `dtype`."""
    return SINGLE if any(type_of(x).dtype in {SINGLE, np.complex64} for x in values) else dtype


def wide(arrays):
    """Return the same numbers in double precision."""
    return tuple(np.asarray(x, np.result_type(x, np.float64)) for x in arrays)


def difference(f, xs, t):
    """Return the central difference of every part of `f` along `t`."""
    ahead = f(*(x + STEP * d for x, d in zip(xs, t, strict=True)))
    behind = f(*(x - STEP * d for x, d in zip(xs, t, strict=True)))
    return tuple((a - b) / (2 * STEP) for a, b in zip(ahead, behind, strict=True))


def pair(gs, ts):
    """Return Re(sum(g * t)) over all arrays, and the scale of its terms."""
    terms = [np.real(np.asarray(g) * t).astype(float) for g, t in zip(gs, ts, strict=True)]
    return sum(np.sum(x) for x in terms), sum(np.sum(np.abs(x)) for x in terms)


def assert_paired(w, moved, gradient, t, within):
    """<w, moved> = <gradient, t>."""
    (left, size), (right, other) = pair(w, moved), pair(gradient, t)
    assert abs(left - right) <= within * max(1.0, size, other), (
        f"<g, jvp(t)> = {left}, <vjp(g), t> = {right}"
    )


def assert_close(got, expected, within, what):
    """Every part is equal within a tolerance relative to the largest value."""
    for a, b in zip(got, expected, strict=True):
        assert np.shape(a) == np.shape(b), f"{what}: shape {np.shape(a)}, expected {np.shape(b)}"
        if np.size(a):
            scale = max(1.0, np.max(np.abs(a)), np.max(np.abs(b)))
            error = np.max(np.abs(np.asarray(a) - b))
            assert error <= within * scale, f"{what}: {a}, expected {b}"


def assert_same(got, expected):
    """Equal shape, dtype and, within rounding, numbers."""
    assert shape_and_dtype(got) == shape_and_dtype(expected), (
        f"{type_of(got)}, NumPy gives {type_of(expected)}"
    )
    if type_of(expected).is_inexact:
        within = tolerance(type_of(expected).dtype, 0)
        np.testing.assert_allclose(got, expected, rtol=within, atol=within)
    else:
        np.testing.assert_array_equal(got, expected)


def shape_and_dtype(x):
    t = type_of(x)
    return t.shape, t.dtype
