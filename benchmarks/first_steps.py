"""Steps whose first call `first_calls.py` measures, in plain NumPy: each comes with its arguments."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

import chainrule as cr

Step = tuple[Callable[..., Any], tuple[Any, ...]]
f32 = np.float32


def mlp() -> Step:
    """Return a step of a 784-128-64-10 network: ReLU, cross-entropy, Adam, batch 64."""
    rng = np.random.default_rng(0)
    sizes = (784, 128, 64, 10)
    parameters = []
    for n, m in itertools.pairwise(sizes):
        parameters += [normal(rng, (n, m), (2 / n) ** 0.5), np.zeros(m, f32)]
    x = normal(rng, (64, 784), 1.0)
    return adam_step(mlp_loss, decay=0.0), (*state_of(parameters), x, rng.integers(0, 10, 64))


def gpt() -> Step:
    """Return a step of a GPT: 4 layers, width 128, 4 heads, 64 symbols of 65 in 12 examples, AdamW."""
    rng = np.random.default_rng(0)
    width, length, symbols = 128, 64, 65
    parameters = [normal(rng, (symbols, width)), normal(rng, (length, width))]
    for _ in range(4):
        parameters += [np.ones(width, f32), normal(rng, (width, 3 * width))]
        parameters += [normal(rng, (width, width)), np.ones(width, f32)]
        parameters += [normal(rng, (width, 4 * width)), normal(rng, (4 * width, width))]
    parameters.append(np.ones(width, f32))
    x, y = rng.integers(0, symbols, (2, 12, length))
    return adam_step(gpt_loss, decay=0.1), (*state_of(parameters), x, y)


def loop() -> Step:
    """Return the gradient of 1 000 Euler steps of Lorenz's equations, 13 ops each."""

    def end(start: Any, rate: Any) -> Any:
        x, y, z = start[0], start[1], start[2]
        for _ in range(1000):
            dx, dy, dz = 10.0 * (y - x), x * (rate - z) - y, x * y - 2.5 * z
            x, y, z = x + 1e-3 * dx, y + 1e-3 * dy, z + 1e-3 * dz
        return x + y + z

    return cr.value_and_grad(end, argnums=(0, 1)), (np.array([1.0, 2.0, 3.0]), 28.0)


STEPS: dict[str, Callable[[], Step]] = {"mlp": mlp, "gpt": gpt, "loop": loop}


def normal(rng: np.random.Generator, shape: tuple[int, ...], deviation: float = 0.02) -> Any:
    """Return random numbers in float32."""
    return (rng.standard_normal(shape) * deviation).astype(f32)


def state_of(parameters: list[Any]) -> tuple[Any, Any]:
    """Return the parameters, and what Adam keeps of them."""
    zeros = [[np.zeros_like(p) for p in parameters] for _ in range(2)]
    return parameters, {"count": np.float64(0), "m": zeros[0], "v": zeros[1]}


def adam_step(loss: Callable[..., Any], decay: float) -> Callable[..., Any]:
    """Return a step: gradient, and Adam's update with decay of the matrices."""
    graded = cr.value_and_grad(loss)

    def step(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        value, gradients = graded(parameters, x, y)
        count = state["count"] + 1.0
        m = [f32(0.9) * a + f32(0.1) * g for a, g in zip(state["m"], gradients, strict=True)]
        v = [
            f32(0.999) * a + f32(0.001) * (g * g)
            for a, g in zip(state["v"], gradients, strict=True)
        ]
        c1, c2 = (1 - 0.9**count).astype(f32), (1 - 0.999**count).astype(f32)
        kept = [p * f32(1 - 1e-3 * decay) if p.ndim == 2 and decay else p for p in parameters]
        updated = [
            p - f32(1e-3) * (a / c1) / (np.sqrt(b / c2) + f32(1e-8))
            for p, a, b in zip(kept, m, v, strict=True)
        ]
        return updated, {"count": count, "m": m, "v": v}, value

    return step


def cross_entropy(z: Any, y: Any) -> Any:
    """Return the mean of -log softmax(z) at the classes y."""
    z = z - np.max(z, axis=-1, keepdims=True)
    picked = z[np.arange(len(y)), y]
    return np.mean(np.log(np.sum(np.exp(z), axis=-1)) - picked)


def mlp_loss(p: Any, x: Any, y: Any) -> Any:
    """Return the loss of a network of three layers."""
    h = np.maximum(x @ p[0] + p[1], 0)
    h = np.maximum(h @ p[2] + p[3], 0)
    return cross_entropy(h @ p[4] + p[5], y)


def normalised(x: Any, scale: Any) -> Any:
    """Return a layer norm without offset."""
    centred = x - np.mean(x, axis=-1, keepdims=True)
    return centred / np.sqrt(np.mean(centred * centred, axis=-1, keepdims=True) + f32(1e-5)) * scale


def attention(x: Any, into: Any, out: Any, heads: int = 4) -> Any:
    """Return causal attention."""
    batch, length, width = x.shape
    q, k, v = [
        a.reshape(batch, length, heads, width // heads).transpose(0, 2, 1, 3)
        for a in np.split(x @ into, 3, axis=-1)
    ]
    scores = q @ k.transpose(0, 1, 3, 2) * f32((width // heads) ** -0.5)
    scores = np.where(np.tril(np.ones((length, length), bool)), scores, f32(-1e9))
    weights = np.exp(scores - np.max(scores, axis=-1, keepdims=True))
    weights = weights / np.sum(weights, axis=-1, keepdims=True)
    return (weights @ v).transpose(0, 2, 1, 3).reshape(batch, length, width) @ out


def gpt_loss(p: Any, x: Any, y: Any) -> Any:
    """Return the loss of a GPT whose last layer is its table of symbols."""
    h = p[0][x] + p[1]
    for i in range(2, len(p) - 1, 6):
        h = h + attention(normalised(h, p[i]), p[i + 1], p[i + 2])
        wide = normalised(h, p[i + 3]) @ p[i + 4]
        h = h + np.maximum(wide, 0) @ p[i + 5]
    z = normalised(h, p[-1]) @ p[0].T
    return cross_entropy(z.reshape(-1, z.shape[-1]), y.reshape(-1))
