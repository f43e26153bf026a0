"""Random loop programs: a few numbers, turns that read tables and arrays, odd turns, histories, loops in loops."""

import numpy as np

import chainrule as cr
from chainrule.compiler.passes.rewrite import recorded

FUNCTIONS = (
    np.negative,
    lambda x: np.exp(-x * x),
    lambda x: x / (1 + x * x),
    lambda x: np.sqrt(1 + x * x),
    lambda x: x * 0.5 - 0.25,
)
TURNS = (5, 9, 17, 24, 40)


def _term(rng, names):
    """Return a random expression over a dictionary of numbers, as a function of it."""
    a, b = (str(n) for n in rng.choice(names, 2))
    function = FUNCTIONS[int(rng.integers(len(FUNCTIONS)))]
    kind = int(rng.integers(5))
    if kind == 0:
        return lambda v: v[a] * v[b]
    if kind == 1:
        return lambda v: v[a] - 0.5 * v[b]
    if kind == 2:
        return lambda v: function(v[a]) + v[b]
    if kind == 3:
        return lambda v: v[a] / (2.5 + v[b] * v[b])
    return lambda v: np.where(v[a] > v[b], v[a], function(v[b]))


def loop_function(seed):
    """Return a function of two numbers and an array of 40; the same on every call."""
    rng = np.random.default_rng(seed)
    turns = int(rng.choice(TURNS))
    states = [f"s{i}" for i in range(int(rng.integers(1, 4)))]
    names = [*states, "p", "q", "old", "read", "table"]
    steps = [(str(rng.choice(states)), _term(rng, names)) for _ in range(int(rng.integers(2, 6)))]
    odd = steps[int(rng.integers(len(steps)))]
    every = int(rng.choice([0, 0, 0, 2, 3, 7]))
    special = {int(t) for t in rng.integers(0, turns, int(rng.choice([0, 0, 1, 2])))}
    special |= set(range(0, turns, every) if every else ())
    inner = int(rng.choice([0, 0, 3]))
    writes, keeps = (bool(rng.integers(2)) for _ in range(2))
    backwards = bool(rng.integers(2))

    def turn(v, t, x, out, kept):
        v["table"], v["read"] = 0.1 * t, x[-1 - t if backwards else t]
        before = v[states[0]]
        for name, term in steps:
            v[name] = 0.9 * term(v)
        if t in special:
            v[odd[0]] = v[odd[0]] + np.exp(odd[1](v) * 0.1)
        for j in range(inner):
            v[states[-1]] = v[states[-1]] * 0.5 + v["p"] * j
        v["old"] = before
        if keeps:
            kept.append(v[states[0]])
        if writes:
            out[t] = v[states[0]] * v["q"]
            v[states[-1]] = v[states[-1]] + out[max(t - 2, 0)]

    def f(p, q, x):
        v = {name: p * (0.3 + i) for i, name in enumerate(states)}
        v |= {"p": p, "q": q, "old": q * 0.5}
        out, kept = np.zeros(40), []
        for t in range(turns):
            turn(v, t, x, out, kept)
        total = v[states[-1]] + v[states[0]] * v["old"]
        for i, value in enumerate(kept):
            total = total + value * (i % 2)
        return total + out[3] if writes else total

    return f


def loop_program(seed):
    """Return the graph of a loop program with its gradient; every seventh with a derivative of that."""
    f = loop_function(seed)

    def step(p, q, x):
        value, gradients = cr.value_and_grad(f, argnums=(0, 1, 2))(p, q, x)
        return (value, *gradients)

    if seed % 7:
        return recorded(step, (), (), (40,))
    return recorded(
        lambda p, q, x: cr.grad(lambda p: step(p, q, x)[2] * 0.5 + step(p, q, x)[0])(p),
        (),
        (),
        (40,),
    )
