"""Golden pairs: per pass a text file of programs, each with its graph before the pass and after it.

A block is `# title`, `program | types of its arguments`, the graph before, `->`, the graph after. Of a program that
returns a tuple only the last counts, the others are left unused. Write the first two lines and run the tests with
CHAINRULE_UPDATE_GOLDEN=1 to have the graphs filled in; then read them.
"""

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.compiler.decisions import GUARD
from chainrule.compiler.passes import PASSES
from chainrule.compiler.passes.drop_unused import drop_unused
from chainrule.core.graph import Graph, capture
from chainrule.core.op import FRONTS
from chainrule.core.trace import apply
from chainrule.core.types import array_type

FOLDER = Path(__file__).parents[1] / "golden"
UPDATE = os.environ.get("CHAINRULE_UPDATE_GOLDEN", "") == "1"
ARROW = "->"


@dataclass(frozen=True)
class Pair:
    """One program and the graphs it is expected to give."""

    title: str
    program: str
    types: str
    before: str
    after: str

    def graph(self):
        """Return the graph of the program, with nothing dropped that the pass is to drop."""
        names = {"np": np, "cr": cr, "setitem": FRONTS["setitem"], "FRONTS": FRONTS, "guard": guard}
        f = eval(self.program, names)  # noqa: S307  the text is ours
        graph = capture(f, *map(type_of_text, self.types.split(", ")))
        return Graph(graph.inputs, graph.nodes, graph.outputs[-1:])


def guard(condition):
    """Decide by a truth value, as `if` does while a step is captured."""
    return apply(GUARD, condition, expected=True)


def type_of_text(text):
    """Read `float64[2x3]`, or `float` for a Python number."""
    name, _, sizes = text.partition("[")
    shape = tuple(int(n) for n in sizes.rstrip("]").split("x") if n)
    return array_type(shape, np.dtype(name), weak=name in {"float", "int", "complex"})


def pairs(name):
    """Return the pairs of one pass."""
    blocks = (FOLDER / f"{name}.txt").read_text().strip().split("\n\n")
    return [_pair(block) for block in blocks]


def _pair(block):
    title, head, *rest = block.splitlines()
    program, _, types = head.rpartition(" | ")
    before, _, after = "\n".join(rest).partition(f"\n{ARROW}\n")
    return Pair(title.removeprefix("# "), program, types, before, after)


def transforms():
    """Return every pass by its name, once."""
    return {f.__name__: f for f in PASSES}


def shown(transform, graph):
    """Return the text of a graph after a pass, without what the pass left unused."""
    return str(drop_unused(transform(graph)))


def update():
    """Write the graphs into the files."""
    for name, transform in transforms().items():
        blocks = [
            f"# {p.title}\n{p.program} | {p.types}\n{p.graph()}\n{ARROW}\n{shown(transform, p.graph())}"
            for p in pairs(name)
        ]
        (FOLDER / f"{name}.txt").write_text("\n\n".join(blocks) + "\n")


if UPDATE:
    update()
