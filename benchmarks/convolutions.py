"""Time convolutions with both their gradients: compiled, eagerly, as products of slices, and in JAX and PyTorch.

    python benchmarks/convolutions.py [--rounds 9] [--only few] [--json out.json]

Each call gives the result, the gradient in the images and that in the kernel, for float32 and a given cotangent. The
channels come last; PyTorch gets its tensors in its memory format for that. Times are of the processor, all threads, on
one core. JAX and PyTorch are left out where they are not installed.
"""

from __future__ import annotations

import argparse
import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from timing import figure, interleaved, machine, machine_to_itself, ratio, save

import chainrule as cr
from chainrule.nn import functional

Call = Callable[[], object]


@dataclass(frozen=True)
class Case:
    """A convolution with padding `same`, of images (batch, height, width, channels)."""

    name: str
    images: tuple[int, int, int, int]
    kernel: tuple[int, int]
    outputs: int
    stride: int = 1
    groups: int = 1

    def arrays(self) -> tuple[Any, Any, Any]:
        """Return images, a kernel and a cotangent."""
        rng = np.random.default_rng(0)
        batch, height, width, channels = self.images
        places = (-(-height // self.stride), -(-width // self.stride))
        shapes = (
            self.images,
            (*self.kernel, channels // self.groups, self.outputs),
            (batch, *places, self.outputs),
        )
        x, k, g = (rng.standard_normal(s).astype(np.float32) for s in shapes)
        return x, k, g

    @property
    def flops(self) -> int:
        """Return how many multiplications and additions the three products have."""
        _, k, g = self.arrays()
        return int(3 * 2 * k.size * g.size // self.outputs)


CASES = (
    Case("gray, 5 x 5", (32, 28, 28, 1), (5, 5), 8),
    Case("gray, 3 x 3", (32, 28, 28, 1), (3, 3), 16),
    Case("colours, stride 2", (8, 64, 64, 3), (3, 3), 32, stride=2),
    Case("few channels", (32, 28, 28, 6), (5, 5), 16),
    Case("few outputs", (8, 32, 32, 16), (3, 3), 3),
    Case("8 to 16", (32, 14, 14, 8), (3, 3), 16),
    Case("16 to 32", (32, 14, 14, 16), (3, 3), 32),
    Case("32 to 64", (32, 14, 14, 32), (3, 3), 64),
    Case("64 to 64", (8, 28, 28, 64), (3, 3), 64),
    Case("128 to 128", (8, 14, 14, 128), (3, 3), 128),
    Case("256 to 256, small", (8, 7, 7, 256), (3, 3), 256),
    Case("stride 2", (8, 28, 28, 64), (3, 3), 128, stride=2),
    Case("pixels", (8, 28, 28, 64), (1, 1), 64),
    Case("signals", (8, 1, 256, 64), (1, 5), 64),
    Case("tiles", (8, 32, 32, 32), (2, 2), 64, stride=2),
    Case("4 groups", (8, 28, 28, 32), (3, 3), 32, groups=4),
    Case("depthwise", (8, 28, 28, 32), (3, 3), 32, groups=32),
)


def ours(case: Case) -> dict[str, Call]:
    """Return the calls of this library."""
    x, k, g = case.arrays()

    def library(x: Any, k: Any) -> Any:
        return functional.conv2d(x, k, strides=case.stride, groups=case.groups)

    calls = {"compiled": compiled(library, x, k, g), "eager": lambda: both(library)(x, k, g)}
    if case.groups == 1:
        calls["slices"] = compiled(lambda x, k: slices(case, x, k), x, k, g)
    return calls


def both(f: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function of images, kernel and cotangent that gives the result and both gradients."""

    def step(x: Any, k: Any, g: Any) -> Any:
        y, pull = cr.vjp(f, x, k)
        return (y, *pull(g))

    return step


def compiled(f: Callable[..., Any], x: Any, k: Any, g: Any) -> Call:
    """Return a call of the compiled step."""
    step = cr.compile(both(f))
    return lambda: step(x, k, g)


def slices(case: Case, x: Any, k: Any) -> Any:
    """Add up a product per number of the kernel, which sees a slice of the padded images."""
    batch, height, width, channels = x.shape
    step, (rows, columns) = case.stride, case.kernel
    down, across = -(-height // step), -(-width // step)
    high, wide = (down - 1) * step + rows, (across - 1) * step + columns
    top, left = max(high - height, 0) // 2, max(wide - width, 0) // 2
    image = np.zeros((batch, max(high, height), max(wide, width), channels), np.float32)
    image[:, top : top + height, left : left + width] = x
    total = 0.0
    for i, j in itertools.product(range(rows), range(columns)):
        part = image[
            :, i : i + (down - 1) * step + 1 : step, j : j + (across - 1) * step + 1 : step
        ]
        total = total + part @ k[i, j]
    return total


def jax_calls(case: Case) -> dict[str, Call]:
    """Return the call of JAX, if it is there."""
    try:
        import jax
    except ImportError:
        return {}
    x, k, g = map(jax.numpy.asarray, case.arrays())

    def f(x: Any, k: Any) -> Any:
        return jax.lax.conv_general_dilated(
            x,
            k,
            (case.stride, case.stride),
            "SAME",
            dimension_numbers=("NHWC", "HWIO", "NHWC"),
            feature_group_count=case.groups,
        )

    def step(x: Any, k: Any, g: Any) -> Any:
        y, pull = jax.vjp(f, x, k)
        return (y, *pull(g))

    jitted = jax.jit(step)
    return {"jax": lambda: jax.block_until_ready(jitted(x, k, g))}


def torch_calls(case: Case) -> dict[str, Call]:
    """Return the call of PyTorch, if it is there; it pads evenly by itself, so the images are padded before."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    images, kernel, cotangent = (torch.from_numpy(a) for a in case.arrays())
    x, g = images.permute(0, 3, 1, 2), cotangent.permute(0, 3, 1, 2)
    k = kernel.permute(3, 2, 0, 1).contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    k.requires_grad_()
    height, width = (
        max((n - 1) * case.stride + size - have, 0)
        for n, size, have in zip(g.shape[2:], case.kernel, x.shape[2:], strict=True)
    )
    ends = (width // 2, width - width // 2, height // 2, height - height // 2)

    def call() -> object:
        padded = torch.nn.functional.pad(x, ends)
        y = torch.nn.functional.conv2d(padded, k, stride=case.stride, groups=case.groups)
        return y, *torch.autograd.grad(y, (x, k), g)

    return {"torch": call}


def agree(calls: dict[str, Call]) -> None:
    """Compare the results of all that are timed."""
    wanted = [np.asarray(a) for a in calls["eager"]()]  # type: ignore[attr-defined]
    for name, call in calls.items():
        if name == "torch":  # channels first
            continue
        for got, a in zip(call(), wanted, strict=True):  # type: ignore[call-overload]
            np.testing.assert_allclose(np.asarray(got), a, rtol=0, atol=1e-4 * np.abs(a).max())


def main() -> None:
    """Time every case and print a row for each."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--only", default="", help="cases whose name has this in it")
    parser.add_argument("--json", default=None, help="also write the rows to this file")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    about = machine("numpy", "chainrule", "jax", "torch")
    print(*(f"{k} {v}" for k, v in about.items()), sep=", ")
    names = ("compiled", "slices", "eager", "jax", "torch")
    print(f"{'milliseconds':20}", *(f"{n:>9}" for n in names), " GFLOP/s  compiled / jax (spread)")
    rows = []
    with machine_to_itself():
        for case in CASES:
            if options.only not in case.name:
                continue
            calls = {**ours(case), **jax_calls(case), **torch_calls(case)}
            agree(calls)
            times = interleaved(calls, rounds=options.rounds, clock=time.process_time)
            seconds = {k: figure(v).median for k, v in times.items()}
            cells = [f"{1e3 * seconds[n]:9.3f}" if n in seconds else f"{'':>9}" for n in names]
            speed = f"{case.flops / seconds['compiled'] / 1e9:8.1f}"
            beside = ""
            if "jax" in times:
                r = ratio(times["compiled"], times["jax"])
                beside = f"{r.median:9.2f} ({r.least:.2f}–{r.most:.2f})"
            print(f"{case.name:20}", *cells, speed, beside, flush=True)
            rows.append({"case": case.name, **seconds, "flops": case.flops})
    save(options.json, rows)


if __name__ == "__main__":
    main()
