"""Pictures: what they show, that they are whole, and that they are the same every time."""

import re
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from tests import lecture
from tests.lecture import assert_printed

import chainrule as cr
from chainrule import nn
from chainrule.errors import ArgumentError
from chainrule.explanation.drawing import asset
from chainrule.explanation.network import network

SVG = "{http://www.w3.org/2000/svg}"


def circuit(x, y, z):
    q = x + y
    return q * z


def fork(s):
    x = s**2
    y = s**3
    z = x * y
    return z  # noqa: RET504  the name is what the picture shows


def root(text):
    return ET.fromstring(text)  # noqa: S314  our own text


def texts(text, kind):
    return [e.text for e in root(text).iter(f"{SVG}text") if kind in e.get("class", "").split()]


def lee(loss="HSE"):
    return cr.explain(lecture.LOSSES[loss], lecture.PARAMETERS)


def layers(explanation, example=0):
    return network(explanation.tape, explanation._flow, example)


def test_the_graph_shows_values_gradients_and_local_derivatives():  # 4.1 to 4.6
    picture = cr.explain(circuit, -2.0, 5.0, -4.0).svg()
    assert texts(picture, "cr-symbol") == ["x", "y", "z", "+", "×"]
    assert texts(picture, "cr-value") == ["−2", "5", "−4", "3", "−12"]
    assert texts(picture, "cr-gradient") == ["−4", "−4", "3", "−4", "1"]
    assert sorted(texts(picture, "cr-local")) == ["× 1", "× 1", "× 3", "× −4"]
    assert len(re.findall(r'class="cr-wire', picture)) == 4


def test_a_fork_and_a_join_carry_their_local_derivatives():  # 0.4
    picture = cr.explain(fork, 2.0).svg()
    assert sorted(texts(picture, "cr-local")) == ["× 12", "× 4", "× 4", "× 8"]
    assert texts(picture, "cr-name") == ["x", "y", "z"]


def test_the_sign_of_a_contribution_shows_without_colour():
    picture = cr.explain(circuit, -2.0, 5.0, -4.0).svg()
    assert picture.count("cr-wire cr-minus") == 3
    assert picture.count("cr-wire cr-plus") == 1
    assert re.search(r"\.cr-minus \{[^}]*stroke-dasharray", picture)


def test_a_larger_contribution_is_drawn_wider():
    picture = cr.explain(lambda x, y: 100 * x + y, 1.0, 1.0).svg()
    widths = [float(w) for w in re.findall(r'class="cr-wire[^>]*stroke-width="([\d.]+)"', picture)]
    assert max(widths) > 3 * min(widths)


@pytest.mark.parametrize("view", ["graph", "network", "reverse"])
def test_a_picture_is_the_same_every_time_and_says_what_it_is(view):
    picture = lee().svg(view)
    assert picture == lee().svg(view)
    top = root(picture)
    title, description = top[0], top[1]
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert title.text
    assert "0." in description.text
    assert top.get("role") == "img"


def test_names_of_the_user_are_escaped():
    picture = cr.explain(lambda p: p["a<b&c"] ** 2, {"a<b&c": 2.0}).svg()
    assert "p['a<b&c']" in texts(picture, "cr-symbol")


def test_numbers_that_are_none_can_be_drawn():
    with np.errstate(all="ignore"):
        root(cr.explain(lambda x: np.log(x) * x, np.float64(0)).svg())
        root(cr.explain(lambda x: np.sqrt(x - 2), np.float64(1)).svg())


@pytest.mark.parametrize(("loss", "value", "expected"), lecture.BACKWARD)
def test_the_network_has_the_lectures_gradients(loss, value, expected):
    layer = layers(lee(loss)).layers[{"1": 0, "2": 1}.get(value[-1], 2)]
    got = layer.gradient_z if value[0] == "z" else layer.gradient_a
    assert_printed(got, expected)


@pytest.mark.parametrize(("loss", "expected"), lecture.INPUT)
def test_the_reverse_network_ends_at_the_gradient_of_the_inputs(loss, expected):
    assert_printed(layers(lee(loss)).gradient_x, expected)


@pytest.mark.parametrize(("layer", "expected", "_"), lecture.SLOPES)
def test_the_amplifiers_have_the_lectures_gains(layer, expected, _):  # 1.7
    found = layers(lee()).layers[layer - 1]
    assert found.activation == "sigmoid"
    assert_printed(found.slope, expected)
    assert_printed(found.weights, lecture.PARAMETERS[f"W{layer}"])


def test_the_reverse_network_is_drawn_with_a_triangle_per_neuron():  # 1.7
    picture = lee().svg("reverse", digits=6)
    assert picture.count('class="cr-triangle"') == 6
    gains = [t[2:] for t in texts(picture, "cr-small")]
    assert gains == ["0.0176627", "0.104994", "0.117854", "0.0984747", "0.236146", "0.141677"]
    assert texts(picture, "cr-weight") == [
        *("1", "−2", "−1", "1"),
        *("2", "−1", "−2", "−1"),
        *("3", "−1", "−1", "4"),
    ]


def test_the_forward_network_shows_what_the_slide_shows():
    values = texts(lee().svg("network", digits=2), "cr-value")
    assert values == ["1", "−1", "0.98", "0.12", "0.86", "0.11", "0.62", "0.83", "f ≈ 0.42"]


def test_softmax_with_its_loss_leaves_the_last_layer_without_activation():
    last = layers(lee("SCE")).layers[-1]
    assert last.activation == ""
    np.testing.assert_array_equal(last.slope, [1, 1])


@pytest.mark.parametrize("activation", [nn.relu, nn.silu, np.tanh, nn.gelu, nn.softplus])
def test_the_slope_times_the_gradient_of_an_activation_is_the_gradient_of_its_sum(activation, rng):
    model = nn.MLP.create([3, 5, 4, 2], rng=rng, dtype=float, activation=activation)
    x, y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    explained = cr.explain(lambda m: np.mean((m(x) - y) ** 2), model)
    for example in (0, 6):
        found = layers(explained, example)
        assert found.examples == 7
        for layer in found.layers:
            np.testing.assert_allclose(layer.slope * layer.gradient_a, layer.gradient_z, rtol=1e-12)
        first = model.layers[0]
        np.testing.assert_allclose(found.layers[0].z, x[example] @ first.weight + first.bias)


def test_of_a_wide_layer_the_largest_gradients_are_drawn(rng):
    model = nn.MLP.create([30, 20, 3], rng=rng, dtype=float)
    x, y = rng.normal(size=(4, 30)), rng.integers(0, 3, 4)
    explained = cr.explain(lambda m: np.mean(nn.functional.softmax_cross_entropy(m(x), y)), model)
    picture = explained.svg("reverse", example=3)
    assert picture.count('class="cr-triangle"') == 13
    assert "… 10 more" in picture
    assert "example 3 of 4" in picture


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda w: np.sum(w**2), "no product with a matrix of weights"),
        (lambda w: np.sum((X @ w) * (X @ (2 * w) + X @ w)), "no single chain"),
        (lambda w: np.sum(np.cumsum(X @ w, axis=1) @ w), "more than an activation"),
    ],
)
def test_what_is_no_chain_of_layers_is_refused(function, reason):
    with pytest.raises(ArgumentError, match=reason):
        cr.explain(function, np.eye(3)).svg("network")


X = np.arange(6.0).reshape(2, 3)


def test_a_view_that_is_not_known_is_refused():
    with pytest.raises(ArgumentError, match="view='cake'"):
        lee().svg("cake")


def test_an_example_that_the_batch_does_not_have_is_refused():
    with pytest.raises(ArgumentError, match="example=1"):
        lee().svg("network", example=1)


def luminance(colour):
    """Relative luminance as the Web Content Accessibility Guidelines 2.2 define it."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return float(np.dot(linear, (0.2126, 0.7152, 0.0722)))


def contrast(a, b):
    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [0, 1, 2])
def test_texts_and_lines_stand_out_in_light_and_dark(theme):
    blocks = re.findall(r"\{([^{}]*--cr-ink:[^{}]*)\}", asset("picture.css"))
    assert len(blocks) == 3  # light, dark by the system, dark by choice
    colours = dict(re.findall(r"--cr-([\w-]+): (#\w{6})", blocks[theme]))
    for text in ("ink", "quiet", "value", "gradient"):
        for ground in ("paper", "gate", "fold"):
            assert contrast(colours[text], colours[ground]) >= 4.5, (text, ground)
    for line in ("positive", "negative"):
        assert contrast(colours[line], colours["paper"]) >= 3, line


def test_both_ways_to_the_dark_have_the_same_colours():
    blocks = re.findall(r"\{([^{}]*--cr-ink:[^{}]*)\}", asset("picture.css"))
    by_system, by_choice = (re.findall(r"--cr-[\w-]+: #\w+", block) for block in blocks[1:])
    assert by_system == by_choice
