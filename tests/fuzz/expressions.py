"""Expressions of the random programs: each gives the source of a value of the shape asked for, tame in size."""

from __future__ import annotations

import math
from collections.abc import Callable

from tests.fuzz.sketch import Shape, Sketch, Variable

_TAME = (
    *("np.sin({})", "np.cos({})", "np.tanh({})", "np.arctan({})", "np.exp(np.tanh({}))"),
    *("np.sqrt(1.5 + np.square({}))", "np.log(2.5 + np.sin({}))", "np.logaddexp({}, 0.3)"),
    *("1 / (1 + np.exp(-{}))", "-{}", "({}) ** 2 / 3", "np.reciprocal(2.0 + np.cos({}))"),
    *("np.hypot({}, 1.2)", "np.multiply({}, 0.7)", "np.expm1(-np.square({}))", "np.sinc({})"),
)
_KINKED = ("np.abs({})", "np.maximum({}, 0.31)", "np.clip({}, -0.7, 0.9)", "np.minimum({}, 0.77)")


def value(sketch: Sketch, shape: Shape, depth: int = 2) -> str:
    """Write an expression of a shape from the variables in sight."""
    if depth <= 0 or sketch.chance(25):
        return fitted(sketch, sketch.any(), shape)
    return sketch.pick(_MAKERS)(sketch, shape, depth - 1)


def number(sketch: Sketch) -> str:
    """Write an expression of one number."""
    return value(sketch, (), 1)


def fitted(sketch: Sketch, variable: Variable, shape: Shape) -> str:
    """Write an expression of a shape that reads the variable."""
    name = variable.name
    if variable.shape == shape:
        return name
    if not variable.is_array:
        return f"({name} * np.ones({shape}))" if shape else name
    if not shape:
        return _one_of(sketch, variable)
    if variable.shape[1:] == shape and sketch.chance(70):
        return f"{name}[{sketch.position(variable.shape[0])}]"
    if variable.size == math.prod(shape) and sketch.chance(70):
        return sketch.pick((f"{name}.reshape({shape})", f"np.reshape({name}, {shape})"))
    sketch.use("fancy read")
    places = sketch.positions(variable.size, math.prod(shape))
    how = sketch.pick(("{0}.ravel()[{1}]", "np.take({0}, {1})", "{0}.flat[{1}]"))
    return how.format(name, places) + f".reshape({shape})"


def _one_of(sketch: Sketch, variable: Variable) -> str:
    """Write one element of an array, or what it is reduced to."""
    if sketch.chance(50):
        places = ", ".join(sketch.position(n) for n in variable.shape)
        return f"{variable.name}[{places}]"
    return _reduction(sketch, variable, ())


def _reduction(sketch: Sketch, variable: Variable, shape: Shape) -> str:
    sketch.use("reduction")
    name = variable.name
    over = [i for i in range(len(variable.shape)) if _without(variable.shape, i) == shape]
    axis = f"axis={sketch.pick(over)}" if over and shape else ""
    both = f"{name}, {axis}" if axis else name
    how = ["np.sum({1})", "np.mean({1})", "np.std({1}, ddof=0) + 0.1", "{0}.mean({2})"]
    how += ["np.prod(np.cos({0}), {2})", "{0}.sum({2})", "np.var({1})", "np.add.reduce({0}, {3})"]
    how += ["np.max({1})", "{0}.min({2})", "np.median({1})", "np.linalg.norm({1})", "np.ptp({1})"]
    every = axis or "axis=None"
    return "(" + sketch.pick(how).format(name, both, axis, every) + ")"


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _unary(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("ufunc")
    return sketch.pick(_KINKED if sketch.chance(8) else _TAME).format(value(sketch, shape, depth))


def _binary(sketch: Sketch, shape: Shape, depth: int) -> str:
    x, y = value(sketch, shape, depth), value(sketch, _broadcastable(sketch, shape), depth)
    if sketch.chance(30):
        x, y = y, x
    how = (
        "({} + {})",
        "({} - {})",
        "np.sin({} * {})",
        "({} / (2.5 + np.cos({})))",
        "np.add({}, {})",
    )
    return sketch.pick(how).format(x, y)


def _broadcastable(sketch: Sketch, shape: Shape) -> Shape:
    """Choose a shape that broadcasts to `shape`, or mostly itself."""
    options = [shape, shape, shape[1:], tuple(1 if sketch.chance(30) else n for n in shape)]
    return sketch.pick(options)


def _with_a_plain_array(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("plain array")
    x = value(sketch, shape, depth)
    if shape and shape[-1] in {3, 4}:
        plain = {3: sketch.pick(("G3", "G33[1]", "G33.T[0]")), 4: "G4"}[shape[-1]]
        return sketch.pick((f"({plain} * {x})", f"({x} - {plain})", f"np.multiply({x}, {plain})"))
    return f"({x} * {sketch.pick(('G3[0]', 'G4[-1]', 'G33[2, 0]'))})"


def _where(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("where")
    a, b = value(sketch, shape, depth), value(sketch, _broadcastable(sketch, shape), depth)
    return f"np.where({fitted(sketch, sketch.any(), shape)} > {sketch.number()}, {a}, {b})"


def _algebra(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("linear algebra")
    if len(shape) == 2:
        n, m = shape
        left, right = value(sketch, (n, 3), depth), value(sketch, (3, m), depth)
        how = ["np.tanh({0} @ {1})", "np.einsum('ij,jk->ik', {0}, {1}) / 3", "np.dot({0}, {1}) / 3"]
        return sketch.pick(how).format(left, right)
    if len(shape) == 1:
        n = shape[0]
        x, a = value(sketch, (n,), depth), value(sketch, (n, n), depth)
        tame = f"(3.0 * np.eye({n}) + np.tanh({a}) / {n})"
        how = ["np.linalg.solve({0}, {1})", "np.linalg.inv({0}) @ {1}", "({1}) @ {0} / 3"]
        return sketch.pick((*how, "np.dot({0}, {1}) / 3")).format(tame, x)
    x, y = value(sketch, (3,), depth), value(sketch, (3,), depth)
    a = f"(3.0 * np.eye(3) + np.tanh({value(sketch, (3, 3), depth)}))"
    how = (
        "np.dot({0}, {1})",
        "np.linalg.det({2}) / 9",
        "np.linalg.norm({0})",
        "({0} @ {2} @ {1}) / 9",
    )
    return sketch.pick(how).format(x, y, a)


def _reordered(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("reordering")
    x = value(sketch, shape, depth)
    if not shape:
        return f"({x} + 0.1)"
    how = ["np.cumsum({0}, axis=-1) / 3", "np.sort({0})", "({0})[::-1]", "np.roll({0}, 1, axis=0)"]
    how += ["np.flip({0})", "np.concatenate([{0}, {0}])[::2]", "np.pad({0}, 1)" + _inner(shape)]
    how += ["np.diff({0}, axis=0, prepend=0.5)", "np.stack([{0}, np.cos({0})]).sum(0)"]
    return sketch.pick(how).format(f"({x})")


def _complex(sketch: Sketch, shape: Shape, depth: int) -> str:
    sketch.use("complex numbers")
    x, y = value(sketch, shape, depth), value(sketch, shape, depth)
    how = [
        "np.abs({0} + 1j * np.cosh({1})) / 3",
        "np.exp(1j * {0}).imag",
        "np.real(({0} + 1j * {1}) ** 2) / 3",
    ]
    how += [
        "np.angle(2.5 + np.tanh({0}) + 1j * {1})",
        "(np.conj({0} + 1j * {1}) * (0.3 - 0.2j)).imag",
    ]
    if shape:
        how += [
            "np.fft.ifft(np.fft.fft({0}) * np.exp(1j * {1})).real",
            "np.abs(np.fft.fft({0}) + 2.5j) / 3",
        ]
    return sketch.pick(how).format(x, y)


def _inner(shape: Shape) -> str:
    return f"[{', '.join(['1:-1'] * len(shape))}]"


def _chosen(sketch: Sketch, shape: Shape, depth: int) -> str:
    """Write fancy and masked reads."""
    sketch.use("fancy read")
    v = sketch.array()
    if not shape:
        mask = f"{v.name} > {sketch.number()}"
        return sketch.pick((f"np.sum({v.name}[{mask}])", f"{v.name}[{mask}].sum()"))
    if shape[1:] == v.shape[1:]:
        return f"{v.name}[{sketch.positions(v.shape[0], shape[0])}]"
    return fitted(sketch, v, shape)


def _reduced(sketch: Sketch, shape: Shape, depth: int) -> str:
    wanted = [v for v in sketch.variables if v.is_array and len(v.shape) == len(shape) + 1]
    wanted = [v for v in wanted if any(_without(v.shape, i) == shape for i in range(len(v.shape)))]
    if not wanted:
        return value(sketch, shape, depth)
    return _reduction(sketch, sketch.pick(wanted), shape)


def _pythonic(sketch: Sketch, shape: Shape, depth: int) -> str:
    """Write with Python's own functions."""
    sketch.use("python")
    v = sketch.array()
    if not shape:
        how = (
            "sum({0}.ravel())",
            "max({0}.ravel())",
            "abs({0}.ravel()[0])",
            "{0}.ravel()[-1].item()",
        )
        return sketch.pick(how).format(v.name)
    if len(shape) == 1:
        items = ", ".join(number(sketch) for _ in range(shape[0]))
        return sketch.pick(
            (f"np.array([{items}])", f"np.array(sorted([{items}]))", f"np.stack([{items}])")
        )
    return value(sketch, shape, depth)


def _with_a_list(sketch: Sketch, shape: Shape, depth: int) -> str:
    """Write with a list of numbers where NumPy takes an array."""
    sketch.use("list as an array")
    count = shape[-1] if shape else sketch.random.randrange(1, 4)
    items = ", ".join(number(sketch) for _ in range(count))
    if not shape:
        how = ("np.sum([{0}])", "np.mean(({0},))", "np.dot([{0}], [{0}]) / 9", "np.max([{0}])")
        return f"({sketch.pick(how).format(items)})"
    x = value(sketch, shape, depth)
    how = ("{1} + [{0}]", "({0},) * np.tanh({1})", "np.where({1} > 0.1, [{0}], {1})")
    how += ("np.add({1}, [{0}])", "np.cumsum([{0}]) / 3 + {1}", "np.sort([{0}]) - {1}")
    return f"({sketch.pick(how).format(items, x)})"


_MAKERS: tuple[Callable[[Sketch, Shape, int], str], ...] = (
    *(_unary, _unary, _binary, _binary, _with_a_plain_array, _where, _algebra),
    *(_reordered, _chosen, _reduced, _pythonic, _complex, _with_a_list),
)
