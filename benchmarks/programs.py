"""What the gradient of a complete program costs: the eager gradient's time over the function's own.

    python benchmarks/programs.py [--json out.json]

The programs are those of `examples/`, at the sizes they have there.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from timing import figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr

sys.path.insert(0, str(Path(__file__).parent.parent))
from examples import circuit, cloth, heat, hidden_markov, kalman

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
    save(options.json, rows)


if __name__ == "__main__":
    main()
