"""A random step while it is written: each line is tried on the values at hand, and kept if it ran."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

import numpy as np

_LARGEST, _MOST_ELEMENTS = 1e6, 64
_HUGE = 1e290
"""Beyond lie the special numbers."""
_KEPT_THOUGH_IT_RAISES = 0.015
_ASSIGNED = re.compile(r"^([a-z]\w*)(?:\[[^=]*\])? (?:[-+*/@&|^%]|//|\*\*|<<|>>)?= ")


@dataclass
class Draft:
    """A step that is being written.

    Attributes:
        random: where choices come from.
        values: of the variables in sight, as the first call has them.
        module: what the step's module holds.
        features: what was used.
        lines: written so far.
        noisy: the same with rounding of its own.
        indent: of the next line.
        depth: of blocks.
        names: how many were given.
        is_finite: whether the first call must not meet NaN and infinities.
    """

    random: Random
    values: dict[str, Any]
    module: dict[str, Any]
    features: set[str]
    lines: list[str] = field(default_factory=list)
    noisy: list[str] = field(default_factory=list)
    indent: int = 1
    depth: int = 0
    names: int = 0
    is_finite: bool = True

    def fresh(self) -> str:
        """Return a name that is not taken."""
        self.names += 1
        return f"v{self.names}"

    def chance(self, share: float) -> bool:
        """Say yes in a share of cases."""
        return self.random.random() < share

    def write(self, line: str) -> None:
        """Add a line that is known to run."""
        self.lines.append("    " * self.indent + line)
        self.noisy.append("    " * self.indent + line)

    def round(self, name: str) -> None:
        """Have a variable rounded anew in the noisy step."""
        self.noisy.append("    " * self.indent + f"{name} = _R({name})")

    def attempt(self, line: str, *features: str) -> bool:
        """Add a line if it runs on the values at hand and leaves moderate ones; else mostly not."""
        before = copy.deepcopy(self.values)
        try:
            _executed(line, self.module, self.values)
            is_kept = all(_is_moderate(v, finite=self.is_finite) for v in self.values.values())
        except SyntaxError:  # a method of a negative number
            is_kept = False
        except Exception:  # noqa: BLE001  whatever it raises
            is_kept = self.chance(_KEPT_THOUGH_IT_RAISES)
            features = (*features, "raises")
            if is_kept:
                self.values = before
        if not is_kept:
            self.values = before
            return False
        for part in line.split("\n"):
            self.write(part)
        self.features.update(features)
        assigned = _ASSIGNED.match(line)
        if assigned and assigned[1] in self.values:
            self.round(assigned[1])
        return True


def _executed(line: str, module: dict[str, Any], values: dict[str, Any]) -> None:
    """Run a line in a module, with local variables."""
    names = dict(module)
    names.update(values)
    exec(line, names)  # noqa: S102  the text was made here
    for name, v in names.items():
        if name in values or (name not in module and not name.startswith("__")):
            values[name] = v


def _is_moderate(x: Any, *, finite: bool) -> bool:
    if isinstance(x, (dict, list, tuple)):
        parts = x.values() if isinstance(x, dict) else x
        return len(x) < _MOST_ELEMENTS and all(_is_moderate(v, finite=finite) for v in parts)
    if not isinstance(x, (np.ndarray, np.generic, int, float, complex)):
        return True
    if isinstance(x, int):
        return abs(x) < _LARGEST
    a = np.asarray(x)
    if a.size > _MOST_ELEMENTS or a.dtype.kind not in "fciub":
        return False
    if finite and not np.all(np.isfinite(a)):
        return False
    sizes = np.abs(a[np.isfinite(a)].astype(complex))
    return bool(np.all((sizes < _LARGEST) | (sizes >= _HUGE)))
