"""Containers go in and come out: dicts, lists, tuples, dataclasses, and what is static in them."""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

import chainrule as cr


@dataclass(frozen=True)
class Layer:
    weight: np.ndarray
    bias: float
    activation: str = field(default="tanh", metadata={"static": True})


class Pair(NamedTuple):
    first: float
    second: float


def test_a_gradient_has_the_container_of_its_argument():
    w = {"a": np.array([1.0, 2.0]), "b": [3.0, (4.0, np.float32(5))]}
    g = cr.grad(lambda w: np.sum(w["a"] ** 2) * w["b"][0] + w["b"][1][0] * w["b"][1][1])(w)
    np.testing.assert_array_equal(g["a"], [6, 12])
    assert g["b"] == [5.0, (5.0, 4.0)]
    assert type(g["b"][1][1]) is np.float32


def test_a_dataclass_comes_back_as_one():
    layer = Layer(np.array([1.0, 2.0]), 3.0)
    g = cr.grad(lambda layer: np.sum(layer.weight) * layer.bias)(layer)
    assert type(g) is Layer
    assert (g.bias, g.activation) == (3.0, "tanh")
    np.testing.assert_array_equal(g.weight, [3, 3])


def test_a_named_tuple_comes_back_as_one():
    assert cr.grad(lambda p: p.first * p.second)(Pair(2.0, 5.0)) == Pair(5.0, 2.0)


def test_text_none_and_flags_are_left_alone():
    w = {"w": 2.0, "name": "layer", "bias": None, "trainable": True}
    assert cr.grad(lambda w: w["w"] ** 2 if w["trainable"] else 0.0)(w) == w | {"w": 4.0}


def test_dicts_of_the_same_keys_in_another_order_are_the_same():
    f = cr.grad(lambda w: w["a"] * w["b"])
    assert f({"a": 2.0, "b": 5.0}) == f({"b": 5.0, "a": 2.0}) == {"a": 5.0, "b": 2.0}


def test_results_may_be_containers():
    def f(x):
        return {"twice": 2 * x, "parts": [x[0], 7.0]}

    x = np.array([1.0, 2.0])
    out, pullback = cr.vjp(f, x)
    np.testing.assert_array_equal(out["twice"], [2, 4])
    (g,) = pullback({"twice": np.ones(2), "parts": [10.0, 100.0]})
    np.testing.assert_array_equal(g, [12, 2])
    out, tangent = cr.jvp(f, (x,), (np.array([1.0, 0.0]),))
    np.testing.assert_array_equal(tangent["twice"], [2, 0])
    assert tangent["parts"] == [1, 0]


def test_a_jacobian_has_the_containers_of_result_and_argument():
    w = {"a": np.array([1.0, 2.0]), "b": 3.0}
    jacobian = cr.jacobian(lambda w: [w["a"] * w["b"], w["b"] ** 2])(w)
    np.testing.assert_array_equal(jacobian[0]["a"], 3 * np.eye(2))
    np.testing.assert_array_equal(jacobian[0]["b"], [1, 2])
    np.testing.assert_array_equal(jacobian[1]["a"], [0, 0])
    assert jacobian[1]["b"] == 6


def test_a_hessian_has_the_container_twice():
    hessian = cr.hessian(lambda w: w["a"] ** 2 * w["b"])({"a": 2.0, "b": 5.0})
    assert hessian == {"a": {"a": 10, "b": 4}, "b": {"a": 4, "b": 0}}


def test_hvp_takes_and_returns_containers():
    (product,) = cr.hvp(
        lambda w: w["a"] ** 2 * w["b"], ({"a": 2.0, "b": 5.0},), ({"a": 1.0, "b": 0.0},)
    )
    assert product == {"a": 10, "b": 4}


def test_the_same_array_in_two_places_has_two_gradients():
    shared = np.ones(2)
    g = cr.grad(lambda w: np.sum(w[0] * 2 + w[1] * 3))([shared, shared])
    np.testing.assert_array_equal(g, [[2, 2], [3, 3]])


def test_dtypes_memory_order_and_byte_order_are_kept():
    for x in (np.ones((2, 3), np.float32), np.ones((2, 3), order="F"), np.ones((2, 3), ">f8")):
        g = cr.grad(np.sum)(x)
        assert (g.dtype, g.shape) == (x.dtype, x.shape)
