"""Train a small language model, four layers of attention, on a few lines of text, letter by letter.

Run it with `python examples/gpt.py`.
"""

from typing import Any

import numpy as np

import chainrule as cr

TEXT = """the gradient flows from the loss to the leaves,
each gate on its way takes its share and believes
what came from above, times the slope it has kept,
and where paths meet again the shares are all swept
together to one, which is all that we need
to take the next step, and again, and succeed.
"""
LETTERS = sorted(set(TEXT))
LAYERS, HEADS, WIDTH, LENGTH = 4, 4, 32, 16
Parameters = dict[str, Any]


def created(rng: np.random.Generator) -> Parameters:
    """Draw the parameters of a new model."""

    def drawn(*shape: int) -> np.ndarray:
        return rng.normal(scale=shape[0] ** -0.5, size=shape)

    return {
        "letters": drawn(len(LETTERS), WIDTH),
        "places": drawn(LENGTH, WIDTH),
        "layers": [
            {
                "norm": np.ones(WIDTH),
                "attend": drawn(WIDTH, 3 * WIDTH),
                "mix": drawn(WIDTH, WIDTH) / LAYERS,
                "norm2": np.ones(WIDTH),
                "widen": drawn(WIDTH, 4 * WIDTH),
                "narrow": drawn(4 * WIDTH, WIDTH) / LAYERS,
            }
            for _ in range(LAYERS)
        ],
        "norm": np.ones(WIDTH),
    }


def normalized(x: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Bring every vector to mean 0 and variance 1, then to a learned scale."""
    centered = x - np.mean(x, axis=-1, keepdims=True)
    variance = np.mean(centered**2, axis=-1, keepdims=True)
    return centered / np.sqrt(variance + 1e-5) * scale


def attention(x: np.ndarray, layer: Parameters) -> np.ndarray:
    """Let every letter look at those before it."""
    batch, length, width = x.shape
    parts = (x @ layer["attend"]).reshape(batch, length, 3, HEADS, width // HEADS)
    query, key, value = (parts[:, :, i].transpose(0, 2, 1, 3) for i in range(3))
    scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(width // HEADS)
    scores = scores + np.triu(np.full((length, length), -1e9), 1)
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    mixed = (weights @ value).transpose(0, 2, 1, 3).reshape(batch, length, width)
    return mixed @ layer["mix"]


def widened(x: np.ndarray, layer: Parameters) -> np.ndarray:
    """Apply the two layers that look at one letter alone."""
    hidden = np.maximum(x @ layer["widen"], 0)
    return hidden @ layer["narrow"]


def loss(parameters: Parameters, text: np.ndarray, following: np.ndarray) -> np.ndarray:
    """Return how surprised the model is by the letters that follow, per letter."""
    h = parameters["letters"][text] + parameters["places"]
    for layer in parameters["layers"]:
        h = h + attention(normalized(h, layer["norm"]), layer)
        h = h + widened(normalized(h, layer["norm2"]), layer)
    z = normalized(h, parameters["norm"]) @ parameters["letters"].T
    z = z - np.max(z, axis=-1, keepdims=True)
    chosen = np.take_along_axis(z, following[..., None], axis=-1)
    return np.mean(np.log(np.sum(np.exp(z), axis=-1)) - chosen[..., 0])


def batch(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut pieces out of the text, and the same pieces one letter later."""
    numbers = np.array([LETTERS.index(letter) for letter in TEXT])
    starts = rng.integers(0, len(numbers) - LENGTH - 1, size)
    places = starts[:, None] + np.arange(LENGTH)
    return numbers[places], numbers[places + 1]


def main() -> None:
    """Train for a hundred steps, and say how surprised the model still is."""
    rng = np.random.default_rng(0)
    parameters = created(rng)
    optimizer = cr.optim.adam(learning_rate=0.004)
    state = optimizer.init(parameters)
    for step in range(101):
        value, gradient = cr.value_and_grad(loss)(parameters, *batch(rng, 8))
        updates, state = optimizer.update(gradient, state, parameters)
        parameters = cr.optim.apply_updates(parameters, updates)
        if step % 20 == 0:
            print(f"step {step:3}: loss {value:.3f}  (at chance {np.log(len(LETTERS)):.3f})")


if __name__ == "__main__":
    main()
