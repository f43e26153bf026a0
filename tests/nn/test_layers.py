"""Layers: their values, their gradients, and what they reject."""

import numpy as np
import pytest

import chainrule as cr
from chainrule import nn, tree
from chainrule.errors import ArgumentError, DTypeError, ShapeError


def slopes(f, params, step=1e-6):
    """Return centred differences of `f` for every number in a container."""
    leaves, structure = tree.flatten(params)

    def at(i, leaf):
        return f(tree.unflatten(structure, [*leaves[:i], leaf, *leaves[i + 1 :]]))

    found = []
    for i, leaf in enumerate(leaves):
        slope = np.empty(leaf.shape)
        for index in np.ndindex(leaf.shape):
            bump = np.zeros_like(leaf)
            bump[index] = step
            slope[index] = (at(i, leaf + bump) - at(i, leaf - bump)) / (2 * step)
        found.append(slope)
    return found


def assert_gradient_is_right(loss, model):
    expected = slopes(loss, model)
    gradient = cr.grad(loss)(model)
    assert tree.flatten(gradient)[1] == tree.flatten(model)[1]
    for got, slope in zip(tree.leaves(gradient), expected, strict=True):
        np.testing.assert_allclose(got, slope, rtol=1e-6, atol=1e-8)


# Linear


def test_linear_on_one_example_and_on_a_batch(rng):
    layer = nn.Linear.create(3, 2, rng=rng, dtype=float)
    batch = rng.standard_normal((4, 5, 3))
    assert layer(batch).shape == (4, 5, 2)
    np.testing.assert_allclose(layer(batch)[1, 2], layer(batch[1, 2]))
    np.testing.assert_allclose(layer(batch[0]), batch[0] @ layer.weight + layer.bias)


def test_linear_starts_with_a_bias_of_zero_or_without_one(rng):
    assert nn.Linear.create(3, 2, rng=rng).bias.tolist() == [0.0, 0.0]
    layer = nn.Linear.create(3, 2, rng=rng, bias=False)
    assert layer.bias is None
    assert layer(np.ones(3, np.float32)).shape == (2,)
    assert len(tree.leaves(layer)) == 1


def test_linear_uses_the_initializer_and_dtype_it_is_given(rng):
    layer = nn.Linear.create(3, 2, rng=rng, dtype=np.float64, initializer=nn.zeros)
    assert layer.weight.tolist() == [[0.0, 0.0]] * 3
    assert layer.weight.dtype == layer.bias.dtype == np.float64
    assert nn.Linear.create(3, 2, rng=rng)(np.ones(3, np.float32)).dtype == np.float32


@pytest.mark.parametrize("shape", [(5, 4), (4,), ()])
def test_linear_rejects_an_input_of_another_size(shape, rng):
    layer = nn.Linear.create(3, 2, rng=rng)
    expected = r"Linear\(3, 2\): the input has shape \(.*\)\. Expected \(3,\) or \(\.\.\., 3\)\."
    with pytest.raises(ShapeError, match=expected):
        layer(np.ones(shape, np.float32))


@pytest.mark.parametrize(
    ("weight", "bias", "message"),
    [
        ((3,), None, r"Linear: weight has shape \(3,\)\. Expected \(inputs, outputs\)"),
        ((3, 2), (3,), r"Linear: bias has shape \(3,\)\. Expected \(2,\)"),
        ((3, 2), (1, 2), r"Linear: bias has shape \(1, 2\)\. Expected \(2,\)"),
    ],
)
def test_linear_rejects_parameters_that_do_not_fit(weight, bias, message):
    with pytest.raises(ShapeError, match=message):
        nn.Linear(np.ones(weight), None if bias is None else np.ones(bias))


# LayerNorm


def test_layer_norm_normalises_every_example(rng):
    layer = nn.LayerNorm.create(6, dtype=float, epsilon=1e-12)
    out = layer(5 + 3 * rng.standard_normal((4, 6)))
    np.testing.assert_allclose(out.mean(axis=-1), 0, atol=1e-12)
    np.testing.assert_allclose(out.std(axis=-1), 1, rtol=1e-9)
    assert layer(np.full(6, 7.0)).tolist() == [0.0] * 6


def test_layer_norm_scales_and_shifts():
    layer = nn.LayerNorm(np.array([2.0, 3.0]), np.array([1.0, -1.0]), epsilon=0.0)
    np.testing.assert_allclose(layer(np.array([4.0, 8.0])), [-1.0, 2.0])


def test_layer_norm_keeps_float32():
    assert nn.LayerNorm.create(2)(np.ones((3, 2), np.float32)).dtype == np.float32


def test_layer_norm_has_the_right_gradient(rng):
    layer = nn.LayerNorm(rng.standard_normal(4), rng.standard_normal(4))
    x = rng.standard_normal((3, 4))
    assert_gradient_is_right(lambda layer: np.sum(np.sin(layer(x))), layer)
    assert_gradient_is_right(lambda x: np.sum(np.sin(layer(x))), x)


@pytest.mark.parametrize(
    ("scale", "offset", "message"),
    [
        ((2, 2), (2,), r"LayerNorm: scale has shape \(2, 2\)\. Expected \(features,\)"),
        ((2,), (3,), r"LayerNorm: offset has shape \(3,\)\. Expected \(2,\)"),
    ],
)
def test_layer_norm_rejects_parameters_that_do_not_fit(scale, offset, message):
    with pytest.raises(ShapeError, match=message):
        nn.LayerNorm(np.ones(scale), np.ones(offset))


def test_layer_norm_rejects_an_input_of_another_size():
    with pytest.raises(ShapeError, match=r"LayerNorm\(2\): the input has shape \(3,\)"):
        nn.LayerNorm.create(2)(np.ones(3, np.float32))


# Embedding


def test_embedding_looks_rows_up(rng):
    layer = nn.Embedding.create(5, 3, rng=rng)
    indices = np.array([[4, 0], [1, 1]])
    assert layer(indices).shape == (2, 2, 3)
    np.testing.assert_array_equal(layer(indices)[0, 0], layer.table[4])
    np.testing.assert_array_equal(layer([4, 0]), layer(indices)[0])


def test_the_gradient_of_an_embedding_counts_how_often_a_row_was_used():
    layer = nn.Embedding(np.ones((3, 2)))
    gradient = cr.grad(lambda layer: np.sum(layer(np.array([2, 2, 0]))))(layer)
    assert gradient.table.tolist() == [[1.0, 1.0], [0.0, 0.0], [2.0, 2.0]]


def test_embedding_rejects_what_is_no_index():
    layer = nn.Embedding(np.ones((3, 2)))
    with pytest.raises(DTypeError, match=r"Embedding: indices are float64\. Expected integers"):
        layer(np.array([1.0]))
    with pytest.raises(IndexError):
        layer(np.array([3]))
    with pytest.raises(ShapeError, match=r"table has shape \(3,\)\. Expected \(symbols, features"):
        nn.Embedding(np.ones(3))


# Dropout


def test_dropout_does_nothing_unless_it_is_given_a_generator():
    x = np.arange(4.0)
    assert nn.Dropout(0.5)(x) is x
    assert nn.Dropout(0.25, inverted=False)(x).tolist() == [0.0, 0.75, 1.5, 2.25]


@pytest.mark.parametrize(("inverted", "kept"), [(True, 4.0), (False, 1.0)])
def test_dropout_drops_its_share_while_training(inverted, kept, rng):
    out = nn.Dropout(0.75, inverted=inverted)(np.ones(10_000, np.float32), rng=rng)
    assert out.dtype == np.float32
    assert np.unique(out).tolist() == [0.0, kept]
    np.testing.assert_allclose(np.mean(out == 0), 0.75, atol=0.02)


def test_dropout_lets_the_gradient_through_where_it_kept_the_value():
    def dropped(x):
        return nn.Dropout(0.5)(x, rng=np.random.default_rng(3))

    x = np.ones(8)
    np.testing.assert_array_equal(cr.grad(lambda x: np.sum(dropped(x)))(x), dropped(x))


@pytest.mark.parametrize("rate", [-0.1, 1.0, float("nan")])
def test_dropout_rejects_what_is_no_rate(rate):
    with pytest.raises(ArgumentError, match=r"Dropout: rate=.*\. Expected 0 <= rate < 1"):
        nn.Dropout(rate)


# Models


def test_mlp_is_its_layers_with_the_activation_between(rng):
    model = nn.MLP.create([3, 4, 5, 2], np.tanh, rng=rng, dtype=float)
    x = rng.standard_normal((6, 3))
    first, second, third = model.layers
    np.testing.assert_allclose(model(x), third(np.tanh(second(np.tanh(first(x))))))
    np.testing.assert_allclose(model(x[0]), model(x)[0])
    assert model.sizes == (3, 4, 5, 2)


def test_mlp_keeps_float32(rng):
    model = nn.MLP.create([3, 4, 2], rng=rng)
    x = np.ones((5, 3), np.float32)
    gradient = cr.grad(lambda model: np.mean(model(x) ** 2))(model)
    assert model(x).dtype == np.float32
    assert {leaf.dtype for leaf in tree.leaves(gradient)} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    "activation",
    [nn.tanh, nn.sigmoid, nn.silu, nn.gelu, nn.elu, nn.softplus],
    ids=lambda f: f.__name__,
)
def test_mlp_has_the_right_gradient(activation, rng):
    model = nn.MLP.create([3, 4, 2], activation, rng=rng, dtype=float)
    x = rng.standard_normal((5, 3))
    assert_gradient_is_right(lambda model: np.sum(np.sin(model(x))), model)


def test_one_seed_gives_one_model():
    models = [nn.MLP.create([3, 4, 2], rng=np.random.default_rng(7)) for _ in range(2)]
    for x, y in zip(*map(tree.leaves, models), strict=True):
        np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize("sizes", [(3,), (), (3, 0, 2)])
def test_mlp_rejects_sizes_that_make_no_layers(sizes, rng):
    with pytest.raises(ArgumentError, match=r"sizes=.*Expected two or more positive sizes"):
        nn.MLP.create(sizes, rng=rng)


def test_mlp_rejects_layers_that_do_not_fit_and_names_them():
    layers = (nn.Linear(np.ones((2, 3))), nn.Linear(np.ones((3, 4))), nn.Linear(np.ones((5, 1))))
    expected = (
        r"MLP: layers\[1\] has a weight of shape \(3, 4\), layers\[2\] one of shape \(5, 1\)\. "
        r"Expected the second to take 4 inputs"
    )
    with pytest.raises(ShapeError, match=expected):
        nn.MLP(layers)
    with pytest.raises(ArgumentError, match=r"layers=\(\)\. Expected one layer or more"):
        nn.MLP(())


def test_sequential_calls_layers_and_functions_in_order(rng):
    first, last = nn.Linear.create(3, 4, rng=rng), nn.Linear.create(4, 2, rng=rng)
    model = nn.Sequential((first, np.tanh, last))
    x = np.ones((5, 3), np.float32)
    np.testing.assert_array_equal(model(x), last(np.tanh(first(x))))
    assert len(tree.leaves(model)) == 4


def test_sequential_hands_the_generator_to_those_who_draw():
    model = nn.Sequential((np.sqrt, nn.Sequential((nn.Dropout(0.5),))))
    x = np.full(100, 4.0)
    assert set(model(x).tolist()) == {2.0}
    assert set(model(x, rng=np.random.default_rng(0)).tolist()) == {0.0, 4.0}


def test_sequential_has_the_right_gradient(rng):
    model = nn.Sequential(
        (
            nn.Linear.create(3, 4, rng=rng, dtype=float),
            nn.LayerNorm.create(4, dtype=float),
            nn.tanh,
            nn.Linear.create(4, 2, rng=rng, dtype=float, bias=False),
        )
    )
    x = rng.standard_normal((5, 3))
    assert_gradient_is_right(lambda model: np.sum(np.sin(model(x))), model)
