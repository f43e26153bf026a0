"""What becomes of a random program when it is compiled: it does what it does eagerly, or there is a mistake of ours."""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from tests.fuzz.from_table import TableProgram
from tests.fuzz.judging import Verdict
from tests.fuzz.program import ARGUMENTS, DIFFERENTIATED, Program

import chainrule as cr
from chainrule.errors import EscapedValueError, NotDifferentiableError

_CLOSE = 1e-8
_NUDGE = 1e-12
_NUDGES = 4
"""A program that moves by more than rounding explains when its arguments are nudged cannot be compared."""
_TIMES = 10
"""Rounding is drawn a few times only: what the compiler moves may be so many times what that moves."""

_REFUSED = {EscapedValueError.__name__, NotDifferentiableError.__name__}
"""The errors of a gradient that would lose a derivative."""

Make = Callable[[], Callable[..., Any]]
"""Gives a function that starts anew: what it keeps between calls is not shared with another."""


def judge_compiled_program(program: Program) -> Verdict:
    """Compile a NumPy program by itself, and with its gradient; the branches taken differ from call to call."""
    calls = [_scaled(c) for c in (1.0, -0.8, 0.3, 1.0)]
    verdict = judge_compiled(program.function, calls)
    if verdict.outcome in {"wrong", "undecided"}:
        return verdict
    gradient = judge_compiled(
        lambda: cr.value_and_grad(program.function(), argnums=DIFFERENTIATED), calls
    )
    return verdict if gradient.outcome == "right" else gradient


def judge_table_program(program: TableProgram) -> Verdict:
    """Compile a program of the table's operations; the last call has the first's arguments."""
    rounding = [replace(program, rounding=n).function for n in range(_NUDGES)]
    return judge_compiled(program.function, [program.arguments(k) for k in (0, 1, 2, 0)], rounding)


def _scaled(factor: float) -> tuple[Any, ...]:
    return tuple(a * factor for a in ARGUMENTS)


def judge_compiled(
    make: Make, calls: Sequence[tuple[Any, ...]], rounding: Sequence[Make] = ()
) -> Verdict:
    """Call a function and its compiled twin one call after the other, and compare all that can be seen of them.

    Results, their dtypes, what happened to the arguments, and the kind of an error must be equal. A step may follow
    what a gradient refuses: traced values that meet methods of plain arrays outside, or are written into such.

    Args:
        make: the function; called twice.
        calls: the arguments of each call.
        rounding: the same function with rounding of its own on its way, of which the arguments tell nothing: a float32
            between numbers of float64.

    Returns:
        `right`, where all of it ran natively; `eager`, where a call ran eagerly, with the reason; `undecided`, where
        nudged arguments change the results more than the compiler did; or `wrong`.
    """
    step = cr.compile(make())
    twin = make()
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, given in enumerate(calls):
            expected, got = _seen(twin, given), _seen(step, given)
            if (
                expected[0] in _REFUSED and not got[0]
            ):  # a plain array outside is an input of a step
                return Verdict("undecided", "a gradient refuses what a step follows")
            why = _unlike(got, expected, _CLOSE)
            if why and _is_delicate(make, calls[: number + 1], got, expected, rounding):
                return Verdict("undecided", why)
            if why:
                return Verdict("wrong", f"call {number}: {why}")
    eager = re.search(r"runs (eagerly: |in parts: )(.*)", step.report())
    if eager is None:
        return Verdict("right")
    return Verdict("eager", eager[2] if eager[1] == "eagerly: " else eager[1] + eager[2])


def _seen(f: Callable[..., Any], given: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return the result or the kind of the error, and the arguments afterwards."""
    given = copy.deepcopy(given)
    try:
        result = f(*given)
    except Exception as error:  # noqa: BLE001  whatever the program raises
        return type(error).__name__, None, given
    return "", result, given


def _is_delicate(
    make: Make,
    calls: Sequence[tuple[Any, ...]],
    got: Any,
    expected: Any,
    rounding: Sequence[Make],
) -> bool:
    """Say whether rounding alone may explain another result of the last call."""
    for other in rounding:
        f = other()
        for given in calls:
            seen = _seen(f, given)
        if _unlike(seen, expected, _distance(got, expected) / _TIMES):
            return True
    rng = np.random.default_rng(5)
    for _ in range(_NUDGES):
        f = make()
        for given in calls:
            seen = _seen(f, tuple(_nudged(a, rng) for a in given))
        if _unlike(seen, expected, _CLOSE / 10):
            return True
    return False


def _distance(got: Any, expected: Any) -> float:
    """Return how far results are apart, relative to the larger of 1 and what was expected; infinite if by kind."""
    if isinstance(expected, tuple | list):
        if type(got) is not type(expected) or len(got) != len(expected):
            return np.inf
        return max((_distance(g, e) for g, e in zip(got, expected, strict=True)), default=0.0)
    if not _unlike(got, expected, 0.0):
        return 0.0
    a, b = np.asarray(got), np.asarray(expected)
    if b.dtype.kind not in "fc" or (a.shape, a.dtype) != (b.shape, b.dtype):
        return np.inf
    apart = np.max(np.abs(a - b), initial=0.0)
    return float(apart / max(1.0, np.max(np.abs(b)))) if np.isfinite(apart) else np.inf


def _nudged(x: Any, rng: np.random.Generator) -> Any:
    if np.asarray(x).dtype.kind not in "fc":
        return x
    moved = x * (1 + _NUDGE * rng.choice([-1.0, 1.0], np.shape(x)))
    return np.asarray(moved, x.dtype) if isinstance(x, np.ndarray) else type(x)(moved)


def _unlike(got: Any, expected: Any, within: float) -> str:
    """Say in what two results differ; empty if in nothing."""
    if isinstance(expected, tuple | list):
        if type(got) is not type(expected) or len(got) != len(expected):
            return f"{got!r} instead of {expected!r}"
        return next(
            filter(None, (_unlike(g, e, within) for g, e in zip(got, expected, strict=True))), ""
        )
    if expected is None or isinstance(expected, str):
        return "" if got == expected else f"{got!r} instead of {expected!r}"
    a, b = np.asarray(got), np.asarray(expected)
    if (a.shape, a.dtype) != (b.shape, b.dtype):
        return f"{a.dtype}{a.shape} instead of {b.dtype}{b.shape}"
    if a.dtype.kind not in "fc":
        same = np.array_equal(a, b, equal_nan=a.dtype.kind in "mM")
        return "" if same else f"{a} instead of {b}"
    within = max(within, 1e4 * float(np.finfo(a.dtype).eps))
    scale = max(1.0, float(np.max(np.abs(b[np.isfinite(b)]), initial=0.0)))
    same = np.isclose(a, b, rtol=within, atol=within * scale, equal_nan=True)
    return "" if np.all(same) else f"{a} instead of {b}"
