"""The known ways in which numbers stop being finite, each with what to write instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, eq=False)
class Case:
    """What a pattern looks at: one op, at the entry where it went wrong.

    Attributes:
        phase: "forward" or "backward".
        op: the op's name; "input" and "constant" for numbers from outside.
        args: the operands at the entry; None for those of an op that does not go element by element.
        out: the result there, None likewise.
        upstream: backward the cotangent of the result there.
        local: backward the derivative there, where it is one number.
        value: what came out: the entry that is not finite.
        before: the ops that made the operands, and those that made theirs, three steps back.
        after: the ops on the way from there to the loss.
        has_finite_operands: whether all the operands are finite, everywhere.
    """

    phase: str
    op: str
    args: tuple[Any, ...] = ()
    out: Any = None
    upstream: Any = None
    local: Any = None
    value: Any = None
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    has_finite_operands: bool = True

    def argument(self, i: int) -> Any:
        """Return an operand at the entry; NaN, which no comparison holds for, where it is not known."""
        x = self.args[i] if i < len(self.args) else None
        return np.nan if x is None else x


@dataclass(frozen=True, eq=False)
class Pattern:
    """A known mistake.

    Attributes:
        name: what it is called.
        phase: "forward", "backward", or "" for both.
        ops: the ops it happens in; none for any.
        holds: whether a case is one.
        rewrite: what to write instead.
    """

    name: str
    phase: str
    ops: tuple[str, ...]
    holds: Callable[[Case], Any]
    rewrite: str

    def fits(self, case: Case) -> bool:
        """Say whether a case is one of these."""
        if self.phase not in {"", case.phase} or (self.ops and case.op not in self.ops):
            return False
        with np.errstate(all="ignore"):
            return bool(self.holds(case))


_LOGARITHMS = ("log", "log2", "log10")
_EXPONENTIALS = ("exp", "exp2", "expm1", "sinh", "cosh")
_POWERS = ("power", "float_power")
_CHOICES = frozenset({"where", "clip", "maximum", "minimum", "fmax", "fmin"})
_SUMS = frozenset(
    {"matmul", "vecdot", "einsum", "sum", "mean", "cumsum", "var", "std", "trapezoid"}
)
"""They have a value wherever their operands are finite; inf - inf of partial sums that overflowed may come out."""
_SQUARES = frozenset({"square", "multiply", "power", "vecdot"})


def _is_inf(x: Any) -> Any:
    return x is not None and np.isinf(x)


def _is_untaken(case: Case) -> bool:
    """A cotangent of exactly zero met an infinite derivative, below a choice."""
    return case.upstream is not None and case.upstream == 0 and "where" in case.after


def _exponent_of_a_sigmoid(case: Case) -> bool:
    return case.after[:2] == ("add", "divide") or case.after[:2] == ("add", "reciprocal")


def _exponent_of_a_softmax(case: Case) -> bool:
    return "divide" in case.after[:3] or case.after[:2] in {("sum", "log"), ("sum", "divide")}


PATTERNS: tuple[Pattern, ...] = (
    Pattern(
        "NaN in an argument",
        "forward",
        ("input", "constant"),
        lambda case: np.isnan(case.value),
        "it was there before the function began. In data: find and fill or drop such rows, np.isnan(x).any(axis=1). "
        "In a parameter: the step before went too far; lower the learning rate or clip the gradient.",
    ),
    Pattern(
        "infinity in an argument",
        "forward",
        ("input", "constant"),
        lambda case: np.isinf(case.value),
        "it was there before the function began. In data: mend or drop the row. In a parameter: the steps before "
        "diverged; lower the learning rate or clip the gradient. In a mask: use a large finite number such as -1e9.",
    ),
    Pattern(
        "where with a bad branch not taken",
        "backward",
        (),
        _is_untaken,
        "the branch that np.where does not take is computed all the same, and 0 · inf is NaN. Make its argument "
        "harmless first, safe = np.where(condition, x, 1.0), and compute with safe; or take the gradient with "
        "strong_zero=True.",
    ),
    Pattern(
        "log of 0",
        "",
        _LOGARITHMS,
        lambda case: case.argument(0) == 0,
        "keep the argument away from 0, np.log(np.maximum(x, 1e-12)); for probabilities take the logarithm of the "
        "scores instead: cr.nn.log_softmax, cr.nn.functional.log_sigmoid, scipy.special.xlogy.",
    ),
    Pattern(
        "log of a negative number",
        "",
        _LOGARITHMS,
        lambda case: case.argument(0) < 0,
        "the argument must be positive: look at what computes it, or use np.log(np.abs(x)) if its size is meant.",
    ),
    Pattern(
        "log1p at −1 or below",
        "",
        ("log1p",),
        lambda case: case.argument(0) <= -1,
        "keep the argument above -1, np.log1p(np.maximum(x, -1 + 1e-12)).",
    ),
    Pattern(
        "square root of a negative number",
        "",
        ("sqrt",),
        lambda case: case.argument(0) < 0,
        "rounding makes a small negative number of a 0: np.sqrt(np.maximum(x, 0.0) + 1e-12).",
    ),
    Pattern(
        "norm at 0",
        "backward",
        ("sqrt",),
        lambda case: case.out == 0 and _SQUARES & set(case.before),
        "the root of a sum of squares has no slope at 0: np.linalg.norm has the gradient 0 there, or add a small "
        "number below the root, np.sqrt(np.sum(x**2) + 1e-12).",
    ),
    Pattern(
        "square root at 0",
        "backward",
        ("sqrt", "cbrt"),
        lambda case: case.out == 0,
        "its slope is infinite at 0: add a small number below the root, np.sqrt(x + 1e-12), or keep zeros out with "
        "np.where before the root.",
    ),
    Pattern(
        "0 divided by 0",
        "forward",
        ("divide", "remainder", "fmod"),
        lambda case: case.argument(0) == 0 and case.argument(1) == 0,
        "give the denominator a floor, x / np.maximum(y, 1e-12), or compute it with np.where(y == 0, 1, y); a mean of "
        "no elements is 0 / 0, too.",
    ),
    Pattern(
        "division by 0",
        "",
        ("divide", "remainder", "fmod"),
        lambda case: case.argument(1) == 0,
        "give the denominator a floor, x / np.maximum(y, 1e-12), or compute with np.where(y == 0, 1, y).",
    ),
    Pattern(
        "division by 0",
        "",
        ("reciprocal",),
        lambda case: case.argument(0) == 0,
        "give the argument a floor, 1 / np.maximum(x, 1e-12).",
    ),
    Pattern(
        "infinity divided by infinity",
        "forward",
        ("divide",),
        lambda case: _is_inf(case.argument(0)) and _is_inf(case.argument(1)),
        "both overflowed: work with logarithms, or subtract the maximum before np.exp, as cr.nn.softmax does.",
    ),
    Pattern(
        "overflow of exp in a sigmoid that is written out",
        "",
        _EXPONENTIALS,
        lambda case: np.isinf(case.out) and _exponent_of_a_sigmoid(case),
        "1 / (1 + np.exp(-x)) has an infinity on the way: cr.nn.sigmoid or scipy.special.expit has none.",
    ),
    Pattern(
        "softmax without its maximum",
        "",
        _EXPONENTIALS,
        lambda case: np.isinf(case.out) and _exponent_of_a_softmax(case),
        "subtract the maximum before the exponential, e = np.exp(x - x.max(axis=-1, keepdims=True)), or use "
        "cr.nn.softmax, cr.nn.log_softmax, cr.nn.logsumexp.",
    ),
    Pattern(
        "overflow of exp",
        "",
        _EXPONENTIALS,
        lambda case: np.isinf(case.out),
        "the argument is too large (above 709 in float64, 88 in float32): bound it, np.exp(np.minimum(x, 80.0)), or "
        "keep working with logarithms, np.logaddexp.",
    ),
    Pattern(
        "0 · inf",
        "forward",
        ("multiply", "matmul", "einsum", "vecdot"),
        lambda case: (
            np.isnan(case.value)
            and (
                (case.argument(0) == 0 and _is_inf(case.argument(1)))
                or (case.argument(1) == 0 and _is_inf(case.argument(0)))
                or not (case.has_finite_operands or case.args)
            )
        ),
        "a mask as a factor does not remove an infinity: choose with np.where(mask, x, 0.0) instead of x * mask, and "
        "scipy.special.xlogy(p, q) instead of p * np.log(q).",
    ),
    Pattern(
        "a row in which everything is masked",
        "forward",
        ("subtract", "add"),
        lambda case: (
            np.isnan(case.value)
            and case.argument(0) == -np.inf
            and (
                case.argument(1) == -np.inf if case.op == "subtract" else np.isinf(case.argument(1))
            )
        ),
        "−inf less its own maximum, −inf, is NaN: leave at least one entry of every row unmasked, mask with a finite "
        "number such as -1e9, or use cr.nn.softmax, which gives such a row probabilities of 0.",
    ),
    Pattern(
        "inf − inf",
        "forward",
        ("subtract", "add", "sum", "matmul", "einsum", "cumsum"),
        lambda case: np.isnan(case.value) and not case.has_finite_operands,
        "two infinities cancel to NaN: mend what makes them.",
    ),
    Pattern(
        "0 to a negative power",
        "forward",
        _POWERS,
        lambda case: case.argument(0) == 0 and case.argument(1) < 0,
        "keep the base away from 0, np.maximum(x, 1e-12) ** p.",
    ),
    Pattern(
        "a negative number to a fractional power",
        "",
        _POWERS,
        lambda case: case.argument(0) < 0,
        "it has no real value: write np.sign(x) * np.abs(x) ** p, or keep the base above 0.",
    ),
    Pattern(
        "power with an exponent below 1 at 0",
        "backward",
        _POWERS,
        lambda case: case.argument(0) == 0,
        "its slope is infinite at 0: keep the base away from 0, np.maximum(x, 1e-12) ** p, or choose with np.where "
        "before the power.",
    ),
    Pattern(
        "inverse sine or cosine outside −1 to 1",
        "forward",
        ("arcsin", "arccos"),
        lambda case: abs(case.argument(0)) > 1,
        "rounding makes 1.0000000000000002 of a cosine: np.arccos(np.clip(x, -1.0, 1.0)).",
    ),
    Pattern(
        "inverse sine or cosine at the border",
        "backward",
        ("arcsin", "arccos"),
        lambda case: abs(case.argument(0)) >= 1,
        "its slope is infinite at −1 and 1: clip to just inside, np.clip(x, -1 + 1e-7, 1 - 1e-7), or compute the angle "
        "with np.arctan2.",
    ),
    Pattern(
        "arctanh at the border or beyond",
        "",
        ("arctanh",),
        lambda case: abs(case.argument(0)) >= 1,
        "it is infinite at −1 and 1: np.arctanh(np.clip(x, -1 + 1e-7, 1 - 1e-7)).",
    ),
    Pattern(
        "arccosh at 1 or below",
        "",
        ("arccosh",),
        lambda case: case.argument(0) <= 1,
        "its argument must be above 1, np.arccosh(np.maximum(x, 1 + 1e-7)).",
    ),
    Pattern(
        "the angle of the origin",
        "backward",
        ("arctan2", "hypot"),
        lambda case: case.argument(0) == 0 and case.argument(1) == 0,
        "at (0, 0) there is no direction: move such points with np.where before the call.",
    ),
    Pattern(
        "logit or logarithm of a probability of 0 or 1",
        "",
        ("logit", "ndtri", "xlogy", "entr", "rel_entr", "kl_div"),
        lambda case: True,
        "keep probabilities inside, np.clip(p, 1e-7, 1 - 1e-7), or work with the scores before the sigmoid.",
    ),
    Pattern(
        "equal eigenvalues or singular values",
        "backward",
        ("eigh", "eig", "svd"),
        lambda case: True,
        "vectors that belong to equal values can be turned freely and have no derivative: use the values alone, or a "
        "function of the matrix that does not depend on the choice.",
    ),
    Pattern(
        "a matrix that is singular",
        "",
        ("inv", "solve", "det", "slogdet", "cholesky", "pinv", "lstsq"),
        lambda case: True,
        "add a small multiple of the identity, A + 1e-6 * np.eye(n), or use np.linalg.pinv.",
    ),
    Pattern(
        "0 · inf",
        "backward",
        (),
        lambda case: case.upstream is not None and case.upstream == 0 and _is_inf(case.local),
        "a cotangent of 0 met an infinite derivative: keep the argument where the derivative is finite, or take the "
        "gradient with strong_zero=True.",
    ),
    Pattern(
        "overflow of the gradient",
        "backward",
        (),
        lambda case: np.isinf(case.value) and case.has_finite_operands and not _is_inf(case.local),
        "the gradient grew from step to step until it left the range of its dtype: scale the weights down, put a "
        "normalisation between, clip the gradient on its way, or compute in float64.",
    ),
    Pattern(
        "overflow",
        "forward",
        (),
        lambda case: (
            case.has_finite_operands
            and (np.isinf(case.value) or (np.isnan(case.value) and case.op in _SUMS))
        ),
        "the result is too large for its dtype: scale the operands down, compute in float64, or work with logarithms; "
        "where the operands are weights that grew, lower the learning rate.",
    ),
    Pattern(
        "outside the domain",
        "forward",
        (),
        lambda case: np.isnan(case.value) and case.has_finite_operands,
        "the function has no value there: clip the operands to where it has one, or choose with np.where before the "
        "call.",
    ),
    Pattern(
        "no finite derivative",
        "backward",
        (),
        lambda case: case.has_finite_operands,
        "the function has no finite derivative there: move the operands off that point by a small number, or choose "
        "with np.where before the call.",
    ),
)
"""In the order they are tried: the particular before the general."""


def pattern_of(case: Case) -> Pattern | None:
    """Return the first pattern that a case fits."""
    return next((pattern for pattern in PATTERNS if pattern.fits(case)), None)
