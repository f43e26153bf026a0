"""`diagnose`: where NaN and infinities were born, and how gradients, units and updates fare."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.autodiff.arguments import like_argument, normalized_argnums
from chainrule.autodiff.reverse import sweep, zeros_for
from chainrule.autodiff.transforms import Argnums
from chainrule.core.cells import type_of
from chainrule.core.trace import Node
from chainrule.errors import ArgumentError, DTypeError, EscapedValueError
from chainrule.explanation import diagnosis_text
from chainrule.explanation.anomalies import Anomaly, is_finite
from chainrule.explanation.chance import Chance, chance_of
from chainrule.explanation.findings import Finding, findings_of
from chainrule.explanation.health import (
    Growth,
    Layer,
    Parameter,
    growth_of,
    layers_of,
    parameters_of,
)
from chainrule.explanation.origins import (
    backward_origin,
    forward_origin,
    harmless_origins,
)
from chainrule.explanation.run import Run
from chainrule.explanation.tape import Tape
from chainrule.explanation.units import Units, units_of
from chainrule.explanation.watching import Recording, watch
from chainrule.ops.elementwise import STRONG_ZERO

_MOST_HARMLESS = 20


@dataclass(frozen=True, eq=False)
class Diagnosis:
    """What `diagnose` found: print it, or read its parts.

    Attributes:
        function: the function's name.
        value: the result, of a function with one; of one with several, such as a training step, a tuple of all.
        forward: the first place in forward order from where NaN or an infinity went into the result.
        backward: the first place in backward order from where one went into a gradient.
        harmless: places of infinities and NaN that the result does not feel, such as a mask of −inf.
        parameters: per array of the differentiated arguments its gradient's norm, and why it has none.
        units: per call of an activation how many units are saturated or dead.
        growth: how the gradient grows from layer to layer.
        chance: the loss of guessing, if the function ends as a classifier does.
        tape: the run, with every value.
    """

    function: str
    value: Any
    forward: Anomaly | None
    backward: Anomaly | None
    harmless: tuple[Anomaly, ...]
    parameters: tuple[Parameter, ...]
    units: tuple[Units, ...]
    growth: Growth | None
    chance: Chance | None
    tape: Tape

    @property
    def origin(self) -> Anomaly | None:
        """The place where the trouble began: forward if there is one, else backward."""
        return self.forward or self.backward

    @property
    def is_finite(self) -> bool:
        """Whether the result and the gradients hold neither NaN nor an infinity."""
        return self.origin is None

    @property
    def layers(self) -> tuple[Layer, ...]:
        """The norms of the gradients per layer: parameters up to the same index, or with the same number."""
        return layers_of(self.parameters)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is worth a line, gravest first."""
        return findings_of(self)

    def records(self) -> list[Anomaly | Finding | Parameter | Units]:
        """Return everything that was found, as data: anomalies, findings, parameters, activations."""
        anomalies = [a for a in (self.forward, self.backward, *self.harmless) if a is not None]
        return [*anomalies, *self.findings, *self.parameters, *self.units]

    def text(self, *, digits: int = 6, width: int | None = None) -> str:
        """Return the diagnosis as text.

        Args:
            digits: significant digits in the tables.
            width: columns of the page; by default no line is cut.
        """
        return diagnosis_text.diagnosis_text(self, digits, width)

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """Return the diagnosis for notebooks: the places, the findings, the table of parameters."""
        return diagnosis_text.diagnosis_html(self)


def diagnose(
    f: Callable[..., Any],
    *args: Any,
    argnums: Argnums = 0,
    has_aux: bool = False,
    strong_zero: bool = False,
    optimizer: Any = None,
    state: Any = None,
    **options: Any,
) -> Diagnosis:
    """Run `f` forward and backward, find the first NaN or infinity of each, and look at the gradient's health.

    NumPy's warnings are silenced while `f` runs; what `np.errstate` was told to raise is raised.

    Args:
        f: returns one real number, a loss; of an array the sum is differentiated. If it returns several values, as a
            training step that takes a gradient itself does, the whole run is searched in the order it happened.
        *args: its arguments.
        argnums: the positional argument, or a tuple of them, whose gradients are looked at, as for `grad`.
        has_aux: whether `f` returns a pair of the loss and anything else.
        strong_zero: as for `grad`.
        optimizer: an optimiser, to measure the update it would make of the argument.
        state: what the optimiser remembers; by default its state before the first step.
        **options: passed to `f` as they are.

    Raises:
        ArgumentError: `f` returned no number, or no argument holds floats.
        DTypeError: the loss is complex.

    Examples:
        >>> import numpy as np
        >>> found = diagnose(
        ...     lambda x: np.sum(np.where(x > 0, np.sqrt(x), 0.0)), np.array([0.0, 4.0])
        ... )
        >>> found.backward.op, found.backward.value, found.backward.pattern
        ('sqrt', np.float64(nan), 'where with a bad branch not taken')
    """
    positions = normalized_argnums("diagnose", argnums, len(args))
    loud = {kind: how for kind, how in np.geterr().items() if how in {"raise", "call", "log"}}
    recording, traced = _recorded(f, args, options, positions, loud)
    tape = recording.tape
    wanted = _wanted(tape, args, traced, positions)
    if not wanted:
        raise ArgumentError.from_no_floats("diagnose", len(args))
    is_step = len(tape.results) > 1 and not has_aux
    outputs = tape.results if is_step else tape.results[:1]
    ends = tuple(dict.fromkeys(n for n in outputs if n is not None))
    totals = {} if is_step or not ends else _totals(recording, ends[0], strong_zero, loud)
    run = Run(recording, ends, () if is_step else wanted, totals)
    value = tape.values if is_step else tape.values[0]
    token = STRONG_ZERO.set(strong_zero or STRONG_ZERO.get())
    try:
        with np.errstate(all="ignore"):
            updates = _updates(run, args, argnums, optimizer, state)
            return Diagnosis(
                tape.function,
                value,
                forward_origin(run),
                None if is_step else backward_origin(run),
                tuple(harmless_origins(run, _MOST_HARMLESS)),
                parameters_of(run, tape.paths, updates),
                tuple(units_of(run)),
                growth_of(run) if totals else None,
                _chance(run, value) if totals else None,
                tape,
            )
    finally:
        STRONG_ZERO.reset(token)


def _recorded(
    f: Callable[..., Any],
    args: Sequence[Any],
    options: Mapping[str, Any],
    positions: Sequence[int],
    loud: Mapping[str, Any],
) -> tuple[Recording, Sequence[int]]:
    """Run `f` with all arguments traced, so that data is followed too; if it converts data, then with those wanted."""
    every = range(len(args))
    with np.errstate(**{"all": "ignore", **loud}):
        try:
            return watch("diagnose", f, args, options, every), every
        except EscapedValueError:
            if len(positions) == len(args):
                raise
        return watch("diagnose", f, args, options, positions), positions


def _wanted(
    tape: Tape, args: Sequence[Any], traced: Sequence[int], positions: Sequence[int]
) -> tuple[Node, ...]:
    """Return the inputs of the arguments at `positions`."""
    inputs = iter(tape.inputs)
    wanted = []
    for i in traced:
        nodes = [next(inputs) for x in tree.leaves(args[i]) if type_of(x).is_inexact]
        if i in positions:
            wanted += nodes
    return tuple(wanted)


def _totals(
    recording: Recording,
    output: Node,
    strong_zero: bool,  # noqa: FBT001
    loud: Mapping[str, Any],
) -> dict[Node, Any]:
    """Return the cotangent of every node, of the sum of the result."""
    t = output.type
    if t.dtype.kind == "c":
        raise DTypeError.from_complex_output("diagnose", t.dtype)
    seed = np.ones(t.shape, t.dtype)[()]
    totals: dict[Node, Any] = {output: seed}
    token = STRONG_ZERO.set(strong_zero or STRONG_ZERO.get())
    inputs = recording.tape.inputs
    try:
        with np.errstate(**{"all": "ignore", **loud}):
            swept = sweep([(output, seed)], inputs, release=False, visit=totals.__setitem__)
    except Exception as error:
        last = next(reversed(totals))
        place = recording.position(last)
        name = "an op" if last.op is None else last.op.name
        error.add_note(
            f"chainrule was in the derivative of {name}{f' at {place}' if place else ''}"
        )
        if isinstance(error, FloatingPointError) or is_finite(recording.tape.values[0]):
            raise
        return {}  # where it began is told all the same, such as at a singular matrix
    finally:
        STRONG_ZERO.reset(token)
    totals.update((n, g) for n, g in zip(inputs, swept, strict=True) if g is not None)
    return totals


def _updates(
    run: Run, args: Sequence[Any], argnums: Argnums, optimizer: Any, state: Any
) -> dict[Node, Any]:
    """Return the update that an optimiser makes of each wanted input."""
    if optimizer is None or not run.totals:
        return {}
    positions = normalized_argnums("diagnose", argnums, len(args))
    nodes = iter(run.wanted)
    gradients, order = [], []
    for i in positions:
        leaves, structure = tree.flatten(args[i])
        found = []
        for leaf in leaves:
            if not type_of(leaf).is_inexact:
                found.append(leaf)
                continue
            node = next(nodes)
            order.append(node)
            g = run.totals.get(node)
            found.append(like_argument(zeros_for(leaf) if g is None else g, leaf))
        gradients.append(tree.unflatten(structure, found))
    is_single = isinstance(argnums, (int, np.integer))
    params = args[positions[0]] if is_single else tuple(args[i] for i in positions)
    gradient = gradients[0] if is_single else tuple(gradients)
    remembered = optimizer.init(params) if state is None else state
    updates, _ = optimizer.update(gradient, remembered, params)
    parts = [
        u
        for u, x in zip(tree.leaves(updates), tree.leaves(params), strict=True)
        if type_of(x).is_inexact
    ]
    return dict(zip(order, parts, strict=True))


def _chance(run: Run, value: Any) -> Chance | None:
    total = np.sum(value).real
    return chance_of(run.order, float(total)) if np.isfinite(total) else None
