"""Sums of products of two arrays, each looked at in its own way: how the arrays lie, what is differentiated or donated.

Numbers are small and whole, so most sums are exact in whatever order they are made, and compiled results must be the
eager ones to the last bit.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from tests.fuzz.judging import Verdict

import chainrule as cr

Shapes = tuple[tuple[int, ...], tuple[int, ...]]
Function = Callable[[Any, Any], Any]
Drawn = Callable[[np.random.Generator, tuple[int, ...]], Any]

_DTYPES = (*("f4", "f8") * 4, "c8", "c16", "i8", "i4")
_MODES = ("plain", "reverse", "reverse", "forward", "both")
_SPECIAL = (np.nan, np.inf, -np.inf, -0.0)
_ROUNDING = 200


@dataclass(frozen=True)
class Sum:
    """What is computed of two arrays.

    Attributes:
        text: for whoever reads that it went wrong.
        function: of the arrays.
        shapes: of the arrays.
        is_exact: whether whole numbers give whole numbers.
    """

    text: str
    function: Function
    shapes: Shapes
    is_exact: bool = True


@dataclass(frozen=True)
class Contraction:
    """A sum of products, and how it is looked at.

    Attributes:
        sum: what is computed.
        dtype: of the arrays.
        layouts: how each array lies, see `LAYOUTS`.
        mode: `plain`, `reverse`, `forward` or `both`.
        is_donated: whether results may lie where the arguments lay.
        is_special: whether some numbers are NaN, infinite or -0; only of real ones, as BLAS multiplies complex
            infinities in its own way.
        seed: of the numbers.
    """

    sum: Sum
    dtype: str
    layouts: tuple[str, str]
    mode: str
    is_donated: bool
    is_special: bool
    seed: int

    def __str__(self) -> str:
        facts = [self.sum.text, *map(str, self.sum.shapes), self.dtype, *self.layouts, self.mode]
        facts += ["donated"] * self.is_donated + ["special numbers"] * self.is_special
        return ", ".join((*facts, f"seed {self.seed}"))

    def arguments(self) -> tuple[Any, Any, Any]:
        """Return the two arrays, and a cotangent of the result."""
        rng = np.random.default_rng(self.seed)
        x, y = (
            LAYOUTS[layout](rng, shape, self._drawn)
            for shape, layout in zip(self.sum.shapes, self.layouts, strict=True)
        )
        result = self.sum.function(x, y)
        return x, y, self._drawn(rng, result.shape).astype(result.dtype)

    def step(self, x: Any, y: Any, g: Any) -> Any:
        """Return the sum, with derivatives as the mode says."""
        f = self.sum.function
        if self.mode == "plain":
            return (f(x, y),)
        found: tuple[Any, ...] = ()
        if self.mode != "forward":
            value, pull = cr.vjp(f, x, y)
            found = (value, *pull(g))
        if self.mode != "reverse":
            found = (*found, *cr.jvp(f, (x, y), (y.dtype.type(2) * x, -y)))
        return found

    def _drawn(self, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        numbers = rng.integers(-3, 4, shape).astype(self.dtype)
        if self.dtype.startswith("c"):
            numbers += 1j * rng.integers(-3, 4, shape)
        if self.is_special and numbers.size:
            places = rng.integers(numbers.size, size=2)
            numbers.reshape(-1)[places] = rng.choice(_SPECIAL, 2)
        return numbers


def looked_at(random: Random, made: Sum) -> Contraction:
    """Return a sum, looked at in one of the ways."""
    dtype = random.choice(_DTYPES if made.is_exact else ("f4", "f8"))
    first, second = (random.choice(("row by row", "row by row", *LAYOUTS)) for _ in range(2))
    return Contraction(
        made,
        dtype,
        (first, second),
        random.choice(_MODES) if dtype[0] in "fc" else "plain",
        is_donated=random.random() < 0.25,
        is_special=random.random() < 0.15 and dtype[0] == "f",
        seed=random.randrange(1 << 30),
    )


def judge_contraction(made: Contraction) -> Verdict:
    """Compile a step, call it twice, and compare with what it does eagerly."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        arguments = made.arguments()
        expected = made.step(*arguments)
        step = cr.compile(made.step, donate=(0, 1, 2) if made.is_donated else ())
        first, second = (_called(step, arguments, copied=made.is_donated) for _ in range(2))
    if [x.tobytes() for x in first] != [x.tobytes() for x in second]:
        return Verdict("wrong", "a second call gives other bits")
    for i, (got, wanted) in enumerate(zip(first, expected, strict=True)):
        why = _unlike(got, wanted, is_exact=made.sum.is_exact)
        if why:
            return Verdict("wrong", f"result {i}: {why}")
    others = ("runs eagerly", "runs in parts")
    eager = [s for s in step.report().splitlines() if any(how in s for how in others)]
    return Verdict("eager", eager[0]) if eager else Verdict("right")


def _called(step: Any, arguments: tuple[Any, ...], *, copied: bool) -> list[Any]:
    given = tuple(a.copy() for a in arguments) if copied else arguments
    return [np.array(x) for x in step(*given)]


def _unlike(got: Any, wanted: Any, *, is_exact: bool) -> str:
    """Say in what two arrays differ; empty if in nothing."""
    if (got.shape, got.dtype) != (wanted.shape, wanted.dtype):
        return f"{got.dtype}{got.shape} instead of {wanted.dtype}{wanted.shape}"
    within = 0.0 if is_exact else _ROUNDING * float(np.finfo(wanted.dtype).eps)
    scale = max(1.0, float(np.max(np.abs(wanted[np.isfinite(wanted)]), initial=0.0)))
    same = np.isclose(got, wanted, rtol=within, atol=within * scale, equal_nan=True)
    return "" if np.all(same) else f"{got[~same][:5]} instead of {wanted[~same][:5]}"


def _turned(rng: np.random.Generator, shape: tuple[int, ...], drawn: Drawn) -> Any:
    return drawn(rng, shape[::-1]).T


def _backwards(rng: np.random.Generator, shape: tuple[int, ...], drawn: Drawn) -> Any:
    return drawn(rng, shape)[tuple(slice(None, None, -1) for _ in shape)]


def _sparse(rng: np.random.Generator, shape: tuple[int, ...], drawn: Drawn) -> Any:
    return drawn(rng, tuple(2 * n for n in shape))[tuple(slice(1, None, 2) for _ in shape)]


def _repeated(rng: np.random.Generator, shape: tuple[int, ...], drawn: Drawn) -> Any:
    return np.broadcast_to(drawn(rng, (1, *shape[1:])), shape)


LAYOUTS: dict[str, Callable[[np.random.Generator, tuple[int, ...], Drawn], Any]] = {
    "row by row": lambda rng, shape, drawn: drawn(rng, shape),
    "turned": _turned,
    "backwards": _backwards,
    "sparse": _sparse,
    "repeated": _repeated,
}
