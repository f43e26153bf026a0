"""What a diagnosis has to say in words: each check looks at the numbers and returns what is worth a line."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chainrule.explanation.anomalies import shown
from chainrule.explanation.units import Units, by_line

if TYPE_CHECKING:
    from chainrule.explanation.diagnose import Diagnosis

VANISHED = 1e-3
EXPLODED = 1e3
"""Factors of the gradient over all layers beyond which it has vanished or exploded."""

HARDLY_MOVES = 1e-6
MOVES_TOO_FAR = 0.1
"""Ratios of update to weight that are out of bounds; 1e-3 is a good one."""

_MOST_NAMES = 6
MANY = 0.5
"""The share of saturated or dead units that is worth a line."""


@dataclass(frozen=True)
class Finding:
    """Something worth knowing.

    Attributes:
        subject: what it is about, one word.
        text: what was seen.
        hint: what to do.
    """

    subject: str
    text: str
    hint: str


def findings_of(diagnosis: Diagnosis) -> tuple[Finding, ...]:
    """Return what is worth a line, gravest first."""
    return tuple(finding for check in CHECKS for finding in check(diagnosis))


def _gradientless(diagnosis: Diagnosis) -> Iterator[Finding]:
    every = diagnosis.parameters
    lost = [p.name for p in every if p.gradient is not None and not math.isfinite(p.gradient)]
    if lost:
        text = f"the gradients of {_listed(lost)} are not finite, {len(lost)} of {len(every)}"
        yield Finding("not finite", text, "")
    for parameter in every:
        if parameter.reason and parameter.name not in lost:
            yield Finding("no gradient", f"{parameter.name}: {parameter.reason}", "")


def _exploding(diagnosis: Diagnosis) -> Iterator[Finding]:
    growth = diagnosis.growth
    if growth is not None and growth.total > EXPLODED:
        yield Finding(
            "exploding",
            f"the gradient grows ×{growth.rate:.4g} per layer on its way back, ×{growth.total:.4g} over "
            f"{len(growth.norms)}",
            "clip it (cr.optim.clip_by_global_norm), start with smaller weights, or put a normalisation between.",
        )


def _vanishing(diagnosis: Diagnosis) -> Iterator[Finding]:
    growth = diagnosis.growth
    if growth is not None and growth.total < VANISHED and diagnosis.backward is None:
        deepest = max(diagnosis.parameters, key=lambda p: p.sigmoids, default=None)
        bound = (
            f"; {deepest.sigmoids} sigmoids in a row pass on (1/4)^{deepest.sigmoids} = {deepest.bound:.9g} at most"
            if deepest is not None and deepest.sigmoids
            else ""
        )
        yield Finding(
            "vanishing",
            f"the gradient shrinks ×{growth.rate:.4g} per layer on its way back, ×{growth.total:.4g} over "
            f"{len(growth.norms)}{bound}",
            "use relu or gelu with he_normal weights, residual connections, or normalisation.",
        )


def _saturated(diagnosis: Diagnosis) -> Iterator[Finding]:
    for units in by_line(diagnosis.units):
        if units.kind != "relu" and units.saturated >= MANY:
            low, mean, high = units.slopes
            at = f" at {units.position}" if units.position else ""
            yield Finding(
                "saturated",
                f"{units.kind} {units.name}{at}{_calls(units)}: {units.saturated:.0%} of the entries are saturated; "
                f"slopes {low:.6g} to {high:.6g}, mean {mean:.6g}",
                "smaller weights or inputs, or normalise what goes in.",
            )


def _dead(diagnosis: Diagnosis) -> Iterator[Finding]:
    for units in by_line(diagnosis.units):
        if units.is_judged and units.dead:
            at = f" at {units.position}" if units.position else ""
            yield Finding(
                "dead",
                f"{units.kind} {units.name}{at}{_calls(units)}: {units.dead} of {units.count} units are 0 over the "
                f"whole batch of {units.examples}",
                "a lower learning rate, biases that start above 0, or leaky_relu."
                if units.dead >= MANY * units.count
                else "",
            )


def _chance(diagnosis: Diagnosis) -> Iterator[Finding]:
    chance = diagnosis.chance
    if chance is not None and chance.is_at_chance:
        yield Finding(
            "chance",
            f"the loss {chance.loss:.6g} is at chance level: {chance}",
            "right before the first step; later it means that nothing is learned: look at the learning rate, the "
            "labels, and whether the inputs reach the output.",
        )


def _updates(diagnosis: Diagnosis) -> Iterator[Finding]:
    for parameter in diagnosis.parameters:
        ratio = parameter.ratio
        if ratio is None or not parameter.weight:
            continue
        if ratio > MOVES_TOO_FAR:
            yield Finding(
                "update",
                f"{parameter.name}: the update is {ratio:.4g} of the weight, near 0.001 is usual",
                "lower the learning rate.",
            )
        elif 0 < ratio < HARDLY_MOVES:
            yield Finding(
                "update",
                f"{parameter.name}: the update is {ratio:.4g} of the weight, near 0.001 is usual",
                "raise the learning rate, if the loss does not fall.",
            )


def _harmless(diagnosis: Diagnosis) -> Iterator[Finding]:
    if diagnosis.harmless:
        seen = dict.fromkeys(
            f"{a.op} has {shown(a.value)} at {a.place or a.name}" for a in diagnosis.harmless
        )
        yield Finding("on the way", f"{_listed(list(seen))}; the result does not feel it", "")


def _calls(units: Units) -> str:
    return "" if units.calls == 1 else f", {units.calls} calls"


def _listed(names: list[str]) -> str:
    shown_names = ", ".join(names[:_MOST_NAMES])
    return shown_names if len(names) <= _MOST_NAMES else f"{shown_names} …"


CHECKS: tuple[Callable[[Diagnosis], Iterator[Finding]], ...] = (
    _gradientless,
    _exploding,
    _vanishing,
    _saturated,
    _dead,
    _updates,
    _chance,
    _harmless,
)
"""In the order they are reported."""
