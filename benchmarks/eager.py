"""What recording and sweeping cost per op, beside NumPy and autograd, on arrays of one element.

    python benchmarks/eager.py [--json out.json]

autograd is compared where it is installed; it is not a dependency.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from timing import Figure, figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr
from chainrule.core.trace import ReverseLevel

try:
    import autograd
    import autograd.numpy as autograd_numpy
except ImportError:
    autograd = autograd_numpy = None

TURNS = 200
W = np.array([[1.0]])


def sine(np: Any, x: Any) -> Any:
    """Chain a ufunc."""
    for _ in range(TURNS):
        x = np.sin(x)
    return x


def times_a_number(np: Any, x: Any) -> Any:  # noqa: ARG001  one signature for all cases
    """Chain an operator with a Python number."""
    for _ in range(TURNS):
        x = x * 1.0001
    return x


def item(np: Any, x: Any) -> Any:  # noqa: ARG001  one signature for all cases
    """Read one item, many times, and add."""
    total = x[0]
    for _ in range(TURNS // 2):
        total = total + x[0]
    return total


def row_sum(np: Any, x: Any) -> Any:
    """Sum along an axis, many times."""
    for _ in range(TURNS):
        total = np.sum(x, axis=0)
    return total


def product(np: Any, x: Any) -> Any:  # noqa: ARG001  one signature for all cases
    """Chain matrix products."""
    for _ in range(TURNS):
        x = x @ W
    return x


CASES: tuple[tuple[str, Callable[[Any, Any], Any], np.ndarray], ...] = (
    ("sin", sine, np.array([0.3])),
    ("times a number", times_a_number, np.array([0.3])),
    ("x[i] and +", item, np.array([0.3])),
    ("sum(axis=0)", row_sum, np.array([0.3])),
    ("matmul", product, np.array([[0.3]])),
)


def calls_for(f: Callable[[Any, Any], Any], x: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return what is timed for one case."""
    seed = np.ones_like(f(np, x))[()]

    def record() -> object:
        with ReverseLevel() as level:
            return f(np, level.input(x))

    def gradient() -> object:
        _, pullback = cr.vjp(lambda x: f(np, x), x)
        return pullback(seed)

    calls: dict[str, Callable[[], object]] = {
        "numpy": lambda: f(np, x),
        "record": record,
        "gradient": gradient,
    }
    if autograd is not None:

        def peer() -> object:
            return autograd.make_vjp(lambda x: f(autograd_numpy, x))(x)[0](seed)

        calls["autograd"] = peer
    return calls


def _spread(x: Figure) -> str:
    return f"{x.median:.2f} ({x.least:.2f}–{x.most:.2f})"


def main() -> None:
    """Time every case and print a row for each."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    parser.add_argument("--rounds", type=int, default=25)
    options = parser.parse_args()
    print(*(f"{k} {v}" for k, v in machine("numpy", "autograd", "chainrule").items()), sep=", ")
    print(
        f"{'µs per op':16} {'numpy':>7} {'recording above numpy':>23} {'record + sweep':>15}"
        f" {'autograd':>9} {'ratio (spread)':>20}"
    )
    rows = []
    with machine_to_itself():
        for name, f, x in CASES:
            times = interleaved(calls_for(f, x), rounds=options.rounds, clock=time.thread_time)
            scale = 1e6 / TURNS
            extra = figure(
                [(r - n) * scale for r, n in zip(times["record"], times["numpy"], strict=True)]
            )
            row = {
                "case": name,
                "numpy": figure(times["numpy"]).median * scale,
                "recording": extra.median,
                "gradient": figure(times["gradient"]).median * scale,
            }
            text = f"{name:16} {row['numpy']:7.2f} {_spread(extra):>23} {row['gradient']:15.2f}"
            if "autograd" in times:
                to_peer = ratio(times["gradient"], times["autograd"])
                row |= {
                    "autograd": figure(times["autograd"]).median * scale,
                    "ratio": to_peer.median,
                }
                text += f" {row['autograd']:9.2f} {_spread(to_peer):>20}"
            print(text, flush=True)
            rows.append(row)
    save(options.json, rows)


if __name__ == "__main__":
    main()
