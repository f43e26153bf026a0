"""Whether a compiled step does what it does eagerly: results, types, written arguments, errors, one call after another.

Numbers may differ by rounding, and how much that is, is measured: the same step is run eagerly with rounding of its own
behind every line, some units in the last place of each value. What the compiler changes has to stay within a multiple
of what that changes, however badly conditioned the step is and whatever precision it computes in on its way.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from tests.fuzz.held import Held, held, taking_all, without_held
from tests.fuzz.judging import Verdict
from tests.fuzz.steps import CALLS, StepProgram

import chainrule as cr

_UNITS = 64
"""Units in the last place of the largest number by which sums and functions differ that are nowhere near delicate."""
_NOISES = 8
_TIMES = 50
"""Rounding is drawn only so often, and the compiler rounds otherwise between a line's operations, too."""

_Seen = tuple[str, Any, tuple[Any, ...]]
"""The kind of an error, the result, the arguments afterwards."""


def judge_held_step(program: StepProgram) -> Verdict:
    """Do the same with the arrays outside of the step."""
    return judge_step(without_held(program), lambda step: held(program, step))


def judge_step(
    program: StepProgram, holding: Callable[[Callable[..., Any]], Held] = taking_all
) -> Verdict:
    """Call a step and its compiled twin alternately, and compare all that can be seen of them."""
    plain, other = program.module(), program.module()
    options = dict(program.options)
    expected_of, got_of = holding(plain["step"]), holding(other["step"])
    step = cr.compile(got_of.step, **options)
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(CALLS):
            expected = _called(expected_of, expected_of.step, program.arguments(number))
            got = _called(got_of, step, program.arguments(number))
            if "donate" in options:
                got, expected = (
                    _without(got, options["donate"]),
                    _without(expected, options["donate"]),
                )
            why = next(differences(got, expected), "")
            if why and not _is_rounding(program, number, got, expected, holding):
                return Verdict("wrong", f"call {number}: {why}")
            plain["between"](number)
            other["between"](number)
    eager = [line for line in step.report().splitlines() if "runs eagerly" in line]
    if eager:
        return Verdict("eager", eager[0].partition(": runs eagerly: ")[2])
    return Verdict("raised", expected[0]) if expected[0] else Verdict("right")


def _called(held: Held, step: Callable[..., Any], arguments: tuple[Any, ...]) -> _Seen:
    """Call a step, and return what is seen of it and of what lies outside."""
    given = held.given(arguments)
    kind, result, given = _seen(step, given)
    return kind, result, (*given, *held.outside())


def _seen(f: Any, given: tuple[Any, ...]) -> _Seen:
    try:
        result = f(*given)
    except Exception as error:  # noqa: BLE001  whatever the step raises
        return type(error).__name__, None, given
    same = [i for i, a in enumerate(given) if a is result and isinstance(a, np.ndarray)]
    return "", (result, same), given


def _without(seen: _Seen, donated: tuple[int, ...]) -> _Seen:
    """Leave out what donated arguments hold, and whether they come back: that is the step's business."""
    kind, result, given = seen
    kept = tuple(a for i, a in enumerate(given) if i not in donated)
    return kind, result and (result[0], []), kept


def differences(got: Any, expected: Any, path: str = "") -> Iterator[str]:
    """Yield what is not equal."""
    if isinstance(expected, (np.ndarray, np.generic)):
        yield from _of_arrays(got, expected, path)
    elif type(got) is not type(expected):
        yield f"{path}: {got!r} instead of {expected!r}"
    elif isinstance(expected, (float, complex)):
        yield from _of_arrays(np.asarray(got), np.asarray(expected), path)
    else:
        found, wanted = _inside(got), _inside(expected)
        if wanted is None or found is None:
            if got != expected:
                yield f"{path}: {got!r} instead of {expected!r}"
        elif list(found) != list(wanted):
            yield f"{path}: {list(found)} instead of {list(wanted)} inside"
        else:
            for place, e in wanted.items():
                yield from differences(found[place], e, f"{path}[{place!r}]")


def _inside(x: Any) -> dict[Any, Any] | None:
    """Return what a container holds by its places; None for anything else."""
    if dataclasses.is_dataclass(x):
        return {f.name: getattr(x, f.name) for f in dataclasses.fields(x)}
    if isinstance(x, dict):
        return x
    return dict(enumerate(x)) if isinstance(x, (tuple, list)) else None


def _of_arrays(got: Any, expected: Any, path: str) -> Iterator[str]:
    if isinstance(got, np.ndarray) is not isinstance(expected, np.ndarray):
        yield f"{path}: {got!r} instead of {expected!r}"
        return
    if (got.shape, got.dtype) != (expected.shape, expected.dtype):
        yield f"{path}: {got.dtype}{got.shape} instead of {expected.dtype}{expected.shape}"
        return
    if expected.dtype.kind not in "fc":
        if not np.array_equal(got, expected):
            yield f"{path}: {got} instead of {expected}"
        return
    if not np.all(_deviation(got, expected) <= _UNITS * np.finfo(expected.dtype).eps):
        yield f"{path}: {got!r} instead of {expected!r}"


def _deviation(got: Any, expected: Any) -> Any:
    """Return how far numbers are apart, relative to the largest; infinite if one is NaN, or a zero's sign differs."""
    a, b = _parts(got), _parts(expected)
    scale = np.max(np.abs(b[np.isfinite(b)]), initial=0.0)
    with np.errstate(all="ignore"):
        apart = np.abs(a - b) / (scale or 1.0)
    same = (a == b) & ((a != 0) | (np.signbit(a) == np.signbit(b))) | (np.isnan(a) & np.isnan(b))
    other = (~same & (a == 0) & (b == 0)) | (~same & ~(np.isfinite(a) & np.isfinite(b)))
    return np.where(same, 0.0, np.where(other, np.inf, apart))


def _parts(x: Any) -> Any:
    """Return the numbers of an array in a row, wide enough for differences; of complex ones, both parts."""
    x = np.ravel(x)
    return np.concatenate([x.real, x.imag] if x.dtype.kind == "c" else [x]).astype(np.float64)


def _is_rounding(
    program: StepProgram,
    number: int,
    got: _Seen,
    expected: _Seen,
    holding: Callable[[Callable[..., Any]], Held],
) -> bool:
    """Say whether the eager step with rounding of its own moves as far as the compiled one did."""
    options = dict(program.options)
    seen: list[_Seen] = []
    for noise in range(_NOISES):
        module = program.module(noise=noise)
        noisy = holding(module["step"])
        for n in range(number + 1):
            moved = _called(noisy, noisy.step, program.arguments(n))
            module["between"](n)
        seen.append(_without(moved, options["donate"]) if "donate" in options else moved)
    return _is_within(got, expected, seen)


def _is_within(got: Any, expected: Any, seen: list[Any]) -> bool:
    """Say whether everything that differs differs by as much among what was seen."""
    is_alike = isinstance(got, np.ndarray) is isinstance(expected, np.ndarray)
    if is_alike and all(isinstance(x, (np.ndarray, np.generic)) for x in (got, expected)):
        return _are_within(got, expected, seen)
    if not next(differences(got, expected), ""):
        return True
    if type(got) is not type(expected) or any(type(s) is not type(expected) for s in seen):
        return any(type(s) is type(got) for s in seen)
    found, wanted, others = _inside(got), _inside(expected), [_inside(s) for s in seen]
    if wanted is None or found is None:
        is_number = isinstance(expected, (float, complex))
        return _are_within(got, expected, seen) if is_number else any(s != expected for s in seen)
    if any(o is None or list(o) != list(wanted) for o in (found, *others)):
        return any(o is not None and list(o) == list(found) for o in others)
    return all(_is_within(found[k], e, [o[k] for o in others if o]) for k, e in wanted.items())


def _are_within(got: Any, expected: Any, seen: list[Any]) -> bool:
    """Say whether numbers differ by as much among what was seen."""
    g, e, others = np.asarray(got), np.asarray(expected), [np.asarray(s) for s in seen]
    kinds = {(o.shape, o.dtype) for o in others}
    if (g.shape, g.dtype) != (e.shape, e.dtype):
        return (g.shape, g.dtype) in kinds
    if kinds != {(e.shape, e.dtype)}:
        return True  # another branch is a rounding away
    if e.dtype.kind not in "fc":
        return np.array_equal(g, e) or any(not np.array_equal(o, e) for o in others)
    spread = np.max([_deviation(o, e) for o in others], axis=0, initial=0.0)
    largest = np.max(spread[np.isfinite(spread)], initial=0.0)
    allowed = np.where(np.isfinite(spread), _TIMES * largest, np.inf)
    return bool(np.all(_deviation(g, e) <= allowed + _UNITS * np.finfo(e.dtype).eps))
