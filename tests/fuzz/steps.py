"""Random steps as users write them: typed arrays in every layout, writes, branches, loops, gradients, and calls.

A step is written line by line, and each line is run on the arguments of the first call: a line that raises there, or
gives numbers out of bounds, is mostly dropped. So no shape has to be known beforehand. Between calls the arguments
change, and so does what the module holds; a step therefore takes other branches, and turns loops otherwise.
"""

from __future__ import annotations

import linecache
import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from types import CodeType
from typing import Any, NamedTuple

import numpy as np
from tests.fuzz.step_arguments import Argument, arguments, draw_arguments
from tests.fuzz.step_lines import Draft, write_lines

import chainrule as cr


@dataclass(frozen=True)
class Pair:
    """Two of whatever a step keeps together."""

    first: Any
    second: Any


class Two(NamedTuple):
    """Two of whatever a step keeps together, as a tuple."""

    left: Any
    right: Any


CALLS = 4
_CALLS = (0, 1, 2, 0)
"""Numbers of the sets of arguments of the calls: the last are the first's again."""
_FILE = "step.py"
_PRELUDE = """\
G = np.sin(np.arange(4.0))
RATE = 0.5
TABLE = {"rate": 0.25, "rows": [np.cos(np.arange(3.0)), 2]}

class Model:
    scale = 1.5
MODEL = Model()

def halve(a):
    a *= 0.5

def between(number):
    global G, RATE
    G[number % 4] += 0.25
    RATE = RATE + 0.25
    TABLE["rate"] += 0.5
    if number == 1:
        TABLE["rows"][1] = 3
        MODEL.scale = 0.75
"""


@dataclass(frozen=True)
class StepProgram:
    """A step, how it is compiled, and what it is called with.

    Attributes:
        source: its text.
        noisy: the same with rounding of its own behind every line, see `rounded`.
        features: what it uses.
        given: its arguments.
        options: of `cr.compile`.
    """

    source: str
    noisy: str
    features: frozenset[str]
    given: tuple[Argument, ...]
    options: tuple[tuple[str, tuple[int, ...]], ...]

    def __str__(self) -> str:
        lines = [f"{i}: {a}" for i, a in enumerate(self.given)]
        return "\n".join((self.source, *lines, f"compiled with {dict(self.options)}"))

    def module(self, *, noise: int | None = None) -> dict[str, Any]:
        """Return the step's module, started anew; with its own rounding if a number for it is given."""
        if noise is None:
            return _run(compile(self.source, _FILE, "exec"), self.source)
        names = _run(compile(self.noisy, _FILE, "exec"), self.noisy)
        names["_R"] = rounded(noise)
        return names

    def arguments(self, call: int) -> tuple[Any, ...]:
        """Return the arguments of a call, made anew: copies would not lie as they do, nor share memory."""
        return arguments(self.given, _CALLS[call])


def rounded(seed: int) -> Callable[[Any], Any]:
    """Return what rounds as another order of operations might: it moves numbers by a few units in the last place."""
    rng = np.random.default_rng(seed)

    def moved(x: Any) -> Any:
        if isinstance(x, (tuple, list)) and type(x) in {tuple, list}:
            return type(x)([moved(v) for v in x])
        if isinstance(x, dict):
            return {k: moved(v) for k, v in x.items()}
        if not hasattr(x, "dtype") or x.dtype.kind not in "fc":
            return x
        some = 1 + 4 * np.finfo(x.dtype).eps * rng.uniform(-1, 1, x.shape)
        factor = np.asarray(some, x.real.dtype)[()]
        if isinstance(x, np.ndarray) and x.flags.writeable and x.ndim:
            x *= factor  # in place: other names of the same memory stay so
            return x
        return x * factor if not isinstance(x, np.ndarray) else x

    return moved


def _run(code: CodeType, source: str) -> dict[str, Any]:
    linecache.cache[_FILE] = (len(source), None, source.splitlines(keepends=True), _FILE)
    names: dict[str, Any] = {
        "__name__": "step",
        "np": np,
        "cr": cr,
        "math": math,
        "Pair": Pair,
        "Two": Two,
        "_R": lambda x: x,
    }
    exec(code, names)  # noqa: S102  the text was made here
    return names


def numbered_step(seed: object, number: int) -> StepProgram:
    """Return the step of a number: always the same."""
    random = Random(f"step/{seed}/{number}")  # noqa: S311  nothing secret
    given, features = draw_arguments(random)
    names = [f"a{i}" for i in range(len(given))]
    values = arguments(given, 0)
    module = _run(compile(_PRELUDE, _FILE, "exec"), _PRELUDE)
    draft = Draft(random, dict(zip(names, values, strict=True)), module, set(features))
    draft.is_finite = "special numbers" not in features and random.random() < 0.85
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        write_lines(draft)
    options: list[tuple[str, tuple[int, ...]]] = []
    static = tuple(i for i, a in enumerate(given) if a.kind == "settings")
    donated = tuple(i for i, a in enumerate(given) if a.kind == "array" and random.random() < 0.5)
    if static:
        options.append(("static", static))
    if donated and "overlap" not in features and random.random() < 0.25:
        options.append(("donate", donated))
        draft.features.add("donated")
    header = f"\ndef step({', '.join(names)}):"
    source = "\n".join((_PRELUDE, header, *draft.lines)) + "\n"
    noisy = "\n".join((_PRELUDE, header, *draft.noisy)) + "\n"
    return StepProgram(source, noisy, frozenset(draft.features), tuple(given), tuple(options))


def listing(programs: Sequence[StepProgram]) -> dict[str, int]:
    """Count in how many programs each feature is."""
    found: dict[str, int] = {}
    for p in programs:
        for f in p.features:
            found[f] = found.get(f, 0) + 1
    return dict(sorted(found.items(), key=lambda item: -item[1]))
