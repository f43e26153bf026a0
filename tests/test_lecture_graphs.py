"""The chain rule on small graphs gives the numbers of the lectures, to 1e-9."""

import numpy as np
import pytest
from tests import lecture
from tests.lecture import assert_printed

import chainrule as cr
from chainrule import nn


def test_two_links_multiply():
    assert_printed(cr.grad(lambda x: np.sin(x**2))(1.5), -1.884520868168)


def test_two_paths_add_up():
    assert_printed(cr.grad(lambda s: s**2 * s**3)(2.0), 80)


def test_sum_then_product():
    value, gradient = cr.value_and_grad(lambda x, y, z: (x + y) * z, argnums=(0, 1, 2))(
        -2.0, 5.0, -4.0
    )
    assert_printed(value, -12)
    assert_printed(gradient, (-4, -4, 3))


def test_a_derivative_tells_what_a_nudge_does():  # B.1
    def product(x, y):
        return x * y

    assert_printed(cr.grad(product, argnums=(0, 1))(4.0, -3.0), (-3, 4))
    assert_printed(product(4.001, -3.0) - product(4.0, -3.0), -0.003)


@pytest.mark.parametrize(("wire", "value", "slope"), lecture.NEURON)
def test_a_neuron_gate_by_gate(wire, value, slope):  # B.2a, B.2b
    w, x = lecture.NEURON_WEIGHTS, lecture.NEURON_INPUTS
    assert_printed(lecture.neuron(w, x)[wire], value)
    shifts = dict.fromkeys(lecture.NEURON_WIRES, 0.0)
    assert_printed(cr.grad(lambda s: lecture.neuron(w, x, s)["f"])(shifts)[wire], slope)


def test_a_neuron_hands_the_gradient_to_its_inputs():  # B.2c
    dw, dx = cr.grad(lambda w, x: lecture.neuron(w, x)["f"], argnums=(0, 1))(
        lecture.NEURON_WEIGHTS, lecture.NEURON_INPUTS
    )
    assert_printed(dw, (-0.196611933241, -0.393223866483, 0.196611933241))
    assert_printed(dx, (0.393223866483, -0.589835799724))


def test_one_sigmoid_gate_is_worth_four():  # B.2d
    value, slope = cr.value_and_grad(nn.sigmoid)(1.0)
    gates = cr.grad(lambda z: 1 / (1 + np.exp(-z)))(1.0)
    assert_printed(slope, 0.196611933241)
    np.testing.assert_array_max_ulp(np.float64(slope), np.float64((1 - value) * value))
    np.testing.assert_array_max_ulp(np.float64(slope), np.float64(gates))


@pytest.mark.parametrize(("wire", "value", "slope"), lecture.FORKS)
def test_forks_stage_by_stage(wire, value, slope):  # B.3a, B.3b
    assert_printed(lecture.forks(3.0, -4.0)[wire], value)
    shifts = dict.fromkeys(lecture.FORKS_WIRES, 0.0)
    assert_printed(cr.grad(lambda s: lecture.forks(3.0, -4.0, s)["f"])(shifts)[wire], slope)


def test_forks_add_up():  # B.3c
    def f(x, y):
        return lecture.forks(x, y)["f"]

    dx, dy = cr.grad(f, argnums=(0, 1))(3.0, -4.0)
    assert_printed(dx, 1.583186894545 + -0.035761547813 + 0.51214444884)
    assert_printed(dy, 1.583186894545 + 0.009045856939)
    step = 1e-30
    np.testing.assert_allclose(dx, f(3.0 + step * 1j, -4.0).imag / step, rtol=1e-12)
    np.testing.assert_allclose(dy, f(3.0, -4.0 + step * 1j).imag / step, rtol=1e-12)


@pytest.mark.parametrize(("wire", "value", "slope"), lecture.CIRCUIT)
def test_a_circuit_adds_routes_and_switches(wire, value, slope):  # B.4
    arguments = (3.0, -4.0, 2.0, -1.0)
    assert_printed(lecture.circuit(*arguments)[wire], value)
    shifts = dict.fromkeys(lecture.CIRCUIT_WIRES, 0.0)
    gradient = cr.grad(lambda s: lecture.circuit(*arguments, s)["f"])(shifts)
    assert_printed(gradient[wire], slope)


def test_a_circuit_hands_the_gradient_to_its_inputs():  # B.4, C.21
    gradient = cr.grad(lambda *arguments: lecture.circuit(*arguments)["f"], argnums=(0, 1, 2, 3))
    assert gradient(3.0, -4.0, 2.0, -1.0) == (-8.0, 6.0, 2.0, 0.0)


def test_equal_inputs_of_a_maximum_share_the_gradient():  # B.5
    assert cr.grad(np.maximum, argnums=(0, 1))(2.0, 2.0) == (0.5, 0.5)
    assert cr.grad(np.max)(np.array([2.0, 2.0])).tolist() == [0.5, 0.5]
    row = cr.grad(lambda x: np.sum(np.max(x, axis=1)))(np.array([[2.0, 2.0, 1.0]]))
    assert row.tolist() == [[0.5, 0.5, 0.0]]


def test_a_value_used_twice_collects_both_gradients():  # B.6
    assert cr.grad(lambda x: x * x)(3.0) == 6.0
    assert cr.grad(lambda x, y: x * y + x, argnums=(0, 1))(2.0, 5.0) == (6.0, 2.0)


def test_a_matrix_product():  # B.7
    w, x = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]])
    dw, dx = cr.grad(lambda w, x: np.sum(w @ x), argnums=(0, 1))(w, x)
    assert (w @ x).tolist() == [[19, 22], [43, 50]]
    assert dw.tolist() == [[11, 15], [11, 15]]
    assert dx.tolist() == [[4, 4], [6, 6]]


def test_shapes_of_a_matrix_product(rng):  # B.7
    w, x, dd = (rng.standard_normal(shape) for shape in ((5, 10), (10, 3), (5, 3)))
    dw, dx = cr.vjp(np.matmul, w, x)[1](dd)
    np.testing.assert_allclose(dw, dd @ x.T)
    np.testing.assert_allclose(dx, w.T @ dd)


def test_a_vector_example():  # B.8
    def squares(w, x, shift):
        return np.sum((w @ x + shift) ** 2)

    w, x = np.array([[0.1, 0.5], [-0.3, 0.8]]), np.array([0.2, 0.4])
    value, (dw, dx, dq) = cr.value_and_grad(squares, argnums=(0, 1, 2))(w, x, np.zeros(2))
    assert_printed(w @ x, (0.22, 0.26))
    assert_printed(value, 0.116)
    assert_printed(dq, (0.44, 0.52))
    assert_printed(dw, [[0.088, 0.176], [0.104, 0.208]])
    assert_printed(dx, (-0.112, 0.636))


def test_inputs_scale_the_gradient_of_weights():  # B.9
    w, x = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    gradient = cr.grad(lambda w, x: w @ x)
    assert gradient(w, x).tolist() == [2.0, 3.0]
    assert gradient(w, 1000 * x).tolist() == [2000.0, 3000.0]


@pytest.mark.parametrize(
    ("gate", "slope"),
    [
        (lambda x: 1 / x, -1 / 0.7**2),
        (lambda x: 3.0 + x, 1.0),
        (np.exp, np.exp(0.7)),
        (lambda x: 3.0 * x, 3.0),
    ],
    ids=["1/x", "c+x", "exp(x)", "ax"],
)
def test_simple_gates(gate, slope):  # B.10
    assert_printed(cr.grad(gate)(0.7), slope)
