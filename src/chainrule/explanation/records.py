"""What an explanation says, as data: one record per step of the chain rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explanation.formula import BRIEF, written
from chainrule.explanation.wires import Edge
from chainrule.position import Position


@dataclass(frozen=True, eq=False)
class Line:
    """One step of the chain rule: contribution = upstream · local.

    Attributes:
        op: the op's name.
        name: what its result is called.
        formula: how the result was computed.
        inputs: what the arguments on the way are called.
        values: their values.
        value: the value of the result.
        argument: the argument that this line hands a gradient to.
        local_formula: the derivative of the result with respect to it; for an array step the product that is
            computed, with the upstream gradient as `g`.
        local: that derivative as a number, or an array of one per entry; None where it is a product.
        upstream: the gradient of the outcome with respect to the result.
        contribution: what the argument receives in this step.
        total: what it receives in all steps together: its gradient.
        terms: in how many steps.
        position: the user's line.
        scope: the named part of the program, such as a layer.
    """

    op: str
    name: str
    formula: str
    inputs: tuple[str, ...]
    values: tuple[Any, ...]
    value: Any
    argument: str
    local_formula: str
    local: Any
    upstream: Any
    contribution: Any
    total: Any
    terms: int
    position: Position | None
    scope: str

    @property
    def shapes(self) -> str:
        """The dimensions of the step: `(5, 3) → (5, 10)`, what came from above and what is handed on."""
        return f"{_shapes(self.upstream)} → {np.shape(self.contribution)}"


@dataclass(frozen=True)
class Extent:
    """An array gradient in a few numbers: how long, its extremes, and where the largest entry is."""

    norm: float
    lowest: float
    highest: float
    largest_at: tuple[int, ...]

    @classmethod
    def of(cls, array: Any) -> Extent:
        """Measure an array."""
        x = np.abs(array) if np.iscomplexobj(array) else np.asarray(array)
        if not x.size:
            return cls(0.0, 0.0, 0.0, ())
        place = np.unravel_index(int(np.argmax(np.abs(x))), x.shape)
        return cls(
            float(np.linalg.norm(np.ravel(x))),
            float(x.min()),
            float(x.max()),
            tuple(map(int, place)),
        )


def line_of(edge: Edge, position: Callable[[Any], Position | None]) -> Line:
    """Return the record of one edge."""
    target, source = edge.target, edge.source
    return Line(
        op=edge.op,
        name=written(target.label, BRIEF),
        formula=written(target.formula, BRIEF),
        inputs=tuple(written(e.source.label, BRIEF) for e in target.edges),
        values=tuple(e.source.value for e in target.edges),
        value=target.value,
        argument=written(source.label, BRIEF),
        local_formula=written(edge.formula, BRIEF),
        local=edge.local,
        upstream=target.total,
        contribution=edge.contribution,
        total=source.total,
        terms=len(source.readers),
        position=position(target.node),
        scope=target.node.scope,
    )


def _shapes(x: Any) -> str:
    return ", ".join(str(np.shape(part)) for part in x) if type(x) is tuple else str(np.shape(x))
