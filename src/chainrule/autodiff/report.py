"""The report of a gradient check: a row per parameter, the verdicts, and how it prints."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.markup import table

GOOD = "good"
KINKS = "fine with kinks"
UNEASY = "uneasy"
WRONG = "probably wrong"
AT_KINK = "at a kink"
ROUNDING = "lost in rounding"
NOT_FINITE = "not finite"
_HEAD = ("parameter", "checked", "worst entry", "analytic", "numeric", "error", "verdict")


@dataclass(frozen=True)
class Row:
    """What was found for one parameter; the numbers are those of its worst entry.

    Attributes:
        parameter: its name, such as `w['W1']`.
        checked: how many of its entries were checked.
        size: how many it has.
        index: the worst entry.
        analytic: the gradient there.
        numeric: the centred difference there.
        error: `|analytic - numeric| / max(|analytic|, |numeric|)`; 0 where both are 0.
        step: the step `h` of that difference.
        kinks: at how many of the entries the function has a kink between `x - h` and `x + h`.
        verdict: what the error means.
    """

    parameter: str
    checked: int
    size: int
    index: tuple[int, ...]
    analytic: complex
    numeric: complex
    error: float
    step: float
    kinks: int
    verdict: str


@dataclass(frozen=True)
class Report:
    """The outcome of `check_gradients`; `str()` shows it as a table.

    Attributes:
        rows: one per parameter.
        tolerance: the relative error that was asked for, None for the usual limits.
        is_deterministic: whether two evaluations gave the same number.
        is_double: whether everything was computed in double precision.
    """

    rows: tuple[Row, ...]
    tolerance: float | None
    is_deterministic: bool
    is_double: bool

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the gradient."""
        return self.is_deterministic and all(self._passes(row) for row in self.rows)

    def _passes(self, row: Row) -> bool:
        if row.verdict in {AT_KINK, ROUNDING} or self.tolerance is None:
            return row.verdict not in {UNEASY, WRONG, NOT_FINITE}
        return row.error <= self.tolerance

    def __str__(self) -> str:
        """Return an aligned table with one line per parameter, then what else was noticed."""
        cells = [_HEAD, *self._cells()]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(c.ljust(n) for c, n in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]
        return "\n".join([*lines, *self._notes()])

    def _repr_html_(self) -> str:
        """Return the same as a table of HTML, for notebooks."""
        verdict = "nothing speaks against it" if self.ok else "look at it"
        return table(f"gradient check: {verdict}", _HEAD, list(self._cells()), list(self._notes()))

    def _cells(self) -> Iterator[tuple[str, ...]]:
        for row in self.rows:
            yield (
                row.parameter,
                f"{row.checked} of {row.size}",
                f"[{', '.join(map(str, row.index))}]",
                f"{row.analytic:.9g}",
                f"{row.numeric:.9g}",
                f"{row.error:.2e}",
                row.verdict,
            )

    def _notes(self) -> Iterator[str]:
        yield "error = |analytic - numeric| / max(|analytic|, |numeric|); 0 where both are 0"
        for row in self.rows:
            if row.kinks:
                yield (
                    f"{row.parameter}: a kink between x - h and x + h at {row.kinks} of {row.checked} entries: "
                    "the slopes on both sides differ (a max, relu, abs or where changed its choice). "
                    "A smaller step avoids it, unless x is the kink."
                )
        if any(row.verdict == ROUNDING for row in self.rows):
            yield f"{ROUNDING}: the difference is no larger than the function's rounding; use a larger step."
        if any(row.verdict == NOT_FINITE for row in self.rows):
            yield f"{NOT_FINITE}: the gradient or the function beside it is infinite or NaN there."
        if not self.is_deterministic:
            yield "The function is not deterministic: two calls gave different numbers. Fix the seed."
        if not self.is_double:
            yield "Single precision: the limits are looser. Check in float64, which is about a million times sharper."
