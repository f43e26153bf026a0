"""Check a gradient against centred differences, parameter by parameter, and say what the difference means."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.arguments import normalized_argnums
from chainrule.autodiff.differences import Slopes, relative_error, slopes_at
from chainrule.autodiff.report import (
    AT_KINK,
    GOOD,
    KINKS,
    NOT_FINITE,
    ROUNDING,
    UNEASY,
    WRONG,
    Report,
    Row,
)
from chainrule.autodiff.transforms import value_and_grad
from chainrule.core.types import type_of_plain
from chainrule.errors import ArgumentError

_LIMITS = {"double": (1e-7, 1e-4, 1e-2), "single": (1e-4, 1e-2, 1e-1)}
"""Relative errors up to which a verdict is good, fine with kinks, uneasy."""
_SHRINKS = 3
"""How often the step is divided by 100 where a kink lies between x - h and x + h and no step was asked for."""


def check_gradients(
    f: Callable[..., Any],
    *args: Any,
    argnums: int | Sequence[int] | None = None,
    step: float | None = None,
    entries: int | None = 5,
    rng: np.random.Generator | None = None,
    tolerance: float | None = None,
    **options: Any,
) -> Report:
    """Compare the gradient of `f` with centred differences `(f(x + h) - f(x - h)) / 2h`.

    A few entries of every parameter are checked, not of all parameters joined: small ones such as biases would never
    be met. A kink is found by comparing the slopes on both sides: that of a smooth function differ in proportion to
    the step. Where one lies between `x - h` and `x + h` a smaller step is tried, unless `step` is given.

    Args:
        f: returns one real number.
        *args: its arguments.
        argnums: which of them to check; by default all that hold nothing but floats.
        step: `h`; by default the cube root of the precision, times the size of the entry where that is above 1.
        entries: how many entries of each parameter: the largest gradient and random others. None checks all.
        rng: chooses the entries.
        tolerance: the relative error up to which `report.ok` holds; by default the usual limits decide: above 1e-2
            is probably wrong, above 1e-4 uneasy, below fine where there are kinks, up to 1e-7 good.
        **options: passed to `f` as they are.

    Returns:
        A report: print it, or ask `report.ok` and `report.rows`.

    Examples:
        >>> import numpy as np
        >>> report = check_gradients(lambda w: np.sum(np.sin(w)), np.array([1.0, 2.0]))
        >>> report.ok, report.rows[0].verdict
        (True, 'good')
    """
    if entries is not None and entries < 1:
        raise ArgumentError.from_range(
            "check_gradients", "entries", entries, "a positive number, or None for all"
        )
    if step is not None and not step > 0:
        raise ArgumentError.from_range("check_gradients", "step", step, "a positive number")
    positions = _positions(args, argnums)
    rng = np.random.default_rng(0) if rng is None else rng
    value, gradients = value_and_grad(f, positions)(*args, **options)
    again = _evaluated(f, args, options)
    rows: list[Row] = []
    names = _names(f, len(args))
    for position, gradient in zip(positions, gradients, strict=True):
        leaves, structure = tree.flatten(args[position])
        paths = tree.paths(args[position], names[position])
        for i, (path, g) in enumerate(zip(paths, tree.leaves(gradient), strict=True)):

            def moved(
                x: Any, i: int = i, position: int = position, given: Any = (leaves, structure)
            ) -> float:
                changed = tree.unflatten(given[1], [*given[0][:i], x, *given[0][i + 1 :]])
                return _evaluated(f, (*args[:position], changed, *args[position + 1 :]), options)

            if np.size(g):
                rows.append(
                    _row(
                        path,
                        moved,
                        leaves[i],
                        np.asarray(g),
                        _chosen(np.asarray(g), entries, rng),
                        step,
                    )
                )
    same = bool(again == value or (np.isnan(again) and np.isnan(value)))
    is_double = all(
        type_of_plain(x).dtype.itemsize >= 8 for p in positions for x in tree.leaves(args[p])
    )
    return Report(tuple(rows), tolerance, same, is_double)


def _positions(args: Sequence[Any], argnums: int | Sequence[int] | None) -> tuple[int, ...]:
    if argnums is None:
        leaves = [tree.leaves(a) for a in args]
        argnums = [
            i for i, xs in enumerate(leaves) if xs and all(type_of_plain(x).is_inexact for x in xs)
        ]
        if not argnums:
            raise ArgumentError.from_no_floats("check_gradients", len(args))
    return normalized_argnums("check_gradients", argnums, len(args))


def _names(f: Callable[..., Any], count: int) -> list[str]:
    """Return what the function calls its positional arguments."""
    names = [f"argument {i}" for i in range(count)]
    try:
        parameters = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return names
    positional = {inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD}
    named = [p.name for p in parameters if p.kind in positional]
    return [*named, *names[len(named) :]][:count]


def _evaluated(f: Callable[..., Any], args: Sequence[Any], options: dict[str, Any]) -> float:
    """Evaluate `f` on copies: it may write to its arguments."""
    copies = [tree.map(lambda x: np.array(x) if isinstance(x, np.ndarray) else x, a) for a in args]
    return float(f(*copies, **options))


def _chosen(
    g: np.ndarray[Any, Any], entries: int | None, rng: np.random.Generator
) -> list[tuple[int, ...]]:
    """Return the entry with the largest gradient and random others, in order."""
    if entries is None or entries >= g.size:
        return list(np.ndindex(g.shape))
    largest = int(np.argmax(np.abs(g)))
    others = np.delete(np.arange(g.size), largest)
    flat = sorted([largest, *rng.choice(others, entries - 1, replace=False).tolist()])
    return [tuple(map(int, np.unravel_index(i, g.shape))) for i in flat]


@dataclass(frozen=True)
class Entry:
    """One entry of one parameter after its check."""

    index: tuple[int, ...]
    analytic: complex
    numeric: complex
    step: float
    has_kink: bool
    verdict: str

    @property
    def error(self) -> float:
        return relative_error(self.analytic, self.numeric)


_SEVERITY = (GOOD, ROUNDING, KINKS, AT_KINK, UNEASY, NOT_FINITE, WRONG)


def _row(
    path: str,
    moved: Callable[[Any], float],
    x: Any,
    g: np.ndarray[Any, Any],
    chosen: Sequence[tuple[int, ...]],
    step: float | None,
) -> Row:
    found = [check_entry(moved, x, g, index, step) for index in chosen]
    worst = max(found, key=lambda e: (_SEVERITY.index(e.verdict), e.error))
    kinks = sum(e.has_kink for e in found)
    return Row(
        path,
        len(found),
        g.size,
        worst.index,
        worst.analytic,
        worst.numeric,
        worst.error,
        worst.step,
        kinks,
        worst.verdict,
    )


def check_entry(
    moved: Callable[[Any], float],
    x: Any,
    g: np.ndarray[Any, Any],
    index: tuple[int, ...],
    step: float | None,
) -> Entry:
    """Compare one entry of a gradient with a centred difference.

    Args:
        moved: takes an array like `x` and returns a number.
        x: where.
        g: the gradient there.
        index: the entry.
        step: of the difference; None chooses one, and a smaller one where a kink lies between.
    """
    array = np.asarray(x)
    precision = float(np.finfo(array.dtype).eps)
    analytic = g[index].item()
    h = step or precision ** (1 / 3) * max(1.0, abs(array[index]))
    has_kink = False
    for _ in range(_SHRINKS + 1):
        slopes = slopes_at(moved, array, index, h, precision)
        has_kink = has_kink or slopes.has_kink
        if step is not None or not slopes.has_kink:
            break
        h /= 100
    verdict = _verdict(analytic, slopes, "double" if precision < 1e-10 else "single")
    return Entry(index, analytic, slopes.central, h, has_kink, verdict)


def _verdict(analytic: complex, slopes: Slopes, precision: str) -> str:
    good, kinks, uneasy = _LIMITS[precision]
    if not np.isfinite(analytic) or not np.isfinite(slopes.central):
        return NOT_FINITE
    error = relative_error(analytic, slopes.central)
    if error <= good:
        return GOOD
    if slopes.has_kink and slopes.allow(analytic):
        return AT_KINK
    if abs(analytic - slopes.central) <= slopes.noise:
        return ROUNDING
    if error < kinks:
        return KINKS
    return UNEASY if error <= uneasy else WRONG
