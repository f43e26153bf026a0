"""Steps that read parameters from an object, where they change in place, or update them: eager, and as arguments.

    python benchmarks/parameters.py [--rounds 7] [--json out.json]

Every way is timed with the same change of the parameters behind each call, which NumPy makes.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr

Parameters = dict[str, np.ndarray[Any, Any]]
SIZES, BATCH = (64, 32, 10), 32


class Network:
    """A network of two layers that keeps its parameters."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        n, hidden, m = SIZES
        self.parameters: Parameters = {
            "w": rng.standard_normal((n, hidden)) * n**-0.5,
            "b": np.zeros(hidden),
            "v": rng.standard_normal((hidden, m)) * hidden**-0.5,
            "c": np.zeros(m),
        }

    def loss(self, x: Any, y: Any) -> Any:
        """Return the mean squared error."""
        return loss(self.parameters, x, y)

    def gradient(self, x: Any, y: Any) -> Any:
        """Return it and its gradient."""
        return cr.value_and_grad(loss)(self.parameters, x, y)

    def descent(self, x: Any, y: Any) -> Any:
        """Move all parameters against the gradient, in place, and return the error."""
        return descent(self.parameters, x, y)

    def shrink(self) -> None:
        """Change all parameters in place."""
        for p in self.parameters.values():
            np.multiply(p, 0.9999, out=p)


def loss(p: Parameters, x: Any, y: Any) -> Any:
    """Return the mean squared error."""
    hidden = np.maximum(x @ p["w"] + p["b"], 0.0)
    return np.mean((hidden @ p["v"] + p["c"] - y) ** 2) * np.sqrt(np.float64(0.5))


def descent(p: Parameters, x: Any, y: Any) -> Any:
    """Move all parameters against the gradient, in place, and return the error."""
    error, slopes = cr.value_and_grad(loss)(p, x, y)
    for name, slope in slopes.items():
        p[name] -= 0.01 * slope
    return error


def measure(name: str, step: str, given: Callable[..., Any], rounds: int) -> dict[str, Any]:
    """Time one of the network's steps in three ways, and print a row."""
    rng = np.random.default_rng(1)
    x, y = rng.standard_normal((BATCH, SIZES[0])), rng.standard_normal((BATCH, SIZES[-1]))
    eager, held, passed = Network(), Network(), Network()
    compiled, of_arguments = cr.compile(getattr(held, step)), cr.compile(given)
    ways: dict[str, tuple[Network, Callable[[], Any]]] = {
        "eager": (eager, lambda: getattr(eager, step)(x, y)),
        "held": (held, lambda: compiled(x, y)),
        "passed": (passed, lambda: of_arguments(passed.parameters, x, y)),
    }
    for _ in range(20):
        results = [call() for _, call in ways.values()]
        for network, _ in ways.values():
            network.shrink()
    for leaves in zip(*map(cr.tree.leaves, results), strict=True):
        np.testing.assert_allclose(leaves[1:], leaves[:1] * 2, rtol=1e-10)

    def changing(network: Network, call: Callable[[], Any]) -> Callable[[], None]:
        def changed() -> None:
            call()
            network.shrink()

        return changed

    times = interleaved({k: changing(*way) for k, way in ways.items()}, rounds=rounds)
    seconds = {k: figure(v).median for k, v in times.items()}
    gain, extra = ratio(times["eager"], times["held"]), ratio(times["held"], times["passed"])
    print(
        f"{name:24} {1e6 * seconds['eager']:11.1f} {1e6 * seconds['held']:11.2f} {1e6 * seconds['passed']:11.2f}"
        f" {f'{gain.median:.1f} ({gain.least:.1f}–{gain.most:.1f})':>20}"
        f" {f'{extra.median:.2f} ({extra.least:.2f}–{extra.most:.2f})':>20}",
        flush=True,
    )
    if "eagerly" in compiled.report():
        print(compiled.report())
    return {"case": name, **seconds, "gain": gain.median}


def main() -> None:
    """Time the loss, it with its gradient, and a whole training step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    options = parser.parse_args()
    os.environ["CHAINRULE_TIERS"] = "off"  # the code that calls come to in the end
    print(*(f"{k} {v}" for k, v in machine("numpy", "llvmlite", "chainrule").items()), sep=", ")
    print(
        f"{'µs per call and change':24} {'eager':>11} {'held':>11} {'passed':>11}"
        f" {'eager / held':>20} {'held / passed':>20}"
    )
    with machine_to_itself():
        rows = [
            measure("loss", "loss", loss, options.rounds),
            measure("loss and gradient", "gradient", cr.value_and_grad(loss), options.rounds),
            measure("training step", "descent", descent, options.rounds),
        ]
    save(options.json, rows)


if __name__ == "__main__":
    main()
