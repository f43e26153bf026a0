"""Random loop programs on small arrays: steps of a recurrent network, a field, an optimiser."""

import numpy as np

import chainrule as cr
from chainrule.compiler.passes.rewrite import recorded

STEPS = (
    lambda a, b: a * b + 0.5,
    lambda a, b: a / (1 + b * b),
    lambda a, b: np.exp(-a * a) - b,
    lambda a, b: a[::-1] * 0.5 + b,
    lambda a, b: a - np.sum(a * b) * 0.1,
    lambda a, b: np.where(a > b, a, b * 0.5),
    lambda a, b: np.stack([a[0], b[1], a[2] * b[0]]),
    lambda a, b: np.sqrt(1 + a * a) * b,
)


def array_loop_function(seed):
    """Return a function of an array of three numbers, a number and an array of 40; the same on every call."""
    rng = np.random.default_rng(seed)
    turns = int(rng.choice([18, 25, 40]))
    chosen = [(STEPS[int(k)], rng.integers(0, 3, 3)) for k in rng.integers(0, len(STEPS), 4)]
    special = {int(t) for t in rng.integers(0, turns, int(rng.choice([0, 0, 1])))}
    keeps, backwards, lags = (bool(rng.integers(2)) for _ in range(3))

    def f(h, p, x):
        values, old, kept = [h, h * p, h - 0.25], h, []
        for t in range(turns):
            before = values[0]
            values[2] = values[2] * 0.5 + x[-1 - t if backwards else t] * (0.1 * t)
            for step, (i, j, k) in chosen:
                values[i] = 0.9 * step(values[j], values[k])
            if t in special:
                values[1] = np.exp(-values[1] * values[1])
            if lags:
                values[0] = values[0] + 0.1 * old
            old = before
            if keeps:
                kept.append(np.sum(values[0] * p))
        total = np.sum(values[0] * values[1] + old)
        for value in kept:
            total = total + value * value
        return total

    return f


def array_loop_program(seed):
    """Return the graph of such a program with its gradient."""
    f = array_loop_function(seed)

    def step(h, p, x):
        value, gradients = cr.value_and_grad(f, argnums=(0, 1))(h, p, x)
        return (value, *gradients)

    return recorded(step, (3,), (), (40,))
