"""Steps and gradients as users write them, with and without `compile`: the time of one call, and their ratio.

    python benchmarks/cases.py [--only NAME …] [--rounds 7] [--processor] [--json out.json]

Every compiled case is compared with the eager one first. The programs of `examples/` run at the sizes they have there.
"""

from __future__ import annotations

import argparse
import collections
import itertools
import time
from collections.abc import Callable
from typing import Any

import first_steps
import numpy as np
import programs
from timing import figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr
from chainrule import tree

Case = tuple[Callable[..., Any], tuple[Any, ...], tuple[int, ...]]
"""A function, its arguments, and which of these may be donated: what comes back first takes their place."""


def network(sizes: tuple[int, ...], optimizer: Any, batch: int, activation: Any = np.tanh) -> Case:
    """Return a step of a dense network on the mean squared error, float32."""
    rng = np.random.default_rng(0)
    parameters = [
        (first_steps.normal(rng, (n, m), n**-0.5), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(sizes)
    ]

    def loss(parameters: Any, x: Any, y: Any) -> Any:
        *inner, last = parameters
        for w, b in inner:
            x = activation(x @ w + b)
        return np.mean((x @ last[0] + last[1] - y) ** 2)

    x, y = (first_steps.normal(rng, (batch, n), 1.0) for n in (sizes[0], sizes[-1]))
    return (
        step_of(loss, optimizer),
        (parameters, optimizer.init(parameters), x, y),
        (0, 1),
    )


def step_of(loss: Callable[..., Any], optimizer: Any) -> Callable[..., Any]:
    """Return a step of training: gradient, update, loss."""
    graded = cr.value_and_grad(loss)

    def step(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        value, gradients = graded(parameters, x, y)
        updates, state = optimizer.update(gradients, state, parameters)
        return tree.map(np.add, parameters, updates), state, value

    return step


def logged(sizes: tuple[int, ...], batch: int) -> Case:
    """Return a step of a dense network that writes its loss into a text, which is Python's to do."""
    inner, arguments, _ = network(sizes, cr.optim.momentum(0.1), batch)
    lines: collections.deque[str] = collections.deque(maxlen=10)

    def logged_step(parameters: Any, state: Any, x: Any, y: Any) -> Any:
        parameters, state, value = inner(parameters, state, x, y)
        lines.append(f"loss {value:.4f}")
        return parameters, state, value

    return logged_step, arguments, ()


def until_exact(count: int) -> Case:
    """Return cube roots by Newton's method, as many turns as it takes, with a line for each turn."""
    lines: collections.deque[str] = collections.deque(maxlen=10)

    def roots(x: Any, cubes: Any) -> Any:
        error = np.inf
        while error > 1e-12:
            x = x - (x**3 - cubes) / (3 * x**2)
            error = np.max(np.abs(x**3 / cubes - 1))
            lines.append(f"error {error:.1e}")
        return x

    return roots, (np.ones(count), np.linspace(1, 9, count)), ()


def images() -> Case:
    """Return a step of a network of two convolutions, momentum, 64 images of 28 × 28."""
    rng = np.random.default_rng(0)
    parameters = [
        first_steps.normal(rng, (3, 3, 1, 16), 0.5),
        first_steps.normal(rng, (3, 3, 16, 32), 0.1),
        first_steps.normal(rng, (7 * 7 * 32, 10), 0.03),
    ]
    functional = cr.nn.functional

    def loss(p: Any, x: Any, y: Any) -> Any:
        for kernel in p[:2]:
            x = functional.max_pool2d(np.maximum(functional.conv2d(x, kernel), 0), 2)
        return first_steps.cross_entropy(x.reshape(len(x), -1) @ p[2], y)

    optimizer = cr.optim.momentum(0.003)
    x, y = first_steps.normal(rng, (64, 28, 28, 1), 1.0), rng.integers(0, 10, 64)
    return (
        step_of(loss, optimizer),
        (parameters, optimizer.init(parameters), x, y),
        (0, 1),
    )


def rosenbrock() -> Case:
    """Return the gradient of Rosenbrock's function of 10 000 numbers."""

    def f(v: Any) -> Any:
        return np.sum(100.0 * (v[1:] - v[:-1] ** 2) ** 2 + (1 - v[:-1]) ** 2)

    return cr.value_and_grad(f), (np.random.default_rng(0).standard_normal(10_000),), ()


def neuron() -> Case:
    """Return the gradient of one sigmoid neuron, of the lecture's example."""

    def f(w: Any) -> Any:
        return 1 / (1 + np.exp(-(w[0] * -1.0 + w[1] * -2.0 + w[2])))

    return cr.value_and_grad(f), (np.array([2.0, -3.0, -3.0]),), ()


def orbit() -> Case:
    """Return the gradient of 100 Runge–Kutta steps of Lorenz's equations."""

    def f(p: Any) -> Any:
        def slope(x: Any, y: Any, z: Any) -> Any:
            return p[0] * (y - x), x * (p[1] - z) - y, x * y - p[2] * z

        def moved(s: Any, k: Any, h: float) -> Any:
            return [a + h * b for a, b in zip(s, k, strict=True)]

        s, h = [p[3], p[4], p[5]], 0.01
        for _ in range(100):
            a = slope(*s)
            b = slope(*moved(s, a, h / 2))
            c = slope(*moved(s, b, h / 2))
            d = slope(*moved(s, c, h))
            rows = zip(a, b, c, d, strict=True)
            s = moved(s, [i + 2 * j + 2 * k + l for i, j, k, l in rows], h / 6)  # noqa: E741  Runge's four slopes
        return 0.5 * sum((x - t) ** 2 for x, t in zip(s, (1.0, 2.0, 20.0), strict=True))

    return cr.value_and_grad(f), (np.array([10.0, 28.0, 8 / 3, 1.0, 1.0, 1.0]),), ()


def adam(step: first_steps.Step) -> Case:
    """Return one of the steps with Adam of `first_steps.py`."""
    return *step, (0, 1)


def program(f: Callable[..., Any], arguments: tuple[Any, ...]) -> Case:
    """Return the gradient of a program of `examples/`."""
    return cr.value_and_grad(f), arguments, ()


CASES: dict[str, Callable[[], Case]] = {
    "MLP 2-16-16-1, SGD, 32": lambda: network((2, 16, 16, 1), cr.optim.sgd(0.05), 32),
    "MLP 64-32-10, momentum, 32": lambda: network((64, 32, 10), cr.optim.momentum(0.1), 32),
    "MLP 64-32-10, momentum, 32, logged": lambda: logged((64, 32, 10), 32),
    "MLP 784-128-10, momentum, 64, logged": lambda: logged((784, 128, 10), 64),
    "Newton's method, logged, n = 1 000": lambda: until_exact(1_000),
    "MLP 784-128-64-10, Adam, 64": lambda: adam(first_steps.mlp()),
    "MLP 784-1024-1024-10, Adam, 128": lambda: network(
        (784, 1024, 1024, 10), cr.optim.adam(1e-3), 128
    ),
    "two convolutions, momentum, 64": images,
    "GPT of 4 layers, AdamW": lambda: adam(first_steps.gpt()),
    "100 Runge–Kutta steps": orbit,
    "1 000 Euler steps": lambda: (*first_steps.loop(), ()),
    "Rosenbrock, 10 000": rosenbrock,
    "one neuron": neuron,
    **{
        name: lambda f=f, arguments=arguments: program(f, arguments)
        for name, f, arguments in programs.cases()
    },
}


def caller(f: Callable[..., Any], case: Case) -> Callable[[], Any]:
    """Return a function without arguments that calls `f` again and again, each time with what came back of the last."""
    _, arguments, donated = case
    held = [tree.map(np.copy, a) if i in donated else a for i, a in enumerate(arguments)]

    def call() -> Any:
        returned = f(*held)
        for i in donated:
            held[i] = returned[i]
        return returned

    return call


_UNTIL_IN_PARTS = 8
"""Calls after which a step that cannot be compiled as a whole has found its parts."""


def compare(name: str, compiled: Any, eager: Any) -> None:
    """See that both ways give the same, in norm beside the largest: a gradient of 0 is rounding in either."""
    pairs = list(zip(tree.leaves(compiled), tree.leaves(eager), strict=True))
    largest = max(float(np.linalg.norm(np.ravel(y))) for _, y in pairs)
    off = max(float(np.linalg.norm(np.ravel(x - y))) for x, y in pairs) / largest
    if not off < 1e-4:
        message = f"{name}: compiled and eager differ by {off:.1e}"
        raise SystemExit(message)


def measure(name: str, rounds: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Time a case in both ways, and print a row."""
    case = CASES[name]()
    f, _, donated = case
    compiled = cr.compile(f, donate=donated)
    calls = {"eager": caller(f, case), "compiled": caller(compiled, case)}
    start = time.perf_counter()
    first = calls["compiled"]()
    first_seconds = time.perf_counter() - start
    compare(name, first, calls["eager"]())
    for _ in range(_UNTIL_IN_PARTS):
        calls["compiled"]()
    if "eagerly" in compiled.report():
        print(compiled.report())
    times = interleaved(calls, rounds=rounds, clock=clock)
    seconds = {k: figure(v).median for k, v in times.items()}
    gain = ratio(times["eager"], times["compiled"])
    print(
        f"{name:34} {1e6 * seconds['eager']:11.1f} {1e6 * seconds['compiled']:11.2f}"
        f" {f'{gain.median:.1f} ({gain.least:.1f}–{gain.most:.1f})':>24} {first_seconds:8.2f}",
        flush=True,
    )
    return {"case": name, **seconds, "gain": gain.median, "first": first_seconds}


def main() -> None:
    """Time every case, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of cases")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--processor", action="store_true", help="the processor's time, where the machine is busy"
    )
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    options = parser.parse_args()
    clock = time.thread_time if options.processor else time.perf_counter
    names = [n for n in CASES if not options.only or any(part in n for part in options.only)]
    print(*(f"{k} {v}" for k, v in machine("numpy", "llvmlite", "chainrule").items()), sep=", ")
    print(
        f"{'µs per call':34} {'eager':>11} {'compiled':>11} {'eager / compiled':>24} {'first, s':>8}"
    )
    with machine_to_itself():
        rows = [measure(name, options.rounds, clock) for name in names]
    save(options.json, rows)


if __name__ == "__main__":
    main()
