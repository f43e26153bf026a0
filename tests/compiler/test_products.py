"""Steps that multiply matrices: the room they ask for, and the same bits however many threads BLAS has."""

import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest

import chainrule as cr

STEP = """
import sys, numpy as np, chainrule as cr

def loss(w, x, y):
    return np.mean((np.maximum(x @ w[0], 0) @ w[1] - y) ** 2)

rng = np.random.default_rng(0)
w = [rng.normal(size=s).astype("f4") for s in ((700, 500), (500, 301))]
x, y = (rng.normal(size=s).astype("f4") for s in ((400, 700), (400, 301)))
compiled = cr.compile(cr.value_and_grad(loss))
value, (first, second) = compiled(w, x, y)
sys.stdout.buffer.write(np.float32(value).tobytes() + first.tobytes() + second.tobytes())
"""


def test_a_step_has_the_same_bits_on_one_thread_and_on_two():
    runs = [
        subprocess.run(
            [sys.executable, "-c", STEP],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads},
            capture_output=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert len(runs[0]) == 4 * (1 + 700 * 500 + 500 * 301)
    assert len({hashlib.sha256(run).hexdigest() for run in runs}) == 1


def test_the_arena_of_a_step_has_room_for_packed_operands(rng):
    def f(x, y):
        return x @ y.T

    x, y = rng.normal(size=(70, 90)), rng.normal(size=(50, 90))
    compiled = cr.compile(f)
    np.testing.assert_allclose(compiled(x, y), f(x, y), rtol=1e-12, atol=1e-12)
    native = compiled._path().built.native
    assert native.translation.program.arena == 0
    assert native.artifact.arena >= 50 * 90 * 8


def test_rows_far_apart_are_packed_only_where_many_columns_use_them(rng):
    def packed(columns):
        x, y = rng.normal(size=(40, 1024)), rng.normal(size=(1024, columns))
        compiled = cr.compile(lambda x, y: x @ y)
        np.testing.assert_allclose(compiled(x, y), x @ y, rtol=1e-11, atol=1e-11)
        return compiled._path().built.native.artifact.arena

    # Eight columns are whole vectors on each machine: others are packed where there are no masks.
    assert packed(8) == 0 < packed(200)


def test_products_of_all_depths_and_strides_share_their_functions(rng):
    def f(x, y, z):
        return x @ y, x[:, :30] @ z[:30, :32], z[:52] @ y[:50], x[:, 40:] @ z[:50, 9:41]

    x, y, z = rng.normal(size=(52, 90)), rng.normal(size=(90, 32)), rng.normal(size=(90, 50))
    one, four = cr.compile(lambda x, y: x @ y), cr.compile(f)
    one(x, y)
    for made, right in zip(four(x, y, z), f(x, y, z), strict=True):
        np.testing.assert_allclose(made, right, rtol=1e-12, atol=1e-12)
    tile = "define internal void @tile_"
    assert four.llvm.count(tile) == one.llvm.count(tile) > 0


@pytest.mark.parametrize("depth", [1, 3, 7, 8, 15, 16, 17, 40])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_packed_columns_of_every_depth(rng, depth, dtype):
    x, y = (rng.normal(size=s).astype(dtype) for s in ((30, depth), (70, depth)))
    compiled = cr.compile(lambda x, y: x @ y.T)
    near = 2e-5 if dtype == "f4" else 1e-12
    np.testing.assert_allclose(compiled(x, y), x @ y.T, rtol=near, atol=near)
