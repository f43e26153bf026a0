"""What random steps are called with: arrays of all dtypes and layouts, numbers, containers; sharing memory or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

_DTYPES = ("f8",) * 8 + ("f4",) * 3 + ("c16", "c8", "i8", "i8", "i4", "u1", "i2", "b1", "b1")
_SHAPES = ((3,), (4,), (2, 3), (3, 3), (3, 4), (1, 3), (2, 1, 3), (1,), (), (0,), (0, 3), (5,))
_WEIGHTS = (5, 5, 4, 5, 3, 2, 1, 1, 2, 1, 1, 2)
_LAYOUTS = ("C", "C", "C", "F", "reversed", "strided", "broadcast", "offset", "rows reversed")
_SPECIAL = (np.nan, np.inf, -np.inf, -0.0, 0.0, 1e300, -1e-310)


@dataclass(frozen=True)
class Argument:
    """One argument.

    Attributes:
        kind: `array`, `float`, `int`, `bool`, `complex`, `scalar`, `dict`, `list`, `tuple`, `settings`, or a way in
            which it is `same` as the first array, or a `view` of it.
        dtype: of its arrays.
        shape: of its arrays.
        layout: how an array lies.
        special: whether some numbers are NaN, infinite, zeros of both signs, huge or tiny.
        changes: whether the third call has another shape.
        seed: of the numbers.
    """

    kind: str
    dtype: str = "f8"
    shape: tuple[int, ...] = ()
    layout: str = "C"
    special: bool = False
    changes: bool = False
    seed: int = 0


def draw_arguments(random: Random) -> tuple[list[Argument], set[str]]:
    """Choose the arguments of a step, and say what is remarkable about them."""
    special = random.random() < 0.12
    wide = random.random() < 0.45  # all of them ordinary arrays of float64: most steps are
    given = [_array(random, special=special, plain=wide) for _ in range(random.randrange(1, 4))]
    features = {f"dtype {a.dtype}" for a in given} | {f"layout {a.layout}" for a in given}
    features |= {"empty" for a in given if 0 in a.shape} | {"0-d" for a in given if not a.shape}
    if special:
        features.add("special numbers")
    if random.random() < 0.12:
        given.append(Argument(random.choice(("same", "view"))))
        features.add("overlap")
    for kind, share in (("float", 0.45), ("int", 0.35), ("bool", 0.1), ("complex", 0.05)):
        if random.random() < share:
            given.append(Argument(kind, seed=random.randrange(1 << 30), special=special))
            features.add(f"argument {kind}")
    for kind in ("scalar", "dict", "list", "tuple", "settings"):
        if random.random() < 0.09:
            dtype, shape = (
                random.choice(("f8", "f8", "f4", "i8", "c16")),
                random.choice(_SHAPES[:4]),
            )
            given.append(Argument(kind, dtype, shape, seed=random.randrange(1 << 30)))
            features.add(f"argument {kind}")
    return given, features


def _array(random: Random, *, special: bool, plain: bool) -> Argument:
    shape = random.choices(_SHAPES, _WEIGHTS)[0]
    return Argument(
        "array",
        "f8" if plain else random.choice(_DTYPES),
        shape,
        "C" if plain and random.random() < 0.7 else random.choice(_LAYOUTS),
        special,
        random.random() < 0.05,
        random.randrange(1 << 30),
    )


def arguments(given: list[Argument] | tuple[Argument, ...], number: int) -> tuple[Any, ...]:
    """Return the arguments of a call: equal in types for every number, mostly, and other in their numbers."""
    made: list[Any] = []
    for a in given:
        rng = np.random.default_rng([a.seed, number])
        first = made[0] if made else None
        made.append(_one(a, rng, number, first))
    return tuple(made)


def _one(a: Argument, rng: np.random.Generator, number: int, first: Any) -> Any:
    if a.kind == "same":
        return first
    if a.kind == "view":
        return first[::-1] if first.ndim else first.reshape(1)
    shape = tuple(n + 1 for n in a.shape) if a.changes and number == 2 else a.shape
    if a.kind == "array":
        return _laid(_numbers(a, rng, shape), a.layout)
    if a.kind == "scalar":
        return _numbers(a, rng, ())[()]
    if a.kind in _PYTHON_NUMBERS:
        return _PYTHON_NUMBERS[a.kind](a, rng, number)
    return _container(a, rng, number, shape)


def _float(a: Argument, rng: np.random.Generator, _: int) -> float:
    drawn = float(rng.normal())
    return float(rng.choice(_SPECIAL)) if a.special and rng.random() < 0.3 else drawn


_PYTHON_NUMBERS: dict[str, Callable[[Argument, np.random.Generator, int], Any]] = {
    "float": _float,
    "int": lambda _, rng, n: int(rng.integers(-2, 5)) if n != 1 else int(rng.integers(0, 4)),
    "bool": lambda _, rng, __: bool(rng.integers(2)),
    "complex": lambda _, rng, __: complex(*rng.normal(size=2)),
}


def _container(a: Argument, rng: np.random.Generator, number: int, shape: tuple[int, ...]) -> Any:
    x, y = _numbers(a, rng, shape), _numbers(a, rng, shape[-1:])
    if a.kind == "settings":
        return {"n": 2, "name": "tanh" if number != 2 else "sin", "rate": 0.5}
    if a.kind == "dict":
        return {"w": x, "b": y, "step": float(rng.normal())}
    return [x, y] if a.kind == "list" else (x, {"inner": y})


def _numbers(a: Argument, rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    dtype = np.dtype(a.dtype)
    if dtype.kind == "b":
        return rng.random(shape) < 0.5
    if dtype.kind in "iu":
        return np.asarray(rng.integers(0 if dtype.kind == "u" else -4, 6, shape)).astype(dtype)
    x = np.asarray(rng.normal(size=shape))
    if dtype.kind == "c":
        x = x + 1j * rng.normal(size=shape)
    x = np.asarray(x, dtype)
    if a.special and x.size:
        with np.errstate(all="ignore"):
            x.reshape(-1)[rng.integers(x.size, size=2)] = rng.choice(_SPECIAL, 2)
    return x


def _laid(x: Any, layout: str) -> Any:
    """Return the same numbers, laid out otherwise."""
    if not x.ndim:
        return x
    if layout == "F":
        return np.asfortranarray(x)
    if layout == "broadcast":
        return np.broadcast_to(x[:1], x.shape) if len(x) else x
    if layout == "reversed":
        return x[..., ::-1].copy()[..., ::-1]
    if layout == "rows reversed":
        return x[::-1].copy()[::-1]
    return _spread(x, layout) if layout in {"strided", "offset"} else x


def _spread(x: Any, layout: str) -> Any:
    """Return the same numbers as a part of a wider array."""
    wide = np.zeros((*x.shape[:-1], 2 * x.shape[-1] + 1), x.dtype)
    part = wide[..., 1::2] if layout == "strided" else wide[..., 1 : x.shape[-1] + 1]
    part[...] = x
    return part
