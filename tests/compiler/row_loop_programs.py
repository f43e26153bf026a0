"""Random loops that read and write rows, elements and slices of arrays, also through views of them."""

import numpy as np

import chainrule as cr
from chainrule.compiler.passes.rewrite import recorded

ROWS = 50
FUNCTIONS = (
    lambda x: x * 0.5 - 0.25,
    np.sin,
    lambda x: x / (1 + x * x),
    lambda x: x[..., ::-1] * 0.75,
    lambda x: np.where(x > 0, x, 0.25 * x),
    np.negative,
)


class Program:
    """A function of a vector of three numbers and of two arrays of 50 rows; the same on every call.

    Attributes:
        arrays: what is written to: copies of the arguments, new arrays, or the arguments themselves.
    """

    def __init__(self, seed):
        rng = np.random.default_rng(seed)
        self.rng = rng
        self.turns = int(rng.integers(16, 21))
        self.first, self.stride = int(rng.integers(0, 3)), int(rng.choice([1, 1, 1, 2]))
        self.order = rng.permutation(ROWS)
        self.kind = str(rng.choice(["copied", "new", "given"]))
        self.steps = [self._step() for _ in range(int(rng.integers(1, 5)))]
        self.odd = [self._step()] if rng.random() < 0.3 else []
        self.odd_turn = int(rng.choice([0, self.turns - 1]))
        self.keeps = bool(rng.random() < 0.3)
        self.ends = int(rng.integers(4))

    def _row(self):
        """Return which row a turn means, as a function of the turn."""
        back = int(self.rng.integers(0, 3))
        kind = self.rng.choice(["line", "line", "line", "line", "end", "double", "order", "fixed"])
        order = self.order
        return {
            "line": lambda t: t - back + 2,
            "end": lambda t: ROWS - 1 - t,
            "double": lambda t: 2 * t if 2 * t < ROWS else t - ROWS,
            "order": lambda t: int(order[t]),
            "fixed": lambda t: back,
        }[str(kind)]

    def _read(self):
        """Return an expression that has three numbers."""
        row, name = self._row(), str(self.rng.choice(["a", "a", "a", "b", "x"]))
        f = FUNCTIONS[int(self.rng.integers(len(FUNCTIONS)))]
        kind = int(self.rng.integers(7))
        if kind == 0:
            return lambda v, t: f(v["h"])
        if kind == 1:
            return lambda v, t: v["h"] * (0.05 * t) + v[name][row(t), 1]
        if kind == 2:
            return lambda v, t: np.sum(v[name][row(t) : row(t) + 2], axis=0)
        if kind == 3:
            return lambda v, t: f(v[name][row(t)][::-1])
        return lambda v, t: f(v[name][row(t)])

    def _step(self):  # noqa: C901  a function per kind
        """Return a statement."""
        row, one, other = self._row(), self._read(), self._read()
        name = str(self.rng.choice(["a", "a", "b"]))
        k, kind = int(self.rng.integers(3)), int(self.rng.integers(10))

        def value(v, t):
            return 0.5 * one(v, t) + 0.25 * other(v, t)

        def whole(v, t):
            v[name][row(t)] = value(v, t)

        def added(v, t):
            v[name][row(t)] += value(v, t)

        def element(v, t):
            v[name][row(t), k] = np.sum(value(v, t) * 0.3)

        def part(v, t):
            v[name][row(t), 1:] = value(v, t)[:2]

        def through_view(v, t):
            view = v[name][row(t)]
            view *= 0.5
            view[k] = v["h"][k]

        def through_tail(v, t):
            v[name][1:][row(t) - 1 if row(t) > 0 else 0] = value(v, t)

        def fancy(v, t):
            v[name][row(t), [2, 0]] = value(v, t)[:2]

        def number(v, t):
            v[name][row(t)] = 0.0

        def carried(v, t):
            v["h"] = 0.9 * v["h"] + 0.1 * value(v, t)

        kinds = (whole, whole, added, element, part, through_view, through_tail, fancy, number)
        return carried if kind == 9 else kinds[kind]

    def run(self, h, x, start):
        """Return a number, and the arrays as they are then."""
        if self.kind == "new":
            a, b = np.zeros_like(start), np.zeros_like(x)
            a[0] = h
            b[:3] = 0.5
        else:
            a = start if self.kind == "given" else np.copy(start)
            b = np.copy(x)
        v = {"h": h, "x": x, "a": a, "b": b}
        kept = []
        for turn in range(self.turns):
            t = self.first + self.stride * turn
            for step in self.steps:
                step(v, t)
            for step in self.odd if turn == self.odd_turn else ():
                step(v, t)
            if self.keeps:
                kept.append(v["h"] * a[t])
        ends = (
            lambda: np.sum(a * a * 0.25),
            lambda: np.sum(a[4] * v["h"]) + np.sum(b[-1]),
            lambda: np.sum(a[2:9] - b[3:10]),
            lambda: np.sum(np.sin(a) * x),
        )
        total = ends[self.ends]()
        if kept:
            total = total + np.sum(np.stack(kept) * 0.125)
        return total, a, b

    def step(self, h, x, start):
        """Return the number, the arrays, and the gradient."""

        def value(h, x, start):
            return self.run(h, x, np.copy(start))[0]

        total, a, b = self.run(h, x, np.copy(start) if self.kind == "given" else start)
        slopes = cr.grad(value, argnums=(0, 1, 2))(h, x, start)
        return (total, a * 1.0, b * 1.0, *slopes)


def row_loop_program(seed):
    """Return the graph of a program with its gradient."""
    program = Program(seed)

    def step(h, x, start):
        return program.step(h, x, start)

    return recorded(step, (3,), (ROWS, 3), (ROWS, 3))
