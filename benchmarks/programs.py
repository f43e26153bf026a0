"""What the gradient of a complete program costs: the eager gradient's time over the function's own.

    python benchmarks/programs.py [--json out.json]

The programs are those of `examples/`, at the sizes they have there. Then loops that write or read an array item by
item: what one turn costs must not depend on how many there are.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr

sys.path.insert(0, str(Path(__file__).parent.parent))
from examples import circuit, cloth, heat, hidden_markov, kalman

LENGTHS = (1_000, 10_000, 100_000)
Case = tuple[str, Callable[..., Any], tuple[Any, ...]]


def cases() -> list[Case]:
    """Return the name, the function and the arguments of every program."""
    scores = {
        "first": np.zeros(2),
        "change": np.eye(2),
        "shows": np.linspace(-1, 1, 12).reshape(2, 6),
    }
    throws = np.random.default_rng(0).integers(0, 6, 300)
    walk = kalman.walk((0.3, 1.5), 100, np.random.default_rng(0))
    heated = heat.readings(np.array([6.3, 12.8, 0.05]))
    hanging = cloth.swing(np.array([1.5, 4.0]), 250.0)
    return [
        ("heat on a plate, 150 steps", heat.misfit, (np.array([9.1, 10.2, 0.03]), heated)),
        (
            "LU of a circuit, 5 solves",
            circuit.misfit,
            (np.linspace(-1, 1, 9), circuit.voltages(np.zeros(9))),
        ),
        ("Kalman filter, 100 steps", kalman.loss, (np.array([-0.9, 0.3]), walk)),
        ("hidden Markov, scaled, 300 steps", hidden_markov.scaled_forward, (scores, throws)),
        ("hidden Markov, logarithms, 300", hidden_markov.logarithmic_forward, (scores, throws)),
        ("cloth, 60 steps", cloth.misfit, (np.array([0.4, 2.0, 5.1]), hanging)),
    ]


def written(x: Any, n: int) -> Any:
    """Fill an array item by item, each from the one before."""
    a = np.zeros(n)
    a[0] = x[0]
    for i in range(1, n):
        a[i] = a[i - 1] * 0.5 + x[1]
    return np.sum(a)


def read(x: Any, n: int) -> Any:
    """Read an array item by item."""
    total = 0.0
    for i in range(n):
        total = total + x[i] * x[0]
    return total


def print_loops(rows: list[dict[str, Any]]) -> None:
    """Time loops of three lengths, and print what one turn costs."""
    print(f"{'microseconds per turn':34} {'function':>9} {'trace':>9} {'gradient':>9}")
    for name, f, make in (
        ("write a[i] from a[i - 1]", written, lambda n: np.array([0.3, 0.7])),
        ("read x[i]", read, lambda n: np.linspace(0.1, 0.9, n)),
    ):
        for n in LENGTHS:
            x = make(n)
            seconds = {
                "function": _once(lambda f=f, x=x, n=n: f(x, n)),
                "trace": _once(lambda f=f, x=x, n=n: cr.vjp(lambda x: f(x, n), x)),
                "gradient": _once(lambda f=f, x=x, n=n: cr.grad(f)(x, n)),
            }
            figures = " ".join(f"{1e6 * s / n:9.2f}" for s in seconds.values())
            print(f"{f'{name}, n = {n:,}':34} {figures}", flush=True)
            rows.append({"case": name, "n": n, **seconds})


def _once(call: Callable[[], object]) -> float:
    """Return the least of three timings by the thread's own clock."""
    least = float("inf")
    for _ in range(3):
        start = time.thread_time()
        call()
        least = min(least, time.thread_time() - start)
    return least


def main() -> None:
    """Time every program and its gradient, and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    print(*(f"{k} {v}" for k, v in machine("numpy", "chainrule").items()), sep=", ")
    print(f"{'milliseconds':34} {'function':>9} {'gradient':>9} {'ratio (spread)':>22}")
    rows = []
    with machine_to_itself():
        for name, f, arguments in cases():
            times = interleaved(
                {
                    "function": lambda f=f, a=arguments: f(*a),
                    "gradient": lambda f=f, a=arguments: cr.grad(f)(*a),
                },
                rounds=options.rounds,
            )
            seconds = {k: figure(v).median for k, v in times.items()}
            over = ratio(times["gradient"], times["function"])
            spread = f"{over.median:.1f} ({over.least:.1f}–{over.most:.1f})"
            print(
                f"{name:34} {1e3 * seconds['function']:9.2f} {1e3 * seconds['gradient']:9.2f} {spread:>22}",
                flush=True,
            )
            rows.append({"case": name, **seconds, "ratio": over.median})
        print_loops(rows)
    save(options.json, rows)


if __name__ == "__main__":
    main()
