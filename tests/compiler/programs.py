"""Random programs for the tests of the compiler: plain NumPy over a few arrays, with writes, reads and gradients."""

import numpy as np

import chainrule as cr
from chainrule.core.graph import capture
from chainrule.core.types import array_type

UNARY = (np.sin, np.exp, np.tanh, np.negative, np.square, np.abs, lambda x: x * 1, lambda x: x**2)
BINARY = (
    np.add,
    np.subtract,
    np.multiply,
    np.maximum,
    lambda x, y: x / (2 + y * y),
    lambda x, y: x + -y,
    lambda x, y: np.where(x > y, x, y),
    lambda x, y: x - 0.0 + y * np.ones(4),
)
SIZE = 4


def _write(rng, x, y):
    out = np.zeros_like(x)
    i, j = rng.integers(-SIZE, SIZE, 2)
    out[i] = y[j]
    out[j] = out[i] * 2
    return out


def _join(rng, x, y):
    k = int(rng.integers(0, SIZE + 1))
    return np.concatenate([x[:k], y[k:]])


def _reshape(rng, x, y):
    return x.reshape(2, 2).T.reshape(SIZE) + np.stack([x, y])[int(rng.integers(0, 2))].T


def _gather(rng, x, y):
    return x[rng.integers(0, SIZE, SIZE)] * y[1] + y[[0, 0, 2, 1]]


STRUCTURES = (_write, _join, _reshape, _gather)


def random_function(seed, length=12):
    """Return a function of two arrays of four numbers; the same on every call."""

    def f(x, y):
        rng = np.random.default_rng(seed)
        values = [x, y]
        for _ in range(length):
            a, b = (values[int(k)] for k in rng.integers(0, len(values), 2))
            choice = rng.integers(0, 3)
            if choice == 0:
                new = UNARY[int(rng.integers(0, len(UNARY)))](a)
            elif choice == 1:
                new = BINARY[int(rng.integers(0, len(BINARY)))](a, b)
            else:
                new = STRUCTURES[int(rng.integers(0, len(STRUCTURES)))](rng, a, b)
            values.append(new / (1 + np.abs(new)))
        return np.sum(values[-1] * values[-2] + values[-3])

    return f


def random_program(seed):
    """Return the graph of a random function with its gradient; every third in single precision."""
    t = array_type((SIZE,), np.dtype(np.float32 if seed % 3 == 0 else np.float64))
    f = random_function(seed)

    def step(x, y):
        value, gradients = cr.value_and_grad(f, argnums=(0, 1))(x, y)
        return (value, *gradients)

    return capture(step, t, t)
