"""The steps that optimisers are made of."""

import numpy as np
import pytest

from chainrule import optim
from chainrule.errors import ArgumentError, ContainerError


def updated(transform, gradients, params=None):
    return transform.update(gradients, transform.init(gradients), params)[0]


def test_a_chain_applies_in_order():
    got = updated(optim.chain(optim.scale(2.0), optim.clip(3.0)), np.array([1.0, 2.0]))
    assert got.tolist() == [2.0, 3.0]
    got = updated(optim.chain(optim.clip(3.0), optim.scale(2.0)), np.array([1.0, 2.0]))
    assert got.tolist() == [2.0, 4.0]


def test_a_chain_needs_the_state_that_it_made():
    state = optim.sgd().init(1.0)
    expected = "chain: the containers differ: got a state of 1 parts. Expected one of 2"
    with pytest.raises(ContainerError, match=expected):
        optim.chain(optim.scale(1.0), optim.scale(1.0)).update(1.0, state)


def test_clip_limits_every_element():
    assert updated(optim.clip(1.0), np.array([-5.0, 0.5, 5.0])).tolist() == [-1.0, 0.5, 1.0]


def test_clip_by_global_norm_shrinks_all_leaves_alike():
    gradients = {"a": np.array([3.0, 0.0], np.float32), "b": 4.0}
    got = updated(optim.clip_by_global_norm(1.0), gradients)
    np.testing.assert_allclose(got["a"], [0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(got["b"], 0.8, rtol=1e-6)
    assert got["a"].dtype == np.float32


def test_clip_by_global_norm_leaves_small_gradients_alone():
    for gradients in (np.array([0.3, 0.4]), np.zeros(2)):
        np.testing.assert_array_equal(updated(optim.clip_by_global_norm(1.0), gradients), gradients)


def test_global_norm_of_complex_and_of_no_numbers():
    assert optim.global_norm([np.array([3j]), np.array([4.0])]) == 5.0
    assert optim.global_norm({}) == 0.0


def test_decayed_weights_add_a_share_of_the_parameters():
    params = np.array([2.0, -4.0], np.float32)
    got = updated(optim.add_decayed_weights(np.float64(0.5)), np.ones(2, np.float32), params)
    assert got.tolist() == [2.0, -1.0]
    assert got.dtype == np.float32


def test_scale_multiplies_in_the_dtype_of_the_gradient():
    got = updated(optim.scale(np.float64(0.5)), np.ones(2, np.float32))
    assert got.tolist() == [0.5, 0.5]
    assert got.dtype == np.float32


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: optim.momentum(decay=1.0), r"trace: decay=1\.0\. Expected 0 <= decay < 1"),
        (lambda: optim.adam(beta1=-0.1), r"scale_by_adam: beta1=-0\.1\. Expected 0 <= beta1 < 1"),
        (lambda: optim.adam(beta2=1), r"scale_by_adam: beta2=1\. Expected 0 <= beta2 < 1"),
        (lambda: optim.adam(epsilon=0), r"scale_by_adam: epsilon=0\. Expected a positive number"),
        (lambda: optim.adagrad(epsilon=0), r"scale_by_adagrad: epsilon=0\. Expected a positive"),
        (lambda: optim.rmsprop(decay=2), r"scale_by_rms: decay=2\. Expected 0 <= decay < 1"),
        (lambda: optim.rmsprop(initial="one"), r"initial='one'\. Expected one of 'zero', 'grad"),
        (lambda: optim.clip(-1.0), r"clip: limit=-1\.0\. Expected a positive number"),
        (lambda: optim.clip_by_global_norm(0.0), r"limit=0\.0\. Expected a positive number"),
    ],
)
def test_options_out_of_range_are_rejected(make, message):
    with pytest.raises(ArgumentError, match=message):
        make()
