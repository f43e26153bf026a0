"""The rows of the lectures, read from the explanation's own output."""

import numpy as np
import pytest
from tests import lecture
from tests.lecture import assert_printed

import chainrule as cr
from chainrule import nn


def network(p, x, target):
    z1 = p["W1"] @ x + p["b1"]
    a1 = nn.sigmoid(z1)
    z2 = p["W2"] @ a1 + p["b2"]
    a2 = nn.sigmoid(z2)
    z3 = p["W3"] @ a2 + p["b3"]
    y = nn.sigmoid(z3)
    C = 0.5 * np.sum((y - target) ** 2)
    return C  # noqa: RET504  the name is what the explanation shows


def lee(wrt=None):
    return cr.explain(network, lecture.PARAMETERS, lecture.X, lecture.TARGET, wrt=wrt)


def lines(explanation, argument, name=None):
    return [r for r in explanation.records() if r.argument == argument and name in {None, r.name}]


def line(explanation, argument, name=None):
    (found,) = lines(explanation, argument, name)
    return found


def wire(explanation, name):
    (found,) = (w for w in explanation.forward() if getattr(w.label, "name", "") == name)
    return found


def test_a_chain_of_two_shows_each_factor():  # 0.2
    def f(x):
        y = x**2
        z = np.sin(y)
        return z  # noqa: RET504

    e = cr.explain(f, 1.5)
    assert_printed(e.value, 0.778073196888)
    outer, inner = e.records()
    assert (outer.argument, inner.argument) == ("y", "x")
    assert (outer.local_formula, inner.local_formula) == ("cos(y)", "2 * x")
    assert_printed(outer.local, -0.628173622723)
    assert_printed(inner.local, 3)
    assert_printed(inner.contribution, -1.884520868168)
    assert "cos(y)" in str(e)
    assert "2·x" in str(e)


def fork(s):
    x = s**2
    y = s**3
    z = x * y
    return z  # noqa: RET504


def test_a_fork_lists_both_paths_and_their_sum():  # 0.3, 0.4
    e = cr.explain(fork, 2.0, wrt="s")
    paths = e.paths()
    assert paths.count == 2
    assert [p.names for p in paths.strongest] == [("s", "y", "z"), ("s", "x", "z")]
    assert [p.product for p in paths.strongest] == [48, 32]
    assert paths.total == 80
    edges = {(r.argument, r.name): r.local for r in e.records()}
    assert edges == {("s", "x"): 4, ("s", "y"): 12, ("x", "z"): 8, ("y", "z"): 4}
    assert "= 48 + 32" in str(e)
    assert "s → y → z: 12 · 4 = 48" in e.text(paths=True)


def test_a_neuron_is_shown_as_its_sum():  # 0.6, 4.11
    z = wire(lee("W1[0,0]"), "z1[0]")
    assert z.value == 4
    text = str(lee("W1[0,0]"))
    assert "z1[0]" in text
    assert "= 1·1 + (−1)·(−2) + 1" in text


def test_a_weight_shows_two_factors_and_the_product():  # 0.7, 4.9
    found = line(lee("W3[1,1]"), "W3[1,1]")
    assert found.local_formula == "a2[1]"
    assert_printed((found.local, found.upstream), (0.110737444, 0.117468133))
    assert_printed(found.contribution, 0.013008121)


@pytest.mark.parametrize(
    ("weight", "before", "value"),
    [
        ("W1[0,0]", "x[0]", 1),
        ("W1[0,1]", "x[1]", -1),
        ("W2[0,1]", "a1[1]", 0.119202922),
        ("W3[1,1]", "a2[1]", 0.110737444),
    ],
)
def test_the_derivative_by_a_weight_is_its_input(weight, before, value):  # 0.9
    found = line(lee(weight), weight)
    assert found.local_formula == before
    assert_printed(found.local, value)


def test_at_a_neuron_the_slope_meets_what_came_from_above():  # 0.10, 0.11
    found = line(lee("W1[0,0]"), "z1[0]")
    assert found.local_formula == "sigmoid(z1[0]) * (1 - sigmoid(z1[0]))"
    assert_printed((found.local, found.upstream), (0.017662706, -0.20184692))
    assert_printed(found.contribution, -0.003565163)


@pytest.mark.parametrize(
    ("z", "slope"), [(4.0, 0.017662706213), (-2.0, 0.104993585404), (0.0, 0.25)]
)
def test_the_slope_of_a_sigmoid(z, slope):  # 0.11
    (found,) = cr.explain(nn.sigmoid, z).records()
    assert_printed(found.local, slope)


def test_every_term_of_the_sum_over_the_next_layer():  # 0.12, 4.10
    e = lee("W1[0,0]")
    first, second = line(e, "a1[0]", "z2[0]"), line(e, "a1[0]", "z2[1]")
    assert (first.local, second.local) == (2, -2)
    assert (first.local_formula, second.local_formula) == ("W2[0,0]", "W2[1,0]")
    assert_printed((first.upstream, second.upstream), (-0.045762892, 0.055160568))
    assert_printed(first.total, -0.20184692)
    assert_printed(first.contribution + second.contribution, -0.20184692)
    assert "2·(−0.0457629) + (−2)·0.0551606 ≈ −0.201847" in str(e)


def test_paths_from_a_weight():  # 1.5
    paths = lee("W1[0,0]").paths()
    assert paths.count == 4
    assert_printed(sum(p.product for p in paths.strongest), -0.003565163)
    assert_printed(paths.total, -0.003565163)


def test_a_hidden_neuron_on_one_line():  # 1.6, 4.14
    chain = lee("z1[0]").chain(depth=2)
    assert chain.symbolic() == ("σ(z1[0])·(1 − σ(z1[0]))·(W2[0,0]·∂C/∂z2[0] + W2[1,0]·∂C/∂z2[1])")
    assert chain.substituted() == "σ(4)·(1 − σ(4))·(2·(−0.0457629) + (−2)·0.0551606)"
    assert_printed(chain.value, -0.003565163)


@pytest.mark.parametrize(
    ("neuron", "slope", "above", "product"),
    [
        ("z3[0]", 0.236145585, -0.382295222, -0.090277329),
        ("z3[1]", 0.141677403, 0.829123984, 0.117468133),
    ],
)
def test_the_output_layer(neuron, slope, above, product):  # 1.9, 4.13
    found = line(lee(neuron), neuron)
    assert_printed((found.local, found.upstream, found.contribution), (slope, above, product))


def sum_then_product(x, y, z):
    q = x + y
    f = q * z
    return f  # noqa: RET504


def test_steps_come_in_reverse_order():  # 4.2, 4.3, 4.8
    e = cr.explain(sum_then_product, -2.0, 5.0, -4.0)
    assert list(dict.fromkeys(r.op for r in e.records())) == ["multiply", "add"]
    assert {w.label.name: w.value for w in e.forward()} == {
        "x": -2,
        "y": 5,
        "z": -4,
        "q": 3,
        "f": -12,
    }
    assert all(r.upstream * r.local == r.contribution for r in e.records())


def test_local_derivatives_and_gradients_on_every_wire():  # 4.4, 4.5, 4.6
    e = cr.explain(sum_then_product, -2.0, 5.0, -4.0)
    local = {(r.name, r.argument): (r.local, r.local_formula) for r in e.records()}
    assert local["f", "q"] == (-4, "z")
    assert local["f", "z"] == (3, "q")
    assert local["q", "x"][0] == local["q", "y"][0] == 1
    assert {w.label.name: w.total for w in e.forward()} == {
        "f": 1,
        "z": 3,
        "q": -4,
        "x": -4,
        "y": -4,
    }
    assert "−4        · 1        = −4" in str(e)


def test_the_whole_formula_with_numbers():  # 4.12
    chain = lee("W1[0,0]").chain(depth=3)
    assert chain.symbolic() == (
        "x[0]·(σ(z1[0])·(1 − σ(z1[0]))·(W2[0,0]·∂C/∂z2[0] + W2[1,0]·∂C/∂z2[1]))"
    )
    assert_printed(chain.value, -0.003565163)
    assert_printed(lee("W1[0,1]").chain().value, 0.003565163)


def test_a_tree_goes_to_any_depth():  # 4.14, 4.15
    e = lee("z2[0]")
    assert (
        e.chain(depth=2).substituted()
        == "σ(1.84482)·(1 − σ(1.84482))·(3·(−0.0902773) + (−1)·0.117468)"
    )
    assert_printed(e.chain().value, -0.045762892)
    assert len(e.tree(depth=1).splitlines()) == 1
    assert "W3[0,0]·∂C/∂z3[0] + W3[1,0]·∂C/∂z3[1]" in e.tree(depth=2)


def test_the_header_names_reduction_and_activation():
    facts = dict(lee().facts)
    assert facts["reduction"] == "sum over 2 entries, times 0.5"
    assert facts["output activation"] == "sigmoid (y)"


def test_a_derivative_tells_what_a_nudge_does():  # B.1
    e = cr.explain(lambda x, y: x * y, 4.0, -3.0)
    assert e.value == -12
    assert e.gradient == {"x": -3, "y": 4}
    assert [entry.verdict for _, entry in e.checks] == ["good", "good"]


def neuron(w, x):
    z = w[0] * x[0] + w[1] * x[1] + w[2]
    n = -z
    t = np.exp(n)
    d = t + 1
    f = 1 / d
    return f  # noqa: RET504


def test_a_neuron_gate_by_gate():  # B.2
    e = cr.explain(neuron, lecture.NEURON_WEIGHTS, lecture.NEURON_INPUTS)
    values = {"z": 1, "n": -1, "t": 0.367879441171, "d": 1.367879441171, "f": 0.73105857863}
    slopes = {
        "z": 0.196611933241,
        "n": -0.196611933241,
        "t": -0.534446645389,
        "d": -0.534446645389,
        "f": 1,
    }
    for name, value in values.items():
        assert_printed((wire(e, name).value, wire(e, name).total), (value, slopes[name]))
    assert_printed(e.gradient["w"], (-0.196611933241, -0.393223866483, 0.196611933241))
    assert_printed(e.gradient["x"], (0.393223866483, -0.589835799724))
    assert line(e, "w[1]").local_formula == "x[1]"
    assert [r.value for r in e.records() if r.op == "multiply"] == [6, 6, -2, -2]


def test_one_sigmoid_gate_is_worth_four():  # B.2d
    (gate,) = cr.explain(nn.sigmoid, 1.0).records()
    four = cr.explain(lambda z: 1 / (1 + np.exp(-z)), 1.0).gradient["z"]
    np.testing.assert_array_max_ulp(np.float64(gate.contribution), np.float64(four))


def forks(x, y):
    sigmoid_y = nn.sigmoid(y)
    numerator = x + sigmoid_y
    sigmoid_x = nn.sigmoid(x)
    total = x + y
    square = total**2
    denominator = sigmoid_x + square
    inverse = 1 / denominator
    f = numerator * inverse
    return f  # noqa: RET504


@pytest.mark.parametrize(
    ("name", "value", "slope"),
    [("total", -1, 1.583186894545), *(row for row in lecture.FORKS if row[0] != "sum")],
)
def test_forks_stage_by_stage(name, value, slope):  # B.3a, B.3b, 4.7
    found = wire(cr.explain(forks, 3.0, -4.0), name)
    assert_printed((found.value, found.total), (value, slope))


def test_forks_add_up():  # B.3c
    e = cr.explain(forks, 3.0, -4.0)
    by_x = sorted(r.contribution for r in lines(e, "x"))
    by_y = sorted(r.contribution for r in lines(e, "y"))
    assert_printed(by_x, (-0.035761547813, 0.51214444884, 1.583186894545))
    assert_printed(by_y, (0.009045856939, 1.583186894545))
    assert_printed((e.gradient["x"], e.gradient["y"]), (2.059569795572, 1.592232751484))


def test_a_circuit_adds_routes_and_switches():  # B.4
    def f(x, y, z, w):
        p = x * y
        m = np.maximum(z, w)
        s = p + m
        return 2 * s

    e = cr.explain(f, 3.0, -4.0, 2.0, -1.0)
    assert e.value == -20
    assert {n: (wire(e, n).value, wire(e, n).total) for n in "pms"} == {
        "p": (-12, 2),
        "m": (2, 2),
        "s": (-10, 2),
    }
    assert e.gradient == {"x": -8, "y": 6, "z": 2, "w": 0}


def test_a_tie_is_named_with_its_rule():  # B.5
    def largest(x):
        top = np.max(x)
        return top  # noqa: RET504

    e = cr.explain(largest, np.array([2.0, 2.0, 1.0]))
    assert e.gradient["x"].tolist() == [0.5, 0.5, 0.0]
    rule = dict(e.facts)["tie rule"]
    assert rule == "max: equal largest entries share the gradient evenly; tied here: top"
    assert "no tie here" in str(cr.explain(largest, np.array([2.0, 1.0])))


def test_a_value_used_twice_collects_both_contributions():  # B.6
    square = cr.explain(lambda x: x * x, 3.0)
    assert [r.contribution for r in square.records()] == [3, 3]
    assert square.gradient == {"x": 6}
    e = cr.explain(lambda x, y: x * y + x, 2.0, 5.0)
    assert sorted(r.contribution for r in lines(e, "x")) == [1, 5]
    assert e.gradient == {"x": 6, "y": 2}


def test_a_matrix_product_shows_its_dimensions(rng):  # B.7
    def f(W, X):
        D = W @ X
        return np.sum(D)

    e = cr.explain(f, np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[5.0, 6.0], [7.0, 8.0]]))
    assert wire(e, "D").value.tolist() == [[19, 22], [43, 50]]
    by_w, by_x = line(e, "W"), line(e, "X")
    assert (by_w.local_formula, by_x.local_formula) == ("g @ Xᵀ", "Wᵀ @ g")
    assert by_w.contribution.tolist() == [[11, 15], [11, 15]]
    assert by_x.contribution.tolist() == [[4, 4], [6, 6]]
    wide = cr.explain(f, rng.standard_normal((5, 10)), rng.standard_normal((10, 3)))
    assert line(wide, "W").shapes == "(5, 3) → (5, 10)"
    assert line(wide, "X").shapes == "(5, 3) → (10, 3)"
    assert "(5, 3) → (5, 10)" in str(wide)
