"""How gradients fare on their way back: norms per parameter and layer, the bound of sigmoids, growth, updates."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.core.trace import OUTPUT, Node
from chainrule.explanation.run import Run
from chainrule.explanation.units import is_sigmoid
from chainrule.explanation.unreached import why_none

STEEPEST_SIGMOID = 0.25
"""σ'(0), the largest derivative of a sigmoid: n of them pass on a factor of (1/4)ⁿ at most."""

_PRODUCTS = frozenset({"matmul", "einsum", "vecdot", "matvec", "vecmat", "convolve", "conv2d"})
_BENDS = frozenset({"sigmoid", "tanh", "relu", "gelu", "silu", "elu", "softplus", "expit"})
_INDEXED = re.compile(r"^(.*\[\d+\])")
_LAST_PART = re.compile(r"(\.\w+|\[[^\]]*\])$")
_NUMBERED = re.compile(r"[A-Za-z_]+(\d+)(?:'\])?$")


@dataclass(frozen=True)
class Parameter:
    """How one parameter fared.

    Attributes:
        name: its name, or its path in the argument.
        layer: what it is grouped under.
        shape: its shape.
        weight: its norm.
        gradient: the norm of its gradient; None if none arrives.
        sigmoids: the fewest sigmoids on a way from it to the loss.
        bound: (1/4) to the power of that: what the sigmoids pass on at most.
        update: the norm of its update, if there was one.
        reason: why it gets no gradient, or one of zero or NaN; empty where all is well.
    """

    name: str
    layer: str
    shape: tuple[int, ...]
    weight: float
    gradient: float | None
    sigmoids: int
    bound: float
    update: float | None
    reason: str

    @property
    def ratio(self) -> float | None:
        """The size of the update to that of the parameter, near 1e-3 in a training that goes well."""
        if self.update is None:
            return None
        return self.update / self.weight if self.weight else math.inf if self.update else 0.0


@dataclass(frozen=True)
class Layer:
    """The parameters of one layer together: its gradient's norm, and the bound of the sigmoids after it."""

    name: str
    gradient: float
    sigmoids: int
    bound: float


@dataclass(frozen=True)
class Growth:
    """How the gradient grows from layer to layer on its way back.

    Attributes:
        steps: what a layer is here: "products" of matrices, or "activations" where there are none.
        norms: the norm of the cotangent at each, from the loss back; those at the same depth together.
    """

    steps: str
    norms: tuple[float, ...]

    @property
    def rate(self) -> float:
        """The mean factor from one layer to the one before."""
        if len(self.norms) < 2 or not self.norms[0]:
            return 1.0
        return float(self.total ** (1 / (len(self.norms) - 1)))

    @property
    def total(self) -> float:
        """The factor over all layers."""
        return self.norms[-1] / self.norms[0] if self.norms[0] else 1.0


def parameters_of(
    run: Run, paths: Mapping[Node, str], updates: Mapping[Node, Any]
) -> tuple[Parameter, ...]:
    """Measure every input whose gradient is wanted."""
    counts = _sigmoids_ahead(run)
    tape = run.recording.tape
    found = []
    for node in run.wanted:
        g = run.totals.get(node)
        reaches = bool(run.totals) and (node in run.readers or node in run.outputs)
        update = updates.get(node)
        sigmoids = counts.get(node, 0)
        found.append(
            Parameter(
                tape.name(node),
                layer_of(paths[node]),
                node.type.shape,
                norm(node.out),
                (norm(g) if g is not None else 0.0) if reaches else None,
                sigmoids,
                STEEPEST_SIGMOID**sigmoids,
                None if update is None else norm(update),
                why_none(run, node),
            )
        )
    return tuple(found)


def layers_of(parameters: Iterable[Parameter]) -> tuple[Layer, ...]:
    """Put the parameters of each layer together, in their order."""
    groups: dict[str, list[Parameter]] = {}
    for parameter in parameters:
        groups.setdefault(parameter.layer, []).append(parameter)
    return tuple(
        Layer(
            name,
            math.hypot(*(p.gradient or 0.0 for p in group)),
            max(p.sigmoids for p in group),
            min(p.bound for p in group),
        )
        for name, group in groups.items()
    )


def layer_of(path: str) -> str:
    """Return what a parameter is grouped under: an index in its path, a number at its end, or what holds it.

    >>> layer_of("model.layers[0].weight"), layer_of("p['W1']")
    ('model.layers[0]', 'layer 1')
    >>> layer_of("p['last']['scale']"), layer_of("p['tokens']")
    ("p['last']", "p['tokens']")
    """
    match = _INDEXED.match(path)
    if match:
        return match[1]
    match = _NUMBERED.search(path)
    if match:
        return f"layer {match[1]}"
    holder = _LAST_PART.sub("", path)
    return holder if _LAST_PART.search(holder) else path


def growth_of(run: Run) -> Growth | None:
    """Return how the gradient grows along the products on the longest way; None for fewer than two."""
    products = _by_depth(run, _PRODUCTS)
    if len(products) > 1:
        return Growth("products", products)
    bends = _by_depth(run, _BENDS)
    return Growth("activations", bends) if len(bends) > 1 else None


def norm(x: Any) -> float:
    """Return the Euclidean norm of all entries; of small numbers too, whose squares round to 0."""
    array = np.abs(np.ravel(np.asarray(x))).astype(float)
    top = float(array.max()) if array.size else 0.0
    if not np.isfinite(top) or top == 0:
        return top
    return top * float(np.linalg.norm(array / top))


def _by_depth(run: Run, names: frozenset[str]) -> tuple[float, ...]:
    """Return the norms of the cotangents at such ops, together for those with equally many of them ahead."""
    ahead: dict[Node, int] = {}
    norms: dict[int, float] = {}
    for node in reversed(run.order):
        depth = max((ahead[r] for r in run.readers.get(node, ())), default=0)
        if _is_one_of(node, names):
            depth += 1
            g = run.totals.get(node)
            size = norm(g) if g is not None and type(g) is not list else 0.0
            norms[depth] = math.hypot(norms.get(depth, 0.0), size)
        ahead[node] = depth
    return tuple(norms[depth] for depth in sorted(norms))


def _is_one_of(node: Node, names: frozenset[str]) -> bool:
    if node.op is None or node.op is OUTPUT:
        return False
    return node.op.name in names or ("sigmoid" in names and is_sigmoid(node))


def _sigmoids_ahead(run: Run) -> dict[Node, int]:
    """Return the fewest sigmoids on a way from each node to a result, itself left out."""
    counts: dict[Node, int] = {}
    ends = set(run.outputs)
    sigmoids = {n for n in run.order if is_sigmoid(n)}
    for node in reversed(run.order):
        ways: Sequence[int] = [counts[r] + (r in sigmoids) for r in run.readers.get(node, ())]
        counts[node] = 0 if node in ends else min(ways)
    return counts
