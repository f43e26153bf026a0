"""`explain`: how a gradient came about, step by step, checked against finite differences."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.autodiff.arguments import normalized_argnums
from chainrule.autodiff.check import Entry, check_entry
from chainrule.core.cells import type_of
from chainrule.core.trace import Node
from chainrule.errors import ArgumentError, DTypeError
from chainrule.explanation import dot, html, latex, notebook, svg, text
from chainrule.explanation.arrays import array_graph
from chainrule.explanation.branches import Options, tree_lines
from chainrule.explanation.chain import Chain, chain
from chainrule.explanation.derive import Flow, flow
from chainrule.explanation.entries import entry_graph
from chainrule.explanation.facts import facts
from chainrule.explanation.paths import Paths, paths_from
from chainrule.explanation.records import Line, line_of
from chainrule.explanation.statements import gradient_symbol
from chainrule.explanation.tape import ListedLevel, Tape, recorded
from chainrule.explanation.user_call import UserCall
from chainrule.explanation.wires import Graph, Wire

_INDEX = re.compile(r"^(?P<name>.*?)\[(?P<index>\s*-?\d+\s*(?:,\s*-?\d+\s*)*)\]$")


class Explanation:
    """How the gradient of one number came about: print it, or read `records()`, `paths()`, `chain()`.

    Attributes:
        tape: the run of the function, with every value.
        value: the number that is explained.
        seed: what the reverse sweep started with.
        outcome: what the number is called.
        graph: the steps, of whole arrays or of single entries.
        facts: reduction, output activation, tie rules.
    """

    def __init__(self, tape: Tape, swept: Flow, call: UserCall, wrt: str | None) -> None:
        self.tape = tape
        self.seed = call.seed
        self.outcome = _outcome(tape, swept.output)
        self._flow = swept
        self._call = call
        self.wrt = wrt
        entry = call.flat_entry(tape.values[0])
        self.value = np.ravel(tape.values[0])[entry].item()
        self.facts = facts(tape, swept.output, swept.order)
        self.starts = self._starts(wrt)
        nodes = self._nodes(wrt)
        if wrt is None:
            self.is_by_entry = _is_scalar_program(swept)
        else:
            self.is_by_entry = len(self.starts) == 1
        self.graph: Graph = (
            entry_graph(tape, swept, entry, self.starts)
            if self.is_by_entry
            else array_graph(tape, swept, nodes)
        )

    @property
    def gradient(self) -> dict[str, Any]:
        """The gradient with respect to every input of the tape, by name; of `grad` the very numbers."""
        return {
            self.tape.name(n): self._flow.totals[n]
            if n in self._flow.totals
            else np.zeros(n.type.shape)[()]
            for n in self.tape.inputs
        }

    @property
    def gradient_by_entry(self) -> dict[str, float]:
        """The gradient as one flat column: the name of every entry of every input, and its number."""
        return {
            f"{name}[{','.join(map(str, index))}]" if index else name: x.item()
            for name, g in self.gradient.items()
            for index, x in np.ndenumerate(g)
        }

    def records(self, argument: str | None = None) -> list[Line]:
        """Return one record per step of the chain rule, in backward order.

        Args:
            argument: only steps that hand a gradient to the value of this name.
        """
        lines = (line_of(edge, self.tape.position) for edge in self.graph.edges)
        return [line for line in lines if argument in {None, line.argument}]

    def forward(self) -> list[Wire]:
        """Return the values on the way, in forward order."""
        return list(self.graph.wires)

    def paths(self, wrt: str | None = None, top: int = 5) -> Paths:
        """Count the paths from an entry to the result, and find the strongest.

        Args:
            wrt: the entry, such as `"W1[0,0]"`; by default the one that is explained.
            top: how many of the strongest.
        """
        graph, wire = self._entry(wrt)
        return paths_from(graph, wire, self.seed, max(top, 1))

    def chain(self, wrt: str | None = None, depth: int = 1) -> Chain:
        """Return the gradient of an entry or an array as one formula, expanded `depth` steps towards the result."""
        graph, wire = self._wire(wrt)
        return chain(wire, graph, depth, self.seed, self.outcome)

    def tree(self, wrt: str | None = None, depth: int | None = None) -> str:
        """Return the gradient of an entry as an indented tree, expanded to `depth`."""
        graph, wire = self._entry(wrt)
        return "\n".join(tree_lines(self.outcome, graph, wire, Options(depth=depth)))

    def gradient_name(self, wire: Wire) -> str:
        """Return how the gradient with respect to a wire is written: `∂f/∂x`."""
        return gradient_symbol(self.outcome, wire, self.graph).name

    @functools.cached_property
    def checks(self) -> tuple[tuple[str, Entry], ...]:
        """Beside each gradient a centred difference: of an array at its largest entry; of inputs only."""
        nodes = self._nodes(self.wrt)
        if not set(nodes) <= set(self.tape.inputs):
            return ()
        found = []
        for node in nodes:
            g = np.asarray(self._flow.totals[node])
            if not g.size:
                continue
            entry = self.starts[0][1] if len(self.starts) == 1 else int(np.argmax(np.abs(g)))
            index = tuple(int(i) for i in np.unravel_index(entry, g.shape))
            name = self.tape.name(node) + (f"[{','.join(map(str, index))}]" if index else "")
            with np.errstate(all="ignore"):
                checked = check_entry(self._call.moved(self.tape, node), node.out, g, index, None)
            found.append((name, checked))
        return tuple(found)

    def text(
        self,
        *,
        digits: int = 6,
        depth: int | None = None,
        paths: bool = False,
        top: int = 5,
        only_nonzero: bool = False,
        width: int | None = None,
        colour: bool = False,
    ) -> str:
        """Return the explanation as text.

        Args:
            digits: significant digits; what they do not show in full follows a `≈`.
            depth: how deep the tree of an entry goes; by default as deep as the program.
            paths: whether the paths of an entry are listed.
            top: how many paths.
            only_nonzero: leave out steps that contribute nothing.
            width: columns of the page; by default lines are as long as they are.
            colour: whether it is for a terminal that shows colours.
        """
        options = Options(digits, depth, paths, top, only_nonzero, width, colour)
        return text.explanation_text(self, options)

    def latex(self, *, digits: int = 6, standalone: bool = False) -> str:
        """Return the chain rule as LaTeX: per gradient a symbolic, a substituted and a numeric line in `align*`."""
        return latex.explanation_latex(self, digits, standalone=standalone)

    def svg(self, view: str = "graph", *, digits: int = 3, example: int = 0) -> str:
        """Return a picture as SVG, with a title and a description for those who cannot see it.

        Args:
            view: `"graph"`: every value above its wire, its gradient below, local derivatives on the edges.
                `"network"`: the layers of neurons, if the function is a chain of them, with what came forward.
                `"reverse"`: the same backwards: a triangle per neuron multiplies by the slope of its activation.
            digits: significant digits.
            example: which example of a batch the network is shown for.

        Raises:
            ArgumentError: there is no such view, or the function is no chain of layers.
        """
        return svg.explanation_svg(self, self._flow, view, digits, example)

    def dot(self, *, digits: int = 3) -> str:
        """Return the graph in the language of Graphviz, its folds as clusters."""
        return dot.explanation_dot(self, digits)

    def html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return a page to step through both passes, with everything in one file that loads nothing from elsewhere.

        Args:
            path: where to write it as well.
        """
        text = html.page(self, self._flow)
        if path is not None:
            Path(path).write_text(text, encoding="utf-8")
        return text

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        """Return the picture and the steps, for notebooks."""
        return notebook.explanation_html(self)

    def _entry(self, wrt: str | None) -> tuple[Graph, Wire]:
        """Return the graph of entries that starts at one entry, and its wire."""
        if wrt is None:
            if not self.is_by_entry or len(self.starts) != 1:
                raise ArgumentError.from_no_entry("explain", list(self.gradient))
            return self.graph, self.graph.wires[0]
        starts = self._starts(wrt)
        if len(starts) != 1:
            raise ArgumentError.from_no_entry("explain", [f"{wrt}[0,0]"])
        entry = self._call.flat_entry(self.tape.values[0])
        graph = entry_graph(self.tape, self._flow, entry, starts)
        return graph, graph.wires[0]

    def _wire(self, wrt: str | None) -> tuple[Graph, Wire]:
        """Return the graph that starts at one entry or one array, and its wire."""
        if wrt is None and self.wrt is None:
            return self._entry(wrt)
        node, index = _found(self.tape, wrt or str(self.wrt))
        if index is not None:
            return self._entry(wrt)
        if node not in self._flow.totals:
            raise ArgumentError.from_no_dependence("explain", self.tape.name(node))
        graph = array_graph(self.tape, self._flow, [node])
        return graph, next(wire for wire in graph.wires if wire.node is node)

    def _nodes(self, wrt: str | None) -> list[Node]:
        """Return the values that are meant: one, or all inputs that the result depends on."""
        if wrt is None:
            return [n for n in self.tape.inputs if n in self._flow.totals]
        return [_found(self.tape, wrt)[0]]

    def _starts(self, wrt: str | None) -> list[tuple[Node, int]]:
        """Return the entries that are meant: all entries of an array, or of all inputs."""
        if wrt is None:
            return [(n, i) for n in self._nodes(None) for i in range(n.type.size)]
        node, index = _found(self.tape, wrt)
        if node not in self._flow.totals:
            self._flow.totals[node] = np.zeros(node.type.shape)[()]  # type: ignore[index]  # it is a dict
        if index is None:
            return [(node, i) for i in range(node.type.size)]
        shape = node.type.shape
        if len(index) != len(shape) or not all(
            -n <= i < n for i, n in zip(index, shape, strict=True)
        ):
            raise ArgumentError.from_index("explain", wrt, shape)
        wrapped = tuple(i % n for i, n in zip(index, shape, strict=True))
        return [(node, int(np.ravel_multi_index(wrapped, shape)))]


def explain(
    f: Callable[..., Any],
    *args: Any,
    wrt: str | None = None,
    entry: int | tuple[int, ...] | None = None,
    argnums: int | Sequence[int] | None = None,
    seed: float = 1.0,
    **options: Any,
) -> Explanation:
    """Run `f`, and explain the gradient of its result: every step with upstream, local derivative and product.

    Args:
        f: returns one real number, or an array of which `entry` chooses one.
        *args: its arguments; floats and arrays of floats in them, in containers too, have gradients.
        wrt: what to explain: an argument, a variable of the function or an entry of one, such as `"W1[0,0]"`. An
            entry is followed number by number. By default every argument.
        entry: which entry of an array result.
        argnums: the arguments to differentiate, by position; the others are constants. By default all of them.
        seed: what the reverse sweep starts with: `∂f/∂f`, or the gradient of something that `f` is a part of.
        **options: passed to `f` as they are.

    Raises:
        ShapeError: the result is an array and `entry` is missing.
        ArgumentError: there is no value of the name `wrt`.

    Examples:
        >>> print(explain(lambda x, y, z: (x + y) * z, -2.0, 5.0, -4.0).chain("x", depth=2))
        ∂f/∂x = z
              = −4
              = −4
    """
    positions = (
        range(len(args)) if argnums is None else normalized_argnums("explain", argnums, len(args))
    )
    tape = recorded("explain", ListedLevel(), f, args, options, positions)
    if len(tape.results) != 1:
        raise ArgumentError.from_no_result("explain", f"container of {len(tape.results)}")
    value = tape.values[0]
    chosen = (entry,) if isinstance(entry, (int, np.integer)) else entry
    call = UserCall(f, args, options, chosen, tuple(positions), seed)
    flat = call.flat_entry(value)
    output = tape.results[0]
    dtype = type_of(value).dtype
    if dtype.kind == "c":
        raise DTypeError.from_complex_output("explain", dtype)
    if output is None:
        raise ArgumentError.from_no_dependence("explain", _listed(tape))
    start = np.zeros(np.size(value), dtype)
    start[flat] = seed
    return Explanation(tape, flow(output, start.reshape(np.shape(value))[()]), call, wrt)


def _listed(tape: Tape) -> str:
    return ", ".join(map(tape.name, tape.inputs)) or "no float"


def _outcome(tape: Tape, output: Node) -> str:
    if output in tape.names and output.op is not None:
        return tape.names[output]
    return tape.function if tape.function.isidentifier() and len(tape.function) <= 12 else "f"


def _is_scalar_program(swept: Flow) -> bool:
    """Say whether all that is computed are numbers; inputs may be arrays that are taken apart."""
    return all(
        n.op is None or (type(n.type) is not tuple and n.type.shape == ()) for n in swept.order
    )


def _found(tape: Tape, wrt: str) -> tuple[Node, tuple[int, ...] | None]:
    """Find a value by its name, with or without an index behind it."""
    node = _named(tape, wrt)
    if node is not None:
        return node, () if not node.type.shape else None
    match = _INDEX.match(wrt)
    node = None if match is None else _named(tape, match["name"])
    if node is None or match is None:
        raise ArgumentError.from_unknown_value("explain", wrt, list(tape.names.values()))
    return node, tuple(int(i) for i in match["index"].split(","))


def _named(tape: Tape, name: str) -> Node | None:
    """Find the node of a name, or of the full path of an input."""
    for names in (tape.names, tape.paths):
        for node, known in names.items():
            if known == name:
                return node
    return None
