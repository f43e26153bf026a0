"""Results that hold elements several times: each copy hands its cotangent back."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.op import FRONTS


@pytest.mark.parametrize(
    ("f", "times"),
    [
        (lambda x: np.repeat(x, 3), [3, 3, 3]),
        (lambda x: np.repeat(x, [0, 1, 2]), [0, 1, 2]),
        (lambda x: np.tile(x, (2, 2)), [4, 4, 4]),
        (lambda x: np.resize(x, 7), [3, 2, 2]),
        (lambda x: np.pad(x, (1, 2), "edge"), [2, 1, 3]),
        (lambda x: np.pad(x, 2, "wrap"), [2, 3, 2]),
        (lambda x: np.pad(x, (1, 0), "reflect", reflect_type="odd"), [3, 0, 1]),
        (lambda x: np.delete(x, 1), [1, 0, 1]),
        (lambda x: np.insert(x, 1, x[2] * np.ones(2)), [1, 1, 3]),
        (lambda x: np.roll(x, 2), [1, 1, 1]),
        (lambda x: np.stack([x, x[::-1]]), [2, 2, 2]),
        (lambda x: np.concatenate([x[:2], x]), [2, 2, 1]),
        (lambda x: np.block([[x, x], [np.zeros(6)]]), [2, 2, 2]),
        (lambda x: np.meshgrid(x, np.zeros(4))[0], [4, 4, 4]),
        (lambda x: np.diag(x, 2), [1, 1, 1]),
        (lambda x: np.tril(x), [3, 2, 1]),
        (lambda x: FRONTS["stack"]([[x[0], 1.0], [x[1], x[1]]]), [1, 2, 0]),
    ],
)
def test_the_gradient_of_the_sum_counts_the_copies(f, times):
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(f(x)))(np.array([1.0, 2.0, 4.0])), times)


def test_inserted_values_are_cast_as_numpy_casts_them():
    out, _ = cr.vjp(lambda x: np.insert(x, 0, 1.5), np.zeros(2, np.float32))
    assert out.dtype == np.float32
