"""What becomes of a random program under the transforms: right, raised, or a mistake of ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from tests.closeness import tolerance
from tests.fuzz.program import ARGUMENTS, DIFFERENTIATED, Program

import chainrule as cr
from chainrule.errors import ChainruleError

Outcome = Literal["right", "eager", "raised", "undecided", "invalid", "wrong"]
_STEP = 6e-6
_REAL = np.dtype(float)
_STEEP, _COARSE = 1e4, 1e-4
"""Beyond such gradients a difference must settle by its own scale: chaos has a derivative that no difference finds."""


@dataclass(frozen=True)
class Verdict:
    """What became of a program, and why.

    Attributes:
        outcome: `right`; `eager`, where it was to be compiled and was not; `raised`, by an error of ours at the user's
            line; `undecided`, where central differences do not settle; `invalid`, where NumPy raises and so do we;
            `wrong` is everything else.
        why: what was seen.
    """

    outcome: Outcome
    why: str = ""


def judge(program: Program, *, second_order: bool = False) -> Verdict:
    """Run a program plain and under the transforms, and compare."""
    with np.errstate(all="ignore"):
        return _judge(program, second_order=second_order)


def _judge(program: Program, *, second_order: bool) -> Verdict:
    try:
        expected = program(*_arguments())
    except Exception as error:  # noqa: BLE001  whatever NumPy raises
        return _invalid(program, error)
    if np.ndim(expected) or not np.isfinite(expected):
        return Verdict("undecided", "no finite number")
    return _against_numpy(program, expected, second_order=second_order)


def _against_numpy(program: Program, expected: Any, *, second_order: bool) -> Verdict:
    given = _arguments()
    try:
        got, gradient = cr.value_and_grad(program.function(), argnums=DIFFERENTIATED)(*given)
        moved = [cr.jvp(program.function(), ARGUMENTS[:3], t, p=given[3])[1] for t in _directions()]
    except ChainruleError as error:
        return _raised(error)
    except Exception as error:  # noqa: BLE001  what no user should meet
        return Verdict("wrong", f"{type(error).__name__}: {error}")
    if any(not np.array_equal(a, b) for a, b in zip(given, ARGUMENTS, strict=True)):
        return Verdict("wrong", "an argument of the caller was changed")
    if abs(got - expected) > 1e-9 * max(1.0, abs(expected)):
        return Verdict("wrong", f"value {got}, NumPy's is {expected}")
    return _against_differences(program, gradient, moved, second_order=second_order)


def _arguments() -> tuple[Any, ...]:
    return tuple(np.copy(a) if isinstance(a, np.ndarray) else a for a in ARGUMENTS)


def _directions() -> list[tuple[Any, ...]]:
    rng = np.random.default_rng(7)
    return [tuple(rng.uniform(-1, 1, np.shape(a))[()] for a in ARGUMENTS[:3]) for _ in range(2)]


def _invalid(program: Program, expected: Exception) -> Verdict:
    """NumPy refuses the program: then it must not get a gradient."""
    try:
        cr.grad(program.function(), argnums=DIFFERENTIATED)(*_arguments())
    except Exception:  # noqa: BLE001  any will do
        return Verdict("invalid", f"{type(expected).__name__}: {expected}")
    return Verdict("wrong", f"NumPy raises {type(expected).__name__}: {expected}")


def _raised(error: ChainruleError) -> Verdict:
    text = str(error)
    if "fuzzed.py:" not in text:
        return Verdict("wrong", f"no line of the program in: {text}")
    return Verdict("raised", f"{type(error).__name__}: {text.splitlines()[0]}")


def _against_differences(
    program: Program, gradient: Any, moved: Sequence[Any], *, second_order: bool
) -> Verdict:
    within = tolerance(_REAL, 1, difference=True)
    undecided = False
    for t, forward in zip(_directions(), moved, strict=True):
        reverse = sum(float(np.sum(g * d)) for g, d in zip(gradient, t, strict=True))
        scale = max(1.0, abs(reverse), *(float(np.max(np.abs(g))) for g in gradient))
        if not (np.isfinite(reverse) and np.isfinite(forward)):
            return Verdict("undecided", "the derivative is not finite")
        if abs(forward - reverse) > 1e-7 * scale:
            return Verdict("wrong", f"forward mode {forward}, reverse mode {reverse}")
        wide, narrow = (_difference(program, t, h) for h in (_STEP, _STEP / 4))
        if scale > _STEEP:
            scale, within = max(1.0, abs(narrow)), _COARSE
        if not abs(wide - narrow) <= within * scale:
            undecided = True
        elif abs(reverse - narrow) > 4 * within * scale:
            return Verdict("wrong", f"derivative {reverse}, central difference {narrow}")
    if undecided:
        return Verdict("undecided", "central differences do not settle")
    return _second(program) if second_order else Verdict("right")


def _difference(program: Program | _Slope, t: Sequence[Any], h: float) -> float:
    ends = []
    for sign in (1, -1):
        moved = [a + sign * h * d for a, d in zip(ARGUMENTS[:3], t, strict=True)]
        ends.append(program(*moved, np.copy(ARGUMENTS[3])))
    return float((ends[0] - ends[1]) / (2 * h))


def _second(program: Program) -> Verdict:
    """Compare forward over reverse, reverse over reverse and a difference of gradients."""
    t = _directions()[0]
    wide, narrow = (_difference(_Slope(program), t, h) for h in (4 * _STEP, _STEP))
    try:
        forward = cr.jvp(_Slope(program).function(), ARGUMENTS[:3], t, p=_arguments()[3])[1]
        swept = cr.grad(_Slope(program).function(), argnums=DIFFERENTIATED)(*_arguments())
    except Exception as error:  # noqa: BLE001  at first order there was none
        return Verdict("wrong", f"second order: {type(error).__name__}: {error}")
    reverse = sum(float(np.sum(g * d)) for g, d in zip(swept, t, strict=True))
    scale = max(1.0, abs(reverse), *(float(np.max(np.abs(g))) for g in swept))
    within = tolerance(_REAL, 2, difference=True)
    if not np.isfinite(reverse) or not abs(wide - narrow) <= within * scale:
        return Verdict("undecided", "second differences do not settle")
    if abs(forward - reverse) > 1e-6 * scale:
        return Verdict("wrong", f"second order: forward {forward}, reverse {reverse}")
    if abs(reverse - narrow) > 4 * within * scale:
        return Verdict("wrong", f"second order {reverse}, central difference {narrow}")
    return Verdict("right")


@dataclass(frozen=True)
class _Slope:
    """A program's derivative along a fixed direction, as a program."""

    program: Program

    def function(self) -> Callable[..., Any]:
        """Return it for one run."""
        f, direction = self.program.function(), _directions()[1]

        def slope(x: Any, y: Any, s: Any, p: Any) -> Any:
            gradient = cr.grad(f, argnums=DIFFERENTIATED)(x, y, s, p)
            return sum(np.sum(g * d) for g, d in zip(gradient, direction, strict=True))

        return slope

    def __call__(self, *args: Any) -> Any:
        """Run it from the program's start."""
        return self.function()(*args)
