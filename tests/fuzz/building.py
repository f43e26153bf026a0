"""Statements of the random programs that make arrays, call, branch and loop."""

from __future__ import annotations

from collections.abc import Callable

from tests.fuzz.expressions import number, value
from tests.fuzz.sketch import SHAPES, Shape, Sketch
from tests.fuzz.statements import STATEMENTS

PLAIN = (("G3", (3,)), ("G4", (4,)), ("G33", (3, 3)))
"""The module's own plain arrays, with their shapes."""


def assign(sketch: Sketch) -> None:
    shape = sketch.pick((*SHAPES, ()))
    code = value(sketch, shape, 3)
    sketch.define(f"{code} + 0.0" if sketch.chance(50) else f"np.array({code})", shape)


def create(sketch: Sketch) -> None:
    shape = sketch.pick(SHAPES)
    made = sketch.pick(("zeros", "empty", "full", "ones", "like", "full_like", "empty"))
    sketch.use(f"np.{'zeros' if made in {'ones', 'like'} else made.partition('_')[0]}")
    if made == "full":
        sketch.define(f"np.full({shape}, {number(sketch)})", shape)
    elif made == "full_like":
        sketch.define(f"np.full_like(np.ones({shape}), {number(sketch)})", shape)
    elif made == "like":
        like = sketch.array()
        sketch.define(f"np.zeros_like({like.name})", like.shape)
    elif made in {"zeros", "ones"}:
        sketch.define(f"np.{made}({shape})", shape)
    else:
        name = sketch.fresh()
        sketch.emit(f"{name} = np.empty({shape}); {name}[:] = {value(sketch, shape)}")
        sketch.know(name, shape)


def convert(sketch: Sketch) -> None:
    how = sketch.pick(("array", "nested", "asarray", "r_", "c_"))
    sketch.use(
        "np.r_ or np.c_" if how.endswith("_") else f"np.{'array' if how == 'nested' else how}"
    )
    n = sketch.random.randrange(2, 5)
    items = ", ".join(number(sketch) for _ in range(n))
    if how == "nested":
        sketch.define(f"np.array([[{items}], [{items}]])", (2, n))
    elif how == "c_":
        sketch.define(f"np.c_[{value(sketch, (n,))}, {value(sketch, (n,))}]", (n, 2))
    elif how == "r_":
        sketch.define(f"np.r_[{value(sketch, (n,))}, {number(sketch)}]", (n + 1,))
    else:
        sketch.define(f"np.{how}([{items}])", (n,))


def build_a_list(sketch: Sketch) -> None:
    sketch.use("list building")
    name, turns, i = sketch.fresh(), sketch.random.randrange(2, 4), sketch.fresh()
    shape: Shape = sketch.pick(((), (3,)))
    if sketch.chance(50):
        sketch.loops.append((i, turns))
        sketch.emit(f"{name} = np.array([{value(sketch, shape)} for {i} in range({turns})])")
        sketch.loops.pop()
    else:
        sketch.emit(f"{name} = []")
        with sketch.block(f"for {i} in range({turns}):"):
            sketch.loops.append((i, turns))
            sketch.emit(f"{name}.append({value(sketch, shape)})")
            sketch.loops.pop()
        sketch.emit(f"{name} = {sketch.pick(('np.array', 'np.stack', 'np.asarray'))}({name})")
    sketch.know(name, (turns, *shape))


def vectorize(sketch: Sketch) -> None:
    sketch.use("vectorize")
    shape = sketch.pick(SHAPES)
    body = sketch.pick(("np.sin(q) * r", "q * r if q > r else q - r", "max(q, 0.4) * 2 + r"))
    x, r = value(sketch, shape), sketch.pick((sketch.number(), number(sketch)))
    sketch.define(f"np.vectorize(lambda q, r: {body}, otypes=[float])({x}, {r})", shape)


def branch(sketch: Sketch) -> None:
    sketch.use("branch")
    with sketch.block(f"if {number(sketch)} > {sketch.number()}:"):
        some(sketch, 2)
    if sketch.chance(60):
        with sketch.block("else:"):
            some(sketch, 2)


def loop(sketch: Sketch) -> None:
    sketch.use("loop")
    turns, i = sketch.random.randrange(2, 4), sketch.fresh()
    if sketch.chance(70):
        with sketch.block(f"for {i} in range({turns}):"):
            sketch.loops.append((i, turns))
            some(sketch, 2)
            sketch.loops.pop()
        return
    sketch.emit(f"{i} = 0")
    with sketch.block(f"while ({i} := {i} + 1) < {turns}:"):
        some(sketch, 2)


def call(sketch: Sketch) -> None:
    """Call a function that writes into its argument."""
    sketch.use("call that writes its argument")
    target = sketch.array()
    sketch.emit(f"bump({target.name}, {number(sketch)})")


def copies(sketch: Sketch) -> None:
    sketch.use("copy")
    source = sketch.array()
    how = (
        "{}.copy()",
        "np.copy({})",
        "copy.deepcopy({})",
        "np.array({})",
        "{}.flatten()",
        "copy.copy({})",
    )
    code = sketch.pick(how)
    shape = (source.size,) if "flatten" in code else source.shape
    sketch.define(code.format(source.name), shape)


def second_name(sketch: Sketch) -> None:
    sketch.use("second name")
    sketch.alias(sketch.array())


def change_a_plain_array(sketch: Sketch) -> None:
    sketch.use("plain array changed after use")
    name, shape = sketch.pick(PLAIN)
    sketch.define(f"{name} * {value(sketch, shape)}", shape)
    how = (
        "{0} += 0.5",
        "{0}[0] = -0.4",
        "np.multiply({0}, -0.8, out={0})",
        "{0}.fill(0.7)",
        "{0}.sort()",
    )
    sketch.emit(sketch.pick(how).format(name))


BUILDERS: tuple[Callable[[Sketch], None], ...] = (
    *(assign, assign, create, create, convert, build_a_list, vectorize, branch, loop),
    *(call, copies, second_name, change_a_plain_array),
)


def some(sketch: Sketch, most: int) -> None:
    """Write up to so many statements; blocks do not nest deeper than two."""
    for _ in range(sketch.random.randrange(1, most + 1)):
        statement = sketch.pick(BUILDERS) if sketch.chance(45) else sketch.pick(STATEMENTS)
        if statement in {branch, loop} and sketch.indent > 2:
            continue
        statement(sketch)
