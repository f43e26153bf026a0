"""Random NumPy programs that mix everything users do to arrays: `write_program` makes one from a source of choices."""

from __future__ import annotations

import copy
import linecache
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from types import CodeType
from typing import Any

import numpy as np
from tests.fuzz.building import PLAIN, some
from tests.fuzz.escapes import ESCAPES
from tests.fuzz.sketch import Sketch

_RNG = np.random.default_rng(3)
X, Y, P = (_RNG.uniform(-1.3, 1.3, shape) for shape in ((4,), (3, 3), (3,)))
S = float(_RNG.uniform(0.4, 0.9))
ARGUMENTS = (X, Y, S, P)
DIFFERENTIATED = (0, 1, 2)

_PRELUDE = """\
G3 = np.sin([0.61, -0.44, 0.93])
G4 = np.sin([-0.72, 0.38, 0.86, -1.07])
G33 = np.sin([[0.5, -0.3, 0.8], [1.1, 0.6, -0.9], [-0.2, 0.7, 0.4]])

def bump(a, b):
    a[0] = a[-1] * 0.5 + b
    a[-1] -= b / 3

def program(x, y, s, p):
    global G3, G4, G33
"""
_FILE = "fuzzed.py"
_PERCENT_ESCAPES = 48


@dataclass(frozen=True)
class Program:
    """A program, what it uses, and how to run it.

    Attributes:
        source: its text.
        features: what it uses.
        code: compiled.
    """

    source: str
    features: frozenset[str]
    code: CodeType

    @property
    def escapes(self) -> bool:
        """Whether something in it may have to raise."""
        return any(name in self.features for name, _ in ESCAPES)

    def function(self) -> Callable[..., Any]:
        """Return the program in a module of its own: plain arrays that it has changed start anew."""
        names = {"__name__": "fuzzed", "np": np, "math": math, "copy": copy}
        exec(self.code, names)  # noqa: S102  the text was made here
        return names["program"]  # type: ignore[return-value]  # it defines a function of that name

    def __call__(self, *args: Any) -> Any:
        """Run the program from its start."""
        return self.function()(*args)


def compiled(source: str, features: frozenset[str] = frozenset()) -> Program:
    """Return the program of a text; tracebacks show its lines."""
    linecache.cache[_FILE] = (len(source), None, source.splitlines(keepends=True), _FILE)
    return Program(source, features, compile(source, _FILE, "exec"))


def numbered_program(seed: object, number: int) -> Program:
    """Return the program of a number: always the same."""
    return write_program(Random(f"{seed}/{number}"))  # noqa: S311  nothing secret


def write_program(random: Random) -> Program:
    """Write a program: some statements, perhaps one that would lose the derivative, and a number of all variables."""
    sketch = Sketch(random)
    for name, shape in (("x", X.shape), ("y", Y.shape), ("s", ()), ("p", P.shape)):
        sketch.names += 1
        sketch.know(name, shape)
    escape = sketch.pick(ESCAPES) if sketch.chance(_PERCENT_ESCAPES) else None
    turns = random.randrange(3, 9)
    place = random.randrange(turns)
    for turn in range(turns):
        some(sketch, 2)
        if escape is not None and turn == place:
            sketch.use(escape[0])
            escape[1](sketch)
    terms = [
        f"{(1 + i % 5) / 3:.3f} * np.sum(np.sin({v.name} + {i / 7:.3f} * np.arange({v.size}).reshape({v.shape})))"
        for i, v in enumerate(sketch.variables)
    ]
    plain = [f"np.sum({name})" for name, _ in PLAIN]
    sketch.emit("return (")
    for term in (*terms, *plain):
        sketch.emit(f"    + {term}")
    sketch.emit(")")
    return compiled(_PRELUDE + "\n".join(sketch.lines) + "\n", frozenset(sketch.features))
