"""Whether a reshape is a view depends on how an array lies, and so whom a write reaches."""

import numpy as np
import pytest

import chainrule as cr


def _strided(x):
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1] + 1))
    wide[..., 1::2] = x
    return wide[..., 1::2]


LAYOUTS = {
    "row by row": np.copy,
    "column by column": np.asfortranarray,
    "reversed": lambda x: x[..., ::-1].copy()[..., ::-1],
    "strided": _strided,
    "turned": lambda x: np.ascontiguousarray(x.T).T,
}
TAKEN = {
    "ravel": lambda a: a.ravel(),
    "ravel by columns": lambda a: a.ravel("F"),
    "ravel as it lies": lambda a: np.ravel(a, "K"),
    "reshape": lambda a: a.reshape(-1),
    "reshape by columns": lambda a: a.reshape(-1, order="F"),
    "rows": lambda a: np.ascontiguousarray(a),
    "columns": lambda a: np.asfortranarray(a),
    "asarray": lambda a: np.asarray(a),
    "array": lambda a: np.array(a, copy=None, order="F"),
    "turned": lambda a: a.T.ravel(),
    "a part": lambda a: a[1:].ravel(),
    "no copy": lambda a: a.astype(float, copy=False),
}


@pytest.mark.parametrize("taken", TAKEN)
@pytest.mark.parametrize(
    "made", [lambda a: a, lambda a: a * 2, lambda a: a.T + a.T, np.copy], ids=range(4)
)
def test_a_write_reaches_what_numpy_reaches(made, taken):
    def step(a):
        a[0, 0] = 0.5
        base = made(a)
        part = TAKEN[taken](base)
        part[...] = 9.0
        return base * 1.0

    mine, other = ([lay(np.arange(6.0).reshape(2, 3)) for lay in LAYOUTS.values()] for _ in "ab")
    compiled = cr.compile(lambda *arrays: [step(a) for a in arrays])
    for layout, got, a, b in zip(LAYOUTS, compiled(*mine), mine, other, strict=True):
        np.testing.assert_array_equal(got, step(b), err_msg=layout)
        np.testing.assert_array_equal(a, b, err_msg=layout)
    assert "eagerly" not in compiled.report()


def test_a_product_of_matrices_lies_row_by_row(rng):
    x, w = rng.normal(size=(8, 3)), rng.normal(size=(3, 4))

    def step(x, w):
        y = (x @ w).reshape(4, 8)
        return y, (w.T @ x.T).ravel()

    compiled = cr.compile(step)
    for made, right in zip(compiled(x, w), step(x, w), strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-12)
    assert "eager" not in compiled.report()
