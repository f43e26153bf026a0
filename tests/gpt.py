"""A small GPT in plain NumPy, and a step of its training; tests plant mistakes in its lines."""

import numpy as np

import chainrule as cr

HEADS = 2


def create(rng, symbols=11, width=8, length=6, blocks=2):
    """Return parameters."""

    def drawn(*shape):
        return rng.normal(size=shape) / np.sqrt(shape[0])

    return {
        "tokens": drawn(symbols, width),
        "places": drawn(length, width),
        "blocks": [
            {
                "first": {"scale": np.ones(width), "offset": np.zeros(width)},
                "qkv": drawn(width, 3 * width),
                "mixing": drawn(width, width),
                "second": {"scale": np.ones(width), "offset": np.zeros(width)},
                "wide": drawn(width, 4 * width),
                "narrow": drawn(4 * width, width),
            }
            for _ in range(blocks)
        ],
        "last": {"scale": np.ones(width), "offset": np.zeros(width)},
    }


def create_batch(rng, symbols=11, length=6, examples=3):
    """Return symbols, the symbols that follow them, and how much each counts."""
    text = rng.integers(symbols, size=(examples, length + 1))
    return {"x": text[:, :-1], "y": text[:, 1:], "weights": np.ones((examples, length))}


def normalised(x, p):
    centred = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centred**2, axis=-1, keepdims=True)
    deviation = np.sqrt(variance + 1e-5)
    return centred / deviation * p["scale"] + p["offset"]


def in_heads(x):
    batch, length, width = x.shape
    return x.reshape(batch, length, HEADS, width // HEADS).transpose(0, 2, 1, 3)


def attention(x, p):
    batch, length, width = x.shape
    q, k, v = np.split(x @ p["qkv"], 3, axis=-1)
    q, k, v = in_heads(q), in_heads(k), in_heads(v)
    scores = q @ k.transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)
    mask = np.tril(np.ones((length, length), dtype=bool))
    scores = np.where(mask, scores, -np.inf)
    scores = scores - np.max(scores, axis=-1, keepdims=True)
    weights = np.exp(scores)
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    mixed = (weights @ v).transpose(0, 2, 1, 3).reshape(batch, length, width)
    return mixed @ p["mixing"]


def feed_forward(x, p):
    wide = x @ p["wide"]
    bent = 0.5 * wide * (1 + np.tanh(np.sqrt(2 / np.pi) * (wide + 0.044715 * wide**3)))
    return bent @ p["narrow"]


def logits(p, x):
    h = p["tokens"][x] + p["places"]
    for block in p["blocks"]:
        h = h + attention(normalised(h, block["first"]), block)
        h = h + feed_forward(normalised(h, block["second"]), block)
    return normalised(h, p["last"]) @ p["tokens"].T


def loss(p, batch):
    z = logits(p, batch["x"])
    z = z - np.max(z, axis=-1, keepdims=True)
    logarithms = z - np.log(np.sum(np.exp(z), axis=-1, keepdims=True))
    chosen = np.take_along_axis(logarithms, batch["y"][..., None], axis=-1)[..., 0]
    return -np.mean(batch["weights"] * chosen)


def step(p, batch, rate=0.1):
    value, gradient = cr.value_and_grad(loss)(p, batch)
    moved = cr.tree.map(lambda x, g: x - rate * g, p, gradient)
    return moved, value
